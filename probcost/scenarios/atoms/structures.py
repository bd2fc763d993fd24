"""Side chains of your own structures: PDB, mmCIF and BinaryCIF files to the inputs and locations of the side-chain sets."""

from __future__ import annotations

import gzip
import io
import logging
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from probcost.scenarios.atoms.dataset import ROLES, AtomDataset, assign_split
from probcost.scenarios.atoms.surroundings import FEATURE_NAMES, TYPES, Backbone, describe, local_frame

__all__ = ["GAMMA_AND_TIP", "from_structures"]

# Of each type the atom that χ1 turns, and the outermost one whose name is unambiguous (its twins' names are exchangeable).
GAMMA_AND_TIP = {
    "ARG": ("CG", "CZ"),
    "ASN": ("CG", "CG"),
    "ASP": ("CG", "CG"),
    "CYS": ("SG", "SG"),
    "GLN": ("CG", "CD"),
    "GLU": ("CG", "CD"),
    "HIS": ("CG", "CE1"),
    "ILE": ("CG1", "CD1"),
    "LEU": ("CG", "CD1"),
    "LYS": ("CG", "NZ"),
    "MET": ("CG", "CE"),
    "PHE": ("CG", "CZ"),
    "PRO": ("CG", "CG"),
    "SER": ("OG", "OG"),
    "THR": ("OG1", "OG1"),
    "TRP": ("CG", "CH2"),
    "TYR": ("CG", "OH"),
    "VAL": ("CG1", "CG1"),
}
_TARGETS = ("gamma", "tip")
_LETTERS = dict(zip((*TYPES, "ALA", "GLY"), "RNDCQEHILKMFPSTWYVAG", strict=True))
_SAME_AS = {"MSE": "MET"}  # selenomethionine stands in for methionine so that crystals can be solved
_SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif", ".bcif")
_LONGEST_BOND = 2.0  # Å; a C–N bond is 1.33 Å, and the next atom over is 2.4 Å away
_LOWEST_OCCUPANCY = 0.5
_LOG = logging.getLogger(__name__)
# Relatives share a tenth of their 4-residue words, which takes about half their residues in common: GluA2 and GluA3, 57 % the
# same, share 17 %, strangers of 500 residues 1 to 6 %. Three words at least, since short peptides share one by chance.
_WORD, _SHARED, _FEWEST = 4, 0.1, 3


class Residue(NamedTuple):
    """One residue of a file: atoms by name (Å), their occupancies, and how many are heavier than hydrogen."""

    name: str
    number: int
    atoms: dict[str, NDArray[np.float64]]
    occupancy: dict[str, float]
    n_heavy: int


