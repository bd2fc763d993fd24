"""AtomLocation and its scores: a Pyro model, fitted and judged on locations whose distribution is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine

import probcost as pc
from probcost.predict import Predictive
from probcost.scenarios import atoms


@pytest.mark.parametrize("likelihood", ["mixture", "normal", "multivariate_student_t"])
def test_its_cost_is_minus_the_trace(likelihood: str) -> None:
    torch.manual_seed(0)
    model = pc.AtomLocation(12, likelihood, prior=pc.priors.Normal(1.0)).double().eval()
    x, y = torch.randn(6, 12).double(), torch.randn(6, 3).double()
    given = poutine.condition(model, data=dict(model.named_parameters()))
    trace = poutine.trace(given).get_trace(x, y, num_data=60)
    assert pc.cost(model, x, y, num_data=60).item() == pytest.approx(-trace.log_prob_sum().item())
    assert "location" in pyro.render_model(model, model_args=(x, y)).source


def test_what_is_no_location_is_refused() -> None:
    for wrong in ("poisson", pc.likelihoods.Normal(2)):
        with pytest.raises(ValueError, match="a location has 3 real coordinates"):
            pc.AtomLocation(12, wrong)
    with pytest.raises(ValueError, match="unknown likelihood"):
        pc.AtomLocation(12, "gauss")


def test_an_ensemble_of_mixtures_finds_rotamers_and_survives_the_disk(tmp_path: Path) -> None:
    dataset = atoms.simulate_molecule(1500)
    train, test = dataset.rows("train"), dataset.rows("test")
    torch.manual_seed(0)
    model = atoms.model(dataset)
    fit = pc.fit(model, dataset.x[train], dataset.y[train], method="ensemble", members=2, epochs=12, progress=False)
    simple = pc.fit(atoms.model(dataset, "normal"), dataset.x[train], dataset.y[train], epochs=12, progress=False)
    x, y = dataset.x[test], dataset.y[test]
    scores = atoms.location_scores(fit.predict(x), y)
    assert scores["nll"] < atoms.location_scores(simple.predict(x), y)["nll"] - 0.5
    fit.save(tmp_path)
    again = pc.load(tmp_path)
    assert torch.equal(again.predict(x).log_prob(torch.as_tensor(y)), fit.predict(x).log_prob(torch.as_tensor(y)))
    assert isinstance(again.model, pc.AtomLocation)


@pytest.mark.parametrize("name", ["normal", "multivariate_normal"])
def test_scores_of_a_true_model(name: str) -> None:
    """Standard normal locations under the model that says so: everything is known."""
    torch.manual_seed(0)
    model = pc.AtomLocation(2, name, network=torch.nn.Linear(2, pc.AtomLocation(2, name).likelihood.num_outputs))
    for p in model.network.parameters():
        torch.nn.init.zeros_(p)
    y = torch.randn(20_000, 3)
    scores = atoms.location_scores(Predictive(model, torch.zeros(20_000, 2), {}), y)
    scale = 1.001  # σ = softplus(c) + floor
    assert scores["nll"] == pytest.approx(3 * (0.5 * np.log(2 * np.pi) + 0.5), abs=0.03)
    assert scores["rmse"] == pytest.approx(3**0.5, abs=0.02)
    # E|Y − y| − ½ E|Y − Y'| of two standard normals in three dimensions: half their mean distance, 4/√π.
    assert scores["energy_score"] == pytest.approx(0.5 * 4 / np.pi**0.5 * scale, abs=0.02)
    for level in (50, 90, 95):
        assert scores[f"coverage_{level}"] == pytest.approx(level / 100, abs=0.015)
