"""What every likelihood of counts promises, held against each in the table: a new one is tested the moment it stands there."""

from __future__ import annotations

import operator
from typing import Any

import pytest
import torch

from probcost import likelihoods
from probcost.likelihoods import Likelihood
from tests.likelihoods.latex import evaluate

N = 3
MODES = {"dispersion": ("per_unit", "shared", "predicted"), "gate": ("per_unit", "shared", "predicted")}


def every_likelihood() -> list[Likelihood]:
    """Each likelihood in the table, in each mode of each of its parameters."""
    found = []
    for name in (name for name, kind in likelihoods.NAMES.items() if kind.discrete):
        options = [key for key in likelihoods.named(name, N).config if key in MODES]
        found.append(likelihoods.named(name, N))
        found += [likelihoods.named(name, N, **{key: mode}) for key in options for mode in MODES[key][1:]]
    return found


def label(likelihood: Likelihood) -> str:
    return "-".join([type(likelihood).__name__, *[str(v) for k, v in likelihood.config.items() if k in MODES]])


@pytest.fixture(params=every_likelihood(), ids=label)
def likelihood(request: pytest.FixtureRequest) -> Likelihood:
    torch.manual_seed(0)
    chosen: Likelihood = request.param
    for parameter in chosen.parameters():
        torch.nn.init.normal_(parameter, -0.5, 0.3)
    return chosen.double()


def raw_for(likelihood: Likelihood, rows: int) -> torch.Tensor:
    return 0.5 * torch.randn(rows, likelihood.num_outputs, dtype=torch.float64)


def test_shapes_over_rows_and_draws(likelihood: Likelihood) -> None:
    assert likelihood.event_shape == (N,)
    one, two = likelihood(raw_for(likelihood, 7)), likelihood(raw_for(likelihood, 14).reshape(2, 7, -1))
    assert one.batch_shape + one.event_shape == (7, N)
    assert two.batch_shape + two.event_shape == (2, 7, N)
    assert len(two.event_shape) == likelihood.event_dim
    y = torch.ones(7, N, dtype=torch.float64)
    assert two.log_prob(y).shape == two.batch_shape
    assert likelihood.null(y[0], y[0]).log_prob(y).shape == one.batch_shape


@torch.no_grad()
def test_printed_equation_is_the_cost(likelihood: Likelihood) -> None:
    distribution = likelihood(raw_for(likelihood, 4))
    y = torch.tensor([[0.0, 1.0, 2.0], [5.0, 0.0, 3.0], [1.0, 7.0, 0.0], [2.0, 0.0, 11.0]], dtype=torch.float64)
    cost = -distribution.log_prob(y)
    symbols = {symbol: operator.attrgetter(path)(distribution) for symbol, path in likelihood.symbols.items()}
    symbols = {"k": y, **symbols}
    for t in range(4):
        if likelihood.event_dim:  # of the whole row: parameters of units are lists
            values: dict[str, Any] = {s: v[t].tolist() for s, v in symbols.items()}
            assert evaluate(likelihood.equation, {"N": float(N), **values}) == pytest.approx(float(cost[t]), rel=1e-9)
            continue
        for i in range(N):
            values = {s: float(torch.as_tensor(v).expand(4, N)[t, i]) for s, v in symbols.items()}
            assert evaluate(likelihood.equation, values) == pytest.approx(float(cost[t, i]), rel=1e-9)


@torch.no_grad()
def test_probabilities_sum_to_one_and_give_the_moments(likelihood: Likelihood) -> None:
    distribution = likelihood(raw_for(likelihood, 2))
    if likelihood.event_dim:
        k, p = joint(distribution)
    else:
        k = torch.arange(400.0, dtype=torch.float64)[:, None, None]
        p = distribution.log_prob(k).exp()
    assert p.sum(0).numpy() == pytest.approx(torch.ones(2, N).numpy(), abs=1e-9)
    mean = (k * p).sum(0)
    assert distribution.mean.numpy() == pytest.approx(mean.numpy(), rel=1e-7)
    variance = ((k - mean) ** 2 * p).sum(0)
    assert distribution.variance.numpy() == pytest.approx(variance.numpy(), rel=1e-6)
    assert distribution.cdf(torch.full((2, N), 4.0)).numpy() == pytest.approx(p[:5].sum(0).numpy())


def joint(distribution: Any, most: int = 70) -> tuple[torch.Tensor, torch.Tensor]:
    """Counts, and P(Kᵢ = k) ``[most, 2, N]`` of each unit by itself, summed over all rows of N counts up to ``most``."""
    k = torch.arange(float(most), dtype=torch.float64)
    p = distribution.log_prob(torch.cartesian_prod(*[k] * N)[:, None]).exp().T.reshape(2, *[most] * N)
    units = [p.sum([1 + other for other in range(N) if other != i]) for i in range(N)]
    return k[:, None, None], torch.stack(units, -1).movedim(1, 0)


@torch.no_grad()
def test_samples_follow_the_probabilities(likelihood: Likelihood) -> None:
    torch.manual_seed(1)
    distribution = likelihood(raw_for(likelihood, 1))
    n = 20_000
    samples = distribution.sample(torch.Size((n,)))
    for k in range(4):
        p = distribution.log_prob(torch.full((1, N), float(k))).exp()
        same = samples == k  # all units of a row, where it is one vector
        observed = (same.all(-1) if likelihood.event_dim else same).double().mean(0)
        tolerance = 5 * (p * (1 - p) / n).sqrt() + 1e-4
        assert bool(((observed - p).abs() < tolerance).all())


def test_every_parameter_gets_a_gradient(likelihood: Likelihood) -> None:
    raw = raw_for(likelihood, 50).requires_grad_()
    y = torch.poisson(torch.ones(50, N, dtype=torch.float64))
    (-likelihood(raw).log_prob(y).sum()).backward()
    for parameter in [raw, *likelihood.parameters()]:
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all())
        assert bool((parameter.grad != 0).any(0).all())


def test_initial_raw_is_the_mean(likelihood: Likelihood) -> None:
    mean = torch.tensor([0.0, 0.5, 20.0], dtype=torch.float64)
    raw = likelihood.initial_raw(mean, mean)
    assert raw.shape == (likelihood.num_outputs,)
    assert likelihood.null(mean, mean).mean[1:].numpy() == pytest.approx(mean[1:].numpy())


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[0.0, 1.0]], r"shape \[1, 2\].*accepts \[T, 3\]"),
        ([[0.0, 1.0, 2.0], [0.0, -1.0, 2.0]], r"y\[1, 1\] is -1"),
        ([[0.0, 1.5, 2.0]], r"y\[0, 1\] is 1.5.*whole numbers"),
        ([[0.0, float("nan"), 2.0]], r"y\[0, 1\] is nan"),
        ([[0.0, 1.0, float("inf")]], r"y\[0, 2\] is inf"),
    ],
)
def test_validate_names_the_first_impossible_observation(
    likelihood: Likelihood, y: list[list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        likelihood.validate(torch.tensor(y))


def test_unknown_names_and_modes_list_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown likelihood 'gauss'; choose one of 'poisson'"):
        likelihoods.named("gauss", 3)
    with pytest.raises(ValueError, match="dispersion must be one of 'per_unit'"):
        likelihoods.NegativeBinomial(3, dispersion="global")
    with pytest.raises(ValueError, match="positive whole number, got 0"):
        likelihoods.Poisson(0)
