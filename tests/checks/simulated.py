"""Data whose true predictive distribution is known exactly, and the evidence that any model has on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from probcost.checks.evidence import Evidence, Floats

__all__ = ["ConwayMaxwell", "evidence", "negative_binomial", "poisson", "rates"]


class ConwayMaxwell:
    """Conway–Maxwell–Poisson from a table of its masses, with the few methods of a frozen scipy distribution."""

    def __init__(self, location: Floats, nu: float, largest: int = 60) -> None:
        k = np.arange(largest + 1)
        logits = nu * (k * np.log(location)[..., None] - special.gammaln(k + 1))
        self.log_mass = logits - special.logsumexp(logits, axis=-1, keepdims=True)
        self.cumulative = np.exp(self.log_mass).cumsum(axis=-1)
        self._first = (np.exp(self.log_mass) * k).sum(axis=-1)
        self._second = (np.exp(self.log_mass) * k**2).sum(axis=-1)

    def mean(self) -> Floats:
        return self._first

    def var(self) -> Floats:
        return self._second - self._first**2

    def logpmf(self, y: NDArray[Any] | int) -> Floats:
        index = np.broadcast_to(np.asarray(y, dtype=int), self._first.shape)
        return np.take_along_axis(self.log_mass, index[..., None], axis=-1)[..., 0]

    def cdf(self, y: NDArray[Any]) -> Floats:
        index = np.asarray(y, dtype=int)
        up_to = np.take_along_axis(self.cumulative, np.maximum(index, 0)[..., None], axis=-1)[..., 0]
        return np.where(index < 0, 0.0, up_to)

    def rvs(self, random_state: np.random.Generator) -> NDArray[Any]:
        u = random_state.random(self._first.shape)
        return (u[..., None] > self.cumulative[..., :-1]).sum(axis=-1)


def poisson(mean: Floats) -> Any:
    return stats.poisson(mean)


def negative_binomial(mean: Floats, dispersion: float = 0.2) -> Any:
    """Variance ``mean + dispersion mean²``."""
    return stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))


def rates(rng: np.random.Generator, rows: int, units: int, typical: float, spread: float = 0.5) -> Floats:
    """Rates that vary over time, ``[rows, units]``, log-normal around ``typical``."""
    return typical * np.exp(rng.normal(-(spread**2) / 2, spread, (rows, units)))


def evidence(model: Any, y: NDArray[Any], null: Any = None) -> Evidence:
    """What ``model``, a frozen scipy distribution ``[T, N]``, says of ``y``; ``null`` is another such."""
    discrete = hasattr(model, "logpmf") and not hasattr(getattr(model, "dist", None), "logpdf")
    log_prob = "logpmf" if discrete else "logpdf"
    cdf = model.cdf(y)
    return Evidence(
        y=np.asarray(y, dtype=np.float64),
        mean=np.broadcast_to(model.mean(), y.shape),
        variance=np.broadcast_to(model.var(), y.shape),
        log_prob=getattr(model, log_prob)(y),
        cdf=cdf,
        cdf_below=model.cdf(y - 1) if discrete else cdf,
        prob_zero=np.exp(model.logpmf(np.zeros(y.shape))) if discrete else None,
        null_log_prob=None if null is None else getattr(null, log_prob)(y),
        unit_names=[f"unit {i}" for i in range(y.shape[1])],
        discrete=discrete,
    )
