"""Photos of one person near each other, of different people far: data, simulator, scores and pictures."""

from __future__ import annotations

from probcost.scenarios.faces.dataset import FaceDataset
from probcost.scenarios.faces.face_embedding import FaceEmbedding, model
from probcost.scenarios.faces.face_fit import FaceFit
from probcost.scenarios.faces.gallery import Gallery, Identity
from probcost.scenarios.faces.intervals import Interval, bootstrap_people
from probcost.scenarios.faces.loading import from_arrays, load, load_folder, load_npz, read
from probcost.scenarios.faces.pairs import all_pairs
from probcost.scenarios.faces.plots import plot_embedding, plot_neighbours, plot_photos
from probcost.scenarios.faces.same_person import learn_curve
from probcost.scenarios.faces.score_plots import plot_distances, plot_reliability, plot_roc, plot_spread
from probcost.scenarios.faces.scores import (
    photo_error,
    retrieval_scores,
    same_person_scores,
    threshold_at_far,
    uncertainty_error,
    verification_scores,
)
from probcost.scenarios.faces.simulate import simulate_faces
from probcost.scenarios.faces.steps import STEPS, UnnormalizedFaces, UnnormalizedStep, step

__all__ = [
    "STEPS",
    "FaceDataset",
    "FaceEmbedding",
    "FaceFit",
    "Gallery",
    "Identity",
    "Interval",
    "UnnormalizedFaces",
    "UnnormalizedStep",
    "all_pairs",
    "bootstrap_people",
    "from_arrays",
    "learn_curve",
    "load",
    "load_folder",
    "load_npz",
    "model",
    "photo_error",
    "plot_distances",
    "plot_embedding",
    "plot_neighbours",
    "plot_photos",
    "plot_reliability",
    "plot_roc",
    "plot_spread",
    "read",
    "retrieval_scores",
    "same_person_scores",
    "simulate_faces",
    "step",
    "threshold_at_far",
    "uncertainty_error",
    "verification_scores",
]
