"""Spike times into counts: half-open bins, edges exact to the last bit, nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bin_spikes"]


def bin_spikes(
    spike_times: Sequence[ArrayLike] | Mapping[str, ArrayLike],
    bin_width: float = 0.05,
    start: float | None = None,
    stop: float | None = None,
) -> NDArray[np.int64]:
    r"""Counts of N neurons' spikes in bins of equal width.

    .. math:: k_{ti} = \#\{s \in \text{spikes of neuron } i : a + t w \le s < a + (t + 1) w\}

    with ``a`` the start and ``w`` the bin width. A spike on an edge belongs to the bin that begins there, even where
    the division rounds down (0.15 / 0.05 = 2.9999999999999996). The order of the spikes does not matter and equal
    times count separately, so unsorted and duplicate times are accepted.

    Args:
        spike_times: one array of times per neuron, in seconds: a sequence of N arrays, or a mapping from name to array
            (columns keep its order). A neuron without spikes is an empty array.
        bin_width: seconds.
        start: where the first bin begins, in seconds; 0 unless given.
        stop: where the last bin ends, in seconds, a whole number of bins after ``start``; unless given, the end of the
            bin that holds the last spike.

    Returns:
        Counts ``[T, N]``.

    Raises:
        TypeError: when a neuron's times are not real numbers.
        ValueError: for no neurons, times that are not finite or lie outside ``[start, stop)`` (the neuron, the index of
            its first such spike, and the time are named), a width that is not positive, or a ``stop`` that cuts a bin.

    Example:
        >>> bin_spikes([[0.01, 0.15, 0.16], []], bin_width=0.05, stop=0.2).T
        array([[1, 0, 0, 2],
               [0, 0, 0, 0]])
    """
    named = spike_times.items() if isinstance(spike_times, Mapping) else enumerate(spike_times)
    times = {f"spike_times[{neuron!r}]": value for neuron, value in named}
    if not times:
        raise ValueError("spike_times is empty: one array of times in seconds is needed per neuron")
    if not (np.isfinite(bin_width) and bin_width > 0):
        raise ValueError(f"bin_width is {bin_width}, it must be a positive, finite number of seconds")
    first = 0.0 if start is None else float(start)
    if not np.isfinite(first):
        raise ValueError(f"start is {first}, it must be a finite time in seconds")
    checked = {label: _checked(value, label) for label, value in times.items()}
    bins = [bin_index(value, first, bin_width) for value in checked.values()]
    n_bins = _last_bin(bins) + 1 if stop is None else _whole_bins(first, float(stop), bin_width)

    counts = np.empty((len(bins), n_bins), dtype=np.int64)
    for i, (label, value) in enumerate(checked.items()):
        outside = (bins[i] < 0) | (bins[i] >= n_bins)
        if outside.any():
            worst = int(outside.argmax())
            raise ValueError(
                f"{label}[{worst}] = {value[worst]} s lies outside the recording; accepted are times from {first:g} s "
                f"up to, but not including, {first + n_bins * bin_width:g} s (pass start and stop, or cut the spikes)"
            )
        counts[i] = np.bincount(bins[i], minlength=n_bins)
    return np.ascontiguousarray(counts.T)


def _checked(value: ArrayLike, label: str) -> NDArray[np.floating]:
    array = np.asarray(value)
    if array.size == 0:
        return np.empty(0)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{label} holds {array.dtype} values; spike times are real numbers of seconds")
    if array.ndim != 1:
        raise ValueError(f"{label} has shape {list(array.shape)}; the spike times of one neuron are one flat array")
    finite = np.isfinite(array)
    if not finite.all():
        worst = int((~finite).argmax())
        raise ValueError(f"{label}[{worst}] is {array[worst]}; spike times must be finite numbers of seconds")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def bin_index(times: NDArray[np.floating], start: float, width: float) -> NDArray[np.int64]:
    """The bin each time falls into, negative before ``start``."""
    if len(times) == 0:
        return np.empty(0, dtype=np.int64)
    # Times carry the rounding of their own precision, so a spike within a few such steps below an edge is on the edge.
    # Never more than a thousandth of a bin, which single-precision times late in a long recording would ask for.
    largest = max(abs(float(times.min())), abs(float(times.max())), abs(start))
    slack = min(4 * float(np.finfo(times.dtype).eps) * (largest / width + 1), 1e-3)
    position = (times.astype(np.float64, copy=False) - start) / width
    return np.floor(position + slack).astype(np.int64)


def _last_bin(bins: list[NDArray[np.int64]]) -> int:
    last = [int(index.max()) for index in bins if len(index)]
    if not last:
        raise ValueError(f"none of the {len(bins)} neurons has a spike: pass stop, the end of the recording in seconds")
    return max(0, *last)


def _whole_bins(start: float, stop: float, width: float) -> int:
    if not (np.isfinite(stop) and stop > start):
        raise ValueError(f"stop is {stop}, it must be a finite time in seconds after start = {start}")
    exact = (stop - start) / width
    n_bins = round(exact)
    if n_bins < 1 or abs(exact - n_bins) > 1e-6 * max(1.0, exact):
        below = int(exact)
        ends = [start + n * width for n in (below, below + 1) if n > 0]
        raise ValueError(
            f"stop - start = {stop - start:g} s is not a whole number of bins of {width:g} s, and a bin cut short "
            f"would count too little; accepted near it: stop = {' or '.join(f'{end:g}' for end in ends)}"
        )
    return n_bins
