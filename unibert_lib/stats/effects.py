"""How large a difference is, beside whether there is one."""

from __future__ import annotations

import warnings
from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.nonparametric import rank_compare_2indep

from unibert_lib.stats.inference import LEVEL, Inference, answer, two


def hedges_g(first: ArrayLike, second: ArrayLike, *, level: float = LEVEL) -> Inference:
    """The difference of means in pooled standard deviations, corrected for small samples, with a normal interval.

    Raises
    ------
    NoFigureError
        As ``student``.

    Source: Hedges (1981); ``statsmodels.stats.meta_analysis.effectsize_smd``.
    """
    one, other = two(first, second)
    sides = (one.mean(), one.std(ddof=1), len(one), other.mean(), other.std(ddof=1), len(other))
    g, variance = effectsize_smd(*sides)
    half = float(stats.norm.ppf((1 + level) / 2) * np.sqrt(variance))
    return answer("Hedges' g", "standard deviations", (g, g - half, g + half), entries=len(one) + len(other))


def cliffs_delta(first: ArrayLike, second: ArrayLike, *, level: float = LEVEL) -> Inference:
    """P(first > second) - P(first < second), from -1 to 1; interval and p are those of Brunner and Munzel.

    The note gives the common-language effect size, P(first > second) with ties by half.

    Raises
    ------
    NoFigureError
        As ``student``.

    Source: Cliff (1993), Brunner and Munzel (2000); ``statsmodels.stats.nonparametric.rank_compare_2indep``.
    """
    one, other = two(first, second)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # groups that do not overlap have no variance: told below
        found = rank_compare_2indep(one, other)
        low, high = found.conf_int(alpha=1 - level)
    apart = bool(found.var == 0)
    note = f"common language: {found.prob1:.3f}" + ("; the groups do not overlap: no interval, no p" if apart else "")
    figures = [
        2 * found.prob1 - 1,
        *([nan] * 5 if apart else [*_delta(low, high), found.statistic, found.df, found.pvalue]),
    ]
    return answer("Cliff's delta", "Cliff's delta", figures, entries=len(one) + len(other), note=note)


def _delta(low: float, high: float) -> tuple[float, float]:
    return max(2 * low - 1, -1.0), min(2 * high - 1, 1.0)
