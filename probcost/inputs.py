"""What users hand in (tensors, arrays, data frames) as checked tensors; every complaint names the argument and the place."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probcost.likelihoods import Likelihood
from probcost.likelihoods.base import first_index

__all__ = ["as_inputs", "as_observations", "as_tensor", "by_name", "column_names", "same_length", "warn_of_offsets"]


def as_tensor(value: Any, name: str, like: Tensor) -> Tensor:
    """``value`` as a tensor of ``like``'s dtype and device.

    Raises:
        TypeError: when it is no tensor, array, data frame or list of numbers.
        ValueError: when it has no rows.
    """
    if isinstance(value, Tensor):
        tensor = value
    else:
        array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"{name} must be a tensor, an array or a data frame of real numbers, "
                f"got {type(value).__name__} of {array.dtype}"
            )
        # A copy, since torch cannot hold read-only memory, and nothing here may write into the caller's.
        tensor = torch.from_numpy(np.array(array))
    if tensor.is_complex():
        raise TypeError(f"{name} must be real, got {tensor.dtype}")
    if tensor.ndim == 0 or tensor.numel() == 0:
        raise ValueError(f"{name} is empty: its shape is {list(tensor.shape)}, at least one row is needed")
    return tensor.to(dtype=like.dtype, device=like.device)


def as_inputs(x: Any, like: Tensor) -> Tensor:
    """Inputs ``[T, ...]``, finite; ``[T]`` becomes ``[T, 1]``.

    Raises:
        ValueError: for NaN or infinity, with the first offending index.
    """
    tensor = as_tensor(x, "x", like)
    bad = first_index(~torch.isfinite(tensor))
    if bad is not None:
        raise ValueError(f"x[{bad}] is not finite; inputs must be finite numbers: impute or drop such rows first")
    return tensor[:, None] if tensor.ndim == 1 else tensor


def as_observations(y: Any, likelihood: Likelihood, like: Tensor) -> Tensor:
    """Observations ``[T, N]`` that the likelihood can have produced; ``[T]`` is accepted for one unit.

    Raises:
        ValueError: as ``likelihood.validate`` does.
    """
    tensor = as_tensor(y, "y", like)
    if tensor.ndim == 1 and likelihood.n_units == 1:
        tensor = tensor[:, None]
    likelihood.validate(tensor)
    return tensor


def warn_of_offsets(name: str, value: Any, dtype: torch.dtype) -> None:
    """Warn where columns vary so little around so large a number that ``dtype`` keeps less than three digits of what varies."""
    wide = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
    if wide.dtype != torch.float64 or dtype == torch.float64 or wide.ndim > 2:
        return
    wide = wide.reshape(len(wide), -1)
    spacing, sd = torch.finfo(dtype).eps * wide.abs().mean(0), wide.std(0, correction=0)
    lost = torch.nonzero((sd > 0) & (sd < 1e3 * spacing)).flatten().tolist()
    if lost:
        warnings.warn(
            f"{name} varies in column(s) {', '.join(map(str, lost[:5]))} by less than 1e-4 of its size, of which {dtype} keeps "
            f"few digits; subtract an offset (a first date, a mean) from them before",
            stacklevel=4,
        )


def same_length(**arguments: Any) -> None:
    """Raise a ``ValueError`` that states all lengths when they differ."""
    lengths = {name: len(value) for name, value in arguments.items()}
    if len(set(lengths.values())) > 1:
        stated = " and ".join(f"{name} has {n:,} rows" for name, n in lengths.items())
        raise ValueError(f"{stated}; they must be equally many")


def by_name(value: Any, name: str, wanted: list[str] | None) -> Any:
    """A data frame with its columns as ``wanted``, in that order; anything else (or where wanted names are not unique) as it is.

    Raises:
        ValueError: naming the columns that are missing.
    """
    own = column_names(value)
    if wanted is None or own is None or own == wanted or len(set(wanted)) < len(wanted):
        return value
    missing = [column for column in wanted if column not in own]
    if missing:
        raise ValueError(
            f"{name} has no column {', '.join(map(repr, missing[:5]))}{' …' if len(missing) > 5 else ''}; this fit was trained "
            f"on {', '.join(map(repr, wanted[:10]))}{' …' if len(wanted) > 10 else ''}: rename the columns, or pass an array"
        )
    places = [own.index(column) for column in wanted]
    return value.iloc[:, places] if hasattr(value, "iloc") else value[[value.columns[i] for i in places]]


def column_names(y: Any) -> list[str] | None:
    """The columns of a data frame; None for anything else."""
    columns = getattr(y, "columns", None)
    return None if columns is None else [str(c) for c in columns]
