"""A quick fit, so that advice rests on what inputs leave unexplained: ridge regression, or Poisson regression for counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probcost.checks.evidence import Floats

__all__ = ["FirstFit", "first_fit"]

_ROWS, _UNITS = 4000, 20  # looked at closely
_STRETCHES = 8  # of consecutive rows
_FEATURES = 80
_KNOTS = 8  # of a piecewise linear curve for each input
_ROWS_PER_FEATURE = 12
_FEWEST_ROWS = 30
_FEWEST_COUNTS = 25
_STEPS = 12
_PLAIN, _CURVED = 1.0, 4.0  # penalties on linear terms and on all else: prior precisions, for counts
_LARGEST = 12.0  # of a log-rate


@dataclass(frozen=True, eq=False)
class FirstFit:
    """What a quick fit leaves unexplained, of n units in t rows.

    Attributes:
        rows: numbers of the rows looked at ``[t]``: all, or stretches of consecutive ones.
        units: numbers of the units ``[n]``.
        y, mean: observations and fitted means ``[t, n]``.
        left: ``1 − 2h + h²`` of the hat matrix, ``[t, n]``: how much of a row's own variance its residual keeps.
        residuals: ``[t, n]``, of variance 1 under the plainest likelihood: Poisson, or normal of one scale.
        features: ``[t, F]``, standardised; what the fit was made from.
        explained: share of variance predicted of rows that were left out, ``[n]``.
    """

    rows: NDArray[np.int64]
    units: NDArray[np.int64]
    y: Floats
    mean: Floats
    left: Floats
    residuals: Floats
    features: Floats
    explained: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(t, n)."""
        return self.y.shape[0], self.y.shape[1]


def first_fit(x: Floats, y: Floats, kind: str, *, ordered: bool) -> FirstFit | None:
    """Fit complete rows ``x`` ``[T, P]`` and ``y`` ``[T, N]``; None where there are too few, or no unit varies."""
    if len(x) < _FEWEST_ROWS or kind in ("labels", "constant"):
        return None
    rows, units = _rows(len(x)), _units(y, kind)
    if not len(units):
        return None
    seen = y[np.ix_(rows, units)]
    features, curved = _features(x[rows], ordered=ordered)
    fits = _counts(features, curved, seen) if kind == "counts" else _reals(features, curved, seen)
    mean, left, residuals, without = fits
    total = ((seen - seen.mean(axis=0)) ** 2).sum(axis=0)
    explained = 1 - (without**2).sum(axis=0) / np.where(total > 0, total, 1.0)
    return FirstFit(rows, units, seen, mean, left, residuals, features, explained)


def _rows(total: int) -> NDArray[np.int64]:
    if total <= _ROWS:
        return np.arange(total)
    length = _ROWS // _STRETCHES
    starts = np.linspace(0, total - length, _STRETCHES).round().astype(int)
    return np.concatenate([np.arange(start, start + length) for start in starts])


def _units(y: Floats, kind: str) -> NDArray[np.int64]:
    """Evenly spaced among those that vary, and fire often enough to be judged."""
    telling = np.ptp(y, axis=0) > 0
    if kind == "counts":
        telling &= y.mean(axis=0) * min(len(y), _ROWS) >= _FEWEST_COUNTS
    units = np.flatnonzero(telling)
    return (
        units[np.unique(np.linspace(0, len(units) - 1, _UNITS).round().astype(int))] if len(units) > _UNITS else units
    )


