"""One tidy row a score, of our runs and of the paper's tables alike."""

from .paper import PAPER, PAPER_DATASET, PAPER_METRIC, load_paper
from .sheet import write_csv
from .store import ALLOWED, AVG_REPORTED, COLUMNS, KEY, NOT_REPORTED, append, check, load, torn
from .tables import GROUP, SEEDS, averages, table

__all__ = [
    "ALLOWED",
    "AVG_REPORTED",
    "COLUMNS",
    "GROUP",
    "KEY",
    "NOT_REPORTED",
    "PAPER",
    "PAPER_DATASET",
    "PAPER_METRIC",
    "SEEDS",
    "append",
    "averages",
    "check",
    "load",
    "load_paper",
    "table",
    "torn",
    "write_csv",
]
