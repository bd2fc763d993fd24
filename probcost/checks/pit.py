"""Probability integral transforms: uniform under the model, whatever the model, counts included."""

from __future__ import annotations

import numpy as np
from scipy import special

from probcost.checks.evidence import Floats

__all__ = ["ks_distance", "quantile_residuals", "randomized_pit"]


def randomized_pit(cdf: Floats, cdf_below: Floats, seed: int) -> Floats:
    r"""The randomised probability integral transform, exactly Uniform(0, 1) and independent under the model.

    .. math:: u = P(Y < y) + v \, P(Y = y), \qquad v \sim \mathrm{Uniform}(0, 1)

    For continuous data ``cdf_below`` equals ``cdf``, and ``u = P(Y ≤ y)``.

    Args:
        cdf: P(Y ≤ y), any shape.
        cdf_below: P(Y < y), the same shape.
        seed: of v.

    Source: Czado, Gneiting & Held, "Predictive model assessment for count data", 2009,
    https://doi.org/10.1111/j.1541-0420.2009.01191.x; Smith, "Diagnostic checks of non-standard time series models",
    1985, https://doi.org/10.1002/for.3980040305
    """
    # A stream of its own: data simulated from the same seed must not share its random numbers.
    v = np.random.default_rng([seed, 2009]).random(cdf.shape)
    return np.clip(cdf_below + v * (cdf - cdf_below), 0.0, 1.0)


def quantile_residuals(pit: Floats) -> Floats:
    r"""Randomised quantile residuals :math:`z = \Phi^{-1}(u)`: standard normal and independent under the model.

    Source: Dunn & Smyth, "Randomized quantile residuals", 1996, https://doi.org/10.1080/10618600.1996.10474708
    """
    # A PIT of exactly 0 or 1 is rounding; float64 tells it from 1 no nearer than this.
    smallest = np.finfo(np.float64).eps / 2
    return special.ndtri(np.clip(pit, smallest, 1 - smallest))


def ks_distance(pit: Floats) -> Floats:
    r"""Kolmogorov's distance from uniform, :math:`\sup_q |F_T(q) - q|`: ``[T, ...]`` → ``[...]``."""
    ordered = np.sort(pit, axis=0)
    n = len(ordered)
    steps = (np.arange(n + 1) / n).reshape(-1, *[1] * (pit.ndim - 1))
    above = (steps[1:] - ordered).max(axis=0)
    below = (ordered - steps[:-1]).max(axis=0)
    return np.maximum(above, below)
