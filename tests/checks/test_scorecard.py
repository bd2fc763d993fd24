"""Every score against its definition; what is printed reads well, and says what a calibrated model would show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import probcost as pc
from probcost.checks.score_result import Score
from tests.checks.simulated import StubFit, VectorNormal, poisson, rates

T = 800
COVARIANCE = np.array([[1.0, 0.8, 0.0], [0.8, 2.0, 0.3], [0.0, 0.3, 0.5]])


def scored(model: Any, y: Any, **options: Any) -> Score:
    return pc.score(StubFit(model, **options), np.zeros((len(y), 1)), y)


@pytest.fixture(scope="module")
def normal() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    model = stats.norm(rng.normal(size=(T, 2)), np.exp(0.5 * rng.normal(size=(T, 2))))
    return model, model.rvs(random_state=rng)


@pytest.fixture(scope="module")
def vectors() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    model = VectorNormal(rng.normal(size=(T, 3)), COVARIANCE)
    return model, model.rvs(rng)


def test_independent_units_are_scored_entry_by_entry(normal: Any) -> None:
    model, y = normal
    result = scored(model, y)
    nll = -model.logpdf(y)
    assert result.n == 2 * T
    assert result.nll == pytest.approx(nll.mean())
    assert result.nll_error == pytest.approx(nll.mean(axis=1).std(ddof=1) / np.sqrt(T))
    assert result.rmse == pytest.approx(np.sqrt(((y - model.mean()) ** 2).mean()))
    assert result.sharpness == pytest.approx(model.std().mean())
    assert result.worst.nll == pytest.approx(nll.max())
    assert result.worst.unit == str(nll.max(axis=0).argmax())
    assert result.coverage[0.9] == pytest.approx((np.abs(y - model.mean()) < 1.6449 * model.std()).mean(), abs=1e-3)
    np.testing.assert_allclose(result.per_row["nll"], nll.sum(axis=1))


def test_vectors_are_scored_row_by_row(vectors: Any) -> None:
    model, y = vectors
    result = scored(model, y)
    nll = -model.logpdf(y)
    assert result.n == T
    assert result.nll == pytest.approx(nll.mean())
    assert result.nll_error == pytest.approx(nll.std(ddof=1) / np.sqrt(T))
    assert result.rmse == pytest.approx(np.sqrt(((y - model.location) ** 2).sum(axis=1).mean()))
    assert result.worst == (nll.argmax(), None, pytest.approx(nll.max()))
    assert result.coverage[0.5] == pytest.approx((model.region(y) <= 0.5).mean())
    assert result.per_row["energy_score"].shape == (T,)
    np.testing.assert_array_equal(result.content, model.region(y))


@pytest.mark.parametrize("kind", ["normal", "vectors"])
def test_a_true_model_scores_what_it_expects(kind: str, request: Any) -> None:
    result = scored(*request.getfixturevalue(kind))
    assert result.nll == pytest.approx(result.expected["nll"], abs=4 * result.nll_error)
    for name in ("rmse", "crps", "energy_score"):
        assert getattr(result, name) == pytest.approx(result.expected[name], rel=0.1)
    for nominal, share in result.coverage.items():
        assert share == pytest.approx(nominal, abs=4 * np.sqrt(nominal * (1 - nominal) / result.n))


def test_a_model_too_sure_of_itself_scores_worse_than_it_expects(vectors: Any) -> None:
    model, y = vectors
    result = scored(VectorNormal(model.location, COVARIANCE / 2), y)
    assert result.nll > result.expected["nll"] + 4 * result.nll_error
    assert result.energy_score > 1.1 * result.expected["energy_score"]
    assert result.coverage[0.9] < 0.8


def test_of_one_unit_the_energy_score_is_the_crps() -> None:
    model = stats.norm(np.zeros((50, 1)), 1.0)
    result = scored(model, model.rvs(random_state=np.random.default_rng(2)))
    assert result.energy_score == result.crps


def test_counts_are_scored_as_well() -> None:
    rng = np.random.default_rng(3)
    model = poisson(rates(rng, T, 4, 1.0))
    result = scored(model, model.rvs(random_state=rng), ordered=True)
    assert result.nll == pytest.approx(result.expected["nll"], abs=5 * result.nll_error)
    assert result.coverage[0.9] == pytest.approx(0.9, abs=0.03)
    assert result.per_row["nll"].std(ddof=1) / np.sqrt(T) / 4 == pytest.approx(result.nll_error, rel=0.7)


def test_a_prediction_without_variance_is_called_so() -> None:
    model = stats.t(np.where(np.arange(T) < 10, 1.5, 30.0)[:, None] * np.ones((1, 2)))
    result = scored(model, model.rvs(random_state=np.random.default_rng(4)))
    assert result.sharpness == np.inf
    assert "20 of 1,600 predictions have no finite variance (heavy tails); the others' mean" in str(result)
    assert np.isfinite([result.nll, result.crps, result.energy_score]).all()
    result.plot()


def test_an_observation_held_impossible_costs_infinitely() -> None:
    model = poisson(np.where(np.arange(20)[:, None] == 3, 0.0, 1.0))
    result = scored(model, np.ones((20, 1)))
    assert result.nll == np.inf
    assert result.worst == (3, "0", np.inf)
    assert np.isnan(result.nll_error)


@pytest.mark.parametrize("kind", ["normal", "vectors"])
def test_the_frame_holds_what_is_printed(kind: str, request: Any) -> None:
    result = scored(*request.getfixturevalue(kind))
    frame, text, html = result.to_frame(), str(result), result._repr_html_()
    assert list(frame.columns) == ["found", "error", "if_calibrated", "unit"]
    assert frame.found["NLL"] == result.nll
    assert frame.if_calibrated["CRPS"] == result.expected["crps"]
    for name in frame.index:
        assert name in text
        assert name in html
    assert ("nats per row of 3" if kind == "vectors" else "nats per observation") in text
    assert repr(result) == text
    assert max(map(len, text.splitlines())) <= 96


def test_the_same_seed_gives_the_same_numbers(vectors: Any) -> None:
    model, y = vectors
    first, again, other = (pc.score(StubFit(model), y, y, seed=seed) for seed in (0, 0, 1))
    assert str(first) == str(again)
    assert first.energy_score != other.energy_score


def test_a_fit_is_scored_as_it_predicts() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 2)
    y = torch.poisson((x @ torch.tensor([[0.5, 0.0], [0.0, 0.5]])).exp())
    fit = pc.fit(pc.CostModel(torch.nn.Linear(2, 2), pc.likelihoods.Poisson(2)), x, y, epochs=30, progress=False)
    result = pc.score(fit, x, y)
    assert result.nll == pytest.approx(-float(fit.predict(x).log_prob(y).mean()), rel=1e-5)
    assert result.model == "Poisson by map"


@pytest.mark.parametrize("kind", ["normal", "vectors"])
def test_the_picture_says_whether_the_model_is_calibrated(kind: str, request: Any) -> None:
    from matplotlib.colors import to_hex

    from probcost.style import COLOURS

    model, y = request.getfixturevalue(kind)
    for factor, colour in ((1.0, "model"), (1.5, "alert")):
        centre = model.location if kind == "vectors" else model.mean()
        reliability, histogram, spread = scored(model, centre + factor * (y - centre)).plot().axes
        assert to_hex(reliability.lines[-1].get_color()).upper() == COLOURS[colour]
        assert histogram.patches
        observed = np.concatenate([line.get_ydata() for line in spread.lines if line.get_marker() == "o"])
        predicted = np.concatenate([line.get_xdata() for line in spread.lines if line.get_marker() == "o"])
        assert np.median(observed / predicted) == pytest.approx(factor, rel=0.1)
