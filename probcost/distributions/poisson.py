"""The Poisson distribution by its log-rate, which keeps it exact and makes it as cheap as a loss without log k!."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._counts import CountDistribution, SampleShape
from probcost.distributions._cumulative import Ratio
from probcost.distributions._special import LARGEST_COUNT, extremes, minus_log_factorial, widest

__all__ = ["Poisson"]

# Up to here k·η, e^η and log k! lose at most 10⁻⁴ nats to each other in float32 (each below 530 where they cancel).
_FLOAT32_COUNTS = 100


class _PoissonFamily:
    """log p = k η − e^η − log k!; score k − e^η; second derivative −e^η."""

    def score(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        (log_rate,) = params
        dtype, wide, bounds = log_rate.dtype, widest(log_rate.device), extremes(value)
        if dtype != wide and bounds[1] > _FLOAT32_COUNTS:
            log_prob, score = self.score(value, log_rate.to(wide))
            return log_prob.to(dtype), score.to(dtype)
        # In place: at this size a fresh tensor costs more than the arithmetic in it.
        count = value.to(dtype)
        rate = log_rate.exp()
        log_prob = minus_log_factorial(value, dtype, bounds).addcmul_(count, log_rate).sub_(rate)
        return log_prob, torch.sub(count, rate, out=rate)

    def hessian(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        (log_rate,) = params
        return (-log_rate.exp(),)


class Poisson(CountDistribution):
    r"""Poisson counts with rate λ = e^η, given as η.

    .. math:: \log p(k) = k\,\eta - e^\eta - \log k!

    Args:
        log_rate: η, any shape; the rate is in counts per bin.
        validate_args: check parameters and values at every use (default: no).

    Accuracy: for rates 10⁻⁸ … 10⁶ and counts to 10⁵, relative 10⁻⁹ in float64, absolute 10⁻⁴ max(1, \|log p\|) in float32
    (counts above 100 are computed in float64 inside).

    Example:
        >>> Poisson(torch.zeros(2)).log_prob(torch.tensor([0, 3]))
        tensor([-1.0000, -2.7918])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {"log_rate": constraints.real}
    family = _PoissonFamily()
    log_rate: Tensor

    def __init__(self, log_rate: Tensor | float, *, validate_args: bool | None = False) -> None:
        super().__init__(log_rate, validate_args=validate_args)

    @property
    def rate(self) -> Tensor:
        """e^η."""
        return self.log_rate.exp()

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape]`` in the dtype of ``log_rate``."""
        with torch.no_grad():
            return torch.poisson(
                self.rate.clamp_max(LARGEST_COUNT).expand(self._extended_shape(torch.Size(sample_shape)))
            )

    def _cdf(self, count: Tensor, *params: Tensor) -> Tensor:
        wide = widest(count.device)
        return torch.special.gammaincc(count.to(wide) + 1, params[0].to(wide).exp()).to(params[0].dtype)

    def _with_zero(self, value: Tensor) -> tuple[Tensor, Tensor]:
        return self.log_prob(value), self.log_rate.exp().neg_()

    def _ratio(self, *params: Tensor) -> Ratio:
        """λ/k."""
        return params[0].exp(), lambda k, n: 1 / k
