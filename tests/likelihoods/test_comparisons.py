"""Comparison likelihoods: torch's triplet cost to the last digits, Monte Carlo for uncertain embeddings, printed equations."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import pyro
import pytest
import torch
import torch.nn.functional as F
from pyro import poutine
from torch import Tensor, nn

import probcost as pc
from probcost.likelihoods import GaussianTriplet, Likelihood, NWayChoice, SamePerson, TripletSlack
from tests.likelihoods.latex import evaluate

SLACKS = ("exponential", "logistic", "normal")
BINARY: list[Likelihood] = [
    *(TripletSlack(slack, margin=0.3, temperature=0.7) for slack in SLACKS),
    TripletSlack(squared=True),
    GaussianTriplet(margin=0.4),
    SamePerson(),
    SamePerson(power=1),
]


def label(likelihood: Likelihood) -> str:
    return "-".join([type(likelihood).__name__, *(f"{v}" for v in likelihood.config.values())])


def points(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def raw_tuple(likelihood: Likelihood, rows: int, lead: tuple[int, ...] = ()) -> tuple[Tensor, ...]:
    parts = 2 if isinstance(likelihood, SamePerson) else 3
    return tuple(0.7 * points(*lead, rows, 6, seed=i) for i in range(parts))


def raw_tensor(likelihood: Likelihood, rows: int) -> Tensor:
    raw = points(rows, likelihood.num_outputs, seed=5)
    return raw.abs() if isinstance(likelihood, (SamePerson, NWayChoice)) else raw


def written_out(eps: float, reduction: str) -> Callable[..., Tensor]:
    def loss(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
        hinge = (F.pairwise_distance(a, p, eps=eps) - F.pairwise_distance(a, n, eps=eps)).clamp_min(0)
        return hinge if reduction == "none" else hinge.mean() if reduction == "mean" else hinge.sum()

    return loss


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0, 5.0])
@pytest.mark.parametrize("eps", [1e-6, 0.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_equals_torchs_triplet_cost(margin: float, eps: float, reduction: str) -> None:
    batch = [points(64, 16, seed=i) for i in range(3)]
    batch[1][:4] = batch[0][:4]  # coincident
    batch[2][2:6] = batch[0][2:6]
    values, gradients = [], []
    ours = pc.CostFunction(TripletSlack(margin=margin, eps=eps), reduction=reduction)
    # Torch refuses a margin of 0, which is then written out as its documentation has it.
    theirs = (
        nn.TripletMarginLoss(margin=margin, eps=eps, reduction=reduction) if margin else written_out(eps, reduction)
    )
    for loss in (lambda a, p, n: ours((a, p, n), torch.ones(64)), theirs):
        given = [part.clone().requires_grad_() for part in batch]
        value = loss(*given)
        values.append(value.detach())
        gradients.append(torch.autograd.grad(value.sum(), given))
    torch.testing.assert_close(values[0], values[1], rtol=1e-12, atol=1e-12)
    for mine, torchs in zip(*gradients, strict=True):
        assert bool(torch.isfinite(mine).all())
        torch.testing.assert_close(mine, torchs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("likelihood", BINARY, ids=label)
def test_tuples_and_tensors_agree_on_shapes_and_normalise(likelihood: Likelihood) -> None:
    likelihood = likelihood.double()
    for raw, shape in ((raw_tuple(likelihood, 5), (5,)), (raw_tensor(likelihood, 5), (5, 1))):
        believed = likelihood(raw)
        assert believed.batch_shape == shape
        total = sum(believed.log_prob(torch.full(shape, y)).exp() for y in (0.0, 1.0))
        torch.testing.assert_close(total, torch.ones(shape, dtype=torch.float64), rtol=0, atol=1e-14)
    assert likelihood(raw_tuple(likelihood, 5, (2, 3))).batch_shape == (2, 3, 5)
    together, alone = raw_tuple(likelihood, 5, (2,)), raw_tuple(likelihood, 5, (2,))
    one = likelihood(tuple(part[1] for part in alone)).log_prob(torch.ones(5))
    torch.testing.assert_close(likelihood(together).log_prob(torch.ones(5))[1], one)


@torch.no_grad()
@pytest.mark.parametrize("likelihood", BINARY, ids=label)
def test_printed_equation_is_the_cost(likelihood: Likelihood) -> None:
    likelihood = likelihood.double()
    for parameter in likelihood.parameters():
        nn.init.constant_(parameter, 0.4)
    for raw in (raw_tuple(likelihood, 30), raw_tensor(likelihood, 30)):
        believed = likelihood(raw)
        symbols = {
            s: operator.attrgetter(path)(believed).expand(believed.batch_shape)
            for s, path in likelihood.symbols.items()
        }
        for y in (0.0, 1.0):
            costs = -believed.log_prob(torch.full(believed.batch_shape, y))
            compared = 0
            for t in range(30):
                if math.isinf(float(costs[t])):
                    continue
                values: dict[str, Any] = {s: float(v[t]) for s, v in symbols.items()}
                assert evaluate(likelihood.equation, {"y": y, **values}) == pytest.approx(
                    float(costs[t]), rel=1e-9, abs=1e-12
                )
                compared += 1
            assert compared > 5


@torch.no_grad()
def test_printed_equation_of_a_choice() -> None:
    likelihood, y = NWayChoice(4, temperature=0.6), torch.tensor([[0.0], [3.0], [1.0]])
    squares = points(3, 4).square()
    costs = -likelihood(squares).log_prob(y)
    for t in range(3):
        of = {"d_c": squares[t].sqrt().tolist(), "d_y": float(squares[t, int(y[t])].sqrt()), "K": 4.0, "T": 0.6}
        assert evaluate(likelihood.equation, of) == pytest.approx(float(costs[t]), rel=1e-12)


def test_what_is_coherent_and_what_is_not() -> None:
    """P("p is nearer") + P("n is nearer"), which exclude each other: the docstring's numbers."""
    difference = torch.linspace(-2, 2, 81, dtype=torch.float64)[:, None]

    def both(slack: str, margin: float) -> Tensor:
        likelihood = TripletSlack(slack, margin=margin, temperature=0.5)
        return likelihood(difference).mean + likelihood(-difference).mean

    for slack in ("logistic", "normal"):
        torch.testing.assert_close(both(slack, 0.0), torch.ones_like(difference), rtol=0, atol=1e-14)
        assert float(both(slack, 0.2).max()) < 1
    assert float(both("exponential", 0.0).max()) == pytest.approx(2)
    far = difference.abs() >= 0.2
    expected = 1 + torch.exp(-(difference.abs() + 0.2) / 0.5)
    torch.testing.assert_close(both("exponential", 0.2)[far], expected[far])


