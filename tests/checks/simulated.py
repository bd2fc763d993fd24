"""Data whose true predictive distribution is known exactly, and the evidence that any model has on them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal, special, stats
from torch import Tensor

from probcost.checks import crps_from_samples
from probcost.checks.evidence import Evidence, Floats
from probcost.reading import Reading

__all__ = [
    "ConwayMaxwell",
    "StubFit",
    "VectorNormal",
    "dependent_ranks",
    "evidence",
    "negative_binomial",
    "poisson",
    "rates",
    "vector_evidence",
]


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


class VectorNormal:
    """Multivariate normal of each row, ``mean`` ``[T, N]`` and one ``covariance`` ``[N, N]``, in closed form."""

    def __init__(self, mean: Floats, covariance: Floats) -> None:
        self.location, self.covariance = mean, covariance
        self.root = np.linalg.cholesky(covariance)
        self.marginals = stats.norm(mean, np.sqrt(np.diag(covariance)))

    def logpdf(self, y: NDArray[Any]) -> Floats:
        return stats.multivariate_normal(np.zeros(len(self.root)), self.covariance).logpdf(y - self.location)

    def region(self, y: NDArray[Any]) -> Floats:
        whitened = np.linalg.solve(self.root, (y - self.location).T)
        return stats.chi2.cdf((whitened**2).sum(axis=0), len(self.root))

    def rvs(self, rng: np.random.Generator, size: tuple[int, ...] = ()) -> Floats:
        return self.location + rng.normal(size=(*size, *self.location.shape)) @ self.root.T


class StubFit:
    """What `probcost.score` and `probcost.check` need of a fit whose every row has the frozen distribution ``model``.

    ``model`` is one of scipy's, ``[T, N]``, or a `VectorNormal`. As a fit does, it hands out tensors; inputs are ignored.
    """

    method = "stub"
    n_draws = 1
    seed = 0

    def __init__(self, model: Any, null: Any = None, *, ordered: bool = False) -> None:
        self.distribution, self.vectors = model, isinstance(model, VectorNormal)
        self.discrete = not self.vectors and not hasattr(model.dist, "logpdf")
        self.units = model.marginals if self.vectors else model
        self.null = null or model
        likelihood = SimpleNamespace(discrete=self.discrete, event_dim=int(self.vectors))
        self.model = SimpleNamespace(likelihood=likelihood, ordered=ordered)
        self.mean, self.variance = torch.tensor(self.units.mean()), torch.tensor(self.units.var())
        self.unit_names = [str(i) for i in range(self.mean.shape[1])]

    def predict(self, x: Any) -> StubFit:
        return self

    def observations(self, y: Any) -> Tensor:
        return torch.as_tensor(y, dtype=torch.float64)

    def log_prob(self, y: Tensor, model: Any = None) -> Tensor:
        model = model or self.distribution
        return torch.tensor((model.logpmf if self.discrete else model.logpdf)(y.numpy()))

    def null_log_prob(self, y: Any) -> Tensor:
        return self.log_prob(self.observations(y), self.null)

    def cdf(self, y: Tensor) -> Tensor:
        return torch.tensor(self.units.cdf(y.numpy()))

    def read(self, y: Tensor) -> Reading:
        below = self.cdf(y - 1) if self.discrete else self.cdf(y)
        zero = self.log_prob(torch.zeros_like(y)).exp() if self.discrete else None
        return Reading(self.log_prob(y), self.cdf(y), below, zero, self.mean, self.variance)

    def region(self, y: Tensor, n: int) -> Tensor:
        return torch.tensor(self.distribution.region(y.numpy()))

    def crps(self, y: Tensor, n: int) -> Tensor:
        return torch.tensor(crps_from_samples(self.sample((n,)).numpy(), y))

    def sample(self, shape: tuple[int, ...]) -> Tensor:
        rng = np.random.default_rng(self.seed)
        if self.vectors:
            return torch.tensor(self.distribution.rvs(rng, shape))
        return torch.tensor(self.units.rvs((*shape, *self.mean.shape), random_state=rng).astype(np.float64))

    def sample_chunks(self, n: int) -> Iterator[tuple[slice, Tensor]]:
        samples = self.sample((n,))
        for rows in (slice(0, 7), slice(7, len(self.mean))):
            yield rows, samples[:, rows]

    def scored_chunks(self, n: int, scored: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        log_prob = torch.stack([self.log_prob(each) for each in self.sample((n,))[:scored]])
        for rows, chunk in self.sample_chunks(n):
            yield rows, chunk, log_prob[:, rows]


def poisson(mean: Floats) -> Any:
    return stats.poisson(mean)


def negative_binomial(mean: Floats, dispersion: float = 0.2) -> Any:
    """Variance ``mean + dispersion mean²``."""
    return stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))


def rates(rng: np.random.Generator, rows: int, units: int, typical: float, spread: float = 0.5) -> Floats:
    """Rates that vary over time, ``[rows, units]``, log-normal around ``typical``."""
    return typical * np.exp(rng.normal(-(spread**2) / 2, spread, (rows, units)))


def dependent_ranks(rng: np.random.Generator, rows: int, units: int, phi: float, shared: float = 0.0) -> Floats:
    """Uniform numbers ``[rows, units]`` of a Gaussian copula: an AR(1) of ``phi``, and ``shared`` correlation of units."""
    mixed = np.sqrt(1 - shared) * rng.normal(size=(rows + 200, units)) + np.sqrt(shared) * rng.normal(
        size=(rows + 200, 1)
    )
    return stats.norm.cdf(np.sqrt(1 - phi**2) * signal.lfilter([1.0], [1.0, -phi], mixed, axis=0)[200:])


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
        unit_names=[str(i) for i in range(y.shape[1])],
        discrete=discrete,
    )


def vector_evidence(model: VectorNormal, y: NDArray[Any], null: VectorNormal | None = None) -> Evidence:
    """The same of a model of whole rows."""
    cdf, region = model.marginals.cdf(y), model.region(y)
    return Evidence(
        y=y,
        mean=model.location,
        variance=np.broadcast_to(model.marginals.var(), y.shape),
        log_prob=model.logpdf(y),
        cdf=cdf,
        cdf_below=cdf,
        prob_zero=None,
        null_log_prob=None if null is None else null.logpdf(y),
        unit_names=[str(i) for i in range(y.shape[1])],
        discrete=False,
        region=region,
        region_below=region,
    )
