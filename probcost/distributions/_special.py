"""Elementary functions that keep their digits: log k!, log(1+x)/x, Stirling's remainder, and which precision to use."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

__all__ = [
    "LARGEST_COUNT",
    "extremes",
    "log1p_ratio",
    "log1p_ratio_slope",
    "log_factorials",
    "minus_log_factorial",
    "stirling_error",
    "widest",
]

_TABLE_SIZE = 1024


def widest(device: torch.device) -> torch.dtype:
    """float64 where the device has it (Apple's MPS does not), else float32."""
    return torch.float32 if device.type == "mps" else torch.float64


def extremes(values: Tensor) -> tuple[float, float]:
    """The smallest and the largest element; zeros for an empty tensor."""
    if not values.numel():
        return 0.0, 0.0
    return float(values.amin()), float(values.amax())  # two passes: aminmax, which is one, takes longer


# Draws from rates beyond this are drawn at it: whole-number types hold no more, and a count past 2⁶³ would come out negative.
LARGEST_COUNT = 2.0**62


@cache
def log_factorials(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """log k! for k = 0 … count − 1, shape ``[count]``, correctly rounded to ``dtype``."""
    exact = torch.lgamma(torch.arange(1, count + 1, dtype=torch.float64))
    return exact.to(dtype).to(device)


def minus_log_factorial(count: Tensor, dtype: torch.dtype, bounds: tuple[float, float]) -> Tensor:
    """−log k! of a tensor of counts, integer or float, as a new tensor; ``bounds`` are its :func:`extremes`.

    Small counts are looked up, which costs an eighth of ``lgamma``; that takes them to be whole numbers.
    """
    if bounds[0] >= 0 and bounds[1] < _TABLE_SIZE:
        table = _minus_log_factorials(dtype, count.device)
        return table.index_select(0, count.reshape(-1).to(torch.int32)).view(count.shape)
    return torch.lgamma(count.to(widest(count.device)) + 1).neg_().to(dtype)


@cache
def _minus_log_factorials(dtype: torch.dtype, device: torch.device) -> Tensor:
    return -log_factorials(_TABLE_SIZE, dtype, device)


def stirling_error(x: Tensor) -> Tensor:
    r"""log Γ(x) − (x − ½) log x + x − ½ log 2π = 1/(12x) − 1/(360x³) + …; absolute error below 3·10⁻¹⁴ for x ≥ 8.

    The asymptotic series alternates, so its error is below the first term left out, 1/(156 x¹³).
    """
    t = 1 / x
    square = t * t
    series = 1 / 1188 - square * (691 / 360360)
    for coefficient in (-1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = coefficient + square * series
    return t * series


def log1p_ratio(x: Tensor) -> Tensor:
    """φ(x) = log(1+x)/x for x ≥ 0, with φ(0) = 1, to a relative error of a few ε."""
    safe = torch.where(x > 0, x, 1.0)
    return torch.where(x > 0, torch.log1p(safe) / safe, 1.0)


def log1p_ratio_slope(x: Tensor) -> Tensor:
    """−φ'(x) = (φ(x) − 1/(1+x))/x for x ≥ 0, ½ at 0; where x ≤ ¼ by log(1+x) = 2 artanh u, whose series has positive terms.

    With u = x/(2+x) ≤ 1/9 and r = Σ u²ⁱ/(2i+3), −φ' = (1−u)² (1 + u r + u² r) / (2 (1+u)); nine terms leave 10⁻¹⁸.
    """
    small = x.clamp_max(0.25)
    u = small / (2 + small)
    square = u * u
    series = torch.full_like(u, 1 / 19)
    for odd in (17, 15, 13, 11, 9, 7, 5, 3):
        series = 1 / odd + square * series
    near = (1 - u).square() * (1 + (u + square) * series) / (2 * (1 + u))
    safe = x.clamp_min(0.25)
    far = (torch.log1p(safe) / safe - 1 / (1 + safe)) / safe
    return torch.where(x <= 0.25, near, far)
