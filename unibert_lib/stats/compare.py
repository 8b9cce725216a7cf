"""Two groups of models compared by what they gain from one setting to another: every test in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from unibert_lib.results import SEEDS
from unibert_lib.stats import clusters, effects, inference, regression
from unibert_lib.stats.gains import SETTINGS, chosen, gains, headline
from unibert_lib.stats.inference import DIFFERENCE, LEVEL, RESAMPLES, Inference, attempt, with_holm
from unibert_lib.stats.likeness import REMEDY, UnlikeError, refuse_unlike

PAPER_GROUPS = {
    **dict.fromkeys(("UniBERT-Small", "UniBERT-XSmall", "UniBERT-XXSmall"), "UniBERT"),
    **dict.fromkeys(
        ("Distil-mBERT-base", "mBERT-base", "XLM-RoBERTa-base", "XLM-RoBERTa-large", "XLM-V-base"), "baselines"
    ),
}


def entries(
    results: pd.DataFrame,
    *,
    unit: str,
    groups: Mapping[str, str] | None = None,
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """What is compared: ``gains`` of the models in ``groups``, with ``group`` and ``checkpoint``, first group first.

    A model outside ``groups`` is left out. A row without a gain keeps its ``why``.

    Raises
    ------
    UnlikeError
        If the models were not tested alike (see ``refuse_unlike``).
    ValueError
        If there are not two groups with a model each, a model lacks a task, or ``unit`` is unknown or has one seed.

    Source: ours.
    """
    if unit not in ("task", "language", "seed"):
        raise ValueError(f"unit={unit!r}: one of task, language, seed")
    held = PAPER_GROUPS if groups is None else dict(groups)
    there = list(dict.fromkeys(results["model"]))
    names = list(dict.fromkeys(group for model, group in held.items() if model in there))
    if len(names) != 2:
        raise ValueError(f"the groups {names} have a model here, two are compared; groups={{model: group}} of {there}")
    mine = results[results["model"].isin(list(held))]
    rows = chosen(mine, headline(mine) if tasks is None else tasks, metrics)
    _refuse_lost(mine, rows)
    refuse_unlike(rows, settings)
    made = gains(rows, by=unit, settings=settings, metrics=metrics)
    _refuse_holes(made, list(dict.fromkeys(mine["model"])), settings)
    if unit == "seed" and (made.groupby(["model", "task"]).size() < 2).all():
        raise ValueError("unit='seed' needs several seeds, every model has one: use unit='task', or run more seeds")
    made["group"] = made["model"].map(held)
    made["checkpoint"] = made["model"]
    if unit == "seed":
        made["checkpoint"] += " " + made[SEEDS[0]].astype("string").fillna("")
    return made.sort_values("group", key=lambda side: side.map(names.index), kind="stable", ignore_index=True)


def _refuse_lost(asked: pd.DataFrame, rows: pd.DataFrame) -> None:
    """A model that has a task in another metric only would drop out without a word."""
    asked = asked[asked["task"].isin(rows["task"].unique())]
    there = set(zip(rows["model"], rows["task"], strict=True))
    lost = [
        f"{model} has {task} in {'/'.join(sorted(part['metric'].unique()))} only"
        for (model, task), part in asked.groupby(["model", "task"], sort=False)
        if (model, task) not in there
    ]
    if lost:
        metrics = rows.groupby("task", sort=False)["metric"].first().to_dict()
        raise UnlikeError(f"compared is {metrics}, but {'; '.join(lost)}: {REMEDY['metric']}")


def _refuse_holes(made: pd.DataFrame, models: list[str], settings: tuple[str, str]) -> None:
    """A model without any figure of a task would be compared on easier or harder tasks than the others."""
    whole = made.dropna(subset=list(settings))
    there = set(zip(whole["model"], whole["task"], strict=True))
    holes = [f"{m} {t}" for m in models for t in dict.fromkeys(made["task"]) if (m, t) not in there]
    if holes:
        before, after = settings
        raise ValueError(
            f"no whole set of scores in both {before} and {after} for {', '.join(holes)}: see missing(), run those "
            "cells, or choose the tasks that all models have (tasks=[...])"
        )


def compare(
    results: pd.DataFrame,
    *,
    unit: str = "task",
    cluster: str = "model",
    groups: Mapping[str, str] | None = None,
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Relative gains of two groups of models compared, a row a test; differences are of fractions, first - second.

    ``unit`` says what one entry is: a model's gain in a task, in a task and language, or in a task with one seed.
    ``cluster`` says what entries share: a ``model``, a ``checkpoint`` (a model of one pretraining seed), a ``task``, a
    ``language``, or ``none``. The first rows take entries as independent; the clustered rows below them do not. By
    default the paper's two families are compared on the four tasks of its section 5.6, those of them that are there.

    Columns: ``test``, ``quantity`` (what ``estimate``, ``low`` and ``high`` are), ``statistic``, ``df``, ``p``,
    ``p_holm`` (Holm over all rows with a p: the price of choosing among them), ``entries``, ``clusters`` (0: entries
    taken as independent), ``note``. A test that the data cannot carry is a row whose note says why.

    Raises
    ------
    UnlikeError
        If the models were not tested alike.
    ValueError
        As ``entries``; or if ``cluster`` is no column of these entries.

    Source: paper 5.6 (a t test of 12 against 16 entries); all else is ours.
    """
    frame = entries(results, unit=unit, groups=groups, settings=settings, tasks=tasks, metrics=metrics)
    dropped = frame[frame["gain"].isna()]
    frame = frame.dropna(subset=["gain"])
    allowed = ["model", "task", *{"seed": ["checkpoint"], "language": ["language"]}.get(unit, []), "none"]
    if cluster not in allowed:
        raise ValueError(f"cluster={cluster!r} with unit={unit!r}: one of {', '.join(allowed)}")
    sides = [part["gain"].to_numpy() for _, part in frame.groupby("group", sort=False)]
    if len(sides) != 2:
        raise ValueError(f"only {frame['group'].unique().tolist()} have a gain; see the column why of gains()")
    size = len(frame)
    draws: dict[str, Any] = {"seed": seed, "resamples": resamples}
    one, other = sides
    runs: list[tuple[str, str, Callable[[], Inference]]] = [
        ("Student's t", DIFFERENCE, lambda: inference.student(one, other, level=level)),
        ("Welch's t", DIFFERENCE, lambda: inference.welch(one, other, level=level)),
        ("permutation", DIFFERENCE, lambda: inference.permutation(one, other, **draws)),
        ("BCa bootstrap", DIFFERENCE, lambda: inference.bca(one, other, level=level, **draws)),
        ("Hedges' g", "standard deviations", lambda: effects.hedges_g(one, other, level=level)),
        ("Cliff's delta", "Cliff's delta", lambda: effects.cliffs_delta(one, other, level=level)),
    ]
    found = [attempt(test, quantity, run, size) for test, quantity, run in runs]
    if cluster != "none":
        found += _clustered(frame, cluster, level, draws)
    made = pd.DataFrame([asdict(row) for row in found])
    made = with_holm(made)
    if len(dropped):
        which = ", ".join(f"{row.model} {row.task} {row.languages}" for row in dropped.itertuples())
        made["note"] = [f"{note}; {len(dropped)} left out ({which})".removeprefix("; ") for note in made["note"]]
    return made


