"""The figures of the statistics. A function takes a table of :mod:`unibert_lib.stats` and returns a Figure.

Gains and differences come as fractions and are drawn in percent.
"""

from .figures import forest, gains_by_model, slopes
from .surveys import audit_points, difference_heatmap, power_curves

__all__ = ["audit_points", "difference_heatmap", "forest", "gains_by_model", "power_curves", "slopes"]
