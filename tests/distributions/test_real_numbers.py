"""Normal, Laplace and Student's t, and mixtures of them, against mpmath, scipy and plain quadrature."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import integrate, stats

from probcost.distributions import Laplace, Mixture, Normal, StudentT

DF = (1.0, 1.0001, 1.5, 2.0, 3.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6)
VALUES = (0.0, 0.3, 1.7, -4.0, 50.0, 1e4)
_Function = Callable[..., mp.mpf]


def student_log_prob(df: mp.mpf, loc: mp.mpf, scale: mp.mpf, value: float) -> mp.mpf:
    z = (mp.mpf(value) - loc) / scale
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(scale)
    return constant - (df + 1) / 2 * mp.log1p(z * z / df)


@pytest.mark.parametrize(("dtype", "close", "close_df"), [(torch.float32, 5e-6, 2e-3), (torch.float64, 1e-10, 1e-8)])
@pytest.mark.parametrize("df", DF)
def test_student_t_and_its_gradients_against_mpmath(
    df: float, dtype: torch.dtype, close: float, close_df: float
) -> None:
    value = torch.tensor(VALUES, dtype=dtype)
    params = [torch.full(value.shape, p, dtype=dtype, requires_grad=True) for p in (df, 0.25, 1.5)]
    log_p = StudentT(*params).log_prob(value)
    found = torch.autograd.grad(log_p.sum(), params)
    with mp.workdps(50):
        at = [mp.mpf(p[0].item()) for p in params]
        expected = [student_log_prob(*at, v) for v in VALUES]
        slopes = [
            [float(mp.diff(lambda p, i=i, v=v: student_log_prob(*at[:i], p, *at[i + 1 :], v), at[i])) for v in VALUES]
            for i in range(3)
        ]
    assert log_p.tolist() == pytest.approx([float(e) for e in expected], rel=close, abs=close)
    # Of log ν, which is what is learned: the slope by ν itself is of order ν⁻².
    assert (df * found[0]).tolist() == pytest.approx([df * s for s in slopes[0]], rel=close_df, abs=1e-3 * close_df)
    for i in (1, 2):
        assert found[i].tolist() == pytest.approx(slopes[i], rel=2 * close, abs=close)


def test_student_t_becomes_normal() -> None:
    value = torch.linspace(-6, 6, 25)
    near, normal = StudentT(1e10, 0.5, torch.tensor(2.0)), Normal(torch.tensor(0.5), 2.0)
    torch.testing.assert_close(near.log_prob(value), normal.log_prob(value), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(near.cdf(value), normal.cdf(value), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(near.entropy(), normal.entropy())
    torch.testing.assert_close(near.variance, normal.variance)


def test_moments_that_do_not_exist_are_not_made_up() -> None:
    heavy = StudentT(torch.tensor([0.9, 1.0, 1.5, 2.0, 4.0]), 3.0, 1.0)
    assert heavy.mean.isnan().tolist() == [True, True, False, False, False]
    assert heavy.variance.tolist() == pytest.approx([np.nan, np.nan, np.inf, np.inf, 2.0], nan_ok=True)
    assert heavy.crps(torch.zeros(5)).isinf().tolist() == [True, True, False, False, False]


PAIRS = [
    (Normal(torch.tensor(0.7, dtype=torch.float64), 1.3), stats.norm(0.7, 1.3)),
    (Laplace(torch.tensor(0.7, dtype=torch.float64), 1.3), stats.laplace(0.7, 1.3)),
    *(
        (StudentT(df, torch.tensor(0.7, dtype=torch.float64), 1.3), stats.t(df, 0.7, 1.3))
        for df in (1.2, 2.5, 7.0, 1e3, 1e6)
    ),
]
NAMES = ["normal", "laplace", *(f"t{df:g}" for df in (1.2, 2.5, 7.0, 1e3, 1e6))]


@pytest.mark.parametrize(("ours", "reference"), PAIRS, ids=NAMES)
def test_log_prob_cdf_and_entropy_against_scipy(ours: Normal | Laplace | StudentT, reference: stats.rv_frozen) -> None:
    y = np.array([-60.0, -3.0, 0.0, 0.7, 2.2, 9.0])
    value = torch.as_tensor(y)
    # scipy's own t loses eight digits of its normaliser at ν = 10⁶.
    np.testing.assert_allclose(ours.log_prob(value), reference.logpdf(y), rtol=1e-7)
    np.testing.assert_allclose(ours.cdf(value), reference.cdf(y), rtol=1e-9, atol=1e-300)
    assert ours.entropy().item() == pytest.approx(reference.entropy(), rel=1e-6)


@pytest.mark.parametrize(("ours", "reference"), PAIRS, ids=NAMES)
def test_crps_is_the_integral_that_defines_it(ours: Normal | Laplace | StudentT, reference: stats.rv_frozen) -> None:
    for y in (-4.0, 0.7, 1.5):
        low = integrate.quad(lambda x: reference.cdf(x) ** 2, -np.inf, y, epsabs=1e-9, limit=200)[0]
        high = integrate.quad(lambda x: reference.sf(x) ** 2, y, np.inf, epsabs=1e-9, limit=200)[0]
        assert ours.crps(torch.tensor(y, dtype=torch.float64)).item() == pytest.approx(low + high, rel=1e-6)


def mixture(family: str) -> Mixture:
    torch.manual_seed(0)
    loc, scale = 2 * torch.randn(4, 3, 2).double(), torch.rand(4, 3, 2).double() + 0.3
    component = {"normal": Normal(loc, scale), "laplace": Laplace(loc, scale), "student_t": StudentT(5.0, loc, scale)}
    return Mixture(torch.randn(4, 3, 2).double(), component[family])


@pytest.mark.parametrize("family", ["normal", "laplace", "student_t"])
def test_mixtures_of_numbers_by_quadrature(family: str) -> None:
    ours = mixture(family)
    grid = torch.linspace(-60, 60, 60_001, dtype=torch.float64)
    p = ours.log_prob(grid[:, None, None]).exp()
    step, y = grid[1] - grid[0], grid[:, None, None]
    mean = (y * p).sum(0) * step
    torch.testing.assert_close(p.sum(0) * step, torch.ones(4, 2).double(), rtol=0, atol=2e-6)
    torch.testing.assert_close(ours.mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.variance, ((y - mean) ** 2 * p).sum(0) * step, rtol=1e-3, atol=0)
    middle = torch.full((4, 2), 0.4).double()
    below = (p * (y < middle)).sum(0) * step
    torch.testing.assert_close(ours.cdf(middle), below, rtol=0, atol=2e-3)


def test_crps_of_a_mixture_of_normals_is_the_integral_that_defines_it() -> None:
    ours, value = mixture("normal"), torch.randn(4, 2).double()
    grid = torch.linspace(-30, 30, 30_001, dtype=torch.float64)[:, None, None]
    squared = (ours.cdf(grid) - (grid >= value).double()).square()
    torch.testing.assert_close(ours.crps(value), squared.sum(0) * 0.002, rtol=0, atol=2e-3)
    assert not hasattr(mixture("laplace"), "crps")


def test_a_component_without_any_chance_leaves_the_others_alone() -> None:
    far = Normal(torch.tensor([[0.0], [1e4]]), torch.tensor([[1.0], [1e-3]]))
    loc = torch.zeros(1, requires_grad=True)
    ours = Mixture(torch.tensor([[0.0], [-1e4]]), Normal(far.loc + loc, far.scale))
    log_p = ours.log_prob(torch.tensor([0.5]))
    torch.testing.assert_close(log_p, Normal(torch.zeros(1), 1.0).log_prob(torch.tensor([0.5])))
    assert torch.autograd.grad(log_p.sum(), loc)[0].item() == pytest.approx(0.5)
