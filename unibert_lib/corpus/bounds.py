"""How many word pieces a text has, at least and at most, without the tokenizer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.characters import ALONE, SPACE, TABLE_SIZE, kinds_of, table

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast


class Bounds:
    """How many word pieces texts have at least and at most, by BERT's cased WordPiece; few words are split for it.

    A word of the vocabulary is one piece. So is one with a character that no piece holds, or too long a one: ``[UNK]``.
    Any other of known characters is two or more, each no longer than the longest piece with one of these characters.
    Where this does not settle whether a text has ``enough`` pieces, its words of known characters are split.

    Source: ours; tests hold both bounds against the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        vocabulary = tokenizer.get_vocab().keys()
        self._whole = frozenset(vocabulary)
        self._longest_word = tokenizer.backend_tokenizer.model.max_input_chars_per_word
        # By character: the longest piece that holds it; whether it is a piece itself, both first and further on.
        self._reach, single = np.zeros(TABLE_SIZE, dtype=np.int64), np.zeros(TABLE_SIZE, dtype=bool)
        self._longest: dict[str, int] = {}  # by a piece's first character and whether it goes on with a word
        reach: dict[str, int] = {}
        for piece in vocabulary:
            body = piece.removeprefix("##")
            length, first = len(body), piece[: len(piece) - len(body) + 1]
            if self._longest.get(first, 0) < length:
                self._longest[first] = length
            for sign in body:
                if reach.get(sign, 0) < length:
                    reach[sign] = length
        for sign, length in reach.items():
            if ord(sign) < TABLE_SIZE:
                self._reach[ord(sign)], single[ord(sign)] = length, sign in self._whole and f"##{sign}" in self._whole
        self._lost, self._odd = self._reach == 0, ~single
        self._cuts = _cuts(tokenizer.backend_tokenizer) & ((table() & ALONE) == 0)  # inside a word, uncounted

    @staticmethod
    @lru_cache(maxsize=2)
    def of(tokenizer: PreTrainedTokenizerFast) -> Bounds:
        """The bounds of a tokenizer, made once."""
        return Bounds(tokenizer)

    def __call__(self, texts: list[str], enough: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For texts that :func:`unibert_lib.corpus.guards.read` found untouched."""
        joined = "\n".join(texts) + "\n"
        codes, kinds = kinds_of(joined)
        codes = np.minimum(codes.astype(np.int64), TABLE_SIZE - 1)
        breaks = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1) - 1
        outside = (kinds & SPACE).astype(bool)
        outside[breaks] = True
        alone = (kinds & ALONE).astype(bool)
        begins = ~outside
        begins[1:] &= outside[:-1] | alone[:-1] | alone[1:]
        marks = np.flatnonzero(begins | outside)
        is_word = begins[marks]
        starts, ends = marks[is_word], marks[1:][is_word[:-1]]
        lengths, owners = ends - starts, np.searchsorted(breaks, starts)

        def none(table: NDArray[np.bool_]) -> NDArray[np.bool_]:
            """Which words hold no character that the table has."""
            return np.logical_not(np.logical_or.reduceat(table[codes] & ~outside, starts))

        def sums(counts: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.bincount(owners, counts, len(texts)).astype(np.int64)

        words = [joined[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        whole = np.fromiter(map(self._whole.__contains__, words), dtype=bool, count=len(words))
        unknown = ~none(self._lost) | (lengths > self._longest_word)
        split, uncut = ~whole & ~unknown & none(self._odd), none(self._cuts)
        reach = np.maximum.reduceat(np.where(outside, 1, self._reach[codes]), starts)
        least = np.where(split, np.maximum(2, -(-lengths // np.maximum(reach, 1))), 1)
        most = np.where((whole | unknown) & uncut, 1, lengths)
        unsettled = (sums(least) < enough) & (sums(most) >= enough)
        for at in np.flatnonzero(split & uncut & unsettled[owners]).tolist():
            least[at], most[at] = self._split(words[at], enough)
        return sums(least), sums(most)

    def _split(self, word: str, enough: int) -> tuple[int, int]:
        """The least and most pieces of a word of known characters, taken from it as the tokenizer does until enough.

        Each is the longest that fits.
        """
        count = start = 0
        while start < len(word) and count < enough:
            mark = "##" if start else ""
            end = min(len(word), start + self._longest[mark + word[start]])
            while mark + word[start:end] not in self._whole:
                end -= 1
            count, start = count + 1, end
        return count, count + len(word) - start


def _cuts(backend: Tokenizer) -> NDArray[np.bool_]:
    """The characters that the tokenizer makes words of their own, asked of itself: Unicode's versions differ here."""
    signs = [chr(code) for code in range(TABLE_SIZE) if not 0xD800 <= code < 0xE000]
    words = backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str("7".join(["", *signs, ""])))
    found = np.zeros(TABLE_SIZE, dtype=np.bool_)
    found[[ord(word) for word, _ in words if len(word) == 1 and word != "7"]] = True
    return found
