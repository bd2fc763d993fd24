"""Truths from the prior, and data from them, such that what is fitted is exactly what was simulated."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from probcost.inference.data import prepare
from probcost.inputs import as_inputs
from probcost.model import CostModel
from probcost.predict import seeded

__all__ = ["Simulated", "fixed_scales", "simulate"]

_MOST_COUNTS = 1e5


class Simulated(NamedTuple):
    """Parameters drawn from the prior, one draw ``[1, ...]``, and observations ``[T, N]`` that they make."""

    weights: dict[str, Tensor]
    y: Tensor


def fixed_scales(model: CostModel, x: Any) -> tuple[CostModel, Tensor]:
    """A copy whose parameters mean the same for every data set, and the inputs as a tensor ``[T, ...]``.

    `fit` standardises inputs, which depends on them alone: here they are standardised alike. It also lets real-valued
    likelihoods take their centre and scale from the observations, so that the prior would be another one for every data
    set: here they keep those that the model has, 0 and 1 unless it was fitted before.

    Raises:
        ValueError: for a model that has no prior over some of its parameters, or which SBC cannot simulate.
    """
    if model.prior is None:
        raise ValueError("sbc draws parameters from the model's prior, and it has none: prior=pc.priors.Normal(1.0)")
    if model.drifting:
        raise ValueError("sbc cannot simulate a model with drifting=True: its baselines have no prior")
    if not model.likelihood.starts_at_null or not isinstance(getattr(model.likelihood, "n_units", None), int):
        raise ValueError(
            f"sbc cannot simulate {type(model.likelihood).__name__}: it compares observations and makes none"
        )
    without = [name for name, p in model.named_parameters() if p.requires_grad and model.belief(p) is None]
    if without:
        raise ValueError(f"{without[0]!r} has no prior (an infinite scale), so that sbc cannot draw it")
    fixed = copy.deepcopy(model).eval()
    # The instance's own method, which copies of the model take with them: `fit` calls it with the observations' moments.
    fixed.likelihood.adapt = _unmoved  # type: ignore[method-assign]
    inputs = as_inputs(x, next(model.parameters()))
    fixed.standardize, fixed.baseline = torch.nn.Identity(), None
    with torch.no_grad(), seeded(0, inputs.device):
        some_y = fixed.distribution(torch.zeros_like(inputs)).sample()
    fixed.standardize = prepare(fixed, x, some_y, validation=None, groups=None, seed=0).standardize
    return fixed, inputs


def simulate(model: CostModel, x: Tensor, seed: int) -> Simulated:
    """One truth and its data.

    Raises:
        ValueError: where the prior is so wide that its data are beyond what the likelihood can be fitted to.
    """
    with torch.no_grad(), seeded(seed, x.device):
        weights = {}
        for name, parameter in model.named_parameters():
            belief = model.belief(parameter)
            if belief is not None:
                weights[name] = belief.sample()[None]
        try:
            y = model.distribution(x, weights).sample()[0]
            model.likelihood.validate(y)
        except ValueError as error:
            raise _too_wide(model, f"data that cannot be observed ({error})") from error
    largest = float(y.abs().max())
    if model.likelihood.discrete and largest > _MOST_COUNTS:
        raise _too_wide(model, f"counts up to {largest:.2g}")
    return Simulated(weights, y)


def _too_wide(model: CostModel, found: str) -> ValueError:
    return ValueError(
        f"the prior {model.prior} makes {found}; sbc fits what the prior makes, so give it one under which data are "
        f"possible, such as pc.priors.Normal(0.5, bias_scale=1.0)"
    )


def _unmoved(mean: Tensor, variance: Tensor) -> None:
    return
