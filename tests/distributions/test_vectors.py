"""Vectors against scipy and dense linear algebra: both forms of a covariance matrix, normal and heavy tails, mixtures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.func import vmap

from probcost.distributions import LowRank, Mixture, MultivariateNormal, MultivariateStudentT, Regressions
from probcost.distributions.scatter import Scatter

ROWS = 5


def scatter(kind: str, d: int, dtype: torch.dtype = torch.float64, size: float = 1.0) -> Scatter:
    torch.manual_seed(d)
    scale = torch.rand(ROWS, d, dtype=torch.float64).to(dtype) + 0.2
    if kind == "regressions":
        return Regressions(scale, size * 0.5 * torch.randn(ROWS, d * (d - 1) // 2, dtype=torch.float64).to(dtype))
    return LowRank(scale, size * torch.randn(ROWS, d, int(kind), dtype=torch.float64).to(dtype))


CASES = [(kind, d) for d in (1, 2, 3, 7, 20) for kind in ("regressions", "0", "1", "3", "22")]


@pytest.mark.parametrize(("kind", "d"), CASES)
def test_each_form_is_its_matrix(kind: str, d: int) -> None:
    form = scatter(kind, d)
    dense, residual = form.covariance_matrix, torch.randn(ROWS, d).double()
    expected = (residual * torch.linalg.solve(dense, residual)).sum(-1)
    torch.testing.assert_close(form.squared_distance(residual), expected)
    torch.testing.assert_close(form.half_log_det(), 0.5 * torch.logdet(dense))
    torch.testing.assert_close(form.scale_tril, torch.linalg.cholesky(dense))
    torch.testing.assert_close(form.variance, torch.diagonal(dense, dim1=-2, dim2=-1))
    draws = form.color(torch.Size((20_000, ROWS, d)))
    sample = torch.einsum("nri,nrj->rij", draws, draws) / len(draws)
    spread = form.variance.sqrt()
    assert float(((sample - dense) / (spread.unsqueeze(-1) * spread.unsqueeze(-2))).abs().max()) < 0.05


@pytest.mark.parametrize(
    ("kind", "d"), [("regressions", 1), ("regressions", 3), ("regressions", 20), ("2", 3), ("3", 20)]
)
def test_densities_against_scipy(kind: str, d: int) -> None:
    form, loc, y = scatter(kind, d), torch.randn(ROWS, d).double(), 2 * torch.randn(ROWS, d).double()
    normal = MultivariateNormal(loc, form)
    for df in (1.0, 3.5, 1e6):
        heavy = MultivariateStudentT(torch.tensor(df).double(), loc, form)
        for t in range(ROWS):
            matrix = form.covariance_matrix[t].numpy()
            of_scipy = stats.multivariate_t(loc[t].numpy(), matrix, df=df)
            assert heavy.log_prob(y)[t].item() == pytest.approx(of_scipy.logpdf(y[t].numpy()), rel=1e-8)
            assert heavy.entropy()[t].item() == pytest.approx(of_scipy.entropy(), rel=1e-6)
            reference = stats.multivariate_normal(loc[t].numpy(), matrix)
            assert normal.log_prob(y)[t].item() == pytest.approx(reference.logpdf(y[t].numpy()))
            assert normal.entropy()[t].item() == pytest.approx(reference.entropy())
            squared = normal.mahalanobis(y)[t].item() ** 2
            assert normal.region(y)[t].item() == pytest.approx(stats.chi2(d).cdf(squared))
            assert heavy.region(y)[t].item() == pytest.approx(stats.f(d, df).cdf(squared / d))


def test_heavy_tails_become_normal() -> None:
    form, loc, y = scatter("regressions", 3, torch.float32), torch.zeros(3), torch.randn(ROWS, 3)
    normal, near = MultivariateNormal(loc, form), MultivariateStudentT(torch.tensor(1e9), loc, form)
    torch.testing.assert_close(near.log_prob(y), normal.log_prob(y), rtol=1e-6, atol=2e-6)
    torch.testing.assert_close(near.covariance_matrix, normal.covariance_matrix)
    torch.testing.assert_close(near.cdf(y), normal.cdf(y), rtol=0, atol=1e-6)
    torch.testing.assert_close(near.region(y), normal.region(y), rtol=0, atol=1e-6)
    heavy = MultivariateStudentT(torch.tensor([0.5, 1.5, 3.0]).repeat(2)[:ROWS], loc, form)
    assert heavy.mean[:, 0].isnan().tolist() == [True, False, False, True, False]
    assert heavy.variance[:, 0].isinf().tolist() == [False, True, False, False, True]


@pytest.mark.parametrize("kind", ["regressions", "1", "2", "5"])
@pytest.mark.parametrize("size", [0.0, 1e-4, 1.0, 1e4, 1e7])
def test_no_numbers_make_it_singular(kind: str, size: float) -> None:
    """Directions that are zero, huge or parallel: in float32 the density and its gradient are finite still."""
    form = scatter(kind, 4, torch.float32, size)
    parts = [form.scale, form.coefficients if isinstance(form, Regressions) else form.factor]
    if isinstance(form, LowRank):
        parts[1] = parts[1][..., :1].expand_as(parts[1]).clone()
    parts = [part.requires_grad_() for part in parts]
    same: Scatter = type(form)(*parts)
    log_p = MultivariateNormal(torch.zeros(4), same).log_prob(torch.randn(ROWS, 4))
    for found in (log_p, *torch.autograd.grad(log_p.sum(), parts)):
        assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize("kind", ["regressions", "2"])
def test_a_mixture_has_the_moments_of_its_samples(kind: str) -> None:
    torch.manual_seed(0)
    each, many = scatter(kind, 3), Mixture
    ours = many(torch.randn(2, ROWS).double(), MultivariateNormal(torch.randn(2, ROWS, 3).double(), each))
    draws = ours.sample(torch.Size((100_000,)))
    for row in range(2):
        of_draws = torch.cov(draws[:, row].T)
        torch.testing.assert_close(ours.covariance_matrix[row], of_draws, rtol=0.05, atol=0.02 * float(of_draws.max()))
    torch.testing.assert_close(ours.variance, torch.diagonal(ours.covariance_matrix, dim1=-2, dim2=-1))
    assert ours.expand(torch.Size((4, 2))).covariance_matrix.shape == (4, 2, 3, 3)


@pytest.mark.parametrize("kind", ["regressions", "2"])
def test_moments_and_densities_under_vmap(kind: str) -> None:
    torch.manual_seed(0)
    loc, scale, y = torch.randn(6, ROWS, 3), torch.rand(6, ROWS, 3) + 0.2, torch.randn(ROWS, 3)
    rest = torch.randn(6, ROWS, 3) if kind == "regressions" else torch.randn(6, ROWS, 3, 2)

    def of(loc: Tensor, scale: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        form: Scatter = Regressions(scale, rest) if kind == "regressions" else LowRank(scale, rest)
        ours = MultivariateNormal(loc, form)
        return ours.log_prob(y), ours.covariance_matrix, ours.scale_tril

    for one, other in zip(vmap(of)(loc, scale, rest), of(loc, scale, rest), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert np.isfinite(other.numpy()).all()
