"""Where each unit's baseline stands now: recordings drift, and predictions are made after the end of the training rows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from probcost.model import CostModel

__all__ = ["recent_baseline"]

_BIN = 50  # rows added up before the filter looks at them: drift is far slower, and the sums are cheap
_FEWEST = 4  # stretches of that many rows: in fewer, drift and noise cannot be told apart
_HALF_LIVES = (100, 200, 400, 800, 1600, 3200, 6400)  # in rows
_PRIOR_COUNTS = 5.0
_ROWS = 4096  # rows predicted at once


def recent_baseline(model: CostModel, x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    r"""Shift of each unit's raw location ``[N]`` from the average over the rows to their end, and the half-life of drift.

    Rows are weighted by :math:`w_t = 2^{-(T - t)/h}` and the shift :math:`\delta_i` minimises
    :math:`-\sum_t w_t \log p(y_{ti} \mid \text{raw}_{ti} + \delta_i) + \tfrac{c}{2} \delta_i^2`. The half-life h, shared by
    all units, is the one under which a gamma-discounted filter predicts each stretch of rows best from the rows before it;
    h = ∞ (no shift) competes too, and wins where nothing drifts.

    Source: West, Harrison & Migon, "Dynamic generalized linear models and Bayesian forecasting", 1985,
    https://doi.org/10.1080/01621459.1985.10477131; Smith & Miller, "A non-Gaussian state space model and application to
    prediction of records", 1986, https://doi.org/10.1111/j.2517-6161.1986.tb01392.x.
    """
    if len(x) < _FEWEST * _BIN:
        return y.new_zeros(y.shape[1]), math.inf
    with torch.no_grad():
        mean = torch.cat([model.distribution(part).mean for part in x.split(_ROWS)])
        half_life = _half_life(_sums(y), _sums(mean))
        if math.isinf(half_life):
            return y.new_zeros(y.shape[1]), half_life
        recent = slice(max(0, len(x) - math.ceil(10 * half_life)), None)  # what is older weighs less than 2⁻¹⁰
        raw = torch.cat([model.raw(part) for part in x[recent].split(_ROWS)])
    observed = y[recent]
    age = torch.arange(len(raw) - 1, -1, -1, dtype=raw.dtype, device=raw.device)
    weight = torch.exp2(-age / half_life)
    weight = weight if model.likelihood.event_dim else weight[:, None]
    shift = raw.new_zeros(y.shape[1], requires_grad=True)
    rest = raw.new_zeros(raw.shape[1] - y.shape[1])
    optimizer = torch.optim.LBFGS([shift], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        log_prob = model.likelihood(raw + torch.cat([shift, rest])).log_prob(observed)
        loss = -(weight * log_prob).sum() + 0.5 * _PRIOR_COUNTS * shift.square().sum()
        loss.backward(inputs=[shift])
        return loss

    optimizer.step(closure)
    return shift.detach(), half_life


def _sums(values: Tensor) -> Tensor:
    """Sums over consecutive stretches of rows, ``[stretches, N]``; the last, incomplete one is left out."""
    whole = len(values) // _BIN * _BIN
    return values[:whole].unflatten(0, (-1, _BIN)).sum(1)


def _half_life(counts: Tensor, expected: Tensor) -> float:
    """The half-life whose discounted gains predict every stretch but the first best from those before it."""
    scores = {math.inf: _score(counts[1:], expected[1:])}
    for half_life in _HALF_LIVES:
        keep = 2.0 ** (-_BIN / half_life)
        seen = told = torch.full_like(counts[0], _PRIOR_COUNTS)
        gains = []
        for k, mean in zip(counts, expected, strict=True):
            seen = keep * seen + k + (1 - keep) * _PRIOR_COUNTS
            told = keep * told + mean + (1 - keep) * _PRIOR_COUNTS
            gains.append(seen / told)
        scores[half_life] = _score(counts[1:], expected[1:] * torch.stack(gains[:-1]))
    return max(scores, key=lambda h: scores[h])


def _score(counts: Tensor, mean: Tensor) -> float:
    """Poisson log-likelihood, but for log k!, which is the same for all half-lives."""
    return (torch.xlogy(counts, mean) - mean).double().sum().item()
