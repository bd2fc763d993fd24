r"""The Conway–Maxwell–Poisson's log Z where the location is large: an expansion in 1/λ, λ = e^η.

.. math:: \log Z = \nu\lambda - \tfrac{\nu - 1}{2}\log(2\pi\lambda) - \tfrac12 \log\nu + F, \qquad
    F = \sum_{j \ge 1} \frac{d_j(\nu^2)}{(\nu\lambda)^j}

Source: Gaunt, Iyengar, Olde Daalhuis & Simsek, "An asymptotic expansion for the normalizing constant of the
Conway–Maxwell–Poisson distribution", 2019, https://doi.org/10.1007/s10463-017-0629-6, who prove it for real ν > 0. It is
taken in the form of the logarithm, whose coefficients have half the degree in ν. They were found from the equation that
Z obeys for whole ν, (λ d/dλ)^ν Z = (νλ)^ν Z, in exact fractions; a test derives them again.

Where it is used, the error of log Z and of E[k]/λ is below 10⁻⁶ in float32 (4 orders) and 10⁻¹¹ in float64 (10 orders),
measured against sums in extended precision: νλ is large enough for the series, and λ/ν for what no series in 1/λ
sees, the difference of sum and integral, about exp(−2π²λ/ν).
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from probcost.distributions._cmp_sums import exponential_sums, matrix_dtype

__all__ = ["COEFFICIENTS", "expansion", "expansion_hessian", "expansion_threshold"]

# d_j as (denominator, numerators of ν⁰, ν², ν⁴, …) for j = 1, 2, …; each vanishes at ν = 1, where F = 0.
COEFFICIENTS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (24, (-1, 1)),
    (48, (-1, 1)),
    (5760, (-161, 170, -9)),
    (5760, (-367, 410, -43)),
    (2903040, (-601285, 707007, -107247, 1525)),
    (725760, (-636688, 783363, -151662, 4987)),
    (1393459200, (-6389072441, 8183064500, -1893190278, 99814100, -615881)),
    (34836480, (-993607187, 1318965920, -350370174, 25400360, -388919)),
    (
        122624409600,
        (-25240359385355, 34599271022327, -10277058975150, 942470312366, -24405557495, 82583307),
    ),
    (
        5748019200,
        (-9718190078959, 13714487174069, -4470694766032, 492527831752, -18290156489, 159995659),
    ),
)

# (orders, least νλ, least λ/ν, least λ) that keep the errors above.
_VALIDITY = {torch.float32: (4, 17.0, 1.2, 9.0), torch.float64: (10, 32.0, 2.0, 10.0)}


def expansion_threshold(least: Tensor, most: Tensor | None = None) -> Tensor:
    """The least location λ at which the expansion serves at this ν (of some ν from ``least`` to ``most``), by dtype."""
    _, product, ratio, smallest = _VALIDITY[least.dtype]
    return torch.maximum(product / (least if most is None else most), ratio * least).clamp_min_(smallest)


@cache
def _monomials(dtype: torch.dtype, working: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """F as Σ c ν^p λ^−j: exponents ``[n, 2]`` of (log ν, η), and for F and its derivatives the weights ``[6, n]``.

    With θ = λ ∂/∂λ and δ = ν ∂/∂ν the rows are F, θF, δF, θ²F, θδF, δ(δ − 1)F.
    """
    rows = [
        (numerator / denominator, 2.0 * power - order, -float(order))
        for order, (denominator, numerators) in enumerate(COEFFICIENTS[: _VALIDITY[dtype][0]], start=1)
        for power, numerator in enumerate(numerators)
    ]
    c, p, q = torch.tensor(rows, dtype=torch.float64).T
    weights = torch.stack([c, c * q, c * p, c * q * q, c * p * q, c * p * (p - 1)])
    return torch.stack([p, q], dim=1).to(device, working), weights.to(device, working)


def _series(log_location: Tensor, nu: Tensor, rows: slice) -> Tensor:
    working = matrix_dtype(nu.dtype, nu.device)
    exponents, weights = _monomials(nu.dtype, working, nu.device)
    linear = torch.stack([nu.log(), log_location]).to(working).flatten(1)
    out = torch.empty(3, linear.shape[1], dtype=working, device=nu.device)
    exponential_sums(exponents, weights[rows], linear, out)
    return out.to(nu.dtype).view(3, *nu.shape)


def expansion(log_location: Tensor, nu: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log Z − νλ, E[k] − λ and E[k η − log k!] − λ, for η and ν of one shape, above the threshold."""
    f, f_location, f_nu = _series(log_location, nu, slice(0, 3))
    log_spread = log_location + math.log(2 * math.pi)
    log_z = f - (nu - 1) / 2 * log_spread - nu.log() / 2
    return log_z, (f_location - (nu - 1) / 2) / nu, (f_nu - 0.5) / nu - log_spread / 2


def expansion_hessian(log_location: Tensor, nu: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """∂²log Z/∂η², ∂²log Z/∂η∂ν and ∂²log Z/∂ν², for η and ν of one shape, above the threshold."""
    twice, mixed, twice_nu = _series(log_location, nu, slice(3, 6))
    location = log_location.exp()
    return nu * location + twice, location - 0.5 + mixed / nu, (twice_nu + 0.5) / nu.square()
