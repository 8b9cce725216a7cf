"""What must be alike before results are compared, and which cells of the matrix are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pandas as pd

from unibert_lib.results import AVG_REPORTED, NOT_REPORTED, RIVAL, SEEDS
from unibert_lib.stats.gains import SETTINGS

# Within each of these, all models have one value of those. Seeds and learning rates may differ.
ALIKE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("task",): ("dataset", "train_dataset", "metric", "split", "control"),
    ("task", "language"): ("dataset_sha",),
    ("task", "setting", "language"): ("train_languages", "steps"),
}
REMEDY = {
    "dataset": "compare models on one data set: filter the frame",
    "train_dataset": "compare models that were trained on one data set: filter the frame",
    "metric": "name one metric that all have (metrics={...}), or score the others again",
    "split": "score all models on one split",
    "control": "run all models under one control, equal_steps or epochs: filter the frame",
    "dataset_sha": "the test files differ: score all models on one copy of the data",
    "train_languages": "train all models on the same languages",
    "steps": "give all models the same number of steps: filter the frame or run again",
}
SHOWN = 3


class UnlikeError(ValueError):
    """Results that differ in more than the model."""


def refuse_unlike(rows: pd.DataFrame, settings: tuple[str, str] = SETTINGS) -> None:
    """Refuse rows whose models were not tested alike.

    Raises
    ------
    UnlikeError
        If within a task the data set, metric, split or control differs, or the test file of a language; if in a
        setting the languages trained on or the steps differ; if under ``equal_steps`` the two settings took different
        numbers of steps; or if the models do not have the same languages in both settings. All that differ are named,
        each with a remedy.

    Source: ours.
    """
    rows = rows[rows["setting"].isin(settings) & (rows["status"] != NOT_REPORTED)]
    found = [*_differences(rows), *_steps(rows, settings), *_languages(rows, settings)]
    if found:
        raise UnlikeError("these are not alike:\n- " + "\n- ".join(dict.fromkeys(found)))


def _differences(rows: pd.DataFrame) -> Iterator[str]:
    places: dict[tuple[str, str], list[str]] = {}
    for scope, columns in ALIKE.items():
        for place, part in rows.groupby(list(scope), sort=False):
            for column in columns:
                if part[column].nunique(dropna=False) > 1:
                    where = ", ".join(f"{name} {value}" for name, value in zip(scope, place, strict=True))
                    places.setdefault((column, _who(part, column)), []).append(where)
    for (column, who), found in places.items():
        more = f" (and {len(found) - 1} places more)" if len(found) > 1 else ""
        yield f"{column} of {found[0]}{more}: {who}. Remedy: {REMEDY[column]}"


def _who(part: pd.DataFrame, column: str) -> str:
    """Each value with models that have it: f1 (a, b), exact (c)."""
    models = part.groupby(column, sort=False, dropna=False)["model"].unique()
    return ", ".join(f"{value} ({_some(list(names))})" for value, names in models.items())


def _some(names: Sequence[Any]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(map(str, names[:SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def _steps(rows: pd.DataFrame, settings: tuple[str, str]) -> Iterator[str]:
    """Between settings steps are one only where that is what the control promises."""
    for (task, model), part in rows[rows["control"] == "equal_steps"].groupby(["task", "model"], sort=False):
        steps = part.groupby("setting")["steps"].unique()
        if part["steps"].nunique(dropna=False) > 1:
            shown = ", ".join(
                f"{setting} {sorted(map(str, steps[setting]))}" for setting in settings if setting in steps
            )
            yield f"steps of task {task}, model {model} under equal_steps: {shown}. Remedy: {REMEDY['steps']}"


def _languages(rows: pd.DataFrame, settings: tuple[str, str]) -> Iterator[str]:
    for task, part in rows.groupby("task", sort=False):
        sets: dict[str, list[str]] = {}
        for model, mine in part.groupby("model", sort=False):
            held = [set(mine.loc[mine["setting"] == setting, "language"]) for setting in settings]
            if all(held):  # a model that lacks a setting is missing, not unlike
                sets.setdefault("+".join(sorted(set.intersection(*held))), []).append(str(model))
        if len(sets) > 1:
            common = sorted(set.intersection(*(set(codes.split("+")) for codes in sets)))
            shown = ", ".join(f"{codes!r} ({_some(models)})" for codes, models in sets.items())
            yield f"languages of task {task}: {shown}. Remedy: run what is missing, or filter the frame to {common}"


def missing(frame: pd.DataFrame, *, settings: tuple[str, str] = SETTINGS) -> pd.DataFrame:
    """The cells of the matrix that have no score, a row a cell, and why.

    Asked for are, of each task, all its models, metrics and seeds, in the two settings and any other that a model has:
    the first setting in the languages that have training data (where ``train_languages`` tells them), the others in
    every language tested. Columns: ``model``, ``task``, ``metric``, ``setting``, ``language``, the seeds, ``why``
    (``no row``, or the row's status). A seed is asked of the models whose rows name it or another of its kind.

    Source: ours.
    """
    rows = frame[~frame["model"].str.startswith(RIVAL) & (frame["language"] != AVG_REPORTED)]
    names = ["model", "task", "metric", "setting", "language", *SEEDS]
    found = []
    for (task, metric), part in rows.groupby(["task", "metric"], sort=False):
        held = {tuple(map(_plain, row)) for row in part[names].itertuples(index=False)}
        wanted = list(dict.fromkeys([*settings, *part["setting"]]))
        tested, trained = list(dict.fromkeys(part["language"])), _trained(part)
        for model, mine in part.groupby("model", sort=False):
            pretrained, finetuned = (
                list(dict.fromkeys(map(_plain, side))) for side in (mine[SEEDS[0]], _tuned(part, mine))
            )
            for setting, language, *seeds in product(wanted, tested, pretrained, finetuned):
                alone = setting == "each" and trained and language not in trained
                key = (model, task, metric, setting, language, *seeds)
                if not alone and key not in held:
                    found.append([*key, "no row"])
    failed = rows[rows["status"] != "done"]
    found += [[*map(_plain, row)] for row in failed[[*names, "status"]].itertuples(index=False)]
    made = pd.DataFrame(found, columns=[*names, "why"])
    return made.astype(dict.fromkeys(SEEDS, "Int64"))


def _plain(value: Any) -> Any:
    return None if value is pd.NA else value


def _tuned(part: pd.DataFrame, mine: pd.DataFrame) -> pd.Series:
    """The fine-tuning seeds of all models of a task; a model without seeds is asked for none."""
    return mine["finetune_seed"] if mine["finetune_seed"].isna().all() else part["finetune_seed"].dropna()


def _trained(part: pd.DataFrame) -> set[str]:
    """Single languages with training data: those that some model was trained on."""
    return {code for codes in part["train_languages"].unique() for code in codes.split("+") if "-" not in code}
