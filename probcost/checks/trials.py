"""What to try next, tried: other likelihoods on the predictions at hand, their shapes learned on half of the rows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probcost import likelihoods
from probcost.checks.diagnosis_result import Trial
from probcost.checks.diagnosis_table import name_of
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.gain import gain
from probcost.checks.residuals import Residuals
from probcost.history import History
from probcost.likelihoods import Likelihood

__all__ = ["attempt"]

# A trial sees at most so many units, and entries: enough to tell beliefs apart, and a few seconds for all of them.
_MOST_UNITS, _ENTRIES = 20, 60_000
_BLOCKS = 10
_STEPS = 60
_SMALLEST_MEAN = 1e-4


@dataclass(frozen=True, eq=False)
class _Data:
    """Rows and units that trials see: observations, what is known of their location, and what else may tell of them."""

    y: Tensor  # counts, or residuals in units of the predicted standard deviation
    anchor: Tensor  # log predicted means of counts; zeros
    log_scale: Floats  # log p(y) is that of the residuals less this
    features: Tensor  # [T, Q]
    previous: Tensor  # quantile residuals of the row before, [T, N]
    own: Floats  # log p(y) by the fit itself, [T] over the units seen


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A remedy for all N units, and the likelihood that stands for it on residuals of n of them."""

    remedy: Any
    trial: Likelihood
    on_features: slice | None = None  # raw outputs that may vary with the features
    on_previous: bool = False


def attempt(seen: Residuals, own: Likelihood, *, ordered: bool) -> tuple[list[Trial], Trial | None]:
    """Every candidate's held-out gain over the fit's own likelihood, best first; and the best that is simplest.

    Means are taken as predicted, but for a shift of each unit and, of counts, a slope; shapes are learned on every other
    of ten contiguous blocks and scored on those between, and the other way round.

    Args:
        seen: residuals with their evidence.
        own: the fit's likelihood: the baseline, given the same freedom; the fit's own log-probabilities where it is of no
            kind that can be tried.
        ordered: whether rows follow each other in time, so that their past can be used.
    """
    data = _data(seen)
    scored = [
        (candidate, _by_row(candidate, data)) for candidate in _candidates(seen.evidence, own, data, ordered=ordered)
    ]
    baseline = data.own
    for candidate, by_row in scored:
        if type(candidate.trial) is type(own) and not _widened(candidate) and by_row.mean() > baseline.mean():
            baseline = by_row
    trials = [
        (_trial(candidate, by_row - baseline, data), by_row)
        for candidate, by_row in scored
        if type(candidate.trial) is not type(own) or _widened(candidate)
    ]
    trials.sort(key=lambda each: -each[0].gain)
    return [trial for trial, _ in trials], _simplest(trials, data)


def _widened(candidate: _Candidate) -> bool:
    return candidate.on_features is not None or candidate.on_previous


def _simplest(trials: Sequence[tuple[Trial, Floats]], data: _Data) -> Trial | None:
    """The best trial, or the simplest that is no worse beyond two standard errors; None where none gains."""
    gaining = [each for each in trials if each[0].gain > 2 * each[0].standard_error]
    if not gaining:
        return None
    best = gaining[0][1]
    as_good = []
    for trial, by_row in gaining:
        behind, error = _gain(best - by_row, data)
        if behind <= 2 * error:
            as_good.append(trial)
    return min(as_good, key=lambda trial: (trial.learned, -trial.gain))


def _trial(candidate: _Candidate, difference: Floats, data: _Data) -> Trial:
    return Trial(name_of(candidate.remedy), candidate.remedy, *_gain(difference, data), _learned(candidate, data))


def _gain(difference: Floats, data: _Data) -> tuple[float, float]:
    each = difference / data.y.shape[1]
    of = gain(each, np.zeros_like(each))
    return float(of.mean), float(of.standard_error)


def _learned(candidate: _Candidate, data: _Data) -> float:
    """Parameters for each unit."""
    n, functions = data.y.shape[1], data.features.shape[1]
    own = sum(parameter.numel() for parameter in candidate.trial.parameters()) + candidate.trial.num_outputs
    if candidate.on_features is not None:
        own += functions * len(range(candidate.trial.num_outputs)[candidate.on_features])
    return own / n + candidate.on_previous


