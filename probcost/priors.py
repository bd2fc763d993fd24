"""Priors over network weights and over what a likelihood learns: beliefs held before the data, in nats like the rest."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as pyro_dist
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

__all__ = ["Laplace", "Normal", "Prior"]


class Prior(nn.Module):
    """Independent zero-centred beliefs about every learned parameter, wider for biases than for weights.

    Matrices and filters (two or more dimensions) get ``scale``; vectors (biases, norms, a likelihood's own dispersions)
    get ``bias_scale``. An infinite scale means no prior at all: such parameters are learned as points by every method.
    To write one, define ``distribution(parameter, scale)``.

    Raises:
        ValueError: for a scale that is not positive.

    Example:
        >>> prior = Normal(0.5, bias_scale=float("inf"))
        >>> weight, bias = nn.Linear(3, 2).parameters()
        >>> prior(weight).event_shape, prior(bias)
        (torch.Size([2, 3]), None)
    """

    def __init__(self, scale: float = 1.0, *, bias_scale: float = 10.0) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("bias_scale", bias_scale)):
            if not value > 0:
                raise ValueError(f"{name} must be positive (math.inf for no prior), got {value!r}")
        self.scale = float(scale)
        self.bias_scale = float(bias_scale)

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON can hold them."""
        return {"scale": self.scale, "bias_scale": self.bias_scale}

    def distribution(self, parameter: Tensor, scale: float) -> TorchDistribution:
        """Belief about each entry of ``parameter``, before it is made one joint event."""
        raise TypeError(f"{type(self).__name__} must define distribution(parameter, scale)")

    def forward(self, parameter: Tensor) -> TorchDistribution | None:
        """Belief about the whole parameter, as one event of its shape; None where there is no prior."""
        scale = self.scale if parameter.ndim > 1 else self.bias_scale
        if math.isinf(scale):
            return None
        # Parameters are finite by construction; validating each of them at every step would cost more than the density.
        return self.distribution(parameter, scale).expand(parameter.shape).to_event(parameter.ndim)

    def extra_repr(self) -> str:
        return f"scale={self.scale:g}, bias_scale={self.bias_scale:g}"


class Normal(Prior):
    r"""Gaussian prior: weight decay, as a belief.

    .. math:: -\log p(w) = \frac{w^2}{2 s^2} + \log s + \tfrac{1}{2} \log 2\pi

    MAP with it and a linear network is ridge-penalised regression with penalty ``alpha = 1 / (T s²)`` per observation.

    Source: MacKay, "A practical Bayesian framework for backpropagation networks", 1992,
    https://doi.org/10.1162/neco.1992.4.3.448.

    Example:
        >>> Normal(0.5)
        Normal(scale=0.5, bias_scale=10)
    """

    def distribution(self, parameter: Tensor, scale: float) -> TorchDistribution:
        return pyro_dist.Normal(parameter.new_zeros(()), scale, validate_args=False)


class Laplace(Prior):
    r"""Laplace prior: most weights are near zero and a few are not.

    .. math:: -\log p(w) = \frac{|w|}{s} + \log 2s

    Source: Williams, "Bayesian regularization and pruning using a Laplace prior", 1995,
    https://doi.org/10.1162/neco.1995.7.1.117.

    Example:
        >>> Laplace(0.5)(nn.Parameter(torch.zeros(2, 3))).log_prob(torch.zeros(2, 3))  # six entries, −log 2s = 0 nats each
        tensor(0.)
    """

    def distribution(self, parameter: Tensor, scale: float) -> TorchDistribution:
        return pyro_dist.Laplace(parameter.new_zeros(()), scale, validate_args=False)
