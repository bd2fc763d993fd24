"""What every count distribution is asked, whatever its formula: called by the tests of each."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import torch
from pyro.distributions import TorchDistribution
from scipy import stats
from torch import Tensor

from tests.distributions import references

__all__ = ["check_accuracy", "check_extremes", "check_moments_and_cdf", "check_samples", "check_shapes"]

Reference = Callable[..., tuple[mp.mpf, ...]]


def check_accuracy(
    make: Callable[..., TorchDistribution], reference: Reference, counts: list[int], *params: list[float]
) -> None:
    """log p and its gradients against ``reference``, in both precisions, at the parameters as rounded."""
    values = torch.tensor(counts, dtype=torch.float64)
    for dtype, of_value, of_gradient in ((torch.float64, 1e-9, 1e-6), (torch.float32, 1e-4, 1e-3)):
        given = [torch.tensor(p, dtype=dtype, requires_grad=True) for p in params]
        found = make(*given).log_prob(values)
        gradients = torch.autograd.grad(found.sum(), given)
        expected = [reference(k, *(float(p.detach()[i]) for p in given)) for i, k in enumerate(counts)]
        assert found.dtype == dtype
        log_p = [row[0] for row in expected]
        error = references.relative_error if dtype == torch.float64 else references.absolute_error
        assert error(found.detach(), log_p) <= of_value
        for i, gradient in enumerate(gradients):
            assert references.absolute_error(gradient, [row[i + 1] for row in expected]) <= of_gradient


def check_moments_and_cdf(dist: TorchDistribution, last: int) -> None:
    """Mass 1 on 0 … last, and mean, variance and cdf equal to sums over it."""
    counts = torch.arange(last + 1, dtype=torch.float64).view(-1, *[1] * len(dist.batch_shape))
    mass = dist.log_prob(counts).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(dist.batch_shape, dtype=mass.dtype), rtol=0, atol=1e-9)
    mean = (mass * counts).sum(0)
    torch.testing.assert_close(dist.mean, mean, rtol=1e-8, atol=0)
    torch.testing.assert_close(dist.variance, (mass * (counts - mean).square()).sum(0), rtol=1e-7, atol=0)
    torch.testing.assert_close(dist.cdf(counts), mass.cumsum(0), rtol=0, atol=1e-9)
    torch.testing.assert_close(dist.cdf(counts + 0.7), dist.cdf(counts), rtol=0, atol=0)
    assert (dist.cdf(-counts - 0.3) == 0).all()


def check_samples(dist: TorchDistribution, size: int = 40_000, seed: int = 0) -> None:
    """Draws of a scalar distribution fall into about 20 cells as the cdf says (chi-square, p > 10⁻³)."""
    torch.manual_seed(seed)
    draws = dist.sample(torch.Size([size]))
    assert draws.dtype == torch.float64
    assert (draws == draws.floor()).all()
    edges = np.unique(np.quantile(draws.numpy(), np.linspace(0, 1, 21)[1:-1]))
    below = dist.cdf(torch.from_numpy(edges)).numpy()
    expected = np.diff(below, prepend=0.0, append=1.0) * size
    cells = np.searchsorted(edges, draws.numpy(), side="left")
    observed = np.bincount(cells, minlength=len(edges) + 1)
    keep = expected > 1e-6 * size
    assert observed[~keep].sum() <= 5
    statistic = ((observed[keep] - expected[keep]) ** 2 / expected[keep]).sum()
    assert stats.chi2.sf(statistic, keep.sum() - 1) > 1e-3


def check_shapes(make: Callable[[Tensor, Tensor], TorchDistribution]) -> None:
    """Broadcasting, expand, integer values, vmap and a repr, for a distribution with a row and a column parameter."""
    row, column = torch.linspace(-1.0, 2.0, 9), torch.linspace(0.5, 2.0, 4)[:, None]
    dist = make(row, column)
    values = torch.arange(9)
    assert dist.batch_shape == (4, 9)
    assert dist.sample(torch.Size([3])).shape == (3, 4, 9)
    one_by_one = torch.stack([make(row, c.expand(9)).log_prob(values) for c in column])
    torch.testing.assert_close(dist.log_prob(values), one_by_one, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(dist.log_prob(values), dist.log_prob(values.float()), rtol=0, atol=0)
    larger = dist.expand(torch.Size([5, 4, 9]))
    assert larger.batch_shape == (5, 4, 9)
    torch.testing.assert_close(larger.log_prob(values)[3], dist.log_prob(values), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(larger.mean[2], dist.mean)
    assert dist.to_event(1).log_prob(values).shape == (4,)
    mapped = torch.vmap(lambda c: make(row, c).log_prob(values))(column)
    torch.testing.assert_close(mapped, dist.log_prob(values), rtol=1e-5, atol=1e-6)
    gradient = torch.func.vmap(torch.func.grad(lambda r, k: make(r, column[0, 0]).log_prob(k)))(row, values.float())
    assert torch.isfinite(gradient).all()
    assert type(dist).__name__ in repr(dist)


def check_extremes(make: Callable[..., TorchDistribution], *params: list[float]) -> None:
    """Finite values and gradients in float32 for every pairing of the corners of the range."""
    counts = torch.tensor([0.0, 1.0, 100.0, 1e5])
    corners = torch.cartesian_prod(torch.tensor([1e-8, 1.0, 1e6]).log(), *(torch.tensor(p) for p in params))
    columns = [c.contiguous().requires_grad_() for c in corners.view(len(corners), -1).T]
    log_prob = make(*columns).log_prob(counts[:, None])
    assert torch.isfinite(log_prob).all()
    assert (log_prob <= 0).all()
    for gradient in torch.autograd.grad(log_prob.sum(), columns):
        assert torch.isfinite(gradient).all()
