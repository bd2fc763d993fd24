"""The Laplace approximation of the last layer: right where the posterior is known, with a prior that the data choose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import probcost as pc
import probcost.inference.laplace as laplace


def poisson(columns: int, scale: float, rows: int = 3000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, columns, generator=generator)
    x = (x - x.mean(0)) / x.std(0, correction=0)
    weights = scale * torch.randn(columns, 2, generator=generator)
    return x, torch.poisson(torch.exp(x @ weights), generator=generator)


def fit(x: torch.Tensor, y: torch.Tensor) -> pc.Fit:
    model = pc.CostModel(nn.Linear(x.shape[1], 2), pc.likelihoods.Poisson(2))
    return pc.fit(model, x, y, method="laplace", epochs=150, lr=0.01, validation=None, progress=False)


def test_of_a_linear_model_it_is_the_inverse_fisher_information() -> None:
    x, y = poisson(5, 0.3)
    fitted = fit(x, y)
    draws = fitted.posterior.draws(4000, seed=0)
    drawn = torch.cat([draws["network.weight"], draws["network.bias"][..., None]], -1)
    rate = fitted.model.distribution(x).mean.detach()
    features = torch.cat([x, torch.ones(len(x), 1)], 1).double()
    for unit in range(2):
        information = features.T @ (rate[:, unit : unit + 1] * features)
        information = information + torch.eye(6) / fitted.posterior.prior_scale**2
        expected = torch.linalg.inv(information)
        found = torch.cov(drawn[:, unit].T.double())
        assert torch.diagonal(found).numpy() == pytest.approx(torch.diagonal(expected).numpy(), rel=0.12)
        assert drawn[:, unit].mean(0).numpy() == pytest.approx(fitted.posterior.mean[unit].numpy(), abs=0.003)


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_the_marginal_likelihood_finds_the_scale_of_the_weights(scale: float) -> None:
    fitted = fit(*poisson(30, scale))
    assert fitted.posterior.prior_scale == pytest.approx(scale, rel=0.3)


def test_a_kronecker_product_comes_near_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = poisson(5, 0.1)
    whole = fit(x, y).posterior.draws(4000, 0)["network.weight"].std(0)
    monkeypatch.setattr(laplace, "_FULL", 0)
    fitted = fit(x, y)
    assert "Kronecker" in repr(fitted)
    assert fitted.posterior.draws(4000, 0)["network.weight"].std(0).numpy() == pytest.approx(whole.numpy(), rel=0.2)


def test_less_data_leave_more_to_learn() -> None:
    x, y = poisson(5, 0.3)
    few, many = fit(x[:100], y[:100]), fit(x, y)
    assert (
        few.predict(x).uncertainty().epistemic_variance.mean()
        > 5 * many.predict(x).uncertainty().epistemic_variance.mean()
    )


def test_it_needs_a_last_linear_layer() -> None:
    x, y = poisson(3, 0.1, rows=60)
    model = pc.CostModel(nn.Sequential(nn.Linear(3, 2, bias=False)), pc.likelihoods.Poisson(2))
    with pytest.raises(ValueError, match="one output per raw output"):
        pc.fit(model, x, y, method="laplace", progress=False)
