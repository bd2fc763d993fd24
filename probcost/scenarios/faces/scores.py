"""How well an embedding tells people apart: verification, retrieval, and whether P(same) can be believed.

Distances of all pairs are held at once, 8 bytes each: 5,000 photos are 12.5 million pairs and about 1.5 GB at the peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.pairs import all_pairs, as_array, checked, pair_distances, pair_weights

__all__ = [
    "photo_error",
    "retrieval_scores",
    "same_person_scores",
    "threshold_at_far",
    "uncertainty_error",
    "verification_scores",
]

_BINS = 15
_CHUNK = 512  # queries whose distances to all photos are sorted at once
_SMALLEST = 1e-7  # a probability in float32 is known no better than this beside 1


def verification_scores(
    embedding: Any, person: Any, *, metric: str = "euclidean", weight: Any = None
) -> dict[str, float]:
    """Are these two photos of one person? All pairs are asked, and answered yes below one distance for all.

    ``auc``: chance that a pair of one person is nearer than a pair of two; .5 is chance. ``eer``: the error rate where as many
    different pairs are accepted as same ones are refused. ``tar_at_far_1pct``: share of same pairs accepted where at most 1 %
    of different ones are.

    Args:
        embedding: ``[T, m]``, array or tensor; or with ``metric="precomputed"`` distances ``[T, T]``.
        person: whose each photo is, ``[T]``: numbers from 0, or names.
        metric: ``"euclidean"`` or ``"precomputed"``.
        weight: how often each photo's person was drawn, ``[T]``, as `bootstrap_people` gives it.

    Raises:
        ValueError: where shapes do not fit, a number is not finite, or there are no pairs of one kind.

    Source: Huang et al., "Labeled faces in the wild", 2007, http://vis-www.cs.umass.edu/lfw/lfw.pdf; AUC and ROC are
    scikit-learn's.

    Example:
        >>> verification_scores([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1])
        {'auc': 1.0, 'eer': 0.0, 'tar_at_far_1pct': 1.0}
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    values, person, weights = checked(embedding, person, metric, weight)
    nearness, same = -pair_distances(values, metric), all_pairs(person)[2]
    pair_weight = None if weight is None else pair_weights(person, weights)
    false, true, _ = roc_curve(same, nearness, sample_weight=pair_weight, drop_intermediate=False)
    crossing = np.argmin(np.abs(false - (1 - true)))
    return {
        "auc": float(roc_auc_score(same, nearness, sample_weight=pair_weight)),
        "eer": float((false[crossing] + 1 - true[crossing]) / 2),
        "tar_at_far_1pct": float(true[false <= 0.01].max()),
    }


def retrieval_scores(
    embedding: Any, person: Any, *, k: Sequence[int] = (1,), metric: str = "euclidean", weight: Any = None
) -> dict[str, float]:
    r"""Who is this? Each photo asks all others, nearest first; the mean over photos whose person has another one.

    ``recall_at_k``: is the person among the k nearest? For R other photos of the person and :math:`h_i = 1` where the i-th
    nearest is one of them: ``r_precision`` and ``map_at_r`` are

    .. math:: \frac1R \sum_{i=1}^R h_i \qquad \frac1R \sum_{i=1}^R h_i \, \frac1i \sum_{j \le i} h_j

    Photos of people who have only one are found, but do not ask.

    Args:
        embedding, person, metric: as for `verification_scores`.
        k: for which recall is wanted, whole numbers from 1.
        weight: how often each photo's person was drawn, ``[T]``: such photos ask as often, those of weight 0 are not there.

    Raises:
        ValueError: where shapes do not fit, a number is not finite, nobody has two photos, or a k is no whole number from 1.

    Source: Musgrave, Belongie & Lim, "A metric learning reality check", 2020, https://arxiv.org/abs/2003.08505.

    Example:
        >>> retrieval_scores([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1])
        {'recall_at_1': 1.0, 'r_precision': 1.0, 'map_at_r': 1.0}
    """
    from scipy.spatial.distance import cdist

    if any(isinstance(n, bool) or n != int(n) or n < 1 for n in k):
        raise ValueError(f"k is {tuple(k)}; whole numbers from 1 are accepted")
    values, person, weights = checked(embedding, person, metric, weight)
    there = np.flatnonzero(weights > 0)
    values = values[np.ix_(there, there)] if metric == "precomputed" else values[there]
    person, weights = person[there], weights[there]
    _, index, counts = np.unique(person, return_inverse=True, return_counts=True)
    others = counts[index] - 1
    asking = np.flatnonzero(others > 0)
    found = []
    for start in range(0, len(asking), _CHUNK):
        rows = asking[start : start + _CHUNK]
        distance = values[rows].copy() if metric == "precomputed" else cdist(values[rows], values)
        distance[np.arange(len(rows)), rows] = np.inf  # a photo does not find itself
        hit = person[np.argsort(distance, axis=1, kind="stable")] == person[rows, None]
        place = np.arange(1, hit.shape[1] + 1)
        wanted, r = place <= others[rows, None], others[rows]
        precision = np.cumsum(hit, axis=1) / place
        recall = [hit[:, :n].any(1) for n in k]
        found.append(np.stack([*recall, (hit & wanted).sum(1) / r, (precision * hit * wanted).sum(1) / r]))
    means = np.average(np.concatenate(found, axis=1), axis=1, weights=weights[asking])
    names = [*(f"recall_at_{n}" for n in k), "r_precision", "map_at_r"]
    return {name: float(value) for name, value in zip(names, means, strict=True)}


