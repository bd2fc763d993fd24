"""Scores against hand-computed cases, against loops that say what they mean, and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score, roc_curve

from probcost.scenarios import faces
from tests.conftest import SHARED

RNG = np.random.default_rng(0)


def random_faces(seed: int, people: int = 7, most: int = 6, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), rng.integers(2, most + 1, people))
    rng.shuffle(person)
    return rng.normal(size=(people, 3))[person] + spread * rng.normal(size=(len(person), 3)), person


def test_verification_by_hand() -> None:
    # Same: 1 and 3; different: 2, 3, 5, 6 (points 0, 1 of one; 3, 6 of another).
    found = faces.verification_scores([[0.0], [1.0], [3.0], [6.0]], [0, 0, 1, 1])
    # 1 is nearer than all four; 3 nearer than two and as near as one: (4 + 2.5) / 8.
    assert found["auc"] == pytest.approx(6.5 / 8)
    assert found["tar_at_far_1pct"] == 0.5
    # At 2: false .25, refused .5; at 3: false .5, refused 0; the first is nearer to a crossing.
    assert found["eer"] == pytest.approx((0.25 + 0.5) / 2)


@pytest.mark.parametrize("seed", range(4))
def test_verification_against_scikit_learn_on_all_pairs(seed: int) -> None:
    embedding, person = random_faces(seed)
    i, j = np.triu_indices(len(person), 1)
    d, same = np.linalg.norm(embedding[i] - embedding[j], axis=1), person[i] == person[j]
    found = faces.verification_scores(torch.tensor(embedding), torch.tensor(person))
    assert found["auc"] == pytest.approx(roc_auc_score(same, -d))
    fpr, tpr, _ = roc_curve(same, -d, drop_intermediate=False)
    at = np.argmin(np.abs(fpr - 1 + tpr))
    assert found["eer"] == pytest.approx((fpr[at] + 1 - tpr[at]) / 2)
    assert found["tar_at_far_1pct"] == pytest.approx(tpr[fpr <= 0.01].max())
    square = np.linalg.norm(embedding[:, None] - embedding, axis=-1)
    assert faces.verification_scores(square, person, metric="precomputed") == pytest.approx(found)


@pytest.mark.parametrize("seed", range(4))
def test_retrieval_against_a_loop(seed: int) -> None:
    embedding, person = random_faces(seed)
    recall: dict[int, list[float]] = {1: [], 3: []}
    precision, average = [], []
    for t in range(len(person)):
        rest = np.delete(np.arange(len(person)), t)
        near = rest[np.argsort(np.linalg.norm(embedding[rest] - embedding[t], axis=1))]
        hit = person[near] == person[t]
        r = hit.sum()
        for k, values in recall.items():
            values.append(float(hit[:k].any()))
        precision.append(hit[:r].mean())
        average.append(sum(hit[: i + 1].mean() for i in range(r) if hit[i]) / r)
    found = faces.retrieval_scores(embedding, person, k=(1, 3))
    wanted = {"recall_at_1": np.mean(recall[1]), "recall_at_3": np.mean(recall[3])}
    assert found == pytest.approx(wanted | {"r_precision": np.mean(precision), "map_at_r": np.mean(average)})
    square = np.linalg.norm(embedding[:, None] - embedding, axis=-1)
    assert faces.retrieval_scores(square, person, k=(1, 3), metric="precomputed") == pytest.approx(found)


def test_retrieval_by_hand() -> None:
    # Photo 0 of A finds A, B, A: R = 2, hits (1, 0), precision 1/2, average precision (1 + 0)/2.
    distance = np.array([[0, 1, 3, 2], [1, 0, 1.5, 9], [3, 1.5, 0, 1], [2, 9, 1, 0]], dtype=float)
    found = faces.retrieval_scores(distance, [0, 0, 0, 1], metric="precomputed")
    assert found == pytest.approx(
        {"recall_at_1": 2 / 3, "r_precision": (0.5 + 1 + 0.5) / 3, "map_at_r": (0.5 + 1 + 0.25) / 3}
    )


def test_pixels_of_the_orl_faces_score_what_others_measured() -> None:
    path = SHARED / "data" / "faces" / "orl_56x46.npz"
    if not path.exists():
        pytest.skip("the ORL faces are not here: they lie in ../shared/data/faces on the developers' machines")
    dataset = faces.load(path, size=(32, 32))
    found = []
    for _, test in dataset.folds(5):
        part = dataset.select(test)
        x = part.x.reshape(len(part), -1)
        found.append(faces.verification_scores(x, part.person) | faces.retrieval_scores(x, part.person))
    means = {name: np.mean([fold[name] for fold in found]) for name in found[0]}
    measured = {"auc": 0.944, "eer": 0.132, "tar_at_far_1pct": 0.581, "recall_at_1": 0.985, "map_at_r": 0.751}
    assert {name: round(float(means[name]), 3) for name in measured} == measured


def test_people_with_one_photo_are_found_but_do_not_ask() -> None:
    found = faces.retrieval_scores([[0.0], [1.0], [1.2]], [0, 0, 5])
    assert found["recall_at_1"] == 0.5
    assert faces.verification_scores([[0.0], [1.0], [9.0]], [0, 0, 5])["auc"] == 1.0


def test_weights_are_people_drawn_again() -> None:
    """Weights must give what a set with copies of people gives when pairs across copies of one person are struck out."""
    embedding, person = random_faces(9, spread=1.5)
    times = np.array([0, 2, 1, 3, 0, 1, 1])
    rows = np.concatenate([np.flatnonzero(person == i) for i in range(7) for _ in range(times[i])])
    copy = np.concatenate([np.full((person == i).sum(), c) for i in range(7) for c in range(times[i])])
    i, j = np.triu_indices(len(rows), 1)
    who, d = person[rows], np.linalg.norm(embedding[rows[i]] - embedding[rows[j]], axis=1)
    kept = (who[i] != who[j]) | (copy[i] == copy[j])
    same = (who[i] == who[j])[kept]
    found = faces.verification_scores(embedding, person, weight=times[person])
    assert found["auc"] == pytest.approx(roc_auc_score(same, -d[kept]))
    fpr, tpr, _ = roc_curve(same, -d[kept], drop_intermediate=False)
    assert found["tar_at_far_1pct"] == pytest.approx(tpr[fpr <= 0.01].max())
    there = times[person] > 0
    one_each = [
        faces.retrieval_scores(embedding[there], person[there], weight=(person == p)[there] + 1e-12)
        for p in range(7)
        if times[p]
    ]
    shares = np.array([(person == p).sum() * times[p] for p in range(7) if times[p]])
    expected = np.average([score["map_at_r"] for score in one_each], weights=shares)
    assert faces.retrieval_scores(embedding, person, weight=times[person])["map_at_r"] == pytest.approx(expected)


def test_same_person_scores_at_chance_and_by_hand() -> None:
    chance = faces.same_person_scores(np.full(50, 0.5), np.arange(50) < 3)
    assert chance == pytest.approx({"same_person_nll": np.log(2), "same_person_brier": 0.25, "same_person_ece": 0.0})
    # One same pair (weight .5) at .8, two different ones (.25 each) at .1 and .7.
    found = faces.same_person_scores([0.8, 0.1, 0.7], [1, 0, 0])
    assert found["same_person_nll"] == pytest.approx(-0.5 * np.log(0.8) - 0.25 * np.log(0.9) - 0.25 * np.log(0.3))
    assert found["same_person_brier"] == pytest.approx(0.5 * 0.04 + 0.25 * 0.01 + 0.25 * 0.49)
    assert found["same_person_ece"] == pytest.approx(0.5 * 0.2 + 0.25 * 0.1 + 0.25 * 0.7)
    # In one bin, over- and under-confidence cancel.
    shared = faces.same_person_scores([0.49, 0.49], [1, 0])
    assert shared["same_person_ece"] == pytest.approx(0.01)


def test_calibrated_probabilities_score_no_calibration_error() -> None:
    p = RNG.uniform(size=200_000)
    same = RNG.uniform(size=len(p)) < p  # both classes are equally frequent, so that equal weights change nothing
    assert faces.same_person_scores(p, same)["same_person_ece"] < 0.01
    assert faces.same_person_scores(p**3, same)["same_person_ece"] > 0.2
    certain = faces.same_person_scores(torch.tensor([0.0, 1.0]), torch.tensor([True, False]))
    assert certain["same_person_nll"] == pytest.approx(-np.log(1e-7), rel=1e-3)


@pytest.mark.parametrize("far", [0.0, 0.001, 0.01, 0.05, 0.3, 1.0])
def test_the_threshold_accepts_as_few_as_wanted_and_not_fewer(far: float) -> None:
    distance, same = RNG.gamma(2.0, size=3000).round(2), RNG.uniform(size=3000) < 0.1
    threshold = faces.threshold_at_far(distance, same, far)
    accepted = (distance[~same] <= threshold).mean()
    assert accepted <= far
    above = np.unique(distance[~same][distance[~same] > threshold])
    if len(above):
        assert (distance[~same] <= above[0]).mean() > far
    fpr, tpr, _ = roc_curve(same, -distance, drop_intermediate=False)
    assert (distance[same] <= threshold).mean() >= tpr[fpr <= far].max() - 1e-12


def test_photo_errors_by_hand_and_their_correlation_with_spread() -> None:
    error = faces.photo_error([[0.0], [2.0], [3.0], [10.0]], [0, 0, 1, 2])
    np.testing.assert_allclose(error[:2], [2 / 3, 2 / 1])
    assert np.isnan(error[2:]).all()
    embedding, person = random_faces(3)
    known = faces.photo_error(embedding, person)
    spread = np.exp(known) + 0.1 * RNG.normal(size=len(known))
    assert faces.uncertainty_error(spread, embedding, person) == pytest.approx(spearmanr(spread, known).statistic)
    assert faces.uncertainty_error(known, embedding, person) == pytest.approx(1.0)
    assert faces.uncertainty_error(-known, embedding, person) == pytest.approx(-1.0)
    assert np.isnan(faces.uncertainty_error(np.ones(len(known)), embedding, person))


def test_coincident_photos_have_an_error() -> None:
    np.testing.assert_array_equal(faces.photo_error(np.zeros((4, 2)), [0, 0, 1, 1]), 1.0)
    assert faces.verification_scores(np.zeros((4, 2)), [0, 0, 1, 1])["auc"] == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e, p: faces.verification_scores(e, p[:-1]), r"person \[\d+\]; an embedding of \[T, m\]"),
        (lambda e, p: faces.verification_scores(e, p, metric="precomputed"), r"distances of \[T, T\]"),
        (
            lambda e, p: faces.verification_scores(e, p, metric="cosine"),
            "unknown metric 'cosine'; choose one of 'euclidean'",
        ),
        (lambda e, p: faces.verification_scores(e * np.nan, p), r"embedding\[0, 0\] is nan"),
        (lambda e, p: faces.verification_scores(e, 0 * p), "1 people with up to"),
        (lambda e, p: faces.retrieval_scores(e, np.arange(len(p))), "with up to 1 photos each"),
        (lambda e, p: faces.retrieval_scores(e, p, k=(0,)), r"k is \(0,\)"),
        (lambda e, p: faces.retrieval_scores(e, p - 1), r"person\[\d+\] is -1"),
        (lambda e, p: faces.same_person_scores([0.5, 1.5], [0, 1]), r"probability\[1\] is 1.5"),
        (lambda e, p: faces.same_person_scores([0.5, np.nan], [0, 1]), r"probability\[1\] is nan"),
        (lambda e, p: faces.same_person_scores([0.5, 0.5], [1, 1]), "2 pairs of one person and 0 of two"),
        (lambda e, p: faces.same_person_scores([0.5], [1, 0]), r"probability has shape \[1\] and same \[2\]"),
        (lambda e, p: faces.same_person_scores([0.5, 0.1], [1, 2]), r"same\[1\] is 2"),
        (lambda e, p: faces.threshold_at_far([1.0], [1], 0.1), "all 1 pairs are of one person"),
        (lambda e, p: faces.threshold_at_far([1.0, 2.0], [1, 0], 1.1), "far is 1.1"),
        (lambda e, p: faces.uncertainty_error([1.0], e, p), r"spread has shape \[1\]"),
    ],
)
def test_what_does_not_fit_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*random_faces(1))


def test_people_may_be_names() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(6), 4)
    embedding = rng.normal(size=(6, 3))[person] + 0.5 * rng.normal(size=(24, 3))
    names = np.array(["zoe", "ann", "bob", "eve", "max", "ida"])[person]
    for labels in (names, names.tolist(), names.astype(object)):
        assert faces.verification_scores(embedding, labels) == faces.verification_scores(embedding, person)
        assert faces.retrieval_scores(embedding, labels) == faces.retrieval_scores(embedding, person)
        assert np.array_equal(faces.photo_error(embedding, labels), faces.photo_error(embedding, person))
        assert np.array_equal(faces.all_pairs(labels)[2], faces.all_pairs(person)[2])

    def auc(labels: object) -> object:
        return lambda weight: faces.verification_scores(embedding, labels, weight=weight)["auc"]

    low, high = (getattr(faces.bootstrap_people(names, auc(names), n=20), end) for end in ("low", "high"))
    assert 0.5 < low < high <= 1
