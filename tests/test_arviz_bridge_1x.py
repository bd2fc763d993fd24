"""The bridge under ArviZ 1.x: needs Python ≥ 3.12, ArviZ ≥ 1 and numpy only, so it loads one file, not the package.

Run alone where such an environment is: ``python3.12 -m pytest --noconftest tests/test_arviz_bridge_1x.py``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 12), reason="ArviZ 1.x needs Python 3.12 or newer"),
    pytest.mark.skipif(importlib.metadata.version("arviz").startswith("0."), reason="ArviZ 0.x is installed"),
]

T, N, DRAWS = 60, 3, 50


def bridge() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "probcost" / "arviz_bridge.py"
    spec = importlib.util.spec_from_file_location("arviz_bridge", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tree() -> Any:
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (T, N)).astype(np.float32)
    replicates = rng.poisson(0.5, (1, DRAWS, T, N)).astype(np.float32)
    pointwise = rng.normal(-1, 0.05, (1, DRAWS, T, N))
    return bridge().to_arviz(
        site="counts",
        observed=counts,
        dims=("time", "neuron"),
        discrete=True,
        coords={"neuron": [f"n{i}" for i in range(N)]},
        posterior={"0.weight": rng.normal(size=(1, DRAWS, N, 4)), "0.bias": rng.normal(size=(1, DRAWS, N))},
        posterior_predictive={"counts": replicates},
        log_likelihood={"counts": pointwise},
        sample_stats={"lp": pointwise.sum((-2, -1))},
        prior={"0.weight": rng.normal(size=(1, 20, N, 4))},
        prior_predictive={"counts": replicates[:, :20]},
        constant_data={"x": rng.normal(size=(T, 4))},
        predictions={"counts": replicates[:, :, :5]},
        predictions_constant_data={"x": rng.normal(size=(5, 4))},
        attrs={"method": "map"},
    )


def test_groups_are_those_of_the_schema(tree: Any) -> None:
    assert type(tree).__name__ == "DataTree"
    assert set(tree.children) == {
        *("posterior", "posterior_predictive", "log_likelihood", "sample_stats", "observed_data"),
        *("prior", "prior_predictive", "constant_data", "predictions", "predictions_constant_data"),
    }
    assert tree.attrs["method"] == "map"


def test_dimensions_coordinates_and_dtypes(tree: Any) -> None:
    assert tree["posterior"]["0.weight"].dims == ("chain", "draw", "0.weight_out", "0.weight_in")
    assert tree["posterior"]["0.bias"].dims == ("chain", "draw", "0.bias_dim_0")
    assert tree["observed_data"]["counts"].dims == ("time", "neuron")
    assert tree["log_likelihood"]["counts"].dims == ("chain", "draw", "time", "neuron")
    assert tree["constant_data"]["x"].dims == ("time", "x_dim_0")
    assert tree["predictions"]["counts"].sizes["time"] == 5
    for group in ("observed_data", "posterior_predictive", "prior_predictive", "predictions"):
        assert tree[group]["counts"].dtype == np.int64
        assert list(tree[group]["neuron"].values) == ["n0", "n1", "n2"]


def test_loo_runs(tree: Any) -> None:
    import arviz as az

    assert np.isfinite(az.loo(tree).elpd)


def test_leaving_rows_out_is_arviz_own(tree: Any) -> None:
    import arviz as az

    log_likelihood = tree["log_likelihood"]["counts"].values.reshape(DRAWS, -1).T
    found, k = bridge().psis_loo(log_likelihood)
    expected = az.loo(tree, pointwise=True, reff=1.0)
    np.testing.assert_allclose(found, expected.elpd_i.values.ravel())
    np.testing.assert_allclose(k, expected.pareto_k.values.ravel())
    noise = np.random.default_rng(1).normal(size=(2, 400))
    assert bridge().relative_efficiency(noise.cumsum(axis=1)) < 0.1 < 0.6 < bridge().relative_efficiency(noise)


def test_shapes_that_disagree_state_both() -> None:
    counts = np.zeros((T, N))
    with pytest.raises(ValueError, match=r"\[1, 5, 59, 3\].*\[60, 3\]"):
        bridge().to_arviz(
            site="counts",
            observed=counts,
            dims=("time", "neuron"),
            discrete=True,
            log_likelihood={"counts": np.zeros((1, 5, T - 1, N))},
        )
