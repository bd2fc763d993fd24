"""Each step towards the triplet cost fails as the tutorial says it does, and the last is a probability."""

from __future__ import annotations

import pyro
import pytest
import torch
from torch import Tensor

import probcost as pc
from probcost.likelihoods import Triplets, TripletSlack
from probcost.likelihoods.mining import triplets
from probcost.scenarios import faces

UNNORMALIZED = [name for name, kind in faces.STEPS.items() if issubclass(kind, faces.UnnormalizedStep)]


@pytest.fixture(scope="module")
def dataset() -> faces.FaceDataset:
    return faces.simulate_faces(n_people=10, n_photos=6, size=(16, 16), seed=0)


def fitted(dataset: faces.FaceDataset, name: str, epochs: int, **options: float) -> pc.Fit:
    torch.manual_seed(0)
    model = faces.step(dataset.x.shape[1:], name, n_outputs=16)
    settings = {"batch_size": 30, "lr": 3e-3, "validation": None, "progress": False, **options}
    return pc.fit(model, dataset.x, dataset.y, epochs=epochs, **settings)


def factor(name: str, embedding: Tensor, person: Tensor, margin: float = 1.0) -> Tensor:
    """Cost ``[B]`` of one step on given embeddings."""
    likelihood = faces.step((16, 16), name, margin=margin, n_outputs=embedding.shape[1]).likelihood
    return -likelihood(embedding).log_prob(person.unsqueeze(1)).squeeze(1)


