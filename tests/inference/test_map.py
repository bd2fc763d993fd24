"""MAP: it finds the optimum, keeps the best weights, repeats itself, and stops with a name when the cost is not finite."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import PoissonRegressor
from torch import Tensor, nn

import probcost as pc


def regression(rows: int = 2000, columns: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=generator)
    x = (x - x.mean(0)) / x.std(0, correction=0)
    weights = torch.linspace(-0.5, 0.6, columns)
    return x, torch.poisson(torch.exp(x @ weights - 0.2), generator=generator)[:, None]


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_linear_map_is_penalised_poisson_regression(scale: float) -> None:
    x, y = regression()
    model = pc.CostModel(nn.Linear(4, 1), pc.likelihoods.Poisson(1), pc.priors.Normal(scale, bias_scale=math.inf))
    fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
    # sklearn's cost is the mean deviance / 2 plus alpha/2 |w|²; ours the sum plus |w|² / (2 s²).
    reference = PoissonRegressor(alpha=1 / (len(x) * scale**2), tol=1e-10, max_iter=1000).fit(x, y[:, 0])
    assert fitted.model.network.weight.detach().numpy()[0] == pytest.approx(reference.coef_, abs=1e-4)
    assert fitted.model.network.bias.item() == pytest.approx(reference.intercept_, abs=1e-4)


def test_adam_reaches_the_same_optimum() -> None:
    x, y = regression()
    model = pc.CostModel(nn.Linear(4, 1), pc.likelihoods.Poisson(1), pc.priors.Normal(1.0))
    exact = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
    adam = pc.fit(model, x, y, epochs=1500, batch_size=2000, lr=0.01, validation=None, progress=False)
    assert adam.model.network.weight.detach().numpy() == pytest.approx(
        exact.model.network.weight.detach().numpy(), abs=1e-3
    )


def test_units_of_the_inputs_do_not_matter() -> None:
    x, y = regression(500)
    model = pc.CostModel(nn.Linear(4, 1), pc.likelihoods.Poisson(1))
    metres = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
    millimetres = pc.fit(model, 1000 * x + 7, y, optimizer="lbfgs", progress=False)
    assert torch.allclose(metres.predict(x).mean, millimetres.predict(1000 * x + 7).mean, rtol=1e-3)


def network(seed: int = 0) -> pc.CostModel:
    torch.manual_seed(seed)
    return pc.CostModel(pc.networks.MLP(4, 1, hidden=(16,), dropout=0.2), pc.likelihoods.Poisson(1))


def test_same_seed_same_numbers_and_the_model_given_is_untouched() -> None:
    x, y = regression(600)
    model = network()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first, second, other = (pc.fit(model, x, y, epochs=4, seed=seed, progress=False) for seed in (3, 3, 4))
    assert torch.equal(first.predict(x).mean, second.predict(x).mean)
    assert not torch.equal(first.predict(x).mean, other.predict(x).mean)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_trained_network_goes_on_from_where_it_is() -> None:
    x, y = regression(600)
    first = pc.fit(network(), x, y, epochs=30, progress=False)
    further = pc.fit(first.model, x, y, epochs=1, lr=1e-6, progress=False)
    assert torch.allclose(first.predict(x).mean, further.predict(x).mean, rtol=1e-2)


def test_the_callers_random_state_is_left_alone() -> None:
    x, y = regression(300)
    model = network()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted = pc.fit(model, x, y, epochs=2, progress=False)
    fitted.sample(x, 5)
    assert torch.equal(torch.rand(3), expected)


def test_the_best_weights_are_kept() -> None:
    x, y = regression(300)
    held = regression(300, seed=1)
    fitted = pc.fit(network(), x, y, validation=held, lr=0.05, epochs=400, progress=False)
    history = fitted.history
    assert history.best_epoch == int(np.argmin(history.held_out))
    cost = -fitted.predict(held[0]).log_prob(held[1]).sum().item() / 300
    assert cost == pytest.approx(history.held_out[history.best_epoch], rel=1e-5)
    assert history.stopped == f"no better on held-out rows for {len(history.cost) - 1 - history.best_epoch} epochs"
    assert "no better" in history.stopped


def test_training_beats_the_null_and_its_history_can_be_seen() -> None:
    x, y = regression(1500)
    fitted = pc.fit(network(), x, y, epochs=30, progress=False)
    fresh = regression(1500, seed=9)
    assert fitted.predict(fresh[0]).log_prob(fresh[1]).mean() > fitted.null_log_prob(fresh[1]).mean() + 0.05
    assert list(fitted.history.to_frame().columns) == ["cost", "held_out"]
    assert len(fitted.history.plot().axes) == 1
    assert "Fit by map: Poisson of 1 units" in repr(fitted)


def test_a_cost_that_is_not_finite_is_named() -> None:
    x, y = regression(300)

    class Explodes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))
            self.calls = 0

        def forward(self, inputs: Tensor) -> Tensor:
            self.calls += 1
            raw = self.weight * inputs[:, :1]
            return torch.where(torch.arange(len(raw))[:, None] == 5, torch.inf, raw) if self.calls > 5 else raw

    model = pc.CostModel(Explodes(), pc.likelihoods.Poisson(1))
    with pytest.raises(
        pc.NonFiniteCostError, match=r"step 3 \(epoch 0, batch 3.*site 'counts'.*at \[5, 0\] of the batch"
    ):
        pc.fit(model, x, y, progress=False)
