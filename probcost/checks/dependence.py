"""Do units that the model holds independent, given the inputs, vary together? And what depends on what at all?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from probcost.checks import p_values
from probcost.checks.autocorrelation import of_lags
from probcost.checks.effective_size import INDEPENDENT, Dependence, autocovariance, lags_that_count
from probcost.checks.evidence import Floats
from probcost.checks.groups import alike, intraclass
from probcost.checks.pit import quantile_residuals
from probcost.checks.result import Line

__all__ = ["dependence_found", "independence"]

# Below this p-value dependence is taken for real, whatever the level of the check.
_REAL = 0.05
_LEAST_ROWS = 8


def dependence_found(pit: Floats, *, ordered: bool, groups: NDArray[np.intp] | None = None) -> Dependence:
    """Whether quantile residuals, or how far out they lie, are alike in neighbouring rows, in groups, or in the units of a row.

    Args:
        pit: ``[T, N]``.
        ordered: whether rows follow each other in time.
        groups: which group each row is of, from 0, ``[T]``, where that is known.
    """
    rows, units = pit.shape
    smallest = np.finfo(np.float64).eps
    far = special.ndtri(np.abs(2 * pit - 1).clip(smallest, 1 - smallest))
    both = (quantile_residuals(pit), far)
    # Rows first, by a test that holds whether units are alike or not; units then, by one that admits what was found.
    in_time = ordered and rows >= _LEAST_ROWS and any(of_lags(z, units_depend=True) < _REAL for z in both)
    in_groups = groups is not None and alike(*both, groups, units_depend=True)[0] < _REAL
    of_rows = Dependence(time=in_time, groups=groups if in_groups else None)
    if units < 2 or rows < 3:
        return of_rows
    units_alike = any(_mean_correlation_p(z, of_rows) < _REAL for z in both)
    units_alike = units_alike or any(line.p_value < _REAL for line in independence(pit, [""] * units, _REAL, of_rows))
    return replace(of_rows, units=units_alike)


def _mean_correlation_p(z: Floats, of_rows: Dependence) -> float:
    """That units of a row vary together: their mean correlation is normal with variance 1 / (pairs · (T − 1))."""
    rows, units = z.shape
    standard = _unit_length(z)
    products = standard.sum(axis=1) ** 2 - (standard**2).sum(axis=1)
    score = float(products.sum()) * math.sqrt((rows - 1) / (2 * units * (units - 1)))
    return float(stats.norm.sf(score / math.sqrt(of_rows.design_effect(products))))


def independence(
    pit: Floats, names: Sequence[str], level: float, dependence: Dependence = INDEPENDENT
) -> Iterator[Line]:
    r"""One line: the largest correlation among all pairs of units' quantile residuals; none for one unit or 2 rows.

    Under the model residuals are standard normal, so that :math:`r \sqrt{(T - 2) / (1 - r^2)}` has Student's t with T − 2
    degrees of freedom, and the correlations of all N (N − 1) / 2 pairs are pairwise independent: Šidák's correction.
    Where rows depend on each other r has the variance :math:`\sum_k \rho_{ik} \rho_{jk} / T` of so many fewer rows; of rows
    alike in groups of :math:`n_g`, :math:`\rho_i \rho_j` of their intraclass correlations, :math:`\sum n_g^2 / T - 1` times.

    Args:
        pit: ``[T, N]``, of independent units.
        names: of the units.
        level: below which p is put in words.
        dependence: of rows, where it was found.

    Source: Bartlett, "Some aspects of the time-correlation problem in regard to tests of significance", 1935,
    https://doi.org/10.2307/2342284; Šidák, "Rectangular confidence regions for the means of
    multivariate normal distributions", 1967, https://doi.org/10.1080/01621459.1967.10482935
    """
    rows, units = pit.shape
    if units < 2 or rows < 3:
        return
    first, second = np.triu_indices(units, 1)
    residuals = quantile_residuals(pit)
    standard = _unit_length(residuals)
    correlation = (standard.T @ standard)[first, second].clip(-1, 1)
    fewer = np.maximum(
        _bartlett(residuals) if dependence.time else 1.0,
        1.0 if dependence.groups is None else _in_groups(residuals, dependence.groups),
    )
    worth = np.maximum(3.0, rows / np.broadcast_to(fewer, (units, units))[first, second])
    t = np.abs(correlation) * np.sqrt((worth - 2) / np.maximum(1 - correlation**2, 1e-300))
    each = 2 * stats.t.sf(t, worth - 2)
    pairs, least = len(correlation), int(each.argmin()) if each.min() > 0 else int(t.argmax())
    r, p = float(correlation[least]), p_values.sidak(each)
    verdict = "as expected"
    if p < level:
        related = int((each < level / pairs).sum())
        most = f"units {names[first[least]]} and {names[second[least]]}: correlation {r:.2f}"
        verdict = f"{most} beyond what the inputs explain"
        if pairs > 1:
            verdict = f"{related:,} of {pairs:,} pairs depend on each other, most {verdict}"
    belief = "given the inputs, units vary independently of each other"
    # The median of the largest under the model.
    expected = _reach(-math.expm1(math.log(0.5) / pairs), float(np.median(worth)))
    yield Line("largest correlation", belief, abs(r), expected, p, verdict, rows / float(worth[least]))


def _unit_length(z: Floats) -> Floats:
    centred = z - z.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    # Residuals that are all the same correlate with nothing.
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)


def _bartlett(z: Floats) -> Floats:
    """How many times fewer rows each pair's correlation is worth, ``[N, N]``, at least 1."""
    each = autocovariance(z)
    lags = max(1, lags_that_count(each.sum(axis=1)))
    r = np.divide(each[:lags], each[0], out=np.zeros_like(each[:lags]), where=each[0] > 0)
    return np.maximum(1.0, 1 + 2 * r[1:].T @ r[1:])


def _in_groups(z: Floats, groups: NDArray[np.intp]) -> Floats:
    """The same of rows that are alike in groups."""
    r = np.maximum(0.0, intraclass(z, groups))
    return 1 + np.outer(r, r) * max(0.0, float((np.bincount(groups) ** 2).sum()) / len(z) - 1)


def _reach(p: float, rows: float) -> float:
    """The correlation whose two-sided p-value is ``p``."""
    t = float(stats.t.isf(p / 2, rows - 2))
    return t / math.sqrt(t * t + rows - 2)
