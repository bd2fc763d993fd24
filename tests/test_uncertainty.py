"""Aleatoric and epistemic parts: they add up, and are what they should be where that is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import probcost as pc
from probcost.predict import Predictive


def constant_rates(*rates: float) -> Predictive:
    """A mixture of Poisson distributions that ignore their input."""
    model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
    biases = torch.tensor(rates).log()[:, None]
    draws = {"network.weight": torch.zeros(len(rates), 1, 1), "network.bias": biases}
    return Predictive(model, torch.zeros(3, 1), draws)


def test_variances_add_up_to_the_predictive_one() -> None:
    predictive = constant_rates(2.0, 4.0, 9.0)
    parts = predictive.uncertainty()
    torch.testing.assert_close(parts.total_variance, predictive.variance)
    assert parts.aleatoric_variance[0, 0].item() == pytest.approx(5.0, rel=1e-5)
    assert parts.epistemic_variance[0, 0].item() == pytest.approx(((2 - 5) ** 2 + 1 + 16) / 3, rel=1e-5)


def test_what_an_observation_tells_about_members_that_never_agree() -> None:
    parts = constant_rates(1.0, 1000.0).uncertainty(n=2000)
    assert parts.mutual_information.numpy() == pytest.approx(math.log(2), abs=1e-3)


def test_entropies_against_sums() -> None:
    rates = (3.0, 5.0)
    k = torch.arange(60.0)
    log_p = torch.stack([torch.distributions.Poisson(r).log_prob(k) for r in rates])
    mixed = log_p.logsumexp(0) - math.log(2)
    parts = constant_rates(*rates).uncertainty(n=20_000)
    assert parts.aleatoric_entropy.numpy() == pytest.approx(float(-(log_p.exp() * log_p).sum(1).mean()), abs=0.03)
    assert parts.total_entropy.numpy() == pytest.approx(float(-(mixed.exp() * mixed).sum()), abs=0.03)
    information = float((log_p.exp() * (log_p - mixed)).sum(1).mean())
    assert (parts.mutual_information - information).abs().max() < 5 * parts.entropy_error.max()


def test_a_point_estimate_knows_no_epistemic_part() -> None:
    parts = constant_rates(3.0).uncertainty()
    assert parts.epistemic_variance.abs().max() == 0
    assert parts.mutual_information.max() == 0
    assert "0.0 % of the variance is epistemic" in repr(parts)
    with pytest.raises(ValueError, match="at least 2"):
        constant_rates(3.0).uncertainty(n=1)


def test_a_point_estimate_says_that_it_knows_no_epistemic_part() -> None:
    fit = pc.as_fit(pc.CostModel(torch.nn.Linear(2, 1), pc.likelihoods.Poisson(1)), torch.randn(9, 2), torch.ones(9, 1))
    assert "a point estimate knows of no such part" in repr(fit.predict(torch.randn(4, 2)).uncertainty(20))


def test_regress_names_likelihoods_of_real_targets_alone() -> None:
    with pytest.raises(ValueError, match=r"choose one of 'normal', .* such as pc\.likelihoods\.Normal\(1\)") as error:
        pc.regress(torch.randn(9, 2), torch.randn(9), likelihood="Normal")
    assert "poisson" not in str(error.value)
