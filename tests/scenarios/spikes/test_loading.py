"""Files in and out: what is documented loads, what is damaged says so, nothing is executed, nothing on disk is lost."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from probcost.scenarios.spikes.binning import bin_spikes
from probcost.scenarios.spikes.loading import load, save
from probcost.scenarios.spikes.recording import SpikeRecording
from probcost.scenarios.spikes.simulate import simulate_motorcycle

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(0.5, (40, 3))
X = RNG.normal(size=(40, 2))
NPZ: dict[str, Any] = {"counts": COUNTS, "covariates": X, "covariate_names": ["a", "b"], "bin_width": 0.02}
TIMES = RNG.uniform(5.0, 5.8, 60)
NEURONS = RNG.integers(0, 3, 60)
FLAT: dict[str, Any] = {
    **{k: v for k, v in NPZ.items() if k != "counts"},
    "spike_times": TIMES,
    "spike_neurons": NEURONS,
    "start": 5.0,
}


def write_npz(folder: Path, contents: dict[str, Any]) -> Path:
    np.savez(folder / "ride.npz", **contents)
    return folder / "ride.npz"


def write_mat(folder: Path, contents: dict[str, Any]) -> Path:
    scipy.io.savemat(folder / "reach.mat", contents)
    return folder / "reach.mat"


def planar() -> dict[str, Any]:
    hand = RNG.normal(size=(3, 40))
    hand[2] = 0
    time = 12.591 + np.round(0.05 * np.arange(40) + RNG.uniform(-4e-4, 4e-4, 40), 4)
    return {"spikes": COUNTS.T, "handPos": hand, "handVel": 2 * hand, "time": time}


def test_counts_in_an_npz(tmp_path: Path) -> None:
    got = load(write_npz(tmp_path, NPZ))
    assert (got.counts == COUNTS).all()
    assert (got.covariates == X).all()
    assert got.covariate_names == ("a", "b")
    assert (got.bin_width, got.start, got.spike_times, got.rates) == (0.02, 0.0, None, None)


def test_flat_spike_times_in_an_npz(tmp_path: Path) -> None:
    got = load(write_npz(tmp_path, FLAT))
    assert (got.counts == bin_spikes([TIMES[i == NEURONS] for i in range(3)], 0.02, 5.0, 5.8)).all()
    named = load(write_npz(tmp_path, {**FLAT, "neuron_names": ["p", "q", "r", "silent"]}))
    assert named.counts.shape == (40, 4)
    assert named.counts[:, 3].sum() == 0


def test_save_then_load_changes_nothing(tmp_path: Path) -> None:
    ride = simulate_motorcycle(5, 20.0, seed=3).select(np.arange(100, 300))
    save(ride, tmp_path / "ride.npz")
    got = load(tmp_path / "ride.npz")
    assert repr(got) == repr(ride)
    assert (got.counts == ride.counts).all()
    assert (got.covariates == ride.covariates).all()
    assert got.rates is not None
    assert (got.rates == ride.rates).all()
    assert (got.covariate_names, got.neuron_names, got.units) == (ride.covariate_names, ride.neuron_names, ride.units)
    assert (got.bin_width, got.start) == (ride.bin_width, ride.start)
    assert got.spike_times is not None
    assert ride.spike_times is not None
    for mine, theirs in zip(got.spike_times, ride.spike_times, strict=True):
        assert (mine == theirs).all()
    assert [path.name for path in tmp_path.iterdir()] == ["ride.npz"]


@pytest.mark.parametrize(("module", "step"), [(np, "savez_compressed"), (os, "fsync"), (os, "replace")])
def test_a_save_cut_short_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    path = write_npz(tmp_path, NPZ)
    before = path.read_bytes()

    def full_disk(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    recording = load(path)
    monkeypatch.setattr(module, step, full_disk)
    with pytest.raises(OSError, match="no space"):
        save(recording, path)
    assert path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["ride.npz"]


def test_hand_positions_by_row(tmp_path: Path) -> None:
    contents = planar()
    got = load(write_mat(tmp_path, contents))
    assert got.covariate_names == ("position_x", "position_y", "velocity_x", "velocity_y")
    assert (got.covariates == np.vstack([contents["handPos"][:2], contents["handVel"][:2]]).T).all()
    assert (got.counts == COUNTS).all()
    assert got.bin_width == pytest.approx(0.05, abs=3e-4)
    assert got.start == contents["time"][0]


def test_a_third_dimension_that_moves_is_kept(tmp_path: Path) -> None:
    contents = planar()
    contents["handPos"][2] = np.arange(40)
    assert load(write_mat(tmp_path, contents)).covariate_names[2] == "position_z"


def test_positions_by_column_without_time(tmp_path: Path) -> None:
    got = load(write_mat(tmp_path, {"spikes": scipy.sparse.csc_matrix(COUNTS.astype(float)), "pos": X, "vel": -X}))
    assert (got.counts == COUNTS).all()
    assert (got.covariates == np.hstack([X, -X])).all()
    assert got.bin_width == 0.05


def test_m1(m1_file: Path) -> None:
    got = load(m1_file)
    assert repr(got).startswith("SpikeRecording: 171 neurons, 4 covariates, 776.8 s in 50 ms bins, mean 0.8")
    raw = scipy.io.loadmat(m1_file)
    assert (got.counts == raw["spikes"].T).all()
    assert (got.covariates == np.vstack([raw["handPos"][:2], raw["handVel"][:2]]).T).all()


@pytest.mark.parametrize("missing", ["covariates", "covariate_names", "bin_width", "counts"])
def test_missing_keys(tmp_path: Path, missing: str) -> None:
    path = write_npz(tmp_path, {k: v for k, v in NPZ.items() if k != missing})
    with pytest.raises(ValueError, match=rf"ride.npz'.*{missing} is missing; found .*accepted are counts \[T, N\]"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spike_neurons": NEURONS[:5]}, r"spike_times has shape \[60\] and spike_neurons \[5\]"),
        ({"spike_neurons": NEURONS - 5}, r"spike_neurons\[\d+\] is -5"),
        ({"spike_neurons": NEURONS + 0.5}, "spike_neurons holds float64"),
        ({"neuron_names": ["only"]}, r"spike_neurons\[\d+\] is 2, but there are 1 neurons"),
        ({"spike_times": TIMES + 1}, "lies outside the recording"),
        ({"counts": COUNTS}, "spike_times do not bin into counts"),
        ({"bin_width": [0.02, 0.02]}, "bin_width must be one number of seconds"),
        ({"bin_width": "fast"}, "bin_width must be one number of seconds"),
        ({"covariate_names": ["a"]}, "covariate_names is 1 names, but there are 2"),
    ],
)
def test_contents_that_make_no_recording(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"ride.npz': .*{message}"):
        load(write_npz(tmp_path, {**FLAT, **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikes": COUNTS}, "spikes has 3, handPos has 40, handVel has 40 bins"),
        ({"handVel": X}, "spikes has 40, handPos has 40, handVel has 2 bins"),
        ({"handPos": np.ones((4, 40))}, "position has 4 axes"),
        ({"time": np.arange(39)}, "time has 39 entries and spikes 40 bins"),
        ({"time": np.zeros(40)}, r"time does not increase at time\[1\]"),
        ({"spikes": COUNTS.T - 0.5}, r"counts\[0, 0\] is -?\d.5; counts are whole"),
    ],
)
def test_matlab_contents_that_make_no_recording(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"reach.mat': .*{message}"):
        load(write_mat(tmp_path, {**planar(), **changes}))


def test_a_matlab_file_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"spikes, pos, vel are missing; found lfp; accepted are spikes \[N, T\]"):
        load(write_mat(tmp_path, {"lfp": X}))


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    whole = write_npz(tmp_path, NPZ) if suffix == ".npz" else write_mat(tmp_path, planar())
    data = whole.read_bytes()
    whole.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=f"{whole.name}.*(damaged, truncated|missing)"):
        load(whole)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    save(simulate_motorcycle(3, 20.0), tmp_path / "ride.npz")
    data = bytearray((tmp_path / "ride.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "ride.npz").write_bytes(bytes(data))
    with pytest.raises(ValueError, match="damaged, truncated"):
        load(tmp_path / "ride.npz")


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickled_objects_are_not_executed(tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "exploded")
    pickle.loads(pickle.dumps(bomb))
    bomb.path.unlink()  # the bomb works
    times = np.array([bomb, bomb, bomb], dtype=object)
    with pytest.raises(ValueError, match=r"execute code .* plain arrays: spikes as spike_times"):
        load(write_npz(tmp_path, {**FLAT, "spike_times": times}))
    assert not bomb.path.exists()


def test_hdf5_matlab_files_say_how_to_convert(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n"
    (tmp_path / "new.mat").write_bytes(header.ljust(1024, b"\0"))
    with pytest.raises(ValueError, match=r"v7.3 \(HDF5\) file; convert it .*-v7"):
        load(tmp_path / "new.mat")


def test_no_such_file_and_unknown_kinds(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*nowhere.npz'"):
        load(tmp_path / "nowhere.npz")
    (tmp_path / "ride.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"ride.csv' has the suffix '.csv'; accepted are .npz and .mat"):
        load(tmp_path / "ride.csv")
    with pytest.raises(ValueError, match=r"recordings are saved as \.npz"):
        save(SpikeRecording(COUNTS, X, ["a", "b"], 0.02), tmp_path / "ride.mat")


def written(folder: Path, counts: Any, bin_width: float) -> Path:
    contents = {"covariates": np.arange(len(counts))[:, None], "covariate_names": ["x"]}
    return write_npz(folder, {"counts": counts, "bin_width": bin_width, **contents})


@pytest.mark.parametrize(
    ("change", "bin_width", "message"),
    [
        (lambda counts: counts, 50.0, "was it in milliseconds"),
        (lambda counts: 20 * counts, 0.05, "all counts are multiples of 20; are they rates"),
        (lambda counts: counts[:2].repeat(9, axis=1), 0.05, r"neurons in 2 bins; is it counts.T"),
    ],
)
def test_slips_of_units_and_axes_are_warned_of(tmp_path: Path, change: Any, bin_width: float, message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        load(written(tmp_path, change(COUNTS), bin_width))


@pytest.mark.parametrize(
    ("mean", "shape", "bin_width"),
    [
        (40.0, (365, 3), 86_400.0),  # calls a day
        (3.0, (300, 2), 60.0),  # visits a minute
        (20.0, (300, 1), 5.0),  # spikes in five seconds
        (0.5, (100, 156), 0.05),  # many neurons, for five seconds
    ],
)
def test_what_is_no_slip_is_not_warned_of(
    tmp_path: Path, mean: float, shape: tuple[int, int], bin_width: float
) -> None:
    counts = np.random.default_rng(0).poisson(mean, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = load(written(tmp_path, counts, bin_width))
        recording.select([0, 1])
