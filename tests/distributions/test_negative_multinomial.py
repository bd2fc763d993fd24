"""Counts that share a gain, against mpmath, quadrature over the gain, scipy for one unit, and sums over all counts."""

from __future__ import annotations

import math
from itertools import product

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.func import grad, vmap

from probcost.distributions import NegativeBinomial, NegativeMultinomial, Poisson
from tests.distributions.references import absolute_error, exact, poisson, relative_error

MEANS = [[1e-8, 1e-8, 1e-8], [0.01, 0.6, 7.3], [130.0, 1e-3, 4.0], [1e4, 1e6, 1e-8]]
DISPERSIONS = [0.0, 1e-30, 1e-12, 1e-8, 1e-4, 0.05, 1.0, 1e3]
COUNTS = [[0, 0, 0], [1, 0, 0], [0, 2, 9], [124, 0, 3], [10_230, 100_000, 0]]
CASES = list(product(MEANS, DISPERSIONS, COUNTS))


def reference(counts: list[int], log_means: list[float], alpha: float) -> tuple[mp.mpf, list[mp.mpf], mp.mpf]:
    """log p, ∂/∂η and ∂/∂α from the closed form; at α = 0 the limits."""
    means, a = [mp.exp(exact(eta)) for eta in log_means], exact(alpha)
    k, m = sum(counts), sum(means)
    if a == 0:
        each = [poisson(c, eta) for c, eta in zip(counts, log_means, strict=True)]
        return sum(p for p, _ in each), [slope for _, slope in each], ((k - m) ** 2 - k) / 2
    with mp.workdps(90):
        r = 1 / a
        log_p = mp.loggamma(k + r) - mp.loggamma(r) - (k + r) * mp.log1p(a * m)
        log_p += sum(c * mp.log(a * mean) - mp.loggamma(c + 1) for c, mean in zip(counts, means, strict=True))
        slope = (mp.digamma(r) - mp.digamma(k + r) + mp.log1p(a * m)) * r * r + (k - m) * r / (1 + a * m)
        return log_p, [c - (k + r) * a * mean / (1 + a * m) for c, mean in zip(counts, means, strict=True)], slope


@pytest.mark.parametrize(("dtype", "of_value", "of_slope"), [(torch.float64, 1e-9, 1e-6), (torch.float32, 1e-4, 1e-3)])
def test_log_prob_and_gradients_against_mpmath(dtype: torch.dtype, of_value: float, of_slope: float) -> None:
    means, dispersions, counts = zip(*CASES, strict=True)
    eta = torch.tensor(means, dtype=dtype).log().requires_grad_()
    alpha = torch.tensor(dispersions, dtype=dtype).requires_grad_()
    found = NegativeMultinomial(eta, alpha).log_prob(torch.tensor(counts))
    of_eta, of_alpha = torch.autograd.grad(found.sum(), (eta, alpha))
    rows = [reference(list(k), eta[i].tolist(), alpha[i].item()) for i, k in enumerate(counts)]
    error = relative_error if dtype == torch.float64 else absolute_error
    assert found.dtype == dtype
    assert error(found, [row[0] for row in rows]) <= of_value
    assert absolute_error(of_eta, [slope for row in rows for slope in row[1]]) <= of_slope
    assert absolute_error(of_alpha, [row[2] for row in rows]) <= of_slope


@pytest.mark.parametrize("alpha", [0.04, 0.7, 3.0])
def test_it_is_the_product_of_poissons_mixed_over_the_gain(alpha: float) -> None:
    means, counts = np.array([0.3, 2.0, 5.0]), np.array([1, 0, 7])
    # By the gain's quantiles, so that its pole at 0 for α > 1 is no trouble.
    gain = stats.gamma(1 / alpha, scale=alpha)
    mixed, _ = integrate.quad(
        lambda u: stats.poisson.pmf(counts, gain.ppf(u) * means).prod(), 0, 1, epsabs=1e-13, limit=400
    )
    found = NegativeMultinomial(torch.tensor(means).log(), alpha).log_prob(torch.tensor(counts))
    assert found.exp().item() == pytest.approx(mixed, rel=1e-6)


def test_one_unit_is_negative_binomial() -> None:
    mean, alpha, k = 3.7, 0.4, np.arange(40)
    found = NegativeMultinomial(torch.tensor([mean], dtype=torch.float64).log(), alpha).log_prob(
        torch.from_numpy(k)[:, None]
    )
    np.testing.assert_allclose(found, stats.nbinom.logpmf(k, 1 / alpha, 1 / (1 + alpha * mean)), rtol=1e-9)


def test_no_dispersion_is_independent_poisson() -> None:
    log_mean = torch.linspace(-18, 13, 40, dtype=torch.float64).reshape(10, 4)
    counts = torch.tensor([0.0, 1.0, 17.0, 1000.0])
    expected = Poisson(log_mean).log_prob(counts).sum(-1)
    torch.testing.assert_close(NegativeMultinomial(log_mean, 0.0).log_prob(counts), expected, rtol=1e-12, atol=1e-30)


