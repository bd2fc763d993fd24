"""What a fit of faces says of photos it has not met: pairs and triplets beside its own probabilities, for the checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probcost.checks.comparisons_evidence import ComparisonEvidence, PairEvidence, TripletEvidence
from probcost.likelihoods import NWayChoice, Triplets, TripletSlack
from probcost.scenarios.faces.pairs import all_pairs, as_array, pair_distances, refuse_missing

if TYPE_CHECKING:
    from probcost.scenarios.faces.face_fit import FaceFit

__all__ = ["gather_comparisons"]

_MOST_PHOTOS = 2000  # their pairs are two million
_TRIPLETS = 20_000
_AT_ONCE = 512
_DRAWS = 20

Indices = NDArray[np.int64]


def gather_comparisons(fit: FaceFit, photos: Any, people: Any, seed: int = 0) -> ComparisonEvidence:
    """All pairs of up to 2,000 photos, and 20,000 triplets drawn so that people come equally often.

    Raises:
        ValueError: for photos and people that differ in number, one person only, or nobody with two photos; and as the fit does
            for photos it cannot take.
    """
    names, person = _people(people)
    x = fit.photos(photos)
    if len(x) != len(person):
        raise ValueError(f"there are {len(x):,} photos and {len(person):,} people; one a photo is needed")
    counts = np.bincount(person)
    if len(counts) < 2 or counts.max() < 2:
        raise ValueError(
            f"{len(counts)} people with up to {counts.max()} photos each; two people, and two photos of one, are needed"
        )
    rng = np.random.default_rng([seed, 2026])
    kept = _some(person, rng)
    x, person = x[torch.as_tensor(kept, device=x.device)], person[kept]
    embedding = as_array(fit.embed(x)).astype(np.float64)
    likelihood = fit.model.likelihood
    assert isinstance(likelihood, Triplets)
    return ComparisonEvidence(
        embedding=embedding,
        person=person,
        names=names,
        pairs=_pairs(fit, embedding, person),
        triplets=_triplets(fit, x, person, rng),
        comparison=type(likelihood.comparison).__name__,
        coherent=_coherent(likelihood),
        tempered=_tempered(likelihood),
    )


def _people(people: Any) -> tuple[tuple[str, ...], Indices]:
    values = as_array(people)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values):
        raise ValueError(f"people has shape {list(values.shape)}; one name or number a photo, [T], is needed")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        t = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"people[{t}] is {values[t]}; a name or number is needed")
    refuse_missing("people", values)
    names, person = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)
    return tuple(f"{name:g}" if values.dtype.kind == "f" else str(name) for name in names), person.astype(np.int64)


def _some(person: Indices, rng: np.random.Generator) -> Indices:
    """Rows of all photos, or of as many of each person, and as many people, as stay within the limit."""
    if len(person) <= _MOST_PHOTOS:
        return np.arange(len(person))
    order = rng.permutation(len(person))
    order = order[np.argsort(person[order], kind="stable")]
    counts = np.bincount(person)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = order[place < max(2, _MOST_PHOTOS // len(counts))]
    chosen = rng.permutation(len(counts))[: _MOST_PHOTOS // 2]
    return np.sort(order[np.isin(person[order], chosen)])


def _pairs(fit: FaceFit, embedding: NDArray[np.float64], person: Indices) -> PairEvidence | None:
    offset, log_slope = (float(value) for value in fit.curve)
    if not math.isfinite(offset):
        return None
    first, second, _ = all_pairs(person)
    return PairEvidence(offset - math.exp(log_slope) * pair_distances(embedding), person[first], person[second])


def _triplets(fit: FaceFit, x: Tensor, person: Indices, rng: np.random.Generator) -> TripletEvidence | None:
    likelihood = fit.model.likelihood
    assert isinstance(likelihood, Triplets)
    comparison = likelihood.comparison
    if not getattr(comparison, "normalized_density", True):
        return None
    a, p, n = _drawn(person, rng)
    weights = fit.posterior.draws(_DRAWS, fit.seed)
    with torch.no_grad():
        points = torch.cat([likelihood.embed(fit.model.raw(part, weights)) for part in x.split(_AT_ONCE)], -2).double()
        points = points if weights else points[None]

        def log_p(nearer: Indices, farther: Indices) -> NDArray[np.float64]:
            parts = []
            for rows in np.array_split(np.arange(len(a)), max(1, len(a) * len(points) // _TRIPLETS)):
                given = tuple(points[:, index[rows]] for index in (a, nearer, farther))
                if isinstance(comparison, NWayChoice):
                    chosen = comparison((given[0], torch.stack(given[1:], -2)))
                    log_prob = chosen.log_prob(points.new_zeros(given[0].shape[:-1]))
                else:
                    log_prob = comparison(given).log_prob(points.new_ones(given[0].shape[:-1]))
                parts.append(log_prob.logsumexp(0) - math.log(len(points)))
            return as_array(torch.cat(parts))

        return TripletEvidence(log_p(p, n), log_p(n, p), person[a], person[n])


def _drawn(person: Indices, rng: np.random.Generator) -> tuple[Indices, Indices, Indices]:
    """Triplets of rows: the anchor's person, and the other one, come equally often, whoever has how many photos."""
    here, counts = np.unique(person, return_counts=True)
    order, starts = np.argsort(person, kind="stable"), np.cumsum(counts) - counts
    comparable = np.flatnonzero(counts > 1)
    g = comparable[rng.integers(len(comparable), size=_TRIPLETS)]
    h = rng.integers(len(here) - 1, size=_TRIPLETS)
    h = h + (h >= g)
    i = rng.integers(counts[g])
    j = rng.integers(counts[g] - 1)
    j = j + (j >= i)
    k = rng.integers(counts[h])
    return order[starts[g] + i], order[starts[g] + j], order[starts[h] + k]


def _coherent(likelihood: Triplets) -> tuple[Triplets, ...]:
    """Comparisons whose answers exclude each other, for networks as wide as this one's embeddings."""
    width = likelihood.num_outputs // likelihood.comparison.width
    logistic = TripletSlack("logistic", margin=0.0, temperature=0.1, squared=True)
    return Triplets(logistic, width, mining="all"), Triplets(NWayChoice(temperature=0.2), width)


def _tempered(likelihood: Triplets) -> Callable[[float], Triplets] | None:
    comparison = likelihood.comparison
    # The hinge's two answers are incoherent at any temperature.
    if not isinstance(comparison, (TripletSlack, NWayChoice)) or comparison.config.get("slack") == "exponential":
        return None
    config = comparison.config

    def at(slope: float) -> Triplets:
        other = type(comparison)(**{**config, "temperature": float(f"{config['temperature'] / slope:.2g}")})
        return Triplets(**{**likelihood.config, "comparison": other})

    return at
