"""The simulated molecule: its geometry is a molecule's, and its rotors are where Boltzmann says."""

from __future__ import annotations

import numpy as np
import pytest

from probcost.scenarios import atoms
from probcost.scenarios.atoms.simulate import SUBSTITUENTS, _draw, boltzmann


def test_boltzmann_against_the_integral() -> None:
    barriers, phases, kelvin = np.array([[2.0, 1.0, 12.0]]), np.array([[0.3, 0.0, 0.0]]), np.array([300.0])
    grid, probability = boltzmann(barriers, phases, kelvin)
    assert probability.sum() == pytest.approx(1.0)
    fine = np.linspace(-np.pi, np.pi, 100_001)
    energy = sum(0.5 * barriers[0, n - 1] * (1 + np.cos(n * fine - phases[0, n - 1])) for n in (1, 2, 3))
    weight = np.exp(-energy / (8.314462618e-3 * 300))
    for low, high in ((-2 * np.pi / 3, -np.pi / 4), (-np.pi / 3, np.pi / 3)):
        half = np.deg2rad(0.5)  # each torsion of the grid stands for the degree around it
        expected = weight[(fine + half >= low) & (fine + half < high)].sum() / weight.sum()
        assert probability[0, (grid >= low) & (grid < high)].sum() == pytest.approx(expected, abs=2e-3)


def test_torsions_are_drawn_with_these_probabilities() -> None:
    n = 20_000
    barriers, phases = np.tile([3.0, 0.0, 10.0], (n, 1)), np.zeros((n, 3))
    kelvin = np.full(n, 300.0)
    drawn = _draw(barriers, phases, kelvin, np.random.default_rng(0))
    _, probability = boltzmann(barriers[:1], phases[:1], kelvin[:1])
    found = np.histogram(drawn, bins=np.deg2rad(np.arange(-180.5, 180, 30)))[0] / n
    expected = np.add.reduceat(probability[0], np.arange(0, 360, 30))
    np.testing.assert_allclose(found, expected, atol=5 * np.sqrt(0.25 / n))


def test_heat_frees_the_rotors_and_the_molecule_keeps_its_size() -> None:
    cold, hot = (atoms.simulate_molecule(3000, temperature=t) for t in (100.0, 500.0))
    for kind, substituent in enumerate(SUBSTITUENTS):
        spread = [d.y[d.residue == kind].var(0).sum() for d in (cold, hot)]
        if substituent.first[2] > 5:
            assert spread[1] > spread[0]
    reach = np.linalg.norm(hot.y, axis=1)
    assert reach.max() < 1.53 + 1.52 + 2.79 + 0.5
    assert reach.min() > 1.5


def test_it_repeats_itself_and_refuses_nonsense() -> None:
    one, two = atoms.simulate_molecule(100, seed=3), atoms.simulate_molecule(100, seed=3)
    np.testing.assert_array_equal(one.y, two.y)
    assert not np.array_equal(one.y, atoms.simulate_molecule(100, seed=4).y)
    with pytest.raises(ValueError, match="at least 60"):
        atoms.simulate_molecule(10)
    with pytest.raises(ValueError, match="whole number"):
        atoms.simulate_molecule(100.5)  # type: ignore[arg-type]
    for temperature in (0.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="temperature positive and finite"):
            atoms.simulate_molecule(100, temperature=temperature)
