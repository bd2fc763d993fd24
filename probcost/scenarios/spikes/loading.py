"""Recordings from files and into them: MATLAB files laid out like Stevenson et al.'s, and a plain `.npz`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.save import write_arrays
from probcost.scenarios.spikes.binning import bin_spikes
from probcost.scenarios.spikes.recording import SpikeRecording

__all__ = ["load", "save"]

NPZ_CONTENTS = (
    "counts [T, N], or spike_times [n] (seconds) with spike_neurons [n] (0 .. N-1); covariates [T, P]; "
    "covariate_names [P]; bin_width (seconds)"
)
MAT_CONTENTS = "spikes [N, T] with handPos and handVel [2 or 3, T], or spikes [T, N] with pos and vel [T, 2]"


def load(path: str | os.PathLike[str]) -> SpikeRecording:
    """The recording in a `.npz` or `.mat` file; no code in the file is executed.

    **`.npz`**, as `save` or ``numpy.savez`` writes it:

    ===================  ====================================================================================
    ``counts``           ``[T, N]`` whole numbers; or instead:
    ``spike_times``      ``[n]`` seconds, all neurons' spikes in one flat array, in any order, with
    ``spike_neurons``    ``[n]`` which neuron (0 .. N-1) each of them belongs to. T is that of ``covariates``
    ``covariates``       ``[T, P]`` numbers
    ``covariate_names``  ``[P]`` strings
    ``bin_width``        seconds
    optional             ``start`` (seconds), ``neuron_names`` ``[N]``, ``units`` ``[P]``, ``rates`` ``[T, N]``
    ===================  ====================================================================================

    Spike times are flat since an array of arrays would be pickled, and unpickling executes code.

    **`.mat`** (before v7.3), laid out like that of Stevenson's motor-cortex recording: ``spikes`` ``[N, T]`` counts,
    ``handPos`` and ``handVel`` ``[3, T]``, whose third rows are left out when constant, as they are for reaches in a
    plane; or ``spikes`` ``[T, N]``, ``pos`` and ``vel`` ``[T, 2]``. The bin width is the median step of ``time``
    (seconds) to the microsecond, 0.05 s in a file without it.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for another kind of file, a damaged or truncated one, or one that lacks what is listed above.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     measured = {"counts": np.ones((200, 3), int), "covariates": np.random.rand(200, 1)}
        ...     np.savez(f"{folder}/ride.npz", **measured, covariate_names=["speed"], bin_width=0.05)
        ...     spikes.load(f"{folder}/ride.npz")
        SpikeRecording: 3 neurons, 1 covariates, 10.0 s in 50 ms bins, mean 1.00 spikes/bin
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    readers = {".npz": (_read_npz, _from_npz), ".mat": (_read_mat, _from_mat)}
    if file.suffix.lower() not in readers:
        raise ValueError(f"{os.fspath(path)!r} has the suffix {file.suffix!r}; accepted are {' and '.join(readers)}")
    read, build = readers[file.suffix.lower()]
    contents = read(file)
    try:
        recording = build(contents)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r}: {error}") from error
    _suspect(recording)
    return recording


def save(recording: SpikeRecording, path: str | os.PathLike[str]) -> None:
    """Write the `.npz` that `load` reads; a file that was there before stays whole until the new one is complete.

    Raises:
        ValueError: when ``path`` does not end in ``.npz``.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> recording = spikes.simulate_motorcycle(n_neurons=3, duration=60.0)
        >>> with TemporaryDirectory() as folder:
        ...     spikes.save(recording, f"{folder}/ride.npz")
        ...     again = spikes.load(f"{folder}/ride.npz")
        >>> bool((again.counts == recording.counts).all())
        True
    """
    file = Path(path)
    if file.suffix.lower() != ".npz":
        raise ValueError(f"{os.fspath(path)!r} has the suffix {file.suffix!r}; recordings are saved as .npz")
    arrays: dict[str, Any] = {
        "counts": recording.counts,
        "covariates": recording.covariates,
        "covariate_names": np.array(recording.covariate_names),
        "bin_width": np.float64(recording.bin_width),
        "start": np.float64(recording.start),
        "neuron_names": np.array(recording.neuron_names),
        "units": np.array([recording.units.get(name, "") for name in recording.covariate_names]),
    }
    if recording.rates is not None:
        arrays["rates"] = recording.rates
    if recording.spike_times is not None:
        arrays["spike_times"] = np.concatenate(recording.spike_times)
        n_spikes = recording.counts.sum(0)
        arrays["spike_neurons"] = np.repeat(np.arange(len(n_spikes)), n_spikes)
    write_arrays(file, arrays)


