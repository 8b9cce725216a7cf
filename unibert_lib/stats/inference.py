"""Two samples compared: tests, intervals and effect sizes of SciPy and statsmodels, each answer with its caveat.

Every function here takes its values as independent of each other; :mod:`unibert_lib.stats.clusters` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import comb, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

Floats = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 9999
DIFFERENCE = "difference of means"


class NoFigureError(ValueError):
    """The data cannot carry this figure: too few values, no spread, or no pairs."""


@dataclass(frozen=True)
class Inference:
    """One answer. ``estimate``, ``low`` and ``high`` are in the unit of ``quantity``; what a test lacks is nan.

    Source: ours.
    """

    test: str
    quantity: str
    estimate: float
    low: float = nan
    high: float = nan
    statistic: float = nan
    df: float = nan
    p: float = nan
    entries: int = 0
    clusters: int = 0  # 0: each entry stands for itself
    note: str = ""


def answer(test: str, quantity: str, figures: Iterable[Any], **rest: Any) -> Inference:
    """An ``Inference`` of the figures in its order: estimate, low, high, statistic, df, p."""
    names = ("estimate", "low", "high", "statistic", "df", "p")
    named: dict[str, Any] = dict(zip(names, map(float, figures), strict=False))
    return Inference(test, quantity, **named, **rest)


def values_of(values: ArrayLike, name: str, least: int = 2) -> Floats:
    """The values as floats.

    Raises
    ------
    NoFigureError
        If one is not finite, or there are fewer than ``least``.
    """
    plain = np.asarray(values, dtype=float).ravel()
    if bad := int((~np.isfinite(plain)).sum()):
        raise NoFigureError(
            f"{bad} of {len(plain)} values of {name} are not finite: drop them or run the missing cells"
        )
    if len(plain) < least:
        raise NoFigureError(f"{len(plain)} value(s) of {name}, {least} are needed: add seeds, tasks or models")
    return plain


def two(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    one, other = values_of(first, "the first group"), values_of(second, "the second group")
    if flat(one) and flat(other):
        raise NoFigureError("no group has any spread: without it, no interval and no test")
    return one, other


def flat(values: Floats) -> bool:
    """Whether the spread is nothing but rounding: a fraction such as 1.1 / 1 - 1 is never hit exactly."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def _t(first: ArrayLike, second: ArrayLike, level: float, equal_var: bool) -> Inference:
    one, other = two(first, second)
    found = stats.ttest_ind(one, other, equal_var=equal_var)
    low, high = found.confidence_interval(level)
    name, difference = "Student's t" if equal_var else "Welch's t", float(one.mean() - other.mean())
    figures = (difference, low, high, found.statistic, found.df, found.pvalue)
    return answer(name, DIFFERENCE, figures, entries=len(one) + len(other))


def student(first: ArrayLike, second: ArrayLike, *, level: float = LEVEL) -> Inference:
    """Student's t test of two means, with the interval of their difference; takes both spreads as one.

    Raises
    ------
    NoFigureError
        If a group has fewer than two values or one that is not finite, or neither has any spread.

    Source: Student (1908); ``scipy.stats.ttest_ind``. Paper 5.6 uses a t test.
    """
    return _t(first, second, level, equal_var=True)


def welch(first: ArrayLike, second: ArrayLike, *, level: float = LEVEL) -> Inference:
    """Welch's t test of two means: each group has its own spread, and ``df`` is no whole number.

    Raises
    ------
    NoFigureError
        As ``student``.

    Source: Welch (1947); ``scipy.stats.ttest_ind(equal_var=False)``.
    """
    return _t(first, second, level, equal_var=False)


def mean_difference(one: Floats, other: Floats, axis: int = -1) -> Any:
    return np.mean(one, axis=axis) - np.mean(other, axis=axis)


def apart(difference: Any, values: Floats) -> Any:
    """How far apart two means lie, in units of the largest value, rounded far below any printed digit.

    0.1 + 0.2 is not quite 0.3, so two ways of dealing the values that tie on paper may differ in the last bit; an exact
    test that counts ties as smaller gives too small a p.
    """
    return np.round(np.abs(difference) / float(np.abs(values).max()), 12)


def permutation(
    first: ArrayLike, second: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES, name: str = "permutation"
) -> Inference:
    """How often values dealt anew to the two groups lie at least as far apart, in either direction.

    Exact where there are no more than ``resamples`` ways to deal them, else so many random ones.

    Raises
    ------
    NoFigureError
        As ``student``.

    Source: Fisher (1935); ``scipy.stats.permutation_test`` of the absolute difference of means.
    """
    one, other = two(first, second)
    ways = comb(len(one) + len(other), len(one))
    how: dict[str, Any] = {"vectorized": True, "n_resamples": resamples, "rng": np.random.default_rng(seed)}
    pooled = np.concatenate([one, other])

    def distance(first: Floats, second: Floats, axis: int = -1) -> Any:
        return apart(mean_difference(first, second, axis), pooled)

    found = stats.permutation_test((one, other), distance, alternative="greater", **how)
    exact = ways <= resamples
    note = f"exact, all {ways} ways; no p below {1 / ways:.2g} is possible" if exact else f"{resamples} random ways"
    difference = float(mean_difference(one, other))
    return Inference(name, DIFFERENCE, difference, p=float(found.pvalue), entries=len(one) + len(other), note=note)


def bca(
    first: ArrayLike, second: ArrayLike, *, level: float = LEVEL, seed: int = 0, resamples: int = RESAMPLES
) -> Inference:
    """The bias-corrected and accelerated bootstrap interval of the difference of means.

    Raises
    ------
    NoFigureError
        As ``student``.

    Source: Efron (1987); ``scipy.stats.bootstrap(method="BCa")``.
    """
    one, other = two(first, second)
    how: dict[str, Any] = {"vectorized": True, "n_resamples": resamples, "rng": np.random.default_rng(seed)}
    interval = stats.bootstrap((one, other), mean_difference, confidence_level=level, **how).confidence_interval
    figures = (mean_difference(one, other), *interval)
    return answer("BCa bootstrap", DIFFERENCE, figures, entries=len(one) + len(other))


def holm(p: Sequence[float] | pd.Series) -> Floats:
    """Holm's adjusted p of one family of tests; a nan is no test, counts nothing and stays nan.

    Raises
    ------
    ValueError
        If a p lies outside 0 to 1.

    Source: Holm (1979); ``statsmodels.stats.multitest.multipletests``.
    """
    plain = np.asarray(p, dtype=float)
    there = ~np.isnan(plain)
    if ((plain[there] < 0) | (plain[there] > 1)).any():
        raise ValueError(f"p={plain[there].tolist()}: each lies between 0 and 1")
    adjusted = np.full(plain.shape, nan)
    if there.any():
        adjusted[there] = multipletests(plain[there], method="holm")[1]
    return adjusted


def with_holm(frame: pd.DataFrame, column: str = "p") -> pd.DataFrame:
    """The frame with ``<column>_holm`` beside ``column``: all its rows are one family."""
    frame.insert(list(frame.columns).index(column) + 1, f"{column}_holm", holm(frame[column]))
    return frame


def attempt(test: str, quantity: str, run: Callable[[], Inference], entries: int, clusters: int = 0) -> Inference:
    """The answer, or a row that says why there is none."""
    try:
        return run()
    except NoFigureError as reason:
        return Inference(test, quantity, nan, entries=entries, clusters=clusters, note=f"no figure: {reason}")
