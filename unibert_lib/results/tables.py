"""Averages over languages and seeds, and the paper's layout of rows and columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import pandas as pd

from unibert_lib.results.store import ALLOWED, AVG_REPORTED, KEY, NOT_REPORTED

GROUP = ["model", "preset", "task", "dataset", "split", "setting", "metric", "control"]  # what one average is of
SEEDS = ["pretrain_seed", "finetune_seed"]


def averages(frame: pd.DataFrame, languages: Sequence[str] | None = None) -> pd.DataFrame:
    """Each seed's mean over languages, then ``mean``, ``sd`` and number of ``seeds`` for each model, task, setting, ...

    A seed (of pretraining and fine-tuning together) counts if it has a score for every one of ``languages``, by
    default all that were asked for in its group; ``incomplete`` says how many seeds have not. ``sd`` is the sample's,
    nan with one seed. Printed averages do not count.

    Raises
    ------
    ValueError
        If a seed has two scores for one language (two learning rates, say): which one is meant is for you to say.

    Source: paper 5 (average over languages); seeds and completeness are ours.
    """
    _refuse_doubles(frame)
    asked = frame[(frame["language"] != AVG_REPORTED) & (frame["status"] != NOT_REPORTED)]
    rows = []
    for group, part in asked.groupby(GROUP, sort=False):
        wanted = set(part["language"]) if languages is None else set(languages)
        scored = part[part["language"].isin(wanted)]
        per_seed = scored.groupby(SEEDS, sort=False, dropna=False)["score"].agg(["mean", "count"])
        whole = per_seed.loc[per_seed["count"] == len(wanted), "mean"]
        figures = {"mean": whole.mean(), "sd": whole.std(), "seeds": len(whole)}
        left_out = {"incomplete": len(per_seed) - len(whole), "languages": "+".join(sorted(wanted))}
        rows.append({**dict(zip(GROUP, group, strict=True)), **figures, **left_out})
    return pd.DataFrame(rows, columns=[*GROUP, "mean", "sd", "seeds", "incomplete", "languages"])


def _refuse_doubles(frame: pd.DataFrame) -> None:
    same = [*GROUP, "language", *SEEDS]
    doubles = frame[frame.duplicated(same, keep=False)]
    if len(doubles):
        first = doubles.merge(doubles.head(1)[same], on=same)
        differ = [name for name in KEY if first[name].nunique(dropna=False) > 1]
        where = ", ".join(
            f"{name} {first[name].iloc[0]}" for name in ("model", "task", "setting", "language", "metric")
        )
        raise ValueError(
            f"{len(first)} scores for {where} of one seed; they differ in {', '.join(differ) or 'nothing of the key'}: "
            "filter the frame until one is left"
        )


def table(frame: pd.DataFrame, task: str, metric: str, show: Literal["mean", "sd", "text"] = "mean") -> pd.DataFrame:
    """The paper's layout: a row a model and setting, a column a language (pairs last) and ``Avg``, in fractions.

    ``show`` is the mean over seeds, its standard deviation (nan with one seed), or both as text. ``Avg`` is that of
    ``averages``: over the seeds that have every language.

    Raises
    ------
    ValueError
        If nothing fits ``task`` and ``metric``, or a model and setting stand for several presets, data sets, splits
        or controls.

    Source: paper Tables 2 to 6.
    """
    part = frame[(frame["task"] == task) & (frame["metric"] == metric) & (frame["language"] != AVG_REPORTED)]
    if part.empty:
        there = sorted(set(zip(frame["task"], frame["metric"], strict=True)))
        raise ValueError(f"no row with task={task!r} and metric={metric!r}; there are {there}")
    row = ["model", "setting"]
    average = averages(part)
    for (model, setting), several in average.groupby(row, sort=False):
        if len(several) > 1:
            differ = {name: sorted(set(several[name])) for name in GROUP if several[name].nunique() > 1}
            raise ValueError(
                f"model {model!r}, setting {setting!r} stands for several: {differ}; filter the frame first"
            )
    cells = part.groupby([*row, "language"], sort=False)["score"].agg(mean="mean", sd="std").reset_index()
    every = pd.concat([cells, average.assign(language="Avg")[[*row, "language", "mean", "sd"]]])
    every["text"] = [_text(mean, sd) for mean, sd in zip(every["mean"], every["sd"], strict=True)]
    wide = every.pivot(index=row, columns="language", values=show)
    places = list(dict.fromkeys(part["model"]))
    order = sorted(wide.index, key=lambda pair: (places.index(pair[0]), ALLOWED["setting"].index(pair[1])))
    codes = sorted(set(part["language"]), key=lambda code: ("-" in code, code))
    return wide.reindex(index=pd.MultiIndex.from_tuples(order, names=row), columns=[*codes, "Avg"]).rename_axis(
        columns=None
    )


def _text(mean: float, sd: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"
