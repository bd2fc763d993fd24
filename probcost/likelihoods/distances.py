"""Distances between all photos of a batch: exact for close points, with a finite gradient at coincident ones, in O(B²) memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from probcost.distributions._special import widest

__all__ = ["distances"]

_ROWS = 128  # double precision is for so many rows at a time


def distances(points: Tensor, *, squared: bool, eps: float = 0.0) -> Tensor:
    """|x_i − x_j + eps|, or its square, for all i and j, ``[B, B]``; differentiable once.

    Matrix products in double precision: in single, |x|² + |z|² − 2xz would leave close points no digits. Where a distance is 0
    its gradient is 0, a subgradient, as torch has it.
    """
    found: Tensor = _Distances.apply(points, squared, eps)
    return found


class _Distances(Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, squared: bool, eps: float) -> Tensor:
        # Around their middle, which changes no difference, points far from the origin keep their digits too.
        exact = points.to(widest(points.device))
        exact = exact - exact.mean(0)
        own = exact.square().sum(1)
        found = points.new_empty(len(points), len(points))
        for rows, part in zip(found.split(_ROWS), (exact + eps).split(_ROWS), strict=True):
            squares = torch.addmm(own + part.square().sum(1, keepdim=True), part, exact.T, alpha=-2).clamp_min_(0)
            rows.copy_(squares if squared else squares.sqrt_())
        ctx.squared, ctx.eps = squared, eps
        ctx.save_for_backward(points, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        points, found = ctx.saved_tensors
        exact = points.to(widest(points.device))
        exact = exact - exact.mean(0)
        total = torch.empty_like(exact)
        for start in range(0, len(points), _ROWS):
            rows = slice(start, start + _ROWS)
            pull, push = _weight(ctx, grad[rows], found[rows]), _weight(ctx, grad[:, rows], found[:, rows]).T
            # Entry ij pulls x_i along x_i − x_j + eps, and entry ji pushes it along x_i − x_j − eps.
            both = (pull + push).to(exact.dtype)
            total[rows] = both.sum(1, keepdim=True) * exact[rows] - both @ exact
            if ctx.eps:
                total[rows] += ctx.eps * (pull.sum(1, keepdim=True) - push.sum(1, keepdim=True))
        return total.to(points.dtype), None, None


def _weight(ctx: Any, grad: Tensor, distance: Tensor) -> Tensor:
    """What the difference of two points is multiplied by."""
    return 2 * grad if ctx.squared else (grad / distance).masked_fill_(distance == 0, 0)
