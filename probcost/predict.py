"""Predictions as a distribution: mixed over posterior draws, row chunk by row chunk, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from tqdm.auto import tqdm

from probcost.model import CostModel
from probcost.reading import Filled, Reading, cdf_step, log_mean_of_exp, read_off
from probcost.uncertainty import Uncertainty

__all__ = ["Predictive", "Summary", "seeded"]

# Numbers held at once for each quantity, [S, rows, N]: 4 MiB in float32, which stays in a processor's cache. With draws,
# eight times that: every chunk then reads all S networks, which must pay.
_CHUNK = 2**20
# Log-probabilities of counts that differ relatively by less are of one and the same probability.
_ROUNDING = 1e-6
# Samples that a cdf is found from must not be those that `sample` hands out, and that may be what is judged.
_RANKS = 1_000_003


class Summary(NamedTuple):
    """Posterior predictive draws, summarised: mean and standard deviation ``[T, N]``, quantiles ``[Q, T, N]``."""

    mean: Tensor
    sd: Tensor
    quantiles: Tensor


class Predictive(Distribution):
    r"""The predictive distribution of rows ``x``: the equal mixture, over S posterior draws, of the likelihood.

    .. math:: p(y_t \mid x_t) = \frac{1}{S} \sum_{s=1}^{S} p(y_t \mid x_t, \theta_s)

    It is scored as the mixture it is, never as one distribution with the mixture's moments. Batch shape ``[T, N]``; of a
    likelihood of whole vectors, ``[T]`` and event shape ``[N]``, and then log-probabilities are ``[T]``.
    Every method goes through the rows in chunks; no ``[S, T, N]`` is held unless samples are asked for.

    Args:
        model: the trained model.
        x: inputs ``[T, ...]`` in original units.
        draws: parameter name → ``[S, ...]``; empty for a point estimate.
        seed: fixes which samples are drawn.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(self, model: CostModel, x: Tensor, draws: Mapping[str, Tensor], seed: int = 0) -> None:
        self.model = model
        self.x = x
        self.draws = draws
        self.seed = seed
        self.n_draws = next(iter(draws.values())).shape[0] if draws else 1
        shape = torch.Size((len(x), model.likelihood.n_units))
        split = 2 - model.likelihood.event_dim
        super().__init__(batch_shape=shape[:split], event_shape=shape[split:], validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Where observations can lie."""
        return self.model.likelihood.support

    @property
    def mean(self) -> Tensor:
        """Predictive mean ``[T, N]``, in the observation's units."""
        return self._by_rows(lambda component, rows: component.mean.mean(0))

    @property
    def variance(self) -> Tensor:
        """Predictive variance ``[T, N]``: mean of the draws' variances plus variance of their means."""
        return self._by_rows(lambda component, rows: component.variance.mean(0) + component.mean.var(0, correction=0))

    def uncertainty(self, n: int = 300) -> Uncertainty:
        """Aleatoric and epistemic parts of variance and entropy; entropies from ``n`` replicated observations of each row.

        Raises:
            ValueError: for fewer than two replicates.
        """
        if n < 2:
            raise ValueError(f"n must be at least 2 replicated observations, got {n}")
        n = max(2, math.ceil(n / self.n_draws))  # of each draw
        parts: list[tuple[Tensor, ...]] = []
        with torch.no_grad(), seeded(self.seed, self.x.device):
            for _, component in self._components(at_once=n * self.n_draws):
                parts.append(_parts_of_uncertainty(component, self.n_draws, n))
        return Uncertainty(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), ``[T, N]`` or ``[T]``, in nats, in the observation's original units."""
        value = self._aligned(value)
        return self._by_rows(lambda component, rows: _mixed(component, value[rows], 0))

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y ≤ value), ``[T, N]``: of each unit by itself, also where an observation is one vector.

        Of a distribution that has no cdf it is found from its masses, or from 200 samples.
        """
        below, cdf = self.cdf_step(value)
        return cdf if self.model.likelihood.discrete else (below + cdf) / 2

    def cdf_step(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """P(Y < value) and P(Y ≤ value), ``[T, N]`` each; of real numbers without a cdf the step of `Reading`, else equal."""
        value, parts = self._aligned(value), Filled(len(self.x))
        for rows, component in self._components():
            with torch.no_grad(), seeded(self.seed + _RANKS + rows.start, self.x.device):
                below, cdf = cdf_step(component, value[rows], self.model.likelihood.discrete)
                parts.put(rows, below=below, cdf=cdf)
        return parts.whole["below"], parts.whole["cdf"]

    def read(self, value: Tensor, *, moments: bool = True, by_draw: bool = False) -> Reading:
        """All that a check looks at, in one pass: every row's distributions are computed once, and everything read off them.

        Equal to `log_prob`, `cdf`, `mean` and `variance`, to rounding. Counts have their cdf by a recursion that costs
        less than the log-probabilities do.

        Args:
            value: one observation for every row, ``[T, N]``.
            moments: whether mean and variance are wanted.
            by_draw: whether every draw's log-probability of every row is, which PSIS-LOO needs.
        """
        value, parts = self._aligned(value), Filled(len(self.x))
        for rows, component in self._watched("reading predictions"):
            with torch.no_grad(), seeded(self.seed + _RANKS + rows.start, self.x.device):
                each, mixed = read_off(component, value[rows], self.model.likelihood.discrete)
                parts.put(rows, **mixed)
                if moments:
                    parts.put(rows, mean=component.mean.mean(0))
                    variance = component.variance.mean(0)
                    if self.n_draws > 1:
                        variance = variance + component.mean.var(0, correction=0)
                    parts.put(rows, variance=variance)
                if by_draw:
                    parts.put(rows, by_draw=(each if self.event_shape else each.sum(-1)).T)
        whole = parts.whole
        optional = {name: whole.get(name) for name in ("prob_zero", "mean", "variance")}
        rows_by_draw = whole["by_draw"].T if by_draw else None
        return Reading(whole["log_prob"], whole["cdf"], whole["cdf_below"], **optional, by_draw=rows_by_draw)

    def by_draw(self, value: Tensor) -> Tensor:
        """log p(row | θ_s) of every draw and row, ``[S, T]``, summed over units as it is computed: no ``[S, T, N]``."""
        value, parts = self._aligned(value), Filled(len(self.x))
        for rows, component in self._watched("log-likelihood of every draw"):
            with torch.no_grad():
                log_prob = component.log_prob(value[rows])
                parts.put(rows, by_draw=(log_prob if self.event_shape else log_prob.sum(-1)).T)
        return parts.whole["by_draw"].T

    def region(self, value: Tensor, n: int = 200, *, ties: bool = False) -> Tensor:
        r"""Content of the highest-density region on whose boundary each row of ``value`` lies, ``[T]``: uniform under the model.

        .. math:: P\left(p(Y) > p(\text{value})\right)

        Of all units together, whether they are independent given the draw or one vector. Exact for a single elliptical
        distribution, else from ``n`` replicated observations of each row. Counts are often equally likely: with ``ties`` those
        that are belong to the region too, and what is uniform is a random number between the two contents.

        Source: Hyndman, "Computing and graphing highest density regions", 1996, https://doi.org/10.1080/00031305.1996.10474359.
        """
        value, each = self._aligned(value), math.ceil(n / self.n_draws)

        def joint(component: Any, y: Tensor, dim: int) -> Tensor:
            log_prob = component.log_prob(y)
            log_prob = log_prob if self.event_shape else log_prob.sum(-1)
            return log_prob.logsumexp(dim)

        def of(component: Any, rows: slice) -> Tensor:
            if self.n_draws == 1 and hasattr(component, "mahalanobis"):
                return component.region(value[rows]).squeeze(0)
            samples = component.sample(torch.Size((each,))).flatten(0, 1).unsqueeze(1)  # [n, 1, rows, N]
            reached = joint(component, value[rows], 0)
            if self.model.likelihood.discrete:
                rounding = _ROUNDING * reached.abs().clamp_min(1.0)
                reached = reached - rounding if ties else reached + rounding
            return (joint(component, samples, 1) > reached).to(value.dtype).mean(0)

        with seeded(self.seed, self.x.device):
            return self._by_rows(of, at_once=each * self.n_draws**2)

    def crps(self, value: Tensor, n: int = 1000) -> Tensor:
        r"""Continuous ranked probability score of each unit, ``[T, N]``, in the observation's units; the less the better.

        .. math:: \text{CRPS} = E|Y - y| - \tfrac12 E|Y - Y'|

        In closed form for a single distribution that has one, else from ``n`` replicated observations of each row.

        Source: Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007,
        https://doi.org/10.1198/016214506000001437.
        """
        value = self._aligned(value)
        if self.n_draws == 1 and not self.event_shape and hasattr(self.model.distribution(self.x[:1]), "crps"):
            return self._by_rows(lambda component, rows: component.crps(value[rows]).squeeze(0))
        parts = Filled(len(self.x))
        for rows, samples in self.sample_chunks(n):
            parts.put(rows, crps=_crps(samples, value[rows]))
        return parts.whole["crps"]

    def pointwise(self, value: Tensor) -> Tensor:
        """log p(value | θ_s) of every draw, ``[S, T, N]`` or ``[S, T]``: what PSIS-LOO needs."""
        value = self._aligned(value)
        return torch.cat([component.log_prob(value[rows]) for rows, component in self._components()], dim=1)

    def sample(self, sample_shape: torch.Size | tuple[int, ...] | list[int] = ()) -> Tensor:
        """Replicated observations, ``sample_shape + [T, N]``; each is one posterior draw over all rows.

        Drawn from the fit's own seed: the same call gives the same numbers. Ask for as many as you need at once.
        """
        shape = torch.Size(sample_shape)
        n = math.prod(shape)
        samples: Tensor | None = None
        for rows, chunk in self.sample_chunks(n):
            if samples is None:
                samples = chunk.new_empty((n, *self._shape))
            samples[:, rows] = chunk
        assert samples is not None
        return samples.reshape(shape + self._shape)

    def sample_chunks(self, n: int) -> Iterator[tuple[slice, Tensor]]:
        """``n`` replicated data sets, handed out in chunks of rows: ``(rows, [n, len(rows), N])``."""
        each = math.ceil(n / self.n_draws)
        with seeded(self.seed, self.x.device):
            # Which replicates are kept, or which posterior draws: all draws equally often, so n = S uses each once.
            order = torch.randperm(each * self.n_draws)[:n]
        draws = self.draws
        if n < self.n_draws:
            draws = {name: value[order.to(value.device)] for name, value in draws.items()}
        for i, (rows, component) in enumerate(self._components(draws, at_once=max(n, 1))):
            with seeded(self.seed + 1 + i, self.x.device):
                chunk = component.sample(torch.Size((each,))).flatten(0, 1)
            # A replicate is of one draw for all rows: the same places in every chunk.
            yield rows, chunk if n <= self.n_draws or not draws else chunk[order.to(chunk.device)]

    def scored_chunks(self, n: int, scored: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """`sample_chunks`, and log p ``[scored, len(rows), ...]`` of the first so many of its data sets."""
        for rows, chunk in self.sample_chunks(n):
            part = Predictive(self.model, self.x[rows], self.draws, self.seed)
            yield rows, chunk, part._by_rows(partial(_each_mixed, chunk[:scored])).transpose(0, 1)

    def summarize(self, n: int = 1000, quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)) -> Summary:
        """Mean, standard deviation and quantiles of ``n`` replicated data sets, none of them ever held whole."""
        if n < 1 or not all(0 <= level <= 1 for level in quantiles):
            raise ValueError(f"n must be at least 1 and quantiles between 0 and 1, got n={n} and {quantiles}")
        ranks = [round(level * (n - 1)) for level in quantiles]
        # Filled in place: small results kept between the large temporaries would leave the heap full of holes.
        empty = self.x.new_empty
        result = Summary(empty(self._shape), empty(self._shape), empty((len(ranks), *self._shape)))
        for rows, chunk in self.sample_chunks(n):
            for whole, part in zip(result, _summary(chunk, ranks), strict=True):
                whole[..., rows, :] = part
        return result

    def __repr__(self) -> str:
        rows, units = self._shape
        mixed = f"mixture of {self.n_draws} draws" if self.draws else "point estimate"
        return f"Predictive({type(self.model.likelihood).__name__}, {rows:,} rows × {units} units, {mixed})"

    def _components(
        self, draws: Mapping[str, Tensor] | None = None, at_once: int | None = None
    ) -> Iterator[tuple[slice, Any]]:
        """The likelihood's distribution, ``[S, rows, N]``, for one chunk of rows after another."""
        draws = self.draws if draws is None else draws
        per_row = (at_once or self.n_draws) * self.model.likelihood.num_outputs
        step = max(1, (8 * _CHUNK if draws else _CHUNK) // per_row)
        for start in range(0, len(self.x), step):
            rows = slice(start, min(start + step, len(self.x)))
            with torch.no_grad():
                inputs = self.x[rows]
                component = self.model.distribution(inputs, draws)
                if not draws:
                    component = component.expand(torch.Size((1, *component.batch_shape)))
            yield rows, component

    def _watched(self, what: str) -> Iterator[tuple[slice, Any]]:
        """The same, with a progress bar for what takes over two seconds."""
        with tqdm(total=len(self.x), desc=what, unit="row", delay=2.0, leave=False) as bar:
            for rows, component in self._components():
                yield rows, component
                bar.update(rows.stop - rows.start)

    @property
    def _shape(self) -> torch.Size:
        """Of all observations together, ``[T, N]``."""
        return self.batch_shape + self.event_shape

    def _by_rows(self, of: Callable[[Any, slice], Tensor], at_once: int | None = None) -> Tensor:
        result: Tensor | None = None
        with torch.no_grad():
            for rows, component in self._components(at_once=at_once):
                part = of(component, rows)
                if result is None:
                    result = part.new_empty((len(self.x), *part.shape[1:]))
                result[rows] = part
        assert result is not None
        return result

    def _aligned(self, value: Tensor) -> Tensor:
        """``value`` as one observation for every row; ``[T]`` is accepted for one unit, and one number for all."""
        value, (rows, units) = torch.as_tensor(value, dtype=self.x.dtype, device=self.x.device), self._shape
        if units == 1 and value.shape == (rows,):
            value = value[:, None]
        if value.ndim and value.shape not in ((rows, units), (1, units), (1, 1)):
            raise ValueError(
                f"value has shape {list(value.shape)}; {rows:,} rows were predicted, so [{rows}, {units}] is needed"
            )
        return value.expand(self._shape)


def _mixed(component: Any, value: Tensor, dim: int) -> Tensor:
    """log p(value) of the equal mixture over dimension ``dim``, where the posterior draws are."""
    return log_mean_of_exp(component.log_prob(value), dim)


def _each_mixed(samples: Tensor, component: Any, rows: slice) -> Tensor:
    """Rows first, and then which data set."""
    return torch.stack([_mixed(component, each[rows], 0) for each in samples], dim=1)


def _crps(samples: Tensor, value: Tensor) -> Tensor:
    """Unbiased in the number of samples ``[n, rows, N]``: differences of a sample with itself are left out."""
    n = len(samples)
    # numpy sorts contiguous rows an order of magnitude faster than torch sorts a strided dimension.
    ordered = np.sort(np.ascontiguousarray(samples.cpu().numpy().reshape(n, -1).T), axis=1)
    half_spread = ordered @ np.arange(1 - n, n, 2, dtype=ordered.dtype) / (n * (n - 1))
    return (samples - value).abs_().mean(0) - torch.from_numpy(half_spread.reshape(value.shape)).to(value)


def _parts_of_uncertainty(component: Any, n_draws: int, n: int) -> tuple[Tensor, ...]:
    """The fields of `Uncertainty` for one chunk of rows, from the draws' own distributions ``[S, rows, N]``."""
    own = mixed = component.log_prob(samples := component.sample(torch.Size((n,))))  # [n, S, rows, N]
    if n_draws > 1:
        # Every draw's samples under every other draw, one draw's samples at a time.
        mixed = torch.stack([_mixed(component, samples[:, s : s + 1], 1) for s in range(n_draws)], dim=1)
    # The same samples serve both entropies, so that their noise cancels in the difference.
    information = own - mixed
    error = information.flatten(0, 1).std(0) / math.sqrt(n * n_draws)
    return (
        component.variance.mean(0),
        component.mean.var(0, correction=0),
        -mixed.mean((0, 1)),
        -own.mean((0, 1)),
        error,
    )


def _summary(samples: Tensor, ranks: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and standard deviation over the first dimension of ``[n, rows, N]``, and its order statistics ``ranks``."""
    # Around the first sample, so that large means don't cancel; two plain sums are ten times faster than torch.var.
    around = samples - samples[:1]
    mean = around.mean(0)
    sd = ((around * around).mean(0) - mean * mean).clamp_min(0).sqrt()
    n, *shape = samples.shape
    if not ranks:
        return samples[0] + mean, sd, samples.new_empty((0, *shape))
    # numpy sorts contiguous rows an order of magnitude faster than torch sorts a strided dimension.
    ordered = np.sort(np.ascontiguousarray(samples.cpu().numpy().reshape(n, -1).T), axis=1)[:, ranks]
    return samples[0] + mean, sd, torch.from_numpy(ordered.T.reshape(-1, *shape)).to(samples.device)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside the ``with`` block torch draws from ``seed``; outside, the caller's random state is as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
