"""An ensemble's members are trained together and yet each for itself, and predict as a mixture."""

from __future__ import annotations

import copy
import math

import pytest
import torch

import probcost as pc
from probcost.inference.data import prepare
from probcost.inference.ensemble import EnsembleObjective
from probcost.inference.map_estimate import MapObjective
from tests.inference.test_map import regression


def model(prior: pc.priors.Prior | None = None) -> pc.CostModel:
    return pc.CostModel(pc.networks.MLP(4, 1, hidden=(16,)), pc.likelihoods.NegativeBinomial(1), prior)


def test_every_member_gets_the_gradient_it_would_get_alone() -> None:
    members = [model(pc.priors.Normal(1.0)).double() for _ in range(3)]
    x, y = (part.double() for part in regression(60))
    batches = torch.stack([torch.randperm(60)[:20] for _ in members])
    objective = EnsembleObjective(members[0], members)
    together = objective.cost(x[batches], y[batches], 60)
    together.backward()
    gradients = [p.grad for p in objective.module.parameters()]
    alone = [MapObjective(one).cost(x[rows], y[rows], 60) for one, rows in zip(members, batches, strict=True)]
    assert together.item() == pytest.approx(sum(cost.item() for cost in alone))
    for m, cost in enumerate(alone):
        for stacked, own in zip(gradients, torch.autograd.grad(cost, list(members[m].parameters())), strict=True):
            assert stacked is not None
            torch.testing.assert_close(stacked[m], own.T if own.ndim == 2 else own)  # matrices are held transposed


def test_members_differ_and_stop_on_their_own() -> None:
    x, y = regression(600)
    fitted = pc.fit(model(), x, y, method="ensemble", members=4, progress=False)
    weights = fitted.posterior.draws(1, 0)["network.0.weight"]
    assert weights.shape == (4, 16, 4)
    assert torch.pdist(weights.flatten(1)).min() > 1
    history = fitted.history
    assert len(set(history.members)) > 1
    assert history.best_epoch == max(history.members)
    assert "deep ensemble of 4" in repr(fitted)


def test_it_predicts_as_the_mixture_of_its_members() -> None:
    x, y = regression(300)
    fitted = pc.fit(model(), x, y, method="ensemble", members=3, epochs=5, progress=False)
    predictive = fitted.predict(x, draws=1000)
    pointwise = fitted.log_prob(x, y)
    assert pointwise.shape == (3, 300, 1)
    torch.testing.assert_close(predictive.log_prob(y), pointwise.logsumexp(0) - math.log(3))
    one = copy.deepcopy(fitted.model)
    one.load_state_dict({**one.state_dict(), **{k: v[2] for k, v in predictive.draws.items()}})
    torch.testing.assert_close(one.distribution(x).log_prob(y), pointwise[2], rtol=1e-4, atol=1e-5)


def test_members_start_afresh_whatever_was_given() -> None:
    x, y = regression(600)
    first = pc.fit(model(), x, y, progress=False)
    fitted = pc.fit(first.model, x, y, method="ensemble", members=3, epochs=1, lr=1e-6, progress=False)
    assert torch.pdist(fitted.posterior.draws(1, 0)["network.0.weight"].flatten(1)).min() > 1


def test_members_hold_out_rows_of_their_own_where_rows_are_exchangeable() -> None:
    x, y = regression(100)
    data = prepare(model(), x, y, validation="auto", groups=None, seed=0, members=4)
    assert data.folds is not None
    kept, held = data.folds
    assert kept.shape == (4, 90)
    assert held.shape == (4, 10)
    for m in range(4):
        assert sorted([*kept[m].tolist(), *held[m].tolist()]) == list(range(100))
    assert len(held.unique()) > 25
    groups = torch.arange(100) // 10
    assert prepare(model(), x, y, validation="auto", groups=groups, seed=0, members=4).folds is None
    assert prepare(model(), x, y, validation=(x, y), groups=None, seed=0, members=4).folds is None


@pytest.mark.parametrize("members", [1, 0, 2.0, True])
def test_too_few_members_are_refused(members: object) -> None:
    x, y = regression(60)
    with pytest.raises(ValueError, match="at least 2"):
        pc.fit(model(), x, y, method="ensemble", members=members, progress=False)  # type: ignore[arg-type]
