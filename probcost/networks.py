"""The few networks the scenarios need; any ``torch.nn.Module`` serves as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["MLP", "FourierMLP", "Standardize"]


class Standardize(nn.Module):
    r"""Inputs in standard units, :math:`(x - m) / s`, as `fit` measured them on the training rows.

    Shapes: ``[T, ...]`` → the same; mean and scale broadcast against one row.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale


class MLP(nn.Sequential):
    """A multilayer perceptron with SiLU activations and dropout.

    Shapes: ``[T, n_inputs]`` → ``[T, n_outputs]``.
    """

    def __init__(self, n_inputs: int, n_outputs: int, hidden: Sequence[int] = (128, 64), dropout: float = 0.0) -> None:
        layers: list[nn.Module] = []
        width = n_inputs
        for n in hidden:
            layers += [nn.Linear(width, n), nn.SiLU()] + ([nn.Dropout(dropout)] if dropout else [])
            width = n
        super().__init__(*layers, nn.Linear(width, n_outputs))
        self.config: dict[str, Any] = {
            "n_inputs": n_inputs,
            "n_outputs": n_outputs,
            "hidden": list(hidden),
            "dropout": dropout,
        }


class FourierMLP(nn.Module):
    r"""A multilayer perceptron that also sees sines and cosines of learned projections of its inputs.

    .. math:: f(x) = \text{MLP}([x, \sin(Wx + b), \cos(Wx + b)])

    Tuning to direction, phase and place is periodic or bump-like; from projections that already bend, the layers above
    reach it sooner than from straight ones. On the M1 recording this was worth more than 37 hand-made features.

    Shapes: ``[T, n_inputs]`` → ``[T, n_outputs]``; inputs in standard units.

    Source: Tancik et al., "Fourier features let networks learn high frequency functions in low dimensional domains",
    2020, https://arxiv.org/abs/2006.10739.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        frequencies: int = 128,
        hidden: Sequence[int] = (256, 128),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(n_inputs, frequencies)
        # One radian for one standard unit along a projection: smooth at first; training raises the frequencies it needs.
        nn.init.normal_(self.project.weight, std=n_inputs**-0.5)
        nn.init.uniform_(self.project.bias, -math.pi, math.pi)
        self.rest = MLP(n_inputs + 2 * frequencies, n_outputs, hidden, dropout)
        self.config: dict[str, Any] = {
            "n_inputs": n_inputs,
            "n_outputs": n_outputs,
            "frequencies": frequencies,
            "hidden": list(hidden),
            "dropout": dropout,
        }

    def forward(self, x: Tensor) -> Tensor:
        angle = self.project(x)
        return self.rest(torch.cat([x, angle.sin(), angle.cos()], dim=-1))
