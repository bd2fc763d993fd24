"""What a check reads off a fit, and what it refuses to look at."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from probcost.checks import check
from probcost.checks.evidence import Evidence, gather
from probcost.reading import Reading
from tests.checks.simulated import StubFit, VectorNormal, evidence, poisson, rates


class FakePredictive:
    """Scipy's distribution with torch's face."""

    def __init__(self, distribution: Any, log_prob: str) -> None:
        self.distribution = distribution
        self.score = getattr(distribution, log_prob)
        self.mean = torch.as_tensor(distribution.mean(), dtype=torch.float32)
        self.variance = torch.as_tensor(distribution.var(), dtype=torch.float32)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.as_tensor(self.score(value.numpy()), dtype=torch.float32)

    def cdf(self, value: Tensor) -> Tensor:
        return torch.as_tensor(self.distribution.cdf(value.numpy()), dtype=torch.float32)

    def read(self, value: Tensor) -> Reading:
        counts = self.score.__name__ == "logpmf"
        zero = self.log_prob(torch.zeros_like(value)).exp() if counts else None
        below = self.cdf(value - 1) if counts else self.cdf(value)
        return Reading(self.log_prob(value), self.cdf(value), below, zero, self.mean, self.variance)


def fake_fit(*, discrete: bool = True) -> Any:
    """A fit that predicts rates ``exp(x)``."""

    def predict(x: Tensor) -> FakePredictive:
        rate = x.exp().numpy()
        return FakePredictive(stats.poisson(rate), "logpmf") if discrete else FakePredictive(stats.norm(rate), "logpdf")

    def observations(y: Any) -> Tensor:
        return torch.as_tensor(y, dtype=torch.float32)

    return SimpleNamespace(
        predict=predict,
        observations=observations,
        null_log_prob=lambda y: torch.full(observations(y).shape, -2.0),
        model=SimpleNamespace(likelihood=SimpleNamespace(discrete=discrete, event_dim=0), ordered=False),
        unit_names=["a", "b", "c"],
    )


@pytest.fixture
def x() -> Tensor:
    return torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) / 2


def test_everything_is_read_off_the_fit(x: Tensor) -> None:
    y = torch.poisson(x.exp(), generator=torch.Generator().manual_seed(1))
    rate = x.exp().numpy()
    read = gather(fake_fit(), x, y)
    assert read.discrete
    assert read.unit_names == ["a", "b", "c"]
    np.testing.assert_allclose(read.mean, rate, rtol=1e-6)
    np.testing.assert_allclose(read.log_prob, stats.poisson.logpmf(y, rate), rtol=1e-5)
    np.testing.assert_allclose(read.cdf, stats.poisson.cdf(y, rate), rtol=1e-5)
    np.testing.assert_allclose(read.cdf_below, stats.poisson.cdf(y.numpy() - 1, rate), atol=1e-6)
    assert read.prob_zero is not None
    np.testing.assert_allclose(read.prob_zero, np.exp(-rate), rtol=1e-5)
    assert read.null_log_prob is not None
    assert (read.null_log_prob == -2).all()


def test_check_runs_on_counts_and_on_real_numbers() -> None:
    rng = np.random.default_rng(1)
    rate = rates(rng, 500, 3, 1.0)
    counts, real = StubFit(poisson(rate)), StubFit(stats.norm(rate, 1.0))
    assert check(counts, rate, rng.poisson(rate)).ok
    y = rng.normal(rate, 1.0)
    assert check(real, rate, y).ok
    assert not check(real, rate, 2 * y).ok


def test_rows_that_differ_in_number_state_both(x: Tensor) -> None:
    with pytest.raises(ValueError, match="x has 500 rows and y has 499 rows"):
        check(fake_fit(), x, torch.zeros(499, 3))


class SampledRegions(StubFit):
    """Regions found from samples, as the predictive of a mixture does."""

    def region(self, y: Tensor, n: int) -> Tensor:
        samples = torch.tensor(self.distribution.rvs(np.random.default_rng(3), (n,)))
        denser = [self.log_prob(sample) > self.log_prob(y) for sample in samples]
        return torch.stack(denser).double().mean(0)


def test_vectors_are_read_with_their_regions() -> None:
    rng = np.random.default_rng(0)
    model = VectorNormal(rng.normal(size=(300, 2)), np.array([[1.0, 0.8], [0.8, 1.0]]))
    y = model.rvs(rng)
    exact, sampled = gather(StubFit(model), y, y), gather(SampledRegions(model), y, y)
    assert exact.vectors
    assert exact.log_prob.shape == (300,)
    assert exact.region is not None
    assert exact.region is exact.region_below
    np.testing.assert_allclose(exact.region, model.region(y))
    # Samples tell the content to one step of as many as there are, and one more.
    assert sampled.region is not None
    assert sampled.region_below is not None
    np.testing.assert_allclose(sampled.region - sampled.region_below, 1 / 201)
    np.testing.assert_allclose(sampled.region, exact.region, atol=0.15)
    assert check(StubFit(model), y, y).ok
    with pytest.raises(ValueError, match=r"region\[2\] is 1.5; it must be a probability"):
        replace(exact, region=np.where(np.arange(300) == 2, 1.5, exact.region))


@pytest.fixture(scope="module")
def good() -> Evidence:
    rng = np.random.default_rng(0)
    model = poisson(rates(rng, 40, 3, 1.0))
    return evidence(model, model.rvs(random_state=rng), null=poisson(np.ones((40, 3))))


def spoiled(array: Any, value: float) -> Any:
    copy = array.copy()
    copy[2, 1] = value
    return copy


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mean", lambda a: a[:39], r"mean has shape \[39, 3\] and y has shape \[40, 3\]"),
        ("prob_zero", lambda a: a[:, :2], r"prob_zero has shape \[40, 2\] and y has shape \[40, 3\]"),
        ("unit_names", lambda a: a[:2], r"unit_names has 2 names and y has 3 units"),
        ("y", lambda a: a[0], r"y has shape \[3\]"),
        ("y", lambda a: a[:1], r"y has shape \[1, 3\]; a check needs \[T, N\] with at least 2 rows"),
        ("y", lambda a: spoiled(a, np.nan), r"y\[2, 1\] is nan; it must be finite"),
        ("log_prob", lambda a: spoiled(a, np.nan), r"log_prob\[2, 1\] is nan"),
        ("cdf", lambda a: spoiled(a, 1.2), r"cdf\[2, 1\] is 1.2; it must be a probability"),
        ("cdf", lambda a: spoiled(a, np.nan), r"cdf\[2, 1\] is nan; it must be a probability"),
        ("cdf_below", lambda a: spoiled(a, 0.9999), r"cdf_below\[2, 1\] is 0.9999; it must be at most cdf"),
        ("log_prob", lambda a: a.astype(np.float32), r"log_prob is float32; float64 is needed"),
    ],
)
def test_evidence_that_cannot_be_is_named(good: Evidence, name: str, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(good, **{name: change(getattr(good, name))})
