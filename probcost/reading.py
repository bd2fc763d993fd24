"""What predictions say of one observation a row, read off their distributions chunk by chunk, each computed once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Filled", "Reading", "cdf_step", "log_mean_of_exp", "read_off"]

# Mean masses below it are taken from log-probabilities: some of their draws are too small for float32.
_FAINT = 1e-20
# Of a distribution without a cdf: samples among which an observation has its rank, and the largest count up to which
# masses are added instead.
_SAMPLES, _LARGEST_COUNT = 200, 1000


class Reading(NamedTuple):
    """What predictions say of one observation a row, ``[T, N]`` each but where it says otherwise.

    Attributes:
        log_prob: log p(y) of the mixture, nats; ``[T]`` of whole vectors.
        cdf: P(Y ≤ y), of each unit by itself. Of a distribution without a cdf, the upper end of the step among samples of
            it on which y lies: a random number on the step is uniform under the model, as P(Y ≤ y) is.
        cdf_below: P(Y < y), or that step's lower end; of other real numbers the same as ``cdf``.
        prob_zero: P(Y = 0) of counts; None of real numbers.
        mean, variance: None unless asked for.
        by_draw: log p(row | θ_s), summed over units, ``[S, T]``; None unless asked for.
    """

    log_prob: Tensor
    cdf: Tensor
    cdf_below: Tensor
    prob_zero: Tensor | None
    mean: Tensor | None = None
    variance: Tensor | None = None
    by_draw: Tensor | None = None


class Filled:
    """Results by name, filled in chunk by chunk: small ones kept between large temporaries would leave the heap full of holes."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.whole: dict[str, Tensor] = {}

    def put(self, rows: slice, **parts: Tensor) -> None:
        for name, part in parts.items():
            if name not in self.whole:
                self.whole[name] = part.new_empty((self.rows, *part.shape[1:]))
            self.whole[name][rows] = part


def read_off(component: Any, value: Tensor, discrete: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """log p(value) of every draw ``[S, rows, ...]``, and of their mixture the fields of a `Reading` that always are."""
    if hasattr(component, "averaged"):
        each = component.averaged(value)
        below = torch.where(value > 0, (each.cdf - each.mass).clamp_min(0), 0.0)
        log_prob = _log_mean(each.log_prob, each.mass)
        return each.log_prob, {"log_prob": log_prob, "cdf": each.cdf, "cdf_below": below, "prob_zero": each.prob_zero}
    by_draw = component.log_prob(value)
    if hasattr(component, "marginals"):  # of a vector of counts
        _, read = read_off(component.marginals, value, discrete)
        return by_draw, {**read, "log_prob": log_mean_of_exp(by_draw, 0)}
    below, cdf = cdf_step(component, value, discrete)
    read = {"log_prob": log_mean_of_exp(by_draw, 0), "cdf": cdf, "cdf_below": below}
    if discrete:
        read["prob_zero"] = cdf_step(component, torch.zeros_like(value), discrete)[1]
    return by_draw, read


def cdf_step(component: Any, value: Tensor, discrete: bool) -> tuple[Tensor, Tensor]:
    """P(Y < value) and P(Y ≤ value) of the mixture of all draws ``[S, rows, ...]``; of real numbers with a cdf the same twice.

    Without a cdf, masses of counts are added, and of real numbers (and of large counts) the step is that of the value's rank
    among samples, which takes its random numbers from torch's generator.
    """
    try:
        cdf = component.cdf(value).mean(0)
    except (AttributeError, NotImplementedError):
        if discrete and not component.event_shape and value.numel() and value.max() <= _LARGEST_COUNT:
            return _added_masses(component, value)
        return _step_of_rank(component, value)
    if not discrete:
        return cdf, cdf
    # Nothing lies below the first count, and not every cdf takes −1.
    below = component.cdf((value - 1).clamp(min=0)).mean(0)
    return torch.where(value > 0, below, 0.0), cdf


def _added_masses(component: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    below = at = torch.zeros_like(value)
    for k in range(int(value.max()) + 1):
        # Up to the value itself, which is known to be possible: a log_prob may refuse what is not.
        count = torch.full_like(value, float(k)).minimum(value)
        possible = component.support.check(count)
        mass = torch.where(possible, component.log_prob(torch.where(possible, count, value)).exp(), 0.0).mean(0)
        below = torch.where(value > k, below + mass, below)
        at = torch.where(value == k, mass, at)
    return below.clamp(max=1.0), (below + at).clamp(max=1.0)


def _step_of_rank(component: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    draws = component.batch_shape[0]
    each = math.ceil(_SAMPLES / draws)
    below = ties = torch.zeros_like(value)
    for _ in range(each):
        samples = component.sample()
        below = below + (samples < value).sum(0)
        ties = ties + (samples == value).sum(0)
    # The rank of one among n + 1 that are alike is uniform, which k/n is not.
    n = each * draws + 1
    return below / n, (below + ties + 1) / n


def _log_mean(log_prob: Tensor, mass: Tensor) -> Tensor:
    """log of the draws' mean mass, which is given: taken as it is unless it has lost digits, or was a single one's."""
    if len(log_prob) == 1:
        return log_prob[0]
    result = mass.log()
    faint = mass < _FAINT
    result[faint] = log_mean_of_exp(log_prob[:, faint], 0)
    return result


def log_mean_of_exp(log_prob: Tensor, dim: int) -> Tensor:
    """log of the mean of exp along ``dim``; in half the time of torch.logsumexp."""
    top = log_prob.amax(dim, keepdim=True)
    top = torch.where(top.isfinite(), top, 0.0)
    return (log_prob - top).exp_().mean(dim).log_().add_(top.squeeze(dim))
