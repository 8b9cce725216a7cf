"""A goal: a claim, a check that gives figures, and the same check with a fault put in, which must fail."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """How a goal is checked: ``quick`` takes seconds and runs with the tests, else the goal's full numbers."""

    folder: Path
    seed: int = 0
    quick: bool = False

    def share(self, full: int, quick: int) -> int:
        """How many of something: ``full``, or ``quick``."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Outcome:
    """What a check found. ``failures`` says each in a line, the first ones; ``met`` is not to be read off figures."""

    met: bool
    figures: dict[str, Any] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Goal:
    name: str  # "G5"
    claim: str
    check: Callable[[Plan], Outcome]
    control: Callable[[Plan], Outcome]  # the same check on something broken on purpose
    broken: str  # what the control breaks
    environment: Mapping[str, str] = field(default_factory=dict)  # what its process is started with besides


def known() -> dict[str, Goal]:
    """Every goal of the modules ``tests/reliability/gNN_*.py``, in order."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = [module.name for module in modules if re.fullmatch(r"g\d\d_\w+", module.name)]
    found = [goal for name in names for goal in importlib.import_module(f"{__package__}.{name}").GOALS]
    return {goal.name: goal for goal in sorted(found, key=lambda goal: int(goal.name[1:]))}


def judge(goal: Goal, seed: int, quick: bool) -> dict[str, Any]:
    """The check and the control, each in an empty folder: a goal is met if the one holds and the other does not."""
    row: dict[str, Any] = {"goal": goal.name, "claim": goal.claim, "quick": quick, "seed": seed}
    for part, call in (("check", goal.check), ("control", goal.control)):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{goal.name} ") as scratch:  # a path with a space, on purpose
            outcome = call(Plan(Path(scratch), seed, quick))
        row[part] = {**asdict(outcome), "seconds": round(time.monotonic() - began, 1)}
    row["control"]["broken"] = goal.broken
    row["met"] = row["check"]["met"] and not row["control"]["met"]
    return row


def lines(row: dict[str, Any]) -> Sequence[str]:
    """A goal's result as one or more lines of text."""
    figures = ", ".join(f"{name} {value}" for name, value in row["check"]["figures"].items())
    seconds = row["check"]["seconds"] + row["control"]["seconds"]
    told = [f"{row['goal']:>4} {'met' if row['met'] else 'NOT MET'} ({seconds:.0f} s): {row['claim']}: {figures}"]
    told += [f"       {failure}" for failure in row["check"]["failures"][:5]]
    if row["control"]["met"]:
        told.append(f"       the control did not fail, though it breaks {row['control']['broken']}")
    return told
