"""The cost model: one number, whether read off directly or through Pyro's handlers; and Pyro's own tools run on it."""

from __future__ import annotations

import pyro
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from pyro.infer import MCMC, NUTS, Predictive, Trace_ELBO
from pyro.infer.autoguide import AutoDelta, AutoLowRankMultivariateNormal, AutoNormal
from torch import Tensor, nn

import probcost as pc

N = 2
PRIORS = [None, pc.priors.Normal(0.7), pc.priors.Normal(2.0, bias_scale=float("inf")), pc.priors.Laplace(0.5)]


def small_model(name: str = "poisson", prior: pc.priors.Prior | None = None, seed: int = 0) -> pc.CostModel:
    torch.manual_seed(seed)
    likelihood = pc.likelihoods.named(name, N)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, likelihood.num_outputs))
    return pc.CostModel(network, likelihood, prior)


def small_data(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    return x, torch.poisson(torch.full((rows, N), 1.5), generator=generator)


def trace_cost(model: pc.CostModel, x: Tensor, y: Tensor, num_data: int | None) -> Tensor:
    """Minus the log-joint of Pyro's own trace, at the model's own parameters."""
    at_own_values = poutine.condition(model, data=dict(model.named_parameters()))
    return -poutine.trace(at_own_values).get_trace(x, y, num_data=num_data).log_prob_sum()


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(pc.likelihoods.NAMES)),
    prior=st.sampled_from(PRIORS),
    rows=st.integers(1, 9),
    times=st.none() | st.integers(1, 50),
    seed=st.integers(0, 10_000),
)
def test_cost_is_minus_the_log_prob_of_the_trace(
    name: str, prior: pc.priors.Prior | None, rows: int, times: int | None, seed: int
) -> None:
    model = small_model(name, prior, seed).double()
    x, y = (part.double() for part in small_data(rows, seed))
    num_data = None if times is None else rows * times
    direct, traced = pc.cost(model, x, y, num_data=num_data), trace_cost(model, x, y, num_data)
    assert direct.item() == pytest.approx(traced.item(), rel=1e-10)
    parameters = list(model.parameters())
    for a, b in zip(torch.autograd.grad(direct, parameters), torch.autograd.grad(traced, parameters), strict=True):
        assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)


def test_spike_counts_writes_its_plates_out_and_means_the_same() -> None:
    torch.manual_seed(0)
    model = pc.SpikeCounts(3, N, prior=pc.priors.Normal(1.0)).eval()
    x, y = small_data(6)
    assert pc.cost(model, x, y, num_data=60).item() == pytest.approx(trace_cost(model, x, y, 60).item(), rel=1e-6)
    trace = poutine.trace(model).get_trace(x, y)
    assert [f.name for f in trace.nodes["counts"]["cond_indep_stack"]] == ["data", "neurons"]


@pytest.mark.parametrize("guide_class", [AutoDelta, AutoNormal, AutoLowRankMultivariateNormal])
def test_pyro_elbo_modules_train_it(guide_class: type) -> None:
    model, (x, y) = small_model(prior=pc.priors.Normal(1.0)), small_data(200)
    y[:, 0] = torch.poisson(torch.exp(1 + 0.8 * x[:, 0]))
    with pyro.settings.context(module_local_params=True):
        torch.manual_seed(0)
        guide = guide_class(model)
        elbo = Trace_ELBO()(model, guide)
        before = elbo(x, y).item()
        optimizer = torch.optim.Adam(elbo.parameters(), lr=0.03)
        for _ in range(150):
            optimizer.zero_grad()
            loss = elbo(x, y)
            loss.backward()
            optimizer.step()
    assert loss.item() < before - 50


def test_nuts_samples_a_small_network() -> None:
    torch.manual_seed(0)
    model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1), pc.priors.Normal(1.0))
    x = torch.linspace(-1, 1, 300)[:, None]
    y = torch.poisson(torch.exp(0.5 + x))
    mcmc = MCMC(NUTS(model), num_samples=150, warmup_steps=100, disable_progbar=True)
    mcmc.run(x, y)
    slope = mcmc.get_samples()["network.weight"].flatten()
    assert abs(float(slope.mean()) - 1.0) < 4 * float(slope.std())
    assert 0.03 < float(slope.std()) < 0.15


