"""The same questions asked of each group of rows by itself: a subject, a molecule, a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from probcost.checks import p_values
from probcost.checks.effective_size import Dependence
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.pit import ks_distance, quantile_residuals
from probcost.checks.result import Line
from probcost.inputs import labelled

__all__ = ["alike", "alike_within", "group_columns", "group_line", "intraclass", "numbered", "variance_around_mean"]


def numbered(groups: Any, rows: int, x: Any = None) -> tuple[NDArray[np.intp], list[Any]]:
    """Which group each row is of, from 0, ``[T]``, and their labels, in the order of their first rows."""
    import pandas as pd

    code, labels = pd.factorize(pd.Series(labelled(groups, rows, x), dtype=object))
    return code.astype(np.intp), list(labels)


def alike_within(z: Floats, code: NDArray[np.intp], *, units_depend: bool) -> float:
    r"""P-value of ``z`` ``[T, N]`` being no more alike within groups than between: a one-way analysis of variance.

    .. math:: F = \frac{\sum_g n_g (\bar z_g - \bar z)^2 / (G - 1)}{\sum_t (z_t - \bar z_{g(t)})^2 / (T - G)}
        \sim F(G - 1, T - G)

    exactly, for independent standard normal residuals; of N independent units both sums, and both degrees, go over them all.
    1 where no group has two rows, or there is one group only.

    Source: Fisher, "Statistical Methods for Research Workers", 1925.
    """
    between, within, degrees = _sums_of_squares(z, code)
    if min(degrees) < 1:
        return 1.0
    if not units_depend:
        between, within = between.sum(keepdims=True), within.sum(keepdims=True)
        degrees = (degrees[0] * z.shape[1], degrees[1] * z.shape[1])
    ratio = between / degrees[0] / np.maximum(within / degrees[1], np.finfo(np.float64).tiny)
    return p_values.of_smallest(stats.f.sf(ratio, *degrees))


def alike(z: Floats, far: Floats, code: NDArray[np.intp], *, units_depend: bool) -> tuple[float, bool]:
    """P-value of rows of one group being alike, in where they lie or in how far out, and whether it is the latter.

    Args:
        z: quantile residuals ``[T, N]``.
        far: how far out they lie, standard normal as well.
    """
    p = [alike_within(values, code, units_depend=units_depend) for values in (z, far)]
    return p_values.of_smallest(p), p[1] < p[0]


def intraclass(z: Floats, code: NDArray[np.intp]) -> Floats:
    r"""The correlation of two rows of one group, ``[N]``, from the mean squares between and within groups.

    Source: Donner, "A review of inference procedures for the intraclass correlation coefficient in the one-way random effects
    model", 1986, https://doi.org/10.2307/1403259
    """
    between, within, degrees = _sums_of_squares(z, code)
    if min(degrees) < 1:
        return np.zeros(z.shape[1])
    sizes = np.bincount(code)
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / degrees[0]
    between, within = between / degrees[0], within / degrees[1]
    total = between + (typical - 1) * within
    return np.divide(between - within, total, out=np.zeros_like(total), where=total > 0)


def variance_around_mean(z: Floats, code: NDArray[np.intp] | None) -> Floats:
    r"""Unbiased variances ``[N]``, also where rows of one group are alike: few groups' mean then takes more than one row's worth.

    .. math:: \frac{\sum_t (z_t - \bar z)^2}{T - d}, \qquad d = 1 + \rho \left(\sum_g n_g^2 / T - 1\right)

    Args:
        code: which group each row is of, where they were found to be alike.
    """
    squares, lost = ((z - z.mean(axis=0)) ** 2).sum(axis=0), np.ones(z.shape[1])
    if code is not None:
        lost += np.clip(intraclass(z, code), 0.0, 1.0) * ((np.bincount(code) ** 2).sum() / len(z) - 1)
    return np.asarray(squares / np.maximum(len(z) - lost, 1.0))


def _sums_of_squares(z: Floats, code: NDArray[np.intp]) -> tuple[Floats, Floats, tuple[int, int]]:
    """Between and within groups, ``[N]`` each, and their degrees of freedom."""
    within = (_less_group_means(z, code) ** 2).sum(axis=0)
    total = ((z - z.mean(axis=0)) ** 2).sum(axis=0)
    groups = int(code.max()) + 1
    return np.maximum(0.0, total - within), within, (groups - 1, len(z) - groups)


def group_columns(
    evidence: Evidence,
    pit: Floats,
    region: Floats | None,
    groups: tuple[NDArray[np.intp], list[Any]],
    dependence: Dependence,
) -> dict[str, Sequence[Any] | Floats]:
    """One value for each of G groups, in the order of their labels' first rows, under these names:

    - ``group``; ``rows``; ``effective``: how many independent PITs (or regions) the group is worth;
    - ``ks`` and ``ks_p``: Kolmogorov's distance of its PITs (of vectors, of its regions) from uniform, uncorrected;
    - ``p_corrected``: the same, corrected for the number of groups (Holm);
    - ``bias``: mean quantile residual, 0 under the model, in predicted standard deviations;
    - ``dispersion``: variance of quantile residuals around each unit's mean, 1 under the model; NaN for one row;
    - ``coverage_90``: share within central 90 % intervals (of vectors, regions);
    - ``gain`` (with a null model): log score less the null model's, nats per observation.
    """
    code, labels = groups
    z = quantile_residuals(pit)
    values = pit if region is None else region
    reach = np.abs(2 * pit - 1) if region is None else region
    rows = np.bincount(code)
    # What all rows of a group share is what is looked for, and no reason to trust them less.
    dependence = replace(dependence, groups=None)
    effect = max(_within_groups(_less_group_means(each, code), code, dependence) for each in (values, reach))
    members = np.split(np.argsort(code, kind="stable"), np.cumsum(rows)[:-1])
    distance = np.array([ks_distance(values[own].ravel()) for own in members])
    effective = np.maximum(1, np.rint(rows * values[0].size / effect))
    p = p_values.uniformity(distance, effective)
    columns: dict[str, Sequence[Any] | Floats] = {
        "group": labels,
        "rows": rows.tolist(),
        "effective": effective,
        "ks": distance,
        "ks_p": p,
        "p_corrected": p_values.holm(p),
        "bias": np.array([z[own].mean() for own in members]),
        "dispersion": np.array([z[own].var(axis=0, ddof=1).mean() if len(own) > 1 else np.nan for own in members]),
        "coverage_90": np.array([(reach[own] < 0.9).mean() for own in members]),
    }
    if evidence.null_log_prob is not None:
        with np.errstate(invalid="ignore"):
            gain = evidence.log_prob - evidence.null_log_prob
        columns["gain"] = np.array([gain[own].mean() for own in members])
    return columns


def group_line(
    columns: Mapping[str, Any], pit: Floats, region: Floats | None, level: float, *, dependent: bool
) -> Line:
    """One line: how many groups deviate, by themselves; groups are independent unless rows depend on each other."""
    p, corrected = np.asarray(columns["ks_p"]), np.asarray(columns["p_corrected"])
    found, expected = int((p < level).sum()), level * len(p)
    # The smallest, and not their number: one subject who is different must be found among many who are not.
    overall = p_values.of_smallest(p) if dependent else p_values.sidak(p)
    verdict = "as expected"
    if overall < level:
        worst = int(p.argmin())
        certain = int((corrected < level).sum())
        sure = f"{certain} after the correction for their number" if certain else "none by itself after the correction"
        bias, spread = float(columns["bias"][worst]), float(columns["dispersion"][worst])
        verdict = (
            f"{found} of {len(p)} groups deviate, {expected:.3g} expected by chance ({sure}); "
            f"most in {columns['group'][worst]}: {bias:+.2f} sd off, variance {spread:.2f} of the predicted"
        )
    belief = "what holds of all rows holds of each group"
    return Line("group by group", belief, found, expected, overall, verdict)


def _within_groups(contributions: Floats, code: Any, dependence: Dependence) -> float:
    """The design effect where rows are alike only with those neighbours that are of their own group."""
    of_units = Dependence(units=dependence.units).design_effect(contributions)
    time = dependence.design_effect(contributions) / of_units
    return of_units * max(1.0, 1 + (time - 1) * float((code[1:] == code[:-1]).mean()))


def _less_group_means(values: Floats, code: Any) -> Floats:
    columns = values.reshape(len(values), -1)
    counts = np.bincount(code)
    means = np.stack([np.bincount(code, each) / counts for each in columns.T], axis=1)
    return columns - means[code]
