"""What predictions say of one observation a row, read off their distributions chunk by chunk, each computed once."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Filled", "Reading", "log_mean_of_exp", "read_off"]

# Mean masses below it are taken from log-probabilities: some of their draws are too small for float32.
_FAINT = 1e-20


class Reading(NamedTuple):
    """What predictions say of one observation a row, ``[T, N]`` each but where it says otherwise.

    Attributes:
        log_prob: log p(y) of the mixture, nats; ``[T]`` of whole vectors.
        cdf: P(Y ≤ y), of each unit by itself.
        cdf_below: P(Y < y); of real numbers the same as ``cdf``.
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
    cdf = component.cdf(value).mean(0)
    read = {"log_prob": log_mean_of_exp(by_draw, 0), "cdf": cdf, "cdf_below": cdf}
    if discrete:
        # Nothing lies below the first count, and not every cdf takes −1.
        below = component.cdf((value - 1).clamp(min=0)).mean(0)
        read["cdf_below"] = torch.where(value > 0, below, 0.0)
        read["prob_zero"] = component.cdf(torch.zeros_like(value)).mean(0)
    return by_draw, read


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
