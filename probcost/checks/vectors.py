"""What a true model of whole vectors implies: each line holds whatever the dependence between a row's units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probcost.checks import p_values, shape
from probcost.checks.evidence import Floats
from probcost.checks.pit import ks_distance
from probcost.checks.result import Line

__all__ = ["region_shape", "unit_dispersion", "unit_shapes"]


def region_shape(content: Floats, expected_distance: float, level: float, effect: float = 1.0) -> Iterator[Line]:
    """One line: the contents ``[T]`` of the highest-density regions that just hold the observations are uniform."""
    distance = float(ks_distance(content))
    n = max(1, round(len(content) / effect))
    p = float(p_values.uniformity(distance, n))
    verdict = shape.in_words(content, regions=True) if p < level else "as expected"
    belief = "observations lie in dense and in thin places of the joint prediction as often as draws from it would"
    yield Line("regions, jointly", belief, distance, expected_distance / math.sqrt(n), p, verdict, effect)


def unit_shapes(columns: Mapping[str, Any], level: float) -> Iterator[Line]:
    """One line: how many units' PITs are not uniform, corrected for their number whatever their dependence."""
    p = np.asarray(columns["ks_p"])
    deviating = [name for name, each in zip(columns["unit"], p_values.holm(p), strict=True) if each < level]
    verdict = "as expected"
    if deviating:
        named = ", ".join(deviating[:3]) + (", ..." if len(deviating) > 3 else "")
        verdict = f"{len(deviating)} of {len(p)} units deviate: {named}"
    belief = "the predicted distributions have the right shape for each unit by itself"
    yield Line("PIT, unit by unit", belief, len(deviating), 0.0, p_values.of_smallest(p), verdict)


def unit_dispersion(columns: Mapping[str, Any], level: float) -> Iterator[Line]:
    """One line: the unit whose residual variance is least probable, corrected for the number of units."""
    each = np.asarray(columns["residual_variance_p"])
    most, p = int(each.argmin()), p_values.of_smallest(each)
    variance = float(columns["residual_variance"][most])
    verdict = "as expected"
    if p < level:
        words = shape.dispersion_in_words(variance, float(columns["variance_ratio"][most]))
        verdict = f"unit {columns['unit'][most]} is {words}"
    belief = "each unit varies around its predicted mean as much as predicted"
    yield Line("dispersion", belief, variance, 1.0, p, verdict)
