"""The figures of the statistics. A function takes a table of :mod:`unibert_lib.stats` and returns a Figure.

Gains and differences come as fractions and are drawn in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from unibert_lib.drawing import DASHES, LABEL_BOX, PALETTE, canvas, name_ticks, show_legend

MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
TASK_MARKERS = {"ner": "o", "nli": "s", "qa": "D", "sts": "^", "legal_ner": "v"}


def _need(table: pd.DataFrame, *columns: str) -> None:
    lacking = [name for name in columns if name not in table]
    if lacking or table.empty:
        raise ValueError(f"nothing to draw: missing columns {lacking}, {len(table)} rows; there are {list(table.columns)}")


def _zero(axis: Axes, where: float = 0.0) -> None:
    axis.axvline(where, color="0.25", linewidth=1, zorder=1)


def _rows(axis: Axes, names: Sequence[str], xlabel: str) -> None:
    """Names down the side, the first one on top."""
    axis.set_yticks(np.arange(len(names)), list(names))
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel(xlabel)


def _interval(axis: Axes, place: float, low: float, high: float, **options: Any) -> None:
    """A horizontal bar, cut where the axis ends if an end is infinite."""
    left, right = axis.get_xlim()
    axis.plot([max(100 * low, left), min(100 * high, right)], [place, place], **options)


def forest(entries: pd.DataFrame, tests: pd.DataFrame) -> Figure:
    """Left the entries, model by model, and the mean of each group; right their difference by every test.

    ``entries`` has ``model``, ``group``, ``task``, ``gain``; ``tests`` is ``stats.compare``'s. Tests without an
    interval stand as a bare mark with their p; grey rows take entries as independent.

    Source: ours (Lewis and Clarke, 2001, on forest plots).
    """
    _need(entries, "model", "group", "task", "gain")
    _need(tests, "test", "quantity", "estimate", "low", "high", "p", "clusters")
    groups, models = list(dict.fromkeys(entries["group"])), list(dict.fromkeys(entries["model"]))
    shown = tests[(tests["quantity"] == "difference of means") & tests["estimate"].notna()]
    height = 1.4 + 0.32 * max(len(models) + len(groups), len(shown))
    figure, (left, right) = canvas(11.5, height, columns=2, widths=(1, 1.1))
    names = []
    for number, group in enumerate(groups):
        part = entries[entries["group"] == group]
        for model in dict.fromkeys(part["model"]):
            for task, mine in part[part["model"] == model].groupby("task", sort=False):
                colour, mark = PALETTE[number], TASK_MARKERS.get(str(task), "P")
                spot = [len(names)] * len(mine)
                left.plot(100 * mine["gain"], spot, mark, color=colour, ms=6, mec="white", alpha=0.9, label=f"_{task}")
            names.append(str(model))
        mean = 100 * float(part["gain"].mean())
        left.plot([mean], [len(names)], "|", color=PALETTE[number], ms=18, mew=3, label=f"_mean {group}")
        left.annotate(f"{mean:.2f} %", (mean, len(names)), xytext=(8, 0), textcoords="offset points", va="center")
        names.append(f"mean of {group}")
    _zero(left)
    _rows(left, names, "relative gain (%)")
    for task in dict.fromkeys(entries["task"]):
        left.plot([], [], TASK_MARKERS.get(str(task), "P"), color="0.4", label=str(task))
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, handletextpad=0.1, columnspacing=1.0)
    _tests(right, shown, f"{groups[0]} - {groups[-1]}")
    return figure


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
    _zero(axis)
    _rows(axis, shown["test"].tolist(), f"difference of mean gains, {title} (percentage points)")
    axis.plot([], [], "o-", color="0.45", lw=2.5, label="entries taken as independent")
    axis.plot([], [], "o-", color=PALETTE[0], lw=2.5, label="by clusters")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)


def slopes(gains: pd.DataFrame, task: str, settings: tuple[str, str] = ("each", "all")) -> Figure:
    """Each language from one setting to the other, a panel a model; a language that falls is dashed and named.

    ``gains`` is ``stats.gains(..., by="language")``.

    Source: ours (the paper's Tables 2 to 6 as a picture).
    """
    before, after = settings
    _need(gains, "model", "task", "language", before, after)
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
            style = {"color": PALETTE[3], "ls": "--", "marker": "v"} if falling else {"color": PALETTE[0], "marker": "o"}
            for _, row in lines.iterrows():
                axis.plot([0, 1], [100 * row[before], 100 * row[after]], ms=4, lw=1.2, label=f"_{row['language']}", **style)
        _name_ends(axis, mine[falls], 100 * mine.loc[falls, after], (high - low) / 18)
        axis.plot([0, 1], 100 * mine[[before, after]].mean(), color="black", lw=2.5, marker="s", ms=5, label="_mean")
        axis.set_title(f"{model}\n{int((~falls).sum())} of {len(mine)} languages do not fall", fontsize=9)
        axis.set_xticks([0, 1], settings)
        axis.set(xlim=(-0.2, 1.5), ylim=(low - margin, high + margin))
    for axis in axes[len(models) :]:
        axis.set_visible(False)
    for axis in axes[::columns]:
        axis.set_ylabel(f"{task} score (x 100)")
    return figure


def _name_ends(axis: Axes, lines: pd.DataFrame, heights: pd.Series, gap: float) -> None:
    """Names to the right of the lines' ends, pushed up where they would overlap."""
    last = -np.inf
    for index in heights.sort_values().index:
        last = max(float(heights[index]), last + gap)
        axis.text(1.08, last, str(lines.at[index, "language"]), va="center", fontsize=7.5, color=PALETTE[3])


def gains_by_model(table: pd.DataFrame) -> Figure:
    """The paper's Figure 3 with intervals: each model's mean relative gain over tasks.

    ``table`` is ``stats.model_gains``'. Thin: Student's over the tasks; thick: the bootstrap of tasks and languages;
    the open mark is the gain of the mean score over tasks.

    Source: paper Figure 3; the intervals are ours.
    """
    _need(table, "model", "group", "mean", "low", "high", "boot_low", "boot_high", "pooled")
    groups = list(dict.fromkeys(table["group"]))
    figure, [axis] = canvas(8.5, 1.3 + 0.42 * len(table))
    for place, (_, row) in enumerate(table.iterrows()):
        colour = PALETTE[groups.index(row["group"]) % len(PALETTE)]
        if pd.isna(row["mean"]):
            axis.annotate(f"no figure: {row.get('why', '')}", (0.02, place), xycoords=("axes fraction", "data"), va="center")
            continue
        if pd.notna(row["low"]):
            axis.plot([100 * row["low"], 100 * row["high"]], [place, place], color=colour, lw=1.2, label="_t")
            axis.plot([100 * row["boot_low"], 100 * row["boot_high"]], [place, place], color=colour, lw=5, alpha=0.45)
        axis.plot([100 * row["mean"]], [place], MARKERS[groups.index(row["group"]) % len(MARKERS)], color=colour, ms=8)
        axis.plot([100 * row["pooled"]], [place], "D", mfc="white", mec=colour, ms=5.5)
        axis.annotate(f"{100 * row['mean']:.2f} %", (1.01, place), xycoords=("axes fraction", "data"), va="center")
    _zero(axis)
    _rows(axis, table["model"].tolist(), "relative gain, mean over tasks (%)")
    axis.plot([], [], "o", color="0.4", ms=8, label="mean of the tasks' gains")
    axis.plot([], [], "D", mfc="white", mec="0.4", label="gain of the mean score")
    axis.plot([], [], color="0.4", lw=1.2, label="t over tasks")
    axis.plot([], [], color="0.4", lw=5, alpha=0.45, label="bootstrap: tasks, languages")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure


def power_curves(table: pd.DataFrame) -> Figure:
    """Power against seeds (over models) or against tasks (over tasks), a line a design of models, a panel a rest.

    ``table`` is ``stats.power``'s; the dotted line is the customary 80 %.

    Source: ours.
    """
    _need(table, "over", "models", "tasks", "seeds", "power", "effect")
    along, panels = ("seeds", "tasks") if table["over"].iloc[0] == "models" else ("tasks", "seeds")
    parts = list(table.groupby(panels, sort=False))
    figure, axes = canvas(max(3.1 * len(parts), 4.6), 3.3, columns=len(parts))
    for axis, (value, part) in zip(axes, parts, strict=True):
        for number, (design, line) in enumerate(part.groupby("models", sort=False)):
            style = {"color": PALETTE[number], "ls": DASHES[number % len(DASHES)], "marker": MARKERS[number]}
            axis.plot(line[along], 100 * line["power"], ms=5, label=f"{design}", **style)
        axis.axhline(80, color="0.25", ls=":", lw=1)
        axis.set(xlabel=f"{along} per model" if along == "seeds" else "tasks", ylim=(0, 102), title=f"{panels}: {value}")
        axis.set_xticks(sorted(set(part[along])))
    axes[0].set_ylabel(f"power (%) to find {100 * table['effect'].iloc[0]:.1f} points")
    show_legend(axes[-1], title="models a group")
    return figure


def audit_points(claims: pd.DataFrame) -> Figure:
    """How far each printed figure lies from the one recomputed, by verdict.

    ``claims`` has ``id``, ``printed``, ``recomputed``, ``verdict``. Drawn is the relative deviation in percent of the
    printed figure; a claim without a recomputed figure is named beside its row.

    Source: ours.
    """
    _need(claims, "id", "printed", "recomputed", "verdict")
    verdicts = list(dict.fromkeys(claims["verdict"]))
    table = claims.sort_values("verdict", key=lambda side: side.map(verdicts.index), kind="stable")
    figure, [axis] = canvas(9.0, 1.2 + 0.24 * len(table))
    printed, found = (table[name].astype(float).to_numpy() for name in ("printed", "recomputed"))
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = 100 * (found - printed) / np.abs(printed)
    for place, (deviation, verdict) in enumerate(zip(deviations, table["verdict"], strict=True)):
        number = verdicts.index(verdict)
        if np.isfinite(deviation):
            axis.plot([0, deviation], [place, place], color=PALETTE[number], lw=1)
            axis.plot([deviation], [place], MARKERS[number], color=PALETTE[number], ms=6, mec="white", label=f"_{place}")
        says = f"{printed[place]:g} → {found[place]:.4g}" if np.isfinite(found[place]) else f"{printed[place]:g} → -"
        axis.annotate(says, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    for number, verdict in enumerate(verdicts):
        count = int((table["verdict"] == verdict).sum())
        axis.plot([], [], MARKERS[number], color=PALETTE[number], label=f"{verdict} ({count})")
    _zero(axis)
    if np.nanmax(np.abs(deviations), initial=0.0) > 20:
        axis.set_xscale("symlog", linthresh=1)
    _rows(axis, table["id"].astype(str).tolist(), "recomputed against printed (% of the printed figure)")
    axis.tick_params(axis="y", labelsize=8)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return figure


def difference_heatmap(table: pd.DataFrame, label: str, digits: int = 2) -> Figure:
    """Differences as a map around 0, a row and column as in ``table`` (already in the unit of ``label``); blank: none.

    Source: ours.
    """
    if table.empty or not np.isfinite(table.to_numpy(dtype=float)).any():
        raise ValueError("nothing to draw: the table has no figure")
    values = table.to_numpy(dtype=float)
    reach = max(float(np.nanmax(np.abs(values))), 1e-9)
    figure, [axis] = canvas(3.4 + 0.75 * values.shape[1], 1.2 + 0.3 * values.shape[0])
    axis.grid(False)
    shown = axis.imshow(values, cmap="PuOr", norm=TwoSlopeNorm(0, -reach, reach), aspect="auto")
    for row, column in np.ndindex(*values.shape):
        if np.isfinite(values[row, column]):
            dark = abs(values[row, column]) > 0.6 * reach
            text = f"{values[row, column]:+.{digits}f}"
            axis.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in table.index]
    axis.set_yticks(np.arange(len(names)), names)
    name_ticks(axis, list(table.columns))
    figure.colorbar(shown, ax=axis, label=label)
    return figure
