"""Are comparisons as sure as they are right? Recalibrated, with people as the unit: pairs that share a person are dependent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from probcost.checks.evidence import Floats

__all__ = ["FEWEST_PEOPLE", "Recalibration", "Term", "recalibrate_pairs", "recalibrate_triplets"]

Indices = NDArray[np.int64]

# Below this many people a jackknife has no level that it keeps.
FEWEST_PEOPLE = 6
_STEPS = 50
_CLOSE, _FURTHEST = 1e-8, 1e3
_REFITTED = 10_000_000  # answers × people; with more, a step of Newton's method stands for fitting without a person
_STEEPEST = 30.0  # of a slope: beyond it the answers are parted without an error, and say nothing of it


@dataclass(frozen=True)
class Term:
    """One parameter of a recalibration.

    Attributes:
        estimate: a shift of log-odds, 0 if calibrated; or the logarithm of a slope, likewise.
        standard_error: people are its unit.
        p_value: of 0, by Student's t of one degree of freedom fewer than people; NaN where nothing can be said.
    """

    estimate: float
    standard_error: float
    p_value: float


@dataclass(frozen=True)
class Recalibration:
    """What would have to be done to probabilities for them to come true: ``logit → level + slope · logit``.

    Attributes:
        level: the shift of log-odds where the slope is 1 (calibration in the large); None for triplets, which have none.
        log_slope: logarithm of the slope, beside a shift of its own; below 0 for answers that are too sure.
        people: how many the standard errors go by.
    """

    level: Term | None
    log_slope: Term
    people: int


def recalibrate_pairs(logit: Floats, same: NDArray[np.bool_], first: Indices, second: Indices) -> Recalibration:
    r"""Level and slope of P(same person) by logistic regression of the answers on its logit, both answers weighing equally.

    .. math:: \max_{a, b} \; \tfrac12 \operatorname{mean}_{\text{same}} \log \sigma(a + b\,l)
        + \tfrac12 \operatorname{mean}_{\text{different}} \log \sigma(-a - b\,l)

    Standard errors are a jackknife over people, each left out with all pairs they are part of, by one Newton step.

    Args:
        logit: of P(same), ``[n]``.
        same: the answers ``[n]``.
        first, second: number of the person on either photo, ``[n]``.

    Source: Cox, "Two further applications of a model for binary regression", 1958, https://doi.org/10.1093/biomet/45.3-4.562;
    level and slope: Van Calster et al., "Calibration: the Achilles heel of predictive analytics", 2019,
    https://doi.org/10.1186/s12916-019-1466-7; leaving out people from data on pairs: Efron & Stein, "The jackknife estimate of
    variance", 1981, https://doi.org/10.1214/aos/1176345462.
    """
    groups = [same, ~same]
    ones, signs = np.ones_like(logit), np.where(same, 1.0, -1.0)
    weight = _by_people(np.minimum(first, second), np.maximum(first, second))
    level = _jackknifed(ones[:, None], signs, logit, weight, groups, first, second)
    both = _jackknifed(np.stack([ones, logit], axis=1), signs, np.zeros_like(logit), weight, groups, first, second)
    people = len(np.union1d(first, second))
    return Recalibration(_term(*level, 0, people), _term(*_logarithm(*both, 1), 0, people), people)


def recalibrate_triplets(log_ratio: Floats, anchor: Indices, negative: Indices) -> Recalibration:
    r"""Slope of the answers to "which of these two photos shows the anchor's person?", by their log-odds of the right answer.

    .. math:: \max_b \; \operatorname{mean} \log \sigma(b\,l)

    There is no level: either order of the two photos is asked alike. Standard errors as in `recalibrate_pairs`.

    Args:
        log_ratio: log P(right) − log P(wrong) of each triplet, ``[n]``.
        anchor, negative: number of the anchor's and of the other person, ``[n]``.
    """
    ones = np.ones_like(log_ratio)
    weight = _by_people(anchor, negative)
    everything = [np.ones(len(log_ratio), dtype=bool)]
    found = _jackknifed(log_ratio[:, None], ones, np.zeros_like(ones), weight, everything, anchor, negative)
    people = len(np.union1d(anchor, negative))
    return Recalibration(None, _term(*_logarithm(*found, 0), 0, people), people)


def _jackknifed(
    design: Floats,
    signs: Floats,
    offset: Floats,
    weight: Floats,
    groups: list[NDArray[np.bool_]],
    first: Indices,
    second: Indices,
) -> tuple[Floats, Floats]:
    """Coefficients ``[k]`` of a logistic regression whose groups of answers weigh equally, and without each person ``[G, k]``."""
    people = np.union1d(first, second)
    start = np.zeros(design.shape[1])
    everybody = _maximum(design, signs, offset, _equal(weight, groups), start, _STEPS)
    if len(people) * len(signs) <= _REFITTED:
        without = []
        for person in people:
            kept = weight * ((first != person) & (second != person))
            without.append(_maximum(design, signs, offset, _equal(kept, groups), everybody, _STEPS))
        return everybody, np.stack(without)
    slopes, curvatures = _derivatives(design, signs, offset, everybody)
    slopes, curvatures = slopes * weight[:, None], curvatures * weight[:, None, None]
    first, second = np.searchsorted(people, first), np.searchsorted(people, second)
    slope: Floats = np.zeros((len(people), len(everybody)))
    curvature: Floats = np.zeros((len(people), len(everybody), len(everybody)))
    for group in groups:
        left = _without(weight[group], first[group], second[group], len(people))
        slope = slope + _without(slopes[group], first[group], second[group], len(people)) / left[:, None]
        both = _without(curvatures[group], first[group], second[group], len(people))
        curvature = curvature + both / left[:, None, None]
    return everybody, np.stack([everybody + _solved(c, s) for c, s in zip(curvature, slope, strict=True)])


def _by_people(first: Indices, second: Indices) -> Floats:
    """Weights ``[n]`` that add up to the same for every person, or two people: else who has many photos decides alone."""
    among, counts = np.unique(first * (second.max() + 1) + second, return_inverse=True, return_counts=True)[1:]
    weight: Floats = 1 / counts[among]
    return weight


def _equal(weight: Floats, groups: list[NDArray[np.bool_]]) -> Floats:
    """Weights that add up to the same in each group, and to 1 in all."""
    total = np.zeros_like(weight)
    for group in groups:
        total[group] = weight[group].sum() * len(groups)
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def _maximum(design: Floats, signs: Floats, offset: Floats, weight: Floats, start: Floats, steps: int) -> Floats:
    """Coefficients ``[k]`` of a weighted logistic regression, by Newton's method; NaN where there is no maximum."""
    coefficients = start
    used = weight > 0
    if not used.all():
        design, signs, offset, weight = design[used], signs[used], offset[used], weight[used]
    for _ in range(steps):
        wrong = special.expit(-signs * (offset + design @ coefficients))
        curvature = design.T @ ((weight * wrong * (1 - wrong))[:, None] * design)
        step = _solved(curvature, (weight * signs * wrong) @ design)
        coefficients = coefficients + np.clip(step, -2.0, 2.0)
        if not np.abs(coefficients).max() < _FURTHEST:
            return np.full_like(start, np.nan)
        if np.abs(step).max() < _CLOSE:
            return coefficients
    return np.full_like(start, np.nan)


