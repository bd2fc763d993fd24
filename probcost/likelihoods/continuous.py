r"""Likelihoods of real numbers, each unit by itself: a mean, a scale that the network predicts or the data teach, and tails."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints

from probcost import distributions as dist
from probcost.likelihoods.base import Likelihood
from probcost.likelihoods.links import LINKS, positive, raw_of

__all__ = ["Continuous", "Laplace", "Normal", "StudentT"]

_FIRST_DF = 6.0  # between normal (30 and more) and very heavy (2): far enough from both for a gradient
_LARGEST_LOG_DF = math.log(1e6)


class Continuous(Likelihood):
    r"""What real-valued likelihoods share: raw outputs in units of the data, costs in the data's own.

    The buffers ``center`` and ``spread`` ``[N]`` hold the mean and standard deviation of the training observations once
    `fit` has called `adapt`: :math:`\mu = \text{center} + \text{spread} \cdot \text{raw}_\mu` and
    :math:`\sigma = \text{width} \cdot \text{link}(\text{raw}_\sigma)`. ``width`` starts as ``spread``;
    calibration may rescale it.
    """

    discrete = False
    support = constraints.real
    unit = "target"
    center: Tensor
    spread: Tensor
    width: Tensor

    def __init__(self, n_units: int, num_outputs: int) -> None:
        super().__init__(n_units, num_outputs)
        self.register_buffer("center", torch.zeros(n_units))
        self.register_buffer("spread", torch.ones(n_units))
        self.register_buffer("width", torch.ones(n_units))

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        """Take over the mean and standard deviation of the observations.

        A unit that never changes gets a thousandth of its own size (or of one, where it is zero) for a spread.
        """
        spread = _spread(mean, variance)
        self.center.copy_(mean)
        self.spread.copy_(spread)
        self.width.copy_(spread)

    def rescale(self, factor: float) -> None:
        """Multiply every scale by ``factor``."""
        self.width.mul_(factor)

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """Normal with each unit's mean and variance, whatever the likelihood."""
        return dist.Normal(mean, _spread(mean, variance))


def _spread(mean: Tensor, variance: Tensor) -> Tensor:
    spread = variance.sqrt()
    precision = torch.finfo(spread.dtype)
    constant = spread <= 8 * precision.eps * mean.abs() + precision.tiny
    return torch.where(constant, 1e-3 * torch.where(mean == 0, torch.ones_like(mean), mean.abs()), spread)


class _LocationScale(Continuous):
    """A location and a scale for each unit; the scale ``"predicted"``, ``"learned"``, or a number in the data's units."""

    # Standard deviation over scale: Laplace's b is not its standard deviation.
    _sd_over_scale: ClassVar[float] = 1.0

    def __init__(self, n_units: int, scale: str | float = "predicted", *, link: str = LINKS[0]) -> None:
        fixed = isinstance(scale, (int, float)) and not isinstance(scale, bool)
        if (fixed and not 0 < float(scale) < math.inf) or (not fixed and scale not in ("predicted", "learned")):
            raise ValueError(f"scale must be 'predicted', 'learned' or a positive number, got {scale!r}")
        if link not in LINKS:
            raise ValueError(f"unknown link {link!r}; choose one of {', '.join(map(repr, LINKS))}")
        if link == "natural" and (scale != "predicted" or type(self) is not Normal):
            raise ValueError("link='natural' is for Normal(scale='predicted'), whose natural parameters it names")
        super().__init__(n_units, n_units * (2 if scale == "predicted" else 1))
        self.scale = scale
        self.link = link
        if scale == "learned":
            self.raw_scale = nn.Parameter(torch.zeros(n_units))

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "scale": self.scale, "link": self.link}

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Zero means and the data's own spread; the parameters learned here start there too."""
        raw = mean.new_zeros(self.num_outputs)
        first = raw_of(mean.new_tensor(1 / self._sd_over_scale), self.link)
        raw[self.n_units : 2 * self.n_units] = first
        if self.scale == "learned":
            self.raw_scale.data.fill_(first)
        return raw

    def _location(self, raw: Tensor, scale: Tensor) -> Tensor:
        if raw.shape[-1] != self.num_outputs:
            raise ValueError(
                f"raw outputs have shape {list(raw.shape)}; {type(self).__name__} of {self.n_units} target(s) needs "
                f"[..., {self.num_outputs}]"
            )
        raw = raw[..., : self.n_units]
        if self.link == "natural":
            raw = raw * (scale / self.width).square()
        return torch.addcmul(self.center, self.spread, raw)

    def _scale(self, raw: Tensor) -> Tensor:
        if self.scale == "predicted":
            return self.width * positive(raw[..., self.n_units : 2 * self.n_units], self.link)
        if self.scale == "learned":
            return self.width * positive(self.raw_scale, self.link)
        return self.width.new_full((), float(self.scale))


