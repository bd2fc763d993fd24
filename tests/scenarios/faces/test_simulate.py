"""The renderer obeys optics; its people can be told apart across poses, but not by their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from probcost.scenarios import faces
from probcost.scenarios.faces.heads import Expression, Head, draw_traits
from probcost.scenarios.faces.rendering import View, render
from probcost.scenarios.faces.surfaces import Surface, ellipsoid, normals, solid


@pytest.fixture(scope="module")
def dataset() -> faces.FaceDataset:
    return faces.simulate_faces(n_people=40, n_photos=12, seed=3)


def pixel_distances(dataset: faces.FaceDataset) -> np.ndarray:
    x = dataset.x.reshape(len(dataset), -1).astype(float)
    square = (x**2).sum(1)
    return np.sqrt((square[:, None] + square - 2 * x @ x.T).clip(0))


def test_another_in_the_same_pose_looks_nearer_than_oneself_turned(dataset: faces.FaceDataset) -> None:
    distance, yaw = pixel_distances(dataset), dataset.condition["yaw"]
    same = dataset.person[:, None] == dataset.person
    sharp = dataset.condition["blur"] == 0
    frontal, profile = sharp & (np.abs(yaw) < 15), sharp & (np.abs(yaw) > 75)
    oneself = distance[same & frontal[:, None] & profile]
    another = distance[~same & frontal[:, None] & frontal]
    assert (another[:, None] < oneself).mean() > 0.7
    # And somebody is nearer than oneself for practically everybody.
    nearest = np.where(~same & frontal, distance, np.inf).min(1)
    photo, turned = np.nonzero(same & frontal[:, None] & profile)
    assert (nearest[photo] < distance[photo, turned]).mean() > 0.97


def test_pixels_verify_nobody_across_a_turn(dataset: faces.FaceDataset) -> None:
    from sklearn.metrics import roc_auc_score

    distance, yaw = pixel_distances(dataset), dataset.condition["yaw"]
    first, second, same = faces.all_pairs(dataset.person)
    d, turn = distance[first, second], np.abs(yaw[first] - yaw[second])
    assert roc_auc_score(same[turn < 15], -d[turn < 15]) > 0.7
    assert 0.45 < roc_auc_score(same[turn > 90], -d[turn > 90]) < 0.65
    assert faces.retrieval_scores(distance, dataset.person, metric="precomputed")["map_at_r"] < 0.1


def test_but_who_it_is_can_be_learned_and_holds_for_people_never_seen() -> None:
    dataset = faces.simulate_faces(60, 12, size=(24, 24), seed=1, blurred=0.0)
    x, unseen = dataset.x.reshape(len(dataset), -1), dataset.person < 20
    pca = PCA(60, whiten=True, random_state=0).fit(x[~unseen])
    lda = LinearDiscriminantAnalysis(n_components=20).fit(pca.transform(x[~unseen]), dataset.person[~unseen])
    who = dataset.person[unseen]
    learned = faces.verification_scores(lda.transform(pca.transform(x[unseen])), who)["auc"]
    assert learned > 0.82
    assert faces.verification_scores(x[unseen], who)["auc"] < 0.66


def test_everybody_is_seen_from_the_front_and_from_both_sides(dataset: faces.FaceDataset) -> None:
    yaw = dataset.condition["yaw"].reshape(40, 12)
    assert (yaw.min(1) == -90).all()
    assert (yaw.max(1) == 90).all()
    assert (np.abs(yaw).min(1) < 15).all()
    assert 0.08 < (dataset.condition["blur"] > 0).mean() < 0.22
    assert dataset.images.dtype == np.uint8
    assert dataset.images.std() > 30


def test_it_repeats_itself_and_more_people_change_nobody() -> None:
    one = faces.simulate_faces(2, 3, seed=7, size=(16, 12))
    np.testing.assert_array_equal(faces.simulate_faces(3, 3, seed=7, size=(16, 12)).images[:6], one.images)
    assert one.size == (16, 12)
    assert not np.array_equal(faces.simulate_faces(2, 3, seed=8, size=(16, 12)).images, one.images)
    assert np.abs(faces.simulate_faces(2, 3, size=(16, 16), max_yaw=30).condition["yaw"]).max() == 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_people": 1}, "n_people is 1; whole numbers from 2"),
        ({"n_photos": 2.5}, "n_photos is 2.5; whole numbers from 1"),
        ({"size": (32, 4)}, "size is 4; whole numbers from 8"),
        ({"size": (32,)}, r"size is \(32,\)"),
        ({"max_yaw": 120}, "max_yaw is 120"),
        ({"blurred": 1.5}, "blurred 1.5"),
    ],
)
def test_nonsense_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        faces.simulate_faces(**change)


def test_a_lit_sphere_obeys_lambert() -> None:
    ball = solid(ellipsoid(0.8, 0.8, 0.8, 300), 0.6)
    assert (ball.points * ball.normals).sum(1)[np.abs(ball.points[:, 1]) < 0.75].min() > 0.79  # they point outwards
    view = View(light=40, elevation=20, strength=0.7, background=0.0)
    image = render(ball, view, (40, 40))
    pixel = (np.arange(40) - 19.5) * 2.2 / 40
    x, y = pixel[None], -pixel[:, None]
    inside = x**2 + y**2 < 0.6
    z = np.sqrt((0.64 - x**2 - y**2).clip(0))
    a, e = np.deg2rad([40, 20])
    cosine = (x * np.sin(a) * np.cos(e) + y * np.sin(e) + z * np.cos(a) * np.cos(e)) / 0.8
    expected = (0.6 * (0.3 + 0.7 * 1.25 * cosine.clip(0))).clip(0, 1) ** (1 / 1.5)
    np.testing.assert_allclose(image[inside], expected[inside], atol=0.03)


def test_the_nearer_surface_hides_the_other() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1.5, 1.5, 200), np.linspace(1.5, -1.5, 200)), -1).reshape(-1, 2)
    wall = [np.column_stack([grid, np.full(len(grid), z)]).astype(np.float32) for z in (-0.2, 0.3)]
    out = np.tile(np.array([0, 0, 1], np.float32), (2 * len(grid), 1))
    albedo = np.repeat(np.array([0.2, 0.9], np.float32), len(grid))
    for order in (wall, wall[::-1]):
        dark_first = order[0][0, 2] < 0
        surface = Surface(np.concatenate(order), out, albedo if dark_first else albedo[::-1].copy())
        image = render(surface, View(strength=0.0), (20, 20))
        np.testing.assert_allclose(image, 0.9 ** (1 / 1.5), rtol=1e-5)


def test_heads_have_no_holes_and_turn_to_where_they_are_told() -> None:
    rng = np.random.default_rng(5)
    traits = draw_traits(rng) | {"hair_tone": 0.1, "baldness": -1.0, "hair_length": -1.0}
    head = Head(traits, rng, rows=160)
    surface = head.surface(Expression(), clothes=0.3)
    white = Surface(surface.points, surface.normals, np.full_like(surface.albedo, 1.0))
    for yaw in (-90.0, -45.0, 0.0, 45.0, 90.0):
        image = render(white, View(yaw=yaw, strength=0.0, background=0.0), (32, 32))
        middle = image[10:22, 11:21]
        assert middle.min() == pytest.approx(1.0)
    # The dark hair is behind: a face that looks to the photo's right is bright there.
    for yaw, sign in ((-90.0, -1), (90.0, 1)):
        photo = render(surface, View(yaw=yaw), (32, 32))[12:20]
        assert sign * (photo[:, 16:26].mean() - photo[:, 6:16].mean()) > 0.1
    smiling = head.surface(Expression(smile=1.0, mouth_open=1.0), clothes=0.3)
    assert np.abs(smiling.albedo - surface.albedo).max() > 0.2
    assert len(smiling.points) == len(surface.points)


def test_blur_softens_and_keeps_the_mean_light() -> None:
    ball = solid(ellipsoid(0.5, 0.5, 0.5, 150), 0.8)
    sharp, soft = (render(ball, View(blur=b, background=0.1), (32, 32)) for b in (0.0, 2.0))
    assert soft.mean() == pytest.approx(sharp.mean(), rel=0.02)
    assert np.abs(np.diff(soft)).max() < 0.5 * np.abs(np.diff(sharp)).max()


def test_normals_are_unit_vectors() -> None:
    out = normals(ellipsoid(1.0, 0.7, 0.5, 40))
    np.testing.assert_allclose((out**2).sum(-1), 1.0, rtol=1e-4)
