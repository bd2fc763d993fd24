"""The past beside the present: earlier observations as inputs, a remedy for rows that depend on the rows before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probcost.inputs import as_inputs, as_tensor, column_names
from probcost.likelihoods.base import first_index

__all__ = ["History", "windows"]


@dataclass(frozen=True)
class History:
    r"""Put the ``n_lags`` observations before each row beside its inputs.

    .. math:: x'_t = (x_t, y_{t-1}, \dots, y_{t-L})

    The likelihood then describes each row given the rows before it, and the product of these is the probability of the whole
    series: autoregression, or the self- and cross-excitation of neurons. It predicts **one step ahead** only: the
    observation before must be known before the next is predicted.

    Call it once on all rows in their order, and split them afterwards, so that the first test rows see the rows before them.
    Rows without a past, the first ``n_lags`` of all or of each group, take each unit's mean instead: as many rows come
    out as went in.

    Args:
        n_lags: rows to look back, 1 or more.

    Calling it:
        x: inputs ``[T, P]``, in the order of time: a tensor, an array or a data frame.
        y: observations ``[T, N]`` or ``[T]`` of the same rows; ``T − 1`` where the last is still to come.
        groups: a label for each row, such as the trial or the recording; no past reaches over the border between two.

        Returns ``[T, P + n_lags * N]``, of x's kind: the P inputs, all units one row back, two rows back, ...

    Raises:
        ValueError: for fewer than one lag, not fewer lags than rows, rows that differ in number, or NaN and infinity.

    Source: Truccolo et al., "A point process framework for relating neural spiking activity to spiking history, neural
    ensemble, and extrinsic covariate effects", 2005, https://doi.org/10.1152/jn.00697.2004.

    Example:
        >>> History(2)
        History(n_lags=2): the 2 observations before each row become inputs
        >>> History(2)(torch.zeros(4, 1), torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([[0.0000, 2.5000, 2.5000],
                [0.0000, 1.0000, 2.5000],
                [0.0000, 2.0000, 1.0000],
                [0.0000, 3.0000, 2.0000]])
    """

    n_lags: int

    def __post_init__(self) -> None:
        if isinstance(self.n_lags, bool) or not isinstance(self.n_lags, int) or self.n_lags < 1:
            raise ValueError(f"n_lags must be a whole number of rows to look back, 1 or more, got {self.n_lags!r}")

    def __call__(self, x: Any, y: Any, *, groups: Any = None) -> Any:
        like = x if isinstance(x, Tensor) and x.is_floating_point() else torch.zeros((), dtype=torch.float64)
        inputs = as_inputs(x, like)
        if inputs.ndim != 2:
            raise ValueError(f"x has shape {list(inputs.shape)}; the past stands beside a table of inputs [T, P]")
        past = self._past(y, len(inputs), groups)
        both = torch.cat([inputs, torch.from_numpy(past).to(inputs)], dim=1)
        if hasattr(x, "columns"):
            import pandas as pd

            names = [*map(str, x.columns), *self.names(column_names(y) or _numbered(past.shape[1] // self.n_lags))]
            return pd.DataFrame(both.numpy(), columns=names, index=x.index)
        return both if isinstance(x, Tensor) else both.numpy()

    def names(self, units: list[str]) -> list[str]:
        """Names of the added columns: ``unit[t-1]``, ..., then ``unit[t-2]``, ..."""
        return [f"{unit}[t-{lag}]" for lag in range(1, self.n_lags + 1) for unit in units]

    def _past(self, y: Any, rows: int, groups: Any) -> NDArray[np.float64]:
        """``[T, n_lags * N]``, the most recent first."""
        observed = as_tensor(y, "y", torch.zeros((), dtype=torch.float64)).detach()
        observed = observed[:, None] if observed.ndim == 1 else observed
        if observed.ndim != 2 or len(observed) not in (rows, rows - 1):
            raise ValueError(
                f"y has shape {list(observed.shape)} and x has {rows:,} rows; y must be [T, N] with as many, or one less"
            )
        bad = first_index(~torch.isfinite(observed))
        if bad is not None:
            raise ValueError(f"y[{bad}] is not finite; observations must be finite numbers")
        if self.n_lags >= rows:
            raise ValueError(f"n_lags is {self.n_lags} and x has {rows:,} rows; it must look back less far than that")
        values = observed.numpy()
        mean = values.mean(axis=0)
        # Each row's past begins with the row before it; the last observation is nobody's past.
        shifted = np.concatenate([mean[None], values[: rows - 1]])
        past = windows(shifted, np.broadcast_to(mean, (self.n_lags - 1, len(mean))))
        outside = _rows_since_start(groups, rows)[:, None] < np.arange(1, self.n_lags + 1)
        past = np.where(outside[:, None, :], mean[:, None], past)
        return past.transpose(0, 2, 1).reshape(rows, -1)

    def __repr__(self) -> str:
        become = "the observation before each row becomes an input"
        if self.n_lags > 1:
            become = f"the {self.n_lags} observations before each row become inputs"
        return f"History(n_lags={self.n_lags}): {become}"


def windows(values: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row of ``values`` ``[T, P]`` and those before it, itself first; ``before`` ``[L, P]`` holds before the first row.

    Returns ``[T, P, L + 1]`` for the rows and their L predecessors: a view of one array, since windows overlap.
    """
    padded = np.concatenate([before, values])
    return np.lib.stride_tricks.sliding_window_view(padded, len(before) + 1, axis=0)[..., ::-1]


def _rows_since_start(groups: Any, rows: int) -> NDArray[np.int64]:
    """How many rows of the same group come right before each row, ``[T]``."""
    numbers = np.arange(rows)
    if groups is None:
        return numbers
    labels = np.asarray(groups)
    if labels.shape != (rows,):
        raise ValueError(f"groups has shape {list(labels.shape)}; one label for each of the {rows:,} rows is needed")
    begins = np.concatenate([[True], labels[1:] != labels[:-1]])
    return numbers - np.maximum.accumulate(np.where(begins, numbers, 0))


def _numbered(units: int) -> list[str]:
    return ["y"] if units == 1 else [f"y{i}" for i in range(units)]
