"""G5: whatever is fed to a parser, it answers, or refuses with an error that names the file and the place."""

from __future__ import annotations

import re
import shutil
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from tests.reliability import samples
from tests.reliability.forks import Died, forked
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.mutate import mutate
from tests.reliability.parsers import ParameterRefused, Parser, parsers
from unibert_lib import corpus, runs, tokenizer

SECONDS = 2.0  # CPU, the longest that an input may take
MEMORY = 512 << 20  # bytes that a child may take beyond what it starts with
CHUNK = 250  # inputs a child

DOCUMENTED = (corpus.FormatError, tokenizer.TokenizerError, runs.RunError)
# A place: of FormatError, of a row, or of a named field.
_PLACE = re.compile(r"(?:line|byte|row|question|page) \d+|, start:|\[\w+\]")


def verdict(parser: Parser, error: BaseException | None, path: Path) -> tuple[str, str]:
    """The class that an answer is counted under, and what is wrong with it ("" for nothing)."""
    if error is None:
        return "read", ""
    if isinstance(error, ParameterRefused):
        return "ValueError with its parameter", ""
    kind = type(error).__name__
    names = (path.name,) if parser.names == () else parser.names
    documented = type(error) is ValueError or isinstance(error, DOCUMENTED)
    if names is None or not documented:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return kind, f"{kind}: {str(error)[:120]!r} at {Path(last.filename).name}:{last.lineno}"
    said = str(error)
    if not any(name in said for name in names):
        return kind, f"{kind} does not name its file: {said[:160]!r}"
    return f"{kind} with its place" if _PLACE.search(said) else f"{kind} about the whole", ""


def feed(parser: Parser, numbers: range, seed: int, folder: Path) -> dict[str, Any]:
    """Some inputs of a parser: what became of them, the slowest, and what should not have happened."""
    place = folder / "input"
    classes: Counter[str] = Counter()
    failures, slowest = [], (0.0, -1)
    for number in numbers:
        rng = Random(f"{seed}:{parser.name}:{number}")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        path = place / parser.file
        (folder / "at").write_text(str(number), encoding="ascii")
        path.write_bytes(parser.make(rng))
        began, error = time.process_time(), None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parser.parse(path, rng)
        except BaseException as raised:  # every class is judged below
            error = raised
        spent = time.process_time() - began
        slowest = max(slowest, (spent, number))
        kind, wrong = verdict(parser, error, path)
        classes[kind] += 1
        if spent > SECONDS:
            wrong = f"took {spent:.1f} s"
        if wrong:
            failures.append(f"{parser.name}, input {number}: {wrong}")
    return {"classes": classes, "failures": failures, "slowest": slowest}


def run(plan: Plan, chosen: Sequence[Parser], total: int) -> Outcome:
    """Feed ``total`` inputs to the parsers, by their shares."""
    share = total / sum(parser.weight for parser in chosen)
    inputs, classes = {}, Counter[str]()
    failures: list[str] = []
    slowest = (0.0, "")
    for parser in chosen:
        count = max(round(share * parser.weight), 1)
        inputs[parser.name] = count
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            while numbers:
                try:
                    found = forked(feed, parser, numbers, plan.seed, plan.folder, memory=MEMORY, seconds=300)
                except Died as died:
                    at = int((plan.folder / "at").read_text(encoding="ascii"))
                    failures.append(f"{parser.name}, input {at}: {died}")
                    numbers = range(at + 1, numbers.stop)
                    continue
                classes.update(found["classes"])
                failures += found["failures"]
                slowest = max(slowest, (found["slowest"][0], f"{parser.name}, input {found['slowest'][1]}"))
                break
    figures = {
        "inputs": sum(inputs.values()),
        "inputs by parser": inputs,
        "answers by class": dict(classes.most_common()),
        "slowest": f"{slowest[0]:.2f} s ({slowest[1]})",
        "memory": f"at most {MEMORY >> 20} MiB above the start, by the system's limit",
        "not as documented": len(failures),
    }
    return Outcome(not failures, figures, tuple(failures[:20]))


def check(plan: Plan) -> Outcome:
    return run(plan, parsers(), plan.share(20_000, 700))


def control(plan: Plan) -> Outcome:
    """A reader of columns as one might write it in a hurry."""

    def naive(path: Path, rng: Random) -> object:
        return [(line.split()[0], line.split()[-1]) for line in path.open(encoding="utf-8") if line != "\n"]

    return run(plan, [Parser("a naive reader", "eng.train", lambda rng: mutate(samples.CONLL, rng), naive, 1)], 200)


GOALS = (
    Goal(
        "G5",
        "20,000 generated inputs over all parsers: only documented errors, all with file and line, none over 2 s",
        check,
        control,
        "a reader that lets IndexError and UnicodeDecodeError through",
    ),
)
