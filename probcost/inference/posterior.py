"""What inference learned about the parameters: a point, or something to draw from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from pyro.infer.autoguide import AutoGuide
from torch import Tensor

from probcost.inference.svi import draw, local_parameters
from probcost.model import CostModel

__all__ = ["GuidePosterior", "PointEstimate", "Posterior"]


class Posterior(Protocol):
    """Draws of the parameters, and what kind of draws they are."""

    @property
    def label(self) -> str: ...

    def draws(self, n: int, seed: int) -> dict[str, Tensor]: ...

    def state(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class PointEstimate:
    """One value for every parameter, the model's own; its draws say nothing about uncertainty, so there are none."""

    label: str = "point estimate (MAP)"

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """Nothing replaces the model's parameters: ``{}``."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Nothing beyond the model itself."""
        return {}


@dataclass(frozen=True)
class GuidePosterior:
    """An autoguide, already run; its draws are variational, not the posterior's own."""

    guide: AutoGuide
    name: str
    example: Tensor

    @property
    def label(self) -> str:
        return f"variational approximation ({type(self.guide).__name__}), not the posterior itself"

    def draws(self, n: int, seed: int) -> dict[str, Tensor]:
        """``n`` draws of every parameter that has a prior, ``[n, ...]``."""
        return draw(self.guide, self.example, n, seed)

    def centre(self, model: CostModel) -> None:
        """Put the median of the draws into the model's own parameters, so that it predicts without draws too."""
        with local_parameters(), torch.no_grad():
            for name, value in self.guide.median(self.example).items():
                model.get_parameter(name).copy_(value)

    def state(self) -> dict[str, Tensor]:
        """The guide's own parameters, without those of the model it holds."""
        return {key: value for key, value in self.guide.state_dict().items() if not key.startswith("model.")}
