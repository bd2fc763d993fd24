"""A recording: spike counts and what the animal or rider did meanwhile, checked once, on the way in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.scenarios.spikes.binning import bin_index, bin_spikes

__all__ = ["SpikeRecording", "Split"]

# The protocol by which recordings are scored: ten contiguous blocks, and neurons that spike often enough to be judged.
N_BLOCKS, VALIDATION_BLOCK, FIRST_TEST_BLOCK = 10, 7, 8
MIN_FITTING_SPIKES, MIN_TEST_SPIKES = 50, 10


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Which bins train, select and test, and which neurons spike often enough to be scored: arrays of indices.

    Example:
        >>> recording = spikes.simulate_motorcycle(n_neurons=3, duration=60.0)
        >>> split = recording.split(n_lags=2)
        >>> split
        Split: 836 training, 116 validation and 236 test bins; 3 neurons that spike often enough to be judged
        >>> recording.counts[split.train].shape
        (836, 3)
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    neurons: NDArray[np.int64]

    def __repr__(self) -> str:
        return (
            f"Split: {len(self.train):,} training, {len(self.validation):,} validation and {len(self.test):,} test "
            f"bins; {len(self.neurons)} neurons that spike often enough to be judged"
        )


@dataclass(frozen=True, eq=False, repr=False)
class SpikeRecording:
    """Spike counts ``[T, N]`` of N neurons, and P covariates ``[T, P]`` in the same T bins.

    Args:
        counts: spikes per bin and neuron ``[T, N]``, whole numbers.
        covariates: mean of each behavioural parameter in each bin ``[T, P]``. A constant column says nothing about any
            neuron: it is dropped with a warning.
        covariate_names: P different names.
        bin_width: seconds.
        neuron_names: N different names; ``neuron_0``, ``neuron_1``, ... unless given.
        units: the unit of each covariate by name, for labels; names left out have none.
        rates: expected counts ``[T, N]`` where they are known, as in a simulation.
        spike_times: N arrays of seconds that bin into ``counts``, where they are known.
        start: when the first bin begins, in seconds.

    Raises:
        TypeError: when counts or covariates are not real numbers.
        ValueError: for lengths that differ (both are stated), NaN, infinity, negative or non-integer counts (the first
            index is named), repeated names, a width that is not positive, or spike times that disagree with the counts.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> counts, speed = rng.poisson(0.5, size=(1200, 2)), rng.uniform(0, 30, size=(1200, 1))
        >>> recording = SpikeRecording(counts, speed, ["speed"], bin_width=0.05, units={"speed": "m/s"})
        >>> recording.duration, recording.label("speed")
        (60.0, 'speed (m/s)')
    """

    counts: NDArray[np.int64]
    covariates: NDArray[np.float64]
    covariate_names: Sequence[str]
    bin_width: float
    neuron_names: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    rates: NDArray[np.float64] | None = None
    spike_times: Sequence[NDArray[np.float64]] | None = None
    start: float = 0.0

    def __post_init__(self) -> None:
        counts = as_counts(self.counts)
        n_bins, n_neurons = counts.shape
        covariates = as_finite(self.covariates, "covariates")
        if len(covariates) != n_bins:
            shapes = (
                f"counts is [{n_bins:,}, {n_neurons:,}] and covariates [{len(covariates):,}, {covariates.shape[1]:,}]"
            )
            turned = [
                name
                for name, other, length in (
                    ("counts", n_neurons, len(covariates)),
                    ("covariates", covariates.shape[1], n_bins),
                )
                if other == length
            ]
            way_out = f"is it {turned[0]}.T?" if turned else "they must have equally many rows"
            raise ValueError(f"{shapes}; a row is a bin of time in both: {way_out}")
        if not (np.isfinite(self.bin_width) and self.bin_width > 0):
            raise ValueError(f"bin_width is {self.bin_width}, it must be a positive, finite number of seconds")
        if not np.isfinite(self.start):
            raise ValueError(f"start is {self.start}, it must be a finite time in seconds")
        neuron_names = self.neuron_names if len(self.neuron_names) else [f"neuron_{i}" for i in range(n_neurons)]
        names = _names(self.covariate_names, "covariate_names", covariates.shape[1])
        unknown = [name for name in self.units if name not in names]
        if unknown:
            raise ValueError(f"units names {unknown[0]!r}, which is no covariate; covariates are {', '.join(names)}")
        varies = np.ptp(covariates, axis=0) > 0
        if not varies.all():
            constant = [name for name, kept in zip(names, varies, strict=True) if not kept]
            if not varies.any():
                raise ValueError(f"every covariate is constant ({', '.join(constant)}): nothing to predict counts from")
            warnings.warn(f"dropped the constant covariates {', '.join(constant)}", UserWarning, stacklevel=3)
            covariates, names = covariates[:, varies], tuple(np.array(names)[varies].tolist())
        self._set(
            counts=counts,
            covariates=covariates,
            covariate_names=names,
            bin_width=float(self.bin_width),
            neuron_names=_names(neuron_names, "neuron_names", n_neurons),
            units={name: self.units[name] for name in names if name in self.units},
            start=float(self.start),
        )
        if self.rates is not None:
            self._set(rates=_rates(self.rates, counts.shape))
        if self.spike_times is not None:
            self._set(spike_times=tuple(np.asarray(times, dtype=np.float64) for times in self.spike_times))
            self._check_spike_times()

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.counts) * self.bin_width

    def __repr__(self) -> str:
        return (
            f"SpikeRecording: {self.counts.shape[1]} neurons, {self.covariates.shape[1]} covariates, "
            f"{self.duration:.1f} s in {self.bin_width * 1e3:g} ms bins, mean {self.counts.mean():.2f} spikes/bin"
        )

    def label(self, covariate: str) -> str:
        """A covariate's name for an axis, with its unit where it has one."""
        name = covariate.replace("_", " ")
        return f"{name} ({self.units[covariate]})" if covariate in self.units else name

    def split(self, n_lags: int = 5) -> Split:
        """Ten contiguous blocks: 0-6 train, 7 validates, 8-9 test; neurons with too few spikes to judge are left out.

        Bins within ``n_lags`` of another role or of the recording's ends are in no role, so that no window of history
        reaches across. Neurons stay with at least 50 spikes in training and validation bins and 10 in test bins.

        Raises:
            ValueError: when the recording is too short for the windows, or no neuron spikes often enough.
        """
        n_bins = len(self.counts)
        if n_lags != int(n_lags) or n_lags < 0:
            raise ValueError(f"n_lags is {n_lags}, it must be a whole number of bins, 0 or more")
        if n_bins < N_BLOCKS * (2 * n_lags + 1):
            raise ValueError(
                f"the recording has {n_bins:,} bins, too few to split with windows of {n_lags} lags: at least "
                f"{N_BLOCKS * (2 * n_lags + 1):,} bins are needed"
            )
        block = np.arange(n_bins) * N_BLOCKS // n_bins
        role = (block >= VALIDATION_BLOCK).astype(int) + (block >= FIRST_TEST_BLOCK)
        inside = np.ones(n_bins, dtype=bool)
        for lag in range(1, n_lags + 1):
            same = role[lag:] == role[:-lag]
            inside[lag:] &= same
            inside[:-lag] &= same
        inside[:n_lags] = inside[n_bins - n_lags :] = False
        train, validation, test = (np.flatnonzero(inside & (role == r)) for r in range(3))
        fitting = self.counts[train].sum(0) + self.counts[validation].sum(0)
        testing = self.counts[test].sum(0)
        neurons = np.flatnonzero((fitting >= MIN_FITTING_SPIKES) & (testing >= MIN_TEST_SPIKES))
        if len(neurons) == 0:
            raise ValueError(
                f"no neuron has {MIN_FITTING_SPIKES} spikes in training and validation bins and {MIN_TEST_SPIKES} in "
                f"test bins; the most active have {fitting.max():,} and {testing.max():,}: record for longer than "
                f"{self.duration:g} s"
            )
        return Split(train, validation, test, neurons)

    def select(self, bins: ArrayLike, neurons: ArrayLike | None = None) -> SpikeRecording:
        """The part of the recording in consecutive ``bins``, such as ``split.test``, for all or some neurons.

        Raises:
            ValueError: when ``bins`` are not consecutive or not in the recording.
        """
        chosen = np.asarray(bins)
        if chosen.ndim != 1 or len(chosen) == 0 or (np.diff(chosen) != 1).any():
            raise ValueError("bins must be consecutive indices, ascending by one, at least one of them")
        if chosen[0] < 0 or chosen[-1] >= len(self.counts):
            raise ValueError(f"bins {chosen[0]} to {chosen[-1]} are not all among the recording's {len(self.counts):,}")
        columns = np.arange(self.counts.shape[1]) if neurons is None else np.asarray(neurons)
        times = self.spike_times
        return SpikeRecording(
            counts=self.counts[np.ix_(chosen, columns)],
            covariates=self.covariates[chosen],
            covariate_names=self.covariate_names,
            bin_width=self.bin_width,
            neuron_names=[self.neuron_names[int(i)] for i in columns],
            units=self.units,
            rates=None if self.rates is None else self.rates[np.ix_(chosen, columns)],
            spike_times=None
            if times is None
            else [self._within(times[int(i)], chosen[0], chosen[-1]) for i in columns],
            start=self.start + int(chosen[0]) * self.bin_width,
        )

    def _within(self, times: NDArray[np.float64], first: int, last: int) -> NDArray[np.float64]:
        index = bin_index(times, self.start, self.bin_width)
        return times[(index >= first) & (index <= last)]

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_spike_times(self) -> None:
        times = self.spike_times or ()
        n_bins, n_neurons = self.counts.shape
        if len(times) != n_neurons:
            raise ValueError(
                f"counts has {n_neurons} neurons and spike_times has {len(times)}; they must be equally many"
            )
        differ = bin_spikes(times, self.bin_width, self.start, self.start + n_bins * self.bin_width) != self.counts
        if differ.any():
            t, i = np.argwhere(differ)[0]
            raise ValueError(f"spike_times do not bin into counts: they first differ at counts[{t}, {i}]")


