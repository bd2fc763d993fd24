"""Train the mean before the scale: where both learn at once, points that are hard to fit are called noise and given up."""

from __future__ import annotations

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.likelihoods import Likelihood
from probcost.model import CostModel

__all__ = ["mean_first"]


def mean_first(model: CostModel) -> CostModel | None:
    r"""The same network under the same likelihood, with each unit's own scale in the data for every predicted scale.

    Its cost is, for a normal likelihood, the squared error. Once held-out rows say that the mean is learned, the true cost
    takes over, so that what is minimised and kept in the end is a likelihood. None where no scale is predicted.

    Source of the problem: Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation with probabilistic
    neural networks", 2022, https://arxiv.org/abs/2203.09168; of mean first: Nix & Weigend, "Estimating the mean and
    variance of the target probability distribution", 1994, https://doi.org/10.1109/ICNN.1994.374138.
    """
    raw = torch.zeros(1, model.likelihood.num_outputs, device=next(model.parameters()).device)
    if model.likelihood.mean_first(raw) is None:
        return None
    return CostModel(model.network, _MeanFirst(model.likelihood), model.prior)


class _MeanFirst(Likelihood):
    discrete, support = False, constraints.real

    def __init__(self, likelihood: Likelihood) -> None:
        super().__init__(likelihood.n_units, likelihood.num_outputs)
        self.likelihood = likelihood
        self.event_dim = likelihood.event_dim
        self.unit = likelihood.unit

    def forward(self, raw: Tensor) -> TorchDistribution:
        first = self.likelihood.mean_first(raw)
        assert first is not None
        return first
