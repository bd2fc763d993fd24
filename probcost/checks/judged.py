"""P-values of what units show together: exact where observations are independent, discounted where they were found not to be."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from probcost.checks import p_values
from probcost.checks.effective_size import Dependence, autocovariance, lags_that_count, of_few
from probcost.checks.evidence import Floats
from probcost.checks.groups import intraclass
from probcost.checks.residuals import Residuals

__all__ = ["explained_by", "of_positive_scores", "of_scores", "of_squares", "worth"]


def worth(squares: float, degrees: float, observations: int) -> float:
    """Nats per observation that a likelihood with these degrees of freedom more would gain, to second order."""
    return max(0.0, squares - degrees) / (2 * observations)


def of_scores(scores: Floats, contributions: Floats, seen: Residuals) -> float:
    r"""P-value of N scores that are standard normal under the model: whether they are off together, or each in its own way.

    :math:`(\sum g_i)^2 / N` and what is left of :math:`\sum g_i^2` are independent χ² of 1 and N − 1 degrees of freedom. Of units
    that may depend on each other, Bonferroni's of the smallest.

    Args:
        scores: ``[N]``.
        contributions: what each row adds to each score, ``[T, N]``: their dependence is the score's.
    """
    g = scores / np.sqrt(seen.dependence.unit_times(contributions))
    each = 2 * stats.norm.sf(np.abs(g))
    if not seen.independent:
        return p_values.of_smallest(each)
    n = len(g)
    if seen.dependence.units:
        shared = 2 * stats.norm.sf(abs(g.sum()) / math.sqrt(n * _across(contributions)))
        return p_values.of_smallest([shared, p_values.of_smallest(each)])
    together = float(g.sum() ** 2 / n)
    shared = float(stats.chi2.sf(together, 1))
    return shared if n == 1 else p_values.sidak([shared, float(stats.chi2.sf((g**2).sum() - together, n - 1))])


def of_positive_scores(scores: Floats, contributions: Floats, seen: Residuals) -> float:
    """The same of scores that are looked for with their sign, together."""
    g = scores / np.sqrt(seen.dependence.unit_times(contributions))
    if not seen.independent:
        return p_values.of_smallest(stats.norm.sf(g))
    across = _across(contributions) if seen.dependence.units else 1.0
    return float(stats.norm.sf(g.sum() / math.sqrt(len(g) * across)))


def _across(contributions: Floats) -> float:
    """How much more the sum over units varies than if they were independent, each unit counting alike."""
    sd = contributions.std(axis=0)
    alike = np.divide(contributions, sd, out=np.zeros_like(contributions), where=sd > 0)
    return Dependence(units=True).design_effect(alike)


def explained_by(functions: Floats, values: Floats, seen: Residuals) -> Floats:
    r"""(T − 1) R² of each unit's ``values`` ``[T, N]`` on orthonormal ``functions`` ``[T, Q]`` of mean 0.

    Where rows depend on those before, a function's coefficient varies :math:`1 + 2 \sum_k \rho_k \rho'_k` times as much, by the
    autocorrelations of the values and of the function itself.

    Where rows of one group are alike, :math:`1 + \rho \sum_g [(\sum_{t \in g} f_t)^2 - \sum_{t \in g} f_t^2]` times, by their
    intraclass correlation, which few groups tell too small (`of_few`).

    Source: Bartlett, "Some aspects of the time-correlation problem in regard to tests of significance", 1935,
    https://doi.org/10.2307/2342284; Moulton, "Random group effects and the precision of regression estimates", 1986,
    https://doi.org/10.1016/0304-4076(86)90021-7.
    """
    variance = values.var(axis=0, ddof=1)
    explained = (functions.T @ values) ** 2
    explained = np.divide(explained, variance, out=np.zeros_like(explained), where=variance > 0)
    if seen.dependence.time:
        own, others = autocovariance(values), autocovariance(functions)
        lags = max(1, lags_that_count(own.sum(axis=1)))
        r, others = (each[1:lags] / np.maximum(each[0], 1e-300) for each in (own, others))
        explained = explained / np.maximum(1.0, 1 + 2 * others.T @ r)
    if seen.dependence.groups is not None:
        code = seen.dependence.groups
        shared = np.stack([np.bincount(code, column) for column in functions.T]) ** 2
        r = np.clip(of_few(code) * intraclass(values, code), 0.0, 1.0)
        explained = explained / np.maximum(1.0, 1 + (shared.sum(axis=1) - 1)[:, None] * r)
    return np.asarray(explained.sum(axis=0))


def of_squares(squares: Floats, degrees: int, values: Floats, seen: Residuals) -> float:
    r"""P-value of what a regression of ``values`` ``[T, N]`` on ``degrees`` functions explains of N units.

    .. math:: s = (T - 1) R^2 \sim (T - 1)\, \text{Beta}(q / 2, (T - 1 - q) / 2)

    under the model, whatever the variance; stretched to χ²'s variance around its mean q, which is the same, sums of it are χ².
    Of units found to depend on each other the sum varies more: Satterthwaite's χ² of fewer degrees.

    Args:
        squares: :math:`(T - 1) R^2` of each unit, ``[N]``.
    """
    rows, units = values.shape
    stretched = degrees + (squares - degrees) * math.sqrt((rows + 1) / max(rows - 1 - degrees, 1))
    if not seen.independent:
        return p_values.of_smallest(stats.chi2.sf(stretched, degrees))
    fewer = 1.0
    if seen.dependence.units:
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.nan_to_num(np.corrcoef(values, rowvar=False).reshape(units, units))
        np.fill_diagonal(r, 0.0)
        fewer += max(0.0, float((r**2).sum()) / units - (units - 1) / rows)
    return float(stats.chi2.sf(stretched.sum() / fewer, degrees * units / fewer))
