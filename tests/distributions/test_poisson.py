"""The Poisson by its log-rate."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from probcost.distributions import Poisson
from tests.distributions import contract, references

RATES = [1e-8, 1e-3, 0.6, 1.0, 7.3, 26.0, 95.0, 130.0, 1e3, 1e5, 1e6]


def test_log_prob_and_gradient_against_mpmath() -> None:
    pairs = [(k, math.log(r)) for r in RATES for k in {0, 1, 2, 26, 99, 101, 100_000, min(100_000, round(r + r**0.5))}]
    counts, log_rates = zip(*pairs, strict=True)
    contract.check_accuracy(Poisson, references.poisson, list(counts), list(log_rates))


def test_moments_and_cdf_are_sums_of_the_masses() -> None:
    contract.check_moments_and_cdf(Poisson(torch.tensor([1e-8, 0.3, 1.0, 26.0], dtype=torch.float64).log()), 150)


@pytest.mark.parametrize("rate", [0.6, 12.0, 3e4])
def test_samples_follow_the_cdf(rate: float) -> None:
    contract.check_samples(Poisson(torch.tensor(rate, dtype=torch.float64).log()))


def test_cdf_against_scipy_at_large_rates() -> None:
    rates = torch.tensor([1e2, 1e4, 1e6], dtype=torch.float64)
    counts = rates + rates.sqrt() * torch.tensor([[-3.0], [0.0], [2.0]], dtype=torch.float64)
    expected = torch.from_numpy(stats.poisson.cdf(counts.floor().numpy(), rates.numpy()))
    torch.testing.assert_close(Poisson(rates.log()).cdf(counts), expected, rtol=1e-6, atol=0)


def test_shapes() -> None:
    contract.check_shapes(lambda row, column: Poisson(row + column))


def test_extremes_are_finite() -> None:
    contract.check_extremes(lambda log_rate: Poisson(log_rate))


def test_second_derivative_is_minus_the_rate() -> None:
    log_rate = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([0.0, 1.0, 9.0])
    assert torch.autograd.gradcheck(lambda eta: Poisson(eta).log_prob(counts), log_rate)
    assert torch.autograd.gradgradcheck(lambda eta: Poisson(eta).log_prob(counts), log_rate)


@pytest.mark.parametrize("value", [-1.0, 0.5])
def test_values_outside_the_support_are_named_when_asked(value: float) -> None:
    with pytest.raises(ValueError, match="support"):
        Poisson(torch.zeros(2), validate_args=True).log_prob(torch.tensor([0.0, value]))


def test_parameters_are_checked_when_asked() -> None:
    with pytest.raises(ValueError, match="log_rate"):
        Poisson(torch.tensor([0.0, math.nan]), validate_args=True)


def test_third_derivatives_are_refused_not_zero() -> None:
    log_rate = torch.zeros(1, requires_grad=True)
    (first,) = torch.autograd.grad(Poisson(log_rate).log_prob(torch.ones(1)).sum(), log_rate, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), log_rate, create_graph=True)
    with pytest.raises(NotImplementedError, match="third"):
        torch.autograd.grad(second.sum(), log_rate)
