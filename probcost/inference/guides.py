"""Pyro's autoguides on a cost model: built with module-local parameters, and drawn from."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import pyro
import torch
from pyro.infer import autoguide
from pyro.infer.autoguide import AutoGuide
from pyro.infer.autoguide.initialization import init_to_value
from torch import Tensor

from probcost.model import CostModel
from probcost.predict import seeded

__all__ = ["GUIDES", "Guide", "build_guide", "draw", "local_parameters", "named_guide"]

Guide = str | Callable[[CostModel], AutoGuide]

# Short names for the usual ones; any other class of pyro.infer.autoguide goes by its own name.
GUIDES: dict[str, type[AutoGuide]] = {
    "normal": autoguide.AutoNormal,
    "diagonal_normal": autoguide.AutoDiagonalNormal,
    "low_rank_normal": autoguide.AutoLowRankMultivariateNormal,
    "multivariate_normal": autoguide.AutoMultivariateNormal,
}


def named_guide(name: str) -> type[AutoGuide]:
    """The autoguide class of that short name, or of that name in ``pyro.infer.autoguide``.

    Raises:
        ValueError: for a name that is neither.
    """
    if name == "AutoLaplaceApproximation":
        raise ValueError("AutoLaplaceApproximation is its own MAP until it is told otherwise; use method='laplace'")
    found = GUIDES.get(name) or (getattr(autoguide, name, None) if name in autoguide.__all__ else None)
    if not (isinstance(found, type) and issubclass(found, AutoGuide)):
        raise ValueError(
            f"unknown guide {name!r}; choose one of {', '.join(map(repr, GUIDES))}, or pass any class of "
            "pyro.infer.autoguide"
        )
    return found


def build_guide(model: CostModel, guide: Guide, x: Tensor, y: Tensor) -> AutoGuide:
    """The autoguide, centred on the network's own initial weights where it can be, and run once, so that it has its parameters.

    Raises:
        ValueError: for an unknown guide, or a model without a prior.
        TypeError: for what is no autoguide.
    """
    if not any(model.belief(parameter) is not None for parameter in model.parameters()):
        raise ValueError(
            "method='svi' needs a prior over the weights: pass prior=pc.priors.Normal(1.0) to the model, "
            "or use method='map'"
        )
    make = named_guide(guide) if isinstance(guide, str) else guide
    if not callable(make):
        raise TypeError(f"guide must be a name or a class of pyro.infer.autoguide, got {guide!r}")
    values = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    # Narrow at first: a wide posterior over every weight drowns the signal before there is one.
    wanted = {"init_loc_fn": init_to_value(values=values), "init_scale": 0.01}
    taken = inspect.signature(make).parameters
    with local_parameters(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # some guides take a starting point and say that they don't use it
        built = make(model, **{key: value for key, value in wanted.items() if key in taken})
        if not isinstance(built, AutoGuide):
            raise TypeError(f"guide must make an AutoGuide of a model, {guide!r} makes {type(built).__name__}")
        built(x, y)
    return built.to(x.device)


def local_parameters() -> AbstractContextManager[None]:
    """Pyro's module-local parameters: no global store, so two fits in one process share nothing."""
    return pyro.settings.context(module_local_params=True)


def draw(guide: AutoGuide, x: Tensor, n: int, seed: int) -> dict[str, Tensor]:
    """``n`` draws of every latent parameter, ``[n, ...]``; from the guide, hence not from the posterior itself."""
    with torch.no_grad(), local_parameters(), seeded(seed, x.device):
        draws = [guide(x) for _ in range(n)]
    return {name: torch.stack([one[name] for one in draws]) for name in draws[0] if not name.startswith("_")}
