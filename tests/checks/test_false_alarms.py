"""A check that a true model fails more often than its nominal rate is a bug."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal, stats

from probcost.checks.calibration import calibration
from probcost.checks.gain import gain
from tests.checks.simulated import (
    ConwayMaxwell,
    VectorNormal,
    evidence,
    negative_binomial,
    poisson,
    rates,
    vector_evidence,
)

SIMULATIONS = 200
# Where a 5 % test may land in 200 simulations: seeds are fixed, and chance alone goes beyond once in 2,000.
LEAST, MOST = stats.binom.ppf([0.00025, 0.99975], SIMULATIONS, 0.05)

FAMILIES: dict[str, Callable[[Any], Any]] = {
    "poisson": poisson,
    "negative binomial": negative_binomial,
    "conway-maxwell": lambda mean: ConwayMaxwell(mean + 0.3, 1.5),
    "normal": lambda mean: stats.norm(mean, np.sqrt(mean)),
}


@pytest.mark.parametrize(
    ("family", "rows", "units", "rate"),
    [
        ("poisson", 300, 1, 0.05),
        ("poisson", 300, 2, 5.0),
        ("poisson", 300, 20, 0.05),
        ("negative binomial", 300, 5, 1.0),
        ("conway-maxwell", 300, 3, 1.0),
        ("normal", 300, 3, 1.0),
    ],
)
def test_every_line_rejects_a_true_model_at_its_level(family: str, rows: int, units: int, rate: float) -> None:
    rng = np.random.default_rng(0)
    alarms: Counter[str] = Counter()
    failures = 0
    for seed in range(SIMULATIONS):
        model = FAMILIES[family](rates(rng, rows, units, rate))
        check = calibration(evidence(model, model.rvs(random_state=rng)), seed=seed)
        alarms.update({line.name: int(line.p_value < 0.05) for line in check.lines})
        failures += not check.ok
    # One unit by itself is all units.
    assert len(alarms) == 6 + (family != "normal") + 2 * (units > 1)
    for name, count in alarms.items():
        assert LEAST <= count <= MOST, f"{name} rejects {count} of {SIMULATIONS}"
    assert failures <= MOST


@pytest.mark.parametrize(("rows", "units"), [(60, 1), (300, 2), (300, 6)])
def test_a_true_model_of_whole_vectors_is_rejected_no_more_often_than_its_level(rows: int, units: int) -> None:
    rng = np.random.default_rng(2)
    alarms: Counter[str] = Counter()
    failures = 0
    for seed in range(SIMULATIONS):
        model = VectorNormal(rng.normal(size=(rows, units)), 0.1 * np.eye(units) + 0.9)
        check = calibration(vector_evidence(model, model.rvs(rng)), seed=seed)
        alarms.update({line.name: int(line.p_value < 0.05) for line in check.lines})
        failures += not check.ok
    assert len(alarms) == 7
    # Units that are this alike are one unit nearly, and their correction for being many rejects less than its level.
    for name, count in alarms.items():
        assert (0 if "unit" in name or name == "dispersion" else LEAST) <= count <= MOST, f"{name} rejects {count}"
    assert failures <= MOST


@pytest.mark.parametrize("autocorrelation", [0.0, 0.5])
def test_the_log_score_rejects_an_equal_model_at_its_level(autocorrelation: float) -> None:
    noise = np.random.default_rng(1).normal(size=(1200, 2000))
    difference = signal.lfilter([1.0], [1.0, -autocorrelation], noise, axis=0)[200:]
    tails = gain(difference, np.zeros_like(difference)).lower_tail
    assert 0.03 <= (tails < 0.05).mean() <= 0.07
    assert 0.03 <= (tails > 0.95).mean() <= 0.07
