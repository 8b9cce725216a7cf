"""G3: a kill costs one save interval at most, and finds a valid checkpoint once there has been one."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from torch import Tensor

from tests.reliability import events, training
from tests.reliability.g01_killed_anywhere import prepare, spread
from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib import checkpoint


def check(plan: Plan) -> Outcome:
    return look(plan, plan.share(1000, 10), plan.share(60, 4))


def look(plan: Plan, at_events: int, at_moments: int) -> Outcome:
    """Kill without resuming, and look at what is there each time."""
    made, _, seen = prepare(plan)
    dice, began = random.Random(plan.seed), time.monotonic()
    events.start(lambda: made.train(plan.folder / "timed")).wait()
    lasts = time.monotonic() - began
    chosen = spread(list(range(len(seen.events))), at_events)
    lost, found, seen_broken, failures = [], 0, 0, []
    for number in [*chosen, *range(-at_moments, 0)]:
        folder, progress = plan.folder / f"killed {number}", training.Progress()
        work = partial(progress.train, made, folder)
        if number >= 0:
            events.watch(work, folder, kill_at=number)
        else:
            child = events.start(work)
            time.sleep(lasts * dice.random())
            child.kill()
            child.wait()
        there = checkpoint.list_checkpoints(training.checkpoints(folder))
        broken = [f"{path.name}: {reason}" for path in there if (reason := checkpoint.verify(path))]
        newest = max((int(path.name.split("-")[1]) for path in there if checkpoint.verify(path) is None), default=0)
        lost.append(progress.steps - newest)
        found += newest > 0
        seen_broken += len(broken)
        where = f"event {number} ({seen.events[number]})" if number >= 0 else f"moment {-number}"
        if broken:
            failures.append(f"{where}: {broken[0]}")
        if progress.saves and not newest:
            failures.append(f"{where}: no valid checkpoint after {progress.saves} saves")
        if lost[-1] > training.EVERY:
            failures.append(f"{where}: {lost[-1]} steps lost of {progress.steps}")
        shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "kills": len(lost),
        "most steps lost": max(lost),
        "of a save interval of": training.EVERY,
        "with a valid checkpoint": found,
        "broken checkpoints seen": seen_broken,
    }
    return Outcome(not failures, figures, tuple(failures[:10]))


def control(plan: Plan) -> Outcome:
    with mock.patch.object(checkpoint, "save", save_after_removing):
        return look(plan, plan.share(40, 12), 0)


whole_save = checkpoint.save


def save_after_removing(
    folder: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any], keep: int = 2
) -> Path:
    """Room is made first, as one does on a small disk."""
    for old in checkpoint.list_checkpoints(folder):
        shutil.rmtree(old)
    return whole_save(folder, step, tensors, state, keep)


GOALS = (
    Goal(
        "G3",
        "never more than one save interval lost, a valid checkpoint at all times after the first",
        check,
        control,
        "the order of saving: the old checkpoint goes before the new one is there",
    ),
)
