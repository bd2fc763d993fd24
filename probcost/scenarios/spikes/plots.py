"""Pictures of a recording beside its predicted rates: spikes over time, tuning to covariates, scores of neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.scenarios.spikes.recording import SpikeRecording, as_finite
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_raster", "plot_scores", "plot_tuning"]


def plot_raster(recording: SpikeRecording, rate: ArrayLike, first: int = 0, seconds: float = 10.0) -> Figure:
    """Spikes of all neurons over a stretch of time, the rates predicted for them, and both summed over neurons.

    Neurons stand in the order in which their predicted rates peak in the stretch, in both panels. Rates are shown
    relative to each neuron's mean prediction over the whole recording, since neurons differ more than their rates
    vary. Without spike times, a bin's spikes are drawn evenly spaced within it.

    Args:
        recording: what was recorded in T bins.
        rate: predicted expected counts per bin ``[T, N]``.
        first: the bin at which the stretch begins.
        seconds: its length.

    Raises:
        ValueError: when ``rate`` does not fit the recording, or the stretch lies outside it.

    Example:
        >>> recording = spikes.simulate_motorcycle(n_neurons=3, duration=60.0)
        >>> figure = plot_raster(recording, recording.rates, seconds=5.0)
        >>> {axes.get_xlabel() for axes in figure.axes} - {""}
        {'time (s)'}
    """
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    predicted = _fitting(recording, rate)
    n_bins, width = len(recording.counts), recording.bin_width
    if not 0 <= first < n_bins:
        raise ValueError(f"first is {first}, the recording has bins 0 to {n_bins - 1}")
    if not seconds >= width:
        raise ValueError(f"seconds is {seconds}, at least one bin of {width} s must be shown")
    stretch = slice(first, min(n_bins, first + round(seconds / width)))
    mean = predicted.mean(0)
    relative = predicted[stretch] / np.where(mean > 0, mean, 1.0)
    order = np.argsort(relative.argmax(0), kind="stable")
    edges = recording.start + width * np.arange(stretch.start, stretch.stop + 1)
    # Few bins out-shout the rest: colours end where 99 % of the rates do, equally far above and below the mean.
    furthest = float(np.clip(np.quantile(np.maximum(relative, 1 / np.maximum(relative, 0.01)), 0.99), 1.5, 10))

    with style():
        figure = Figure(figsize=(9, 8))
        spikes, rates, total = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.6))
        events = [_spikes_within(recording, i, stretch) for i in order]
        spikes.eventplot(events, colors=COLOURS["data"], linelengths=0.8, linewidths=0.6)
        spikes.set(title="Spikes", ylabel="neuron, by time of peak", ylim=(-0.5, len(order) - 0.5))
        image = rates.pcolormesh(
            edges,
            np.arange(len(order) + 1) - 0.5,
            np.clip(relative[:, order].T, 1 / furthest, furthest),
            cmap="PuOr_r",
            norm=LogNorm(1 / furthest, furthest),
            rasterized=True,
        )
        rates.set(title="Predicted rates", ylabel="neuron, same order")
        ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10) if 1 / furthest <= t <= furthest]
        bar = figure.colorbar(image, ax=rates, label="times the neuron's mean", extend="both", pad=0.01, aspect=15)
        bar.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
        bar.minorticks_off()
        total.stairs(recording.counts[stretch].sum(1), edges, baseline=None, color=COLOURS["data"], label="recorded")
        total.plot(edges[:-1] + width / 2, predicted[stretch].sum(1), color=COLOURS["model"], lw=2, label="predicted")
        total.set(title="All neurons together", xlabel="time (s)", xlim=edges[[0, -1]], ylim=(0, None))
        total.set_ylabel(f"spikes per {width * 1e3:g} ms")
        total.legend(loc="upper right", ncols=2, bbox_to_anchor=(1, 1.3))
    return figure


def plot_tuning(recording: SpikeRecording, rate: ArrayLike, neuron: int, n_groups: int = 12) -> Figure:
    """One neuron's mean count against each covariate: recorded, with standard errors, and predicted for the same bins.

    Bins of time are grouped by the covariate's value into up to ``n_groups`` groups: equally large ones, except that
    groups too close to be told apart are one. Standard errors are those of independent bins.

    Args:
        recording: what was recorded in T bins.
        rate: predicted expected counts per bin ``[T, N]``.
        neuron: its column.
        n_groups: points per panel, at most.

    Raises:
        ValueError: when ``rate`` does not fit the recording, or there is no such neuron.

    Example:
        >>> recording = spikes.simulate_motorcycle(n_neurons=3, duration=60.0)
        >>> figure = plot_tuning(recording, recording.rates, neuron=0)
        >>> figure.axes[0].get_xlabel()
        'speed (m/s)'
    """
    from matplotlib.figure import Figure

    predicted = _fitting(recording, rate)
    n_neurons, n_covariates = recording.counts.shape[1], recording.covariates.shape[1]
    if not 0 <= neuron < n_neurons:
        raise ValueError(f"neuron is {neuron}, the recording has neurons 0 to {n_neurons - 1}")
    counts, expected = recording.counts[:, neuron], predicted[:, neuron]
    columns = min(4, n_covariates)
    rows = -(-n_covariates // columns)
    with style():
        figure = Figure(figsize=(2.4 * columns, 2.1 * rows + 0.6))
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for panel in panels.ravel()[n_covariates:]:
            panel.set_visible(False)
        for panel, name, x in zip(panels.flat, recording.covariate_names, recording.covariates.T, strict=False):
            group = _groups(x, n_groups)
            size = np.bincount(group)
            centre, recorded, model = (np.bincount(group, values) / size for values in (x, counts, expected))
            spread = np.sqrt(np.maximum(np.bincount(group, counts**2) / size - recorded**2, 0))
            panel.errorbar(
                centre, recorded, spread / np.sqrt(size), fmt="o", ms=4, color=COLOURS["data"], label="recorded"
            )
            panel.plot(centre, model, color=COLOURS["model"], lw=2, label="predicted")
            panel.set_xlabel(recording.label(name))
            panel.locator_params(axis="x", nbins=4)
        # From 0, so that the panels' heights can be compared as rates.
        panels[0, 0].set_ylim(bottom=0)
        figure.supylabel(f"mean spikes per {recording.bin_width * 1e3:g} ms bin", fontsize=11)
        figure.suptitle(f"Tuning of {recording.neuron_names[neuron]}", x=0.01, ha="left", fontsize=12)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def plot_scores(score: ArrayLike, firing_rate: ArrayLike, name: str = "pseudo-R²") -> Figure:
    """A score of each neuron, sorted, and against the neuron's mean firing rate.

    Args:
        score: ``[N]``; neurons whose score is not finite are counted in the title and left out.
        firing_rate: mean rates in spikes/s ``[N]``.
        name: what the score is.

    Raises:
        ValueError: when the lengths differ, or no score is finite.

    Example:
        >>> figure = plot_scores([0.1, 0.3, 0.2], firing_rate=[2.0, 15.0, 7.0])
        >>> figure.axes[0].get_ylabel()
        'pseudo-R²'
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    scores, rates = np.asarray(score, dtype=np.float64), np.asarray(firing_rate, dtype=np.float64)
    if scores.shape != rates.shape or scores.ndim != 1:
        raise ValueError(f"score has shape {list(scores.shape)} and firing_rate {list(rates.shape)}; both are [N]")
    defined = np.isfinite(scores)
    if not defined.any():
        raise ValueError(f"none of the {len(scores)} scores is finite")
    scores, rates = scores[defined], rates[defined]
    left_out = f", {(~defined).sum()} undefined" if not defined.all() else ""
    middle, better = float(np.median(scores)), int((scores > 0).sum())
    with style():
        figure = Figure(figsize=(9, 3.8))
        ranked, against = figure.subplots(1, 2, sharey=True)
        ranked.plot(np.arange(1, len(scores) + 1), np.sort(scores)[::-1], "o", ms=4, color=COLOURS["model"])
        ranked.set(
            title=f"{better} of {len(scores)} neurons above 0{left_out}", xlabel="neuron, best first", ylabel=name
        )
        against.plot(rates, scores, "o", ms=4, color=COLOURS["model"])
        against.set(title="Against activity", xlabel="mean rate (spikes/s)", xscale="log")
        # 1, 2 and 5 of each decade, written out: the default labels every minor tick with a power, one over the other.
        against.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        against.xaxis.set_major_formatter("{x:g}")
        against.xaxis.set_minor_formatter(NullFormatter())
        for panel in (ranked, against):
            panel.axhline(0, color=COLOURS["data"], lw=1)
            panel.axhline(middle, color=COLOURS["alert"], lw=1.5, ls="--", label=f"median {middle:.3f}")
        against.legend(loc="upper left")
    return figure


