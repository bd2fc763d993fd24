"""History windows: the right bin in the right column, causal, and smooth bases that do what their formula says."""

from __future__ import annotations

import numpy as np
import pytest

from probcost.scenarios.spikes.history import lag_window, raised_cosine, window_names

X = np.column_stack([np.arange(10.0), 100 + np.arange(10.0)])


def test_this_bin_first_then_the_past_and_the_start_repeated() -> None:
    window = lag_window(X, 2)
    assert window.shape == (10, 6)
    assert window[5].tolist() == [5, 105, 4, 104, 3, 103]
    assert window[0].tolist() == [0, 100, 0, 100, 0, 100]
    assert window[1].tolist() == [1, 101, 0, 100, 0, 100]


def test_no_lags_is_the_input_itself() -> None:
    assert (lag_window(X, 0) == X).all()
    assert lag_window(X[:, 0], 1).shape == (10, 2)


def test_names_stand_above_their_columns() -> None:
    assert window_names(["a", "b"], 2) == ["a[t]", "b[t]", "a[t-1]", "b[t-1]", "a[t-2]", "b[t-2]"]


def impulse_response(n_bases: int, n_lags: int) -> np.ndarray:
    impulse = np.zeros((2 * n_lags + 2, 1))
    impulse[n_lags] = 1
    return raised_cosine(impulse, n_bases, n_lags)


def test_raised_cosines_look_back_only_and_only_so_far() -> None:
    response = impulse_response(4, 20)
    assert (response[:20] == 0).all()
    assert (response[41:] == 0).all()
    assert (response[20:41] >= 0).all()


def test_raised_cosines_follow_the_formula() -> None:
    n_bases, n_lags = 4, 20
    log_lag = np.log(1 + np.arange(n_lags + 1))
    spacing = log_lag[-1] / (n_bases - 1)
    response = impulse_response(n_bases, n_lags)[n_lags : 2 * n_lags + 1]
    for j in range(n_bases):
        angle = np.pi * (log_lag - j * spacing) / (2 * spacing)
        bump = np.where(np.abs(angle) < np.pi, (1 + np.cos(angle)) / 2, 0)
        np.testing.assert_allclose(response[:, j], bump / bump.sum(), atol=1e-12)


def test_older_windows_are_later_and_wider() -> None:
    response = impulse_response(5, 40)[40:81]
    lag = np.arange(41)[:, None]
    centre = (lag * response).sum(0)
    width = np.sqrt((lag**2 * response).sum(0) - centre**2)
    assert (np.diff(centre) > 0).all()
    assert (np.diff(width[:-1]) > 0).all()


def test_a_constant_input_stays_itself_in_every_window() -> None:
    projected = raised_cosine(np.tile([3.0, -2.0], (30, 1)), 3, 10)
    np.testing.assert_allclose(projected, np.tile([3.0, -2.0], (30, 3)), rtol=1e-12)


def test_one_basis_per_lag_spans_the_plain_lags() -> None:
    x = np.random.default_rng(0).normal(size=(200, 1))
    smooth, plain = raised_cosine(x, 6, 5), lag_window(x, 5)
    _, residual, rank, _ = np.linalg.lstsq(smooth, plain)
    assert rank == 6
    np.testing.assert_allclose(residual, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("x", "n_lags", "message"),
    [
        (np.where(X == 103, np.nan, X), 2, r"x\[3, 1\] is nan"),
        (np.where(X == 103, np.inf, X), 2, r"x\[3, 1\] is inf"),
        (X, -1, "n_lags is -1"),
        (X, 1.5, "n_lags is 1.5"),
        (X, 10, "n_lags is 10, but x has 10 bins"),
        (X[:0], 2, r"x has shape \[0, 2\]"),
        (X[None], 2, r"x has shape \[1, 10, 2\]"),
    ],
)
def test_bad_input(x: np.ndarray, n_lags: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lag_window(x, n_lags)
    with pytest.raises(ValueError, match=message):
        raised_cosine(x, 1, n_lags)


@pytest.mark.parametrize(
    ("n_bases", "n_lags", "message"),
    [
        (0, 5, "n_bases is 0"),
        (2.5, 5, "n_bases is 2.5"),
        (7, 5, "n_bases is 7: .* cannot be told apart in 6 bins"),
        (1, 0, "n_lags is 0"),
    ],
)
def test_bad_bases(n_bases: int, n_lags: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raised_cosine(X, n_bases, n_lags)
