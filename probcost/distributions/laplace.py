"""The Laplace distribution: the cost is the absolute error."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._reals import LocationScale

__all__ = ["Laplace"]


class Laplace(LocationScale):
    r"""Laplace distribution with mean and median μ and mean absolute deviation b.

    .. math:: -\log p(y) = \frac{|y - \mu|}{b} + \log 2 b

    Example:
        >>> Laplace(torch.zeros(2), 1.0).log_prob(torch.tensor([0.0, 1.0]))
        tensor([-0.6931, -1.6931])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
    }

    def __init__(self, loc: Tensor | float, scale: Tensor | float, *, validate_args: bool | None = False) -> None:
        super().__init__(loc, scale, validate_args=validate_args)

    def _log_prob(self, z: Tensor) -> Tensor:
        return -z.abs() - math.log(2)

    def _standard(self, shape: torch.Size) -> Tensor:
        two = torch.empty((2, *shape), dtype=self.loc.dtype, device=self.loc.device).exponential_()
        return two[0] - two[1]

    def _cdf(self, z: Tensor) -> Tensor:
        tail = 0.5 * torch.exp(-z.abs())
        return torch.where(z < 0, tail, 1 - tail)

    def _crps(self, z: Tensor) -> Tensor:
        return z.abs() + torch.exp(-z.abs()) - 0.75

    def _entropy(self) -> float:
        return 1 + math.log(2)

    def _variance(self) -> float:
        return 2.0
