"""How likely two photos show one person: a curve over their distance, learned from people held out of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probcost.scenarios.faces.pairs import all_pairs, pair_distances

__all__ = ["curve_of", "learn_curve"]

_MOST_PHOTOS = 2000
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

    Example:
        >>> person = torch.arange(10).repeat_interleave(4)
        >>> embedding = torch.randn(10, 8)[person] + 0.3 * torch.randn(40, 8)
        >>> offset, log_slope = learn_curve([(embedding, person)])
        >>> bool(offset > 0)  # two photos at distance 0 are likelier of one person
        True
    """
    chosen = [_some(points.detach(), y.flatten()) for points, y in labelled]
    same = np.concatenate([all_pairs(y.cpu().numpy())[2] for _, y in chosen])
    distance = np.concatenate([pair_distances(points) for points, _ in chosen])
    offset, log_slope = curve_of(distance, same)
    steeper = 1 / (_AGREEMENT + (1 - _AGREEMENT) / members)
    return labelled[0][0].new_tensor([offset * steeper, log_slope + math.log(steeper)])


def curve_of(distance: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """c and log β, ``[2]``, of pairs at these distances, ``[n]``; NaN where all answers are alike."""
    # Here, since it is slow to import, and `import probcost` must stay fast.
    from scipy.optimize import minimize
    from scipy.special import expit

    if same.all() or not same.any():
        return np.full(2, np.nan)
    middles = distance[same].mean(), distance[~same].mean()
    gap = max(abs(middles[1] - middles[0]), 1e-6 * max(1e-12, *middles))
    typical = math.log(4 / gap)  # the classes' means are then at P = 0.88 and 0.12
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def cost(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, from_typical = math.exp(point[1]), (point[1] - typical) / _PRIOR_SD**2 / same.sum()
        logit = point[0] - slope * distance
        nats = weights @ np.logaddexp(0, np.where(same, -logit, logit))
        by_logit = weights * (expit(logit) - same)
        # A prior of about one pair's worth: it decides only where the classes part completely.
        gradient = np.array([by_logit.sum(), -slope * (by_logit @ distance) + from_typical])
        return float(nats + from_typical * (point[1] - typical) / 2), gradient

    start = np.array([math.exp(typical) * sum(middles) / 2, typical])
    found: NDArray[np.float64] = minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return found


def _some(points: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """All photos, or those of as many people, at random, as make some two thousand: their pairs are two million."""
    names, photos = torch.unique(y, return_counts=True)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
    few = max(2, int((photos.cpu()[order].cumsum(0) <= _MOST_PHOTOS).sum()))
    kept = torch.isin(y, names[order[:few].to(names.device)])
    return points[kept], y[kept]
