"""Simulation-based calibration: exact posteriors pass, wrong ones are caught and named, and our own are told honestly."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyro.distributions
import pytest
import torch
from scipy import stats
from torch import nn

import probcost as pc
from probcost.checks.sbc_ranks import band, coverage, distance_p_value, rank_among, shape_of
from probcost.inference import nuts
from probcost.inference.posterior import Draws
from probcost.likelihoods.continuous import Continuous

T = 15


class UnitNormal(Continuous):
    """Normal with standard deviation 1, so that a linear network's posterior is normal and known."""

    equation = r"\tfrac12 (y - \mu)^2 + \tfrac12 \log 2\pi"

    def __init__(self) -> None:
        super().__init__(1, 1)

    def forward(self, raw: Any) -> Any:
        return pyro.distributions.Normal(self.center + self.spread * raw, self.width.expand_as(raw))

    def initial_raw(self, mean: Any, variance: Any) -> Any:
        return torch.zeros_like(mean)


def linear(likelihood: Any = None, inputs: int = 2, scale: float = 1.0) -> pc.CostModel:
    torch.manual_seed(0)
    likelihood = likelihood or UnitNormal()
    network = nn.Linear(inputs, likelihood.num_outputs)
    return pc.CostModel(network, likelihood, prior=pc.priors.Normal(scale, bias_scale=scale))


@pytest.fixture(scope="module")
def x() -> Any:
    return 5 + 3 * torch.randn(T, 2, generator=torch.Generator().manual_seed(0))


def conjugate(narrow: float = 1.0, shift: float = 0.0, ignore: bool = False) -> Any:
    """Draws from the exact posterior, its standard deviations divided by ``narrow`` and its mean moved by ``shift`` of them."""

    def method(model: Any, x: Any, y: Any, *, seed: int, draws: int = 99) -> Any:
        generator = torch.Generator().manual_seed(seed + 10_000)
        design = torch.cat([model.standardize(x), torch.ones(len(x), 1)], 1).double()
        precision = torch.eye(3, dtype=torch.float64)
        mean = torch.zeros(3, dtype=torch.float64)
        if not ignore:
            precision = precision + design.T @ design
            mean = torch.linalg.solve(precision, design.T @ y[:, 0].double())
        root = torch.linalg.cholesky(torch.linalg.inv(precision))
        z = torch.randn(draws, 3, generator=generator, dtype=torch.float64)
        drawn = (mean + shift * root.diagonal() + z @ root.T / narrow).float()
        values = {"network.weight": drawn[:, None, :2], "network.bias": drawn[:, 2:]}
        return SimpleNamespace(model=model, posterior=Draws(values, "conjugate"))

    return method


def test_an_exact_posterior_passes_at_the_nominal_rate(x: Any) -> None:
    results = [pc.sbc(linear(), x, method=conjugate(), n=20, seed=1000 * s, progress=False) for s in range(40)]
    assert sum(result.ok for result in results) >= 34  # of 40: at least 38 expected
    single = [line.p_value for result in results for line in result.lines if line.name == "log_likelihood"]
    assert stats.kstest(single, "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ({"narrow": 2.0}, "posterior is too narrow"),
        ({"narrow": 0.5}, "posterior is too wide"),
        ({"shift": 1.0}, "posterior is biased: too high"),
        ({"shift": -1.0}, "posterior is biased: too low"),
    ],
)
def test_a_wrong_posterior_is_caught_and_named(wrong: dict[str, float], verdict: str, x: Any) -> None:
    result = pc.sbc(linear(), x, method=conjugate(**wrong), n=100, quantities=["network.bias", "mean"], progress=False)
    line = next(line for line in result.lines if line.name == "network.bias[0]")
    assert line in result.rejected
    assert line.verdict == verdict
    assert not result.ok
    assert verdict in str(result)
    assert verdict in result._repr_html_()
    assert result.to_frame().loc["network.bias[0]", "verdict"] == verdict
    if "narrow" in wrong:
        # A central interval of 90 % of N(0, 1 / narrow²), seen from N(0, 1).
        share = 1 - 2 * stats.norm.sf(1.645 / wrong["narrow"])
        assert line.found == pytest.approx(share, abs=0.12)


