"""Checks of comparisons: right false alarms though pairs share people, power, independent references, and a fit of faces."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import optimize, special, stats

import probcost as pc
from probcost.checks import comparisons_recalibration
from probcost.checks.comparisons import calibration_error, diagnose_comparisons
from probcost.checks.comparisons_check import check_comparisons
from probcost.checks.comparisons_evidence import ComparisonEvidence, PairEvidence, TripletEvidence
from probcost.checks.comparisons_plots import reliability
from probcost.checks.comparisons_recalibration import recalibrate_pairs, recalibrate_triplets
from probcost.checks.diagnosis_result import Diagnosis
from probcost.checks.result import Check
from probcost.likelihoods import NWayChoice, Triplets, TripletSlack
from probcost.scenarios import faces

Floats = NDArray[np.float64]


@dataclass
class Known:
    """People with centres N(0, τ²) in m dimensions, photos around them N(0, s²), s of either of two sizes for each person.

    P(same) given the distance is known exactly; the fit says ``level + slope · logit`` of it.
    """

    people: int = 20
    photos: int = 6
    dimension: int = 16
    between: float = 1.2
    uneven: float = 0.0
    level: float = 0.0
    slope: float = 1.0
    seed: int = 0
    unbalanced: bool = False

    def comparison_evidence(self, photos: Any, people: Any, seed: int = 0) -> ComparisonEvidence:
        rng = np.random.default_rng(self.seed)
        counts = rng.integers(2, 2 * self.photos, self.people) if self.unbalanced else np.full(self.people, self.photos)
        person = np.repeat(np.arange(self.people), counts)
        scale = np.where(rng.random(self.people) < 0.5, 1 - self.uneven, 1 + self.uneven)
        centres = self.between * rng.normal(size=(self.people, self.dimension))
        points = centres[person] + scale[person, None] * rng.normal(size=(len(person), self.dimension))
        first, second, _ = faces.all_pairs(person)
        squared = ((points[first] - points[second]) ** 2).sum(axis=1)
        pairs = PairEvidence(self.level + self.slope * self.logit(squared), person[first], person[second])
        names = tuple(f"p{i}" for i in range(self.people))
        return ComparisonEvidence(points, person, names, pairs, None, "Known")

    def logit(self, squared: Floats) -> Floats:
        def log_density(*variances: float) -> Any:
            of_each = [stats.chi2.logpdf(squared / v, self.dimension) - np.log(v) for v in variances]
            return special.logsumexp(of_each, axis=0) - np.log(len(variances))

        small, large, apart = (1 - self.uneven) ** 2, (1 + self.uneven) ** 2, 2 * self.between**2
        mixed = small + large + apart
        different = log_density(2 * small + apart, mixed, mixed, 2 * large + apart)
        return np.asarray(log_density(2 * small, 2 * large) - different)


def p_values(known: Known, n: int) -> Floats:
    found = []
    for seed in range(n):
        check = check_comparisons(replace(known, seed=seed), None, None)
        found.append([line.p_value for line in check.lines])
    return np.array(found)


@pytest.mark.parametrize(
    "known",
    [
        Known(people=8),
        Known(people=8, uneven=0.3, between=1.5),
        Known(people=8, uneven=0.2, between=1.0, unbalanced=True),
        Known(people=20, photos=4, uneven=0.3),
    ],
    ids=["eight", "eight-uneven", "eight-unbalanced", "twenty"],
)
def test_a_calibrated_p_same_is_rarely_denied(known: Known) -> None:
    """In some 5 % of 200 data sets, which a binomial puts between 1 and 9.5 %; pairs as if independent would give 40 %."""
    rejected = (p_values(known, 200) < 0.05).mean(axis=0)
    assert rejected.shape == (2,)
    assert (rejected >= 0.01).all()
    assert (rejected <= 0.095).all()


def test_pairs_taken_as_independent_would_be_denied_far_too_often() -> None:
    denied = 0
    for seed in range(40):
        pairs = Known(people=20, uneven=0.3, seed=seed).comparison_evidence(None, None).pairs
        assert pairs is not None
        p = special.expit(pairs.logit)
        w = np.where(pairs.same, 0.5 / pairs.same.sum(), 0.5 / (~pairs.same).sum())
        score = (w * (pairs.same - p)).sum() / np.sqrt((w**2 * (pairs.same - p) ** 2).sum())
        denied += abs(score) > 1.96
    assert denied >= 8  # 2 are to be expected of a test of its level


@pytest.mark.parametrize(
    ("wrong", "line", "word"),
    [
        ({"slope": 2.0}, "P(same): sureness", "over-confident"),
        ({"slope": 0.5}, "P(same): sureness", "too timid"),
        ({"level": 1.5}, "P(same): level", "less likely than said"),
        ({"level": -1.5}, "P(same): level", "as likely as said"),
    ],
)
def test_a_wrong_p_same_is_found_and_put_in_words(wrong: dict[str, float], line: str, word: str) -> None:
    found = []
    for seed in range(12):
        findings = {f.name: f for f in diagnose_comparisons(Known(people=24, photos=4, seed=seed, **wrong), None, None)}  # type: ignore[arg-type]
        found.append(findings[line].p_value < 0.05)
        if found[-1]:
            assert word in findings[line].verdict
            assert "validation=(photos, people)" in findings[line].advice
    assert np.mean(found) > 0.9


def by_optimiser(logit: Floats, same: Any, first: Any, second: Any, *, slope_alone: bool = False) -> Floats:
    """The same maximum, of a likelihood written down again: each person, and each two people, count alike."""
    weight = np.zeros(len(logit))
    for kind in (same, ~same):
        groups = np.unique(first[kind] * 1000 + second[kind], return_inverse=True, return_counts=True)
        weight[kind] = 0.5 / groups[2][groups[1]] / len(groups[2])

    def cost(point: Floats) -> float:
        a, b = (point[0], 1.0) if slope_alone else point
        return float(weight @ np.logaddexp(0, np.where(same, -1, 1) * (a + b * logit)))

    start = [0.0] if slope_alone else [0.0, 1.0]
    return np.asarray(optimize.minimize(cost, start, method="BFGS", options={"gtol": 1e-9}).x)


def test_level_slope_and_their_errors_are_those_of_leaving_people_out_by_hand() -> None:
    pairs = Known(people=9, photos=4, between=0.9, unbalanced=True, seed=3).comparison_evidence(None, None).pairs
    assert pairs is not None
    found = recalibrate_pairs(pairs.logit, pairs.same, pairs.first, pairs.second)
    assert found.level is not None
    people = np.unique(pairs.first)
    arrays = (pairs.logit, pairs.same, pairs.first, pairs.second)

    def without(person: int, **options: bool) -> Floats:
        kept = (pairs.first != person) & (pairs.second != person)
        return by_optimiser(*(array[kept] for array in arrays), **options)

    for term, whole, parts in (
        (
            found.level,
            by_optimiser(*arrays, slope_alone=True)[0],
            [without(g, slope_alone=True)[0] for g in people],
        ),
        (found.log_slope, np.log(by_optimiser(*arrays)[1]), [np.log(without(g)[1]) for g in people]),
    ):
        spread = np.array(parts)
        error = np.sqrt((len(people) - 1) / len(people) * ((spread - spread.mean()) ** 2).sum())
        assert term.estimate == pytest.approx(whole, abs=1e-4)
        assert term.standard_error == pytest.approx(error, rel=1e-3)
        assert term.p_value == pytest.approx(2 * stats.t.sf(abs(whole) / error, len(people) - 1), rel=1e-2)


def test_many_people_are_left_out_by_one_step_to_the_same_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = Known(people=40, photos=4, between=0.9).comparison_evidence(None, None).pairs
    assert pairs is not None
    exact = recalibrate_pairs(pairs.logit, pairs.same, pairs.first, pairs.second)
    monkeypatch.setattr(comparisons_recalibration, "_REFITTED", 0)
    quick = recalibrate_pairs(pairs.logit, pairs.same, pairs.first, pairs.second)
    for a, b in ((exact.level, quick.level), (exact.log_slope, quick.log_slope)):
        assert a is not None
        assert b is not None
        assert a.estimate == b.estimate
        assert a.standard_error != b.standard_error
        assert a.standard_error == pytest.approx(b.standard_error, rel=0.05)


@pytest.mark.parametrize("people", [2, 5])
def test_too_few_people_are_said_to_be_too_few(people: int) -> None:
    check = check_comparisons(Known(people=people, slope=9.0), None, None)
    assert [(line.p_value, line.judged) for line in check.lines] == [(1.0, False), (1.0, False)]
    assert check.ok
    assert check.not_judged == f"{people} people with two photos or more, at least 6 are needed"
    assert str(check).startswith(f"Not judged: {check.not_judged}")
    assert "✓" not in str(check)
    assert "tested" not in str(check)
    assert re.findall(r"^(.)  P\(same\): level .* (\S+)  \d people", str(check), re.MULTILINE) == [("–", "–")]
    assert check.plot().get_suptitle() == f"Not judged: {check.not_judged}"


def test_people_parted_without_an_error_say_nothing_of_the_slope() -> None:
    check = check_comparisons(Known(between=9.0), None, None)
    assert not any(line.judged for line in check.lines)
    assert check.not_judged == "these photos are told apart almost without an error, or not at all"


def test_lines_that_could_not_be_judged_are_not_counted() -> None:
    known = Known(level=0.5)
    pairs = replace(known.comparison_evidence(None, None), pairs=None, triplets=answers(known))
    check = check_comparisons(SimpleNamespace(comparison_evidence=lambda *_: pairs), None, None)
    assert [line.judged for line in check.lines] == [False, True]
    assert "never learned" in check.lines[0].verdict
    assert check.corrected[1] == check.lines[1].p_value
    assert "120 photos of 20 people, 1 belief tested at 5 %, 1 could not be judged" in " ".join(str(check).split())


def answers(known: Known) -> TripletEvidence:
    """Answers of a logistic comparison."""
    gain, anchor, negative = triplets_of(known)
    right, wrong = (-np.log1p(np.exp(-sign * 0.3 * gain)) for sign in (1, -1))
    return TripletEvidence(right, wrong, anchor, negative)


def with_facts(people: int, **wrong: float) -> tuple[Check, Diagnosis]:
    """Check and diagnosis of an uncertain level, of sound answers to triplets, and of the diagnosis's two facts."""
    known = Known(people=people, **wrong)  # type: ignore[arg-type]
    evidence = replace(known.comparison_evidence(None, None), triplets=answers(known))
    fit = SimpleNamespace(comparison_evidence=lambda *_: evidence)
    findings = tuple(diagnose_comparisons(fit, None, None))
    nothing: Any = ((), (), None, frozenset())
    return check_comparisons(fit, None, None), Diagnosis(findings, *nothing, 0.05, "Known", 1, 1, None, {})


