"""SVI: close to the posterior where that is known, and one fit never leaks into another."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import probcost as pc


def gamma_like_problem() -> tuple[pc.CostModel, torch.Tensor, torch.Tensor]:
    """One rate, no inputs that matter: the posterior of the log-rate is near Normal(log k̄, 1 / Σk)."""
    generator = torch.Generator().manual_seed(0)
    y = torch.poisson(torch.full((400, 1), 3.0), generator=generator)
    x = torch.randn(400, 1, generator=generator)
    return pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1), pc.priors.Normal(1.0)), x, y


@pytest.mark.parametrize("guide", ["normal", "diagonal_normal", "low_rank_normal", "multivariate_normal"])
def test_posterior_of_a_log_rate(guide: str) -> None:
    model, x, y = gamma_like_problem()
    fitted = pc.fit(
        model, x, y, method="svi", guide=guide, lr=0.02, epochs=800, batch_size=400, validation=None, progress=False
    )
    bias = fitted.posterior.draws(2000, seed=1)["network.bias"].flatten()
    sd = 1 / math.sqrt(float(y.sum()))
    assert float(bias.mean()) == pytest.approx(math.log(float(y.mean())), abs=1.5 * sd)
    assert float(bias.std()) == pytest.approx(sd, rel=0.35)
    assert "variational" in repr(fitted)


def test_predictions_mix_over_draws_and_know_more_spread() -> None:
    model, x, y = gamma_like_problem()
    fitted = pc.fit(
        model, x[:30], y[:30], method="svi", lr=0.02, epochs=400, batch_size=30, validation=None, progress=False
    )
    wide, narrow = fitted.predict(x, draws=200), fitted.model.distribution(x)
    assert (wide.variance / wide.mean).mean() > (narrow.variance / narrow.mean).mean() + 0.005
    assert fitted.log_prob(x, y, draws=6).shape == (6, 400, 1)


def test_two_fits_in_one_process_share_nothing() -> None:
    model, x, y = gamma_like_problem()
    alone = pc.fit(model, x, y, method="svi", epochs=5, progress=False)
    wide = pc.CostModel(nn.Linear(2, 1), pc.likelihoods.Poisson(1), pc.priors.Normal(1.0))
    pc.fit(wide, torch.randn(400, 2), 5 * y, method="svi", epochs=5, progress=False)
    again = pc.fit(model, x, y, method="svi", epochs=5, progress=False)
    assert torch.equal(alone.predict(x).mean, again.predict(x).mean)


def test_svi_needs_a_prior_and_a_known_guide() -> None:
    _, x, y = gamma_like_problem()
    with pytest.raises(ValueError, match="needs a prior"):
        pc.fit(pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1)), x, y, method="svi", progress=False)
    with pytest.raises(ValueError, match="unknown guide 'laplace'; choose one of 'normal'"):
        pc.fit(gamma_like_problem()[0], x, y, method="svi", guide="laplace", progress=False)
