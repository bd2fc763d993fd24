"""Maximum a posteriori: the parameters that make the cost smallest, by Adam on mini-batches or L-BFGS on everything."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from probcost.inference.data import Rows
from probcost.inference.history import History
from probcost.inference.mean_first import mean_first
from probcost.inference.posterior import PointEstimate
from probcost.inference.task import Task
from probcost.inference.training import NonFiniteCostError
from probcost.likelihoods.base import first_index
from probcost.model import CostModel, cost

__all__ = ["HELD_OUT_ROWS", "MapObjective", "run"]

HELD_OUT_ROWS = 4096  # rows judged at once: bounded memory for held-out sets of any length


def run(task: Task, optimizer: str) -> tuple[PointEstimate, History]:
    """Train by Adam on mini-batches, or by L-BFGS on everything."""
    if optimizer == "lbfgs":
        return PointEstimate(), _lbfgs(task)
    return PointEstimate(), task.train(MapObjective(task.model))


class MapObjective:
    """The cost itself, per row; on held-out rows the negative log-likelihood alone, since the prior is no data."""

    members = None

    def __init__(self, model: CostModel) -> None:
        self.module = model

    def cost(self, x: Tensor, y: Tensor, num_data: int) -> Tensor:
        """Cost of the whole data set estimated from this batch, in nats per row."""
        return cost(self.module, x, y, num_data=num_data) / num_data

    def held_out_cost(self, rows: Rows) -> Tensor:
        """Negative log-likelihood in nats per row, ``[1]``."""
        total = rows.y.new_zeros(1, dtype=torch.float64)
        for x, y in zip(rows.x.split(HELD_OUT_ROWS), rows.y.split(HELD_OUT_ROWS), strict=True):
            total -= self.module.distribution(x).log_prob(y).sum()
        return total / len(rows)

    def explain(self, x: Tensor, y: Tensor) -> str:
        """Which site of the model is not finite, and where in the batch."""
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if not bool(torch.isfinite(parameter).all()):
                    return f"parameter {name!r} is no longer finite"
            log_prob = self.module.distribution(x).log_prob(y)
        bad = first_index(~torch.isfinite(log_prob))
        if bad is None:
            return "site of a prior"
        where = tuple(int(i) for i in bad.split(", "))
        return (
            f"site {self.module.likelihood.site!r} has log-probability {log_prob[where].item()} at [{bad}] of the batch"
        )

    def mean_first(self) -> MapObjective | None:
        """The cost that trains the mean alone, where the likelihood has one."""
        first = mean_first(self.module)
        return None if first is None else MapObjective(first)


def _lbfgs(task: Task) -> History:
    """Minimise the cost over all training rows at once, in float64, until its gradient vanishes.

    For small and convex problems, where it reaches the optimum to many digits in seconds; dropout is off.

    Source: Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", 1989,
    https://doi.org/10.1007/BF01589116.
    """
    model, data, epochs = task.model, task.data, task.settings.epochs
    dtype = next(model.parameters()).dtype
    model.double().eval()
    x, y = data.train.x.double(), data.train.y.double()
    held = None if data.held_out is None else Rows(data.held_out.x.double(), data.held_out.y.double())
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=20, tolerance_grad=1e-10, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )
    history = History()

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = cost(model, x, y) / len(x)
        value.backward()
        return value

    with tqdm(total=epochs, desc="fit (L-BFGS)", unit="round", disable=not task.progress) as bar:
        while not history.stopped:
            value = optimizer.step(closure).item()  # the cost before this round's iterations
            if not math.isfinite(value):
                raise NonFiniteCostError(f"the cost is {value}: {MapObjective(model).explain(x, y)}")
            converged = bool(history.cost) and history.cost[-1] - value <= 1e-13 * abs(value)
            history.cost.append(value)
            if held is not None:
                with torch.no_grad():
                    history.held_out.append(MapObjective(model).held_out_cost(held).item())
            bar.update()
            if converged:
                history.stopped = "converged"
            elif len(history.cost) >= epochs:
                history.stopped = f"all {epochs} rounds done"
    history.best_epoch = len(history.cost) - 1
    model.to(dtype)
    return history
