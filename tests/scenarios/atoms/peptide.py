"""A peptide from internal coordinates, atom by atom, as PDB text: its torsions are known since they were chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

# Side chains as single threads from Cβ outwards: what matters here is which atom is where, not that rings close.
THREADS = {
    "ALA": "CB",
    "ARG": "CB CG CD NE CZ",
    "ASN": "CB CG OD1",
    "ASP": "CB CG OD1",
    "CYS": "CB SG",
    "GLN": "CB CG CD OE1",
    "GLU": "CB CG CD OE1",
    "GLY": "",
    "HIS": "CB CG ND1 CE1",
    "ILE": "CB CG1 CD1",
    "LEU": "CB CG CD1",
    "LYS": "CB CG CD CE NZ",
    "MET": "CB CG SD CE",
    "PHE": "CB CG CD1 CE1 CZ",
    "PRO": "CB CG CD",
    "SER": "CB OG",
    "THR": "CB OG1",
    "TRP": "CB CG CD2 CE2 CZ2 CH2",
    "TYR": "CB CG CD1 CE1 CZ OH",
    "VAL": "CB CG1",
}
ALL = tuple(THREADS)


@dataclass(frozen=True)
class Atom:
    name: str
    residue: str
    number: int
    xyz: np.ndarray
    chain: str = "A"
    occupancy: float = 1.0
    altloc: str = " "
    record: str = "ATOM"

    def line(self, serial: int) -> str:
        element = "SE" if self.name == "SE" else self.name[0]
        x, y, z = self.xyz
        name = self.name if len(self.name) == 4 else f" {self.name:<3}"
        return (
            f"{self.record:<6}{serial:>5} {name}{self.altloc}{self.residue:>3} {self.chain}{self.number:>4}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}{self.occupancy:6.2f}{20:6.2f}          {element:>2}"
        )


def place(a: np.ndarray, b: np.ndarray, c: np.ndarray, length: float, angle: float, torsion: float) -> np.ndarray:
    """The atom d at ``length`` Å from c, with the angle b–c–d and the torsion a–b–c–d in degrees."""
    angle, torsion = np.deg2rad(angle), np.deg2rad(torsion)
    axis = (c - b) / np.linalg.norm(c - b)
    side = (a - b) - ((a - b) @ axis) * axis
    side /= np.linalg.norm(side)
    # Looking along b→c, clockwise is positive.
    across = np.cos(torsion) * side + np.sin(torsion) * np.cross(axis, side)
    return c + length * (np.sin(angle) * across - np.cos(angle) * axis)


def build(names: tuple[str, ...], torsions: np.ndarray, chi: float = -65.0, chain: str = "A") -> list[Atom]:
    """Residues numbered from 1, with (φ, ψ, ω) ``[R, 3]`` in degrees, where ω is that of the bond to the residue after."""
    n, ca, c = np.array([0.0, 0, 0]), np.array([1.458, 0, 0]), np.array([2.009, 1.420, 0])
    atoms = []
    for i, name in enumerate(names):
        phi, psi, _ = torsions[i]
        if i:
            _, psi_before, omega_before = torsions[i - 1]
            next_n = place(n, ca, c, 1.329, 116.6, psi_before)
            next_ca = place(ca, c, next_n, 1.458, 121.7, omega_before)
            n, ca, c = next_n, next_ca, place(c, next_n, next_ca, 1.525, 111.0, phi)
        here = {"N": n, "CA": ca, "C": c, "O": place(n, ca, c, 1.231, 120.5, psi + 180)}
        before = [c, n, ca]
        for label in THREADS[name].split():
            torsion = -122.6 if label == "CB" else chi
            here[label] = place(*before, 1.52, 110.4, torsion)
            before = [*before[1:], here[label]]
        atoms += [Atom(label, name, i + 1, np.round(xyz, 3), chain) for label, xyz in here.items()]
    return atoms


def helix(names: tuple[str, ...], seed: int = 0, chain: str = "A") -> list[Atom]:
    """About an α-helix, each residue a little different."""
    rng = np.random.default_rng(seed)
    return build(names, np.array([-63.0, -43.0, 180.0]) + 8 * rng.standard_normal((len(names), 3)), chain=chain)


def moved(atoms: list[Atom], rotation: np.ndarray, by: np.ndarray) -> list[Atom]:
    return [replace(atom, xyz=rotation @ atom.xyz + by) for atom in atoms]


def write(path: Path, atoms: list[Atom]) -> Path:
    path.write_text("\n".join([*(atom.line(i + 1) for i, atom in enumerate(atoms)), "END", ""]))
    return path
