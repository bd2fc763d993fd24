"""The negative binomial by mean and dispersion."""

from __future__ import annotations

import math

import pytest
import torch

from probcost.distributions import NegativeBinomial, Poisson
from tests.distributions import contract, references

RATES = [1e-8, 1e-3, 0.6, 7.3, 130.0, 1e4, 1e6]
DISPERSIONS = [0.0, 1e-30, 1e-12, 1e-8, 1e-5, 1e-3, 0.03, 0.13, 1.0, 30.0, 1e3]


def test_log_prob_and_gradients_against_mpmath() -> None:
    triples = [
        (k, math.log(r), a)
        for r in RATES
        for a in DISPERSIONS
        for k in {0, 1, 2, 26, 101, 100_000, min(100_000, round(r + r**0.5))}
    ]
    counts, log_means, dispersions = zip(*triples, strict=True)
    contract.check_accuracy(
        NegativeBinomial, references.negative_binomial, list(counts), list(log_means), list(dispersions)
    )


def test_no_dispersion_is_exactly_poisson() -> None:
    log_mean = torch.linspace(-18, 13, 40, dtype=torch.float64)
    counts = torch.tensor([0.0, 1.0, 2.0, 17.0, 1000.0])[:, None]
    expected = Poisson(log_mean)
    found = NegativeBinomial(log_mean, 0.0)
    torch.testing.assert_close(found.log_prob(counts), expected.log_prob(counts), rtol=1e-12, atol=1e-30)
    torch.testing.assert_close(found.variance, expected.variance, rtol=0, atol=0)
    few = log_mean < 5
    torch.testing.assert_close(found.cdf(counts)[:, few], expected.cdf(counts)[:, few], rtol=1e-9, atol=1e-12)


def test_gradient_at_no_dispersion_is_its_limit() -> None:
    dispersion = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    mean, counts = (
        torch.tensor([1e-8, 0.6, 3.0, 40.0], dtype=torch.float64),
        torch.tensor([0.0, 2.0, 3.0, 11.0]),
    )
    NegativeBinomial(mean.log(), dispersion).log_prob(counts).sum().backward()
    torch.testing.assert_close(dispersion.grad, ((counts - mean).square() - counts) / 2, rtol=1e-10, atol=0)


def test_moments_and_cdf_are_sums_of_the_masses() -> None:
    log_mean = torch.tensor([1e-8, 0.3, 1.0, 12.0], dtype=torch.float64).log()
    dispersion = torch.tensor([0.0, 1e-9, 0.2, 1.0], dtype=torch.float64)[:, None]
    contract.check_moments_and_cdf(NegativeBinomial(log_mean, dispersion), 600)


def test_cdf_is_the_same_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    dist = NegativeBinomial(torch.tensor([1.0, 4.0], dtype=torch.float64), 0.3)
    counts = torch.arange(90.0)[:, None]
    whole = dist.cdf(counts)
    monkeypatch.setattr("probcost.distributions.negative_binomial._BLOCK", 700)
    torch.testing.assert_close(dist.cdf(counts), whole, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.6, 0.5), (12.0, 0.0), (12.0, 1e-9), (300.0, 3.0)])
def test_samples_follow_the_cdf(mean: float, dispersion: float) -> None:
    contract.check_samples(NegativeBinomial(torch.tensor(mean, dtype=torch.float64).log(), dispersion))


def test_shapes() -> None:
    contract.check_shapes(NegativeBinomial)


def test_extremes_are_finite() -> None:
    contract.check_extremes(NegativeBinomial, [0.0, 1e-12, 1.0, 1e3])


def test_derivatives() -> None:
    log_mean = torch.tensor([-2.0, 0.0, 1.0, 3.0, 1.0], dtype=torch.float64, requires_grad=True)
    dispersion = torch.tensor([0.3, 2.0, 1e-3, 0.1, 9.0], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([0.0, 1.0, 3.0, 25.0, 40.0])
    assert torch.autograd.gradcheck(lambda m, a: NegativeBinomial(m, a).log_prob(counts), (log_mean, dispersion))
    assert torch.autograd.gradgradcheck(lambda m, a: NegativeBinomial(m, a).log_prob(counts), (log_mean, dispersion))


def test_negative_dispersion_is_refused_when_asked() -> None:
    with pytest.raises(ValueError, match="dispersion"):
        NegativeBinomial(torch.zeros(2), torch.tensor([0.1, -0.1]), validate_args=True)
