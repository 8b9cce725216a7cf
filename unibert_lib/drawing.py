"""What every figure shares: palette, hatches, dashes, a canvas, axes and legends; and tables of texts.

One palette (seaborn's colour-blind-safe one); bars carry a hatch and lines a dash, for print in grey.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
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
_SPECIAL_TOKEN = re.compile(r"\[[A-Z]+\]")  # [MASK] and its like: Latin letters that say nothing of a text's direction
_TEXT = '<div dir="auto" style="text-align:start;white-space:pre-wrap;max-width:40em">'


class Picture(Figure):
    """A figure that a notebook shows as a cell's value: outside pyplot's registry, so that it shows once."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", bbox_inches="tight")
        return stream.getvalue()


class TextTable:
    """A table that a notebook shows as HTML and a terminal as text."""

    def __init__(self, frame: pd.DataFrame, page: str) -> None:
        self.frame, self.page = frame, page

    def _repr_html_(self) -> str:
        return self.page

    def __repr__(self) -> str:
        return self.frame.to_string()


def text_table(frame: pd.DataFrame, *, index: bool = True) -> TextTable:
    """The table with its texts whole, wrapped, and each in its own direction: Arabic and Urdu run from right to left.

    Columns of numbers look as pandas shows them. Texts are shown as they are: markup in them is text, and blanks count.
    The first letter decides a text's direction, where ``[MASK]`` and other special tokens do not count.

    Source: ours; HTML's ``dir="auto"``.
    """

    def cell(value: Any) -> str:
        return _TEXT + _SPECIAL_TOKEN.sub(r"<bdi>\g<0></bdi>", html.escape(str(value))) + "</div>"

    def numbers(values: Any) -> bool:
        return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)

    shown = frame.copy()
    texts = [place for place in range(frame.shape[1]) if not numbers(frame.iloc[:, place])]
    shown.columns = pd.Index([(cell if k in texts else html.escape)(str(n)) for k, n in enumerate(frame.columns)])
    names = (" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.index)
    shown.index = pd.Index([html.escape(name) for name in names])
    with pd.option_context("display.max_colwidth", None, "display.html.use_mathjax", False):  # a $ is a dollar
        formatters: Any = [cell if place in texts else None for place in range(frame.shape[1])]
        page = shown.to_html(escape=False, index=index, border=0, formatters=formatters, na_rep="-")
    return TextTable(frame, page)


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
