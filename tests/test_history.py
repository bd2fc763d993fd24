"""Earlier observations as inputs: aligned, from the past alone, and a remedy for dependence over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import probcost as pc
from probcost.history import History


def test_each_row_sees_the_rows_before_it() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((30, 3))
    found = History(4)(x, y)
    assert found.shape == (30, 2 + 4 * 3)
    np.testing.assert_array_equal(found[:, :2], x)
    for lag in range(1, 5):
        own = found[:, 2 + 3 * (lag - 1) : 2 + 3 * lag]
        np.testing.assert_array_equal(own[lag:], y[:-lag])
        np.testing.assert_allclose(own[:lag], np.broadcast_to(y.mean(axis=0), (lag, 3)))


def test_nothing_of_the_present_or_the_future_comes_in() -> None:
    rng = np.random.default_rng(1)
    x, y = np.zeros((20, 1)), rng.standard_normal((20, 2))
    other = y.copy()
    other[12:] = rng.permutation(other[12:])  # of the same mean, which stands for a past that is missing
    np.testing.assert_allclose(History(3)(x, y)[:13], History(3)(x, other)[:13])
    assert not np.allclose(History(3)(x, y)[13:], History(3)(x, other)[13:])


def test_the_row_to_come_can_be_predicted() -> None:
    x, y = np.zeros((10, 1)), np.arange(9.0)
    np.testing.assert_array_equal(History(2)(x, y)[-1], [0, 8, 7])


def test_no_past_reaches_into_another_group() -> None:
    y, groups = np.arange(1.0, 9.0), np.array(["a"] * 3 + ["b"] * 5)
    found = History(2)(np.zeros(8), y, groups=groups)
    np.testing.assert_array_equal(found[:, 1], [4.5, 1, 2, 4.5, 4, 5, 6, 7])
    np.testing.assert_array_equal(found[:, 2], [4.5, 4.5, 1, 4.5, 4.5, 4, 5, 6])


def test_what_comes_in_comes_out_as_the_same_kind() -> None:
    x, y = torch.randn(6, 2), torch.randn(6, 2)
    assert History(1)(x, y).dtype == torch.float32
    frame = pd.DataFrame(x.numpy(), columns=["speed", "angle"], index=list("abcdef"))
    found = History(2)(frame, pd.DataFrame(y.numpy(), columns=["n1", "n2"]))
    assert list(found.columns) == ["speed", "angle", "n1[t-1]", "n2[t-1]", "n1[t-2]", "n2[t-2]"]
    assert list(found.index) == list("abcdef")
    np.testing.assert_allclose(found.to_numpy(), History(2)(x, y), rtol=1e-6)
    assert list(History(1)(frame, y.numpy()[:, 0]).columns)[2:] == ["y[t-1]"]


def test_it_takes_up_what_depends_on_the_past() -> None:
    """An autoregression: with history its own innovations are left, as small as they are, and no longer correlated."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((3000, 1)), np.zeros(3000)
    for t in range(1, 3000):
        y[t] = 5 * (1 - 0.6) + 0.6 * y[t - 1] + x[t, 0] + 0.5 * rng.standard_normal()

    def left_over(inputs: np.ndarray) -> np.ndarray:
        torch.manual_seed(0)
        model = pc.CostModel(nn.Linear(inputs.shape[1], 1), pc.likelihoods.Normal(1, scale="learned"), ordered=True)
        fit = pc.fit(model, inputs[:2000], y[:2000], optimizer="lbfgs", progress=False)
        return y[2000:] - fit.predict(inputs[2000:]).mean.numpy()[:, 0]

    without, with_past = left_over(x), left_over(History(2)(x, y))
    assert np.corrcoef(without[1:], without[:-1])[0, 1] > 0.4
    assert abs(np.corrcoef(with_past[1:], with_past[:-1])[0, 1]) < 4 / 1000**0.5
    assert with_past.std() == pytest.approx(0.5, rel=0.1)


def test_it_says_what_it_is() -> None:
    assert repr(History(3)) == "History(n_lags=3): the 3 observations before each row become inputs"
    assert repr(History(1)) == "History(n_lags=1): the observation before each row becomes an input"


@pytest.mark.parametrize("n_lags", [0, -1, 1.5, True, "3"])
def test_lags_are_whole_numbers(n_lags: object) -> None:
    with pytest.raises(ValueError, match="n_lags must be a whole number"):
        History(n_lags)  # type: ignore[arg-type]


def test_bad_input_is_named() -> None:
    x, y = np.zeros((5, 1)), np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"y has shape \[3, 2\] and x has 5 rows"):
        History(1)(x, y[:3])
    with pytest.raises(ValueError, match="n_lags is 5 and x has 5 rows"):
        History(5)(x, y)
    with pytest.raises(ValueError, match=r"y\[3, 1\] is not finite"):
        History(1)(x, np.where(np.arange(10).reshape(5, 2) == 7, np.nan, 0.0))
    with pytest.raises(ValueError, match="one label for each of the 5 rows"):
        History(1)(x, y, groups=[1, 2])
    with pytest.raises(ValueError, match=r"table of inputs \[T, P\]"):
        History(1)(np.zeros((5, 2, 2)), y)
