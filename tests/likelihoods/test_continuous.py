"""What every real-valued likelihood promises, held against each in the table, in every mode, and against mixtures of them."""

from __future__ import annotations

import copy
import operator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import probcost as pc
from probcost import likelihoods
from probcost.likelihoods import Likelihood
from probcost.likelihoods.continuous import Continuous
from probcost.likelihoods.links import LINKS
from tests.likelihoods.latex import evaluate

N = 3
MODES: dict[str, tuple[Any, ...]] = {
    "scale": ("predicted", "learned", 0.7),
    "df": ("learned", "predicted", 4.0),
    "rank": (0, 1, 2),
}
MEAN, VARIANCE = torch.tensor([5.0, -2.0, 0.1]).double(), torch.tensor([4.0, 0.3, 25.0]).double()


def every_likelihood() -> list[Likelihood]:
    """Each real-valued likelihood in the table, in each mode of each of its parameters, and mixtures of each."""
    found: list[Likelihood] = []
    for name, kind in likelihoods.NAMES.items():
        if kind.discrete:
            continue
        options = [key for key in likelihoods.named(name, N).config if key in MODES]
        found += [likelihoods.named(name, N, **{key: mode}) for key in options for mode in MODES[key]]
        found += [likelihoods.named(name, N)] if not options else []
    found += [likelihoods.Normal(N, link=link) for link in LINKS[1:]]
    return found + [
        likelihoods.Mixture(component, 4) for component in found if component.config.get("link", LINKS[0]) == LINKS[0]
    ]


def label(likelihood: Likelihood) -> str:
    component = likelihood.config.get("component")
    inner = [label(component)] if component is not None else []
    modes = [str(v) for k, v in likelihood.config.items() if k in MODES or k == "link"]
    return "-".join([type(likelihood).__name__, *modes, *inner])


@pytest.fixture(params=every_likelihood(), ids=label)
def likelihood(request: pytest.FixtureRequest) -> Likelihood:
    torch.manual_seed(0)
    chosen: Likelihood = request.param
    for parameter in chosen.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    chosen.double().adapt(MEAN, VARIANCE)
    return chosen


def raw_for(likelihood: Likelihood, rows: int) -> torch.Tensor:
    return 0.5 * torch.randn(rows, likelihood.num_outputs, dtype=torch.float64)


def some_y(rows: int) -> torch.Tensor:
    return MEAN + VARIANCE.sqrt() * torch.randn(rows, N, dtype=torch.float64)


def batch(likelihood: Likelihood, *shape: int) -> tuple[int, ...]:
    return shape if likelihood.event_dim else (*shape, N)


def test_shapes_over_rows_draws_and_after_expand(likelihood: Likelihood) -> None:
    y = some_y(7)
    distribution = likelihood(raw_for(likelihood, 14).reshape(2, 7, -1))
    assert distribution.batch_shape == batch(likelihood, 2, 7)
    assert distribution.mean.shape == distribution.variance.shape == distribution.cdf(y).shape == (2, 7, N)
    assert distribution.log_prob(y).shape == batch(likelihood, 2, 7)
    larger = distribution.expand(torch.Size((5, *distribution.batch_shape)))
    assert larger.log_prob(y).shape == batch(likelihood, 5, 2, 7)
    assert larger.mean.shape == larger.variance.shape == larger.cdf(y).shape == larger.sample().shape == (5, 2, 7, N)
    torch.testing.assert_close(larger.log_prob(y)[3], distribution.log_prob(y))
    assert likelihood.null(MEAN, VARIANCE).log_prob(y).shape == batch(likelihood, 7)


