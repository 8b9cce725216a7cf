"""How a printed figure may have been worked out: pure functions from the tables to a value, each with a name.

A ``Design`` fixes what the headline figures leave open: which averages, which unit for STS, which settings, which
baselines. ``HEADLINE`` is the one that gives the abstract's figures to every printed digit (found by ``search``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from scipy import stats

from unibert_lib.results import AVG_REPORTED
from unibert_lib.stats.cells import BASELINES, STUDENTS, TASKS, Cells, languages, mean

AVERAGES = {
    "printed": "printed row averages",
    "recomputed": "recomputed row means",
    "shared": "recomputed row means over the languages that both settings have",
}
STS_UNITS: dict[str, Callable[[Decimal], Decimal]] = {
    "r": lambda r: r,
    "(r+1)/2": lambda r: (r + 1) / 2,
    "100 r": lambda r: 100 * r,
    "50 (r+1)": lambda r: 50 * (r + 1),
}
STS_SETTINGS = (("each", "all"), ("each", "mono"), ("mono", "all"))
LEVELS = ("models", "tasks", "languages")  # what one entry is a gain of
TESTS = ("Welch", "Student", "Mann-Whitney")


@dataclass(frozen=True)
class Design:
    """One way to read the tables for the headline figures; ``left_out`` is a baseline, or none of them."""

    averages: str = "printed"
    sts_unit: str = "(r+1)/2"
    sts_settings: tuple[str, str] = ("each", "all")
    left_out: str = "XLM-V-base"

    @property
    def baselines(self) -> tuple[str, ...]:
        return tuple(model for model in BASELINES if model != self.left_out)

    def __str__(self) -> str:
        without = f" without {self.left_out}" if self.left_out else ""
        before, after = self.sts_settings
        return (
            f"{AVERAGES[self.averages]}; STS as {self.sts_unit}, {before} -> {after}; "
            f"{len(self.baselines)} baselines{without}"
        )


HEADLINE = Design()
FIVE_BASELINES = Design(left_out="")


def average(cells: Cells, task: str, model: str, setting: str, kind: str = "printed", other: str = "") -> Decimal:
    """A row's average: ``printed``, ``recomputed``, or over the languages ``shared`` with the setting ``other``.

    Raises
    ------
    ValueError
        If the tables have no such row, or print no average of it.

    Source: ours.
    """
    row = _row(cells, task, model, setting)
    if kind == "printed":
        if AVG_REPORTED not in row:
            raise ValueError(
                f"no printed average for task={task!r}, model={model!r}, setting={setting!r}; load the tables with "
                "results.load_paper(averages=True)"
            )
        return row[AVG_REPORTED]
    scores = languages(row)
    if kind == "shared":
        theirs = _row(cells, task, model, other)
        scores = {language: score for language, score in scores.items() if language in theirs}
    return mean(scores)


def _row(cells: Cells, task: str, model: str, setting: str) -> dict[str, Decimal]:
    if (task, model, setting) not in cells:
        raise ValueError(
            f"no row task={task!r}, model={model!r}, setting={setting!r}; the tables must be "
            "results.load_paper(averages=True) or shaped like it"
        )
    return cells[task, model, setting]


def before_and_after(cells: Cells, design: Design, model: str) -> list[tuple[Decimal, Decimal]]:
    """A model's averages before (``each``) and after (``all``) for the four tasks, in the design's units.

    Source: ours.
    """
    pairs = []
    for task in TASKS:
        before, after = design.sts_settings if task == "sts" else ("each", "all")
        unit = STS_UNITS[design.sts_unit] if task == "sts" else STS_UNITS["r"]
        one = average(cells, task, model, before, design.averages, after)
        other = average(cells, task, model, after, design.averages, before)
        pairs.append((unit(one), unit(other)))
    return pairs


def relative_gain(before: Decimal, after: Decimal) -> Decimal:
    """``100 * (after / before - 1)``, in percent.

    Raises
    ------
    ValueError
        If ``before`` is 0.

    Source: paper 5.6.
    """
    if not before:
        raise ValueError("a score of 0 has no relative gain; leave its row out or compare differences")
    return 100 * (after / before - 1)


def task_means(cells: Cells, design: Design, model: str) -> tuple[Decimal, Decimal]:
    """A model's mean over the four tasks before and after: the 47.10 -> 48.87 of the introduction.

    Source: ours.
    """
    pairs = before_and_after(cells, design, model)
    before, after = (sum(values, Decimal(0)) / len(pairs) for values in zip(*pairs, strict=True))
    return before, after


def model_gain(cells: Cells, design: Design, model: str) -> Decimal:
    """Relative gain of a model's mean over tasks, in percent.

    Source: ours.
    """
    return relative_gain(*task_means(cells, design, model))


def mean_gain(cells: Cells, design: Design, models: Sequence[str]) -> Decimal:
    """Mean over models of ``model_gain``, in percent: the 7.72 and 1.17 of the abstract.

    Source: ours.
    """
    return sum((model_gain(cells, design, model) for model in models), Decimal(0)) / len(models)


def entries(cells: Cells, design: Design, models: Sequence[str], level: str = "tasks") -> list[Decimal]:
    """Relative gains in percent: one a model (``models``), a model and task (``tasks``), or further a language.

    Those of model and task are the entries of the paper's t-test.

    Source: paper 5.6 (its 12 and 16 entries); the other levels are ours.
    """
    if level == "models":
        return [model_gain(cells, design, model) for model in models]
    if level == "tasks":
        return [relative_gain(*pair) for model in models for pair in before_and_after(cells, design, model)]
    if level == "languages":
        return [relative_gain(*pair) for model in models for pair in _by_language(cells, design, model)]
    raise ValueError(f"level={level!r}: one of {', '.join(LEVELS)}")


def _by_language(cells: Cells, design: Design, model: str) -> list[tuple[Decimal, Decimal]]:
    pairs = []
    for task in TASKS:
        before, after = design.sts_settings if task == "sts" else ("each", "all")
        unit = STS_UNITS[design.sts_unit] if task == "sts" else STS_UNITS["r"]
        later = languages(_row(cells, task, model, after))
        for language, score in languages(_row(cells, task, model, before)).items():
            if language in later:
                pairs.append((unit(score), unit(later[language])))
    return pairs


def two_sample(ours: Sequence[float], theirs: Sequence[float], test: str = "Welch") -> tuple[float, float]:
    """Statistic and two-sided p, entries taken as independent.

    ``test`` is ``Welch`` (unequal variances), ``Student`` (equal ones) or ``Mann-Whitney`` (the statistic is U).

    Raises
    ------
    ValueError
        If ``test`` is unknown, or a side has fewer than two entries.

    Source: paper 5.6 (a t-test); the kinds are ours, SciPy's.
    """
    if test not in TESTS:
        raise ValueError(f"test={test!r}: one of {', '.join(TESTS)}")
    if min(len(ours), len(theirs)) < 2:
        raise ValueError(f"{len(ours)} and {len(theirs)} entries: a test needs two or more on each side")
    if test == "Mann-Whitney":
        found = stats.mannwhitneyu(ours, theirs)
    else:
        found = stats.ttest_ind(ours, theirs, equal_var=test == "Student")
    return float(found.statistic), float(found.pvalue)


def headline_test(cells: Cells, design: Design, digits: int | None = None) -> tuple[float, float]:
    """t and two-sided p of Welch's test, UniBERT's entries against the baselines'; ``digits`` rounds entries first.

    Source: paper 5.6; the kind of test is found by ``search``.
    """
    sides = (entries(cells, design, models) for models in (STUDENTS, design.baselines))
    ours, theirs = ([float(gain if digits is None else round(gain, digits)) for gain in gains] for gains in sides)
    return two_sample(ours, theirs)
