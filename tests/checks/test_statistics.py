"""The ready statistics against references that compute them otherwise, and at the edges where they might not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from probcost.checks.statistics import READY, chosen

ALL: dict[str, Any] = {"discrete": True, "ordered": True, "units": 3}


@pytest.fixture(scope="module")
def y() -> Any:
    rng = np.random.default_rng(0)
    return rng.poisson(np.exp(rng.normal(0.5, 0.5, (60, 1))) * np.array([1.0, 2.0, 4.0])).astype(float)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("mean", lambda y: y.mean()),
        ("variance", lambda y: y.var()),
        ("fano", lambda y: y.var() / y.mean()),
        ("zeros", lambda y: (y == 0).mean()),
        ("min", lambda y: y.min()),
        ("max", lambda y: y.max()),
        ("skewness", lambda y: stats.skew(y)),
    ],
)
def test_of_each_unit(y: Any, name: str, reference: Any) -> None:
    assert READY[name].compute(y) == pytest.approx(np.asarray(reference(pd.DataFrame(y))))


def test_autocorrelation_is_that_of_arviz(y: Any) -> None:
    import arviz as az

    assert READY["autocorrelation"].compute(y) == pytest.approx([az.autocorr(y[:, i])[1] for i in range(3)])


def test_correlation_is_the_mean_over_pairs(y: Any) -> None:
    r = np.corrcoef(y.T)
    found = READY["correlation"].compute(y)
    assert found == pytest.approx((r.sum(axis=0) - 1) / 2)
    assert found.mean() == pytest.approx(r[np.triu_indices(3, 1)].mean())


@pytest.mark.parametrize("name", READY)
def test_a_silent_unit_has_every_statistic(y: Any, name: str) -> None:
    y = y.copy()
    y[:, 1] = 0
    assert np.isfinite(READY[name].compute(y)).all()


def test_all_that_apply() -> None:
    assert [s.name for s in chosen(None, **ALL)] == [name for name in READY if name != "min"]
    real = [s.name for s in chosen(None, discrete=False, ordered=False, units=1)]
    assert real == ["mean", "variance", "min", "max", "skewness"]


def test_names_callables_lists_and_mappings() -> None:
    def spread(y: Any) -> Any:
        return y.max() - y.min()

    assert [s.name for s in chosen("max", **ALL)] == ["max"]
    assert [s.name for s in chosen(["max", spread], **ALL)] == ["max", "spread"]
    assert [s.name for s in chosen({"a": "max", "b": spread}, **ALL)] == ["a", "b"]


@pytest.mark.parametrize(
    ("statistic", "error", "message"),
    [
        ("median", ValueError, "unknown statistic 'median'; choose one of 'mean'"),
        (3, TypeError, "got int"),
        ([], ValueError, "empty"),
        ([np.max, np.max], ValueError, "two statistics are called"),
    ],
)
def test_refused(statistic: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        chosen(statistic, **ALL)


def test_one_unit_has_no_correlation() -> None:
    with pytest.raises(ValueError, match="between units, and there is one unit"):
        chosen("correlation", discrete=True, ordered=True, units=1)
