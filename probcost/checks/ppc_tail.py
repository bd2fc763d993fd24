"""How far beyond every replicate a value lies: the tail that the largest of them show, continued."""

from __future__ import annotations

import numpy as np

from probcost.checks.evidence import Floats

__all__ = ["share_beyond"]

_LARGEST = 0.1  # of replicates, which show the tail
_FEWEST = 4
_FAR_SIDE = 2.0  # spreads below the median that distances are counted from
_SAME = 1e-9  # of the range: numbers nearer than this differ by rounding alone


def share_beyond(observed: Floats, replicated: Floats) -> Floats:
    r"""P(a new replicate beyond all n reaches ``observed``), for values ``[M]`` above all of their n replicates ``[n, M]``.

    .. math:: P = \left(1 + \frac{t}{k}\right)^{-k}, \qquad t = \frac{\ell(o) - \ell(r_{(1)})}{\hat\xi}, \qquad
        \hat\xi = \frac1k \sum_{j=1}^{k} (j + 1) \left(\ell(r_{(j)}) - \ell(r_{(j+1)})\right)

    with ℓ the logarithm of the distance from a point on the far side. Where the logarithm has an exponential tail, its
    spacings are independent and exponential (Rényi), so that P is exactly uniform for the largest of n + 1 equals, for any
    n and k. Statistics with tails like normal or exponential ones get too large a P: the data are then judged too kindly.
    Distances are from two spreads below the median: from the median itself, tails as heavy as Cauchy's would be exact and
    normal ones hardly ever judged.

    Ties, as between counts, are spread evenly over their cells, and the observed value is the near end of its own.

    Source: Hill, "A simple general approach to inference about the tail of a distribution", 1975,
    https://doi.org/10.1214/aos/1176343247; Rényi, "On the theory of order statistics", 1953,
    https://doi.org/10.1007/BF02127580
    """
    n, many = replicated.shape
    if not many:
        return np.empty(0)
    k = max(_FEWEST, int(_LARGEST * n))
    ranked = np.sort(replicated, axis=0)
    gaps = np.diff(np.concatenate([ranked, observed[None]]), axis=0)
    same = _SAME * (observed - ranked[0])
    cell = np.where(gaps > same, gaps, np.inf).min(axis=0)
    spread = _untied(ranked, gaps[:-1] > same, cell)
    low, median = np.quantile(spread, [0.16, 0.5], axis=0)
    # Finite where everything is: cells have a width, and so have the spaces between values spread over them.
    with np.errstate(invalid="ignore", divide="ignore"):
        zero = median - _FAR_SIDE * (median - low)
        largest = np.log(spread[: n - k - 2 : -1] - zero)
        scale = (np.arange(2, k + 2)[:, None] * (largest[:-1] - largest[1:])).mean(axis=0)
        t = (np.log(observed - cell / 2 - zero) - largest[0]).clip(0) / scale
        return np.where(np.isnan(t), 1.0, (1 + t / k) ** -k)


def _untied(ranked: Floats, rises: np.ndarray, cell: Floats) -> Floats:
    """Equal values side by side in a cell around them, in the order they have."""
    n, many = ranked.shape
    place, edge = np.arange(n)[:, None], np.ones((1, many), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, rises]), place, 0), axis=0)
    last = np.minimum.accumulate(np.where(np.concatenate([rises, edge]), place, n)[::-1], axis=0)[::-1]
    return np.asarray(ranked + cell * ((place - first + 0.5) / (last - first + 1) - 0.5))
