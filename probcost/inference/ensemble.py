"""Deep ensembles: members trained together in batched tensors, each with its own start, order of data and early stopping."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from probcost.inference.data import Rows
from probcost.inference.history import History
from probcost.inference.map_estimate import HELD_OUT_ROWS, MapObjective
from probcost.inference.mean_first import mean_first
from probcost.inference.posterior import Draws
from probcost.inference.task import Task, last_linear
from probcost.model import CostModel
from probcost.predict import seeded

__all__ = ["EnsembleObjective", "at_least_two", "run"]


def at_least_two(members: int) -> int:
    """``members``, checked.

    Raises:
        ValueError: for fewer than two members.
    """
    if isinstance(members, bool) or not isinstance(members, int) or members < 2:
        raise ValueError(f"members must be a whole number of at least 2, got {members!r}; one member is method='map'")
    return members


def run(task: Task, members: int) -> tuple[Draws, History]:
    """Train ``members`` networks that differ in their initial weights, in the order they see the rows, and, where rows are
    exchangeable, in the rows they are stopped by: so every row trains most of them.

    Source: Lakshminarayanan, Pritzel & Blundell, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", 2017, https://arxiv.org/abs/1612.01474.
    """
    with seeded(task.seed, task.data.train.x.device):
        starts = [task.model, *(_another_start(task) for _ in range(members - 1))]
    # Batches that labels make are not equally long for all members.
    own_batches = task.model.likelihood.groups(task.data.train.y) is not None
    if own_batches or any(getattr(part, "track_running_stats", False) for part in task.model.network.modules()):
        weights, history = _in_turn(task, starts)
    else:
        objective = EnsembleObjective(task.model, starts)
        history = task.train(objective)
        weights = {name: value.detach().contiguous() for name, value in objective.weights().items()}
    with torch.no_grad():  # so that the model predicts without its draws, too: as its first member
        for name, value in task.model.state_dict().items():
            if name in weights:
                value.copy_(weights[name][0])
    return Draws(weights, f"deep ensemble of {members}", every=True), history


def _in_turn(task: Task, starts: list[CostModel]) -> tuple[dict[str, Tensor], History]:
    """Members one after the other: batch norms keep running statistics of their own network, and these are draws too."""
    histories = []
    for m, start in enumerate(starts):
        folder = None if task.checkpoint is None else Path(task.checkpoint) / f"member-{m}"
        settings, data = replace(task.settings, seed=task.seed + m), replace(task.data, folds=None)
        own = replace(task, model=start, data=data, settings=settings, checkpoint=folder)
        histories.append(own.train(MapObjective(start)))
    states = [{**start.network_state(), **dict(start.named_parameters())} for start in starts]
    weights = {name: torch.stack([state[name].detach() for state in states]) for name in states[0]}
    return weights, History.of_members(histories)


def _another_start(task: Task) -> CostModel:
    """A copy whose layers are initialised anew."""
    other = copy.deepcopy(task.model)
    for part in other.network.modules():
        reset = getattr(part, "reset_parameters", None)
        # Frozen layers are what somebody trained: every member keeps them.
        if callable(reset) and all(parameter.requires_grad for parameter in part.parameters()):
            reset()
    found = last_linear(other, task.data.train.x)
    if other.likelihood.starts_at_null and found is not None and found[1].bias is not None:
        with torch.no_grad():
            found[1].weight.zero_()
            found[1].bias.copy_(other.likelihood.initial_raw(task.data.mean, task.data.variance))
    return other


class EnsembleObjective:
    """The sum of the members' costs: their weights are distinct entries, so each is trained by its own alone."""

    def __init__(self, model: CostModel, starts: list[CostModel]) -> None:
        self.model = model
        self.members = len(starts)
        self.module: nn.Module = _Members(model, starts)
        self._named = _by_name(model, self.module)

    def weights(self) -> dict[str, Tensor]:
        """Parameter name → ``[M, *shape]``."""
        return {name: _transposed(parameter) for name, parameter in self._named.items()}

    def cost(self, x: Tensor, y: Tensor, num_data: int) -> Tensor:
        """Cost of rows ``[M, B, ...]``, summed over members, in nats per row of the data set."""
        weights = self.weights()
        log_likelihood = self.model.distribution_of_members(x, weights).log_prob(y).sum()
        cost = -log_likelihood / y.shape[1]
        return cost if self.model.prior is None else cost - self._log_prior(weights) / num_data

    def _log_prior(self, weights: dict[str, Tensor]) -> Tensor:
        total = torch.zeros((), device=next(iter(weights.values())).device)
        for name, parameter in self.model.named_parameters():
            belief = self.model.belief(parameter)
            if belief is not None:
                total = total + belief.log_prob(weights[name]).sum()
        return total

    def held_out_cost(self, rows: Rows) -> Tensor:
        """Each member's own negative log-likelihood in nats per row, ``[M]``, on common rows or rows of its own."""
        weights, total = self.weights(), rows.y.new_zeros(self.members, dtype=torch.float64)
        own = rows.y.ndim == 3
        distribution = self.model.distribution_of_members if own else self.model.distribution
        for x, y in zip(rows.x.split(HELD_OUT_ROWS, int(own)), rows.y.split(HELD_OUT_ROWS, int(own)), strict=True):
            total -= distribution(x, weights).log_prob(y).flatten(1).sum(1)
        return total / rows.y.shape[-2]

    def explain(self, x: Tensor, y: Tensor) -> str:
        """Which site of which member is not finite."""
        for member in range(self.members):
            one = copy.deepcopy(self.model)
            with torch.no_grad():
                for name, value in self.weights().items():
                    one.get_parameter(name).copy_(value[member])
                costs = one.distribution(x[member]).log_prob(y[member])
            if not bool(torch.isfinite(costs).all()):
                return f"member {member}: {MapObjective(one).explain(x[member], y[member])}"
        return "site of a prior"

    def mean_first(self) -> EnsembleObjective | None:
        """The costs that train the members' means alone, where the likelihood has one."""
        first = mean_first(self.model)
        if first is None:
            return None
        objective = copy.copy(self)  # of the same members, under another likelihood
        objective.model = first
        objective._named = _by_name(first, self.module)
        return objective


def _by_name(model: CostModel, members: nn.Module) -> dict[str, Tensor]:
    return dict(zip((name for name, _ in model.named_parameters()), members.parameters(), strict=True))


def _transposed(stacked: Tensor) -> Tensor:
    """Matrices are kept as batched products multiply by them, ``[M, in, out]``: their gradients then need no copy."""
    return stacked.mT if stacked.ndim == 3 else stacked


class _Members(nn.Module):
    """The members' parameters, stacked; dropout and the like follow its training mode through the model it trains."""

    def __init__(self, model: CostModel, starts: list[CostModel]) -> None:
        super().__init__()
        columns = zip(*(start.parameters() for start in starts), strict=True)
        self.stacked = nn.ParameterList(
            nn.Parameter(_transposed(torch.stack([p.detach() for p in column])).contiguous(), column[0].requires_grad)
            for column in columns
        )
        self._model = [model]  # in a list: its parameters are not this module's

    def train(self, mode: bool = True) -> _Members:
        self._model[0].train(mode)
        return super().train(mode)

    def __repr__(self) -> str:
        return f"{len(self.stacked[0])} members of {self._model[0]!r}"
