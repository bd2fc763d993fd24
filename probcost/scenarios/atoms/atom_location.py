"""Where an atom is, and how sure that is: the scenario as a Pyro model."""

from __future__ import annotations

import copy
from typing import Any

import pyro
from torch import Tensor, nn

from probcost import likelihoods
from probcost.likelihoods import Likelihood, Mixture, MultivariateStudentT
from probcost.model import CostModel
from probcost.networks import MLP, Jitter
from probcost.priors import Prior
from probcost.scenarios.atoms.dataset import AtomDataset

__all__ = ["AtomLocation", "model"]

_AXES = 3
_HIDDEN = (192,) * 3
_DROPOUT = 0.2
_JITTER = 0.4  # standard deviations of each input: what is learned of one chain must hold for others
_COMPONENTS = 16  # rotamers of the longest side chains, and then some: what is not needed gets no weight


class AtomLocation(CostModel):
    r"""Locations ``y[t]`` in Å of one atom per row, given what is known of its surroundings ``x[t]``.

    .. math:: -\log p(y \mid x, \theta) = -\sum_t \log \sum_{c=1}^{K} w_{tc} \, t_{\nu_{tc}}(y_t; \mu_{tc}, \Sigma_{tc})

    with the default likelihood, a mixture of 16 Student-t distributions with full scatter matrices: several answers, each
    correlated between the axes and with tails of its own. With ``likelihood="normal"`` it is the tutorial's
    :math:`\sum_t \frac12 ((y_t - \mu_t)/\sigma_t)^2 + \log \sigma_t + \frac12 \log 2\pi`.

    Args:
        n_inputs: columns of ``x``.
        likelihood: ``"mixture"``, any name of `likelihoods.named` that is not of counts, or a likelihood over 3 coordinates.
        network: inputs → raw outputs; three hidden layers of 192 with jittered inputs, layer norm and dropout
            unless given.
        prior: belief about the weights; none unless given.

    Raises:
        ValueError: for an unknown likelihood, or one over another number of coordinates.

    Example:
        >>> model = AtomLocation(n_inputs=20, likelihood="multivariate_normal")
        >>> model(torch.zeros(5, 20)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        n_inputs: int,
        likelihood: str | Likelihood = "mixture",
        network: nn.Module | None = None,
        prior: Prior | None = None,
    ) -> None:
        if likelihood == "mixture":
            likelihood = Mixture(MultivariateStudentT(_AXES, df="predicted"), _COMPONENTS)
        elif isinstance(likelihood, str):
            likelihood = likelihoods.named(likelihood, _AXES)
        if likelihood.n_units != _AXES or likelihood.discrete:
            raise ValueError(f"a location has {_AXES} real coordinates; {likelihood!r} describes something else")
        likelihood = copy.copy(likelihood)  # of the same parameters, under a name of its own
        likelihood.unit = "coordinate"
        if network is None:
            # Beyond eight standard deviations an input counts as eight: no artefact of one structure is extrapolated from.
            network = nn.Sequential(
                nn.Hardtanh(-8.0, 8.0),
                Jitter(_JITTER),
                MLP(n_inputs, likelihood.num_outputs, hidden=_HIDDEN, dropout=_DROPOUT, norm=True),
            )
        super().__init__(network, likelihood, prior)
        self.n_inputs = n_inputs

    @property
    def config(self) -> dict[str, Any]:
        return {"n_inputs": self.n_inputs}

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        weights = self.sample_weights()  # θ ~ prior
        location = self.distribution(x, weights)  # p(y | x, θ): network, then likelihood
        with self.data_plate(len(x), num_data):  # atoms are independent given their surroundings ...
            with self.unit_plate():  # ... and coordinates too, where the likelihood says so
                return pyro.sample("location", location, obs=y)


def model(
    dataset: AtomDataset, likelihood: str | Likelihood = "mixture", *, prior: Prior | None = None
) -> AtomLocation:
    """The model of a data set.

    Raises:
        ValueError: for an unknown likelihood.

    Example:
        >>> dataset = atoms.simulate_molecule(n=100)
        >>> atoms.model(dataset).n_inputs == dataset.x.shape[1]
        True
    """
    return AtomLocation(dataset.x.shape[1], likelihood, prior=prior)
