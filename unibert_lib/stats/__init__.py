"""Statistics of results tables, the paper's and one's own: gains, tests, intervals, power."""

from .anomalies import outlier_cells, proportional_rows, row_averages
from .audit import audit
from .clusters import group_means
from .compare import PAPER_GROUPS, by_task, compare, entries, in_words
from .effects import cliffs_delta, hedges_g
from .figure3 import model_gains
from .gains import HEADLINE_TASKS, gains
from .inference import Inference, NoFigureError, bca, holm, permutation, student, welch
from .likeness import UnlikeError, missing, refuse_unlike
from .pairing import paired, paired_t, wilcoxon
from .power import components, power
from .regression import mixed_model, robust_ols, wild

__all__ = [
    "HEADLINE_TASKS",
    "PAPER_GROUPS",
    "Inference",
    "NoFigureError",
    "UnlikeError",
    "audit",
    "bca",
    "by_task",
    "cliffs_delta",
    "compare",
    "components",
    "entries",
    "gains",
    "group_means",
    "hedges_g",
    "holm",
    "in_words",
    "missing",
    "mixed_model",
    "model_gains",
    "outlier_cells",
    "paired",
    "paired_t",
    "permutation",
    "power",
    "proportional_rows",
    "refuse_unlike",
    "robust_ols",
    "row_averages",
    "student",
    "welch",
    "wilcoxon",
    "wild",
]