def test_a_posterior_that_ignores_the_data_shows_in_the_log_likelihood_alone(x: Any) -> None:
    result = pc.sbc(linear(), x, method=conjugate(ignore=True), n=100, progress=False)
    assert [line.name for line in result.rejected] == ["log_likelihood"]


def test_ranks_are_of_what_was_asked_for(x: Any) -> None:
    spread = {"largest": lambda distribution, y: distribution.mean.amax((-2, -1))}
    result = pc.sbc(linear(), x, method=conjugate(), n=30, draws=99, quantities=spread, progress=False)
    assert list(result.ranks) == ["largest"]
    assert result.ranks["largest"].shape == (30,)
    assert 0 <= result.ranks["largest"].min() <= result.ranks["largest"].max() <= 99
    assert len(result.plot().axes) == 1


@pytest.mark.parametrize(("n", "draws"), [(12, 19), (100, 99)])
def test_the_test_of_ranks_is_exact_for_few_and_for_many(n: int, draws: int) -> None:
    rng = np.random.default_rng(0)
    p = [distance_p_value(rng.integers(0, draws + 1, n), draws, rng) for _ in range(800)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    points, low, high = band(n, draws, 0.05)
    inside = []
    for _ in range(800):
        share = np.searchsorted(np.sort(rng.integers(0, draws + 1, n)), np.arange(draws + 1), side="right") / n
        inside.append(((share >= low - 1e-9) & (share <= high + 1e-9)).all())
    assert 0.94 <= np.mean(inside) <= 0.985  # shares are coarse: at least 95 %, up to chance
    assert points[-1] == 1


def test_ties_are_broken_evenly() -> None:
    rng = np.random.default_rng(0)
    ranks = [rank_among(0.0, np.zeros(9), rng) for _ in range(3000)]
    assert stats.chisquare(np.bincount(ranks, minlength=10)).pvalue > 0.01


def test_coverage_counts_the_draws_that_there_are() -> None:
    every = np.arange(40)
    assert coverage(every, 39) == (pytest.approx(0.9), pytest.approx(0.9))
    assert shape_of(every, 39) == "ranks are not uniform"


def test_nuts_is_right(x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nuts, "_FEWEST_WARMUP", 50)  # enough for three parameters of about one scale
    given: dict[str, Any] = {"n": 10, "draws": 10, "quantities": ["mean"], "progress": False}
    result = pc.sbc(linear(pc.likelihoods.Poisson(1), scale=0.4), x, **given)
    assert result.ok
    assert len(result.ranks) == 3
    assert result.draws == 10
    assert "NUTS of Poisson" in str(result)


def test_mean_field_is_too_narrow_where_the_posterior_is_correlated() -> None:
    shared = torch.randn(T, 1, generator=torch.Generator().manual_seed(1))
    x = shared + 0.15 * torch.randn(T, 2, generator=torch.Generator().manual_seed(2))
    options: dict[str, Any] = {"n": 14, "epochs": 150, "lr": 0.05, "batch_size": T, "progress": False}
    result = pc.sbc(linear(), x, method="svi", quantities=["network.weight"], **options)
    assert not result.ok
    assert {line.verdict for line in result.rejected} == {"posterior is too narrow"}
    assert all(line.found < 0.75 for line in result.rejected)


def test_laplace_is_right_where_the_posterior_is_normal(x: Any) -> None:
    result = pc.sbc(linear(), x, method="laplace", n=40, quantities=["mean"], progress=False)
    assert result.ok
    assert result.unfinished == 0
    assert result.draws == 99


def test_truths_far_from_where_networks_start_are_reached() -> None:
    """A bias of scale 10 is as far as any number of default steps goes on a few rows, and Laplace is exact here."""
    torch.manual_seed(0)
    model = pc.CostModel(nn.Linear(2, 1), pc.likelihoods.Normal(1, scale=0.5), prior=pc.priors.Normal(1.0))
    x = torch.randn(40, 2)
    assert pc.sbc(model, x, method="laplace", n=40, progress=False).ok
    assert pc.sbc(model, x, method="map", n=40, progress=False).unfinished == 0
    short = pc.sbc(model, x, method="laplace", n=10, epochs=60, progress=False)
    assert short.unfinished >= 9
    assert "fits had not converged" in str(short)
    assert "fits had not converged" in short._repr_html_()
    assert not any("posterior is too" in line.verdict for line in short.lines)
    assert {line.verdict for line in short.rejected} == {"off, as fits that stop early are"}


def test_svi_sets_out_from_the_maximum(monkeypatch: pytest.MonkeyPatch, x: Any) -> None:
    from probcost.checks import sbc_fitting

    monkeypatch.setattr(sbc_fitting, "_STEPS", 300)
    model = linear(pc.likelihoods.Normal(1, scale=0.5), scale=3.0)
    result = pc.sbc(model, x, method="svi", n=10, quantities=["network.bias"], progress=False)
    assert result.ok
    assert result.unfinished <= 1


@pytest.mark.parametrize("rows", [10, 1000])
def test_a_cost_that_wavers_is_told_from_one_that_falls(rows: int) -> None:
    from probcost.checks.sbc_fitting import still_falling
    from probcost.inference.history import History

    rng = np.random.default_rng(0)
    steps = np.arange(400)
    level = [
        still_falling(History(list(2 + 3 * rng.standard_normal(400) / rows), stopped="all 400 epochs done"), rows)
        for _ in range(200)
    ]
    falling = [
        still_falling(History(list(2 - 0.05 * steps / rows + 3 * rng.standard_normal(400) / rows)), rows)
        for _ in range(200)
    ]
    assert np.mean(level) <= 0.01
    assert np.mean(falling) >= 0.99


def test_point_claims_of_map(x: Any) -> None:
    result = pc.sbc(linear(), x, method="map", n=60, optimizer="lbfgs", progress=False)
    assert result.ranks == {}
    assert result.draws == 0
    lines = {line.name: line for line in result.lines}
    assert lines["predicted mean − true mean"].p_value > 0.01
    # A point's intervals leave out its own uncertainty: var(y − mean) is 1 + x'(X'X + 1)⁻¹x, on average 1 + 3 / (T + 1) or so.
    expected = 1 - 2 * stats.norm.sf(1.645 / math.sqrt(1 + 3 / (T + 1)))
    assert lines["90 % intervals hold"].found == pytest.approx(expected, abs=0.02)
    assert lines["90 % intervals hold"].verdict == "intervals are too narrow"
    assert "no posterior" in str(result)
    assert len(result.plot().axes) == 3


def test_a_scale_that_is_learned_keeps_its_prior(x: Any) -> None:
    """`fit` would move centre and scale to the observations': the truth would then not be among what it can find."""
    result = pc.sbc(
        linear(pc.likelihoods.Normal(1), scale=0.3),
        x.repeat(20, 1),
        method="map",
        n=20,
        optimizer="lbfgs",
        progress=False,
    )
    assert result.ok


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": nn.Linear(2, 1)}, TypeError, "must be a probcost.CostModel, got Linear"),
        ({"model": pc.CostModel(nn.Linear(2, 1), UnitNormal())}, ValueError, "it has none"),
        ({"method": "ensemble"}, ValueError, "unknown method 'ensemble'; choose one of 'nuts'"),
        ({"n": 3}, ValueError, "n must be a whole number of at least 10"),
        ({"draws": 2.5}, ValueError, "draws must be a whole number"),
        ({"validation": 0.1}, ValueError, "validation cannot be given"),
        ({"quantities": ["sigma"]}, ValueError, "unknown quantity 'sigma'; choose from 'log_likelihood'"),
        ({"quantities": {"a": 3}}, TypeError, "quantities\\['a'\\] is not callable"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], error: type[Exception], message: str, x: Any) -> None:
    given: dict[str, Any] = {"model": linear(), "x": x, "method": conjugate(), "progress": False} | change
    with pytest.raises(error, match=message):
        pc.sbc(**given)


def test_a_prior_too_wide_and_parameters_without_one_are_refused(x: Any) -> None:
    wide = pc.CostModel(nn.Linear(2, 1), pc.likelihoods.Poisson(1), prior=pc.priors.Normal(10.0))
    with pytest.raises(ValueError, match=r"bias_scale=1\.0"):
        pc.sbc(wide, x, method="map", n=50)
    without = pc.CostModel(nn.Linear(2, 1), UnitNormal(), prior=pc.priors.Normal(1.0, bias_scale=math.inf))
    with pytest.raises(ValueError, match=r"'network.bias' has no prior"):
        pc.sbc(without, x, method="map")
