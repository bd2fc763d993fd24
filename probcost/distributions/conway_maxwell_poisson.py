"""The Conway–Maxwell–Poisson: counts less or more dispersed than the Poisson, with an exact normalising constant."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._cmp_cdf import cmp_cdf
from probcost.distributions._cmp_normalizer import as_columns, centre, normalizer, normalizer_hessian
from probcost.distributions._cmp_sampling import cmp_sample
from probcost.distributions._counts import CountDistribution, SampleShape
from probcost.distributions._cumulative import Ratio
from probcost.distributions._scored import scored_log_prob
from probcost.distributions._special import extremes, minus_log_factorial, stirling_error, widest

__all__ = ["ConwayMaxwellPoisson"]

# Terms up to here cancel in float32 with an error below 10⁻⁴ nats; larger ones are computed in float64.
_FLOAT32_TERMS = 500.0
# Elements whose variance is computed at once.
_AT_ONCE = 1 << 18
# From this count and location on, k η − log k! is measured from λ; below, the terms are small anyway.
_LOADER_COUNTS = 64


def _energy(count: Tensor, log_location: Tensor, direct: Tensor) -> Tensor:
    r"""k η − log k! − λ without its cancellation where k and λ are large and near each other; elsewhere ``direct``.

    There it is −k log(k/λ) + (k − λ) − ½ log 2πk − s(k), with log(k/λ) from log1p((k − λ)/λ) and Stirling's remainder s.

    Source: Loader, "Fast and accurate computation of binomial probabilities", 2000 (the saddle-point form of dpois).
    """
    location = log_location.exp()
    excess = (count - location) / location
    near = (count >= _LOADER_COUNTS) & (location > 2 * _LOADER_COUNTS) & (excess.abs() < 0.5)
    k = torch.where(near, count, float(_LOADER_COUNTS))
    excess = torch.where(near, excess, 0.0)
    loader = location * excess - k * torch.log1p(excess) - 0.5 * torch.log(2 * math.pi * k) - stirling_error(k)
    return torch.where(near, loader, direct)


class _ConwayMaxwellPoissonFamily:
    """log p = ν U − log Z with U = k η − log k!; the score is ν (k − E[k]) and U − E[U]."""

    def score(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        log_location, nu = params
        dtype, wide, bounds = log_location.dtype, widest(log_location.device), extremes(value)
        minus_log_factorials = minus_log_factorial(value, dtype, bounds)
        if dtype != wide and self._cancels(log_location, nu, minus_log_factorials, bounds[1]):
            widened = self.score(value, log_location.to(wide), nu.to(wide))
            return tuple(tensor.to(dtype) for tensor in widened)
        count = value.to(dtype)
        log_z, mean, energy = normalizer(log_location, nu)
        # In place, and in the memory layout of the sums: at this size that costs more than the arithmetic.
        observed = torch.empty_like(energy).copy_(minus_log_factorials.addcmul_(count, log_location))
        score_location = torch.empty_like(mean).copy_(count).sub_(mean)
        if bounds[1] >= _LOADER_COUNTS or extremes(log_location)[1] > math.log(_LOADER_COUNTS):
            middle = centre(log_location)
            score_location.sub_(middle)
            observed.sub_(middle)
            if dtype == wide:
                observed = _energy(count, log_location, observed)
        return log_z.neg_().addcmul_(nu, observed), score_location.mul_(nu), observed.sub_(energy)

    @staticmethod
    def _cancels(log_location: Tensor, nu: Tensor, minus_log_factorials: Tensor, largest_count: float) -> bool:
        """Whether some term of log p is too large for float32; columns are judged by their largest η and ν."""
        eta, power = as_columns(log_location, nu)
        if not eta.numel():
            return False
        top, most = eta.amax(1), power.amax(1)
        steepest = float(most.amax())
        # The quick bound spares the pass over all elements.
        suspect = steepest * math.lgamma(max(largest_count, 0.0) + 1) > _FLOAT32_TERMS
        if suspect and extremes(nu * minus_log_factorials)[0] < -_FLOAT32_TERMS:
            return True
        return float((most * top.exp() * top.clamp_min(1)).amax()) > _FLOAT32_TERMS

    def hessian(self, value: Tensor, *params: Tensor) -> tuple[Tensor, ...]:
        dtype, wide = params[0].dtype, widest(value.device)
        twice, mixed, twice_nu = normalizer_hessian(params[0].to(wide), params[1].to(wide))
        return (-twice).to(dtype), (value - mixed).to(dtype), (-twice_nu).to(dtype)


class ConwayMaxwellPoisson(CountDistribution):
    r"""Counts under-dispersed (ν > 1) or over-dispersed (ν < 1) around a location λ = e^η; exactly Poisson at ν = 1.

    .. math:: \log p(k) = \nu\,(k\,\eta - \log k!) - \log Z(\eta, \nu), \qquad
        Z(\eta, \nu) = \sum_{k=0}^{\infty} e^{\nu (k \eta - \log k!)}

    The mode is ⌊λ⌋; for λ not small the mean is near λ + 1/(2ν) − ½ and the variance near λ/ν.

    Args:
        log_location: η, any shape; λ is in counts per bin.
        nu: ν > 0, broadcast with ``log_location``; dimensionless.
        validate_args: check parameters and values at every use (default: no).

    Accuracy: Z is a sum whose rest is below 2·10⁻¹⁶ of it (10⁻⁶ in float32; proved in ``_cmp_sums``), or at large λ an
    expansion whose error is below 10⁻¹¹ (10⁻⁶ in float32). For ν 0.05 … 30, λ 10⁻⁸ … 10⁶ and counts to 10⁵, log p is
    right to relative 10⁻⁹ in float64, absolute 10⁻⁴ max(1, \|log p\|) in float32. First derivatives are moments of the
    same sums, second derivatives their covariances; a third raises ``NotImplementedError``.

    Source: Shmueli et al., "A useful distribution for fitting discrete data", 2005,
    https://doi.org/10.1111/j.1467-9876.2005.00474.x; in this parameterisation: Guikema & Goffelt, "A flexible count
    data regression model for risk analysis", 2008, https://doi.org/10.1111/j.1539-6924.2008.01014.x.

    Example:
        >>> ConwayMaxwellPoisson(torch.zeros(1), torch.tensor([2.0])).log_prob(torch.tensor([0]))
        tensor([-0.8240])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "log_location": constraints.real,
        "nu": constraints.positive,
    }
    family = _ConwayMaxwellPoissonFamily()
    log_location: Tensor
    nu: Tensor

    def __init__(self, log_location: Tensor | float, nu: Tensor | float, *, validate_args: bool | None = False) -> None:
        super().__init__(log_location, nu, validate_args=validate_args)

    @property
    def location(self) -> Tensor:
        """λ = e^η, near the mode and the mean."""
        return self.log_location.exp()

    @property
    def mean(self) -> Tensor:
        """E[k], by the sums that give the gradient: the score of a zero is −ν E[k]."""
        zero = torch.zeros_like(self.log_location)
        return -scored_log_prob(self.family, zero, *self._params)[1] / self.nu

    @property
    def variance(self) -> Tensor:
        """Var[k] = ∂²log Z/∂η² / ν²; not differentiable."""
        with torch.no_grad():
            if self.nu.numel() <= _AT_ONCE or self.nu.ndim < 2:
                return -self.family.hessian(torch.zeros_like(self.nu), *self._params)[0] / self.nu.square()
            # Six float64 sums an element: of many draws at once they would take a hundred times the result's memory.
            result = torch.empty_like(self.log_location)
            step = max(1, _AT_ONCE * len(result) // result.numel())
            for start in range(0, len(result), step):
                part = (self.log_location[start : start + step], self.nu[start : start + step])
                result[start : start + step] = (
                    -self.family.hessian(torch.zeros_like(part[1]), *part)[0] / part[1].square()
                )
            return result

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Exact draws ``[*sample_shape, *batch_shape]`` in the dtype of ``log_location``, in bounded memory."""
        with torch.no_grad():
            shape = self._extended_shape(torch.Size(sample_shape))
            wide = widest(self.log_location.device)
            eta, nu = (tensor.reshape(-1).to(wide) for tensor in self._params)
            draws = cmp_sample(eta, nu, torch.Size(sample_shape).numel())
            return draws.to(self.log_location.dtype).view(shape)

    def _cdf(self, count: Tensor, *params: Tensor) -> Tensor:
        with torch.no_grad():
            wide = widest(count.device)
            flat = [tensor.reshape(-1).to(wide) for tensor in (count, *params)]
            return cmp_cdf(*flat).to(params[0].dtype).view(count.shape)

    def _with_zero(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Z once for both, unless ν (k η − log k!), which they differ by, is large."""
        log_zero = self.log_prob(torch.zeros_like(value))
        dtype, bounds = self.log_location.dtype, extremes(value)
        steepest = extremes(self.nu)[1] * math.lgamma(bounds[1] + 1)
        if bounds[1] >= _LOADER_COUNTS or not max(steepest, -extremes(log_zero)[0]) <= _FLOAT32_TERMS:
            return self.log_prob(value), log_zero
        energy = torch.addcmul(minus_log_factorial(value, dtype, bounds), value.to(dtype), self.log_location)
        return torch.addcmul(log_zero, self.nu, energy), log_zero

    def _ratio(self, *params: Tensor) -> Ratio:
        """λ^ν k^−ν."""
        log_location, nu = params
        return (nu * log_location).exp(), lambda k, n: (-math.log(k) * nu[:, :n]).exp()
