"""probcost: write what you believe about your data; the cost function falls out of it, and is checked."""

from __future__ import annotations

from importlib.metadata import version

from probcost import distributions, likelihoods, networks, priors
from probcost.checks import check
from probcost.checks.scorecard import score
from probcost.inference import Fit, NonFiniteCostError, fit, load
from probcost.model import CostFunction, CostModel, cost
from probcost.scenarios.atoms.atom_location import AtomLocation
from probcost.scenarios.faces.face_embedding import FaceEmbedding
from probcost.scenarios.spikes.spike_counts import SpikeCounts
from probcost.tabular import regress

__version__ = version("probcost")

__all__ = [
    "AtomLocation",
    "CostFunction",
    "CostModel",
    "FaceEmbedding",
    "Fit",
    "NonFiniteCostError",
    "SpikeCounts",
    "check",
    "cost",
    "distributions",
    "fit",
    "likelihoods",
    "load",
    "networks",
    "priors",
    "regress",
    "score",
]
