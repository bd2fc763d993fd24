"""What every cost function takes for granted of means, inputs and time, held against residuals; exact under the model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from probcost.checks import p_values
from probcost.checks.autocorrelation import lag_scores, of_lags
from probcost.checks.dependence import independence
from probcost.checks.diagnosis_result import Finding
from probcost.checks.evidence import Floats
from probcost.checks.groups import alike, intraclass
from probcost.checks.joint import Joint
from probcost.checks.judged import explained_by, of_positive_scores, of_scores, of_squares, worth
from probcost.checks.residuals import Residuals

__all__ = [
    "AS_EXPECTED",
    "direction",
    "hidden_by_scale",
    "of_dependence",
    "of_means",
]

_BLOCKS = 10
_FEW_ROWS = 10
# A spread within two standard errors of the predicted is taken for the predicted.
_BY_CHANCE = 4.0
AS_EXPECTED = "as expected"


def of_means(seen: Residuals) -> Iterator[Finding]:
    """Lines on the predicted means: their level, their extent, and what the inputs still tell."""
    yield _level(seen)
    if np.any(seen.location):
        yield _extent(seen)
    if seen.basis.shape[1]:
        yield _inputs(seen)


def of_dependence(seen: Residuals) -> Iterator[Finding]:
    """Lines on dependence over rows and between units."""
    if seen.groups is not None:
        yield _groups(seen, seen.groups)
    # Rows that are known to belong together come in the order of their groups, and not of time, unless the model says so.
    if len(seen.z) >= _FEW_ROWS and (seen.groups is None or seen.evidence.ordered):
        yield _time(seen)
        yield _drift(seen)
    if seen.independent:
        yield from _units(seen)
    elif seen.joint is not None:
        yield _together(seen, seen.joint)


def _level(seen: Residuals) -> Finding:
    mean, evidence = seen.z.mean(axis=0), seen.evidence
    contributions = _deviations(seen, np.ones_like(seen.z))
    scores = contributions.sum(axis=0)
    p = of_scores(scores, contributions, seen)
    observed, predicted = evidence.y.mean(), evidence.mean.mean()
    off = [f"{mean.mean():+.2g} predicted standard deviations"]
    if evidence.discrete and predicted > 0:
        off = [f"the mean count is {observed:.3g}, {predicted:.3g} is predicted"]
    each = _deviating(scores)
    effect = "; ".join([*off, each] if each else off)
    verdict = AS_EXPECTED
    if p < seen.level:
        where = {1: "observations lie higher", -1: "observations lie lower", 0: "some units lie higher, others lower"}
        # Where few busy units move one way and many quiet ones the other, there is no one direction.
        agreed = direction(scores) if direction(scores) * (observed - predicted) > 0 else 0
        verdict = f"{where[agreed if len(scores) > 1 else direction(scores)]} than predicted: "
        verdict += "levels have moved since training, or never fitted"
    belief = "the level is still where it was in training: predicted means are right on average"
    gain = worth((scores**2).sum(), len(scores), seen.z.size)
    return Finding("level since training", belief, float(mean.mean()), 0.0, effect, p, gain, verdict)


def _extent(seen: Residuals) -> Finding:
    contributions = _deviations(seen, seen.location)[:, np.any(seen.location, axis=0)]
    scores = contributions.sum(axis=0)
    p = of_scores(scores, contributions, seen)
    verdict = AS_EXPECTED
    if p < seen.level:
        verdict = {
            1: "predictions do not go far enough: effects are larger than predicted",
            -1: "predictions go too far: effects are smaller than predicted, as when a network has learned noise",
            0: "predictions go too far for some units, and not far enough for others",
        }[direction(scores)]
    belief = "predicted means vary as much as the true ones"
    gain = worth((scores**2).sum(), len(scores), seen.z.size)
    score = float(scores.sum() / math.sqrt(len(scores)))
    return Finding("size of effects", belief, score, 0.0, _deviating(scores), p, gain, verdict)


def _deviations(seen: Residuals, weights: Floats) -> Floats:
    r"""Weighted y − mean, ``[T, N]``, whose sums over rows are near standard normal, also where the spread is wrong.

    .. math:: \frac{w_t (y_t - \mu_t)}{\sqrt{r \sum_t w_t^2 \sigma_t^2}},
        \qquad r \approx \frac{\sum_t (y_t - \mu_t)^2}{\sum_t \sigma_t^2}

    Quantile residuals would take a wrong spread of skewed counts for a wrong mean, and sums over their own observed
    scale a silent unit for a certain one. So r is shrunk to 1 by as much as chance could move it. Where a prediction has no
    mean or variance, quantile residuals stand for it.
    """
    evidence, rows = seen.evidence, len(seen.z)
    off, variance = evidence.y - evidence.mean, evidence.variance
    usable = np.isfinite(off).all(axis=0) & (np.isfinite(variance) & (variance > 0)).all(axis=0)
    off, variance = (np.where(usable, each, 1.0) for each in (off, variance))
    ratio = (off**2).sum(axis=0) / variance.sum(axis=0)
    # A mean of T numbers of this variance; of rare events, as few as are expected.
    noise = (off**2 / variance).var(axis=0) / rows
    if evidence.discrete:
        noise = np.maximum(noise, 2 / rows + 1 / np.maximum(evidence.mean.sum(axis=0), 1e-9))
    surprise = (ratio - 1) ** 2
    kept = np.maximum(0.0, 1 - np.divide(_BY_CHANCE * noise, surprise, out=np.ones_like(ratio), where=surprise > 0))
    shrunk = 1 + (ratio - 1) * kept
    size = np.sqrt(shrunk * (weights**2 * variance).sum(axis=0))
    scaled = np.divide(weights * off, size, out=np.zeros_like(off), where=size > 0)
    of_ranks = weights * seen.z / np.maximum(np.linalg.norm(weights, axis=0), 1e-300)
    return np.where(usable, scaled, of_ranks)


def _inputs(seen: Residuals) -> Finding:
    squares = explained_by(seen.basis, seen.z, seen)
    (rows, units), degrees = seen.z.shape, seen.basis.shape[1]
    p = of_squares(squares, degrees, seen.z, seen)
    explained = max(0.0, float(squares.mean() - degrees) / rows)
    if seen.learned is not None:
        scores, learned = _learned(seen)
        p = p_values.sidak([p, learned])
        explained = max(explained, float((scores**2).mean()) / rows)
    verdict, effect = AS_EXPECTED, f"{100 * explained:.2g} % of the residuals' variance"
    gain = -0.5 * math.log1p(-min(explained, 0.999))
    if p < seen.level:
        name = seen.strongest_input(seen.z)
        verdict = f"the inputs tell more than the network has learned, most of all {name}: the mean is under-fitted"
        hidden = hidden_by_scale(seen)
        if hidden > 0:
            verdict += f", and the predicted scale explains it away (it is {hidden:.2g} times as wide as the rest)"
    belief = (
        "the network has learned all that the inputs tell of the mean: nothing is non-linear, or interacts, beyond it"
    )
    return Finding("what inputs tell", belief, float(squares.sum() / (degrees * units)), 1.0, effect, p, gain, verdict)


def _learned(seen: Residuals) -> tuple[Floats, float]:
    """What training rows' residuals say of these: each unit's standard score, and the p-value of a positive one.

    It is a fixed function of the inputs, given the training rows, and looked for with its sign.
    """
    assert seen.learned is not None
    direction = seen.learned - seen.learned.mean(axis=0)
    size = np.linalg.norm(direction, axis=0) * seen.z.std(axis=0, ddof=1)
    scores = np.divide((direction * seen.z).sum(axis=0), size, out=np.zeros_like(size), where=size > 1e-9)
    return scores, of_positive_scores(scores, direction * seen.z, seen)


def hidden_by_scale(seen: Residuals) -> float:
    """Predicted scale where the mean is most wrong, over that where it is least; 0 where it is no wider there."""
    sd = np.sqrt(seen.evidence.variance)
    if not np.isfinite(sd).all() or seen.evidence.discrete or np.ptp(sd, axis=0).max() <= 1e-6 * sd.max():
        return 0.0
    wrong = seen.learned_error
    if wrong is None:
        wrong = seen.basis @ (seen.basis.T @ (seen.evidence.y - seen.evidence.mean))
    wrong = np.abs(wrong)
    most = wrong >= np.quantile(wrong, 0.8, axis=0)
    ratio = float(np.median(sd[most]) / np.median(sd[~most]))
    return ratio if ratio > 1.2 else 0.0


def _time(seen: Residuals) -> Finding:
    all_lags = lag_scores(seen.z)
    p = of_lags(seen.z, units_depend=not seen.independent or seen.dependence.units)
    verdict, lag = AS_EXPECTED, 0
    if p < seen.level:
        lag, rows = _which_rows(seen, all_lags)
        verdict = f"{rows} beyond what the inputs explain"
    r = float(all_lags[lag].mean()) / math.sqrt(len(seen.z))
    belief = "given the inputs, a row says nothing of the next"
    gain = worth((all_lags**2).sum(), all_lags.size, seen.z.size)
    effect = _deviating(all_lags[lag])
    return Finding("independence over time", belief, r, 0.0, effect, p, gain, verdict, past=lag + 1)


def _which_rows(seen: Residuals, scores: Floats) -> tuple[int, str]:
    """Where correlation over rows is most extreme: at which lag (0 is next to each other), and whose, in words."""
    together = scores.sum(axis=1) / math.sqrt(scores.shape[1])
    lag, of = int(np.abs(together).argmax()), ""
    r = float(scores[lag].mean()) / math.sqrt(len(seen.z))
    if abs(together[lag]) < special.ndtri(0.975):
        lag, unit = (int(i) for i in np.unravel_index(int(np.abs(scores).argmax()), scores.shape))
        r, of = float(scores[lag, unit]) / math.sqrt(len(seen.z)), f" of unit {seen.evidence.unit_names[unit]}"
    apart = "neighbouring rows" if lag == 0 else f"rows {lag + 1} apart"
    return lag, f"{apart}{of} {'follow' if r >= 0 else 'alternate with'} each other (correlation {r:.2f})"


def _drift(seen: Residuals) -> Finding:
    rows = len(seen.z)
    blocks = np.array_split(np.arange(rows), min(_BLOCKS, rows // 5))
    means = np.stack([seen.z[block].mean(axis=0) for block in blocks]) - seen.z.mean(axis=0)
    sizes = np.array([len(block) for block in blocks])
    variance = np.maximum(seen.z.var(axis=0, ddof=1), np.finfo(np.float64).tiny)
    squares = (sizes[:, None] * means**2).sum(axis=0) / variance
    if seen.dependence.time:
        # Neighbours that are alike make block means vary: as much as their own correlation says, and not the drift's.
        r = np.clip(lag_scores(seen.z)[0] / math.sqrt(rows), 0.0, 0.99)
        squares = squares * (1 - r) / (1 + r)
    degrees = len(blocks) - 1
    p = of_squares(squares, degrees, seen.z, seen)
    furthest = np.unravel_index(int(np.abs(means).argmax()), means.shape)
    name = seen.evidence.unit_names[int(furthest[1])]
    effect = f"{name} is {means[furthest]:+.2f} sd off in tenth {furthest[0] + 1} of the rows"
    verdict = (
        AS_EXPECTED if p >= seen.level else "levels wander over the rows: they drift beyond what the inputs explain"
    )
    gain = worth(squares.sum(), degrees * len(squares), seen.z.size)
    belief = "what holds for the first rows holds for the last: nothing drifts"
    return Finding("no drift", belief, float(squares.sum() / (degrees * len(squares))), 1.0, effect, p, gain, verdict)


def _groups(seen: Residuals, code: NDArray[np.intp]) -> Finding:
    name, belief = "independence within groups", "given the inputs, a row says nothing of the other rows of its group"
    sizes, units = np.bincount(code), seen.z.shape[1]
    if len(sizes) == 1 or len(sizes) == len(code):
        why = "there is one group only" if len(sizes) == 1 else "no group has two rows"
        return Finding(name, belief, math.nan, 0.0, "", 1.0, 0.0, why, judged=False)
    p, in_spread = alike(seen.z, seen.spread, code, units_depend=not seen.independent or seen.dependence.units)
    values = seen.spread if in_spread else seen.z
    each = intraclass(values, code)
    verdict = AS_EXPECTED
    if p < seen.level:
        most, correlation = int(each.argmax()), float(each.mean())
        of = ""
        if units > 1 and correlation < each[most] / 2:  # one unit's, and no matter of all
            of, correlation = f" of unit {seen.evidence.unit_names[most]}", float(each[most])
        are = "are alike in how far off they are" if in_spread else "are alike"
        verdict = f"rows of one group{of} {are}, beyond what the inputs explain: correlation {correlation:.2f}"
    standard = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), np.finfo(np.float64).tiny)
    scores = np.stack([np.bincount(code, column) for column in standard.T]) / np.sqrt(sizes)
    gain = worth((scores**2).sum(), (len(sizes) - 1) * units, seen.z.size)
    return Finding(name, belief, float(each.mean()), 0.0, f"{len(sizes):,} groups", p, gain, verdict)


def _units(seen: Residuals) -> Iterator[Finding]:
    of_rows = replace(seen.dependence, units=False)
    for line in independence(seen.pit, seen.evidence.unit_names, seen.level, of_rows):
        rows, units = seen.z.shape
        pairs = units * (units - 1) / 2
        standard = seen.z - seen.z.mean(axis=0)
        standard = standard / np.maximum(np.linalg.norm(standard, axis=0), 1e-300)
        products = (standard.sum(axis=1) ** 2 - (standard**2).sum(axis=1)) / 2
        mean = float(products.sum() / pairs)
        score = mean * math.sqrt(pairs * (rows - 1) / of_rows.design_effect(products))
        p = line.p_value if units == 2 else p_values.sidak([line.p_value, float(2 * stats.norm.sf(abs(score)))])
        verdict = AS_EXPECTED
        if p < seen.level:
            shared = f"units vary {'together' if mean > 0 else 'against each other'} (mean correlation {mean:.3f})"
            pairs_alone = line.verdict if line.verdict != AS_EXPECTED else f"{shared}, though no pair stands out"
            verdict = (
                f"{shared}; {line.verdict}"
                if abs(score) > special.ndtri(0.975) and line.verdict != AS_EXPECTED
                else pairs_alone
            )
        effect = f"largest correlation {line.statistic:.2f}"
        correlations = (standard.T @ standard)[np.triu_indices(units, 1)]
        gain = worth(rows * (correlations**2).sum(), pairs, seen.z.size)
        yield Finding("independence of units", line.belief, mean, 0.0, effect, p, gain, verdict)


def _together(seen: Residuals, joint: Joint) -> Finding:
    p = joint.p_value
    (observed, expected), verdict = joint.mean, AS_EXPECTED
    if p < seen.level:
        verdict = (
            f"units go together otherwise than predicted: mean correlation {observed:.3f}, {expected:.3f} is predicted"
        )
    off = (joint.observed - joint.replicated.mean(axis=0)) / np.maximum(joint.replicated.std(axis=0), 1e-300)
    gain = worth((off**2).sum(), len(off), seen.z.size)
    belief = "units vary together as predicted"
    return Finding("dependence of units", belief, observed, expected, "", p, gain, verdict)


def direction(scores: Floats) -> int:
    """1 or -1 where units deviate together, 0 where each does in its own way."""
    together = scores.sum() / math.sqrt(len(scores))
    return 0 if abs(together) < special.ndtri(0.975) and len(scores) > 1 else 1 if together > 0 else -1


def _deviating(scores: Floats) -> str:
    """How many units deviate each by itself, one way and the other."""
    if len(scores) == 1:
        return ""
    high, low = int((scores > special.ndtri(0.975)).sum()), int((scores < special.ndtri(0.025)).sum())
    most, least = max(high, low), min(high, low)
    return f"by itself in {most} of {len(scores)} units" + (f", the other way in {least}" if least else "")
