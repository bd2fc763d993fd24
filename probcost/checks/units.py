"""The same questions asked of each unit by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from probcost.checks import p_values, poisson_binomial
from probcost.checks.effective_size import INDEPENDENT, QUARTILES, Dependence, discounted
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.gain import gain
from probcost.checks.pit import ks_distance, quantile_residuals

__all__ = ["unit_columns", "variance_ratio"]


def unit_columns(
    evidence: Evidence, pit: Floats, v: Floats, dependence: Dependence = INDEPENDENT
) -> dict[str, Sequence[Any] | Floats]:
    r"""One value for each of N units, under these names:

    - ``unit``; ``mean`` and ``predicted_mean``, in the observation's units;
    - ``ks`` and ``ks_p``: Kolmogorov's distance of its PIT from uniform;
    - ``residual_variance`` and ``residual_variance_p``: of its randomised quantile residuals, 1 under the model;
    - ``variance_ratio``: :math:`\sum_t (y_t - \mu_t)^2 / \sum_t \sigma_t^2`, 1 under the model;
    - ``fano`` (counts): the conditional Fano factor :math:`\sum_t (y_t - \mu_t)^2 / \sum_t \mu_t`, 1 if Poisson;
    - ``coverage_90``: the share of observations within the central 90 % interval;
    - ``zeros``, ``predicted_zeros`` and ``zeros_p`` (counts);
    - ``gain`` and ``gain_se`` (with a null model, of independent units): log score less the null model's, nats per observation;
    - ``ks_time``, ``variance_time`` (rows depend on each other): rows that are worth one, for the two tests above.

    The p-values are each unit's own, uncorrected.

    Args:
        evidence: ``[T, N]``.
        pit: ``[T, N]``.
        v: uniform numbers ``[N]`` that randomise the p-values of zeros.
        dependence: of rows, where it was found; the p-values then count as many rows as they are worth.
    """
    rows = len(evidence.y)
    z = quantile_residuals(pit)
    residual_variance = z.var(axis=0, ddof=1)
    time = dependence.unit_times(*(pit < q for q in QUARTILES))
    square_time = dependence.unit_times((z - z.mean(axis=0)) ** 2)
    exact = p_values.two_sided(stats.chi2.cdf(residual_variance * (rows - 1), rows - 1))
    distance = ks_distance(pit)
    columns: dict[str, Sequence[Any] | Floats] = {
        "unit": list(evidence.unit_names),
        "mean": evidence.y.mean(axis=0),
        "predicted_mean": evidence.mean.mean(axis=0),
        "ks": distance,
        "ks_p": p_values.uniformity(distance, np.maximum(1, np.rint(rows / time))),
        "residual_variance": residual_variance,
        "residual_variance_p": discounted(exact, square_time),
        "variance_ratio": variance_ratio(evidence),
    }
    if evidence.discrete:
        squares, means = ((evidence.y - evidence.mean) ** 2).sum(axis=0), evidence.mean.sum(axis=0)
        columns["fano"] = np.divide(squares, means, out=np.full_like(means, np.nan), where=means > 0)
    columns["coverage_90"] = (np.abs(pit - 0.5) < 0.45).mean(axis=0)
    if evidence.prob_zero is not None:
        zeros = (evidence.y == 0).sum(axis=0)
        tails = [poisson_binomial.tail(int(k), p) for k, p in zip(zeros, evidence.prob_zero.T, strict=True)]
        below, at = np.transpose(tails)
        zero_time = dependence.unit_times((evidence.y == 0) - evidence.prob_zero)
        columns["zeros"] = zeros
        columns["predicted_zeros"] = evidence.prob_zero.sum(axis=0)
        columns["zeros_p"] = discounted(p_values.of_count(below, at, v), zero_time)
    if evidence.null_log_prob is not None and not evidence.vectors:
        by_unit = gain(evidence.log_prob, evidence.null_log_prob, ordered=evidence.ordered)
        columns["gain"], columns["gain_se"] = by_unit.mean, by_unit.standard_error
    if dependence.time:
        columns["ks_time"], columns["variance_time"] = time, square_time
    return columns


def variance_ratio(evidence: Evidence, axis: int | None = 0) -> Floats:
    """Squared deviations over predicted variances, each summed along ``axis``; NaN where the model has no variance."""
    squares = ((evidence.y - evidence.mean) ** 2).sum(axis=axis)
    variances = np.asarray(evidence.variance.sum(axis=axis))
    usable = np.isfinite(variances) & (variances > 0)
    return np.divide(squares, variances, out=np.full(variances.shape, np.nan), where=usable)
