"""The few networks the scenarios need; any ``torch.nn.Module`` serves as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

__all__ = ["MLP", "Standardize"]


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
    """A multilayer perceptron with SiLU activations, dropout and, with ``norm``, layer normalisation before each activation.

    Shapes: ``[T, n_inputs]`` → ``[T, n_outputs]``.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016, https://arxiv.org/abs/1607.06450.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        norm: bool = False,
    ) -> None:
        layers: list[nn.Module] = []
        width = n_inputs
        for n in hidden:
            layers += [nn.Linear(width, n)] + ([nn.LayerNorm(n)] if norm else []) + [nn.SiLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
            width = n
        super().__init__(*layers, nn.Linear(width, n_outputs))
        self.config: dict[str, Any] = {
            "n_inputs": n_inputs,
            "n_outputs": n_outputs,
            "hidden": list(hidden),
            "dropout": dropout,
            "norm": norm,
        }
