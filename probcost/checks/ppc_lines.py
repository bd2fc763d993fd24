"""A statistic of the data among the same statistic of replicated data sets: p-values and verdicts, from arrays alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from probcost.checks.evidence import Floats
from probcost.checks.p_values import holm, two_sided
from probcost.checks.ppc_tail import share_beyond
from probcost.checks.statistics import Statistic

__all__ = ["PredictiveLine", "among_replicates", "judged"]


@dataclass(frozen=True)
class PredictiveLine:
    """One statistic, pooled over units.

    Attributes:
        name: of the statistic.
        observed: its value, the mean over units where every unit has one.
        expected: its mean over replicated data sets.
        low, high: the interval that holds all but ``level`` of the replicated data sets.
        p_value: two-sided, uniform under the model.
        p_corrected: the same, corrected for the number of statistics (Holm).
        verdict: in words.
        deviating: units rejected at ``level`` after correction for the number of units.
        beyond: whether every replicated data set has less, or every one more.
    """

    name: str
    observed: float
    expected: float
    low: float
    high: float
    p_value: float
    p_corrected: float
    verdict: str
    deviating: int = 0
    beyond: bool = False


def among_replicates(observed: Floats, replicated: Floats, v: Floats | float) -> Floats:
    r"""Two-sided p-values of ``observed`` ``[...]`` among n replicates ``[n, ...]``.

    .. math:: p = 2 \min(q, 1 - q), \qquad q = \frac{\#\{r < o\} + v\,(\#\{r = o\} + 1)}{n + 1}

    The data are one of n + 1 equals under the model, so p is exactly uniform; ``v``, uniform on (0, 1), breaks ties, as
    between counts of zeros. Beyond all replicates, where ranks know no more than that p is at most 2 / (n + 1), v is not
    drawn: it is what the tail of the replicates says, see `share_beyond`, which is uniform or larger.

    Source: Phipson & Smyth, "Permutation p-values should never be zero", 2010, https://doi.org/10.2202/1544-6115.1585
    """
    n = len(replicated)
    observed, replicated = np.asarray(observed, dtype=np.float64), np.asarray(replicated, dtype=np.float64)
    below, ties = (replicated < observed).sum(axis=0), (replicated == observed).sum(axis=0)
    p = np.atleast_1d(two_sided((below + v * (ties + 1)) / (n + 1)))
    values, others = observed.reshape(-1), replicated.reshape(n, -1)
    for sign, outside in ((1.0, below == n), (-1.0, below + ties == 0)):
        which = np.atleast_1d(outside)
        p[which] = 2 / (n + 1) * share_beyond(sign * values[which.reshape(-1)], sign * others[:, which.reshape(-1)])
    return p.reshape(observed.shape)


def judged(
    statistics: Mapping[str, Statistic],
    observed: Mapping[str, Floats],
    replicated: Mapping[str, Floats],
    *,
    level: float,
    seed: int,
) -> tuple[list[PredictiveLine], dict[str, Floats]]:
    """One line a statistic, and the p-values of every unit ``[N]`` for those that have a value for each.

    Args:
        statistics: by name.
        observed: ``[N]``, or ``[]`` of a statistic of all units together.
        replicated: ``[n, N]``, or ``[n]``.
        level: a true model is rejected at most this often.
        seed: of what breaks ties.
    """
    rng = np.random.default_rng(seed)
    by_unit, pooled = {}, {}
    for name in statistics:
        if observed[name].ndim:
            by_unit[name] = among_replicates(observed[name], replicated[name], rng.random(observed[name].shape))
        one, many = observed[name].mean(), replicated[name].reshape(len(replicated[name]), -1).mean(axis=1)
        pooled[name] = (one, many, among_replicates(one, many, rng.random()))
    corrected = holm([p for _, _, p in pooled.values()])
    lines = []
    for (name, (one, many, p)), p_corrected in zip(pooled.items(), corrected, strict=True):
        low, high = np.quantile(many, [level / 2, 1 - level / 2])
        side = statistics[name].high if one > np.median(many) else statistics[name].low
        beyond = bool(one > many.max() or one < many.min())
        lines.append(
            PredictiveLine(
                name=name,
                observed=float(one),
                expected=float(many.mean()),
                low=float(low),
                high=float(high),
                p_value=float(p),
                p_corrected=float(p_corrected),
                verdict=_verdict(side, float(p), float(p_corrected), level, len(many), len(pooled), beyond=beyond),
                deviating=int((holm(by_unit[name]) < level).sum()) if name in by_unit else 0,
                beyond=beyond,
            )
        )
    return lines, by_unit


def _verdict(side: str, p: float, p_corrected: float, level: float, n: int, tested: int, *, beyond: bool) -> str:
    """In words: which side it is off to, or that it is not; what is off and yet not rejected is not called expected."""
    if p_corrected < level:
        return side
    if beyond:
        return f"{side}, beyond all {n:,} replicates: n={math.ceil(2 * tested / level)} would tell"
    return f"{side}, but one of {tested} may be by chance" if p < level else "as the model expects"
