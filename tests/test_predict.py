"""Predictions: mixtures scored as mixtures, the same in one chunk or many, replicated data that follow the likelihood."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import probcost as pc
import probcost.predict as predict_module
from probcost.predict import Predictive
from tests.test_model import small_data, small_model


def predictive(rows: int = 40, draws: int = 6, name: str = "negative_binomial") -> tuple[Predictive, torch.Tensor]:
    model, (x, y) = small_model(name, pc.priors.Normal(0.5)), small_data(rows)
    torch.manual_seed(3)
    sampled = {name: p.detach() + 0.3 * torch.randn(draws, *p.shape) for name, p in model.named_parameters()}
    return Predictive(model, x, sampled if draws else {}), y


def test_the_mixture_is_a_mixture() -> None:
    mixture, y = predictive()
    each = mixture.pointwise(y)
    assert each.shape == (6, 40, 2)
    assert torch.allclose(mixture.log_prob(y), each.exp().mean(0).log(), atol=1e-5)
    k = torch.arange(300.0)[:, None, None].expand(300, 40, 2)
    p = torch.stack([mixture.log_prob(step) for step in k]).exp()
    assert torch.allclose(p.sum(0), torch.ones(40, 2), atol=1e-4)
    assert torch.allclose(mixture.mean, (k * p).sum(0), rtol=1e-3)
    assert torch.allclose(mixture.variance, ((k - mixture.mean) ** 2 * p).sum(0), rtol=5e-3)
    assert torch.allclose(mixture.cdf(torch.tensor(3.0)), p[:4].sum(0), atol=1e-4)


@pytest.mark.parametrize("draws", [0, 6])
def test_chunks_do_not_show(draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, y = predictive(draws=draws)
    at_once = (whole.mean, whole.variance, whole.log_prob(y), whole.cdf(y), whole.pointwise(y))
    monkeypatch.setattr(predict_module, "_CHUNK", 60)
    in_parts = (whole.mean, whole.variance, whole.log_prob(y), whole.cdf(y), whole.pointwise(y))
    for a, b in zip(at_once, in_parts, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("draws", [0, 6])
@pytest.mark.parametrize("name", list(pc.likelihoods.NAMES))
def test_one_pass_reads_what_the_methods_say(name: str, draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, y = predictive(draws=draws, name=name)
    y[3] += 7
    counts, vectors = whole.model.likelihood.discrete, whole.model.likelihood.event_dim
    monkeypatch.setattr(predict_module, "_CHUNK", 60)
    read = whole.read(y, by_draw=True)
    torch.testing.assert_close(read.log_prob, whole.log_prob(y), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(read.cdf, whole.cdf(y))
    torch.testing.assert_close(read.mean, whole.mean)
    torch.testing.assert_close(read.variance, whole.variance)
    below = whole.cdf((y - 1).clamp(min=0)) * (y > 0) if counts else whole.cdf(y)
    torch.testing.assert_close(read.cdf_below, below)
    assert (read.prob_zero is not None) == counts
    if read.prob_zero is not None:
        torch.testing.assert_close(read.prob_zero, whole.cdf(0 * y))
    pointwise = whole.pointwise(y) if vectors else whole.pointwise(y).sum(-1)
    assert read.by_draw is not None
    torch.testing.assert_close(read.by_draw, pointwise)
    torch.testing.assert_close(whole.by_draw(y), pointwise)
    assert whole.read(y, moments=False)[-3:] == (None, None, None)


def test_an_observation_that_no_draw_allows_has_no_probability() -> None:
    rate = torch.tensor([0.0, -1e30])[:, None, None].expand(2, 1, 2)
    model = pc.CostModel(nn.Linear(1, 2), pc.likelihoods.Poisson(2))
    draws = {"network.weight": torch.zeros(2, 2, 1), "network.bias": rate[:, 0]}
    y = torch.tensor([[500.0, 1.0]])
    some, none = Predictive(model, torch.zeros(1, 1), draws), {k: v[1:] for k, v in draws.items()}
    torch.testing.assert_close(some.read(y).log_prob, some.log_prob(y))
    assert float(some.read(y).log_prob[0, 0]) < -2000
    assert float(Predictive(model, torch.zeros(1, 1), none).read(y).log_prob[0, 1]) <= -1e30


@pytest.mark.parametrize("draws", [0, 6])
def test_samples_have_the_predictive_moments(draws: int) -> None:
    mixture, _ = predictive(draws=draws)
    n = 4000
    samples = mixture.sample((n,))
    assert samples.shape == (n, 40, 2)
    z = (samples.mean(0) - mixture.mean) / (mixture.variance / n).sqrt()
    assert float(z.abs().max()) < 5
    assert float(samples.var(0).sum() / mixture.variance.sum()) == pytest.approx(1, abs=0.05)
    assert torch.equal(samples, mixture.sample((n,)))


def test_each_replicate_is_one_draw_over_all_rows() -> None:
    mixture, _ = predictive(rows=3000, draws=2)
    replicates = mixture.sample((2,)).mean((1, 2))
    expected = torch.stack([c.mean.mean((1, 2)) for _, c in mixture._components()]).mean(0)
    assert torch.allclose(replicates.sort().values, expected.sort().values, rtol=0.1)


def test_summaries_are_those_of_the_samples() -> None:
    mixture, _ = predictive()
    samples, summary = mixture.sample((501,)), mixture.summarize(501, (0.1, 0.5))
    assert torch.allclose(summary.mean, samples.mean(0))
    assert torch.allclose(summary.sd, samples.std(0, correction=0), atol=1e-5)
    assert torch.equal(summary.quantiles[1], samples.median(0).values)
    assert torch.equal(summary.quantiles[0], samples.sort(0).values[50])


def test_repr_and_alignment() -> None:
    mixture, _ = predictive()
    assert repr(mixture) == "Predictive(NegativeBinomial, 40 rows × 2 units, mixture of 6 draws)"
    assert mixture.log_prob(torch.tensor(0.0)).shape == (40, 2)
    for wrong in ((39, 2), (2,), (40,), (5, 40, 2)):
        with pytest.raises(ValueError, match=r"40 rows were predicted, so \[40, 2\] is needed"):
            mixture.log_prob(torch.zeros(wrong))
    assert not math.isnan(float(mixture.mean.sum()))
    x, y = torch.randn(30, 1), torch.randn(30)
    alone = pc.fit(
        pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Normal(1, 1.0)), x, y, optimizer="lbfgs", progress=False
    )
    assert torch.equal(alone.predict(x).log_prob(y), alone.predict(x).log_prob(y[:, None]))  # y as it was fitted


@pytest.mark.parametrize("draws", [0, 6])
def test_scored_chunks_are_the_samples_and_their_scores(draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = predictive(draws=draws)
    monkeypatch.setattr(predict_module, "_CHUNK", 300)
    seen = 0
    for rows, samples, log_prob in whole.scored_chunks(9, 4):
        assert samples.shape == (9, rows.stop - rows.start, 2)
        assert len(log_prob) == 4
        for replicate, scored in zip(samples, log_prob, strict=False):
            everywhere = torch.zeros(40, 2)
            everywhere[rows] = replicate
            torch.testing.assert_close(scored, whole.log_prob(everywhere)[rows])
        seen += rows.stop - rows.start
    assert seen == 40
