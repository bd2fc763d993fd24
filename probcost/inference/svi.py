"""Stochastic variational inference: an approximate posterior over every parameter that has a prior."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pyro
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoGuide,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from pyro.infer.autoguide.initialization import init_to_value
from torch import Tensor, nn

from probcost.inference.data import Rows
from probcost.inference.map_estimate import MapObjective
from probcost.model import CostModel
from probcost.predict import Predictive, seeded

__all__ = ["GUIDES", "SviObjective", "build_guide", "draw", "local_parameters"]

GUIDES: dict[str, Callable[..., AutoGuide]] = {
    "normal": AutoNormal,
    "diagonal_normal": AutoDiagonalNormal,
    "low_rank_normal": AutoLowRankMultivariateNormal,
    "multivariate_normal": AutoMultivariateNormal,
}
_HELD_OUT_DRAWS = 8


def build_guide(model: CostModel, name: str, x: Tensor, y: Tensor) -> AutoGuide:
    """The autoguide of that name, centred on the network's own initial weights and run once, so that it has its parameters.

    Raises:
        ValueError: for an unknown guide, or a model without a prior.
    """
    if name not in GUIDES:
        raise ValueError(f"unknown guide {name!r}; choose one of {', '.join(map(repr, GUIDES))}")
    if not any(model.belief(parameter) is not None for parameter in model.parameters()):
        raise ValueError(
            "method='svi' needs a prior over the weights: pass prior=pc.priors.Normal(1.0) to the model, "
            "or use method='map'"
        )
    values = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with local_parameters():
        # Narrow at first: a wide posterior over every weight drowns the signal before there is one.
        guide = GUIDES[name](model, init_loc_fn=init_to_value(values=values), init_scale=0.01)
        guide(x, y)
    return guide.to(x.device)


def local_parameters() -> AbstractContextManager[None]:
    """Pyro's module-local parameters: no global store, so two fits in one process share nothing."""
    return pyro.settings.context(module_local_params=True)


class SviObjective:
    """The negative evidence lower bound per row; on held-out rows the cost of the predictive mixture.

    Source: Kucukelbir et al., "Automatic differentiation variational inference", 2017, https://jmlr.org/papers/v18/16-107.html.
    """

    def __init__(self, model: CostModel, guide: AutoGuide, seed: int) -> None:
        self.model, self.guide, self.seed = model, guide, seed
        self.module: nn.Module = Trace_ELBO()(model, guide)

    def cost(self, x: Tensor, y: Tensor, num_data: int) -> Tensor:
        """One-sample estimate of −ELBO, in nats per row of the data set."""
        with local_parameters():
            return self.module(x, y, num_data=num_data) / num_data

    def held_out_cost(self, rows: Rows) -> float:
        """−log of the mean likelihood over a few posterior draws, the same ones every time, in nats per row."""
        draws = draw(self.guide, rows.x[:1], _HELD_OUT_DRAWS, self.seed)
        predictive = Predictive(self.model, rows.x, draws)
        return -predictive.log_prob(rows.y).sum().item() / len(rows)

    def explain(self, x: Tensor, y: Tensor) -> str:
        """Which site of model or guide is not finite."""
        for name, parameter in self.module.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                return f"parameter {name!r} is no longer finite"
        return MapObjective(self.model).explain(x, y)


def draw(guide: AutoGuide, x: Tensor, n: int, seed: int) -> dict[str, Tensor]:
    """``n`` draws of every latent parameter, ``[n, ...]``; from the guide, hence not from the posterior itself."""
    with torch.no_grad(), local_parameters(), seeded(seed, x.device):
        draws = [guide(x) for _ in range(n)]
    return {name: torch.stack([one[name] for one in draws]) for name in draws[0]}