def test_check_and_diagnosis_agree_on_the_lines_they_share() -> None:
    between = set()
    for level in np.linspace(0.0, 1.2, 25):
        check, diagnosis = with_facts(20, level=level)
        for line, p in zip(check.lines, check.corrected, strict=True):
            finding = diagnosis[line.name]
            assert (finding.p_value, finding.p_corrected) == (line.p_value, pytest.approx(p))
            between.add((line.p_value < 0.05, p < 0.05))
            assert (finding.verdict == "as expected") == (line.p_value >= 0.05)
        assert check.ok == diagnosis.ok
        facts = [f for f in diagnosis.findings if f.fact]
        assert [f.name for f in facts] == ["coherence of triplets", "spread of the embedding"]
        assert [f.p_corrected for f in facts] == [f.p_value for f in facts]
    assert between == {(False, False), (True, False), (True, True)}  # some of each were seen


def test_a_doubtful_line_is_not_drawn_as_expected_nor_one_that_was_not_judged() -> None:
    drawn = {}
    for level in np.linspace(0.0, 1.2, 25):
        _, diagnosis = with_facts(20, level=level)
        axis = diagnosis.plot().axes[0]
        legend = axis.get_legend()
        assert legend is not None
        drawn |= {text.get_text(): points for text, points in zip(legend.get_texts(), axis.collections, strict=True)}
        doubtful = [f.p_value for f in diagnosis.findings if f.p_value < 0.05 <= f.p_corrected]
        shown = drawn.pop("denied alone, uncorrected", None)
        assert sorted(doubtful) == sorted([] if shown is None else np.asarray(shown.get_offsets())[:, 0])
        expected = np.asarray(drawn["as expected"].get_offsets())[:, 0]
        assert (expected >= 0.05).all()
    _, few = with_facts(4)
    axis = few.plot().axes[0]
    assert [len(np.asarray(points.get_offsets())) for points in axis.collections] == [2]  # the two facts
    assert [text.get_text() for text in axis.texts] == ["could not be judged"] * 3
    assert str(few).startswith("Not judged: 4 people with two photos or more, at least 6 are needed")
    assert "2 of 5 assumptions could be judged" in " ".join(str(few).split())


