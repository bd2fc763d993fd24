r"""Sums over k of the Conway–Maxwell–Poisson's terms t_k = exp(ν (k η − log k!)), cut off with a bounded error.

Where to stop: let m = max(1, ⌊λ⌋), λ = e^η. Past m the log-terms fall by at least ν Σ_{i<s} log(1 + i/λ) ≥ L
in s steps,
once ν λ h((s − 1)/λ) ≥ L with h(u) = (1 + u) log(1 + u) − u. Terms are log-concave, so t_{m+s+i}/t_{m+i} ≤
t_{m+s}/t_m for
every i ≥ 0, hence

.. math:: \sum_{k \ge m+s} t_k \;\le\; e^{-L} \sum_{k \ge m} t_k :

a relative error of the sum of at most e^{−L}, which is set to ``TOLERANCE``. h is inverted by Newton's steps
from above, which on
a convex function never pass the root, so that the bound holds however few are taken.

How: the exponents of a block of terms are a product of two thin matrices, and the sums of t, k·t and log k!·t another,
so a block costs one exponential per term and little else, for any ν. Elements are columns; they are summed in groups
that need about as many terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from probcost.distributions._special import log_factorials

__all__ = ["TOLERANCE", "exponential_sums", "groups", "matrix_dtype", "terms_needed", "weighted_sums"]

# Largest share of the sum that may be left out: of a size with the expansion's error in float32, rounding in float64.
TOLERANCE = {torch.float32: 1e-6, torch.float64: 2.2e-16}
# Exponentials held at once: 512 KiB in float32, a share of a core's cache (measured best of 2¹⁵ … 2²⁰).
_BLOCK = 1 << 17
# Elements share a sum while none does more than this many times the work that it needs.
_SLACK = 1.2


def matrix_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """float64 in place of float32 where the user has let float32 products be rounded (TF32, bfloat16)."""
    coarse = torch.get_float32_matmul_precision() != "highest"
    return torch.float64 if coarse and dtype == torch.float32 and device.type != "mps" else dtype


def terms_needed(location: Tensor, nu: Tensor, dtype: torch.dtype) -> Tensor:
    """Number of terms k = 0 … n − 1 after which the rest is below the tolerance; grows with location, falls with ν."""
    reach = -math.log(TOLERANCE[dtype]) / nu
    location = location.clamp_min(1e-30)  # where the steps are as few as they get, and quotients stay finite
    steps = reach / 3 + (reach.square() / 9 + 2 * reach * location).sqrt()
    for _ in range(3):
        steps = (steps + reach) / torch.log1p(steps / location) - location
    return location.floor().clamp_min(1) + steps.ceil() + 1


def groups(needed: list[float]) -> Iterator[tuple[int, int, int]]:
    """Stretches ``start``, ``stop`` of like need, with the terms for all of them, of needs in descending order."""
    start = 0
    while start < len(needed):
        stop = start + 1
        while stop < len(needed) and needed[stop] * _SLACK >= needed[start]:
            stop += 1
        yield start, stop, int(needed[start])
        start = stop


def weighted_sums(
    log_location: Tensor,
    nu: Tensor,
    offset: Tensor | None,
    needed: list[float],
    weights: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Σ_{k≥1} w(k, log k!) exp(ν (k η − log k!) − offset) for several weights w at once.

    Args:
        log_location: η, ``[C, R]``, each row's need its own.
        nu: ν, ``[C, R]`` or ``[C, 1]``.
        offset: ``[C, R]``, or None for 0.
        needed: terms for each row, length C, descending.
        weights: (k ``[n]``, log k! ``[n]``) → ``[W, n]``.

    Returns:
        ``[W, C, R]``; memory beside it is bounded by the block.
    """
    dtype, device = log_location.dtype, log_location.device
    working = matrix_dtype(dtype, device)
    linear = torch.empty(2 if offset is None else 3, *log_location.shape, dtype=working, device=device)
    linear[0] = nu * log_location
    linear[1] = nu
    if offset is not None:
        linear[2] = offset
    linear = linear.flatten(1)
    most, width = max(2, int(needed[0])), log_location.shape[1]
    log_k = log_factorials(_rounded_up(most), working, device)[1:most]
    k = torch.arange(1, most, dtype=working, device=device)
    exponents = torch.stack([k, -log_k, -torch.ones_like(k)][: len(linear)], dim=1)
    weight = weights(k, log_k)
    sums = torch.empty(len(weight), linear.shape[1], dtype=working, device=device)
    for start, stop, count in groups(needed):
        terms, part = max(1, count - 1), slice(start * width, stop * width)
        exponential_sums(exponents[:terms], weight[:, :terms], linear[:, part], sums[:, part])
    return sums.to(dtype).view(-1, *log_location.shape)


def _rounded_up(count: int) -> int:
    """A table length that few different counts share, so that few tables are kept."""
    return 1 << max(10, count.bit_length())


def exponential_sums(exponents: Tensor, weights: Tensor, linear: Tensor, out: Tensor) -> None:
    """out = weights @ exp(exponents @ linear), a block of columns at a time in one piece of memory."""
    terms, columns = len(exponents), linear.shape[1]
    width = min(columns, max(1, _BLOCK // terms))
    memory = torch.empty(terms * width, dtype=linear.dtype, device=linear.device)
    for start in range(0, columns, width):
        part = linear[:, start : start + width]
        block = memory[: terms * part.shape[1]].view(terms, -1)
        torch.mm(weights, torch.mm(exponents, part, out=block).exp_(), out=out[:, start : start + width])
