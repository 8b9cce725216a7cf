"""The figures that the paper's text states about results, as facts with their places."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from unibert_lib.runs import REPOSITORY

CLAIMS = REPOSITORY / "data" / "paper" / "claims.csv"
COLUMNS = ["id", "place", "quantity", "model", "against", "task", "setting", "language", "relation", "printed", "unit"]
UNITS = ("percent", "points", "fraction", "times", "count", "K", "M", "G", "none")
RELATIONS = ("=", "~", "<", ">")


def check_claim(row: Mapping[str, object], where: str) -> dict[str, str]:
    """The claim as text, columns in order; ``where`` names it in errors.

    Raises
    ------
    ValueError
        If a column is missing, ``printed`` is no finite number, ``unit`` or ``relation`` is unknown, or ``id``,
        ``place`` or ``quantity`` is empty.

    Source: ours.
    """
    missing = [name for name in COLUMNS if row.get(name) is None]
    if missing:
        raise ValueError(
            f"{where}: no column {', '.join(missing)}; a claim has {', '.join(COLUMNS)} (empty where not apt)"
        )
    claim = {name: str(row[name]) for name in COLUMNS}
    for name in ("id", "place", "quantity"):
        if not claim[name]:
            raise ValueError(f"{where}: {name} is empty; say which claim this is, where it stands and of what it is")
    for name, known in (("unit", UNITS), ("relation", RELATIONS)):
        if claim[name] not in known:
            raise ValueError(f"{where}: {name}={claim[name]!r} is unknown; one of {', '.join(known)}")
    try:
        finite = Decimal(claim["printed"]).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise ValueError(f"{where}: printed={claim['printed']!r} is no number; write its digits as printed, like 7.72")
    return claim


def agrees(value: Decimal | float, printed: str, relation: str = "=") -> bool:
    """Whether a value gives the printed digits: it is at most half a unit of the last digit away.

    A value just between two printed numbers may so be either, as rounding rules differ. ``~`` (about) goes by the
    last digit that is not 0: about 30 is 25 to 35. ``<`` and ``>``: the value is below or above the printed number.

    Source: ours.
    """
    exact, number = Decimal(value), Decimal(printed)
    if relation in ("<", ">"):
        return exact < number if relation == "<" else exact > number
    last = number.normalize() if relation == "~" and number else number
    return abs(exact - number) <= Decimal(1).scaleb(int(last.as_tuple().exponent)) / 2


def is_cut(value: Decimal | float, printed: str) -> bool:
    """Whether the value's digits, cut off instead of rounded, are the printed ones.

    Source: ours.
    """
    number = Decimal(printed)
    return Decimal(value).quantize(number, ROUND_DOWN) == number


def load_claims(path: str | Path = CLAIMS) -> pd.DataFrame:
    """The claims of a csv file, all columns as text, so that the printed digits stay known.

    Returns
    -------
    DataFrame
        ``id``, ``place`` (section), ``quantity``, ``model`` (one, several joined by ``+``, or the groups ``UniBERT``
        and ``baselines``), ``against`` (what it is compared with), ``task`` (empty: the four tasks), ``setting``
        (``each->all`` is a change), ``language``, ``relation`` (``=``; ``~`` about; ``<``, ``>`` below or above the
        printed figure), ``printed``, ``unit``.

    Raises
    ------
    ValueError
        As ``check_claim``, with file and line; or if an id stands twice.

    Source: ours.
    """
    path = Path(path)
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        rows: list[dict[str, str]] = []
        lines: dict[str, int] = {}
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            claim = check_claim(row, where)
            if claim["id"] in lines:
                raise ValueError(f"{where}: id={claim['id']!r} stands in line {lines[claim['id']]} too; rename one")
            lines[claim["id"]] = reader.line_num
            rows.append(claim)
    return pd.DataFrame(rows, columns=COLUMNS)
