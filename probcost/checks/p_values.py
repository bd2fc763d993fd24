"""P-values that are uniform under the model at every sample size, and their correction for being many."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from probcost.checks.evidence import Floats

__all__ = ["holm", "of_count", "of_rejections", "of_smallest", "randomness", "sidak", "two_sided", "uniformity"]


def two_sided(lower: ArrayLike) -> Floats:
    """Twice the smaller tail, from the probability of the lower one."""
    lower = np.asarray(lower, dtype=np.float64)
    return 2 * np.minimum(lower, 1 - lower).clip(0.0, 0.5)


def uniformity(distance: ArrayLike, n: ArrayLike) -> Floats:
    """Exact p-value of Kolmogorov's distance of ``n`` numbers from uniform.

    Source: Simard & L'Ecuyer, "Computing the two-sided Kolmogorov-Smirnov distribution", 2011,
    https://doi.org/10.18637/jss.v039.i11
    """
    return np.asarray(stats.kstwo.sf(distance, n), dtype=np.float64)


def of_count(below: ArrayLike, at: ArrayLike, v: ArrayLike) -> Floats:
    r"""Randomised two-sided p-value of a count K observed as k: from :math:`P(K < k) + v P(K = k)`.

    A count takes few values, so that an unrandomised p-value is too large: with 2 zeros expected, a 5 % test rejects
    1.7 %. With ``v`` uniform on (0, 1) it is exactly uniform.

    Args:
        below: P(K < k).
        at: P(K = k).
        v: uniform on (0, 1), independent of the data.
    """
    return two_sided(np.asarray(below) + np.asarray(v) * np.asarray(at))


def randomness(y: Floats, seed: int, stream: int) -> np.random.Generator:
    """Random numbers for `of_count`: the same for the same data and seed, and others for other data.

    With one v for every data set, as a seed alone gives, a count as rare as 5 % has always the same p-value: of data sets
    checked with the default seed, none would be rejected for it, or all.

    Args:
        y: the observations.
        stream: tells apart tests of the same data.
    """
    return np.random.default_rng([seed, stream, zlib.crc32(np.ascontiguousarray(y).tobytes())])


def of_rejections(p_values: Floats, level: float) -> float:
    r"""Exact p-value of how many of N independent p-values lie below ``level``: :math:`K \sim \mathrm{Bin}(N, level)`.

    Equal counts are told apart by the smallest p-value. Without that a handful of units has no 5 % test: of two, one
    or more reject in 9.75 % of data sets, both in 0.25 %. With N = 1 it is the one p-value itself.
    """
    n, count, smallest = len(p_values), int((p_values < level).sum()), p_values.min()
    more = stats.binom.sf(count, n, level)
    # Given the count, those below the level are uniform below it, the others above it.
    outlying = (1 - smallest / level) ** count if count else ((1 - smallest) / (1 - level)) ** n
    return float(more + (1 - outlying) * stats.binom.pmf(count, n, level))


def of_smallest(p_values: ArrayLike) -> float:
    """Bonferroni's p-value of the smallest of N p-values: rejects a true model at most at its level, dependent or not."""
    p = _numbers(p_values)
    return float(min(1.0, len(p) * p.min()))


def sidak(p_values: ArrayLike) -> float:
    """The smallest of N independent p-values, corrected for their number: uniform again.

    Source: Šidák, "Rectangular confidence regions for the means of multivariate normal distributions", 1967,
    https://doi.org/10.1080/01621459.1967.10482935
    """
    p = _numbers(p_values)
    smallest = float(p.min())
    return -math.expm1(p.size * math.log1p(-smallest)) if smallest < 1 else 1.0


def holm(p_values: ArrayLike, tested: ArrayLike | None = None) -> NDArray[np.float64]:
    """P-values corrected for being many: any true belief's falls below α with chance α at most, dependent or not.

    Args:
        tested: which of them a test gave; those of facts stay as they are and count for nothing. All, unless given.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979, https://www.jstor.org/stable/4615733
    """
    p = _numbers(p_values)
    among = np.arange(len(p)) if tested is None else np.flatnonzero(tested)
    order = among[np.argsort(p[among])]
    adjusted = p.copy()
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)).clip(max=1.0)
    return adjusted


def _numbers(p_values: ArrayLike) -> Floats:
    """A p-value that is no number is a fault of the test, and must not pass for a belief that holds."""
    p = np.asarray(p_values, dtype=np.float64)
    if np.isnan(p).any():
        raise ValueError(f"p-value {int(np.isnan(p).argmax())} of {p.size} is NaN")
    return p
