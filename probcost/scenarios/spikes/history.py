"""What happened before each bin: the inputs of that bin and of earlier ones, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.history import windows

__all__ = ["lag_window", "raised_cosine", "window_names"]


def lag_window(x: ArrayLike, n_lags: int) -> NDArray[np.float64]:
    r"""Each bin's inputs and those of the ``n_lags`` bins before it.

    .. math:: w_t = (x_t, x_{t-1}, \dots, x_{t-L})

    Before the recording began, the first observation is taken to have held: ``x[t] = x[0]`` for ``t < 0``.

    Args:
        x: ``[T, P]``, or ``[T]`` for one column.
        n_lags: bins to look back; 0 gives ``x`` itself.

    Returns:
        ``[T, (n_lags + 1) * P]``: the P columns of this bin, then of 1, 2, ..., ``n_lags`` bins back.

    Raises:
        ValueError: for an empty ``x``, NaN or infinity (the first index is named), or a number of lags that is
            negative, not whole, or not smaller than T.

    Example:
        >>> lag_window([[0.0], [1.0], [2.0]], n_lags=1)  # this bin and the one before it
        array([[0., 0.],
               [1., 0.],
               [2., 1.]])
    """
    past = _past(x, n_lags)
    return past.transpose(0, 2, 1).reshape(len(past), -1)


def raised_cosine(x: ArrayLike, n_bases: int, n_lags: int) -> NDArray[np.float64]:
    r"""The past of each input seen through a few smooth windows, fine for recent bins and coarse for old ones.

    .. math::
        b_j(\tau) \propto \tfrac12 + \tfrac12 \cos\!\big(\operatorname{clip}(\tfrac{\pi}{2\Delta}
        (\log(1 + \tau) - \phi_j), -\pi, \pi)\big), \qquad \tau = 0, \dots, L

    with peaks φ_j a distance Δ apart from log 1 to log(1 + L), each window scaled to sum to one, so that an output is a
    weighted mean of the input in the input's units. Causal: only this bin and earlier ones enter. The start is padded
    as by `lag_window`.

    Pillow et al., "Spatio-temporal correlations and visual signalling in a complete neuronal population", 2008,
    https://doi.org/10.1038/nature07140 (the basis is in its supplement).

    Args:
        x: ``[T, P]``, or ``[T]`` for one column.
        n_bases: windows per input.
        n_lags: bins to look back, at least 1.

    Returns:
        ``[T, n_bases * P]``: the P columns through the first (most recent) window, then through the second, and so on.

    Raises:
        ValueError: as `lag_window` does; also for fewer than one basis, or more than ``n_lags`` bins can tell apart.

    Example:
        >>> windows = raised_cosine(np.ones((100, 2)), n_bases=4, n_lags=20)
        >>> windows.shape, bool(np.allclose(windows, 1.0))  # weighted means of a constant
        ((100, 8), True)
    """
    if n_bases != int(n_bases) or n_bases < 1:
        raise ValueError(f"n_bases is {n_bases}, it must be a whole number of at least 1")
    if n_lags == 0:
        raise ValueError("n_lags is 0, raised cosines need at least 1 bin to look back")
    past = _past(x, n_lags)
    log_lag = np.log1p(np.arange(n_lags + 1))
    peaks = np.linspace(0.0, log_lag[-1], int(n_bases))
    spacing = log_lag[-1] / max(n_bases - 1, 1)
    phase = np.pi / (2 * spacing) * (log_lag[:, None] - peaks)
    basis = 0.5 + 0.5 * np.cos(np.clip(phase, -np.pi, np.pi))  # [n_lags + 1, n_bases]
    if np.linalg.matrix_rank(basis) < n_bases:
        raise ValueError(
            f"n_bases is {n_bases}: so many log-spaced windows cannot be told apart in {n_lags + 1} bins, take fewer"
        )
    return (past @ (basis / basis.sum(0))).transpose(0, 2, 1).reshape(len(past), -1)


def window_names(names: Sequence[str], n_lags: int) -> list[str]:
    """Names for `lag_window`'s columns: ``speed[t]``, ..., ``speed[t-1]``, ...

    Example:
        >>> window_names(["speed", "lean"], n_lags=1)
        ['speed[t]', 'lean[t]', 'speed[t-1]', 'lean[t-1]']
    """
    return [f"{name}[t-{lag}]" if lag else f"{name}[t]" for lag in range(n_lags + 1) for name in names]


def _past(x: ArrayLike, n_lags: int) -> NDArray[np.float64]:
    """``[T, P, n_lags + 1]``, this bin first: a view, since windows overlap."""
    inputs = np.asarray(x, dtype=np.float64)
    if inputs.ndim == 1:
        inputs = inputs[:, None]
    if inputs.ndim != 2 or inputs.size == 0:
        raise ValueError(f"x has shape {list(np.shape(x))}, it must be [T, P] with at least one row and one column")
    finite = np.isfinite(inputs)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"x[{row}, {column}] is {inputs[row, column]}; inputs must be finite numbers")
    if n_lags != int(n_lags) or n_lags < 0:
        raise ValueError(f"n_lags is {n_lags}, it must be a whole number of bins, 0 or more")
    if n_lags >= len(inputs):
        raise ValueError(f"n_lags is {n_lags}, but x has {len(inputs)} bins: windows must be shorter than that")
    return windows(inputs, before=np.repeat(inputs[:1], n_lags, axis=0))
