"""How many of many unequal coins come up: the distribution of the number of zeros among observations."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from probcost.checks.evidence import Floats

__all__ = ["tail"]

# Above this variance the refined normal approximation errs by less than 0.001 in probability.
_LARGE_VARIANCE = 50.0
# Coins with a smaller chance (of either side) enter the characteristic function through sums of powers alone.
_SMALL_CHANCE = 0.05
_POWERS = 12


def tail(count: int, chances: Floats) -> tuple[float, float]:
    r"""P(K < count) and P(K = count) for :math:`K = \sum_i B_i`, independent :math:`B_i \sim \mathrm{Bernoulli}(p_i)`.

    Exact (by the discrete Fourier transform of the characteristic function) where the variance is small, and by the
    normal approximation corrected for skewness where it is large; quick for millions of ``chances`` either way.

    Args:
        count: observed K.
        chances: the p_i, any shape.

    Source: Hong, "On computing the distribution function for the Poisson binomial distribution", 2013,
    https://doi.org/10.1016/j.csda.2012.10.006
    """
    p = np.clip(chances.ravel(), 0.0, 1.0)
    mean, variance = float(p.sum()), float((p * (1 - p)).sum())
    if variance > _LARGE_VARIANCE:
        skewness = float((p * (1 - p) * (1 - 2 * p)).sum()) / variance**1.5
        below, up_to = (
            _refined_normal((count + shift - mean) / math.sqrt(variance), skewness) for shift in (-0.5, 0.5)
        )
        return below, up_to - below
    # Twelve standard deviations, and room for a Poisson-like tail where that is nearly nothing.
    reach = math.ceil(12 * math.sqrt(variance)) + 20
    first = math.floor(mean) - reach
    mass = _masses(p, first, 2 * reach + 1)
    position = count - first
    if not 0 <= position < len(mass):
        return (0.0 if position < 0 else 1.0), 0.0
    return float(mass[:position].sum()), float(mass[position])


def _masses(p: Floats, first: int, length: int) -> Floats:
    """P(K = first), P(K = first + 1), ... where all but a negligible part of K lies within ``length``."""
    frequencies = 2 * np.pi * np.arange(length // 2 + 1) / length
    turn = np.exp(1j * frequencies) - 1
    rare, frequent = p[p < _SMALL_CHANCE], 1 - p[p > 1 - _SMALL_CHANCE]
    between = p[(p >= _SMALL_CHANCE) & (p <= 1 - _SMALL_CHANCE)]
    log_rare = _log_characteristic(rare, turn)
    # A frequent coin is one for certain, less a rare one.
    log_frequent = _log_characteristic(frequent, turn.conj()) + 1j * frequencies * len(frequent)
    characteristic = np.exp(log_rare + log_frequent) * np.prod(1 + turn[:, None] * between, axis=1)
    return np.fft.irfft((characteristic * np.exp(-1j * frequencies * first)).conj(), length).clip(min=0.0)


def _log_characteristic(p: Floats, turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    r""":math:`\sum_i \log(1 + p_i w)` by its series in w; p is at most 0.05 and \|w\| at most 2, so 12 terms do."""
    total = np.zeros_like(turn)
    power = np.ones_like(p)
    for k in range(1, _POWERS + 1):
        power = power * p
        total += (-1) ** (k + 1) / k * power.sum() * turn**k
    return total


def _refined_normal(z: float, skewness: float) -> float:
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return float(np.clip(special.ndtr(z) + skewness * (1 - z * z) * density / 6, 0.0, 1.0))
