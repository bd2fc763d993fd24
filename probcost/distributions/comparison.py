"""Comparisons: which of two is nearer, and which of many is nearest, as distributions."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.distributions import constraints

__all__ = ["Choice", "Comparison", "ExponentialComparison", "LogisticComparison", "NormalComparison"]

_LOG_2 = math.log(2)


class Comparison(TorchDistribution):
    r"""Y = 1 ("nearer") iff a random slack s exceeds the gap Δ + α; a subclass knows the slack of temperature 1.

    .. math:: P(Y = 1) = P(s > (\Delta + \alpha) / T)

    Parameters are kept as they are given and broadcast where they meet. Validation is off unless ``validate_args=True``.

    Args:
        difference: Δ, such as d(a, p) − d(a, n): any real number.
        margin: α, by how much p must be nearer.
        temperature: T > 0, the scale of the slack, in the units of Δ.

    Shapes: the three broadcast to the batch shape; values are 0 and 1.

    Raises:
        ValueError: from ``log_prob``, for values whose shape would stretch the batch shape; with ``validate_args=True``,
            for values other than 0 and 1 and parameters outside their range.
    """

    support = constraints.boolean
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "difference": constraints.real,
        "margin": constraints.real,
        "temperature": constraints.positive,
    }
    equation: ClassVar[str]

    difference: Tensor
    margin: Tensor
    temperature: Tensor

    def __init__(
        self,
        difference: Tensor,
        margin: Tensor | float = 0.0,
        temperature: Tensor | float = 1.0,
        *,
        validate_args: bool | None = False,
    ) -> None:
        shape = torch.Size()
        for name, param in zip(self.arg_constraints, (difference, margin, temperature), strict=True):
            tensor = param if isinstance(param, Tensor) else difference.new_tensor(param)
            setattr(self, name, tensor)
            shape = torch.broadcast_shapes(shape, tensor.shape)
        super().__init__(batch_shape=shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Comparison:
        new = self._get_checked_instance(type(self), _instance)
        for name in self.arg_constraints:
            setattr(new, name, getattr(self, name))
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def gap(self) -> Tensor:
        """(Δ + α)/T: what the slack must exceed, in its own scale."""
        return (self.difference + self.margin) / self.temperature

    @property
    def log_closer(self) -> Tensor:
        """log P(Y = 1), nats."""
        return self._log_above(self.gap).expand(self._batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(Y = value), nats."""
        if self._validate_args:
            self._validate_sample(value)
        _refuse_stretching(value, self._batch_shape)
        gap = self.gap
        log_p = torch.where(value > 0.5, self._log_above(gap), self._log_below(gap))
        return log_p.expand(torch.broadcast_shapes(log_p.shape, self._batch_shape))

    @property
    def mean(self) -> Tensor:
        return self.log_closer.exp()

    @property
    def variance(self) -> Tensor:
        gap = self.gap
        return (self._log_above(gap) + self._log_below(gap)).exp().expand(self._batch_shape)

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y ≤ value)."""
        zero = self._log_below(self.gap).exp().expand(self._batch_shape)
        return torch.where(value < 0, torch.zeros_like(zero), torch.where(value < 1, zero, torch.ones_like(zero)))

    def sample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        with torch.no_grad():
            return torch.bernoulli(self.mean.expand(self._extended_shape(torch.Size(sample_shape))))

    @classmethod
    @abstractmethod
    def gap_at(cls, probability: Tensor) -> Tensor:
        """The gap at which P(Y = 1) is ``probability``."""

    @staticmethod
    @abstractmethod
    def _log_above(gap: Tensor) -> Tensor:
        """log P(s > gap) for the slack of temperature 1."""

    @staticmethod
    @abstractmethod
    def _log_below(gap: Tensor) -> Tensor:
        """log P(s ≤ gap)."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self.batch_shape)})"


class ExponentialComparison(Comparison):
    r"""Exponential slack: −log P(Y = 1) is the hinge.

    .. math:: P(Y = 1) = e^{-\max(0, (\Delta + \alpha)/T)}

    Where Δ + α ≤ 0, Y = 0 is impossible: its log-probability is −∞, with gradient zero.

    Example:
        >>> -ExponentialComparison(torch.tensor([-1.0, 0.0, 1.0]), margin=0.2).log_prob(torch.ones(3))
        tensor([0.0000, 0.2000, 1.2000])
    """

    equation = r"-\log |1 - y - e^{-\max(0, (\Delta + \alpha) / T)}|"

    @classmethod
    def gap_at(cls, probability: Tensor) -> Tensor:
        return -probability.log()

    @staticmethod
    def _log_above(gap: Tensor) -> Tensor:
        return -gap.clamp_min(0)

    @staticmethod
    def _log_below(gap: Tensor) -> Tensor:
        # log(1 − e^−g) by whichever of its two forms keeps the digits; each branch is given only gaps it can take.
        small, large = gap.clamp(torch.finfo(gap.dtype).tiny, _LOG_2), gap.clamp_min(_LOG_2)
        log_p = torch.where(gap < _LOG_2, (-torch.expm1(-small)).log(), torch.log1p(-torch.exp(-large)))
        return torch.where(gap > 0, log_p, -torch.inf)


class LogisticComparison(Comparison):
    r"""Logistic slack: the soft triplet, and the Bradley–Terry model of what is compared.

    .. math:: P(Y = 1) = \frac{1}{1 + e^{(\Delta + \alpha)/T}}

    Example:
        >>> LogisticComparison(torch.tensor([0.0, 1e6])).log_prob(torch.ones(2))
        tensor([-6.9315e-01, -1.0000e+06])
    """

    equation = r"\log(1 + e^{(2 y - 1) (\Delta + \alpha) / T})"

    @classmethod
    def gap_at(cls, probability: Tensor) -> Tensor:
        return -torch.logit(probability)

    @staticmethod
    def _log_above(gap: Tensor) -> Tensor:
        return F.logsigmoid(-gap)

    @staticmethod
    def _log_below(gap: Tensor) -> Tensor:
        return F.logsigmoid(gap)


