"""Scores of the field that no single number over all atoms shows."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["mode_within", "within_type_correlation"]


def within_type_correlation(sigma: Any, error: Any, residue: Any, minimum: int = 30) -> float:
    """Rank correlation of predicted σ and actual error within residue types, averaged by rows; NaN where no type has enough.

    Over all types it is high for any model that knows that arginines are longer than serines.

    Args:
        sigma, error: ``[T]``, Å.
        residue: type of each atom, ``[T]``.
        minimum: rows a type must have.

    Source: Spearman, "The proof and measurement of association between two things", 1904, https://doi.org/10.2307/1412159.
    """
    from scipy.stats import rankdata

    sigma, error, residue = np.asarray(sigma), np.asarray(error), np.asarray(residue)
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
    """
    y, weights, means = np.asarray(y), np.asarray(weights), np.asarray(means)
    best = means[np.arange(len(y)), weights.argmax(1)]
    return float((np.linalg.norm(y - best, axis=-1) < radius).mean())
