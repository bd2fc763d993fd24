"""The last word on how wide: one factor on all predicted scales, set by rows that the network has not learned from."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from probcost.inference.data import TrainingData
from probcost.inference.posterior import Posterior
from probcost.model import CostModel

__all__ = ["calibrate"]

_DRAWS = 20
_PRIOR_SD = 0.2  # of the factor's logarithm: a few dozen rows must not overrule the network
_FURTHEST = 0.7
_STEPS = 16  # of a golden-section search: to a thousandth


def calibrate(model: CostModel, posterior: Posterior, data: TrainingData, seed: int) -> float:
    r"""Multiply every scale by the factor f that makes held-out rows most probable, and return it.

    .. math:: \hat f = \arg\max_f \sum_t \log p_f(y_t \mid x_t) - \frac{(\log f)^2}{2 \cdot 0.2^2}

    A network that trained for long is too sure of its training rows, and members that are mixed are wider than each: what
    early stopping leaves of either is one number, and it is a likelihood before and after. The density is that of the whole
    mixture, or of each member on its own held-out rows where it has such.

    Source: the idea of one such parameter, for classifiers: Guo et al., "On calibration of modern neural networks", 2017,
    https://arxiv.org/abs/1706.04599.
    """
    rescale = getattr(model.likelihood, "rescale", None)
    if rescale is None or data.held_out is None:
        return 1.0
    weights = posterior.draws(_DRAWS, seed)
    model.eval()
    with torch.no_grad():
        if data.folds:
            x, y = data.in_order.x[data.folds[1]], data.in_order.y[data.folds[1]]
            raw = model.raw_of_members(x, weights)
        else:
            x, y = data.held_out.x, data.held_out.y
            raw = model.raw(x, weights) if weights else model.raw(x)[None]

        def cost(log_factor: float) -> float:
            factor = math.exp(log_factor)
            rescale(factor)
            log_p = model.believed(raw, weights).log_prob(y)
            rescale(1 / factor)
            return log_factor**2 / (2 * _PRIOR_SD**2) - _total(log_p, mixed=not data.folds)

        best = _least(cost)
        factor = math.exp(best)
        rescale(factor)
    return factor


def _total(log_p: Tensor, *, mixed: bool) -> float:
    """Of draws or members ``[S, T, ...]``: the log-density of their mixture, or the mean of their own."""
    each = log_p.logsumexp(0) - math.log(len(log_p)) if mixed else log_p.mean(0)
    return each.double().sum().item()


def _least(cost: Callable[[float], float]) -> float:
    """Golden-section search within the allowed range."""
    golden = 0.5 * (5**0.5 - 1)
    low, high = -_FURTHEST, _FURTHEST
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = cost(right)
    return 0.5 * (low + high)
