"""The rules over a batch: most samples are proven untouched, a whole batch at a time; the rest meets the plain rules.

A rule costs microseconds a sample, and most samples need none of the five. Each character has a class, read from a
table; a sample whose characters and neighbours are of harmless classes is what rules 1 to 4 would answer, unchanged.
Every doubt is decided by the rule itself, so that the answers are the plain rules' answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from unibert_lib.corpus.bounds import Bounds
from unibert_lib.corpus.characters import ALONE, DIGIT, DOUBT, LETTER, MARK, SPACE, kinds_of
from unibert_lib.corpus.filters import RULES, RULES_WITHOUT_JOINERS, Drop, Rule, rule_name
from unibert_lib.corpus.wordpieces import TooFewPieces, piece_ids


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
    last = rules[4] if len(rules) == 5 and isinstance(rules[4], TooFewPieces) and rules[4].by_word else None
    few: list[int] = []  # where rule 5 is not yet proven
    if texts and tuple(rules[:4]) in (RULES, RULES_WITHOUT_JOINERS):
        untouched, pieces = read(texts)
        first[untouched] = 4
        if last is not None:
            first[untouched] = 5
            few = np.flatnonzero(untouched & (pieces < last.minimum)).tolist()
    before = rules if last is None else rules[:4]
    for place in np.flatnonzero(first < len(rules)).tolist():
        answer = answers[place] = _plainly(before[first[place] :], texts[place])
        if last is not None and isinstance(answer, str) and not last.proven(answer):
            few.append(place)
    if last is not None and few:
        left = [str(answers[place]) for place in few]
        for place, text, enough in zip(few, left, _enough_pieces(last, left), strict=True):
            if not enough:
                answers[place] = Dropped(text, rule_name(last), last.drop.reason)
    return answers


def _enough_pieces(rule: TooFewPieces, texts: list[str]) -> list[bool]:
    """Rule 5 by bounds, and where these leave it open by the tokenizer, once for all: alone, a text costs it twice."""
    least, most = Bounds.of(rule.tokenizer)(texts, rule.minimum)
    enough = least >= rule.minimum
    unsure = np.flatnonzero(~enough & (most >= rule.minimum)).tolist()
    ids = piece_ids(rule.tokenizer, [texts[place] for place in unsure])
    enough[unsure] = [len(row) >= rule.minimum for row in ids]
    answers: list[bool] = enough.tolist()
    return answers


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
    for group in (ascii_only, ~ascii_only):
        if group.any():
            untouched[group], pieces[group] = _read(list(compress(texts, group.tolist())))
    return untouched, pieces


def _read(texts: list[str]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    joined = "\n" + "\n".join(texts) + "\n"
    codes, kinds = kinds_of(joined)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    bounds = np.concatenate(([0], np.cumsum(lengths + 1)))  # the line breaks around the texts
    kinds[bounds] = SPACE

    # Rule 1 wants "<", "&" or ">", rule 4 a character that is not printable or a space too many.
    kinds[:-1] |= (kinds[:-1] & kinds[1:] & SPACE) // SPACE * DOUBT
    # Rule 2 wants "://", "www." or "mailto:", or no letter that is not of an ISBN.
    marks = np.flatnonzero((kinds & MARK).astype(bool))  # of numbers it takes eight times as long
    before, mark, after = codes[marks - 1] | 0x20, codes[marks], codes[marks + 1]
    url = (mark == ord(".")) & (before == ord("w")) & (codes[np.maximum(marks, 2) - 2] | 0x20 == ord("w"))
    url |= (mark == ord(":")) & ((before == ord("o")) | (after == ord("/")))
    kinds[marks[url]] |= DOUBT
    # Rule 3 wants many digits.
    digits = np.diff(np.searchsorted(np.flatnonzero((kinds & DIGIT).astype(bool)), bounds))
    found = np.bitwise_or.reduceat(kinds, bounds[:-1]) & (LETTER | DOUBT)
    # Rule 5: the characters that BERT cuts off, and the words between them and the spaces.
    cut = (kinds & (SPACE | ALONE)).astype(bool)
    starts = (kinds & ALONE).astype(bool)
    starts[1:] |= cut[:-1] & ~cut[1:]
    pieces = np.diff(np.cumsum(starts, dtype=np.int32)[bounds]).astype(np.int64)
    return (found == LETTER) & (digits * 10 <= lengths * 7), pieces
