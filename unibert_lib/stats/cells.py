"""The cells of the paper's tables as exact decimals, by row."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from unibert_lib.results import AVG_REPORTED

STUDENTS = ("UniBERT-Small", "UniBERT-XSmall", "UniBERT-XXSmall")
BASELINES = ("Distil-mBERT-base", "mBERT-base", "XLM-RoBERTa-base", "XLM-RoBERTa-large", "XLM-V-base")
TASKS = ("ner", "nli", "qa", "sts")  # the four of the headline; legal NER is told apart
# Table 6 writes some names in its own way.
ALIASES = {
    "mBERT": "mBERT-base",
    "UniBERT-small": "UniBERT-Small",
    "UniBERT-xsmall": "UniBERT-XSmall",
    "UniBERT-xxsmall": "UniBERT-XXSmall",
}
TABLE = {"ner": 2, "nli": 3, "qa": 4, "sts": 5, "legal_ner": 6}

Row = tuple[str, str, str]  # task, model, setting
Cells = dict[Row, dict[str, Decimal]]  # language -> score; the printed average is the language "avg_reported"


def unit(task: str) -> Decimal:
    """One unit of the last printed digit: 0.01 percent of F1, 0.001 of a correlation."""
    return Decimal("0.001") if task == "sts" else Decimal("0.01")


def read(tables: pd.DataFrame) -> Cells:
    """The printed scores: F1 in percent, Pearson's correlation as a fraction; a dash is left out.

    ``tables`` is shaped like ``results.load_paper(averages=True)``. Its fractions go back to decimals through their
    shortest text, so that 0.8621 is 86.21 and no binary neighbour of it.

    Raises
    ------
    ValueError
        If a row has two scores for a language: one table a frame is asked for.

    Source: paper Tables 2 to 6.
    """
    rows: Cells = {}
    columns = [tables[name] for name in ("task", "model", "setting", "language", "score")]
    for task, model, setting, language, score in zip(*columns, strict=True):
        if pd.isna(score):
            continue
        row = rows.setdefault((task, ALIASES.get(model, model), setting), {})
        if language in row:
            raise ValueError(
                f"two scores for task={task!r}, model={model!r}, setting={setting!r}, language={language!r}: "
                "average over seeds and filter to one data set first"
            )
        row[language] = Decimal(repr(float(score))) * (1 if task == "sts" else 100)
    return rows


def languages(row: dict[str, Decimal]) -> dict[str, Decimal]:
    """The row without its printed average."""
    return {language: score for language, score in row.items() if language != AVG_REPORTED}


def mean(scores: dict[str, Decimal]) -> Decimal:
    """The mean over languages, of 28 digits.

    Raises
    ------
    ValueError
        If there is no score.
    """
    if not scores:
        raise ValueError("a row without scores has no mean; load the tables with their languages")
    return sum(scores.values(), Decimal(0)) / len(scores)
