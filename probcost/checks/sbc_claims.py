"""What a point estimate claims: an unbiased mean, and intervals that hold new observations as often as they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from probcost.checks.evidence import Floats
from probcost.checks.p_values import holm
from probcost.checks.pit import randomized_pit
from probcost.checks.sbc_result import CalibrationLine
from probcost.predict import Predictive

__all__ = ["claims", "judged_claims"]

_INTERVALS = (0.5, 0.9)
_BIAS = "predicted mean − true mean"


def claims(fitted: Any, truth: Any, x: Tensor, new: Tensor, seed: int) -> dict[str, float]:
    """Of one simulation: mean error of the predicted means, in root mean square true standard deviations, and coverage.

    Args:
        fitted: the fitted model.
        truth: the true distribution, ``[1, T, N]``.
        x: inputs ``[T, ...]``.
        new: observations of the truth ``[T, N]``, not those that were fitted.
        seed: of the randomised PIT of counts.
    """
    reading = Predictive(fitted, x, {}).read(new)
    # One scale for all entries: single ones may hardly vary, as a probability near 1 does, or have no variance at all.
    variance = _numpy(truth.variance[0])
    scale = np.sqrt(variance[np.isfinite(variance)].mean()) if np.isfinite(variance).any() else 1.0
    error = (_numpy(reading.mean) - _numpy(truth.mean[0])).mean() / scale
    content = np.abs(2 * randomized_pit(_numpy(reading.cdf), _numpy(reading.cdf_below), seed) - 1)
    covered = {f"{100 * nominal:g} % intervals hold": float((content <= nominal).mean()) for nominal in _INTERVALS}
    return {_BIAS: float(error), **covered}


def judged_claims(found: Mapping[str, Floats], level: float) -> list[CalibrationLine]:
    """Student's t of every claim over simulations, which are independent: rows of one share what was fitted."""
    expected = {_BIAS: 0.0, **{f"{100 * nominal:g} % intervals hold": nominal for nominal in _INTERVALS}}
    errors = {name: float(values.std(ddof=1) / np.sqrt(len(values))) for name, values in found.items()}
    p_values = [
        float(2 * stats.t.sf(abs(values.mean() - expected[name]) / max(errors[name], 1e-300), len(values) - 1))
        for name, values in found.items()
    ]
    lines = []
    for (name, values), p, p_corrected in zip(found.items(), p_values, holm(p_values), strict=True):
        above = values.mean() > expected[name]
        if name == _BIAS:
            verdict = f"predicted means are too {'high' if above else 'low'}" if p_corrected < level else "unbiased"
        else:
            verdict = f"intervals are too {'wide' if above else 'narrow'}" if p_corrected < level else "as claimed"
        lines.append(
            CalibrationLine(name, float(values.mean()), expected[name], errors[name], p, float(p_corrected), verdict)
        )
    return lines


def _numpy(tensor: Any) -> Floats:
    return np.asarray(torch.as_tensor(tensor).detach().cpu(), dtype=np.float64)
