"""How units of a vector go together: correlations of residuals, observed and in data sets that the model itself made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from probcost.checks.evidence import Floats
from probcost.checks.pit import quantile_residuals, randomized_pit
from probcost.predict import Predictive
from probcost.reading import cdf_step

__all__ = ["Joint", "joint"]

_REPLICATES = 60
_NUMBERS = 3_000_000
# With more pairs than this, sixty replicates cannot say how their correlations vary together: two summaries of all do.
_PAIRS = 6


@dataclass(frozen=True, eq=False)
class Joint:
    """Correlations between units, or their mean and spread where pairs are many.

    Attributes:
        observed: ``[K]``.
        replicated: of data sets that the model made, ``[R, K]``.
        mean: observed and replicated mean correlation.
    """

    observed: Floats
    replicated: Floats
    mean: tuple[float, float]

    @property
    def p_value(self) -> float:
        r"""Of Hotelling's T² of one more draw: exact where correlations are normal, as those of many rows are.

        Source: Hotelling, "The generalization of Student's ratio", 1931, https://doi.org/10.1214/aoms/1177732979.
        """
        n, k = self.replicated.shape
        off = self.observed - self.replicated.mean(axis=0)
        covariance = np.cov(self.replicated, rowvar=False).reshape(k, k)
        squared = off @ np.linalg.pinv(covariance) @ off / (1 + 1 / n)
        return float(stats.f.sf(squared * (n - k) / (k * (n - 1)), k, n - k))


def joint(z: Floats, distribution_at: Callable[[NDArray[np.int64]], Any], *, discrete: bool, seed: int) -> Joint | None:
    """Compare correlations of residuals ``z`` ``[T, N]`` with those in replicated data; None for one unit or under 10 rows.

    Args:
        distribution_at: row numbers → the distribution of these rows, ``[T, N]``: a prediction or one of Pyro's.
        discrete: whether observations are counts, whose residuals are randomised.
    """
    rows, units = z.shape
    if units < 2 or rows < 10:
        return None
    most = max(10, _NUMBERS // (_REPLICATES * units))
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(int))
    believed = distribution_at(chosen)
    replicated = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for i, y in enumerate(believed.sample(torch.Size((_REPLICATES,)))):
            below, cdf = (np.asarray(end.cpu(), dtype=np.float64) for end in _cdf_step(believed, y, discrete))
            replicated.append(_correlations(quantile_residuals(randomized_pit(cdf, below, seed + 1 + i))))
    observed = _correlations(z[chosen])
    means = float(observed.mean()), float(np.mean(replicated))
    return Joint(_summary(observed), np.stack([_summary(each) for each in replicated]), means)


def _cdf_step(believed: Any, y: Tensor, discrete: bool) -> tuple[Tensor, Tensor]:
    if isinstance(believed, Predictive):
        return believed.cdf_step(y)
    return cdf_step(believed.expand(torch.Size((1, *believed.batch_shape))), y, discrete)


def _correlations(z: Floats) -> Floats:
    centred = z - z.mean(axis=0)
    centred = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-300)
    return np.asarray((centred.T @ centred)[np.triu_indices(z.shape[1], 1)])


def _summary(correlations: Floats) -> Floats:
    if len(correlations) <= _PAIRS:
        return correlations
    return np.array([correlations.mean(), correlations.std()])
