"""What the distributions of one real number share: a location, a scale, and shapes that are broadcast and never copied."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

__all__ = ["HALF_LOG_2PI", "LocationScale", "full", "numpy_function"]

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class LocationScale(TorchDistribution):
    """Independent real numbers ``loc + scale · z``; a subclass knows z.

    Parameters are kept as they are given and broadcast where they meet: a scale shared by all rows is one number in memory
    and in every step. Validation is off unless ``validate_args=True``: data are better checked once than at every step.

    Shapes: ``loc``, ``scale`` and further parameters broadcast to the batch shape.
    """

    support = constraints.real
    has_rsample = True
    arg_constraints: ClassVar[dict[str, constraints.Constraint]]

    def __init__(self, *params: Tensor | float, validate_args: bool | None = False) -> None:
        like = next((p for p in params if isinstance(p, Tensor)), torch.zeros(()))
        shape = torch.Size()
        for name, param in zip(self.arg_constraints, params, strict=True):
            tensor = param if isinstance(param, Tensor) else like.new_tensor(param)
            setattr(self, name, tensor)
            if tensor.shape != shape:
                shape = torch.broadcast_shapes(shape, tensor.shape)
        super().__init__(batch_shape=shape, validate_args=validate_args)

    loc: Tensor
    scale: Tensor

    def expand(self, batch_shape: Any, _instance: Any = None) -> LocationScale:
        new = self._get_checked_instance(type(self), _instance)
        for name in self.arg_constraints:
            setattr(new, name, getattr(self, name))
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), nats."""
        if self._validate_args:
            self._validate_sample(value)
        return self._full(self._log_prob((value - self.loc) / self.scale) - self.scale.log())

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return self.loc + self.scale * self._standard(self._extended_shape(torch.Size(sample_shape)))

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y ≤ value)."""
        return self._full(self._cdf((value - self.loc) / self.scale))

    def crps(self, value: Tensor) -> Tensor:
        """Continuous ranked probability score E|Y − value| − ½ E|Y − Y'|, in closed form, in the units of value."""
        return self._full(self.scale * self._crps((value - self.loc) / self.scale))

    def entropy(self) -> Tensor:
        """Differential entropy, nats."""
        return (self.scale.log() + self._entropy()).expand(self._batch_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc.expand(self._batch_shape)

    @property
    def variance(self) -> Tensor:
        return (self.scale.square() * self._variance()).expand(self._batch_shape)

    def _full(self, result: Tensor) -> Tensor:
        return full(result, self._batch_shape)

    def _log_prob(self, z: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define _log_prob(z)")

    def _standard(self, shape: torch.Size) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define _standard(shape)")

    def _cdf(self, z: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define _cdf(z)")

    def _crps(self, z: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define _crps(z)")

    def _entropy(self) -> Tensor | float:
        raise TypeError(f"{type(self).__name__} must define _entropy()")

    def _variance(self) -> Tensor | float:
        return 1.0

    def __repr__(self) -> str:
        def shown(tensor: Tensor) -> str:
            return f"{tensor.item():.6g}" if tensor.numel() == 1 and not tensor.dim() else str(tuple(tensor.shape))

        return f"{type(self).__name__}({', '.join(f'{n}: {shown(getattr(self, n))}' for n in self.arg_constraints)})"


def full(result: Tensor, shape: torch.Size) -> Tensor:
    """``result`` with the leading dimensions of ``shape`` that parameters kept small did not bring with them."""
    return result if result.ndim >= len(shape) else result.expand(shape)


def numpy_function(function: Any, *tensors: Tensor) -> Tensor:
    """A numpy ufunc in float64 on tensors that broadcast; no gradient passes through it."""
    like = tensors[0]
    arrays = [tensor.detach().cpu().double().numpy() for tensor in tensors]
    return torch.as_tensor(function(*arrays)).to(dtype=like.dtype, device=like.device)