def same_person_scores(probability: Any, same: Any, *, weight: Any = None) -> dict[str, float]:
    r"""Is P(same person) right? Scored with same and different pairs weighing one half each, whatever their numbers.

    .. math:: \text{nll} = -\sum_i w_i \log p_i(s_i), \quad \text{brier} = \sum_i w_i (p_i - s_i)^2, \quad
        \text{ece} = \sum_{b=1}^{15} \Big| \sum_{i \in b} w_i (p_i - s_i) \Big|

    with :math:`w_i = 1 / (2 n_{s_i})` and bins of equal width. Who answers 1/2 always has .693, .25 and 0.
    Probabilities are taken to be within 1e-7 … 1 − 1e-7, as float32 holds them.

    Args:
        probability: of each pair being one person, ``[n]``.
        same: whether it is, ``[n]``.
        weight: how often each pair counts, ``[n]``, within its class.

    Raises:
        ValueError: where lengths differ, a probability is none, or one of the classes is missing.

    Source: Guo et al., "On calibration of modern neural networks", 2017, https://arxiv.org/abs/1706.04599; Brier, "Verification
    of forecasts expressed in terms of probability", 1950.

    Example:
        >>> scores = same_person_scores([0.5, 0.5, 0.5], [True, False, False])
        >>> {name: round(value, 3) for name, value in scores.items()}
        {'same_person_nll': 0.693, 'same_person_brier': 0.25, 'same_person_ece': 0.0}
    """
    p, same, w = class_weighted(probability, same, weight)
    p = p.clip(_SMALLEST, 1 - _SMALLEST)
    in_bin = np.bincount(probability_bin(p), weights=w * (p - same), minlength=_BINS)
    return {
        "same_person_nll": float(-(w * np.log(np.where(same, p, 1 - p))).sum()),
        "same_person_brier": float((w * (p - same) ** 2).sum()),
        "same_person_ece": float(np.abs(in_bin).sum()),
    }


def threshold_at_far(distance: Any, same: Any, far: float) -> float:
    """The largest distance at or below which at most a share ``far`` of pairs of different people lies.

    Accept as one person what is at this distance or nearer. With n different pairs, shares below 1/n cannot be told from 0:
    the threshold then is just below the nearest different pair.

    Args:
        distance: of pairs, ``[n]``.
        same: whether they are of one person, ``[n]``; only the others are looked at.
        far: wanted false-accept rate, 0 … 1.

    Raises:
        ValueError: where lengths differ, a distance is not finite, no pair is of different people, or ``far`` is no share.

    Example:
        >>> round(threshold_at_far([0.2, 0.5, 0.7, 0.9, 1.1], [True, False, False, False, False], far=0.25), 6)
        0.7
    """
    distance, same = _paired("distance", distance, same)
    if not 0 <= far <= 1:
        raise ValueError(f"far is {far}; a share 0 … 1 is needed")
    different = np.sort(distance[~same])
    if not len(different):
        raise ValueError(
            f"all {len(same):,} pairs are of one person; a false-accept rate needs pairs of different people"
        )
    accepted = int(np.floor(far * len(different) * (1 + 1e-12)))
    return float(np.nextafter(different[accepted], -np.inf)) if accepted < len(different) else float("inf")


