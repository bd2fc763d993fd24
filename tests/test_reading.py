"""Distributions of Pyro's that have no cdf: their PITs are uniform all the same, and every check takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.distributions import constraints

import probcost as pc
from probcost.checks.pit import randomized_pit
from probcost.reading import cdf_step


class Own(pc.likelihoods.Likelihood):
    """A likelihood of a user's own around any distribution."""

    site, equation, discrete, support = "own", "y", False, constraints.real
    symbols: dict[str, str] = {}  # noqa: RUF012

    def __init__(
        self, make: Callable[[Tensor], Any], *, discrete: bool, n_units: int = 1, vectors: bool = False
    ) -> None:
        super().__init__(n_units, n_units)
        self.make = make
        self.discrete = discrete  # type: ignore[misc]
        self.support = constraints.nonnegative if discrete else constraints.real  # type: ignore[misc]
        self.event_dim = int(vectors)

    def forward(self, raw: Tensor) -> Any:
        return self.make(raw)

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        return torch.zeros_like(mean)


WITHOUT_CDF = {
    "Poisson": (lambda raw: dist.Poisson(raw.exp()), True),
    "NegativeBinomial": (lambda raw: dist.NegativeBinomial(torch.tensor(3.0), logits=raw), True),
    "Bernoulli": (lambda raw: dist.Bernoulli(logits=raw), True),
    "StudentT": (lambda raw: dist.StudentT(torch.tensor(5.0), raw), False),
    "Beta": (lambda raw: dist.Beta(raw.exp(), torch.tensor(2.0)), False),
}


@pytest.mark.parametrize("largest", [3, 100_000])
@pytest.mark.parametrize("draws", [1, 4])
def test_a_step_of_counts_is_scipys(draws: int, largest: int) -> None:
    torch.manual_seed(0)
    y, rate = torch.randint(0, largest, (60, 2)).float(), largest / 2 * (1 + torch.rand(draws, 60, 2))
    below, cdf = cdf_step(dist.Poisson(rate), y, discrete=True)
    tolerance = 1e-5 if largest < 1000 else 0.15  # masses are added, or samples counted
    np.testing.assert_allclose(cdf, stats.poisson(rate.numpy()).cdf(y.numpy()).mean(0), atol=tolerance)
    np.testing.assert_allclose(below, stats.poisson(rate.numpy()).cdf(y.numpy() - 1).mean(0), atol=tolerance)


@pytest.mark.parametrize("draws", [1, 5])
def test_a_rank_among_samples_is_uniform_under_the_model(draws: int) -> None:
    torch.manual_seed(1)
    location = torch.randn(draws, 6000, 1)
    each = dist.StudentT(torch.tensor(4.0), location)
    y = each.sample().gather(0, torch.randint(draws, (1, 6000, 1)))[0]
    below, cdf = cdf_step(each, y, discrete=False)
    assert stats.kstest(randomized_pit(cdf.numpy(), below.numpy(), 0).ravel(), "uniform").pvalue > 0.001
    exact = stats.t(4, location.numpy()).cdf(y.numpy()).mean(0)
    assert np.abs((below + cdf).numpy() / 2 - exact).max() < 0.2
    wrong = cdf_step(each, y + 0.3, discrete=False)[0]
    assert stats.kstest(wrong.ravel(), "uniform").pvalue < 1e-6


@pytest.mark.parametrize("name", list(WITHOUT_CDF))
def test_every_check_takes_a_distribution_without_cdf(name: str) -> None:
    make, discrete = WITHOUT_CDF[name]
    torch.manual_seed(2)
    x, network = torch.randn(200, 2), nn.Linear(2, 1)
    with torch.no_grad():
        y = make(network(x)).sample()
    fit = pc.as_fit(pc.CostModel(network, Own(make, discrete=discrete)), x, y)
    assert pc.check(fit, x, y).corrected.min() > 0.001
    assert min(found.p_corrected for found in pc.diagnose(fit, x, y).findings) > 0.001
    assert np.isfinite(pc.score(fit, x, y).nll)
    assert pc.compare({"a": fit, "b": fit}, x, y).tied == ("a", "b")
    # The fit's own replicates must not be ranked among themselves.
    assert pc.check(fit, x, fit.sample(x, 1)[0]).corrected.min() > 0.001


def test_a_diagnosis_takes_vectors_without_cdf() -> None:
    def make(raw: Tensor) -> Any:
        return dist.MultivariateStudentT(torch.tensor(8.0), raw, torch.tensor([[1.0, 0.0], [0.8, 0.6]]))

    torch.manual_seed(3)
    x, network = torch.randn(200, 2), nn.Linear(2, 2)
    with torch.no_grad():
        y = make(network(x)).sample()
    fit = pc.as_fit(pc.CostModel(network, Own(make, discrete=False, n_units=2, vectors=True)), x, y)
    assert pc.check(fit, x, y).corrected.min() > 0.001
    assert min(found.p_corrected for found in pc.diagnose(fit, x, y).findings) > 0.001
