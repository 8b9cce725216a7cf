"""One tidy row a score, of our runs and of the paper's tables alike."""

from .choice import main_matrix
from .paper import PAPER, PAPER_DATASET, PAPER_METRIC, TABLE1, load_paper, load_table1
from .sheet import write_csv
from .store import ALLOWED, AVG_REPORTED, COLUMNS, KEY, NOT_REPORTED, append, check, load, torn
from .tables import (
    GROUP,
    PAIR,
    RIVAL,
    SEEDS,
    averages,
    gain,
    main_metric,
    paired_averages,
    pairs,
    relative,
    table,
    tables,
)

__all__ = [
    "ALLOWED",
    "AVG_REPORTED",
    "COLUMNS",
    "GROUP",
    "KEY",
    "NOT_REPORTED",
    "PAIR",
    "PAPER",
    "PAPER_DATASET",
    "PAPER_METRIC",
    "RIVAL",
    "SEEDS",
    "TABLE1",
    "append",
    "averages",
    "check",
    "gain",
    "load",
    "load_paper",
    "load_table1",
    "main_matrix",
    "main_metric",
    "paired_averages",
    "pairs",
    "relative",
    "table",
    "tables",
    "torn",
    "write_csv",
]
