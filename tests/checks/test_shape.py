"""What is not uniform is told apart, and uniform numbers have standard normal components."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from probcost.checks import shape


def test_components_of_uniform_numbers_are_standard_normal() -> None:
    u = np.random.default_rng(0).random((2000, 200))
    found = np.array([shape.components(row, 4) for row in u])
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(found.T), np.eye(4), atol=0.15)


@pytest.mark.parametrize(
    ("true", "words"),
    [
        (stats.norm(0.5, 1), "observations lie higher than predicted"),
        (stats.norm(-0.5, 1), "observations lie lower than predicted"),
        (stats.norm(0, 1.5), "too many observations in the tails: predictions too narrow"),
        (stats.norm(0, 0.6), "too few observations in the tails: predictions too wide"),
        (stats.t(3, scale=1 / np.sqrt(3)), "tails heavier than predicted"),
        (stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)), "tails lighter than predicted"),
        (stats.gamma(2, -np.sqrt(2), 1 / np.sqrt(2)), "the upper tail is longer than predicted"),
        (stats.gumbel_l(0.45, 0.78), "the lower tail is longer than predicted"),
    ],
)
def test_what_is_wrong_with_a_standard_normal_is_told(true: Any, words: str) -> None:
    pit = stats.norm.cdf(true.rvs(4000, random_state=np.random.default_rng(1)))
    assert shape.in_words(pit, regions=False).endswith(words)


@pytest.mark.parametrize(
    ("true", "words"),
    [
        (stats.norm(0, 1.4), "observations lie too far out: regions too small"),
        (stats.norm(0, 0.7), "observations lie too near the densest: regions too large"),
        (stats.t(3, scale=1 / np.sqrt(3)), "tails heavier than predicted"),
    ],
)
def test_what_is_wrong_with_regions_is_told(true: Any, words: str) -> None:
    y = true.rvs((4000, 2), random_state=np.random.default_rng(2))
    assert shape.in_words(stats.chi2.cdf((y**2).sum(axis=1), 2), regions=True).endswith(words)


def test_words_of_dispersion_name_both_statistics_and_never_contradict_them() -> None:
    assert shape.dispersion_in_words(1.5, 2.12) == (
        "over-dispersed: variance of quantile residuals is 1.5, squared errors are 2.12 of the predicted"
    )
    for nothing in (np.nan, np.inf):
        assert (
            shape.dispersion_in_words(0.5, nothing)
            == "under-dispersed: variance of quantile residuals is 0.5, 1 predicted"
        )
    for other_side in (0.9, 1.001):
        assert shape.dispersion_in_words(1.5, other_side).startswith("over-dispersed in the bulk: ")
