"""probcost: write what you believe about your data; the cost function falls out of it, and is checked."""

from __future__ import annotations

from importlib.metadata import version

from probcost import distributions, likelihoods, networks, priors
from probcost.checks import check
from probcost.checks.advice import advise
from probcost.checks.comparison import compare
from probcost.checks.diagnosis import diagnose
from probcost.checks.leave_one_out import loo
from probcost.checks.page import report
from probcost.checks.predictive_checks import ppc
from probcost.checks.scorecard import score
from probcost.checks.simulation_based import sbc
from probcost.history import History
from probcost.inference import Fit, NonFiniteCostError, as_fit, fit, load
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
    "History",
    "NonFiniteCostError",
    "SpikeCounts",
    "advise",
    "as_fit",
    "check",
    "compare",
    "cost",
    "diagnose",
    "distributions",
    "fit",
    "likelihoods",
    "load",
    "loo",
    "networks",
    "ppc",
    "priors",
    "regress",
    "report",
    "sbc",
    "score",
]
