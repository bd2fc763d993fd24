"""Spike times into counts: exact at the edges, quick, and strict about what it is given."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probcost.scenarios.spikes.binning import bin_spikes


def test_counts_by_hand() -> None:
    counts = bin_spikes([[0.01, 0.02, 0.12], [], [0.06]], bin_width=0.05)
    assert counts.dtype == np.int64
    assert counts.tolist() == [[2, 0, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("width", [0.001, 0.01, 0.02, 0.05, 0.1, 1 / 3])
def test_a_spike_on_an_edge_begins_the_next_bin(width: float) -> None:
    edges = np.arange(20_000)
    for times in (edges * width, np.round(edges * width, 12)):
        assert (bin_spikes([times], width) == 1).all()


def test_the_round_off_of_division_does_not_shift_a_spike() -> None:
    assert 0.15 / 0.05 < 3
    assert bin_spikes([[0.15]], 0.05)[:, 0].tolist() == [0, 0, 0, 1]
    assert bin_spikes([[100.15]], 0.05, start=100.0)[:, 0].tolist() == [0, 0, 0, 1]


def test_just_below_an_edge_stays_below() -> None:
    assert bin_spikes([[0.15 - 1e-9]], 0.05, stop=0.2)[:, 0].tolist() == [0, 0, 1, 0]


def test_single_precision_edges() -> None:
    times = (np.arange(200) * 0.05).astype(np.float32)
    assert (np.floor(times.astype(float) / 0.05) != np.arange(200)).any()
    assert (bin_spikes([times], 0.05) == 1).all()


@given(
    start=st.floats(-100, 100),
    width=st.floats(1e-3, 2.0),
    places=st.lists(st.tuples(st.integers(0, 30), st.floats(0.01, 0.99)), min_size=1, max_size=40),
)
def test_every_spike_is_counted_where_it_lies(start: float, width: float, places: list[tuple[int, float]]) -> None:
    times = [start + (k + part) * width for k, part in places]
    expected = np.bincount([k for k, _ in places], minlength=31)
    assert (bin_spikes([times], width, start, start + 31 * width)[:, 0] == expected).all()


def test_unsorted_and_duplicate_times_count() -> None:
    assert bin_spikes([[0.12, 0.01, 0.01, 0.06]], 0.05)[:, 0].tolist() == [2, 1, 1]


def test_a_mapping_keeps_its_order_and_names_its_neurons() -> None:
    assert bin_spikes({"b": [0.01], "a": [0.01, 0.02]}).tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"spike_times\['a'\]\[1\] is nan"):
        bin_spikes({"b": [0.1], "a": [0.2, np.nan]})


def test_whole_seconds_are_times() -> None:
    assert bin_spikes([[0, 2]], 1.0)[:, 0].tolist() == [1, 0, 1]


def test_silence_within_a_given_stretch() -> None:
    assert bin_spikes([[], []], 0.05, stop=0.3).tolist() == [[0, 0]] * 6


def test_five_million_spikes_in_under_a_second() -> None:
    rng = np.random.default_rng(0)
    spikes = [rng.uniform(0, 600, 50_000) for _ in range(100)]
    began = time.process_time()
    counts = bin_spikes(spikes, stop=600.0)
    assert time.process_time() - began < 1.0
    assert counts.shape == (12_000, 100)
    assert (counts.sum(0) == 50_000).all()


@pytest.mark.parametrize(
    ("spikes", "options", "message"),
    [
        ([], {}, "spike_times is empty"),
        ([[], []], {}, "none of the 2 neurons has a spike"),
        ([[0.1], [0.2, np.nan]], {}, r"spike_times\[1\]\[1\] is nan"),
        ([[0.1], [np.inf]], {}, r"spike_times\[1\]\[0\] is inf"),
        ([[0.1], [0.2, -0.01, -3.0]], {}, r"spike_times\[1\]\[1\] = -0.01 s lies outside .* from 0 s"),
        ([[0.1, 0.5]], {"stop": 0.5}, r"spike_times\[0\]\[1\] = 0.5 s .* not including, 0.5 s"),
        ([[0.1]], {"start": 0.2, "stop": 0.5}, r"spike_times\[0\]\[0\] = 0.1 s .* from 0.2 s"),
        ([[0.1]], {"bin_width": 0}, "bin_width is 0"),
        ([[0.1]], {"bin_width": -0.05}, "bin_width is -0.05"),
        ([[0.1]], {"bin_width": np.nan}, "bin_width is nan"),
        ([[0.1]], {"bin_width": np.inf}, "bin_width is inf"),
        ([[0.1]], {"start": np.nan}, "start is nan"),
        ([[0.1]], {"stop": np.inf}, "stop is inf"),
        ([[0.1]], {"stop": -1.0}, "after start = 0"),
        ([[0.1]], {"stop": 0.52}, r"not a whole number of bins .* stop = 0.5 or 0.55"),
        ([[0.1]], {"stop": 0.02}, r"accepted near it: stop = 0.05$"),
        ([[[0.1, 0.2]]], {}, r"spike_times\[0\] has shape \[1, 2\]"),
        ([0.1, 0.2], {}, r"spike_times\[0\] has shape \[\]"),
    ],
)
def test_bad_input(spikes: Any, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bin_spikes(spikes, **options)


def test_times_must_be_numbers() -> None:
    with pytest.raises(TypeError, match=r"spike_times\[0\] holds <U"):
        bin_spikes([["early", "late"]])
