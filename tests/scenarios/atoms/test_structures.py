"""From structure files to rows: the right atoms, in the right frame, whatever the format; what is left out is counted."""

from __future__ import annotations

import gzip
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from biotite.structure.io import pdb, pdbx

from probcost.scenarios import atoms
from probcost.scenarios.atoms.structures import GAMMA_AND_TIP
from tests.conftest import SHARED
from tests.scenarios.atoms.peptide import ALL, Atom, build, helix, moved, write

# All twenty types, between residues that make no row.
NAMES = ("ALA", *ALL, "GLY")
PEPTIDE = helix(NAMES)
ROWS = [name for name in NAMES if name in GAMMA_AND_TIP]
FEW = "ignore:no rows for"
pytestmark = pytest.mark.filterwarnings(FEW)


def read(folder: Path, structure: list[Atom], **options: Any) -> atoms.AtomDataset:
    return atoms.from_structures(write(folder / "1abc.pdb", structure), **options)


def residue(number: int) -> dict[str, np.ndarray]:
    return {atom.name: atom.xyz for atom in PEPTIDE if atom.number == number}


def rewritten(folder: Path, suffix: str, structure: list[Atom]) -> Path:
    model = pdb.PDBFile.read(write(folder / "source.pdb", structure)).get_structure(extra_fields=["occupancy"])
    file: Any = pdbx.BinaryCIFFile() if suffix == ".bcif" else pdbx.CIFFile()
    pdbx.set_structure(file, model, data_block="peptide")
    file.write(folder / f"1abc{suffix}")
    return folder / f"1abc{suffix}"


@pytest.mark.parametrize(("atom", "which"), [("gamma", 0), ("tip", 1)])
def test_the_atom_lies_where_it_is_in_the_residues_own_frame(tmp_path: Path, atom: str, which: int) -> None:
    dataset = read(tmp_path, PEPTIDE, atom=atom)
    assert [dataset.residue_names[i] for i in dataset.residue] == ROWS
    assert dataset.res_id is not None
    for name, number, y in zip(ROWS, dataset.res_id, dataset.y, strict=True):
        here = residue(number)
        to_c, to_n, to_atom = (here[a] - here["CA"] for a in ("C", "N", GAMMA_AND_TIP[name][which]))
        in_plane = np.sqrt(to_n @ to_n - (to_n @ to_c) ** 2 / (to_c @ to_c))
        # The axes follow from what they must give: CA→C lies on the first, CA→N in the plane of the first two.
        assert y @ y == pytest.approx(to_atom @ to_atom, rel=1e-4)
        assert y[0] == pytest.approx(to_atom @ to_c / np.linalg.norm(to_c), abs=1e-4)
        along = to_n @ to_c / np.linalg.norm(to_c)
        assert y[0] * along + y[1] * in_plane == pytest.approx(to_atom @ to_n, abs=1e-4)
        assert np.sign(y[2]) == np.sign(to_atom @ np.cross(to_c, to_n))


def test_where_a_molecule_lies_and_how_it_is_turned_does_not_matter(tmp_path: Path) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    here = read(tmp_path, PEPTIDE)
    there = read(tmp_path, moved(PEPTIDE, turn, np.array([11.0, -7.0, 30.0])))
    # A PDB file rounds to 0.001 Å.
    np.testing.assert_allclose(there.y, here.y, atol=4e-3)
    np.testing.assert_allclose(there.x, here.x, atol=2e-2)


@pytest.mark.parametrize("suffix", [".cif", ".bcif", ".pdb.gz", ".cif.gz", ".ent"])
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    plain = read(tmp_path, PEPTIDE)
    if suffix in (".cif", ".bcif"):
        path = rewritten(tmp_path, suffix, PEPTIDE)
    else:
        source = rewritten(tmp_path, ".cif", PEPTIDE) if ".cif" in suffix else write(tmp_path / "source.pdb", PEPTIDE)
        path = tmp_path / f"1abc{suffix}"
        path.write_bytes(gzip.compress(source.read_bytes()) if suffix.endswith(".gz") else source.read_bytes())
    again = atoms.from_structures([path])
    np.testing.assert_allclose(again.x, plain.x, atol=1e-6)
    np.testing.assert_allclose(again.y, plain.y, atol=1e-6)
    assert again.chain_names == ["1abc_A"]
    np.testing.assert_array_equal(again.res_id, plain.res_id)


def test_what_is_no_part_of_the_chain_changes_nothing(tmp_path: Path) -> None:
    plain = read(tmp_path, PEPTIDE)
    middle = PEPTIDE[40].xyz
    water = [Atom("O", "HOH", 900, middle + 3, record="HETATM"), Atom("CA", "CA", 901, middle - 3, record="HETATM")]
    other_chain = moved(helix(("ALA", "GLY", "ALA"), chain="B"), np.eye(3), middle)
    hydrogens = [replace(a, name="H" + a.name[-1], xyz=a.xyz + 0.6) for a in PEPTIDE if a.name in ("N", "CB")]
    together = sorted(PEPTIDE + hydrogens, key=lambda atom: atom.number)
    dataset = read(tmp_path, together + water + other_chain)
    np.testing.assert_array_equal(dataset.x, plain.x)
    np.testing.assert_array_equal(dataset.y, plain.y)
    assert dataset.skipped == plain.skipped == {}


