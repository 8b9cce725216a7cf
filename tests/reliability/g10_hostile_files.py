"""G10: hostile files run nothing, and nothing is written outside of the folder they are read for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib.runs import REPOSITORY

# What the control breaks, and the attack that must then get through.
BROKEN = {
    "checkpoints are unpickled": "pickle as a checkpoint's tensors",
    "models may bring code": "configuration with code of its own",
    "names of runs are not checked": "names of runs that leave their folder",
    "pages are not sanitised": "notebook whose outputs are scripts",
    "tables are written as they come": "cells that are formulas",
    "injected cells are not checked": "parameter file whose name is code",
}


def tried(folder: Path, names: Sequence[str], careless: str | None = None) -> list[dict[str, Any]]:
    """The attacks in a process of its own, whose home and caches lie in ``folder`` too, watched like all else."""
    (folder / "home").mkdir(parents=True)
    (folder / "scratch").mkdir()  # for temporary files, the one place besides the attack's own
    (folder / "outside.txt").write_text("as it was")
    places = {"HOME": "home", "HF_HOME": "scratch/hf", "TMPDIR": "scratch", "UNIBERT_RUNS": "scratch/runs"}
    environment = {**os.environ, **{name: str(folder / place) for name, place in places.items()}}
    paths = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(REPOSITORY)]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "tests.reliability.hostile", str(folder)]
    command += ["--careless", careless] if careless else []
    done = subprocess.run([*command, *names], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for name in names[len(rows) :]:
        rows.append({"attack": name, "answer": "ended", "through": done.stderr.strip()[-300:] or done.returncode})
    return rows


def check(plan: Plan) -> Outcome:
    from tests.reliability.hostile import ATTACKS, KERNEL  # only now: it loads torch

    names = [name for name in ATTACKS if not (plan.quick and name in KERNEL)]
    rows = tried(plan.folder / "tree", names)
    failures = tuple(f"{row['attack']}: {row['through']}" for row in rows if row["through"])
    refused = sum(row["answer"].startswith("refused") for row in rows)
    figures = {"files": len(rows), "refused": refused, "read as plain data": len(rows) - refused - len(failures)}
    return Outcome(not failures, {**figures, "got through": len(failures)}, failures)


def control(plan: Plan) -> Outcome:
    """One defence broken at a time: an attack that then goes unnoticed would make the check worthless."""
    missed = []
    chosen = list(BROKEN.items())[: plan.share(len(BROKEN), 1)]
    for number, (careless, attack) in enumerate(chosen):
        [row] = tried(plan.folder / str(number), [attack], careless)
        if not row["through"] or row["answer"] == "ended":
            missed.append(f"{careless}: {row['answer']}")
    return Outcome(bool(missed), {"broken": len(chosen), "unnoticed": len(missed)}, tuple(missed))


GOALS = (
    Goal(
        "G10",
        "hostile files: nothing executed, nothing written outside, every refusal an error of ours",
        check,
        control,
        "one defence at a time: " + "; ".join(BROKEN),
    ),
)