def photo_error(embedding: Any, person: Any, *, metric: str = "euclidean") -> NDArray[np.float64]:
    r"""How badly each photo is placed, ``[T]``: mean distance to its person's others over that to the nearest of somebody else.

    .. math:: e_t = \frac{\operatorname{mean}_{s \ne t, \, i_s = i_t} d_{ts}}{\min_{s: \, i_s \ne i_t} d_{ts}}

    Below 1 a photo is well placed. NaN for people with one photo.

    Raises:
        ValueError: as `verification_scores` raises it.

    Example:
        >>> embedding = [[0.0], [1.0], [4.0], [5.0]]
        >>> photo_error(embedding, [0, 0, 1, 1])
        array([0.25      , 0.33333333, 0.33333333, 0.25      ])
    """
    from scipy.spatial.distance import cdist

    values, person, _ = checked(embedding, person, metric, None)
    error = np.full(len(person), np.nan)
    for start in range(0, len(person), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(person)))
        distance = values[rows] if metric == "precomputed" else cdist(values[rows], values)
        own = person[rows, None] == person
        nearest = np.where(own, np.inf, distance).min(1)
        own[np.arange(len(rows)), rows] = False
        count = own.sum(1)
        mean = (distance * own).sum(1) / np.maximum(count, 1)
        # Coincident with somebody else: as badly placed as can be, unless its own lie there as well.
        ratio = np.divide(mean, nearest, out=np.where(mean > 0, np.inf, 1.0), where=nearest > 0)
        error[rows] = np.where(count > 0, ratio, np.nan)
    return error


def uncertainty_error(spread: Any, embedding: Any, person: Any, *, metric: str = "euclidean") -> float:
    """Rank correlation of a photo's predicted spread with its `photo_error`: does the model know which photos it misplaces?

    1: the wider the worse, always; 0: spread tells nothing. People with one photo are left out. NaN where all spreads are equal.

    Args:
        spread: of each photo's embedding, ``[T]``, larger for less certain.
        embedding, person, metric: as for `verification_scores`.

    Raises:
        ValueError: where shapes do not fit, or a number is not finite.

    Source: Spearman, "The proof and measurement of association between two things", 1904, https://doi.org/10.2307/1412159.

    Example:
        >>> embedding = [[0.0], [1.0], [4.0], [5.5]]
        >>> error = faces.photo_error(embedding, [0, 0, 1, 1])
        >>> round(uncertainty_error(error, embedding, [0, 0, 1, 1]), 6)  # a spread that knows
        1.0
    """
    from scipy.stats import rankdata

    error, spread = photo_error(embedding, person, metric=metric), as_array(spread).astype(np.float64)
    if spread.shape != error.shape:
        raise ValueError(f"spread has shape {list(spread.shape)} and there are {len(error):,} photos")
    bad = np.flatnonzero(~np.isfinite(spread))
    if len(bad):
        raise ValueError(f"spread[{bad[0]}] is {spread[bad[0]]}; finite numbers are needed")
    known = ~np.isnan(error)
    ranks = rankdata(spread[known]), rankdata(error[known])
    return float(np.corrcoef(*ranks)[0, 1]) if min(np.ptp(r) for r in ranks) > 0 else float("nan")


def class_weighted(
    probability: Any, same: Any, weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Probabilities, classes and weights ``[n]`` that add up to one half in either class."""
    p, same = _paired("probability", probability, same)
    bad = np.flatnonzero((p < 0) | (p > 1))
    if len(bad):
        raise ValueError(f"probability[{bad[0]}] is {p[bad[0]]}; 0 … 1 is accepted")
    weights = np.ones(len(p)) if weight is None else as_array(weight).astype(np.float64)
    if weights.shape != p.shape:
        raise ValueError(f"weight has shape {list(weights.shape)} and probability {list(p.shape)}")
    total = weights[same].sum(), weights[~same].sum()
    if not min(total) > 0:
        raise ValueError(f"{same.sum():,} pairs of one person and {(~same).sum():,} of two; both kinds are needed")
    return p, same, weights / (2 * np.where(same, *total))


def probability_bin(probability: NDArray[np.float64], bins: int = _BINS) -> NDArray[np.int64]:
    """In which of ``bins`` equal parts of 0 … 1 each lies."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def _paired(name: str, values: Any, same: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    array, labels = as_array(values).astype(np.float64), as_array(same)
    if array.ndim != 1 or array.shape != labels.shape or not len(array):
        raise ValueError(f"{name} has shape {list(array.shape)} and same {list(labels.shape)}; one of each a pair, [n]")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}; finite numbers are needed")
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise ValueError(f"same[{wrong[0]}] is {labels[wrong[0]]}; True or False is needed")
    return array, labels.astype(bool)