def test_the_slope_of_triplets_is_that_of_simulated_answers() -> None:
    """Answers drawn with log-odds 0.5 l where the model said l."""
    rng = np.random.default_rng(0)
    anchor, negative = rng.integers(12, size=30_000), rng.integers(12, size=30_000)
    size = rng.exponential(2.0, 30_000)
    right = rng.random(30_000) < special.expit(0.5 * size)
    kept = anchor != negative
    found = recalibrate_triplets(np.where(right, size, -size)[kept], anchor[kept], negative[kept])
    assert found.level is None
    assert found.people == 12
    assert np.exp(found.log_slope.estimate) == pytest.approx(0.5, abs=0.03)
    assert found.log_slope.p_value < 1e-6


def triplets_of(known: Known) -> tuple[Floats, Any, Any]:
    """d²(a, n) − d²(a, p) of 3,000 triplets, and the people they are of."""
    evidence, rng = known.comparison_evidence(None, None), np.random.default_rng([known.seed, 1])
    rows = rng.integers(len(evidence.person), size=(3000, 3))
    a, p, n = rows[(rows[:, 0] != rows[:, 1])].T
    person = evidence.person
    kept = (person[a] == person[p]) & (person[a] != person[n])
    a, p, n = a[kept], p[kept], n[kept]
    points = evidence.embedding
    gain = ((points[a] - points[n]) ** 2).sum(axis=1) - ((points[a] - points[p]) ** 2).sum(axis=1)
    return gain, person[a], person[n]


