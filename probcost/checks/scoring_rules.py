"""Scores of predictions that are known by their samples alone: the less the better, and least for the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from probcost.checks.evidence import Floats

__all__ = ["crps_from_samples", "energy_parts", "energy_score"]


def crps_from_samples(samples: ArrayLike, y: ArrayLike) -> Floats:
    r"""Continuous ranked probability score of each unit, unbiased in the number of samples.

    .. math:: \text{CRPS} = E|X - y| - \tfrac12 E|X - X'|

    Args:
        samples: S independent draws from each prediction, ``[S, T, N]``.
        y: observations ``[T, N]``.

    Returns:
        ``[T, N]``, in the observations' units.

    Raises:
        ValueError: for fewer than two samples, or shapes that do not agree.

    Source: Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007,
    https://doi.org/10.1198/016214506000001437, equation 21.
    """
    drawn, observed = _agreeing(samples, y)
    n = len(drawn)
    # Each pair's larger less its smaller: the i-th of n in order is i times the larger and n - 1 - i times the smaller.
    rank = np.arange(1 - n, n, 2, dtype=np.float64)
    half_spread = np.tensordot(rank, np.sort(drawn, axis=0), axes=1) / (n * (n - 1))
    return np.abs(drawn - observed).mean(axis=0) - half_spread


def energy_score(samples: ArrayLike, y: ArrayLike) -> Floats:
    r"""Energy score of each row as one vector; of one unit, the CRPS.

    .. math:: \text{ES} = E\|X - y\| - \tfrac12 E\|X - X'\|

    X and X' are the two halves of the samples, so that it is unbiased and takes time proportional to S.

    Args:
        samples: S independent draws from each prediction, ``[S, T, N]``.
        y: observations ``[T, N]``.

    Returns:
        ``[T]``, in the observations' units: all units must share one.

    Raises:
        ValueError: for fewer than two samples, or shapes that do not agree.

    Source: Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007,
    https://doi.org/10.1198/016214506000001437, equation 22.
    """
    drawn, observed = _agreeing(samples, y)
    if observed.shape[1] == 1:
        return crps_from_samples(drawn, observed)[:, 0]
    distance, half_spread = energy_parts(drawn, observed)
    return distance - half_spread


def energy_parts(samples: Floats, y: Floats) -> tuple[Floats, Floats]:
    r""":math:`E\|X - y\|` and :math:`\tfrac12 E\|X - X'\|`, each ``[T]``; the second is what a true model expects to score."""
    half = len(samples) // 2
    distance = np.linalg.norm(samples - y, axis=-1).mean(axis=0)
    return distance, np.linalg.norm(samples[:half] - samples[half : 2 * half], axis=-1).mean(axis=0) / 2


def _agreeing(samples: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    drawn, observed = np.asarray(samples, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if observed.ndim != 2 or drawn.shape[1:] != observed.shape:
        raise ValueError(
            f"samples have shape {list(drawn.shape)} and y {list(observed.shape)}; need [S, T, N] and [T, N]"
        )
    if len(drawn) < 2:
        raise ValueError(f"samples has {len(drawn)} draws; at least 2 are needed")
    return drawn, observed
