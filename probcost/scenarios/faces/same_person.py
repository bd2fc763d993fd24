"""How likely two photos show one person: a curve over their distance, learned from people held out of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probcost.scenarios.faces.pairs import all_pairs, pair_distances

__all__ = ["curve_of", "learn_curve"]

_PRIOR_SD = 2.0  # of the slope's logarithm, around the slope at which the two classes' distances just part
_AGREEMENT = (
    0.86  # correlation of two networks' squared distances of the same unseen pairs: measured on ORL, in training folds
)


def learn_curve(labelled: Sequence[tuple[Tensor, Tensor]], members: int = 1) -> Tensor:
    r"""Offset c and log-slope log β of P(same) = 1/(1 + exp(β d − c)), ``[2]``, from all pairs of photos.

    .. math:: \min_{c, \beta} \; -\tfrac12 \operatorname{mean}_{\text{same}} \log P
        - \tfrac12 \operatorname{mean}_{\text{different}} \log (1 - P)

    Both answers weigh equally, since pairs of different people are many only because photos are: P is what it is when a pair
    is as likely of one person as of two, and P/(1 − P) a likelihood ratio, for anyone who knows their own odds.

    Learned of one network at a time and used for the mean of M: that varies less within each class, by
    :math:`\rho + (1 - \rho)/M` where networks agree to ρ, and both numbers are divided by it.

    Args:
        labelled: for each network, embeddings ``[T, m]`` of people it has not met, and their numbers ``[T, 1]``.
        members: M.

    Returns:
        NaN where there is no pair of one of the two kinds.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    same = np.concatenate([all_pairs(y.flatten().cpu().numpy())[2] for _, y in labelled])
    distance = np.concatenate([pair_distances(points.detach()) for points, _ in labelled])
    offset, log_slope = curve_of(distance, same)
    steeper = 1 / (_AGREEMENT + (1 - _AGREEMENT) / members)
    return labelled[0][0].new_tensor([offset * steeper, log_slope + math.log(steeper)])


def curve_of(distance: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """c and log β, ``[2]``, of pairs at these distances, ``[n]``; NaN where all answers are alike."""
    # Here, since it is slow to import, and `import probcost` must stay fast.
    from scipy.optimize import minimize

    if same.all() or not same.any():
        return np.full(2, np.nan)
    middles = distance[same].mean(), distance[~same].mean()
    gap = max(abs(middles[1] - middles[0]), 1e-6 * max(1e-12, *middles))
    typical = math.log(4 / gap)  # the classes' means are then at P = 0.88 and 0.12
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def cost(point: NDArray[np.float64]) -> float:
        logit = point[0] - math.exp(point[1]) * distance
        nats = np.logaddexp(0, np.where(same, -logit, logit))
        # A prior of about one pair's worth: it decides only where the classes part completely.
        return float(weights @ nats + ((point[1] - typical) / _PRIOR_SD) ** 2 / (2 * same.sum()))

    start = np.array([math.exp(typical) * sum(middles) / 2, typical])
    found: NDArray[np.float64] = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}).x
    return found
