"""Inference in XNLI's files: parallel items, of which no label can be read off the hypothesis.

Items come in fours, about countries c and d and relations r and s that both countries have, with other values:

    premise tells   entailment   contradiction        neutral
    r of c          r of c       c with d's r         s of c
    r of d          r of d       d with c's r         s of d
    s of c          s of c       c with d's s         r of c
    s of d          s of d       d with c's s         r of d

So every name, relation and wording occurs equally often under each label, and every true hypothesis is once
entailed and once neutral.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .division import (
    COMPARED,
    NAMELESS,
    TOLD,
    arrange,
    comparison,
    deck,
    division,
    told,
    value,
    with_value,
)
from .language import SPLITS
from .sentences import TaskLanguage, load_tasks
from .tagging import tokenize
from .world import Fact, Value, countries

PREMISES = {"train": 600, "dev": 40, "test": 100}  # three rows each
LABELS = ("entailment", "contradiction", "neutral")
COLUMNS = (
    *("language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse"),
    *("sentence2_parse", "sentence1", "sentence2", "promptID", "pairID", "genre", "label1", "label2", "label3"),
    *("label4", "label5", "sentence1_tokenized", "sentence2_tokenized", "match"),
)
SECOND = 0.5  # of the premises tell another fact as well
TRIES = 300


@dataclass(frozen=True)
class Item:
    """A premise and three hypotheses by label, without a word of any language; ``wording`` is a claim's number.

    Source: ours.
    """

    premise: tuple[Fact, ...]
    hypotheses: tuple[tuple[str, Fact, int], ...]


def items(split: str, seed: int, count: int) -> list[Item]:
    """``count`` premises with their hypotheses.

    Source: ours.
    """
    rng = Random(f"{seed}:nli:{split}")
    wordings = 2 if split == "train" else 1
    found: list[Item] = []
    lands, relations = deck(division(seed)[split], rng), deck(TOLD, rng)
    while len(found) < count:
        one, other = next(relations), next(relations)
        pair = _pair(one, other, split, seed, rng, lands)
        if pair is None:
            continue
        by_relation = dict(zip((one, other), pair, strict=True))
        number = {(relation, place): rng.randrange(wordings) for relation in (one, other) for place in (0, 1)}
        for told_of, silent in ((one, other), (other, one)):
            for place in (0, 1):
                fact, unsaid = by_relation[told_of][place], by_relation[silent][place]
                false = _swapped(fact, by_relation[told_of][1 - place])
                hypotheses = [
                    ("entailment", fact, number[told_of, place]),
                    ("contradiction", false, number[told_of, place]),
                    ("neutral", unsaid, number[silent, place]),
                ]
                rng.shuffle(hypotheses)
                found.append(Item(_premise(fact, silent, split, seed, rng), tuple(hypotheses)))
    return found[:count]


def _pair(
    one: str, other: str, split: str, seed: int, rng: Random, lands: Iterator[str]
) -> tuple[tuple[Fact, Fact], tuple[Fact, Fact]] | None:
    """For each relation, the facts of the same two countries; None if no two have both, clearly different."""
    if one == other:
        return None
    for _ in range(TRIES):
        keys = (next(lands), next(lands))
        facts = [_fact(relation, key, split, seed, rng) for relation in (one, other) for key in keys]
        first, second, third, fourth = facts
        if keys[0] == keys[1] or first is None or second is None or third is None or fourth is None:
            continue
        if exclude(first, second) and exclude(third, fourth):
            return (first, second), (third, fourth)
    return None


def _fact(relation: str, key: str, split: str, seed: int, rng: Random) -> Fact | None:
    if relation in COMPARED:
        return comparison(relation, key, split, seed, rng)
    return told(key, split, seed).get(relation)


def exclude(one: Fact, other: Fact) -> bool:
    """Whether neither country can have the other's value: figures far apart, years by ten, lists without overlap.

    Source: ours.
    """
    relation = one.relation
    a, b = value(one).keys, value(other).keys
    if relation in COMPARED:
        return True  # the contradiction turns the comparison round
    if relation in ("people", "area"):
        low, high = sorted((float(a[0]), float(b[0])))
        return high >= 2 * low
    if relation == "independence":
        return abs(int(a[0]) - int(b[0])) >= 10
    if relation == "neighbours":
        land = countries()
        (c,), (d,) = one["country"].keys, other["country"].keys
        return {c, *land[c].neighbours}.isdisjoint(b) and {d, *land[d].neighbours}.isdisjoint(a)
    return set(a).isdisjoint(b)


def _swapped(fact: Fact, other: Fact) -> Fact:
    """What is false of a country: a comparison the other way round, else the other country's value."""
    if fact.relation in COMPARED:
        greater, smaller = fact["country"], fact["other"]
        return Fact(fact.relation, fact.subject, (("country", smaller), ("other", greater)))
    return with_value(fact, Value(value(other).kind, value(other).keys))


def _premise(fact: Fact, silent: str, split: str, seed: int, rng: Random) -> tuple[Fact, ...]:
    key = fact.subject.partition(":")[2]
    pool = [f for name, f in told(key, split, seed).items() if name not in (fact.relation, silent, *NAMELESS)]
    second = rng.random() < SECOND or fact.relation in NAMELESS
    chosen = [fact, rng.choice(pool)] if second else [fact]
    return arrange(chosen, rng)


def write_nli(folder: Path, codes: Sequence[str], seed: int, share: float) -> None:
    """``multinli.train.<code>.tsv`` for each language, ``xnli.dev.tsv`` and ``xnli.test.tsv`` for all.

    Source: XNLI 1.0 and XNLI-MT 1.0 (Conneau et al., 2018), layout; the sentences are ours.
    """
    for split in SPLITS:
        plan = items(split, seed, max(1, round(PREMISES[split] * share)))
        if split == "train":
            for code in codes:
                rows = [["premise", "hypo", "label"]]
                for _, label, premise, hypothesis in _rows(load_tasks(code), plan, split, seed):
                    # The genuine training files call it so, and theirs only.
                    rows.append([premise, hypothesis, "contradictory" if label == "contradiction" else label])
                _write(folder / f"multinli.train.{code}.tsv", rows)
            continue
        rows = [list(COLUMNS)]
        for code in codes:
            for pair, (prompt, label, premise, hypothesis) in enumerate(
                _rows(load_tasks(code), plan, split, seed), start=1
            ):
                cut = [" ".join(token.text for token in tokenize(text)) for text in (premise, hypothesis)]
                numbers = [str(prompt), str(pair), "atlas"]
                rows.append([code, label, *[""] * 4, premise, hypothesis, *numbers, *[label] * 5, *cut, "True"])
        _write(folder / f"xnli.{split}.tsv", rows)


def _rows(language: TaskLanguage, plan: Sequence[Item], split: str, seed: int) -> Iterator[tuple[int, str, str, str]]:
    for prompt, item in enumerate(plan, start=1):
        rng = Random(f"{seed}:nli:{split}:{language.code}:{prompt}")
        premise = language.paragraph(item.premise, split, rng).text
        for label, fact, number in item.hypotheses:
            claims = language.lines("claims", fact.relation, split)
            yield prompt, label, premise, language.render(fact, claims[number]).text


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8", newline="\n")
