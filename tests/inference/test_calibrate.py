"""The factor on predicted scales: what held-out rows ask for, pulled towards one where they are few."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import probcost as pc
from probcost.inference.calibrate import calibrate
from probcost.inference.data import prepare
from probcost.inference.posterior import Draws, PointEstimate


def far_too_sure(rows: int, sd: float) -> tuple[pc.CostModel, Tensor, Tensor]:
    """A model that predicts N(0, 1) for observations from N(0, sd²)."""
    torch.manual_seed(0)
    model = pc.CostModel(nn.Linear(1, 2), pc.likelihoods.Normal(1))
    nn.init.zeros_(model.network.weight)  # type: ignore[arg-type]
    nn.init.zeros_(model.network.bias)  # type: ignore[arg-type]
    return model, torch.randn(rows, 1), sd * torch.randn(rows, 1)


@pytest.mark.parametrize("sd", [0.7, 1.0, 1.6])
def test_many_rows_get_half_of_what_they_ask_for(sd: float) -> None:
    model, x, y = far_too_sure(20_000, sd)
    data = prepare(model, x, y, validation=0.5, groups=None, seed=0)
    before = model.distribution(x).variance.sqrt()
    factor = calibrate(model, PointEstimate(), data, 0)
    assert factor == pytest.approx(sd**0.5, rel=0.02)  # they have chosen when to stop, too: half of it, in logarithms
    torch.testing.assert_close(model.distribution(x).variance.sqrt(), factor * before)


def asked(y: Tensor, x: Tensor, model: pc.CostModel) -> float:
    return calibrate(model, PointEstimate(), prepare(model, x, y, validation=(x, y), groups=None, seed=0), 0)


def test_few_rows_ask_in_vain() -> None:
    model, x, y = far_too_sure(12, 1.6)
    y = 1.6 * y / y.std() / 1.6  # these rows alone would have 1.6
    assert 1.0 < asked(1.6 * y, x, model) < 1.2


def test_groups_that_disagree_are_believed_less_than_as_many_rows_that_agree() -> None:
    model, x, y = far_too_sure(1000, 1.5)
    of_group = torch.exp(0.8 * torch.randn(10)).repeat_interleave(100)[:, None]
    of_group = of_group / of_group.square().mean().sqrt()
    together = asked(y, x, model)
    model, _, _ = far_too_sure(1000, 1.5)
    apart = asked(y * of_group, x, model)
    assert together == pytest.approx(1.5**0.5, rel=0.03)
    assert 1.02 < apart < 1.18


def test_an_ensemble_is_judged_as_a_mixture() -> None:
    """Members that disagree widen the mixture, and each must be narrower for it."""
    model, x, y = far_too_sure(20_000, 1.0)
    means = torch.tensor([-0.7, 0.7])
    biases = torch.stack([means, torch.zeros(2)], 1)
    members = Draws({"network.weight": torch.zeros(2, 2, 1), "network.bias": biases}, "two members", every=True)
    factor = calibrate(model, members, prepare(model, x, y, validation=0.5, groups=None, seed=0), 0)
    assert factor == pytest.approx((1 - 0.49) ** 0.25, abs=0.03)


def test_counts_have_no_scale_to_rescale() -> None:
    model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
    x, y = torch.randn(100, 1), torch.ones(100, 1)
    assert calibrate(model, PointEstimate(), prepare(model, x, y, validation=0.5, groups=None, seed=0), 0) == 1.0
