"""What a user's own network, data and files may look like, and nothing is lost or quietly wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import probcost as pc
from probcost import likelihoods
from probcost.inference.task import last_linear

REAL = [
    "normal",
    "student_t",
    "laplace",
    "multivariate_normal",
    "low_rank_multivariate_normal",
    "multivariate_student_t",
]


def rows(n: int = 60) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    x = torch.randn(n, 3)
    return x, x[:, :2] + 0.3 * torch.randn(n, 2)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("prior", [None, pc.priors.Normal(1.0), pc.priors.Laplace(1.0)])
def test_every_likelihood_is_saved_under_every_prior(name: str, mixed: bool, prior: Any, tmp_path: Path) -> None:
    x, y = rows()
    likelihood = likelihoods.named(name, 2)
    likelihood = likelihoods.Mixture(likelihood, 2) if mixed else likelihood
    model = pc.CostModel(nn.Linear(3, likelihood.num_outputs), likelihood, prior)
    fit = pc.fit(model, x, y, epochs=2, progress=False)
    fit.save(tmp_path)
    again = pc.load(tmp_path)
    assert type(again.model.likelihood) is type(likelihood)
    assert type(again.model.prior) is type(prior)
    assert torch.equal(again.predict(x).log_prob(y), fit.predict(x).log_prob(y))


def test_a_checkpoint_of_rows_in_another_order_is_of_another_fit(tmp_path: Path) -> None:
    x, y = rows()
    model = pc.CostModel(nn.Linear(3, 4), likelihoods.Normal(2))
    options: dict[str, Any] = {"epochs": 3, "validation": None, "progress": False, "checkpoint": tmp_path}
    pc.fit(model, x, y, **options)
    with pytest.raises(ValueError, match="is of another fit"):
        pc.fit(model, x, y.flip(0), **options)


def test_members_keep_layers_that_are_frozen() -> None:
    x, y = rows()
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
    network[0].requires_grad_(False)
    fit = pc.fit(
        pc.CostModel(network, likelihoods.Normal(2)), x, y, method="ensemble", members=3, epochs=3, progress=False
    )
    draws = fit.posterior.draws(3, 0)
    assert torch.equal(draws["network.0.weight"], network[0].weight.expand(3, -1, -1))
    assert not torch.equal(draws["network.2.weight"][0], draws["network.2.weight"][1])


class HeadFirst(nn.Module):
    """Registers its last layer first, and a hidden one of the same width last."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.hidden = nn.Linear(4, 4), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.hidden(x)))


def test_the_last_layer_is_the_one_whose_outputs_are_the_raw_outputs() -> None:
    x, _ = rows()
    found = last_linear(pc.CostModel(HeadFirst(), likelihoods.Normal(2)), x)
    assert found is not None
    assert found[0] == "head"
    bounded = nn.Sequential(nn.Linear(3, 4), nn.Hardtanh())
    assert last_linear(pc.CostModel(bounded, likelihoods.Normal(2)), x) is None
    with pytest.raises(ValueError, match=r"ends in a torch\.nn\.Linear"):
        pc.fit(pc.CostModel(bounded, likelihoods.Normal(2)), *rows(), method="laplace", progress=False)


def test_shapes_that_would_broadcast_are_refused() -> None:
    x, y = rows()
    model = pc.CostModel(nn.Linear(3, 2), likelihoods.Normal(1))
    with pytest.raises(ValueError, match=r"y has shape \[60\]; 60 rows need \[60, 1\]"):
        pc.cost(model, x, y[:, 0])
    with pytest.raises(ValueError, match=r"y has shape \[60, 2\]; 60 rows need \[60, 1\]"):
        model(x, y)
    for width in (1, 3):
        with pytest.raises(ValueError, match=rf"raw outputs have shape \[5, {width}\]; Normal of 1 target\(s\) needs"):
            pc.CostFunction(likelihoods.Normal(1))(torch.zeros(5, width), torch.zeros(5, 1))
    with pytest.raises(ValueError, match=r"needs \[\.\.\., 2\]"):
        pc.cost(pc.CostModel(nn.Linear(3, 3), likelihoods.Normal(1)), x, y[:, :1])


def test_numbers_that_float_cannot_hold_are_named() -> None:
    x, y = rows()
    model = pc.CostModel(nn.Linear(3, 4), likelihoods.Normal(2))
    for factor in (1e20, 1e-30):
        with pytest.raises(ValueError, match=r"y\[:, 0\] has standard deviation .* in units in which it is near 1"):
            pc.fit(model, x, y * factor, progress=False)
    fit = pc.fit(model, x, y * 1e-12, epochs=2, progress=False)
    assert bool((fit.predict(x).variance > 0).all())
    with pytest.warns(UserWarning, match=r"y varies in column\(s\) 0, 1 by less than 1e-4 of its size"):
        pc.fit(model, x, y.double() + 1e9, epochs=1, progress=False)
    with pytest.warns(UserWarning, match=r"x varies in column\(s\) 0"):
        pc.fit(model, x.double() + torch.tensor([1e9, 0, 0]), y, epochs=1, progress=False)


def test_a_constant_target_is_predicted_and_no_worse_than_its_null() -> None:
    x, y = rows()
    y[:, 0] = 5.0
    fit = pc.fit(pc.CostModel(nn.Linear(3, 4), likelihoods.Normal(2)), x, y, epochs=5, progress=False)
    assert fit.predict(x).mean[:, 0].numpy() == pytest.approx(5.0, abs=0.01)
    gain = fit.predict(x).log_prob(y)[:, 0] - fit.null_log_prob(y)[:, 0]
    assert bool((gain >= 0).all())


def test_a_guide_that_is_no_posterior_yet_is_refused() -> None:
    x, y = rows()
    model = pc.CostModel(nn.Linear(3, 4), likelihoods.Normal(2), pc.priors.Normal(1.0))
    with pytest.raises(ValueError, match="use method='laplace'"):
        pc.fit(model, x, y, method="svi", guide="AutoLaplaceApproximation", progress=False)
