r"""Likelihoods of counts: Poisson, and what replaces it when the counts are not Poisson.

Variance given the rate, relative to the mean: Poisson 1; negative binomial ≥ 1; Conway–Maxwell–Poisson either side of 1;
the zero-inflated ones add zeros that the rate does not explain.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost import distributions as dist
from probcost.likelihoods.base import Likelihood, UnitParameter

__all__ = [
    "ConwayMaxwellPoisson",
    "NegativeBinomial",
    "Poisson",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
]

# ν = 20^tanh(v / log 20): exactly 1 (Poisson) at v = 0, and for no v outside [0.05, 20], where log Z is accurate.
_LOG_NU_BOUND = math.log(20.0)
# A silent unit still needs a finite log-rate: half a count in the whole recording would do, one in 10⁴ bins is near it.
_SMALLEST_MEAN = 1e-4


class Counts(Likelihood):
    """What the count likelihoods share: the log of the location comes first among the raw outputs, ``N`` wide."""

    site = "counts"
    discrete = True
    support = constraints.nonnegative_integer

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        raw = mean.new_zeros(self.num_outputs)
        raw[: self.n_units] = mean.clamp_min(_SMALLEST_MEAN).log()
        return raw

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """Poisson at each unit's mean, whatever the likelihood: the reference that pseudo-R² and bits per spike use."""
        return dist.Poisson(mean.clamp_min(_SMALLEST_MEAN).log())


class Poisson(Counts):
    r"""Independent Poisson counts with the network's outputs as log-rates.

    .. math:: -\log p(k) = \lambda - k \log \lambda + \log k!, \qquad \lambda = e^{\text{raw}}

    Shapes: raw ``[..., T, N]``, counts ``[T, N]``; rates in counts per bin.

    Example:
        >>> likelihood = Poisson(3)
        >>> likelihood(torch.zeros(2, 3)).mean
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
    """

    equation = r"\lambda - k \log \lambda + \log k!"
    symbols: ClassVar[dict[str, str]] = {r"\lambda": "mean"}

    def __init__(self, n_units: int) -> None:
        super().__init__(n_units, num_outputs=n_units)

    def forward(self, raw: Tensor) -> TorchDistribution:
        return dist.Poisson(raw)


class _Dispersed(Counts):
    """A count likelihood with one dispersion parameter, learned per unit, shared, or predicted."""

    initial_dispersion: ClassVar[float]

    def __init__(self, n_units: int, dispersion: str = "per_unit") -> None:
        parameter = UnitParameter(n_units, dispersion, self.initial_dispersion, name="dispersion")
        super().__init__(n_units, num_outputs=n_units + parameter.num_outputs)
        self.dispersion = parameter

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "dispersion": self.dispersion.mode}


class NegativeBinomial(_Dispersed):
    r"""Over-dispersed counts: mean μ, variance μ + α μ², α ≥ 0; Poisson as α → 0.

    .. math:: -\log p(k) = \log k! + \log\Gamma(1/\alpha) - \log\Gamma(k + 1/\alpha)
        + (k + 1/\alpha) \log(1 + \alpha\mu) - k \log(\alpha\mu)

    Shapes: raw ``[..., T, N]``, the log-means; with ``dispersion="predicted"`` ``[..., T, 2N]``, the rest 2 + softplus⁻¹(α).

    Source: Cameron & Trivedi, *Regression Analysis of Count Data*, 2nd ed. 2013 ("NB2"),
    https://doi.org/10.1017/CBO9781139013567.

    Example:
        >>> likelihood = NegativeBinomial(1, dispersion="predicted")
        >>> believed = likelihood(torch.tensor([[2.0, -100.0], [2.0, 0.0], [2.0, 2.0]]))  # α = 0 (Poisson), 0.13 and 0.69
        >>> believed.variance / believed.mean
        tensor([[1.0000],
                [1.9379],
                [6.1217]])
    """

    equation = (
        r"\log k! + \log \Gamma(1/\alpha) - \log \Gamma(k + 1/\alpha)"
        r" + (k + 1/\alpha) \log(1 + \alpha \mu) - k \log(\alpha \mu)"
    )
    symbols: ClassVar[dict[str, str]] = {r"\mu": "mean", r"\alpha": "dispersion"}
    initial_dispersion = -2.0  # α ≈ 0.13: near enough to Poisson to start as one, far enough for a gradient

    def forward(self, raw: Tensor) -> TorchDistribution:
        log_mean, own = raw[..., : self.n_units], raw[..., self.n_units :]
        return dist.NegativeBinomial(log_mean, F.softplus(self.dispersion(own)))


