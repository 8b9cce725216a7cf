"""For each kind of claim the pipelines that may give it, the most natural one first, in one readable sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from unibert_lib.stats import pipelines
from unibert_lib.stats.cells import BASELINES, STUDENTS, TABLE, TASKS, Cells, languages
from unibert_lib.stats.pipelines import FIVE_BASELINES, HEADLINE, Design

Claim = dict[str, str]


@dataclass(frozen=True)
class Candidate:
    """A pipeline's name, what it does, and the value that it gives for one claim."""

    name: str
    sentence: str
    value: Decimal | float


@dataclass(frozen=True)
class Sources:
    """The tables: cells of Tables 2 to 6 as printed, and Table 1 as ``results.load_table1`` gives it."""

    cells: Cells
    table1: pd.DataFrame


def candidates(claim: Claim, sources: Sources) -> list[Candidate]:
    """What the known pipelines give for a claim, the most natural first; empty where none knows its quantity.

    Raises
    ------
    ValueError
        If the claim names a model, task, setting or language that the tables do not have.

    Source: ours.
    """
    known = PIPELINES.get(claim["quantity"])
    try:
        return list(known(claim, sources)) if known else []
    except KeyError as error:
        raise ValueError(
            f"claim {claim['id']!r}: the tables have no {error.args[0]!r}; correct the claim's model, task, setting or "
            "language, or give tables that hold it"
        ) from None


def _models(name: str) -> tuple[str, ...]:
    return {"UniBERT": STUDENTS, "baselines": BASELINES}.get(name, tuple(name.split("+")))


def _changes(claim: Claim) -> list[tuple[str, str]]:
    before, _, after = claim["setting"].partition("->")
    return [(before, each) for each in after.split("+")]


def _score(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    task = claim["task"]
    score = sources.cells[task, claim["model"], claim["setting"]][claim["language"]]
    yield Candidate("cell", f"the cell of Table {TABLE[task]}", score)


def _average(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    task, model, setting = claim["task"], claim["model"], claim["setting"]
    count = len(languages(sources.cells[task, model, setting]))
    value = pipelines.average(sources.cells, task, model, setting, "recomputed")
    yield Candidate("row mean", f"mean of the row's {count} cells in Table {TABLE[task]}", value)


def _mean_over_tasks(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    before, after = pipelines.task_means(sources.cells, HEADLINE, claim["model"])
    value = before if claim["setting"] == "each" else after
    yield Candidate("mean over tasks", f"mean over {', '.join(TASKS)} of {_short(HEADLINE)}", value)


def _short(design: Design) -> str:
    return str(design).rpartition(";")[0]


def _relative_gain(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    if not claim["task"]:
        value = pipelines.model_gain(sources.cells, HEADLINE, claim["model"])
        yield Candidate(
            "gain of the mean over tasks", f"relative gain of the mean over tasks of {_short(HEADLINE)}", value
        )
        return
    for kind in ("printed", "recomputed"):
        gains = _task_gains(claim, sources, kind)
        name = "relative gain of averages" if kind == "printed" else "relative gain of row means"
        what = pipelines.AVERAGES[kind]
        yield Candidate(name, f"relative gain of the {what} of Table {TABLE[claim['task']]}", max(gains))


def _task_gains(claim: Claim, sources: Sources, kind: str, relative: bool = True) -> list[Decimal]:
    gains = []
    for model in _models(claim["model"]):
        for settings in _changes(claim):
            pair = [pipelines.average(sources.cells, claim["task"], model, setting, kind) for setting in settings]
            gains.append(pipelines.relative_gain(*pair) if relative else pair[1] - pair[0])
    return gains


def _gain_range(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    least = claim["quantity"] == "least gain"
    value = (min if least else max)(_task_gains(claim, sources, "printed", relative=False))
    what = "smallest" if least else "largest"
    count = len(_models(claim["model"])) * len(_changes(claim))
    yield Candidate(
        claim["quantity"], f"{what} of {count} differences of printed averages of Table {TABLE[claim['task']]}", value
    )


def _gain_of_mean(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    before, after = pipelines.task_means(sources.cells, HEADLINE, claim["model"])
    yield Candidate(
        "difference of means over tasks", f"difference of the means over tasks of {_short(HEADLINE)}", after - before
    )


def _group(claim: Claim, design: Design) -> tuple[str, ...]:
    return design.baselines if claim["model"] == "baselines" else _models(claim["model"])


def _mean_gain(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    for design in (FIVE_BASELINES, HEADLINE) if claim["model"] == "baselines" else (HEADLINE,):
        models = _group(claim, design)
        text = str(design) if claim["model"] == "baselines" else _short(design)
        yield Candidate(
            f"mean gain of {len(models)} models",
            f"mean over {len(models)} models of the relative gain of their means over tasks: {text}",
            pipelines.mean_gain(sources.cells, design, models),
        )


def _entries(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    for design in (FIVE_BASELINES, HEADLINE) if claim["model"] == "baselines" else (HEADLINE,):
        models = _group(claim, design)
        without = f", {design.left_out} left out" if design.left_out and claim["model"] == "baselines" else ""
        text = f"{len(models)} models on {len(TASKS)} tasks{without}"
        yield Candidate("models times tasks", text, float(len(pipelines.entries(sources.cells, design, models))))


def _test(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    place = 0 if claim["quantity"] == "t" else 1
    for design, digits in ((HEADLINE, None), (FIVE_BASELINES, None), (HEADLINE, 1)):
        rounded = f", entries rounded to {digits} decimal" if digits else ""
        yield Candidate(
            f"Welch, 12 against {4 * len(design.baselines)} entries{rounded}",
            f"Welch's two-sided t-test of relative gains, an entry a model and task{rounded}: {design}",
            pipelines.headline_test(sources.cells, design, digits)[place],
        )


TABLE1 = {"layers": "layers", "hidden units": "hidden", "heads": "heads", "vocabulary": "vocabulary"}


def _table1(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    column = TABLE1.get(claim["quantity"], claim["quantity"])
    value = float(sources.table1[column][claim["model"]]) / (1000 if claim["unit"] == "G" else 1)
    yield Candidate("Table 1", f"the column {column} of Table 1", value)


def _against(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    for column in ("size", "parameters"):
        ours, theirs = (float(sources.table1[column][claim[side]]) for side in ("model", "against"))
        if claim["quantity"] == "share of the size":
            yield Candidate(
                f"share of {column}", f"share of the {column} of {claim['against']} in Table 1", 100 * ours / theirs
            )
        else:
            yield Candidate(
                f"ratio of {column}", f"ratio of the {column} of Table 1, {claim['against']} to this", theirs / ours
            )


def _languages(claim: Claim, sources: Sources) -> Iterator[Candidate]:
    count = max(len(languages(row)) for (task, _, _), row in sources.cells.items() if task == claim["task"])
    yield Candidate("columns", f"languages with scores in Table {TABLE[claim['task']]}", float(count))


PIPELINES: dict[str, Callable[[Claim, Sources], Iterator[Candidate]]] = {
    "score": _score,
    "average": _average,
    "mean over tasks": _mean_over_tasks,
    "relative gain": _relative_gain,
    "most relative gain": _relative_gain,
    "least gain": _gain_range,
    "most gain": _gain_range,
    "gain of the mean over tasks": _gain_of_mean,
    "mean relative gain": _mean_gain,
    "entries": _entries,
    "t": _test,
    "p": _test,
    "parameters": _table1,
    "size": _table1,
    **dict.fromkeys(TABLE1, _table1),
    "share of the size": _against,
    "times smaller": _against,
    "languages": _languages,
}
