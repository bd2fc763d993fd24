"""A small flexible molecule: two rotors on a backbone, in thermal equilibrium, so that the truth about every atom is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.atoms.dataset import AtomDataset, assign_split

__all__ = ["SUBSTITUENTS", "Substituent", "boltzmann", "simulate_molecule"]

Floats = NDArray[np.float64]

GAS_CONSTANT = 8.314462618e-3  # kJ / (mol K)
_GRID = np.deg2rad(np.arange(-180.0, 180.0))
_CONFORMATIONS = 20  # of each molecule: they share a group
# Backbone, Å and radians: Engh & Huber 1991, https://doi.org/10.1107/S0108767391001071.
_CA_C, _CA_N, _N_CA_C, _CA_CB = 1.525, 1.458, np.deg2rad(111.0), 1.530
_CB_TORSION = np.deg2rad(-122.6)  # C–N–CA–CB of an L-amino acid
_CB_CG, _ANGLE = 1.520, np.deg2rad(112.0)
# Stiffness of bonds (kJ/mol/Å²) and angles (kJ/mol/rad²), as in AMBER's force fields.
_BOND, _BEND = 2600.0, 520.0
STIFFNESS = np.array([_BOND, _BEND] * 3)  # of the three bonds and angles from Cβ outwards


class Substituent(NamedTuple):
    """A side chain with two rotors: torsional barriers Vₙ (kJ/mol, n = 1, 2, 3) of each, and its last bond (Å)."""

    name: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    last_bond: float


SUBSTITUENTS = (
    Substituent("propyl", (2.0, 0.0, 12.5), (3.0, 0.0, 12.5), 1.53),
    Substituent("hydroxyethyl", (2.0, -1.5, 10.0), (-4.0, 2.0, 5.0), 1.43),
    Substituent("thioethyl", (2.0, 0.0, 11.0), (1.5, 0.0, 7.0), 1.81),
    Substituent("benzyl", (3.0, 0.0, 13.0), (0.0, 14.0, 0.0), 2.79),
    Substituent("isobutyl", (9.0, 0.0, 15.0), (7.0, 0.0, 13.0), 1.53),
    Substituent("ethynylmethyl", (1.0, 0.0, 9.0), (0.0, 0.0, 0.6), 2.66),
)


def simulate_molecule(n: int = 6000, temperature: float = 300.0, seed: int = 0) -> AtomDataset:
    r"""The outermost atom of side chains with two rotors χ, drawn from their Boltzmann distribution.

    .. math:: p(\chi) \propto e^{-V(\chi)/RT}, \qquad
        V(\chi) = \sum_{n=1}^{3} \frac{V_n}{2} \left(1 + \cos(n\chi - \gamma_n)\right)

    The barriers depend on the substituent; the first rotor is pushed about by the backbone (φ, ψ) and by how crowded the
    place is; bonds and angles vibrate. The location is therefore multimodal (rotamers), correlated between axes, and as
    uncertain as temperature, crowding and substituent make it: all of which are among the inputs.

    Args:
        n: atoms, 20 conformations of each molecule.
        temperature: K; molecules vary around it by a quarter.
        seed: fixes the numbers.

    Returns:
        Locations in Å: origin CA, first axis CA→C, second the part of CA→N at right angles to it, third their cross product.

    Raises:
        ValueError: for fewer than 60 atoms or a part of one, or a temperature that is not positive and finite.

    Source: Weiner et al., "A new force field for molecular mechanical simulation of nucleic acids and proteins", 1984,
    https://doi.org/10.1021/ja00315a051.

    Example:
        >>> molecules = simulate_molecule(n=200)
        >>> molecules.feature_names[:2]
        ['is_propyl', 'is_hydroxyethyl']
    """
    if n != int(n) or n < 3 * _CONFORMATIONS or not 0 < temperature < np.inf:
        raise ValueError(
            f"n must be a whole number of at least {3 * _CONFORMATIONS} and temperature positive and finite, got {n} and "
            f"{temperature}"
        )
    n = int(n)
    rng = np.random.default_rng(seed)
    molecule = np.arange(n) // _CONFORMATIONS
    of_molecule = molecule[-1] + 1
    kind = rng.integers(len(SUBSTITUENTS), size=of_molecule)[molecule]
    kelvin = (temperature * np.exp(0.25 * rng.standard_normal(of_molecule)))[molecule]
    crowding = rng.uniform(0, 1, of_molecule)[molecule]
    helix = rng.uniform(size=of_molecule)[molecule] < 0.5
    phi = np.where(helix, -63.0, -120.0) + 15 * rng.standard_normal(n)
    psi = np.where(helix, -43.0, 135.0) + 15 * rng.standard_normal(n)
    phi, psi = np.deg2rad(phi), np.deg2rad(psi)
    y = locations(kind, phi, psi, crowding, kelvin, rng)
    one_hot = np.eye(len(SUBSTITUENTS))[kind]
    circular = np.column_stack([np.sin(phi), np.cos(phi), np.sin(psi), np.cos(psi)])
    x = np.column_stack([one_hot, circular, crowding, kelvin])
    names = [f"is_{s.name}" for s in SUBSTITUENTS] + [
        "sin_phi",
        "cos_phi",
        "sin_psi",
        "cos_psi",
        "crowding",
        "temperature",
    ]
    return AtomDataset(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        feature_names=names,
        residue=kind,
        residue_names=[s.name for s in SUBSTITUENTS],
        group=molecule,
        split=assign_split(molecule, seed),
    )


def locations(
    kind: NDArray[np.int64], phi: Floats, psi: Floats, crowding: Floats, kelvin: Floats, rng: np.random.Generator
) -> Floats:
    """One draw of the location under each of T conditions, ``[T, 3]``, Å."""
    barriers, phases = potentials(kind, phi, psi, crowding)
    first, second = (_draw(barriers[:, r], phases[:, r], kelvin, rng) for r in range(2))
    last = np.array([s.last_bond for s in SUBSTITUENTS])[kind]
    strain = np.sqrt(GAS_CONSTANT * kelvin / STIFFNESS[:, None]) * rng.standard_normal((len(STIFFNESS), len(kind)))
    return place_tip(first, second, last, strain)


def potentials(kind: NDArray[np.int64], phi: Floats, psi: Floats, crowding: Floats) -> tuple[Floats, Floats]:
    """Barriers Vₙ (kJ/mol) and phases γₙ (radians) of both rotors under T conditions, each ``[T, 2, 3]``."""
    barriers = np.array([[s.first, s.second] for s in SUBSTITUENTS])[kind]
    phases = np.zeros((len(kind), 2, 3))
    # Backbone atoms in the way: the rotamer that points at them costs more, the more so where there is no room.
    phases[:, 0, 0] = 0.5 * (phi - psi)
    barriers[:, 0, 0] += 8.0 * crowding
    return barriers, phases


def boltzmann(barriers: Floats, phases: Floats, kelvin: Floats) -> tuple[Floats, Floats]:
    """Torsions on a grid of one degree ``[360]``, radians, and their probabilities ``[T, 360]`` at temperature ``[T]``, K.

    Args:
        barriers, phases: Vₙ in kJ/mol and γₙ in radians, ``[T, 3]``.
    """
    order = np.arange(1, 4)[:, None]
    waves = 1 + np.cos(order * _GRID - phases[..., None])
    energy = 0.5 * (barriers[..., None] * waves).sum(-2)
    weight = np.exp(-(energy - energy.min(-1, keepdims=True)) / (GAS_CONSTANT * kelvin[:, None]))
    return _GRID, weight / weight.sum(-1, keepdims=True)


def _draw(barriers: Floats, phases: Floats, kelvin: Floats, rng: np.random.Generator) -> Floats:
    """One torsion a row, by the inverse of the cumulative probabilities, uniform within a degree."""
    grid, probability = boltzmann(barriers, phases, kelvin)
    place = (probability.cumsum(-1) < rng.uniform(size=(len(kelvin), 1))).sum(-1).clip(max=len(grid) - 1)
    return grid[place] + np.deg2rad(rng.uniform(-0.5, 0.5, len(kelvin)))


def place_tip(first: Floats, second: Floats, last: Floats, strain: Floats) -> Floats:
    """The outermost atom, ``[T, 3]``, Å.

    Args:
        first, second: torsions ``[T]``, radians.
        last: length of the last bond ``[T]``, Å.
        strain: what bonds (Å) and angles (radians) differ by from their ideals, in turn, from Cβ outwards, ``[6, T]``.
    """
    n = len(first)
    ca = np.zeros((n, 3))
    c = np.broadcast_to([_CA_C, 0.0, 0.0], (n, 3))
    nitrogen = np.broadcast_to([_CA_N * np.cos(_N_CA_C), _CA_N * np.sin(_N_CA_C), 0.0], (n, 3))
    cb = _place(c, nitrogen, ca, _CA_CB + strain[0], np.deg2rad(110.4) + strain[1], np.full(n, _CB_TORSION))
    cg = _place(nitrogen, ca, cb, _CB_CG + strain[2], _ANGLE + strain[3], first)
    return _place(ca, cb, cg, last + strain[4], _ANGLE + strain[5], second)


def _place(a: Floats, b: Floats, c: Floats, length: Floats, angle: Floats, torsion: Floats) -> Floats:
    """The atom bonded to ``c`` at ``length``, with angle b–c–d and torsion a–b–c–d.

    Source: Parsons et al., "Practical conversion from torsion space to Cartesian space for in silico protein synthesis",
    2005, https://doi.org/10.1002/jcc.20237.
    """
    along = _unit(c - b)
    normal = _unit(np.cross(b - a, along))
    across = np.cross(normal, along)
    return c + length[:, None] * (
        -np.cos(angle)[:, None] * along
        + (np.sin(angle) * np.cos(torsion))[:, None] * across
        + (np.sin(angle) * np.sin(torsion))[:, None] * normal
    )


def _unit(v: Floats) -> Floats:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
