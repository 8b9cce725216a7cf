"""G9: a checkpoint with one file cut short or one bit turned is never used."""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from tests.reliability import training
from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib import checkpoint


def check(plan: Plan) -> Outcome:
    return damage(plan, plan.share(100, 15), plan.share(5, 1))


def damage(plan: Plan, each: int, resumed: int) -> Outcome:
    """``each`` times cut and ``each`` times flip a file of the newest checkpoint, and then of the one before it too;
    ``resumed`` times of each go on training."""
    made, dice = training.Training.prepare(plan.folder / "material"), random.Random(plan.seed)
    whole, folder = plan.folder / "whole", plan.folder / "damaged"
    made.train(whole)
    expected = training.result(whole)
    (training.place(whole) / "DONE").unlink()
    passed_over = refused = trained = 0
    failures = []
    for name, spoil in (("cut", cut), ("flip", flip)):
        for number in range(each):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(whole, folder)
            older, newest = checkpoint.list_checkpoints(training.checkpoints(folder))
            done = f"{name} {number}: {spoil(newest, dice)}"
            used = load(training.checkpoints(folder))
            passed_over += used == older.name
            if used != older.name:
                failures.append(f"{done}: {used}")
            elif number < resumed:
                failure = training.resume(made, folder, expected)
                trained += failure is None
                failures += [f"{done}: {failure}"] if failure else []
                continue
            spoil(older, dice)
            used = load(training.checkpoints(folder))
            refused += used == "CheckpointError"
            if used != "CheckpointError":
                failures.append(f"{done}, and so in the one before: {used}")
    figures = {
        "cut": each,
        "flipped": each,
        "passed over for the one before": passed_over,
        "an error where both are damaged": refused,
        "trained on identically": trained,
    }
    return Outcome(not failures, figures, tuple(failures[:10]))


def load(folder: Path) -> str:
    """The name of the checkpoint that would be used, or of the error."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = checkpoint.load_newest(folder)
        except checkpoint.CheckpointError as error:
            return type(error).__name__
        except Exception as error:  # any other is the failure looked for
            return f"{type(error).__name__}: {error}"
    if found is None:
        return "no checkpoint, as if there never had been one"
    quiet = found[0] != checkpoint.list_checkpoints(folder)[-1] and not said
    return "passed over without a word" if quiet else found[0].name


def cut(path: Path, dice: random.Random) -> str:
    file = dice.choice(sorted(path.iterdir()))
    length = dice.randrange(file.stat().st_size)
    with file.open("r+b") as stream:
        stream.truncate(length)
    return f"{file.name} at byte {length}"


def flip(path: Path, dice: random.Random) -> str:
    file = dice.choice(sorted(path.iterdir()))
    content = bytearray(file.read_bytes())
    place, bit = dice.randrange(len(content)), dice.randrange(8)
    content[place] ^= 1 << bit
    file.write_bytes(content)
    return f"{file.name}, bit {bit} of byte {place}"


def control(plan: Plan) -> Outcome:
    verify: Callable[[Path], str | None] = lambda path: None  # noqa: E731
    with mock.patch.object(checkpoint, "verify", verify):
        return damage(plan, plan.share(30, 10), 0)


GOALS = (
    Goal(
        "G9",
        "100 truncations and 100 bit flips of checkpoints: all detected",
        check,
        control,
        "the manifest: nobody reads it",
    ),
)
