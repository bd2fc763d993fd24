"""Scores from samples against closed forms, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from probcost.checks import crps_from_samples, energy_score


def test_the_crps_of_a_normal_is_its_closed_form() -> None:
    y = np.array([[-2.0, 0.0, 0.7, 4.0]])
    samples = np.random.default_rng(0).normal(size=(40_000, 1, 4))
    # Gneiting & Raftery (2007), equation 21, for the standard normal.
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(crps_from_samples(samples, y), exact, atol=0.01)


def test_the_crps_leaves_out_a_samples_distance_to_itself() -> None:
    samples, y = np.random.default_rng(1).normal(size=(9, 3, 2)), np.zeros((3, 2))
    pairs = np.abs(samples[:, None] - samples).sum(axis=(0, 1)) / (9 * 8)
    np.testing.assert_allclose(crps_from_samples(samples, y), np.abs(samples).mean(0) - pairs / 2)


def test_the_crps_against_scipys_energy_distance() -> None:
    rng = np.random.default_rng(2)
    samples, y = rng.gamma(2.0, size=(500, 1, 1)), np.array([[1.3]])
    # Its square is twice the CRPS of the empirical distribution, which counts a sample's distance to itself.
    biased = stats.energy_distance(samples.ravel(), y.ravel()) ** 2 / 2
    spread = np.abs(samples.ravel()[:, None] - samples.ravel()).mean() / 2
    assert crps_from_samples(samples, y)[0, 0] == pytest.approx(biased + spread - spread * 500 / 499)


def test_the_energy_score_of_one_unit_is_the_crps() -> None:
    rng = np.random.default_rng(3)
    samples, y = rng.normal(size=(20, 5, 1)), rng.normal(size=(5, 1))
    np.testing.assert_array_equal(energy_score(samples, y), crps_from_samples(samples, y)[:, 0])


def test_the_energy_score_of_a_normal_around_its_mean() -> None:
    samples = np.random.default_rng(4).normal(size=(40_000, 1, 3))
    # Mean length of a standard normal in three dimensions: sqrt(8 / π); of a difference of two, sqrt(2) times that.
    exact = np.sqrt(8 / np.pi) * (1 - np.sqrt(2) / 2)
    assert energy_score(samples, np.zeros((1, 3)))[0] == pytest.approx(exact, abs=0.01)


def test_the_truth_scores_least_also_in_its_correlation() -> None:
    rng = np.random.default_rng(5)
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    root = np.linalg.cholesky(covariance)
    y = rng.normal(size=(4000, 2)) @ root.T
    noise = rng.normal(size=(200, 4000, 2))
    true = energy_score(noise @ root.T, y).mean()
    for other in (noise, 1.4 * noise @ root.T, noise @ root.T / 1.4, noise @ root.T + 0.3):
        assert true < energy_score(other, y).mean()


@pytest.mark.parametrize(
    ("samples", "y", "message"),
    [
        ((5, 4, 2), (4, 3), r"samples have shape \[5, 4, 2\] and y \[4, 3\]"),
        ((5, 4), (4,), r"need \[S, T, N\] and \[T, N\]"),
        ((1, 4, 2), (4, 2), "samples has 1 draws; at least 2 are needed"),
    ],
)
def test_shapes_that_do_not_agree_are_named(samples: tuple[int, ...], y: tuple[int, ...], message: str) -> None:
    for rule in (crps_from_samples, energy_score):
        with pytest.raises(ValueError, match=message):
            rule(np.zeros(samples), np.zeros(y))