@pytest.mark.parametrize("parallel", [False, True])
def test_pyro_predictive_runs_on_it(parallel: bool) -> None:
    model, (x, _) = small_model("negative_binomial", pc.priors.Normal(0.3)), small_data(5)
    samples = Predictive(model, num_samples=11, parallel=parallel)(x)
    assert samples["counts"].shape == (11, 5, N)
    assert samples["network.0.weight"].flatten(0, -3).shape == (11, 4, 3)


def test_vectorised_draws_equal_a_loop_over_draws() -> None:
    model, (x, y) = small_model("conway_maxwell_poisson", pc.priors.Normal(1.0)), small_data(5)
    draws = {name: torch.randn(7, *p.shape) * 0.3 for name, p in model.named_parameters()}
    together = model.distribution(x, draws).log_prob(y)
    for s in range(7):
        model.load_state_dict({**model.state_dict(), **{name: draw[s] for name, draw in draws.items()}})
        assert torch.allclose(together[s], model.distribution(x).log_prob(y), atol=1e-5)


def test_it_can_be_drawn() -> None:
    model, (x, y) = pc.SpikeCounts(3, N), small_data(5)
    graph = pyro.render_model(model, model_args=(x, y))
    assert "counts" in graph.source
    assert "neurons" in graph.source


def test_nothing_enters_the_global_parameter_store() -> None:
    model, (x, y) = small_model(prior=pc.priors.Normal(1.0)), small_data(50)
    poutine.trace(model).get_trace(x, y)
    pc.fit(model, x, y, method="svi", epochs=1, progress=False)
    assert not list(pyro.get_param_store().keys())


def test_cost_function_is_torchs_poisson_loss_plus_the_constant() -> None:
    raw, y = torch.randn(20, N, requires_grad=True), small_data(20)[1]
    ours = pc.CostFunction(pc.likelihoods.Poisson(N))(raw, y)
    theirs = nn.PoissonNLLLoss(log_input=True)(raw, y)
    assert float(ours - theirs) == pytest.approx(float(torch.lgamma(y + 1).mean()), abs=1e-6)
    (a,), (b,) = torch.autograd.grad(ours, raw), torch.autograd.grad(theirs, raw)
    assert torch.allclose(a, b, atol=1e-7)
    assert pc.CostFunction(pc.likelihoods.Poisson(N), "none")(raw, y).shape == (20, N)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: pc.CostModel(lambda x: x, pc.likelihoods.Poisson(2)), TypeError, "network must be"),  # type: ignore[arg-type]
        (lambda: pc.CostModel(nn.Linear(1, 2), "poisson"), TypeError, "likelihood must be"),  # type: ignore[arg-type]
        (lambda: pc.CostModel(nn.Linear(1, 2), pc.likelihoods.Poisson(2), 1.0), TypeError, "prior must be"),  # type: ignore[arg-type]
        (lambda: pc.CostModel(nn.Linear(1, 2), pc.likelihoods.Poisson(2), drifting=True), ValueError, "ordered=True"),
        (lambda: pc.priors.Normal(0.0), ValueError, "scale must be positive"),
        (lambda: pc.CostFunction(pc.likelihoods.Poisson(2), "avg"), ValueError, "reduction must be"),
        (lambda: pc.SpikeCounts(3, 4, "gamma"), ValueError, "unknown likelihood 'gamma'"),
        (lambda: pc.SpikeCounts(3, 4, pc.likelihoods.Poisson(5)), ValueError, "describes 5 units, n_neurons is 4"),
        (lambda: pc.cost(small_model(), torch.zeros(3, 3), torch.zeros(4, 2)), ValueError, "3 rows and y has 4"),
    ],
)
def test_bad_parts_are_refused(build: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()  # type: ignore[operator]
