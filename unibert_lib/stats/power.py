"""How many models, tasks and seeds would settle a difference between two groups, by simulation.

An entry is y = group mean + model + task + (group x task) + (model x task) + seed noise / sqrt(seeds). Two questions
can be asked. Over models: these tasks, other models of the two kinds; Welch's t on one mean a model. Over tasks: these
models, other tasks; a t on one difference of group means a task.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from unibert_lib.results import SEEDS
from unibert_lib.stats.inference import NoFigureError

ASSUMED_SEED_SHARE = 0.5  # ours: of the variance within a model, where no model has several seeds


def components(entries: pd.DataFrame, *, seed_share: float | None = None) -> pd.DataFrame:
    """Mean and standard deviations of each group, by the mean squares of its table of models by tasks.

    ``entries`` has ``group``, ``model``, ``task``, ``gain``, and seeds where there are several
    (``stats.entries(..., unit="seed")``). Seeds cannot be told from the model's luck with a task where each cell has
    one: then ``seed_share`` of the variance within a model is taken as the seeds', by default a half (an assumption,
    and the column ``seed_from`` says so). A negative estimate of a variance is 0.

    Columns: ``group``, ``models``, ``tasks``, ``mean``, and standard deviations: ``model``, ``task``, ``interaction``
    (model x task), ``seed``, and ``slope``, how far the difference of the groups varies from task to task (one figure
    for both; nan unless there are two groups on the same tasks); ``seed_from`` (``measured`` or ``assumed``).

    Raises
    ------
    NoFigureError
        If a group has one model or one task, or cells without a gain.
    ValueError
        If ``seed_share`` lies outside 0 to 1, or is given where seeds are measured.

    Source: Montgomery, Design and Analysis of Experiments, 13.2 (two-factor random effects); the share is ours.
    """
    if seed_share is not None and not 0 <= seed_share <= 1:
        raise ValueError(f"seed_share={seed_share}: a share of the variance, 0 to 1")
    cells = entries.groupby(["model", "task"])["gain"]
    measured = bool((cells.count() > 1).any()) and set(SEEDS) <= set(entries)
    if measured and seed_share is not None:
        raise ValueError("seed_share is an assumption for tables of one seed, and these have several: leave it out")
    rows, lines = [], []
    for group, part in entries.groupby("group", sort=False):
        table = part.pivot_table(index="model", columns="task", values="gain", aggfunc="mean")
        models, tasks = table.shape
        if min(models, tasks) < 2 or table.isna().any(axis=None):
            holes = int(table.isna().sum().sum())
            raise NoFigureError(
                f"group {group!r}: {models} models, {tasks} tasks, {holes} empty cells; two by two, none empty"
            )
        grand = float(table.to_numpy().mean())
        by_model, by_task = table.mean(axis=1) - grand, table.mean() - grand
        rest = table.sub(by_model, axis=0).sub(by_task, axis=1) - grand
        within = float((rest**2).to_numpy().sum()) / ((models - 1) * (tasks - 1))
        of_model = (tasks * float((by_model**2).sum()) / (models - 1) - within) / tasks
        of_task = (models * float((by_task**2).sum()) / (tasks - 1) - within) / models
        seeds = part.groupby(["model", "task"])["gain"]
        if measured:
            noise, count = float(seeds.var().mean()), float(stats.hmean(seeds.count()))
            of_seed, of_cell = noise, within - noise / count
        else:
            share = ASSUMED_SEED_SHARE if seed_share is None else seed_share
            of_seed, of_cell = share * within, (1 - share) * within
        variances = {"model": of_model, "task": of_task, "interaction": of_cell, "seed": of_seed}
        sds = {name: float(np.sqrt(max(x, 0.0))) for name, x in variances.items()}
        where = "measured" if measured else "assumed"
        rows.append({"group": group, "models": models, "tasks": tasks, "mean": grand, **sds, "seed_from": where})
        lines.append((by_task + grand, within / models))
    made = pd.DataFrame(rows)
    made.insert(len(made.columns) - 1, "slope", _slope(lines))
    return made


def _slope(lines: list[tuple[pd.Series, float]]) -> float:
    if len(lines) != 2 or set(lines[0][0].index) != set(lines[1][0].index):
        return nan
    (one, noise), (other, more) = lines
    return float(np.sqrt(max(float((one - other).var()) - noise - more, 0.0)))


def power(
    found: pd.DataFrame,
    *,
    over: str = "models",
    models: Sequence[int | tuple[int, int]] = ((3, 5), 4, 6, 8, 12),
    tasks: Sequence[int] = (4, 8, 16),
    seeds: Sequence[int] = (1, 3, 5, 10),
    effect: float | None = None,
    alpha: float = 0.05,
    draws: int = 4000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often a difference of ``effect`` is found, for each design of models, tasks and seeds.

    ``found`` is what ``components`` gives. ``over`` is what would be drawn anew: other ``models`` on the same tasks
    (Welch's t on the models' means; what tasks do to a whole group is no noise), or other ``tasks`` for the same models
    (t on the tasks' differences; what a model does in all tasks is no noise). ``models`` are those a group, or (first,
    second). ``effect`` is by default the observed difference, which is too large on average where it was reported
    because it was significant: try a half too.

    Columns: ``over``, ``models`` (text, "3 + 5"), ``first``, ``second``, ``tasks``, ``seeds``, ``effect``, ``power``,
    ``error`` (standard error of the simulation).

    Raises
    ------
    ValueError
        If ``found`` has not two groups, ``over`` is unknown or its counts are below two, or another count below one.

    Source: ours. With equal groups it agrees with ``statsmodels.stats.power`` (tests).
    """
    if len(found) != 2:
        raise ValueError(f"groups {found['group'].tolist()}: the components of two groups are asked for")
    if over not in ("models", "tasks"):
        raise ValueError(f"over={over!r}: models or tasks")
    size = float(found["mean"].iloc[0] - found["mean"].iloc[1]) if effect is None else effect
    designs = [(count, count) if isinstance(count, int) else tuple(count) for count in models]
    least = {"models": 2, "tasks": 1} if over == "models" else {"models": 1, "tasks": 2}
    if min(map(min, designs)) < least["models"] or min(tasks) < least["tasks"] or min(seeds) < 1:
        raise ValueError(
            f"models={designs}, tasks={list(tasks)}, seeds={list(seeds)}: over {over}, two of them at least"
        )
    slope = float(found["slope"].iloc[0])
    if over == "tasks" and np.isnan(slope):
        raise ValueError("the two groups have different tasks: nothing tells how their difference varies by task")
    rows = []
    for number, ((first, second), count, repeats) in enumerate(product(designs, tasks, seeds)):
        rng = np.random.default_rng([seed, number])
        sides = [
            _cells(rng, part, (draws, size_of, count), repeats, own=over == "models")
            for (_, part), size_of in zip(found.iterrows(), (first, second), strict=True)
        ]
        sides[0] += size
        if over == "models":
            p = stats.ttest_ind(sides[0].mean(2), sides[1].mean(2), axis=1, equal_var=False).pvalue
        else:
            apart = sides[0].mean(1) - sides[1].mean(1) + rng.normal(0, slope, (draws, count))
            p = stats.ttest_1samp(apart, 0, axis=1).pvalue
        rate = float((p < alpha).mean())
        error = float(np.sqrt(rate * (1 - rate) / draws))
        design = {"models": f"{first} + {second}", "first": first, "second": second, "tasks": count, "seeds": repeats}
        rows.append({"over": over, **design, "effect": size, "power": rate, "error": error})
    return pd.DataFrame(rows)


def _cells(rng: np.random.Generator, part: pd.Series, shape: tuple[int, int, int], seeds: int, own: bool) -> Any:
    """Draws x models x tasks about the group's mean; tasks' own effects hit both groups alike and are left out."""
    of_model = rng.normal(0, part["model"], (*shape[:2], 1)) if own else 0.0
    return of_model + rng.normal(0, part["interaction"], shape) + rng.normal(0, part["seed"] / np.sqrt(seeds), shape)
