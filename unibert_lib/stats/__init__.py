"""What the paper's tables say, recomputed: an audit of its printed figures."""

from .anomalies import outlier_cells, proportional_rows, row_averages
from .audit import audit

__all__ = ["audit", "outlier_cells", "proportional_rows", "row_averages"]
