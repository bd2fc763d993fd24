"""Photos from disk or memory: a folder of people, an ``.npz``, or the arrays of a fetcher."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.dataset import FaceDataset
from probcost.scenarios.faces.pictures import read_grey, resized

__all__ = ["from_arrays", "load", "load_folder", "load_npz"]

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_NUMBERS_KEPT = 1_000_000  # above, labels are some register's numbers: they become names


def load(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> FaceDataset:
    """Photos in a folder (`load_folder`) or an ``.npz`` file (`load_npz`), at ``size`` ``(h, w)`` where given.

    Raises:
        FileNotFoundError: where there is neither.
        ValueError: as the two raise it.

    Example:
        >>> photos = faces.simulate_faces(n_people=6, n_photos=4, size=(24, 20))
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     photos.save(f"{folder}/photos.npz")
        ...     faces.load(f"{folder}/photos.npz", size=(12, 10)).x.shape
        (24, 1, 12, 10)
    """
    if Path(path).is_dir():
        return load_folder(path, size)
    dataset = load_npz(path)
    return dataset if size is None else dataset.resize(size)


def load_npz(path: str | os.PathLike[str]) -> FaceDataset:
    """Photos in an ``.npz`` file.

    Needed: ``images`` ``[n, h, w]`` (or ``[n, c, h, w]``) and ``labels`` ``[n]``, numbers or words. Used where there: ``names``
    of the people, ``path`` of each photo, and all arrays ``condition_…`` that `FaceDataset.save` writes.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a damaged file, a missing array, or arrays that do not fit each other.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/photos.npz", images=np.random.rand(4, 24, 20), labels=["Ada", "Ada", "Ben", "Ben"])
        ...     load_npz(f"{folder}/photos.npz").person_names
        ['Ada', 'Ben']
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file or folder {os.fspath(path)!r}")
    # The zip and array parsers raise a dozen kinds of error on a damaged file; to the user they are one.
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be read as an .npz file of plain arrays: {error}") from error
    missing = [name for name in ("images", "labels") if name not in arrays]
    if missing:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise ValueError(f"{os.fspath(path)!r} has no array {missing[0]!r}; it holds {held}")
    known = {name: arrays[f"condition_{name}"] for name in _conditions(arrays)}
    names = arrays["names"].ravel().tolist() if "names" in arrays else None
    files = arrays["path"].ravel().tolist() if "path" in arrays else None
    try:
        return _dataset(arrays["images"], arrays["labels"], names, condition=known, path=files)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r}: {error}") from error


