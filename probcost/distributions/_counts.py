"""What the count distributions share: broadcast parameters, validation, expand, one log_prob."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._cumulative import Averaged, Masses, Ratio, averaged
from probcost.distributions._scored import Family, scored_log_prob

__all__ = ["CountDistribution", "SampleShape"]

SampleShape = torch.Size | list[int] | tuple[int, ...]


class CountDistribution(TorchDistribution):
    """Independent counts with one tensor per parameter, named in ``arg_constraints`` in the order of the constructor.

    A subclass names its parameters, gives its ``family`` (log p, score, Hessian), and adds moments, cdf and sampling.

    Validation is off unless ``validate_args=True``: it would cost as much as the density in every training step, and
    data are better checked once. ``None`` follows the default of ``torch.distributions``. Unchecked values are taken
    to be counts.

    Raises:
        ValueError: with ``validate_args=True``, for parameters outside their constraints or values that are not
            whole numbers ≥ 0.
    """

    support = constraints.nonnegative_integer
    arg_constraints: ClassVar[dict[str, constraints.Constraint]]
    family: ClassVar[Family]

    def __init__(self, *params: Tensor | float, validate_args: bool | None = False) -> None:
        tensors = [p if isinstance(p, Tensor) else torch.as_tensor(p, dtype=self._dtype(params)) for p in params]
        for name, tensor in zip(self.arg_constraints, torch.broadcast_tensors(*tensors), strict=True):
            setattr(self, name, tensor)
        super().__init__(batch_shape=getattr(self, name).shape, validate_args=validate_args)

    @staticmethod
    def _dtype(params: tuple[Tensor | float, ...]) -> torch.dtype:
        dtypes = [p.dtype for p in params if isinstance(p, Tensor) and p.is_floating_point()]
        return dtypes[0] if dtypes else torch.get_default_dtype()

    @property
    def _params(self) -> list[Tensor]:
        return [getattr(self, name) for name in self.arg_constraints]

    def expand(self, batch_shape: Any, _instance: Any = None) -> CountDistribution:
        new = self._get_checked_instance(type(self), _instance)
        for name in self.arg_constraints:
            setattr(new, name, getattr(self, name).expand(batch_shape))
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats, −log k! included; value ``[*, *batch_shape]``, integer or float."""
        if self._validate_args:
            self._validate_sample(value)
        return scored_log_prob(self.family, value, *self._params)[0]

    def cdf(self, value: Tensor) -> Tensor:
        """P(K ≤ value): 0 below zero; between whole numbers the value at the one below."""
        if self._validate_args and bool(torch.isnan(value).any()):
            raise ValueError("cdf: value contains NaN")
        tensors = torch.broadcast_tensors(value, *self._params)
        count, params = tensors[0].floor(), tensors[1:]
        below = self._cdf(count.clamp_min(0), *params)
        return torch.where(count < 0, torch.zeros_like(below), below)

    def averaged(self, value: Tensor) -> Averaged:
        """log p(value) of every draw, with P(K = value), P(K ≤ value) and P(K = 0) averaged over draws; no gradient.

        Args:
            value: whole numbers ≥ 0, of the trailing dimensions of the batch shape; the leading ones are draws.
        """
        with torch.no_grad():
            return averaged(value, self._masses(value))

    def _masses(self, value: Tensor) -> Masses:
        log_prob, log_zero = self._with_zero(value)
        zero = log_zero.exp()
        return Masses(log_prob, zero, zero, self._params, self._ratio, self._cdf)

    def _with_zero(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """log p(value) and log p(0)."""
        raise TypeError(f"{type(self).__name__} must define _with_zero(value)")

    def _ratio(self, *params: Tensor) -> Ratio:
        """q and c of the masses' recursion, p(k) = p(k − 1) q c(k)."""
        raise TypeError(f"{type(self).__name__} must define _ratio(*params)")

    def _cdf(self, count: Tensor, *params: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define _cdf(count, *params)")

    def __repr__(self) -> str:
        def shown(tensor: Tensor) -> str:
            return f"{tensor.item():.6g}" if tensor.numel() == 1 and not tensor.dim() else str(tuple(tensor.shape))

        return f"{type(self).__name__}({', '.join(f'{n}: {shown(getattr(self, n))}' for n in self.arg_constraints)})"
