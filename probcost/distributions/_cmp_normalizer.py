"""log Z of the Conway–Maxwell–Poisson with its moments: by the sum, or by the expansion where that is as good."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from probcost.distributions._cmp_asymptotics import expansion, expansion_hessian, expansion_threshold
from probcost.distributions._cmp_sums import terms_needed, weighted_sums

__all__ = ["as_columns", "centre", "log_mass", "normalizer", "normalizer_hessian"]

# Largest exponent νλ whose terms can be summed as they are; beyond it they are taken relative to the largest.
_OVERFLOW = {torch.float32: 80.0, torch.float64: 650.0}
# Rows narrower than this are not worth summing column by column: each element becomes its own column.
_NARROW = 8
# Log-locations above which U = k η − log k! is measured from λ.
_LOG_FAR = math.log(64.0)

_BySum = Callable[[Tensor, Tensor, "Tensor | None", list[float]], Tensor]
_ByExpansion = Callable[[Tensor, Tensor], Tensor]


def centre(log_location: Tensor) -> Tensor:
    """c, from which k, U = k η − log k! and log Z/ν are measured: λ where λ > 64, else 0.

    All three are near λ, so that at λ = 10⁶ their differences would keep few digits; near 0 they are best left as they
    are.
    """
    return torch.where(log_location > _LOG_FAR, log_location.exp(), 0.0)


def as_columns(log_location: Tensor, nu: Tensor) -> tuple[Tensor, Tensor]:
    """η as ``[C, R]`` and ν as ``[C, R]``, or ``[C, 1]`` where one ν serves a whole column."""
    shape = log_location.shape
    width = shape[-1] if shape and shape[-1] >= _NARROW else log_location.numel()
    shared = len(shape) > 1 and width == shape[-1] and not any(nu.stride()[:-1])
    power = nu[(0,) * (nu.dim() - 1)].reshape(1, width) if shared else nu.reshape(-1, width)
    return log_location.reshape(-1, width).T, power.T


def _log_offset(log_location: Tensor, nu: Tensor) -> Tensor:
    """Near the largest log-term, by Stirling's formula; 0 where λ ≤ 1, whose largest term is the first."""
    height = (log_location.exp() - 0.5 * log_location - 0.919).clamp_min(0)
    return nu * height * (log_location > 0)


def _split(log_location: Tensor, nu: Tensor, by_sum: _BySum, by_expansion: _ByExpansion) -> list[Tensor]:
    """Three tensors: each element by the method that serves it, which does not depend on the other elements.

    Columns are decided and ordered by their largest η and their least ν, so that this costs little beside the sums.
    The results of a matrix lie in memory column by column, as they were summed.
    """
    if not log_location.numel():
        return [torch.zeros_like(log_location) for _ in range(3)]
    shape = log_location.shape
    eta, power = as_columns(log_location, nu)
    top, least, most = eta.amax(1), power.amin(1), power.amax(1)
    large_columns = (top >= expansion_threshold(least, most).log()).nonzero()[:, 0]
    if len(large_columns):
        large_eta = eta.index_select(0, large_columns)
        large_power = power.index_select(0, large_columns).expand_as(large_eta)
        large = large_eta >= expansion_threshold(large_power).log()
        top = top.index_copy(0, large_columns, large_eta.masked_fill(large, -torch.inf).amax(1))
    location = top.exp()
    # What is not a number stays one; it must not decide how long to sum.
    needed, order = terms_needed(location, least, eta.dtype).nan_to_num(1.0).sort(descending=True)
    sorted_eta, sorted_power = eta.index_select(0, order), power.index_select(0, order)
    overflows = float((location * most).amax()) > _OVERFLOW[eta.dtype]
    offset = _log_offset(sorted_eta, sorted_power) if overflows else None
    result = by_sum(sorted_eta, sorted_power, offset, needed.tolist())
    inverse = order.argsort()
    if len(large_columns):
        rows = inverse.index_select(0, large_columns)
        part = torch.where(large, by_expansion(large_eta, large_power), result.index_select(1, rows))
        result.index_copy_(1, rows, part)
    rows_first = [part.index_select(0, inverse).T for part in result]
    return [part if part.shape == shape else part.reshape(shape) for part in rows_first]


def normalizer(log_location: Tensor, nu: Tensor) -> list[Tensor]:
    r"""log Z − ν c, E[k] − c and E[U] − c with U = k η − log k! and c = :func:`centre`.

    These are the first derivatives too: ∂ log Z/∂η = ν E[k] and ∂ log Z/∂ν = E[U]. η and ν have one shape.
    """

    def by_sum(eta: Tensor, power: Tensor, offset: Tensor | None, needed: list[float]) -> Tensor:
        sums = weighted_sums(eta, power, offset, needed, _first_moments)
        rest, k, log_k = sums
        total = 1 + rest if offset is None else torch.exp(-offset) + rest
        k.div_(total)
        torch.addcmul(log_k.div_(total).neg_(), eta, k, out=log_k)
        if offset is None:
            rest.log1p_()
        else:
            rest.add_(torch.expm1(-offset)).log1p_().add_(offset)
        if float(eta.amax()) > _LOG_FAR:
            _shift(sums, power, -centre(eta))
        return sums

    def by_expansion(eta: Tensor, power: Tensor) -> Tensor:
        moments = torch.stack(expansion(eta, power))
        return _shift(moments, power, eta.exp() - centre(eta))

    return _split(log_location, nu, by_sum, by_expansion)


def _first_moments(k: Tensor, log_k: Tensor) -> Tensor:
    return torch.stack([torch.ones_like(k), k, log_k])


def _second_moments(k: Tensor, log_k: Tensor) -> Tensor:
    return torch.stack([torch.ones_like(k), k, log_k, k * k, k * log_k, log_k * log_k])


def _shift(moments: Tensor, nu: Tensor, by: Tensor) -> Tensor:
    moments[0] += nu * by
    moments[1:] += by
    return moments


def normalizer_hessian(log_location: Tensor, nu: Tensor) -> list[Tensor]:
    """∂²log Z/∂η² = ν² Var[k], ∂²log Z/∂η∂ν = E[k] + ν Cov[k, U] and ∂²log Z/∂ν² = Var[U]."""

    def by_sum(eta: Tensor, power: Tensor, offset: Tensor | None, needed: list[float]) -> Tensor:
        rest, *moments = weighted_sums(eta, power, offset, needed, _second_moments)
        total = rest + (1 if offset is None else torch.exp(-offset))
        k, log_k, kk, k_log_k, log_k_log_k = (moment / total for moment in moments)
        variance, cross, own = kk - k * k, k_log_k - k * log_k, log_k_log_k - log_k * log_k
        mixed = k + power * (eta * variance - cross)
        return torch.stack([power.square() * variance, mixed, eta.square() * variance - 2 * eta * cross + own])

    def by_expansion(eta: Tensor, power: Tensor) -> Tensor:
        return torch.stack(expansion_hessian(eta, power))

    return _split(log_location, nu, by_sum, by_expansion)


def log_mass(x: Tensor, log_location: Tensor, nu: Tensor) -> Tensor:
    """log p(x) for x > −1, whole or not, all of one shape: what cdf and sampling need; no gradient."""
    energy = x * log_location - torch.lgamma(x + 1) - centre(log_location)
    return nu * energy - normalizer(log_location, nu)[0]
