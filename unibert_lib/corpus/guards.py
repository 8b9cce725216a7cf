"""The rules over a batch: most samples are proven untouched, a whole batch at a time; the rest meets the plain rules.

A rule costs microseconds a sample, and most samples need none of the five. Each character has a class, read from a
table; a sample whose characters and neighbours are of harmless classes is what rules 1 to 4 would answer, unchanged.
Every doubt is decided by the rule itself, so that the answers are the plain rules' answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.filters import RULES, RULES_WITHOUT_JOINERS, Drop, Rule, rule_name
from unibert_lib.corpus.wordpieces import CUT_OFF, TooFewPieces, piece_ids

_DOUBT, _DIGIT, _LETTER, _SPACE, _ALONE, _MARK = 1, 2, 4, 8, 16, 32
_TABLE_SIZE = 0x20000  # characters above are rare, and doubted
# What may stand in an ISBN with its label, so that a letter of it proves nothing about rule 2.
_ISBN_LETTER = re.compile("[eisbnxردمكشابک]", re.IGNORECASE)


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
        if isinstance(rule, TooFewPieces) and rule.bounds is not None:
            first[untouched & (pieces >= rule.minimum)] = 5
            first[_prove(rule, texts, np.flatnonzero(untouched & (pieces < rule.minimum)).tolist())] = 5
    for place in np.flatnonzero(first < len(rules)).tolist():
        answers[place] = _plainly(rules[first[place] :], texts[place])
    return answers


def _prove(rule: TooFewPieces, texts: Sequence[str], places: list[int]) -> list[int]:
    """The places, among those, of texts that rule 5 certainly keeps; the tokenizer takes what is open at once."""
    assert rule.bounds is not None
    proofs = [(place, None if "[" in texts[place] else rule.bounds(texts[place], rule.minimum)) for place in places]
    open_places = [place for place, proof in proofs if proof is None]
    ids = piece_ids(rule.tokenizer, [texts[place] for place in open_places])
    counted = [place for place, row in zip(open_places, ids, strict=True) if len(row) >= rule.minimum]
    return [place for place, proof in proofs if proof] + counted


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
    return np.array([_kind(chr(code)) for code in range(_TABLE_SIZE - 1)] + [_DOUBT], dtype=np.uint8)


def _kind(sign: str) -> int:
    if sign == " ":
        return _SPACE
    if sign in "<>&\ufffd" or not sign.isprintable():
        return _DOUBT
    letter = _LETTER if sign.isalpha() and not _ISBN_LETTER.fullmatch(sign) else 0
    # "[" and "]" are cut off too, but not counted: "[SEP]" in a text is one piece, not three.
    alone = _ALONE if CUT_OFF.match(sign) and sign not in "[]" else 0
    return letter | alone | (_DIGIT if sign.isdecimal() else 0) | (_MARK if sign in ".:" else 0)
