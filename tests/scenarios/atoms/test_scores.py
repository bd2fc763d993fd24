"""Scores of atoms against their definitions, and what types alone must not earn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from probcost.scenarios import atoms

MEANS = np.array([[[0.0, 0, 0], [5, 0, 0]], [[0, 0, 0], [5, 0, 0]]])
WEIGHTS = np.array([[0.9, 0.1], [0.1, 0.9]])


def test_correlation_within_types_is_not_fooled_by_types() -> None:
    rng = np.random.default_rng(0)
    residue = np.repeat(np.arange(5), 400)
    sigma = residue + rng.uniform(0, 0.1, 2000)
    error = np.abs(residue * rng.standard_normal(2000))
    assert abs(atoms.within_type_correlation(sigma, error, residue)) < 0.08
    assert np.corrcoef(sigma, error)[0, 1] > 0.4
    assert atoms.within_type_correlation(sigma, sigma**2, residue) == pytest.approx(1.0)
    assert np.isnan(atoms.within_type_correlation(sigma[:10], error[:10], residue[:10]))


def test_types_count_by_their_rows_and_ties_share_ranks() -> None:
    rng = np.random.default_rng(1)
    residue = np.repeat([0, 1, 2, 3], [300, 60, 29, 100])
    sigma = rng.integers(1, 6, len(residue)).astype(float)
    error = np.round(sigma * rng.exponential(size=len(residue)), 1)
    sigma[residue == 3] = 2.0  # says nothing about its atoms: no correlation is defined
    each = [spearmanr(sigma[residue == k], error[residue == k]).statistic for k in (0, 1)]
    got = atoms.within_type_correlation(sigma, error, residue)
    assert got == pytest.approx((300 * each[0] + 60 * each[1]) / 360)
    assert atoms.within_type_correlation(sigma, error, residue, minimum=61) == pytest.approx(each[0])


def test_share_of_atoms_at_their_mode() -> None:
    y = np.array([[0.5, 0, 0], [0.5, 0, 0]])
    assert atoms.mode_within(y, WEIGHTS, MEANS) == 0.5
    assert atoms.mode_within(y, WEIGHTS, MEANS, radius=0.4) == 0.0
    assert atoms.mode_within(y, WEIGHTS, MEANS, radius=4.6) == 1.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"have shapes \[\[2\], \[3\], \[2\]\]"):
        atoms.within_type_correlation([1, 2], [1, 2, 3], [0, 1])
    with pytest.raises(ValueError, match=r"error\[1\] is nan"):
        atoms.within_type_correlation([1, 2], [1, np.nan], [0, 1])
    with pytest.raises(ValueError, match=r"have shapes \[\[1, 3\], \[2, 2\], \[2, 2, 3\]\]"):
        atoms.mode_within(np.zeros((1, 3)), WEIGHTS, MEANS)
    with pytest.raises(ValueError, match=r"means\[0, 0, 0\] is nan; finite numbers"):
        atoms.mode_within(np.zeros((2, 3)), WEIGHTS, np.full_like(MEANS, np.nan))
