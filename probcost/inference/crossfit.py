"""Cross-fitting: each group is judged by a network that has not met it, and then everybody trains the one that stays."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from probcost import save
from probcost.inference.data import Rows, TrainingData
from probcost.inference.history import History
from probcost.inference.map_estimate import MapObjective
from probcost.inference.task import Task

__all__ = ["Part", "crossfit"]


class Part(NamedTuple):
    """Rows that trained a network, rows that did not, and the network's weights ``[1, *shape]`` by name."""

    seen: tuple[Tensor, Tensor]
    unseen: tuple[Tensor, Tensor]
    weights: Mapping[str, Tensor]


def crossfit(task: Task) -> tuple[Task, list[Part], list[float]]:
    """Train a network on all groups but one part of them, for every part; return the task that is left: to train on everybody.

    It is to be trained for as many epochs as were best on average for groups that had not been met. Also returned are the
    parts, and the mean held-out cost after each epoch.

    Source: Stone, "Cross-validatory choice and assessment of statistical predictions", 1974,
    https://doi.org/10.1111/j.2517-6161.1974.tb00994.x.
    """
    if task.checkpoint is not None:
        _start_where_it_began(task)
    parts, histories = [], []
    for k, data in enumerate(task.data.of_parts()):
        assert data.held_out is not None
        model = copy.deepcopy(task.model)
        folder = None if task.checkpoint is None else Path(task.checkpoint) / f"part-{k}"
        settings = replace(task.settings, seed=task.seed + k)
        own = replace(task, model=model, data=data, settings=settings, checkpoint=folder)
        histories.append(own.train(MapObjective(model)))
        weights = {name: value[None] for name, value in model.network_state().items()}
        parts.append(Part(_pair(data.train), _pair(data.held_out), weights))
    epochs = round(sum(history.best_epoch + 1 for history in histories) / len(histories))
    everybody: TrainingData = replace(task.data, train=task.data.in_order, held_out=None, folds=None, parts=[])
    held_out = History.of_members(histories).held_out[:epochs]
    return replace(task, data=everybody, settings=replace(task.settings, epochs=epochs)), parts, held_out


def _start_where_it_began(task: Task) -> None:
    """Keep the initial weights on disk, so that whoever resumes goes on from them in every part."""
    folder = Path(task.checkpoint or "") / "start"
    try:
        _, state = save.read(folder, "start")
    except FileNotFoundError:
        save.write(folder, "start", {}, dict(task.model.state_dict()))
    else:
        task.model.load_state_dict(state)


def _pair(rows: Rows) -> tuple[Tensor, Tensor]:
    return rows.x, rows.y
