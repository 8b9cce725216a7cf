"""Two groups compared where entries share a model or a task, and so are not independent.

A cluster is what entries share. Clusters lie either within a group (models) or across both (tasks); with few of them
every method here is rough, so several stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from unibert_lib.stats import inference, pairing
from unibert_lib.stats.inference import DIFFERENCE, LEVEL, RESAMPLES, Floats, Inference, NoFigureError


class Clustered:
    """Values with group and cluster of each; the group of the first value is the treated one.

    Raises
    ------
    NoFigureError
        If a value is not finite, there are not two groups, or there is one cluster only.
    """

    def __init__(self, values: ArrayLike, groups: Sequence[Any], clusters: Sequence[Any]) -> None:
        self.values = inference.values_of(values, "the entries")
        kinds = list(dict.fromkeys(groups))
        if not len(self.values) == len(groups) == len(clusters):
            raise ValueError(
                f"{len(self.values)} values, {len(groups)} groups, {len(clusters)} clusters: one of each an entry"
            )
        if len(kinds) != 2:
            raise NoFigureError(f"the groups are {kinds}: two are compared")
        self.treated = np.array([group == kinds[0] for group in groups])
        self.codes = pd.factorize(np.asarray(clusters, dtype=object))[0]
        self.count = int(self.codes.max()) + 1
        if self.count < 2:
            raise NoFigureError(f"one cluster only, {clusters[0]!r}: nothing tells how clusters differ")
        if inference.flat(self.values[self.treated]) and inference.flat(self.values[~self.treated]):
            raise NoFigureError("no group has any spread: without it, no interval and no test")
        cells = pd.DataFrame({"cluster": self.codes, "treated": self.treated, "value": self.values})
        self.means: pd.DataFrame = cells.pivot_table(index="cluster", columns="treated", values="value")
        mixed = self.means.notna().all(axis=1)
        if mixed.any() and not mixed.all():
            raise NoFigureError(
                "some clusters hold both groups and some one: drop the entries that have no counterpart"
            )
        self.nested = not mixed.any()
        self.first, self.second = (self.means[side].dropna().to_numpy() for side in (True, False))

    @property
    def between(self) -> float:
        return float(self.first.mean() - self.second.mean())

    @property
    def difference(self) -> float:
        return float(self.values[self.treated].mean() - self.values[~self.treated].mean())

    @property
    def size(self) -> dict[str, Any]:
        return {"entries": len(self.values), "clusters": self.count}


def mean_t(
    values: ArrayLike, groups: Sequence[Any], clusters: Sequence[Any], *, equal_var: bool = False, level: float = LEVEL
) -> Inference:
    """A t test with one value a cluster, its mean: Welch's or Student's, or paired where clusters hold both groups.

    Raises
    ------
    NoFigureError
        If a group has fewer than two clusters, or their means have no spread.

    Source: Donner and Klar (2000), chapter 7 (analysis at the level of clusters).
    """
    data = Clustered(values, groups, clusters)
    if data.nested:
        found = (inference.student if equal_var else inference.welch)(data.first, data.second, level=level)
    else:
        found = pairing.paired_t(data.means[False], data.means[True], level=level)
    return replace(found, test=f"{found.test} on cluster means", quantity=DIFFERENCE, **data.size)


def permutation(
    values: ArrayLike, groups: Sequence[Any], clusters: Sequence[Any], *, seed: int = 0, resamples: int = RESAMPLES
) -> Inference:
    """Whole clusters change groups; where clusters hold both groups, these change places within a cluster.

    The statistic is the absolute difference of the groups' means of cluster means. Exact where ``resamples`` allows.

    Raises
    ------
    NoFigureError
        If a group has fewer than two clusters, or their means have no spread.

    Source: Fisher (1935); Gail et al. (1996) for clusters; ``scipy.stats.permutation_test``.
    """
    data = Clustered(values, groups, clusters)
    name = "cluster permutation"
    if data.nested:
        found = inference.permutation(data.first, data.second, seed=seed, resamples=resamples, name=name)
        return replace(found, **data.size)
    differences = (data.means[True] - data.means[False]).to_numpy()
    ways = 2**data.count
    exact = ways <= resamples
    how: dict[str, Any] = {
        "permutation_type": "samples",
        "n_resamples": inf if exact else resamples,
        "vectorized": True,
    }
    found = stats.permutation_test(
        (differences,),
        lambda x, axis: inference.apart(x.mean(axis), data.values),
        alternative="greater",
        rng=np.random.default_rng(seed),
        **how,
    )
    note = f"exact, all {ways} swaps; no p below {2 / ways:.2g} is possible" if exact else f"{resamples} random swaps"
    return Inference(name, DIFFERENCE, data.between, p=float(found.pvalue), note=note, **data.size)


def bootstrap(
    values: ArrayLike,
    groups: Sequence[Any],
    clusters: Sequence[Any],
    *,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Inference:
    """A percentile interval of the difference: clusters are drawn anew, then the entries within each.

    Clusters within groups are drawn group by group, and a group is the mean of its clusters' means. With a handful of
    clusters the interval is too narrow; the note says so.

    Raises
    ------
    NoFigureError
        If a group has fewer than two clusters.

    Source: Davison and Hinkley (1997), 3.8 (hierarchical data).
    """
    data = Clustered(values, groups, clusters)
    rng = np.random.default_rng(seed)
    least = min(len(data.first), len(data.second))
    if least < 2:
        raise NoFigureError("a group has one cluster only: drawing it anew gives it again")

    def drawn(side: bool, picks: Any) -> Floats:
        """The mean over picked clusters (resamples x picks) of a fresh mean within each."""
        means = np.empty(picks.shape)
        for code in data.means[side].dropna().index:
            inside = data.values[(data.codes == code) & (data.treated == side)]
            here = picks == code
            means[here] = inside[rng.integers(len(inside), size=(int(here.sum()), len(inside)))].mean(1)
        return np.asarray(means.mean(1))

    def pick(codes: pd.Index) -> Any:
        return codes.to_numpy()[rng.integers(len(codes), size=(resamples, len(codes)))]

    both = data.means.index
    shared = None if data.nested else pick(both)
    sides = [drawn(side, pick(data.means[side].dropna().index) if shared is None else shared) for side in (True, False)]
    low, high = np.quantile(sides[0] - sides[1], [(1 - level) / 2, (1 + level) / 2])
    note = f"percentiles of {resamples} draws; narrow with {least} clusters in a group"
    return Inference("cluster bootstrap", DIFFERENCE, data.between, float(low), float(high), note=note, **data.size)


def group_means(entries: pd.DataFrame, *, cluster: str = "model", level: float = LEVEL) -> pd.DataFrame:
    """The mean gain of each group with two intervals: over its entries, and over its clusters' means.

    ``entries`` is ``stats.entries``'. Columns: ``group``, ``entries``, ``clusters``, ``mean`` (of the entries),
    ``low``, ``high``, ``cluster_low``, ``cluster_high`` (Student's t; nan with one value).

    Source: ours.
    """
    rows = []
    for group, part in entries.dropna(subset=["gain"]).groupby("group", sort=False):
        values, means = part["gain"], part.groupby(cluster)["gain"].mean()
        row = {"group": group, "entries": len(values), "clusters": len(means), "mean": float(values.mean())}
        for prefix, side in (("", values), ("cluster_", means)):
            half = float(stats.t.ppf((1 + level) / 2, len(side) - 1) * side.sem()) if len(side) > 1 else nan
            row |= {f"{prefix}low": float(side.mean()) - half, f"{prefix}high": float(side.mean()) + half}
        rows.append(row)
    return pd.DataFrame(rows)
