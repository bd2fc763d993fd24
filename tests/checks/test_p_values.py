"""The parts that a check's p-values are made of, each against an independent reference."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from probcost.checks import p_values, poisson_binomial
from probcost.checks.gain import gain
from probcost.checks.pit import ks_distance, quantile_residuals, randomized_pit


def brute_force(chances: np.ndarray) -> np.ndarray:
    mass = np.ones(1)
    for p in chances:
        mass = np.convolve(mass, [1 - p, p])
    return mass


@pytest.mark.parametrize(
    ("a", "b", "tolerance"), [(0.5, 30.0, 1e-12), (30.0, 0.5, 1e-12), (0.2, 0.2, 1e-12), (2, 2, 1e-3)]
)
def test_the_number_of_zeros_against_convolution(a: float, b: float, tolerance: float) -> None:
    chances = np.random.default_rng(0).beta(a, b, 400)
    mass = brute_force(chances)
    centre = int(chances.sum())
    for count in (max(0, centre - 9), centre - 1, centre, centre + 5):
        below, at = poisson_binomial.tail(count, chances)
        assert below == pytest.approx(mass[:count].sum(), abs=tolerance)
        assert at == pytest.approx(mass[count], abs=tolerance)


def test_the_number_of_zeros_when_all_is_certain() -> None:
    certain = np.array([1.0, 1.0, 0.0])
    assert poisson_binomial.tail(2, certain) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert poisson_binomial.tail(3, certain) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert poisson_binomial.tail(500, certain) == (1.0, 0.0)


def test_a_counts_p_value_is_uniform_even_for_few() -> None:
    rng = np.random.default_rng(0)
    k = rng.poisson(2.0, 20_000)
    p = p_values.of_count(stats.poisson.cdf(k - 1, 2.0), stats.poisson.pmf(k, 2.0), rng.random(20_000))
    assert stats.kstest(p, "uniform").pvalue > 0.001


@pytest.mark.parametrize("units", [1, 2, 30])
def test_the_number_of_deviating_units_has_a_uniform_p_value(units: int) -> None:
    each = np.random.default_rng(units).random((4000, units))
    p = np.array([p_values.of_rejections(row, 0.05) for row in each])
    assert stats.kstest(p, "uniform").pvalue > 0.001
    if units == 1:
        np.testing.assert_allclose(p, each[:, 0])


def test_more_deviating_units_are_less_probable() -> None:
    some = np.linspace(0.1, 0.9, 10)
    p = [p_values.of_rejections(np.where(np.arange(10) < k, 0.02, some), 0.05) for k in range(5)]
    assert all(later < earlier for earlier, later in pairwise(p))
    assert stats.binom.sf(2, 10, 0.05) < p[2] < stats.binom.sf(1, 10, 0.05)


def test_the_smallest_of_many_by_hand() -> None:
    assert p_values.of_smallest([0.04, 0.01, 0.5]) == pytest.approx(0.03)
    assert p_values.of_smallest([0.7, 0.8]) == 1.0


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(p_values.holm([0.04, 0.01, 0.03, 0.5]), [0.09, 0.04, 0.09, 0.5])
    # A fact, 0 or 1, is no test, and costs the others nothing.
    np.testing.assert_allclose(
        p_values.holm([0.04, 0.0, 0.01, 1.0], [True, False, True, False]), [0.04, 0.0, 0.02, 1.0]
    )


def test_kolmogorov_against_scipy() -> None:
    u = np.random.default_rng(0).beta(1.1, 1.0, (150, 3))
    expected = [stats.kstest(u[:, i], "uniform", method="exact") for i in range(3)]
    np.testing.assert_allclose(ks_distance(u), [e.statistic for e in expected])
    np.testing.assert_allclose(p_values.uniformity(ks_distance(u), 150), [e.pvalue for e in expected])


def test_the_randomised_pit_lies_within_its_step_and_is_uniform() -> None:
    y = np.random.default_rng(0).poisson(0.3, (5000, 1))
    cdf, below = stats.poisson.cdf(y, 0.3), stats.poisson.cdf(y - 1, 0.3)
    pit = randomized_pit(cdf, below, seed=1)
    assert ((below <= pit) & (pit <= cdf)).all()
    assert stats.kstest(pit[:, 0], "uniform").pvalue > 0.001
    np.testing.assert_array_equal(randomized_pit(cdf, cdf, seed=1), cdf)


def test_quantile_residuals_stay_finite_at_the_ends() -> None:
    z = quantile_residuals(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(z).all()
    assert z[1] == 0.0
    assert z[0] == pytest.approx(-z[2])


def test_the_gains_error_grows_with_autocorrelation() -> None:
    rng = np.random.default_rng(0)
    independent = rng.normal(size=(4000, 50))
    repeated = np.repeat(rng.normal(size=(200, 50)), 20, axis=0)
    errors = [gain(x, np.zeros_like(x)).standard_error.mean() for x in (independent, repeated)]
    assert errors[0] == pytest.approx(1 / np.sqrt(4000), rel=0.15)
    assert errors[1] == pytest.approx(1 / np.sqrt(200), rel=0.15)


def test_no_gain_over_itself() -> None:
    same = gain(np.full((30, 2), -1.0), np.full((30, 2), -1.0))
    np.testing.assert_array_equal(same.mean, 0.0)
    np.testing.assert_array_equal(same.lower_tail, 0.5)


def test_what_only_the_null_holds_impossible_is_an_infinite_gain() -> None:
    null = np.full((30, 1), -1.0)
    null[4] = -np.inf
    assert gain(np.full((30, 1), -1.0), null).mean == np.inf
