"""Groups are judged each by itself, tails on both sides, and scores are shown beside what is expected of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

import probcost as pc
from probcost.checks.calibration import calibration
from probcost.checks.result import Check, Line
from tests.checks.simulated import StubFit, VectorNormal, evidence, poisson, rates, vector_evidence

ROWS, UNITS = 1200, 3


def line(check: Check, name: str) -> Line:
    return next(line for line in check.lines if line.name == name)


@pytest.fixture(scope="module")
def normal() -> Any:
    rng = np.random.default_rng(0)
    model = stats.norm(rng.normal(size=(ROWS, UNITS)), 1.0)
    return model, model.rvs(random_state=rng), np.array([f"day {i}" for i in rng.integers(0, 8, ROWS)])


def test_a_group_that_is_off_is_named(normal: Any) -> None:
    model, y, groups = normal
    off = y + 0.4 * (groups == "day 5")[:, None]
    check = calibration(evidence(model, off, null=stats.norm(np.zeros(y.shape), 1.5)), groups=groups)
    assert {each.name for each in check.rejected} >= {"group by group"}
    assert "most in day 5: +0." in line(check, "group by group").verdict
    frame = check.by_group
    assert frame.p_corrected.idxmin() == "day 5"
    assert (frame.p_corrected < 0.05).sum() == 1
    assert frame.bias["day 5"] == pytest.approx(0.4, abs=0.12)
    assert frame.rows.sum() == ROWS
    assert frame.loc["day 1", "rows"] == (groups == "day 1").sum()
    inside = np.abs(2 * model.cdf(off) - 1)[groups == "day 2"] < 0.9
    assert frame.coverage_90["day 2"] == pytest.approx(inside.mean())
    gain = (model.logpdf(off) - stats.norm(0, 1.5).logpdf(off))[groups == "day 2"]
    assert frame.gain["day 2"] == pytest.approx(gain.mean())


def test_a_true_model_holds_in_every_group_and_the_figure_shows_them(normal: Any) -> None:
    model, y, groups = normal
    check = calibration(evidence(model, y), groups=groups)
    assert line(check, "group by group").verdict == "as expected"
    worth = check.by_group.effective / (UNITS * check.by_group.rows)
    assert worth.between(0.8, 1.0).all()
    panel = check.plot().axes[-1]
    assert panel.get_title(loc="left") == "Bias of each group: 0 if calibrated"
    assert sum(len(dots.get_offsets()) for dots in panel.collections) == 8  # type: ignore[arg-type, misc]
    assert len(calibration(evidence(model, y)).plot().axes) == 4


def test_groups_of_one_row(normal: Any) -> None:
    model, y, _ = normal
    check = calibration(evidence(model, y), groups=np.arange(ROWS))
    assert check.by_group.dispersion.isna().all()
    assert (check.by_group.rows == 1).all()
    assert line(check, "group by group").p_value > 0.001
    assert check.plot()


def test_groups_of_vectors_are_judged_by_their_regions() -> None:
    rng = np.random.default_rng(1)
    model = VectorNormal(rng.normal(size=(600, 2)), np.array([[1.0, 0.8], [0.8, 1.0]]))
    y, groups = model.rvs(rng), np.repeat([0, 1, 2], 200)
    y[groups == 1] = model.location[groups == 1] + 1.5 * (y - model.location)[groups == 1]
    check = calibration(vector_evidence(model, y), groups=groups)
    assert "most in 1: " in line(check, "group by group").verdict
    assert list(check.by_group.p_corrected < 0.05) == [False, True, False]


def test_without_groups_there_is_no_frame_of_them(normal: Any) -> None:
    model, y, _ = normal
    with pytest.raises(ValueError, match=r"give it one label a row: check\(fit, x, y, groups=labels\)"):
        _ = calibration(evidence(model, y)).by_group


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["a"] * 7, r"groups has shape \[7\] and y has 1,200 rows; one label a row is needed"),
        (np.zeros((ROWS, 2)), r"groups has shape \[1200, 2\] and y has 1,200 rows"),
        ([None if i == 4 else "a" for i in range(ROWS)], r"groups\[4\] is missing"),
        ([np.nan if i == 9 else 1.0 for i in range(ROWS)], r"groups\[9\] is missing"),
    ],
)
def test_bad_groups_are_named(normal: Any, groups: Any, words: str) -> None:
    model, y, _ = normal
    with pytest.raises(ValueError, match=words):
        pc.check(StubFit(model), np.zeros((ROWS, 1)), y, groups=groups)


def test_heavy_tails_and_which_side_they_are_on(normal: Any) -> None:
    model, y, _ = normal
    residual = y - model.mean()
    far = evidence(model, model.mean() + np.where(residual > 2.0, residual + 1.0, residual))
    verdict = line(calibration(far), "tails").verdict
    assert verdict.endswith("unequal tails")
    below = (model.cdf(far.y) < 0.005).sum()
    assert f": {below} below and " in verdict
    heavy = evidence(model, model.mean() + stats.t(3).rvs(y.shape, random_state=np.random.default_rng(2)))
    assert line(calibration(heavy), "tails").verdict.endswith("tails heavier than predicted")
    light = evidence(model, model.mean() + np.clip(residual, -2, 2))
    assert (
        line(calibration(light), "tails").verdict
        == "0 of 3,600 (0 %) lie beyond the central 99 %: tails lighter than predicted"
    )


def test_scores_stand_above_the_table() -> None:
    rng = np.random.default_rng(3)
    model = poisson(rates(rng, 400, 2, 1.0))
    y, x = model.rvs(random_state=rng), np.zeros((400, 1))
    check = pc.check(StubFit(model), x, y)
    scores = check.scores
    assert scores is not None
    assert scores.log_score == pytest.approx(model.logpmf(y).mean())
    assert scores.expected["log_score"] == pytest.approx(scores.log_score, abs=5 * scores.log_score_error)
    assert scores.expected["crps"] == pytest.approx(scores.crps, rel=0.1)
    assert str(check).splitlines()[2].startswith(f"Log score {scores.log_score:.4g} ± ")
    assert "CRPS" in check._repr_html_()


def test_scores_of_many_observations_come_from_some_of_their_rows() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 1))
    y = rng.poisson(np.exp(0.3 * x + np.zeros(200)))
    model = pc.CostModel(torch.nn.Linear(1, 200), pc.likelihoods.Poisson(200))
    fit = pc.fit(model, x, y, epochs=30, lr=0.05, progress=False)
    scores = pc.check(fit, pd.DataFrame(x), y).scores
    assert scores is not None
    assert (scores.rows, scores.of) == (100, 400)
    assert scores.log_score == pytest.approx(fit.predict(x).log_prob(torch.tensor(y)).mean().item(), rel=1e-5)
    assert scores.expected["log_score"] == pytest.approx(scores.log_score, abs=0.05)
    assert "from 100 rows" in str(scores)


def test_the_log_score_of_a_table_has_the_error_of_its_rows_in_check_and_score() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 2)
    y = x[:, :1] + torch.randn(400, 1)
    fit = pc.fit(pc.CostModel(nn.Linear(2, 2), pc.likelihoods.Normal(1)), x, y, optimizer="lbfgs", progress=False)
    check = pc.check(fit, x, y)
    assert check.scores is not None
    assert check.scores.log_score_error == pytest.approx(pc.score(fit, x, y).nll_error)
    assert "PIT, unit by unit" not in [line.name for line in check.lines]
