"""Draws from rates far outside any data, such as a prior over weights implies: they come, quickly, as counts."""

from __future__ import annotations

import pytest
import torch

from probcost.distributions import ConwayMaxwellPoisson, NegativeBinomial, Poisson, ZeroInflated


@pytest.mark.parametrize("eta", [-1e4, -100.0, 20.0, 28.0, 40.0, 60.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_are_counts(eta: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    log_rate, one = torch.full((4,), eta, dtype=dtype), torch.ones(4, dtype=dtype)
    for distribution in (
        Poisson(log_rate),
        NegativeBinomial(log_rate, 0.5 * one),
        ConwayMaxwellPoisson(log_rate, 0.05 * one),
        ConwayMaxwellPoisson(log_rate, 20.0 * one),
        ZeroInflated(Poisson(log_rate), -2 * one),
    ):
        counts = distribution.sample(torch.Size((50,)))
        assert bool(((counts >= 0) & (counts < 2.0**63) & (counts == counts.round())).all()), distribution
        if eta < -1000:
            assert not bool(counts.any())


@pytest.mark.parametrize("nu", [0.1, 2.0])
def test_vast_conway_maxwell_poisson_draws_have_the_right_spread(nu: float) -> None:
    torch.manual_seed(0)
    distribution = ConwayMaxwellPoisson(
        torch.tensor([29.0], dtype=torch.float64), torch.tensor([nu], dtype=torch.float64)
    )
    z = (distribution.sample(torch.Size((4000,))) - distribution.mean) / distribution.variance.sqrt()
    assert abs(z.mean().item()) < 4 / 4000**0.5
    assert z.std().item() == pytest.approx(1, abs=0.05)