def load_folder(folder: str | os.PathLike[str], size: tuple[int, int] | None = None) -> FaceDataset:
    """Grey photos from ``folder/person/photo.jpg``: each folder within is a person, of that name.

    People are counted in the order one reads: ``s2`` before ``s10``. Folders within a person's are read too; hidden files,
    and files that are no pictures by their names, are left alone. A person's folder without a picture is left out, with a
    warning.

    Args:
        folder: where the people's folders lie.
        size: ``(h, w)`` to bring every photo to; None where all are of one size already.

    Raises:
        FileNotFoundError: where there is no such folder.
        ValueError: where there are no pictures, or some cannot be read or differ in size: all of them in one message.
        ImportError: where Pillow is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for person in ("Ada", "Ben"):
        ...         (Path(folder) / person).mkdir()
        ...         Image.effect_noise((20, 24), 50).save(Path(folder) / person / "1.png")
        ...     load_folder(folder).person_names
        ['Ada', 'Ben']
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {os.fspath(folder)!r}")
    people = sorted((p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")), key=_as_read)
    files = {person: _pictures(person) for person in people}
    empty = [person.name for person in people if not files[person]]
    people = [person for person in people if files[person]]
    if not people:
        raise ValueError(
            f"{os.fspath(folder)!r} holds no folders with pictures; person/photo.jpg is looked for within it"
        )
    if empty:
        warnings.warn(f"left out, for want of a picture: {_listed(empty)}", UserWarning, stacklevel=2)
    photos, bad = _read([file for person in people for file in files[person]], size)
    if bad:
        raise ValueError(f"{len(bad)} pictures in {os.fspath(folder)!r} cannot be read: {_listed(bad)}")
    _require_one_size(photos)
    return FaceDataset(
        images=np.stack(list(photos.values())),
        person=np.repeat(np.arange(len(people)), [len(files[person]) for person in people]),
        person_names=[person.name for person in people],
        path=[os.fspath(file) for file in photos],
    )


def from_arrays(images: Any, labels: Any, names: Sequence[str] | None = None) -> FaceDataset:
    """Photos in arrays, such as ``images``, ``target`` and ``target_names`` of scikit-learn's Olivetti and LFW fetchers.

    Args:
        images: ``[n, h, w]``, ``[n, c, h, w]`` or ``[n, h, w, 3]``; whole numbers 0 … 255, fractions 0 … 1, or numbers with
            fractions 0 … 255.
        labels: whose each is, ``[n]``: numbers from 0, kept as they are; others, and words, are counted in their order and
            become names.
        names: of the people, where labels are numbers from 0.

    Raises:
        ValueError: as `FaceDataset` raises it.

    Example:
        >>> images = np.random.default_rng(0).uniform(0, 255, (6, 8, 8))
        >>> from_arrays(images, ["ann", "ann", "bob", "bob", "bob", "ann"])
        FaceDataset: 6 photos of 8 × 8 pixels, 2 people with 3 each
    """
    return _dataset(images, labels, names)


# Resampling may overshoot 1 a little; what is beyond is on the scale of bytes.
_OVERSHOT = 1.5


def _dataset(images: Any, labels: Any, names: Sequence[str] | None, **more: Any) -> FaceDataset:
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4) and images.shape[1] not in (1, 3, 4):
        images = np.moveaxis(images, -1, 1)
    if images.dtype.kind == "f" and images.size and _OVERSHOT < np.nanmax(images) <= 255:
        images = images / 255
    elif images.dtype.kind == "f" and images.size and 1 < np.nanmax(images) <= _OVERSHOT:
        images = images.clip(0, 1)
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    if labels.dtype.kind in "US" or (labels.dtype.kind in "iu" and labels.size and _numbers_of_a_register(labels)):
        if names is not None:
            raise ValueError(f"names are given and labels are no numbers from 0, but {labels.ravel()[0].item()!r} …")
        words, labels = np.unique(labels, return_inverse=True)
        names = [str(word) for word in words]
    return FaceDataset(
        images=images, person=labels, person_names=() if names is None else list(map(str, names)), **more
    )


def _numbers_of_a_register(labels: NDArray[Any]) -> bool:
    return bool(labels.min() < 0 or labels.max() >= _NUMBERS_KEPT)


def _conditions(arrays: dict[str, NDArray[Any]]) -> list[str]:
    return [name.removeprefix("condition_") for name in arrays if name.startswith("condition_")]


def _pictures(person: Path) -> list[Path]:
    found = (file for file in person.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    shown = (f for f in found if not any(part.startswith(".") for part in f.relative_to(person).parts))
    return sorted(shown, key=lambda file: _as_read(file.relative_to(person)))


def _read(files: list[Path], size: tuple[int, int] | None) -> tuple[dict[Path, NDArray[np.uint8]], list[str]]:
    photos, bad = {}, []
    for file in files:
        # What Pillow raises on a damaged file is as varied as the formats; a missing Pillow is another matter.
        try:
            photo = read_grey(file)
        except ImportError:
            raise
        except Exception as error:
            bad.append(f"{file} ({error})")
            continue
        photos[file] = photo if size is None else resized(photo, size)
    return photos, bad


def _require_one_size(photos: dict[Path, NDArray[np.uint8]]) -> None:
    usual = Counter(photo.shape for photo in photos.values()).most_common(1)[0][0]
    other = [f"{f} ({p.shape[0]} × {p.shape[1]})" for f, p in photos.items() if p.shape != usual]
    if other:
        raise ValueError(
            f"{len(other)} pictures are not {usual[0]} × {usual[1]} pixels like the others: {_listed(other)}; "
            "size=(h, w) brings all to one size"
        )


def _as_read(path: Path) -> list[tuple[int, str]]:
    """A key that sorts numbers within names as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", str(path)) if part]


def _listed(items: Sequence[str], most: int = 10) -> str:
    return "; ".join(items[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")