class NormalComparison(Comparison):
    r"""Normal slack of standard deviation T: probit.

    .. math:: P(Y = 1) = \Phi(-(\Delta + \alpha)/T)

    Example:
        >>> NormalComparison(torch.tensor([0.0, 40.0])).log_prob(torch.ones(2))
        tensor([-6.9315e-01, -8.0461e+02])
    """

    equation = r"-\log \Phi((1 - 2 y) (\Delta + \alpha) / T)"

    @classmethod
    def gap_at(cls, probability: Tensor) -> Tensor:
        return -torch.special.ndtri(probability)

    @staticmethod
    def _log_above(gap: Tensor) -> Tensor:
        return _LogNormalCdf.apply(-gap)

    @staticmethod
    def _log_below(gap: Tensor) -> Tensor:
        return _LogNormalCdf.apply(gap)


class _LogNormalCdf(Function):
    """log Φ with the derivative φ/Φ that torch's own loses beyond a few standard deviations."""

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return torch.special.log_ndtr(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * _InverseMills.apply(*ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int], z: Tensor) -> tuple[Tensor, int]:
        return _LogNormalCdf.apply(z), in_dims[0]


class _InverseMills(Function):
    """φ/Φ, by the scaled complementary error function."""

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return math.sqrt(2 / math.pi) / torch.special.erfcx(-math.sqrt(0.5) * z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        z, ratio = ctx.saved_tensors
        # Far below zero φ/Φ + z is −1/z, of which the sum leaves no digits.
        return grad * torch.where(z < -1e3, -1.0, -ratio * (z + ratio))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int], z: Tensor) -> tuple[Tensor, int]:
        return _InverseMills.apply(z), in_dims[0]


class Choice(TorchDistribution):
    r"""Which of K candidates is chosen: the nearer, the likelier.

    .. math:: P(Y = k) = \frac{e^{-d_k^2 / T}}{\sum_j e^{-d_j^2 / T}}

    Shapes: ``squared_distance`` ``[..., K]``; batch shape ``[...]``, values 0 … K − 1.

    Raises:
        ValueError: from ``log_prob``, for a value that is no index of a candidate, or of a shape that would stretch the batch.

    Example:
        >>> Choice(torch.tensor([[0.0, 1.0, 1.0]])).log_prob(torch.tensor([0.0])).exp()
        tensor([0.5761])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(
        self, squared_distance: Tensor, temperature: float = 1.0, *, validate_args: bool | None = False
    ) -> None:
        self.squared_distance = squared_distance
        self.temperature = temperature
        super().__init__(batch_shape=squared_distance.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.squared_distance.shape[-1] - 1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Choice:
        new = self._get_checked_instance(type(self), _instance)
        new.squared_distance, new.temperature = self.squared_distance, self.temperature
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        return new

    @property
    def log_probs(self) -> Tensor:
        """log P(Y = k) for every k, ``[..., K]``."""
        log_p = torch.log_softmax(-self.squared_distance / self.temperature, -1)
        return log_p.expand(*self._batch_shape, log_p.shape[-1])

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(Y = value), nats."""
        _refuse_stretching(value, self._batch_shape)
        log_p = self.log_probs
        bad = (value < 0) | (value >= log_p.shape[-1]) | (value != value.floor())
        if bool(bad.any()):
            raise ValueError(
                f"{value[bad][0].item():g} is the index of no candidate; with {log_p.shape[-1]} candidates "
                f"it is a whole number from 0 to {log_p.shape[-1] - 1}"
            )
        shape = torch.broadcast_shapes(value.shape, self._batch_shape)
        log_p = log_p.expand(*shape, log_p.shape[-1])
        return log_p.gather(-1, value.long().expand(shape).unsqueeze(-1)).squeeze(-1)

    def sample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            p = self.log_probs.exp().expand(*shape, -1)
            return torch.multinomial(p.reshape(-1, p.shape[-1]), 1).view(shape).to(p.dtype)

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y ≤ value)."""
        p = self.log_probs.exp()
        k = torch.arange(p.shape[-1], device=p.device, dtype=p.dtype)
        return torch.where(k <= value.unsqueeze(-1), p, torch.zeros_like(p)).sum(-1)

    @property
    def mean(self) -> Tensor:
        p = self.log_probs.exp()
        return (p * torch.arange(p.shape[-1], device=p.device)).sum(-1)

    @property
    def variance(self) -> Tensor:
        p = self.log_probs.exp()
        k = torch.arange(p.shape[-1], device=p.device)
        return (p * (k - self.mean.unsqueeze(-1)).square()).sum(-1)

    def __repr__(self) -> str:
        return f"Choice({tuple(self.batch_shape)} of {self.squared_distance.shape[-1]})"


def _refuse_stretching(value: Tensor, batch_shape: torch.Size) -> None:
    """Values ``[T]`` against comparisons ``[T, 1]``, or the reverse, would silently make T × T of them."""
    common = min(value.ndim, len(batch_shape))
    if not common:
        return
    shape, stretched = torch.broadcast_shapes(value.shape, batch_shape), value.shape[-1] < batch_shape[-1]
    if shape[len(shape) - len(batch_shape) :] != batch_shape or stretched:
        raise ValueError(f"values of shape {list(value.shape)} do not fit comparisons of shape {list(batch_shape)}")
