"""Densities that Pyro lacks or computes badly; they know nothing of networks."""

from __future__ import annotations

from probcost.distributions.comparison import (
    Choice,
    ExponentialComparison,
    LogisticComparison,
    NormalComparison,
)
from probcost.distributions.conway_maxwell_poisson import ConwayMaxwellPoisson
from probcost.distributions.elliptical import MultivariateNormal, MultivariateStudentT
from probcost.distributions.laplace import Laplace
from probcost.distributions.mixture import Mixture
from probcost.distributions.negative_binomial import NegativeBinomial
from probcost.distributions.negative_multinomial import NegativeMultinomial
from probcost.distributions.normal import Normal
from probcost.distributions.poisson import Poisson
from probcost.distributions.scatter import LowRank, Regressions
from probcost.distributions.student_t import StudentT
from probcost.distributions.zero_inflated import ZeroInflated

__all__ = [
    "Choice",
    "ConwayMaxwellPoisson",
    "ExponentialComparison",
    "Laplace",
    "LogisticComparison",
    "LowRank",
    "Mixture",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NegativeBinomial",
    "NegativeMultinomial",
    "Normal",
    "NormalComparison",
    "Poisson",
    "Regressions",
    "StudentT",
    "ZeroInflated",
]