def _clustered(frame: pd.DataFrame, cluster: str, level: float, draws: dict[str, Any]) -> list[Inference]:
    data = (frame["gain"].to_numpy(), frame["group"].tolist(), frame[cluster].tolist())
    crossed = (*data[:2], frame["model"].tolist(), frame["task"].tolist())
    runs: list[tuple[str, Callable[[], Inference]]] = [
        ("Student's t on cluster means", lambda: clusters.mean_t(*data, equal_var=True, level=level)),
        ("Welch's t on cluster means", lambda: clusters.mean_t(*data, level=level)),
        ("cluster permutation", lambda: clusters.permutation(*data, **draws)),
        ("cluster bootstrap", lambda: clusters.bootstrap(*data, level=level, **draws)),
        ("cluster-robust OLS", lambda: regression.robust_ols(*data, level=level)),
        ("wild cluster bootstrap", lambda: regression.wild(*data, level=level, **draws)),
        ("mixed model", lambda: regression.mixed_model(*crossed, level=level)),
        ("mixed model, effect varies by task", lambda: regression.mixed_model(*crossed, slopes=True, level=level)),
    ]
    if frame.groupby(cluster)["group"].nunique().max() > 1:  # pairs of means: there is one t test, not two
        runs = [("paired t on cluster means", runs[1][1]), *runs[2:]]
    return [attempt(test, DIFFERENCE, run, len(frame), frame[cluster].nunique()) for test, run in runs]


