"""What every figure shares: palette, hatches, dashes, a canvas, axes, legends and words; and tables of texts.

One palette (seaborn's colour-blind-safe one); bars carry a hatch and lines a dash, for print in grey.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Mapping, Sequence
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


# A term of the objective looks the same in every panel: losses, gradients, accuracies.
TERMS: dict[str, tuple[Any, str]] = {
    "MLM": (PALETTE[0], "-"),
    "MLM, unsmoothed": (PALETTE[9], "-."),
    "distillation": (PALETTE[1], "--"),
    "adversary": (PALETTE[2], ":"),
    "discriminator": (PALETTE[2], ":"),  # whose loss the adversary turns round
}
LONGEST_ALT = 600  # characters; a screen reader reads them in one go


class Picture(Figure):
    """A figure that a notebook shows as a cell's value: outside pyplot's registry, so that it shows once.

    ``alt`` is the figure in words, for readers who cannot see it. JupyterLab has no place for such a text beside a PNG,
    so the cell's HTML holds the picture too, as an ``img`` with its ``alt``; the HTML copies read it from the metadata.
    """

    alt = ""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        stream = io.BytesIO()
        self.savefig(stream, format="png", bbox_inches="tight", facecolor="white")
        png = base64.b64encode(stream.getvalue()).decode()
        page = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}">'
        return {"image/png": png, "text/html": page, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def number(value: float) -> str:
    """Three digits that matter, without an exponent where a person would write none."""
    if not math.isfinite(value):
        return "no figure"
    value = 0.0 if abs(value) < 1e-12 else value  # what rounding left of nothing
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


def in_words(values: pd.Series) -> str:
    """A series in words: a curve (numbers as index) by its ends, anything else by its least and its most."""
    there = values.dropna()
    if there.empty:
        return "no figure"
    names = [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in there.index]
    figures = [float(value) for value in there]
    if len(there) == 1:
        return f"{number(figures[0])} ({names[0]})"
    if pd.api.types.is_numeric_dtype(there.index):
        first, last = (f"{number(figures[end])} at {number(float(names[end]))}" for end in (0, -1))
        return f"from {first} to {last}"
    low, high = min(figures), max(figures)
    if low == high:
        return f"{number(low)} for each of {len(there)}"
    return f"lowest {number(low)} ({names[figures.index(low)]}), highest {number(high)} ({names[figures.index(high)]})"


def tell(figure: Figure, kind: str, *panels: Mapping[str, pd.Series]) -> Figure:
    """Give the figure its ``alt``: what it is, then for each axes its labels and the series it draws, in its unit.

    What does not fit into some 600 characters is counted.

    Source: ours; W3C's advice on complex images: say the kind, the axes, and what the figures come to.
    """
    said, left, last = f"{kind}.", 0, {"": ""}
    for axis, panel in zip(figure.axes, panels, strict=False):
        sides = {"Vertical": axis.get_ylabel(), "horizontal": axis.get_xlabel()}
        parts = [f"{side} axis: {name}" for side, name in sides.items() if name and name != last.get(side)]
        title = " ".join(axis.get_title().split())
        head, last = " ".join(f"{part}." for part in (title, "; ".join(parts)) if part), sides
        for name, values in panel.items():
            sentence = f" {head}{' ' if head else ''}{name}: {in_words(values)}."
            if len(said) + len(sentence) > LONGEST_ALT:
                left += 1
            else:
                said, head = said + sentence, ""
    figure.alt = said + (f" And {left} more series." if left else "")  # type: ignore[attr-defined]
    return figure


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
    crowded: Any = {"fontsize": 7} if len(names) > 50 else {}
    axis.set_xticks(np.arange(len(names)), [str(n) for n in names], rotation=90 if len(names) > 20 else 0, **crowded)
    axis.set(**labels)


def show_legend(axis: Axes, where: str = "beside", **options: Any) -> None:
    """Out of the data's way: beside the axes, or in one line above them."""
    options["loc"] = "upper left" if where == "beside" else "lower right"
    axis.legend(bbox_to_anchor=(1, 1), frameon=False, **options)


def wide(bars: int) -> float:
    """Inches for so many bars; a hundred languages stand closer."""
    return min(max(5.0, 2.0 + 0.34 * bars), 18.0)


def from_zero(axis: Axes, values: Any, least: float = 0.0) -> None:
    """The height starts at 0 and reaches at least ``least``; without any value but 0 it would be a strip around 0."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = min(finite.min(initial=0.0), 0.0), max(finite.max(initial=0.0), least)
    high = high or (0.0 if low else 1.0)
    axis.set_ylim(1.05 * low, 1.05 * high)


def mark_zeros(axis: Axes, where: Any, heights: Any) -> None:
    """A 0 where a bar has no height: without it nobody could tell it from a bar that is missing."""
    for place, height in zip(where, heights, strict=True):
        if height == 0:
            axis.annotate("0", (place, 0), ha="center", va="bottom", fontsize=8)


def plain_log(axis: Any) -> None:
    """Ticks of a log axis at 1, 2 and 5, written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
