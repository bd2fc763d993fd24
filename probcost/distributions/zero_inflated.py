"""Zero-inflation around any count distribution: a share of the observations is zero whatever the base says."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._counts import CountDistribution, SampleShape
from probcost.distributions._cumulative import Averaged, Masses, Ratio, averaged

__all__ = ["ZeroInflated"]


class ZeroInflated(TorchDistribution):
    r"""A count that is zero with probability π = sigmoid(gate_logits), and otherwise a draw of the base distribution.

    .. math:: p(0) = \pi + (1 - \pi)\, p_{\text{base}}(0), \qquad p(k) = (1 - \pi)\, p_{\text{base}}(k), \quad k > 0

    Args:
        base_dist: a univariate distribution of counts with ``log_prob``, ``mean``, ``variance``, ``sample`` and ``cdf``.
        gate_logits: logit of π, broadcast with the base's batch shape; any real number.
        validate_args: check parameters and values at every use (default: no).

    Raises:
        ValueError: if the base has an event shape; with ``validate_args=True``, also for non-finite logits or values
            outside the support.

    Source: Lambert, "Zero-inflated Poisson regression, with an application to defects in manufacturing", 1992,
    https://doi.org/10.2307/1269547.

    Example:
        >>> from probcost.distributions import Poisson
        >>> ZeroInflated(Poisson(torch.zeros(1)), torch.zeros(1)).log_prob(torch.tensor([0]))
        tensor([-0.3799])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {"gate_logits": constraints.real}
    support = constraints.nonnegative_integer
    base_dist: TorchDistribution
    gate_logits: Tensor

    def __init__(
        self, base_dist: TorchDistribution, gate_logits: Tensor | float, *, validate_args: bool | None = False
    ) -> None:
        if base_dist.event_shape:
            raise ValueError(f"base_dist must be univariate, but its event shape is {tuple(base_dist.event_shape)}")
        logits = (
            gate_logits
            if isinstance(gate_logits, Tensor)
            else torch.as_tensor(gate_logits, device=base_dist.mean.device)
        )
        batch_shape = torch.broadcast_shapes(base_dist.batch_shape, logits.shape)
        self.base_dist = base_dist if base_dist.batch_shape == batch_shape else base_dist.expand(batch_shape)
        self.gate_logits = logits.expand(batch_shape)
        super().__init__(batch_shape=batch_shape, validate_args=validate_args)

    @property
    def gate(self) -> Tensor:
        """π, the probability of a zero that the base has no part in."""
        return self.gate_logits.sigmoid()

    @property
    def mean(self) -> Tensor:
        return (-self.gate_logits).sigmoid() * self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        mean = self.base_dist.mean
        return (-self.gate_logits).sigmoid() * (self.base_dist.variance + self.gate * mean.square())

    def expand(self, batch_shape: Any, _instance: Any = None) -> ZeroInflated:
        new = self._get_checked_instance(ZeroInflated, _instance)
        new.base_dist = self.base_dist.expand(batch_shape)
        new.gate_logits = self.gate_logits.expand(batch_shape)
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats; value ``[*, *batch_shape]``, integer or float."""
        if self._validate_args:
            self._validate_sample(value)
        return self._inflated(self.base_dist.log_prob(value), value)

    def _inflated(self, base: Tensor, value: Tensor) -> Tensor:
        """log p(value), given that of the base."""
        logits = self.gate_logits
        # p(0) = 1 − z, z = (1 − π)(1 − p_base(0)). log1p(−z) keeps the digits of p(0) near 1, logaddexp those of p(0)
        # near 0; each sees harmless numbers where the other is used, so that neither gradient is NaN.
        z = -(-logits).sigmoid() * torch.expm1(base)
        near_one = z < 0.5
        likely = torch.log1p(-torch.where(near_one, z, 0.0))
        unlikely = torch.logaddexp(F.logsigmoid(logits), F.logsigmoid(-logits) + base)
        zero = torch.where(near_one, likely, unlikely)
        return torch.where(value == 0, zero, F.logsigmoid(-logits) + base)

    def cdf(self, value: Tensor) -> Tensor:
        """P(K ≤ value) = π + (1 − π) P_base(K ≤ value), and 0 below zero."""
        total = self.gate + (-self.gate_logits).sigmoid() * self.base_dist.cdf(value)
        return torch.where(value < 0, torch.zeros_like(total), total)

    def __getattr__(self, name: str) -> Any:
        # Callers ask whether there is one, which is for the base to say.
        if name == "averaged" and isinstance(self.__dict__.get("base_dist"), CountDistribution):
            return self._averaged
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _averaged(self, value: Tensor) -> Averaged:
        """As `CountDistribution.averaged`: the base's recursion, which starts from the zeros that the gate lets through."""
        with torch.no_grad():
            base = self.base_dist._masses(value)
            rest = (-self.gate_logits).sigmoid()
            zero, first = self.gate + rest * base.zero, rest * base.zero

            def exact(count: Tensor, rest: Tensor, *params: Tensor) -> Tensor:
                return rest * base.exact(count, *params)

            def ratio(rest: Tensor, *params: Tensor) -> Ratio:
                return base.ratio(*params)

            log_prob = self._inflated(base.log_prob, value)
            return averaged(value, Masses(log_prob, zero, first, [rest, *base.params], ratio, exact))

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape]`` in the dtype of the base's draws."""
        with torch.no_grad():
            draws = self.base_dist.sample(torch.Size(sample_shape))
            inflated = torch.rand_like(self.gate.expand(draws.shape)) < self.gate
            return draws.masked_fill(inflated, 0)

    def __repr__(self) -> str:
        return f"ZeroInflated({self.base_dist!r}, gate_logits: {tuple(self.gate_logits.shape)})"
