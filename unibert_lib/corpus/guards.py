"""The rules over a batch: most samples are proven untouched, a whole batch at a time; the rest meets the plain rules.

A rule costs microseconds a sample, and most samples need none of the five. Each character has a class, read from a
table; a sample whose characters and neighbours are of harmless classes is what rules 1 to 4 would answer, unchanged.
Every doubt is decided by the rule itself, so that the answers are the plain rules' answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.filters import RULES, RULES_WITHOUT_JOINERS, Drop, Rule, rule_name
from unibert_lib.corpus.wordpieces import TooFewPieces, piece_ids

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_DOUBT, _DIGIT, _LETTER, _SPACE, _ALONE, _MARK = 1, 2, 4, 8, 16, 32
TABLE_SIZE = 0x20000  # characters above are rare, and doubted
# What may stand in an ISBN with its label, so that a letter of it proves nothing about rule 2.
_ISBN_LETTER = re.compile("[eisbnxردمكشابک]", re.IGNORECASE)
# What BERT makes words of their own: the punctuation of ASCII, and Chinese characters. Punctuation beyond ASCII is too,
# by a table that differs between versions of Unicode: it goes uncounted. So do [ and ], since "[SEP]" is one piece.
_CUT_OFF = re.compile("[!-/:-@\\\\^-`{-~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Dropped:
    """A sample that went: as the rule saw it, the rule's name and its reason."""

    text: str
    rule: str
    reason: str


def apply(rules: Sequence[Rule], texts: Sequence[str]) -> list[str | Dropped]:
    """Apply the rules in order to each text: the text that is kept, or the rule that dropped it.

    Source: paper 3.1; the guards are ours, and change no answer.
    """
    answers: list[str | Dropped] = list(texts)
    first = np.zeros(len(texts), dtype=np.int64)  # the first rule that each sample still needs
    if texts and tuple(rules[:4]) in (RULES, RULES_WITHOUT_JOINERS):
        untouched, pieces = read(texts)
        first[untouched] = 4
        rule = rules[4] if len(rules) > 4 else None
        if isinstance(rule, TooFewPieces) and rule.by_word:
            enough = untouched & (pieces >= rule.minimum)
            few = np.flatnonzero(untouched & ~enough)
            enough[few] = _enough_pieces(rule, [texts[place] for place in few.tolist()])
            first[enough] = 5
            for place in np.flatnonzero(untouched & ~enough).tolist():
                answers[place], first[place] = Dropped(texts[place], rule_name(rule), rule.drop.reason), len(rules)
    for place in np.flatnonzero(first < len(rules)).tolist():
        answers[place] = _plainly(rules[first[place] :], texts[place])
    return answers


def _enough_pieces(rule: TooFewPieces, texts: list[str]) -> NDArray[np.bool_]:
    """Rule 5 for texts that rules 1 to 4 leave alone: by bounds, and the tokenizer for what these leave open."""
    if not texts:
        return np.zeros(0, dtype=bool)
    least, most = Bounds.of(rule.tokenizer)(texts)
    enough = least >= rule.minimum
    unsure = np.flatnonzero(~enough & (most >= rule.minimum))
    enough[unsure] = [
        len(ids) >= rule.minimum for ids in piece_ids(rule.tokenizer, [texts[i] for i in unsure.tolist()])
    ]
    return enough


def _plainly(rules: Sequence[Rule], text: str) -> str | Dropped:
    for rule in rules:
        answer = rule(text)
        if isinstance(answer, Drop):
            return Dropped(text, rule_name(rule), answer.reason)
        text = answer.text
    return text