def _fitting(recording: SpikeRecording, rate: ArrayLike) -> NDArray[np.float64]:
    predicted = as_finite(rate, "rate")
    if predicted.shape != recording.counts.shape:
        raise ValueError(
            f"rate has shape {list(predicted.shape)} and the recording's counts {list(recording.counts.shape)}; they "
            "must be equal (recording.select picks bins and neurons)"
        )
    return predicted


def _spikes_within(recording: SpikeRecording, neuron: int, stretch: slice) -> NDArray[np.float64]:
    width, start = recording.bin_width, recording.start
    if recording.spike_times is not None:
        times = recording.spike_times[neuron]
        return times[(times >= start + stretch.start * width) & (times < start + stretch.stop * width)]
    counts = recording.counts[stretch, neuron]
    bins = np.repeat(np.arange(stretch.start, stretch.stop), counts)
    rank = np.arange(len(bins)) - np.repeat(np.cumsum(counts) - counts, counts)
    return start + width * (bins + (rank + 0.5) / np.repeat(counts, counts))


def _groups(x: NDArray[np.float64], n_groups: int) -> NDArray[np.int64]:
    """Group numbers 0, 1, ... by quantiles of ``x`` that lie at least a fair part of its range apart."""
    closest = np.ptp(x) / (3 * n_groups)
    borders: list[float] = []
    for border in np.quantile(x, np.linspace(0, 1, n_groups + 1)[1:-1]):
        if border - (borders[-1] if borders else x.min()) >= closest:
            borders.append(border)
    return np.unique(np.searchsorted(borders, x, side="right"), return_inverse=True)[1].ravel()
