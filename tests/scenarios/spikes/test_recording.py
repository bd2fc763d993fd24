"""A recording refuses what cannot be one, says what it is, and splits by the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probcost.scenarios.spikes.binning import bin_spikes
from probcost.scenarios.spikes.loading import load
from probcost.scenarios.spikes.recording import SpikeRecording

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(0.5, (400, 3))
COVARIATES = RNG.normal(size=(400, 2))


def recording(**changes: Any) -> SpikeRecording:
    parts = {"counts": COUNTS, "covariates": COVARIATES, "covariate_names": ["speed", "lean"], "bin_width": 0.05}
    return SpikeRecording(**{**parts, **changes})


def changed(array: np.ndarray, index: tuple[int, int], value: float) -> np.ndarray:
    copy = array.astype(float)
    copy[index] = value
    return copy


def test_it_says_what_it_is() -> None:
    mean = COUNTS.mean()
    assert repr(recording()) == (
        f"SpikeRecording: 3 neurons, 2 covariates, 20.0 s in 50 ms bins, mean {mean:.2f} spikes/bin"
    )
    labelled = recording(units={"speed": "m/s"}, covariate_names=["speed", "lean_angle"])
    assert labelled.label("speed") == "speed (m/s)"
    assert labelled.label("lean_angle") == "lean angle"


def test_whole_floats_are_counts_and_nothing_is_written_into_the_callers_arrays() -> None:
    given = COUNTS.astype(float)
    made = recording(counts=given)
    assert made.counts.dtype == np.int64
    assert (made.counts == COUNTS).all()
    made.counts[0, 0] = 99
    assert given[0, 0] == COUNTS[0, 0]


def test_a_constant_covariate_is_dropped_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="dropped the constant covariates gear"):
        made = recording(
            covariates=np.column_stack([COVARIATES, np.full(400, 3.0)]),
            covariate_names=["speed", "lean", "gear"],
            units={"gear": "1", "lean": "deg"},
        )
    assert made.covariate_names == ("speed", "lean")
    assert (made.covariates == COVARIATES).all()
    assert made.units == {"lean": "deg"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"covariates": COVARIATES[:399]}, r"counts is \[400, 3\] and covariates \[399, 2\].*equally many rows"),
        ({"counts": COUNTS.T}, r"a row is a bin of time in both: is it counts.T\?"),
        ({"covariates": COVARIATES.T}, r"is it covariates.T\?"),
        ({"counts": changed(COUNTS, (7, 2), -1)}, r"counts\[7, 2\] is -1"),
        ({"counts": changed(COUNTS, (7, 2), 0.5)}, r"counts\[7, 2\] is 0.5"),
        ({"counts": changed(COUNTS, (7, 2), np.nan)}, r"counts\[7, 2\] is nan"),
        ({"counts": changed(COUNTS, (7, 2), np.inf)}, r"counts\[7, 2\] is inf"),
        ({"counts": COUNTS[:0], "covariates": COVARIATES[:0]}, r"counts has shape \[0, 3\]"),
        ({"counts": COUNTS[:, 0]}, r"counts has shape \[400\]"),
        ({"covariates": changed(COVARIATES, (3, 1), np.nan)}, r"covariates\[3, 1\] is nan"),
        ({"covariates": changed(COVARIATES, (3, 1), -np.inf)}, r"covariates\[3, 1\] is -inf"),
        ({"covariates": np.ones((400, 2))}, r"every covariate is constant \(speed, lean\)"),
        ({"covariate_names": ["speed"]}, "covariate_names is 1 names, but there are 2 columns"),
        ({"covariate_names": ["speed", "speed"]}, "covariate_names repeats 'speed'"),
        ({"covariate_names": "ab"}, "covariate_names is 'ab'"),
        ({"neuron_names": ["a", "b"]}, "neuron_names is 2 names, but there are 3 columns"),
        ({"units": {"sped": "m/s"}}, "units names 'sped', which is no covariate"),
        ({"bin_width": 0.0}, "bin_width is 0"),
        ({"bin_width": np.nan}, "bin_width is nan"),
        ({"start": np.inf}, "start is inf"),
        ({"rates": np.ones((400, 2))}, r"counts has shape \[400, 3\] and rates has \[400, 2\]"),
        ({"rates": changed(COUNTS, (5, 0), -0.1)}, r"rates\[5, 0\] is -0.1"),
        ({"rates": changed(COUNTS, (5, 0), np.nan)}, r"rates\[5, 0\] is nan"),
        ({"spike_times": [[0.1], [0.2]]}, "counts has 3 neurons and spike_times has 2"),
        ({"spike_times": [[19.99], [], []]}, r"spike_times do not bin into counts: they first differ at counts\["),
        ({"spike_times": [[20.01], [], []]}, r"spike_times\[0\]\[0\] = 20.01 s lies outside the recording"),
    ],
)
def test_bad_input(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recording(**changes)


@pytest.mark.parametrize("argument", ["counts", "covariates"])
def test_numbers_are_numbers(argument: str) -> None:
    with pytest.raises(TypeError, match=f"{argument} holds"):
        recording(**{argument: np.full((400, 2), "many")})


def test_selecting_a_stretch_keeps_counts_rates_and_spikes_together() -> None:
    times = [np.sort(RNG.uniform(7.0, 27.0, n)) for n in (90, 200, 40)]
    counts = bin_spikes(times, 0.05, 7.0, 27.0)
    whole = recording(counts=counts, spike_times=times, rates=counts + 0.5, start=7.0, units={"lean": "deg"})
    part = whole.select(np.arange(100, 160), [2, 0])
    assert part.start == pytest.approx(12.0)
    assert part.neuron_names == ("neuron_2", "neuron_0")
    assert (part.counts == counts[100:160][:, [2, 0]]).all()
    assert part.rates is not None
    assert (part.rates == part.counts + 0.5).all()
    assert part.spike_times is not None
    assert [len(t) for t in part.spike_times] == part.counts.sum(0).tolist()
    assert part.label("lean") == "lean (deg)"


@pytest.mark.parametrize("bins", [[], [3, 5], [5, 4], [[1, 2]], [398, 399, 400], [-2, -1]])
def test_a_stretch_has_no_gaps_and_lies_inside(bins: Any) -> None:
    with pytest.raises(ValueError, match="bins"):
        recording().select(bins)


@pytest.mark.parametrize("n_lags", [0, 1, 5, 9])
@pytest.mark.parametrize("n_bins", [400, 407, 1000])
def test_split_by_the_protocol_written_out_bin_by_bin(n_bins: int, n_lags: int) -> None:
    made = SpikeRecording(np.ones((n_bins, 2)), RNG.normal(size=(n_bins, 1)), ["x"], 0.05)
    split = made.split(n_lags)
    role = [{7: "validation", 8: "test", 9: "test"}.get(t * 10 // n_bins, "train") for t in range(n_bins)]
    expected: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for t in range(n_lags, n_bins - n_lags):
        if len(set(role[t - n_lags : t + n_lags + 1])) == 1:
            expected[role[t]].append(t)
    assert split.train.tolist() == expected["train"]
    assert split.validation.tolist() == expected["validation"]
    assert split.test.tolist() == expected["test"]


def test_quiet_neurons_are_not_scored() -> None:
    counts = np.zeros((1000, 5), dtype=int)
    counts[100:150, 0] = counts[900:910, 0] = 1  # exactly enough
    counts[100:149, 1] = counts[900:910, 1] = 1  # one too few to fit
    counts[100:150, 2] = counts[900:909, 2] = 1  # one too few to test
    counts[100:125, 3] = counts[720:745, 3] = counts[900:910, 3] = 1  # validation bins count as fitting bins
    counts[803:853, 4] = counts[900:910, 4] = 1  # nothing to fit
    made = SpikeRecording(counts, RNG.normal(size=(1000, 1)), ["x"], 0.05)
    split = made.split()
    assert split.neurons.tolist() == [0, 3]
    assert (
        repr(split)
        == "Split: 690 training, 90 validation and 190 test bins; 2 neurons that spike often enough to be judged"
    )


def test_too_short_to_split() -> None:
    with pytest.raises(ValueError, match=r"has 100 bins, too few .* 5 lags: at least 110"):
        SpikeRecording(np.ones((100, 2)), RNG.normal(size=(100, 1)), ["x"], 0.05).split()
    counts = np.zeros((400, 3), dtype=int)
    counts[100:103] = 1
    with pytest.raises(ValueError, match=r"no neuron has 50 spikes .* most active have 3 and 0"):
        recording(counts=counts).split()
    with pytest.raises(ValueError, match="n_lags is -1"):
        recording().split(-1)


def test_m1_splits_into_the_numbers_of_the_protocol(m1_file: Path) -> None:
    split = load(m1_file).split(n_lags=5)
    assert (len(split.neurons), len(split.test)) == (156, 3097)
    assert (len(split.train), len(split.validation)) == (10_866, 1_543)
