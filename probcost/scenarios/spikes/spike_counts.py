"""Spike counts of many neurons from behaviour: the scenario as a Pyro model."""

from __future__ import annotations

from typing import Any

import pyro
from torch import Tensor, nn

from probcost import likelihoods
from probcost.likelihoods import Likelihood
from probcost.model import CostModel
from probcost.networks import MLP
from probcost.priors import Prior
from probcost.scenarios.spikes.recording import SpikeRecording

__all__ = ["SpikeCounts", "model"]


class SpikeCounts(CostModel):
    r"""Counts ``k[t, i]`` of N neurons in bins of time, given behaviour ``x[t]``: independent given their rates.

    .. math:: -\log p(k \mid x, \theta) = \sum_t \sum_i \left(\lambda_{ti} - k_{ti} \log \lambda_{ti} + \log k_{ti}!\right)

    with the default Poisson likelihood, and whatever the likelihood's ``equation`` says with another.

    Args:
        n_inputs: columns of ``x``: behavioural parameters, times the bins of history that `lag_window` lines up.
        n_neurons: columns of ``y``.
        likelihood: a name (``"poisson"``, ``"negative_binomial"``, ``"conway_maxwell_poisson"``,
            ``"zero_inflated_poisson"``, ``"zero_inflated_negative_binomial"``, ``"negative_multinomial"``) or a
            likelihood over ``n_neurons`` units.
        network: inputs → raw outputs; four hidden layers of 256 with dropout unless given.
        prior: belief about the weights; none unless given.
        drifting: neurons' baselines wander over minutes, as recordings do, and predictions are for bins after the training
            bins; pass False to predict bins among them.

    Raises:
        ValueError: for an unknown likelihood, or one over another number of neurons.

    Example:
        >>> model = SpikeCounts(n_inputs=12, n_neurons=3, likelihood="conway_maxwell_poisson")
        >>> model(torch.zeros(5, 12)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        n_inputs: int,
        n_neurons: int,
        likelihood: str | Likelihood = "poisson",
        network: nn.Module | None = None,
        prior: Prior | None = None,
        *,
        drifting: bool = True,
    ) -> None:
        if isinstance(likelihood, str):
            likelihood = likelihoods.named(likelihood, n_neurons)
        if likelihood.n_units != n_neurons:
            raise ValueError(f"the likelihood describes {likelihood.n_units} units, n_neurons is {n_neurons}")
        likelihood.unit = "neuron"
        if network is None:
            # Beyond eight standard deviations an input counts as eight: rates are exponential in what the network returns,
            # and must not be extrapolated from one artefact in the recording.
            network = nn.Sequential(
                nn.Hardtanh(-8.0, 8.0), MLP(n_inputs, likelihood.num_outputs, hidden=(256,) * 4, dropout=0.3)
            )
        super().__init__(network, likelihood, prior, ordered=True, drifting=drifting)
        self.n_inputs = n_inputs

    @property
    def config(self) -> dict[str, Any]:
        return {"n_inputs": self.n_inputs, "n_neurons": self.likelihood.n_units, "drifting": self.drifting}

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        weights = self.sample_weights()  # θ ~ prior
        counts = self.distribution(x, weights)  # p(k | x, θ): network, then likelihood
        with self.data_plate(len(x), num_data):  # bins are independent given the rates ...
            with self.unit_plate():  # ... and so are neurons, unless the likelihood has them share a gain
                return pyro.sample("counts", counts, obs=y)


def model(
    recording: SpikeRecording, likelihood: str | Likelihood = "poisson", *, n_lags: int = 5, prior: Prior | None = None
) -> SpikeCounts:
    """The model of a recording whose inputs are ``lag_window(recording.covariates, n_lags)``.

    Raises:
        ValueError: for an unknown likelihood.

    Example:
        >>> recording = spikes.simulate_motorcycle(n_neurons=5, duration=60.0)
        >>> spikes.model(recording).n_inputs
        72
    """
    n_inputs = recording.covariates.shape[1] * (n_lags + 1)
    return SpikeCounts(n_inputs, recording.counts.shape[1], likelihood, prior=prior)
