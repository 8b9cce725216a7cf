"""A small fine-tuning matrix for the goals, begun and gone on with by the same call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.reliability import events
from unibert_lib import finetune, results, runs
from unibert_lib.tasks.dataset import TaskSet
from unibert_lib.tasks.fit import FineTuning
from unibert_lib.tasks.nli import LABELS, Nli
from unibert_lib.tasks.records import SentencePair, TaskData

WORDS = ("the", "cat", "sat", "on", "a", "mat", "dog", "ran", "to", "old", "house", "by", "river", "birds", "sing")
BUDGET = FineTuning(learning_rates=(5e-3,), batch_size=6, steps=3, device="cpu")


@dataclass(frozen=True)
class Matrix:
    """Two cells on the student in ``model``."""

    model: Path

    def train(self, folder: Path) -> None:
        run = runs.open_run("finetune", "run", {"task": "nli"}, {}, folder)
        data = TaskSet("small", {"en": pairs(12, "train")}, {}, {"en": pairs(6, "test")})
        finetune.run_matrix(self.model, Nli(max_length=16), data, ("each",), ("en",), (0, 1), BUDGET, run)


def pairs(count: int, split: str) -> TaskData:
    texts = [(WORDS[i % 15], WORDS[(4 * i + 1) % 15], LABELS[i % 3]) for i in range(count)]
    return TaskData(tuple(SentencePair(*text, "en", f"{split}/{i}") for i, text in enumerate(texts)))


def result(folder: Path) -> str:
    """Every row of the finished matrix, and what each cell answered."""
    rows = results.load(folder / "results" / "run.jsonl").sort_values(["model", "finetune_seed", "metric"])
    said = sorted(path.read_text() for path in (folder / "finetune" / "run" / "cells").glob("*.predictions.json"))
    return f"{rows.to_json(orient='records')} {said} {(folder / 'finetune' / 'run' / 'DONE').exists()}"


def resume(made: Matrix, folder: Path, expected: str) -> str | None:
    """Run the same call again; why the matrix did not end as it would have, or None."""
    ended = events.start(lambda: made.train(folder)).wait()
    if ended.status:
        return f"the matrix ended with {ended.status}: {ended.error}"
    return None if result(folder) == expected else "the matrix has other rows or predictions"