def in_words(compared: pd.DataFrame, *, alpha: float = 0.05) -> list[str]:
    """What ``compare`` found, in sentences, whichever way the figures fall.

    Source: ours.
    """
    rows = compared[(compared["quantity"] == DIFFERENCE) & compared["p"].notna()]
    said = []
    for name, part in (("as independent", rows[rows["clusters"] == 0]), ("by clusters", rows[rows["clusters"] > 0])):
        if part.empty:
            said.append(f"Taken {name}, no test gives a p: the notes say why.")
            continue
        ordered = part.sort_values("p")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        of = f"{least['entries']} entries" + (f" in {least['clusters']} clusters" if least["clusters"] else "")
        p = f"p {'from ' if len(part) > 1 else ''}{least['p']:.4f} ({least['test']})"
        p += f" to {most['p']:.4f} ({most['test']})" if len(part) > 1 else ""
        low, high = 100 * part["estimate"].min(), 100 * part["estimate"].max()
        points = f"{low:.2f}" if round(low, 2) == round(high, 2) else f"{low:.2f} to {high:.2f}"
        said.append(f"Taken {name} ({of}): a difference of {points} points, {p}.")
    before, after = (int((rows[name] < alpha).sum()) for name in ("p", "p_holm"))
    said.append(
        f"Of {len(rows)} tests {before} have p below {alpha:g}; after Holm's correction for all of them, {after}."
    )
    ends = rows.dropna(subset=["low", "high"])
    zero = ends[(ends["low"] <= 0) & (ends["high"] >= 0)]["test"]
    said.append(
        f"The interval holds zero in {len(zero)} of {len(ends)} tests{': ' if len(zero) else ''}{', '.join(zero)}."
    )
    return said


def by_task(
    results: pd.DataFrame,
    *,
    groups: Mapping[str, str] | None = None,
    settings: tuple[str, str] = SETTINGS,
    tasks: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Welch's t and Hedges' g of the two groups in each task, one entry a model, with Holm's p over the tasks.

    Columns: ``task``, ``estimate``, ``low``, ``high``, ``statistic``, ``df``, ``p``, ``p_holm``, ``g``, ``entries``,
    ``note``.

    Raises
    ------
    ValueError
        As ``compare``.

    Source: ours.
    """
    frame = entries(results, unit="task", groups=groups, settings=settings, tasks=tasks, metrics=metrics)
    names, rows = list(dict.fromkeys(frame["group"])), []
    for task, part in frame.dropna(subset=["gain"]).groupby("task", sort=False):
        one, other = (part.loc[part["group"] == name, "gain"] for name in names)
        t = attempt("Welch's t", DIFFERENCE, partial(inference.welch, one, other, level=level), len(part))
        g = attempt("Hedges' g", "", partial(effects.hedges_g, one, other, level=level), len(part))
        figures = {name: getattr(t, name) for name in ("estimate", "low", "high", "statistic", "df", "p")}
        rows.append({"task": task, **figures, "g": g.estimate, "entries": len(part), "note": t.note})
    return with_holm(pd.DataFrame(rows))