def test_learned_parameters_line_up_with_draws(likelihood: Likelihood) -> None:
    model = pc.CostModel(nn.Linear(2, likelihood.num_outputs).double(), likelihood)
    draws = {name: p.detach() + 0.1 * torch.randn(5, *p.shape).double() for name, p in model.named_parameters()}
    x, y = torch.randn(7, 2).double(), some_y(7)
    together = model.distribution(x, draws).log_prob(y)
    assert together.shape == batch(likelihood, 5, 7)
    for s in range(5):
        torch.testing.assert_close(together[s], model.distribution(x, {k: v[s] for k, v in draws.items()}).log_prob(y))
    own = model.distribution_of_members(x.expand(5, 7, 2), draws).log_prob(y.expand(5, 7, N))
    torch.testing.assert_close(own, together)


@torch.no_grad()
def test_printed_equation_is_the_cost(likelihood: Likelihood) -> None:
    distribution, y = likelihood(raw_for(likelihood, 4)), some_y(4)
    costs = -distribution.log_prob(y)
    symbols = {s: _attribute(distribution, path) for s, path in likelihood.symbols.items()}
    for t in range(4):
        for i in range(1 if likelihood.event_dim else N):
            values = {s: _at(likelihood, s, v, t, i) for s, v in symbols.items()}
            values |= {"d": float(N), "K": 4.0, "y": y[t].numpy() if likelihood.event_dim else float(y[t, i])}
            printed = evaluate(likelihood.equation, values)
            assert printed == pytest.approx(float(costs[t] if likelihood.event_dim else costs[t, i]), rel=1e-9)


def _attribute(distribution: Any, path: str) -> torch.Tensor:
    return torch.as_tensor(operator.attrgetter(path)(distribution))


def _at(likelihood: Likelihood, symbol: str, value: torch.Tensor, t: int, i: int) -> Any:
    """A parameter's value at row t (and unit i): a number, vector or matrix; one of these for each component of a mixture."""
    k = likelihood.config.get("k")
    lead = (4,) if k is None else (4, k)
    own = {r"\mu": (N,), r"\Sigma": (N, N)}.get(symbol.removesuffix("_c"), ()) if likelihood.event_dim else (N,)
    if likelihood.event_dim and value.ndim < len(own):
        value = value.expand(own)
    whole = value.expand(*lead, *own)[t]
    if not likelihood.event_dim:
        whole = whole[..., i]
    plain = [part.numpy() if own and likelihood.event_dim else float(part) for part in (whole if k else whole[None])]
    return plain if k else plain[0]


@torch.no_grad()
def test_samples_have_the_moments_the_cdf_and_the_density(likelihood: Likelihood) -> None:
    torch.manual_seed(1)
    distribution, n = likelihood(raw_for(likelihood, 2)), 40_000
    samples = distribution.sample(torch.Size((n,)))
    at = distribution.mean.nan_to_num() + 0.4 * VARIANCE.sqrt()
    assert (samples <= at).double().mean(0).numpy() == pytest.approx(distribution.cdf(at).numpy(), abs=0.012)
    sd = distribution.variance.sqrt()
    finite = torch.isfinite(sd)
    close = (samples.mean(0) - distribution.mean).abs() < 0.05 * sd
    assert bool(close[finite].all())
    # Fourth moments exist, and make the sample's variance an estimate, for light tails only.
    ratio = samples.std(0) / sd
    assert bool(((ratio[finite] - 1).abs() < 0.2).all())
    # The mean of log p over the model's own draws is minus its entropy, where that is known in closed form.
    if hasattr(distribution, "entropy") and likelihood.event_dim == 0 and "k" not in likelihood.config:
        assert -distribution.log_prob(samples).mean(0).numpy() == pytest.approx(
            distribution.entropy().numpy(), abs=0.03
        )


@torch.no_grad()
def test_density_integrates_to_one(likelihood: Likelihood) -> None:
    """By importance sampling from a wide Student-t around the data, in all dimensions at once or each by itself."""
    torch.manual_seed(2)
    proposal = torch.distributions.StudentT(2.0, MEAN, 2 * VARIANCE.sqrt())
    y = proposal.sample(torch.Size((100_000,)))
    log_q = proposal.log_prob(y)
    distribution = likelihood(0.5 * raw_for(likelihood, 1))
    weights = (distribution.log_prob(y[:, None]).squeeze(1) - (log_q.sum(-1) if likelihood.event_dim else log_q)).exp()
    error = 5 * weights.std(0) / len(y) ** 0.5
    assert bool(((weights.mean(0) - 1).abs() < error + 1e-3).all())