@pytest.mark.parametrize("slack", SLACKS)
@pytest.mark.parametrize("squared", [False, True])
def test_distances_of_any_size_in_single_precision(slack: str, squared: bool) -> None:
    """Coincident points to 10⁶ apart, margin 0: finite values and gradients; so for every pairing of temperatures."""
    sizes = [0.0, 1e-30, 1e-6, 1.0, 1e3, 1e6]
    a = torch.zeros(len(sizes) ** 2, 3)
    p = torch.tensor([[s, 0.0, 0.0] for s in sizes for _ in sizes])
    n = torch.tensor([[0.0, s, 0.0] for _ in sizes for s in sizes])
    for temperature in (1e-3, 1.0, 1e3):
        for eps in (0.0, 1e-6):
            likelihood = TripletSlack(slack, margin=0.0, temperature=temperature, squared=squared, eps=eps)
            given = [part.clone().requires_grad_() for part in (a, p, n)]
            log_p = likelihood(tuple(given)).log_prob(torch.ones(len(a)))
            assert bool(torch.isfinite(log_p).all())
            assert all(bool(torch.isfinite(g).all()) for g in torch.autograd.grad(log_p.sum(), given))


def test_uncertain_embeddings_against_draws() -> None:
    """Mean, variance and probability of τ, sign of the margin included."""
    torch.manual_seed(0)
    m, n = 64, 60_000
    raw = tuple(
        points(1, 2 * m, seed=i) * torch.cat([torch.full((m,), 0.4), torch.full((m,), 0.8)]) for i in (11, 12, 13)
    )
    likelihood = GaussianTriplet()
    a, p, other = (
        mean + variance.sqrt() * torch.randn(n, m, dtype=torch.float64)
        for mean, variance in (likelihood.moments(one) for one in raw)
    )
    tau = (a - p).square().sum(1) - (a - other).square().sum(1)
    believed = likelihood(raw)
    sd = tau.std()
    assert float(believed.difference) == pytest.approx(float(tau.mean()), abs=5 * float(sd) / n**0.5)
    assert float(believed.temperature) == pytest.approx(float(sd), rel=0.015)
    for margin in (0.0, 5.0, 20.0):
        nearer = float((tau < -margin).double().mean())
        assert float(GaussianTriplet(margin=margin)(raw).mean) == pytest.approx(nearer, abs=0.02)
    assert float(GaussianTriplet(margin=5.0)(raw).mean) < float(believed.mean) - 0.01


