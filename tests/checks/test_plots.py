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
    drawn = {name: sum(to_hex(c.get_color()).upper() == COLOURS[name] for c in curves) for name in ("model", "alert")}
    assert drawn == {"model": 2, "alert": 2 * (colour == "alert")}


def test_what_leaves_a_band_is_orange_and_nothing_else_is() -> None:
    """Of curves the stretches outside, of units and groups the dots; a unit whose PIT deviates within its band is a cross."""
    rng = np.random.default_rng(4)
    mean = rates(rng, 800, 6, 2.0)
    true = poisson(mean)
    y = true.rvs(random_state=rng)
    y[:, 0] = negative_binomial(mean).rvs(random_state=rng)[:, 0]
    check = calibration(evidence(true, y), groups=np.arange(800) % 4)
    _, distance, coverage, spread, bias = check.plot().axes
    for axis in (distance, coverage):
        reach = max(
            abs(v)
            for patch in axis.patches
            for v in patch.get_extents().transformed(axis.transData.inverted()).intervaly
        )
        beyond = [
            np.abs(line.get_ydata()) for line in axis.lines if to_hex(line.get_color()).upper() == COLOURS["alert"]
        ]
        for values in beyond:
            # Each stretch begins and ends with a point within.
            assert np.nanmax(values) > reach
            assert (values[np.isfinite(values)] > reach).mean() > 0.3
        usual = [line for line in axis.lines if to_hex(line.get_color()).upper() == COLOURS["model"]]
        assert all((np.abs(line.get_ydata()).max() > reach) == bool(beyond) for line in usual)
    for axis, centre in ((spread, 1.0), (bias, 0.0)):
        (band,) = [patch for patch in axis.patches if hasattr(patch, "get_data")]
        high, edges, low = band.get_data()
        for dots in axis.collections:
            shown = dots.get_offsets()
            for (at, value), colour in zip(shown, dots.get_facecolors()[: len(shown)], strict=True):
                place = int(np.searchsorted(edges, at)) - 1
                inside = low[place] <= value <= high[place]
                assert to_hex(colour).upper() == COLOURS["model" if inside else "alert"]
        assert low[0] < centre < high[0]
    colours = [to_hex(c).upper() for dots in spread.collections for c in dots.get_facecolors()]
    assert COLOURS["alert"] in colours
    assert COLOURS["model"] in colours
