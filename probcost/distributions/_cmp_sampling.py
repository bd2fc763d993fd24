"""Draws from the Conway–Maxwell–Poisson: by inverting the summed masses, or by rejection where sums are long."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from probcost.distributions._cmp_cdf import smooth
from probcost.distributions._cmp_normalizer import log_mass
from probcost.distributions._cmp_sums import groups, terms_needed
from probcost.distributions._special import LARGEST_COUNT, log_factorials

__all__ = ["cmp_sample"]

_BLOCK = 1 << 20
# Where float64 no longer tells log-masses of neighbours apart; the skewness, below 10⁻⁵, cannot be seen in any sample.
_NORMAL_FROM = math.log(1e12)


def cmp_sample(log_location: Tensor, nu: Tensor, draws: int) -> Tensor:
    """``[draws, E]`` counts for η and ν of shape ``[E]``, float64."""
    result = torch.empty(draws, len(nu), dtype=nu.dtype, device=nu.device)
    log_location = log_location.clamp_max(math.log(LARGEST_COUNT))
    wide, vast = smooth(log_location, nu), log_location > _NORMAL_FROM
    for chosen, method in ((vast, _by_normal), (wide & ~vast, _by_rejection), (~wide & ~vast, _by_inversion)):
        members = chosen.nonzero()[:, 0]
        if len(members):
            result[:, members] = method(log_location[members], nu[members], draws)
    return result


def _by_normal(log_location: Tensor, nu: Tensor, draws: int) -> Tensor:
    """Rounded normals: mean λ, variance λ/ν, the limit of large λ."""
    normal = torch.randn(draws, len(nu), dtype=nu.dtype, device=nu.device)
    return (log_location.exp() + (log_location.exp() / nu).sqrt() * normal).round_().clamp_min_(0)


def _by_inversion(log_location: Tensor, nu: Tensor, draws: int) -> Tensor:
    """The first count whose running sum exceeds a uniform share of the whole."""
    result = torch.empty(draws, len(nu), dtype=nu.dtype, device=nu.device)
    needed, order = terms_needed(log_location.exp(), nu, nu.dtype).nan_to_num(1.0).sort(descending=True)
    for start, stop, terms in groups(needed.tolist()):
        k = torch.arange(terms, dtype=nu.dtype, device=nu.device)
        log_k = log_factorials(terms, nu.dtype, nu.device)
        for block in order[start:stop].split(max(1, _BLOCK // max(terms, draws))):
            exponents = nu[block, None] * (k * log_location[block, None] - log_k)
            running = exponents.sub_(exponents.amax(1, keepdim=True)).exp_().cumsum(1)
            uniform = torch.rand(len(block), draws, dtype=nu.dtype, device=nu.device)
            found = torch.searchsorted(running, uniform.mul_(running[:, -1:]), right=True)
            result[:, block] = found.clamp_max_(terms - 1).to(nu.dtype).T
    return result


def _by_rejection(log_location: Tensor, nu: Tensor, draws: int) -> Tensor:
    """Rejection from a flat top with exponential sides, which covers every log-concave mass function.

    Source: Devroye, "A simple generator for discrete log-concave distributions", 1987,
    https://doi.org/10.1007/BF02307719; five proposals a draw are expected, whatever the parameters.
    """
    mode = log_location.exp().floor()
    peak = log_mass(mode, log_location, nu).exp()
    result = torch.empty(draws * len(nu), dtype=nu.dtype, device=nu.device)
    for block in torch.arange(len(result), device=nu.device).split(_BLOCK):
        pending = block
        while len(pending):
            owner = pending % len(nu)
            eta, power, top, height = log_location[owner], nu[owner], mode[owner], peak[owner]
            proposed, log_bound = _propose(height)
            count = top + proposed
            log_ratio = power * (proposed * eta - torch.lgamma(count.clamp_min(0) + 1) + torch.lgamma(top + 1))
            uniform = torch.rand_like(eta)
            accepted = (count >= 0) & (uniform.log() + log_bound <= log_ratio)
            result[pending[accepted]] = count[accepted]
            pending = pending[~accepted]
    return result.view(draws, len(nu))


def _propose(height: Tensor) -> tuple[Tensor, Tensor]:
    """A step from the mode, whose mass is ``height``, and the log of the envelope there relative to the mode."""
    flat = 1 + height / 2
    inside = torch.rand_like(height) * (1 + flat) <= flat
    share = torch.rand_like(height)
    distance = torch.where(inside, share * flat, flat - torch.log1p(-share)) / height
    sign = torch.where(torch.rand_like(height) < 0.5, -1.0, 1.0)
    return sign * distance.round(), (flat - height * distance).clamp_max(0)
