"""From what the user handed in to checked, standardised training and held-out rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probcost.inputs import (
    as_inputs,
    as_observations,
    by_name,
    column_names,
    labelled,
    listed,
    same_length,
    same_order,
    warn_of_offsets,
)
from probcost.model import CostModel
from probcost.networks import Standardize

__all__ = ["Rows", "TrainingData", "prepare", "split_rows"]

_HELD_OUT = 0.1
_BLOCKS = 20
_LARGEST = 1e15
_FEW_ROWS = 20
_PARTS = 5
_MANY_GROUPS = 200


@dataclass(frozen=True)
class Rows:
    """Inputs ``[T, ...]`` (standardised) and observations ``[T, N]`` that belong together."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class TrainingData:
    """Everything `fit` learned from the data before training: rows, scales, names, and each unit's moments.

    ``in_order`` holds all rows of x and y as they came, held-out ones among them. ``folds`` are rows of it: those that each
    member of an ensemble trains on ``[M, n]`` and those it is judged on ``[M, m]``, where members have rows of their own.
    ``parts`` are rows of it to train on and to hold out in turn, where the observations themselves say which belong together
    and groups are few.
    ``batches(y, size, generator)`` makes the batches of an epoch.
    """

    train: Rows
    held_out: Rows | None
    in_order: Rows
    standardize: Standardize
    mean: Tensor
    variance: Tensor
    unit_names: list[str]
    input_names: list[str] | None
    folds: tuple[Tensor, Tensor] | None
    parts: list[tuple[Tensor, Tensor]]
    batches: Callable[[Tensor, int, torch.Generator], list[Tensor]]

    def of_parts(self) -> list[TrainingData]:
        """The same with each of ``parts`` held out in turn."""
        x, y = self.in_order.x, self.in_order.y
        return [
            replace(self, train=Rows(x[kept], y[kept]), held_out=Rows(x[held], y[held]), folds=None, parts=[])
            for kept, held in self.parts
        ]


def prepare(
    model: CostModel, x: Any, y: Any, *, validation: Any, groups: Any, seed: int, members: int | None = None
) -> TrainingData:
    """Check, split and standardise; scales come from the training rows alone, the null model's moments from all of x and y.

    Raises:
        ValueError, TypeError: for anything the table of bad input names; nothing has been trained yet.
    """
    like = next(model.parameters())
    names = column_names(y)
    if not hasattr(x, "__len__") or not hasattr(y, "__len__"):
        raise TypeError(
            f"x and y must be tensors, arrays or data frames, got {type(x).__name__} and {type(y).__name__}"
        )
    same_length(x=x, y=y)
    inputs, observations = as_inputs(x, like), as_observations(y, model.likelihood, like)
    # A prior says what so few rows do not.
    if len(inputs) < _FEW_ROWS and model.prior is None:
        warnings.warn(
            f"x has {len(inputs)} row{'s' * (len(inputs) > 1)}: so few can hardly teach a model anything, or show whether it "
            "is right",
            stacklevel=3,
        )
    warn_of_offsets("x", x, like.dtype)
    if not model.likelihood.discrete:
        warn_of_offsets("y", y, like.dtype)
        _of_moderate_size(observations)
    same_order(x=x, groups=groups)
    own = None if groups is not None else model.likelihood.groups(observations)
    groups = groups if own is None else own.cpu().numpy()
    if isinstance(validation, tuple):
        if len(validation) != 2:
            raise ValueError(f"validation must be (x, y), got a tuple of {len(validation)}")
        train = Rows(inputs, observations)
        beside = by_name(validation[0], "validation x", column_names(x))
        held_out: Rows | None = _given(beside, validation[1], model=model, like=train.x)
    else:
        if own is None or validation is None:
            kept, held = split_rows(len(inputs), validation, groups, ordered=model.ordered, seed=seed)
        else:
            kept, held = _people_held_out(groups, validation, seed)
        train = Rows(inputs[kept], observations[kept])
        held_out = Rows(inputs[held], observations[held]) if len(held) else None
    standardize = _standardizer(train.x, column_names(x), together=model.one_scale or train.x.ndim > 3)
    # Small data are too dear to be held out from everybody. Groups and stretches of time are not equally long, or not many.
    exchangeable = held_out is not None and not isinstance(validation, tuple) and groups is None and not model.ordered
    folds = None
    if members and exchangeable:
        splits = [split_rows(len(inputs), validation, None, ordered=False, seed=seed + m) for m in range(members)]
        folds = torch.stack([kept for kept, _ in splits]), torch.stack([held for _, held in splits])
    return TrainingData(
        train=Rows(standardize(train.x), train.y),
        held_out=None if held_out is None else Rows(standardize(held_out.x), held_out.y),
        in_order=Rows(standardize(inputs), observations),
        standardize=standardize,
        mean=observations.double().mean(0).to(like.dtype),
        variance=observations.double().var(0, correction=0).to(like.dtype),
        unit_names=names or [str(i) for i in range(model.likelihood.n_units)],
        input_names=column_names(x),
        folds=folds,
        parts=_parts(groups, seed) if own is not None and validation == "auto" else [],
        batches=model.likelihood.batches,
    )


def _of_moderate_size(y: Tensor) -> None:
    """Squares of observations, and of their scales, must be numbers that a float can hold.

    Raises:
        ValueError: where they would not be.
    """
    largest, sd = y.double().abs().amax(0), y.double().std(0, correction=0)
    bad = (largest > _LARGEST) | ((sd < 1 / _LARGEST) & (sd > 0))
    if bool(bad.any()):
        column = int(bad.nonzero()[0])
        raise ValueError(
            f"y[:, {column}] has standard deviation {sd[column]:.3g} and values up to {largest[column]:.3g}; their squares "
            f"overflow or vanish outside 1e-15 … 1e15: give y in units in which it is near 1"
        )


