"""NUTS: the posterior itself where it is known, chain by chain, and a warning where chains disagree."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

import probcost as pc
from tests.inference.test_svi import gamma_like_problem


def test_posterior_of_a_log_rate_and_chains_that_resume(tmp_path: Path) -> None:
    model, x, y = gamma_like_problem()
    fitted = pc.fit(model, x, y, method="nuts", draws=160, chains=2, progress=False, checkpoint=tmp_path)
    bias = fitted.posterior.draws(1000, seed=0)["network.bias"].flatten()
    sd = 1 / math.sqrt(float(y.sum()))
    assert len(bias) == 160
    assert float(bias.mean()) == pytest.approx(math.log(float(y.mean())), abs=sd)
    assert float(bias.std()) == pytest.approx(sd, rel=0.35)
    assert "2 chains of 80 draws by NUTS" in repr(fitted)
    data = fitted.to_arviz(x, y)
    assert dict(data.posterior.sizes)["chain"] == 2
    # As if killed in the second chain: the first is taken over, the second is drawn again, to the same numbers.
    stamp = (tmp_path / "chain-0" / "chain.json").stat().st_mtime_ns
    (tmp_path / "chain-1" / "chain.json").unlink()
    again = pc.fit(model, x, y, method="nuts", draws=160, chains=2, progress=False, checkpoint=tmp_path)
    assert (tmp_path / "chain-0" / "chain.json").stat().st_mtime_ns == stamp
    assert torch.equal(again.predict(x).mean, fitted.predict(x).mean)


def test_chains_that_disagree_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probcost.inference.nuts._R_HAT", 0.5)
    monkeypatch.setattr("probcost.inference.nuts._FEWEST_WARMUP", 10)
    model, x, y = gamma_like_problem()
    with pytest.warns(UserWarning, match="R-hat"):
        pc.fit(model, x, y, method="nuts", draws=8, chains=1, epochs=5, progress=False)


def test_it_needs_a_prior_and_draws() -> None:
    model, x, y = gamma_like_problem()
    with pytest.raises(ValueError, match="needs a prior"):
        pc.fit(pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1)), x, y, method="nuts", progress=False)
    with pytest.raises(ValueError, match="draws must be a whole number of at least 8"):
        pc.fit(model, x, y, method="nuts", draws=4, chains=2, progress=False)
