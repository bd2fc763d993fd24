"""Do rows that the model holds independent, given the inputs, depend on those before them?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from probcost.checks import p_values
from probcost.checks.effective_size import Dependence
from probcost.checks.evidence import Floats
from probcost.checks.result import Line

__all__ = ["independence_over_time", "lag_scores", "of_lags"]

_LAGS = 5


def lag_scores(z: Floats) -> Floats:
    r"""Autocorrelations of ``z`` ``[T, N]`` at lags 1 … 5 as scores, ``[L, N]``: standard normal where rows are independent.

    Source: Davies & Newbold, "Some power studies of a portmanteau test of time series model specification", 1979,
    https://doi.org/10.1093/biomet/66.1.153: exact mean, and variance to first order, around an estimated mean.
    """
    rows = len(z)
    centred = z - z.mean(axis=0)
    variance = np.maximum((centred**2).mean(axis=0), 1e-300)
    lag = np.arange(1, min(_LAGS, rows // 4) + 1)[:, None]
    r = np.stack([(centred[k:] * centred[:-k]).sum(axis=0) / (rows * variance) for k in lag[:, 0]])
    return (r + (rows - lag) / (rows * (rows - 1))) * math.sqrt(rows * (rows + 2)) / np.sqrt(rows - lag)


def of_lags(z: Floats, *, units_depend: bool) -> float:
    r"""P-value of :math:`z` ``[T, N]`` being independent over rows: at lag 1, at the lags beyond, and unit by unit.

    Of N independent units the scores :math:`\sum_j g_{kj} / \sqrt N` of the lags k are independent and standard normal,
    and so the smallest of the p-values is corrected by Šidák's formula. Of units that depend on each other, products
    of neighbours have their row sums' variance, and the most extreme unit is corrected by Bonferroni's.
    """
    scores = lag_scores(z)
    lags, units = scores.shape
    effects = np.ones(lags)
    if units_depend:
        across, centred = Dependence(units=True), z - z.mean(axis=0)
        effects = np.array([across.design_effect(centred[k:] * centred[:-k]) for k in range(1, lags + 1)])
    together = scores.sum(axis=1) / np.sqrt(units * effects)
    p = [2 * float(stats.norm.sf(abs(together[0])))]
    if lags > 1:
        p.append(float(stats.chi2.sf((together[1:] ** 2).sum(), lags - 1)))
    if units > 1:
        each = stats.chi2.sf((scores**2).sum(axis=0), lags)
        p.append(p_values.of_smallest(each) if units_depend else p_values.sidak(each))
    return p_values.sidak(p)


def independence_over_time(z: Floats, names: Sequence[str], level: float, *, units_depend: bool) -> Line:
    """One line: autocorrelation of quantile residuals, of all units together and of the most extreme.

    Args:
        z: quantile residuals ``[T, N]``, standard normal under the model; at least 4 rows.
        names: of the units.
        level: below which p is put in words.
        units_depend: whether units of one row are known to be alike.
    """
    rows, units = z.shape
    p = of_lags(z, units_depend=units_depend)
    scores = lag_scores(z)
    mean = float(scores[0].mean()) / math.sqrt(rows)
    verdict = "as expected"
    if p < level:
        most = int((scores**2).sum(axis=0).argmax())
        lag = 1 + int(np.abs(scores[:, most]).argmax())
        shown = mean if units == 1 and lag == 1 else float(scores[lag - 1, most]) / math.sqrt(rows)
        of = "" if units == 1 else f", most unit {names[most]}"
        verdict = f"rows depend on those before{of}: correlation {shown:.2f} at lag {lag}"
    belief = "given the inputs, a row says nothing of the rows after it"
    return Line("independence over time", belief, mean, 0.0, p, verdict)
