"""What the figures of the statistics share beyond :mod:`unibert_lib.drawing`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
TASK_MARKERS = {"ner": "o", "nli": "s", "qa": "D", "sts": "^", "legal_ner": "v"}  # others get MARKERS' last


def need(table: pd.DataFrame, *columns: str) -> None:
    lacking = [name for name in columns if name not in table]
    if lacking or table.empty:
        raise ValueError(
            f"nothing to draw: missing columns {lacking}, {len(table)} rows; there are {list(table.columns)}"
        )


def zero(axis: Axes, where: float = 0.0) -> None:
    axis.axvline(where, color="0.25", linewidth=1, zorder=1)


def name_rows(axis: Axes, names: Sequence[str], xlabel: str) -> None:
    """Names down the side, the first one on top."""
    axis.set_yticks(np.arange(len(names)), list(names))
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel(xlabel)
