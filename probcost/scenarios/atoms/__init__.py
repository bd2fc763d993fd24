"""Where an atom is in a molecule, and how sure that is: data, simulator, model, scores and pictures."""

from __future__ import annotations

from probcost.scenarios.atoms.atom_location import AtomLocation, model
from probcost.scenarios.atoms.dataset import AtomDataset, assign_split
from probcost.scenarios.atoms.evaluate import location_scores
from probcost.scenarios.atoms.loading import load
from probcost.scenarios.atoms.plots import plot_locations, plot_scale_by_type, plot_uncertainty_error
from probcost.scenarios.atoms.scores import mode_within, within_type_correlation
from probcost.scenarios.atoms.simulate import simulate_molecule
from probcost.scenarios.atoms.structures import from_structures
from probcost.scenarios.atoms.truth import rotamer_probabilities, true_log_prob, true_samples

__all__ = [
    "AtomDataset",
    "AtomLocation",
    "assign_split",
    "from_structures",
    "load",
    "location_scores",
    "mode_within",
    "model",
    "plot_locations",
    "plot_scale_by_type",
    "plot_uncertainty_error",
    "rotamer_probabilities",
    "simulate_molecule",
    "true_log_prob",
    "true_samples",
    "within_type_correlation",
]