def test_sums_over_all_counts_give_the_moments_and_the_margins() -> None:
    shared = NegativeMultinomial(torch.tensor([0.4, 1.5], dtype=torch.float64).log(), 0.5)
    k = torch.cartesian_prod(*[torch.arange(150.0, dtype=torch.float64)] * 2)
    p = shared.log_prob(k).exp()
    mean = (p[:, None] * k).sum(0)
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(shared.mean, mean)
    covariance = (p[:, None, None] * (k - mean)[:, :, None] * (k - mean)[:, None, :]).sum(0)
    torch.testing.assert_close(shared.covariance_matrix, covariance)
    torch.testing.assert_close(shared.variance, covariance.diagonal())
    assert shared.total_mean.item() == pytest.approx(1.9)
    at = torch.tensor([1.0, 4.0], dtype=torch.float64)
    below = torch.stack([(p * (k[:, i] <= at[i])).sum() for i in range(2)])
    torch.testing.assert_close(shared.cdf(at), below)
    torch.testing.assert_close(shared.cdf(at), NegativeBinomial(shared.log_mean, 0.5).cdf(at))


@pytest.mark.parametrize("alpha", [0.0, 1e-32, 0.2, 4.0])
def test_samples_have_its_probabilities_and_one_gain_a_row(alpha: float) -> None:
    torch.manual_seed(0)
    shared = NegativeMultinomial(torch.tensor([0.5, 1.0, 6.0], dtype=torch.float64).log(), alpha)
    n = 60_000
    draws = shared.sample((n,))
    assert draws.shape == (n, 3)
    # The joint frequency of every row of counts that is expected at least ten times, in one chi-square.
    rows, seen = np.unique(draws.numpy(), axis=0, return_counts=True)
    expected = n * shared.log_prob(torch.from_numpy(rows)).exp().numpy()
    often = expected >= 10
    seen, expected = (np.append(part[often], n - part[often].sum()) for part in (seen, expected))
    assert stats.chisquare(seen, expected).pvalue > 1e-3


def test_shapes() -> None:
    log_mean, alpha = torch.zeros(5, 3), torch.rand(4, 1)
    shared = NegativeMultinomial(log_mean, alpha)
    counts = torch.arange(15).reshape(5, 3)
    assert (shared.batch_shape, shared.event_shape) == ((4, 5), (3,))
    assert shared.sample((2,)).shape == (2, 4, 5, 3)
    assert shared.mean.shape == shared.variance.shape == shared.cdf(counts).shape == (4, 5, 3)
    assert shared.covariance_matrix.shape == (4, 5, 3, 3)
    larger = shared.expand(torch.Size([6, 4, 5]))
    assert larger.sample().shape == (6, 4, 5, 3)
    torch.testing.assert_close(larger.log_prob(counts)[3], shared.log_prob(counts))
    by_row = vmap(lambda a: NegativeMultinomial(log_mean, a).log_prob(counts))(alpha)
    torch.testing.assert_close(by_row, shared.log_prob(counts))
    slopes = vmap(grad(lambda eta, k: NegativeMultinomial(eta, alpha[0, 0]).log_prob(k)))(log_mean, counts.float())
    assert slopes.shape == (5, 3)
    assert repr(shared) == "NegativeMultinomial((4, 5) of 3)"


def test_extremes_are_finite() -> None:
    rates = torch.cartesian_prod(*[torch.tensor([1e-8, 1.0, 1e6])] * 2)
    counts = torch.cartesian_prod(*[torch.tensor([0.0, 1.0, 1e5])] * 2)
    for dispersion in (0.0, 1e-12, 1.0, 1e3):
        eta, alpha = rates.log()[:, None].requires_grad_(), torch.full((9, 1), dispersion).requires_grad_()
        log_p = NegativeMultinomial(eta, alpha).log_prob(counts)
        assert bool((torch.isfinite(log_p) & (log_p <= 0)).all())
        assert all(bool(torch.isfinite(g).all()) for g in torch.autograd.grad(log_p.sum(), (eta, alpha)))


def test_second_derivatives() -> None:
    eta = torch.tensor([[-2.0, 0.0, 1.0], [3.0, 1.0, 0.2]], dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor([0.3, 1e-3], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([[0.0, 1.0, 3.0], [25.0, 2.0, 0.0]])
    assert torch.autograd.gradgradcheck(lambda e, a: NegativeMultinomial(e, a).log_prob(counts), (eta, alpha))


@pytest.mark.parametrize("eta", [-1e4, 20.0, 40.0, 1e4])
def test_draws_from_any_rate_are_counts(eta: float) -> None:
    draws = NegativeMultinomial(torch.full((2, 3), eta), torch.tensor([0.0, 0.5])).sample((50,))
    assert bool(((draws >= 0) & (draws < 2.0**63) & (draws == draws.round())).all())
    assert bool(draws.any()) == (eta > 0)


def test_what_is_no_count_is_refused_when_asked() -> None:
    with pytest.raises(ValueError, match="dispersion"):
        NegativeMultinomial(torch.zeros(2), torch.tensor(-0.1), validate_args=True)
    checked = NegativeMultinomial(torch.zeros(2), torch.tensor(0.1), validate_args=True)
    with pytest.raises(ValueError, match="support"):
        checked.log_prob(torch.tensor([0.5, 1.0]))
    assert math.isfinite(checked.log_prob(torch.tensor([0.0, 1.0])))
