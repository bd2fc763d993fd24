"""Hints from how residuals of a quick fit go together: over rows, between units, within groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from probcost.checks.advice_first_fit import FirstFit
from probcost.checks.advice_residuals import CHANCE
from probcost.checks.advice_result import Hint
from probcost.checks.advice_values import named
from probcost.checks.evidence import Floats

__all__ = ["autocorrelation", "correlations", "of_groups", "of_order", "of_units"]

_LAG = 0.05
_PAIR = 0.1
_TOGETHER = 0.01
_WITHIN = 0.05
_COINCIDENCES = 25  # expected of two units of counts: with fewer, correlations are not near normal


def autocorrelation(fit: FirstFit, lag: int, groups: Any) -> tuple[Floats, int]:
    """Correlation of residuals with those ``lag`` rows before, ``[n]``, and the number of pairs of rows."""
    neighbours = fit.rows[lag:] - fit.rows[:-lag] == lag
    if groups is not None:
        own = np.asarray(groups)[fit.rows]
        neighbours &= own[lag:] == own[:-lag]
    z = fit.residuals - fit.residuals.mean(axis=0)
    pairs = int(neighbours.sum())
    if not pairs:
        return np.zeros(z.shape[1]), 0
    variance = np.maximum((z**2).mean(axis=0), 1e-300)
    return (z[lag:] * z[:-lag])[neighbours].mean(axis=0) / variance, pairs


def of_order(fit: FirstFit, names: Sequence[str], ordered: bool | None, groups: Any) -> Iterator[Hint]:
    """A hint where neighbouring rows are more alike, or less, than inputs explain."""
    r, pairs = autocorrelation(fit, 1, groups)
    related = (np.abs(r) * np.sqrt(pairs) > stats.norm.isf(CHANCE / 2 / len(r))) & (np.abs(r) > _LAG)
    if not related.any():
        return
    i = int(np.abs(r).argmax())
    advice = "earlier observations as inputs, `History(3)(x, y)`, and held-out rows in whole stretches, `ordered=True`"
    question = "What happens between one row and the next, and how long does it last (seconds, rows)?"
    if ordered is None:
        advice = f"if the order is that of time: {advice}; if rows were sorted, hold neighbours out together"
        question = "Are rows in the order in which they were measured, or sorted by something?"
    elif not ordered:
        advice = "rows may have been sorted: hold out whole stretches or groups, since neighbours are near copies"
        question = "By what were the rows sorted?"
    yield Hint(
        "order",
        f"what inputs leave unexplained is alike in neighbouring rows: correlation {r[i]:.2f}"
        + (f" ({named(fit.units[np.flatnonzero(related)], names)})" if len(names) > 1 else ""),
        float(r[i]),
        advice,
        question,
    )


def correlations(fit: FirstFit, kind: str) -> tuple[Floats, np.ndarray]:
    """Correlations of residuals of all pairs of units that can be judged, and which units those are."""
    enough = np.ones(fit.shape[1], dtype=bool)
    if kind == "counts":
        enough = fit.y.mean(axis=0) ** 2 * len(fit.y) >= _COINCIDENCES
    which = np.flatnonzero(enough)
    if len(which) < 2:
        return np.empty(0), which
    first, second = np.triu_indices(len(which), 1)
    z = fit.residuals[:, which] - fit.residuals[:, which].mean(axis=0)
    z = z / np.maximum(np.linalg.norm(z, axis=0), 1e-300)
    return (z.T @ z)[first, second], which


def of_units(fit: FirstFit, names: Sequence[str], kind: str) -> Iterator[Hint]:
    """A hint where units go together beyond what inputs explain."""
    r, which = correlations(fit, kind)
    if not len(r):
        return
    rows = len(fit.y)
    largest = int(np.abs(r).argmax())
    single = abs(r[largest]) > _PAIR and abs(r[largest]) * np.sqrt(rows) > stats.norm.isf(CHANCE / 4 / len(r))
    # Under independence correlations of all pairs are uncorrelated with each other.
    common = abs(r.mean()) > _TOGETHER and abs(r.mean()) * np.sqrt(rows * len(r)) > stats.norm.isf(CHANCE / 4)
    if kind == "counts" and common and r.mean() > 0:
        m = fit.mean[:, which]
        residual = (fit.y - fit.mean)[:, which]
        products = (residual.sum(axis=1) ** 2 - (residual**2).sum(axis=1)).sum()
        gain = float(products / (m.sum(axis=1) ** 2 - (m**2).sum(axis=1)).sum())
        yield Hint(
            "shared gain",
            f"units go up and down together beyond what inputs explain (mean correlation {r.mean():.3f}), as by a common factor "
            f"that varies by {100 * np.sqrt(max(gain, 0)):.0f} %",
            max(gain, 0.0),
            "a gain that all units of a row share; or the input that lies behind it, if it can be recorded",
            "What changes everything at once, and was it recorded (attention, arousal, anaesthesia, dose, temperature)?",
        )
    elif single or common:
        first, second = (which[part[largest]] for part in np.triu_indices(len(which), 1))
        pair = " and ".join(str(names[fit.units[i]]) for i in (first, second))
        yield Hint(
            "units together",
            f"units vary together beyond what inputs explain: {pair} with correlation {r[largest]:.2f}",
            float(r[largest]),
            "a joint likelihood of whole rows, where what one unit does tells of the others",
            "Do units share a source of error, such as one frame of reference, one amplifier or one sample?",
        )


def of_groups(fit: FirstFit, names: Sequence[str], groups: Any) -> Iterator[Hint]:
    """A hint where rows of one group are more alike than inputs explain: one-way analysis of variance of residuals."""
    if groups is None:
        return
    _, numbers = np.unique(np.asarray(groups)[fit.rows], return_inverse=True)
    sizes = np.bincount(numbers)
    rows, n_groups = len(numbers), len(sizes)
    if n_groups < 2 or rows - n_groups < 10:
        return
    z = fit.residuals - fit.residuals.mean(axis=0)
    sums = np.stack([np.bincount(numbers, column) for column in z.T], axis=1)
    between = (sums**2 / sizes[:, None]).sum(axis=0)
    inside = (z**2).sum(axis=0) - between
    a, b = between / (n_groups - 1), inside / (rows - n_groups)
    size = (rows - (sizes**2).sum() / rows) / (n_groups - 1)
    share = (a - b) / (a + (size - 1) * b)
    alike = (stats.f.sf(a / np.maximum(b, 1e-300), n_groups - 1, rows - n_groups) < CHANCE / len(a)) & (share > _WITHIN)
    if alike.any():
        i = int(np.where(alike, share, 0).argmax())
        yield Hint(
            "alike within groups",
            f"rows of one group share {100 * share[i]:.0f} % of what inputs leave unexplained"
            + (f" ({named(fit.units[np.flatnonzero(alike)], names)})" if len(names) > 1 else ""),
            float(share[i]),
            "`fit(..., groups=groups)` holds out whole groups; judge by groups that were never seen",
            "What do rows of one group have in common that is not among the inputs?",
        )