def _derivatives(design: Floats, signs: Floats, offset: Floats, coefficients: Floats) -> tuple[Floats, Floats]:
    """Of each answer's log-probability: slope ``[n, k]``, and minus its curvature ``[n, k, k]``."""
    wrong = special.expit(-signs * (offset + design @ coefficients))
    slopes = (signs * wrong)[:, None] * design
    return slopes, (wrong * (1 - wrong))[:, None, None] * design[:, :, None] * design[:, None, :]


def _without(values: Floats, first: Indices, second: Indices, people: int) -> Floats:
    """Sums of ``values`` ``[n, ...]`` over all that do not involve a person, ``[G, ...]``."""
    flat = values.reshape(len(values), -1)
    other = first != second
    own: Floats = np.stack(
        [np.bincount(first, column, people) + np.bincount(second[other], column[other], people) for column in flat.T],
        axis=1,
    )
    rest: Floats = (flat.sum(axis=0) - own).reshape(people, *values.shape[1:])
    return rest


def _logarithm(coefficients: Floats, without: Floats, place: int) -> tuple[Floats, Floats]:
    """Of the slope; NaN where the answers leave none to speak of."""
    slope, others = coefficients[place : place + 1], without[:, place : place + 1]
    if not (0 < slope[0] < _STEEPEST and (others > 0).all()):
        return np.full(1, np.nan), np.full((1, 1), np.nan)
    return np.log(slope), np.log(others)


def _term(coefficients: Floats, without: Floats, place: int, people: int) -> Term:
    estimate, others = float(coefficients[place]), without[:, place]
    error = math.sqrt((people - 1) / people * float(((others - others.mean()) ** 2).sum()))
    p = math.nan
    if people >= FEWEST_PEOPLE and error > 0:
        p = float(2 * stats.t.sf(abs(estimate) / error, people - 1))
    return Term(estimate, error, p)


def _solved(curvature: Floats, slope: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(curvature, slope), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full(len(slope), np.nan)
