"""Hints from the inputs and the rows: too few rows, columns that say nothing or the same, rows that come twice, small groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from probcost.checks.advice_result import Hint
from probcost.checks.advice_values import named
from probcost.checks.evidence import Floats

__all__ = ["of_inputs", "of_rows"]

_ROWS_PER_INPUT = 10
_ALIKE = 0.98  # correlation beyond which two inputs say almost the same
_FAR = 30.0, 10.0  # interquartile ranges from the quartiles, and standard deviations from the mean
_MOST_COLUMNS = 400  # whose correlations are looked at
_TWICE = 0.01  # share of rows
_SMALL_GROUP = 2


def of_inputs(x: Floats, names: Sequence[str]) -> Iterator[Hint]:
    """Hints from a table ``x`` ``[T, P]``, which may have missing numbers."""
    rows, columns = x.shape
    absent = ~np.isfinite(x)
    if absent.any():
        which = np.flatnonzero(absent.any(axis=0))
        among = int(absent.any(axis=1).sum())
        yield Hint(
            "missing inputs",
            f"{int(absent.sum()):,} are missing or infinite, in {among:,} rows ({named(which, names, 'input')})",
            float(absent.mean()),
            "impute them (with a column that says so), or drop those rows, which were left out here",
            "Why are inputs missing, and could their being missing say something about the outcome?",
        )
    complete = x[~absent.any(axis=1)]
    if rows < _ROWS_PER_INPUT * columns:
        yield Hint(
            "few rows",
            f"{rows:,} rows for {columns:,} inputs",
            rows / columns,
            "a small network with a prior (`prior=pc.priors.Normal()`), fewer inputs, and an ensemble that says how unsure it is",
            "Which inputs are known to matter? More rows, or fewer inputs?",
        )
    if len(complete) < 3:
        return
    low, high = complete.min(axis=0), complete.max(axis=0)
    still = np.flatnonzero(low == high)
    if len(still):
        yield Hint(
            "constant inputs",
            f"{named(still, names, 'input')} never change{'s' * (len(still) == 1)}",
            float(len(still)),
            "they carry no information; `fit` sets them to zero",
            "Were these inputs meant to vary?",
        )
    yield from _alike(complete, np.flatnonzero(low < high), names)
    yield from _far(complete, names)


def _alike(x: Floats, varying: np.ndarray, names: Sequence[str]) -> Iterator[Hint]:
    if len(varying) < 2 or len(varying) > _MOST_COLUMNS:
        return
    z = (x[:, varying] - x[:, varying].mean(axis=0)) / x[:, varying].std(axis=0)
    correlation = z.T @ z / len(z)
    first, second = np.triu_indices(len(varying), 1)
    pairs = np.abs(correlation[first, second])
    most = int(pairs.argmax())
    if pairs[most] > _ALIKE:
        a, b = (names[varying[i[most]]] for i in (first, second))
        count = int((pairs > _ALIKE).sum())
        also = f" ({count} such pairs)" if count > 1 else ""
        yield Hint(
            "inputs alike",
            f"inputs {a} and {b} go together with correlation {correlation[first[most], second[most]]:.3f}{also}",
            float(pairs[most]),
            "predictions do not suffer, but what each of them does on its own cannot be told",
            f"Do inputs {a} and {b} measure the same thing?",
        )
    dependent = int((np.linalg.eigvalsh(correlation) < 1e-8).sum())
    if dependent and pairs[most] <= _ALIKE:
        yield Hint(
            "dependent inputs",
            f"{dependent} input column{'s' * (dependent > 1)} can be computed from the others, as the codes of a category can",
            float(dependent),
            "harmless to a network with a prior; leave one out of each such set before a plain linear model",
        )


def _far(x: Floats, names: Sequence[str]) -> Iterator[Hint]:
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    spread = high - low
    excess = np.maximum(x - high, low - x).max(axis=0)
    beyond = np.abs(x - x.mean(axis=0)).max(axis=0) > _FAR[1] * x.std(axis=0)
    far = np.flatnonzero((spread > 0) & (excess > _FAR[0] * spread) & beyond)
    if len(far):
        worst = int(far[(excess / np.where(spread > 0, spread, 1.0))[far].argmax()])
        row = int(np.maximum(x[:, worst] - high[worst], low[worst] - x[:, worst]).argmax())
        yield Hint(
            "far inputs",
            f"input {names[worst]} reaches {x[row, worst]:.4g}; half of its values lie in {low[worst]:.3g} … {high[worst]:.3g}",
            float(excess[worst] / spread[worst]),
            "a logarithm, or a clipped input (`nn.Hardtanh`), keeps a few rows from deciding the fit",
            f"Is {x[row, worst]:.4g} in input {names[worst]} real, a slip, or another unit of measurement?",
        )


def of_rows(x: Floats, y: Floats, groups: Any, kind: str) -> Iterator[Hint]:
    """Hints from rows that come twice, and from the sizes of groups."""
    if kind not in ("labels", "constant"):
        both = np.concatenate([x, y], axis=1)
        together = np.ascontiguousarray(np.where(np.isfinite(both), both + 0.0, np.nan))
        same = len(together) - len(np.unique(together.view(np.dtype((np.void, together.itemsize * together.shape[1])))))
        # Counts of few units around discrete inputs coincide by chance.
        telling = len(np.unique(x[:, 0])) > 0.1 * len(x) or (x != np.rint(x)).any()
        if telling and same > max(2, _TWICE * len(x)):
            yield Hint(
                "rows that repeat",
                f"{same:,} of {len(x):,} rows repeat an earlier one in every number",
                same / len(x),
                "copies in training and test rows flatter every score: drop them, or keep them in one group",
                "Are equal rows copies, or was the same thing truly measured twice?",
            )
    if groups is None:
        return
    labels, sizes = np.unique(groups, return_counts=True)
    if len(labels) < 2:
        yield Hint(
            "groups",
            "all rows are of one group",
            1.0,
            "how well predictions carry over to another group cannot be known from one",
            "Can data of another group be had?",
        )
    elif (small := int((sizes < _SMALL_GROUP).sum())) and small < len(labels):
        yield Hint(
            "small groups",
            f"{small:,} of {len(labels):,} groups have a single row",
            small / len(labels),
            "such a group cannot be compared within itself; the split keeps it on one side",
            "Were more rows of these groups dropped on the way?",
        )
    elif len(labels) < _ROWS_PER_INPUT:
        yield Hint(
            "few groups",
            f"{len(labels)} groups hold all {len(x):,} rows",
            float(len(labels)),
            "standard errors rest on the number of groups, not of rows: hold out each in turn",
            "Is there hope of more groups? Few groups say little about a new one.",
        )