def _suspect(recording: SpikeRecording) -> None:
    """Warn of what is possible in a file, and more often a slip of units or axes."""
    counts, width = recording.counts, recording.bin_width
    n_bins, n_neurons = counts.shape
    largest = int(np.gcd.reduce(counts, axis=None))
    in_milliseconds = 5 <= width <= 1000 and width % 60 > 0 and counts.mean() < width
    for odd, words in (
        (in_milliseconds, f"bin_width is {width:g} seconds; was it in milliseconds?"),
        (n_neurons > 10 * n_bins, f"counts has {n_neurons:,} neurons in {n_bins:,} bins; is it counts.T, time first?"),
        (largest >= 5 and counts.size >= 100, f"all counts are multiples of {largest}; are they rates, not counts?"),
    ):
        if odd:
            warnings.warn(words, UserWarning, stacklevel=3)


def _read_npz(file: Path) -> dict[str, NDArray[Any]]:
    # The zip and array parsers raise a dozen kinds of error on a damaged file; to the user they are one.
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:
        if "Object arrays" in str(error):
            raise ValueError(
                f"{str(file)!r} holds pickled objects, which can execute code and are not read; store plain arrays: spikes "
                "as spike_times [n] in seconds and spike_neurons [n], names and units as lists of strings"
            ) from error
        raise ValueError(f"{str(file)!r} is damaged, truncated or no .npz file: {error}") from error


def _read_mat(file: Path) -> dict[str, NDArray[Any]]:
    import scipy.io
    import scipy.sparse

    try:
        contents = scipy.io.loadmat(file)
    except NotImplementedError as error:
        raise ValueError(
            f"{str(file)!r} is a MATLAB v7.3 (HDF5) file; convert it in MATLAB with "
            "save('converted.mat', '-struct', 'contents', '-v7') after contents = load(...)"
        ) from error
    except Exception as error:
        raise ValueError(f"{str(file)!r} is damaged, truncated or no MATLAB file: {error}") from error
    return {key: value.toarray() if scipy.sparse.issparse(value) else value for key, value in contents.items()}


def _from_npz(contents: Mapping[str, NDArray[Any]]) -> SpikeRecording:
    spikes = () if "spike_times" in contents or "spike_neurons" in contents else ("counts",)
    _require(contents, (*spikes, "covariates", "covariate_names", "bin_width"), NPZ_CONTENTS)
    covariates, names = contents["covariates"], [str(name) for name in contents["covariate_names"].ravel()]
    bin_width = _scalar(contents, "bin_width")
    start = _scalar(contents, "start") if "start" in contents else 0.0
    neuron_names = [str(name) for name in contents.get("neuron_names", np.empty(0)).ravel()]
    times = None
    if not spikes:
        _require(contents, ("spike_times", "spike_neurons"), NPZ_CONTENTS)
        n_neurons = contents["counts"].shape[-1] if "counts" in contents else len(neuron_names)
        times = _by_neuron(contents["spike_times"], contents["spike_neurons"], n_neurons)
    counts = contents.get("counts")
    if counts is None and times is not None:
        counts = bin_spikes(times, bin_width, start, start + len(covariates) * bin_width)
    units = contents.get("units", np.empty(0)).ravel()
    return SpikeRecording(
        counts=np.asarray(counts),
        covariates=covariates,
        covariate_names=names,
        bin_width=bin_width,
        neuron_names=neuron_names,
        units={name: str(unit) for name, unit in zip(names, units, strict=False) if unit},
        rates=contents.get("rates"),
        spike_times=times,
        start=start,
    )


