"""How many word pieces a text has, at least and at most, most of its words unsplit."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.characters import TABLE_SIZE
from unibert_lib.corpus.words import Words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_ENDLESS = 1 << 40  # pieces: of a text whose words are not certain


class Bounds:
    """How many word pieces texts have at least and at most, by BERT's cased WordPiece; few words are split for it.

    A word of the vocabulary is one piece. So is one with a character that no piece holds, or too long a one: ``[UNK]``.
    Any other word has two pieces at least if each of its characters is a piece wherever it stands, else one; and since
    no piece is longer than the longest that holds the same character, each character is that share of a piece at least.
    Where this does not settle whether a text has ``enough`` pieces, its words are split.

    Source: ours; tests hold both bounds against the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._words = Words.of(tokenizer)
        self._whole = vocabulary = self._words.vocabulary
        self._longest_word = tokenizer.backend_tokenizer.model.max_input_chars_per_word
        longest: dict[str, int] = {}  # by character: the longest piece that holds it
        for piece in vocabulary:
            body = piece.removeprefix("##")
            for sign in body:
                if longest.get(sign, 0) < len(body):
                    longest[sign] = len(body)
        # By character: whether no piece holds it; whether it is not a piece itself, both first and further on; what
        # share of a piece it is at least.
        self._lost, self._odd = np.ones(TABLE_SIZE, dtype=bool), np.ones(TABLE_SIZE, dtype=bool)
        self._share = np.zeros(TABLE_SIZE)
        for sign, length in longest.items():
            if ord(sign) < TABLE_SIZE:
                self._lost[ord(sign)], self._share[ord(sign)] = False, 1 / length
                self._odd[ord(sign)] = sign not in vocabulary or f"##{sign}" not in vocabulary
        self._lost[ord(" ")] = self._odd[ord(" ")] = False  # of what stands between two words nothing is asked

    @staticmethod
    @lru_cache(maxsize=2)
    def of(tokenizer: PreTrainedTokenizerFast) -> Bounds:
        """The bounds of a tokenizer, made once."""
        return Bounds(tokenizer)

    def __call__(self, texts: list[str], enough: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A text that the tokenizer's normaliser might change has 0 to very many."""
        cut = self._words.cut(texts)
        if not cut.words:
            return np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
        lost = np.logical_or.reduceat(self._lost[cut.codes], cut.starts)
        odd = np.logical_or.reduceat(self._odd[cut.codes], cut.starts)
        shares = np.add.reduceat(self._share[cut.codes], cut.starts)
        lengths, owners = cut.ends - cut.starts, np.repeat(np.arange(len(texts)), cut.counts)
        whole = np.fromiter(map(self._whole.__contains__, cut.words), dtype=bool, count=len(cut.words))
        one = whole | lost | (lengths > self._longest_word)
        least = np.where(one | odd, 1, np.maximum(2, np.ceil(shares - 1e-6)).astype(np.int64))
        most = np.where(one, 1, lengths)

        def sums(counts: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.bincount(owners, counts, len(texts)).astype(np.int64)

        unsettled = (sums(least) < enough) & (sums(most) >= enough) & ~cut.strange
        open_words = np.flatnonzero(unsettled[owners] & (least < most))
        least[open_words] = most[open_words] = self._words.split([cut.words[place] for place in open_words.tolist()])[1]
        return np.where(cut.strange, 0, sums(least)), np.where(cut.strange, _ENDLESS, sums(most))