def test_of_several_models_the_first(tmp_path: Path) -> None:
    first, second = (write(tmp_path / "m.pdb", helix(NAMES, seed)).read_text().replace("END\n", "") for seed in (0, 1))
    (tmp_path / "1abc.pdb").write_text(f"MODEL        1\n{first}ENDMDL\nMODEL        2\n{second}ENDMDL\nEND\n")
    np.testing.assert_array_equal(atoms.from_structures(tmp_path / "1abc.pdb").y, read(tmp_path, PEPTIDE).y)


def without(number: int, *names: str) -> list[Atom]:
    return [a for a in PEPTIDE if not (a.number == number and a.name in names)]


def renamed(number: int, residue_name: str) -> list[Atom]:
    return [replace(a, residue=residue_name) if a.number == number else a for a in PEPTIDE]


def occupied(number: int, name: str, occupancy: float) -> list[Atom]:
    return [replace(a, occupancy=occupancy) if (a.number, a.name) == (number, name) else a for a in PEPTIDE]


LEU = 1 + NAMES.index("LEU")


@pytest.mark.parametrize(
    ("structure", "missing", "reasons"),
    [
        (without(LEU, "CA"), {LEU - 1, LEU, LEU + 1}, {"incomplete backbone": 1, "at an end or gap of the chain": 2}),
        (without(LEU, "CD1"), {LEU}, {"incomplete side chain": 1}),
        (without(LEU, "CG"), {LEU}, {"incomplete side chain": 1}),
        (occupied(LEU, "CD1", 0.49), {LEU}, {"occupancy below one half": 1}),
        (occupied(LEU, "CD1", 0.5), set(), {}),
        (renamed(LEU, "SEP"), {LEU}, {"modified residue": 1}),
        ([a for a in PEPTIDE if a.number > 2], {2, 3}, {"at an end or gap of the chain": 1}),
        ([a for a in PEPTIDE if a.number != LEU], {LEU - 1, LEU, LEU + 1}, {"at an end or gap of the chain": 2}),
    ],
)
def test_what_is_left_out_is_counted(
    tmp_path: Path, structure: list[Atom], missing: set[int], reasons: dict[str, int]
) -> None:
    whole, dataset = read(tmp_path, PEPTIDE), read(tmp_path, structure)
    assert whole.res_id is not None
    assert dataset.res_id is not None
    assert set(dataset.res_id) == set(whole.res_id) - missing
    assert dataset.skipped == reasons
    for reason, count in reasons.items():
        assert f"{count} {reason}" in repr(dataset)


def test_what_is_left_out_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="probcost"):
        read(tmp_path, PEPTIDE)
        assert not caplog.messages
        read(tmp_path, without(LEU, "CD1"))
    assert caplog.messages == ["residues left out: 1 incomplete side chain"]


def test_skipped_residues_survive_the_disk_and_selections(tmp_path: Path) -> None:
    dataset = read(tmp_path, without(LEU, "CD1"))
    dataset.save(tmp_path / "set.npz")
    assert atoms.load(tmp_path / "set.npz").skipped == {"incomplete side chain": 1}
    assert repr(atoms.load(tmp_path / "set.npz")) == repr(dataset)
    assert dataset.select(np.arange(3)).skipped == {"incomplete side chain": 1}


def test_selenomethionine_is_methionine(tmp_path: Path) -> None:
    met = 1 + NAMES.index("MET")
    derivative = [replace(a, name="SE" if a.name == "SD" else a.name) for a in renamed(met, "MSE")]
    dataset, plain = read(tmp_path, derivative), read(tmp_path, PEPTIDE)
    np.testing.assert_array_equal(dataset.x, plain.x)
    np.testing.assert_array_equal(dataset.y, plain.y)


def test_of_alternate_locations_the_one_held_most(tmp_path: Path) -> None:
    def both(shares: tuple[float, float]) -> list[Atom]:
        out = []
        for a in PEPTIDE:
            if (a.number, a.name) != (LEU, "CD1"):
                out.append(a)
                continue
            out.append(replace(a, altloc="A", occupancy=shares[0]))
            out.append(replace(a, altloc="B", occupancy=shares[1], xyz=a.xyz + 1.0))
        return out

    plain = read(tmp_path, PEPTIDE)
    assert plain.res_id is not None
    at = int(np.flatnonzero(plain.res_id == LEU)[0])
    np.testing.assert_array_equal(read(tmp_path, both((0.6, 0.4))).y, plain.y)
    assert np.linalg.norm(read(tmp_path, both((0.4, 0.6))).y[at] - plain.y[at]) == pytest.approx(3**0.5, abs=0.01)
    assert read(tmp_path, both((0.4, 0.4))).skipped == {"occupancy below one half": 1}


