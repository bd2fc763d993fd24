"""The pictures show what the table says."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from probcost.checks.calibration import calibration
from probcost.style import COLOURS
from tests.checks.simulated import VectorNormal, evidence, negative_binomial, poisson, rates, vector_evidence


def curve_colour(axis: Any) -> str:
    return to_hex(axis.lines[-1].get_color()).upper()


@pytest.mark.parametrize("units", [1, 8, 30])
def test_a_true_model_stays_within_the_bands(units: int) -> None:
    rng = np.random.default_rng(units)
    mean = rates(rng, 600, units, 1.0)
    before = dict(mpl.rcParams)
    check = calibration(evidence(poisson(mean), poisson(mean).rvs(random_state=rng)))
    figure = check.plot()
    assert figure.get_suptitle() == "Calibrated: nothing speaks against the model"
    histogram, distance, coverage, spread = figure.axes
    assert sum(bar.get_height() for bar in histogram.patches if hasattr(bar, "get_height"))
    for axis in (distance, coverage):
        assert curve_colour(axis) == COLOURS["model"]
    assert sum(len(dots.get_offsets()) for dots in spread.collections) == units
    assert dict(mpl.rcParams) == before


def test_a_false_model_leaves_the_bands() -> None:
    rng = np.random.default_rng(0)
    mean = rates(rng, 3000, 8, 2.0)
    check = calibration(evidence(poisson(mean), negative_binomial(mean).rvs(random_state=rng)))
    figure = check.plot()
    assert figure.get_suptitle() == f"Not calibrated: {len(check.rejected)} of 9 beliefs rejected"
    for axis in figure.axes[1:3]:
        assert curve_colour(axis) == COLOURS["alert"]
    variances = np.concatenate([dots.get_offsets() for dots in figure.axes[3].collections])[:, 1]
    np.testing.assert_allclose(np.sort(variances), np.sort(check.units.residual_variance))


def test_the_figure_is_drawn_to_a_file(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    mean = rates(rng, 300, 3, 1.0)
    path = tmp_path / "check.png"
    calibration(evidence(poisson(mean), poisson(mean).rvs(random_state=rng))).plot().savefig(path)
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(("factor", "colour"), [(1.0, "model"), (0.4, "alert")])
def test_vectors_are_drawn_by_their_regions_and_units_apart(factor: float, colour: str) -> None:
    rng = np.random.default_rng(1)
    covariance = np.array([[1.0, 0.7], [0.7, 1.0]])
    true = VectorNormal(rng.normal(size=(500, 2)), covariance)
    check = calibration(vector_evidence(VectorNormal(true.location, factor * covariance), true.rvs(rng)))
    histogram, distance, coverage, _ = check.plot().axes
    assert histogram.get_title(loc="left") == "Highest-density regions: flat if calibrated"
    assert curve_colour(coverage) == COLOURS[colour]
    curves = [curve for curve in distance.lines if len(curve.get_xdata()) > 2]
    assert [to_hex(curve.get_color()).upper() for curve in curves] == 2 * [COLOURS[colour]]
