"""One network under many weights at once: posterior draws and ensemble members as a leading dimension."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from probcost.networks import Jitter, PiecewiseLinear

__all__ = ["batched_call"]

# Modules that treat every number, or every last dimension, alike: they need not know about a leading one.
_ELEMENTWISE = (
    nn.Dropout, nn.ELU, nn.GELU, nn.Hardtanh, nn.Identity, nn.LeakyReLU, nn.ReLU, nn.Sigmoid, nn.SiLU, nn.Softplus, nn.Tanh,
    Jitter, PiecewiseLinear,
)  # fmt: skip


def batched_call(module: nn.Module, draws: Mapping[str, Tensor], x: Tensor, *, paired: bool = False) -> Tensor:
    """``module(x)`` with its parameters replaced by each of S draws.

    Layers that torch can run as one batched product are run so, in a third of the time that vmap takes on small networks;
    all others go through vmap.

    Args:
        draws: parameter name → ``[S, *shape]``; parameters without draws stay as they are.
        x: rows ``[T, ...]``, the same for all draws, or with ``paired`` each draw's own: ``[S, T, ...]``.

    Returns:
        ``[S, T, num_outputs]``; ``[T, num_outputs]`` when there are no draws.

    Raises:
        ValueError: for a network that keeps running statistics in training mode, which many members cannot share.
    """
    if not draws:
        return functional_call(module, {}, (x,))
    if type(module).forward is nn.Sequential.forward:
        for name, child in module.named_children():
            own = {key.removeprefix(f"{name}."): value for key, value in draws.items() if key.startswith(f"{name}.")}
            x = _layer(child, own, x, paired)
            paired = paired or bool(own)
        return x
    return _layer(module, draws, x, paired)


def _layer(module: nn.Module, draws: Mapping[str, Tensor], x: Tensor, paired: bool) -> Tensor:
    if isinstance(module, _ELEMENTWISE) or (not draws and isinstance(module, nn.Linear)):
        return module(x)
    if type(module) is nn.Linear and "weight" in draws and x.ndim == 2 + paired:
        weight = draws["weight"].transpose(1, 2)
        x = x if paired else x.expand(len(weight), *x.shape)
        if module.bias is None:
            return torch.bmm(x, weight)
        bias = draws.get("bias", module.bias)
        return torch.baddbmm(bias.unsqueeze(-2), x, weight)
    if type(module) is nn.LayerNorm and len(draws) == 2 and x.ndim == 2 + paired:
        normal = F.layer_norm(x, module.normalized_shape, eps=module.eps)
        return torch.addcmul(draws["bias"].unsqueeze(-2), normal, draws["weight"].unsqueeze(-2))
    if type(module).forward is nn.Sequential.forward and draws:
        return batched_call(module, draws, x, paired=paired)
    return _mapped(module, draws, x, paired)


def _mapped(module: nn.Module, draws: Mapping[str, Tensor], x: Tensor, paired: bool) -> Tensor:
    norms = [part for part in module.modules() if getattr(part, "track_running_stats", False) and part.training]
    if norms:
        raise ValueError(
            f"{type(norms[0]).__name__} keeps running statistics, which members trained together cannot share; "
            "use LayerNorm or GroupNorm"
        )
    if not draws and not paired:
        return module(x)

    def one(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
        return functional_call(module, dict(weights), (rows,))

    return vmap(one, in_dims=(0 if draws else None, 0 if paired else None), randomness="different")(draws, x)
