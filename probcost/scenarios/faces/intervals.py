"""How sure a score is: people are drawn again, since pairs of photos are not independent of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.pairs import as_labels

__all__ = ["Interval", "bootstrap_people"]


@dataclass(frozen=True)
class Interval:
    """A score of the data, and where its 95 % interval ends.

    Attributes:
        estimate: of all people, each once.
        low, high: percentiles 2.5 and 97.5 of the draws.
        draws: the score of each draw, ``[n]``.

    Example:
        >>> draws = np.linspace(0.8, 0.9, 101)
        >>> print(Interval(0.85, *np.percentile(draws, [2.5, 97.5]), draws))
        0.850 [0.802, 0.897]
    """

    estimate: float
    low: float
    high: float
    draws: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_people(
    person: Any,
    statistic: Callable[[NDArray[np.float64]], float | Mapping[str, float]],
    n: int = 1000,
    seed: int = 0,
) -> Any:
    """95 % intervals by drawing as many people as there are, with replacement, n times.

    A draw is told to ``statistic`` as weights ``[T]``: how often each photo's person was drawn. The scores of this package take
    them as ``weight=``, and count pairs accordingly: photos of two copies of one person make no pair at all.
    Differences of two embeddings on the same draws of the same people (an identity-paired bootstrap) are one statistic, too,
    and usually far surer than either score.

    Args:
        person: whose each photo is, ``[T]``.
        statistic: weights → a number, or several by name.
        n: draws.
        seed: same seed, same draws, whatever the statistic.

    Returns:
        An `Interval`, or one for each name.

    Raises:
        ValueError: with fewer than two people, or n below 1.

    Source: Efron, "Bootstrap methods: another look at the jackknife", 1979, https://doi.org/10.1214/aos/1176344552; for scores
    of matching, where subjects are drawn and not pairs: Bolle, Ratha & Pankanti, "Error analysis of pattern recognition
    systems: the subsets bootstrap", 2004, https://doi.org/10.1016/j.cviu.2003.08.002.

    Example:
        >>> from probcost.scenarios.faces import verification_scores
        >>> rng = np.random.default_rng(0)
        >>> person = np.repeat(np.arange(12), 5)
        >>> good = rng.normal(size=(12, 4))[person] + 0.3 * rng.normal(size=(60, 4))
        >>> poor = good + 0.6 * rng.normal(size=(60, 4))
        >>> def gain(weight):
        ...     a, b = (verification_scores(e, person, weight=weight)["auc"] for e in (good, poor))
        ...     return a - b
        >>> interval = bootstrap_people(person, gain, n=100)
        >>> interval.low > 0
        True
    """
    person = as_labels("person", person).ravel()
    people, index = np.unique(person, return_inverse=True)
    if len(people) < 2:
        raise ValueError(f"{len(people)} people are there; drawing people needs at least two")
    if isinstance(n, bool) or n != int(n) or n < 1:
        raise ValueError(f"n is {n!r}; whole numbers from 1 are accepted")
    rng = np.random.default_rng(seed)
    estimate, draws = statistic(np.ones(len(person))), list[Any]()
    # Somebody must be drawn who can be near themselves.
    comparable = np.bincount(index) > 1
    if not comparable.any():
        raise ValueError("nobody has two photos; nobody can be near themselves")
    while len(draws) < n:
        times = np.bincount(rng.integers(len(people), size=len(people)), minlength=len(people))
        # One person alone leaves nobody to be told apart from.
        if np.count_nonzero(times) > 1 and times[comparable].any():
            draws.append(statistic(times[index].astype(np.float64)))
    if isinstance(estimate, Mapping):
        return {name: _interval(estimate[name], [draw[name] for draw in draws]) for name in estimate}
    return _interval(estimate, draws)


def _interval(estimate: float, draws: list[Any]) -> Interval:
    values = np.asarray(draws, dtype=np.float64)
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(estimate), float(low), float(high), values)
