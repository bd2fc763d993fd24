"""Comparisons against mpmath over the whole range, in both precisions; choices against a softmax in extended precision."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import pytest
import torch

from probcost.distributions import Choice, ExponentialComparison, LogisticComparison, NormalComparison
from probcost.distributions.comparison import Comparison
from tests.distributions.references import absolute_error, exact

KINDS: list[type[Comparison]] = [ExponentialComparison, LogisticComparison, NormalComparison]
DIFFERENCES = [0.0, 1e-6, 1e-3, 0.3, 1.0, 7.0, 30.0, 1e3, 1e6]
DIFFERENCES = [*(-d for d in reversed(DIFFERENCES[1:])), *DIFFERENCES]
TEMPERATURES = [1e-6, 1e-2, 1.0, 1e3, 1e6]


def reference(kind: type[Comparison], y: int, gap: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    """log P(y) and its derivative by the gap; minus infinity and 0 where y is impossible."""
    with mp.workdps(60):
        sign = 1 - 2 * y
        if kind is ExponentialComparison:
            if gap <= 0:  # at the kink itself torch's hinge has the slope 1
                return (mp.mpf(0), mp.mpf(-(gap == 0))) if y else (-mp.inf, mp.mpf(0))
            return (-gap, mp.mpf(-1)) if y else (mp.log(-mp.expm1(-gap)), 1 / mp.expm1(gap))
        if kind is LogisticComparison:
            z = sign * gap
            log_p = -mp.log1p(mp.exp(-z)) if z > -1e4 else z
            return log_p, sign / (1 + mp.exp(z)) if z < 1e4 else mp.mpf(0)
        z = sign * gap
        if z < -1e4:  # Mills' ratio, to a relative error of z⁻⁸
            series = 1 - 1 / z**2 + 3 / z**4 - 15 / z**6
            return -z * z / 2 - mp.log(-z * mp.sqrt(2 * mp.pi)) + mp.log(series), sign * -z / series
        log_p = mp.log(mp.erfc(-z / mp.sqrt(2)) / 2) if z < 0 else mp.log1p(-mp.erfc(z / mp.sqrt(2)) / 2)
        return log_p, sign * mp.exp(-z * z / 2 - log_p) / mp.sqrt(2 * mp.pi)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_against_mpmath_over_the_whole_range(
    kind: type[Comparison], dtype: torch.dtype, tolerance: float, temperature: float
) -> None:
    for y in (0, 1):
        difference = torch.tensor(DIFFERENCES, dtype=dtype, requires_grad=True)
        scale = torch.tensor(temperature, dtype=dtype)
        found = kind(difference, 0.0, scale).log_prob(torch.tensor(float(y)))
        assert found.dtype == dtype
        possible = torch.isfinite(found)
        (gradient,) = torch.autograd.grad(found[possible].sum(), difference)
        # The gap as rounded: what is asked of the density is that it keeps the digits it is given.
        gaps = [exact(g) for g in (difference.detach() / scale).tolist()]
        expected = [reference(kind, y, gap) for gap in gaps]
        for i, (log_p, slope) in enumerate(expected):
            if log_p == -mp.inf:
                assert found[i] == -torch.inf
                continue
            error = abs(exact(found[i].item()) - log_p)
            assert error <= tolerance * max(1, abs(log_p)), (y, DIFFERENCES[i])
            assert abs(exact(gradient[i].item()) * exact(scale.item()) - slope) <= 10 * tolerance * max(1, abs(slope))
        assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("kind", KINDS)
def test_two_answers_exclude_each_other(kind: type[Comparison]) -> None:
    difference = torch.tensor(DIFFERENCES, dtype=torch.float64)[:, None]
    dist = kind(difference, 0.2, torch.tensor(TEMPERATURES, dtype=torch.float64))
    no, yes = (dist.log_prob(torch.tensor(y)).exp() for y in (0.0, 1.0))
    torch.testing.assert_close(no + yes, torch.ones_like(no), rtol=0, atol=1e-14)
    torch.testing.assert_close(dist.mean, yes)
    torch.testing.assert_close(dist.variance, no * yes, rtol=1e-9, atol=0)
    for value, below in ((-0.5, torch.zeros_like(no)), (0.0, no), (0.7, no), (1.0, torch.ones_like(no))):
        torch.testing.assert_close(dist.cdf(torch.tensor(value)), below)


@pytest.mark.parametrize("kind", KINDS)
def test_small_probabilities_keep_their_digits(kind: type[Comparison]) -> None:
    """Where log P is tiny or P is: a relative error, which an epsilon in a logarithm would spoil."""
    for y, gap in ((1, -20.0), (0, 20.0), (1, 20.0), (0, 1e-8), (0, -20.0)):
        expected, _ = reference(kind, y, exact(gap))
        found = kind(torch.tensor(gap, dtype=torch.float64)).log_prob(torch.tensor(float(y))).item()
        assert found == pytest.approx(float(expected), rel=1e-12, abs=0)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_follow_the_mean_and_gaps_are_found_again(kind: type[Comparison]) -> None:
    torch.manual_seed(0)
    p = torch.tensor([0.05, 0.5, 0.93], dtype=torch.float64)
    dist = kind(2.0 * kind.gap_at(p) - 0.3, 0.3, 2.0)
    torch.testing.assert_close(dist.mean, p)
    draws = dist.sample(torch.Size([20_000]))
    assert draws.unique().tolist() == [0.0, 1.0]
    assert bool(((draws.mean(0) - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt()).all())


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_values_that_would_stretch_them(kind: type[Comparison]) -> None:
    dist = kind(torch.zeros(4, 1), 0.0, torch.ones(4, 1))
    larger = dist.expand(torch.Size([3, 4, 1]))
    assert larger.log_prob(torch.ones(4, 1)).shape == larger.sample().shape == larger.mean.shape == (3, 4, 1)
    assert kind(torch.zeros(2, 4, 1)).log_prob(torch.ones(4, 1)).shape == (2, 4, 1)
    assert dist.log_prob(torch.ones(5, 4, 1)).shape == (5, 4, 1)
    for make, value in (((4, 1), (4,)), ((4,), (4, 1))):
        with pytest.raises(ValueError, match="do not fit"):
            kind(torch.zeros(make)).log_prob(torch.ones(value))
    checked = kind(torch.zeros(2), validate_args=True)
    with pytest.raises(ValueError, match="within the support"):
        checked.log_prob(torch.tensor([0.0, 0.5]))
    with pytest.raises(ValueError, match="temperature"):
        kind(torch.zeros(2), 0.0, -1.0, validate_args=True)


def test_choice_is_a_softmax_over_squared_distances() -> None:
    torch.manual_seed(1)
    squares = 3 * torch.rand(6, 5, dtype=torch.float64)
    dist = Choice(squares, 0.7)
    k = torch.arange(5.0).unsqueeze(1).expand(5, 6)
    log_p = dist.log_prob(k)
    for i in range(6):
        weights = [mp.exp(-exact(d) / exact(0.7)) for d in squares[i].tolist()]
        assert absolute_error(log_p[:, i], [mp.log(w / mp.fsum(weights)) for w in weights]) < 1e-14
    p = log_p.exp()
    torch.testing.assert_close(dist.mean, (k * p).sum(0))
    torch.testing.assert_close(dist.variance, (k.square() * p).sum(0) - dist.mean.square())
    torch.testing.assert_close(dist.cdf(torch.full((6,), 2.5)), p[:3].sum(0))
    draws = dist.sample(torch.Size([20_000]))
    frequency = torch.stack([(draws == j).double().mean(0) for j in range(5)])
    assert float((frequency - p).abs().max()) < 0.018
    assert dist.expand(torch.Size([2, 6])).log_prob(torch.zeros(6)).shape == (2, 6)


@pytest.mark.parametrize("value", [-1.0, 5.0, 1.5])
def test_choice_of_nobody(value: float) -> None:
    with pytest.raises(ValueError, match="index of no candidate; with 5"):
        Choice(torch.zeros(2, 5)).log_prob(torch.tensor([0.0, value]))


def test_extremes_of_choice_are_finite_in_single_precision() -> None:
    squares = torch.tensor([[0.0, 1e12, 1.0]], requires_grad=True)
    for temperature in (1e-6, 1.0, 1e6):
        for k in range(3):
            log_p = Choice(squares, temperature).log_prob(torch.tensor([float(k)]))
            (gradient,) = torch.autograd.grad(log_p.sum(), squares)
            assert bool(torch.isfinite(log_p).all())
            assert bool(torch.isfinite(gradient).all())


def test_probit_has_a_second_derivative() -> None:
    z = torch.tensor([-1e5, -50.0, -3.0, 0.0, 2.0, 9.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(NormalComparison(z).log_prob(torch.ones(6)).sum(), z, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), z)
    with mp.workdps(40):
        expected = [mp.diff(lambda g: reference(NormalComparison, 1, g)[1], exact(g)) for g in z.tolist()]
    assert absolute_error(curvature, expected) < 1e-8


@pytest.mark.parametrize("kind", KINDS)
def test_vmap(kind: Callable[..., Comparison]) -> None:
    difference = torch.linspace(0.1, 2.0, 12).view(3, 4)
    mapped = torch.vmap(lambda d: kind(d, 0.1, 0.5).log_prob(torch.zeros(4)))(difference)
    torch.testing.assert_close(mapped, kind(difference, 0.1, 0.5).log_prob(torch.zeros(4)))
