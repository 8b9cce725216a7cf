"""Texts cut into the words of BERT's tokenizer, and words into pieces, without its normaliser, which costs it most.

The normaliser changes or drops few characters; which, it is asked itself, since Unicode's versions differ. Texts of all
others are cut at spaces and around the characters that make words of their own, and WordPiece does the rest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import WhitespaceSplit

from unibert_lib.corpus.characters import SPACE, TABLE_SIZE, codes_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_AT_A_TIME = 4_096  # characters that the tokenizer is asked for: all at once would leave tens of MB behind
ALONE, STRANGE = 1, 2  # a word of its own; what the normaliser changes, or what may begin a special token


class Cut(NamedTuple):
    """The words of some texts, in order."""

    words: list[str]
    counts: NDArray[np.int64]  # by text: how many words it has
    strange: NDArray[np.bool_]  # by text: whether its words are not certain
    codes: NDArray[np.int64]  # of all characters, one more between two texts; at most ``TABLE_SIZE - 1``
    starts: NDArray[np.int64]  # of the words among these
    ends: NDArray[np.int64]


class Words:
    """Cuts and splits as one tokenizer does, for which :func:`wordpieces.cuts_at_spaces` holds.

    Source: ours; tests hold both against the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        backend = tokenizer.backend_tokenizer
        self.vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._kinds = kinds(backend)
        self._model = Tokenizer(backend.model)  # shared, not copied
        self._model.pre_tokenizer = WhitespaceSplit()
        self._goes_on = np.zeros(max(self.vocabulary.values()) + 1, dtype=bool)
        self._goes_on[[number for piece, number in self.vocabulary.items() if piece.startswith("##")]] = True

    @staticmethod
    @lru_cache(maxsize=2)
    def of(tokenizer: PreTrainedTokenizerFast) -> Words:
        """The words of a tokenizer, its tables made once."""
        return Words(tokenizer)

    def cut(self, texts: list[str]) -> Cut:
        """Cut texts into words; those of a strange text are not to be trusted."""
        joined = " ".join(texts) + " "
        codes = np.minimum(codes_of(joined).astype(np.int64), TABLE_SIZE - 1)
        kind = self._kinds[codes]
        breaks = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
        outside, alone = kind == SPACE, kind == ALONE
        begins = ~outside
        begins[1:] &= outside[:-1] | alone[:-1] | alone[1:]
        marks = np.flatnonzero(begins | outside)
        is_word = begins[marks]
        starts, ends = marks[is_word], marks[1:][is_word[:-1]]
        words = [joined[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        counts = np.diff(np.searchsorted(starts, breaks), prepend=0)
        strange = np.diff(np.searchsorted(np.flatnonzero(kind == STRANGE), breaks), prepend=0) > 0
        return Cut(words, counts, strange, codes, starts, ends)

    def split(self, words: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of the pieces of words, end to end, and how many each word has."""
        if not words:
            return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int64)
        [encoding] = self._model.encode_batch_fast([" ".join(words)], add_special_tokens=False)
        ids = np.array(encoding.ids, dtype=np.uint32)
        return ids, np.diff(np.flatnonzero(~self._goes_on[ids]), append=len(ids))


def kinds(backend: Tokenizer) -> NDArray[np.uint8]:
    """The class of each character by its code; the last entry stands for all that follow."""
    found = np.full(TABLE_SIZE, STRANGE, dtype=np.uint8)
    for start in range(0, TABLE_SIZE - 1, _AT_A_TIME):
        codes = range(start, min(start + _AT_A_TIME, TABLE_SIZE - 1))
        signs = [chr(code) for code in codes if not 0xD800 <= code < 0xE000 and code != ord("7")]
        normal = backend.normalizer.normalize_str("7".join(["", *signs, ""])).split("7")[1:-1]
        words = backend.pre_tokenizer.pre_tokenize_str("7".join(["", *normal, ""]))
        found[[ord(sign) for sign, becomes in zip(signs, normal, strict=True) if becomes.strip(" ") == sign]] = 0
        found[[ord(word) for word, _ in words if len(word) == 1 and word != "7"]] = ALONE
    found[ord(" ")], found[ord("7")], found[ord("[")] = SPACE, 0, STRANGE
    return found
