"""How many independent observations are T rows of N units worth? One design effect, for every test that counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, stats

from probcost.checks.evidence import Floats

__all__ = [
    "INDEPENDENT",
    "QUARTILES",
    "Dependence",
    "autocovariance",
    "discounted",
    "integrated_time",
    "lags_that_count",
    "of_few",
]

QUARTILES = (0.25, 0.5, 0.75)
# Of one group that holds nearly all rows less than one degree of freedom is left, and nothing to be said.
_FAR, _LEAST_DEGREES = 0.002, 0.5


@dataclass(frozen=True)
class Dependence:
    """Where observations were found to depend on each other: tests of other beliefs then count fewer of them.

    Nothing is estimated where nothing was found, so that tests of a true model stay exact.

    Attributes:
        time: rows that follow each other are alike.
        units: units of one row are alike.
        groups: where rows of one group are alike, which group each row is of, from 0, ``[T]``.
    """

    time: bool = False
    units: bool = False
    groups: NDArray[np.intp] | None = None

    @property
    def rows(self) -> bool:
        """Whether rows depend on each other at all."""
        return self.time or self.groups is not None

    def design_effect(self, contributions: NDArray[Any]) -> float:
        r"""Variance of a sum over rows and units, over what it were if all were independent; at least 1.

        .. math:: d = \frac{\operatorname{Var}\left(\sum_j s_{tj}\right)}{\sum_j \operatorname{Var}(s_{tj})} \, \tau,
            \qquad \tau = 1 + 2 \sum_{k \ge 1} \rho_k

        The first factor is 1 unless units depend on each other, and :math:`\tau` unless rows do: the integrated
        autocorrelation time of the statistic itself, of row sums or, of independent units, pooled over them. Of rows that
        are alike in groups it is the variance of their groups' sums over that of the rows.

        Args:
            contributions: s, ``[T, N]`` or ``[T]``, whose sum is what a test judges.

        Source: Kish, "Survey Sampling", 1965; Geyer, "Practical Markov chain Monte Carlo", 1992,
        https://doi.org/10.1214/ss/1177011137
        """
        if not (self.rows or self.units):
            return 1.0
        centred = contributions.reshape(len(contributions), -1)
        centred = centred - centred.mean(axis=0)
        alone = float((centred**2).sum())
        rows = centred.sum(axis=1, keepdims=True) if self.units else centred
        together = float((rows**2).sum())
        if alone == 0 or together == 0:
            return 1.0
        tau = float(integrated_time(autocovariance(rows, pooled=True))) if self.time else 1.0
        if self.groups is not None:
            tau = max(tau, of_few(self.groups) * float((_group_sums(rows, self.groups) ** 2).sum()) / together)
        return max(1.0, together / alone * tau)

    def of_distribution(self, uniform: Floats) -> float:
        """The design effect of the share of ``uniform`` below each quartile, the largest: for Kolmogorov's distance."""
        return max(self.design_effect(uniform < q) for q in QUARTILES) if self.rows or self.units else 1.0

    def unit_times(self, *contributions: NDArray[Any]) -> Floats:
        """How many times fewer rows each unit's ``contributions`` ``[T, N]`` are worth, the most of them, at least 1: ``[N]``."""
        times = [np.ones(contributions[0].shape[1])]
        for each in contributions:
            if self.time:
                times.append(integrated_time(autocovariance(each)))
            if self.groups is not None:
                centred = each - each.mean(axis=0)
                alone = np.maximum((centred**2).sum(axis=0), np.finfo(np.float64).tiny)
                times.append(of_few(self.groups) * (_group_sums(centred, self.groups) ** 2).sum(axis=0) / alone)
        return np.max(times, axis=0)


def of_few(groups: NDArray[np.intp]) -> float:
    r"""By how much a variance estimated from the sums of G groups is too small for tests by a normal distribution.

    :math:`G / (G - 1)` for the mean that was taken off, and Student's quantile over the normal's, squared, at 0.2 %, where a
    correction for a dozen lines looks; :math:`G = (\sum n_g)^2 / \sum n_g^2`, the effective number of groups of unlike sizes.
    """
    sizes = np.bincount(groups).astype(np.float64)
    degrees = max(sizes.sum() ** 2 / (sizes**2).sum() - 1, _LEAST_DEGREES)
    wider = stats.t.isf(_FAR / 2, degrees) / stats.norm.isf(_FAR / 2)
    return float((degrees + 1) / degrees * wider**2)


def _group_sums(values: Floats, groups: NDArray[np.intp]) -> Floats:
    return np.stack([np.bincount(groups, column) for column in values.T], axis=1)


INDEPENDENT = Dependence()


def discounted(p: ArrayLike, design_effect: ArrayLike) -> Floats:
    """Two-sided p-values of independent observations, of as many that are worth ``design_effect`` times fewer."""
    p, effect = np.asarray(p, dtype=np.float64), np.asarray(design_effect, dtype=np.float64)
    return np.where(effect == 1, p, 2 * stats.norm.sf(stats.norm.isf(p / 2) / np.sqrt(effect)))


def autocovariance(series: Floats, *, pooled: bool = False) -> Floats:
    """At lags 0 … T/2 around each column's mean, ``[T, N]`` → ``[T/2, N]``; ``pooled``, their sum over columns, ``[T/2]``."""
    n = len(series)
    spectrum = np.abs(fft.rfft(series - series.mean(axis=0), fft.next_fast_len(2 * n, real=True), axis=0)) ** 2
    if pooled:
        spectrum = spectrum.sum(axis=1)
    return np.asarray(fft.irfft(spectrum, fft.next_fast_len(2 * n, real=True), axis=0)[: max(n // 2, 1)] / n)


def integrated_time(autocovariance: Floats) -> Floats:
    r"""The integrated autocorrelation time :math:`1 + 2 \sum_k \rho_k`, at least 1: ``[L, ...]`` → ``[...]``.

    Lags are summed in pairs up to the first pair that is not positive, none larger than the one before: what comes after
    is noise.

    Source: Geyer, "Practical Markov chain Monte Carlo", 1992, https://doi.org/10.1214/ss/1177011137
    """
    lags = len(autocovariance) // 2 * 2
    variance = autocovariance[0]
    pairs = autocovariance[:lags:2] + autocovariance[1:lags:2]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    pairs = np.where(positive, np.minimum.accumulate(np.where(positive, pairs, np.inf), axis=0), 0.0)
    total = 2 * pairs.sum(axis=0)
    return np.maximum(1.0, np.divide(total, variance, out=np.full_like(variance, 2.0), where=variance > 0) - 1)


def lags_that_count(autocovariance: Floats) -> int:
    """How many lags ``[L]`` stand before Geyer's first pair that is not positive."""
    lags = len(autocovariance) // 2 * 2
    pairs = autocovariance[:lags:2] + autocovariance[1:lags:2]
    return 2 * int(np.logical_and.accumulate(pairs > 0).sum())
