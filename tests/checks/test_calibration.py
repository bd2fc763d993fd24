"""What is wrong is found and named right; what a check returns reads well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from probcost.checks.calibration import calibration
from probcost.checks.result import Check, Line
from tests.checks.simulated import (
    ConwayMaxwell,
    VectorNormal,
    evidence,
    negative_binomial,
    poisson,
    rates,
    vector_evidence,
)

T, N = 4000, 20


@pytest.fixture(scope="module")
def mean() -> Any:
    return rates(np.random.default_rng(0), T, N, 2.0)


def line(check: Check, name: str) -> Line:
    return next(line for line in check.lines if line.name == name)


def rejected(check: Check) -> set[str]:
    return {line.name for line in check.rejected}


def test_a_true_model_is_calibrated_and_better_than_the_null(mean: Any) -> None:
    y = poisson(mean).rvs(random_state=np.random.default_rng(1))
    check = calibration(evidence(poisson(mean), y, null=poisson(mean.mean(0))))
    assert check.ok
    assert "better than the null model by" in line(check, "log score − null").verdict
    assert str(check).startswith("Calibrated: nothing speaks against the model (4,000 × 20 counts")


def test_over_dispersion_is_found_and_measured(mean: Any) -> None:
    true = negative_binomial(mean, 0.2)
    y = true.rvs(random_state=np.random.default_rng(2))
    check = calibration(evidence(poisson(mean), y))
    ratio = (true.var().sum()) / mean.sum()
    assert {"PIT, all units", "dispersion", "90 % interval", "95 % interval", "zeros"} <= rejected(check)
    found = line(check, "dispersion").verdict
    assert found.startswith("over-dispersed: variance of quantile residuals is 1.")
    assert float(found.split("errors are ")[1].split()[0]) == pytest.approx(ratio, rel=0.05)
    assert "predictions too narrow" in line(check, "PIT, all units").verdict
    assert "intervals too narrow" in line(check, "90 % interval").verdict
    assert calibration(evidence(true, y)).ok


def test_under_dispersion_is_found_and_measured(mean: Any) -> None:
    true = ConwayMaxwell(mean, 1.5)
    y = true.rvs(random_state=np.random.default_rng(3))
    check = calibration(evidence(poisson(true.mean()), y))
    found = line(check, "dispersion").verdict
    assert "dispersion" in rejected(check)
    assert found.startswith("under-dispersed: variance of quantile residuals is 0.")
    assert float(found.split("errors are ")[1].split()[0]) == pytest.approx(
        true.var().sum() / true.mean().sum(), rel=0.05
    )
    assert "intervals too wide" in line(check, "90 % interval").verdict
    assert check.units.fano.median() == pytest.approx(true.var().sum() / true.mean().sum(), rel=0.05)
    assert calibration(evidence(true, y)).ok


def test_extra_zeros_are_found_and_counted(mean: Any) -> None:
    rng = np.random.default_rng(4)
    y = poisson(mean / 0.85).rvs(random_state=rng) * (rng.random(mean.shape) < 0.85)
    check = calibration(evidence(poisson(mean), y))
    assert "zeros" in rejected(check)
    percent = 100 * ((y == 0).sum() / np.exp(-mean).sum() - 1)
    assert line(check, "zeros").verdict == f"too many zeros: {percent:.2g} % more than predicted"


def test_a_wrong_mean_is_no_wrong_spread(mean: Any) -> None:
    scale = np.ones(mean.shape)
    y = stats.norm(mean + 0.2, scale).rvs(random_state=np.random.default_rng(5))
    check = calibration(evidence(stats.norm(mean, scale), y))
    assert line(check, "PIT, all units").verdict == "observations lie higher than predicted"
    assert line(check, "dispersion").verdict == "as expected"
    assert "zeros" not in {line.name for line in check.lines}


def test_heavy_tails_are_told_from_plain_over_dispersion() -> None:
    scale = np.ones((T, N))
    y = stats.t(4).rvs((T, N), random_state=np.random.default_rng(6)) * np.sqrt(0.3)
    y[0, 0] = 300.0
    check = calibration(evidence(stats.norm(0 * scale, scale), y))
    assert line(check, "dispersion").verdict.startswith(
        "under-dispersed in the bulk: variance of quantile residuals is 0."
    )


def test_a_model_without_variance_is_still_checked() -> None:
    true = stats.t(1, loc=np.zeros((T, 2)))
    y = true.rvs(random_state=np.random.default_rng(7))
    assert calibration(evidence(true, y)).ok
    check = calibration(evidence(true, 3 * y))
    assert "over-dispersed: variance of quantile residuals is 2.03, 1 predicted" in line(check, "dispersion").verdict


def test_a_model_worse_than_the_null_is_rejected(mean: Any) -> None:
    y = poisson(mean.mean(0) + 0 * mean).rvs(random_state=np.random.default_rng(8))
    check = calibration(evidence(poisson(mean), y, null=poisson(mean.mean(0))))
    assert "log score − null" in rejected(check)
    assert line(check, "log score − null").verdict.startswith("worse than the null model by")


def test_an_observation_held_impossible_is_infinitely_worse() -> None:
    rate = np.full((50, 2), 1e-9)
    rate[3, 1] = 0.0
    y = np.zeros((50, 2))
    y[3, 1] = 1
    check = calibration(evidence(poisson(rate), y, null=poisson(rate + 0.02)))
    assert line(check, "log score − null").verdict == "worse than the null model infinitely"


def test_each_unit_is_judged_by_itself(mean: Any) -> None:
    rng = np.random.default_rng(9)
    y = poisson(mean).rvs(random_state=rng)
    y[:, 7] = negative_binomial(mean[:, 7], 0.5).rvs(random_state=rng)
    units = calibration(evidence(poisson(mean), y, null=poisson(mean.mean(0)))).units
    assert list(units.index) == [str(i) for i in range(N)]
    assert units.residual_variance_p.idxmin() == "7"
    assert units.variance_ratio["7"] == pytest.approx(2.2, rel=0.2)
    assert units.zeros["7"] == (y[:, 7] == 0).sum()
    assert units.predicted_zeros["7"] == pytest.approx(np.exp(-mean[:, 7]).sum())
    assert (units.gain > 4 * units.gain_se).all()


def test_the_frame_holds_what_is_printed(mean: Any) -> None:
    y = negative_binomial(mean, 0.2).rvs(random_state=np.random.default_rng(10))
    check = calibration(evidence(poisson(mean), y, null=poisson(mean.mean(0))))
    frame, text, html = check.to_frame(), str(check), check._repr_html_()
    assert list(frame.columns) == [
        "belief",
        "statistic",
        "expected",
        "p_value",
        "p_corrected",
        "design_effect",
        "verdict",
    ]
    assert len(frame) == 10
    assert max(map(len, text.splitlines())) <= 96
    for name, row in frame.iterrows():
        assert str(name) in text
        assert row.verdict[:40] in " ".join(text.split())  # which may break a line within it
        assert row.belief in html
    assert text.startswith("Not calibrated: the data reject the model on ")
    assert repr(check) == text


def test_the_same_seed_gives_the_same_numbers(mean: Any) -> None:
    y = poisson(mean).rvs(random_state=np.random.default_rng(11))
    shown = [str(calibration(evidence(poisson(mean), y), seed=seed)) for seed in (3, 3, 4)]
    assert shown[0] == shown[1] != shown[2]


def test_intervals_too_narrow_by_a_fifth_are_found() -> None:
    model = stats.norm(np.zeros((400, 2)), 0.8)
    y = model.mean() + np.random.default_rng(12).normal(size=(400, 2))
    check = calibration(evidence(model, y))
    assert {"PIT, all units", "90 % interval", "dispersion"} <= rejected(check)
    assert line(check, "dispersion").verdict.startswith("over-dispersed: variance of quantile residuals is 1.")


def test_heavy_tails_under_a_normal_are_named() -> None:
    model = stats.norm(np.zeros((600, 2)), np.sqrt(3))
    y = stats.t(3).rvs((600, 2), random_state=np.random.default_rng(13))
    check = calibration(evidence(model, y))
    assert "PIT, all units" in rejected(check)
    assert line(check, "PIT, all units").verdict.endswith("tails heavier than predicted")


def test_a_missing_correlation_is_found_and_its_pair_named() -> None:
    true = VectorNormal(np.zeros((300, 4)), np.eye(4) + 0.5 * (np.eye(4)[[0, 3, 2, 1]] - np.diag([1, 0, 1, 0])))
    y = true.rvs(np.random.default_rng(14))
    check = calibration(evidence(true.marginals, y))
    assert rejected(check) == {"largest correlation"}
    found = line(check, "largest correlation").verdict
    assert found.startswith("1 of 6 pairs depend on each other, most units 1 and 3: correlation 0.")
    assert found.endswith("beyond what the inputs explain")
    assert calibration(vector_evidence(true, y)).ok


def test_a_true_model_of_correlated_vectors_is_denied_as_rarely_as_its_level_says() -> None:
    """With the default seed, and a count of three expected beyond: chance must differ from data set to data set."""
    pairs = np.eye(4) + 0.5 * (np.eye(4)[[0, 3, 2, 1]] - np.diag([1, 0, 1, 0]))
    true = VectorNormal(np.zeros((300, 4)), pairs)
    checks = [calibration(vector_evidence(true, true.rvs(np.random.default_rng([seed, 3])))) for seed in range(400)]
    once_in_a_thousand = stats.binom.isf(0.001, len(checks), [0.05, 0.01])
    assert sum(not check.ok for check in checks) <= once_in_a_thousand[0]
    assert sum(line(check, "tails").p_value < 0.01 for check in checks) <= once_in_a_thousand[1]


def test_units_that_never_vary_are_not_correlated() -> None:
    model = poisson(np.full((30, 2), 1e-12))
    correlated = line(calibration(evidence(model, np.ones((30, 2)))), "largest correlation")
    assert correlated.verdict == "as expected"


COVARIANCE = np.array([[1.0, 0.8], [0.8, 1.0]])


@pytest.fixture(scope="module")
def vectors() -> Any:
    rng = np.random.default_rng(15)
    model = VectorNormal(rng.normal(size=(600, 2)), COVARIANCE)
    return model.location, model.rvs(rng)


def test_a_true_model_of_vectors_is_calibrated(vectors: Any) -> None:
    location, y = vectors
    null = VectorNormal(0 * location, np.cov(y.T))
    check = calibration(vector_evidence(VectorNormal(location, COVARIANCE), y, null))
    assert check.ok
    assert str(check).startswith("Calibrated: nothing speaks against the model (600 vectors of 2 units, 8 beliefs")
    assert "better than the null model by" in line(check, "log score − null").verdict
    assert "gain" not in check.units.columns


def test_vectors_predicted_too_narrow_are_found(vectors: Any) -> None:
    location, y = vectors
    check = calibration(vector_evidence(VectorNormal(location, 0.64 * COVARIANCE), y))
    assert {"regions, jointly", "90 % region", "PIT, unit by unit", "dispersion"} <= rejected(check)
    assert line(check, "regions, jointly").verdict == "observations lie too far out: regions too small"
    assert "regions too small" in line(check, "90 % region").verdict
    assert line(check, "PIT, unit by unit").verdict == "2 of 2 units deviate: 0, 1"
    assert " is over-dispersed: variance of quantile residuals is 1." in line(check, "dispersion").verdict


def test_a_wrong_correlation_is_seen_jointly_though_each_unit_is_right(vectors: Any) -> None:
    location, y = vectors
    check = calibration(vector_evidence(VectorNormal(location, COVARIANCE * [[1, -1], [-1, 1]]), y))
    assert "regions, jointly" in rejected(check)
    assert not rejected(check) & {"PIT, unit by unit", "dispersion"}


def test_heavy_tails_of_vectors_are_named(vectors: Any) -> None:
    location, y = vectors
    shrunk = 1 / np.sqrt(np.random.default_rng(16).chisquare(3, size=(600, 1)))
    check = calibration(vector_evidence(VectorNormal(location, COVARIANCE), location + (y - location) * shrunk))
    assert line(check, "regions, jointly").verdict.endswith("tails heavier than predicted")


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_an_impossible_level_is_named(level: float, mean: Any) -> None:
    with pytest.raises(ValueError, match=r"level is .*; it must lie between 0 and 1"):
        calibration(evidence(poisson(mean), np.zeros((T, N))), level=level)
