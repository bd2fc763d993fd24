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
_PRIOR_SD = 0.2  # of the factor's logarithm
_BELIEF = 0.5
_FURTHEST = 0.7
_STEPS = 16  # of a golden-section search: to a thousandth
_BLOCKS = 20
_APART = 0.02


def calibrate(model: CostModel, posterior: Posterior, data: TrainingData, seed: int) -> float:
    r"""Multiply every scale by the factor f that makes held-out rows most probable, as far as they agree on it; return it.

    .. math:: \log \hat f = \frac12 \, \frac{\tau^2}{\tau^2 + s^2} \arg\max_{\log f} \sum_t \log p_f(y_t \mid x_t),
        \qquad \tau = 0.2

    with s the standard error of the maximum, from the differences between 20 stretches of rows: few rows, or rows that come in
    groups (chains, subjects) which disagree, change little. Half of it, since the same rows have chosen when to stop: of eight
    fits to side chains, judged by clusters of chains held out whole, five cost least with half of it and three with all.

    A network that trained for long is too sure of its training rows, and members that are mixed are wider than each: what
    early stopping leaves of either is one number, and it is a likelihood before and after. The density is that of the whole
    mixture, or of each member on its own held-out rows where it has such.

    Source: the idea of one such parameter, for classifiers: Guo et al., "On calibration of modern neural networks", 2017,
    https://arxiv.org/abs/1706.04599; the standard error: Cameron & Miller, "A practitioner's guide to cluster-robust
    inference", 2015, https://doi.org/10.3368/jhr.50.2.317.
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

        def log_density(log_factor: float) -> Tensor:
            factor = math.exp(log_factor)
            rescale(factor)
            log_p = model.believed(raw, weights).log_prob(y).double()
            rescale(1 / factor)
            by_row = log_p if model.likelihood.event_dim else log_p.sum(-1)
            return by_row.flatten() if data.folds else by_row.logsumexp(0)

        best = _least(lambda log_factor: -log_density(log_factor).sum().item())
        error = _standard_error([log_density(best + step) for step in (-_APART, 0.0, _APART)])
        factor = math.exp(_BELIEF * best * _PRIOR_SD**2 / (_PRIOR_SD**2 + error**2))
        rescale(factor)
    return factor


def _standard_error(around: list[Tensor]) -> float:
    """Of a maximum, from the log-densities of rows a little below it, at it, and a little above."""
    below, at, above = around
    curvature = -(below - 2 * at + above).sum().item() / _APART**2
    slopes = ((above - below) / (2 * _APART)).tensor_split(min(_BLOCKS, len(at)))
    sums = torch.stack([part.sum() for part in slopes])
    if len(sums) < 2 or curvature <= 0:
        return math.inf
    return math.sqrt(len(sums) * sums.var().item()) / curvature


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
