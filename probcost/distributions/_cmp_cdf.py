"""The Conway–Maxwell–Poisson's cumulative distribution: the sum itself, or an integral where the sum would be long."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from probcost.distributions._cmp_asymptotics import expansion_threshold
from probcost.distributions._cmp_normalizer import log_mass
from probcost.distributions._cmp_sums import groups, terms_needed
from probcost.distributions._special import log_factorials

__all__ = ["cmp_cdf", "smooth"]

_BLOCK = 1 << 20
# Least λ/ν, the variance, at which the masses are smooth enough for the integral: its error is about 10⁻⁵ (λ/ν)^(−7/2).
_SMOOTH = 50.0
_NODES = 64
# Standard deviations beyond which the lower tail, lighter than the normal's, is below 10⁻¹⁸.
_REACH = 9.0


def smooth(log_location: Tensor, nu: Tensor) -> Tensor:
    """Whether the masses, seen from afar, are those of a wide smooth bell that keeps away from 0."""
    location = log_location.exp()
    return (location >= expansion_threshold(nu)) & (location >= _SMOOTH * nu)


def cmp_cdf(count: Tensor, log_location: Tensor, nu: Tensor) -> Tensor:
    """P(K ≤ count) for counts ≥ 0, η and ν of shape ``[E]``; absolute error below 10⁻⁹ in float64."""
    result = torch.empty_like(log_location)
    wide = smooth(log_location, nu)
    for chosen, method in ((wide, _by_integral), (~wide, _by_sum)):
        if bool(chosen.any()):
            result[chosen] = method(count[chosen], log_location[chosen], nu[chosen])
    return result.clamp_(0.0, 1.0)


def _by_sum(count: Tensor, log_location: Tensor, nu: Tensor) -> Tensor:
    """Σ_{k ≤ count} p(k), in blocks of elements that sum about as many terms."""
    constant = log_mass(torch.zeros_like(count), log_location, nu)
    result = constant.exp()
    needed = terms_needed(log_location.exp(), nu, nu.dtype).nan_to_num(1.0)
    ordered, order = torch.minimum(needed, count + 1).sort(descending=True)
    for start, stop, terms in groups(ordered.tolist()):
        k = torch.arange(1, terms, dtype=nu.dtype, device=nu.device)[:, None]
        log_k = log_factorials(terms, nu.dtype, nu.device)[1:, None]
        for block in order[start:stop].split(max(1, _BLOCK // terms)):
            masses = torch.exp(nu[block] * (k * log_location[block] - log_k) + constant[block])
            result[block] += masses.masked_fill_(k > count[block], 0.0).sum(0)
    return result


@cache
def _gauss_legendre() -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def _by_integral(count: Tensor, log_location: Tensor, nu: Tensor) -> Tensor:
    r"""∫ p(x) dx up to b = count + ½, with the midpoint rule's Euler–Maclaurin terms −p'(b)/24 + 7 p'''(b)/5760."""
    location = log_location.exp()
    spread = (location / nu).sqrt()
    low = (location - _REACH * spread).clamp_min(-0.5)
    end = torch.minimum(count + 0.5, location + 2 * _REACH * spread)
    result = torch.empty_like(location)
    nodes, weights = (tensor.to(location) for tensor in _gauss_legendre())
    for block in torch.arange(len(location), device=location.device).split(_BLOCK // _NODES):
        half = (end[block] - low[block]).clamp_min(0) / 2
        x = low[block] + half * (1 + nodes[:, None])
        eta, power = (tensor[block].expand_as(x) for tensor in (log_location, nu))
        result[block] = half * (weights[:, None] * log_mass(x, eta, power).exp()).sum(0)
    # Logarithmic derivative of p and its slopes, for p' = p g and p''' = p (g³ + 3 g g' + g'').
    slope = nu * (log_location - torch.digamma(end + 1))
    bend, twist = (-nu * torch.polygamma(order, end + 1) for order in (1, 2))
    third = slope**3 + 3 * slope * bend + twist
    return result + log_mass(end, log_location, nu).exp() * (7 / 5760 * third - slope / 24)
