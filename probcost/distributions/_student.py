"""The normaliser of Student's t in any dimension, written as its distance from the normal one: exact as ν grows."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["log_normalizer", "log_tail"]

_SHIFT = 16


def log_normalizer(df: Tensor, dim: int) -> Tensor:
    r"""log c in :math:`\log p = \log c - \frac{d}{2} \log 2\pi - \frac{\nu + d}{2} \log(1 + q/\nu)`, for scale one.

    .. math:: \log c = \log\Gamma\left(\tfrac{\nu + d}{2}\right) - \log\Gamma\left(\tfrac{\nu}{2}\right)
        - \tfrac{d}{2} \log\tfrac{\nu}{2}

    The difference of the two log Γ loses all its digits in float32 where ν is large; here it is never formed: pairs of
    dimensions give logarithms of rational functions, and what is left of an odd d an asymptotic series, which tends to zero.
    """
    half = 0.5 * df
    even, odd = divmod(dim, 2)
    total = torch.zeros_like(df)
    for j in range(even):
        total = total + torch.log1p((0.5 * odd + j) / half)
    return total + _half_step(half) if odd else total


def log_tail(squared: Tensor, df: Tensor, dim: int) -> Tensor:
    """(ν + d)/2 · log(1 + q/ν): q/2 for large ν."""
    return 0.5 * (df + dim) * torch.log1p(squared / df)


def _half_step(x: Tensor) -> Tensor:
    """log Γ(x + ½) − log Γ(x) − ½ log x, by recurrence to where three terms of its series are exact to 4·10⁻¹².

    The recurrence is one tensor operation wide, not sixteen long: as scalars these steps cost as much as all the rest of a
    training step.
    """
    steps = torch.arange(0.5, _SHIFT, dtype=x.dtype, device=x.device)
    recurrence = torch.log1p(-0.5 / (x.unsqueeze(-1) + steps)).sum(-1)
    inverse = 1 / (x + _SHIFT)
    square = inverse * inverse
    series = inverse * (-1 / 8 + square * (1 / 192 - 1 / 640 * square))
    return recurrence + 0.5 * torch.log1p(_SHIFT / x) + series
