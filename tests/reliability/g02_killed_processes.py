"""G2: as G1 with two processes over gloo: one of them is killed, or both, and the same call goes on."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch.distributed as dist

from tests.reliability import events, orphans, training
from tests.reliability.g01_killed_anywhere import save_in_place, spread
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.training import Training
from unibert_lib import checkpoint, processes

WORLD = 2
PATIENCE = 60.0  # seconds until a process whose partner is gone must have noticed


@dataclass(frozen=True)
class Together:
    """Process ``rank`` of a run of two: the leader, 0, is the one that writes."""

    made: Training
    folder: Path
    meeting: Path  # a file that is not there yet

    def __call__(self, rank: int) -> None:
        names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": WORLD, "LOCAL_WORLD_SIZE": WORLD}
        os.environ.update({name: str(value) for name, value in names.items()})
        dist.init_process_group("gloo", store=dist.FileStore(str(self.meeting), WORLD), rank=rank, world_size=WORLD)
        self.made.train(self.folder)
        processes.leave()


@dataclass(frozen=True)
class Kills:
    """Both ways to end a run of two before its time; each run meets at a file of its own."""

    plan: Plan
    made: Training

    def _together(self, folder: Path) -> Together:
        return Together(self.made, folder, self.plan.folder / f"meeting {time.monotonic_ns()}")

    def at_event(self, folder: Path, number: int | None, torn: bool = False) -> tuple[events.Ended, events.Ended]:
        """How leader and follower ended where the leader was killed at a file event; at none to see them all."""
        work = self._together(folder)
        follower = events.start(partial(work, 1))
        leader = events.watch(partial(work, 0), folder, kill_at=number, torn=torn)
        return leader, left(follower)

    def at_moment(self, folder: Path, seconds: float, ranks: tuple[int, ...]) -> list[events.Ended]:
        """How both ended where ``ranks`` were killed after so long; none of them to see whether they finish."""
        work = self._together(folder)
        both = [events.start(partial(work, rank)) for rank in range(WORLD)]
        if ranks:
            time.sleep(seconds)
        for rank in ranks:
            both[rank].kill()
        return [left(one) for one in both]


def left(child: events.Child) -> events.Ended:
    """How a process ended; one that stays on without its partner for too long is stopped, and says so."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found, status = os.waitpid(child.pid, os.WNOHANG)
        if found:
            return child.ended(status)
        time.sleep(0.02)
    child.kill()
    ended = child.wait()
    return events.Ended(ended.status, f"still there after {PATIENCE:.0f} s {ended.error}")


def check(plan: Plan) -> Outcome:
    kills, expected, seen, lasts = prepare(plan)
    dice, failures, waited, killed = random.Random(plan.seed), list[str | None](), 0, 0
    torn = [number for number, name in enumerate(seen) if name.split()[0] in events.WRITES]
    at = [(number, False) for number in spread(list(range(len(seen))), plan.share(4, 2))]
    at += [(number, True) for number in spread(torn, plan.share(2, 0))]
    for number, half in at:
        folder = plan.folder / f"event {number} {half}"
        leader, follower = kills.at_event(folder, number, half)
        waited += "still there" in follower.error
        killed += leader.status == -9
        where = f"event {number} ({seen[number]}{', half of it' if half else ''})"
        failures.append(verdict(kills, folder, expected, where, leader))
    for ranks in plan.share(1, 0) * [(0,), (1,), (0, 1)] + [(1,)]:
        folder, seconds = plan.folder / f"moment {len(failures)}", lasts * dice.random()
        ended = kills.at_moment(folder, seconds, ranks)
        waited += any("still there" in one.error for one in ended)
        where = f"{seconds:.1f} s after the start, of process {' and '.join(map(str, ranks))}"
        failures.append(verdict(kills, folder, expected, where, *ended))
    found = tuple(failure for failure in failures if failure)
    if not killed:
        found += ("no leader was killed at an event",)
    for number in range(plan.share(2, 0)):
        led = orphans.killed_training(plan.folder / f"led {number}")
        found += tuple(f"the leader that started both, killed alone: {said}" for said in led)
    if waited:
        found += (f"{waited} processes did not notice within {PATIENCE:.0f} s that the other was gone",)
    figures = {
        "file events of a leader": len(seen),
        "leader killed at events": killed,
        "who started both killed alone": plan.share(2, 0),
        "at random moments": len(failures) - len(at),
        "resumed identically": sum(failure is None for failure in failures),
    }
    return Outcome(not found, figures, found[:10])


def control(plan: Plan) -> Outcome:
    with mock.patch.multiple(checkpoint, save=save_in_place, verify=lambda path: None):
        kills, expected, seen, _ = prepare(plan)
        # Where a save has written its tensors and not what else belongs to it.
        saving = [number for number, name in enumerate(seen) if "checkpoints/step" in name and "state.json" in name]
        failures = []
        for number in spread(saving, plan.share(10, 5)):
            folder = plan.folder / f"event {number}"
            leader, _ = kills.at_event(folder, number)
            failures.append(verdict(kills, folder, expected, f"event {number}", leader))
    found = tuple(failure for failure in failures if failure)
    return Outcome(not found, {"killed at events": len(failures), "not resumed": len(found)}, found[:3])


def prepare(plan: Plan) -> tuple[Kills, dict[str, Any], list[str], float]:
    """The uninterrupted run of two, twice: its result, the leader's file events, and its seconds."""
    kills = Kills(plan, Training.prepare(plan.folder / "material"))
    whole, began = plan.folder / "whole", time.monotonic()
    ended = kills.at_moment(whole, 0.0, ())
    lasts = time.monotonic() - began
    if any(one.status for one in ended):
        raise RuntimeError("; ".join(one.error for one in ended))
    expected = training.result(whole)
    leader, follower = kills.at_event(plan.folder / "seen", None)
    differs = training.first_difference(expected, plan.folder / "seen")
    if leader.status or follower.status or differs:
        raise RuntimeError(f"two uninterrupted runs differ: {leader.error or follower.error or differs}")
    return kills, expected, leader.events, lasts


def verdict(kills: Kills, folder: Path, expected: dict[str, Any], where: str, *ended: events.Ended) -> str | None:
    """Why the same call did not go on from where it ``ended`` to the end of an unkilled run, or None."""
    # A run may be over before its kill: which of both processes writes the configuration, and so has the more file
    # events, is chance.
    if any(one.status for one in ended) and not any(one.status == -9 for one in ended):
        return f"{where}: was not killed: {', '.join(f'{one.status} {one.error}' for one in ended)}"
    resumed = kills.at_moment(folder, 0.0, ())
    if wrong := [one for one in resumed if one.status]:
        return f"{where}: resuming ended with {wrong[0].status}: {wrong[0].error}"
    differs = training.first_difference(expected, folder)
    return f"{where}: {differs} differs from the uninterrupted run" if differs else None


GOALS = (
    Goal(
        "G2",
        "kill -9 of one of two gloo processes, or of both, 10 times: resumed to the bit by the same call",
        check,
        control,
        "the checkpoint: written in place, and trusted unread",
    ),
)
