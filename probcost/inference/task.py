"""What every inference method is handed: the model to train, the data, and how to go about it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from probcost.inference.data import TrainingData
from probcost.inference.history import History
from probcost.inference.training import Objective, Settings, train
from probcost.model import CostModel

__all__ = ["Task", "last_linear"]


@dataclass(frozen=True)
class Task:
    """A model to train in place on prepared data; inputs are standardised already.

    ``pretrained`` says that the model as given predicted better than the null model, and goes on from where it is.
    """

    model: CostModel
    data: TrainingData
    settings: Settings
    pretrained: bool
    progress: bool
    checkpoint: str | os.PathLike[str] | None

    @property
    def seed(self) -> int:
        """Fixes every random choice."""
        return self.settings.seed

    def train(self, objective: Objective) -> History:
        """Run the one training loop on ``objective``; before that on its mean alone, where the likelihood has one."""
        first = None if self.pretrained else objective.mean_first()
        before = 0
        if first is not None:
            before = len(self._train(first, "mean_first").cost)
        history = self._train(objective, "training")
        history.mean_first = before
        return history

    def _train(self, objective: Objective, name: str) -> History:
        return train(objective, self.data, self.settings, name=name, progress=self.progress, checkpoint=self.checkpoint)


def last_linear(model: CostModel, x: Tensor) -> tuple[str, nn.Linear] | None:
    """The linear layer that returns the raw outputs, and its name; None where something else does."""
    outputs: dict[str, Tensor] = {}
    linear = {name: part for name, part in model.network.named_modules() if isinstance(part, nn.Linear)}
    if not linear:
        return None
    hooks = [
        part.register_forward_hook(lambda _, __, output, name=name: outputs.__setitem__(name, output))
        for name, part in linear.items()
    ]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            raw = model.network(x[:2])
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return next(((name, linear[name]) for name, output in outputs.items() if output is raw), None)
