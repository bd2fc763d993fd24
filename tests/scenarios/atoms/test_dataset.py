"""Data sets of atoms: checked when made, whole on disk, and never split within a group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probcost.scenarios import atoms
from tests.conftest import SHARED


@pytest.fixture(scope="module")
def dataset() -> atoms.AtomDataset:
    return atoms.simulate_molecule(n=400)


def test_saved_and_loaded_it_is_the_same(dataset: atoms.AtomDataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "set.npz")
    again = atoms.load(tmp_path / "set.npz")
    for name in ("x", "y", "residue", "group", "split"):
        np.testing.assert_array_equal(getattr(again, name), getattr(dataset, name))
    assert list(again.residue_names) == list(dataset.residue_names)
    assert list(again.feature_names) == list(dataset.feature_names)
    assert [p.name for p in tmp_path.iterdir()] == ["set.npz"]


def test_groups_are_never_split_and_roles_get_their_share() -> None:
    group = np.random.default_rng(0).integers(0, 90, 3000)
    split = atoms.assign_split(group, seed=1)
    assert all(len(np.unique(split[group == g])) == 1 for g in range(90))
    np.testing.assert_allclose(np.bincount(split) / 3000, [0.7, 0.1, 0.2], atol=0.02)
    assert not np.array_equal(split, atoms.assign_split(group, seed=2))


def test_rows_of_roles_and_selections(dataset: atoms.AtomDataset) -> None:
    parts = [dataset.rows(role) for role in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts)) == list(range(400))
    assert len(dataset.select(parts[2])) == len(parts[2])
    assert "400 atoms (280 train, 40 validation, 80 test) of 5 types" in repr(dataset)
    with pytest.raises(ValueError, match="unknown role 'dev'; choose one of 'train'"):
        dataset.rows("dev")


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[3, 1] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"y": d.y[:-1]}, r"x has shape \[400, 12\] and y \[399, 3\]"),
        (lambda d: {"y": with_nan(d.y)}, r"y\[3, 1\] is not finite"),
        (lambda d: {"x": with_nan(d.x)}, r"x\[3, 1\] is not finite"),
        (lambda d: {"feature_names": ["a"]}, "feature_names has 1 names and x has 12"),
        (lambda d: {"split": d.split + 3}, "split holds 3 … 5; 0 … 2"),
        (lambda d: {"split": d.split + 0.5}, r"split\[0\] is \d\.5; whole numbers are needed"),
        (lambda d: {"residue": -1 - d.residue}, "residue holds -6 … -1; 0 … 5"),
        (lambda d: {"group": d.group.astype(str)}, "group holds <U21; whole numbers"),
        (lambda d: {"x": d.x.astype(str)}, "x holds <U32; numbers are needed"),
        (lambda d: {"y": d.y.astype(float) * 1e60}, r"y\[0, 0\] is not finite"),
        (lambda d: {"residue": d.residue[:5]}, r"residue has shape \[5\] and x has 400 rows"),
    ],
)
def test_what_does_not_fit_is_named(dataset: atoms.AtomDataset, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(dataset, **change(dataset))


def test_lists_and_doubles_become_float32(dataset: atoms.AtomDataset) -> None:
    again = replace(dataset, x=dataset.x.astype(float), y=dataset.y.tolist(), split=dataset.split.astype(float))
    assert again.x.dtype == again.y.dtype == np.float32
    np.testing.assert_array_equal(again.y, dataset.y)
    np.testing.assert_array_equal(again.rows("test"), dataset.rows("test"))


@pytest.mark.parametrize("name", ["sidechain_tip", "sidechain_gamma"])
def test_the_side_chain_sets(name: str) -> None:
    path = SHARED / "data" / "atoms" / f"{name}.npz"
    if not path.exists():
        pytest.skip("the side-chain sets are not here: they lie in ../shared/data/atoms on the developers' machines")
    dataset = atoms.load(path)
    assert [len(dataset.rows(role)) for role in ("train", "validation", "test")] == [9763, 1401, 2746]
    assert dataset.x.shape == (13910, 169)
    assert len(dataset.residue_names) == 18
    roles = {g: set(dataset.split[dataset.group == g]) for g in np.unique(dataset.group)}
    assert all(len(found) == 1 for found in roles.values())


def test_files_that_are_no_data_set(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    with pytest.raises(FileNotFoundError, match="no file"):
        atoms.load(path)
    path.write_bytes(b"PK not a zip file")
    with pytest.raises(ValueError, match="cannot be read as an"):
        atoms.load(path)
    np.savez(path, x=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="has no array 'y'; it holds x"):
        atoms.load(path)
    np.savez(path, x=np.array(["a", "b"]), y=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="numbers are needed"):
        atoms.load(path)
    np.savez(path, x=np.array([{}, {}], dtype=object), y=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="plain arrays"):
        atoms.load(path)
    atoms.simulate_molecule(n=100).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="cannot be read"):
        atoms.load(path)


def test_labels_that_are_missing_are_made(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.normal(size=(90, 4)), y=rng.normal(size=(90, 3)), chain=np.repeat(["A", "B", "C"], 30))
    dataset = atoms.load(path)
    assert list(np.unique(dataset.group)) == [0, 1, 2]
    assert list(dataset.feature_names) == ["feature 0", "feature 1", "feature 2", "feature 3"]
    assert set(np.unique(dataset.split)) == {0, 1, 2}