def _data(seen: Residuals) -> _Data:
    evidence = seen.evidence
    rows, units = evidence.y.shape
    columns = np.arange(units) if evidence.vectors else np.sort(seen.rng.permutation(units)[:_MOST_UNITS])
    # The first row has no row before it.
    chosen = np.unique(np.linspace(1, rows - 1, min(rows - 1, _ENTRIES // len(columns) + 1)).round().astype(int))
    at = np.ix_(chosen, columns)
    y, mean = evidence.y[at], evidence.mean[at]
    log_scale, anchor = np.zeros(len(chosen)), np.zeros_like(y)
    if evidence.discrete:
        anchor = np.log(np.maximum(mean, _SMALLEST_MEAN))
    else:
        sd = _scale(evidence)[at]
        y, log_scale = (y - mean) / sd, np.log(sd).sum(axis=1)
    own = evidence.log_prob[chosen] if evidence.vectors else evidence.log_prob[at].sum(axis=1)
    features = seen.basis[chosen] * np.sqrt(rows)
    previous = seen.z[chosen - 1][:, columns]
    tensors = [torch.as_tensor(each, dtype=torch.float64) for each in (y, anchor, features, previous)]
    return _Data(tensors[0], tensors[1], log_scale, tensors[2], tensors[3], own)


def _scale(evidence: Evidence) -> Floats:
    """Predicted standard deviations; where there are none, as under heavy tails, the unit's typical error."""
    sd = np.sqrt(evidence.variance)
    typical = np.median(np.abs(evidence.y - evidence.mean), axis=0) / 0.6745 + np.finfo(np.float64).tiny
    return np.where(np.isfinite(sd) & (sd > 0), sd, typical)


def _by_row(candidate: _Candidate, data: _Data) -> Floats:
    """log p of each row, ``[T]``, by what was learned from the other half of the blocks."""
    blocks = np.array_split(np.arange(len(data.y)), _BLOCKS)
    halves = [torch.as_tensor(np.concatenate(blocks[first::2])) for first in range(2)]
    by_row = np.empty(len(data.y))
    for here, there in (halves, halves[::-1]):
        learned = _Shape(candidate, data).learn(here)
        with torch.no_grad():
            by_row[there.numpy()] = learned.log_prob(there).numpy()
    return by_row - data.log_scale


class _Shape(nn.Module):
    """A candidate's likelihood around the predicted means: its own parameters, a shift, and what else it may use."""

    def __init__(self, candidate: _Candidate, data: _Data) -> None:
        super().__init__()
        self.data = data
        self.likelihood = copy.deepcopy(candidate.trial).double()
        n, zeros = self.likelihood.n_units, data.y.new_zeros
        start = zeros(self.likelihood.num_outputs)
        if not self.likelihood.discrete:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # components of a mixture begin apart, at random
                start = self.likelihood.initial_raw(zeros(n), torch.ones_like(zeros(n)))
        self.offset = nn.Parameter(start.detach().clone())
        self.slope = nn.Parameter(torch.ones_like(zeros(n)))
        outputs = range(self.likelihood.num_outputs)[candidate.on_features or slice(0)]
        self.outputs = slice(outputs.start, outputs.stop)
        self.weights = nn.Parameter(zeros(data.features.shape[1] if outputs else 0, len(outputs)))
        self.memory = nn.Parameter(zeros(n)) if candidate.on_previous else None

    def log_prob(self, rows: Tensor) -> Tensor:
        """log p of each of these rows, summed over units."""
        n, data = self.likelihood.n_units, self.data
        raw = self.offset.expand(len(rows), -1).clone()
        if self.likelihood.discrete:
            raw[:, :n] = raw[:, :n] + self.slope * data.anchor[rows]
        if self.memory is not None:
            raw[:, :n] = raw[:, :n] + self.memory * data.previous[rows]
        if len(self.weights):
            raw[:, self.outputs] = raw[:, self.outputs] + data.features[rows] @ self.weights
        log_prob = self.likelihood(raw).log_prob(data.y[rows])
        return log_prob if self.likelihood.event_dim else log_prob.sum(-1)

    def learn(self, rows: Tensor) -> _Shape:
        """By maximum likelihood on these rows."""
        optimizer = torch.optim.LBFGS(self.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            cost = -self.log_prob(rows).mean()
            # The weak pull keeps what the rows say nothing about (the gate of a unit without zeros) where it began.
            cost = cost + 1e-4 * sum(
                (p - first).square().sum() for p, first in zip(self.parameters(), start, strict=True)
            )
            cost.backward()
            return cost

        start = [parameter.detach().clone() for parameter in self.parameters()]
        optimizer.step(closure)
        return self


def _candidates(evidence: Evidence, own: Likelihood, data: _Data, *, ordered: bool) -> Iterator[_Candidate]:
    of_all, of_few = evidence.y.shape[1], data.y.shape[1]
    if evidence.discrete:
        yield from _counts(own, of_all, of_few)
    elif evidence.vectors:
        yield from _vectors(of_all)
    else:
        yield from _reals(own, of_all, of_few)
    bare = None if evidence.vectors else _bare(own, of_few)
    if bare is not None:
        yield _Candidate("the same, with more of the inputs", bare, on_features=slice(of_few))
        if ordered:
            yield _Candidate(History(1), bare, on_previous=True)


_COUNTS = (
    likelihoods.Poisson,
    likelihoods.NegativeBinomial,
    likelihoods.ConwayMaxwellPoisson,
    likelihoods.ZeroInflatedPoisson,
    likelihoods.ZeroInflatedNegativeBinomial,
)
_REALS = (likelihoods.Normal, likelihoods.StudentT, likelihoods.Laplace)


def _counts(own: Likelihood, of_all: int, of_few: int) -> Iterator[_Candidate]:
    for kind in _COUNTS:
        yield _Candidate(kind(of_all), kind(of_few))
    if of_all > 1:
        yield _Candidate(likelihoods.NegativeMultinomial(of_all), likelihoods.NegativeMultinomial(of_few))
    dispersed = [k for k in (likelihoods.NegativeBinomial, likelihoods.ConwayMaxwellPoisson) if isinstance(own, k)]
    for kind in dispersed:
        if own.dispersion.mode != "predicted":
            of = (kind(n, dispersion="predicted") for n in (of_all, of_few))
            yield _Candidate(*of, on_features=slice(of_few, None))


def _reals(own: Likelihood, of_all: int, of_few: int) -> Iterator[_Candidate]:
    # Residuals are in units of the predicted scale already, so that one number stands for what a network would predict.
    scale = "predicted" if getattr(own, "scale", "predicted") == "predicted" else "learned"
    for kind in _REALS:
        yield _Candidate(kind(of_all, scale=scale), kind(of_few, scale="learned"))
    component = likelihoods.Normal(of_few, scale="learned")
    yield _Candidate(likelihoods.Mixture(likelihoods.Normal(of_all), 2), likelihoods.Mixture(component, 2))
    if 1 < of_all == of_few:
        yield from _vectors(of_all)
    if scale == "learned":
        for kind in _REALS[:2]:
            yield _Candidate(kind(of_all), kind(of_few), on_features=slice(of_few, None))


def _vectors(n: int) -> Iterator[_Candidate]:
    for kind in (likelihoods.MultivariateNormal, likelihoods.MultivariateStudentT):
        yield _Candidate(kind(n), kind(n))
    mixture = likelihoods.Mixture(likelihoods.MultivariateNormal(n), 2)
    yield _Candidate(mixture, mixture)


def _bare(own: Likelihood, n: int) -> Likelihood | None:
    """The fit's own kind of likelihood, with nothing predicted but the location; None for kinds that are not tried."""
    for kind in _COUNTS:
        if type(own) is kind:
            return kind(n)
    for real in _REALS:
        if type(own) is real:
            return real(n, scale="learned")
    return None
