"""Likelihoods: raw network outputs → a Pyro distribution over one observation."""

from __future__ import annotations

from typing import Any

from probcost.likelihoods.base import Likelihood
from probcost.likelihoods.batches import Triplets
from probcost.likelihoods.comparisons import GaussianTriplet, TripletSlack
from probcost.likelihoods.continuous import Laplace, Normal, StudentT
from probcost.likelihoods.counts import (
    ConwayMaxwellPoisson,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)
from probcost.likelihoods.matching import NWayChoice, SamePerson
from probcost.likelihoods.mining import triplets
from probcost.likelihoods.mixture import Mixture
from probcost.likelihoods.shared_gain import NegativeMultinomial
from probcost.likelihoods.vectors import LowRankMultivariateNormal, MultivariateNormal, MultivariateStudentT

__all__ = [
    "ConwayMaxwellPoisson",
    "GaussianTriplet",
    "Laplace",
    "Likelihood",
    "LowRankMultivariateNormal",
    "Mixture",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NWayChoice",
    "NegativeBinomial",
    "NegativeMultinomial",
    "Normal",
    "Poisson",
    "SamePerson",
    "StudentT",
    "TripletSlack",
    "Triplets",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "named",
    "triplets",
]

# The one table of names, for the outermost doors (a command line, SpikeCounts(likelihood="...")).
NAMES: dict[str, type[Likelihood]] = {
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
    "conway_maxwell_poisson": ConwayMaxwellPoisson,
    "zero_inflated_poisson": ZeroInflatedPoisson,
    "zero_inflated_negative_binomial": ZeroInflatedNegativeBinomial,
    "negative_multinomial": NegativeMultinomial,
    "normal": Normal,
    "student_t": StudentT,
    "laplace": Laplace,
    "multivariate_normal": MultivariateNormal,
    "low_rank_multivariate_normal": LowRankMultivariateNormal,
    "multivariate_student_t": MultivariateStudentT,
}


def named(name: str, n_units: int, **options: Any) -> Likelihood:
    """The likelihood of that name for ``n_units`` units.

    Raises:
        ValueError: for an unknown name, listing the choices.

    Example:
        >>> named("negative_binomial", 4, dispersion="shared")
        NegativeBinomial(
          n_units=4, dispersion='shared'
          (dispersion): UnitParameter()
        )
    """
    if name not in NAMES:
        raise ValueError(f"unknown likelihood {name!r}; choose one of {', '.join(map(repr, NAMES))}")
    return NAMES[name](n_units, **options)
