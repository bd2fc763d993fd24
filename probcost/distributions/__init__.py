"""Densities of counts that Pyro lacks or computes badly; they know nothing of networks."""

from __future__ import annotations

from probcost.distributions.conway_maxwell_poisson import ConwayMaxwellPoisson
from probcost.distributions.negative_binomial import NegativeBinomial
from probcost.distributions.poisson import Poisson
from probcost.distributions.zero_inflated import ZeroInflated

__all__ = ["ConwayMaxwellPoisson", "NegativeBinomial", "Poisson", "ZeroInflated"]
