"""The paper's Table 1, and its Tables 2 to 6 in the schema of our own runs."""

from __future__ import annotations

import csv
from decimal import Decimal

import pandas as pd

from unibert_lib.results.store import AVG_REPORTED, COLUMNS, NOT_REPORTED, check, frame
from unibert_lib.runs import REPOSITORY

PAPER = REPOSITORY / "data" / "paper" / "tables.csv"
TABLE1 = REPOSITORY / "data" / "paper" / "table1.csv"
PAPER_METRIC = {"ner": "f1", "nli": "macro_f1", "qa": "f1", "sts": "pearson", "legal_ner": "f1"}
PAPER_DATASET = {"ner": "CoNLL-2002/2003", "nli": "XNLI", "qa": "MLQA", "sts": "STS22", "legal_ner": "MAPA"}


def load_paper(averages: bool = False) -> pd.DataFrame:
    """The paper's Tables 2 to 6 in the schema of our runs, scores as fractions; a dash has no score.

    ``averages=True`` adds the printed averages as the language ``avg_reported``; they are not always the row's mean.

    Source: paper Tables 2 to 6; ``metric``, ``split`` and ``train_languages`` as data/paper/README.md says.
    """
    with PAPER.open(encoding="utf-8", newline="") as handle:
        cells = list(csv.DictReader(handle))
    trained: dict[str, set[str]] = {}
    for cell in cells:
        if cell["setting"] == "each" and cell["score"] and cell["language"] != AVG_REPORTED:
            trained.setdefault(cell["task"], set()).add(cell["language"])
    rows = []
    for cell in cells:
        task, setting, language, printed = cell["task"], cell["setting"], cell["language"], cell["score"]
        if language == AVG_REPORTED and not averages:
            continue
        pairs = {"de-en"} if (task, setting) == ("sts", "all") else set()
        alone = setting == "each" and language != AVG_REPORTED
        # In decimals, so that 86.21 becomes 0.8621 and not its neighbour.
        score = float(Decimal(printed) / (1 if task == "sts" else 100)) if printed else None
        none = dict.fromkeys((name for name, kind in COLUMNS.items() if kind != "str"), None)
        rows.append(
            none
            | dict.fromkeys(("checkpoint_sha", "preset", "dataset_sha", "control"), "none")
            | {"model": cell["model"], "task": task, "dataset": PAPER_DATASET[task], "split": "test"}
            | {"train_dataset": PAPER_DATASET[task]}
            | {"setting": setting, "language": language, "metric": PAPER_METRIC[task], "unit": "fraction"}
            | {"train_languages": language if alone else "+".join(sorted(trained[task] | pairs))}
            | {"score": score, "status": "done" if printed else NOT_REPORTED}
        )
    return frame(check(row) for row in rows)


def load_table1() -> pd.DataFrame:
    """Table 1, a row a model: ``layers``, ``hidden``, ``heads``; ``vocabulary`` (K), ``parameters`` and ``size`` (M).

    A printed G is a thousand M. Which of MB and MiB the M of a size is, the table does not say.

    Source: paper Table 1.
    """
    table = pd.read_csv(TABLE1, index_col="model", dtype=str)
    counts = table[["layers", "hidden", "heads"]].astype(int)
    return counts.assign(
        vocabulary=table["vocabulary"].str.removesuffix("K").astype(int),
        parameters=table["parameters"].map(_millions),
        size=table["size"].map(_millions),
    )


def _millions(printed: str) -> float:
    return float(Decimal(printed[:-1]) * {"M": 1, "G": 1000}[printed[-1]])
