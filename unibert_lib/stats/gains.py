"""Relative gains from one setting to another, a row an entry: of a task, a language, a seed or a model.

A relative gain has no unit, so a correlation and an F1 in percent stand on one footing; means of scores do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from unibert_lib import results
from unibert_lib.results import PAIR, PAPER_METRIC, RIVAL, SEEDS

SETTINGS = ("each", "all")
HEADLINE_TASKS = ("ner", "nli", "qa", "sts")  # those of the paper's Figure 3; legal NER is not among them


def headline(frame: pd.DataFrame) -> list[str]:
    """The paper's four tasks, those of them that are there; without any, all that are.

    Source: paper 5.6.
    """
    there = list(dict.fromkeys(frame["task"]))
    return [task for task in HEADLINE_TASKS if task in there] or there


def chosen(
    frame: pd.DataFrame, tasks: Sequence[str] | None = None, metrics: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Rows of the tasks, one metric a task, without trivial rivals and printed averages.

    Raises
    ------
    ValueError
        If a task is not there, or has several metrics of which none is the paper's or named in ``metrics``.

    Source: ours.
    """
    models = frame[~frame["model"].str.startswith(RIVAL) & (frame["language"] != results.AVG_REPORTED)]
    there = list(dict.fromkeys(models["task"]))
    unknown = [task for task in tasks or () if task not in there]
    if unknown or models.empty:
        raise ValueError(f"no row of a model for the tasks {unknown or 'asked for'}; there are {there or 'none'}")
    wanted = there if tasks is None else list(tasks)
    named = {**PAPER_METRIC, **(metrics or {})}
    metric = {task: results.main_metric(models, task, named) for task in wanted}
    return models[models["metric"] == models["task"].map(metric)]


def gains(
    frame: pd.DataFrame,
    *,
    by: str = "task",
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Relative gain after / before - 1 (a fraction), one row an entry, and why an entry has none.

    ``by`` says what an entry is. ``task``: a model and task, on the averages over the languages that both settings
    have and over the seeds that have them all. ``language``: a model, task and language, on the mean over seeds.
    ``seed``: as ``task``, each seed for itself. ``model``: the mean over tasks of the scores, all in fractions, before
    and after; a task with low scores weighs little there. Columns: ``model``, ``task``, ``language``,
    ``pretrain_seed``, ``finetune_seed`` (those that apply), ``metric``, the two settings, ``gain``, ``seeds``,
    ``languages`` and ``why`` (empty, or the reason for no figure).

    Raises
    ------
    ValueError
        If nothing fits, a cell has two scores, or a model stands for several presets, data sets, splits or controls.

    Source: paper 5.6 (relative improvement, Figure 3); common languages, seeds and reasons are ours.
    """
    before, after = settings
    rows = chosen(frame, tasks, metrics)
    _refuse_several(rows)
    if by == "language":
        return _by_language(rows, settings)
    if by not in ("task", "seed", "model"):
        raise ValueError(f"by={by!r}: one of task, language, seed, model")
    each_seed = results.paired_averages(rows, settings)
    if by == "seed":
        made = each_seed.assign(seeds=1, gain=results.relative(each_seed[before], each_seed[after]))
        made["why"] = [_why(row[before], row[after], settings) for _, row in made.iterrows()]
        return made[["model", "task", *SEEDS, "metric", before, after, "gain", "seeds", "languages", "why"]]
    whole = each_seed.dropna(subset=[before, after]).groupby(["model", "task"], sort=False)
    means = whole[[before, after]].mean().join(whole.size().rename("seeds"))
    languages = each_seed.groupby(["model", "task"])["languages"].first()
    made = means.reindex(_matrix(rows)).join(languages).reset_index()
    made["seeds"] = made["seeds"].fillna(0).astype(int)
    made["languages"] = made["languages"].fillna("")
    made["metric"] = made["task"].map(rows.groupby("task")["metric"].first())
    made["gain"] = results.relative(made[before], made[after])
    made["why"] = [_why(row[before], row[after], settings) for _, row in made.iterrows()]
    if by == "model":
        return _by_model(made, settings)
    return made[["model", "task", "metric", before, after, "gain", "seeds", "languages", "why"]]


def _by_language(rows: pd.DataFrame, settings: tuple[str, str]) -> pd.DataFrame:
    before, after = settings
    cells = results.pairs(rows, settings)
    cells["languages"] = cells["language"]
    whole = cells.dropna(subset=[before, after]).groupby(["model", "task", "language"], sort=False)
    asked = pd.MultiIndex.from_frame(cells[["model", "task", "language"]].drop_duplicates())
    made = whole[[before, after]].mean().join(whole.size().rename("seeds")).reindex(asked).reset_index()
    made["seeds"] = made["seeds"].fillna(0).astype(int)
    made["metric"] = made["task"].map(rows.groupby("task")["metric"].first())
    made["gain"] = results.relative(made[before], made[after])
    made["why"] = [_why(row[before], row[after], settings) for _, row in made.iterrows()]
    return made.assign(languages=made["language"])[
        ["model", "task", "language", "metric", before, after, "gain", "seeds", "languages", "why"]
    ]


def _by_model(made: pd.DataFrame, settings: tuple[str, str]) -> pd.DataFrame:
    """One scale for all tasks, then the mean: a model that lacks a task has none."""
    before, after = settings
    lacks = made.groupby("model", sort=False).apply(lambda part: "+".join(part.loc[part[before].isna(), "task"]))
    by_model = made.groupby("model", sort=False)
    means = by_model[[before, after]].mean().where(lacks == "").assign(seeds=by_model["seeds"].min())
    means["tasks"] = "+".join(dict.fromkeys(made["task"]))
    means["gain"] = results.relative(means[before], means[after])
    means["why"] = [f"no score of {task}" if task else "" for task in lacks]
    return means.reset_index()[["model", "tasks", before, after, "gain", "seeds", "why"]]


def _matrix(rows: pd.DataFrame) -> pd.MultiIndex:
    names = [list(dict.fromkeys(rows[name])) for name in ("model", "task")]
    return pd.MultiIndex.from_tuples(list(product(*names)), names=["model", "task"])


def _refuse_several(rows: pd.DataFrame) -> None:
    for (model, task), part in rows.groupby(["model", "task"], sort=False):
        differ = {name: sorted(set(part[name])) for name in PAIR if part[name].nunique() > 1}
        if differ:
            raise ValueError(
                f"model {model!r}, task {task!r} stands for several: {differ}; filter or rename them first"
            )


def _why(before: Any, after: Any, settings: tuple[str, str]) -> str:
    if pd.isna(before) or pd.isna(after):
        return f"no seed has all languages in {settings[0]} and {settings[1]}; see missing()"
    return "" if before > 0 else f"{settings[0]} is {before:g}: no share of it can be told"
