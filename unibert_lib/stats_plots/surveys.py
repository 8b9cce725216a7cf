"""Power, printed against recomputed figures, and maps of differences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from unibert_lib.drawing import DASHES, PALETTE, canvas, name_ticks, show_legend, tell
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
    told = [
        {
            f"{design} models": 100 * line.set_index(along)["power"]
            for design, line in part.groupby("models", sort=False)
        }
        for _, part in parts
    ]
    return tell(figure, "Curves of power", *told)


def audit_points(claims: pd.DataFrame) -> Figure:
    """How far each printed figure lies from the one recomputed, by verdict.

    ``claims`` has ``id``, ``printed``, ``recomputed``, ``verdict``, and is named by its ``place``, ``quantity``,
    ``model``, ``task`` and ``setting`` where these are there. Drawn is the relative deviation in percent of the printed
    figure; a claim without a recomputed figure is named beside its row.

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
    names = [_name_of(row) for row in table.to_dict("records")]
    name_rows(axis, names, "recomputed against printed (% of the printed figure)")
    axis.tick_params(axis="y", labelsize=8)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    off = pd.Series(deviations, index=names).replace([np.inf, -np.inf], np.nan)
    told = {str(verdict): off[(table["verdict"] == verdict).to_numpy()] for verdict in verdicts}
    return tell(figure, f"Marks, one for each of {len(table)} printed figures", told)


def _name_of(claim: Mapping[Hashable, Any]) -> str:
    """``5.1: average, UniBERT-Small, ner, each``; where nothing of it is known, the claim's ``id``."""
    parts = [
        str(claim[name]).replace("->", " → ") for name in ("quantity", "model", "task", "setting") if claim.get(name)
    ]
    return f"{claim['place']}: {', '.join(parts)}" if parts and claim.get("place") else str(claim["id"])


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
    by_row = pd.DataFrame(values, index=names, columns=[str(name) for name in table.columns])
    return tell(figure, f"A map of {label}", {str(name): by_row[name] for name in by_row})
