"""What kind of numbers observations are: counts, grades, labels, proportions, positive or any reals."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import stats

from probcost.checks.evidence import Floats

__all__ = ["is_whole", "kind_of"]

_MOST_GRADES = 11
_FEWEST_LABELS = 5


def kind_of(y: Floats, *, pictures: bool) -> str:
    """The kind of most units of ``y`` ``[T, N]``, which may have missing numbers; ``pictures`` says that inputs are images."""
    columns = [column[np.isfinite(column)] for column in y.T]
    kinds = Counter(_of_unit(column) for column in columns if len(column) and np.ptp(column) > 0)
    if not kinds:
        return "constant"
    if set(kinds) == {"counts", "binary"}:  # neurons that never fire twice in a bin
        return "counts"
    if len(columns) == 1 and _may_be_labels(columns[0], pictures=pictures):
        return "labels"
    return kinds.most_common(1)[0][0]


def is_whole(column: Floats) -> bool:
    """Whether all numbers are whole."""
    return bool((column == np.rint(column)).all())


def _of_unit(column: Floats) -> str:
    values = np.unique(column)
    low, high = values[0], values[-1]
    if len(values) == 2 and is_whole(column):
        return "binary"
    if is_whole(column):
        if low < 0:
            return "reals"
        grades = low >= 1 and len(values) <= _MOST_GRADES and column.var() < 0.5 * column.mean()
        return "grades" if grades else "counts"
    if low >= 0 and high <= 1:
        return "proportions"
    return "positive" if low >= 0 else "reals"


def _may_be_labels(column: Floats, *, pictures: bool) -> bool:
    """Whole numbers of which each comes about equally often: names rather than quantities."""
    if not is_whole(column):
        return False
    _, often = np.unique(column, return_counts=True)
    if pictures:
        return len(often) > 2
    if len(often) < _FEWEST_LABELS or often.mean() < 2:
        return False
    chi_square = ((often - often.mean()) ** 2 / often.mean()).sum()
    return bool(chi_square < stats.chi2.isf(0.01, len(often) - 1))
