"""G4: a corpus run that is killed anywhere, and started again, ends as one that was never disturbed."""

from __future__ import annotations

import bz2
import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.reliability import orphans
from tests.reliability.forks import Died, forked
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.samples import page
from unibert_lib import atlas, recipes, tokenizer, tokens
from unibert_lib.corpus import shards
from unibert_lib.parameters import CorpusParameters

LANGUAGES = ("en", "sw", "zh")
# What changes the disk, as Python's own audit hooks tell it, before it happens.
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.truncate")


def dumps(folder: Path) -> None:
    """Atlas with noise, and in each language a page that cannot be read, so that something is quarantined too."""
    for path in atlas.write_dumps(folder, languages=LANGUAGES, pages=12).values():
        broken = page(999_999, "a NUL \0 and so on")
        text = bz2.decompress(path.read_bytes()).decode("utf-8").replace("</mediawiki>", broken + "</mediawiki>")
        path.write_bytes(bz2.compress(text.encode("utf-8")))


def make(source: Path, out: Path) -> None:
    """The embedded dumps; then of ``source``: rules 1 to 4, a tokenizer, rule 5, the token store."""
    recipes.atlas_dumps(CorpusParameters(budget="smoke", languages=LANGUAGES[:1], runs=str(out)))
    wanted = CorpusParameters(source=str(source), vocab_size=800, name="killed", budget="smoke", runs=str(out))
    made = recipes.ensure_corpus(wanted)
    tokens.write(made, tokenizer.load(made / "tokenizer"), out / "tokens" / "killed", heldout_share=0.2)


def tree(folder: Path) -> dict[str, str]:
    """Every file and folder, hidden ones and locks too, with its contents' sha256."""
    found = {}
    for path in sorted(folder.rglob("*")):
        contents = "a folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.relative_to(folder).as_posix()] = contents
    return found


def die_at(event: int, out: Path, kinds: tuple[str, ...] = EVENTS) -> list[int]:
    """From now on count the events below ``out``, and end by SIGKILL before the one of that number."""
    seen, below = [0], str(out)

    def hook(name: str, given: tuple[object, ...]) -> None:
        if name not in kinds or not given or not str(given[0]).startswith(below):
            return
        if name == "open" and not (isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            return
        seen[0] += 1
        if seen[0] == event:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return seen


def killed(work: Callable[[], None], after: float | None = None) -> bool:
    """Whether a child that does the work ended by SIGKILL: its own, or ours after so many seconds."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def run(
    plan: Plan,
    kills: int,
    spoil: Callable[[], None] = lambda: None,
    kinds: tuple[str, ...] = EVENTS,
    *,
    by_chance: bool = True,
) -> Outcome:
    """Kill so often, by turns at a file event and at a random moment, every fifth run twice; compare all files.

    Not by chance, at events alone, evenly spread.
    """
    source, out, rng = plan.folder / "dumps", plan.folder / "runs", Random(plan.seed)
    dumps(source)

    def counted() -> int:
        seen = die_at(0, out, kinds)
        make(source, out)
        return seen[0]

    began = time.monotonic()
    events = forked(counted)
    took = time.monotonic() - began
    expected = tree(out)
    done = {"at file events": 0, "at random moments": 0}
    failures: list[str] = []

    def kill(at_event: bool) -> str:
        event, moment = rng.randrange(1, events + 1), rng.uniform(0.0, took)
        if not by_chance:
            event = 1 + sum(done.values()) * events // kills

        def doomed() -> None:
            spoil()
            if at_event:
                die_at(event, out, kinds)
            make(source, out)

        if not killed(doomed, None if at_event else moment):
            return ""  # a run that is resumed has fewer events, and may be done before its time
        done["at file events" if at_event else "at random moments"] += 1
        return f"event {event} of {events}" if at_event else f"{moment:.2f} of {took:.2f} s"

    def again() -> None:
        spoil()
        make(source, out)

    number = twice = 0
    while sum(done.values()) < kills and number < 3 * kills:
        shutil.rmtree(out, ignore_errors=True)
        places = [kill(number % 2 == 0 or not by_chance)]
        if by_chance and number % 5 == 4 and sum(done.values()) < kills:
            places.append(kill(number % 2 == 1))
            twice += all(places)
        number += 1
        where = " and ".join(filter(None, places))
        try:
            forked(again)
        except Died as died:
            failures.append(f"killed at {where}: cannot be resumed, {died}")
            continue
        found = tree(out)
        if found != expected:
            names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
            failures.append(f"killed at {where}: {len(names)} files differ, {', '.join(names[:3])}")
    figures = {
        "kills": sum(done.values()),
        **done,
        "runs killed twice": twice,
        "runs that ended otherwise": len(failures),
        "file events of a run": events,
        "files": sum(contents != "a folder" for contents in expected.values()),
        "seconds of a run": round(took, 2),
    }
    return Outcome(not failures and sum(done.values()) == kills, figures, tuple(failures[:10]))


def check(plan: Plan) -> Outcome:
    """Whole groups, then leaders alone: their workers must not go on beside those of the run that is begun at once."""
    together = run(plan, plan.share(50, 4))
    leaders = plan.share(5, 1)
    alone = tuple(orphans.killed_corpus(plan.folder, leaders, plan.share(orphans.LASTING, orphans.ROWS)))
    figures = {**together.figures, "leaders killed alone": leaders, "of them ended otherwise": len(alone)}
    return Outcome(together.met and not alone, figures, (*together.failures, *alone))


def control(plan: Plan) -> Outcome:
    """A builder that goes on with whatever a killed run left in its staging folder; workers that know no leader."""

    def spoil() -> None:
        def enter(self: shards.StagedLanguage) -> shards.StagedLanguage:
            self.dropped_folder.mkdir(parents=True, exist_ok=True)
            self.kept = shards.ShardWriter(self.dropped_folder.parent / "kept", self._schema, always=True)
            self.dropped = shards.ShardWriter(self.dropped_folder, shards.DROPPED)
            return self

        shards.StagedLanguage.__enter__ = enter  # type: ignore[method-assign]

    together = run(plan, plan.share(12, 6), spoil, kinds=("os.rename",), by_chance=False)
    rows = plan.share(orphans.LASTING, orphans.ROWS)
    alone = tuple(orphans.killed_corpus(plan.folder, plan.share(2, 1), rows, faulty=True))
    figures = {**together.figures, "leaders killed alone that ended otherwise": len(alone)}
    # Noticed are both faults, or the control has failed.
    return Outcome(together.met or not alone, figures, (*together.failures, *alone))


GOALS = (
    Goal(
        "G4",
        "a corpus run killed 50 times, its leader alone 5 times: output as a clean run's, nothing lost or doubled",
        check,
        control,
        "the clearing of what a killed run left; and workers' knowledge of their leader, with their locks and counts",
    ),
)