def _features(x: Floats, *, ordered: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Columns ``[t, F]`` of mean 0 and variance 1, and which of them bend: hinges, products, and slow waves over the rows."""
    most = int(min(_FEATURES, max(1, len(x) // _ROWS_PER_FEATURE)))
    plain = _standard(x)
    if plain.shape[1] > max(1, most // 2):
        # Directions of largest spread, where there are too many columns to take each by itself.
        _, vectors = np.linalg.eigh(plain.T @ plain)
        plain = _standard(plain @ vectors[:, ::-1][:, : max(1, most // 2)])
    bent = []
    if ordered:
        time = (np.arange(len(x)) + 0.5) / len(x)
        bent += [np.cos(np.pi * k * time)[:, None] for k in range(1, 9)]
    first, second = np.triu_indices(plain.shape[1], 1)
    knots = int(np.clip((most - 2 * plain.shape[1] - len(first)) // max(1, plain.shape[1]), 2, _KNOTS))
    # Knots evenly over the range, not over the rows: few rows at the ends bend a curve as much as many in the middle.
    low, high = np.quantile(plain, [0.02, 0.98], axis=0)
    hinges = [np.maximum(plain - (low + (high - low) * (k + 1) / (knots + 1)), 0) for k in range(knots)]
    bent += [plain**2, *hinges, plain[:, first[:_FEATURES]] * plain[:, second[:_FEATURES]]]
    extra = _standard(np.concatenate(bent, axis=1))[:, : max(0, most - plain.shape[1])]
    return np.concatenate([plain, extra], axis=1), np.arange(plain.shape[1] + extra.shape[1]) >= plain.shape[1]


def _standard(columns: Floats) -> Floats:
    """Mean 0, variance 1, at most 5 from 0; those that do not vary are left out."""
    spread = columns.std(axis=0)
    varying = spread > 1e-9 * (1e-300 + np.abs(columns).max(axis=0, initial=0))
    z = (columns[:, varying] - columns[:, varying].mean(axis=0)) / spread[varying]
    return np.asarray(np.clip(z, -5, 5))


def _with_constant(features: Floats, curved: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    design = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    return design, np.concatenate([[0.0], np.where(curved, _CURVED, _PLAIN)])


def _reals(features: Floats, curved: NDArray[np.bool_], y: Floats) -> tuple[Floats, ...]:
    """Ridge regression of each unit, its penalty chosen by generalised cross-validation (Golub, Heath & Wahba 1979)."""
    design, penalty = _with_constant(features, curved)
    # In coordinates in which the penalty is a multiple of the identity and the Gram matrix diagonal.
    centred = (design[:, 1:] - design[:, 1:].mean(axis=0)) / np.sqrt(penalty[1:])
    u, singular, _ = np.linalg.svd(centred, full_matrices=False)
    middle = y.mean(axis=0)
    coordinates, squared = u.T @ (y - middle), u**2
    total = ((y - middle) ** 2).sum(axis=0)
    best = np.full(y.shape[1], np.inf)
    mean, left, hat = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    for ridge in np.geomspace(1e-3, 1e4, 15):
        shrink = singular**2 / (singular**2 + ridge)
        rest = total - ((1 - (1 - shrink) ** 2)[:, None] * coordinates**2).sum(axis=0)
        score = rest / (len(y) - 1 - shrink.sum()) ** 2
        for i in np.flatnonzero(score < best):
            best[i], hat[:, i] = score[i], squared @ shrink + 1 / len(y)
            mean[:, i] = middle[i] + u @ (shrink * coordinates[:, i])
            left[:, i] = 1 - 2 * hat[:, i] + squared @ shrink**2 + 1 / len(y)
    left = left.clip(0.05)
    errors = (y - mean) / np.sqrt(left)
    scale = errors.std(axis=0)
    return mean, left, errors / np.where(scale > 0, scale, 1.0), (y - mean) / (1 - hat).clip(0.05)


def _counts(features: Floats, curved: NDArray[np.bool_], y: Floats) -> tuple[Floats, ...]:
    """Poisson regression with a log link of each unit, by Newton's method on the penalised likelihood."""
    design, penalty = _with_constant(features, curved)
    means, lefts, without = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    for i, counts in enumerate(y.T):
        weights = np.zeros(design.shape[1])
        weights[0] = np.log(counts.mean())
        for _ in range(_STEPS):
            rate = np.exp(np.clip(design @ weights, -_LARGEST, _LARGEST))
            hessian = (design.T * rate) @ design + np.diag(penalty + 1e-9)
            step = np.linalg.solve(hessian, design.T @ (counts - rate) - penalty * weights)
            largest = np.abs(design @ step).max()
            weights = weights + step * min(1.0, 2.0 / largest if largest > 0 else 1.0)
            if largest < 1e-4:
                break
        rate = np.exp(np.clip(design @ weights, -_LARGEST, _LARGEST))
        gram = (design.T * rate) @ design
        solved = np.linalg.solve(gram + np.diag(penalty + 1e-9), design.T).T  # [t, F]
        hat = rate * (design * solved).sum(axis=1)
        means[:, i] = rate
        lefts[:, i] = (1 - 2 * hat + rate * ((solved @ gram) * solved).sum(axis=1)).clip(0.05)
        without[:, i] = (counts - rate) / (1 - hat).clip(0.05)
    return means, lefts, (y - means) / np.sqrt(means * lefts), without