@pytest.mark.parametrize("people", [8, 20])
def test_triplets_that_are_as_sure_as_right_are_rarely_denied(people: int) -> None:
    """As sure as right over the whole population, which 200 other samples stand for; single people are harder or easier."""
    known = Known(people=people, uneven=0.2, between=1.0)
    samples = [triplets_of(replace(known, seed=1000 + seed)) for seed in range(200)]
    gains = np.concatenate([gain for gain, _, _ in samples])
    weights = []
    for _, anchor, negative in samples:
        groups = np.unique(anchor * 1000 + negative, return_inverse=True, return_counts=True)
        weights.append(1 / groups[2][groups[1]] / len(groups[2]))
    weight = np.concatenate(weights)
    right = optimize.brentq(lambda b: weight @ (gains * special.expit(-b * gains)), 1e-3, 10)
    denied = []
    for seed in range(200):
        gain, anchor, negative = triplets_of(replace(known, seed=seed))
        denied.append(recalibrate_triplets(right * gain, anchor, negative).log_slope.p_value < 0.05)
    assert 0.01 <= np.mean(denied) <= 0.095


@pytest.fixture(scope="module")
def photos() -> faces.FaceDataset:
    return faces.simulate_faces(n_people=20, n_photos=6, size=(16, 16), seed=3, max_yaw=30.0, blurred=0.0)


def fitted(photos: faces.FaceDataset, likelihood: Any, **options: Any) -> Any:
    train, _ = photos.folds(2)[0]
    torch.manual_seed(0)
    settings = {"validation": 0.3, "epochs": 12, "batch_size": 24, "progress": False, **options}
    return pc.fit(faces.model(photos, likelihood), photos.x[train], photos.y[train], **settings)


@pytest.fixture(scope="module")
def hinge(photos: faces.FaceDataset) -> Any:
    return fitted(photos, "exponential")


def unseen(photos: faces.FaceDataset) -> tuple[Any, Any]:
    _, test = photos.folds(2)[0]
    return photos.x[test], photos.person[test]


