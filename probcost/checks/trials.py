"""What to try next, tried: other likelihoods on the predictions at hand, their shapes learned on half of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pyro.distributions import TorchDistribution
from torch import Tensor
from tqdm import tqdm

from probcost.checks.candidates import Candidate, candidates
from probcost.checks.diagnosis_result import Trial
from probcost.checks.diagnosis_table import name_of
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.gain import gain
from probcost.checks.joint import joint
from probcost.checks.residuals import Residuals, residuals
from probcost.checks.shape_fit import ShapeFit
from probcost.likelihoods import Likelihood

__all__ = ["Outcome", "attempt"]

# A trial sees at most so many units, and entries: enough to tell beliefs apart, and a few seconds for all of them.
_MOST_UNITS, _ENTRIES = 20, 60_000
_BLOCKS, _MOST_BLOCKS = 10, 9
_ALIKE = 0.05
_SMALLEST_MEAN = 1e-4


class Outcome(NamedTuple):
    """All trials, best first; the simplest of the best, None where none gains; residuals of the same rows before and after it."""

    trials: list[Trial]
    first: Trial | None
    before: Residuals | None
    after: Residuals | None


@dataclass(frozen=True, eq=False)
class _Data:
    """The rows and units that trials see."""

    rows: NDArray[np.int64]
    units: NDArray[np.int64]
    y: Tensor  # counts, or residuals in units of the predicted standard deviation
    anchor: Tensor  # log predicted means of counts, else zeros
    basis: Tensor  # functions of the inputs, of variance 1
    simple: Tensor
    previous: Tensor
    log_scale: Floats  # log p(y) is that of the residuals less this, [T]
    own: Floats  # log p(y) by the fit itself, [T]

    @property
    def halves(self) -> tuple[Tensor, Tensor]:
        """Every other of ten contiguous blocks, and those between."""
        blocks = np.array_split(np.arange(len(self.y)), _BLOCKS)
        first, second = (torch.as_tensor(np.concatenate(blocks[start::2])) for start in range(2))
        return first, second


class _Scored(NamedTuple):
    trial: Trial
    by_row: Floats
    fitted: tuple[ShapeFit, ShapeFit]


def attempt(seen: Residuals, own: Likelihood, *, ordered: bool) -> Outcome:
    """Every candidate's held-out gain over the fit's own likelihood.

    Means are taken as predicted, but for a shift of each unit and, of counts, a slope; shapes are learned on every other
    of ten contiguous blocks and scored on those between, and the other way round.

    Args:
        seen: residuals with their evidence.
        own: the fit's likelihood: the baseline, given the same freedom; the fit's own log-probabilities where they are
            better, or it is of no kind that can be tried.
        ordered: whether rows follow each other in time, so that their past can be used.
    """
    data = _data(seen)
    usable = tqdm(_usable(seen, own, data, ordered), desc="trying other beliefs", unit="belief", delay=2, leave=False)
    tried = [(candidate, *_cross_fitted(candidate, data)) for candidate in usable]
    baseline = data.own
    for candidate, by_row, _ in tried:
        if candidate.is_own(own) and by_row.mean() > baseline.mean():
            baseline = by_row
    scored = [
        _Scored(_trial(candidate, by_row - baseline, fitted[0].learned, data), by_row, fitted)
        for candidate, by_row, fitted in tried
        if not candidate.is_own(own)
    ]
    scored.sort(key=lambda each: -each.trial.gain)
    first = _simplest(scored, data)
    if first is None:
        return Outcome([each.trial for each in scored], None, None, None)
    return Outcome([each.trial for each in scored], first.trial, _before(seen, data), _after(first, seen, data))


def _before(seen: Residuals, data: _Data) -> Residuals:
    """The fit's own residuals on the rows and units that trials see, so that what is mended is not just looked at less."""
    parts: dict[str, Any] = {}
    for field in fields(Evidence):
        value = getattr(seen.evidence, field.name)
        if isinstance(value, np.ndarray):
            value = value[data.rows] if value.ndim == 1 else value[np.ix_(data.rows, data.units)]
        parts[field.name] = value
    parts["unit_names"] = [seen.evidence.unit_names[i] for i in data.units]
    inputs = seen.inputs[data.rows]
    groups = _groups(seen, data.rows)
    return residuals(Evidence(**parts), inputs, seen.input_names, level=seen.level, seed=0, groups=groups)


def _groups(seen: Residuals, rows: NDArray[np.int64]) -> NDArray[np.intp] | None:
    """The groups of some rows, numbered without gaps."""
    return None if seen.groups is None else np.unique(seen.groups[rows], return_inverse=True)[1]


def _usable(seen: Residuals, own: Likelihood, data: _Data, ordered: bool) -> list[Candidate]:
    found = candidates(own, len(data.units), ordered=ordered)
    return [c for c in found if c.on_features is None or data.simple.shape[1]]


def _simplest(scored: Sequence[_Scored], data: _Data) -> _Scored | None:
    """The best, or the one of fewest parameters that is no worse beyond two standard errors, or a twentieth of the gain."""
    gaining = [each for each in scored if each.trial.sure]
    if not gaining:
        return None
    as_good = []
    for each in gaining:
        behind, error, _ = _gain(gaining[0].by_row - each.by_row, data)
        if behind <= max(2 * error, _ALIKE * gaining[0].trial.gain):
            as_good.append(each)
    return min(as_good, key=lambda each: (each.trial.learned, -each.trial.gain))


