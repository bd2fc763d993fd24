"""Counts that share a gain, through the public surface: what is learned, predicted, saved, and handed to ArviZ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import softplus

import probcost as pc

N = 6
SILENT: dict[str, Any] = {"progress": False, "lr": 0.02}


def together(rows: int, gain_variance: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Poisson counts around rates that x predicts, times one Gamma gain a row."""
    weights = np.random.default_rng(99).normal(0, 0.4, (2, N))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 2))
    gain = rng.gamma(1 / gain_variance, gain_variance, size=(rows, 1))
    rate = np.exp(0.7 + x @ weights)
    return torch.tensor(x).float(), torch.tensor(rng.poisson(gain * rate)).float()


def fitted(x: Tensor, y: Tensor, dispersion: str | float = "shared", **options: Any) -> pc.Fit:
    torch.manual_seed(0)
    likelihood = pc.likelihoods.NegativeMultinomial(N, dispersion=dispersion)
    model = pc.CostModel(nn.Linear(2, likelihood.num_outputs), likelihood)
    return pc.fit(model, x, y, **{"optimizer": "lbfgs", **SILENT, **options})


def test_the_gains_variance_is_learned_and_beats_units_on_their_own() -> None:
    x, y = together(4000)
    fit = fitted(x, y)
    # Fisher information of α from the totals alone puts its standard error near 0.005.
    assert softplus(fit.model.likelihood.dispersion).item() == pytest.approx(0.1, abs=0.02)
    alone = pc.CostModel(nn.Linear(2, N), pc.likelihoods.NegativeBinomial(N))
    others = pc.fit(alone, x, y, optimizer="lbfgs", **SILENT)
    new_x, new_y = together(2000, seed=1)
    gained = fit.predict(new_x).log_prob(new_y) - others.predict(new_x).log_prob(new_y).sum(-1)
    assert gained.mean() > 4 * gained.std() / len(gained) ** 0.5


@pytest.mark.parametrize("options", [{}, {"method": "ensemble", "members": 3}, {"method": "laplace"}])
def test_predictions_are_of_whole_rows(options: dict[str, Any], tmp_path: Path) -> None:
    x, y = together(400)
    if options:
        options = {**options, "optimizer": "adam", "epochs": 20}
    if options.get("method") == "laplace":
        model = pc.CostModel(nn.Linear(2, N), pc.likelihoods.NegativeMultinomial(N), pc.priors.Normal(1.0))
        fit = pc.fit(model, x, y, **{**SILENT, **options})
    else:
        fit = fitted(x, y, **options)
    predictive = fit.predict(x)
    assert (predictive.batch_shape, predictive.event_shape) == ((400,), (N,))
    assert predictive.log_prob(y).shape == (400,)
    assert predictive.mean.shape == predictive.cdf(y).shape == (400, N)
    assert fit.sample(x, 5).shape == (5, 400, N)
    fit.save(tmp_path)
    again = pc.load(tmp_path)
    torch.testing.assert_close(again.predict(x).log_prob(y), predictive.log_prob(y))
    data = fit.to_arviz(x[:20], y[:20], draws=8)
    assert data["observed_data"].counts.dtype == np.int64
    assert data["log_likelihood"].counts.shape[2:] == (20,)
    assert data["posterior_predictive"].counts.shape[2:] == (20, N)


def test_a_predicted_dispersion_follows_the_inputs() -> None:
    """Gains vary where x₀ > 0, and only there."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, (4000, 2))
    gain = np.where(x[:, :1] > 0, rng.gamma(5, 0.2, (4000, 1)), 1.0)
    y = rng.poisson(3 * gain * np.ones(N))
    fit = fitted(torch.tensor(x).float(), torch.tensor(y).float(), dispersion="predicted")
    low, high = (
        fit.model.distribution(torch.tensor([[at, 0.0]])).dispersion.item()  # type: ignore[attr-defined]
        for at in (-0.9, 0.9)
    )
    assert high > 0.1 > 4 * low


def test_draws_of_the_dispersion_line_up_with_draws_of_the_network() -> None:
    likelihood = pc.likelihoods.NegativeMultinomial(N)
    model = pc.CostModel(nn.Linear(2, N), likelihood)
    draws = {name: p.detach() + 0.1 * torch.randn(5, *p.shape) for name, p in model.named_parameters()}
    x, y = together(7)
    found = model.distribution(x, draws).log_prob(y)
    assert found.shape == (5, 7)
    for s in range(5):
        one = model.distribution(x, {name: value[s] for name, value in draws.items()})
        torch.testing.assert_close(found[s], one.log_prob(y))


def test_neurons_that_share_a_gain_are_a_spike_model_that_can_drift() -> None:
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.standard_normal((2000, 2))).float()
    drift = np.exp(np.linspace(0, 1.5, 2000))[:, None]
    y = torch.tensor(rng.poisson(drift * rng.gamma(10, 0.1, (2000, 1)) * np.ones(N))).float()
    model = pc.SpikeCounts(2, N, likelihood="negative_multinomial", network=nn.Linear(2, N))
    fit = pc.fit(model, x, y, epochs=40, **SILENT)
    assert np.isfinite(fit.drift_half_life)
    assert fit.predict(x[-100:]).mean.mean().item() == pytest.approx(float(np.exp(1.5)), rel=0.25)


@pytest.mark.parametrize("dispersion", ["per_unit", -0.1, float("inf"), True])
def test_another_dispersion_is_refused(dispersion: Any) -> None:
    with pytest.raises(ValueError, match=r"'shared', 'predicted' or a number, 0 or more, got"):
        pc.likelihoods.NegativeMultinomial(3, dispersion=dispersion)


def known(seed: int, rows: int = 1500) -> tuple[pc.Fit, Tensor, Tensor]:
    """The very model that made rare counts, most rows of which are equally likely as others."""
    torch.manual_seed(seed)
    model = pc.CostModel(nn.Linear(2, 3), pc.likelihoods.NegativeMultinomial(3, dispersion=0.2))
    with torch.no_grad():
        model.network.weight.zero_()
        model.network.bias.copy_(torch.tensor([0.1, 0.4, 1.0]).log())
    x = torch.randn(rows, 2)
    y = model.distribution(x).sample()
    return pc.as_fit(model, x, y, seed=seed), x, y


def test_regions_of_counts_are_uniform_between_their_ties() -> None:
    fit, x, y = known(0)
    predictive = fit.predict(x)
    below, reached = predictive.region(y), predictive.region(y, ties=True)
    log_p = predictive.log_prob(y)
    # All rows are alike here, so that the replicates' own probabilities are known: rows of zeros are the most likely of all.
    top = log_p == log_p.max()
    assert (below[top] == 0).all()
    assert reached[top].mean().item() == pytest.approx(log_p.max().exp().item(), abs=0.01)
    content = below + (reached - below) * torch.rand(len(x), generator=torch.Generator().manual_seed(1))
    assert stats.kstest(content.numpy(), "uniform").pvalue > 0.01


def test_a_true_model_passes_the_check_and_one_without_the_gain_does_not() -> None:
    fit, x, y = known(1)
    assert pc.check(fit, x, y).ok
    assert pc.score(fit, x, y).coverage[0.9] == pytest.approx(0.9, abs=0.03)
    torch.manual_seed(2)
    strong = torch.distributions.NegativeBinomial(2.0, logits=torch.zeros(1500, 1)).sample() + torch.zeros(1500, 3)
    assert not pc.check(fit, x, strong).ok