def _from_mat(contents: Mapping[str, NDArray[Any]]) -> SpikeRecording:
    by_row = "handPos" in contents
    position, velocity = ("handPos", "handVel") if by_row else ("pos", "vel")
    _require(contents, ("spikes", position, velocity), MAT_CONTENTS)
    counts, parts = contents["spikes"], [contents[position], contents[velocity]]
    if by_row:
        counts, parts = counts.T, [part.T for part in parts]
    lengths = {"spikes": len(counts), position: len(parts[0]), velocity: len(parts[1])}
    if len(set(lengths.values())) > 1:
        stated = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise ValueError(f"{stated} bins; they must be equally many ({MAT_CONTENTS})")
    names: list[str] = []
    columns: list[NDArray[Any]] = []
    for quantity, part in zip(("position", "velocity"), parts, strict=True):
        if part.ndim != 2 or not 1 <= part.shape[1] <= 3:
            raise ValueError(f"{quantity} has {part.shape[-1]} axes; 1 to 3 are accepted ({MAT_CONTENTS})")
        for axis, values in zip("xyz", part.T, strict=False):
            if axis != "z" or np.ptp(values) > 0:
                names.append(f"{quantity}_{axis}")
                columns.append(values)
    bin_width, start = _clock(contents["time"].ravel(), len(counts)) if "time" in contents else (0.05, 0.0)
    return SpikeRecording(counts, np.stack(columns, axis=1), names, bin_width, start=start)


def _clock(time: NDArray[Any], n_bins: int) -> tuple[float, float]:
    """Bin width to the microsecond and start, from the bins' times; the median step survives gaps and jitter."""
    if len(time) != n_bins or n_bins < 2:
        raise ValueError(f"time has {len(time):,} entries and spikes {n_bins:,} bins; both must be equal, 2 or more")
    steps = np.diff(time.astype(np.float64))
    backwards = ~(steps > 0)
    if backwards.any():
        raise ValueError(f"time does not increase at time[{int(backwards.argmax()) + 1}]")
    return round(float(np.median(steps)), 6), float(time[0])


def _by_neuron(times: NDArray[Any], neurons: NDArray[Any], n_neurons: int) -> list[NDArray[Any]]:
    if times.ndim != 1 or times.shape != neurons.shape:
        raise ValueError(
            f"spike_times has shape {list(times.shape)} and spike_neurons {list(neurons.shape)}; both are [n]"
        )
    if neurons.dtype.kind not in "iu":
        raise TypeError(f"spike_neurons holds {neurons.dtype} values; whole numbers 0 .. N-1 are needed")
    if len(neurons) and neurons.min() < 0:
        raise ValueError(f"spike_neurons[{int(neurons.argmin())}] is {neurons.min()}; neurons are numbered from 0")
    highest = int(neurons.max(initial=0))
    if n_neurons and highest >= n_neurons:
        raise ValueError(f"spike_neurons[{int(neurons.argmax())}] is {highest}, but there are {n_neurons} neurons")
    order = np.argsort(neurons, kind="stable")
    n_spikes = np.bincount(neurons.astype(np.int64), minlength=n_neurons or 1)
    return np.split(times[order], np.cumsum(n_spikes)[:-1])


def _scalar(contents: Mapping[str, NDArray[Any]], name: str) -> float:
    value = contents[name]
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be one number of seconds, found shape {list(value.shape)} of {value.dtype}")
    return float(value.ravel()[0])


def _require(contents: Mapping[str, Any], keys: tuple[str, ...], accepted: str) -> None:
    missing = [key for key in keys if key not in contents]
    if missing:
        found = ", ".join(key for key in contents if not key.startswith("__")) or "nothing"
        are = "is" if len(missing) == 1 else "are"
        raise ValueError(f"{', '.join(missing)} {are} missing; found {found}; accepted are {accepted}")
