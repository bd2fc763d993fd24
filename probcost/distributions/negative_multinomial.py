"""Counts of several units that share one random gain: each negative binomial, all of them up or down together."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._counts import SampleShape
from probcost.distributions._special import LARGEST_COUNT, extremes, minus_log_factorial, widest
from probcost.distributions.negative_binomial import NegativeBinomial, gamma_gain

__all__ = ["NegativeMultinomial"]


class NegativeMultinomial(TorchDistribution):
    r"""Poisson counts of N units around their means times one gain, Gamma with mean 1 and variance α, that all share.

    The gain is integrated out: the total is negative binomial, and how it is shared among the units is multinomial. With
    :math:`K = \sum_i k_i`, :math:`M = \sum_i m_i`, :math:`m_i = e^{\eta_i}`,

    .. math:: \log p(k) = \sum_i (k_i \eta_i - \log k_i!) + \sum_{j<K} \log(1 + j\alpha) - K \log(1 + \alpha M)
        - \frac{\log(1 + \alpha M)}{\alpha}

    Independent Poisson counts exactly at α = 0, the negative binomial for one unit.

    Args:
        log_mean: η ``[..., N]``; means are in counts per bin.
        dispersion: α ≥ 0 ``[...]``, the squared coefficient of variation of the gain, broadcast with the rows of ``log_mean``.
        validate_args: check parameters and values at every use (default: no).

    Shapes: log-probabilities ``[...]``; mean, variance and cdf (of each unit by itself) ``[..., N]``.

    Accuracy: as the `NegativeBinomial`'s; computed in float64 inside.

    Source: Sibuya, Yoshimura & Shimizu, "Negative multinomial distribution", 1964, https://doi.org/10.1007/BF02868583.

    Example:
        >>> shared = NegativeMultinomial(torch.zeros(2), torch.tensor(0.5))
        >>> shared.covariance_matrix
        tensor([[1.5000, 0.5000],
                [0.5000, 1.5000]])
        >>> shared.log_prob(torch.tensor([0, 3]))
        tensor(-4.1589)
    """

    support = constraints.independent(constraints.nonnegative_integer, 1)
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "log_mean": constraints.real_vector,
        "dispersion": constraints.nonnegative,
    }

    def __init__(self, log_mean: Tensor, dispersion: Tensor | float, *, validate_args: bool | None = False) -> None:
        dispersion = torch.as_tensor(dispersion, dtype=log_mean.dtype, device=log_mean.device)
        shape = torch.broadcast_shapes(log_mean.shape[:-1], dispersion.shape)
        self.log_mean = log_mean.expand(*shape, log_mean.shape[-1])
        self.dispersion = dispersion.expand(shape)
        super().__init__(shape, log_mean.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> NegativeMultinomial:
        new = self._get_checked_instance(type(self), _instance)
        shape = torch.Size(batch_shape)
        new.log_mean = self.log_mean.expand(shape + self._event_shape)
        new.dispersion = self.dispersion.expand(shape)
        TorchDistribution.__init__(new, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) of whole rows ``[..., N]``, nats, ``[...]``."""
        if self._validate_args:
            self._validate_sample(value)
        wide = widest(self.log_mean.device)
        log_mean, counts = self.log_mean.to(wide), value.to(wide)
        log_total, total = log_mean.logsumexp(-1), counts.sum(-1)
        of_total = NegativeBinomial(log_total, self.dispersion.to(wide)).log_prob(total)
        shares = counts * (log_mean - log_total.unsqueeze(-1)) + _minus_log_factorials(counts)
        return (of_total + torch.lgamma(total + 1) + shares.sum(-1)).to(self.log_mean.dtype)

    @property
    def marginals(self) -> NegativeBinomial:
        """Each unit by itself, ``[..., N]``."""
        return NegativeBinomial(self.log_mean, self.dispersion.unsqueeze(-1))

    def cdf(self, value: Tensor) -> Tensor:
        """P(Kᵢ ≤ valueᵢ) of each unit by itself, ``[..., N]``."""
        return self.marginals.cdf(value)

    @property
    def mean(self) -> Tensor:
        return self.log_mean.exp()

    @property
    def total_mean(self) -> Tensor:
        """M, of all units together, ``[...]``."""
        return self.mean.sum(-1)

    @property
    def variance(self) -> Tensor:
        """m + α m², ``[..., N]``."""
        mean = self.mean
        return mean + self.dispersion.unsqueeze(-1) * mean.square()

    @property
    def covariance_matrix(self) -> Tensor:
        """diag(m) + α m mᵀ, ``[..., N, N]``."""
        mean = self.mean
        outer = mean.unsqueeze(-1) * mean.unsqueeze(-2)
        return torch.diag_embed(mean) + self.dispersion[..., None, None] * outer

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Draws ``[*sample_shape, ..., N]``: Poisson counts around the means times one gain a row."""
        with torch.no_grad():
            shape = self._extended_shape(torch.Size(sample_shape))
            mean = self.mean.to(widest(self.log_mean.device)).clamp_max(LARGEST_COUNT)
            gain = gamma_gain(self.dispersion.to(mean.dtype).expand(shape[:-1])).unsqueeze(-1)
            return torch.poisson((gain * mean).clamp_max(LARGEST_COUNT)).to(self.log_mean.dtype)

    def __repr__(self) -> str:
        return f"NegativeMultinomial({tuple(self.batch_shape)} of {self.event_shape[0]})"


def _minus_log_factorials(counts: Tensor) -> Tensor:
    if torch._C._are_functorch_transforms_active():  # no looking at values, so no table
        return -torch.lgamma(counts + 1)
    return minus_log_factorial(counts, counts.dtype, extremes(counts))
