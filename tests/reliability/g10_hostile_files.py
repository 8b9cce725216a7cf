"""G10: hostile files run nothing, and nothing is written outside of the folder they are read for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib.runs import REPOSITORY


def tried(plan: Plan, *options: str) -> list[dict[str, Any]]:
    """The attacks in a process of its own, whose home and caches lie in the plan's folder, watched like all else."""
    folder = plan.folder
    (folder / "home").mkdir()
    (folder / "scratch").mkdir()  # for temporary files, the one place besides the attack's own
    (folder / "outside.txt").write_text("as it was")
    places = {"HOME": "home", "HF_HOME": "scratch/hf", "TMPDIR": "scratch", "UNIBERT_RUNS": "scratch/runs"}
    environment = {**os.environ, **{name: str(folder / place) for name, place in places.items()}}
    paths = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(REPOSITORY)]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "tests.reliability.hostile", str(folder), *options]
    command += ["--quick"] if plan.quick else []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not rows or rows.pop() != {"end": True}:
        rows.append({"attack": f"after {len(rows)}", "answer": "ended", "through": done.stderr.strip()[-300:]})
    return rows


def check(plan: Plan) -> Outcome:
    rows = tried(plan)
    failures = tuple(f"{row['attack']}: {row['through']}" for row in rows if row["through"])
    refused = sum(row["answer"].startswith("refused") for row in rows)
    figures = {"files": len(rows), "refused": refused, "read as plain data": len(rows) - refused - len(failures)}
    return Outcome(not failures and len(rows) >= 30, {**figures, "got through": len(failures)}, failures)


def control(plan: Plan) -> Outcome:
    """One defence broken at a time: an attack that then goes unnoticed would make the check worthless."""
    rows = tried(plan, "--control")
    missed = tuple(
        f"{row.get('defence', row['attack'])}: {row['answer']}"
        for row in rows
        if not row["through"] or "instead of an error" in row["through"] or row["answer"] == "ended"
    )
    return Outcome(bool(missed), {"broken": len(rows), "unnoticed": len(missed)}, missed)


GOALS = (
    Goal(
        "G10",
        "hostile files: nothing executed, nothing written outside, every refusal an error of ours",
        check,
        control,
        "one defence at a time: loader, checkpoint, names of runs, pages, tables, injected cells",
    ),
)