@torch.no_grad()
def test_regions_and_transforms_are_uniform_under_the_model(likelihood: Likelihood) -> None:
    torch.manual_seed(3)
    distribution = likelihood(raw_for(likelihood, 1))
    samples = distribution.sample(torch.Size((2000,)))[:, 0]
    pit = distribution.cdf(samples[:, None])[:, 0]
    assert all(stats.kstest(pit[:, i].numpy(), "uniform").pvalue > 1e-4 for i in range(N))
    if hasattr(distribution, "region"):
        content = distribution.region(samples[:, None])[:, 0]
        assert stats.kstest(content.numpy(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("spread", [1.0, 1e-10, 1e10])
def test_raw_outputs_of_any_size_give_finite_values_and_gradients(likelihood: Likelihood, spread: float) -> None:
    """From 0 to ±1e4, those between where an exponential is neither bounded nor harmless, in data of any unit."""
    torch.manual_seed(4)
    likelihood.adapt(spread * MEAN, spread**2 * VARIANCE)
    single = likelihood.float()
    sizes = torch.tensor([0.0, 1e-4, 1.0, 5.0, 10.0, 13.0, 20.0, 29.0, 50.0, 88.0, 1e2, 1e3, 1e4])
    signs = torch.randint(0, 2, (600, likelihood.num_outputs)) * 2.0 - 1
    raw = signs * sizes[torch.randint(0, len(sizes), signs.shape)]
    raw[:100] = 1e4 * signs[:100]
    raw.requires_grad_()
    log_p = single(raw).log_prob((spread * some_y(600)).float())
    log_p.sum().backward()
    assert raw.grad is not None
    assert bool(torch.isfinite(log_p).all())
    assert bool(torch.isfinite(raw.grad).all())
    likelihood.double().adapt(MEAN, VARIANCE)


def test_every_parameter_gets_a_gradient(likelihood: Likelihood) -> None:
    raw = raw_for(likelihood, 200).requires_grad_()
    (-likelihood(raw).log_prob(some_y(200)).sum()).backward()
    for parameter in [raw, *likelihood.parameters()]:
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all())
        assert bool((parameter.grad != 0).any(0).all())


def test_twice_differentiable(likelihood: Likelihood) -> None:
    raw, y = raw_for(likelihood, 2).requires_grad_(), some_y(2)
    assert torch.autograd.gradgradcheck(lambda r: likelihood(r).log_prob(y), raw)


def test_the_initial_raw_outputs_mean_the_data(likelihood: Likelihood) -> None:
    torch.manual_seed(5)
    raw = likelihood.initial_raw(MEAN, VARIANCE)
    assert raw.shape == (likelihood.num_outputs,)
    first = likelihood(raw)
    if "k" not in likelihood.config:
        assert first.mean.detach().numpy() == pytest.approx(MEAN.numpy())
    reference = likelihood.null(MEAN, VARIANCE).log_prob(some_y(500)).mean()
    if likelihood.config.get("scale") != 0.7 and "k" not in likelihood.config:
        assert first.log_prob(some_y(500)).mean().item() == pytest.approx(reference.item(), abs=0.5 * N)


def test_mean_first_forgets_the_predicted_scale_only(likelihood: Likelihood) -> None:
    raw = raw_for(likelihood, 5)
    first = likelihood.mean_first(raw)
    predicted = likelihood.config.get("scale", "predicted") == "predicted" and "k" not in likelihood.config
    assert (first is not None) == predicted
    if first is not None:
        assert first.log_prob(some_y(5)).shape == batch(likelihood, 5)
        changed = likelihood.mean_first(torch.cat([raw[:, :N], raw[:, N:] + 1], 1))
        assert changed is not None
        if likelihood.config.get("link") != "natural":
            torch.testing.assert_close(changed.log_prob(some_y(5) * 0), first.log_prob(some_y(5) * 0))


@torch.no_grad()
def test_rescaling_widens_every_scale_but_a_given_one_and_moves_no_mean(likelihood: Likelihood) -> None:
    raw, component = raw_for(likelihood, 4), likelihood.config.get("component", likelihood)
    before = likelihood(raw)
    assert isinstance(likelihood, Continuous | likelihoods.Mixture)
    likelihood.rescale(2.0)
    after = likelihood(raw)
    likelihood.adapt(MEAN, VARIANCE)
    torch.testing.assert_close(after.mean, before.mean, equal_nan=True)
    path = "component.variance" if "k" in likelihood.config else "variance"
    factor = 1.0 if component.config.get("scale") == 0.7 else 4.0
    torch.testing.assert_close(_attribute(after, path), factor * _attribute(before, path), equal_nan=True)


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e6])
def test_a_constant_target_keeps_a_finite_scale(likelihood: Likelihood, constant: float) -> None:
    mean = torch.full((N,), constant).double()
    likelihood.adapt(mean, torch.zeros(N).double())
    log_p = likelihood(torch.zeros(1, likelihood.num_outputs).double()).log_prob(mean[None])
    assert bool(torch.isfinite(log_p).all())
    assert likelihood.null(mean, torch.zeros(N).double()).log_prob(mean).isfinite().all()
    likelihood.adapt(MEAN, VARIANCE)


