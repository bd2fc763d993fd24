"""The likelihood of a labelled batch is the sum of its comparisons, one by one: value, gradient, plates, members, sampler."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyro
import pytest
import torch
import torch.nn.functional as F
from pyro import poutine
from torch import Tensor, nn

import probcost as pc
from probcost.inference.storage import build, describe
from probcost.likelihoods import GaussianTriplet, NWayChoice, Triplets, TripletSlack, triplets
from probcost.likelihoods.batches import TripletBatch
from probcost.likelihoods.comparisons import BatchComparison
from tests.likelihoods.latex import evaluate

COMPARISONS: list[BatchComparison] = [
    TripletSlack(margin=0.3),
    TripletSlack("logistic", margin=0.2, temperature=0.5, squared=True),
    TripletSlack("normal", eps=0.0),
    GaussianTriplet(margin=0.2, scale=0.3),
    NWayChoice(temperature=0.4),
]
WIDTH = 8


def label(comparison: BatchComparison) -> str:
    return "-".join([type(comparison).__name__, *(f"{v}" for v in comparison.config.values())])


def data(b: int = 18, people: int = 5, lead: tuple[int, ...] = (), seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(*lead, b, WIDTH, generator=generator, dtype=torch.float64)
    return raw, torch.randint(0, people, (b, 1), generator=generator).double()


def one_by_one(likelihood: Triplets, raw: Tensor, y: Tensor, mining: str) -> Tensor:
    """Each anchor's log-probability by the comparison likelihood itself, on tuples of embeddings."""
    comparison, embedded = likelihood.comparison, likelihood.embed(raw)
    points = embedded[:, : WIDTH // comparison.width]
    separation_margin = comparison.margin or 0.2
    if mining == "semi_hard" and comparison.squared:  # whose band is of squared distances
        a, p, n = triplets(points, y, "all")
        near, far = (points[a] - points[p]).square().sum(1), (points[a] - points[n]).square().sum(1)
        keep = (near < far) & (far < near + separation_margin)
        a, p, n = a[keep], p[keep], n[keep]
    else:
        a, p, n = triplets(points, y, mining, margin=separation_margin)
    total = torch.zeros(len(y), dtype=raw.dtype)
    if isinstance(comparison, NWayChoice):
        for anchor, positive in set(zip(a.tolist(), p.tolist(), strict=True)):
            candidates = torch.cat([torch.tensor([positive]), n[(a == anchor) & (p == positive)]])
            chosen = comparison((embedded[anchor], embedded[candidates])).log_prob(torch.tensor(0.0))
            total = total.index_add(0, torch.tensor([anchor]), chosen[None])
        return total[:, None]
    log_p = comparison((embedded[a], embedded[p], embedded[n])).log_prob(torch.ones(len(a)))
    return total.index_add(0, a, log_p)[:, None]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=label)
