"""What stands out in a table of scores: averages that are not, rows that repeat another, cells far from their place.

Each function states what recomputes and what does not. Why that is so, the tables do not tell.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd

from unibert_lib.results import AVG_REPORTED, load_paper
from unibert_lib.stats.cells import TABLE, Cells, Row, languages, mean, read, unit

SOLID = 1e-3  # a proportional row is listed where chance, over all pairs tried, is below this

PLACE = ["task", "table", "model", "setting"]
AVERAGE = [*PLACE, *("languages", "printed", "mean", "difference", "agrees", "cut", "within_rounding")]
PAIR = [*PLACE, *("other_model", "other_setting", "languages", "cells", "least", "most", "constant")]
CELL = [*PLACE, *("language", "score", "expected", "z", "zero")]


def row_averages(tables: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each row's printed average beside the mean of its cells.

    Parameters
    ----------
    tables
        Shaped like ``results.load_paper(averages=True)``, which is the default.

    Returns
    -------
    DataFrame
        One row a printed average: ``task``, ``table`` (its number), ``model``, ``setting``, ``languages`` (how many
        cells), ``printed``, ``mean`` and ``difference`` (printed - mean), in percent or, for STS, as a correlation.
        ``agrees``: the mean rounds to the printed digits, at most half a unit of the last one away (a tie agrees
        both ways). ``cut``: it does not, but cut off instead of rounded it would. ``within_rounding``: at most one
        unit away, which the cells' own rounding may explain.

    Source: ours; paper Tables 2 to 6.
    """
    found = []
    for (task, model, setting), row in _rows(tables).items():
        if AVG_REPORTED not in row:
            continue
        scores, printed, step = languages(row), row[AVG_REPORTED], unit(task)
        exact = mean(scores)
        difference = printed - exact
        agrees = abs(difference) <= step / 2
        found.append(
            {"task": task, "table": TABLE.get(task), "model": model, "setting": setting, "languages": len(scores)}
            | {"printed": float(printed), "mean": float(exact), "difference": float(difference), "agrees": agrees}
            | {"cut": not agrees and exact // step * step == printed, "within_rounding": abs(difference) <= step}
        )
    return pd.DataFrame(found, columns=AVERAGE)


def _rows(tables: pd.DataFrame | None) -> Cells:
    return read(load_paper(averages=True) if tables is None else tables)


def proportional_rows(tables: pd.DataFrame | None = None, every_pair: bool = False) -> pd.DataFrame:
    """Pairs of rows of one table where one is a constant times the other, up to rounding.

    For each pair with the same languages: the constant ``c`` for which ``c * x`` rounds to ``y`` in most cells.

    How improbable is that? Were a pair's log-ratios scattered as those of the table's other pairs are (normal, with
    the median of their standard deviations, ``spread``), a cell would fall into its rounding window of width w with a
    probability of at most ``w / (spread * sqrt(2 pi))``. ``log10_chance`` bounds the chance of k of n cells: n (which
    cell sets the constant) times C(n - 1, k - 1) times the k - 1 largest of these. Cells count as independent.

    Parameters
    ----------
    tables
        Shaped like ``results.load_paper()``, the default; printed averages are left out.
    every_pair
        Also the pairs that are not proportional.

    Returns
    -------
    DataFrame
        ``task``, ``table``, ``model`` and ``setting`` of x, ``other_model`` and ``other_setting`` of y (the lower),
        ``languages``, ``cells`` that agree, ``least`` and ``most`` (the interval of constants for which they do),
        ``constant`` (its shortest decimal), ``spread``, ``log10_chance``, ``proportional`` (chance times the number of
        pairs tried, ``attrs["pairs"]``, is below 0.001). The most improbable first.

    Source: ours; paper Tables 2 to 6.
    """
    rows = {row: languages(scores) for row, scores in _rows(tables).items()}
    tried = [
        _pair(rows, one, other)
        for one, other in combinations(rows, 2)
        if one[0] == other[0]
        and rows[one].keys() == rows[other].keys()
        and sum(min(score, rows[other][language]) > 0 for language, score in rows[one].items()) > 2
    ]
    frame = pd.DataFrame(tried, columns=[*PAIR, "scatter", "windows"])
    frame["spread"] = frame.groupby("task")["scatter"].transform("median")
    frame["log10_chance"] = [
        _chance(*row) for row in zip(frame["windows"], frame["cells"], frame["spread"], strict=True)
    ]
    frame["proportional"] = frame["log10_chance"] + math.log10(max(len(frame), 1)) < math.log10(SOLID)
    frame.attrs["pairs"] = len(frame)
    kept = frame if every_pair else frame[frame["proportional"]]
    return kept.drop(columns=["windows", "scatter"]).sort_values("log10_chance", ignore_index=True)


def _pair(rows: Cells, one: Row, other: Row) -> dict[str, object]:
    if sum(rows[one].values()) < sum(rows[other].values()):
        one, other = other, one
    task, half = one[0], float(unit(one[0])) / 2
    both = [(float(x), float(rows[other][language])) for language, x in rows[one].items()]
    scaled = [(x, y) for x, y in both if x > 0]
    windows = [((y - half) / x, (y + half) / x) for x, y in scaled]
    # The most windows overlap at some window's lower end.
    cells, least = max((sum(low <= edge <= high for low, high in windows), edge) for edge, _ in windows)
    most = min(high for low, high in windows if low <= least <= high)
    ratios = [math.log(y / x) for x, y in scaled if y > 0]
    values = (task, TABLE.get(task), *one[1:], *other[1:], len(both), cells, least, most, _shortest(least, most))
    return {
        **dict(zip(PAIR, values, strict=True)),
        "scatter": float(np.std(ratios, ddof=1)),
        "windows": [2 * half / max(abs(y), half) for _, y in scaled],
    }


def _shortest(least: float, most: float) -> float:
    """The decimal of fewest digits in the interval; its middle where even 15 digits do not tell."""
    for digits in range(1, 16):
        candidate = math.ceil(least * 10.0**digits) / 10.0**digits
        if candidate <= most:
            return float(candidate)
    return (least + most) / 2


def _chance(windows: list[float], cells: int, spread: float) -> float:
    if not spread > 0:
        return 0.0
    each = sorted(math.log10(min(1.0, window / (spread * math.sqrt(2 * math.pi)))) for window in windows)
    choices = math.log10(len(each)) + math.log10(math.comb(len(each) - 1, cells - 1))
    return min(0.0, choices + sum(each[len(each) - cells + 1 :]))


def outlier_cells(tables: pd.DataFrame | None = None, threshold: float = 3.5) -> pd.DataFrame:
    """Cells far from what their row and their column lead one to expect.

    Each task's table (all models and settings) is put on a scale without floor and ceiling, log-odds of F1 or Fisher's
    artanh of a correlation (a score at an end is moved half a printed unit inside), and fitted by median polish: a
    row's level plus a column's level. ``z`` is a cell's residual over 1.4826 times its table's median absolute
    residual (one standard deviation, were residuals normal), or over half a printed unit where that is more.

    Parameters
    ----------
    tables
        Shaped like ``results.load_paper()``, the default; printed averages are left out.
    threshold
        Cells with ``|z|`` above it are listed; 3.5 is the usual one (Iglewicz and Hoaglin, 1993). A score of zero
        is listed in any case.

    Returns
    -------
    DataFrame
        ``task``, ``table``, ``model``, ``setting``, ``language``, ``score`` and ``expected`` (percent, or a
        correlation), ``z``, ``zero``; the farthest first. ``attrs["cells"]`` counts the cells looked at.

    Raises
    ------
    ValueError
        If ``threshold`` is not above 0.

    Source: ours; median polish: Tukey (1977).
    """
    if not threshold > 0:
        raise ValueError(f"threshold={threshold}: a number above 0, in robust standard deviations")
    found, looked_at = [], 0
    rows = {row: languages(scores) for row, scores in _rows(tables).items()}
    for task in dict.fromkeys(row[0] for row in rows):
        wide = pd.DataFrame({row[1:]: scores for row, scores in rows.items() if row[0] == task}).T.astype(float)
        least, most = (-1.0, 1.0) if task == "sts" else (0.0, 100.0)
        half = float(unit(task)) / 2
        inside = wide.clip(least + half, most - half)
        scale = ((inside - least) / (most - inside)).map(math.log, na_action="ignore")
        rest = _median_polish(scale)
        expected = least + (most - least) / (1 + (rest - scale).map(math.exp, na_action="ignore"))
        # Below half a printed unit the cells themselves are not known.
        rounding = half * (most - least) / ((inside - least) * (most - inside))
        z = rest / max(1.4826 * np.nanmedian(rest.abs().to_numpy()), np.nanmedian(rounding.to_numpy()))
        looked_at += int(wide.notna().to_numpy().sum())
        listed = (z.abs() > threshold) | (wide == 0)
        for place, columns in zip(wide.index, listed.to_numpy(), strict=True):
            for language in wide.columns[columns]:
                score, its = float(wide.loc[place, language]), float(expected.loc[place, language])
                found.append(
                    {"task": task, "table": TABLE.get(task), "model": place[0], "setting": place[1]}
                    | {"language": language, "score": score, "expected": its}
                    | {"z": float(z.loc[place, language]), "zero": score == 0}
                )
    frame = pd.DataFrame(found, columns=CELL).sort_values("z", key=abs, ascending=False, ignore_index=True)
    frame.attrs["cells"] = looked_at
    return frame


def _median_polish(table: pd.DataFrame, rounds: int = 50) -> pd.DataFrame:
    rest = table
    for _ in range(rounds):
        rest = rest.sub(rest.median(axis=1), axis=0)
        rest = rest.sub(rest.median(axis=0), axis=1)
    return rest
