"""The plain door: tabular regression in one call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from probcost import likelihoods
from probcost.inference import Fit, fit
from probcost.inputs import as_tensor
from probcost.likelihoods import Likelihood
from probcost.model import CostModel
from probcost.networks import MLP, PiecewiseLinear
from probcost.predict import seeded
from probcost.priors import Normal

__all__ = ["regress"]

_HIDDEN = (64, 64)
_FURTHEST = 4.0  # standard deviations: an input further away counts as this far
_BINS = 16
_MOST_BINS = 1024  # over all columns
# Tables are small: many short steps, and an end that held-out rows decide.
_DEFAULTS: dict[str, Any] = {"lr": 5e-3, "epochs": 800}
_NEEDS_PRIOR = ("svi", "nuts")


def regress(
    x: Any, y: Any, *, likelihood: str | Likelihood | None = None, method: str = "ensemble", **options: Any
) -> Fit:
    """Fit a network that predicts a whole distribution of real targets from a table of inputs.

    Targets are believed Student-t around a predicted mean, with a predicted scale and learned tails, so that a few outliers
    neither bend the mean nor widen everything; five small networks trained together say how far the data decide it.

    Args:
        x: inputs ``[T, P]``: a tensor, an array or a data frame of numbers, in any units.
        y: targets ``[T]`` or ``[T, d]``, in any units; several are independent given the inputs, unless the likelihood
            says otherwise (``"multivariate_student_t"``).
        likelihood: what the targets are believed to follow: a name, or a likelihood over d units.
        method: as `fit`'s.
        options: any other of `fit`'s, such as ``groups``, ``validation``, ``seed``, ``members``.

    Returns:
        A fit whose ``predict(x)`` is a distribution in the targets' own units.

    Raises:
        ValueError, TypeError: as `fit` does, and for a likelihood over another number of units than y has columns.

    Example:
        >>> x = torch.randn(200, 3)
        >>> y = 50 + 10 * x[:, 0] + 5 * torch.randn(200)
        >>> fitted = pc.regress(x, y, progress=False)
        >>> fitted.predict(x[:4]).mean.shape
        torch.Size([4, 1])
    """
    like = torch.zeros(())
    inputs, targets = as_tensor(x, "x", like), as_tensor(y, "y", like)
    n_units = targets.shape[1] if targets.ndim > 1 else 1
    if likelihood is None or isinstance(likelihood, str):
        likelihood = _named(likelihood or "student_t", n_units)
    if likelihood.n_units != n_units:
        raise ValueError(f"the likelihood describes {likelihood.n_units} unit(s), y has {n_units} column(s)")
    if inputs.ndim > 2:
        raise ValueError(f"x has shape {list(inputs.shape)}; a table is [T, P]")
    n_inputs = inputs.shape[1] if inputs.ndim > 1 else 1
    with seeded(options.get("seed", 0), like.device):
        network = _network(inputs.reshape(len(inputs), n_inputs), likelihood.num_outputs)
    model = CostModel(network, likelihood, Normal() if method in _NEEDS_PRIOR else None)
    return fit(model, x, y, method=method, **{**_DEFAULTS, **options})


def _named(name: str, n_units: int) -> Likelihood:
    if name not in likelihoods.NAMES:
        real = [known for known in likelihoods.NAMES if not likelihoods.named(known, n_units).discrete]
        raise ValueError(
            f"unknown likelihood {name!r}; choose one of {', '.join(map(repr, real))}, or give one itself, such as "
            f"pc.likelihoods.Normal({n_units})"
        )
    return likelihoods.named(name, n_units)


def _network(x: Tensor, n_outputs: int) -> nn.Module:
    """A small network that sees each input also as its place among the quantiles of its column."""
    scale = x.std(0, correction=0)
    standard = (x - x.mean(0)) / torch.where(scale > 0, scale, torch.ones_like(scale))
    bins = PiecewiseLinear.of(standard.nan_to_num(), max(2, min(_BINS, _MOST_BINS // x.shape[1])))
    width = x.shape[1] + len(bins.columns)
    return nn.Sequential(nn.Hardtanh(-_FURTHEST, _FURTHEST), bins, MLP(width, n_outputs, hidden=_HIDDEN))