def from_structures(
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str], *, atom: str = "tip", seed: int = 0
) -> AtomDataset:
    """One row for each side chain of your own structures, with the inputs and the frame of the side-chain sets.

    ``x`` is what `surroundings.describe` says; ``y`` the atom in Å: origin CA, first axis CA→C, second the part of CA→N at
    right angles to it, third their cross product. A row needs a residue of the 18 types with a side chain that turns (not
    Gly or Ala; selenomethionine counts as Met), a whole backbone, bonds to a residue on either side, and both the tip and
    the gamma atom, held by at least half the molecules of the crystal. What is left out is counted by reason in
    ``dataset.skipped`` and logged at level INFO. Of alternate locations the one with the highest occupancy counts, of
    several models the first.

    Rows equal those of the stored sets but for ``env_cb*`` of files with hydrogens: here a residue weighs what its heavy
    atoms do, whether or not hydrogens were deposited; there hydrogens count too, which about doubles these columns in 7 of 77
    chains (1EJG and 5PTI by recomputation; 2NWD, 2RTG, 5EIL, 6OA8 and 7GSA by their size).

    Chains are named ``file_chain``, and numbered as mmCIF does (``label_asym_id``, ``label_seq_id``) or as the PDB file
    does. Rows of one ``group`` come from chains with (near-)identical sequences; none is split between roles.

    Args:
        paths: ``.pdb``, ``.ent``, ``.cif``, ``.mmcif`` or ``.bcif`` files, also ``.gz``; one or several.
        atom: ``"tip"``, the outermost atom with an unambiguous name, or ``"gamma"``, the one that χ1 turns.
        seed: of the split into roles.

    Raises:
        ImportError: without biotite, which reads the files.
        FileNotFoundError: where there is no such file.
        ValueError: for another atom, no path, a directory or a file that cannot be read (both are named), or files without a
            usable residue.

    Warns:
        UserWarning: when there are too few unlike chains for a role to get rows.

    Example:
        >>> dataset = atoms.from_structures(["1abc.cif", "2xyz.pdb"], atom="gamma")  # doctest: +SKIP
    """
    if atom not in _TARGETS:
        raise ValueError(f"unknown atom {atom!r}; choose one of {', '.join(map(repr, _TARGETS))}")
    files = [Path(p) for p in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    if not files:
        raise ValueError("paths is empty; at least one structure file is needed")
    wanted = {name: pair[_TARGETS.index(atom)] for name, pair in GAMMA_AND_TIP.items()}
    skipped: Counter[str] = Counter()
    names: list[str] = []
    sequences: list[str] = []
    parts: list[dict[str, NDArray[Any]]] = []
    for file in tqdm(files, desc="reading structures", unit="file", delay=2.0):
        for chain, residues in _chains(file):
            kept, backbone = _with_backbone(residues, skipped)
            rows = _usable(kept, backbone, skipped)
            if not len(rows):
                continue
            frames = local_frame(backbone.n[rows], backbone.ca[rows], backbone.c[rows])
            targets = np.array([kept[i].atoms[wanted[kept[i].name]] for i in rows])
            part = {
                "x": describe(backbone, rows),
                "y": np.einsum("rij,rj->ri", frames, targets - backbone.ca[rows]).astype(np.float32),
                "residue": np.array([TYPES.index(kept[i].name) for i in rows]),
                "res_id": np.array([kept[i].number for i in rows]),
                "chain": np.full(len(rows), len(names)),
            }
            parts.append(part)
            names.append(f"{_stem(file)}_{chain}")
            sequences.append("".join(_LETTERS.get(name, "X") for name in backbone.names))
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())
    if not parts:
        raise ValueError(f"no residue in {len(files):,} files can be used; found: {reasons or 'no protein'}")
    if reasons:
        _LOG.info("residues left out: %s", reasons)
    arrays = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    group = _families(sequences)[arrays["chain"]]
    dataset = AtomDataset(
        **arrays,
        feature_names=FEATURE_NAMES,
        residue_names=TYPES,
        chain_names=names,
        group=group,
        split=assign_split(group, seed),
        skipped=dict(skipped),
    )
    without = [role for role in ROLES if not len(dataset.rows(role))]
    if without:
        warnings.warn(
            f"no rows for {' and '.join(without)}: {len(np.unique(group))} unlike chains are too few to split; add "
            "structures of other proteins",
            UserWarning,
            stacklevel=2,
        )
    return dataset


def _chains(file: Path) -> Iterator[tuple[str, list[Residue]]]:
    """Each chain's name and its residues, waters and ligands among them."""
    atoms = _read(file)
    from biotite.structure import get_residue_starts

    for chain in dict.fromkeys(atoms.chain_id.tolist()):
        own = atoms[atoms.chain_id == chain]
        heavy = ~np.isin(own.element, ("H", "D"))
        coordinates = own.coord.astype(np.float64)
        limits = get_residue_starts(own, add_exclusive_stop=True)
        residues = []
        for start, stop in pairwise(limits):
            span = slice(start, stop)
            labels = own.atom_name[span].tolist()
            name = str(own.res_name[start])
            residues.append(
                Residue(
                    _SAME_AS.get(name, name),
                    int(own.res_id[start]),
                    dict(zip(labels, coordinates[span], strict=True)),
                    dict(zip(labels, own.occupancy[span].tolist(), strict=True)),
                    int(heavy[span].sum()),
                )
            )
        yield str(chain), residues


def _with_backbone(residues: list[Residue], skipped: Counter[str]) -> tuple[list[Residue], Backbone]:
    """The residues that have N, CA and C where a residue has them."""
    kept = []
    for residue in residues:
        atoms = residue.atoms
        whole = (
            atoms.keys() >= {"N", "CA", "C"} and _bonded(atoms["N"], atoms["CA"]) and _bonded(atoms["CA"], atoms["C"])
        )
        if whole:
            kept.append(residue)
        elif residue.name in TYPES:
            skipped["incomplete backbone"] += 1
    missing = np.full(3, np.nan)
    n, ca, c, o = (
        np.array([r.atoms.get(name, missing) for r in kept]).reshape(-1, 3) for name in ("N", "CA", "C", "O")
    )
    names = tuple(r.name for r in kept)
    return kept, Backbone(names, n, ca, c, o, np.array([r.n_heavy for r in kept], dtype=np.int64))