def test_a_point_mass_does_not_send_the_scale_to_zero() -> None:
    """A third of the targets are the same number, which the inputs tell exactly: σ ends at its floor."""
    torch.manual_seed(6)
    x = torch.randn(600, 1)
    y = torch.where(x < -0.4, torch.zeros(()), 2 * x + 0.3 * torch.randn(600, 1))
    for name in ("normal", "student_t", "laplace"):
        fitted = pc.regress(x, y, likelihood=name, method="map", epochs=60, progress=False)
        scale = fitted.model.distribution(x).scale
        assert float(scale.detach().min()) > 0.5e-3 * float(y.std())
        assert bool(torch.isfinite(fitted.predict(x).log_prob(y)).all())


VECTORS = [
    likelihoods.MultivariateNormal(N),
    likelihoods.MultivariateStudentT(N),
    likelihoods.LowRankMultivariateNormal(N, rank=2),
]


@pytest.mark.parametrize("component", VECTORS, ids=label)
@pytest.mark.parametrize("k", [1, 3])
def test_collinear_coordinates_and_a_point_mass_train_without_a_failure(component: Likelihood, k: int) -> None:
    """Coordinates that are multiples of one another, a quarter of the rows one and the same point: Σ has no inverse."""
    torch.manual_seed(8)
    x = torch.randn(200, 2)
    y = torch.sin(x[:, :1]) * torch.tensor([1.0, 2.0, -1.0])
    y[:50] = 0.0
    likelihood = likelihoods.Mixture(component, k) if k > 1 else copy.deepcopy(component)
    likelihood.adapt(y.mean(0), y.var(0))
    network = pc.networks.MLP(2, likelihood.num_outputs, hidden=(16,))
    optimizer = torch.optim.Adam([*network.parameters(), *likelihood.parameters()], lr=2e-2)
    for _ in range(150):
        optimizer.zero_grad()
        cost = -likelihood(network(x)).log_prob(y).mean()
        cost.backward()
        assert all(bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None)
        optimizer.step()
    with torch.no_grad():
        fitted = likelihood(network(x))
        assert float(cost) < float(-likelihood.null(y.mean(0), y.var(0)).log_prob(y).mean()) - 1
        assert bool(torch.isfinite(fitted.covariance_matrix).all())
        assert bool((fitted.variance.sqrt() > 0.9e-3 * y.std(0)).all())
        assert bool(torch.isfinite(fitted.sample()).all())