def test_diagnose_says_that_the_hinge_is_incoherent_and_what_is_not(hinge: Any, photos: faces.FaceDataset) -> None:
    x, people = unseen(photos)
    diagnosis = pc.diagnose(hinge, x, people)
    names = ["P(same): level", "P(same): sureness", "coherence of triplets", "sureness of triplets"]
    assert [finding.name for finding in diagnosis.findings] == [*names, "spread of the embedding"]
    found = diagnosis["coherence of triplets"]
    assert found.p_value == 0.0
    assert 1 < found.statistic < 2
    assert diagnosis.next[0].comparison.slack == "logistic"
    assert diagnosis.next[0].comparison.margin == 0
    assert isinstance(diagnosis.next[1].comparison, NWayChoice)
    assert "coherence of triplets" in str(diagnosis)
    # What is proposed is a likelihood for the model itself, and coherent.
    again = fitted(photos, diagnosis.next[0], epochs=1)
    assert pc.diagnose(again, x, people)["coherence of triplets"].p_value == 1.0


def test_both_answers_of_the_hinge_make_what_its_docstring_says(hinge: Any, photos: faces.FaceDataset) -> None:
    evidence = hinge.comparison_evidence(*unseen(photos), seed=1)
    margin, temperature = hinge.model.likelihood.comparison.margin, hinge.model.likelihood.comparison.temperature
    # Far enough from Δ = 0 the likelier answer is certain, and the other one has exp(−(|Δ| + α)/T).
    certain = evidence.triplets.log_right == 0
    assert certain.any()
    lesser = evidence.triplets.log_wrong[certain]
    assert (-lesser * temperature >= 2 * margin - 1e-6).all()
    assert evidence.triplets.together[certain] == pytest.approx(1 + np.exp(lesser))


@pytest.mark.parametrize(
    "likelihood",
    ["n_way", Triplets(TripletSlack("logistic", margin=0.3, temperature=0.2, squared=True), 64)],
    ids=["n_way", "margin"],
)
@pytest.mark.parametrize("method", ["map", "ensemble"])
def test_evidence_is_what_the_fit_says(likelihood: Any, method: str, photos: faces.FaceDataset) -> None:
    fit = fitted(photos, likelihood, method=method, members=2, epochs=3)
    x, people = unseen(photos)
    evidence = fit.comparison_evidence(x, [f"person {i}" for i in people])
    first, second, same = faces.all_pairs(people)
    assert evidence.pairs is not None
    p = fit.match_probability(x[first], x[second]).double().numpy()
    assert special.expit(evidence.pairs.logit) == pytest.approx(p, abs=1e-5)
    assert np.array_equal(evidence.pairs.same, same)
    assert calibration_error(evidence.pairs) == pytest.approx(
        faces.same_person_scores(p, same)["same_person_ece"], abs=2e-3
    )
    assert (evidence.triplets.anchor != evidence.triplets.negative).all()
    assert set(evidence.triplets.anchor) == set(range(10))
    coherence = {f.name: f for f in fit.findings(x, people)}["coherence of triplets"]
    if likelihood == "n_way":
        assert evidence.triplets.together == pytest.approx(np.ones(20_000), abs=1e-9)
    else:
        assert evidence.triplets.together.max() < 1 - 0.01
        assert "neither by the margin" in coherence.verdict
    assert coherence.p_value == 1.0


def test_check_shows_people_as_units(hinge: Any, photos: faces.FaceDataset) -> None:
    x, people = unseen(photos)
    check = pc.check(hinge, x, [f"p{i}" for i in people])
    assert check.looked_at == "60 photos of 10 people, 1,770 pairs"
    assert "photos of 10 people" in " ".join(str(check).split())
    assert list(check.to_frame().index) == ["P(same): level", "P(same): sureness", "sureness of triplets"]
    assert set(check.units.index) == {f"p{i}" for i in np.unique(people)}
    assert (check.units["photos"] == 6).all()
    # By hand, of one person.
    row = np.flatnonzero(people == people[0])
    i, j = np.triu_indices(len(row), 1)
    own = float((hinge.match_probability(x[row[i]], x[row[j]]) > 0.5).double().mean())
    assert check.units.loc[f"p{people[0]}", "own_pairs_accepted"] == pytest.approx(own)
    figure = check.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Does P(same person) come true?",
        "Both kinds of pairs",
    ]
    assert "<table>" in check._repr_html_()


