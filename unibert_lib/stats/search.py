"""Which reading of the tables gives the printed headline figures? Try them all, and count.

A figure of three digits is met by chance once in some hundred tries. So what counts is a reading that gives all the
figures of one place together, and how many readings were tried to find it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product

import pandas as pd

from unibert_lib.results import AVG_REPORTED, load_paper
from unibert_lib.stats import pipelines
from unibert_lib.stats.cells import BASELINES, STUDENTS, TASKS, Cells, read, unit
from unibert_lib.stats.claims import agrees
from unibert_lib.stats.pipelines import AVERAGES, LEVELS, STS_SETTINGS, STS_UNITS, TESTS, Design

DESIGN = ["averages", "sts_unit", "sts_settings", "left_out"]
ROUNDINGS = (None, 2, 1, 0)  # digits that the entries are rounded to before a test
# What a place may print, and the column that holds it.
FIGURES = ("unibert", "baselines", "t", "p", "n_unibert", "n_baselines")


def designs(left_out: tuple[str, ...] = ("", *BASELINES)) -> Iterator[Design]:
    """Every combination of averages, unit and settings of STS, and one baseline left out, or none.

    Source: ours.
    """
    for choice in product(AVERAGES, STS_UNITS, STS_SETTINGS, left_out):
        yield Design(*choice)


def _named(design: Design) -> dict[str, str]:
    values = (design.averages, design.sts_unit, " -> ".join(design.sts_settings), design.left_out)
    return dict(zip(DESIGN, values, strict=True))


def _cells(tables: pd.DataFrame | None) -> Cells:
    return read(load_paper(averages=True) if tables is None else tables)


def model_figures(tables: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each model's mean over the four tasks before and after, and its relative gain, in every design.

    Returns
    -------
    DataFrame
        ``averages``, ``sts_unit``, ``sts_settings``, ``model``, ``each``, ``all``, ``gain`` (percent). A row a design
        and model; 36 designs, as leaving a baseline out changes no model's own figures.

    Source: ours; paper 1 and 5.6.
    """
    cells, rows = _cells(tables), []
    for design, model in product(designs(("",)), (*BASELINES, *STUDENTS)):
        before, after = pipelines.task_means(cells, design, model)
        gain = pipelines.relative_gain(before, after)
        rows.append({**_named(design), "model": model, "each": float(before), "all": float(after), "gain": float(gain)})
    return pd.DataFrame(rows).drop(columns="left_out")


def mean_gains(tables: pd.DataFrame | None = None) -> pd.DataFrame:
    """Mean relative gain of the students and of the baselines in every design.

    Returns
    -------
    DataFrame
        ``averages``, ``sts_unit``, ``sts_settings``, ``left_out``, ``mean_of`` (gains of ``models``, of models on
        ``tasks``, or those in ``languages``; or the gain of the mean of all models, ``pooled``), ``unibert``,
        ``baselines`` (percent).

    Source: ours; paper abstract and 5.6.
    """
    cells, rows = _cells(tables), []
    for design, level in product(designs(), (*LEVELS, "pooled")):
        pair = []
        for models in (STUDENTS, design.baselines):
            if level == "pooled":
                both = [pipelines.task_means(cells, design, model) for model in models]
                before, after = (sum(values, Decimal(0)) for values in zip(*both, strict=True))
                pair.append(float(pipelines.relative_gain(before, after)))
            else:
                gains = pipelines.entries(cells, design, models, level)
                pair.append(float(sum(gains, Decimal(0)) / len(gains)))
        rows.append({**_named(design), "mean_of": level, "unibert": pair[0], "baselines": pair[1]})
    return pd.DataFrame(rows)


