"""Scores of the field that no single number over all atoms shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mode_within", "within_type_correlation"]


def within_type_correlation(sigma: Any, error: Any, residue: Any, minimum: int = 30) -> float:
    """Rank correlation of predicted σ and actual error within residue types, averaged by rows; NaN where no type has enough.

    Over all types it is high for any model that knows that arginines are longer than serines.

    Args:
        sigma, error: ``[T]``, Å.
        residue: type of each atom, ``[T]``.
        minimum: rows a type must have.

    Raises:
        ValueError: where lengths differ, or a number is not finite (the first index is named).

    Source: Spearman, "The proof and measurement of association between two things", 1904, https://doi.org/10.2307/1412159.

    Example:
        >>> sigma = np.linspace(0.1, 2.0, 40)
        >>> round(within_type_correlation(sigma, error=sigma**2, residue=np.zeros(40, int)), 6)
        1.0
    """
    from scipy.stats import rankdata

    sigma, error, residue = paired(sigma, error, residue)
    found, rows = [], []
    for kind in np.unique(residue):
        own = residue == kind
        if own.sum() >= minimum and np.ptp(sigma[own]) > 0 and np.ptp(error[own]) > 0:
            found.append(np.corrcoef(rankdata(sigma[own]), rankdata(error[own]))[0, 1])
            rows.append(own.sum())
    return float(np.average(found, weights=rows)) if found else float("nan")


def mode_within(y: Any, weights: Any, means: Any, radius: float = 1.0) -> float:
    """Share of atoms within ``radius`` Å of the centre of their most probable component.

    Args:
        y: locations ``[T, 3]``, Å.
        weights, means: of the components, ``[T, K]`` and ``[T, K, 3]``.

    Raises:
        ValueError: where shapes do not fit each other, or a number is not finite (the first index is named).

    Example:
        >>> y = np.zeros((2, 3))  # two components each: one at the atom, one 3 Å away
        >>> means = np.array([[[0.0, 0, 0], [3, 0, 0]]] * 2)
        >>> mode_within(y, weights=[[0.9, 0.1], [0.2, 0.8]], means=means)
        0.5
    """
    y, weights, means = (np.asarray(part, dtype=float) for part in (y, weights, means))
    if not len(y) or y.shape != (len(y), 3) or weights.ndim != 2 or means.shape != (len(y), weights.shape[1], 3):
        shapes = [list(part.shape) for part in (y, weights, means)]
        raise ValueError(f"y, weights and means have shapes {shapes}; [T, 3], [T, K] and [T, K, 3] are needed")
    for name, part in (("y", y), ("weights", weights), ("means", means)):
        require_finite(name, part)
    best = means[np.arange(len(y)), weights.argmax(1)]
    return float((np.linalg.norm(y - best, axis=-1) < radius).mean())


def paired(sigma: Any, error: Any, residue: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Three columns of equal length, or an error that says what does not fit."""
    columns = {"sigma": np.asarray(sigma, float), "error": np.asarray(error, float), "residue": np.asarray(residue)}
    shapes = [list(column.shape) for column in columns.values()]
    if not columns["sigma"].size or columns["sigma"].ndim != 1 or shapes != [shapes[0]] * 3:
        raise ValueError(f"sigma, error and residue have shapes {shapes}; one row an atom is needed in each, [T]")
    for name in ("sigma", "error"):
        require_finite(name, columns[name])
    return columns["sigma"], columns["error"], columns["residue"]


def require_finite(name: str, array: NDArray[Any]) -> None:
    """An error that names the first number that is not finite, if there is one."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}; finite numbers are needed")
