"""Gains and their tests as pictures: forest plot, slopes of languages, the paper's Figure 3 with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from unibert_lib.drawing import LABEL_BOX, PALETTE, canvas, tell
from unibert_lib.stats_plots.looks import MARKERS, TASK_MARKERS, name_rows, need, zero


def _interval(axis: Axes, place: float, low: float, high: float, **options: Any) -> None:
    """A horizontal bar, cut where the axis ends if an end is infinite."""
    left, right = axis.get_xlim()
    axis.plot([max(100 * low, left), min(100 * high, right)], [place, place], **options)


def forest(entries: pd.DataFrame, tests: pd.DataFrame, means: pd.DataFrame | None = None) -> Figure:
    """Left the entries, model by model, and the mean of each group; right their difference by every test.

    ``entries`` has ``model``, ``group``, ``task``, ``gain``; ``tests`` is ``stats.compare``'s. Tests without an
    interval stand as a bare mark with their p; grey rows take entries as independent. ``means`` is
    ``stats.group_means``': with it each group's mean has both intervals, grey over entries, coloured over models.

    Source: ours (Lewis and Clarke, 2001, on forest plots).
    """
    need(entries, "model", "group", "task", "gain")
    need(tests, "test", "quantity", "estimate", "low", "high", "p", "clusters")
    groups, models, tasks = (list(dict.fromkeys(entries[name])) for name in ("group", "model", "task"))
    shown = tests[(tests["quantity"] == "difference of means") & tests["estimate"].notna()]
    height = 1.4 + 0.32 * max(len(models) + len(groups), len(shown))
    figure, (left, right) = canvas(11.5, height, columns=2, widths=(1, 1.1))
    names: list[str] = []
    for number, group in enumerate(groups):
        part = entries[entries["group"] == group]
        for model in dict.fromkeys(part["model"]):
            for task, mine in part[part["model"] == model].groupby("task", sort=False):
                colour, mark = PALETTE[number], TASK_MARKERS.get(str(task), MARKERS[-1])
                aside = 0.13 * (tasks.index(task) - (len(tasks) - 1) / 2)  # so that no mark hides another
                spot = [len(names) + aside] * len(mine)
                left.plot(100 * mine["gain"], spot, mark, color=colour, ms=6, mec="white", alpha=0.9, label=f"_{task}")
            names.append(str(model))
        mean = 100 * float(part["gain"].mean())
        if means is not None:
            _both_intervals(left, means[means["group"] == group].iloc[0], len(names), PALETTE[number])
        left.plot([mean], [len(names)], "|", color=PALETTE[number], ms=18, mew=3, label=f"_mean {group}")
        left.annotate(f"{mean:.2f} %", (0.99, len(names)), xycoords=("axes fraction", "data"), ha="right", va="center")
        names.append(f"mean of {group}")
    zero(left)
    name_rows(left, names, "relative gain (%)")
    for task in tasks:
        left.plot([], [], TASK_MARKERS.get(str(task), MARKERS[-1]), color="0.4", label=str(task))
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, handletextpad=0.1, columnspacing=1.0)
    _tests(right, shown, f"{groups[0]} - {groups[-1]}")
    by_group = {f"mean of {name}": 100 * part["gain"] for name, part in entries.groupby("group", sort=False)}
    means_told = {name: pd.Series({f"{len(part)} entries": part.mean()}) for name, part in by_group.items()}
    named = shown.set_index("test")
    told = {"estimate": 100 * named["estimate"], "p": named["p"]}
    return tell(figure, "A forest plot: marks are entries, then tests with their intervals", means_told, told)


def _both_intervals(axis: Axes, row: pd.Series, place: int, colour: Any) -> None:
    for aside, low, high, style in ((-0.16, "low", "high", "0.45"), (0.16, "cluster_low", "cluster_high", colour)):
        axis.plot([100 * row[low], 100 * row[high]], [place + aside] * 2, color=style, lw=2.5, label="_mean's interval")


def _tests(axis: Axes, shown: pd.DataFrame, title: str) -> None:
    ends = 100 * shown[["low", "high"]].to_numpy()
    spots = 100 * shown["estimate"].to_numpy()
    finite = np.concatenate([ends[np.isfinite(ends)], spots, [0.0]])
    span = max(float(np.ptp(finite)), 1e-9)
    axis.set_xlim(finite.min() - 0.06 * span, finite.max() + 0.38 * span)  # room for p on the right
    for place, (_, row) in enumerate(shown.iterrows()):
        colour = "0.45" if row["clusters"] == 0 else PALETTE[0]
        if pd.notna(row["low"]):
            _interval(axis, place, row["low"], row["high"], color=colour, lw=2.5, label="_interval")
        axis.plot([100 * row["estimate"]], [place], "o", color=colour, ms=6, mec="white")
        says = "no p" if pd.isna(row["p"]) else f"p = {row['p']:.3f}" if row["p"] >= 0.0005 else "p < 0.0005"
        axis.annotate(says, (0.99, place), xycoords=("axes fraction", "data"), ha="right", va="center", bbox=LABEL_BOX)
    zero(axis)
    name_rows(axis, shown["test"].tolist(), f"{title} (percentage points)")
    axis.plot([], [], "o-", color="0.45", lw=2.5, label="entries taken as independent")
    axis.plot([], [], "o-", color=PALETTE[0], lw=2.5, label="by clusters")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)


def slopes(gains: pd.DataFrame, task: str, settings: tuple[str, str] = ("each", "all")) -> Figure:
    """Each language from one setting to the other, a panel a model; a language that falls is dashed and named.

    ``gains`` is ``stats.gains(..., by="language")``.

    Source: ours (the paper's Tables 2 to 6 as a picture).
    """
    before, after = settings
    need(gains, "model", "task", "language", before, after)
    part = gains[(gains["task"] == task)].dropna(subset=[before, after])
    if part.empty:
        raise ValueError(f"nothing to draw: no language of task {task!r} has both {before!r} and {after!r}")
    models = list(dict.fromkeys(part["model"]))
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    figure, axes = canvas(2.7 * columns, 2.9 * rows, rows=rows, columns=columns)
    low, high = (float(getattr(100 * part[[before, after]].to_numpy(), side)()) for side in ("min", "max"))
    margin = 0.05 * (high - low) + 0.5
    for axis, model in zip(axes, models, strict=False):
        mine = part[part["model"] == model]
        falls = mine[after] < mine[before]
        for falling, lines in mine.groupby(falls):
            style = (
                {"color": PALETTE[3], "ls": "--", "marker": "v"} if falling else {"color": PALETTE[0], "marker": "o"}
            )
            for _, row in lines.iterrows():
                axis.plot(
                    [0, 1], [100 * row[before], 100 * row[after]], ms=4, lw=1.2, label=f"_{row['language']}", **style
                )
        _name_ends(axis, mine[falls], 100 * mine.loc[falls, after], (high - low) / 18)
        axis.plot([0, 1], 100 * mine[[before, after]].mean(), color="black", lw=2.5, marker="s", ms=5, label="_mean")
        axis.set_title(f"{model}\n{int((mine[after] > mine[before]).sum())} of {len(mine)} languages rise", fontsize=9)
        axis.set_xticks([0, 1], settings)
        axis.set(xlim=(-0.2, 1.5), ylim=(low - margin, high + margin))
    for axis in axes[len(models) :]:
        axis.set_visible(False)
    for axis in axes[::columns]:
        axis.set_ylabel(f"{task} score (x 100)")
    told = []
    for model in models:
        mine = part[part["model"] == model]
        change = (100 * (mine[after] - mine[before])).set_axis(mine["language"].tolist())
        told.append({f"change from {before} to {after}": change})
    return tell(figure, "Lines, one a language, a panel a model", *told)


def _name_ends(axis: Axes, lines: pd.DataFrame, heights: pd.Series, gap: float) -> None:
    """Names to the right of the lines' ends, moved apart by as little as keeps them from overlapping."""
    if lines.empty:
        return
    order = heights.sort_values()
    steps = gap * np.arange(len(order))
    for index, place in zip(order.index, isotonic_regression(order.to_numpy() - steps).x + steps, strict=True):
        axis.text(1.08, float(place), str(lines.at[index, "language"]), va="center", fontsize=7.5, color=PALETTE[3])


def gains_by_model(table: pd.DataFrame) -> Figure:
    """The paper's Figure 3 with intervals: each model's mean relative gain over tasks.

    ``table`` is ``stats.model_gains``'. Thin: Student's over the tasks; thick: the bootstrap of tasks and languages;
    the open mark is the gain of the mean score over tasks.

    Source: paper Figure 3; the intervals are ours.
    """
    need(table, "model", "group", "mean", "low", "high", "boot_low", "boot_high", "pooled")
    groups = list(dict.fromkeys(table["group"]))
    figure, [axis] = canvas(8.5, 1.3 + 0.42 * len(table))
    for place, (_, row) in enumerate(table.iterrows()):
        colour = PALETTE[groups.index(row["group"]) % len(PALETTE)]
        if pd.isna(row["mean"]):
            axis.annotate(
                f"no figure: {row.get('why', '')}", (0.02, place), xycoords=("axes fraction", "data"), va="center"
            )
            continue
        if pd.notna(row["low"]):
            axis.plot([100 * row["low"], 100 * row["high"]], [place, place], color=colour, lw=1.2, label="_t")
            axis.plot(
                [100 * row["boot_low"], 100 * row["boot_high"]],
                [place, place],
                color=colour,
                lw=5,
                alpha=0.45,
                label="_boot",
            )
        axis.plot(
            [100 * row["mean"]],
            [place],
            MARKERS[groups.index(row["group"]) % len(MARKERS)],
            color=colour,
            ms=8,
            label="_model",
        )
        axis.plot([100 * row["pooled"]], [place], "D", mfc="white", mec=colour, ms=5.5, label="_pooled")
        axis.annotate(f"{100 * row['mean']:.2f} %", (1.01, place), xycoords=("axes fraction", "data"), va="center")
    zero(axis)
    name_rows(axis, table["model"].tolist(), "relative gain, mean over tasks (%)")
    axis.plot([], [], "o", color="0.4", ms=8, label="mean of the tasks' gains")
    axis.plot([], [], "D", mfc="white", mec="0.4", label="gain of the mean score")
    axis.plot([], [], color="0.4", lw=1.2, label="t over tasks")
    axis.plot([], [], color="0.4", lw=5, alpha=0.45, label="bootstrap: tasks, languages")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    told = {
        f"{row['model']} (from {100 * row['low']:.1f} to {100 * row['high']:.1f})"
        if pd.notna(row["low"])
        else str(row["model"]): pd.Series({str(row["group"]): 100 * row["mean"]})
        for _, row in table.iterrows()
    }
    return tell(figure, "Marks with intervals, a row a model", told)
