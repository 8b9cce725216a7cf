"""Averages over languages and seeds, and the paper's layout of rows and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from unibert_lib.results.paper import PAPER_METRIC
from unibert_lib.results.store import ALLOWED, AVG_REPORTED, KEY, NOT_REPORTED

GROUP = [
    "model",
    "preset",
    "task",
    "dataset",
    "train_dataset",
    "split",
    "setting",
    "metric",
    "control",
]  # what one average is of
SEEDS = ["pretrain_seed", "finetune_seed"]
PAIR = [name for name in GROUP if name != "setting"]  # what two settings of one model have in common
RIVAL = "baseline:"  # a trivial rival's name begins so


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
    asked = _asked(frame)
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


def _asked(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores that somebody asked for, whether they came or not; no printed averages."""
    return frame[(frame["language"] != AVG_REPORTED) & (frame["status"] != NOT_REPORTED)]


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
        raise ValueError(f"no row with task={task!r} and metric={metric!r}; there are {_there(frame)}")
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


def pairs(frame: pd.DataFrame, settings: tuple[str, str] = ("each", "all")) -> pd.DataFrame:
    """Scores of the same model, data, language and seed in two settings: a column a setting, a row a pair.

    A dash (``not reported``) makes no pair; a run that failed does, without its score.

    Raises
    ------
    ValueError
        If a setting is unknown or named twice, or a cell has two scores.

    Source: paper 4 (the settings); the pairing is ours.
    """
    before, after = settings
    if before == after or not {before, after} <= {*ALLOWED["setting"]}:
        raise ValueError(f"settings={settings}: two different ones of {', '.join(ALLOWED['setting'])}")
    _refuse_doubles(frame)
    asked = _asked(frame)
    by = [*PAIR, *SEEDS, "language"]
    first, second = (
        asked.loc[asked["setting"] == one, [*by, "score"]].rename(columns={"score": one}) for one in settings
    )
    return first.merge(second, on=by)


def paired_averages(frame: pd.DataFrame, settings: tuple[str, str] = ("each", "all")) -> pd.DataFrame:
    """Each seed's mean over the languages that both settings were asked for, a row a model, task, ... and seed.

    ``languages`` are those. A seed that lacks one of them in either setting has no mean.

    Source: paper 5 (average over languages); completeness is ours, as in ``averages``.
    """
    before, after = settings
    languages = {
        group: set.intersection(*(set(part.loc[part["setting"] == one, "language"]) for one in settings))
        for group, part in _asked(frame).groupby(PAIR, sort=False)
    }
    rows = []
    for group, part in pairs(frame, settings).groupby(PAIR, sort=False):
        wanted = sorted(languages[group], key=lambda code: ("-" in code, code))
        for seed, cells in part.groupby(SEEDS, sort=False, dropna=False):
            whole = len(cells.dropna(subset=[before, after])) == len(wanted)
            means = cells[[before, after]].mean() if whole else {before: math.nan, after: math.nan}
            names = dict(zip([*PAIR, *SEEDS], (*group, *seed), strict=True))
            rows.append({**names, before: means[before], after: means[after], "languages": "+".join(wanted)})
    made = pd.DataFrame(rows, columns=[*PAIR, *SEEDS, before, after, "languages"])
    return made.astype(dict.fromkeys(SEEDS, "Int64"))


def gain(
    frame: pd.DataFrame, task: str, metric: str | None = None, settings: tuple[str, str] = ("each", "all")
) -> pd.DataFrame:
    """What ``all`` gains over ``each``, a row a model: both averages, ``difference`` and ``relative``, in fractions.

    Averages are over the languages that both settings have and the seeds that have them all; so a column here may
    differ from ``table``'s ``Avg``, which takes each setting's own languages. ``relative`` is after / before - 1, nan
    unless before is above 0. Trivial rivals are left out. ``metric`` is the paper's unless it is named.

    Raises
    ------
    ValueError
        If no row fits, a cell has two scores, or a model stands for several presets, data sets, splits or controls.

    Source: paper 5.6 (relative improvement); the common languages are ours.
    """
    metric = metric or main_metric(frame, task)
    part = frame[(frame["task"] == task) & (frame["metric"] == metric) & ~frame["model"].str.startswith(RIVAL)]
    if part.empty:
        raise ValueError(f"no model with task={task!r} and metric={metric!r}; there are {_there(frame)}")
    before, after = settings
    seeds = paired_averages(part, settings)
    for model, several in seeds.groupby("model", sort=False):
        differ = {name: sorted(set(several[name])) for name in PAIR if several[name].nunique() > 1}
        if differ:
            raise ValueError(f"model {model!r} stands for several: {differ}; filter the frame first")
    made = seeds.dropna(subset=[before, after]).groupby("model", sort=False)[[before, after]].mean()
    made = made.reindex(list(dict.fromkeys(part["model"])))
    made["difference"] = made[after] - made[before]
    made["relative"] = relative(made[before], made[after])
    return made


def relative(before: pd.Series, after: pd.Series) -> pd.Series:
    """After / before - 1, a fraction; nan where ``before`` is not above 0, as no share of it can be told.

    Source: paper 5.6.
    """
    return after / before.where(before > 0) - 1


def main_metric(frame: pd.DataFrame, task: str, metrics: Mapping[str, str] = PAPER_METRIC) -> str:
    """The metric that stands for a task: that of ``metrics`` (by default the paper's), or the only one there is.

    Raises
    ------
    ValueError
        If the task has several metrics of which none is named.

    Source: paper 4.
    """
    there = sorted(set(frame.loc[frame["task"] == task, "metric"]))
    if metrics.get(task) in there:
        return metrics[task]
    if len(there) == 1 and task not in metrics:
        return str(there[0])
    asked = metrics.get(task, "none")
    raise ValueError(f"task {task!r} has the metrics {there}, asked for is {asked!r}: name one of them")


def tables(frame: pd.DataFrame, show: Literal["mean", "sd", "text"] = "mean") -> dict[str, pd.DataFrame]:
    """``table`` of every task there is, in the paper's order, by the paper's metrics.

    Source: paper Tables 2 to 6.
    """
    order = [*PAPER_METRIC, *sorted(set(frame["task"]) - {*PAPER_METRIC})]
    return {task: table(frame, task, main_metric(frame, task), show) for task in order if task in set(frame["task"])}


def _there(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return sorted(set(zip(frame["task"], frame["metric"], strict=True)))