def test_reliability_is_that_of_the_bins_by_hand() -> None:
    pairs = Known(people=7, photos=3, between=0.7).comparison_evidence(None, None).pairs
    assert pairs is not None
    said, share, error = reliability(pairs)
    p = special.expit(pairs.logit)

    def by_hand(kept: Any, low: float) -> float:
        inside = kept & (p >= low) & (p < low + 0.1)
        same, other = ((inside & kind).sum() / (kept & kind).sum() for kind in (pairs.same, ~pairs.same))
        return float(same / (same + other))

    everybody = np.ones(len(p), bool)
    without = [by_hand((pairs.first != g) & (pairs.second != g), 0.2) for g in range(7)]
    assert share[2] == pytest.approx(by_hand(everybody, 0.2))
    assert 0.2 <= said[2] < 0.3
    assert error[2] == pytest.approx(np.sqrt(6 / 7 * ((np.array(without) - share[2]) ** 2).sum()))


def spread_of(points: Floats, person: Any) -> Any:
    evidence = ComparisonEvidence(points, person, ("a",), None, None, "none")

    class Fit:
        def comparison_evidence(self, *_: Any) -> ComparisonEvidence:
            return evidence

    never, found = diagnose_comparisons(Fit(), None, None)
    assert "never learned" in never.verdict
    return found


def test_a_collapse_is_a_fact() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(15), 5)
    centres = rng.normal(size=(15, 8))
    good = spread_of(centres[person] + 0.3 * rng.normal(size=(75, 8)), person)
    assert good.p_value == 1.0
    assert 4 < good.statistic <= 8
    line = spread_of(centres[person] @ rng.normal(size=(8, 1)) * np.ones(8) + 0.01 * rng.normal(size=(75, 8)), person)
    assert line.p_value == 0.0
    assert line.statistic == pytest.approx(1, abs=0.01)
    assert "one direction" in line.verdict
    point = spread_of(1e-6 * rng.normal(size=(75, 8)), person)
    assert point.p_value == 0.0
    assert "as good as one point" in point.verdict
    assert "as good as one point" in spread_of(np.zeros((75, 8)), person).verdict


def test_unnormalised_steps_are_asked_of_their_spread_alone(photos: faces.FaceDataset) -> None:
    x, people = unseen(photos)
    model = faces.step((1, 16, 16), "difference")
    fit = pc.fit(model, photos.x[:60], photos.y[:60], validation=None, epochs=2, progress=False)
    assert [f.name for f in pc.diagnose(fit, x, people).findings] == ["P(same): level", "spread of the embedding"]


def test_what_cannot_be_asked_says_what_can(hinge: Any, photos: faces.FaceDataset) -> None:
    x, people = unseen(photos)
    for ask in (pc.score, lambda *given: hinge.to_arviz(*given[1:])):
        with pytest.raises(TypeError, match=r"pc\.check and pc\.diagnose judge a face fit by photos and people"):
            ask(hinge, x, people)
    with pytest.raises(ValueError, match="60 photos and 59 people; one a photo is needed"):
        pc.check(hinge, x, people[:59])
    with pytest.raises(ValueError, match="1 people with up to 60 photos each; two people, and two photos of one"):
        pc.diagnose(hinge, x, np.zeros(60))
    with pytest.raises(ValueError, match=r"people\[3\] is nan"):
        pc.check(hinge, x, np.where(np.arange(60) == 3, np.nan, people))
    with pytest.raises(ValueError, match="level is 2"):
        pc.check(hinge, x, people, level=2)


def test_evidence_refuses_what_does_not_fit() -> None:
    ones = np.ones(3, dtype=np.int64)
    with pytest.raises(ValueError, match=r"logit \[2\], first \[3\], second \[3\]"):
        PairEvidence(np.zeros(2), ones, ones)
    with pytest.raises(ValueError, match=r"log_wrong\[1\] is nan"):
        TripletEvidence(np.zeros(3), np.array([0.0, np.nan, 0.0]), ones, ones)
    with pytest.raises(ValueError, match=r"embedding\[0, 1\] is not finite"):
        ComparisonEvidence(np.array([[0.0, np.inf]]), np.zeros(1, dtype=np.int64), ("a",), None, None, "none")
