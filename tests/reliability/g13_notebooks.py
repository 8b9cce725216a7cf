"""G13: notebooks that are killed or fail end with an error, leave no truncated file, and the next run succeeds."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.reliability import books
from tests.reliability.goal import Goal, Outcome, Plan

# A disk with this much room for a file: an executed copy does not fit. The kernel's own files do.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))"
# What the control puts in the place of execute: papermill writes the copy where it will lie.
IN_PLACE = """
import subprocess
def naive(notebook, output, parameters, environment, cwd=None, quiet=False):
    command = [sys.executable, "-m", "papermill", str(notebook), str(output), "-k", "python3", "--no-progress-bar"]
    if subprocess.run(command, env=environment, cwd=notebook.parent).returncode:
        raise demo.NotebookFailed(str(notebook))
demo.execute = naive
"""


@dataclass(frozen=True)
class Fault:
    name: str
    code: int  # the exit status that is due
    cell: str = books.SAVING
    hit: Callable[[subprocess.Popen[bytes], psutil.Process], None] | None = None
    after: bool = False  # at a random moment after the cell began, else at once
    before: str = ""


def _send(number: signal.Signals, to: str) -> Callable[[subprocess.Popen[bytes], psutil.Process], None]:
    def hit(process: subprocess.Popen[bytes], kernel: psutil.Process) -> None:
        victims = {"demo": process, "papermill": kernel.parent(), "kernel": kernel}
        victims[to].send_signal(number)

    return hit


KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
FAULTS = (
    Fault("the disk is full", 1, "print('x' * 200_000)", before=FULL),
    Fault("papermill killed in the middle", 1, hit=_send(KILL, "papermill"), after=True),
    Fault("SIGTERM", 143, hit=_send(TERM, "demo")),
    Fault("a cell fails", 1, "1 / 0"),
    Fault("kernel killed", 1, hit=_send(KILL, "kernel")),
    Fault("Ctrl-C", 130, hit=_send(INT, "demo")),
    Fault("demo killed", -9, hit=_send(KILL, "demo")),
    Fault("papermill killed", 1, hit=_send(KILL, "papermill")),
    Fault("papermill killed in the middle, again", 1, hit=_send(KILL, "papermill"), after=True),
    Fault("papermill killed in the middle, once more", 1, hit=_send(KILL, "papermill"), after=True),
    Fault("papermill stopped", 1, hit=_send(TERM, "papermill")),
    Fault("papermill interrupted", 1, hit=_send(INT, "papermill")),
    Fault("kernel killed in the middle", 1, hit=_send(KILL, "kernel"), after=True),
    Fault("kernel stopped", 1, hit=_send(TERM, "kernel")),
    Fault("kernel interrupted", 1, hit=_send(INT, "kernel")),
    Fault("demo killed in the middle", -9, hit=_send(KILL, "demo"), after=True),
    Fault("SIGHUP in the middle", 129, hit=_send(signal.SIGHUP, "demo"), after=True),
    Fault("the kernel crashes", 1, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"),
    Fault("the kernel leaves with 0", 1, "import os\nos._exit(0)"),
    Fault("a cell is no Python, after much output", 1, "print('x' * 200_000)\n1 1"),
    Fault("a cell exits with 3", 1, "import sys\nsys.exit(3)"),
)


def wrong(fault: Fault, folder: Path, draw: random.Random, before: str = "") -> list[str]:
    """One fault and the run after it; what was not as it should be."""
    folder.mkdir()
    process = books.demo(folder, fault.cell, before=before + fault.before)
    kernel = None
    if fault.hit is not None:
        kernel = books.kernel_of(folder)
        time.sleep(draw.uniform(0, 1.5) if fault.after else 0)
        fault.hit(process, kernel)
    code = process.wait(120)
    found = [] if code == fault.code else [f"exit status {code}, not {fault.code}"]
    if not books.until(lambda: not books.left(folder) and (kernel is None or books.gone(kernel)), 5):
        found.append("a process is left")
    for path in books.copies(folder).glob("*.ipynb"):  # hidden staging files are none: the next run removes them
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found.append(f"{path.name} is truncated")
    if (books.copies(folder) / "00_book.ipynb").exists():
        found.append("a copy that looks finished")
    if code in (130, 143) and not (folder / "saved").exists():
        found.append("the save was cut short")
    if found:
        return [f"{fault.name}: {reason}" for reason in found]
    again = books.demo(folder, "print(1)", before=before).wait(120)
    names = {path.name for path in books.copies(folder).iterdir() if ".ipynb" in path.name}
    if again != 0 or names != {"00_book.ipynb"}:
        return [f"{fault.name}: the next run ended with {again} and left {sorted(names)}"]
    return []


def check(plan: Plan, faults: Sequence[Fault] | None = None, before: str = "") -> Outcome:
    chosen = FAULTS[: plan.share(len(FAULTS), 1)] if faults is None else faults
    draw = random.Random(plan.seed)
    failures = [reason for n, fault in enumerate(chosen) for reason in wrong(fault, plan.folder / f"{n}", draw, before)]
    as_due = len(chosen) - len({reason.split(":")[0] for reason in failures})
    return Outcome(not failures, {"notebooks": len(chosen), "as they should": as_due}, tuple(failures))


def control(plan: Plan) -> Outcome:
    return check(plan, FAULTS[:1], before=IN_PLACE)


GOALS = (
    Goal(
        "G13",
        "killed and failing notebooks: an error, never a truncated file, no process left, and the next run succeeds",
        check,
        control,
        "the executor, which writes the copy in place",
    ),
)
