"""Posterior predictive checks: false alarms and power on simulated truth, ties, ArviZ's own numbers, bad input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import probcost as pc
from probcost.checks.ppc_lines import among_replicates
from tests.checks.simulated import StubFit, VectorNormal, dependent_ranks, negative_binomial, poisson, rates

T, N = 150, 3


def stub(model: Any, *, ordered: bool = True) -> StubFit:
    fit = StubFit(model, ordered=ordered)
    fit.model.likelihood.site, fit.model.likelihood.unit = "y", "unit"
    return fit


@pytest.fixture(scope="module")
def means() -> Any:
    return rates(np.random.default_rng(1), T, N, 2.0)


@pytest.mark.parametrize("kind", ["counts", "reals", "vectors"])
def test_a_true_model_is_rejected_at_the_nominal_rate(kind: str, means: Any) -> None:
    model = {
        "counts": poisson(means * 0.2),
        "reals": stats.norm(means, np.sqrt(means)),
        "vectors": VectorNormal(means, np.array([[1.0, 0.8, 0], [0.8, 1, 0], [0, 0, 2]])),
    }[kind]
    rng = np.random.default_rng(2)
    p, ok = [], []
    for seed in range(200):
        y = model.rvs(rng) if kind == "vectors" else model.rvs((T, N), random_state=rng)
        result = pc.ppc(stub(model), np.zeros(T), y, n=60, seed=seed)
        p.append([line.p_value for line in result.lines])
        ok.append(result.ok)
    # Chance lets 200 data sets stray from 5 % by 1.5 % at one standard error.
    assert np.mean(ok) >= 0.91
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07
    uniform = [stats.kstest(column, "uniform").pvalue for column in np.array(p).T]
    assert min(uniform) > 0.01 / len(uniform)


def test_each_unit_is_rejected_at_the_nominal_rate_where_nearly_all_are_ties() -> None:
    model = poisson(np.full((20, 4), 0.02))
    rng = np.random.default_rng(0)
    p = [
        pc.ppc(
            stub(model), np.zeros(20), model.rvs((20, 4), random_state=rng), statistic="max", n=40, seed=s
        ).unit_p_values["max"]
        for s in range(200)
    ]
    assert stats.kstest(np.ravel(p), "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    ("truth", "name", "verdict"),
    [
        ("dispersed", "fano", "over-dispersed"),
        ("zeros", "zeros", "too many zeros"),
        ("in time", "autocorrelation", "neighbouring rows are more alike than expected"),
        ("together", "correlation", "units vary more together than expected"),
        ("high", "mean", "higher than the model expects"),
    ],
)
def test_what_the_model_does_not_make_is_named(truth: str, name: str, verdict: str) -> None:
    rng = np.random.default_rng(3)
    means = rates(rng, 1000, 4, 2.0)
    model = poisson(means)
    y = {
        "dispersed": lambda: negative_binomial(means, 0.2).rvs(random_state=rng),
        "zeros": lambda: model.rvs(random_state=rng) * (rng.random(means.shape) > 0.15),
        "in time": lambda: model.ppf(dependent_ranks(rng, 1000, 4, 0.4)),
        "together": lambda: model.ppf(dependent_ranks(rng, 1000, 4, 0.0, shared=0.4)),
        "high": lambda: poisson(1.1 * means).rvs(random_state=rng),
    }[truth]()
    result = pc.ppc(stub(model), np.zeros(1000), y, n=300)
    line = next(line for line in result.rejected if line.name == name)
    assert line.verdict == verdict
    assert not line.low <= line.observed <= line.high
    assert not result.ok
    assert verdict in str(result)
    assert verdict in result._repr_html_()
    assert f"{name}:" in repr(result)


def test_tables_and_a_statistic_of_ones_own(means: Any) -> None:
    y = poisson(means).rvs(random_state=np.random.default_rng(0))

    def above_five(y: Any) -> Any:
        return (y > 5).mean()

    result = pc.ppc(stub(poisson(means)), np.zeros(T), y, statistic={"mean": "mean", "tail": above_five}, n=100)
    assert list(result.to_frame().index) == ["mean", "tail"]
    assert result.to_frame().loc["tail", "observed"] == (y > 5).mean()
    assert result.to_frame().loc["mean", "observed"] == pytest.approx(y.mean())
    assert list(result.units.columns.levels[0]) == ["mean"]
    assert result.units["mean"]["observed"].to_numpy() == pytest.approx(y.mean(axis=0))
    assert result.units["mean"]["expected"].to_numpy() == pytest.approx(means.mean(axis=0), rel=0.05)
    assert result.n == 100
    assert len(result.plot().axes) == 2


def test_a_fit_with_posterior_draws_and_one_seed() -> None:
    torch.manual_seed(0)
    x = torch.randn(300, 2)
    y = torch.poisson(torch.exp(0.3 * x @ torch.ones(2, 3)))
    model = pc.CostModel(nn.Linear(2, 3), pc.likelihoods.Poisson(3), prior=pc.priors.Normal(1.0))
    fit = pc.fit(model, x, y, method="svi", epochs=60, lr=0.02, progress=False)
    first, again, other = (pc.ppc(fit, x, y, n=150, seed=seed) for seed in (0, 0, 1))
    assert first.ok
    assert str(first) == str(again)
    assert str(first) != str(other)


def test_large_data_are_replicated_in_groups_that_differ(means: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from probcost.checks import predictive_checks

    monkeypatch.setattr(predictive_checks, "_AT_ONCE", 7 * T * N)
    y = poisson(means).rvs(random_state=np.random.default_rng(0))
    result = pc.ppc(stub(poisson(means)), np.zeros(T), y, statistic="mean", n=50)
    assert len(np.unique(result.replicates, axis=0)) == 50
    assert result.replicates.shape == (50, T, N)


def test_arviz_draws_its_own_plots_and_agrees(means: Any) -> None:
    import arviz as az
    import matplotlib as mpl

    mpl.use("Agg")
    y = negative_binomial(means, 0.05).rvs(random_state=np.random.default_rng(5))
    result = pc.ppc(stub(poisson(means)), np.zeros(T), y, statistic=["mean", "max"], n=200)
    data = result.to_arviz()
    assert data.posterior_predictive["y"].shape == (1, 200, T, N)
    assert data.observed_data["y"].dtype == np.int64
    assert list(data.observed_data["unit"].values) == result.unit_names
    az.plot_ppc(data)
    axis = az.plot_bpv(data, kind="t_stat", t_stat="mean", bpv=True)
    # ArviZ writes P(T(y_rep) <= T(y)) into the legend, of all entries together: ours, before it is made two-sided.
    text = next(t.get_text() for t in np.ravel(axis)[0].get_legend().get_texts() if "bpv" in t.get_text())
    lower = float(text.split("=")[1])
    line = result.lines[0]
    assert 2 * min(lower, 1 - lower) == pytest.approx(line.p_value, abs=0.03)
    assert (result.replicated["mean"].mean(axis=1) <= y.mean()).mean() == pytest.approx(lower, abs=0.006)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros((T - 1, N))}, "x has 150 rows and y has 149 rows"),
        ({"n": 5}, "n must be a whole number of at least 20"),
        ({"level": 5}, "level must lie between 0 and 1, got 5"),
        ({"statistic": "median"}, "unknown statistic 'median'"),
        ({"statistic": lambda y: y}, r"shape \[150, 3\]; it must be one number or \[3\]"),
        ({"statistic": lambda y: np.array([0.0, np.nan, 0.0])}, "of the data is not a number for unit 1"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str, means: Any) -> None:
    given: dict[str, Any] = {"x": np.zeros(T), "y": np.zeros((T, N))} | change
    with pytest.raises(ValueError, match=message):
        pc.ppc(stub(poisson(means)), **given)


def test_a_fit_of_comparisons_is_refused() -> None:
    with pytest.raises(ValueError, match="compares observations"):
        pc.ppc(SimpleNamespace(calibration=lambda: None), np.zeros(3), np.zeros(3))


TAILS = {
    "normal": stats.norm(),
    "exponential": stats.expon(),
    "t": stats.t(3),
    "counts": stats.poisson(3),
    "rare": stats.poisson(0.02),
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", [20, 60, 100])
def test_p_values_of_values_beyond_all_replicates_are_never_too_small(tail: str, n: int) -> None:
    rng, times = np.random.default_rng(6), 20_000
    observed = TAILS[tail].rvs(times, random_state=rng).astype(float)
    replicated = TAILS[tail].rvs((n, times), random_state=rng).astype(float)
    p = among_replicates(observed, replicated, rng.random(times))
    for level in (0.05, 0.00625, 0.001):
        chance = 3 * np.sqrt(level * (1 - level) / times)
        assert (p < level).mean() <= level + chance
        # Where ranks alone decide, exactly at the level.
        assert level < 3 / (n + 1) or (p < level).mean() >= level - chance


@pytest.mark.parametrize("far", [6.0, 50.0])
def test_a_hundred_replicates_decide_on_eight_statistics_whatever_the_seed(far: float) -> None:
    model = stats.norm(np.zeros((T, N)), 1.0)
    shift = far / np.sqrt(T * N)  # of the mean over all entries, in its own standard errors
    y = model.rvs((T, N), random_state=np.random.default_rng(7))
    y = y - y.mean() + shift
    named = ["mean", "variance", "min", "max", "skewness", "autocorrelation", "correlation"]
    for seed in range(10):
        result = pc.ppc(stub(model), np.zeros(T), y, statistic=[*named, np.median], n=100, seed=seed)
        assert result.lines[0] in result.rejected
        assert result.lines[0].beyond
    again = [pc.ppc(stub(model), np.zeros(T), y, statistic=named, n=100, seed=3).lines[0].p_value for _ in range(2)]
    assert again[0] == again[1]


def test_what_is_off_is_never_called_expected() -> None:
    """A statistic that all replicates share leaves no tail to continue: the data are outside, and cannot be rejected."""
    y = np.ones((T, N))
    many = {str(i): lambda y, i=i: float((y > 0.9).all()) + i for i in range(8)}
    result = pc.ppc(stub(stats.norm(np.zeros((T, N)), 1.0)), np.zeros(T), y, statistic=many, n=50)
    assert result.ok
    assert all(line.beyond and line.p_corrected > 0.05 for line in result.lines)
    assert all(line.verdict.endswith("beyond all 50 replicates: n=320 would tell") for line in result.lines)
    assert "Too few replicates to tell" in str(result)
    enough = pc.ppc(stub(stats.norm(np.zeros((T, N)), 1.0)), np.zeros(T), y, statistic=many, n=320)
    assert len(enough.rejected) == 8
    alone = [
        line
        for seed in range(30)
        for line in pc.ppc(
            stub(poisson(np.ones((T, N)))),
            np.zeros(T),
            poisson(np.ones((T, N))).rvs(random_state=np.random.default_rng(seed)),
            n=60,
        ).lines
        if line.p_value < 0.05 <= line.p_corrected
    ]
    assert alone
    assert not any("as the model expects" in line.verdict for line in alone)
