"""Photos from disk or memory: a folder of people, an ``.npz``, or the arrays of a fetcher."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probcost.scenarios.faces.dataset import FaceDataset
from probcost.scenarios.faces.pictures import height_and_width, read_picture, resized

if TYPE_CHECKING:
    from probcost.scenarios.faces.face_fit import FaceFit

__all__ = ["from_arrays", "load", "load_folder", "load_npz", "read"]

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_UNREAD = {".avif", ".heic", ".heif"}  # what telephones write, and Pillow reads with plugins only
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
    if Path(path).is_file() and Path(path).suffix.lower() in _SUFFIXES | _UNREAD:
        raise ValueError(f"{os.fspath(path)!r} is a picture, not a folder; faces.read reads single pictures")
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
    and files that are no pictures by their names, are left alone. A person's folder without a picture, and pictures in formats
    of telephones that Pillow does not read (HEIC, AVIF), are left out, with a warning.

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
    unread = [file.suffix.lower() for person in people for file in _pictures(person, _UNREAD)]
    kinds = " and ".join(sorted(set(unread)))
    told = f"{len(unread)} file{'s' * (len(unread) > 1)} in {kinds}: convert them to .jpg or .png"
    people = [person for person in people if files[person]]
    if not people:
        raise ValueError(
            f"{os.fspath(folder)!r} holds no folders with pictures; person/photo.jpg is looked for within it"
            + (f", and there are {told}" if unread else "")
        )
    if unread:
        warnings.warn(f"left out {told}", UserWarning, stacklevel=2)
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


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    size: int | tuple[int, int] | None = None,
    *,
    channels: int | None = None,
    like: FaceDataset | FaceFit | None = None,
) -> Tensor:
    """Single pictures as a fit takes them, ``[T, c, h, w]`` from 0 to 1: read, turned upright and resized as `load_folder` does.

    The whole picture is taken: cut faces out as they were cut for training, else they are of another size within it.

    Args:
        paths: a file, or T of them.
        size: ``(h, w)`` to bring every picture to (one number: both); None where all are of one size already.
        channels: 1 for grey, which is usual, or 3 for red, green and blue.
        like: a fit or a data set, to take size and channels from.

    Raises:
        FileNotFoundError: where a file is not there.
        ValueError: where nothing is given, or pictures cannot be read or differ in size: all of them in one message; for
            anything but 1 or 3 channels; where ``like`` is given beside size or channels.
        ImportError: where Pillow is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     Image.effect_noise((200, 240), 50).save(f"{folder}/a.png")
        ...     Image.effect_noise((150, 180), 50).save(f"{folder}/b.jpg")
        ...     photos = faces.read([f"{folder}/a.png", f"{folder}/b.jpg"], size=(24, 20))
        >>> photos.shape
        torch.Size([2, 1, 24, 20])
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, (str, os.PathLike)) else paths)]
    if not files:
        raise ValueError("paths is empty; one file or more is needed")
    if like is not None:
        if size is not None or channels is not None:
            raise ValueError("size and channels are those of like: give it alone, or give them")
        shape = like.x.shape[1:] if isinstance(like, FaceDataset) else like.input_shape
        size, channels = (shape[-2], shape[-1]), int(np.prod(shape[:-2]))
    channels = 1 if channels is None else channels
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; 1 (grey) or 3 (red, green, blue) is needed")
    missing = [os.fspath(file) for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"there is no file {_listed(missing)}")
    photos, bad = _read(files, None if size is None else height_and_width(size), channels)
    if bad:
        raise ValueError(f"{len(bad)} of {len(files)} pictures cannot be read: {_listed(bad)}")
    _require_one_size(photos)
    x = torch.from_numpy(np.stack([photos[file] for file in files])).float() / 255
    return x if x.ndim == 4 else x[:, None]


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


def _pictures(person: Path, suffixes: Set[str] = _SUFFIXES) -> list[Path]:
    found = (file for file in person.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    shown = (f for f in found if not any(part.startswith(".") for part in f.relative_to(person).parts))
    return sorted(shown, key=lambda file: _as_read(file.relative_to(person)))


def _read(
    files: list[Path], size: tuple[int, int] | None, channels: int = 1
) -> tuple[dict[Path, NDArray[np.uint8]], list[str]]:
    photos, bad = {}, []
    for file in files:
        # What Pillow raises on a damaged file is as varied as the formats; a missing Pillow is another matter.
        try:
            photo = read_picture(file, channels)
        except ImportError:
            raise
        except Exception as error:
            bad.append(f"{file} ({error})")
            continue
        photos[file] = photo if size is None else resized(photo, size)
    return photos, bad


def _require_one_size(photos: dict[Path, NDArray[np.uint8]]) -> None:
    usual = Counter(photo.shape[-2:] for photo in photos.values()).most_common(1)[0][0]
    other = [f"{f} ({p.shape[-2]} × {p.shape[-1]})" for f, p in photos.items() if p.shape[-2:] != usual]
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
