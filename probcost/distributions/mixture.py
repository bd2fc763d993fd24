"""Mixtures: several answers at once, each with a weight."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._reals import full
from probcost.distributions.normal import Normal

__all__ = ["Mixture"]


class Mixture(TorchDistribution):
    r"""A mixture of K components of one family.

    .. math:: p(y) = \sum_{c=1}^{K} w_c \, p_c(y), \qquad w = \operatorname{softmax}(\text{logits})

    Shapes: components of single numbers have batch shape ``[..., K, N]`` and so have the logits: every unit has weights of
    its own. Components of vectors have batch shape ``[..., K]``, event shape ``[N]``, and share one weight over the vector.

    Source: Bishop, "Mixture density networks", 1994, https://publications.aston.ac.uk/id/eprint/373/.

    Example:
        >>> either_side = Normal(torch.tensor([[-3.0], [3.0]]), 1.0)
        >>> Mixture(torch.zeros(2, 1), either_side).variance
        tensor([10.])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, logits: Tensor, component: Any, *, validate_args: bool | None = False) -> None:
        self.component = component
        self.log_weights = logits.log_softmax(-1 if component.event_shape else -2)
        full = torch.broadcast_shapes(component.batch_shape, logits.shape)
        self._dim = -1 if component.event_shape else -2
        shape = full[:-1] if component.event_shape else full[:-2] + full[-1:]
        super().__init__(shape, component.event_shape, validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """Where observations can lie."""
        return self.component.support

    @property
    def weights(self) -> Tensor:
        """w, of the components' batch shape."""
        return self.log_weights.exp()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Mixture:
        new = self._get_checked_instance(Mixture, _instance)
        new.component, new.log_weights, new._dim = self.component, self.log_weights, self._dim
        TorchDistribution.__init__(new, torch.Size(batch_shape), self.event_shape, validate_args=False)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), nats."""
        log_p = (self.log_weights + self.component.log_prob(value.unsqueeze(-2))).logsumexp(self._dim)
        return full(log_p, self._batch_shape)

    def sample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            inner = (*shape[:-1], self.component.batch_shape[self._dim], shape[-1])  # K comes before the last dimension
            of_each = self.component.expand(torch.Size(inner[:-1] if self.event_shape else inner)).sample()
            # Gumbel's trick: the largest of log w + Gumbel noise is each component with probability w.
            noise = torch.empty(inner[:-1] if self.event_shape else inner, device=of_each.device).exponential_().log()
            chosen = (self.log_weights - noise.to(of_each.dtype)).argmax(self._dim, keepdim=True)
            index = chosen.unsqueeze(-1).expand(*chosen.shape, shape[-1]) if self.event_shape else chosen
            return of_each.gather(-2, index).squeeze(-2)

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y ≤ value); of vectors, of each coordinate by itself."""
        below = (self._outer(self.weights) * self.component.cdf(value.unsqueeze(-2))).sum(-2)
        return full(below, self._batch_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        mean = (self._outer(self.weights) * self.component.mean).sum(-2)
        return mean.expand(self._batch_shape + self._event_shape)

    @property
    def variance(self) -> Tensor:
        """Mean of the components' variances plus variance of their means."""
        away = (self.component.mean - self.mean.unsqueeze(-2)).square()
        variance = (self._outer(self.weights) * (self.component.variance + away)).sum(-2)
        return variance.expand(self._batch_shape + self._event_shape)

    @property
    def covariance_matrix(self) -> Tensor:
        """Covariance of vectors, ``[..., N, N]``."""
        away = self.component.mean - self.mean.unsqueeze(-2)
        each = self.component.covariance_matrix + away.unsqueeze(-1) * away.unsqueeze(-2)
        covariance = (self.weights[..., None, None] * each).sum(-3)
        return covariance.expand(*self._batch_shape, *covariance.shape[-2:])

    def __getattr__(self, name: str) -> Any:
        # A closed form exists for normal components only, and callers ask by whether there is one.
        if name == "crps" and isinstance(self.__dict__.get("component"), Normal):
            return self._crps
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _crps(self, value: Tensor) -> Tensor:
        """Grimit et al. 2006, https://doi.org/10.1256/qj.05.235: CRPS = Σ w E|Y_c − y| − ½ ΣΣ w w' E|Y_c − Y_c'|."""
        w, loc, scale = (
            part.expand(self.component.batch_shape) for part in (self.weights, self.component.loc, self.component.scale)
        )
        near = (w * _absolute(value.unsqueeze(-2) - loc, scale)).sum(-2)
        pairs = _absolute(
            loc.unsqueeze(-2) - loc.unsqueeze(-3), (scale.square().unsqueeze(-2) + scale.square().unsqueeze(-3)).sqrt()
        )
        return full(near - 0.5 * (w.unsqueeze(-2) * w.unsqueeze(-3) * pairs).sum((-2, -3)), self._batch_shape)

    def _outer(self, weights: Tensor) -> Tensor:
        return weights.unsqueeze(-1) if self.event_shape else weights

    def __repr__(self) -> str:
        return f"Mixture({self.component.batch_shape[self._dim]} × {self.component!r})"


def _absolute(mean: Tensor, scale: Tensor) -> Tensor:
    """E|X| of a normal X."""
    z = mean / scale
    return mean * torch.erf(z / math.sqrt(2)) + 2 * scale * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