@pytest.mark.parametrize("mining", ["all", "semi_hard", "batch_hard"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("part", [None, 400, 40])
def test_is_the_sum_of_its_comparisons(
    comparison: BatchComparison, mining: str, normalize: bool, part: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, and in many parts that are computed anew on the way back."""
    if part:
        monkeypatch.setattr("probcost.likelihoods.mining.CHUNK", part)
    raw, y = data()
    likelihood = Triplets(comparison, WIDTH, mining, normalize=normalize)
    results = []
    for log_prob in (lambda r: likelihood(r).log_prob(y), lambda r: one_by_one(likelihood, r, y, mining)):
        given = raw.clone().requires_grad_()
        value = log_prob(given)
        assert value.shape == (18, 1)
        weights = torch.linspace(0.5, 2.0, 18)[:, None]  # every anchor's gradient by itself
        results.append((value.detach(), torch.autograd.grad((weights * value).sum(), given)[0]))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-6, atol=1e-7)
    assert float(results[0][0].min()) < 0
    with torch.no_grad():
        torch.testing.assert_close(likelihood(raw).log_prob(y), results[0][0], rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_printed_equation_is_the_cost() -> None:
    raw, y = data()
    likelihood = Triplets(TripletSlack("logistic"), WIDTH, "all")
    costs = -likelihood(raw).log_prob(y)
    embedded = likelihood.embed(raw)
    a, p, n = triplets(embedded, y, "all")
    probabilities = likelihood.comparison((embedded[a], embedded[p], embedded[n])).mean
    for t in range(18):
        own = probabilities[a == t].tolist()
        assert evaluate(likelihood.equation, {"p_q": own, "Q": float(len(own))}) == pytest.approx(float(costs[t]))


@pytest.mark.parametrize("comparison", COMPARISONS, ids=label)
def test_members_and_draws_line_up(comparison: BatchComparison) -> None:
    raw, y = data(lead=(2, 3))
    likelihood = Triplets(comparison, WIDTH)
    together = likelihood(raw)
    assert together.batch_shape == (2, 3, 18, 1)
    log_p = together.log_prob(y)
    own = torch.stack([torch.stack([y, y.flip(0), y]), torch.stack([y] * 3)])
    of_own = likelihood(raw).log_prob(own)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(log_p[i, j], likelihood(raw[i, j]).log_prob(y))
            torch.testing.assert_close(of_own[i, j], likelihood(raw[i, j]).log_prob(own[i, j]))
    assert likelihood(raw[0, 0]).expand(torch.Size([4, 18, 1])).log_prob(y).shape == (4, 18, 1)


def test_members_of_an_ensemble_through_the_model() -> None:
    model = pc.CostModel(nn.Linear(3, WIDTH).double(), Triplets(TripletSlack(), WIDTH))
    x, (_, y) = torch.randn(18, 3).double(), data()
    draws = {name: p.detach() + 0.1 * torch.randn(4, *p.shape).double() for name, p in model.named_parameters()}
    together = model.distribution(x, draws).log_prob(y)
    assert together.shape == (4, 18, 1)
    for s in range(4):
        alone = model.distribution(x, {name: value[s] for name, value in draws.items()}).log_prob(y)
        torch.testing.assert_close(together[s], alone)


def test_all_comparisons_count_in_evaluation() -> None:
    raw, y = data()
    likelihood, every = Triplets(TripletSlack(), WIDTH, "semi_hard"), Triplets(TripletSlack(), WIDTH, "all")
    assert float(likelihood(raw).log_prob(y).sum()) != float(every(raw).log_prob(y).sum())
    assert torch.equal(likelihood.eval()(raw).log_prob(y), every(raw).log_prob(y))


def test_distance_weighted_is_one_negative_a_pair() -> None:
    """Drawn once, so that what is computed anew on the way back is what was computed."""
    raw, y = data(60, 12)
    likelihood = Triplets(TripletSlack(margin=0.5), WIDTH, "distance_weighted")
    embedded = likelihood.embed(raw)
    torch.manual_seed(4)
    found = likelihood(raw).log_prob(y)
    torch.manual_seed(4)
    a, p, n = triplets(embedded, y, "distance_weighted")
    expected = likelihood.comparison((embedded[a], embedded[p], embedded[n])).log_prob(torch.ones(len(a)))
    torch.testing.assert_close(found[:, 0], torch.zeros(60, dtype=torch.float64).index_add(0, a, expected))


@pytest.mark.parametrize("comparison", COMPARISONS, ids=label)
def test_described_and_built_again(comparison: BatchComparison) -> None:
    likelihood = Triplets(comparison, WIDTH, "batch_hard", band=0.4, photos_per_person=3)
    description = describe(likelihood)
    assert description is not None
    again = build(json.loads(json.dumps(description)))
    assert repr(again) == repr(likelihood)
    assert describe(again) == description


def test_embeds_on_the_unit_sphere() -> None:
    raw, _ = data()
    torch.testing.assert_close(Triplets(TripletSlack(), WIDTH).embed(raw), F.normalize(raw, dim=-1))
    assert torch.equal(Triplets(TripletSlack(), WIDTH, normalize=False).embed(raw), raw)
    uncertain = Triplets(GaussianTriplet(), WIDTH).embed(raw)
    torch.testing.assert_close(uncertain, torch.cat([F.normalize(raw[:, :4], dim=-1), raw[:, 4:]], 1))


@pytest.mark.parametrize("comparison", COMPARISONS, ids=label)
@pytest.mark.parametrize("mining", ["all", "semi_hard", "batch_hard", "distance_weighted"])
def test_collapsed_batches_have_finite_gradients(comparison: BatchComparison, mining: str) -> None:
    """All photos at one point, and pairs of the same photo, in single precision."""
    for raw in (torch.ones(8, WIDTH), torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(0)).repeat(2, 1)):
        given, y = raw.clone().requires_grad_(), torch.tensor([0.0, 0.0, 1.0, 1.0] * 2)[:, None]
        log_p = Triplets(comparison, WIDTH, mining)(given).log_prob(y)
        (gradient,) = torch.autograd.grad(log_p.sum(), given)
        assert bool(torch.isfinite(log_p).all())
        assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("people", [[0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
def test_a_batch_without_comparisons_costs_nothing(people: list[float]) -> None:
    """As a part of an epoch may turn out: nobody twice, or one person only."""
    raw = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for mining in ("all", "semi_hard", "batch_hard", "distance_weighted"):
        for comparison in COMPARISONS:
            log_p = Triplets(comparison, WIDTH, mining)(raw).log_prob(torch.tensor(people)[:, None])
            (gradient,) = torch.autograd.grad(log_p.sum(), raw)
            assert torch.equal(log_p, torch.zeros(4, 1))
            assert torch.equal(gradient, torch.zeros(4, WIDTH))


def test_as_a_pyro_model() -> None:
    """Plates over a subsample of rows and over one unit; `poutine.scale`; and `cost` equal to the trace."""
    raw, y = data()
    likelihood = Triplets(TripletSlack(), WIDTH)

    def model() -> Tensor:
        with pyro.plate("data", 90, subsample=torch.arange(18), dim=-2), pyro.plate("labels", 1, dim=-1):
            return pyro.sample("closer", likelihood(raw), obs=y)

    expected = likelihood(raw).log_prob(y).sum()
    torch.testing.assert_close(poutine.trace(model).get_trace().log_prob_sum(), 5 * expected)
    scaled = poutine.trace(poutine.scale(model, scale=0.1)).get_trace()
    torch.testing.assert_close(scaled.log_prob_sum(), 0.5 * expected)

    cost_model = pc.CostModel(nn.Linear(WIDTH, WIDTH).double(), likelihood, prior=pc.priors.Normal(1.0))
    trace = poutine.trace(cost_model).get_trace(raw, y, num_data=90)
    weights = {name: trace.nodes[name]["value"] for name, _ in cost_model.named_parameters()}
    for name, parameter in cost_model.named_parameters():
        parameter.data.copy_(weights[name])
    torch.testing.assert_close(-trace.log_prob_sum(), pc.cost(cost_model, raw, y, num_data=90))


def test_labels_cannot_be_drawn() -> None:
    raw, y = data()
    believed = Triplets(TripletSlack(), WIDTH)(raw)
    with pytest.raises(TypeError, match=r"cannot draw labels: .* nothing predicts it"):
        believed.sample()
    with pytest.raises(TypeError, match="nothing predicts it"):
        pyro.sample("closer", believed)
    for moment in ("mean", "variance"):
        with pytest.raises(TypeError, match=f"no {moment}: they are names"):
            getattr(believed, moment)
    assert not Triplets.starts_at_null
    assert torch.equal(Triplets(TripletSlack(), WIDTH).groups(y), y[:, 0])
    with pytest.raises(TypeError, match="no null model"):
        Triplets(TripletSlack(), WIDTH).null(y.mean(0), y.var(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Triplets(TripletSlack(), 0), "n_outputs must be a whole number of at least 1, got 0"),
        (lambda: Triplets(GaussianTriplet(), 7), "n_outputs is 7; GaussianTriplet .* even"),
        (lambda: Triplets(TripletSlack(), 8, "hardest"), "mining must be one of 'all', .*, got 'hardest'"),
        (lambda: Triplets(TripletSlack(), 8, "distance_weighted", normalize=False), "needs normalize=True"),
        (lambda: Triplets(TripletSlack(), 8, band=0.0), "band must be None or a number above 0, got 0.0"),
        (lambda: Triplets(TripletSlack(), 8, photos_per_person=1), "photos_per_person must be .* at least 2, got 1"),
        (lambda: Triplets(TripletSlack()).validate(torch.zeros(4)), r"y has shape \[4\].*\[T, 1\]"),
        (lambda: Triplets(TripletSlack()).validate(torch.tensor([[0.0], [0.5]])), r"y\[1, 0\] is 0.5.*whole numbers"),
        (lambda: Triplets(TripletSlack()).validate(torch.tensor([[0.0], [-1.0]])), r"y\[1, 0\] is -1"),
        (lambda: Triplets(TripletSlack()).validate(torch.full((3, 1), float("nan"))), r"y\[0, 0\] is nan"),
        (lambda: Triplets(TripletSlack()).validate(torch.ones(4, 1)), "1 person; .* at least two people"),
        (lambda: Triplets(TripletSlack()).validate(torch.arange(4.0)[:, None]), "4 people with one photo each"),
        (lambda: Triplets(TripletSlack(), 2)(torch.ones(4, 2)).log_prob(torch.ones(4)), r"shape \[4\]; 4 .*\[4, 1\]"),
        (lambda: Triplets(TripletSlack(), 2)(torch.ones(4, 2)).log_prob(torch.ones(3, 1)), r"shape \[3, 1\]"),
        (
            lambda: Triplets(TripletSlack()).batches(torch.zeros(9, 1), 3, torch.Generator()),
            "at least 4 photos .* got batch size 3",
        ),
    ],
)
def test_errors_say_what_is_accepted(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_other_comparisons_are_refused() -> None:
    with pytest.raises(TypeError, match="must be TripletSlack, GaussianTriplet or NWayChoice, got SamePerson"):
        Triplets(pc.likelihoods.SamePerson())  # type: ignore[arg-type]


@pytest.mark.parametrize("counts", [[10] * 40, [1, 2, 3, 4, 5, 6, 7, 50, 9], [400, 2], [2, 2], [1, 1, 1, 3]])
@pytest.mark.parametrize("size", [4, 9, 48])
def test_batches_are_people_and_photos(counts: list[int], size: int) -> None:
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).double()
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))][:, None]
    likelihood = Triplets(TripletSlack())
    epoch = likelihood.batches(y, size, torch.Generator().manual_seed(1))
    again = likelihood.batches(y, size, torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(epoch, again, strict=True))
    other = likelihood.batches(y, size, torch.Generator().manual_seed(2))
    assert not all(torch.equal(a, b) for a, b in zip(epoch, other, strict=False)) or len(y) < 8
    photos = min(4, size // 2)
    seen: Counter[int] = Counter()
    for rows in epoch:
        assert len(rows) <= size + 2 * photos
        assert len(rows.unique()) == len(rows)
        assert len(y[rows].unique()) >= 2
        seen.update(rows.tolist())
    assert set(seen) == set(range(len(y)))
    if counts == [10] * 40 and size == 48:
        assert max(seen.values()) <= 2
        assert all(44 <= len(rows) <= 52 for rows in epoch)
        each = [y[rows].unique(return_counts=True)[1] for rows in epoch]
        assert sum(int((c == 4).sum()) for c in each) > 0.9 * sum(len(c) for c in each)
        # Of everybody as often as their photos ask: three groups of four for ten photos.
        owners = Counter(int(v) for rows in epoch for v in y[rows].flatten())
        assert set(owners.values()) <= {10, 11, 12}


@pytest.mark.parametrize("comparison", COMPARISONS, ids=label)
def test_too_many_held_out_photos_are_compared_within_batches(
    comparison: BatchComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of people × photos, the same every time; in training, and where they are few enough, all are compared."""
    raw, _ = data(b=60)
    y = (torch.arange(60.0, dtype=torch.float64) % 4)[:, None]  # 15 photos of each of 4 people
    likelihood = Triplets(comparison, WIDTH, "all", photos_per_person=3).eval()
    whole = likelihood(raw).log_prob(y)
    monkeypatch.setattr("probcost.likelihoods.batches._HELD_AGAINST", 12)
    monkeypatch.setattr("probcost.likelihoods.batches._MOST_COMPARISONS", 4 * 15 * 14 * 60)
    assert torch.equal(likelihood(raw).log_prob(y), whole)
    monkeypatch.setattr("probcost.likelihoods.batches._MOST_COMPARISONS", 4 * 15 * 14 * 60 - 1)
    sizes: list[int] = []
    of_batch = TripletBatch._of_anchors

    def counted(self: TripletBatch, embeddings: Tensor, labels: Tensor, of_pairs: Any) -> Tensor:
        sizes.append(len(labels))
        assert int(labels.unique(return_counts=True)[1].max()) <= 6
        return of_batch(self, embeddings, labels, of_pairs)

    monkeypatch.setattr(TripletBatch, "_of_anchors", counted)
    given = raw.clone().requires_grad_()
    parted = likelihood(given).log_prob(y)
    assert sum(sizes) == 60
    assert max(sizes) <= 18
    assert bool((parted < 0).all())  # everybody has been an anchor
    # Fewer comparisons each, all of them proper: none can cost more than all of them together.
    assert bool((parted >= whole - 1e-9).all())
    assert torch.equal(likelihood(raw).log_prob(y), parted)
    parted.sum().backward()
    assert given.grad is not None
    assert bool(torch.isfinite(given.grad).all())
    monkeypatch.undo()
    assert torch.equal(likelihood.train()(raw).log_prob(y), whole)


def test_hundreds_of_photos_of_one_person_are_held_against_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of 400 photos are of one person: all at once they are 16 million comparisons."""
    torch.manual_seed(0)
    y = torch.cat([torch.zeros(200), torch.arange(1.0, 101).repeat_interleave(2)])[:, None]
    made = 0

    class Counting(NWayChoice):
        def log_chosen(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Any) -> Tensor:
            nonlocal made
            made += pairs.chosen.numel()
            return super().log_chosen(rows, shared, pairs)

    monkeypatch.setattr("probcost.likelihoods.batches._MOST_COMPARISONS", 10**6)
    monkeypatch.setattr("probcost.likelihoods.batches._HELD_AGAINST", 64)
    with torch.no_grad():
        log_p = Triplets(Counting(temperature=0.2), 16).eval()(torch.randn(400, 16)).log_prob(y)
    assert bool((log_p < 0).all())
    assert made < 10**6
