"""A model trained outside `fit` predicts, is checked and is saved as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import probcost as pc


def trained() -> tuple[pc.CostModel, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(2000, 2)
    y = torch.poisson((0.5 + x @ torch.tensor([[0.5, 0.0], [0.0, -0.5]])).exp())
    model = pc.CostModel(nn.Linear(2, 2), pc.likelihoods.Poisson(2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (pc.cost(model, x, y) / len(x)).backward()
        optimizer.step()
    return model, x, y


def test_it_predicts_and_is_judged_as_any_fit(tmp_path: Path) -> None:
    model, x, y = trained()
    fit = pc.as_fit(model, x, y)
    torch.testing.assert_close(fit.predict(x).mean, model.distribution(x).mean.detach())
    assert fit.predict(x).log_prob(y).mean() > fit.null_log_prob(y).mean()
    assert pc.check(fit, x, y).ok
    assert pc.diagnose(fit, x, y).ok
    fit.save(tmp_path / "fit")
    torch.testing.assert_close(pc.load(tmp_path / "fit").predict(x).mean, fit.predict(x).mean)


def test_it_is_a_copy() -> None:
    model, x, y = trained()
    fit = pc.as_fit(model, x, y)
    before = fit.predict(x).mean
    with torch.no_grad():
        model.network.weight.zero_()
    torch.testing.assert_close(fit.predict(x).mean, before)


def test_bad_input() -> None:
    model, x, y = trained()
    with pytest.raises(TypeError, match="CostModel"):
        pc.as_fit(nn.Linear(2, 2), x, y)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2,000"):
        pc.as_fit(model, x, y[:-1])
    with pytest.raises(ValueError, match=r"y\[0, 0\]"):
        pc.as_fit(model, x, -1 - y)
