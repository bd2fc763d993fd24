"""Pictures of atoms show the numbers they claim to show, with units, and leave matplotlib's settings alone."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from probcost.scenarios import atoms

RNG = np.random.default_rng(0)
Y, MEANS = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3, 3))
WEIGHTS = np.tile([0.7, 0.29, 0.01], (4, 1))
COVARIANCES = np.tile(np.diag([0.1, 0.3, 0.05]), (4, 3, 1, 1))


def drawn(figure: Figure) -> Figure:
    figure.canvas.draw()
    return figure


def test_ellipsoids_hold_half_and_nine_tenths_of_a_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    surfaces: dict[str, np.ndarray] = {}
    for kind in ("plot_surface", "plot_wireframe"):
        monkeypatch.setattr(Axes3D, kind, lambda _, *xyz, kind=kind, **__: surfaces.update({kind: np.stack(xyz)}))
    root = RNG.normal(size=(3, 3))
    covariance, mean = root @ root.T, np.array([1.0, -2.0, 0.5])
    atoms.plot_locations(Y[:1], [[1.0]], mean[None, None], covariance[None, None])
    inverse = np.linalg.inv(covariance)
    away = RNG.multivariate_normal(mean, covariance, 50_000) - mean
    distance = np.einsum("ni,ij,nj->n", away, inverse, away)
    for kind, share in (("plot_surface", 0.5), ("plot_wireframe", 0.9)):
        points = surfaces[kind].reshape(3, -1).T - mean
        radius = np.einsum("ni,ij,nj->n", points, inverse, points)
        np.testing.assert_allclose(radius, radius[0])
        assert (distance < radius[0]).mean() == pytest.approx(share, abs=0.01)


def test_components_of_little_weight_are_left_out() -> None:
    def shapes(weights: Any) -> list[int]:
        figure = atoms.plot_locations(Y, weights, MEANS, COVARIANCES)
        return [sum(isinstance(c, Poly3DCollection) for c in panel.collections) for panel in figure.axes]

    assert shapes(WEIGHTS) == [2] * 4
    assert shapes(np.full((4, 3), 0.01)) == [3] * 4
    assert shapes(np.tile([1.0, 0.0, 0.0], (4, 1))) == [1] * 4


def test_heavier_is_denser_and_axes_are_angstrom() -> None:
    figure = drawn(atoms.plot_locations(Y, WEIGHTS, MEANS, COVARIANCES, titles=["LEU 1", "b", "c", "d"]))
    panel: Any = figure.axes[0]
    alphas = [c.get_facecolor()[0, 3] for c in panel.collections if isinstance(c, Poly3DCollection)]
    assert alphas == sorted(alphas, reverse=True)
    assert len(set(alphas)) == 2
    assert panel.get_title() == "LEU 1"
    assert [panel.get_xlabel(), panel.get_ylabel(), panel.get_zlabel()] == ["Å"] * 3
    spans = [np.ptp(limits) for limits in (panel.get_xlim3d(), panel.get_ylim3d(), panel.get_zlim3d())]
    np.testing.assert_allclose(spans, spans[0])
    assert [text.get_text() for text in panel.texts] == ["N", "C"]


def test_the_atom_shows_through_what_is_predicted_around_it() -> None:
    figure = atoms.plot_locations(Y[:1], [[1.0]], Y[:1, None], [[np.eye(3)]])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    rgb = np.array([0xD5, 0x5E, 0x00])
    below_the_legend = pixels[pixels.shape[0] // 4 :]
    assert (np.abs(below_the_legend - rgb).max(-1) < 8).sum() > 20


def test_at_most_six_atoms() -> None:
    many = [np.tile(part[:1], (9, *[1] * (part.ndim - 1))) for part in (Y, WEIGHTS, MEANS, COVARIANCES)]
    assert len(atoms.plot_locations(*many).axes) == 6


def test_scales_by_type_are_root_mean_squares() -> None:
    residue = np.array([0, 0, 2, 2])
    figure = drawn(atoms.plot_scale_by_type([1, 7, 1, 1], [3, 4, 0, 2], residue, ["ARG", "GLU", "SER"]))
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["SER (2)", "ARG (2)"]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [1, 5])
    np.testing.assert_allclose(axes.lines[1].get_xdata(), [2**0.5, 12.5**0.5])
    assert axes.get_xlabel() == "root mean square, Å"


def test_uncertainty_against_error_in_equal_groups() -> None:
    sigma = np.repeat([1.0, 2.0, 3.0], 40)
    error = sigma * np.tile([0.5, 1.5], 60)
    figure = drawn(atoms.plot_uncertainty_error(sigma, error, np.zeros(120, int), bins=3))
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.lines[1].get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(axes.lines[1].get_ydata(), np.array([1, 2, 3]) * 1.25**0.5)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), axes.lines[0].get_ydata())
    within = atoms.within_type_correlation(sigma, error, np.zeros(120, int))
    assert f"within types {within:.2f}" in axes.get_title(loc="left")


def test_the_users_settings_stay() -> None:
    before = dict(mpl.rcParams)
    atoms.plot_locations(Y, WEIGHTS, MEANS, COVARIANCES)
    atoms.plot_scale_by_type([1, 2], [1, 2], [0, 0], ["ARG"])
    assert dict(mpl.rcParams) == before


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"y has shape \[3, 3\] and weights \[4, 3\]"):
        atoms.plot_locations(Y[:3], WEIGHTS, MEANS, COVARIANCES)
    with pytest.raises(ValueError, match=r"covariances has shape \[4, 3, 3\] .* of \[4, 3, 3, 3\]"):
        atoms.plot_locations(Y, WEIGHTS, MEANS, COVARIANCES[:, 0])
    with pytest.raises(ValueError, match="residue holds 1 and residue_names has 1 names"):
        atoms.plot_scale_by_type([1, 2], [1, 2], [0, 1], ["ARG"])
    with pytest.raises(ValueError, match="bins is 15; 1 … 2 can be made of 2 atoms"):
        atoms.plot_uncertainty_error([1, 2], [1, 2], [0, 1])
    with pytest.raises(ValueError, match="residue holds -1 and residue_names has 1 names"):
        atoms.plot_scale_by_type([1, 2], [1, 2], [0, -1], ["ARG"])
    with pytest.raises(ValueError, match="titles has 2 and 4 atoms are drawn"):
        atoms.plot_locations(Y, WEIGHTS, MEANS, COVARIANCES, titles=["a", "b"])
    with pytest.raises(ValueError, match=r"y\[0, 0\] is nan; finite numbers"):
        atoms.plot_locations(Y * np.nan, WEIGHTS, MEANS, COVARIANCES)
    with pytest.raises(ValueError, match=r"error\[1\] is nan"):
        atoms.plot_uncertainty_error([1, 2], [1, np.nan], [0, 1])