def significance_tests(tables: pd.DataFrame | None = None) -> pd.DataFrame:
    """Tests of the students' gains against the baselines' in every design; entries count as independent.

    Returns
    -------
    DataFrame
        ``averages``, ``sts_unit``, ``sts_settings``, ``left_out``, ``entries`` (gains of ``models``, ``tasks`` or
        ``languages``), ``rounded`` (digits that they were rounded to first, or none), ``test``, ``sides``,
        ``n_unibert``, ``n_baselines``, ``t`` (Mann-Whitney: U), ``p``.

    Source: ours; paper 5.6.
    """
    cells, rows = _cells(tables), []
    done: dict[tuple[tuple[float, ...], tuple[float, ...], str], tuple[float, float]] = {}
    for design, level in product(designs(), LEVELS):
        sides = [pipelines.entries(cells, design, models, level) for models in (STUDENTS, design.baselines)]
        for digits, test in product(ROUNDINGS, TESTS):
            ours, theirs = (tuple(float(g if digits is None else round(g, digits)) for g in gains) for gains in sides)
            if (ours, theirs, test) not in done:  # 100 r has the relative gains of r
                done[ours, theirs, test] = pipelines.two_sample(ours, theirs, test)
            t, p = done[ours, theirs, test]
            middle = len(ours) * len(theirs) / 2 if test == "Mann-Whitney" else 0.0
            named = {**_named(design), "entries": level, "rounded": "none" if digits is None else str(digits)}
            counts = {"n_unibert": len(ours), "n_baselines": len(theirs), "t": t}
            rows.append({**named, "test": test, "sides": 2, **counts, "p": p})
            rows.append({**named, "test": test, "sides": 1, **counts, "p": _upper_tail(t, p, middle)})
    return pd.DataFrame(rows)


def _upper_tail(statistic: float, p: float, middle: float) -> float:
    """The one-sided p (ours greater) of a two-sided one: SciPy need not be asked twice."""
    return p / 2 if statistic > middle else 1 - p / 2


def joint(means: pd.DataFrame, tests: pd.DataFrame, printed: Mapping[str, str]) -> pd.DataFrame:
    """The combinations of one design, one kind of mean and one test that give all of ``printed``.

    Parameters
    ----------
    means, tests
        From ``mean_gains`` and ``significance_tests``.
    printed
        Printed digits of some of ``unibert``, ``baselines``, ``t``, ``p``, ``n_unibert``, ``n_baselines``. Frames
        without a figure that is asked for (no t, p or count) are left out of the combinations.

    Returns
    -------
    DataFrame
        The columns of ``means`` and ``tests``, one row a match; ``attrs["tried"]`` counts the combinations.

    Raises
    ------
    ValueError
        If ``printed`` is empty or names another figure.

    Source: ours.
    """
    if not printed or set(printed) - set(FIGURES):
        raise ValueError(f"printed={dict(printed)}: figures by name, of {', '.join(FIGURES)}")
    asked = [frame for frame in (means, tests) if set(printed) & set(frame.columns)]
    every = asked[0] if len(asked) == 1 else asked[0].merge(asked[1], on=DESIGN)
    fits = pd.Series(True, index=every.index)
    for figure, digits in printed.items():
        fits &= every[figure].isin([value for value in every[figure].unique() if agrees(float(value), digits)])
    found = every[fits].reset_index(drop=True)
    found.attrs["tried"] = len(every)
    return found


def other_averages(tables: pd.DataFrame | None = None, model: str = "XLM-V-base", gain: str = "0.95") -> pd.DataFrame:
    """What one printed average of a model would have to be for its printed gain to come out; the rest unchanged.

    Averages up to 500 units of the last digit away from the printed one are tried.

    Returns
    -------
    DataFrame
        ``task``, ``setting``, ``printed``, ``value`` (every one that gives ``gain``), and then ``gain``, ``t`` and
        ``p`` (Welch, two-sided) of the students against all five baselines.

    Source: ours; paper 5.6.
    """
    cells, rows = _cells(tables), []
    for task, setting in product(TASKS, ("each", "all")):
        step, printed = unit(task), pipelines.average(cells, task, model, setting)
        for count in range(-500, 501):
            value = printed + count * step
            changed = cells | {(task, model, setting): {AVG_REPORTED: value}}
            now = pipelines.model_gain(changed, pipelines.FIVE_BASELINES, model)
            if agrees(now, gain):
                t, p = pipelines.headline_test(changed, pipelines.FIVE_BASELINES)
                place = {"task": task, "setting": setting, "printed": float(printed), "value": float(value)}
                rows.append({**place, "gain": float(now), "t": t, "p": p})
    return pd.DataFrame(rows, columns=["task", "setting", "printed", "value", "gain", "t", "p"])
