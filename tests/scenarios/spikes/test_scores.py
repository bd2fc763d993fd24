"""The field's scores against scipy and against the published protocol's numbers; exact at zero."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from probcost.scenarios.spikes.loading import load
from probcost.scenarios.spikes.scores import (
    bits_per_spike,
    bits_per_spike_per_neuron,
    log_likelihood_per_bin,
    pseudo_r2,
)

RNG = np.random.default_rng(0)
RATE = RNG.gamma(2.0, 0.4, (500, 4))
COUNTS = RNG.poisson(RATE)
NULL = RATE.mean(0)


def log_likelihood(rate: np.ndarray) -> np.ndarray:
    return stats.poisson.logpmf(COUNTS, rate)


def test_against_scipy() -> None:
    model, null, saturated = (log_likelihood(rate).sum(0) for rate in (RATE, NULL, COUNTS))
    np.testing.assert_allclose(pseudo_r2(COUNTS, RATE, NULL), 1 - (saturated - model) / (saturated - null), rtol=1e-10)
    bits = (model - null) / np.log(2)
    np.testing.assert_allclose(bits_per_spike_per_neuron(COUNTS, RATE, NULL), bits / COUNTS.sum(0), rtol=1e-10)
    assert bits_per_spike(COUNTS, RATE, NULL) == pytest.approx(bits.sum() / COUNTS.sum(), rel=1e-10)
    assert log_likelihood_per_bin(COUNTS, RATE) == pytest.approx(log_likelihood(RATE).mean(), rel=1e-12)
    assert log_likelihood_per_bin(COUNTS, NULL) == pytest.approx(log_likelihood(NULL).mean(), rel=1e-12)


def test_the_ends_of_the_scale_are_exact() -> None:
    np.testing.assert_array_equal(pseudo_r2(COUNTS, np.tile(NULL, (500, 1)), NULL), 0.0)
    np.testing.assert_array_equal(pseudo_r2(COUNTS, COUNTS, NULL), 1.0)
    assert bits_per_spike(COUNTS, np.tile(NULL, (500, 1)), NULL) == 0.0


def test_the_truth_beats_a_worse_model() -> None:
    worse = 0.5 * RATE + 0.5 * NULL
    assert (pseudo_r2(COUNTS, RATE, NULL) > pseudo_r2(COUNTS, worse, NULL)).all()
    assert bits_per_spike(COUNTS, RATE, NULL) > bits_per_spike(COUNTS, worse, NULL) > 0


def test_a_silent_neuron() -> None:
    counts = COUNTS.copy()
    counts[:, 2] = 0
    # Its deviance is 2 Σ λ, so the score is 1 − Σ λ / Σ λ₀.
    expected = 1 - RATE[:, 2].sum() / (500 * NULL[2])
    assert pseudo_r2(counts, RATE, NULL)[2] == pytest.approx(expected)
    bits = bits_per_spike_per_neuron(counts, RATE, NULL)
    assert np.isnan(bits).tolist() == [False, False, True, False]
    assert np.isfinite(bits_per_spike(counts, RATE, NULL))
    assert np.isnan(bits_per_spike(np.zeros_like(counts), RATE, NULL))


def test_a_perfect_null_leaves_nothing_to_explain() -> None:
    assert np.isnan(pseudo_r2(np.zeros((5, 1), int), np.ones((5, 1)), np.zeros(1)))[0]
    assert np.isnan(pseudo_r2(np.ones((5, 1), int), np.ones((5, 1)), np.ones(1)))[0]


def test_a_spike_that_was_impossible() -> None:
    rate = RATE.copy()
    t = int(COUNTS[:, 1].argmax())
    rate[t, 1] = 0
    assert pseudo_r2(COUNTS, rate, NULL)[1] == -np.inf
    assert log_likelihood_per_bin(COUNTS, rate) == -np.inf


def test_m1_null_model(m1_file: Path) -> None:
    recording = load(m1_file)
    split = recording.split()
    fitting = np.concatenate([split.train, split.validation])
    null = recording.counts[fitting][:, split.neurons].mean(0)
    test = recording.select(split.test, split.neurons)
    assert log_likelihood_per_bin(test.counts, null) == pytest.approx(-0.9601, abs=5e-5)


@pytest.mark.parametrize("score", [pseudo_r2, bits_per_spike, bits_per_spike_per_neuron])
@pytest.mark.parametrize(
    ("counts", "rate", "null", "message"),
    [
        (COUNTS, RATE[:-1], NULL, r"counts has shape \[500, 4\] and rate has \[499, 4\]"),
        (COUNTS, RATE, NULL[:3], r"null_rate has shape \[3\]; .* \[4\]"),
        (COUNTS - 1, RATE, NULL, r"counts\[\d+, \d+\] is -1"),
        (COUNTS + 0.5, RATE, NULL, r"counts\[0, 0\] is"),
        (COUNTS, np.where(RATE[7, 2] == RATE, -0.1, RATE), NULL, r"rate\[7, 2\] is -0.1"),
        (COUNTS, np.where(RATE[7, 2] == RATE, np.nan, RATE), NULL, r"rate\[7, 2\] is nan"),
        (COUNTS, RATE, np.where(NULL[1] == NULL, np.inf, NULL), r"null_rate\[1\] is inf"),
        (COUNTS, RATE, np.where(NULL[1] == NULL, 0, NULL), r"null_rate\[1\] is 0, but that neuron spikes"),
    ],
)
def test_bad_input(score: Callable[..., Any], counts: Any, rate: Any, null: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(counts, rate, null)


def test_bad_input_to_the_log_likelihood() -> None:
    with pytest.raises(ValueError, match=r"rate has \[500\]"):
        log_likelihood_per_bin(COUNTS, RATE[:, 0])
    with pytest.raises(ValueError, match=r"rate\[0, 0\] is"):
        log_likelihood_per_bin(COUNTS, -RATE)
