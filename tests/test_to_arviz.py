"""A fit goes over to ArviZ whole: every group, named dimensions, whole-number counts; and ArviZ's own tools run on it."""

from __future__ import annotations

from typing import Any

import arviz as az
import matplotlib as mpl
import numpy as np
import pytest
import torch

import probcost as pc

mpl.use("agg")

pytestmark = [
    pytest.mark.skipif(
        int(az.__version__.split(".")[0]) >= 1, reason="InferenceData is ArviZ 0.x; 1.x has its own test"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def fitted(method: str, likelihood: str = "poisson") -> tuple[pc.Fit, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(300, 2)
    y = torch.poisson(torch.exp(0.5 * x[:, :1] + torch.tensor([0.0, 0.7, -0.5])))
    model = pc.CostModel(
        torch.nn.Linear(2, 3), pc.likelihoods.named(likelihood, 3), pc.priors.Normal(1.0), ordered=True
    )
    return pc.fit(model, x, y, method=method, lr=0.02, epochs=60, progress=False), x, y


@pytest.fixture(scope="module", params=["map", "svi"])
def inference_data(request: pytest.FixtureRequest) -> Any:
    fit, x, y = fitted(request.param)
    return fit.to_arviz(x, y, draws=120)


def test_every_group_is_there_and_named(inference_data: Any) -> None:
    groups = {"posterior", "posterior_predictive", "log_likelihood", "sample_stats", "observed_data", "constant_data"}
    assert groups | {"prior", "prior_predictive"} == set(inference_data.groups())
    assert inference_data.observed_data.counts.dims == ("time", "unit")
    assert inference_data.log_likelihood.counts.dims == ("chain", "draw", "time", "unit")
    assert inference_data.posterior["network.weight"].shape == (1, 120, 3, 2)
    for group in ("observed_data", "posterior_predictive", "prior_predictive"):
        assert inference_data[group].counts.dtype == np.int64
    assert inference_data.attrs.get("posterior", inference_data.posterior.attrs.get("posterior"))


def test_arviz_functions_run(inference_data: Any) -> None:
    loo = az.loo(inference_data, pointwise=True)
    assert loo.n_data_points == 900
    assert -1.8 < loo.elpd_loo / 900 < -0.8
    az.plot_ppc(inference_data, num_pp_samples=20)
    az.plot_loo_pit(inference_data, y="counts")
    az.plot_bpv(inference_data, kind="p_value")
    mpl.pyplot.close("all")


def test_compare_sees_no_gain_in_a_wider_belief() -> None:
    fits = {name: fitted("svi", name) for name in ("poisson", "negative_binomial")}
    table = az.compare({name: fit.to_arviz(x, y, draws=120) for name, (fit, x, y) in fits.items()})
    assert abs(table.elpd_diff.iloc[1]) < 15
