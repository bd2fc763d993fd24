"""Mixtures of any real-valued likelihood: for what has several answers, as a side chain has several rotamers."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints

from probcost import distributions as dist
from probcost.likelihoods.base import Likelihood
from probcost.likelihoods.continuous import Continuous

__all__ = ["Mixture"]


class Mixture(Likelihood):
    r"""K components of one family, each with its own parameters, and the weights between them.

    .. math:: -\log p(y) = -\log \sum_{c=1}^{K} w_c \, p_c(y)

    Components of single numbers are mixed for each unit by itself; components of vectors jointly. What a component learns
    (a scale, degrees of freedom), each of the K learns for itself.

    Args:
        component: such as ``MultivariateNormal(3)``.
        k: how many.

    Shapes: raw ``[..., T, k (P + 1)]`` for components of vectors with P raw outputs: k log-weights, then the components one
    after the other; ``[..., T, k (P + d)]`` for components of d single numbers.

    Raises:
        ValueError: for fewer than one component.
        TypeError: for a component that is no real-valued likelihood, or a mixture itself.

    Source: Bishop, "Mixture density networks", 1994, https://publications.aston.ac.uk/id/eprint/373/.

    Example:
        >>> Mixture(pc.likelihoods.MultivariateNormal(3), 5).num_outputs
        50
    """

    discrete = False
    support = constraints.real

    def __init__(self, component: Likelihood, k: int) -> None:
        if not isinstance(component, Continuous):
            raise TypeError(
                f"component must be a real-valued likelihood such as MultivariateNormal(3), got {component!r}"
            )
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k must be a whole number of at least 1, got {k!r}")
        n_weights = k if component.event_dim else k * component.n_units
        super().__init__(component.n_units, n_weights + k * component.num_outputs)
        self.k = k
        self._given = [component]  # in a list: the component's own parameters are not the mixture's
        self.component = copy.deepcopy(component)
        for part in self.component.modules():
            for name, parameter in part.named_parameters(recurse=False):
                setattr(part, name, nn.Parameter(parameter.detach().expand(k, *parameter.shape).clone()))
        self.event_dim = component.event_dim
        self.unit = component.unit

    @property
    def config(self) -> dict[str, Any]:
        return {"component": self._given[0], "k": self.k}

    @property
    def equation(self) -> str:  # type: ignore[override]
        return rf"-\log \sum_{{c=1}}^{{K}} w_c e^{{-({self._indexed(self.component.equation)})}}"

    @property
    def symbols(self) -> dict[str, str]:  # type: ignore[override]
        own = self.component.symbols.items()
        return {"w_c": "weights", **{self._indexed(symbol): f"component.{path}" for symbol, path in own}}

    def _indexed(self, latex: str) -> str:
        """Each symbol of a component with the component's index."""
        # At once: an index that was written must not be taken for a symbol.
        any_symbol = "|".join(re.escape(symbol) for symbol in self.component.symbols)
        return re.sub(rf"(?<![A-Za-z\\])(?:{any_symbol})(?![A-Za-z])", lambda found: f"{found.group()}_c", latex)

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        self.component.adapt(mean, variance)

    def rescale(self, factor: float) -> None:
        """Multiply every component's scales by ``factor``."""
        self.component.rescale(factor)

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Equal weights and locations spread at random over the data: alike, no component could become another."""
        each = self.component.initial_raw(mean, variance).expand(self.k, -1).clone()
        each[:, : self.n_units] = torch.randn_like(each[:, : self.n_units])
        return torch.cat([each.new_zeros(self.num_outputs - each.numel()), each.flatten()])

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        return self.component.null(mean, variance)

    def forward(self, raw: Tensor) -> TorchDistribution:
        n_weights = self.num_outputs - self.k * self.component.num_outputs
        logits = raw[..., :n_weights]
        if not self.event_dim:
            logits = logits.unflatten(-1, (self.k, self.n_units))
        return dist.Mixture(logits, self.component(raw[..., n_weights:].unflatten(-1, (self.k, -1))))

    def extra_repr(self) -> str:
        return f"k={self.k}"
