"""A face embedding from photos to answers: the model and its cost, each method of inference, P(same), and who it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from PIL import Image
from pyro import poutine

import probcost as pc
from probcost.likelihoods import GaussianTriplet, NWayChoice, Triplets
from probcost.scenarios import faces
from probcost.scenarios.faces import same_person
from probcost.scenarios.faces.same_person import curve_of, learn_curve
from probcost.scenarios.faces.scatter import whitening

FAST: dict[str, Any] = {"epochs": 12, "batch_size": 48, "lr": 2e-3, "progress": False}


@pytest.fixture(scope="module")
def dataset() -> faces.FaceDataset:
    return faces.simulate_faces(n_people=24, n_photos=8, size=(16, 16), seed=3, max_yaw=30.0, blurred=0.0)


@pytest.fixture(scope="module")
def halves(dataset: faces.FaceDataset) -> tuple[faces.FaceDataset, faces.FaceDataset]:
    train, test = dataset.folds(4)[0]
    return dataset.select(train), dataset.select(test)


@pytest.fixture(scope="module")
def fitted(halves: tuple[faces.FaceDataset, faces.FaceDataset]) -> faces.FaceFit:
    train, _ = halves
    torch.manual_seed(0)
    return pc.fit(faces.model(train), train.x, train.y, validation=0.25, **{**FAST, "epochs": 40})  # type: ignore[return-value]


@pytest.mark.parametrize("likelihood", ["n_way", "exponential", "logistic", "normal"])
def test_cost_is_the_traces_and_scales_with_the_data(likelihood: str) -> None:
    torch.manual_seed(0)
    model = pc.FaceEmbedding((16, 16), likelihood, prior=pc.priors.Normal(1.0)).eval().double()
    x, y = torch.randn(12, 16, 16, dtype=torch.float64), torch.arange(12.0, dtype=torch.float64)[:, None] // 3
    weights = {name: p for name, p in model.named_parameters() if model.belief(p) is not None}
    assert len(weights) == 2  # the last layer's weights and biases alone are believed
    trace = poutine.trace(pyro.condition(model, data=weights)).get_trace(x, y, num_data=120)
    assert float(pc.cost(model, x, y, num_data=120)) == pytest.approx(-float(trace.log_prob_sum()), rel=1e-10)
    likelihood_alone = pc.cost(model, x, y) + model.log_prior()
    assert float(pc.cost(model, x, y, num_data=120) + model.log_prior()) == pytest.approx(10 * float(likelihood_alone))
    observed = {name for name, site in trace.nodes.items() if site.get("is_observed")}
    assert observed - set(weights) == {"closer"}


def test_it_learns_who_is_who_on_people_it_has_not_seen(
    fitted: faces.FaceFit, halves: tuple[faces.FaceDataset, faces.FaceDataset]
) -> None:
    _, test = halves
    points = fitted.embed(test.x)
    assert points.norm(dim=-1).numpy() == pytest.approx(np.ones(len(test)), abs=1e-5)
    learned = faces.verification_scores(points, test.person)["auc"]
    pixels = faces.verification_scores(test.x.reshape(len(test), -1), test.person)["auc"]
    assert learned > max(0.85, pixels + 0.05)
    first, second, same = faces.all_pairs(test.person)
    p = fitted.match_probability(test.x[first], test.x[second])
    scores = faces.same_person_scores(p, same)
    assert scores["same_person_nll"] < 0.55  # chance is .693
    assert fitted.predict((test.x[first], test.x[second])).mean.squeeze(-1).numpy() == pytest.approx(
        p.numpy(), abs=1e-6
    )
    # One photo against many; and its probability falls with distance.
    one = fitted.match_probability(test.x[0], test.x)
    assert torch.equal(one.argsort(descending=True), (points - points[0]).norm(dim=-1).argsort())


def test_who_is_it_and_nobody(fitted: faces.FaceFit, halves: tuple[faces.FaceDataset, faces.FaceDataset]) -> None:
    train, test = halves
    known = np.isin(test.person, np.unique(test.person)[:3])
    photo = np.arange(len(test)) % 8
    gallery = fitted.gallery(test.x[known & (photo < 5)], [f"p{i}" for i in test.person[known & (photo < 5)]])
    assert "15 photos of 3 people" in repr(gallery)
    asked = np.flatnonzero(known & (photo >= 5))
    right = [
        answer.person == f"p{test.person[row]}"
        for answer, row in zip(fitted.identify(test.x[asked], gallery, unknown=0.1), asked, strict=True)
    ]
    strangers = fitted.identify(test.x[~known], gallery, unknown=0.9)
    assert np.mean(right) >= 0.6
    assert np.mean([answer.person == "unknown" for answer in strangers]) >= 0.6
    for answer in strangers:
        total = sum(p for _, p in answer.candidates)
        assert total + (answer.probability if answer.person == "unknown" else 1 - total) == pytest.approx(1, abs=1e-6)
    assert str(strangers).splitlines() == [str(answer) for answer in strangers]
    with pytest.raises(ValueError, match="unknown must lie between 0 and 1, got 1"):
        fitted.identify(test.x[0], gallery, unknown=1)
    with pytest.raises(ValueError, match="2 photos and 3 people"):
        fitted.gallery(test.x[:2], ["a", "b", "c"])
    del train


def test_saved_and_loaded(fitted: faces.FaceFit, halves: Any, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = pc.load(tmp_path)
    assert isinstance(again, faces.FaceFit)
    x = halves[1].x[:6]
    assert torch.equal(again.embed(x), fitted.embed(x))
    assert torch.equal(again.match_probability(x[:3], x[3:]), fitted.match_probability(x[:3], x[3:]))


def test_same_person_is_a_fit_that_can_be_checked(fitted: faces.FaceFit, halves: Any) -> None:
    _, test = halves
    first, second, same = faces.all_pairs(test.person)
    points = fitted.embed(test.x)
    distance = (points[first] - points[second]).norm(dim=-1, keepdim=True)
    check = pc.check(fitted.same_person, distance, same.astype(float)[:, None])
    assert len(check.to_frame())


@pytest.mark.parametrize("method", ["ensemble", "laplace", "svi"])
def test_other_methods(method: str, halves: Any, tmp_path: Path) -> None:
    train, test = halves
    torch.manual_seed(0)
    model = faces.model(train, prior=pc.priors.Normal(1.0) if method == "svi" else None)
    fit: Any = pc.fit(model, train.x, train.y, method=method, members=2, **FAST)
    points = fit.embed(test.x)
    assert points.shape[1] == 64 * (2 if method == "ensemble" else 20)
    assert faces.verification_scores(points, test.person)["auc"] > 0.7
    fit.save(tmp_path)
    assert torch.allclose(pc.load(tmp_path).embed(test.x), points)  # type: ignore[attr-defined]
    if method == "ensemble":
        # The distance of points side by side is the members' mean, each with running statistics of its own.
        draws = fit.posterior.draws(2, 0)
        assert any("running_mean" in name for name in draws)
        with torch.no_grad():
            each = fit.model.points(torch.as_tensor(test.x), draws) @ fit.model.whitening
            each = each / each.norm(dim=-1, keepdim=True)
        assert len(fit.model.whitening) == 2
        mean = (each[:, 0] - each[:, 1]).square().sum(-1).mean()
        assert (points[0] - points[1]).square().sum().item() == pytest.approx(mean.item(), rel=1e-4)
        with pytest.raises(ValueError, match="knows no spread"):
            fit.spread(test.x)
    else:
        assert bool((fit.spread(test.x) > 0).all())


def test_uncertain_embeddings_say_how_uncertain(halves: Any) -> None:
    train, test = halves
    torch.manual_seed(0)
    fit: Any = pc.fit(
        faces.model(train, Triplets(GaussianTriplet(scale=0.1), 32)), train.x, train.y, validation=None, **FAST
    )
    assert fit.embed(test.x).shape == (len(test), 16)
    assert fit.spread(test.x).shape == (len(test),)
    with pytest.raises(ValueError, match="learned from people held out"):
        fit.match_probability(test.x[0], test.x[1])


def test_bad_photos_and_people_are_refused(fitted: faces.FaceFit, halves: Any) -> None:
    train, _ = halves
    model = faces.model(train)
    with pytest.raises(ValueError, match="holds 1 person; comparisons need at least two"):
        pc.fit(model, train.x, np.zeros(len(train)), **FAST)
    with pytest.raises(ValueError, match="one photo each"):
        pc.fit(model, train.x, np.arange(len(train)), **FAST)
    with pytest.raises(ValueError, match=r"x has 100 rows and y has 99|x has 10 rows and y has 9"):
        pc.fit(model, train.x[:10], train.y[:9], **FAST)
    with pytest.raises(ValueError, match=r"photos have shape \[1, 8, 8\]; this fit was trained on \[1, 16, 16\]"):
        fitted.embed(np.zeros((2, 1, 8, 8)))
    with pytest.raises(ValueError, match="not finite"):
        fitted.embed(np.full((2, 1, 16, 16), np.nan))
    with pytest.raises(ValueError, match="a has 2 rows and b has 3"):
        fitted.match_probability(train.x[:2], train.x[:3])
    with pytest.raises(ValueError, match="pairs: x must be"):
        fitted.predict(train.x)
    with pytest.raises(ValueError, match="unknown likelihood 'hinge'; choose one of 'n_way'"):
        pc.FaceEmbedding((16, 16), "hinge")
    with pytest.raises(TypeError, match=r"likelihoods\.Triplets"):
        pc.FaceEmbedding((16, 16), NWayChoice())  # type: ignore[arg-type]


def test_grey_photos_need_no_channel_and_may_have_one(fitted: faces.FaceFit, halves: Any, tmp_path: Path) -> None:
    _, test = halves
    x, grey = test.x[:6], test.x[:6, 0]
    points = fitted.embed(x)
    assert torch.equal(fitted.embed(grey), points)
    assert torch.equal(fitted.embed(torch.as_tensor(grey[0])), fitted.embed(x[0]))
    assert torch.equal(fitted.match_probability(grey[0], grey), fitted.match_probability(x[0], x))
    gallery = fitted.gallery(grey, test.person[:6])
    assert [answer.nearest for answer in fitted.identify(grey, gallery)] == list(range(6))
    assert str(pc.check(fitted, test.x[:, 0], test.person)) == str(pc.check(fitted, test.x, test.person))
    with pytest.raises(ValueError, match=r"photos have shape \[3, 16, 16\]; this fit was trained on \[1, 16, 16\]"):
        fitted.embed(np.zeros((2, 3, 16, 16)))
    # And the other way round: a model without a channel takes photos with one.
    torch.manual_seed(0)
    flat: Any = pc.fit(
        pc.FaceEmbedding((16, 16)), halves[0].x[:, 0], halves[0].y, validation=None, **{**FAST, "epochs": 1}
    )
    assert torch.equal(flat.embed(x), flat.embed(grey))
    # Three channels are three channels: one photo, or several.
    torch.manual_seed(0)
    colour = np.repeat(halves[0].x, 3, 1)
    model = pc.FaceEmbedding((3, 16, 16))
    coloured: Any = pc.fit(model, colour, halves[0].y, validation=None, **{**FAST, "epochs": 1})
    assert torch.equal(coloured.embed(colour[0]), coloured.embed(colour[:1]))
    with pytest.raises(ValueError, match=r"photos have shape \[1, 16, 16\]; this fit was trained on \[3, 16, 16\]"):
        coloured.embed(x)
    for path in ("a.png", "b.png"):
        Image.fromarray(test.images[0]).save(tmp_path / path)
    assert faces.read([tmp_path / "a.png", tmp_path / "b.png"], like=coloured).shape == (2, 3, 16, 16)
    assert torch.equal(flat.embed(faces.read(tmp_path / "a.png", like=flat)), flat.embed(test.x[0]))


def test_people_may_be_given_by_name(halves: Any) -> None:
    train, test = halves
    options = {**FAST, "epochs": 2}
    fits: list[Any] = []
    # Names in the order of the numbers.
    for people, others in (
        (train.person, test.person),
        ([f"p{i:02d}" for i in train.person], np.array([f"p{i:02d}" for i in test.person])),
        (np.array([f"p{i:02d}" for i in train.person], dtype=object)[:, None], test.y),
    ):
        torch.manual_seed(0)
        fits.append(pc.fit(faces.model(train), train.x, people, validation=(test.x, others), **options))
    for fit in fits[1:]:
        assert torch.equal(fit.embed(test.x), fits[0].embed(test.x))
        assert torch.equal(fit.curve, fits[0].curve)
    named = [f"p{i:02d}" for i in test.person]
    checks = [pc.check(fits[0], test.x, people) for people in (named, test.person)]
    assert checks[0].to_frame().equals(checks[1].to_frame())
    with pytest.raises(ValueError, match="holds 1 person; comparisons need at least two"):
        pc.fit(faces.model(train), train.x, ["Ada"] * len(train), **options)
    for missing in (None, np.nan):
        some = np.array([f"p{i}" for i in train.person], dtype=object)
        some[3] = missing
        with pytest.raises(ValueError, match=r"y\[3\] is missing; a name or number is needed"):
            pc.fit(faces.model(train), train.x, some, **options)
        with pytest.raises(ValueError, match=r"people\[3\] is missing; a name or number is needed"):
            pc.check(fits[0], train.x, some)


def test_photos_that_the_model_is_not_for_are_told_what_it_is_for(halves: Any) -> None:
    train, _ = halves
    for x, shape in ((train.images, r"\[16, 16\]"), (train.resize(40).x, r"\[1, 40, 40\]")):
        told = (
            rf"cannot take x with rows of shape {shape}: photos of shape \[1, 16, 16\] are needed, such as photos\.x of"
        )
        with pytest.raises(ValueError, match=told):
            pc.fit(faces.model(train), x, train.y, **FAST)


def test_the_curve_finds_the_truth() -> None:
    rng = np.random.default_rng(0)
    distance = rng.uniform(0, 2, 4000)
    same = rng.random(4000) < 1 / (1 + np.exp(5 * distance - 4))
    offset, log_slope = curve_of(distance, same)
    # Classes weigh equally: the offset is that of the truth less the log-odds of the share of pairs.
    assert np.exp(log_slope) == pytest.approx(5, rel=0.1)
    assert offset == pytest.approx(4 - np.log(same.mean() / (1 - same.mean())), abs=0.3)
    assert np.isnan(curve_of(distance, np.ones(4000, bool))).all()


def test_means_of_several_networks_are_steeper() -> None:
    torch.manual_seed(0)
    people = torch.arange(30.0).repeat_interleave(4)[:, None]
    points = torch.randn(30, 5).repeat_interleave(4, 0) + 0.3 * torch.randn(120, 5)
    one, five = learn_curve([(points, people)]), learn_curve([(points, people)], members=5)
    factor = 1 / (0.86 + 0.14 / 5)
    assert float(five[0] / one[0]) == pytest.approx(factor, rel=1e-5)
    assert float((five[1] - one[1]).exp()) == pytest.approx(factor, rel=1e-5)


def test_whitening_makes_the_scatter_within_people_rounder() -> None:
    torch.manual_seed(0)
    people = torch.arange(50.0).repeat_interleave(6)[:, None]
    stretched = torch.tensor([3.0, 1.0, 1.0, 0.3])
    points = (torch.randn(50, 4).repeat_interleave(6, 0) + stretched * torch.randn(300, 4))[None]
    (axes,) = whitening(points, people)

    def scatter(found: torch.Tensor) -> torch.Tensor:
        apart = found - found.reshape(50, 6, 4).mean(1).repeat_interleave(6, 0)
        return apart.T @ apart / 250

    before, after = (torch.linalg.eigvalsh(scatter(p)) for p in (points[0], points[0] @ axes))
    # Variances 9, 1, 1, 0.09 are divided by 1.45, 0.87, 0.87 and 0.81.
    assert float(after[-1] / after[0]) == pytest.approx(0.81 / 1.45 * float(before[-1] / before[0]), rel=0.05)
    # As the formula says, by hand.
    within = scatter(points[0]).double()
    shrunk = 0.2 * within / within.diagonal().mean() + 0.8 * torch.eye(4, dtype=torch.float64)
    assert torch.allclose((axes @ axes).double(), torch.linalg.inv(shrunk), atol=1e-4)
    # One photo each, or all on one point: nothing to go by, and nothing is turned.
    assert torch.allclose(whitening(points[:, :5], torch.arange(5.0)[:, None])[0], torch.eye(4), atol=1e-6)


def test_few_people_are_held_out_in_turn_and_train_in_the_end(halves: Any, tmp_path: Path) -> None:
    train, test = halves
    torch.manual_seed(0)
    model = faces.model(train)
    options = {**FAST, "epochs": 6}
    fit: Any = pc.fit(model, train.x, train.y, checkpoint=tmp_path, **options)
    assert len(fit.history.held_out) == len(fit.history.cost) <= 6 == fit.history.at_most
    assert "of at most 6 epochs, as many as were best for people held out in turn" in str(fit.history)
    assert {f"part-{k}" for k in range(5)} <= {folder.name for folder in tmp_path.iterdir()}
    p = fit.match_probability(test.x[0], test.x)
    # The same call goes on from what is on disk, to the same numbers.
    again: Any = pc.fit(model, train.x, train.y, checkpoint=tmp_path, **options)
    assert torch.equal(again.match_probability(test.x[0], test.x), p)


@pytest.mark.parametrize(("people", "method"), [(4, "map"), (6, "ensemble"), (9, "map"), (6, "laplace")])
def test_few_people_are_enough_to_hold_out_two(dataset: faces.FaceDataset, people: int, method: str) -> None:
    rows = dataset.person < people
    torch.manual_seed(0)
    options = {"epochs": 8, "lr": 2e-3, "progress": False}
    fit: Any = pc.fit(faces.model(dataset), dataset.x[rows], dataset.y[rows], method=method, members=2, **options)
    assert len(fit.history.cost) > 1
    assert np.isfinite(fit.history.held_out).all()
    assert min(fit.history.held_out) > 0  # people held out were compared with each other
    assert bool(torch.isfinite(fit.match_probability(dataset.x[0], dataset.x[:3])).all())


def test_too_few_people_to_hold_out_train_all_epochs_and_say_so(dataset: faces.FaceDataset) -> None:
    rows = dataset.person < 3
    with pytest.warns(UserWarning, match="3 people have two photos or more, too few to hold out two"):
        fit: Any = pc.fit(faces.model(dataset), dataset.x[rows], dataset.y[rows], epochs=3, progress=False)
    assert len(fit.history.cost) == 3
    with pytest.raises(ValueError, match="four people or more"):
        fit.match_probability(dataset.x[0], dataset.x[1])
    with pytest.raises(ValueError, match="too few to hold out two"):
        pc.fit(faces.model(dataset), dataset.x[rows], dataset.y[rows], validation=0.5, **FAST)


def test_members_may_have_batches_of_different_lengths(dataset: faces.FaceDataset) -> None:
    rows = np.r_[0:20, 24:31, 36:60, 66:144]
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 16))
    model = pc.FaceEmbedding((1, 16, 16), Triplets(NWayChoice(temperature=0.2), 16), network)
    fit: Any = pc.fit(model, dataset.x[rows], dataset.y[rows], method="ensemble", members=2, **{**FAST, "epochs": 2})
    assert fit.embed(dataset.x[:4]).shape == (4, 32)


def test_what_would_be_quietly_wrong_is_refused(fitted: faces.FaceFit, halves: Any) -> None:
    train, _ = halves
    with pytest.raises(ValueError, match="16,777,216 or more, where floats merge numbers"):
        pc.fit(faces.model(train), train.x, train.person + 20_000_000, **FAST)
    with pytest.raises(ValueError, match="standard deviations from those trained on: are they 0 … 255"):
        fitted.embed(255 * train.x[:2])
    with pytest.raises(ValueError, match="embeddings are 64 wide and the gallery's 8"):
        fitted.identify(train.x[:1], faces.Gallery(torch.randn(5, 8), list("abcde")))
    a = torch.zeros(5, 4)
    with pytest.raises(ValueError, match=r"equally many, got anchor \[5\], positive \[5\], negative \[1\]"):
        pc.CostFunction(pc.likelihoods.TripletSlack())((a, a, a[:1]), torch.ones(5))


def test_pairs_have_log_probabilities(fitted: faces.FaceFit, halves: Any) -> None:
    _, test = halves
    pairs, same = (test.x[:6], test.x[3:9]), (test.person[:6] == test.person[3:9]).astype(float)
    p = fitted.match_probability(*pairs)
    expected = torch.where(torch.as_tensor(same) == 1, p, 1 - p).log()
    assert fitted.log_prob(pairs, same).shape == (1, 6, 1)
    assert torch.allclose(fitted.log_prob(pairs, same).flatten(), expected.float(), atol=1e-4)


def test_a_curve_is_learned_from_some_two_thousand_photos_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    people = torch.arange(3000.0).repeat_interleave(2)[:, None]
    points = torch.nn.functional.normalize(torch.randn(3000, 8).repeat_interleave(2, 0) + 0.3 * torch.randn(6000, 8))
    seen: list[int] = []
    monkeypatch.setattr(same_person, "curve_of", lambda *pairs: seen.append(len(pairs[0])) or curve_of(*pairs))
    offset, log_slope = learn_curve([(points, people)])
    assert seen == [2000 * 1999 // 2]  # of 18 million pairs
    whole = curve_of(*distances_of(points[:1000], people[:1000]))
    assert float(offset) == pytest.approx(whole[0], rel=0.1)
    assert float(log_slope) == pytest.approx(whole[1], rel=0.1)


def distances_of(points: torch.Tensor, people: torch.Tensor) -> tuple[Any, Any]:
    first, second, same = faces.all_pairs(people.flatten())
    return (points[first] - points[second]).norm(dim=1).numpy().astype(float), same


def test_a_kill_between_parts_is_resumed_from_where_it_began(halves: Any, tmp_path: Path) -> None:
    train, test = halves
    options: dict[str, Any] = {**FAST, "epochs": 3, "checkpoint": tmp_path}
    torch.manual_seed(0)
    fit: Any = pc.fit(faces.model(train), train.x, train.y, **options)
    # As if killed after the second part, and started again by a script that does not seed its network's weights.
    for part in ("part-2", "part-3", "part-4"):
        shutil.rmtree(tmp_path / part)
    for file in tmp_path.glob("training*"):
        file.unlink()
    torch.manual_seed(1)
    again: Any = pc.fit(faces.model(train), train.x, train.y, **options)
    assert torch.equal(again.embed(test.x), fit.embed(test.x))
    assert torch.equal(again.model.curve, fit.model.curve)


def test_a_gallery_knows_which_fit_made_it(fitted: faces.FaceFit, halves: Any, tmp_path: Path) -> None:
    train, test = halves
    gallery = fitted.gallery(test.x[:8], test.person[:8])
    torch.manual_seed(1)
    other: Any = pc.fit(faces.model(train), train.x, train.y, validation=0.25, **{**FAST, "epochs": 1})
    with pytest.raises(
        ValueError, match="the gallery was made by another fit, and distances between embeddings of two"
    ):
        other.identify(test.x[:1], gallery)
    # A copy on disk is the same fit; a gallery of bare embeddings is for anyone.
    fitted.save(tmp_path)
    again: Any = pc.load(tmp_path)
    assert again.fingerprint == fitted.fingerprint != other.fingerprint
    assert again.identify(test.x[:1], gallery)[0].nearest == 0
    assert other.identify(test.x[:1], faces.Gallery(other.embed(test.x[:8]), test.person[:8]))[0].nearest == 0


def test_nobody_in_a_gallery_is_called_unknown(fitted: faces.FaceFit, halves: Any) -> None:
    _, test = halves
    with pytest.raises(ValueError, match=r'people\[2\] is "unknown", which is the answer for people who are not'):
        fitted.gallery(test.x[:4], ["ann", "bob", "unknown", "ann"])


def test_a_step_of_the_tutorial_is_loaded_with_its_model(dataset: faces.FaceDataset, tmp_path: Path) -> None:
    fit: Any = pc.fit(
        faces.step((1, 16, 16), "zero_only"), dataset.x, dataset.y, validation=None, **{**FAST, "epochs": 1}
    )
    fit.save(tmp_path)
    with pytest.raises(ValueError, match=r"load\(folder, model=\.\.\.\)"):
        pc.load(tmp_path)
    again: Any = pc.load(tmp_path, model=faces.step((1, 16, 16), "zero_only"))
    assert torch.equal(again.embed(dataset.x[:5]), fit.embed(dataset.x[:5]))


@pytest.mark.parametrize("method", ["laplace", "svi"])
def test_draws_side_by_side_have_the_mean_of_their_squared_distances(method: str, halves: Any) -> None:
    train, test = halves
    torch.manual_seed(0)
    model = faces.model(train, prior=pc.priors.Normal(1.0) if method == "svi" else None)
    fit: Any = pc.fit(model, train.x, train.y, method=method, **{**FAST, "epochs": 3})
    x = torch.as_tensor(test.x[:6])
    with torch.no_grad():
        each = fit.model.points(x, fit.posterior.draws(20, fit.seed)) @ fit.model.whitening
    each = each / each.norm(dim=-1, keepdim=True)
    squared = (each[:, :3] - each[:, 3:]).square().sum(-1).mean(0)
    points = fit.embed(x)
    assert points.shape == (6, 20 * 64)
    assert torch.allclose((points[:3] - points[3:]).square().sum(-1), squared, rtol=1e-3)
    expected = torch.sigmoid(fit.curve[0] - fit.curve[1].exp() * squared.sqrt())
    assert torch.allclose(fit.match_probability(x[:3], x[3:]), expected, atol=1e-3)
