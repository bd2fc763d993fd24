"""Student's t: normal in the middle, with tails as heavy as the data ask for."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._reals import HALF_LOG_2PI, LocationScale, numpy_function
from probcost.distributions._student import log_normalizer, log_tail

__all__ = ["StudentT"]


class StudentT(LocationScale):
    r"""Student's t with ν degrees of freedom, location μ and scale σ; the normal distribution as ν → ∞.

    .. math:: -\log p(y) = \frac{\nu + 1}{2} \log\left(1 + \frac{1}{\nu} \left(\frac{y - \mu}{\sigma}\right)^2\right)
        + \log \sigma + \log\Gamma\left(\tfrac{\nu}{2}\right) - \log\Gamma\left(\tfrac{\nu + 1}{2}\right)
        + \tfrac12 \log \nu\pi

    Accurate in float32 for ν from 1 to 10⁶ and beyond. The mean exists for ν > 1, the variance for ν > 2 (infinite for
    1 < ν ≤ 2); elsewhere they are NaN.

    Source: Lange, Little & Taylor, "Robust statistical modeling using the t distribution", 1989,
    https://doi.org/10.1080/01621459.1989.10478852; its CRPS: Jordan, Krüger & Lerch, "Evaluating probabilistic forecasts
    with scoringRules", 2019, https://doi.org/10.18637/jss.v090.i12.

    Example:
        >>> StudentT(5.0, torch.zeros(2), 1.0).log_prob(torch.tensor([0.0, 1.0]))
        tensor([-0.9686, -1.5156])
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    df: Tensor

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float,
        scale: Tensor | float,
        *,
        validate_args: bool | None = False,
    ) -> None:
        super().__init__(df, loc, scale, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.df > 1, self.loc, torch.nan).expand(self._batch_shape)

    def _log_prob(self, z: Tensor) -> Tensor:
        return log_normalizer(self.df, 1) - HALF_LOG_2PI - log_tail(z * z, self.df, 1)

    def _standard(self, shape: torch.Size) -> Tensor:
        half = (0.5 * self.df).expand(shape)
        normal = torch.randn(shape, dtype=half.dtype, device=half.device)
        return normal * (half / torch._standard_gamma(half)).sqrt()

    def _cdf(self, z: Tensor) -> Tensor:
        from scipy import special

        return numpy_function(special.stdtr, self.df, z).to(z.dtype)

    def _crps(self, z: Tensor) -> Tensor:
        from scipy import special

        def standard(df: Any, t: Any) -> Any:
            beta = special.beta(0.5, df - 0.5) / special.beta(0.5 * df, 0.5) ** 2
            density = (1 + t * t / df) ** (-0.5 * (df + 1)) / (df**0.5 * special.beta(0.5 * df, 0.5))
            spread = 2 * df**0.5 / (df - 1) * beta
            return t * (2 * special.stdtr(df, t) - 1) + 2 * density * (df + t * t) / (df - 1) - spread

        exists = self.df > 1
        crps = numpy_function(standard, torch.where(exists, self.df, 2.0), z).to(z.dtype)
        return torch.where(exists, crps, torch.inf)

    def _entropy(self) -> Tensor:
        half, step = 0.5 * self.df.double(), 0.5 * (self.df.double() + 1)
        tail = step * (torch.digamma(step) - torch.digamma(half))
        return (tail + HALF_LOG_2PI - log_normalizer(self.df.double(), 1)).to(self.df.dtype)

    def _variance(self) -> Tensor:
        finite = torch.where(self.df > 2, self.df / (self.df - 2), torch.inf)
        return torch.where(self.df > 1, finite, torch.nan)
