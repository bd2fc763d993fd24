"""Networks of tables and sequences, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["MLP", "Jitter", "PiecewiseLinear", "Standardize"]


class Standardize(nn.Module):
    r"""Inputs in standard units, :math:`(x - m) / s`, as `fit` measured them on the training rows.

    Shapes: ``[T, ...]`` → the same; mean and scale broadcast against one row.

    Example:
        >>> Standardize(torch.tensor([10.0]), torch.tensor([2.0]))(torch.tensor([[14.0]]))
        tensor([[2.]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale


class Jitter(nn.Module):
    r"""Inputs with noise of their own at every training step, :math:`x + s z, z \sim N(0, 1)`; unchanged in predictions.

    What a network learns then holds in a neighbourhood of each row: a penalty on its slope, where rows are few and inputs many.

    Shapes: ``[T, ...]`` → the same.

    Raises:
        ValueError: for a negative scale.

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995,
    https://doi.org/10.1162/neco.1995.7.1.108.

    Example:
        >>> x = torch.ones(4, 2)
        >>> jitter = Jitter(0.1)
        >>> torch.equal(jitter.train()(x), x), torch.equal(jitter.eval()(x), x)
        (False, True)
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        if not scale >= 0:
            raise ValueError(f"scale must be a number of at least 0, got {scale!r}")
        self.scale = float(scale)

    @property
    def config(self) -> dict[str, Any]:
        return {"scale": self.scale}

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, torch.randn_like(x), alpha=self.scale) if self.training and self.scale else x

    def extra_repr(self) -> str:
        return f"scale={self.scale:g}"


class PiecewiseLinear(nn.Module):
    r"""Each input beside its place within each of its quantile bins, so that a small network can bend where the data are.

    .. math:: e_b(x) = \operatorname{clip}\left(\frac{x_{j(b)} - l_b}{w_b}, 0, 1\right) - \tfrac12

    Shapes: ``[..., P]`` → ``[..., P + number of bins]``.

    Args:
        columns, lows, widths: of every bin, the input it is of, its lower edge, its width.

    Source: Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep learning", 2022,
    https://arxiv.org/abs/2203.05556.

    Example:
        >>> pieces = PiecewiseLinear.of(torch.arange(9.0)[:, None], n_bins=2)  # from 0 to 4 and from 4 to 8
        >>> pieces(torch.tensor([[1.0], [6.0]]))
        tensor([[ 1.0000, -0.2500, -0.5000],
                [ 6.0000,  0.5000,  0.0000]])
    """

    columns: Tensor
    lows: Tensor
    widths: Tensor

    def __init__(self, columns: Sequence[int], lows: Sequence[float], widths: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.long))
        self.register_buffer("lows", torch.tensor(lows, dtype=torch.get_default_dtype()))
        self.register_buffer("widths", torch.tensor(widths, dtype=torch.get_default_dtype()))

    @classmethod
    def of(cls, x: Tensor, n_bins: int) -> PiecewiseLinear:
        """At most ``n_bins`` bins of equally many rows for each column of ``x`` ``[T, P]``; none for one of two values."""
        bins: list[tuple[int, float, float]] = []
        levels = torch.linspace(0, 1, n_bins + 1, dtype=x.dtype)
        for column in range(x.shape[1]):
            edges = torch.quantile(x[:, column], levels).unique()
            if len(edges) > 2:
                bins += [
                    (column, low, width) for low, width in zip(edges.tolist(), edges.diff().tolist(), strict=False)
                ]
        return cls(*map(list, zip(*bins, strict=True))) if bins else cls([], [], [])

    @property
    def config(self) -> dict[str, Any]:
        return {"columns": self.columns.tolist(), "lows": self.lows.tolist(), "widths": self.widths.tolist()}

    def forward(self, x: Tensor) -> Tensor:
        places = ((x[..., self.columns] - self.lows) / self.widths).clamp(0, 1) - 0.5
        return torch.cat([x, places], -1)

    def extra_repr(self) -> str:
        return f"{len(self.columns)} bins"


class MLP(nn.Sequential):
    """A multilayer perceptron with SiLU activations, dropout and, with ``norm``, layer normalisation before each activation.

    Shapes: ``[T, n_inputs]`` → ``[T, n_outputs]``.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016, https://arxiv.org/abs/1607.06450.

    Example:
        >>> MLP(3, 2, hidden=(8,))
        MLP(
          (0): Linear(in_features=3, out_features=8, bias=True)
          (1): SiLU()
          (2): Linear(in_features=8, out_features=2, bias=True)
        )
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