def _usable(residues: list[Residue], backbone: Backbone, skipped: Counter[str]) -> NDArray[np.int64]:
    """Places of the residues that make a row; the others of the 18 types, and modified residues, are counted."""
    bonded = [_bonded(backbone.c[i], backbone.n[i + 1]) for i in range(len(residues) - 1)]
    rows = []
    for i, residue in enumerate(residues):
        if residue.name in ("ALA", "GLY"):
            continue
        if residue.name not in TYPES:
            skipped["modified residue"] += 1
        elif i == 0 or i == len(residues) - 1 or not (bonded[i - 1] and bonded[i]):
            skipped["at an end or gap of the chain"] += 1
        elif not residue.atoms.keys() >= set(GAMMA_AND_TIP[residue.name]):
            skipped["incomplete side chain"] += 1
        elif min(residue.occupancy[name] for name in GAMMA_AND_TIP[residue.name]) < _LOWEST_OCCUPANCY:
            skipped["occupancy below one half"] += 1
        else:
            rows.append(i)
    return np.array(rows, dtype=np.int64)


def _bonded(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool(0 < np.linalg.norm(a - b) < _LONGEST_BOND)


def _families(sequences: list[str]) -> NDArray[np.int64]:
    """The same number for chains with the same sequence or enough words in common, directly or through relatives."""
    unlike = list(dict.fromkeys(sequences))
    words = [{s[i : i + _WORD] for i in range(len(s) - _WORD + 1)} for s in unlike]
    head = list(range(len(unlike)))

    def family(i: int) -> int:
        while head[i] != i:
            head[i] = i = head[head[i]]
        return i

    having: defaultdict[str, list[int]] = defaultdict(list)
    for i, own in enumerate(words):
        in_common = Counter(j for word in own for j in having[word])
        for j, count in in_common.items():
            if count >= max(_FEWEST, _SHARED * min(len(own), len(words[j]))):
                head[family(i)] = family(j)
        for word in own:
            having[word].append(i)
    of_sequence = {s: family(i) for i, s in enumerate(unlike)}
    return np.unique([of_sequence[s] for s in sequences], return_inverse=True)[1]


def _stem(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).stem


def _read(file: Path) -> Any:
    """The atoms of the first model, as biotite has them."""
    try:
        from biotite.structure.io import pdb, pdbx
    except ImportError as error:
        raise ImportError("reading structures needs biotite: pip install biotite") from error
    if file.is_dir():
        raise ValueError(
            f"{os.fspath(file)!r} is a directory; name the structure files in it, such as its glob('*.cif')"
        )
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(file)!r}")
    suffix = Path(file.name.removesuffix(".gz")).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ValueError(
            f"{os.fspath(file)!r} has the suffix {suffix!r}; accepted are {', '.join(_SUFFIXES)}, also .gz"
        )
    opened: Any = gzip.open if file.name.endswith(".gz") else open
    options: dict[str, Any] = {"model": 1, "altloc": "occupancy", "extra_fields": ["occupancy"]}
    # The parsers raise a dozen kinds of error on a damaged file; to the user they are one.
    try:
        with opened(file, "rb" if suffix == ".bcif" else "rt") as stream:
            if suffix in (".pdb", ".ent"):
                atoms = pdb.PDBFile.read(io.StringIO(_blanks_filled(stream.read()))).get_structure(**options)
            else:
                kind = pdbx.BinaryCIFFile if suffix == ".bcif" else pdbx.CIFFile
                atoms = pdbx.get_structure(kind.read(stream), use_author_fields=False, **options)
    except Exception as error:
        raise ValueError(f"{os.fspath(file)!r} is damaged, truncated or no {suffix} file: {error}") from error
    if not len(atoms):
        raise ValueError(f"{os.fspath(file)!r} holds no atoms")
    if not np.isfinite(atoms.coord).all():
        wrong = atoms[int(np.argwhere(~np.isfinite(atoms.coord))[0, 0])]
        raise ValueError(f"{os.fspath(file)!r}: {wrong.atom_name} of residue {wrong.res_id} has no finite coordinates")
    return atoms


def _blanks_filled(text: str) -> str:
    """A PDB file with occupancies of 1 and B factors of 0 where a program left these columns blank."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(("ATOM", "HETATM")):
            occupancy, b_factor = line[54:60].strip() or "1.00", line[60:66].strip() or "0.00"
            lines[i] = f"{line[:54]:<54}{occupancy:>6}{b_factor:>6}{line[66:]}"
    return "\n".join(lines)
