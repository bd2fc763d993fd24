"""Log-densities that bring their own derivatives: the gradient from the score, the second one from the Hessian.

Autograd through a log-density keeps every intermediate and loses digits where terms cancel. Here each family computes
log p together with its score ∂ log p/∂θ in one pass; backward is then one product per parameter. The score is an
output of the same function, so differentiating twice (Laplace, Newton) reaches the family's Hessian.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function

__all__ = ["Family", "scored_log_prob"]


class Family(Protocol):
    """What a family of densities with P parameters supplies; all tensors arrive broadcast to one shape."""

    def score(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        """log p and its P first derivatives, each of the shape and dtype of the parameters."""

    def hessian(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        """The P(P+1)/2 second derivatives of log p: rows of the upper triangle, diagonal first."""


def scored_log_prob(family: Family, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
    """log p(value) and its score, differentiable twice in the parameters; shapes broadcast.

    A third derivative raises ``NotImplementedError`` rather than being silently zero.
    """
    value, *params = torch.broadcast_tensors(value, *params)
    # Outside vmap and grad transforms the older form of a Function does the same for half the overhead.
    plain = not torch._C._are_functorch_transforms_active()
    return (_PlainlyScored if plain else _Scored).apply(family, value, *params)


def _batched(in_dims: tuple[int | None, ...], size: int, tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """Every tensor with the dimension that vmap maps over in front, expanded where it has none."""
    return [
        tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(tensors, in_dims, strict=True)
    ]


class _Scored(Function):
    @staticmethod
    def forward(family: Family, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        return family.score(value, *params)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.family = inputs[0]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[1:], *output[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *score_grads: Tensor | None) -> tuple[Tensor | None, ...]:
        count = len(score_grads)
        value, *params = ctx.saved_tensors[: count + 1]
        scores = ctx.saved_tensors[count + 1 :]
        total: list[Tensor | None] = [None if grad is None else grad * score for score in scores]
        if any(score_grad is not None for score_grad in score_grads):
            entries = iter(_Hessian.apply(ctx.family, value, *params))
            for row in range(count):
                for column in range(row, count):
                    entry = next(entries)
                    for into, source in {(row, column), (column, row)}:
                        upstream = score_grads[source]
                        if upstream is not None:
                            part, so_far = upstream * entry, total[into]
                            total[into] = part if so_far is None else so_far + part
        return (None, None, *total)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], family: Family, *tensors: Tensor) -> tuple[Any, Any]:
        output = _Scored.apply(family, *_batched(in_dims[1:], info.batch_size, tensors))
        return output, (0,) * len(output)


class _PlainlyScored(_Scored):
    @staticmethod
    def forward(ctx: Any, family: Family, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        output = family.score(value, *params)
        _Scored.setup_context(ctx, (family, value, *params), output)
        return output

    setup_context = staticmethod(Function.setup_context)


class _Hessian(Function):
    @staticmethod
    def forward(family: Family, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        return family.hessian(value, *params)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.name = type(inputs[0]).__name__

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError(f"third derivatives of the log-density are not available ({ctx.name})")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], family: Family, *tensors: Tensor) -> tuple[Any, Any]:
        output = _Hessian.apply(family, *_batched(in_dims[1:], info.batch_size, tensors))
        return output, (0,) * len(output)
