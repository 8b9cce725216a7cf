"""Paired tests, only where the pairing is real: the same model, task, language and seed in two settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from unibert_lib import results
from unibert_lib.results import SEEDS
from unibert_lib.stats.gains import SETTINGS, chosen
from unibert_lib.stats.inference import (
    LEVEL,
    Floats,
    Inference,
    NoFigureError,
    answer,
    attempt,
    flat,
    values_of,
    with_holm,
)


def _differences(before: Any, after: Any) -> Floats:
    """After - before of each pair, found by the index.

    Raises
    ------
    ValueError
        If the two do not hold the same keys, each once.
    """
    for name, side in (("before", before), ("after", after)):
        if not isinstance(side, pd.Series):
            raise ValueError(
                f"{name} is a {type(side).__name__}: give a Series whose index says what is paired with what"
            )
        if not side.index.is_unique:
            twice = list(side.index[side.index.duplicated()][:3])
            raise ValueError(f"{name}: the keys {twice} stand more than once, so nothing says which values are pairs")
    alone = [*before.index.symmetric_difference(after.index)]
    if alone:
        raise ValueError(
            f"not paired: {len(alone)} keys are on one side only, such as {alone[:3]}; use welch, or drop them"
        )
    differences = after.reindex(before.index).to_numpy(float) - before.to_numpy(float)
    # Rounded far below any printed digit: 0.3 - 0.2 and 0.2 - 0.1 are ties in ranks.
    return values_of(np.round(differences, 12), "the differences")


def paired_t(before: Any, after: Any, *, level: float = LEVEL) -> Inference:
    """Student's t test of the differences after - before: two Series, paired by their indices.

    Raises
    ------
    ValueError
        If the indices do not hold the same keys, each once.
    NoFigureError
        If there are fewer than two pairs, a value is not finite, or all differences are equal.

    Source: ``scipy.stats.ttest_rel``.
    """
    differences = _differences(before, after)
    if flat(differences):
        raise NoFigureError(f"all {len(differences)} differences are {differences[0]:g}: no spread to test against")
    found = stats.ttest_1samp(differences, 0.0)
    low, high = found.confidence_interval(level)
    figures = (differences.mean(), low, high, found.statistic, found.df, found.pvalue)
    return answer("paired t", "mean difference", figures, entries=len(differences))


def wilcoxon(before: Any, after: Any) -> Inference:
    """Wilcoxon's signed-rank test of after - before: two Series, paired by their indices; estimate: the median.

    Raises
    ------
    ValueError
        If the indices do not hold the same keys, each once.
    NoFigureError
        If there are fewer than two pairs, a value is not finite, or every difference is 0.

    Source: Wilcoxon (1945); ``scipy.stats.wilcoxon``.
    """
    differences = _differences(before, after)
    if not differences.any():
        raise NoFigureError(f"all {len(differences)} differences are 0: there are no ranks")
    found = stats.wilcoxon(differences)
    least = 2.0 ** (1 - int(np.count_nonzero(differences)))
    return Inference(
        "Wilcoxon signed-rank",
        "median difference",
        float(np.median(differences)),
        statistic=float(found.statistic),
        p=float(found.pvalue),
        entries=len(differences),
        note=f"no p below {least:.2g} is possible",
    )


def paired(
    frame: pd.DataFrame,
    *,
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """After against before, a row a model and task, over its languages and seeds; p of Holm over all rows.

    Differences of scores, in fractions. The languages of one row share the one model of ``all``, so that even these
    pairs are not independent draws: they tell of these languages, not of another training run. Columns: ``model``,
    ``task``, ``pairs``, ``estimate``, ``low``, ``high``, ``statistic``, ``df``, ``p``, ``p_holm``, ``median``,
    ``p_wilcoxon``, ``p_wilcoxon_holm``, ``note``.

    Raises
    ------
    ValueError
        If nothing fits, or a cell has two scores.

    Source: ours.
    """
    before, after = settings
    cells = results.pairs(chosen(frame, tasks, metrics), settings).dropna(subset=[before, after])
    keys = [*results.PAIR, *SEEDS, "language"]
    rows = []
    for (model, task), part in cells.groupby(["model", "task"], sort=False):
        sides = part.set_index(keys)
        one, other = sides[before], sides[after]
        t = attempt("paired t", "mean difference", partial(paired_t, one, other, level=level), len(part))
        ranks = attempt("Wilcoxon", "median difference", partial(wilcoxon, one, other), len(part))
        figures = {name: getattr(t, name) for name in ("estimate", "low", "high", "statistic", "df", "p")}
        note = "; ".join(dict.fromkeys(x.note for x in (t, ranks) if x.note))
        medians = {"median": ranks.estimate, "p_wilcoxon": ranks.p}
        rows.append({"model": model, "task": task, "pairs": len(part), **figures, **medians, "note": note})
    made = pd.DataFrame(rows)
    if made.empty:
        raise ValueError(f"no model has a score in both {before!r} and {after!r}; see missing()")
    return with_holm(with_holm(made), "p_wilcoxon")