def _trial(candidate: Candidate, difference: Floats, learned: float, data: _Data) -> Trial:
    mean, error, sure = _gain(difference, data)
    return Trial(name_of(candidate.remedy), candidate.remedy, mean, error, learned, sure)


def _gain(difference: Floats, data: _Data) -> tuple[float, float, bool]:
    each = difference / len(data.units)
    of = gain(each, np.zeros_like(each))
    mean, error = float(of.mean), float(of.standard_error)
    # Under very heavy tails a few rows make most of the gain, and of its error too: then blocks are counted.
    gaining = sum(block.mean() > 0 for block in np.array_split(each, _BLOCKS))
    return mean, error, mean > 0 and (mean > 2 * error or gaining >= _MOST_BLOCKS)


def _cross_fitted(candidate: Candidate, data: _Data) -> tuple[Floats, tuple[ShapeFit, ShapeFit]]:
    """log p of each row by what was learned from the other half, ``[T]``; and the fits that score each half."""
    by_row = np.empty(len(data.y))
    first, second = data.halves
    fits = []
    # A scale is noisier than a mean: a few plain functions, or what it learns is noise that only heavy tails forgive.
    features = data.basis if candidate.of_location else data.simple
    for scored, learned_on in ((first, second), (second, first)):
        fitted = ShapeFit(candidate, data.anchor, features, data.previous).learn(learned_on, data.y)
        with torch.no_grad():
            by_row[scored.numpy()] = fitted.log_prob(scored, data.y).numpy()
        fits.append(fitted)
    return by_row - data.log_scale, (fits[0], fits[1])


def _after(first: _Scored, seen: Residuals, data: _Data) -> Residuals:
    """The residuals that the first remedy would leave, if the means stayed as they are."""
    rows, units = data.y.shape
    read = {name: np.empty((rows, units)) for name in ("mean", "variance", "cdf", "cdf_below", "prob_zero")}
    for part, fitted in zip(data.halves, first.fitted, strict=True):
        y, at = data.y[part], part.numpy()
        with torch.no_grad():
            believed = fitted(part)
            found = {"mean": believed.mean, "variance": believed.variance, "cdf": believed.cdf(y)}
            if seen.evidence.discrete:
                below = believed.cdf((y - 1).clamp_min(0)) * (y > 0)
                found |= {"cdf_below": below, "prob_zero": believed.cdf(torch.zeros_like(y))}
        for name, values in found.items():
            read[name][at] = values.numpy()
    discrete = seen.evidence.discrete
    evidence = Evidence(
        y=np.asarray(data.y),
        mean=read["mean"],
        variance=read["variance"],
        log_prob=np.zeros((rows, units)),
        cdf=read["cdf"],
        cdf_below=read["cdf_below"] if discrete else read["cdf"],
        prob_zero=read["prob_zero"] if discrete else None,
        null_log_prob=None,
        unit_names=[seen.evidence.unit_names[i] for i in data.units],
        discrete=discrete,
    )
    coupled = bool(first.fitted[0].likelihood.event_dim)
    inputs = seen.inputs[data.rows]
    left = residuals(
        evidence,
        inputs,
        seen.input_names,
        level=seen.level,
        seed=0,
        independent=not coupled,
        groups=_groups(seen, data.rows),
    )
    if not coupled:
        return left
    # Of one half of the rows, by what the other half taught.
    part, fitted = data.halves[0], first.fitted[0]

    def distribution_at(rows: NDArray[np.int64]) -> TorchDistribution:
        return fitted(part[torch.as_tensor(rows)])

    return replace(left, joint=joint(left.z[part.numpy()], distribution_at, discrete=discrete, seed=0))


def _data(seen: Residuals) -> _Data:
    evidence = seen.evidence
    units = np.arange(evidence.y.shape[1])
    if not evidence.vectors:
        units = np.sort(seen.rng.permutation(units)[:_MOST_UNITS])
    rows = _rows(len(evidence.y), _ENTRIES // len(units))
    at = np.ix_(rows, units)
    y, mean = evidence.y[at], evidence.mean[at]
    log_scale, anchor = np.zeros(len(rows)), np.zeros_like(y)
    if evidence.discrete:
        anchor = np.log(np.maximum(mean, _SMALLEST_MEAN))
    else:
        sd = _scale(evidence)[at]
        y, log_scale = (y - mean) / sd, np.log(sd).sum(axis=1)
    basis, simple = (functions[rows] * np.sqrt(len(evidence.y)) for functions in (seen.basis, seen.simple))
    previous = seen.z[rows - 1][:, units]
    read = {"y": y, "anchor": anchor, "basis": basis, "simple": simple, "previous": previous}
    tensors = {name: torch.as_tensor(array, dtype=torch.float64) for name, array in read.items()}
    own = evidence.log_prob[rows] if evidence.vectors else evidence.log_prob[at].sum(axis=1)
    return _Data(rows, units, log_scale=log_scale, own=own, **tensors)


def _rows(rows: int, most: int) -> NDArray[np.int64]:
    """Row numbers in ten stretches, each contiguous, spread over all; the first row has no row before it."""
    blocks = np.array_split(np.arange(1, rows), _BLOCKS)
    return np.concatenate([block[: most // _BLOCKS + 1] for block in blocks])


def _scale(evidence: Evidence) -> Floats:
    """Predicted standard deviations; where there are none, as under heavy tails, the unit's typical error."""
    sd = np.sqrt(evidence.variance)
    typical = np.median(np.abs(evidence.y - evidence.mean), axis=0) / 0.6745 + np.finfo(np.float64).tiny
    return np.where(np.isfinite(sd) & (sd > 0), sd, typical)