def test_uncertain_embeddings_that_are_nearly_sure_are_triplets_of_squares() -> None:
    a, p, n = (points(20, 4, seed=i) for i in range(3))
    sure = torch.full((20, 4), -1e4, dtype=torch.float64)
    believed = GaussianTriplet(scale=1e-4)(tuple(torch.cat([one, sure], 1) for one in (a, p, n)))
    expected = TripletSlack("normal", margin=0.0, squared=True)((a, p, n))
    torch.testing.assert_close(believed.difference, expected.difference)
    assert float(believed.temperature.max()) < 1e-5


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_uncertain_embeddings_of_any_size_in_single_precision(size: float) -> None:
    raw = [(size * points(50, 8, seed=i).sign().float()).requires_grad_() for i in range(3)]
    log_p = GaussianTriplet()(tuple(raw)).log_prob(torch.ones(50))
    tensor = (size * points(50, 2).sign().float()).requires_grad_()
    of_tensor = GaussianTriplet()(tensor).log_prob(torch.ones(50, 1))
    for value, given in ((log_p, raw), (of_tensor, [tensor])):
        assert bool(torch.isfinite(value).all())
        assert all(bool(torch.isfinite(g).all()) for g in torch.autograd.grad(value.sum(), given))


@pytest.mark.parametrize("power", [1, 2])
def test_match_curve_is_learned(power: int) -> None:
    """Answers drawn from a curve teach that curve, from distances as from embeddings."""
    torch.manual_seed(3)
    d = 2 * torch.rand(4000, 1)
    answers = torch.bernoulli(torch.sigmoid(2.0 - 3.0 * d**power))
    likelihood = SamePerson(power=power)
    cost = pc.CostFunction(likelihood)
    optimizer = torch.optim.LBFGS(likelihood.parameters(), max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value: Tensor = cost(d, answers)
        value.backward()
        return value

    optimizer.step(closure)
    assert likelihood.offset.item() == pytest.approx(2.0, abs=0.4)
    assert likelihood.log_slope.exp().item() == pytest.approx(3.0, abs=0.5)
    a = torch.zeros(4000, 3)
    b = torch.cat([d, torch.zeros(4000, 2)], 1)
    torch.testing.assert_close(likelihood((a, b)).mean, likelihood(d).mean[:, 0], rtol=1e-5, atol=1e-6)


def test_choice_by_embeddings_is_choice_by_distances() -> None:
    anchor, candidates, y = points(7, 3), points(7, 5, 3, seed=1), torch.arange(7.0) % 5
    squares = (anchor[:, None] - candidates).square().sum(-1)
    by_tuple = NWayChoice(temperature=0.5)((anchor, candidates)).log_prob(y)
    torch.testing.assert_close(by_tuple, NWayChoice(5, temperature=0.5)(squares).log_prob(y[:, None])[:, 0])
    torch.testing.assert_close(by_tuple, torch.log_softmax(-squares / 0.5, 1)[torch.arange(7), y.long()])


@pytest.mark.parametrize("likelihood", [*BINARY[:5], SamePerson()], ids=label)
def test_initial_raw_is_the_mean(likelihood: Likelihood) -> None:
    mean = torch.tensor([0.3], dtype=torch.float64)
    likelihood = likelihood.double()
    for parameter in likelihood.parameters():
        nn.init.zeros_(parameter)
    raw = likelihood.initial_raw(mean, mean)
    assert raw.shape == (likelihood.num_outputs,)
    assert likelihood.null(mean, mean).mean.item() == pytest.approx(0.3)
    assert likelihood(raw).mean.item() == pytest.approx(0.3)
    for certain in (0.0, 1.0):
        assert bool(torch.isfinite(likelihood.initial_raw(torch.tensor([certain]), mean)).all())


@pytest.mark.parametrize("likelihood", [*BINARY, NWayChoice(3)], ids=label)
def test_as_a_pyro_model(likelihood: Likelihood) -> None:
    """`cost` and the trace agree, value and gradient, for comparisons whose raw outputs a network predicts."""
    model = pc.CostModel(nn.Linear(2, likelihood.num_outputs), likelihood.float())
    x, y = points(6, 2).float(), torch.tensor([[1.0], [1.0], [1.0], [1.0], [1.0], [1.0]])
    gradients = []
    for total in (
        lambda: -poutine.trace(model).get_trace(x, y, num_data=12).log_prob_sum(),
        lambda: pc.cost(model, x, y, num_data=12),
    ):
        value = total()
        gradients.append((value, *torch.autograd.grad(value, list(model.parameters()))))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    with pyro.plate("rows", 6, dim=-2):
        assert pyro.sample("anew", likelihood(model.network(x))).shape == (6, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TripletSlack("hinge"), "slack must be one of 'exponential', 'logistic', 'normal', got 'hinge'"),
        (lambda: TripletSlack(margin=-0.1), "margin must be a number of 0 or more, got -0.1"),
        (lambda: TripletSlack(temperature=0.0), "temperature must be a number above 0, got 0.0"),
        (lambda: TripletSlack(eps=float("nan")), "eps must be"),
        (lambda: GaussianTriplet(scale=0.0), "scale must be a number above 0"),
        (lambda: SamePerson(power=3), "power must be 1 .* or 2 .*, got 3"),
        (lambda: NWayChoice(1), "whole number of at least 2, got 1"),
        (lambda: TripletSlack()((torch.zeros(2, 3), torch.zeros(2, 3))), r"raw has 2 parts; .*\(anchor, positive, negative\)"),
        (
            lambda: TripletSlack()((torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, 3))),
            "positive has width 4 and anchor has width 3",
        ),
        (lambda: GaussianTriplet()((torch.zeros(2, 3),) * 3), "got width 3"),
        (lambda: NWayChoice(3)(torch.zeros(2, 4)), r"shape \[2, 4\].*n_candidates=3"),
        (lambda: NWayChoice()(torch.zeros(2, 4)), r"shape \[2, 4\].*n_candidates=None"),
        (lambda: TripletSlack().validate(torch.zeros(3, 2)), r"shape \[3, 2\]; TripletSlack accepts \[B\]"),
        (lambda: TripletSlack().validate(torch.tensor([0.0, 1.0, 0.5])), r"y\[2\] is 0.5; .*accepts 0"),
        (lambda: SamePerson().validate(torch.tensor([[0.0], [float("nan")]])), r"y\[1, 0\] is nan"),
        (lambda: NWayChoice(3).validate(torch.tensor([[0.0], [3.0]])), r"y\[1, 0\] is 3; .*from 0 to 2"),
        (lambda: NWayChoice().validate(torch.tensor([0.0, -1.0])), r"y\[1\] is -1"),
        (lambda: NWayChoice(3).validate(torch.zeros(2, 3)), r"shape \[2, 3\]; NWayChoice accepts"),
        (lambda: pc.CostFunction(TripletSlack())(torch.zeros(4, 1), torch.ones(4)), r"\[4\] do not fit .* \[4, 1\]"),
    ],
)  # fmt: skip
def test_errors_say_what_is_accepted(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
