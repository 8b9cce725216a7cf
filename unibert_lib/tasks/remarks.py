"""What is to be told of a data set before it is trained on: bad records by file, overlap, labels never seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from unibert_lib.corpus.records import Quarantined
from unibert_lib.tasks.dataset import SPLITS, TaskSet


def remarks(data: TaskSet) -> list[str]:
    """One line a finding, nothing where there is none.

    Source: ours (RELIABILITY, rows 31 to 39).
    """
    told = []
    for split in SPLITS:
        bad: dict[str, dict[str, list[Quarantined]]] = {}
        for part in data.split(split).values():
            for kind, records in (("quarantined", part.quarantined), ("flagged", part.flagged)):
                for record in records:
                    bad.setdefault(record.path, {}).setdefault(kind, []).append(record)
        for path, kinds in sorted(bad.items()):
            first = min((record for records in kinds.values() for record in records), key=lambda record: record.line)
            counts = " and ".join(f"{kind} {len(records)}" for kind, records in kinds.items())
            told.append(
                f"{split}, {Path(path).name}: bad records {counts}, the first in line {first.line}: {first.reason}"
            )
    trained, tested = [code for code, part in data.train.items() if len(part)], set(data.test)
    if untested := [code for code in trained if code not in tested]:
        told.append(f"no test data for {', '.join(untested)}: trained on, not scored")
    if untrained := [code for code in data.test if code not in trained]:
        told.append(
            f"no training data for {', '.join(untrained)}: scored by models of other languages alone, not in each"
        )
    for split in ("train", "test"):
        for code, part in data.split(split).items():
            if len(part) and all(set(getattr(record, "tags", ("B-",))) <= {"O"} for record in part):
                told.append(f"{split}, {code}: no entity in {len(part)} sentences, so an entity F1 says nothing there")
        for code, part in data.split(split).items():
            if part.counts.get("rescaled"):
                told.append(f"{split}, {code}: scores run from 0 to 1; they are read as 0 to 5")
            if part.counts.get("quoted"):
                told.append(f"{split}, {code}: a file that csv wrote; its cells are unquoted")
    for row in data.overlap().itertuples(index=False):
        language, records, same, share = row
        if same:
            told.append(f"test, {language}: {same} of {records} records ({share:.1%}) stand in the training data too")
    for language, counts_of in unseen_labels(data).items():
        listed = ", ".join(f"{label} ({count})" for label, count in sorted(counts_of.items()))
        told.append(f"test, {language}: labels that no training record has, which count as missed: {listed}")
    return told


def unseen_labels(data: TaskSet) -> dict[str, Counter[str]]:
    """By test language, the labels (types of entity) that stand nowhere in training, and in how many records.

    Source: ours (RELIABILITY, row 32).
    """
    known = {label for part in data.train.values() for record in part for label in _labels(record)}
    found = {
        language: Counter(label for record in part for label in _labels(record) - known)
        for language, part in data.test.items()
    }
    return {language: counts for language, counts in found.items() if counts}


def _labels(record: Any) -> set[str]:
    tags = {tag[2:] for tag in getattr(record, "tags", ()) if tag != "O"}
    return tags | ({record.label} if hasattr(record, "label") else set())
