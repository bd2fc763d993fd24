"""Side-chain sets from disk: an ``.npz`` of inputs, locations and labels."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.atoms.dataset import AtomDataset, assign_split

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> AtomDataset:
    """The data set in an ``.npz`` file.

    Needed: ``x`` ``[T, P]`` and ``y`` ``[T, 3]`` in Å. Used where there: ``feature_names``, ``residue`` with
    ``residue_names``, ``chain`` with ``chain_names``, ``res_id``, ``group`` or ``cluster`` (rows that must not be split; each
    chain, else each row, is its own), ``split`` (0 train, 1 validation, 2 test; made by whole groups where it is missing).
    All else, such as B factors and resolutions, is left alone: it is measured with the location and no input.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a damaged file, a missing array, or arrays that do not fit each other.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    arrays = _read(path)
    missing = [name for name in ("x", "y") if name not in arrays]
    if missing:
        raise ValueError(
            f"{os.fspath(path)!r} has no array {missing[0]!r}; it holds {', '.join(sorted(arrays)) or 'nothing'}"
        )
    x, y = (_numbers(path, name, arrays[name]).astype(np.float32) for name in ("x", "y"))
    n, width = len(x), x.shape[-1] if x.ndim > 1 else 0
    chain = _labels(path, arrays, "chain")
    group = _labels(path, arrays, "group")
    group = _labels(path, arrays, "cluster") if group is None else group
    group = chain if group is None else group
    group = np.arange(n) if group is None else group
    residue = _labels(path, arrays, "residue")
    split = _labels(path, arrays, "split")
    return AtomDataset(
        x=x,
        y=y,
        feature_names=_names(arrays, "feature_names", width),
        residue=np.zeros(n, np.int64) if residue is None else residue,
        residue_names=_names(arrays, "residue_names", 1 if residue is None else int(residue.max()) + 1),
        group=group,
        split=assign_split(group) if split is None else split.astype(np.int8),
        chain=chain,
        chain_names=_names(arrays, "chain_names", int(chain.max()) + 1) if chain is not None else None,
        res_id=_labels(path, arrays, "res_id"),
    )


def _read(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be read as an .npz file of plain arrays: {error}") from error


def _numbers(path: str | os.PathLike[str], name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} in {os.fspath(path)!r} holds {array.dtype}; numbers are needed")
    return array


def _labels(path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]], name: str) -> NDArray[np.int64] | None:
    """Labels counted from 0, or None where the file has none; words are counted in the order of the alphabet."""
    if name not in arrays:
        return None
    array = arrays[name]
    if array.dtype.kind in "US":
        return np.unique(array, return_inverse=True)[1].astype(np.int64)
    return _numbers(path, name, array).astype(np.int64)


def _names(arrays: dict[str, NDArray[Any]], name: str, n: int) -> list[str]:
    given = [str(value) for value in arrays[name].ravel()] if name in arrays else []
    return given or [f"{name.removesuffix('_names')} {i}" for i in range(n)]
