"""Pictures of faces show the numbers they claim to show, and leave matplotlib's settings alone."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from probcost.scenarios import faces

RNG = np.random.default_rng(0)
PERSON = np.repeat(np.arange(5), 6)
EMBEDDING = RNG.normal(size=(5, 4))[PERSON] + 0.4 * RNG.normal(size=(30, 4))
IMAGES = RNG.integers(0, 256, (30, 8, 6), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _settings_stay() -> Any:
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before


def drawn(figure: Figure) -> Figure:
    figure.canvas.draw()
    return figure


def test_a_contact_sheet_shows_every_photo_as_it_is() -> None:
    figure = drawn(faces.plot_photos(IMAGES[:14], [str(t) for t in range(14)], columns=6))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [str(t) for t in range(14)]
    for axes, image in zip(shown, IMAGES, strict=False):
        np.testing.assert_allclose(axes.images[0].get_array(), image / 255)
        assert axes.images[0].get_clim() == (0, 1)
    assert drawn(faces.plot_photos(np.repeat(IMAGES[:2, None], 3, axis=1))).axes[0].images[0].get_array().shape == (
        8,
        6,
        3,
    )


def test_embeddings_keep_distances_in_the_plane() -> None:
    flat = RNG.normal(size=(30, 2))
    rotation, _ = np.linalg.qr(RNG.normal(size=(5, 5)))
    figure = drawn(faces.plot_embedding({"flat": flat @ rotation[:2] + 3.0, "noise": EMBEDDING}, PERSON))
    points = np.concatenate([np.asarray(c.get_offsets()) for c in figure.axes[0].collections[1:]])
    found = np.linalg.norm(points[:, None] - points, axis=-1)
    np.testing.assert_allclose(found, np.linalg.norm(flat[:, None] - flat, axis=-1), atol=1e-6)
    assert figure.axes[0].get_xlabel() == "two directions hold 100 % of the variance"
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["flat", "noise"]
    assert len(figure.legends[0].get_texts()) == 5


def test_a_collapsed_embedding_is_one_point_and_said_to_be() -> None:
    figure = drawn(faces.plot_embedding({"pairs only": 1 + 1e-7 * RNG.normal(size=(30, 4))}, PERSON))
    assert figure.axes[0].get_xlabel() == "all photos in one point"
    assert np.abs(np.concatenate([c.get_offsets() for c in figure.axes[0].collections])).max() == 0


def test_many_people_differ_in_shape_and_colour_and_the_rest_is_grey() -> None:
    person = np.repeat(np.arange(30), 2)
    figure = drawn(faces.plot_embedding({"e": RNG.normal(size=(60, 3))}, person, [f"p{i}" for i in range(30)], most=9))
    assert len(figure.legends[0].get_texts()) == 9
    assert "21 others" in figure.legends[0].get_title().get_text()
    looks = {(tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes()) for c in figure.axes[0].collections[1:]}
    assert len(looks) == 9


def test_neighbours_are_the_nearest_and_are_marked_without_colour() -> None:
    figure = drawn(faces.plot_neighbours(IMAGES, EMBEDDING, PERSON, queries=[0, 20], n=7))
    panels = np.array(figure.axes).reshape(2, 9)
    for query, row in zip((0, 20), panels, strict=True):
        distance = np.linalg.norm(EMBEDDING - EMBEDDING[query], axis=1)
        order = np.argsort(distance)[1:8]
        np.testing.assert_allclose(row[0].images[0].get_array(), IMAGES[query] / 255)
        for axes, t in zip(row[2:], order, strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), IMAGES[t] / 255)
            right = PERSON[t] == PERSON[query]
            assert axes.get_xlabel() == f"{'✓' if right else '✗'} {distance[t]:.2f}"
            assert (axes.spines["left"].get_linewidth() < 3) == right


def test_the_roc_is_the_scores() -> None:
    figure = drawn(faces.plot_roc({"embedding": EMBEDDING, "noise": RNG.normal(size=(30, 4))}, PERSON))
    scores = faces.verification_scores(EMBEDDING, PERSON)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    curve, mark = axes.lines[0], axes.lines[1]
    np.testing.assert_allclose(mark.get_xydata(), [[0.01, scores["tar_at_far_1pct"]]])
    false, true = np.asarray(curve.get_xydata()).T
    assert np.trapezoid(true, false) == pytest.approx(scores["auc"], abs=1e-9)
    text = figure.legends[0].get_texts()[0].get_text()
    assert text.startswith(f"embedding: AUC {scores['auc']:.3f}, TAR ")
    assert "1 %" in [tick.get_text() for tick in axes.get_xticklabels()]
    assert axes.lines[0].get_linestyle() != axes.lines[2].get_linestyle()


def test_reliability_weighs_the_classes_equally_and_counts_pairs() -> None:
    p, same = np.array([0.95, 0.9, 0.9, 0.1]), np.array([True, False, False, False])
    figure = drawn(faces.plot_reliability(p, same, bins=5))
    said, found = np.asarray(figure.axes[0].lines[1].get_xydata()).T
    np.testing.assert_allclose(said, [0.1, (0.5 * 0.95 + 2 / 6 * 0.9) / (0.5 + 2 / 6)])
    np.testing.assert_allclose(found, [0, 0.5 / (0.5 + 2 / 6)])
    counts = [[bar.get_height() for bar in bars] for bars in figure.axes[1].containers]
    assert counts == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 2]]
    many = RNG.uniform(size=500)
    truth = RNG.uniform(size=500) < many
    ece = faces.same_person_scores(many, truth)["same_person_ece"]
    assert f"calibration error {ece:.3f}" in drawn(faces.plot_reliability(many, truth)).axes[0].get_title(loc="left")


def test_distances_have_equal_areas_and_the_learned_curve() -> None:
    first, second, same = faces.all_pairs(PERSON)
    distance = np.linalg.norm(EMBEDDING[first] - EMBEDDING[second], axis=1)
    grid = np.linspace(0, 5, 20)
    figure = drawn(faces.plot_distances(distance, same, curve=(grid, np.exp(-grid))))
    areas = []
    for shape in figure.axes[0].patches:
        assert isinstance(shape, Polygon)
        x, y = shape.get_xy().T
        areas.append(abs(np.sum(x[:-1] * np.diff(y) - y[:-1] * np.diff(x))) / 2)
    np.testing.assert_allclose(areas, 1.0, rtol=1e-6)
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), np.exp(-grid))
    assert figure.legends[0].get_texts()[0].get_text() == f"same person: {same.sum()} pairs"


def test_spread_by_condition_keeps_equal_conditions_together() -> None:
    blur = np.concatenate([np.zeros(80), RNG.uniform(1, 2, 20)])
    spread = 1 + blur
    figure = drawn(faces.plot_spread(spread, blur, "blur, pixels", bins=5))
    centre, middle = np.asarray(figure.axes[0].containers[0].lines[0].get_xydata()).T
    assert centre[0] == 0
    assert len(centre) == 5
    assert (centre[1:] >= 1).all()
    np.testing.assert_allclose(middle, 1 + centre)
    assert figure.axes[0].get_xlabel() == "blur, pixels"
    assert drawn(faces.plot_spread(np.ones(3), np.zeros(3), "yaw")).axes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: faces.plot_photos(IMAGES[:0]), "at least one photo"),
        (lambda: faces.plot_photos(IMAGES[0]), r"images has shape \[8, 6\]"),
        (lambda: faces.plot_photos(IMAGES, ["a"]), "titles has 1 and images 30 photos"),
        (lambda: faces.plot_embedding({}, PERSON), "embeddings is empty"),
        (lambda: faces.plot_embedding({"e": EMBEDDING[:-1]}, PERSON), r"shapes are \[29, 4\], person \[30\]"),
        (lambda: faces.plot_neighbours(IMAGES, EMBEDDING, PERSON, [30]), r"queries is \[30\]; row numbers 0 … 29"),
        (lambda: faces.plot_neighbours(IMAGES[:9], EMBEDDING, PERSON, [3]), "images has 9 photos and person 30"),
        (lambda: faces.plot_roc({}, PERSON), "embeddings is empty"),
        (lambda: faces.plot_reliability([0.5, 2.0], [0, 1]), r"probability\[1\] is 2"),
        (lambda: faces.plot_distances([0.5, np.nan], [0, 1]), r"distance\[1\] is nan"),
        (lambda: faces.plot_distances([0.5, 1], [0, 1], ([0, 1], [0.2, 1.4])), "curve has shapes"),
        (lambda: faces.plot_spread([1, 2], [1], "yaw"), r"spread has shape \[2\] and condition \[1\]"),
        (lambda: faces.plot_spread([1, np.inf], [1, 1], "yaw"), r"spread\[1\] is inf"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
