"""Ready statistics of observations ``[T, N]``: a value for every unit, and in words what it means to be off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from probcost.checks.evidence import Floats

__all__ = ["READY", "Statistic", "chosen"]

Compute = Callable[[Floats], Any]


@dataclass(frozen=True)
class Statistic:
    """A number that is read off observations, and what it says if the model does not make such numbers.

    Attributes:
        name: what it is called.
        compute: observations, a numpy array ``[T, N]`` → ``[N]``, or one number for all units.
        low, high: the verdict where the data have less, or more, of it than the model expects.
        for_counts, for_order, for_units: whether it is asked of counts alone, of rows in time alone, of two units or more.
    """

    name: str
    compute: Compute
    low: str = "less than the model expects"
    high: str = "more than the model expects"
    for_counts: bool = False
    for_order: bool = False
    for_units: bool = False

    def applies(self, *, discrete: bool, ordered: bool, units: int) -> bool:
        """Whether it is worth asking when nobody asked for it by name."""
        return (
            (discrete or not self.for_counts) and (ordered or not self.for_order) and (units > 1 or not self.for_units)
        )


def _mean(y: Floats) -> Floats:
    return y.mean(axis=0)


def _variance(y: Floats) -> Floats:
    return y.var(axis=0, ddof=1)


def _fano(y: Floats) -> Floats:
    """Variance over mean; 1, as a Poisson's, of a unit that was silent."""
    mean = y.mean(axis=0)
    return np.where(mean > 0, y.var(axis=0, ddof=1) / np.where(mean > 0, mean, 1.0), 1.0)


def _zeros(y: Floats) -> Floats:
    return (y == 0).mean(axis=0)


def _skewness(y: Floats) -> Floats:
    z = _standardized(y)
    return (z * z * z).mean(axis=0)  # a power of 3 takes numpy twenty times as long


def _autocorrelation(y: Floats) -> Floats:
    z = _standardized(y)
    return (z[1:] * z[:-1]).sum(axis=0) / len(z)


def _correlation(y: Floats) -> Floats:
    """Each unit's mean correlation with the others: their mean is the mean over pairs, without N² numbers."""
    z = _standardized(y)
    own = (z * z).mean(axis=0)
    return ((z * z.sum(axis=1, keepdims=True)).mean(axis=0) - own) / (y.shape[1] - 1)


def _standardized(y: Floats) -> Floats:
    """Zeros for a unit that never changes, so that the statistic exists for every data set and its ranks stay exact."""
    centred = y - y.mean(axis=0)
    sd = centred.std(axis=0)
    return centred / np.where(sd > 0, sd, np.inf)


READY: Mapping[str, Statistic] = {
    one.name: one
    for one in (
        Statistic("mean", _mean, "lower than the model expects", "higher than the model expects"),
        Statistic("variance", _variance, "under-dispersed", "over-dispersed"),
        Statistic("fano", _fano, "under-dispersed", "over-dispersed", for_counts=True),
        Statistic("zeros", _zeros, "too few zeros", "too many zeros", for_counts=True),
        Statistic("min", lambda y: y.min(axis=0), "reaches lower than expected", "does not reach as low as expected"),
        Statistic("max", lambda y: y.max(axis=0), "does not reach as high as expected", "reaches higher than expected"),
        Statistic(
            "skewness",
            _skewness,
            "the lower tail is longer than predicted",
            "the upper tail is longer than predicted",
        ),
        Statistic(
            "autocorrelation",
            _autocorrelation,
            "neighbouring rows are less alike than expected",
            "neighbouring rows are more alike than expected",
            for_order=True,
        ),
        Statistic(
            "correlation",
            _correlation,
            "units vary less together than expected",
            "units vary more together than expected",
            for_units=True,
        ),
    )
}
# Of counts the smallest is hardly ever anything but 0.
_NOT_OF_COUNTS = {"min"}


def chosen(statistic: Any, *, discrete: bool, ordered: bool, units: int) -> list[Statistic]:
    """What was asked for: None for all ready ones that apply; a name, a callable, or a list or mapping of these.

    Raises:
        ValueError: for an unknown name, two statistics of one name, or none.
        TypeError: for what is neither a name nor callable.
    """
    if statistic is None:
        kind: dict[str, Any] = {"discrete": discrete, "ordered": ordered, "units": units}
        return [one for one in READY.values() if one.applies(**kind) and not (discrete and one.name in _NOT_OF_COUNTS)]
    if isinstance(statistic, Mapping):
        found = [_named(name, one) for name, one in statistic.items()]
    elif isinstance(statistic, Sequence) and not isinstance(statistic, str):
        found = [_one(one) for one in statistic]
    else:
        found = [_one(statistic)]
    names = [one.name for one in found]
    if not names:
        raise ValueError("statistic is empty; give a name, a callable, or a list or mapping of these, or None for all")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"two statistics are called {twice!r}; name them in a mapping: {{'first': ..., 'second': ...}}"
        )
    if units < 2 and "correlation" in names and READY["correlation"] in found:
        raise ValueError("statistic 'correlation' is between units, and there is one unit")
    return found


def _named(name: Any, statistic: Any) -> Statistic:
    one = _one(statistic)
    return Statistic(str(name), one.compute, one.low, one.high)


def _one(statistic: Any) -> Statistic:
    if isinstance(statistic, Statistic):
        return statistic
    if isinstance(statistic, str):
        if statistic not in READY:
            raise ValueError(
                f"unknown statistic {statistic!r}; choose one of {', '.join(map(repr, READY))}, or a callable"
            )
        return READY[statistic]
    if callable(statistic):
        return Statistic(str(getattr(statistic, "__name__", type(statistic).__name__)), statistic)
    raise TypeError(f"a statistic is a name or a callable of a numpy array [T, N], got {type(statistic).__name__}")