def points(seed: int = 0) -> tuple[Tensor, Tensor]:
    person = torch.arange(5.0).repeat_interleave(4)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(20, 6, generator=generator, dtype=torch.float64), person


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("pairs", lambda ap, an, pn: ap),
        ("difference", lambda ap, an, pn: ap - an),
        ("two_negatives", lambda ap, an, pn: ap - an - pn),
        ("margin_only", lambda ap, an, pn: ap - an + 0.7),
        ("zero_only", lambda ap, an, pn: (ap - an).clamp_min(0)),
        ("hinge", lambda ap, an, pn: (ap - an + 0.7).clamp_min(0)),
    ],
)
def test_costs_are_those_written_down(name: str, by_hand: object) -> None:
    embedding, person = points()
    a, p, n = triplets(embedding, person, "all")
    d = torch.cdist(embedding, embedding, compute_mode="donot_use_mm_for_euclid_dist")
    expected = by_hand(d[a, p], d[a, n], d[p, n]).sum()  # type: ignore[operator]
    torch.testing.assert_close(factor(name, embedding, person, 0.7).sum(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", faces.STEPS)
@pytest.mark.parametrize("prior", [None, pc.priors.Normal(1.0)])
@pytest.mark.parametrize("num_data", [None, 100])
def test_cost_is_minus_the_trace(name: str, prior: pc.priors.Prior | None, num_data: int | None) -> None:
    torch.manual_seed(0)
    whole = faces.step((16, 16), name)
    model = type(whole)((16, 16), whole.likelihood, prior=prior).double().eval()
    x, y = torch.randn(8, 16, 16, dtype=torch.float64), torch.arange(8.0)[:, None] // 2
    at_own = {n: p for n, p in model.named_parameters() if prior is not None}
    trace = pyro.poutine.trace(pyro.poutine.condition(model, at_own)).get_trace(x, y, num_data=num_data)
    cost = pc.cost(model, x, y, num_data=num_data)
    torch.testing.assert_close(cost, -trace.log_prob_sum(), rtol=1e-9, atol=1e-9)
    observed = {site for site, node in trace.nodes.items() if node["type"] == "sample" and node["is_observed"]} - set(
        at_own
    )
    assert observed - {"data"} == ({"closer"} if name == "hinge" else {"unnormalized"})


def test_unnormalised_steps_say_so() -> None:
    for name in UNNORMALIZED:
        comparison = faces.step((16, 16), name).likelihood.comparison
        assert comparison.normalized_density is False
        with pytest.raises(TypeError, match="unnormalised"):
            comparison(torch.zeros(2, 4))
    with pytest.raises(TypeError, match="told who is on each photo"):
        faces.step((16, 16), "pairs")(torch.zeros(2, 16, 16))


def test_pairs_only_collapse(dataset: faces.FaceDataset) -> None:
    before = fitted(dataset, "pairs", epochs=1).embed(dataset.x)
    fit = fitted(dataset, "pairs", epochs=150)
    after = fit.embed(dataset.x)
    assert after.std(0).norm() < 0.05 * before.std(0).norm()
    assert fit.history.cost[-1] < 0.02 * fit.history.cost[0]
    # Not even the people it was trained on are told apart; chance is .5.
    assert faces.verification_scores(after, dataset.person)["auc"] < 0.6
    hinge = fitted(dataset, "hinge", epochs=80).embed(dataset.x)
    assert faces.verification_scores(hinge, dataset.person)["auc"] > 0.9


def test_a_point_is_least_for_steps_without_a_margin_and_costs_the_margin_with_it() -> None:
    _, person = points()
    point = torch.zeros(20, 6, dtype=torch.float64)
    for name in ("pairs", "zero_only"):
        assert factor(name, point, person).abs().max() == 0
        assert factor(name, points()[0], person).min() > 0
    count = 3 * 16  # of each anchor's triplets
    torch.testing.assert_close(factor("hinge", point, person), torch.full((20,), 1.0 * count).double())


@pytest.mark.parametrize("name", ["difference", "two_negatives", "margin_only"])
def test_no_bound_below(dataset: faces.FaceDataset, name: str) -> None:
    costs = torch.tensor(fitted(dataset, name, epochs=40).history.cost)
    falls = costs.view(4, 10).mean(1)
    assert (falls.diff() < 0).all()
    # It falls ever faster: no bound is being approached.
    assert (falls.diff().diff() < 0).all()
    assert costs[-1] < -50 * costs[0].abs()


def test_scale_multiplies_the_cost() -> None:
    embedding, person = points()
    for name in ("pairs", "difference", "two_negatives", "zero_only"):
        torch.testing.assert_close(
            factor(name, 1000 * embedding, person), 1000 * factor(name, embedding, person), rtol=1e-6, atol=1e-6
        )


def test_two_negatives_reward_growth_where_nobody_is_told_apart() -> None:
    """What one more percent of size is worth, in units of the pull of the pair, averaged over embeddings that know nobody."""
    worth = {}
    for name in ("difference", "two_negatives"):
        gains = []
        for seed in range(30):
            embedding, person = points(seed)
            scale = torch.ones((), dtype=torch.float64, requires_grad=True)
            (gain,) = torch.autograd.grad(factor(name, scale * embedding, person).sum(), scale)
            gains.append(gain / factor("pairs", embedding, person).sum())
        worth[name] = float(torch.stack(gains).mean())
    assert worth["difference"] == pytest.approx(0, abs=0.05)
    assert worth["two_negatives"] == pytest.approx(-1, abs=0.05)


def test_a_margin_without_the_zero_has_no_gradient_and_lets_settled_triplets_pull() -> None:
    person = torch.arange(2.0).repeat_interleave(2)
    # Two people so far apart that nothing is left to be learned from them.
    embedding = torch.tensor([[0.0, 0.0], [0.1, 0.0], [50.0, 0.0], [50.1, 0.0]], dtype=torch.float64)
    gradients = {}
    for name in ("difference", "margin_only", "hinge"):
        given = embedding.clone().requires_grad_()
        factor(name, given, person).sum().backward()
        gradients[name] = given.grad
    torch.testing.assert_close(gradients["margin_only"], gradients["difference"])
    assert gradients["margin_only"].abs().max() > 1
    assert gradients["hinge"].abs().max() == 0


def test_the_last_step_is_torchs_triplet_loss() -> None:
    embedding, person = points()
    likelihood = faces.step((16, 16), "hinge", margin=0.5, n_outputs=6).likelihood
    assert type(likelihood.comparison) is TripletSlack
    ours, theirs = embedding.clone().requires_grad_(), embedding.clone().requires_grad_()
    value = -likelihood(ours).log_prob(person.unsqueeze(1)).sum()
    a, p, n = triplets(embedding, person, "all")
    expected = torch.nn.TripletMarginLoss(margin=0.5, reduction="sum")(theirs[a], theirs[p], theirs[n])
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-10)
    value.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-10)


def test_wrong_steps_are_named() -> None:
    with pytest.raises(ValueError, match="unknown step 'triplet'; choose one of 'pairs'"):
        faces.step((16, 16), "triplet")
    with pytest.raises(TypeError, match="UnnormalizedStep"):
        faces.UnnormalizedFaces((16, 16), Triplets(TripletSlack()))
