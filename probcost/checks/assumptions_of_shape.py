"""What a cost function takes for granted of the spread and shape around the mean, held against residuals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from scipy import special, stats

from probcost.checks import p_values, poisson_binomial
from probcost.checks.assumptions import AS_EXPECTED, direction
from probcost.checks.diagnosis_result import Finding
from probcost.checks.effective_size import discounted
from probcost.checks.evidence import Floats
from probcost.checks.groups import variance_around_mean
from probcost.checks.judged import explained_by, of_scores, of_squares, worth
from probcost.checks.residuals import Residuals
from probcost.checks.units import variance_ratio

__all__ = ["of_shape", "of_spread"]

_TAIL = 0.01
_FAR = 0.975
# Legendre components beyond the fourth: level, spread, skewness and tails are other lines' matter.
_FIRST_FINE, _LAST_FINE = 5, 8


def of_spread(seen: Residuals) -> Iterator[Finding]:
    """Lines on the spread around the mean: how wide, and whether it is as wide wherever it should be."""
    yield _dispersion(seen)
    if np.any(seen.location):
        yield _with_the_mean(seen)
    if seen.basis.shape[1]:
        yield _over_inputs(seen)


def of_shape(seen: Residuals) -> Iterator[Finding]:
    """Lines on zeros, tails, skewness and modes."""
    yield from _zeros(seen)
    yield _tails(seen)
    yield _skewness(seen)
    if not seen.evidence.discrete:
        yield _one_mode(seen)


def _dispersion(seen: Residuals) -> Finding:
    degrees = len(seen.z) - 1
    # Each unit's own mean is taken off, so that a wrong mean is not mistaken for a wrong spread.
    variance = variance_around_mean(seen.z, seen.dependence.groups)
    scores = _normal_scores(variance * degrees, degrees)
    p = of_scores(scores, (seen.z - seen.z.mean(axis=0)) ** 2, seen)
    over, under = int((scores > 1.96).sum()), int((scores < -1.96).sum())
    name = "over-dispersed" if over > under or (over == under and variance.mean() > 1) else "under-dispersed"
    verdict, units = AS_EXPECTED, len(scores)
    if p < seen.level:
        which = "observations" if units == 1 else f"{max(over, under)} of {units} units"
        verdict = f"{which} are {name} given their means: {_how_wide(seen, variance, scores, name)}"
        verdict += f", and {min(over, under)} the other way" if units > 1 and min(over, under) else ""
    belief = "observations vary around their means as much as predicted"
    gain = worth((scores**2).sum(), units, seen.z.size)
    return Finding("dispersion", belief, float(variance.mean()), 1.0, "", p, gain, verdict)


def _how_wide(seen: Residuals, variance: Floats, scores: Floats, name: str) -> str:
    """Squared deviations over predicted variances of the typical unit among those that are so; of residuals, where a few
    extremes turn these round."""
    those = scores > 1.96 if name == "over-dispersed" else scores < -1.96
    those = those if those.any() else np.ones_like(those)
    ratio, variance = variance_ratio(seen.evidence)[those], variance[those]
    typical = float(np.median(ratio[np.isfinite(ratio)])) if np.isfinite(ratio).any() else math.nan
    if math.isfinite(typical) and (typical > 1) == (name == "over-dispersed"):
        return f"variance is {typical:.2f} of the predicted"
    return f"the variance of their residuals is {float(np.median(variance)):.2f}, not 1"


def _normal_scores(squares: Floats, degrees: int) -> Floats:
    r"""χ² numbers as standard normals: from the smaller tail, and, where that is too small for a float, nearly.

    Source: Wilson & Hilferty, "The distribution of chi-square", 1931, https://doi.org/10.1073/pnas.17.12.684.
    """
    below, above = stats.chi2.logcdf(squares, degrees), stats.chi2.logsf(squares, degrees)
    exact = np.where(below < above, special.ndtri_exp(below), -special.ndtri_exp(above))
    spread = 2 / (9 * degrees)
    nearly = ((squares / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return np.where(np.isfinite(exact), exact, nearly)


def _with_the_mean(seen: Residuals) -> Finding:
    used = np.any(seen.location, axis=0)
    # Over their own standard deviation, so that a spread wrong everywhere is not mistaken for one that changes.
    scores = (seen.location * seen.spread).sum(axis=0) / np.maximum(seen.spread.std(axis=0, ddof=1), 1e-9)
    p = of_scores(scores[used], (seen.location * seen.spread)[:, used], seen)
    score = float(scores.sum() / math.sqrt(used.sum()))
    gain = worth((scores[used] ** 2).sum(), used.sum(), seen.z.size)
    verdict = AS_EXPECTED
    if p < seen.level:
        how = {
            1: "more than predicted",
            -1: "less than predicted",
            0: "more than predicted in some units, less in others",
        }
        verdict = f"where the mean is large, observations vary {how[direction(scores[used])]}"
    effect = _between_fifths(seen.spread, seen.location)
    belief = "the spread changes with the mean as the likelihood says"
    return Finding("mean-variance relation", belief, score, 0.0, effect, p, gain, verdict)


def _over_inputs(seen: Residuals) -> Finding:
    spread, degrees = seen.spread, seen.basis.shape[1]
    squares = explained_by(seen.basis, spread, seen)
    p = of_squares(squares, degrees, spread, seen)
    verdict, effect = AS_EXPECTED, ""
    if p < seen.level:
        name = seen.strongest_input(spread)
        effect = _between_fifths(spread, (seen.basis @ (seen.basis.T @ spread)))
        verdict = f"the scale is not right everywhere: it varies with the inputs, most of all with {name}"
    gain = worth(squares.sum(), degrees * len(squares), seen.z.size)
    belief = "the spread is as predicted wherever the inputs are: where one scale serves all rows, it is constant"
    return Finding("spread over inputs", belief, float(squares.mean() / degrees), 1.0, effect, p, gain, verdict)


def _between_fifths(spread: Floats, along: Floats) -> str:
    """Standard deviation of residuals in the top fifth of ``along`` over that in the bottom fifth, over all units."""
    low, high = np.quantile(along, [0.2, 0.8], axis=0)
    # The spread's mean over a group of rows, as the standard deviation that a normal residual would need for it.
    top, bottom = (_as_sd(float(spread[rows].mean())) for rows in (along >= high, along <= low))
    return f"residuals vary {top / bottom:.2f} times as much there as at the other end"


def _as_sd(mean_spread: float) -> float:
    sd = np.geomspace(0.05, 20, 200)
    grid = special.ndtri(np.linspace(0.0025, 0.9975, 200))
    expected = special.ndtri(np.abs(2 * special.ndtr(sd[:, None] * grid) - 1).clip(1e-12, 1 - 1e-12)).mean(axis=1)
    return float(np.interp(mean_spread, expected, sd))


def _zeros(seen: Residuals) -> Iterator[Finding]:
    prob_zero = seen.evidence.prob_zero
    if prob_zero is None:
        return
    y = seen.evidence.y
    found, expected = float((y == 0).sum()), float(prob_zero.sum())
    v = seen.rng.random(y.shape[1] + 1)
    if seen.independent:
        p = float(p_values.of_count(*poisson_binomial.tail(int(found), prob_zero), v[-1]))
    else:
        each = [poisson_binomial.tail(int((k == 0).sum()), q) for k, q in zip(y.T, prob_zero.T, strict=True)]
        below, at = np.transpose(each)
        p = p_values.of_smallest(p_values.of_count(below, at, v[:-1]))
    p = float(discounted(p, seen.dependence.design_effect((y == 0) - prob_zero)))
    verdict = AS_EXPECTED
    if p < seen.level:
        verdict = f"too {'many' if found > expected else 'few'} zeros: {found:,.0f}, and {expected:,.0f} are predicted"
    effect = (
        f"{100 * abs(found / max(expected, 1e-300) - 1):.2g} % {'more' if found > expected else 'fewer'} than predicted"
    )
    gain = _of_share(found / y.size, expected / y.size)
    yield Finding("zeros", "zeros are as frequent as predicted", found, expected, effect, p, gain, verdict)


def _tails(seen: Residuals) -> Finding:
    reach = np.abs(2 * seen.pit - 1) if seen.evidence.region is None else _regions(seen)
    n, found = reach.size, int((reach > 1 - _TAIL).sum())
    below, at = stats.binom.cdf(found - 1, n, _TAIL), stats.binom.pmf(found, n, _TAIL)
    p = float(p_values.of_count(below, at, seen.rng.random()))
    p = float(discounted(p, seen.dependence.design_effect(reach > 1 - _TAIL)))
    share, verdict = found / n, AS_EXPECTED
    if p < seen.level:
        verdict = f"tails are {'heavier' if share > _TAIL else 'lighter'} than predicted"
    effect = f"{100 * share:.2g} % lie beyond the central 99 %"
    belief = "one observation in a hundred lies beyond the central 99 %"
    return Finding("tails", belief, share, _TAIL, effect, p, _of_share(share, _TAIL), verdict)


def _of_share(found: float, expected: float) -> float:
    """What it is worth to know that a share is ``found`` and not ``expected``: their Kullback-Leibler divergence."""
    return float(special.rel_entr([found, 1 - found], [expected, 1 - expected]).sum()) if 0 < expected < 1 else 0.0


def _regions(seen: Residuals) -> Floats:
    evidence = seen.evidence
    assert evidence.region is not None
    assert evidence.region_below is not None
    return evidence.region_below + seen.rng.random(len(evidence.region)) * (evidence.region - evidence.region_below)


def _skewness(seen: Residuals) -> Finding:
    lopsided = seen.components(3)[2]
    scores = lopsided.sum(axis=0) / math.sqrt(len(lopsided))
    p = of_scores(scores, lopsided, seen)
    mean, verdict = float(scores.mean()), AS_EXPECTED
    if p < seen.level:
        which = direction(scores)
        # The third component speaks of the whole distribution: a tail is named only where its end agrees.
        ends = (seen.pit > _FAR).mean() - (seen.pit < 1 - _FAR).mean()
        verdict = "skewed otherwise than predicted" + (", each unit in its own way" if which == 0 else "")
        if which * ends > 0:
            verdict = f"the {'upper' if which > 0 else 'lower'} tail is longer than predicted"
    belief = "observations are as symmetric, or as skewed, about their means as predicted"
    gain = worth((scores**2).sum(), len(scores), seen.z.size)
    return Finding("skewness", belief, mean, 0.0, "", p, gain, verdict)


def _one_mode(seen: Residuals) -> Finding:
    of_rows = seen.components(_LAST_FINE)[_FIRST_FINE - 1 :]
    fine = of_rows.sum(axis=1) / math.sqrt(of_rows.shape[1])
    if seen.independent:
        # Shapes that units share add up.
        effects = np.array([seen.dependence.design_effect(component) for component in of_rows])
        scores = fine.sum(axis=1) / np.sqrt(fine.shape[1] * effects)
        p = float(stats.chi2.sf((scores**2).sum(), len(scores)))
    else:
        times = seen.dependence.unit_times(*of_rows)
        p = p_values.of_smallest(stats.chi2.sf((fine**2).sum(axis=0) / times, len(fine)))
    modes, verdict = _modes(seen.z), AS_EXPECTED
    if p < seen.level:
        verdict = (
            f"the residuals have {modes} modes: there is more than one answer"
            if modes > 1
            else "the bulk has another shape than predicted"
        )
    gain = worth((fine**2).sum(), fine.size, seen.z.size)
    belief = "there is one answer with one shape of error around it, the predicted one"
    return Finding("modes and bulk", belief, float(modes), 1.0, "", p, gain, verdict)


def _modes(z: Floats) -> int:
    """Modes of the pooled residuals' density that stand out: dips of more than a tenth between them."""
    pooled = z.ravel() if z.size <= 20_000 else z.ravel()[:: z.size // 20_000 + 1]
    if np.ptp(pooled) == 0:
        return 1
    grid = np.linspace(-4, 4, 161)
    density = stats.gaussian_kde(pooled, bw_method=0.7 * len(pooled) ** -0.2)(grid)
    peaks = [i for i in range(1, 160) if density[i] >= density[i - 1] and density[i] > density[i + 1]]
    peaks = [i for i in peaks if density[i] > 0.1 * density.max()]
    modes = 1
    for left, right in itertools.pairwise(peaks):
        modes += density[left:right].min() < 0.9 * min(density[left], density[right])
    return int(modes)
