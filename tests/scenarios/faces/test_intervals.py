"""Intervals by people: as wide as theory says, narrower for paired differences, and repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from probcost.scenarios import faces

RNG = np.random.default_rng(0)


def test_intervals_of_a_mean_over_people_are_as_wide_as_theory_says() -> None:
    # Ten photos a person tell no more than one where all ten are equal: n is the number of people.
    value = RNG.normal(size=60)
    person = np.repeat(np.arange(60), 10)
    interval = faces.bootstrap_people(person, lambda w: float(np.average(value[person], weights=w)), n=2000)
    assert interval.estimate == pytest.approx(value.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * value.std() / np.sqrt(60), rel=0.08)


def test_paired_differences_are_surer_than_scores() -> None:
    centre = RNG.normal(size=(15, 4))
    person = np.repeat(np.arange(15), 6)
    # People differ in how well they can be told apart, whoever tells.
    noise = RNG.gamma(2.0, 0.5, size=(15, 1))[person] * RNG.normal(size=(90, 4))
    good, poor = centre[person] + 0.8 * noise, centre[person] + noise

    def scores(weight: np.ndarray) -> dict[str, float]:
        a, b = (faces.verification_scores(e, person, weight=weight)["auc"] for e in (good, poor))
        return {"good": a, "poor": b, "gain": a - b}

    found = faces.bootstrap_people(person, scores, n=200, seed=1)
    width = {name: interval.high - interval.low for name, interval in found.items()}
    assert width["gain"] < 0.5 * min(width["good"], width["poor"])
    assert 0 < found["gain"].low < found["gain"].estimate < found["gain"].high
    again = faces.bootstrap_people(person, scores, n=200, seed=1)
    np.testing.assert_array_equal(again["good"].draws, found["good"].draws)
    assert repr(found["good"]).startswith(f"{found['good'].estimate:.3f} [")


def test_copies_of_a_person_make_no_pairs() -> None:
    """A naive bootstrap pairs a photo with its own copy, at distance 0, and finds verification better than it is."""
    embedding = RNG.normal(size=(40, 3))
    person = np.repeat(np.arange(10), 4)
    interval = faces.bootstrap_people(
        person, lambda w: faces.verification_scores(embedding, person, weight=w)["auc"], n=300
    )
    assert interval.draws.mean() == pytest.approx(interval.estimate, abs=0.02)


def test_weights_are_how_often_people_were_drawn() -> None:
    seen: list[np.ndarray] = []
    person = np.array([4, 4, 9, 11, 11])
    faces.bootstrap_people(person, lambda w: seen.append(w) or 0.0, n=50)
    assert (seen[0] == 1).all()
    for weight in seen[1:]:
        assert weight[0] == weight[1]
        assert weight[3] == weight[4]
        assert weight[[0, 2, 3]].sum() == 3
        assert (weight[[0, 2, 3]] > 0).sum() > 1


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="1 people are there"):
        faces.bootstrap_people([2, 2, 2], lambda w: 0.0)
    with pytest.raises(ValueError, match="n is 0"):
        faces.bootstrap_people([1, 2], lambda w: 0.0, n=0)
