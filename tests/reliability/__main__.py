"""Check the goals: ``make reliability``, or ``python -m tests.reliability --goals G5 G6 --seed 1 --quick``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.reliability import goal as goals
from unibert_lib import runs

GUARD = Path(__file__).parent / "guard"
LANES = 2  # goals at a time, each on one thread
LONGEST_FIRST = ("G1", "G13", "G2", "G11", "G4", "G5")  # so that the lanes end together


def environment() -> dict[str, str]:
    """One thread a process, no hub, no network."""
    paths = [str(GUARD), str(runs.REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    pinned = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **pinned, **offline, "PYTHONPATH": os.pathsep.join(paths)}


def one(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """A goal in a process of its own; one that dies has not met its goal."""
    goal = goals.known()[name]
    command = [sys.executable, "-m", "tests.reliability", "--one", name, "--seed", str(seed)]
    command += ["--quick"] if quick else []
    surroundings = {**environment(), **goal.environment}
    done = subprocess.run(command, env=surroundings, cwd=runs.REPOSITORY, capture_output=True, text=True)
    try:
        row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = [line for line in done.stderr.splitlines() if line.strip()][-3:]
        failed = {"met": False, "figures": {"exit status": done.returncode}, "failures": last, "seconds": 0.0}
        control = {"met": False, "figures": {}, "failures": [], "seconds": 0.0, "broken": "not reached"}
        row = {"goal": name, "claim": goal.claim, "check": failed, "control": control, "met": False}
    print("\n".join(goals.lines(row)), flush=True)
    return row


def main() -> int:
    """Exit status 0 only if every goal asked for is met."""
    for number in (signal.SIGINT, signal.SIGHUP):  # a shell's background jobs and nohup ignore them, and hand that on
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goals", nargs="*", default=[], metavar="G5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the three minutes that run with the tests")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given, known = parser.parse_args(), goals.known()
    if unknown := [name for name in [*given.goals, *filter(None, [given.one])] if name not in known]:
        parser.error(f"no goal {', '.join(unknown)}; there are {', '.join(known)}")
    if given.one:
        print(json.dumps(goals.judge(known[given.one], given.seed, given.quick)))
        return 0
    began, asked = time.monotonic(), given.goals or list(known)
    order = sorted(asked, key=lambda name: LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST))
    with ThreadPoolExecutor(LANES) as pool:
        found = {row["goal"]: row for row in pool.map(lambda name: one(name, given.seed, given.quick), order)}
    rows = [found[name] for name in asked]
    report = {"seed": given.seed, "quick": given.quick, "seconds": round(time.monotonic() - began), "goals": rows}
    path = runs.root() / "reliability.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    runs.write_json(path, report)
    met = sum(row["met"] for row in rows)
    print(f"{met} of {len(rows)} goals met in {report['seconds']} s; {path}")
    return 0 if met == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
