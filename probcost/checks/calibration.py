"""Is the model calibrated? Every belief that a calibrated model implies, as one line of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from probcost.checks import p_values, poisson_binomial, shape, vectors
from probcost.checks.autocorrelation import independence_over_time
from probcost.checks.dependence import dependence_found, independence
from probcost.checks.effective_size import Dependence, discounted
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.gain import gain
from probcost.checks.groups import group_columns, group_line, numbered, variance_around_mean
from probcost.checks.pit import ks_distance, quantile_residuals, randomized_pit
from probcost.checks.result import Check, Line
from probcost.checks.tails import tails
from probcost.checks.units import unit_columns, variance_ratio

__all__ = ["calibration"]

_LEAST_ROWS_IN_TIME = 8
_MOST_NAMED = 3
_COVERAGES = (0.5, 0.9, 0.95)
# What is said of intervals and regions that hold too few, and too many.
_TOO = {"interval": ("narrow", "wide"), "region": ("small", "large")}
# Mean of Kolmogorov's limiting distribution; the exact mean takes a second to integrate, and is only shown.
_EXPECTED_DISTANCE = math.sqrt(math.pi / 2) * math.log(2)


def calibration(evidence: Evidence, *, level: float = 0.05, seed: int = 0, groups: ArrayLike | None = None) -> Check:
    """Test what a true model implies: of its PITs, intervals, tails, spread, zeros, independence and log score.

    Given its inputs, a model of this package holds its observations independent over time, and over units unless it is
    one of whole vectors. Each of these two beliefs has a line of its own. Where one is denied, the other lines count as
    many observations as they are worth (`Dependence`), so that each line is about its own belief; where none is, every
    test is exact. Units of a vector are never pooled: the joint prediction is judged by its highest-density regions,
    and each unit by itself, corrected for their number whatever their dependence.

    Args:
        evidence: observations and predictions, of T rows and N units.
        level: a true model fails the whole check at most this often; each line alone, this often.
        seed: of the randomisation that counts need.
        groups: one label a row, ``[T]``; each group is then also judged by itself.

    Raises:
        ValueError: for a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    pit = randomized_pit(evidence.cdf, evidence.cdf_below, seed)
    # A stream of its own: the p-values of counts must not share their randomness with the PIT.
    rng = p_values.randomness(evidence.y, seed, 1986)
    grouped = None if groups is None else numbered(groups, len(pit))
    dependence = dependence_found(pit, ordered=evidence.ordered, groups=grouped and grouped[0])
    columns = unit_columns(evidence, pit, rng.random(pit.shape[1:]), dependence)
    region = None
    if evidence.region is not None and evidence.region_below is not None:
        region = randomized_pit(evidence.region, evidence.region_below, seed)
    # The central interval that just reaches an observation has nominal coverage |2u − 1|.
    reach = np.abs(2 * pit - 1) if region is None else region
    reach_effect = dependence.of_distribution(reach)
    pit_effect = reach_effect if region is not None else dependence.of_distribution(pit)
    if region is None:
        lines = [*_of_units(evidence, pit, reach, columns, level, rng, dependence, pit_effect)]
    else:
        lines = [*_of_vectors(region, columns, level, rng, dependence, pit_effect)]
    if evidence.ordered and len(pit) >= _LEAST_ROWS_IN_TIME:
        z = quantile_residuals(pit)
        alike = evidence.vectors or dependence.units
        lines.append(independence_over_time(z, evidence.unit_names, level, units_depend=alike))
    of_groups = None
    if grouped is not None:
        of_groups = group_columns(evidence, pit, region, grouped, dependence)
        lines.append(group_line(of_groups, pit, region, level, dependent=dependence.time))
    lines += _log_score(evidence, level)
    discrete = evidence.discrete
    return Check(tuple(lines), columns, pit, level, discrete, region, pit_effect, reach_effect, of_groups)


def _of_units(
    evidence: Evidence,
    pit: Floats,
    reach: Floats,
    columns: Mapping[str, Any],
    level: float,
    rng: np.random.Generator,
    dependence: Dependence,
    pit_effect: float,
) -> Iterator[Line]:
    yield _shape(pit, level, pit_effect)
    if pit.shape[1] > 1:  # of one unit it is the line above
        yield _unit_shapes(columns, level, dependence)
    for nominal in _COVERAGES:
        yield _coverage("interval", "central", reach, nominal, level, rng.random(), dependence)
    yield tails(reach, pit, level, rng, dependence)
    yield _dispersion(evidence, pit, level, dependence)
    yield from _zeros(evidence, level, rng, dependence)
    yield from independence(pit, evidence.unit_names, level, dependence)


def _of_vectors(
    region: Floats,
    columns: Mapping[str, Any],
    level: float,
    rng: np.random.Generator,
    dependence: Dependence,
    effect: float,
) -> Iterator[Line]:
    yield from vectors.region_shape(region, _EXPECTED_DISTANCE, level, effect)
    for nominal in _COVERAGES:
        yield _coverage("region", "densest", region, nominal, level, rng.random(), dependence)
    yield tails(region, None, level, rng, dependence)
    yield from vectors.unit_shapes(columns, level)
    yield from vectors.unit_dispersion(columns, level)


