"""Every row of the table of bad input: a clear error before any training step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import probcost as pc
from tests.test_model import small_data, small_model

X, Y = (part.numpy() for part in small_data(60))


def changed(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (changed(X, (7, 2), np.nan), Y, {}, ValueError, r"x\[7, 2\] is not finite"),
        (changed(X, (7, 2), np.inf), Y, {}, ValueError, r"x\[7, 2\] is not finite"),
        (X, changed(Y, (3, 1), np.nan), {}, ValueError, r"y\[3, 1\] is nan"),
        (X, changed(Y, (3, 1), -2), {}, ValueError, r"y\[3, 1\] is -2; Poisson accepts counts"),
        (X, changed(Y, (3, 1), 0.5), {}, ValueError, r"y\[3, 1\] is 0.5; Poisson accepts counts"),
        (X[:0], Y[:0], {}, ValueError, "x is empty"),
        (X, Y[:50], {}, ValueError, "x has 60 rows and y has 50 rows"),
        (X, Y[:, :1], {}, ValueError, r"y has shape \[60, 1\]; Poisson describes 2 unit"),
        (X[:, :2], Y, {}, ValueError, r"network cannot take x with rows of shape \[2\]"),
        ([["a", "b", "c"]] * 60, Y, {}, TypeError, "x must be a tensor, an array or a data frame"),
        (3.0, Y, {}, TypeError, "x and y must be tensors"),
        (X, Y, {"batch_size": 61}, ValueError, "batch_size is 61 and there are 54 training rows"),
        (X, Y, {"batch_size": 0}, ValueError, "batch_size must be a positive whole number"),
        (X, Y, {"epochs": 0}, ValueError, "epochs must be a positive whole number"),
        (X, Y, {"lr": -1.0}, ValueError, "lr must be a positive number"),
        (X, Y, {"method": "mcmc"}, ValueError, "unknown method 'mcmc'; choose one of 'map', 'ensemble'"),
        (X, Y, {"optimizer": "sgd"}, ValueError, "unknown optimizer 'sgd'; choose one of 'adam', 'lbfgs'"),
        (X, Y, {"validation": (X[:5], Y[:4])}, ValueError, "validation x has 5 rows and validation y has 4 rows"),
        (X, Y, {"validation": (X[:5, :2], Y[:5])}, ValueError, r"validation x has rows of shape \[2\], x of \[3\]"),
    ],
)
def test_fit_refuses(x: Any, y: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pc.fit(small_model(), x, y, progress=False, **options)


def test_impossible_requests_are_refused() -> None:
    model = small_model(prior=pc.priors.Normal(1.0))
    for options in ({"method": "svi"}, {"checkpoint": "folder"}):
        with pytest.raises(ValueError, match="optimizer='lbfgs' is for method='map'"):
            pc.fit(model, X, Y, optimizer="lbfgs", progress=False, **options)
    with pytest.raises(ValueError, match="nothing to learn"):
        pc.fit(pc.CostModel(torch.nn.Tanh(), pc.likelihoods.Poisson(3)), X, X > 0, progress=False)


def test_a_network_of_the_wrong_width_is_refused() -> None:
    model = pc.CostModel(torch.nn.Linear(3, 2), pc.likelihoods.NegativeBinomial(2, dispersion="predicted"))
    with pytest.raises(ValueError, match=r"returns \[2\] for each row; NegativeBinomial of 2 units needs \[4\]"):
        pc.fit(model, X, Y, progress=False)


def test_constant_columns_are_handled_with_a_warning() -> None:
    x = np.concatenate([X, np.full((60, 1), 1e6, dtype=np.float32)], axis=1)
    model = pc.CostModel(torch.nn.Linear(4, 2), pc.likelihoods.Poisson(2))
    with pytest.warns(UserWarning, match=r"x is constant in column\(s\) 3"):
        fitted = pc.fit(model, x, Y, epochs=2, progress=False)
    assert bool(torch.isfinite(fitted.predict(x).mean).all())


def test_predictions_refuse_other_inputs() -> None:
    fitted = pc.fit(small_model(), X, Y, epochs=1, progress=False)
    with pytest.raises(ValueError, match=r"x has rows of shape \[2\]; this fit was trained on \[3\]"):
        fitted.predict(X[:, :2])
    with pytest.raises(ValueError, match=r"x\[0, 0\] is not finite"):
        fitted.predict(changed(X, (0, 0), np.nan))
    with pytest.raises(ValueError, match="x has 60 rows and y has 10"):
        fitted.log_prob(X, Y[:10])


def test_frames_arrays_and_tensors_are_the_same_to_it() -> None:
    frames = pd.DataFrame(X, columns=list("abc")), pd.DataFrame(Y.astype(int), columns=["left", "right"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_frame = pc.fit(small_model(), *frames, epochs=2, progress=False)
        by_tensor = pc.fit(small_model(), torch.tensor(X), torch.tensor(Y), epochs=2, progress=False)
    assert by_frame.unit_names == ["left", "right"]
    assert torch.equal(by_frame.predict(frames[0]).mean, by_tensor.predict(X).mean)


def test_the_callers_data_is_never_written_to() -> None:
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    pc.fit(small_model(), x, y, epochs=1, progress=False)
    assert np.array_equal(x, X)
