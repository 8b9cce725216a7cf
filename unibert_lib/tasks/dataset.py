"""A task's data in train, dev and test, by language; splits by item, limits, and what the splits share."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from unibert_lib import runs
from unibert_lib.config import nearest
from unibert_lib.languages import LANGUAGES
from unibert_lib.tasks.records import Split, TaskData

SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True)
class TaskSet:
    """One data set of a task: for each split, the data of each language (or pair of languages, ``de-en``).

    Whatever file ``train`` and ``dev`` came from, a record that was flagged in it is quarantined there: a test that is
    cut or trained on gives no bad record to training, nor to the choice of a learning rate.

    ``name`` is that of what is scored, ``train_name`` of what is trained on, where that is another one.

    Source: ours.
    """

    name: str
    train: Mapping[str, TaskData[Any]]
    dev: Mapping[str, TaskData[Any]] = field(default_factory=dict)
    test: Mapping[str, TaskData[Any]] = field(default_factory=dict)
    train_name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "train_name", self.train_name or self.name)
        for split in ("train", "dev"):
            clean = {code: data.trainable() for code, data in self.split(split).items()}
            object.__setattr__(self, split, clean)

    def split(self, name: Split) -> Mapping[str, TaskData[Any]]:
        found: Mapping[str, TaskData[Any]] = getattr(self, name)
        return found

    def check(self, languages: Sequence[str]) -> None:
        """Every language asked for has data, and at least one has a test.

        Raises
        ------
        ValueError
            Naming the language and the nearest ones there.

        Source: ours.
        """
        tested = [code for code, data in self.test.items() if len(data)]
        there = {*(code for code, data in self.train.items() if len(data)), *tested}
        for code in languages:
            if code not in there:
                raise ValueError(f"{self.name} has no data in {code!r}; {nearest(code, there)}")
        if not set(languages) & set(tested):
            raise ValueError(f"{self.name} has no test data in {', '.join(languages)}; there is some in {tested}")

    @cached_property
    def marks(self) -> dict[tuple[str, str], str]:
        """A fingerprint of each (split, language): what a result row is measured on.

        Source: ours.
        """
        return {
            (split, code): runs.fingerprint(list(data)) for split in SPLITS for code, data in self.split(split).items()
        }

    def limited(self, train: int | None, dev: int | None = None, test: int | None = None) -> TaskSet:
        """At most so many records a language, the first ones; None is all.

        Source: ours.
        """

        def first(part: Mapping[str, TaskData[Any]], limit: int | None) -> dict[str, TaskData[Any]]:
            return {code: replace(data, records=data.records[:limit]) for code, data in part.items()}

        return replace(self, train=first(self.train, train), dev=first(self.dev, dev), test=first(self.test, test))

    def summary(self) -> pd.DataFrame:
        """Records, quarantined and flagged ones by split and language, for the notebook.

        Source: ours.
        """
        rows = [
            (split, code, len(data), len(data.quarantined), len(data.flagged))
            for split in SPLITS
            for code, data in self.split(split).items()
        ]
        return pd.DataFrame(rows, columns=["split", "language", "records", "quarantined", "flagged"])

    def overlap(self) -> pd.DataFrame:
        """How many test records of each language have an input that stands in the training data too.

        Translations of one item are no equal inputs: :func:`shared_items` finds those.

        Source: ours (RELIABILITY, row 39).
        """
        inputs = {content(record) for data in self.train.values() for record in data}
        rows = []
        for code, data in self.test.items():
            same = sum(content(record) in inputs for record in data)
            rows.append((code, len(data), same, same / max(len(data), 1)))
        return pd.DataFrame(rows, columns=["language", "test records", "same input in training", "share"])


def spoken(code: str) -> set[str]:
    """The language of a code, or the two of a pair: ``de-en`` is one, ``zh-yue`` (Cantonese) is none.

    Source: STS22's names of pairs; the codes are Wikipedia's.
    """
    halves = code.split("-")
    return set(halves) if len(halves) == 2 and {*halves} <= {*LANGUAGES} and code not in LANGUAGES else {code}


def content(record: Any) -> tuple[Any, ...]:
    """What the model reads of a record, without its label, language or item.

    Source: ours.
    """
    names = ("tokens", "premise", "hypothesis", "question", "context", "first", "second")
    return tuple(getattr(record, name) for name in names if hasattr(record, name))


def split_by_item(data: Mapping[str, TaskData[Any]], shares: Mapping[Split, float], seed: int, name: str) -> TaskSet:
    """Cut one collection into splits, all languages of an item on the same side.

    The side is a hash of (seed, item), so that it depends neither on the order nor on which languages are there.

    Raises
    ------
    ValueError
        If the shares do not sum to 1.

    Source: ours (PROTOCOL: parallel data is split by item across languages, or ``all`` leaks).
    """
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError(f"shares={dict(shares)}: they must sum to 1")
    parts: dict[Split, dict[str, TaskData[Any]]] = {split: {} for split in SPLITS}
    for code, whole in data.items():
        chosen: dict[Split, list[Any]] = {split: [] for split in SPLITS}
        for record in whole:
            chosen[_side(f"{seed}:{record.item}", shares)].append(record)
        for split in shares:
            first = split == next(iter(shares))  # the file's quarantine is told once
            kept = whole if first else TaskData(())
            parts[split][code] = replace(kept, records=tuple(chosen[split]))
    return TaskSet(name, parts["train"], parts["dev"], parts["test"])


def _side(key: str, shares: Mapping[Split, float]) -> Split:
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    for split, share in shares.items():
        if place < share:
            return split
        place -= share
    return list(shares)[-1]  # rounding left a sliver


def tie(data: Sequence[TaskData[Any]], keys: Callable[[Any], Iterable[tuple[str, ...]]]) -> tuple[TaskData[Any], ...]:
    """The same data with one ``item`` for all records that are linked by their item or by one of their ``keys``.

    Links may go round several corners: two premises that read alike in one language are one item in all of them. The
    item is the least of those that are linked.

    Source: ours (PROTOCOL: parallel data is split by item across languages, or ``all`` leaks).
    """
    parent: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(node: tuple[str, ...]) -> tuple[str, ...]:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[up]
        return node

    for record in (record for part in data for record in part.records):
        for key in keys(record):
            one, other = root(("", record.item)), root(key)
            parent[max(one, other)] = min(one, other)  # items sort before keys, so an item is always the root
    return tuple(
        replace(part, records=tuple(replace(r, item=root(("", r.item))[1]) for r in part.records)) for part in data
    )


def tie_pairs(by: Mapping[str, TaskData[Any]]) -> tuple[dict[str, TaskData[Any]], str | None]:
    """Inference data of several languages with translations on one item, and what is to be said where they are not.

    Files without ids are parallel by their rows. Premises that are equal in one language belong together too. Where
    files differ in length, or rows link a twentieth of the data into one item, they are no translations row by row.

    Source: ours; 5 of the 1,670 premises of XNLI's test are equal in one language and not in another.
    """

    def premises(record: Any) -> list[tuple[str, ...]]:
        return [(record.language, record.premise)]

    def rows(record: Any) -> list[tuple[str, ...]]:
        return [*premises(record), *([("row", str(record.row))] if record.row else [])]

    by_text = dict(zip(by, tie(list(by.values()), premises), strict=True))
    if len(by) < 2 or not any(record.row for part in by.values() for record in part):
        return by_text, None
    if len({part.counts.get("rows") for part in by.values()}) == 1:
        by_row = dict(zip(by, tie(list(by.values()), rows), strict=True))
        sizes = Counter(record.item for part in by_row.values() for record in part)
        if max(sizes.values(), default=0) <= max(60, sizes.total() / 20):
            return by_row, None
    return by_text, "files without ids whose rows are no translations of each other: items are those of one language"


def shared_items(train: Iterable[TaskData[Any]], test: Iterable[TaskData[Any]]) -> int:
    """How many items of parallel data stand on both sides: anything but 0 is a leak.

    Source: ours.
    """
    return len({record.item for data in train for record in data} & {record.item for data in test for record in data})
