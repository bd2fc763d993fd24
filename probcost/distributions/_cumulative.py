r"""Masses and cdf of counts, averaged over the draws that share them, for little more than the log-probabilities.

A cdf by itself costs 6 to 20 times a log-probability: an incomplete gamma function, or float64 sums as long as the
largest count. But counts are mostly small, and the same for every draw. So the masses are summed by their recursion,

.. math:: p(k) = p(k - 1)\; q\; c_k,

in the parameters' own precision, over those counts only that reach so far; at a count of 0 the sum is p(0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Averaged", "Masses", "Ratio", "averaged"]

# Beyond these a float32 mass keeps less than five digits; such counts are left to the distribution's own cdf.
_LARGEST_COUNT = 64
_LEAST_FIRST = math.exp(-50.0)

# q ``[L, C]``, and (k, n) → c_k of the first n columns, a number or ``[L, n]``.
Ratio = tuple[Tensor, Callable[[int, int], "Tensor | float"]]


class Averaged(NamedTuple):
    """What draws say of counts ``value``: log p(value) of each, in nats, and means over all of them.

    Attributes:
        log_prob: ``[*draws, *value.shape]``.
        mass: P(K = value), of the shape of ``value``.
        cdf: P(K ≤ value).
        prob_zero: P(K = 0).
    """

    log_prob: Tensor
    mass: Tensor
    cdf: Tensor
    prob_zero: Tensor


class Masses(NamedTuple):
    """The first masses of a distribution, of its batch shape, and how the others follow.

    Attributes:
        log_prob: log p(value), nats.
        zero: p(0).
        first: what the recursion starts from; p(0) itself, unless zeros have a mass of their own.
        params: what ``ratio`` needs, of the batch shape.
        ratio: params at chosen entries, ``[L, C]`` or ``[1, C]`` each, → the recursion.
        exact: (value, \\*params) → what the recursion gives, Σ_{k ≤ value} p(k), for counts too large for it.
    """

    log_prob: Tensor
    zero: Tensor
    first: Tensor
    params: list[Tensor]
    ratio: Callable[..., Ratio]
    exact: Callable[..., Tensor]


def averaged(value: Tensor, masses: Masses) -> Averaged:
    """Means over the leading dimensions of the masses that ``value`` lacks; no more is held than the masses themselves."""
    entries = value.numel()
    counts, shape = value.reshape(-1), value.shape
    log_prob, zero, first = (part.reshape(-1, entries) for part in (masses.log_prob, masses.zero, masses.first))
    prob_zero = zero.mean(0)
    mass, cdf = prob_zero.clone(), prob_zero.clone()
    columns = (counts > 0).nonzero()[:, 0]
    columns = columns[counts[columns].argsort(descending=True)]
    # A comparison with what is not a number is false: the exact cdf then says what becomes of it.
    small = (counts[columns] <= _LARGEST_COUNT) & (first.amin(0)[columns] >= _LEAST_FIRST)
    for chosen, by_recursion in ((columns[small], True), (columns[~small], False)):
        if not len(chosen):
            continue
        params = [_columns(param, chosen, entries) for param in masses.params]
        start = first.index_select(1, chosen)
        beyond = prob_zero[chosen] - start.mean(0)
        if by_recursion:
            last, total = _summed(start, counts[chosen], *masses.ratio(*params))
        else:
            last = log_prob.index_select(1, chosen).exp()
            total = masses.exact(*torch.broadcast_tensors(counts[chosen], *params)).to(last.dtype)
        mass[chosen] = last.mean(0)
        cdf[chosen] = total.mean(0) + beyond
    return Averaged(masses.log_prob, mass.view(shape), cdf.clamp_(max=1.0).view(shape), prob_zero.view(shape))


def _summed(first: Tensor, counts: Tensor, q: Tensor, c: Callable[[int, int], Tensor | float]) -> tuple[Tensor, Tensor]:
    """p(count) and Σ_{k ≤ count} p(k), of columns in descending order of their counts."""
    term, total = first.clone(), first
    steps = torch.arange(1, int(counts[0]) + 1, dtype=counts.dtype, device=counts.device)
    # How many columns reach k = 1, 2, ...
    reach = torch.searchsorted(-counts, -steps, right=True)
    for k, n in enumerate(reach.tolist(), start=1):
        part = term[:, :n]
        part.mul_(q[:, :n]).mul_(c(k, n))
        total[:, :n] += part
    return term, total


def _columns(param: Tensor, chosen: Tensor, entries: int) -> Tensor:
    """Entries ``chosen`` of the trailing dimensions; of the leading ones a single one where they are all the same."""
    lead = 0
    while math.prod(param.shape[lead:]) > entries:
        lead += 1
    if not any(param.stride()[:lead]):
        param = param[(0,) * lead]
    return param.reshape(-1, entries).index_select(1, chosen)
