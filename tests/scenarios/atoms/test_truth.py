"""The density that simulated locations are drawn from, against the draws themselves."""

from __future__ import annotations

import numpy as np
import pytest

from probcost.scenarios import atoms
from probcost.scenarios.atoms.simulate import SUBSTITUENTS, place_tip

DATASET = atoms.simulate_molecule(3000, temperature=250.0, seed=4)
TEST = DATASET.select(DATASET.rows("test")[::4])
N = 20_000


def of_kind(name: str) -> np.ndarray:
    """The inputs of one atom of this substituent, ``[1, 12]``."""
    return DATASET.x[DATASET.residue == [s.name for s in SUBSTITUENTS].index(name)][:1]


@pytest.mark.parametrize("name", ["propyl", "benzyl", "ethynylmethyl"])
def test_the_density_is_that_of_the_draws(name: str) -> None:
    x = of_kind(name)
    draws = atoms.true_samples(np.repeat(x, N // 8, axis=0), 8).reshape(-1, 3)
    rng = np.random.default_rng(1)
    radius = 0.25
    # One place in the thick of it, and one further out.
    crowded = np.argsort(atoms.true_log_prob(np.repeat(x, 20, axis=0), draws[:20]))[::-8]
    for centre in draws[crowded[:2]]:
        found = (np.linalg.norm(draws[20:] - centre, axis=1) < radius).sum()
        inside = rng.normal(size=(30, 3))
        inside *= radius * rng.uniform(size=(30, 1)) ** (1 / 3) / np.linalg.norm(inside, axis=1, keepdims=True)
        density = np.exp(atoms.true_log_prob(np.repeat(x, 30, axis=0), centre + inside))
        expected = N * 4 / 3 * np.pi * radius**3 * density.mean()
        error = np.hypot(np.sqrt(expected), expected * density.std() / density.mean() / 30**0.5)
        assert expected > 10
        assert abs(found - expected) < 4 * error


@pytest.mark.parametrize("name", ["propyl", "thioethyl", "isobutyl"])
def test_rotamers_are_as_frequent_as_they_are_probable(name: str) -> None:
    x = of_kind(name)
    ideal = np.deg2rad([60.0, 180.0, 300.0])
    bond = next(s.last_bond for s in SUBSTITUENTS if s.name == name)
    centres = place_tip(np.repeat(ideal, 3), np.tile(ideal, 3), np.full(9, bond), np.zeros((6, 9)))
    draws = atoms.true_samples(np.repeat(x, N // 8, axis=0), 8).reshape(-1, 3)
    nearest = np.linalg.norm(draws[:, None] - centres, axis=-1).argmin(1)
    probability = atoms.rotamer_probabilities(x)[0].ravel()
    # Some atoms swing so far that another rotamer's centre is nearer.
    np.testing.assert_allclose(np.bincount(nearest, minlength=9) / N, probability, atol=0.03)
    assert probability.sum() == pytest.approx(1.0)
    assert (probability > 0.01).sum() >= 3


def test_no_other_belief_scores_better() -> None:
    """The log-density is a proper score: a wrong temperature and a wrong place are each worse on average."""
    truth = atoms.true_log_prob(TEST.x, TEST.y)
    assert np.isfinite(truth).all()
    for column, change in (("temperature", 1.6), ("crowding", 0.0)):
        other = TEST.x.copy()
        other[:, list(TEST.feature_names).index(column)] *= change
        assert (truth - atoms.true_log_prob(other, TEST.y)).mean() > 0


def test_inputs_say_how_uncertain_a_location_is() -> None:
    spread = atoms.true_samples(TEST.x, 40).var(0).sum(-1)
    assert np.quantile(spread, 0.95) > 3 * np.quantile(spread, 0.05)


def test_draws_repeat_themselves() -> None:
    np.testing.assert_array_equal(atoms.true_samples(TEST.x, 2, seed=1), atoms.true_samples(TEST.x, 2, seed=1))
    assert not np.array_equal(atoms.true_samples(TEST.x, 2, seed=1), atoms.true_samples(TEST.x, 2, seed=2))


def test_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x has shape \[5, 3\]; the \[T, 12\] inputs of simulate_molecule"):
        atoms.rotamer_probabilities(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="inputs of simulate_molecule are needed"):
        atoms.true_samples(np.zeros((5, 12)), 1)
    with pytest.raises(ValueError, match=r"x has 150 rows and y has shape \[149, 3\]"):
        atoms.true_log_prob(TEST.x, TEST.y[1:])
