"""What inference learned about the parameters: a point, draws, or something to draw from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from pyro.infer.autoguide import AutoGuide
from torch import Tensor

from probcost.inference.guides import draw
from probcost.predict import seeded

__all__ = ["Draws", "GuidePosterior", "LastLayerNormal", "PointEstimate", "Posterior"]


class Posterior(Protocol):
    """Draws of the parameters, what kind of draws they are, and what of it goes on disk.

    ``kind``, ``description()`` (JSON) and ``state()`` (tensors) are what `inference.storage` needs to build it again.
    """

    kind: ClassVar[str]

    @property
    def label(self) -> str: ...

    @property
    def chains(self) -> int: ...

    def draws(self, n: int, seed: int) -> dict[str, Tensor]: ...

    def description(self) -> dict[str, Any]: ...

    def state(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class PointEstimate:
    """One value for every parameter, the model's own; its draws say nothing about uncertainty, so there are none."""

    kind: ClassVar[str] = "point"
    label: str = "point estimate (MAP)"
    chains: int = 1

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """Nothing replaces the model's parameters: ``{}``."""
        return {}

    def description(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Tensor]:
        return {}


@dataclass(frozen=True)
class Draws:
    """Parameter values ``[S, *shape]``, held as they are: an ensemble's members, or a Markov chain's draws.

    Attributes:
        values: parameter name → ``[S, *shape]``.
        label: what the draws are, in words.
        every: predictions mix all of them whatever number is asked for, as an ensemble does.
        chains: Markov chains they come from, one after the other.
    """

    kind: ClassVar[str] = "draws"
    values: dict[str, Tensor] = field(repr=False)
    label: str
    every: bool = False
    chains: int = 1

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """At most ``n`` of the draws, evenly spaced; all of an ensemble's members."""
        size = len(next(iter(self.values.values())))
        if self.every or n >= size:
            return self.values
        spaced = torch.linspace(0, size - 1, n).round().long()
        return {name: value[spaced.to(value.device)] for name, value in self.values.items()}

    def description(self) -> dict[str, Any]:
        return {"label": self.label, "every": self.every, "chains": self.chains}

    def state(self) -> dict[str, Tensor]:
        return self.values


@dataclass(frozen=True)
class LastLayerNormal:
    r"""A normal distribution of the last linear layer's weights W (with bias), in the basis of its own eigenvectors.

    .. math:: W = \hat W + B\, (\sigma \odot z)\, A^\top, \qquad z \sim N(0, 1)

    Attributes:
        layer: name of the layer in the model.
        mean: ``[P, H + 1]``, the bias in the last column.
        left: B ``[P, P]``; None for a full covariance, whose basis is ``right`` alone, over the flattened weights.
        right: A, ``[H + 1, H + 1]`` or ``[P (H + 1), P (H + 1)]``.
        sd: standard deviations along the basis, ``[P, H + 1]``.
        prior_scale: the prior's standard deviation that the marginal likelihood chose.
    """

    kind: ClassVar[str] = "last_layer_normal"
    layer: str
    mean: Tensor = field(repr=False)
    left: Tensor | None = field(repr=False)
    right: Tensor = field(repr=False)
    sd: Tensor = field(repr=False)
    prior_scale: float
    chains: int = 1

    @property
    def label(self) -> str:
        shape = "full" if self.left is None else "Kronecker-factored"
        return f"Laplace approximation of the last layer ({shape} covariance, prior scale {self.prior_scale:.3g})"

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """``n`` draws of the layer's weight and bias; everything below it stays at its point estimate."""
        with seeded(seed, self.mean.device):
            z = torch.randn(n, *self.mean.shape, dtype=self.mean.dtype, device=self.mean.device) * self.sd
        if self.left is None:
            drawn = self.mean + (z.flatten(1) @ self.right.T).view_as(z)
        else:
            drawn = self.mean + self.left @ z @ self.right.T
        return {f"{self.layer}.weight": drawn[..., :-1], f"{self.layer}.bias": drawn[..., -1]}

    def description(self) -> dict[str, Any]:
        return {"layer": self.layer, "prior_scale": self.prior_scale}

    def state(self) -> dict[str, Tensor]:
        state = {"mean": self.mean, "right": self.right, "sd": self.sd}
        return state if self.left is None else {**state, "left": self.left}


@dataclass(frozen=True)
class GuidePosterior:
    """An autoguide, already run; its draws are variational, not the posterior's own."""

    kind: ClassVar[str] = "guide"
    guide: AutoGuide
    example: Tensor
    chains: int = 1

    @property
    def label(self) -> str:
        return f"variational approximation ({type(self.guide).__name__}), not the posterior itself"

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """``n`` draws of every parameter that has a prior, ``[n, ...]``."""
        return draw(self.guide, self.example, n, seed)

    def description(self) -> dict[str, Any]:
        return {"guide": type(self.guide).__name__}

    def state(self) -> dict[str, Tensor]:
        """The guide's own parameters, without those of the model it holds."""
        own = {key: value for key, value in self.guide.state_dict().items() if not key.startswith("model.")}
        return {**{f"guide.{key}": value for key, value in own.items()}, "example": self.example}
