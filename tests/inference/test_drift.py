"""Baselines that wander are followed to the end of the training rows; those that stand still are left alone."""

from __future__ import annotations

import math

import torch

import probcost as pc


def recording(drifting: bool, rows: int = 8000, units: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 2, generator=generator)
    steps = torch.randn(rows, units, generator=generator) * (0.006 if drifting else 0.0)
    log_rate = -0.7 + 0.3 * x[:, :1] + steps.cumsum(0)
    return x, torch.poisson(log_rate.exp(), generator=generator)


def fit(x: torch.Tensor, y: torch.Tensor, likelihood: str, drifting: bool) -> pc.Fit:
    torch.manual_seed(0)
    raw = pc.likelihoods.named(likelihood, y.shape[1])
    network = torch.nn.Linear(2, raw.num_outputs)
    model = pc.CostModel(network, raw, ordered=True, drifting=drifting)
    return pc.fit(model, x, y, epochs=12, lr=0.02, progress=False)


def test_following_the_drift_predicts_what_comes_after() -> None:
    x, y = recording(drifting=True)
    train, test = slice(0, 7000), slice(7000, 7600)
    for likelihood in ("poisson", "conway_maxwell_poisson"):
        plain, follows = (fit(x[train], y[train], likelihood, drifting) for drifting in (False, True))
        assert 50 < follows.drift_half_life < 2000
        assert math.isinf(plain.drift_half_life)
        gain = follows.predict(x[test]).log_prob(y[test]) - plain.predict(x[test]).log_prob(y[test])
        assert gain.mean() > 0.005


def test_without_drift_nothing_is_shifted() -> None:
    x, y = recording(drifting=False)
    fitted = fit(x, y, "poisson", True)
    assert math.isinf(fitted.drift_half_life)
    assert fitted.model.baseline is None