def as_counts(value: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers of spikes ``[T, N]``, or an error that names the first value that is none."""
    counts = np.asarray(value)
    if counts.dtype.kind not in "biuf":
        raise TypeError(f"counts holds {counts.dtype} values; counts are whole numbers")
    if counts.ndim != 2 or counts.size == 0:
        raise ValueError(f"counts has shape {list(counts.shape)}; [T, N] is needed, at least one bin of one neuron")
    wrong = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts)))
    if wrong.any():
        t, i = np.argwhere(wrong)[0]
        raise ValueError(f"counts[{t}, {i}] is {counts[t, i]}; counts are whole numbers of spikes, 0 or more")
    return counts.astype(np.int64)


def as_finite(value: ArrayLike, name: str) -> NDArray[np.float64]:
    """Finite numbers ``[T, P]``, or an error that names the first value that is none."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {array.dtype} values; real numbers are needed")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {list(array.shape)}; at least one row and one column are needed")
    finite = np.isfinite(array)
    if not finite.all():
        t, i = np.argwhere(~finite)[0]
        raise ValueError(f"{name}[{t}, {i}] is {array[t, i]}; finite numbers are needed")
    return array.astype(np.float64)


def _rates(value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    rates = as_finite(value, "rates")
    if rates.shape != shape:
        raise ValueError(f"counts has shape {list(shape)} and rates has {list(rates.shape)}; they must be equal")
    if (rates < 0).any():
        t, i = np.argwhere(rates < 0)[0]
        raise ValueError(f"rates[{t}, {i}] is {rates[t, i]}; expected counts are 0 or more")
    return rates


def _names(names: Sequence[str], argument: str, n_columns: int) -> tuple[str, ...]:
    if isinstance(names, str) or len(names) != n_columns:
        found = repr(names) if isinstance(names, str) else f"{len(names)} names"
        raise ValueError(f"{argument} is {found}, but there are {n_columns} columns; one name is needed for each")
    given = tuple(str(name) for name in names)
    repeated = [name for i, name in enumerate(given) if name in given[:i]]
    if repeated:
        raise ValueError(f"{argument} repeats {repeated[0]!r}; names must differ")
    return given
