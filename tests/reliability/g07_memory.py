"""G7: a dump ten times larger takes no more memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.reliability.forks import forked, resident
from tests.reliability.goal import Goal, Outcome, Plan
from tests.reliability.samples import HEAD, TAIL, small_tokenizer
from unibert_lib import corpus

MOST = 1.1
WORDS = ("town", "capital", "harbour", "region", "valley", "market", "school", "garden", "bridge", "tower")
NOISE = 1 << 20  # bytes that the allocator may round reading up by


def write_dump(path: Path, pages: int) -> None:
    """A dump of so many pages of about 45 kB, all different: five paragraphs, and a long table as articles have."""
    rng = Random(pages)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEAD)
        for number in range(1, pages + 1):
            stream.write(f"<page><title>Page {number}</title><ns>0</ns><id>{number}</id><revision><text>")
            stream.write("\n\n".join(_paragraph(rng) for _ in range(5)))
            rows = "".join(f"|-\n| {word} {number} || {rng.randrange(10**9)}\n" for word in WORDS * 4)
            stream.write(f'\n\n{{| class="wikitable"\n{rows * 35}|}}\n</text></revision></page>\n')
        stream.write(TAIL)


def _paragraph(rng: Random) -> str:
    told = "The {} of this {} lies on the river {}, and {} people lived there in {}."
    return " ".join(told.format(*rng.choices(WORDS, k=2), *rng.choices(range(10**6), k=3)) for _ in range(5))


def reading(dump: Path, out: Path, keep: Callable[[Iterable[Any]], Iterable[Any]]) -> int:
    """The dump's paragraphs, one after another."""
    pages = 0
    for page in keep(corpus.read_dump(dump, "en")):
        pages += 1
        for _ in corpus.paragraphs(page):
            pass
    return pages


def building(dump: Path, out: Path, keep: Callable[[Iterable[Any]], Iterable[Any]]) -> int:
    """All five rules and the shards."""
    report = corpus.build({"en": keep(corpus.read_dump(dump, "en"))}, out / "four", progress=False)
    corpus.finish(out / "four", out / "five", small_tokenizer(), progress=False)
    return report.languages["en"].pages


def measured(work: Callable[[], int]) -> dict[str, int]:
    """Base and peak of a fresh child's resident set in bytes, by the kernel's own marks, and what the work answers."""

    def child() -> dict[str, int]:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins again
        base = resident("VmRSS")
        pages = work()
        return {"base": base, "peak": resident("VmHWM"), "pages": pages}

    found: dict[str, int] = forked(child)
    return found


def run(plan: Plan, keep: Callable[[Iterable[Any]], Iterable[Any]] = lambda pages: pages) -> Outcome:
    """Peak memory of two dumps, one ten times as long; children of one process, so that their base is common."""
    pages = 200  # a batch of the builder's and no less, or the smaller dump would not need all that it may
    dumps = {count: plan.folder / f"{count}.xml" for count in (20, pages, 10 * pages)}
    for count, path in dumps.items():
        write_dump(path, count)
    building(dumps[20], plan.folder / "warm", lambda found: found)  # imports and caches belong to the base
    failures, figures = [], {"bytes": [dumps[count].stat().st_size for count in (pages, 10 * pages)]}
    for name, work in (("reading", reading), ("building", building)):
        small, large = (
            measured(partial(work, dumps[count], plan.folder / f"{name}{count}", keep)) for count in (pages, 10 * pages)
        )
        if (small["pages"], large["pages"]) != (pages, 10 * pages):
            failures.append(f"{name}: {small['pages']} and {large['pages']} pages read")
        ratio = large["peak"] / small["peak"]
        above = [(found["peak"] - found["base"]) / 2**20 for found in (small, large)]
        figures[f"{name}, peak of the process"] = f"{small['peak'] >> 20} and {large['peak'] >> 20} MiB, {ratio:.3f} x"
        figures[f"{name}, above the common base"] = f"{above[0]:.1f} and {above[1]:.1f} MiB"
        if ratio > MOST:
            failures.append(f"{name}: the larger dump takes {ratio:.2f} times the memory")
        # A reader holds a page and a chunk: its own memory, without the libraries', must not grow either.
        if name == "reading" and above[1] * 2**20 > MOST * above[0] * 2**20 + NOISE:
            failures.append(f"reading: {above[1]:.1f} MiB above the base, {above[0]:.1f} for a tenth of the dump")
    return Outcome(not failures, figures, tuple(failures))


def control(plan: Plan) -> Outcome:
    """A builder that keeps all pages."""
    return run(plan, lambda pages: list(pages))


GOALS = (
    Goal("G7", "peak memory on a dump ten times larger <= 1.1 x", run, control, "the streaming: all pages are kept"),
)
