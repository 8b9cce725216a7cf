"""The leader alone is killed, and the same command begun again at once: what the leader had started must not go on."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pyarrow.parquet as pq

from tests.reliability.forks import Died, forked
from unibert_lib import corpus, recipes, workers
from unibert_lib.corpus import Document, shards
from unibert_lib.parameters import PretrainParameters

LANGUAGES = ("de", "sw")
ROWS = 7_000  # more than a row group, so that a worker can be met when a part of its language is on disk
LASTING = 16_000  # as many that a worker left behind still writes when those of the next run begin
PAUSE = 5e-4  # seconds a row
PATIENCE = 10.0  # seconds until whoever was led must have ended


@dataclass(frozen=True)
class Slow:
    """The sentences of one language, which take their time. With ``faulty`` whoever reads them knows no leader."""

    language: str
    rows: int
    faulty: bool = False

    def __reduce__(self) -> tuple[Callable[..., Slow], tuple[str, int, bool]]:
        return arrived, (self.language, self.rows, self.faulty)  # called in the worker

    def __iter__(self) -> Iterator[Document]:
        for number in range(self.rows):
            time.sleep(PAUSE)
            yield Document(f"This is sentence {number} of {self.language}.", self.language, str(number), "", 0)


def arrived(language: str, rows: int, faulty: bool) -> Slow:
    if faulty:
        spoil()
    return Slow(language, rows, faulty)


def spoil() -> None:
    """Workers that outlive their leader, no lock on what they write, no count of rows."""
    workers._ended = lambda process: False

    class Open:
        def __init__(self, place: Path) -> None: ...

        def acquire(self, timeout: float = 0) -> nullcontext[None]:
            return nullcontext()

    shards.FileLock = Open  # type: ignore[assignment, misc]
    shards.check_rows = lambda folder, expected: None


def build(out: Path, rows: int, faulty: bool = False) -> None:
    if faulty:
        spoil()
    corpus.build({code: Slow(code, rows, faulty) for code in LANGUAGES}, out, progress=False, workers=2)


def texts(out: Path) -> dict[str, str]:
    """Of each language the texts' sha256, read as anybody would who trusts the folder."""
    found = {}
    for code in LANGUAGES:
        parts = sorted((out / code).glob("part-*.parquet"))
        rows = [text for part in parts for text in pq.read_table(part)["text"].to_pylist()]
        found[code] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def kill_leader(work: Callable[[], None], ready: Callable[[], bool], seconds: float = 120.0) -> list[psutil.Process]:
    """Kill a child that does the work, and it alone, as soon as ``ready``; what it had started and lives on."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until or os.waitpid(child, os.WNOHANG)[0]:
            raise RuntimeError("the leader was over before it could be killed")
        time.sleep(0.01)
    led = psutil.Process(child).children(recursive=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return led


def still_there(led: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended within :data:`PATIENCE`; they are ended here."""
    _, alive = psutil.wait_procs(led, timeout=PATIENCE)
    for process in alive:
        process.kill()
    return alive


def killed_corpus(folder: Path, kills: int, rows: int = ROWS, *, faulty: bool = False) -> list[str]:
    """What went wrong where a corpus's leader was killed so often, and the corpus begun again at once."""
    failures = []
    whole = folder / "whole"
    corpus.build({code: Slow(code, rows) for code in LANGUAGES}, whole, progress=False)
    expected = texts(whole)
    for number in range(kills):
        out = folder / f"led {number}"

        def writing(out: Path = out) -> bool:
            return all((out / ".staging" / code / "kept" / "part-00000.parquet").exists() for code in LANGUAGES)

        led = kill_leader(lambda out=out: build(out, rows, faulty), writing)  # type: ignore[misc]
        try:
            forked(build, out, rows, faulty)
            if texts(out) != expected:
                failures.append(f"leader {number}: the corpus is not the undisturbed one")
        except (Died, OSError, ValueError) as error:
            failures.append(f"leader {number}: {error}")
        if alive := still_there(led):
            failures.append(f"leader {number}: {len(alive)} workers lived on")
        shutil.rmtree(out, ignore_errors=True)
    return failures


def killed_training(folder: Path) -> list[str]:
    """The same of a training in two processes, whose leader would be a notebook's kernel."""

    def train(name: str) -> None:
        asked: dict[str, Any] = {"budget": "smoke", "languages": LANGUAGES, "teacher": "none", "adversary": "off"}
        asked |= {"num_processes": 2, "steps": 40, "checkpoint_every": 4, "controls": False, "runs": str(folder)}
        recipes.ensure_student(PretrainParameters(name=name, **asked))

    def model(name: str) -> str:
        path = folder / "pretrain" / name / "model" / "model.safetensors"
        return hashlib.sha256(path.read_bytes()).hexdigest()

    with mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "1"}):
        forked(train, "whole")
        saved = folder / "pretrain" / "killed" / "checkpoints"
        led = kill_leader(lambda: train("killed"), lambda: saved.is_dir() and any(saved.glob("step*")))
        failures = [f"{len(alive)} processes lived on"] if (alive := still_there(led)) else []
        try:
            forked(train, "killed")
        except Died as error:
            return [*failures, f"cannot be resumed: {error}"]
    return failures if model("whole") == model("killed") else [*failures, "other weights than the undisturbed run's"]
