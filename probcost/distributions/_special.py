"""Elementary functions that keep their digits: log k!, log(1+x)/x, Stirling's remainder, and which precision to use."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

__all__ = ["largest", "log1p_ratio", "log1p_ratio_slope", "log_factorial", "log_factorials", "stirling_error", "widest"]

_TABLE_SIZE = 1024


def widest(device: torch.device) -> torch.dtype:
    """float64 where the device has it (Apple's MPS does not), else float32."""
    return torch.float32 if device.type == "mps" else torch.float64


def largest(values: Tensor) -> float:
    """The largest element; 0 for an empty tensor."""
    return float(values.amax()) if values.numel() else 0.0


@cache
def log_factorials(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """log k! for k = 0 … count − 1, shape ``[count]``, correctly rounded to ``dtype``."""
    exact = torch.lgamma(torch.arange(1, count + 1, dtype=torch.float64))
    return exact.to(dtype).to(device)


def log_factorial(count: Tensor, dtype: torch.dtype) -> Tensor:
    """log k! of a tensor of counts, integer or float, with the shape of ``count``.

    Small counts are looked up, which costs an eighth of ``lgamma``; that takes them to be whole numbers.
    """
    if not count.numel():
        return torch.zeros_like(count, dtype=dtype)
    low, high = torch.aminmax(count)
    if float(low) >= 0 and float(high) < _TABLE_SIZE:
        table = log_factorials(_TABLE_SIZE, dtype, count.device)
        return table.index_select(0, count.reshape(-1).to(torch.int32)).view(count.shape)
    return torch.lgamma(count.to(widest(count.device)) + 1).to(dtype)


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


def _half_angle(x: Tensor) -> tuple[Tensor, Tensor]:
    """u with log(1+x) = 2 artanh u, and Σ u²ⁱ/(2i+1) to 10⁻¹⁷, for 0 ≤ x ≤ ¼ (u ≤ 1/9)."""
    u = x / (2 + x)
    square = u * u
    series = torch.full_like(u, 1 / 17)
    for odd in (15, 13, 11, 9, 7, 5, 3, 1):
        series = 1 / odd + square * series
    return u, series


def log1p_ratio(x: Tensor) -> Tensor:
    """φ(x) = log(1+x)/x for x ≥ 0, with φ(0) = 1, to a relative error of a few ε."""
    return torch.where(x > 0, torch.log1p(x) / x, 1.0)


def log1p_ratio_slope(x: Tensor) -> Tensor:
    """−φ'(x) = (φ(x) − 1/(1+x))/x for x ≥ 0, with value ½ at 0: by a series of positive terms where x ≤ ¼."""
    u, series = _half_angle(x.clamp_max(0.25))
    shifted = torch.full_like(u, 1 / 19)
    for odd in (17, 15, 13, 11, 9, 7, 5, 3):
        shifted = 1 / odd + u * u * shifted
    near = (1 - u).square() / (2 * (1 + u)) * (series + u * shifted)
    far = (torch.log1p(x) / x - 1 / (1 + x)) / x
    return torch.where(x <= 0.25, near, far)
