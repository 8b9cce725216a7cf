"""G1: pretraining killed at every file event and at random moments goes on as if nothing had been."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from safetensors.torch import save_file
from torch import Tensor

from tests.reliability import events, matrix, training
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.matrix import Matrix
from tests.reliability.training import Training
from unibert_lib import checkpoint


def check(plan: Plan) -> Outcome:
    made, expected, seen = prepare(plan)
    every = list(range(len(seen.events)))
    chosen = spread(every, plan.share(len(every), 4))
    failures = at_events(plan, made, expected, seen.events, chosen)
    torn = [number for number, name in enumerate(seen.events) if name.split()[0] in events.WRITES]
    torn = spread(torn, plan.share(len(torn), 1))
    failures += [kill_at(plan, made, expected, number, seen.events[number], torn=True) for number in torn]
    moments, twice = plan.share(100, 3), plan.share(20, 1)
    failures += at_moments(plan, made, expected, moments, twice)
    cells = fine_tuning(plan, plan.share(10, 0))
    failures += cells
    found = tuple(failure for failure in failures if failure)
    figures = {
        "file events of a run": len(seen.events),
        "of its three saves": sum("checkpoints" in name for name in seen.events),
        "killed at events": len(chosen),
        "within a write": len(torn),
        "at random moments": moments,
        "of these twice": twice,
        "a fine-tuning matrix at": len(cells),
        "resumed identically": len(failures) - len(found),
    }
    return Outcome(not found, figures, found[:10])


def control(plan: Plan) -> Outcome:
    with mock.patch.multiple(checkpoint, save=save_in_place, verify=lambda path: None):
        made, expected, seen = prepare(plan)
        saving = [number for number, name in enumerate(seen.events) if "checkpoints/step" in name]
        failures = at_events(plan, made, expected, seen.events, spread(saving, plan.share(40, 5)))
    found = tuple(failure for failure in failures if failure)
    return Outcome(not found, {"killed at events": len(failures), "not resumed": len(found)}, found[:3])


def save_in_place(
    folder: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any], keep: int = 2
) -> Path:
    """As the Trainer saves: the files one after another where they belong, the oldest folder deleted afterwards."""
    final = folder / f"step-{step:08d}"
    final.mkdir(parents=True, exist_ok=True)
    for name, values in tensors.items():
        save_file({key: value.detach().contiguous() for key, value in values.items()}, final / f"{name}.safetensors")
    (final / "state.json").write_text(json.dumps({"step": step, **state}))
    for old in checkpoint.list_checkpoints(folder)[:-keep]:
        checkpoint.shutil.rmtree(old)
    return final


def prepare(plan: Plan) -> tuple[Training, dict[str, Any], events.Ended]:
    """The uninterrupted run: once for its result, in this process, and once more for its file events."""
    made = Training.prepare(plan.folder / "material")
    made.train(plan.folder / "whole")
    expected = training.result(plan.folder / "whole")
    seen = events.watch(lambda: made.train(plan.folder / "seen"), plan.folder / "seen")
    if seen.status or (differs := training.first_difference(expected, plan.folder / "seen")):
        raise RuntimeError(f"two uninterrupted runs differ: {seen.error or differs}")
    return made, expected, seen


def spread(values: list[int], count: int) -> list[int]:
    """``count`` of the values, evenly spread, the last one among them."""
    count = min(count, len(values))
    return [values[(i + 1) * len(values) // count - 1] for i in range(count)]


def at_events(
    plan: Plan, made: Training, expected: dict[str, Any], names: list[str], chosen: list[int]
) -> list[str | None]:
    return [kill_at(plan, made, expected, number, names[number]) for number in chosen]


def kill_at(
    plan: Plan, made: Training, expected: dict[str, Any], number: int, name: str, torn: bool = False
) -> str | None:
    """Why a run killed at an event was not resumed as it should be, or None."""
    folder = plan.folder / f"event {number}{' torn' if torn else ''}"
    ended = events.watch(lambda: made.train(folder), folder, kill_at=number, torn=torn)
    where = f"event {number} ({name}{', half of it' if torn else ''})"
    if ended.status != -9:
        return f"{where}: was not killed, ended with {ended.status} {ended.error}"
    failure = training.resume(made, folder, expected)
    checkpoint.shutil.rmtree(folder)
    return f"{where}: {failure}" if failure else None


def at_moments(plan: Plan, made: Training, expected: dict[str, Any], count: int, twice: int) -> list[str | None]:
    dice = random.Random(plan.seed)
    began = time.monotonic()
    events.start(lambda: made.train(plan.folder / "timed")).wait()
    lasts = time.monotonic() - began
    failures = []
    for number in range(count):
        folder = plan.folder / f"moment {number}"
        for _ in range(2 if number < twice else 1):
            child = events.start(partial(made.train, folder))
            time.sleep(lasts * dice.random())
            child.kill()
            child.wait()
        failure = training.resume(made, folder, expected)
        failures.append(f"moment {number}: {failure}" if failure else None)
        checkpoint.shutil.rmtree(folder)
    return failures


def fine_tuning(plan: Plan, count: int) -> list[str | None]:
    """The same for a matrix of two cells: kills spread over its file events, each write torn."""
    made = Matrix(training.place(plan.folder / "whole") / "model")
    if not count:
        return []
    made.train(plan.folder / "matrix")
    expected, seen = matrix.result(plan.folder / "matrix"), plan.folder / "matrix seen"
    names = events.watch(partial(made.train, seen), seen).events
    failures = []
    for number in spread(list(range(len(names))), count):
        folder = plan.folder / f"matrix {number}"
        ended = events.watch(partial(made.train, folder), folder, kill_at=number, torn=True)
        failure = matrix.resume(made, folder, expected) if ended.status == -9 else f"not killed: {ended.error}"
        failures.append(f"matrix, event {number} ({names[number]}): {failure}" if failure else None)
    return failures


GOALS = (
    Goal(
        "G1",
        "kill -9 at every file event and at 100 random moments, 20 of them twice: resumed to the bit by the same call",
        check,
        control,
        "the checkpoint: written in place, and trusted unread",
    ),
)
