"""G8: the disk is full from any write on: a named error, what was finished stays, and later the same call ends well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from tests.reliability import events, training
from tests.reliability.g01_killed_anywhere import spread
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.training import Training
from unibert_lib import checkpoint, corpus, journal, results, runs, tokenizer, tokens

NAMED = ("NotWritten: ", "CheckpointError: ")
REMEDY = "Free some disk space"


@dataclass(frozen=True)
class Writer:
    """Something that writes in a folder: what stands there before, the call, and what to find there afterwards."""

    name: str
    work: Callable[[Path], object]
    state: Callable[[Path], Any]  # what a reader sees
    before: Callable[[Path], object] = lambda folder: None
    keeps_staging: bool = False  # half a corpus stays, for inspection


def check(plan: Plan) -> Outcome:
    made = Training.prepare(plan.folder / "material")
    figures, failures = {}, []
    for writer in writers(made):
        counted, found = fill(plan, writer, plan.share(1000, 3))
        figures[writer.name] = counted
        failures += found
    return Outcome(not failures, {"full at writes of " + name: n for name, n in figures.items()}, tuple(failures[:10]))


def fill(plan: Plan, writer: Writer, most: int) -> tuple[int, list[str]]:
    """The disk full from each write on; how many there were, and what went wrong."""
    clean = plan.folder / f"{writer.name} clean"
    clean.mkdir()
    writer.before(clean)
    seen = events.watch(partial(writer.work, clean), clean)
    if seen.status:
        raise RuntimeError(f"{writer.name}: {seen.error}")
    expected, failures = writer.state(clean), []
    chosen = spread(list(range(seen.filling)), most)
    for number in chosen:
        folder = plan.folder / f"{writer.name} {number}"
        folder.mkdir()
        writer.before(folder)
        old, broken = writer.state(folder), ""
        ended = events.watch(partial(writer.work, folder), folder, full_from=number)
        where = f"{writer.name}, full from write {number} ({ended.events[-1] if ended.events else 'none'})"
        named = ended.error.startswith(NAMED) and REMEDY in ended.error and str(folder) in ended.error
        if ended.status != 1 or not named:
            failures.append(f"{where}: ended with {ended.status} {ended.error}")
        if writer.state(folder) not in (old, expected) or (broken := invalid_checkpoints(folder)):
            failures.append(f"{where}: what was finished is no longer there{broken}")
        left = [str(path.relative_to(folder)) for path in folder.rglob("*staging*")]
        if left and not writer.keeps_staging:
            failures.append(f"{where}: {left[0]} was left")
        again = events.start(partial(writer.work, folder)).wait()
        if again.status or writer.state(folder) != expected:
            failures.append(f"{where}: afterwards {again.error or 'another result'}")
        shutil.rmtree(folder)
    return len(chosen), failures


def writers(made: Training) -> Iterator[Writer]:
    """All that write what a later run counts on."""
    yield Writer("pretraining", made.train, trained)
    yield Writer("result rows", append, rows, before=lambda folder: append(folder, "nl"))
    yield Writer("corpus", build, shards, before=lambda folder: build(folder, ("en",)), keeps_staging=True)
    yield Writer("token store", partial(tokenise, made), stored)
    yield Writer("json", card, read_card, before=lambda folder: card(folder, 1))


def trained(folder: Path) -> Any:
    return training.result(folder) if (training.place(folder) / "DONE").exists() else None


def invalid_checkpoints(folder: Path) -> str:
    """What is wrong with the checkpoints of a folder: an invalid one, or none where a step after a save was logged."""
    there = checkpoint.list_checkpoints(training.checkpoints(folder))
    logged = [row["step"] for row in journal.read(training.place(folder) / "metrics.jsonl")]
    if logged and max(logged) > training.EVERY and not there:
        return ": no checkpoint"
    return "".join(f": {path.name}, {reason}" for path in there if (reason := checkpoint.verify(path)))


def append(folder: Path, language: str = "en") -> None:
    text = dict.fromkeys(
        ("model", "checkpoint_sha", "preset", "task", "dataset", "dataset_sha", "train_dataset", "metric"), "x"
    )
    numbers = {"n": 9, "pretrain_seed": 0, "finetune_seed": 0, "steps": 9, "learning_rate": 1e-4}
    rest = {"split": "test", "setting": "each", "unit": "fraction", "status": "done", "control": "none"}
    row = {**text, **numbers, **rest, "train_languages": language, "language": language}
    results.append(folder / "results" / "rows.jsonl", [{**row, "finetune_seed": i, "score": i / 9} for i in range(5)])


def rows(folder: Path) -> Any:
    path = folder / "results" / "rows.jsonl"
    return results.load(path).to_dict("records"), results.torn(path)


def build(folder: Path, languages: tuple[str, ...] = ("en", "nl")) -> None:
    made = {
        code: [
            corpus.Document(f"{text} and on it goes for a while {i}", code, str(i), f"page {i}", 0) for i in range(30)
        ]
        for code, text in (("en", "the cat sat on the mat"), ("nl", "de kat zit op de mat"))
    }
    corpus.build({code: made[code] for code in languages}, folder / "corpus", progress=False)


def shards(folder: Path) -> Any:
    """The finished languages; what is staged or merely reported is not read by anybody."""
    out = folder / "corpus"
    return {code: runs.fingerprint(out / code) for code in ("en", "nl") if (out / code / "_report.json").exists()}


def tokenise(made: Training, folder: Path) -> None:
    tokens.write(made.material / "corpus", tokenizer.load(made.material / "tokenizer"), folder / "tokens")


def stored(folder: Path) -> Any:
    return runs.fingerprint(folder / "tokens") if (folder / "tokens").exists() else None


def card(folder: Path, value: int = 2) -> None:
    runs.write_json(folder / "card.json", {"value": value})


def read_card(folder: Path) -> Any:
    return (folder / "card.json").read_text(encoding="utf-8")


def control(plan: Plan) -> Outcome:
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(runs, "write_json", in_place))
        writer = next(w for w in writers(Training(plan.folder)) if w.name == "json")
        counted, failures = fill(plan, writer, 1000)
    return Outcome(not failures, {"full at writes of json": counted}, tuple(failures[:3]))


def in_place(path: Path, value: Any) -> None:
    with runs.writing(path), path.open("w", encoding="utf-8") as stream:
        json.dump(value, stream)


GOALS = (
    Goal(
        "G8",
        "disk full at every write: a named error with the remedy, the old state intact, the same call ends well later",
        check,
        control,
        "write_json: it writes in place",
    ),
)
