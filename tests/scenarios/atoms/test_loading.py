"""Files of atoms: what is damaged says so and is named, nothing is executed, nothing on disk is lost."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from probcost.scenarios import atoms

RNG = np.random.default_rng(0)
ARRAYS: dict[str, Any] = {"x": RNG.normal(size=(90, 4)), "y": RNG.normal(size=(90, 3))}


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **{**ARRAYS, **arrays})
    return folder / "set.npz"


def saved(folder: Path) -> Path:
    atoms.simulate_molecule(200).save(folder / "set.npz")
    return folder / "set.npz"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_truncated_files_say_so(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"set.npz' cannot be read as an .npz file"):
        atoms.load(path)


@pytest.mark.parametrize("share", np.linspace(0.05, 0.75, 8))
def test_a_flipped_bit_is_noticed(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="cannot be read as an"):
        atoms.load(path)


def test_files_of_another_kind_are_told_where_they_belong(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("age,strength\n28,40\n")
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    for name in ("table.csv", "x.npy"):
        with pytest.raises(
            ValueError, match=rf"{name}' is no .npz file: arrays x .* and y .*; for a table .* see probcost.regress"
        ):
            atoms.load(tmp_path / name)


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
    with pytest.raises(ValueError, match="plain arrays"):
        atoms.load(write(tmp_path, y=np.array([bomb, bomb], dtype=object)))
    assert not bomb.path.exists()


@pytest.mark.parametrize(("module", "step"), [(np, "savez_compressed"), (os, "fsync"), (os, "replace")])
def test_a_save_cut_short_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()

    def full_disk(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, step, full_disk)
    with pytest.raises(OSError, match="no space"):
        atoms.simulate_molecule(100).save(path)
    assert path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["set.npz"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros((89, 3))}, r"x has shape \[90, 4\] and y \[89, 3\]"),
        ({"x": np.zeros(90)}, r"x has shape \[90\] and y \[90, 3\]"),
        ({"x": np.float64(1.0)}, r"x has shape \[\]"),
        ({"x": np.zeros((0, 4)), "y": np.zeros((0, 3))}, r"x has shape \[0, 4\] and y \[0, 3\]"),
        ({"x": np.full((90, 4), np.inf)}, r"x\[0, 0\] is not finite"),
        ({"feature_names": ["a", "b"]}, "feature_names has 2 names and x has 4 columns"),
        ({"split": np.full(90, 300)}, "split holds 300 … 300; 0 … 2 have a meaning"),
        ({"split": np.where(np.arange(90) == 7, 0.5, 0.0)}, r"split\[7\] is 0.5; whole numbers"),
        ({"res_id": np.full(90, np.nan)}, r"res_id\[0\] is nan; whole numbers"),
        ({"residue": np.arange(90), "residue_names": ["LEU"]}, "residue holds 0 … 89; 0 … 0 have a meaning"),
        ({"chain": np.zeros(3, int)}, r"chain has shape \[3\] and x has 90 rows"),
    ],
)
def test_arrays_that_do_not_fit_are_named_with_their_file(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"set.npz': {message}"):
        atoms.load(write(tmp_path, **arrays))


def test_words_are_labels(tmp_path: Path) -> None:
    kinds = np.tile(["LEU", "ARG", "SER"], 30)
    assert list(atoms.load(write(tmp_path)).residue_names) == ["atom"]
    dataset = atoms.load(write(tmp_path, residue=kinds))
    assert [dataset.residue_names[i] for i in dataset.residue] == kinds.tolist()


def test_what_is_measured_with_the_location_is_no_input(tmp_path: Path) -> None:
    plain = atoms.load(write(tmp_path))
    noted = atoms.load(write(tmp_path, b=np.ones(90), b_ca=np.ones(90), resolution=np.ones(90), atom_names=["CZ"]))
    np.testing.assert_array_equal(noted.x, plain.x)
    assert list(noted.feature_names) == list(plain.feature_names)


def test_clusters_stay_together(tmp_path: Path) -> None:
    cluster = np.repeat(np.arange(9), 10)
    dataset = atoms.load(write(tmp_path, cluster=cluster, chain=np.repeat(np.arange(18), 5)))
    np.testing.assert_array_equal(dataset.group, cluster)
    assert all(len(np.unique(dataset.split[cluster == c])) == 1 for c in range(9))


@pytest.mark.parametrize("sizes", [[5, 5, 5], [100, 1, 1], [1, 100, 30, 60], [300, *[5] * 40]])
def test_roles_get_what_uneven_groups_allow(sizes: list[int]) -> None:
    group = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(5):
        filled = np.bincount(atoms.assign_split(group, seed), minlength=3)
        assert (filled > 0).all()
        assert len(sizes) < 10 or filled[0] >= 300


def test_roles_get_the_shares_that_are_asked_for() -> None:
    group = np.repeat(np.arange(100), 10)
    for fractions in ((0.5, 0.25, 0.25), (0.8, 0.0, 0.2), (1.0, 0.0, 0.0)):
        filled = np.bincount(atoms.assign_split(group, fractions=fractions), minlength=3)
        np.testing.assert_allclose(filled / 1000, fractions, atol=0.011)


def test_shares_that_are_none_are_refused() -> None:
    for fractions in ((0.5, 0.5), (0.7, 0.2, 0.2), (1.2, -0.2, 0.0), (np.nan, 0.5, 0.5)):
        with pytest.raises(ValueError, match="the shares of train, validation, test are needed, adding up to 1"):
            atoms.assign_split([0, 1, 2], fractions=fractions)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"group has shape \[3, 2\]; one label a row"):
        atoms.assign_split(np.zeros((3, 2)))
