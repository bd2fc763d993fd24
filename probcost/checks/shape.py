"""In which way numbers that should be uniform are not: Neyman's components, and their words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre

from probcost.checks.evidence import Floats

__all__ = ["components", "in_words"]

_NARROW = "too many observations in the tails: predictions too narrow"
_WIDE = "too few observations in the tails: predictions too wide"
# What each component, of degree 1, 2, ..., means where it is positive and where it is negative.
_OF_PIT = (
    ("observations lie higher than predicted", "observations lie lower than predicted"),
    (_NARROW, _WIDE),
    ("the upper tail is longer than predicted", "the lower tail is longer than predicted"),
    ("tails are heavier than predicted", "tails are lighter than predicted"),
)
_OF_REGIONS = (
    ("observations lie too far out: regions too small", "observations lie too near the densest: regions too large"),
    (
        "too many observations both at the densest and far out: tails are heavier than predicted",
        "too few observations both at the densest and far out: tails are lighter than predicted",
    ),
)


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
    return words[largest][0 if found[largest] > 0 else 1]
