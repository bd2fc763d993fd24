"""A model trained in a loop of one's own, as a Fit: from there on it predicts, is checked and is saved as any other."""

from __future__ import annotations

import copy
import math
from typing import Any

from torch import nn

from probcost.inference.history import History
from probcost.inference.posterior import PointEstimate
from probcost.inference.result import Fit
from probcost.inputs import as_inputs, as_observations, column_names, same_length
from probcost.model import CostModel
from probcost.networks import Standardize

__all__ = ["as_fit"]


def as_fit(model: CostModel, x: Any, y: Any, *, seed: int = 0) -> Fit:
    """A model that was trained elsewhere (a loop of your own, Lightning, Pyro's own inference) as a `Fit`.

    Args:
        model: trained; it is copied, as it is, into evaluation mode. Inputs are handed to its network as they are.
        x, y: the rows it was trained on: their number of columns, the units' names and moments (the null model) are read off.
        seed: of samples.

    Raises:
        TypeError: for something that is no cost model; put a bare network under ``pc.CostModel(network, likelihood)``.
        ValueError: for rows that differ in number, are not finite, or that the likelihood cannot produce.

    Example:
        >>> model = pc.CostModel(nn.Linear(3, 2), pc.likelihoods.Poisson(2))
        >>> x, y = torch.randn(100, 3), torch.ones(100, 2)
        >>> fitted = pc.as_fit(model, x, y)  # after a training loop of your own
        >>> fitted.predict(x).mean.shape
        torch.Size([100, 2])
    """
    if not isinstance(model, CostModel):
        raise TypeError(
            f"model must be a CostModel, such as pc.CostModel(network, likelihood), got {type(model).__name__}"
        )
    trained = copy.deepcopy(model).eval()
    like = next(trained.parameters()).detach()
    same_length(x=x, y=y)
    inputs, observed = as_inputs(x, like), as_observations(y, trained.likelihood, like)
    if isinstance(trained.standardize, nn.Identity):
        trained.standardize = Standardize(inputs.new_zeros(inputs.shape[1:]), inputs.new_ones(inputs.shape[1:]))
    return (trained.fit_class or Fit)(
        model=trained,
        method="own loop",
        posterior=PointEstimate(label="point estimate, trained elsewhere"),
        history=History(),
        input_shape=inputs.shape[1:],
        unit_names=column_names(y) or [str(i) for i in range(trained.likelihood.n_units)],
        input_names=column_names(x),
        null_mean=observed.mean(0),
        null_variance=observed.var(0, correction=0),
        drift_half_life=math.inf,
        seed=seed,
    )
