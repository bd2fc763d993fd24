"""The bridge under ArviZ 0.x: what each group holds, and that ArviZ's own functions run on it and come out right."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from probcost.arviz_bridge import to_arviz

mpl.use("Agg")
pytestmark = [
    pytest.mark.skipif(
        not importlib.metadata.version("arviz").startswith("0."), reason="ArviZ 1.x: test_arviz_bridge_1x"
    ),
    pytest.mark.filterwarnings("ignore:.*ArviZ is undergoing a major refactor:FutureWarning"),
]

T, N, CHAINS, DRAWS = 200, 3, 2, 300
RATES = np.array([0.3, 0.6, 1.5])


def groups_of(rates: NDArray[Any], counts: NDArray[Any], seed: int) -> dict[str, Any]:
    """Everything that draws of the rates ``[chain, draw, N]`` say about Poisson counts ``[T, N]``, as float32."""
    rng = np.random.default_rng(seed)
    everywhere = np.broadcast_to(rates[:, :, None, :], (*rates.shape[:2], *counts.shape))
    return {
        "posterior": {"log_rate": np.log(rates)},
        "posterior_predictive": {"counts": rng.poisson(everywhere).astype(np.float32)},
        "log_likelihood": {"counts": stats.poisson.logpmf(counts, everywhere)},
    }


def build(counts: NDArray[Any], **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "site": "counts",
        "observed": counts.astype(np.float32),
        "dims": ("time", "neuron"),
        "discrete": True,
        "coords": {"neuron": ["a", "b", "c"]},
    }
    return to_arviz(**arguments | changes)


@pytest.fixture(scope="module")
def counts() -> NDArray[Any]:
    return np.random.default_rng(0).poisson(RATES, (T, N))


@pytest.fixture(scope="module")
def true_model(counts: NDArray[Any]) -> dict[str, Any]:
    """The exact posterior under a flat prior: Gamma(1 + Σ counts, T)."""
    rates = np.random.default_rng(1).gamma(1 + counts.sum(0), 1 / T, (CHAINS, DRAWS, N))
    return groups_of(rates, counts, seed=2)


@pytest.fixture(scope="module")
def idata(counts: NDArray[Any], true_model: dict[str, Any]) -> Any:
    rng = np.random.default_rng(3)
    return build(
        counts,
        **true_model,
        sample_stats={"lp": true_model["log_likelihood"]["counts"].sum((-2, -1))},
        prior={"log_rate": rng.normal(size=(1, 40, N))},
        prior_predictive={"counts": rng.poisson(1.0, (1, 40, T, N)).astype(np.float32)},
        constant_data={"x": rng.normal(size=(T, 4))},
        predictions={"counts": rng.poisson(1.0, (CHAINS, DRAWS, 7, N)).astype(np.float32)},
        predictions_constant_data={"x": rng.normal(size=(7, 4))},
        attrs={"method": "exact"},
    )


def test_groups_dimensions_coordinates_and_dtypes(idata: Any) -> None:
    assert set(idata.groups()) == {
        *("posterior", "posterior_predictive", "log_likelihood", "sample_stats", "observed_data"),
        *("prior", "prior_predictive", "constant_data", "predictions", "predictions_constant_data"),
    }
    assert idata.observed_data.counts.dims == ("time", "neuron")
    assert idata.log_likelihood.counts.dims == ("chain", "draw", "time", "neuron")
    assert idata.posterior.log_rate.dims == ("chain", "draw", "log_rate_dim_0")
    assert idata.constant_data.x.dims == ("time", "x_dim_0")
    assert idata.predictions.counts.sizes == {"chain": CHAINS, "draw": DRAWS, "time": 7, "neuron": N}
    assert idata.predictions_constant_data.x.sizes == {"time": 7, "x_dim_0": 4}
    for group in ("observed_data", "posterior_predictive", "prior_predictive", "predictions"):
        assert idata[group].counts.dtype == np.int64
        assert list(idata[group].neuron.values) == ["a", "b", "c"]
    assert idata.attrs["method"] == "exact"


def test_real_valued_sites_stay_as_they_are() -> None:
    heights = np.random.default_rng(0).normal(size=(5, 1)).astype(np.float32)
    idata = to_arviz(site="height", observed=heights, dims=("row", "body"), discrete=False)
    assert idata.groups() == ["observed_data"]
    np.testing.assert_array_equal(idata.observed_data.height.values, heights)


def test_weights_of_equal_shape_and_name_do_not_share_dimensions(counts: NDArray[Any]) -> None:
    weights = {f"net.{i}.weight": np.zeros((1, 2, 5, size)) for i, size in enumerate((3, 4))}
    posterior = build(counts, posterior=weights).posterior
    assert posterior["net.0.weight"].dims == ("chain", "draw", "net.0.weight_out", "net.0.weight_in")
    assert posterior["net.1.weight"].shape == (1, 2, 5, 4)
    assert set(posterior["net.0.weight"].dims) & set(posterior["net.1.weight"].dims) == {"chain", "draw"}


def test_a_joint_log_likelihood_leaves_out_the_last_axes(counts: NDArray[Any], true_model: dict[str, Any]) -> None:
    joint = {"counts": true_model["log_likelihood"]["counts"].sum(-1)}
    assert build(counts, log_likelihood=joint).log_likelihood.counts.dims == ("chain", "draw", "time")


def test_loo_agrees_with_leaving_out_by_hand(idata: Any, counts: NDArray[Any]) -> None:
    import arviz as az

    # With a flat prior the predictive for a left-out count is negative binomial: size 1 + Σ others, T - 1 exposures.
    others = counts.sum(0) - counts
    exact = stats.nbinom.logpmf(counts, 1 + others, (T - 1) / T).sum()
    assert az.loo(idata).elpd_loo == pytest.approx(exact, abs=1.0)


def test_compare_ranks_the_true_model_first(idata: Any, counts: NDArray[Any]) -> None:
    import arviz as az

    shared = np.random.default_rng(4).gamma(1 + counts.sum(), 1 / counts.size, (CHAINS, DRAWS, 1))
    wrong = build(counts, **groups_of(np.repeat(shared, N, axis=-1), counts, seed=5))
    table = az.compare({"one rate for all": wrong, "a rate each": idata})
    assert list(table.index) == ["a rate each", "one rate for all"]
    assert table.elpd_diff.iloc[1] > 4 * table.dse.iloc[1]


def test_loo_pit_of_the_true_model_is_uniform_for_integers_only() -> None:
    import arviz as az

    # One axis: ArviZ 0.23 smooths counts along the wrong one when a site has two.
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.3, 1000)
    rates = np.broadcast_to(rng.gamma(1 + counts.sum(), 1 / 1000, (CHAINS, DRAWS, 1)), (CHAINS, DRAWS, 1000))
    distance = {}
    for discrete in (True, False):
        idata = to_arviz(
            site="counts",
            observed=counts.astype(np.float32),
            dims=("time",),
            discrete=discrete,
            posterior={"rate": rates[..., 0]},
            posterior_predictive={"counts": rng.poisson(rates).astype(np.float32)},
            log_likelihood={"counts": stats.poisson.logpmf(counts, rates)},
        )
        distance[discrete] = stats.kstest(az.loo_pit(idata, y="counts").ravel(), "uniform").statistic
    assert distance[True] < 0.06
    # The trap that the cast avoids: the same numbers as floats.
    assert distance[False] > 0.5


@pytest.mark.parametrize("plot", ["plot_ppc", "plot_loo_pit", "plot_bpv"])
def test_arviz_pictures_are_drawn(plot: str, idata: Any) -> None:
    import arviz as az
    import matplotlib.pyplot as plt

    arguments = {"y": "counts"} if plot == "plot_loo_pit" else {}
    axes = np.ravel(getattr(az, plot)(idata, **arguments))
    assert any(axis.lines or axis.collections for axis in axes)
    plt.close("all")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": ("time",)}, r"observed has shape \[200, 3\] and dims names 1 axes"),
        ({"coords": {"neuron": ["a"]}}, r"3 positions along 'neuron' and coords has 1 labels"),
        ({"log_likelihood": {"counts": np.zeros((1, 5, T, 2))}}, r"\[1, 5, 200, 2\].*\[200, 3\]"),
        ({"posterior_predictive": {"counts": np.zeros((1, 5, T))}}, r"\[1, 5, 200\].*\[200, 3\]"),
        ({"predictions": {"counts": np.zeros((1, 5, 9, 2))}}, r"\[1, 5, 9, 2\].*\[200, 3\]"),
        ({"constant_data": {"x": np.zeros((199, 2))}}, r"\[199, 2\] and observed has 200 rows"),
        ({"posterior": {"w": np.zeros(5)}}, r"\[5\]; it must begin with chain, draw"),
        (
            {"posterior": {"w": np.zeros((1, 5))}, "sample_stats": {"lp": np.zeros((2, 5))}},
            r"sample_stats\['lp'\] has \[2, 5\] chains and draws, posterior\['w'\] has \[1, 5\]",
        ),
        (
            {
                "predictions": {"counts": np.zeros((1, 5, 9, N))},
                "predictions_constant_data": {"x": np.zeros((8, 2))},
            },
            r"\[8, 2\] and predictions has 9 rows",
        ),
    ],
)
def test_shapes_that_disagree_state_both(changes: dict[str, Any], message: str, counts: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=message):
        build(counts, **changes)


def test_a_fractional_count_is_named() -> None:
    halves = np.zeros((4, N))
    halves[2, 1] = 0.5
    with pytest.raises(ValueError, match=r"observed\[2, 1\] is 0.5"):
        build(halves)
