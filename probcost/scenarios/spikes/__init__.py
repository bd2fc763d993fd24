"""Spikes: counts of many neurons in bins of time, predicted from what the animal or rider did.

From a file or a simulation to a `SpikeRecording` (``load``, ``simulate_motorcycle``, ``bin_spikes``), its windows of
history (``lag_window``, ``raised_cosine``), a model of it (``model``, ``SpikeCounts``), and the field's own scores and
pictures.
"""

from __future__ import annotations

from probcost.scenarios.spikes.binning import bin_spikes
from probcost.scenarios.spikes.history import lag_window, raised_cosine, window_names
from probcost.scenarios.spikes.loading import load, save
from probcost.scenarios.spikes.plots import plot_raster, plot_scores, plot_tuning
from probcost.scenarios.spikes.recording import SpikeRecording, Split
from probcost.scenarios.spikes.scores import (
    bits_per_spike,
    bits_per_spike_per_neuron,
    log_likelihood_per_bin,
    pseudo_r2,
)
from probcost.scenarios.spikes.simulate import simulate_motorcycle
from probcost.scenarios.spikes.spike_counts import SpikeCounts, model

__all__ = [
    "SpikeCounts",
    "SpikeRecording",
    "Split",
    "bin_spikes",
    "bits_per_spike",
    "bits_per_spike_per_neuron",
    "lag_window",
    "load",
    "log_likelihood_per_bin",
    "model",
    "plot_raster",
    "plot_scores",
    "plot_tuning",
    "pseudo_r2",
    "raised_cosine",
    "save",
    "simulate_motorcycle",
    "window_names",
]
