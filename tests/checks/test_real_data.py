"""What the checks say of real data: motor cortex is under-dispersed; plain NLL on UCI energy has not learned its mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import probcost as pc
from probcost.scenarios import spikes

ENERGY = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci" / "energy.npz"


@pytest.fixture(scope="module")
def motor_cortex(m1_file: Path) -> tuple[Any, ...]:
    """Linear fits of forty neurons, Poisson and Conway-Maxwell-Poisson, and the test bins."""
    recording = spikes.load(m1_file)
    split = recording.split(5)
    chosen = split.neurons[::4]
    x, y = recording.covariates, recording.counts[:, chosen]
    train = np.concatenate([split.train, split.validation])
    fits = []
    for kind in (pc.likelihoods.Poisson, pc.likelihoods.ConwayMaxwellPoisson):
        torch.manual_seed(0)
        model = pc.CostModel(nn.Linear(x.shape[1], len(chosen)), kind(len(chosen)), ordered=True)
        fits.append(pc.fit(model, x[train], y[train], epochs=12, batch_size=256, lr=0.01, progress=False))
    return (*fits, x[split.test], y[split.test])


def test_motor_cortex_is_under_dispersed(motor_cortex: tuple[Any, ...]) -> None:
    poisson, _, x, y = motor_cortex
    diagnosis = pc.diagnose(poisson, x, y)
    finding = diagnosis["dispersion"]
    assert finding in diagnosis.denied
    assert "under-dispersed" in finding.verdict
    assert type(diagnosis.next[0]) is pc.likelihoods.ConwayMaxwellPoisson
    assert not any(isinstance(remedy, pc.likelihoods.NegativeBinomial) for remedy in finding.next[:1])


def test_compare_puts_conway_maxwell_poisson_first(motor_cortex: tuple[Any, ...]) -> None:
    poisson, conway, x, y = motor_cortex
    comparison = pc.compare({"poisson": poisson, "cmp": conway}, x, y)
    assert comparison.best == "cmp"
    row = comparison.to_frame().loc["poisson"]
    assert -row["difference"] > 4 * row["error"]


@pytest.mark.skipif(not ENERGY.exists(), reason="the UCI tables are not here: they lie in ../shared/data/uci")
def test_energy_by_plain_nll_has_an_under_fitted_mean() -> None:
    """Trained in a loop of one's own, mean and scale together; judged on the 77 test rows of split 0."""
    with np.load(ENERGY) as file:
        x, y = file["X"].astype(np.float32), file["y"].astype(np.float32).reshape(-1, 1)
        train, test = file["train_0"].astype(int), file["test_0"].astype(int)
    x = (x - x[train].mean(0)) / x[train].std(0)
    torch.manual_seed(0)
    likelihood = pc.likelihoods.Normal(1)
    likelihood.adapt(torch.tensor(y[train].mean(0)), torch.tensor(y[train].var(0)))
    model = pc.CostModel(nn.Sequential(nn.Linear(8, 50), nn.ReLU(), nn.Linear(50, 2)), likelihood)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        for batch in torch.randperm(len(train)).split(64):
            rows = train[batch.numpy()]
            optimizer.zero_grad()
            (pc.cost(model, torch.tensor(x[rows]), torch.tensor(y[rows])) / len(rows)).backward()
            optimizer.step()
    fit = pc.as_fit(model, x[train], y[train])
    diagnosis = pc.diagnose(fit, x[test], y[test], train=(x[train], y[train]))
    finding = diagnosis["what inputs tell"]
    assert finding in diagnosis.denied
    assert "under-fitted" in finding.verdict
    assert "explains it away" in finding.verdict
    assert diagnosis.next[0].link == "natural"
