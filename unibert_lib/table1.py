"""What the paper's Table 1 prints, and which intermediate sizes those figures admit.

The paper leaves ``intermediate_size`` out. Parameters grow linearly with it, so every printed figure, being
rounded, admits an interval; the intervals meet in few values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from unibert_lib import results, student

# A compact tokenizer.json of mBERT's 119,547 entries, saved by tokenizers 0.23: bytes, measured (ours).
TOKENIZER_JSON_BYTES = 1_961_408


@dataclass(frozen=True)
class Printed:
    """One row of Table 1: parameters in millions, model size in the table's "M"."""

    parameters: float
    size: float


_TABLE = results.load_table1()[["parameters", "size"]]
_ROWS = {str(name): Printed(float(row["parameters"]), float(row["size"])) for name, row in _TABLE.iterrows()}
STUDENTS = {name.removeprefix("UniBERT-").lower(): row for name, row in _ROWS.items() if name.startswith("UniBERT")}
BASELINES = {name: row for name, row in _ROWS.items() if not name.startswith("UniBERT")}


def intermediate_range(size: str, least: float, most: float) -> tuple[int, int]:
    """The smallest and largest intermediate size with ``least <= parameters < most`` (counts).

    ``parameters(I) = parameters(0) + slope * I``, with ``slope = layers * (2 * hidden + 1)``.

    Source: ours; the shapes are UniBERT Table 1.
    """
    if not least < most:
        raise ValueError(f"least={least} is not below most={most}; give the interval as (low, high)")
    base = student.predict(size, intermediate_size=0).parameters
    slope = student.predict(size, intermediate_size=1).parameters - base
    return math.ceil((least - base) / slope), math.ceil((most - base) / slope) - 1


def admitted(extra_bytes: int = 0) -> pd.DataFrame:
    """Per student, the intermediate sizes that the printed parameters and the printed size (as MiB) admit.

    A printed 87 may have been anything in [86.5, 87.5). ``extra_bytes``: what else the folder held.

    Source: ours; the figures are UniBERT Table 1.
    """
    rows = []
    for size, printed in STUDENTS.items():
        millions = (1e6 * (printed.parameters - 0.5), 1e6 * (printed.parameters + 0.5))
        weights = [((printed.size + half) * 2**20 - extra_bytes) / 4 for half in (-0.5, 0.5)]
        by_parameters = intermediate_range(size, *millions)
        by_size = intermediate_range(size, weights[0], weights[1])
        rows.append((size, *by_parameters, *by_size))
    columns = [
        "size",
        "from parameters, least",
        "from parameters, most",
        "from size, least",
        "from size, most",
    ]
    return pd.DataFrame(rows, columns=columns).set_index("size")


def units() -> pd.DataFrame:
    """Printed size over printed parameters, for every row of Table 1, beside what a unit would give.

    A parameter in fp32 is 4 bytes: 4.00 MB a million parameters, or 3.81 MiB.

    Source: ours; the figures are UniBERT Table 1.
    """
    rows = {**BASELINES, **{f"UniBERT {name}": printed for name, printed in STUDENTS.items()}}
    table = pd.DataFrame({name: [p.parameters, p.size] for name, p in rows.items()}).T
    table.columns = pd.Index(["parameters (M, printed)", "size (M, printed)"])
    ratio = table["size (M, printed)"] / table["parameters (M, printed)"]
    table["size / parameters"] = ratio.round(2)
    table["nearer to"] = ["MB" if abs(r - 4) < abs(r - 4e6 / 2**20) else "MiB" for r in ratio]
    return table
