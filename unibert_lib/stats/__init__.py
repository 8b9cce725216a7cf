"""Statistics of results tables, the paper's and one's own: gains, tests, intervals, power."""

from .clusters import Clustered
from .compare import PAPER_GROUPS, by_task, compare, entries
from .effects import cliffs_delta, hedges_g
from .gains import HEADLINE_TASKS, gains
from .inference import Inference, NoFigureError, bca, holm, permutation, student, welch
from .likeness import UnlikeError, missing, refuse_unlike
from .pairing import paired, paired_t, wilcoxon

__all__ = [
    "HEADLINE_TASKS",
    "PAPER_GROUPS",
    "Clustered",
    "Inference",
    "NoFigureError",
    "UnlikeError",
    "bca",
    "by_task",
    "cliffs_delta",
    "compare",
    "entries",
    "gains",
    "hedges_g",
    "holm",
    "missing",
    "paired",
    "paired_t",
    "permutation",
    "refuse_unlike",
    "student",
    "welch",
    "wilcoxon",
]