class ConwayMaxwellPoisson(_Dispersed):
    r"""Counts under-dispersed (ν > 1) or over-dispersed (ν < 1) given their rate; Poisson exactly at ν = 1.

    .. math:: -\log p(k) = \nu (\log k! - k \log \mu) + \log \sum_{j=0}^{\infty} (\mu^j / j!)^\nu

    μ is a location near the mode and the mean (mean ≈ μ + 1/(2ν) − ½), not the mean itself; ν stays within [0.05, 20].

    Shapes: raw ``[..., T, N]``, log μ; with ``dispersion="predicted"`` ``[..., T, 2N]``, the rest log ν (softly bounded).

    Source: Shmueli et al., "A useful distribution for fitting discrete data", 2005,
    https://doi.org/10.1111/j.1467-9876.2005.00474.x; this form: Guikema & Goffelt, "A flexible count data regression
    model for risk analysis", 2008, https://doi.org/10.1111/j.1539-6924.2008.01014.x.

    Example:
        >>> likelihood = ConwayMaxwellPoisson(1, dispersion="predicted")
        >>> believed = likelihood(torch.tensor([[2.0, 0.0], [2.0, 1.0]]))  # log μ = 2, log ν = 0 (Poisson) and 1
        >>> believed.variance / believed.mean
        tensor([[1.0000],
                [0.3984]])
    """

    equation = r"\nu (\log k! - k \log \mu) + \log \sum_{j=0}^{\infty} (\mu^j / j!)^\nu"
    symbols: ClassVar[dict[str, str]] = {r"\mu": "location", r"\nu": "nu"}
    initial_dispersion = 0.0

    def forward(self, raw: Tensor) -> TorchDistribution:
        log_location, own = raw[..., : self.n_units], raw[..., self.n_units :]
        log_nu = _LOG_NU_BOUND * torch.tanh(self.dispersion(own) / _LOG_NU_BOUND)
        return dist.ConwayMaxwellPoisson(log_location, log_nu.exp())


class ZeroInflatedPoisson(Counts):
    r"""Poisson counts, of which a share π is lost: always zero, whatever the rate.

    .. math:: -\log p(k) = -\log\left(\pi\,[k = 0] + (1-\pi)\, \lambda^k e^{-\lambda} / k!\right)

    Shapes: raw ``[..., T, N]``, log λ; with ``gate="predicted"`` ``[..., T, 2N]``, the rest 3 + logit π.

    Source: Lambert, "Zero-inflated Poisson regression", 1992, https://doi.org/10.2307/1269547.

    Example:
        >>> likelihood = ZeroInflatedPoisson(1, gate="predicted")
        >>> believed = likelihood(torch.tensor([[2.0, 3.0]]))  # log λ = 2, logit π = 0
        >>> believed.log_prob(torch.zeros(1, 1)).exp()  # ½ + ½ e^−λ
        tensor([[0.5003]])
    """

    equation = r"-\log(\pi [k = 0] + (1 - \pi) \lambda^k e^{-\lambda} / k!)"
    symbols: ClassVar[dict[str, str]] = {r"\lambda": "base_dist.mean", r"\pi": "gate"}

    def __init__(self, n_units: int, gate: str = "per_unit") -> None:
        parameter = UnitParameter(n_units, gate, initial=-3.0, name="gate")  # π ≈ 0.05
        super().__init__(n_units, num_outputs=n_units + parameter.num_outputs)
        self.gate = parameter

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "gate": self.gate.mode}

    def forward(self, raw: Tensor) -> TorchDistribution:
        log_rate, own = raw[..., : self.n_units], raw[..., self.n_units :]
        return dist.ZeroInflated(dist.Poisson(log_rate), self.gate(own))


class ZeroInflatedNegativeBinomial(_Dispersed):
    r"""Negative binomial counts, of which a share π is lost: always zero, whatever the rate.

    .. math:: -\log p(k) = -\log\left(\pi\,[k = 0] + (1-\pi)\, \text{NB}(k; \mu, \alpha)\right)

    Shapes: raw ``[..., T, N]``, log μ, then ``N`` more for each of dispersion and gate that is ``"predicted"``.

    Source: Greene, "Accounting for excess zeros and sample selection in Poisson and negative binomial regression
    models", 1994, https://ssrn.com/abstract=1293115.

    Example:
        >>> ZeroInflatedNegativeBinomial(3).num_outputs  # of the network: log μ of each unit
        3
        >>> ZeroInflatedNegativeBinomial(3, dispersion="predicted", gate="predicted").num_outputs
        9
    """

    equation = (
        r"-\log(\pi [k = 0] + (1 - \pi) \Gamma(k + 1/\alpha) / (\Gamma(1/\alpha) k!)"
        r" (\alpha \mu)^k (1 + \alpha \mu)^{-k - 1/\alpha})"
    )
    symbols: ClassVar[dict[str, str]] = {
        r"\mu": "base_dist.mean",
        r"\alpha": "base_dist.dispersion",
        r"\pi": "gate",
    }
    initial_dispersion = NegativeBinomial.initial_dispersion

    def __init__(self, n_units: int, dispersion: str = "per_unit", gate: str = "per_unit") -> None:
        super().__init__(n_units, dispersion)
        self.gate = UnitParameter(n_units, gate, initial=-3.0, name="gate")
        self.num_outputs += self.gate.num_outputs

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "gate": self.gate.mode}

    def forward(self, raw: Tensor) -> TorchDistribution:
        widths = [self.n_units, self.dispersion.num_outputs, self.gate.num_outputs]
        log_mean, own_dispersion, own_gate = raw.split(widths, dim=-1)
        base = dist.NegativeBinomial(log_mean, F.softplus(self.dispersion(own_dispersion)))
        return dist.ZeroInflated(base, self.gate(own_gate))
