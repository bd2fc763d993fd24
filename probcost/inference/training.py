"""The one training loop: mini-batches, early stopping with the best weights kept, and checkpoints to resume from."""

from __future__ import annotations

import hashlib
import math
import os
import time
from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from probcost import save
from probcost.inference.data import Rows, TrainingData
from probcost.inference.history import History
from probcost.predict import seeded

__all__ = ["NonFiniteCostError", "Objective", "Settings", "train"]

# Weights judged and kept are a running average over about the last 50 steps (Polyak & Juditsky 1992,
# https://doi.org/10.1137/0330046): what an annealed learning rate would find, at every epoch and without a schedule.
_AVERAGE = 0.02
_CHECKPOINT_EVERY = 10.0  # seconds: short enough to lose little, long enough that writing costs under a percent


class NonFiniteCostError(FloatingPointError):
    """The cost became NaN or infinite; the message names the site, the step and the batch.

    Example:
        >>> x, y = torch.linspace(-1, 1, 100)[:, None], torch.ones(100, 1)
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> pc.fit(model, x, y, lr=1e39, progress=False)
        Traceback (most recent call last):
            ...
        probcost.inference.training.NonFiniteCostError: the cost is nan at step 1 ... Try a smaller lr (it was 1e+39)
    """


class Objective(Protocol):
    """What is minimised: a module whose parameters are learned, a batch's cost per row, and held-out costs per row.

    With several ``members`` every learned tensor has them as its first dimension, batches come as ``[M, B, ...]``, the
    cost is the sum over members, and the held-out costs are ``[M]``, on rows that are common or ``[M, m, ...]``.
    """

    @property
    def module(self) -> nn.Module: ...

    @property
    def members(self) -> int | None: ...

    def cost(self, x: Tensor, y: Tensor, num_data: int) -> Tensor: ...

    def held_out_cost(self, rows: Rows) -> Tensor: ...

    def explain(self, x: Tensor, y: Tensor) -> str: ...

    def mean_first(self) -> Objective | None: ...


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train; ``patience`` counts epochs without a better held-out cost."""

    epochs: int
    batch_size: int
    lr: float
    patience: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be a positive number, got {self.lr!r}")


def train(
    objective: Objective,
    data: TrainingData,
    settings: Settings,
    *,
    name: str,
    progress: bool,
    checkpoint: str | os.PathLike[str] | None,
) -> History:
    """Train ``objective.module`` in place and leave it with the best weights; return what happened.

    Interrupted at any moment, the same call with the same ``checkpoint`` folder goes on from the last checkpoint to the
    result that the uninterrupted run gives, to the last bit on a CPU. ``name`` keeps the checkpoints of two runs apart.
    """
    run = _Run(objective, data, settings, name)
    if checkpoint is not None:
        run.resume(checkpoint)
    saved = time.monotonic()
    with (
        seeded(settings.seed, data.train.x.device),
        tqdm(
            total=settings.epochs,
            initial=run.epoch,
            desc="fit" if name == "training" else "fit the mean first",
            unit="epoch",
            disable=not progress,
        ) as bar,
    ):
        torch.set_rng_state(run.dropout_state)
        while not run.history.stopped:
            run.one_epoch()
            bar.update()
            bar.set_postfix_str(run.status(), refresh=False)
            if checkpoint is not None and (run.history.stopped or time.monotonic() - saved > _CHECKPOINT_EVERY):
                run.save(checkpoint)
                saved = time.monotonic()
    run.restore_best()
    return run.history


class _Run:
    """The state of one training run; everything in it goes into a checkpoint."""

    def __init__(self, objective: Objective, data: TrainingData, settings: Settings, name: str = "training") -> None:
        self.objective, self.data, self.settings, self.name = objective, data, settings, name
        self.module = objective.module
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=settings.lr, fused=True)
        self.order = torch.Generator().manual_seed(settings.seed)
        self.dropout_state = torch.Generator().manual_seed(settings.seed).get_state()
        self.history = History()
        self.average = [p.detach().clone() for p in self.parameters]
        self.best = self._copy()
        self.held_out = data.held_out
        if data.folds:
            self.held_out = Rows(data.in_order.x[data.folds[1]], data.in_order.y[data.folds[1]])
        # Per member: the least held-out cost so far, and the epoch it was reached in.
        self.least = torch.full((objective.members or 1,), math.inf, dtype=torch.float64)
        self.kept = torch.full((objective.members or 1,), -1)

    @property
    def epoch(self) -> int:
        return len(self.history.cost)

    def one_epoch(self) -> None:
        """Every training row once, in random order; then judge the weights on the held-out rows."""
        folds, members = self.data.folds, self.objective.members
        train, n = (self.data.in_order, folds[0].shape[1]) if folds else (self.data.train, len(self.data.train))
        self.module.train()
        # Each member's own rows, where members have such, in an order of its own.
        own = [train.y[rows] for rows in folds[0]] if folds else [train.y] * (members or 1)
        epochs = [self.data.batches(y.cpu(), self.settings.batch_size, self.order) for y in own]
        if folds:
            epochs = [[rows[batch] for batch in epoch] for rows, epoch in zip(folds[0], epochs, strict=True)]
        batches = [torch.stack(each) if members else each[0] for each in zip(*epochs, strict=True)]
        total, seen = 0.0, sum(rows.shape[-1] for rows in batches)
        for i, rows in enumerate(batches):
            rows = rows.to(train.x.device)
            x, y = train.x[rows], train.y[rows]
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.objective.cost(x, y, n)
            value = loss.item()
            if not math.isfinite(value):
                step = self.epoch * len(batches) + i
                raise NonFiniteCostError(
                    f"the cost is {value} at step {step} (epoch {self.epoch}, batch {i} of {len(batches)}, rows "
                    f"{rows.flatten()[:3].tolist()} …): {self.objective.explain(x, y)}. "
                    f"Try a smaller lr (it was {self.settings.lr:g})"
                )
            loss.backward()
            self.optimizer.step()
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], _AVERAGE)
            total += value / (members or 1) * rows.shape[-1] / seen
        self.history.cost.append(total)
        self._judge()

    def _judge(self) -> None:
        """Keep the weights of every member whose held-out cost is its least so far; stop when few are still getting better."""
        history, epoch, patience = self.history, self.epoch - 1, self.settings.patience
        self._swap_average()
        better = torch.ones_like(self.kept, dtype=torch.bool)
        if self.held_out is not None:
            self.module.eval()
            with torch.no_grad():
                costs = self.objective.held_out_cost(self.held_out).cpu()
            history.held_out.append(costs.mean().item())
            # A member that has stopped stays as it was, whatever it would find later.
            better = (costs < self.least) & (epoch - self.kept.clamp_min(0) <= patience)
            self.least = torch.where(better, costs, self.least)
        self.kept[better] = epoch
        self._keep(better)
        self._swap_average()
        history.best_epoch = int(self.kept.max())
        history.members = self.kept.tolist() if self.objective.members else []
        # Of an ensemble, when most have stopped: the rest keep the best they have found, and nobody waits for the slowest.
        if bool((epoch - self.kept >= patience).double().mean() > 0.5):
            history.stopped = f"no better on held-out rows for {patience} epochs"
        elif epoch + 1 >= self.settings.epochs:
            history.stopped = f"all {self.settings.epochs} epochs done"

    def _keep(self, better: Tensor) -> None:
        if bool(better.all()):
            self.best = self._copy()
        elif bool(better.any()):
            for key, value in self.module.state_dict().items():
                self.best[key][better.to(value.device)] = value[better.to(value.device)]

    def _swap_average(self) -> None:
        with torch.no_grad():
            for parameter, average in zip(self.parameters, self.average, strict=True):
                kept = parameter.clone()
                parameter.copy_(average)
                average.copy_(kept)

    def restore_best(self) -> None:
        self.module.load_state_dict(self.best)
        self.module.eval()

    def status(self) -> str:
        shown = {"cost": self.history.cost, "held out": self.history.held_out}
        return ", ".join(f"{name} {values[-1]:.4f}" for name, values in shown.items() if values)

    def save(self, folder: str | os.PathLike[str]) -> None:
        tensors = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in self.best.items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{key}": value for key, value in state.items()}
        tensors |= {f"average.{i}": value for i, value in enumerate(self.average)}
        tensors |= {"order": self.order.get_state(), "dropout": torch.get_rng_state()}
        tensors |= {"least": self.least, "kept": self.kept}
        save.write(folder, self.name, {"history": asdict(self.history), "problem": self._problem()}, tensors)

    def resume(self, folder: str | os.PathLike[str]) -> None:
        """Take over the checkpoint in ``folder``, where there is one.

        Raises:
            ValueError: when it was left by a fit of other data, another model or other settings.
        """
        try:
            described, tensors = save.read(folder, self.name)
        except FileNotFoundError:
            return
        if described["problem"] != self._problem():
            raise ValueError(
                f"the checkpoint in {os.fspath(folder)!r} is of another fit (other data, model or settings); "
                "give each fit a folder of its own, or delete this one"
            )
        self.history = History(**described["history"])
        self.module.load_state_dict(_part(tensors, "module."))
        self.best = _part(tensors, "best.")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, "optimizer.").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.average = [tensors[f"average.{i}"] for i in range(len(self.average))]
        self.least, self.kept = tensors["least"], tensors["kept"]
        self.order.set_state(tensors["order"])
        self.dropout_state = tensors["dropout"]

    def _problem(self) -> dict[str, object]:
        """What must be the same for a checkpoint to be taken over, in a form that JSON keeps exactly."""
        parts = [("train", self.data.train), ("held_out", self.data.held_out)]
        data = {name: [_digest(rows.x), _digest(rows.y)] for name, rows in parts if rows is not None}
        return {"settings": asdict(self.settings), "model": repr(self.module), "data": data}

    def _copy(self) -> dict[str, Tensor]:
        return {key: value.detach().clone() for key, value in self.module.state_dict().items()}


def _digest(values: Tensor) -> str:
    """A short name for these very numbers in this very order."""
    return hashlib.sha256(values.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]


def _part(values: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
