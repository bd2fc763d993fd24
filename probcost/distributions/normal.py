"""The normal distribution."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._reals import HALF_LOG_2PI, LocationScale

__all__ = ["Normal"]


class Normal(LocationScale):
    r"""Normal distribution with mean μ and standard deviation σ.

    .. math:: -\log p(y) = \frac12 \left(\frac{y - \mu}{\sigma}\right)^2 + \log \sigma + \frac12 \log 2\pi

    Example:
        >>> Normal(torch.zeros(2), 1.0).log_prob(torch.tensor([0.0, 1.0]))
        tensor([-0.9189, -1.4189])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
    }

    def __init__(self, loc: Tensor | float, scale: Tensor | float, *, validate_args: bool | None = False) -> None:
        super().__init__(loc, scale, validate_args=validate_args)

    def _log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z * z - HALF_LOG_2PI

    def _standard(self, shape: torch.Size) -> Tensor:
        return torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)

    def _cdf(self, z: Tensor) -> Tensor:
        return torch.special.ndtr(z)

    def _crps(self, z: Tensor) -> Tensor:
        density = torch.exp(-0.5 * z * z - HALF_LOG_2PI)
        return z * torch.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi)

    def _entropy(self) -> float:
        return 0.5 + HALF_LOG_2PI
