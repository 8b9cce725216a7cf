"""The rules over a batch: most samples are proven untouched, a whole batch at a time; the rest meets the plain rules.

A rule costs microseconds a sample, and most samples need none of the five. Each character has a class, read from a
table; a sample whose characters and neighbours are of harmless classes is what rules 1 to 4 would answer, unchanged.
Every doubt is decided by the rule itself, so that the answers are the plain rules' answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    open_to_rule_5: list[int] = []
    if texts and tuple(rules[:4]) in (RULES, RULES_WITHOUT_JOINERS):
        untouched, pieces = read(texts)
        first[untouched] = 4
        if last is not None:
            first[untouched] = 5
            few = np.flatnonzero(untouched & (pieces < last.minimum)).tolist()
            for place, enough in zip(few, _enough_pieces(last, [texts[place] for place in few]), strict=True):
                if enough is None:
                    open_to_rule_5.append(place)
                elif not enough:
                    answers[place] = _too_few(last, texts[place])
    before = rules if last is None else rules[:4]
    for place in np.flatnonzero(first < len(rules)).tolist():
        answer = answers[place] = _plainly(before[first[place] :], texts[place])
        if last is not None and isinstance(answer, str) and not last.proven(answer):
            open_to_rule_5.append(place)
    if last is not None and open_to_rule_5:
        # The tokenizer is called once for all: alone, each of these texts costs it twice as much.
        left = [str(answers[place]) for place in open_to_rule_5]
        for place, text, ids in zip(open_to_rule_5, left, piece_ids(last.tokenizer, left), strict=True):
            if len(ids) < last.minimum:
                answers[place] = _too_few(last, text)
    return answers


def _enough_pieces(rule: TooFewPieces, texts: list[str]) -> list[bool | None]:
    """Rule 5 for texts that rules 1 to 4 leave alone, by bounds; None where these leave it open."""
    if not texts:
        return []
    least, most = Bounds.of(rule.tokenizer)(texts, rule.minimum)
    sure = (least >= rule.minimum) | (most < rule.minimum)
    return [
        bool(low >= rule.minimum) if known else None for low, known in zip(least.tolist(), sure.tolist(), strict=True)
    ]


def _too_few(rule: TooFewPieces, text: str) -> Dropped:
    return Dropped(text, rule_name(rule), rule.drop.reason)


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
    codes, kinds = kinds_of(joined)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    bounds = np.concatenate(([0], np.cumsum(lengths + 1)))  # the line breaks around the texts
    kinds[bounds] = SPACE

    def count(found: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.diff(np.searchsorted(np.flatnonzero(found), bounds))

    # Rule 1 wants "<", "&" or ">", rule 4 a character that is not printable or a space too many.
    spaces = kinds & SPACE
    doubtful = (kinds & DOUBT).astype(bool)
    doubtful[:-1] |= (spaces[:-1] & spaces[1:]).astype(bool)
    # Rule 2 wants "://", "www." or "mailto:", or no letter that is not of an ISBN.
    marks = np.flatnonzero(kinds & MARK)
    before, mark, after = codes[marks - 1] | 0x20, codes[marks], codes[marks + 1]
    url = (mark == ord(".")) & (before == ord("w")) & (codes[np.maximum(marks, 2) - 2] | 0x20 == ord("w"))
    url |= (mark == ord(":")) & ((before == ord("o")) | (after == ord("/")))
    doubtful[marks[url]] = True
    letters = np.bitwise_or.reduceat(kinds, bounds[:-1]) & LETTER
    digits = count((kinds & DIGIT).astype(bool))
    untouched = (count(doubtful) == 0) & (letters > 0) & (digits * 10 <= lengths * 7)
    # Rule 5: the characters that BERT cuts off, and the words between them and the spaces.
    cut = (kinds & (SPACE | ALONE)).astype(bool)
    starts = (kinds & ALONE).astype(bool)
    starts[1:] |= cut[:-1] & ~cut[1:]
    return untouched, count(starts)
