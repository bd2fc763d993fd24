"""Side-chain sets from disk: an ``.npz`` of inputs, locations and labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.atoms.dataset import AtomDataset, as_labels, assign_split

__all__ = ["load"]

_ZIP = b"PK"


def load(path: str | os.PathLike[str]) -> AtomDataset:
    """The data set in an ``.npz`` file.

    Needed: ``x`` ``[T, P]`` and ``y`` ``[T, 3]`` in Å. Used where there: ``feature_names``, ``residue`` with
    ``residue_names`` (one type, ``"atom"``, where it is missing), ``chain`` with ``chain_names``, ``res_id``, ``group`` or
    ``cluster`` (rows that must not be split; each chain, else each row, is its own), ``split`` (0 train, 1 validation,
    2 test; made by whole groups where it is missing).
    All else, such as B factors and resolutions, is left alone: it is measured with the location and no input.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file of another kind, a damaged file, a missing array, or arrays that do not fit each other.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/atoms.npz", x=np.random.rand(100, 4), y=np.random.rand(100, 3))
        ...     atoms.load(f"{folder}/atoms.npz").y.shape
        (100, 3)
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    with open(path, "rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            raise ValueError(
                f"{os.fspath(path)!r} is no .npz file: arrays x [T, P] and y [T, 3] in Å are wanted, as np.savez writes them; "
                f"for a table of numbers see probcost.regress"
            )
    arrays = _read(path)
    try:
        return _dataset(arrays)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r}: {error}") from error


def _read(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    # The zip and array parsers raise a dozen kinds of error on a damaged file; to the user they are one.
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be read as an .npz file of plain arrays: {error}") from error


def _dataset(arrays: dict[str, NDArray[Any]]) -> AtomDataset:
    missing = [name for name in ("x", "y") if name not in arrays]
    if missing:
        raise ValueError(f"has no array {missing[0]!r}; it holds {', '.join(sorted(arrays)) or 'nothing'}")
    x, y = arrays["x"], arrays["y"]
    rows = np.arange(len(x) if x.ndim else 0)
    chain, chain_names = _labels(arrays, "chain")
    residue, residue_names = _labels(arrays, "residue")
    of_group = (_labels(arrays, name)[0] for name in ("group", "cluster", "chain"))
    group = next((labels for labels in of_group if labels is not None), rows)
    split, _ = _labels(arrays, "split")
    counts, reasons = _labels(arrays, "skipped")
    return AtomDataset(
        x=x,
        y=y,
        feature_names=_given(arrays, "feature_names") or [f"feature {i}" for i in range(x.shape[-1] if x.ndim else 0)],
        residue=np.zeros_like(rows) if residue is None else residue,
        residue_names=residue_names or ["atom"],
        group=group,
        split=assign_split(group) if split is None else split,
        chain=chain,
        chain_names=chain_names,
        res_id=_labels(arrays, "res_id")[0],
        skipped={} if counts is None else dict(zip(reasons, counts.tolist(), strict=True)),
    )


def _labels(arrays: dict[str, NDArray[Any]], name: str) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Labels counted from 0 and what each number means; words are counted in the order of the alphabet."""
    if name not in arrays:
        return None, []
    array = arrays[name]
    if array.dtype.kind in "US":
        words, counted = np.unique(array, return_inverse=True)
        return counted.astype(np.int64), [str(word) for word in words]
    whole = as_labels(name, array).astype(np.int64)
    given = _given(arrays, f"{name}_names")
    return whole, given or [f"{name} {i}" for i in range(int(whole.max(initial=-1)) + 1)]


def _given(arrays: dict[str, NDArray[Any]], name: str) -> list[str]:
    return [str(value) for value in arrays[name].ravel()] if name in arrays else []