def test_programs_that_leave_columns_blank(tmp_path: Path) -> None:
    lines = write(tmp_path / "whole.pdb", PEPTIDE).read_text().splitlines()
    plain = read(tmp_path, PEPTIDE)
    for width in (54, 66):
        (tmp_path / "short.pdb").write_text("\n".join(line[:width] for line in lines))
        np.testing.assert_array_equal(atoms.from_structures(tmp_path / "short.pdb").y, plain.y)


def random_names(seed: int, n: int = 40) -> tuple[str, ...]:
    return tuple(np.random.default_rng(seed).choice(ALL, n))


def test_like_chains_share_a_group_and_no_group_is_split(tmp_path: Path) -> None:
    first = random_names(0)
    mutant = (*first[:10], "TRP" if first[10] != "TRP" else "SER", *first[11:])
    truncated = first[4:]
    chains = [first, first, mutant, truncated, *(random_names(seed) for seed in range(1, 8))]
    paths = [write(tmp_path / f"{i}.pdb", helix(names, seed=i)) for i, names in enumerate(chains)]
    dataset = atoms.from_structures(paths)
    assert dataset.chain is not None
    group = [int(np.unique(dataset.group[dataset.chain == i]).item()) for i in range(len(chains))]
    assert len(set(group[:4])) == 1
    assert len(set(group)) == 8
    for g in set(group):
        assert len(np.unique(dataset.split[dataset.group == g])) == 1
    assert set(np.unique(dataset.split)) == {0, 1, 2}
    assert dataset.chain_names == [f"{i}_A" for i in range(len(chains))]
    again = atoms.from_structures(paths)
    np.testing.assert_array_equal(dataset.split, again.split)


@pytest.mark.filterwarnings("default:no rows for")
def test_too_few_unlike_chains_are_said_to_be(tmp_path: Path) -> None:
    path = write(tmp_path / "1abc.pdb", PEPTIDE)
    with pytest.warns(UserWarning, match="no rows for validation and test: 1 unlike chains are too few"):
        atoms.from_structures([path, path])


@pytest.mark.parametrize("suffix", [".pdb", ".cif", ".bcif", ".cif.gz"])
@pytest.mark.parametrize("content", ["noise", "nothing", "half"])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, suffix: str, content: str) -> None:
    path = tmp_path / f"bad{suffix}"
    if content == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(3000))
    elif content == "nothing":
        path.write_bytes(b"")
    elif suffix == ".pdb":
        # Atoms are lines, so that half a PDB file is a smaller molecule; half a line is no atom.
        whole = write(tmp_path / "whole.pdb", PEPTIDE).read_text()
        path.write_text(whole[: 80 * 60 + 35])
    else:
        source = rewritten(tmp_path, suffix.removesuffix(".gz"), PEPTIDE).read_bytes()
        data = gzip.compress(source) if suffix.endswith(".gz") else source
        path.write_bytes(data[: len(data) // 2 + 7])
    with pytest.raises(ValueError, match=rf"bad{suffix}.*(damaged, truncated|no atoms)"):
        atoms.from_structures([path])


def test_bad_requests(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*nowhere.pdb'"):
        atoms.from_structures(tmp_path / "nowhere.pdb")
    with pytest.raises(ValueError, match="is a directory; name the structure files in it"):
        atoms.from_structures(tmp_path)
    with pytest.raises(ValueError, match="unknown atom 'delta'; choose one of 'gamma', 'tip'"):
        atoms.from_structures([], atom="delta")
    with pytest.raises(ValueError, match="paths is empty"):
        atoms.from_structures([])
    (tmp_path / "a.mol2").write_text("")
    with pytest.raises(ValueError, match=r"suffix '.mol2'; accepted are .pdb, .ent"):
        atoms.from_structures([tmp_path / "a.mol2"])
    with pytest.raises(ValueError, match="no residue in 1 files can be used; found: 2 at an end or gap"):
        read(tmp_path, build(("LEU", "SER"), np.full((2, 3), 180.0)))
    with pytest.raises(ValueError, match=r"1abc.pdb': CB of residue 12 has no finite coordinates"):
        read(tmp_path, [replace(a, xyz=a.xyz * np.nan) if (a.name, a.number) == ("CB", 12) else a for a in PEPTIDE])
    with pytest.raises(ValueError, match="found: no protein"):
        read(tmp_path, [Atom("O", "HOH", 1, np.zeros(3))])


def test_without_biotite_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "biotite.structure.io", None)
    monkeypatch.setitem(sys.modules, "biotite.structure", None)
    with pytest.raises(ImportError, match="pip install biotite"):
        read(tmp_path, PEPTIDE)


def test_import_leaves_biotite_alone() -> None:
    code = "import sys, probcost, probcost.scenarios.atoms; print('biotite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_the_atoms_are_those_of_the_stored_sets() -> None:
    for which, kind in enumerate(("gamma", "tip")):
        path = SHARED / "data" / "atoms" / f"sidechain_{kind}.npz"
        if not path.exists():
            pytest.skip(
                "the side-chain sets are not here: they lie in ../shared/data/atoms on the developers' machines"
            )
        with np.load(path) as stored:
            names = stored["atom_names"].tolist()
            assert names == [GAMMA_AND_TIP[name][which] for name in stored["residue_names"].tolist()]