def test_components_part_although_the_last_layer_starts_at_zero() -> None:
    torch.manual_seed(9)
    likelihood = likelihoods.Mixture(likelihoods.Normal(1), 2)
    y = torch.randn(400, 1).sign() * 3 + 0.1 * torch.randn(400, 1)
    likelihood.adapt(y.mean(0), y.var(0))
    raw = likelihood.initial_raw(y.mean(0), y.var(0)).requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=5e-2)
    for _ in range(300):
        optimizer.zero_grad()
        (-likelihood(raw).log_prob(y).mean()).backward()
        optimizer.step()
    assert likelihood(raw).component.mean.detach().flatten().sort().values.tolist() == pytest.approx([-3, 3], abs=0.1)


def test_it_can_be_built_again_from_its_config(likelihood: Likelihood) -> None:
    again = type(likelihood)(**likelihood.config)
    assert again.num_outputs == likelihood.num_outputs
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in likelihood.state_dict().items()
    }


def test_vectors_against_scipy() -> None:
    torch.manual_seed(7)
    raw, y = torch.randn(5, 9).double(), some_y(5)
    normal = likelihoods.MultivariateNormal(N).double()
    normal.adapt(MEAN, VARIANCE)
    heavy = likelihoods.MultivariateStudentT(N, df=3.5).double()
    heavy.adapt(MEAN, VARIANCE)
    a, b = normal(raw), heavy(raw)
    for t in range(5):
        loc, cov = a.mean[t].numpy(), a.covariance_matrix[t].numpy()
        np.testing.assert_allclose(a.log_prob(y)[t], stats.multivariate_normal(loc, cov).logpdf(y[t].numpy()))
        np.testing.assert_allclose(b.log_prob(y)[t], stats.multivariate_t(loc, cov, df=3.5).logpdf(y[t].numpy()))
        np.testing.assert_allclose(np.linalg.cholesky(cov), a.scatter.scale_tril[t].numpy(), atol=1e-10)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: likelihoods.Normal(1, scale="global"),
            ValueError,
            "scale must be 'predicted', 'learned' or a positive",
        ),
        (lambda: likelihoods.Normal(1, scale=-1.0), ValueError, "positive number, got -1"),
        (lambda: likelihoods.Normal(1, link="square"), ValueError, "unknown link 'square'; choose one of"),
        (lambda: likelihoods.StudentT(1, link="natural"), ValueError, "natural"),
        (lambda: likelihoods.StudentT(1, df=0.5), ValueError, "df must be"),
        (lambda: likelihoods.LowRankMultivariateNormal(3, rank=-1), ValueError, "rank must be"),
        (lambda: likelihoods.Mixture(likelihoods.Normal(1), 0), ValueError, "k must be"),
        (lambda: likelihoods.Mixture(likelihoods.Poisson(1), 2), TypeError, "real-valued likelihood"),
    ],
)
def test_bad_parts_are_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_validate_names_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match=r"y\[1, 0\] is nan"):
        likelihoods.MultivariateNormal(2).validate(torch.tensor([[0.0, 1.0], [float("nan"), 1.0]]))
    assert isinstance(likelihoods.Normal(2), Continuous)


def test_a_component_of_ones_own_is_indexed_once() -> None:
    class Rayleigh(likelihoods.Laplace):
        equation = r"y^2 / (2 s^2) - \log y + 2 \log s + c"
        symbols: ClassVar[dict[str, str]] = {"s": "scale", "c": "loc"}

    mixture = likelihoods.Mixture(Rayleigh(1), 2)
    assert r"y^2 / (2 s_c^2) - \log y + 2 \log s_c + c_c" in mixture.equation
    assert set(mixture.symbols) == {"w_c", "s_c", "c_c"}