def read(texts: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which texts rules 1 to 4 certainly leave as they are, and a lower bound on the word pieces of those.

    Source: ours; tests hold both against the plain rules and the tokenizer.
    """
    untouched, pieces = np.zeros(len(texts), dtype=bool), np.zeros(len(texts), dtype=np.int64)
    ascii_only = np.fromiter(map(str.isascii, texts), dtype=bool, count=len(texts))
    for group in (np.flatnonzero(ascii_only), np.flatnonzero(~ascii_only)):
        if len(group):
            untouched[group], pieces[group] = _read([texts[place] for place in group.tolist()])
    return untouched, pieces


def _read(texts: list[str]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    joined = "\n" + "\n".join(texts) + "\n"
    codes, kinds = _kinds(joined)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    bounds = np.concatenate(([0], np.cumsum(lengths + 1)))  # the line breaks around the texts
    kinds[bounds] = _SPACE

    def count(found: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.diff(np.searchsorted(np.flatnonzero(found), bounds))

    # Rule 1 wants "<", "&" or ">", rule 4 a character that is not printable or a space too many.
    spaces = kinds & _SPACE
    doubtful = (kinds & _DOUBT).astype(bool)
    doubtful[:-1] |= (spaces[:-1] & spaces[1:]).astype(bool)
    # Rule 2 wants "://", "www." or "mailto:", or no letter that is not of an ISBN.
    marks = np.flatnonzero(kinds & _MARK)
    before, mark, after = codes[marks - 1] | 0x20, codes[marks], codes[marks + 1]
    url = (mark == ord(".")) & (before == ord("w"))
    url |= (mark == ord(":")) & ((before == ord("o")) | (after == ord("/")))
    doubtful[marks[url]] = True
    letters = np.bitwise_or.reduceat(kinds, bounds[:-1]) & _LETTER
    digits = count((kinds & _DIGIT).astype(bool))
    untouched = (count(doubtful) == 0) & (letters > 0) & (digits * 10 <= lengths * 7)
    # Rule 5: the characters that BERT cuts off, and the words between them and the spaces.
    cut = (kinds & (_SPACE | _ALONE)).astype(bool)
    starts = (kinds & _ALONE).astype(bool)
    starts[1:] |= cut[:-1] & ~cut[1:]
    return untouched, count(starts)


def _kinds(joined: str) -> tuple[NDArray[np.uint8] | NDArray[np.uint32], NDArray[np.uint8]]:
    """The code and the class of each character."""
    table = _table()
    if joined.isascii():
        encoded = joined.encode()
        kinds = bytearray(encoded.translate(table[:256].tobytes()))
        return np.frombuffer(encoded, dtype=np.uint8), np.frombuffer(kinds, dtype=np.uint8)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return codes, table.take(codes, mode="clip")


@cache
def _table() -> NDArray[np.uint8]:
    """The class of each character by its code; the last entry stands for all that follow."""
    return np.array([_kind(chr(code)) for code in range(TABLE_SIZE - 1)] + [_DOUBT], dtype=np.uint8)


def _kind(sign: str) -> int:
    if sign == " ":
        return _SPACE
    if sign in "<>&\ufffd" or not sign.isprintable():
        return _DOUBT
    letter = _LETTER if sign.isalpha() and not _ISBN_LETTER.fullmatch(sign) else 0
    alone = _ALONE if _CUT_OFF.match(sign) else 0
    return letter | alone | (_DIGIT if sign.isdecimal() else 0) | (_MARK if sign in ".:" else 0)


class Bounds:
    """How many word pieces texts have at least and at most, by BERT's cased WordPiece, without splitting a word.

    A word of the vocabulary is one piece. So is one with a character that no piece holds, or too long a one: ``[UNK]``.
    Any other of known characters is two or more, each no longer than the longest piece with one of these characters.

    Source: ours; tests hold both bounds against the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        vocabulary = tokenizer.get_vocab().keys()
        self._whole = frozenset(vocabulary)
        self._longest_word = tokenizer.backend_tokenizer.model.max_input_chars_per_word
        # By character: the longest piece that holds it; whether it is a piece itself, both first and further on.
        self._reach, single = np.zeros(TABLE_SIZE, dtype=np.int64), np.zeros(TABLE_SIZE, dtype=bool)
        for piece in vocabulary:
            body = piece.removeprefix("##")
            codes = [code for code in map(ord, body) if code < TABLE_SIZE]
            self._reach[codes] = np.maximum(self._reach[codes], len(body))
            if len(body) == 1 and codes:
                single[codes] = body in self._whole and f"##{body}" in self._whole
        self._lost, self._odd = self._reach == 0, ~single
        self._cuts = _cuts(tokenizer.backend_tokenizer) & ((_table() & _ALONE) == 0)  # inside a word, uncounted

    @staticmethod
    @lru_cache(maxsize=2)
    def of(tokenizer: PreTrainedTokenizerFast) -> Bounds:
        """The bounds of a tokenizer, made once."""
        return Bounds(tokenizer)

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For texts that :func:`read` found untouched."""
        joined = "\n".join(texts) + "\n"
        codes, kinds = _kinds(joined)
        codes = np.minimum(codes.astype(np.int64), TABLE_SIZE - 1)
        breaks = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1) - 1
        outside = (kinds & _SPACE).astype(bool)
        outside[breaks] = True
        alone = (kinds & _ALONE).astype(bool)
        begins = ~outside
        begins[1:] &= outside[:-1] | alone[:-1] | alone[1:]
        marks = np.flatnonzero(begins | outside)
        is_word = begins[marks]
        starts, ends = marks[is_word], marks[1:][is_word[:-1]]
        lengths, owners = ends - starts, np.searchsorted(breaks, starts)

        def none(table: NDArray[np.bool_]) -> NDArray[np.bool_]:
            """Which words hold no character that the table has."""
            return np.logical_not(np.logical_or.reduceat(table[codes] & ~outside, starts))

        words = (joined[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
        whole = np.fromiter(map(self._whole.__contains__, words), dtype=bool, count=len(starts))
        unknown = ~none(self._lost) | (lengths > self._longest_word)
        split = ~whole & ~unknown & none(self._odd)
        reach = np.maximum.reduceat(np.where(outside, 1, self._reach[codes]), starts)
        least = np.where(split, np.maximum(2, -(-lengths // np.maximum(reach, 1))), 1)
        most = np.where((whole | unknown) & none(self._cuts), 1, lengths)
        return tuple(np.bincount(owners, counts, len(texts)).astype(np.int64) for counts in (least, most))  # type: ignore[return-value]


def _cuts(backend: Tokenizer) -> NDArray[np.bool_]:
    """The characters that the tokenizer makes words of their own, asked of itself: Unicode's versions differ here."""
    signs = [chr(code) for code in range(TABLE_SIZE) if not 0xD800 <= code < 0xE000]
    words = backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str("7".join(["", *signs, ""])))
    found = np.zeros(TABLE_SIZE, dtype=np.bool_)
    found[[ord(word) for word, _ in words if len(word) == 1 and word != "7"]] = True
    return found
