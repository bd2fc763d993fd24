"""Atoms to place: what is known of their surroundings, where they are, and which rows may be learned from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.save import write_arrays

__all__ = ["ROLES", "AtomDataset", "assign_split"]

ROLES = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class AtomDataset:
    """Rows of inputs and the location of one atom each, in Å, in a frame of its own molecule.

    Attributes:
        x: inputs ``[T, P]``.
        y: locations ``[T, 3]``, Å.
        feature_names: P names.
        residue: what the atom belongs to, ``[T]``, counted in ``residue_names``.
        residue_names: such as ``"LEU"``.
        group: ``[T]``; rows of one group (near-identical chains, one molecule) are never split between roles.
        split: ``[T]``, 0 train, 1 validation, 2 test.
        chain, chain_names, res_id: where a row comes from; None where that is not known.
        skipped: how many residues were left out when the set was made, by reason.

    Raises:
        ValueError: where lengths differ, a value is no number, a number is not finite, a label is not whole or a role does
            not exist, naming the place.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> molecules.x.shape, molecules.y.shape
        ((200, 12), (200, 3))
        >>> len(molecules.rows("train"))
        140
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    feature_names: Sequence[str]
    residue: NDArray[np.int64]
    residue_names: Sequence[str]
    group: NDArray[np.int64]
    split: NDArray[np.int8] | NDArray[np.int64]
    chain: NDArray[np.int64] | None = None
    chain_names: Sequence[str] | None = None
    res_id: NDArray[np.int64] | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            object.__setattr__(self, name, _as_float32(name, getattr(self, name)))
        for name in ("residue", "group", "split", "chain", "res_id"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, as_labels(name, getattr(self, name)))
        if self.x.ndim != 2 or self.y.shape != (len(self.x), 3) or not len(self.x):
            raise ValueError(
                f"x has shape {list(self.x.shape)} and y {list(self.y.shape)}; [T, P] and [T, 3] are needed"
            )
        if len(self.feature_names) != self.x.shape[1]:
            raise ValueError(f"feature_names has {len(self.feature_names)} names and x has {self.x.shape[1]} columns")
        for name in ("residue", "chain", "res_id", "group", "split"):
            labels = getattr(self, name)
            if labels is not None and labels.shape != (len(self.x),):
                raise ValueError(f"{name} has shape {list(labels.shape)} and x has {len(self.x):,} rows")
        for name in ("x", "y"):
            bad = np.argwhere(~np.isfinite(getattr(self, name)))
            if len(bad):
                raise ValueError(f"{name}[{bad[0][0]}, {bad[0][1]}] is not finite; such rows must be left out")
        for name, names in (("residue", self.residue_names), ("chain", self.chain_names), ("split", ROLES)):
            labels = getattr(self, name)
            if labels is not None and names is not None and not (labels.min() >= 0 and labels.max() < len(names)):
                raise ValueError(f"{name} holds {labels.min()} … {labels.max()}; 0 … {len(names) - 1} have a meaning")

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, role: str) -> NDArray[np.int64]:
        """Row numbers of a role.

        Raises:
            ValueError: for another role than ``"train"``, ``"validation"``, ``"test"``.
        """
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}; choose one of {', '.join(map(repr, ROLES))}")
        return np.flatnonzero(self.split == ROLES.index(role))

    def select(self, rows: NDArray[Any]) -> AtomDataset:
        """The same with these rows only."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: v[rows] for name, v in own.items() if isinstance(v, np.ndarray)})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` that `load` reads back; a kill meanwhile leaves what was there whole."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "skipped"}
        values |= {"skipped": list(self.skipped.values()), "skipped_names": list(self.skipped)} if self.skipped else {}
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in values.items() if value is not None}
        write_arrays(path, arrays)

    def __repr__(self) -> str:
        roles = ", ".join(f"{len(self.rows(role)):,} {role}" for role in ROLES)
        spread = np.sqrt(self.y.var(0).sum())
        left_out = ", ".join(f"{count:,} {reason}" for reason, count in self.skipped.items())
        return (
            f"AtomDataset: {len(self):,} atoms ({roles}) of {len(np.unique(self.residue))} types in "
            f"{len(np.unique(self.group)):,} groups; {self.x.shape[1]} inputs; locations spread over {spread:.2f} Å"
            + (f"; residues left out: {left_out}" if left_out else "")
        )


def assign_split(
    group: ArrayLike, seed: int = 0, fractions: tuple[float, float, float] = (0.7, 0.1, 0.2)
) -> NDArray[np.int8]:
    """Roles ``[T]`` by whole groups: rows to train on (0), to validate (1) and to test with (2).

    As near to the wanted shares as the groups' sizes allow; each role with a share gets a group where there are enough.

    Args:
        group: ``[T]``, numbers or words.
        seed: fixes which groups go where.
        fractions: shares of the rows to train, validate and test with; 0 leaves a role empty.

    Raises:
        ValueError: when ``group`` is not one label a row, or ``fractions`` are not three shares that add up to 1.

    Example:
        >>> roles = assign_split(np.repeat(np.arange(10), 20))  # ten molecules of 20 rows
        >>> np.bincount(roles).tolist()
        [140, 20, 40]
    """
    group, shares = np.asarray(group), np.asarray(fractions, dtype=float)
    if group.ndim != 1:
        raise ValueError(f"group has shape {list(group.shape)}; one label a row is needed, [T]")
    if shares.shape != (len(ROLES),) or not (shares >= 0).all() or not np.isclose(shares.sum(), 1.0):
        raise ValueError(f"fractions is {fractions}; the shares of {', '.join(ROLES)} are needed, adding up to 1")
    names, sizes = np.unique(group, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    room, role_of = shares * len(group), np.zeros(len(names), np.int8)
    used = [int(role) for role in np.flatnonzero(shares)]
    empty = set(used)
    for place, i in enumerate(order):
        # Where most rows are missing, so that a large group does not burst a small role; the last groups fill empty roles.
        open_to = sorted(empty) if len(order) - place <= len(empty) else used
        role = max(open_to, key=lambda r: room[r])
        role_of[i] = role
        room[role] -= sizes[i]
        empty.discard(role)
    return role_of[np.searchsorted(names, group)]


def _as_float32(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """Numbers, or an error that says what they are instead."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}; numbers are needed")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused as such
        return array.astype(np.float32, copy=False)


def as_labels(name: str, values: ArrayLike) -> NDArray[Any]:
    """Whole numbers, or an error that names the first value that is none."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}; whole numbers are needed")
    if array.dtype.kind in "iu":
        return array
    with np.errstate(invalid="ignore"):  # NaN is no whole number, which is said below
        whole = array.astype(np.int64)
    wrong = np.argwhere(whole != array)
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}; whole numbers are needed")
    return whole
