"""Data sets of faces: checked when made, parted by people, and whole on disk."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probcost.scenarios import faces

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 8, 6), dtype=np.uint8)
PERSON = np.repeat(np.arange(4), 3)


@pytest.fixture
def dataset() -> faces.FaceDataset:
    return faces.FaceDataset(IMAGES, PERSON, condition={"yaw": np.arange(12.0)}, path=[f"{t}.png" for t in range(12)])


def test_photos_become_fractions_and_keep_their_bytes(dataset: faces.FaceDataset) -> None:
    assert dataset.images.dtype == np.uint8
    assert dataset.x.shape == (12, 1, 8, 6)
    assert dataset.x.dtype == np.float32
    np.testing.assert_allclose(dataset.x[:, 0], IMAGES / 255, rtol=1e-6)
    again = replace(dataset, images=IMAGES / 255)
    assert again.images.dtype == np.float32
    np.testing.assert_allclose(again.x, dataset.x, rtol=1e-6)
    colour = replace(dataset, images=np.repeat(IMAGES[:, None], 3, axis=1))
    assert colour.x.shape == (12, 3, 8, 6)
    assert "8 × 6 pixels × 3 channels" in repr(colour)
    assert dataset.y.shape == (12, 1)
    assert dataset.size == (8, 6)


def test_folds_are_the_protocols() -> None:
    person = np.repeat(np.arange(23), 2)
    dataset = faces.FaceDataset(RNG.integers(0, 256, (46, 8, 8), dtype=np.uint8), person)
    for k, (train, test) in enumerate(dataset.folds(5)):
        np.testing.assert_array_equal(test, np.flatnonzero(person % 5 == k))
        assert sorted([*train, *test]) == list(range(46))
        assert not set(person[train]) & set(person[test])
    with pytest.raises(ValueError, match="12 folds of 23 people would test 1 … 2 people"):
        dataset.folds(12)
    with pytest.raises(ValueError, match="n is 1; whole numbers from 2"):
        dataset.folds(1)


def test_selected_photos_keep_what_is_known_of_them(dataset: faces.FaceDataset) -> None:
    for rows in (np.array([7, 1, 0]), np.isin(np.arange(12), [0, 1, 7])):
        part = dataset.select(rows)
        wanted = np.arange(12)[rows]
        np.testing.assert_array_equal(part.images, IMAGES[wanted])
        np.testing.assert_array_equal(part.condition["yaw"], wanted)
        assert part.path == [f"{t}.png" for t in wanted]
        assert [part.person_names[i] for i in part.person] == [f"person {t // 3}" for t in wanted]


def test_resizing_takes_means() -> None:
    tall = faces.FaceDataset(IMAGES, PERSON).resize((4, 3))
    means = IMAGES.reshape(12, 4, 2, 3, 2).mean((2, 4))
    np.testing.assert_allclose(tall.images, means, atol=1.0)  # rounded once along each side
    as_floats = faces.FaceDataset(IMAGES / 255, PERSON).resize((4, 3))
    np.testing.assert_allclose(as_floats.images, means / 255, atol=1e-6)
    colour = faces.FaceDataset(np.repeat(IMAGES[:, None], 3, axis=1), PERSON).resize((4, 3))
    np.testing.assert_array_equal(colour.images[:, 1], tall.images)
    with pytest.raises(ValueError, match=r"size is \(0, 3\)"):
        faces.FaceDataset(IMAGES, PERSON).resize((0, 3))


def test_saved_and_loaded_it_is_the_same(dataset: faces.FaceDataset, tmp_path: Path) -> None:
    for original in (dataset, replace(dataset, images=IMAGES / 255, path=None, condition={})):
        original.save(tmp_path / "set.npz")
        again = faces.load(tmp_path / "set.npz")
        np.testing.assert_array_equal(again.images, original.images)
        np.testing.assert_array_equal(again.person, original.person)
        assert again.person_names == original.person_names
        assert again.path == original.path
        assert again.condition.keys() == original.condition.keys()
    assert [p.name for p in tmp_path.iterdir()] == ["set.npz"]


def test_a_person_with_one_photo_is_accepted_and_said() -> None:
    dataset = faces.FaceDataset(IMAGES[:4], [0, 0, 2, 3], person_names=["ann", "bob", "cid", "dot"])
    assert dataset.alone.tolist() == [2, 3]
    assert "2 with one photo only, never an anchor: cid, dot" in repr(dataset)
    assert "3 people with 1 … 2 each" in repr(dataset)


def test_one_photo_under_two_names_is_warned_of(dataset: faces.FaceDataset) -> None:
    images = IMAGES.copy()
    images[1], images[10] = images[0], images[2]
    with pytest.warns(
        UserWarning, match=r"one of them is wrong: 2\.png \(person 0\) and 10\.png \(person 3\)$"
    ) as seen:
        replace(dataset, images=images)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images[10] = IMAGES[10]
        replace(dataset, images=images)  # twice under one name is no contradiction


def with_nan(images: np.ndarray) -> np.ndarray:
    images = images / 255
    images[3, 1, 2] = np.nan
    return images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": with_nan(IMAGES)}, r"images\[3, 1, 2\] is nan; whole numbers 0 … 255 or fractions 0 … 1"),
        ({"images": IMAGES / 254}, r"images\[\d+, \d, \d\] is 1\.00\d+; "),
        ({"images": IMAGES.astype(int) - 1}, r"images\[\d+, \d, \d\] is -1; "),
        ({"images": IMAGES[:0]}, r"images has shape \[0, 8, 6\]"),
        ({"images": IMAGES[0]}, r"images has shape \[8, 6\]"),
        ({"images": IMAGES.astype(str)}, "images holds <U"),
        ({"images": IMAGES[:-1]}, r"images has 11 photos and person has shape \[12\]"),
        ({"person": np.zeros(12, int)}, "all 12 photos are of one person"),
        ({"person": PERSON - 1}, r"person\[0\] is -1; whole numbers from 0"),
        ({"person": PERSON + 0.5}, r"person\[0\] is 0\.5; whole numbers from 0"),
        ({"person": PERSON * np.nan}, r"person\[0\] is nan"),
        ({"person_names": ["a", "b", "c"]}, r"person\[9\] is 3 and person_names has 3 names"),
        ({"condition": {"yaw": np.zeros(5)}}, r"condition 'yaw' has shape \[5\] and there are 12 photos"),
        ({"path": ["a.png"]}, "path has 1 entries and there are 12 photos"),
    ],
)
def test_what_does_not_fit_is_named(dataset: faces.FaceDataset, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(dataset, **change)


def test_one_number_is_both_height_and_width() -> None:
    dataset = faces.FaceDataset(IMAGES, PERSON)
    assert np.array_equal(dataset.resize(4).images, dataset.resize((4, 4)).images)
    for size in (0, 2.5, "large", (4,), (4, 4, 4), True, None):
        with pytest.raises(ValueError, match="in whole pixels, or one number for both, is needed"):
            dataset.resize(size)  # type: ignore[arg-type]


def test_duplicates_are_warned_of_once() -> None:
    images = np.concatenate([IMAGES, IMAGES[:1]])
    person = np.append(PERSON, PERSON[0] + 1)
    with pytest.warns(UserWarning, match="the same photo is there under different people"):
        dataset = faces.FaceDataset(images, person)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.select(slice(None))
        dataset.resize((4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces.FaceDataset(images, person, warn_of_duplicates=False)
