"""How likely two photos show one person: a curve over their distance, learned from people held out of training."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probcost.scenarios.faces.pairs import all_pairs, pair_distances

__all__ = ["curve_of", "learn_curve"]

_PRIOR_SD = 2.0  # of the slope's logarithm, around the slope at which the two classes' distances just part


def learn_curve(embedding: Tensor, y: Tensor) -> Tensor:
    r"""Offset c and log-slope log β of P(same) = 1/(1 + exp(β d² − c)), ``[2]``, from all pairs of photos.

    .. math:: \min_{c, \beta} \; -\tfrac12 \operatorname{mean}_{\text{same}} \log P
        - \tfrac12 \operatorname{mean}_{\text{different}} \log (1 - P)

    Both answers weigh equally, since pairs of different people are many only because photos are: P is what it is when a pair
    is as likely of one person as of two, and P/(1 − P) a likelihood ratio, for anyone who knows their own odds.

    Args:
        embedding: ``[T, m]``, of people who trained nothing.
        y: their numbers, ``[T]`` or ``[T, 1]``.

    Returns:
        NaN where there is no pair of one of the two kinds.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    _, _, same = all_pairs(y.flatten().cpu().numpy())
    squared = np.square(pair_distances(embedding.detach()))
    return torch.as_tensor(curve_of(squared, same), dtype=embedding.dtype, device=embedding.device)


def curve_of(squared: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """c and log β, ``[2]``, of pairs with these squared distances, ``[n]``; NaN where all answers are alike."""
    # Here, since it is slow to import, and `import probcost` must stay fast.
    from scipy.optimize import minimize

    if same.all() or not same.any():
        return np.full(2, np.nan)
    middles = squared[same].mean(), squared[~same].mean()
    gap = max(abs(middles[1] - middles[0]), 1e-6 * max(1e-12, *middles))
    typical = math.log(4 / gap)  # the classes' means are then at P = 0.88 and 0.12
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def cost(point: NDArray[np.float64]) -> float:
        logit = point[0] - math.exp(point[1]) * squared
        nats = np.logaddexp(0, np.where(same, -logit, logit))
        # A prior of about one pair's worth: it decides only where the classes part completely.
        return float(weights @ nats + ((point[1] - typical) / _PRIOR_SD) ** 2 / (2 * same.sum()))

    start = np.array([math.exp(typical) * sum(middles) / 2, typical])
    found: NDArray[np.float64] = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}).x
    return found
