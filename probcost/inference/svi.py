"""Stochastic variational inference: an approximate posterior over every parameter that has a prior."""

from __future__ import annotations

import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoGuide
from torch import Tensor, nn

from probcost.inference.data import Rows
from probcost.inference.guides import Guide, build_guide, draw, local_parameters
from probcost.inference.history import History
from probcost.inference.map_estimate import MapObjective
from probcost.inference.posterior import GuidePosterior
from probcost.inference.task import Task
from probcost.model import CostModel
from probcost.predict import Predictive, seeded

__all__ = ["SviObjective", "run"]

_HELD_OUT_DRAWS = 8
_CENTRE_DRAWS = 200


def run(task: Task, guide: Guide) -> tuple[GuidePosterior, History]:
    """Maximise the evidence lower bound over the guide's parameters and those of the model that have no prior."""
    example, y = task.data.train.x[:1], task.data.train.y[:1]
    with seeded(task.seed, example.device):
        autoguide = build_guide(task.model, guide, example, y)
    history = task.train(SviObjective(task.model, autoguide, task.seed))
    # The model's own parameters become the centre of the posterior, so that it predicts without draws too.
    with torch.no_grad():
        for name, value in draw(autoguide, example, _CENTRE_DRAWS, task.seed).items():
            task.model.get_parameter(name).copy_(value.median(0).values)
    return GuidePosterior(autoguide, example), history


class SviObjective:
    """The negative evidence lower bound per row; on held-out rows the cost of the predictive mixture.

    Source: Kucukelbir et al., "Automatic differentiation variational inference", 2017, https://jmlr.org/papers/v18/16-107.html.
    """

    members = None

    def __init__(self, model: CostModel, guide: AutoGuide, seed: int) -> None:
        self.model, self.guide, self.seed = model, guide, seed
        self.module: nn.Module = Trace_ELBO()(model, guide)

    def cost(self, x: Tensor, y: Tensor, num_data: int) -> Tensor:
        """One-sample estimate of −ELBO, in nats per row of the data set."""
        with local_parameters():
            return self.module(x, y, num_data=num_data) / num_data

    def held_out_cost(self, rows: Rows) -> Tensor:
        """−log of the mean likelihood over a few posterior draws, the same ones every time, in nats per row, ``[1]``."""
        draws = draw(self.guide, rows.x[:1], _HELD_OUT_DRAWS, self.seed)
        predictive = Predictive(self.model, rows.x, draws)
        return -predictive.log_prob(rows.y).sum().reshape(1) / len(rows)

    def explain(self, x: Tensor, y: Tensor) -> str:
        """Which site of model or guide is not finite."""
        for name, parameter in self.module.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                return f"parameter {name!r} is no longer finite"
        return MapObjective(self.model).explain(x, y)

    def mean_first(self) -> None:
        """None: with the mean trained before there is a guide, energy's RMSE was .51; without, .49."""
        return
