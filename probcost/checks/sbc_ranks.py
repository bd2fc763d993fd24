"""Are ranks uniform? An exact test at every sample size, its band, and in words what they are instead."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from probcost.checks.evidence import Floats

__all__ = ["band", "coverage", "distance_p_value", "rank_among", "shape_of"]

Ranks = NDArray[np.int64]

_SIMULATIONS = 4000
# The central interval whose content is reported.
_CENTRAL = 0.9


def rank_among(truth: float, draws: Floats, rng: np.random.Generator) -> int:
    """How many of L draws lie below the truth, ties broken at random: uniform on 0 … L if it is one of L + 1 equals."""
    return int((draws < truth).sum() + rng.integers(0, (draws == truth).sum() + 1))


def distance_p_value(ranks: Ranks, draws: int, rng: np.random.Generator) -> float:
    r"""P-value of the least probable point of the ranks' cumulative count, against ranks that are uniform on 0 … L.

    .. math:: \gamma = \min_i 2 \min\left(P(B_i \le c_i), P(B_i \ge c_i)\right), \qquad B_i \sim \mathrm{Bin}(n, z_i)

    Its distribution is simulated for these n and L, ties broken at random, so that the p-value is uniform for few ranks too.

    Source: Säilynoja, Bürkner & Vehtari, "Graphical test for discrete uniformity and its applications in goodness-of-fit
    evaluation and multiple sample comparison", 2022, https://doi.org/10.1007/s11222-022-10090-6
    """
    found, simulated = _gamma(ranks[None], draws)[0], _simulated(len(ranks), draws)
    below, ties = int((simulated < found).sum()), int((simulated == found).sum())
    return (below + float(rng.random()) * (ties + 1)) / (len(simulated) + 1)


def band(n: int, draws: int, level: float) -> tuple[Floats, Floats, Floats]:
    """Points z in (0, 1], and how low and high the share of n ranks at or below them goes in all but ``level`` of cases."""
    points = np.arange(1, draws + 2) / (draws + 1)
    gamma = float(np.quantile(_simulated(n, draws), level))
    low, high = stats.binom.ppf(gamma / 2, n, points) / n, stats.binom.ppf(1 - gamma / 2, n, points) / n
    return points, low, high


def coverage(ranks: Ranks, draws: int) -> tuple[float, float]:
    """Share of truths within the central 90 % of the draws, and the share that L draws would hold of a right posterior."""
    edge = round((1 - _CENTRAL) / 2 * (draws + 1))
    inside = (ranks >= edge) & (ranks <= draws - edge)
    return float(inside.mean()), 1 - 2 * edge / (draws + 1)


def shape_of(ranks: Ranks, draws: int) -> str:
    """What ranks that are not uniform say of the posterior, by whichever of their mean and spread is further off."""
    u = (ranks + 0.5) / (draws + 1)
    n, levels = len(u), (np.arange(draws + 1) + 0.5) / (draws + 1)
    squares = (levels - 0.5) ** 2
    of_mean = (u.mean() - 0.5) / np.sqrt(squares.mean() / n)
    of_spread = (((u - 0.5) ** 2).mean() - squares.mean()) / (squares.std() / np.sqrt(n))
    if max(abs(of_mean), abs(of_spread)) < 2:
        return "ranks are not uniform"
    if abs(of_mean) >= abs(of_spread):
        return f"posterior is biased: too {'low' if of_mean > 0 else 'high'}"
    return f"posterior is too {'narrow' if of_spread > 0 else 'wide'}"


@lru_cache(maxsize=32)
def _simulated(n: int, draws: int) -> Floats:
    rng = np.random.default_rng(0)
    chunk = max(1, 2_000_000 // max(n, draws + 1))
    sizes = [min(chunk, _SIMULATIONS - start) for start in range(0, _SIMULATIONS, chunk)]
    return np.concatenate([_gamma(rng.integers(0, draws + 1, (size, n)), draws) for size in sizes])


def _gamma(ranks: Ranks, draws: int) -> Floats:
    """γ of each row of ``ranks`` ``[R, n]``."""
    rows, n = ranks.shape
    flat = ranks + (draws + 1) * np.arange(rows)[:, None]
    counts = np.bincount(flat.ravel(), minlength=rows * (draws + 1)).reshape(rows, draws + 1).cumsum(axis=1)[:, :-1]
    points = np.arange(1, draws + 1) / (draws + 1)
    # Every possible count at every point, looked up: a hundredth of the time of evaluating them row by row.
    k = np.arange(n + 1)[:, None]
    tails = np.minimum(1.0, 2 * np.minimum(stats.binom.cdf(k, n, points), stats.binom.sf(k - 1, n, points)))
    return np.asarray(tails[counts, np.arange(draws)].min(axis=1))
