"""What users hand in (tensors, arrays, data frames) as checked tensors; every complaint names the argument and the place."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probcost.likelihoods import Likelihood
from probcost.likelihoods.base import first_index

__all__ = [
    "as_inputs",
    "as_observations",
    "as_tensor",
    "by_name",
    "column_names",
    "labelled",
    "listed",
    "same_length",
    "same_order",
    "warn_of_offsets",
]

_LISTED = 5


def as_tensor(value: Any, name: str, like: Tensor) -> Tensor:
    """``value`` as a tensor of ``like``'s dtype and device; of a data frame, truth values are 0 and 1, what is missing is NaN.

    Raises:
        TypeError: when it is no tensor, array, data frame or list of numbers; a data frame's columns are named.
        ValueError: when it has no rows.
    """
    tensor = _in_own_precision(value, name)
    if tensor.is_complex():
        raise TypeError(f"{name} must be real, got {tensor.dtype}")
    if tensor.ndim == 0 or tensor.numel() == 0:
        raise ValueError(f"{name} is empty: its shape is {list(tensor.shape)}, at least one row is needed")
    return tensor.to(dtype=like.dtype, device=like.device)


def as_inputs(x: Any, like: Tensor) -> Tensor:
    """Inputs ``[T, ...]``, finite; ``[T]`` becomes ``[T, 1]``.

    Raises:
        ValueError: for NaN or infinity, with the columns of a data frame, or the first offending index.
    """
    tensor = as_tensor(x, "x", like)
    _finite(tensor, x, "x", "fill them and add a column that says so, or leave the rows out")
    return tensor[:, None] if tensor.ndim == 1 else tensor


def as_observations(y: Any, likelihood: Likelihood, like: Tensor) -> Tensor:
    """Observations ``[T, N]`` that the likelihood can have produced; ``[T]`` is accepted for one unit.

    Raises:
        ValueError: as ``likelihood.validate`` does.
    """
    tensor = as_tensor(y, "y", like)
    if column_names(y) is not None:
        _finite(tensor, y, "y", "leave the rows out")
    if tensor.ndim == 1 and likelihood.n_units == 1:
        tensor = tensor[:, None]
    likelihood.validate(tensor)
    return tensor


def warn_of_offsets(name: str, value: Any, dtype: torch.dtype) -> None:
    """Warn where columns vary so little around so large a number that ``dtype`` keeps less than three digits of what varies."""
    wide = _in_own_precision(value, name)
    if wide.dtype != torch.float64 or dtype == torch.float64 or wide.ndim > 2:
        return
    wide = wide.reshape(len(wide), -1)
    spacing, sd = torch.finfo(dtype).eps * wide.abs().mean(0), wide.std(0, correction=0)
    lost = torch.nonzero((sd > 0) & (sd < 1e3 * spacing)).flatten().tolist()
    if lost:
        warnings.warn(
            f"{name} varies in column(s) {listed(lost, column_names(value))} by less than 1e-4 of its size, of which {dtype} "
            f"keeps few digits; subtract an offset (a first date, a mean) from them before",
            stacklevel=4,
        )


def same_length(**arguments: Any) -> None:
    """Raise a ``ValueError`` that states all lengths when they differ; of ``x`` and ``y`` also where `same_order` does."""
    lengths = {name: len(value) for name, value in arguments.items()}
    if len(set(lengths.values())) > 1:
        stated = " and ".join(f"{name} has {n:,} rows" for name, n in lengths.items())
        raise ValueError(f"{stated}; they must be equally many")
    if arguments.keys() == {"x", "y"}:
        same_order(**arguments)


def same_order(**two: Any) -> None:
    """Raise a ``ValueError`` where two pandas tables hold the same index in another order, since rows are paired by position.

    Indices with other labels are no sign of anything. One that counts 0, 1, 2, ... may have been reset after both were shuffled:
    then rows may be paired rightly, and the message says what to do.
    """
    (first, one), (second, other) = two.items()
    index, its = _index(one), _index(other)
    if index is None or its is None or index.equals(its) or not (index.is_unique and its.is_unique):
        return
    if len(index) == len(its) and index.isin(its).all():
        raise ValueError(
            f"{first} and {second} hold the same index in another order, and rows are paired by position: pass "
            f"{second}.loc[{first}.index], or {second}.to_numpy() where its rows are in the order of {first}'s already"
        )


def labelled(groups: Any, rows: int, x: Any = None) -> Sequence[Any]:
    """One label for each of so many rows, those of ``x`` where it is given.

    Raises:
        ValueError: for another number of labels, a missing one, with its index, or labels in another order than ``x``.
    """
    import pandas as pd

    same_order(x=x, groups=groups)

    # As an array of text a missing label among names would read "nan".
    labels = np.asarray(groups, dtype=object) if isinstance(groups, (list, tuple)) else np.asarray(groups)
    if labels.ndim != 1 or len(labels) != rows:
        raise ValueError(f"groups has shape {list(labels.shape)} and y has {rows:,} rows; one label a row is needed")
    missing = np.flatnonzero(pd.isna(labels))
    if len(missing):
        raise ValueError(f"groups[{missing[0]}] is missing; every row needs a label")
    return list(labels)


def by_name(value: Any, name: str, wanted: list[str] | None) -> Any:
    """A data frame with its columns as ``wanted``, in that order; anything else (or where wanted names are not unique) as it is.

    Raises:
        ValueError: naming the columns that are missing.
    """
    own = column_names(value) if hasattr(value, "columns") else None
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


def column_names(table: Any) -> list[str] | None:
    """The columns of a data frame, or the one of a series that has a name; None for anything else."""
    columns = getattr(table, "columns", None)
    if columns is None and hasattr(table, "to_numpy") and getattr(table, "ndim", None) == 1:
        name = getattr(table, "name", None)  # an extension array has none
        columns = None if name is None else [name]
    return None if columns is None else [str(c) for c in columns]


def listed(columns: Sequence[int], names: Sequence[str] | None) -> str:
    """Columns by their names, or by number where they have none; the first five of many."""
    words = [str(i) if names is None else repr(names[i]) for i in columns[:_LISTED]]
    return ", ".join(words) + (" …" if len(columns) > _LISTED else "")


def _in_own_precision(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    if array.dtype.kind not in "biuf" and hasattr(value, "convert_dtypes"):
        array = _numbers(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be a tensor, an array or a data frame of real numbers, got {type(value).__name__} of {array.dtype}"
        )
    # A copy, since torch cannot hold read-only memory, and nothing here may write into the caller's.
    return torch.from_numpy(np.array(array))


def _numbers(table: Any, name: str) -> np.ndarray:
    """A pandas table whose columns are of several kinds, as numbers.

    Raises:
        TypeError: naming the columns that are no numbers.
    """
    frame = (table if hasattr(table, "columns") else table.to_frame()).convert_dtypes()
    no_numbers = [i for i, dtype in enumerate(frame.dtypes) if dtype.kind not in "biuf"]
    text = [i for i in no_numbers if any(isinstance(entry, str) for entry in frame.iloc[:, i])]
    if text:
        mended = "pd.to_numeric makes numbers of it where that is what is written"
        if name == "x":
            mended = "pd.get_dummies(x).astype(float) makes numbers of it, pd.to_numeric of numbers written as text"
        raise TypeError(f"{_which(text, table, name)} hold{'s' * (len(text) == 1)} text; {mended}")
    if no_numbers and len(frame):
        kind = frame.dtypes.iloc[no_numbers[0]]
        such = ", such as the days since a first date" if kind.kind in "mM" else ""
        raise TypeError(f"{_which(no_numbers[:1], table, name)} holds {kind}; numbers are needed{such}")
    if no_numbers:
        return np.empty(table.shape)
    return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan)).reshape(table.shape)


def _finite(tensor: Tensor, value: Any, name: str, remedy: str) -> None:
    bad = ~torch.isfinite(tensor)
    if not bool(bad.any()):
        return
    by_column = bad.reshape(len(bad), -1)
    rows = torch.nonzero(by_column.any(1)).flatten().tolist()
    told = f"{len(rows):,} row{'s' * (len(rows) > 1)}"
    if column_names(value) is None:
        among = f", the first of {int(bad.sum()):,} in {told}" if int(bad.sum()) > 1 else ""
        raise ValueError(f"{name}[{first_index(bad)}] is not finite{among}; {remedy}")
    columns = torch.nonzero(by_column.any(0)).flatten().tolist()
    index = _index(value)
    raise ValueError(
        f"{_which(columns, value, name)} {'is' if len(columns) == 1 else 'are'} not finite in {told}, first at index "
        f"{rows[0] if index is None else index[rows[0]]}; {remedy}"
    )


def _which(columns: Sequence[int], table: Any, name: str) -> str:
    """``column 'a' of x``; ``x`` itself where it is a series without a name."""
    names = column_names(table)
    return name if names is None else f"column{'s' * (len(columns) > 1)} {listed(columns, names)} of {name}"


def _index(table: Any) -> Any:
    """The index of a pandas table; None for anything else (a list has a method of that name)."""
    index = getattr(table, "index", None)
    return index if hasattr(index, "get_indexer") else None