class Normal(_LocationScale):
    r"""Normal errors: the network says where, and how sure it is.

    .. math:: -\log p(y) = \frac{1}{2} \left(\frac{y - \mu}{\sigma}\right)^2 + \log \sigma + \frac{1}{2} \log 2 \pi

    This is the *negative* log-likelihood: the tutorial behind this package prints the same terms without their minus sign.

    Args:
        n_units: d, targets per row.
        scale: ``"predicted"`` by the network for each row, ``"learned"`` (one for each unit), or a number in y's units: then
            the cost is the squared error, scaled and shifted.
        link: the way to a positive σ, one of ``likelihoods.links.LINKS``.

    Shapes: raw ``[..., T, 2d]``, means then scales, in units of the data; ``[..., T, d]`` unless the scale is predicted.

    Raises:
        ValueError: for another scale or link.

    Source: Nix & Weigend, "Estimating the mean and variance of the target probability distribution", 1994,
    https://doi.org/10.1109/ICNN.1994.374138; the natural parameters: Immer et al., "Effective Bayesian heteroscedastic
    regression with deep neural networks", 2023, https://arxiv.org/abs/2310.20568.

    Example:
        >>> Normal(2)(torch.zeros(3, 4)).variance.shape
        torch.Size([3, 2])
    """

    equation = r"\frac{1}{2} ((y - \mu) / \sigma)^2 + \log \sigma + \frac{1}{2} \log(2 \pi)"
    symbols: ClassVar[dict[str, str]] = {r"\mu": "loc", r"\sigma": "scale"}

    def forward(self, raw: Tensor) -> TorchDistribution:
        scale = self._scale(raw)
        return dist.Normal(self._location(raw, scale), scale)

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        if self.scale != "predicted":
            return None
        return dist.Normal(self._location(raw, self.width), self.width)


class Laplace(_LocationScale):
    r"""Laplace errors: the cost is the absolute error, and μ is the median.

    .. math:: -\log p(y) = \frac{|y - \mu|}{b} + \log 2 b

    Args: as `Normal`; ``scale`` is the mean absolute deviation b.

    Shapes: as `Normal`.

    Raises:
        ValueError: as `Normal`.

    Source: Bassett & Koenker, "Asymptotic theory of least absolute error regression", 1978,
    https://doi.org/10.1080/01621459.1978.10480065.

    Example:
        >>> Laplace(1, scale=2.0)(torch.zeros(3, 1)).variance.flatten()
        tensor([8., 8., 8.])
    """

    equation = r"|y - \mu| / b + \log(2 b)"
    symbols: ClassVar[dict[str, str]] = {r"\mu": "loc", "b": "scale"}
    _sd_over_scale = math.sqrt(2)

    def forward(self, raw: Tensor) -> TorchDistribution:
        scale = self._scale(raw)
        return dist.Laplace(self._location(raw, scale), scale)

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        if self.scale != "predicted":
            return None
        return dist.Laplace(self._location(raw, self.width), self.width)


class StudentT(_LocationScale):
    r"""Student-t errors: normal but for tails that are as heavy as the data ask for, so that no outlier wrecks the fit.

    .. math:: -\log p(y) = \frac{\nu + 1}{2} \log\left(1 + \frac{1}{\nu} \left(\frac{y - \mu}{\sigma}\right)^2\right)
        + \log \sigma + \log\Gamma\left(\frac{\nu}{2}\right) - \log\Gamma\left(\frac{\nu + 1}{2}\right)
        + \frac{1}{2} \log \nu \pi

    Args:
        n_units, scale, link: as `Normal`.
        df: degrees of freedom ν, ``"learned"`` (one for each unit, in (1, 10⁶]), ``"predicted"`` likewise, or a number.

    Shapes: raw ``[..., T, 2d]``, or ``3d`` with predicted ν; ``d`` fewer unless the scale is predicted.

    Raises:
        ValueError: for another scale, link or df.

    Source: Lange, Little & Taylor, "Robust statistical modeling using the t distribution", 1989,
    https://doi.org/10.1080/01621459.1989.10478852.

    Example:
        >>> StudentT(2, df="predicted").num_outputs
        6
    """

    equation = (
        r"\frac{\nu + 1}{2} \log(1 + ((y - \mu) / \sigma)^2 / \nu) + \log \sigma"
        r" + \log \Gamma(\nu / 2) - \log \Gamma((\nu + 1) / 2) + \frac{1}{2} \log(\nu \pi)"
    )
    symbols: ClassVar[dict[str, str]] = {r"\mu": "loc", r"\sigma": "scale", r"\nu": "df"}

    def __init__(
        self,
        n_units: int,
        scale: str | float = "predicted",
        df: str | float = "learned",
        *,
        link: str = LINKS[0],
    ) -> None:
        super().__init__(n_units, scale, link=link)
        self.df = DegreesOfFreedom(n_units, df)
        self.num_outputs += self.df.num_outputs

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "df": self.df.mode}

    def forward(self, raw: Tensor) -> TorchDistribution:
        scale = self._scale(raw)
        return dist.StudentT(self.df(raw), self._location(raw, scale), scale)

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        if self.scale != "predicted":
            return None
        return dist.Normal(self._location(raw, self.width), self.width)


class DegreesOfFreedom(nn.Module):
    """ν of Student's t: learned, predicted from the last raw outputs, or a number.

    Raises:
        ValueError: for anything else, or a number below 1.
    """

    def __init__(self, size: int, mode: str | float) -> None:
        super().__init__()
        fixed = isinstance(mode, (int, float)) and not isinstance(mode, bool)
        if (fixed and not 1 <= float(mode) < math.inf) or (not fixed and mode not in ("learned", "predicted")):
            raise ValueError(f"df must be 'learned', 'predicted' or a number of at least 1, got {mode!r}")
        self.mode = mode
        self.num_outputs = size if mode == "predicted" else 0
        if mode == "learned":
            self.raw = nn.Parameter(torch.zeros(size))

    def forward(self, raw: Tensor) -> Tensor:
        own: Tensor
        if self.mode == "learned":
            own = self.raw
        elif self.mode == "predicted":
            own = raw[..., -self.num_outputs :]
        else:
            return raw.new_full((), float(self.mode))
        return 1 + (own + math.log(_FIRST_DF - 1)).clamp(-_LARGEST_LOG_DF, _LARGEST_LOG_DF).exp()
