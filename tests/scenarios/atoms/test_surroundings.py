"""Inputs from structures against their definition, worked out one atom at a time, on a peptide whose torsions are known."""

from __future__ import annotations

import numpy as np
import pytest

from probcost.scenarios.atoms.surroundings import FEATURE_NAMES, TYPES, Backbone, describe, local_frame, virtual_cb
from tests.conftest import SHARED
from tests.scenarios.atoms.peptide import ALL, Atom, build

NAMES = ("GLY", "ARG", "ALA", "TRP", "PRO", "GLY", "LEU", "SER", "MET", "VAL", "LYS", "ALA")
TORSIONS = np.random.default_rng(5).uniform(-180, 180, (len(NAMES), 3))
ATOMS = build(NAMES, TORSIONS)
ROWS = np.array([1, 3, 4, 6, 7, 8, 9, 10])


def backbone(atoms: list[Atom]) -> Backbone:
    numbers = sorted({atom.number for atom in atoms})
    parts = [[a.xyz for a in atoms if a.name == name] for name in ("N", "CA", "C", "O")]
    n_atoms = [sum(a.number == number for a in atoms) for number in numbers]
    return Backbone(tuple(a.residue for a in atoms if a.name == "CA"), *map(np.array, parts), np.array(n_atoms))


CHAIN = backbone(ATOMS)
X = describe(CHAIN, ROWS)


def columns(start: str) -> np.ndarray:
    return X[:, [name.startswith(start) for name in FEATURE_NAMES]]


def test_torsions_are_those_the_peptide_was_built_with() -> None:
    phi, psi, omega = np.deg2rad(TORSIONS).T
    before, after = ROWS - 1, ROWS + 1
    expected = {
        "omega": omega[before],
        "phi": phi[ROWS],
        "psi": psi[ROWS],
        "psi_prev": psi[before],
        "phi_next": phi[after],
    }
    for name, angle in expected.items():
        np.testing.assert_allclose(X[:, FEATURE_NAMES.index(f"sin_{name}")], np.sin(angle), atol=3e-3)
        np.testing.assert_allclose(X[:, FEATURE_NAMES.index(f"cos_{name}")], np.cos(angle), atol=3e-3)


def test_types_of_the_residue_and_its_neighbours() -> None:
    three = ("aa_", "prev_", "next_")
    for i, row in enumerate(ROWS):
        marked = [name for name, value in zip(FEATURE_NAMES, X[i], strict=True) if value and name.startswith(three)]
        assert marked == [f"aa_{NAMES[row]}", f"prev_{NAMES[row - 1]}", f"next_{NAMES[row + 1]}"]


def test_a_modified_neighbour_is_no_type() -> None:
    names = ("SEP", *CHAIN.names[1:])
    x = describe(Backbone(names, CHAIN.n, CHAIN.ca, CHAIN.c, CHAIN.o, CHAIN.n_atoms), ROWS[:1])
    assert x[0, [name.startswith("prev_") for name in FEATURE_NAMES]].sum() == 0


def test_the_virtual_cb_is_near_the_real_one() -> None:
    real = {atom.number - 1: atom.xyz for atom in ATOMS if atom.name == "CB"}
    ideal = virtual_cb(CHAIN.n, CHAIN.ca, CHAIN.c)
    assert all(np.linalg.norm(ideal[i] - xyz) < 0.1 for i, xyz in real.items())


def test_neighbours_are_counted() -> None:
    cb = virtual_cb(CHAIN.n, CHAIN.ca, CHAIN.c)
    for i, row in enumerate(ROWS):
        distances = [np.linalg.norm(cb[j] - cb[row]) for j in range(len(NAMES)) if j != row]
        counts = [sum(d < radius for d in distances) for radius in (6, 8, 10, 12, 14)]
        np.testing.assert_allclose(np.expm1(columns("log1p_nCB")[i]), counts, atol=1e-4)
    assert len(np.unique(columns("log1p_nCB"))) > 5


@pytest.mark.parametrize(
    ("kind", "distance", "width"), [("bb", 4.5, 1.5), ("bb", 8.0, 2.0), ("cb", 5.5, 1.5), ("cb", 9.0, 2.0)]
)
def test_densities_atom_by_atom(kind: str, distance: float, width: float) -> None:
    cb = virtual_cb(CHAIN.n, CHAIN.ca, CHAIN.c)
    got = columns(f"env_{kind}{distance:g}_")
    assert got.shape == (len(ROWS), 24)
    for i, row in enumerate(ROWS):
        frame = local_frame(CHAIN.n[row], CHAIN.ca[row], CHAIN.c[row])
        expected = np.zeros(24)
        for atom in ATOMS:
            other = atom.number - 1
            if other == row or atom.name not in (["N", "CA", "C", "O"] if kind == "bb" else ["CA"]):
                continue
            weight = 1.0 if kind == "bb" else CHAIN.n_atoms[other] / 8
            at = frame @ ((atom.xyz if kind == "bb" else cb[other]) - cb[row])
            r = np.linalg.norm(at)
            if r >= 14:
                continue
            for k in range(24):
                height, turn = 1 - (2 * k + 1) / 24, np.pi * (1 + 5**0.5) * (k + 0.5)
                across = np.sqrt(1 - height**2)
                cosine = at @ [across * np.cos(turn), across * np.sin(turn), height] / r
                expected[k] += weight * np.exp(6 * (cosine - 1) - (r - distance) ** 2 / (2 * width**2))
        np.testing.assert_allclose(got[i], expected, rtol=1e-5, atol=1e-6)


def test_atoms_beyond_fourteen_angstrom_say_nothing() -> None:
    names = ("ALA", "SER", "ALA", *["LEU"] * 12)
    atoms = build(names, np.tile([-120.0, 130.0, 180.0], (len(names), 1)))
    # An extended chain climbs by more than 3 Å a residue.
    near = [atom for atom in atoms if atom.number <= 8]
    np.testing.assert_array_equal(describe(backbone(atoms), np.array([1])), describe(backbone(near), np.array([1])))


def test_a_missing_oxygen_is_left_out() -> None:
    o = CHAIN.o.copy()
    o[5] = np.nan
    x = describe(Backbone(CHAIN.names, CHAIN.n, CHAIN.ca, CHAIN.c, o, CHAIN.n_atoms), ROWS)
    assert np.isfinite(x).all()
    assert (x <= X).all()
    assert (x < X).any()


def test_names_are_those_of_the_stored_sets() -> None:
    path = SHARED / "data" / "atoms" / "sidechain_tip.npz"
    if not path.exists():
        pytest.skip("the side-chain sets are not here: they lie in ../shared/data/atoms on the developers' machines")
    with np.load(path) as stored:
        assert stored["feature_names"].tolist() == list(FEATURE_NAMES)
        assert stored["residue_names"].tolist() == list(TYPES)


def test_names_are_told_apart() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == 169
    assert set(TYPES) == set(ALL) - {"ALA", "GLY"}