def _given(x: Any, y: Any, *, model: CostModel, like: Tensor) -> Rows:
    rows = Rows(as_inputs(x, like), as_observations(y, model.likelihood, like))
    same_length(**{"validation x": rows.x, "validation y": rows.y})
    same_order(**{"validation x": x, "validation y": y})
    if rows.x.shape[1:] != like.shape[1:]:
        raise ValueError(f"validation x has rows of shape {list(rows.x.shape[1:])}, x of {list(like.shape[1:])}")
    return rows


def split_rows(n: int, validation: Any, groups: Any, *, ordered: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers to train on and to hold out.

    A tenth (or the given fraction) is held out: whole groups where groups are given, whole stretches of time where the
    rows are ordered, else rows at random.
    """
    everything = torch.arange(n)
    if validation is None:
        return everything, everything[:0]
    if validation == "auto":
        fraction = _HELD_OUT
    elif isinstance(validation, (int, float)) and not isinstance(validation, bool) and 0 < validation < 1:
        fraction = float(validation)
    else:
        raise ValueError(f"validation must be 'auto', None, a fraction between 0 and 1, or (x, y); got {validation!r}")
    held = _held_out_mask(n, fraction, groups, ordered, np.random.default_rng(seed))
    if held.all() or not held.any():
        if validation == "auto":
            return everything, everything[:0]
        raise ValueError(
            f"holding out {fraction:g} of {n:,} rows leaves nothing on one side; pass validation=None or (x, y)"
        )
    mask = torch.from_numpy(held)
    return everything[~mask], everything[mask]


def _parts(groups: np.ndarray, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Rows to train on and to hold out, part by part; none where groups are so many that a tenth can be spared, or too few."""
    comparable, alone = _shuffled(groups, seed)
    n = min(_PARTS, len(comparable) // 2)
    if n < 2 or len(comparable) > _MANY_GROUPS:
        return []
    both = zip(np.array_split(comparable, n), np.array_split(alone, n), strict=True)
    held = [np.isin(groups, np.concatenate(part)) for part in both]
    return [(torch.from_numpy(np.flatnonzero(~mask)), torch.from_numpy(np.flatnonzero(mask))) for mask in held]


def _people_held_out(groups: np.ndarray, validation: Any, seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers to train on and of people to hold out: at least two of them, so that they can be compared with each other."""
    split_rows(10_000, validation, None, ordered=False, seed=seed)  # refuses what is no fraction
    comparable, _ = _shuffled(groups, seed)
    share = _HELD_OUT if validation == "auto" else float(validation)
    n = max(2, round(share * len(comparable)))
    everything = torch.arange(len(groups))
    if len(comparable) - n < 2:
        told = f"{len(comparable)} people have two photos or more, too few to hold out two and train on two"
        if validation != "auto":
            raise ValueError(f"{told}; pass validation=None or (x, y) of other people")
        warnings.warn(f"{told}: nobody is held out, and training goes on for all epochs", stacklevel=4)
        return everything, everything[:0]
    held = torch.from_numpy(np.isin(groups, comparable[:n]))
    return everything[~held], everything[held]


def _shuffled(groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Names of groups with two rows or more, which can be compared within, and of those with one; both in random order."""
    names, sizes = np.unique(groups, return_counts=True)
    rng = np.random.default_rng(seed)
    return rng.permutation(names[sizes > 1]), rng.permutation(names[sizes == 1])


def _held_out_mask(n: int, fraction: float, groups: Any, ordered: bool, rng: np.random.Generator) -> np.ndarray:
    if groups is not None:
        labels = np.asarray(labelled(groups, n))
        names = np.unique(labels)
        if len(names) < 2:
            raise ValueError(f"groups holds one group only ({names[0]!r}); at least two are needed to hold one out")
        chosen = rng.choice(names, size=max(1, round(fraction * len(names))), replace=False)
        return np.isin(labels, chosen)
    if ordered:
        # Whole stretches: neighbouring rows of a time series are near copies, and held-out rows must not be.
        n_held = max(1, round(fraction * _BLOCKS))
        chosen = np.floor((np.arange(n_held) + 0.5) * _BLOCKS / n_held)
        return np.isin(np.arange(n) * _BLOCKS // n, chosen)
    return np.asarray(rng.permutation(n) < math.floor(fraction * n))


def _standardizer(x: Tensor, names: list[str] | None, *, together: bool) -> Standardize:
    """Mean and scale per column (vectors), per feature (sequences), or one ``together`` (pixels)."""
    axes = tuple(range(x.ndim)) if together else tuple(range(x.ndim - 1))
    wide = x.double()
    mean = wide.mean(axes)
    scale = (wide - mean).square().mean(axes).sqrt()
    # Against rounding: a constant column of 1e6 has a standard deviation of about 1e-4 in float32.
    constant = scale <= 1e-6 * mean.abs() + torch.finfo(x.dtype).tiny
    if bool(constant.any()):
        columns = torch.nonzero(constant.reshape(-1)).reshape(-1).tolist()
        warnings.warn(
            f"x is constant in column(s) {listed(columns, None if together else names)}: "
            "they carry no information and enter as zeros",
            stacklevel=4,
        )
    return Standardize(mean.to(x.dtype), torch.where(constant, torch.ones_like(scale), scale).to(x.dtype))
