"""Regression on the group: robust to clusters, by the wild bootstrap, and with random models and tasks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike
from scipy import optimize, stats
from statsmodels.regression.mixed_linear_model import MixedLM

from unibert_lib.stats.clusters import Clustered
from unibert_lib.stats.inference import DIFFERENCE, LEVEL, RESAMPLES, Floats, Inference, NoFigureError, answer

EXACT = 12  # so many clusters have 4,096 sign patterns: all are tried
WEBB = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])
WEBB_WEIGHTS = np.sign(WEBB) * np.sqrt(np.abs(WEBB))  # +-sqrt(1/2), +-1, +-sqrt(3/2)


def robust_ols(values: ArrayLike, groups: Sequence[Any], clusters: Sequence[Any], *, level: float = LEVEL) -> Inference:
    """Least squares on the group, errors free to correlate within a cluster; t with clusters - 1 degrees of freedom.

    The variance carries the small-sample factor G / (G - 1) x (N - 1) / (N - K). With fewer than some thirty clusters
    it is still too small, most of all where few clusters are treated.

    Raises
    ------
    NoFigureError
        If there are not two groups, or there is one cluster only.

    Source: Liang and Zeger (1986), Cameron and Miller (2015); ``statsmodels`` OLS with ``cov_type="cluster"``.
    """
    data = Clustered(values, groups, clusters)
    design = sm.add_constant(data.treated.astype(float))
    how = {"groups": data.codes, "use_correction": True, "df_correction": True}
    fit = sm.OLS(data.values, design).fit(cov_type="cluster", cov_kwds=how, use_t=True)
    low, high = fit.conf_int(alpha=1 - level)[1]
    figures = (fit.params[1], low, high, fit.tvalues[1], data.count - 1, fit.pvalues[1])
    return answer("cluster-robust OLS", DIFFERENCE, figures, note="too sure with few clusters", **data.size)


def wild(
    values: ArrayLike,
    groups: Sequence[Any],
    clusters: Sequence[Any],
    *,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Inference:
    """The wild cluster bootstrap of the robust t: residuals under no difference change sign, cluster by cluster.

    All 2**G sign patterns up to twelve clusters, beyond them ``resamples`` draws of Webb's six weights. The interval
    holds the differences that are not refused at ``level`` (patterns only; an open end is infinite).

    Raises
    ------
    NoFigureError
        If there are not two groups, or there is one cluster only.

    Source: Cameron, Gelbach and Miller (2008); Webb (2023) for the weights; MacKinnon and Webb (2018) on few treated
    clusters, where it rejects too seldom.
    """
    data = Clustered(values, groups, clusters)
    exact = data.count <= EXACT
    if exact:
        weights = np.array(list(product((1.0, -1.0), repeat=data.count)))
    else:
        weights = np.random.default_rng(seed).choice(WEBB_WEIGHTS, size=(resamples, data.count))
    centred = data.treated - data.treated.mean()
    indicator = np.eye(data.count)[data.codes]  # entries x clusters

    def t_of(outcomes: Floats) -> Floats:
        """The robust t of each column, without factors that are the same for all."""
        slope = centred @ outcomes / (centred @ centred)
        residuals = outcomes - outcomes.mean(0) - np.outer(centred, slope)
        spread = np.sqrt(((indicator.T @ (centred[:, None] * residuals)) ** 2).sum(0)) / (centred @ centred)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(slope / spread)

    def p_of(null: float) -> float:
        shifted = data.values - null * data.treated
        residuals = shifted - shifted.mean()
        drawn = np.abs(t_of(residuals[:, None] * weights.T[data.codes]))
        own = np.abs(t_of(shifted[:, None]))[0]
        beyond = np.isnan(drawn) | (drawn >= own * (1 - 1e-9) - 1e-9)  # the pattern of all +1 is the data itself
        return float(beyond.mean() if exact else (beyond.sum() + 1) / (len(drawn) + 1))

    centre, step = data.difference, robust_ols(values, groups, clusters)
    width = abs(step.high - step.low) or 1.0

    def end(sign: int) -> float:
        far = next(
            (centre + sign * width * 2.0**k for k in range(8) if p_of(centre + sign * width * 2.0**k) < 1 - level), nan
        )
        return (
            sign * inf
            if far != far
            else float(optimize.bisect(lambda x: p_of(x) - (1 - level), centre, far, xtol=1e-6))
        )

    low, high = (end(-1), end(1)) if exact else (nan, nan)
    patterns = f"exact, all {2**data.count} sign patterns" if exact else f"{resamples} draws of Webb's weights"
    p = p_of(0.0)
    return Inference("wild cluster bootstrap", DIFFERENCE, centre, low, high, p=p, note=patterns, **data.size)


def mixed_model(
    values: ArrayLike,
    groups: Sequence[Any],
    models: Sequence[Any],
    tasks: Sequence[Any],
    *,
    slopes: bool = False,
    level: float = LEVEL,
) -> Inference:
    """Value ~ group with random effects of model and of task, crossed, by restricted maximum likelihood.

    Without ``slopes`` the group's effect is the same in every task, and its t has (models - 2) degrees of freedom, as
    the group varies between models only (statsmodels' own p is a normal one). In a balanced design with a variance of
    models above 0 that is Student's t on the models' means. With ``slopes`` the effect may vary from task to task; the
    degrees of freedom are then at most (tasks - 1). The note gives the standard deviations in the values' unit, and
    says which of them lie at 0, where the t is rough. Several entries of one model and task share a further effect.

    Raises
    ------
    NoFigureError
        If the fit does not converge, there are fewer than three models or two tasks, or the group is not the model's.

    Source: Baayen, Davidson and Bates (2008) for crossed effects, Barr et al. (2013) for slopes; ``statsmodels``
    MixedLM.
    """
    data, second = Clustered(values, groups, models), Clustered(values, groups, tasks)
    if not data.nested:
        raise NoFigureError("a model stands in both groups: the group must be the model's")
    if data.count < 3:
        raise NoFigureError(f"{data.count} models: with two, group and model are one")
    scale = float(data.values.std())
    table = pd.DataFrame({"y": data.values / scale, "treated": data.treated.astype(float)})
    table = table.assign(model=data.codes, task=second.codes)
    random = {"model": "0 + C(model)", "task": "0 + C(task)"} | ({"slope": "0 + C(task):treated"} if slopes else {})
    if table.duplicated(["model", "task"]).any():  # several languages or seeds: they share the model's luck with a task
        random["cell"] = "0 + C(model):C(task)"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        maker = MixedLM.from_formula("y ~ treated", table, groups=np.ones(len(table)), vc_formula=random)
        # Searches without a gradient: the others stop short where a variance is close to 0. Powell's may step onto 0,
        # where the model is singular; the simplex comes near it only.
        try:
            fit = maker.fit(reml=True, method=["powell", "nm"])
        except np.linalg.LinAlgError:
            fit = maker.fit(reml=True, method="nm")
    failed = [str(w.message) for w in caught if "converge" in str(w.message)]
    estimate, error = (float(x["treated"]) for x in (fit.fe_params, fit.bse_fe))
    if not fit.converged or not np.isfinite(error):
        raise NoFigureError(f"the mixed model did not converge ({'; '.join(failed) or 'no reason given'})")
    df = min(data.count - 2, second.count - 1) if slopes else data.count - 2
    t, half = estimate / error, float(stats.t.ppf((1 + level) / 2, df)) * error
    spread = dict(zip(maker.exog_vc.names, np.sqrt(fit.vcomp), strict=True)) | {"residual": float(np.sqrt(fit.scale))}
    edge = [name for name, sd in spread.items() if sd < 1e-2 * spread["residual"]]
    note = "sd " + ", ".join(f"{name} {sd * scale:.4f}" for name, sd in spread.items())
    note += f"; at the edge: the variance of {' and '.join(edge)} is 0" if edge else ""
    p = float(2 * stats.t.sf(abs(t), df))
    figures = [*(scale * x for x in (estimate, estimate - half, estimate + half)), t, df, p]
    name = "mixed model" + (", effect varies by task" if slopes else "")
    return answer(name, DIFFERENCE, figures, note=note, **data.size)
