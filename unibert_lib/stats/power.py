"""How many models, tasks and seeds would settle a difference between two groups, by simulation.

An entry is y = group mean + model + task + (model x task) + seed noise / sqrt(seeds). Both groups go through the same
tasks, which are held fixed: what tasks do to a whole group is no noise. The test is Welch's t on one mean a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import nan

import numpy as np
import pandas as pd
from scipy import stats

from unibert_lib.results import SEEDS
from unibert_lib.stats.inference import NoFigureError

ASSUMED_SEED_SHARE = 0.5  # ours: of the variance within a model, where no model has several seeds


@dataclass(frozen=True)
class Components:
    """Standard deviations of one group, in the unit of the gain: between models, within a model, and between seeds.

    ``interaction`` is what a model does in one task apart from the model and the task, seeds aside.

    Source: ours.
    """

    mean: float
    model: float
    interaction: float
    seed: float

    def sd_of_model_mean(self, tasks: int, seeds: int) -> float:
        """Of one model's mean over tasks and seeds, the tasks' own effect aside."""
        return float(np.sqrt(self.model**2 + (self.interaction**2 + self.seed**2 / seeds) / tasks))


def components(entries: pd.DataFrame, *, seed_share: float | None = None) -> pd.DataFrame:
    """Mean and standard deviations of each group, by the mean squares of its table of models by tasks.

    ``entries`` has ``group``, ``model``, ``task``, ``gain``, and seeds where there are several
    (``stats.entries(..., unit="seed")``). Seeds cannot be told from the model's luck with a task where each cell has
    one: then ``seed_share`` of the variance within a model is taken as the seeds', by default a half (an assumption,
    and the column ``seed_from`` says so). A negative estimate of a variance is 0.

    Columns: ``group``, ``models``, ``tasks``, ``mean``, ``model``, ``task``, ``interaction``, ``seed`` (standard
    deviations), ``seed_from`` (``measured`` or ``assumed``).

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
    rows = []
    for group, part in entries.groupby("group", sort=False):
        table = part.pivot_table(index="model", columns="task", values="gain", aggfunc="mean")
        models, tasks = table.shape
        if min(models, tasks) < 2 or table.isna().any(axis=None):
            holes = int(table.isna().sum().sum())
            raise NoFigureError(f"group {group!r}: {models} models, {tasks} tasks, {holes} empty cells; two by two, none empty")
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
    return pd.DataFrame(rows)


def power(
    found: pd.DataFrame,
    *,
    models: Sequence[int | tuple[int, int]] = ((3, 5), 4, 6, 8, 12),
    tasks: Sequence[int] = (4, 8, 16),
    seeds: Sequence[int] = (1, 3, 5, 10),
    effect: float | None = None,
    alpha: float = 0.05,
    draws: int = 4000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often Welch's t on the models' means finds a difference of ``effect``, for each design.

    ``found`` is what ``components`` gives. ``models`` are those a group, or (first, second). ``effect`` is by default
    the observed difference, which is too large on average where it was chosen for being significant: try a half too.

    Columns: ``models`` (text, "3 + 5"), ``first``, ``second``, ``tasks``, ``seeds``, ``effect``, ``power``, ``error``
    (standard error of the simulation).

    Raises
    ------
    ValueError
        If ``found`` has not two groups, or a design has fewer than two models in a group, or a count below 1.

    Source: ours; Welch (1947). With equal groups it agrees with ``statsmodels.stats.power.TTestIndPower`` (tests).
    """
    if len(found) != 2:
        raise ValueError(f"groups {found['group'].tolist()}: the components of two groups are asked for")
    names = ["mean", "model", "interaction", "seed"]
    one, other = (Components(*map(float, row)) for row in found[names].itertuples(index=False))
    size = one.mean - other.mean if effect is None else effect
    designs = [(count, count) if isinstance(count, int) else tuple(count) for count in models]
    if min(map(min, designs)) < 2 or min(*tasks, *seeds) < 1:
        raise ValueError(f"models={designs}, tasks={list(tasks)}, seeds={list(seeds)}: two models a group, one of the others")
    rows = []
    for number, ((first, second), task, repeats) in enumerate(product(designs, tasks, seeds)):
        rng = np.random.default_rng([seed, number])
        sides = [_means(rng, group, count, task, repeats, draws) for group, count in ((one, first), (other, second))]
        if not any(side.any() for side in sides):
            rate = nan  # no variance at all: nothing to test against
        else:
            p = stats.ttest_ind(sides[0] + size, sides[1], axis=1, equal_var=False).pvalue
            rate = float((p < alpha).mean())
        error = float(np.sqrt(rate * (1 - rate) / draws))
        design = {"models": f"{first} + {second}", "first": first, "second": second, "tasks": task, "seeds": repeats}
        rows.append({**design, "effect": size, "power": rate, "error": error})
    return pd.DataFrame(rows)


def _means(rng: np.random.Generator, group: Components, models: int, tasks: int, seeds: int, draws: int) -> np.ndarray:
    """Draws x models: each model's mean over tasks and seeds, about the group's mean."""
    own = rng.normal(0, group.model, (draws, models))
    cells = rng.normal(0, group.interaction, (draws, models, tasks))
    noise = rng.normal(0, group.seed / np.sqrt(seeds), (draws, models, tasks))
    return np.asarray(own + (cells + noise).mean(2))
