"""A model trained in a loop of one's own, as a Fit: from there on it predicts, is checked and is saved as any other."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

from torch import Tensor, nn

from probcost.inference.history import History
from probcost.inference.posterior import PointEstimate
from probcost.inference.result import Fit
from probcost.inputs import as_inputs, as_observations, column_names, same_length
from probcost.model import CostModel
from probcost.networks import Standardize

__all__ = ["as_fit"]

_FAR = 5.0  # times


def as_fit(model: CostModel, x: Any, y: Any, *, seed: int = 0) -> Fit:
    """A model that was trained elsewhere (a loop of your own, Lightning, Pyro's own inference) as a `Fit`.

    Args:
        model: trained; it is copied, as it is, into evaluation mode. Inputs are handed to its network as they are.
        x, y: the rows it was trained on: their number of columns, the units' names and moments (the null model) are read off.
        seed: of samples.

    A real-valued likelihood must know the scale of y before such a loop begins, as `fit` sees to by itself: call
    ``model.likelihood.adapt(y.mean(0), y.var(0))`` first. Costs stay in y's own units. A warning says where it was forgotten.

    Raises:
        TypeError: for something that is no cost model; put a bare network under ``pc.CostModel(network, likelihood)``.
        ValueError: for rows that differ in number, are not finite, or that the likelihood cannot produce.

    Example:
        >>> model = pc.CostModel(nn.Linear(3, 2), pc.likelihoods.Poisson(2))
        >>> x, y = torch.randn(100, 3), torch.ones(100, 2)
        >>> fitted = pc.as_fit(model, x, y)  # after a training loop of your own
        >>> fitted.predict(x).mean.shape
        torch.Size([100, 2])

        Real numbers far from 0 and 1:

        >>> model, y = pc.CostModel(nn.Linear(3, 4), pc.likelihoods.Normal(2)), 500 + 20 * torch.randn(100, 2)
        >>> model.likelihood.adapt(y.mean(0), y.var(0))  # before the loop
        >>> bool((pc.as_fit(model, x, y).predict(x).mean > 400).all())
        True
    """
    if not isinstance(model, CostModel):
        raise TypeError(
            f"model must be a CostModel, such as pc.CostModel(network, likelihood), got {type(model).__name__}"
        )
    trained = copy.deepcopy(model).eval()
    like = next(trained.parameters()).detach()
    same_length(x=x, y=y)
    y = model.observed(y)
    inputs, observed = as_inputs(x, like), as_observations(y, trained.likelihood, like)
    _warn_unless_adapted(trained, observed)
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


def _warn_unless_adapted(model: CostModel, y: Tensor) -> None:
    """Warn where a likelihood that keeps the data's scale still has that of no data, and y's is far from it."""
    center, spread = getattr(model.likelihood, "center", None), getattr(model.likelihood, "spread", None)
    if center is None or spread is None or bool((center != 0).any()) or bool((spread != 1).any()):
        return
    mean, sd = y.mean(0), y.std(0, correction=0)
    far = (mean.abs() > _FAR) | (sd > _FAR) | ((sd < 1 / _FAR) & (sd > 0))
    if bool(far.any()):
        i = int(far.nonzero()[0])
        warnings.warn(
            f"y[:, {i}] has mean {mean[i]:.3g} and standard deviation {sd[i]:.3g}, and the likelihood was trained at mean 0 and "
            "scale 1, where networks learn such data badly: call model.likelihood.adapt(y.mean(0), y.var(0)) before the loop",
            stacklevel=3,
        )
