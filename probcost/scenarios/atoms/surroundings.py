"""What a residue's type, backbone and neighbourhood say about its side chain, as numbers: nothing of side chains enters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURE_NAMES", "TYPES", "Backbone", "describe", "local_frame", "virtual_cb"]

Floats = NDArray[np.float64]

TYPES = (
    *("ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "HIS", "ILE", "LEU"),
    *("LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL"),
)
_NEIGHBOUR_TYPES = tuple(sorted((*TYPES, "ALA", "GLY")))
_TORSIONS = ("omega", "phi", "psi", "psi_prev", "phi_next")
_RADII = (6.0, 8.0, 10.0, 12.0, 14.0)  # Å within which neighbours are counted
_REACH = 14.0  # Å beyond which nothing is part of the surroundings
_N_DIRECTIONS, _SHARPNESS = 24, 6.0
# Distances (Å) at which atoms are looked for, and the widths (Å) with which: backbone atoms, then Cβ.
_SHELLS = {"bb": ((4.5, 1.5), (8.0, 2.0)), "cb": ((5.5, 1.5), (9.0, 2.0))}
_USUAL_ATOMS = 8  # heavy atoms of an average residue: it weighs 1

FEATURE_NAMES = (
    *(f"aa_{name}" for name in TYPES),
    *(f"{wave}_{torsion}" for wave in ("sin", "cos") for torsion in _TORSIONS),
    *(f"{side}_{name}" for side in ("prev", "next") for name in _NEIGHBOUR_TYPES),
    *(f"log1p_nCB_{radius:g}A" for radius in _RADII),
    *(
        f"env_{kind}{distance:g}_{direction}"
        for kind, shells in _SHELLS.items()
        for distance, _ in shells
        for direction in range(_N_DIRECTIONS)
    ),
)


@dataclass(frozen=True, eq=False)
class Backbone:
    """The R residues of one chain that have N, CA and C, in order.

    Attributes:
        names: R three-letter names.
        n, ca, c, o: atoms ``[R, 3]``, Å; NaN where ``o`` is missing.
        n_atoms: heavy atoms of each residue, side chain included, ``[R]``.
    """

    names: tuple[str, ...]
    n: Floats
    ca: Floats
    c: Floats
    o: Floats
    n_atoms: NDArray[np.int64]


def local_frame(n: Floats, ca: Floats, c: Floats) -> Floats:
    """Axes of residues, ``[..., 3, 3]``: CA→C, the part of CA→N at right angles to it, and their cross product.

    ``local_frame(n, ca, c) @ (atom - ca)`` is the same however the molecule is turned and moved.

    Args:
        n, ca, c: atoms ``[..., 3]``, Å.
    """
    first = _unit(c - ca)
    towards_n = n - ca
    second = _unit(towards_n - (towards_n * first).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-2)


def virtual_cb(n: Floats, ca: Floats, c: Floats) -> Floats:
    """Where an ideal Cβ would be, ``[..., 3]``, Å: glycine has a place too, and the real side chain says nothing.

    Args:
        n, ca, c: atoms ``[..., 3]``, Å.

    Source: Dauparas et al., "Robust deep learning-based protein sequence design using ProteinMPNN", 2022,
    https://doi.org/10.1126/science.add2187.
    """
    b, d = ca - n, c - ca
    return ca - 0.58273431 * np.cross(b, d) + 0.56802827 * b - 0.54067466 * d


def describe(chain: Backbone, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    r"""Inputs ``[len(rows), 169]`` of residues that are bonded to one before and one after them, as in ``FEATURE_NAMES``.

    Own type; sin and cos of ω (of the bond to the residue before), φ, ψ, the ψ before and the φ after; types of both
    neighbours, all 0 for a modified residue; :math:`\log(1 + n)` of the n other Cβ within 6 … 14 Å of this one; and densities

    .. math:: \rho_{k} = \sum_{a} w_a \, e^{6 (\cos \angle(r_a, u_k) - 1)} \, e^{-(|r_a| - d)^2 / 2 s^2}

    in 24 directions :math:`u_k`, spread over a sphere around this residue's Cβ in its own frame, of other residues' N, CA, C
    and O (d = 4.5 and 8 Å, s = 1.5 and 2 Å, w = 1), then Cβ (d = 5.5 and 9 Å; w = heavy atoms of the residue / 8). Cβ are
    those of `virtual_cb`; only this chain counts, and of it only what lies within 14 Å.

    Args:
        chain: at least one residue before and one after each row.
        rows: places in the chain.

    Source of the directions: Swinbank & Purser, "Fibonacci grids: a novel approach to global modelling", 2006,
    https://doi.org/10.1256/qj.05.227.
    """
    before, after = rows - 1, rows + 1
    torsions = _torsions(chain, rows)
    names = np.array(chain.names)
    cb = virtual_cb(chain.n, chain.ca, chain.c)
    frames = local_frame(chain.n, chain.ca, chain.c)
    backbone = np.stack([chain.n, chain.ca, chain.c, chain.o], axis=1)
    around = np.empty((len(rows), len(_RADII) + 4 * _N_DIRECTIONS))
    everyone = np.arange(len(names))
    for i, row in enumerate(rows):
        others = everyone != row
        atoms = backbone[others].reshape(-1, 3)
        atoms = atoms[~np.isnan(atoms[:, 0])]
        distance = np.linalg.norm(cb[others] - cb[row], axis=1)
        around[i] = np.concatenate(
            [
                np.log1p([(distance < radius).sum() for radius in _RADII]),
                _density((atoms - cb[row]) @ frames[row].T, np.ones(len(atoms)), _SHELLS["bb"]),
                _density((cb[others] - cb[row]) @ frames[row].T, chain.n_atoms[others] / _USUAL_ATOMS, _SHELLS["cb"]),
            ]
        )
    parts = [
        _one_hot(names[rows], TYPES),
        np.sin(torsions),
        np.cos(torsions),
        _one_hot(names[before], _NEIGHBOUR_TYPES),
        _one_hot(names[after], _NEIGHBOUR_TYPES),
        around,
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _density(points: Floats, weights: Floats, shells: tuple[tuple[float, float], ...]) -> Floats:
    """How much lies in each direction at each distance, ``[distances * directions]``."""
    distance = np.linalg.norm(points, axis=1)
    near = distance < _REACH
    points, weights, distance = points[near], weights[near], distance[near]
    towards = np.exp(_SHARPNESS * (_unit(points) @ _DIRECTIONS.T - 1))
    centre, width = np.array(shells).T
    at = weights[:, None] * np.exp(-0.5 * ((distance[:, None] - centre) / width) ** 2)
    return (at.T @ towards).ravel()


def _torsions(chain: Backbone, rows: NDArray[np.int64]) -> Floats:
    """Radians ``[len(rows), 5]``, in the order of ``_TORSIONS``."""
    n, ca, c = chain.n, chain.ca, chain.c
    p, q = rows - 1, rows + 1
    return np.stack(
        [
            _torsion(ca[p], c[p], n[rows], ca[rows]),
            _torsion(c[p], n[rows], ca[rows], c[rows]),
            _torsion(n[rows], ca[rows], c[rows], n[q]),
            _torsion(n[p], ca[p], c[p], n[rows]),
            _torsion(c[rows], n[q], ca[q], c[q]),
        ],
        axis=1,
    )


def _torsion(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Angle about b→c, radians, positive clockwise (IUPAC)."""
    first, axis, last = b - a, c - b, d - c
    one, two = np.cross(first, axis), np.cross(axis, last)
    return np.arctan2((np.cross(one, two) * _unit(axis)).sum(-1), (one * two).sum(-1))


def _one_hot(names: NDArray[np.str_], among: tuple[str, ...]) -> Floats:
    return (names[:, None] == np.array(among)).astype(np.float64)


def _unit(v: Floats) -> Floats:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _directions() -> Floats:
    """Unit vectors ``[24, 3]`` evenly over the sphere: a spiral from pole to pole that turns by the golden angle."""
    step = np.arange(_N_DIRECTIONS) + 0.5
    height, turn = 1 - 2 * step / _N_DIRECTIONS, np.pi * (1 + np.sqrt(5)) * step
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=1)


_DIRECTIONS = _directions()
