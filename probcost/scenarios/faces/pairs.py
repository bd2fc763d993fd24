"""Pairs of photos: their distances, whether they are of one person, and how much each counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.dataset import as_people

__all__ = [
    "METRICS",
    "all_pairs",
    "as_array",
    "as_labels",
    "checked",
    "pair_distances",
    "pair_weights",
    "refuse_missing",
]

METRICS = ("euclidean", "precomputed")

Floats = NDArray[np.float64]


def all_pairs(person: Any) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Every pair of T photos once: row numbers ``[T (T − 1) / 2]`` of either photo, and whether both are of one person.

    Pairs come in the order of ``scipy.spatial.distance.pdist``.

    Example:
        >>> first, second, same = all_pairs([0, 0, 1])
        >>> first.tolist(), second.tolist(), same.tolist()
        ([0, 0, 1], [1, 2, 2], [True, False, False])
    """
    person = as_labels("person", person)
    first, second = np.triu_indices(len(person), 1)
    return first, second, person[first] == person[second]


def pair_distances(embedding: Any, metric: str = "euclidean") -> Floats:
    """Euclidean distances ``[T (T − 1) / 2]`` of all pairs of rows, or those in a ``"precomputed"`` ``[T, T]``."""
    from scipy.spatial.distance import pdist

    values = as_array(embedding).astype(np.float64, copy=False)
    return values[np.triu_indices(len(values), 1)] if metric == "precomputed" else pdist(values)


def pair_weights(person: Any, weight: Any) -> Floats | None:
    """How much each pair counts, ``[T (T − 1) / 2]``, where person i was drawn ``weight`` times; None where all count alike.

    A pair of one person counts as often as the person was drawn, w, and not w² times: photos of two copies of a person are
    neither a pair of the same (half of them would be one photo twice) nor of different people. A pair of different people
    counts w_i w_j times.
    """
    if weight is None:
        return None
    first, second, same = all_pairs(person)
    weight = as_array(weight).astype(np.float64)
    return np.where(same, weight[first], weight[first] * weight[second])


def checked(embedding: Any, person: Any, metric: str, weight: Any) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Embedding or distances, person and weight as arrays that fit each other, or an error that says what does not."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; choose one of {', '.join(map(repr, METRICS))}")
    values = as_array(embedding).astype(np.float64, copy=False)
    person = as_labels("person", person)
    weights = np.ones(len(person)) if weight is None else as_array(weight).astype(np.float64)
    if person.ndim == 2 and person.shape[1] == 1:
        person = person[:, 0]
    wanted = (len(person), len(person)) if metric == "precomputed" else (len(person), *values.shape[1:2])
    if values.ndim != 2 or person.ndim != 1 or values.shape != wanted or weights.shape != person.shape:
        kind = "distances of [T, T]" if metric == "precomputed" else "an embedding of [T, m]"
        shapes = f"{list(values.shape)}, person {list(person.shape)}" + (
            "" if weight is None else f", weight {list(weights.shape)}"
        )
        raise ValueError(f"shapes are {shapes}; {kind} and one person a photo, [T], are needed")
    for name, array in (("embedding", values), ("weight", weights)):
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}; finite numbers are needed")
    here, counts = np.unique(person[weights > 0], return_counts=True)
    if len(here) < 2 or counts.max() < 2:
        raise ValueError(
            f"{len(here)} people with up to {counts.max(initial=0)} photos each; two people, and two photos of one, are needed"
        )
    return values, person, weights


def as_labels(name: str, values: Any) -> NDArray[np.int64]:
    """Whole numbers from 0: those given, or, of names, their places in alphabetical order.

    Raises:
        ValueError: for a missing name, or a number that is no whole one from 0.
    """
    labels = as_array(values)
    refuse_missing(name, labels)
    if labels.dtype.kind not in "USO":
        return as_people(name, labels)
    order = np.unique(labels.astype(str).ravel(), return_inverse=True)[1]
    return order.astype(np.int64).reshape(labels.shape)


def refuse_missing(name: str, labels: NDArray[Any]) -> None:
    """Raise a ``ValueError`` that names the first missing one; as text it would be a person called "nan"."""
    if labels.dtype.kind == "O":
        import pandas as pd

        missing = np.argwhere(pd.isna(labels))
        if len(missing):
            raise ValueError(f"{name}[{', '.join(map(str, missing[0]))}] is missing; a name or number is needed")


def as_array(values: Any) -> NDArray[Any]:
    """An array of a tensor, wherever it lives, or of anything numpy takes."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
