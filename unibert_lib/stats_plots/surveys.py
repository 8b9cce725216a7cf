"""Power, printed against recomputed figures, and maps of differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from unibert_lib.drawing import DASHES, PALETTE, canvas, name_ticks, show_legend
from unibert_lib.stats_plots.looks import MARKERS, name_rows, need, zero


def power_curves(table: pd.DataFrame) -> Figure:
    """Power against seeds (over models) or against tasks (over tasks), a line a design of models, a panel a rest.

    ``table`` is ``stats.power``'s; the dotted line is the customary 80 %.

    Source: ours.
    """
    need(table, "over", "models", "tasks", "seeds", "power", "effect")
    along, panels = ("seeds", "tasks") if table["over"].iloc[0] == "models" else ("tasks", "seeds")
    parts = list(table.groupby(panels, sort=False))
    figure, axes = canvas(max(3.1 * len(parts), 4.6), 3.3, columns=len(parts))
    for axis, (value, part) in zip(axes, parts, strict=True):
        for number, (design, line) in enumerate(part.groupby("models", sort=False)):
            style = {"color": PALETTE[number], "ls": DASHES[number % len(DASHES)], "marker": MARKERS[number]}
            axis.plot(line[along], 100 * line["power"], ms=5, label=f"{design}", **style)
        axis.axhline(80, color="0.25", ls=":", lw=1)
        axis.set(
            xlabel=f"{along} per model" if along == "seeds" else "tasks", ylim=(0, 102), title=f"{panels}: {value}"
        )
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
    need(claims, "id", "printed", "recomputed", "verdict")
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
            axis.plot(
                [deviation], [place], MARKERS[number], color=PALETTE[number], ms=6, mec="white", label=f"_{place}"
            )
        says = f"{printed[place]:g} → {found[place]:.4g}" if np.isfinite(found[place]) else f"{printed[place]:g} → -"
        axis.annotate(says, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    for number, verdict in enumerate(verdicts):
        count = int((table["verdict"] == verdict).sum())
        axis.plot([], [], MARKERS[number], color=PALETTE[number], label=f"{verdict} ({count})")
    zero(axis)
    if np.nanmax(np.abs(deviations), initial=0.0) > 20:
        axis.set_xscale("symlog", linthresh=1)
        axis.xaxis.set_major_formatter("{x:g}")
    name_rows(axis, table["id"].astype(str).tolist(), "recomputed against printed (% of the printed figure)")
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
            small = abs(values[row, column]) < 0.5 * 10.0**-digits
            text = "0" if small else f"{values[row, column]:+.{digits}f}"
            axis.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in table.index]
    axis.set_yticks(np.arange(len(names)), names)
    name_ticks(axis, list(table.columns))
    figure.colorbar(shown, ax=axis, label=label)
    return figure
