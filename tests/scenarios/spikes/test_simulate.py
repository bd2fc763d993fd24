"""The simulated ride against the laws it claims to follow, and its counts against the rates they were drawn from."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from probcost.scenarios.spikes.binning import bin_spikes
from probcost.scenarios.spikes.recording import SpikeRecording
from probcost.scenarios.spikes.scores import pseudo_r2
from probcost.scenarios.spikes.simulate import simulate_motorcycle

NOISES = ["poisson", "overdispersed", "underdispersed", "zero_inflated"]


@cache
def ride(noise: str = "poisson") -> SpikeRecording:
    return simulate_motorcycle(noise=noise, seed=1)


def rates(recording: SpikeRecording) -> np.ndarray:
    assert recording.rates is not None
    return recording.rates


def column(name: str) -> np.ndarray:
    return ride().covariates[:, ride().covariate_names.index(name)]


def test_twelve_parameters_with_units() -> None:
    assert ride().covariates.shape == (12_000, 12)
    assert set(ride().units) == set(ride().covariate_names)


@pytest.mark.parametrize("lag", [1, 2])
def test_little_changes_in_100_ms(lag: int) -> None:
    x = ride().covariates
    change = np.sqrt(np.mean((x[lag:] - x[:-lag]) ** 2, axis=0)) / x.std(0)
    assert (change < 0.1 * lag).all()


def test_lean_and_yaw_obey_mechanics() -> None:
    force = column("speed") * np.deg2rad(column("yaw_rate")) / 9.81
    np.testing.assert_allclose(np.tan(np.deg2rad(column("lean_angle"))), force, atol=1e-9)
    assert np.corrcoef(column("lean_angle"), column("yaw_rate"))[0, 1] > 0.8
    assert 10 < column("lean_angle").std() < 25
    assert np.abs(column("lean_angle")).max() < 55


def test_acceleration_is_the_change_of_speed() -> None:
    np.testing.assert_allclose(np.gradient(column("speed"), 0.05)[1:-1], column("acceleration")[1:-1], atol=1e-9)
    assert np.abs(column("acceleration")).max() < 8
    assert 3 < column("speed").min() < column("speed").max() < 30


def test_brakes_decelerate_and_the_throttle_accelerates() -> None:
    for brake in ("front_brake", "rear_brake"):
        assert np.corrcoef(column(brake), column("acceleration"))[0, 1] < -0.5
        assert column("acceleration")[column(brake) > np.quantile(column(brake), 0.9)].mean() < -1
        assert column(brake).min() >= 0
    assert np.corrcoef(column("throttle"), column("acceleration"))[0, 1] > 0.5
    both = (column("throttle") > 10) & (column("front_brake") > 10)
    assert both.mean() < 0.01


def test_the_push_on_the_bars_leads_the_lean() -> None:
    torque, lean = column("steering_torque"), column("lean_angle")
    leads = np.corrcoef(torque[:-10], lean[10:])[0, 1]
    follows = np.corrcoef(torque[10:], lean[:-10])[0, 1]
    assert leads > follows + 0.2


def test_rates_are_realistic_and_smooth() -> None:
    per_second = rates(ride()) / 0.05
    assert (per_second.mean(0) > 1.0).all()
    assert (per_second.mean(0) < 30.0).all()
    assert per_second.max() < 150
    change = np.sqrt(np.mean(np.diff(per_second, axis=0) ** 2, axis=0)) / per_second.std(0)
    assert (change < 0.2).all()
    assert 0.1 < ride().counts.mean() < 1.0


@pytest.mark.parametrize("noise", NOISES)
def test_counts_have_the_rates_as_their_means(noise: str) -> None:
    counts, expected = ride(noise).counts, rates(ride(noise))
    spread = np.sqrt(((counts - expected) ** 2).sum(0))
    z = (counts - expected).sum(0) / spread
    assert np.abs(z).max() < 4.5
    assert 0.6 < np.sqrt((z**2).mean()) < 1.4
    # Not only on average: also where the rate is low, and where it is high.
    low = expected < np.median(expected, axis=0)
    for part in (low, ~low):
        residual = np.where(part, counts - expected, 0)
        assert abs(residual.sum() / np.sqrt((residual**2).sum())) < 4


def fano(noise: str) -> np.ndarray:
    counts, expected = ride(noise).counts, rates(ride(noise))
    return ((counts - expected) ** 2).sum(0) / expected.sum(0)


def test_poisson_counts_are_as_variable_as_their_means() -> None:
    expected = rates(ride())
    standard_error = np.sqrt((2 * expected**2 + expected).sum(0)) / expected.sum(0)
    z = (fano("poisson") - 1) / standard_error
    assert np.abs(z).max() < 4.5
    assert 0.6 < np.sqrt((z**2).mean()) < 1.4


def test_overdispersion_grows_with_the_rate() -> None:
    counts, expected = ride("overdispersed").counts, rates(ride("overdispersed"))
    dispersion = ((counts - expected) ** 2 - expected).sum(0) / (expected**2).sum(0)
    busy = expected.mean(0) > 0.3
    assert (dispersion[busy] > 0.03).all()
    assert (dispersion[busy] < 0.65).all()
    assert 0.2 < dispersion[busy].mean() < 0.4
    assert (fano("overdispersed")[busy] > 1).all()


def test_underdispersion() -> None:
    busy = rates(ride()).mean(0) > 0.3
    assert 0.55 < np.median(fano("underdispersed")[busy]) < 0.8
    assert (fano("underdispersed")[busy] < 0.9).all()


def test_underdispersed_counts_follow_conway_maxwell_poisson() -> None:
    # P(k+1) P(k-1) / P(k)² = (k / (k+1))^ν: among bins of nearly one rate, the ratio gives ν by itself.
    made = simulate_motorcycle(1, 3000.0, "underdispersed", seed=5)
    counts, expected = made.counts[:, 0], rates(made)[:, 0]
    near = np.abs(np.log(expected / np.median(expected))) < 0.1
    n = np.bincount(counts[near], minlength=3)
    nu = -np.log(n[2] * n[0] / n[1] ** 2) / np.log(2)
    standard_error = np.sqrt(1 / n[0] + 4 / n[1] + 1 / n[2]) / np.log(2)
    assert 2 - 4 * standard_error < nu < 3 + 4 * standard_error
    assert nu - 4 * standard_error > 1


def test_zero_inflation_has_more_zeros_than_poisson_of_the_same_mean() -> None:
    counts, expected = ride("zero_inflated").counts, rates(ride("zero_inflated"))
    extra = (counts == 0).mean(0) - np.exp(-expected).mean(0)
    busy = expected.mean(0) > 0.3
    assert (extra[busy] > 0).all()
    # P(0) = π + (1 − π) exp(−λ / (1 − π)): solved for π per neuron on a grid, it is the share that was lost.
    grid = np.linspace(0, 0.6, 301)
    for i in np.flatnonzero(busy):
        zeros = [(pi + (1 - pi) * np.exp(-expected[:, i] / (1 - pi))).mean() for pi in grid]
        assert 0.1 < grid[np.argmin(np.abs(np.array(zeros) - (counts[:, i] == 0).mean()))] < 0.35


def test_the_ride_and_its_rates_do_not_depend_on_the_noise() -> None:
    for noise in NOISES[1:]:
        assert (ride(noise).covariates == ride().covariates).all()
        assert (rates(ride(noise)) == rates(ride())).all()
        assert (ride(noise).counts != ride().counts).any()


def test_spike_times_bin_into_the_counts_and_are_uniform_within_bins() -> None:
    times = ride().spike_times
    assert times is not None
    assert (bin_spikes(times, 0.05, 0.0, 600.0) == ride().counts).all()
    assert all((np.diff(neuron) >= 0).all() for neuron in times)
    phase = np.concatenate(times) / 0.05 % 1
    largest_gap = np.abs(np.sort(phase) - (np.arange(len(phase)) + 0.5) / len(phase)).max()
    assert largest_gap < 2.0 / np.sqrt(len(phase))  # Kolmogorov-Smirnov at about 0.0007


def test_tuning_is_worth_finding_and_not_linear() -> None:
    null = ride().counts.mean(0)
    oracle = pseudo_r2(ride().counts, rates(ride()), null)
    assert 0.05 < np.median(oracle) < 0.3
    design = np.column_stack([np.ones(12_000), ride().covariates])
    log_rates = np.log(rates(ride()))
    fitted = design @ np.linalg.lstsq(design, log_rates, rcond=None)[0]
    explained = 1 - (log_rates - fitted).var(0) / log_rates.var(0)
    assert 0.2 < np.median(explained) < 0.9


def test_seeds() -> None:
    first, again, other = (simulate_motorcycle(4, 30.0, seed=s) for s in (7, 7, 8))
    assert (first.counts == again.counts).all()
    assert (first.covariates == again.covariates).all()
    assert (first.covariates != other.covariates).any()
    assert (simulate_motorcycle(9, 30.0, seed=7).covariates == first.covariates).all()


@pytest.mark.parametrize("bin_width", [0.02, 0.1])
def test_other_bin_widths_keep_the_rates_per_second(bin_width: float) -> None:
    made = simulate_motorcycle(10, 300.0, bin_width=bin_width)
    assert made.counts.shape == (round(300 / bin_width), 10)
    assert 2 < rates(made).mean() / bin_width < 20


def test_a_short_ride_is_a_ride() -> None:
    assert simulate_motorcycle(1, 0.1).counts.shape == (2, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"noise": "gaussian"},
            "noise is 'gaussian'; accepted are 'poisson', 'overdispersed', 'underdispersed', 'zero",
        ),
        ({"n_neurons": 0}, "n_neurons is 0"),
        ({"n_neurons": 2.5}, "n_neurons is 2.5"),
        ({"duration": -1.0}, "duration is -1.0 s"),
        ({"duration": 0.05}, "at least two bins"),
        ({"duration": np.nan}, "duration is nan"),
        ({"duration": np.inf}, "duration is inf"),
        ({"bin_width": 0.0}, "bin_width is 0"),
        ({"bin_width": np.nan}, "bin_width is nan"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_motorcycle(**options)
