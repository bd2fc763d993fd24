"""Pictures show the numbers they claim to show, with units on their axes, and leave matplotlib's settings alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import EventCollection, QuadMesh
from matplotlib.figure import Figure

from probcost.scenarios.spikes.plots import plot_raster, plot_scores, plot_tuning
from probcost.scenarios.spikes.recording import SpikeRecording
from probcost.scenarios.spikes.simulate import simulate_motorcycle


@cache
def ride() -> SpikeRecording:
    return simulate_motorcycle(8, 120.0, seed=2)


def rates() -> np.ndarray:
    made = ride().rates
    assert made is not None
    return made


def drawn(figure: Figure) -> Figure:
    figure.canvas.draw()
    return figure


def rows_of(figure: Figure) -> list[np.ndarray]:
    return [np.array(c.get_positions()) for c in figure.axes[0].collections if isinstance(c, EventCollection)]


def test_raster_shows_every_spike_of_the_stretch_in_the_order_of_the_rates() -> None:
    figure = drawn(plot_raster(ride(), rates(), first=400, seconds=5.0))
    times = ride().spike_times
    assert times is not None
    order = np.argsort(rates()[400:500].argmax(0), kind="stable")
    rows = rows_of(figure)
    assert len(rows) == 8
    for row, neuron in zip(rows, order, strict=True):
        expected = times[neuron][(times[neuron] >= 20.0) & (times[neuron] < 25.0)]
        np.testing.assert_allclose(np.sort(row), expected)
    mesh = next(c for c in figure.axes[1].collections if isinstance(c, QuadMesh))
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], np.linspace(20.0, 25.0, 101))
    image = mesh.get_array()
    assert image is not None
    low, high = image.min(), image.max()
    np.testing.assert_allclose(image, np.clip((rates()[400:500] / rates().mean(0))[:, order].T, low, high))
    assert figure.axes[2].get_xlabel() == "time (s)"
    assert figure.axes[2].get_ylabel() == "spikes per 50 ms"
    np.testing.assert_allclose(figure.axes[2].lines[0].get_ydata(), rates()[400:500].sum(1))


def test_raster_of_counts_alone_spreads_spikes_over_their_bins() -> None:
    x = np.arange(6.0)[:, None]
    made = SpikeRecording([[2], [0], [1], [0], [3], [0]], x, ["x"], 1.0, start=10.0)
    figure = drawn(plot_raster(made, np.ones((6, 1)), seconds=6.0))
    np.testing.assert_allclose(rows_of(figure)[0], [10.25, 10.75, 12.5, 14 + 1 / 6, 14.5, 14 + 5 / 6])


def test_raster_of_rates_that_are_zero() -> None:
    zero = rates().copy()
    zero[:, 0] = 0
    drawn(plot_raster(ride(), zero))


def test_tuning_shows_means_of_the_same_bins_for_data_and_model() -> None:
    figure = drawn(plot_tuning(ride(), rates(), neuron=3))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels == [ride().label(name) for name in ride().covariate_names]
    assert labels[0] == "speed (m/s)"
    assert figure.get_supylabel() == "mean spikes per 50 ms bin"
    for axes, x in zip(figure.axes, ride().covariates.T, strict=True):
        model, data = axes.lines[-1], axes.containers[0][0]
        centre, recorded, predicted = data.get_xdata(), data.get_ydata(), model.get_ydata()
        assert len(centre) >= 3
        assert (np.diff(centre) > 0).all()
        assert x.min() < centre[0] < centre[-1] < x.max()
        assert recorded.min() <= ride().counts[:, 3].mean() <= recorded.max()
        assert predicted.min() <= rates()[:, 3].mean() <= predicted.max()


def test_tuning_by_hand() -> None:
    x = np.repeat([0.0, 1.0, 2.0], 4)[:, None]
    counts = np.array([0, 1, 0, 1, 2, 2, 2, 2, 1, 3, 1, 3])[:, None]
    figure = plot_tuning(SpikeRecording(counts, x, ["gear"], 0.1), x + 0.5, neuron=0, n_groups=3)
    data, _, (bars,) = figure.axes[0].containers[0]
    np.testing.assert_allclose(data.get_xdata(), [0, 1, 2])
    np.testing.assert_allclose(data.get_ydata(), [0.5, 2, 2])
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_ydata(), [0.5, 1.5, 2.5])
    half = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
    np.testing.assert_allclose(half, [0.25, 0, 0.5])


def test_scores_sorted_and_against_activity() -> None:
    score, rate = np.array([0.1, np.nan, -0.02, 0.3]), np.array([5.0, 1.0, 2.0, 20.0])
    ranked, against = drawn(plot_scores(score, rate)).axes
    np.testing.assert_array_equal(ranked.lines[0].get_ydata(), [0.3, 0.1, -0.02])
    assert ranked.get_title(loc="left") == "2 of 3 neurons above 0, 1 undefined"
    assert ranked.get_ylabel() == "pseudo-R²"
    np.testing.assert_array_equal(against.lines[0].get_xdata(), [5.0, 2.0, 20.0])
    assert against.get_xlabel() == "mean rate (spikes/s)"


def test_the_users_settings_stay() -> None:
    before = dict(mpl.rcParams)
    plot_scores([0.1, 0.2], [1.0, 2.0])
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": np.ones((2400, 7))}, r"rate has shape \[2400, 7\] and the recording's counts \[2400, 8\]"),
        ({"rate": np.full((2400, 8), np.nan)}, r"rate\[0, 0\] is nan"),
        ({"first": 2400}, "first is 2400, the recording has bins 0 to 2399"),
        ({"seconds": 0.0}, "seconds is 0.0"),
        ({"seconds": np.nan}, "seconds is nan"),
    ],
)
def test_bad_rasters(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_raster(ride(), **{"rate": rates(), **options})


def test_bad_tunings_and_scores() -> None:
    with pytest.raises(ValueError, match="neuron is 8, the recording has neurons 0 to 7"):
        plot_tuning(ride(), rates(), neuron=8)
    with pytest.raises(ValueError, match=r"score has shape \[2\] and firing_rate \[3\]"):
        plot_scores([0.1, 0.2], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="none of the 2 scores is finite"):
        plot_scores([np.nan, np.nan], [1.0, 2.0])
