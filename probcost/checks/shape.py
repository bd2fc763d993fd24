"""In which way predictions are wrong, in words: Neyman's components of what should be uniform, and variances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre
from scipy import stats

from probcost.checks.evidence import Floats

__all__ = ["components", "dispersion_in_words", "in_words"]

_NARROW = "too many observations in the tails: predictions too narrow"
_WIDE = "too few observations in the tails: predictions too wide"
_HEAVY = "too many observations both at the centre and far out: tails heavier than predicted"
# What each component, of degree 1, 2, ..., means where it is positive and where it is negative.
_OF_PIT = (
    ("observations lie higher than predicted", "observations lie lower than predicted"),
    (_NARROW, _WIDE),
    ("the upper tail is longer than predicted", "the lower tail is longer than predicted"),
    (_HEAVY, "too many observations between the centre and the tails: tails lighter than predicted"),
)
_OF_REGIONS = (
    ("observations lie too far out: regions too small", "observations lie too near the densest: regions too large"),
    (_HEAVY, "too few observations both at the centre and far out: tails lighter than predicted"),
)
# Observations beyond the central 99.5 % tell a bulk that is merely narrower from one with heavy tails around it.
_FAR = 0.005


def components(values: Floats, degree: int) -> Floats:
    r"""Standard scores of shift, spread, skewness, ... of numbers that should be uniform: standard normal if they are.

    .. math:: c_j = \frac{1}{\sqrt n} \sum_i \sqrt{2 j + 1} \, P_j(2 u_i - 1)

    Args:
        values: u, any shape.
        degree: of the last Legendre polynomial P_j.

    Returns:
        ``[degree]``.

    Source: Neyman, "Smooth test for goodness of fit", 1937, https://doi.org/10.1080/03461238.1937.10404821
    """
    polynomials = legendre.legvander(2 * values.ravel() - 1, degree)[:, 1:]
    return np.asarray(polynomials.mean(axis=0) * np.sqrt(values.size * (2 * np.arange(1, degree + 1) + 1)))


def in_words(values: Floats, *, regions: bool) -> str:
    """The component that stands out most, of PITs or of contents of regions."""
    words: Sequence[tuple[str, str]] = _OF_REGIONS if regions else _OF_PIT
    found = components(values, len(words))
    largest = int(np.abs(found).argmax())
    verdict = words[largest][0 if found[largest] > 0 else 1]
    reach = values if regions else np.abs(2 * values - 1)
    many_far = stats.binom.sf((reach > 1 - _FAR).sum() - 1, values.size, _FAR) < 0.01
    return _HEAVY if many_far and verdict in (_WIDE, _OF_REGIONS[0][1]) else verdict


def dispersion_in_words(residual_variance: float, variance_ratio: float) -> str:
    """Of a residual variance that is not 1, beside the ratio of squared deviations to predicted variances (or NaN)."""
    over = residual_variance > 1
    name = "over-dispersed" if over else "under-dispersed"
    residual = f"variance of quantile residuals is {residual_variance:.3g}"
    if not math.isfinite(variance_ratio):
        return f"{name}: {residual}, 1 predicted"
    squared = f"squared errors are {variance_ratio:.2f} of the predicted"
    if over == (variance_ratio > 1) and f"{variance_ratio:.2f}" != "1.00":
        return f"{name}: {residual}, {squared}"
    return f"{name} in the bulk: {residual}, though {squared}: look at the extremes"
