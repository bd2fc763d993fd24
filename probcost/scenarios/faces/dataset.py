"""Photos of faces: what they show, whose they are, and what is known of how each was taken."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.save import write_arrays
from probcost.scenarios.faces.pictures import height_and_width, resized

__all__ = ["FaceDataset"]


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """T photos of equal size, and whose face each shows.

    Attributes:
        images: ``[T, h, w]`` grey or ``[T, c, h, w]``; whole numbers 0 … 255, or fractions 0 … 1.
        person: whose photo it is, ``[T]``, counted in ``person_names``.
        person_names: such as ``"s01"``; made where not given.
        condition: what is known of how photos were taken, by name: ``yaw``, ``blur`` …, each ``[T]``.
        path: of each photo's file, where known.

    Args:
        warn_of_duplicates: whether photos are compared for being the same under different people.

    Raises:
        ValueError: where there is no photo or only one person, lengths differ, a pixel or label is no number, not finite
            or out of range, naming the place.

    Warns:
        UserWarning: where photos of different people are equal in every pixel, naming people and photos.

    Example:
        >>> photos = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
        >>> FaceDataset(photos, person=[0, 0, 1, 1, 2])
        FaceDataset: 5 photos of 8 × 8 pixels, 3 people with 1 … 2 each; 1 with one photo only, never an anchor: person 2
    """

    images: NDArray[Any]
    person: NDArray[np.int64]
    person_names: Sequence[str] = ()
    condition: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    path: Sequence[str] | None = None
    warn_of_duplicates: InitVar[bool] = True

    def __post_init__(self, warn_of_duplicates: bool) -> None:
        images, person = _as_images(self.images), as_people("person", self.person)
        if person.shape != (len(images),):
            raise ValueError(f"images has {len(images):,} photos and person has shape {list(person.shape)}")
        if len(np.unique(person)) < 2:
            raise ValueError(f"all {len(images):,} photos are of one person; telling people apart needs at least two")
        names = [str(n) for n in self.person_names] or [f"person {i}" for i in range(int(person.max()) + 1)]
        if person.max() >= len(names):
            t = int(np.argmax(person >= len(names)))
            raise ValueError(f"person[{t}] is {person[t]} and person_names has {len(names)} names")
        condition = {str(name): np.asarray(values) for name, values in self.condition.items()}
        for name, values in condition.items():
            if values.shape[:1] != (len(images),):
                raise ValueError(
                    f"condition {name!r} has shape {list(values.shape)} and there are {len(images):,} photos"
                )
        if self.path is not None and len(self.path) != len(images):
            raise ValueError(f"path has {len(self.path):,} entries and there are {len(images):,} photos")
        path = None if self.path is None else [str(p) for p in self.path]
        for name, value in (("images", images), ("person", person), ("person_names", names), ("condition", condition)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "path", path)
        if warn_of_duplicates:
            self._warn_of_duplicates()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def x(self) -> NDArray[np.float32]:
        """Photos as networks take them, ``[T, c, h, w]``, float32 from 0 to 1."""
        x = self.images.astype(np.float32)
        if self.images.dtype == np.uint8:
            x /= 255
        return x[:, None] if x.ndim == 3 else x

    @property
    def y(self) -> NDArray[np.float32]:
        """Whose each photo is, as likelihoods take it: ``[T, 1]``."""
        return self.person[:, None].astype(np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[-2], self.images.shape[-1]

    @property
    def people(self) -> NDArray[np.int64]:
        """Numbers of the people who are there, ascending."""
        return np.unique(self.person)

    @property
    def alone(self) -> NDArray[np.int64]:
        """Numbers of the people with one photo: of use as somebody else, but no photo of theirs can be an anchor."""
        people, counts = np.unique(self.person, return_counts=True)
        return people[counts == 1]

    def select(self, rows: Any) -> FaceDataset:
        """The same with these photos only: row numbers or a mask ``[T]``. People keep their numbers and names."""
        rows = np.arange(len(self))[rows]
        return replace(
            self,
            images=self.images[rows],
            person=self.person[rows],
            condition={name: values[rows] for name, values in self.condition.items()},
            path=None if self.path is None else [self.path[t] for t in rows],
            warn_of_duplicates=False,  # once is enough
        )

    def folds(self, n: int = 5) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """n pairs of row numbers, to train on and to test with: fold k tests the people whose number modulo n is k.

        Nobody is in both. People's numbers decide, and not chance: the same people are tested together in every run, by everybody
        who numbers them alike, and a fold is as good a sample as that numbering. Where numbers mean something (families side by
        side, every fifth from one studio), number people at random first.

        Raises:
            ValueError: where n is not a whole number from 2, or a fold would test fewer than two people or train on fewer.
        """
        if isinstance(n, bool) or n != int(n) or n < 2:
            raise ValueError(f"n is {n!r}; whole numbers from 2 are accepted")
        tested = np.bincount(self.people % n, minlength=n)
        if tested.min() < 2 or len(self.people) - tested.max() < 2:
            raise ValueError(
                f"{n} folds of {len(self.people)} people would test {tested.min()} … {tested.max()} people each; "
                "at least 2 are needed in each part"
            )
        fold = self.person % n
        return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n)]

    def resize(self, size: int | tuple[int, int]) -> FaceDataset:
        """The same with photos of ``(h, w)`` pixels (one number: both), each the mean of what it covers (a box filter).

        Raises:
            ValueError: for anything but one or two whole numbers from 1.
        """
        wanted = height_and_width(size)
        if self.size == wanted:
            return self
        return replace(self, images=resized(self.images, wanted), warn_of_duplicates=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` that `load` reads back; a kill meanwhile leaves what was there whole."""
        arrays: dict[str, Any] = {"images": self.images, "labels": self.person, "names": np.array(self.person_names)}
        arrays |= {f"condition_{name}": values for name, values in self.condition.items()}
        if self.path is not None:
            arrays["path"] = np.array(self.path)
        write_arrays(path, arrays)

    def __repr__(self) -> str:
        counts = np.unique(self.person, return_counts=True)[1]
        each = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} … {counts.max()}"
        height, width = self.size
        channels = "" if self.images.ndim == 3 else f" × {self.images.shape[1]} channels"
        text = f"FaceDataset: {len(self):,} photos of {height} × {width} pixels{channels}, {len(counts)} people with {each} each"
        if len(self.alone):
            names = ", ".join(self.person_names[i] for i in self.alone[:5]) + (" …" if len(self.alone) > 5 else "")
            text += f"; {len(self.alone)} with one photo only, never an anchor: {names}"
        return text + (f"; known of each photo: {', '.join(self.condition)}" if self.condition else "")

    def _warn_of_duplicates(self) -> None:
        first: dict[bytes, int] = {}
        found = []
        for t, image in enumerate(self.images):
            other = first.setdefault(image.tobytes(), t)
            if self.person[other] != self.person[t]:
                found.append(f"{self._called(other)} and {self._called(t)}")
        if found:
            more = f", and {len(found) - 5:,} more pairs" if len(found) > 5 else ""
            warnings.warn(
                f"the same photo is there under different people, so one of them is wrong: {'; '.join(found[:5])}{more}",
                UserWarning,
                stacklevel=4,
            )

    def _called(self, t: int) -> str:
        name = self.person_names[self.person[t]]
        return f"photo {t} ({name})" if self.path is None else f"{self.path[t]} ({name})"


def as_people(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers from 0, or an error that names the first value that is none."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {array.dtype}; whole numbers from 0 are needed")
    with np.errstate(invalid="ignore"):  # NaN is no whole number, which is said below
        whole = array.astype(np.int64)
    wrong = np.argwhere((whole != array) | (whole < 0))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}; whole numbers from 0 are needed")
    return whole


def _as_images(values: ArrayLike) -> NDArray[Any]:
    """uint8 as given, else float32 in 0 … 1, or an error that says what is wrong."""
    array = np.asarray(values)
    if array.dtype.kind not in "uif":
        raise ValueError(f"images holds {array.dtype}; numbers are needed")
    if array.ndim not in (3, 4) or not array.size:
        raise ValueError(f"images has shape {list(array.shape)}; [T, h, w] or [T, c, h, w] with photos in it is needed")
    if array.dtype == np.uint8:
        return array
    top = 1 if array.dtype.kind == "f" else 255
    bad = np.argwhere(~((array >= 0) & (array <= top)))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"images[{', '.join(map(str, place))}] is {array[place]}; whole numbers 0 … 255 or fractions 0 … 1 are accepted"
        )
    return array.astype(np.float32 if top == 1 else np.uint8)
