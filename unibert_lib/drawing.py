"""What every figure shares: palette, hatches, dashes, a canvas, axes and legends.

One palette (seaborn's colour-blind-safe one); bars carry a hatch and lines a dash, for print in grey.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

PALETTE: list[Any] = list(sns.color_palette("colorblind"))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "oo", "--")
DASHES = ("-", "--", ":", "-.")
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "figure.dpi": 110,
}
LABEL_BOX = {"fc": "white", "ec": "none", "pad": 1, "alpha": 0.85}


class Picture(Figure):
    """A figure that a notebook shows as a cell's value: outside pyplot's registry, so that it shows once."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", bbox_inches="tight")
        return stream.getvalue()


def canvas(
    width: float, height: float = 3.6, rows: int = 1, columns: int = 1, widths: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches, and its axes row by row; ``widths`` are the columns' relative ones."""
    with mpl.rc_context(STYLE):
        figure = Picture(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, width_ratios=widths)
    return figure, list(axes.ravel())


def bars_of(axis: Axes, where: Any, heights: Any, width: float, number: int, **options: Any) -> Any:
    """Bars in the palette's colour and hatch of this ``number``."""
    colour, hatch = PALETTE[number % len(PALETTE)], HATCHES[number % len(HATCHES)]
    return axis.bar(where, heights, width, color=colour, hatch=hatch, edgecolor="white", **options)


def name_ticks(axis: Axes, names: Sequence[Any], **labels: Any) -> None:
    axis.set_xticks(np.arange(len(names)), [str(n) for n in names], rotation=90 if len(names) > 20 else 0)
    axis.set(**labels)


def show_legend(axis: Axes, where: str = "beside", **options: Any) -> None:
    """Out of the data's way: beside the axes, or in one line above them."""
    options["loc"] = "upper left" if where == "beside" else "lower right"
    axis.legend(bbox_to_anchor=(1, 1), frameon=False, **options)


def wide(bars: int) -> float:
    return max(5.0, 2.0 + 0.34 * bars)


def plain_log(axis: Any) -> None:
    """Ticks of a log axis at 1, 2 and 5, written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
