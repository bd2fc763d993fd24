"""What nobody knows of a real molecule: the distribution that simulated locations were drawn from."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.scenarios.atoms.simulate import (
    GAS_CONSTANT,
    STIFFNESS,
    SUBSTITUENTS,
    boltzmann,
    locations,
    place_tip,
    potentials,
)

__all__ = ["rotamer_probabilities", "true_log_prob", "true_samples"]

Floats = NDArray[np.float64]

_STEP = 3  # degrees between the torsions that the density is summed over
# Each stands for its surroundings as a normal of half a step: wide enough to leave no ripple (1 %), and narrow beside the 7°
# and more over which rotors swing.
_BLUR = np.deg2rad(_STEP / 2)
_NEGLIGIBLE = 1e-9  # probability of torsions that are left out of the sum


def true_samples(x: ArrayLike, n: int, seed: int = 0) -> Floats:
    """Locations drawn anew under the conditions of simulated rows, ``[n, T, 3]``, Å.

    Args:
        x: inputs of `simulate_molecule`, ``[T, 12]``.
        n: draws of each row.
        seed: fixes the numbers.

    Raises:
        ValueError: when ``x`` is not laid out as `simulate_molecule` does.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> true_samples(molecules.x, n=10).shape
        (10, 200, 3)
    """
    conditions = _conditions(x)
    rng = np.random.default_rng(seed)
    return np.stack([locations(*conditions, rng) for _ in range(n)])


def rotamer_probabilities(x: ArrayLike) -> Floats:
    """Probabilities of the nine rotamers under each condition, ``[T, 3, 3]``: χ1, then χ2, each gauche+, trans, gauche−.

    Gauche+ is from 0° to 120°, trans from 120° to 240°, gauche− from 240° to 360° (IUPAC).

    Args:
        x: inputs of `simulate_molecule`, ``[T, 12]``.

    Raises:
        ValueError: when ``x`` is not laid out as `simulate_molecule` does.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> probabilities = rotamer_probabilities(molecules.x)
        >>> probabilities.shape, bool(np.allclose(probabilities.sum((1, 2)), 1.0))
        ((200, 3, 3), True)
    """
    first, second = _torsions(x)
    # The grid runs from −180°: half of trans, gauche−, gauche+, and the other half of trans.
    thirds = [
        np.stack([p[:, 180:300].sum(1), p[:, 300:].sum(1) + p[:, :60].sum(1), p[:, 60:180].sum(1)], axis=1)
        for p in (first, second)
    ]
    return thirds[0][:, :, None] * thirds[1][:, None, :]


def true_log_prob(x: ArrayLike, y: ArrayLike) -> Floats:
    r"""Log-density of locations under the simulated truth, ``[T]``, nats (y in Å): no model can be better on average.

    .. math:: \log p(y \mid x) = \log \sum_{\chi_1, \chi_2} p(\chi_1) \, p(\chi_2) \,
        \mathcal N\!\left(y; r(\chi_1, \chi_2), \Sigma(\chi_1, \chi_2)\right)

    over torsions 3° apart, with ``r`` the place of the atom in an unstrained molecule, and ``Σ`` what vibrations of bonds and
    angles make of it, to first order.

    Args:
        x: inputs of `simulate_molecule`, ``[T, 12]``.
        y: locations ``[T, 3]``, Å.

    Raises:
        ValueError: when ``x`` is not laid out as `simulate_molecule` does, or ``y`` has other rows.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> bool((true_log_prob(molecules.x, molecules.y) > true_log_prob(molecules.x, molecules.y + 5.0)).all())  # 5 Å off
        True
    """
    kind, _, _, _, kelvin = _conditions(x)
    at = np.asarray(y, dtype=np.float64)
    if at.shape != (len(kind), 3):
        raise ValueError(f"x has {len(kind):,} rows and y has shape {list(at.shape)}; [T, 3] is needed")
    # The grid begins at −180°: shifted by one, its threes are centred on −180°, −177°, ...
    first, second = (np.roll(p, 1, axis=1).reshape(len(kind), -1, _STEP).sum(2) for p in _torsions(x))
    log_p = np.empty(len(kind))
    for k in np.unique(kind):
        place, vibration, blur = _unstrained(SUBSTITUENTS[k].last_bond)
        for row in np.flatnonzero(kind == k):
            weight = np.multiply.outer(first[row], second[row]).ravel()
            there = weight > _NEGLIGIBLE
            root = np.linalg.cholesky(GAS_CONSTANT * kelvin[row] * vibration[there] + blur[there])
            log_normal = _log_normal(at[row] - place[there], root)
            log_p[row] = np.logaddexp.reduce(np.log(weight[there]) + log_normal)
    return log_p


def _log_normal(off: Floats, root: Floats) -> Floats:
    """Log-density of normals with these Cholesky factors ``[G, 3, 3]``, so far off their means ``[G, 3]``."""
    scaled = np.empty_like(off)
    # Forward substitution by hand: numpy's solver takes five times as long for three unknowns.
    for i in range(3):
        scaled[:, i] = (off[:, i] - (root[:, i, :i] * scaled[:, :i]).sum(1)) / root[:, i, i]
    log_det = np.log(root[:, 0, 0] * root[:, 1, 1] * root[:, 2, 2])
    return -0.5 * (scaled**2).sum(1) - log_det - 1.5 * np.log(2 * np.pi)


@cache
def _unstrained(last_bond: float) -> tuple[Floats, Floats, Floats]:
    """For each pair of torsions: the place ``[G, 3]``, its covariance per RT, and that of the blur, ``[G, 3, 3]``."""
    torsion = np.deg2rad(np.arange(-180, 180, _STEP, dtype=np.float64))
    inputs = np.zeros((8, len(torsion) ** 2))  # χ1, χ2 and six strains
    inputs[:2] = np.repeat(torsion, len(torsion)), np.tile(torsion, len(torsion))
    last = np.full(inputs.shape[1], last_bond)

    def tip(of: Floats) -> Floats:
        return place_tip(of[0], of[1], last, of[2:])

    small = 1e-4 * np.eye(8)[:, :, None]
    slopes = np.stack([(tip(inputs + d) - tip(inputs - d)) / 2e-4 for d in small], axis=-1)
    turns, strains = slopes[..., :2], slopes[..., 2:]
    vibration = np.einsum("gis,s,gjs->gij", strains, 1 / STIFFNESS, strains)
    return tip(inputs), vibration, _BLUR**2 * turns @ turns.swapaxes(-1, -2)


def _torsions(x: ArrayLike) -> list[Floats]:
    """Probabilities of χ1 and of χ2 by degree from −180°, each ``[T, 360]``."""
    kind, phi, psi, crowding, kelvin = _conditions(x)
    barriers, phases = potentials(kind, phi, psi, crowding)
    return [boltzmann(barriers[:, rotor], phases[:, rotor], kelvin)[1] for rotor in range(2)]


def _conditions(x: ArrayLike) -> tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]:
    """Substituent, φ, ψ, crowding and temperature of each row, read off the inputs."""
    inputs = np.asarray(x, dtype=np.float64)
    width = len(SUBSTITUENTS) + 6
    if inputs.ndim != 2 or inputs.shape[1] != width or not (inputs[:, : len(SUBSTITUENTS)].sum(1) == 1).all():
        raise ValueError(f"x has shape {list(inputs.shape)}; the [T, {width}] inputs of simulate_molecule are needed")
    sin_phi, cos_phi, sin_psi, cos_psi, crowding, kelvin = inputs[:, len(SUBSTITUENTS) :].T
    kind = inputs[:, : len(SUBSTITUENTS)].argmax(1)
    return kind, np.arctan2(sin_phi, cos_phi), np.arctan2(sin_psi, cos_psi), crowding, kelvin
