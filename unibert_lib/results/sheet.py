"""A table for a spreadsheet, which takes a text that starts with ``=``, ``+``, ``-`` or ``@`` for a formula."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # full-width ones count in some


def write_csv(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV, whole or not at all; texts that a spreadsheet would run start with an apostrophe.

    Titles of a dump, names of models and labels of a data set are other people's texts. Numbers stay as they are; names
    of rows and columns are texts too. The index is written where it is more than a count of rows.

    Source: ours (RELIABILITY, row 42).
    """
    path = Path(path)
    flat = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    if isinstance(flat.columns, pd.MultiIndex):
        flat = flat.set_axis([" ".join(map(str, name)).strip() for name in flat.columns], axis="columns")
    inert = flat.astype(object).map(_inert).set_axis([_inert(name) for name in flat.columns], axis="columns")
    staging = path.with_name(f".{path.name}.staging")
    try:
        inert.to_csv(staging, index=False, quoting=csv.QUOTE_NONNUMERIC)  # a lone CR would start a new row
        os.replace(staging, path)
    except OSError:
        staging.unlink(missing_ok=True)
        raise
    return path


def _inert(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(_FORMULA) or _number(value):
        return value
    return f"'{value}"


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
