"""What dependent observations are worth, against closed forms, and lines that are about their own belief alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import signal, stats

from probcost.checks.autocorrelation import lag_scores, of_lags
from probcost.checks.calibration import calibration
from probcost.checks.effective_size import INDEPENDENT, Dependence, autocovariance, discounted, integrated_time
from probcost.checks.result import Check
from tests.checks.simulated import VectorNormal, dependent_ranks, evidence, poisson, rates, vector_evidence

SIMULATIONS = 100


def first_order(phi: float, rows: int, units: int, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).normal(size=(rows + 200, units))
    return signal.lfilter([1.0], [1.0, -phi], noise, axis=0)[200:]


@pytest.mark.parametrize("phi", [0.3, 0.7, 0.9])
def test_the_integrated_time_of_a_first_order_process(phi: float) -> None:
    times = integrated_time(autocovariance(first_order(phi, 20_000, 30)))
    assert times.mean() == pytest.approx((1 + phi) / (1 - phi), rel=0.07)


def test_the_autocovariance_against_its_definition() -> None:
    series = first_order(0.5, 101, 3)
    centred = series - series.mean(axis=0)
    expected = [(centred[k:] * centred[: 101 - k]).sum(axis=0) / 101 for k in range(50)]
    np.testing.assert_allclose(autocovariance(series), expected, atol=1e-12)
    np.testing.assert_allclose(autocovariance(series, pooled=True), np.sum(expected, axis=1), atol=1e-12)


def test_equal_units_are_worth_one_unit() -> None:
    one = np.random.default_rng(0).normal(size=(500, 1))
    assert Dependence(units=True).design_effect(np.repeat(one, 8, axis=1)) == pytest.approx(8.0)
    both = Dependence(time=True, units=True).design_effect(np.repeat(first_order(0.5, 50_000, 1), 8, axis=1))
    assert both == pytest.approx(24.0, rel=0.15)


def test_what_is_independent_or_constant_is_worth_itself() -> None:
    noise = np.random.default_rng(0).normal(size=(500, 3))
    assert INDEPENDENT.design_effect(noise) == 1.0
    assert Dependence(time=True, units=True).design_effect(np.ones((500, 3))) == 1.0
    assert Dependence(time=True).design_effect(first_order(-0.6, 5000, 1)) == 1.0


def test_a_discounted_p_value_is_that_of_a_smaller_score() -> None:
    p = 2 * stats.norm.sf([0.5, 2.0, 6.0])
    np.testing.assert_allclose(discounted(p, 4.0), 2 * stats.norm.sf([0.25, 1.0, 3.0]))
    np.testing.assert_array_equal(discounted(p, 1.0), p)


@pytest.mark.parametrize("units", [1, 4])
def test_independent_rows_have_standard_normal_lags_and_a_uniform_p_value(units: int) -> None:
    z = np.random.default_rng(units).normal(size=(600, 200, units))
    scores = np.stack([lag_scores(each) for each in z])
    np.testing.assert_allclose(scores.mean(axis=(0, 2)), 0, atol=0.15)
    np.testing.assert_allclose(scores.var(axis=(0, 2)), 1, atol=0.2)
    p = [of_lags(each, units_depend=False) for each in z]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_units_that_are_alike_are_not_taken_for_rows_that_are() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 300, 8)) + 2 * rng.normal(size=(400, 300, 1))
    rejected = np.mean([of_lags(each, units_depend=True) < 0.05 for each in z])
    assert 0.02 <= rejected <= 0.08


def ordered_check(ranks: Any, rng: np.random.Generator, seed: int = 0) -> Check:
    rows, units = ranks.shape
    model = poisson(rates(rng, rows, units, 1.0))
    return calibration(replace(evidence(model, model.ppf(ranks)), ordered=True), seed=seed)


def test_weak_autocorrelation_is_found_and_named() -> None:
    rng = np.random.default_rng(0)
    check = ordered_check(dependent_ranks(rng, 4000, 1, 0.3), rng)
    assert [line.name for line in check.rejected] == ["independence over time"]
    assert check.rejected[0].verdict.startswith("rows depend on those before: correlation 0.")
    assert "Rows or units were found to depend on each other" in str(check)


@pytest.mark.parametrize(
    ("units", "phi", "shared", "denied"),
    [
        (1, 0.7, 0.0, {"independence over time"}),
        (5, 0.5, 0.3, {"independence over time", "largest correlation"}),
    ],
)
def test_dependence_is_held_against_no_other_belief(units: int, phi: float, shared: float, denied: set[str]) -> None:
    rng = np.random.default_rng(units)
    alarms: Counter[str] = Counter()
    for seed in range(SIMULATIONS):
        check = ordered_check(dependent_ranks(rng, 600, units, phi, shared), rng, seed)
        alarms.update({line.name: int(line.p_value < 0.05) for line in check.lines})
    most = stats.binom.ppf(0.999, SIMULATIONS, 0.06)
    for name, count in alarms.items():
        if name in denied:
            assert count == SIMULATIONS, name
        else:
            assert count <= most, f"{name} rejects {count} of {SIMULATIONS}"


def test_what_is_wrong_is_still_found_among_dependent_rows() -> None:
    rng = np.random.default_rng(3)
    ranks = dependent_ranks(rng, 3000, 5, 0.5, 0.2)
    mean = np.zeros(ranks.shape)
    read = evidence(stats.norm(mean, 0.8), stats.norm.ppf(ranks))
    check = calibration(replace(read, ordered=True))
    assert {"PIT, all units", "90 % interval", "tails", "dispersion"} <= {line.name for line in check.rejected}


def test_vectors_in_time() -> None:
    rng = np.random.default_rng(4)
    ranks = dependent_ranks(rng, 1500, 2, 0.6)
    model = VectorNormal(np.zeros(ranks.shape), np.eye(2))
    check = calibration(replace(vector_evidence(model, stats.norm.ppf(ranks)), ordered=True))
    assert [line.name for line in check.rejected] == ["independence over time"]
