"""The paper's Figure 3 with intervals: what each model gains, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from unibert_lib.stats.gains import SETTINGS, chosen, gains, headline
from unibert_lib.stats.inference import LEVEL, RESAMPLES


def model_gains(
    frame: pd.DataFrame,
    *,
    groups: Mapping[str, str] | None = None,
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Each model's relative gain, the mean over tasks, with two intervals; a row a model.

    ``low`` and ``high`` are Student's over the tasks (tasks - 1 degrees of freedom). ``boot_low`` and ``boot_high`` are
    percentiles over drawing the tasks anew and then the languages within each; with four tasks they are too narrow.
    ``pooled`` is the gain of the mean score over tasks, all as fractions: the paper's figure with units put right.
    Columns: ``model``, ``group``, ``tasks`` (how many), ``mean``, ``low``, ``high``, ``boot_low``, ``boot_high``,
    ``pooled``, ``why`` (what is missing). By default the four tasks of section 5.6, those of them that are there.

    Raises
    ------
    ValueError
        As ``gains``.

    Source: paper Figure 3 and 5.6; the intervals are ours.
    """
    rows = chosen(frame, headline(frame) if tasks is None else tasks, metrics)
    by_task = gains(rows, settings=settings, metrics=metrics)
    pooled = gains(rows, by="model", settings=settings, metrics=metrics).set_index("model")["gain"]
    cells = gains(rows, by="language", settings=settings, metrics=metrics)
    rng, made = np.random.default_rng(seed), []
    for model, part in by_task.groupby("model", sort=False):
        held = part.dropna(subset=["gain"])
        lacks = "; ".join(f"{row.task}: {row.why}" for row in part[part["gain"].isna()].itertuples())
        figures: dict[str, Any] = dict.fromkeys(("mean", "low", "high", "boot_low", "boot_high"), nan)
        if len(held):
            figures["mean"] = float(held["gain"].mean())
        if len(held) > 1:
            half = float(stats.t.ppf((1 + level) / 2, len(held) - 1) * stats.sem(held["gain"]))
            figures |= {"low": figures["mean"] - half, "high": figures["mean"] + half}
            mine = cells[(cells["model"] == model) & cells["task"].isin(held["task"])].dropna(subset=list(settings))
            drawn = _drawn(mine, settings, rng, resamples)
            low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
            figures |= {"boot_low": float(low), "boot_high": float(high)}
        else:
            lacks = "; ".join(filter(None, [lacks, f"{len(held)} task(s): no interval"]))
        row = {"model": model, "group": (groups or {}).get(str(model), ""), "tasks": len(held)}
        made.append({**row, **figures, "pooled": pooled.get(model, nan), "why": lacks})
    return pd.DataFrame(made)


def _drawn(cells: pd.DataFrame, settings: tuple[str, str], rng: np.random.Generator, resamples: int) -> np.ndarray:
    """Means over drawn tasks of the gains on drawn languages."""
    before, after = settings
    fresh = []
    for _, part in cells.groupby("task", sort=False):
        picks = rng.integers(len(part), size=(resamples, len(part)))
        old, new = (part[side].to_numpy()[picks].mean(1) for side in (before, after))
        fresh.append(new / old - 1)
    table = np.stack(fresh, axis=1)
    picks = rng.integers(table.shape[1], size=table.shape)
    return np.asarray(np.take_along_axis(table, picks, axis=1).mean(1))