def _shape(pit: Floats, level: float, effect: float) -> Line:
    n = max(1, round(pit.size / effect))
    distance = float(ks_distance(pit.ravel()))
    p = float(p_values.uniformity(distance, n))
    verdict = shape.in_words(pit, regions=False) if p < level else "as expected"
    belief = "observations are spread over the predicted distributions as draws from them would be"
    return Line("PIT, all units", belief, distance, _EXPECTED_DISTANCE / math.sqrt(n), p, verdict, effect)


def _unit_shapes(columns: Mapping[str, Any], level: float, dependence: Dependence) -> Line:
    ks_p = np.asarray(columns["ks_p"])
    found, expected = int((ks_p < level).sum()), level * len(ks_p)
    # Units that are alike deviate together, and their number says little.
    p = p_values.of_smallest(ks_p) if dependence.units else p_values.of_rejections(ks_p, level)
    chance = f"{expected:.3g} expected by chance"
    verdict = "as expected"
    if p < level:
        most = ", ".join(str(columns["unit"][i]) for i in np.argsort(ks_p)[: min(found, _MOST_NAMED)])
        verdict = f"{found} of {len(ks_p)} units deviate, {chance}; most {most}"
    belief = "the predicted distributions have the right shape for each unit"
    return Line("PIT, unit by unit", belief, found, expected, p, verdict)


def _coverage(
    kind: str, which: str, reach: Floats, nominal: float, level: float, v: float, dependence: Dependence
) -> Line:
    n = reach.size
    inside = int((reach < nominal).sum())
    effect = dependence.design_effect(reach < nominal)
    exact = p_values.of_count(stats.binom.cdf(inside - 1, n, nominal), stats.binom.pmf(inside, n, nominal), v)
    p = float(discounted(exact, effect))
    share = inside / n
    verdict = "as expected"
    if p < level:
        verdict = f"holds {100 * share:.1f} %: {kind}s too {_TOO[kind][share > nominal]}"
    belief = f"the {which} {100 * nominal:.0f} % {kind} holds {100 * nominal:.0f} % of observations"
    return Line(f"{100 * nominal:.0f} % {kind}", belief, share, nominal, p, verdict, effect)


def _dispersion(evidence: Evidence, pit: Floats, level: float, dependence: Dependence) -> Line:
    # Each unit's own mean is taken off, so that a wrong mean is not mistaken for a wrong spread.
    z = quantile_residuals(pit)
    residual_variance = float(variance_around_mean(z, dependence.groups).mean())
    degrees = pit.shape[1] * (pit.shape[0] - 1)
    effect = dependence.design_effect((z - z.mean(axis=0)) ** 2)
    exact = p_values.two_sided(stats.chi2.cdf(residual_variance * degrees, degrees))
    p = float(discounted(exact, effect))
    verdict = "as expected"
    if p < level:
        verdict = shape.dispersion_in_words(residual_variance, float(variance_ratio(evidence, axis=None)))
    belief = "observations vary around their predicted means as much as predicted"
    return Line("dispersion", belief, residual_variance, 1.0, p, verdict, effect)


def _zeros(evidence: Evidence, level: float, rng: np.random.Generator, dependence: Dependence) -> Iterator[Line]:
    if evidence.prob_zero is None:
        return
    found, expected = int((evidence.y == 0).sum()), float(evidence.prob_zero.sum())
    effect = dependence.design_effect((evidence.y == 0) - evidence.prob_zero)
    exact = p_values.of_count(*poisson_binomial.tail(found, evidence.prob_zero), rng.random())
    p = float(discounted(exact, effect))
    verdict = "as expected"
    if p < level:
        verdict = f"too {'many' if found > expected else 'few'} zeros: {_excess(found, expected)}"
    yield Line("zeros", "zeros are as frequent as predicted", found, expected, p, verdict, effect)


def _excess(found: float, expected: float) -> str:
    if expected < 1:
        return f"{found:,.0f}, and {expected:.2g} are predicted"
    return f"{100 * abs(found / expected - 1):.2g} % {'more' if found > expected else 'fewer'} than predicted"


def _log_score(evidence: Evidence, level: float) -> Iterator[Line]:
    if evidence.null_log_prob is None:
        return
    both = (evidence.log_prob, evidence.null_log_prob)
    by_row = both if evidence.vectors else [each.mean(axis=1) for each in both]
    pooled = gain(*by_row, ordered=evidence.ordered)
    mean, error, p = float(pooled.mean), float(pooled.standard_error), float(pooled.lower_tail)
    amount = f"by {abs(mean):.3g} ± {error:.2g} nats each" if math.isfinite(mean) else "infinitely"
    if p < level:
        verdict = f"worse than the null model {amount}"
    elif 1 - p < level:
        verdict = f"better than the null model {amount}"
    else:
        verdict = "no better than the null model"
    belief = "the inputs tell at least as much as the mean of each unit does"
    yield Line("log score − null", belief, mean, 0.0, p, verdict)
