"""The Conway–Maxwell–Poisson and its normalising constant."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from probcost.distributions import ConwayMaxwellPoisson, Poisson
from probcost.distributions._cmp_asymptotics import COEFFICIENTS, expansion_threshold
from probcost.distributions._cmp_sums import TOLERANCE, terms_needed
from tests.distributions import contract, references

NUS = [0.05, 0.3, 0.9, 1.0, 1.43, 5.0, 12.0, 30.0]


def reference(k: int, log_location: float, nu: float) -> tuple[references.mp.mpf, ...]:
    return references.conway_maxwell_poisson(log_location, nu).log_prob(k)


@pytest.mark.parametrize("nu", NUS)
def test_log_prob_and_gradients_against_mpmath(nu: float) -> None:
    # Either side of where the expansion takes over, in both precisions, besides the corners of the range.
    joints = [float(expansion_threshold(torch.tensor(nu, dtype=d))) for d in (torch.float32, torch.float64)]
    locations = [1e-8, 1e-3, 0.6, 7.3, 33.0, *(joint * side for joint in joints for side in (0.97, 1.03))]
    pairs = [
        (k, math.log(rate))
        for rate in locations
        for k in {0, 1, 26, 101, 100_000, round(rate + rate**0.5)}
        if k or rate > 0.1
    ]
    counts, log_locations = zip(*pairs, strict=True)
    contract.check_accuracy(ConwayMaxwellPoisson, reference, list(counts), list(log_locations), [nu] * len(counts))


@pytest.mark.parametrize("nu", [0.9, 30.0])
def test_largest_locations_against_mpmath(nu: float) -> None:
    counts, log_locations = [0, 99_000, 100_000, 100_000], [math.log(1e5)] * 3 + [math.log(1.1e5)]
    contract.check_accuracy(ConwayMaxwellPoisson, reference, counts, log_locations, [nu] * 4)


def test_zero_at_small_locations_keeps_its_digits() -> None:
    log_location = torch.tensor([1e-8, 1e-5, 0.02], dtype=torch.float64).log()
    found = ConwayMaxwellPoisson(log_location, 3.0).log_prob(torch.zeros(3))
    expected = [-references.mp.log1p(references.mp.exp(3 * references.exact(x))) for x in log_location[:2]]
    assert references.relative_error(found[:2], expected) < 1e-12


def test_unit_nu_is_poisson() -> None:
    log_location = torch.linspace(-18, 13.8, 60, dtype=torch.float64)
    counts = torch.tensor([0.0, 1.0, 7.0, 300.0, 1e5])[:, None]
    expected, found = Poisson(log_location), ConwayMaxwellPoisson(log_location, 1.0)
    torch.testing.assert_close(found.log_prob(counts), expected.log_prob(counts), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.mean, expected.mean, rtol=1e-11, atol=0)
    torch.testing.assert_close(found.variance, expected.variance, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.cdf(counts), expected.cdf(counts), rtol=0, atol=1e-9)


def test_moments_and_cdf_are_sums_of_the_masses() -> None:
    log_location = torch.tensor([1e-8, 0.3, 1.0, 12.0, 90.0], dtype=torch.float64).log()
    nu = torch.tensor([0.3, 1.0, 4.0, 30.0], dtype=torch.float64)[:, None]
    contract.check_moments_and_cdf(ConwayMaxwellPoisson(log_location, nu), 400)


def test_moments_and_cdf_where_the_masses_spread_far() -> None:
    """Across the joints of sum, expansion and integral."""
    log_location = torch.tensor([400.0, 660.0], dtype=torch.float64).log()
    nu = torch.tensor([0.05, 0.6, 25.0], dtype=torch.float64)[:, None]
    contract.check_moments_and_cdf(ConwayMaxwellPoisson(log_location, nu), 4000)


@pytest.mark.parametrize(
    ("location", "nu"), [(0.6, 1.43), (9.0, 0.1), (25.0, 30.0), (700.0, 0.05), (5e4, 1.7), (1e6, 30.0)]
)
def test_samples_follow_the_cdf(location: float, nu: float) -> None:
    contract.check_samples(ConwayMaxwellPoisson(torch.tensor(location, dtype=torch.float64).log(), nu))


def test_samples_of_many_distributions_at_once() -> None:
    torch.manual_seed(0)
    dist = ConwayMaxwellPoisson(torch.linspace(-3, 9, 60, dtype=torch.float64), torch.tensor([[0.3], [1.0], [6.0]]))
    draws = dist.sample(torch.Size([4000]))
    z = (draws.mean(0) - dist.mean) / (dist.variance / 4000).sqrt()
    assert float(z.abs().max()) < 4.5
    assert float(z.square().mean()) == pytest.approx(1.0, abs=0.35)


def test_shapes() -> None:
    contract.check_shapes(ConwayMaxwellPoisson)


def test_shared_and_full_nu_agree() -> None:
    torch.manual_seed(0)
    log_location, nu = torch.randn(50, 20), torch.rand(20) * 2 + 0.3
    counts = torch.randint(0, 9, (50, 20))
    shared = ConwayMaxwellPoisson(log_location, nu).log_prob(counts)
    full = ConwayMaxwellPoisson(log_location, nu.expand(50, 20).clone()).log_prob(counts)
    torch.testing.assert_close(shared, full, rtol=1e-6, atol=1e-6)


def test_extremes_are_finite() -> None:
    contract.check_extremes(ConwayMaxwellPoisson, [0.05, 1.0, 30.0])


def test_what_is_not_a_number_stays_one_and_harms_no_other() -> None:
    found = ConwayMaxwellPoisson(torch.tensor([math.nan, 0.0, math.inf]), torch.ones(3)).log_prob(torch.ones(3))
    assert torch.isnan(found[0])
    assert float(found[1]) == pytest.approx(-1.0)
    assert not torch.isfinite(found[2])


def test_derivatives_by_sum_and_by_expansion() -> None:
    log_location = torch.tensor([-2.0, 0.5, 2.0, 4.6, 7.0], dtype=torch.float64, requires_grad=True)
    nu = torch.tensor([0.4, 2.0, 12.0, 0.9, 1.3], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([0.0, 3.0, 7.0, 100.0, 1100.0])
    assert torch.autograd.gradcheck(lambda e, n: ConwayMaxwellPoisson(e, n).log_prob(counts), (log_location, nu))
    assert torch.autograd.gradgradcheck(lambda e, n: ConwayMaxwellPoisson(e, n).log_prob(counts), (log_location, nu))
    assert torch.autograd.gradcheck(lambda e, n: ConwayMaxwellPoisson(e, n).mean, (log_location, nu))


def test_rest_of_the_sum_is_below_the_bound() -> None:
    """The terms left out, summed as far again, against those kept: at most the tolerance, for any location and ν."""
    for nu in NUS:
        for location in (1e-6, 0.3, 1.0, 2.7, 40.0):
            given = torch.tensor(location, dtype=torch.float64), torch.tensor(nu, dtype=torch.float64)
            kept = int(terms_needed(*given, torch.float32))
            k = torch.arange(1, 2 * kept + 200, dtype=torch.float64)
            terms = torch.exp(nu * (k * math.log(location) - torch.lgamma(k + 1)))
            rest, whole = terms[kept - 1 :].sum(), terms.sum()
            assert float(rest) <= TOLERANCE[torch.float32] * float(whole)


def test_coefficients_solve_the_equation_of_whole_nu() -> None:
    """(λ d/dλ)^ν Z = (νλ)^ν Z holds order by order for the expansion, in exact fractions, at ν = 2, 3, 7."""
    for nu in (2, 3, 7):
        d = [
            sum(Fraction(n, denominator) * nu ** (2 * i) for i, n in enumerate(row))
            for denominator, row in COEFFICIENTS
        ]
        # Z's factor from its logarithm: j c_j = Σ i d_i c_{j−i}.
        c = [Fraction(1)]
        for j in range(1, len(d) + 1):
            c.append(sum(i * d[i - 1] * c[j - i] for i in range(1, j + 1)) / j)
        # (θ/ν) acts on e^{νλ} λ^s as λ^{s+1} + (s/ν) λ^s; the powers below λ^ν must cancel after ν steps.
        start = -Fraction(nu - 1, 2)
        factor = {-j: coefficient / Fraction(nu) ** j for j, coefficient in enumerate(c)}
        image = dict(factor)
        for _ in range(nu):
            stepped: dict[int, Fraction] = {}
            for power, coefficient in image.items():
                stepped[power + 1] = stepped.get(power + 1, Fraction(0)) + coefficient
                stepped[power] = stepped.get(power, Fraction(0)) + coefficient * (start + power) / nu
            image = stepped
        for j in range(len(d) + 1):
            assert image[nu - j] == factor[-j]


def test_reduced_matrix_precision_does_not_reach_the_density() -> None:
    log_location, counts = torch.linspace(-2, 3, 16), torch.arange(16.0)
    expected = ConwayMaxwellPoisson(log_location, 1.4).log_prob(counts)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        found = ConwayMaxwellPoisson(log_location, 1.4).log_prob(counts)
    finally:
        torch.set_float32_matmul_precision(before)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_bad_parameters_are_named_when_asked() -> None:
    with pytest.raises(ValueError, match="nu"):
        ConwayMaxwellPoisson(torch.zeros(2), torch.tensor([1.0, 0.0]), validate_args=True)
