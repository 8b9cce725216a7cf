"""Rule 5, and the ids of word pieces: without the tokenizer where a bound proves the answer, word by word otherwise.

BERT's tokenizer reads a text in three steps. It drops control, format and private characters; it cuts at white space
and around each punctuation mark and each Chinese character; it splits every word for itself. Hence a text's ids are
those of its words, one after another, and each word that holds a character which is kept has at least one.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from itertools import chain, compress, pairwise, repeat
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.filters import Drop, Keep, Rule
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.corpus.words import Words
from unibert_lib.slices import LONGEST, slices

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MINIMUM_PIECES = 5  # paper 3.1
_BRACKETED = re.compile(r"\[\w+\]")
_KNOWN_CHARACTERS = 300_000  # of words: some 12 MB with their ids
_NEW_WORDS = 1_000  # to the tokenizer at a time


def cuts_at_spaces(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the tokenizer is BERT's cased WordPiece, for which rule 5's bounds and :class:`WordIds` are exact.

    Source: ours.
    """
    backend = tokenizer.backend_tokenizer
    steps = (backend.normalizer, backend.pre_tokenizer, backend.model)
    if [type(step).__name__ for step in steps] != ["BertNormalizer", "BertPreTokenizer", "WordPiece"]:
        return False
    how = backend.normalizer
    added = backend.get_added_tokens_decoder().values()
    plain = how.clean_text and how.handle_chinese_chars and not how.lowercase and not how.strip_accents
    return bool(plain) and all(_BRACKETED.fullmatch(token.content) for token in added)


class TooFewPieces:
    """Rule 5 for one tokenizer; see :func:`too_few_pieces`. Over a batch, :mod:`guards` spares it most of its work."""

    __name__ = "too_few_pieces"

    def __init__(self, tokenizer: PreTrainedTokenizerFast, minimum: int) -> None:
        self.minimum, self.tokenizer = minimum, tokenizer
        self.by_word = cuts_at_spaces(tokenizer)
        self.drop = Drop(f"fewer than {minimum} word pieces")

    def __call__(self, text: str) -> Keep | Drop:
        enough = self.proven(text) or len(piece_ids(self.tokenizer, [text])[0]) >= self.minimum
        return Keep(text) if enough else self.drop

    def proven(self, text: str) -> bool:
        """Whether the text's words prove that there are enough pieces."""
        words = text.split(" ", self.minimum - 1) if self.by_word else []
        # Letters and digits are always kept; a word of joiners or private characters alone would be cleaned away.
        return len(words) == self.minimum and all(word[:1].isalnum() for word in words)


def too_few_pieces(tokenizer: PreTrainedTokenizerFast, minimum: int = MINIMUM_PIECES) -> Rule:
    """Rule 5, for one tokenizer: drop a sample of fewer than ``minimum`` word pieces.

    ``[CLS]`` and ``[SEP]`` are not counted.

    Raises
    ------
    ValueError
        If ``minimum`` is less than 1.

    Source: paper 3.1, fifth rule (five pieces, mBERT's tokenizer).
    """
    if minimum < 1:
        raise ValueError(f"minimum = {minimum}: at least one piece is needed; leave the rule out to keep everything")
    return TooFewPieces(tokenizer, minimum)


def piece_ids(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Ids of the word pieces of each text, without special tokens, never truncated.

    A lone surrogate, which no tokenizer takes, is read as U+FFFD; a word of 10 MB is capped.

    Source: ours (RELIABILITY, rows 14 and 15).
    """
    texts = [text if text.isprintable() else LONE_SURROGATE.sub("\ufffd", text) for text in texts]
    if max(map(len, texts), default=0) > LONGEST:
        return [list(chain.from_iterable(piece_ids(tokenizer, [part])[0] for part in slices(text))) for text in texts]
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()  # a call with truncation=True leaves it switched on
    backend.no_padding()
    return [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]


class WordIds:
    """Ids of texts, each word split when it is first met and looked up afterwards.

    The ids are the tokenizer's own, for any tokenizer; only where :func:`cuts_at_spaces` holds are words remembered.
    When these have more than ``known`` characters they are forgotten, so that memory stays flat.

    Source: ours.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, known: int = _KNOWN_CHARACTERS) -> None:
        self.unknown: int = tokenizer.unk_token_id
        self._tokenizer, self._limit = tokenizer, known
        self._words = Words.of(tokenizer) if cuts_at_spaces(tokenizer) else None
        self._known: dict[str, bytes] = {}
        self._size = 0  # characters of the words known

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of all texts, end to end, without special tokens; and how many each text has."""
        if not texts:
            return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int64)
        if self._words is None:
            rows = piece_ids(self._tokenizer, texts)
            return np.array(list(chain.from_iterable(rows)), dtype=np.uint32), np.array(list(map(len, rows)))
        words = " ".join(texts).split(" ")
        if self._size > self._limit:
            self._known.clear()
            self._size = 0
        new = list({*words}.difference(self._known))
        for at in range(0, len(new), _NEW_WORDS):
            self._learn(new[at : at + _NEW_WORDS], self._words)
        pieces = list(map(self._known.__getitem__, words))
        lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces)) // np.dtype(np.uint32).itemsize
        counts = np.fromiter(map(str.count, texts, repeat(" ")), dtype=np.int64, count=len(texts)) + 1
        lengths = np.add.reduceat(lengths, np.cumsum(counts) - counts)
        return np.frombuffer(b"".join(pieces), dtype=np.uint32), lengths

    def _learn(self, words: list[str], how: Words) -> None:
        """Words between spaces: most are the tokenizer's own, or these with marks around them."""
        # A bracket stands for a word that is too long: it is strange too, and the long one is not cut but capped below.
        cut = how.cut([word if len(word) <= LONGEST else "[" for word in words])
        parts = list(compress(cut.words, np.repeat(~cut.strange, cut.counts).tolist()))
        new = list({*parts}.difference(self._known))
        ids, lengths = how.split(new)
        self._remember(new, _shares(ids.tobytes(), lengths * ids.itemsize))
        known = list(map(self._known.__getitem__, parts))
        ends = np.cumsum(np.where(cut.strange, 0, cut.counts)).tolist()
        self._remember(words, [b"".join(known[first:last]) for first, last in pairwise([0, *ends])])
        strange = [words[place] for place in np.flatnonzero(cut.strange).tolist()]
        self._remember(strange, (array("I", row).tobytes() for row in piece_ids(self._tokenizer, strange)))

    def _remember(self, words: list[str], ids: Iterable[bytes]) -> None:
        self._size += sum(map(len, words))
        self._known.update(zip(words, ids, strict=True))


def _shares(joined: bytes, lengths: NDArray[np.int64]) -> list[bytes]:
    return [joined[first:last] for first, last in pairwise([0, *np.cumsum(lengths).tolist()])]
