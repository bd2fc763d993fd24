"""What a check looks at: observations beside everything the model said about them, as plain numpy arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.inputs import same_length

__all__ = ["Evidence", "Floats", "gather"]

Floats = NDArray[np.float64]

# Predictions computed in float32 leave [0, 1], or order, by this much.
_ROUNDING = 1e-5
# Samples of each row that its highest-density region is found from, where the model knows no better way.
_REPLICATES = 200
_NO_ARRAYS = ("unit_names", "discrete", "ordered")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Observations and the model's predictive distribution at each, float64: ``[T, N]``, and ``[T]`` where it says so.

    Attributes:
        y: observations, in their own units.
        mean, variance: of the prediction; may be infinite or NaN where it has none (heavy tails).
        log_prob: log p(y), nats; minus infinity for what the model holds impossible. ``[T]`` of whole vectors.
        cdf: P(Y ≤ y), of each unit by itself.
        cdf_below: P(Y < y); the same as ``cdf`` for continuous data, or below it where the distribution has no cdf and y's rank
            among samples of it stands in: the two are then the ends of a step.
        prob_zero: P(Y = 0); None for continuous data.
        null_log_prob: log p(y) under the null model, nats, shaped as ``log_prob``; None where there is none.
        unit_names: N names.
        discrete: whether observations are counts.
        region: content of the highest-density region that just holds y, ``[T]``; None for independent units. Found from
            samples it is known to a step: the step's upper end.
        region_below: the step's lower end; the same as ``region`` where the content is exact.
        ordered: whether rows follow each other in time.

    Raises:
        ValueError: where shapes differ, a number is not finite or no probability, or there are fewer than 2 rows.
    """

    y: Floats
    mean: Floats
    variance: Floats
    log_prob: Floats
    cdf: Floats
    cdf_below: Floats
    prob_zero: Floats | None
    null_log_prob: Floats | None
    unit_names: Sequence[str]
    discrete: bool
    region: Floats | None = None
    region_below: Floats | None = None
    ordered: bool = False

    def __post_init__(self) -> None:
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NO_ARRAYS}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        shape = self.y.shape
        by_row = {"region", "region_below"} | ({"log_prob", "null_log_prob"} if self.vectors else set())
        if len(shape) != 2 or shape[0] < 2 or shape[1] < 1:
            raise ValueError(f"y has shape {list(shape)}; a check needs [T, N] with at least 2 rows and 1 unit")
        for name, array in arrays.items():
            if array.shape != (shape[:1] if name in by_row else shape):
                raise ValueError(f"{name} has shape {list(array.shape)} and y has shape {list(shape)}")
            if array.dtype != np.float64:
                raise ValueError(f"{name} is {array.dtype}; float64 is needed")
        if len(self.unit_names) != shape[1]:
            raise ValueError(f"unit_names has {len(self.unit_names)} names and y has {shape[1]} units")
        _first_bad("y", self.y, ~np.isfinite(self.y), "finite")
        for name in {"log_prob", "null_log_prob"} & arrays.keys():
            _first_bad(name, arrays[name], ~(arrays[name] < np.inf), "a log-probability")
        for name in {"cdf", "cdf_below", "prob_zero", "region", "region_below"} & arrays.keys():
            within = (arrays[name] >= -_ROUNDING) & (arrays[name] <= 1 + _ROUNDING)
            _first_bad(name, arrays[name], ~within, "a probability")
        _first_bad("cdf_below", self.cdf_below, self.cdf_below > self.cdf + _ROUNDING, "at most cdf")

    @property
    def vectors(self) -> bool:
        """Whether the model describes each row as one vector, whose units may depend on each other."""
        return self.region is not None


def gather(fit: Any, x: Any, y: Any) -> Evidence:
    """Read off a fit what it says of observations ``y`` ``[T, N]`` given inputs ``x`` ``[T, ...]``, in bounded memory.

    One pass over chunks of rows; a second one for the regions of whole vectors.

    Raises:
        ValueError: for rows that differ in number, and as the fit does for inputs and observations it cannot take.
    """
    same_length(x=x, y=y)
    observations = fit.observations(y)
    predictive = fit.predict(x)
    reading = predictive.read(observations)
    region = region_below = None
    if fit.model.likelihood.event_dim:
        region, region_below = _region_step(predictive, observations)
    return Evidence(
        y=_numpy(observations),
        mean=_numpy(reading.mean),
        variance=_numpy(reading.variance),
        log_prob=_numpy(reading.log_prob),
        cdf=_numpy(reading.cdf),
        cdf_below=_numpy(reading.cdf_below),
        prob_zero=None if reading.prob_zero is None else _numpy(reading.prob_zero),
        null_log_prob=_numpy(fit.null_log_prob(y)),
        unit_names=list(fit.unit_names),
        discrete=bool(fit.model.likelihood.discrete),
        region=region,
        region_below=region_below,
        ordered=bool(fit.model.ordered),
    )


def _region_step(predictive: Any, y: Any) -> tuple[Floats, Floats]:
    """Both ends of what is known of the region's content.

    As the k-th of n samples in density y has a rank that is uniform over n + 1 steps, which k/n is not: at 20,000 rows
    a test of uniformity would see the difference. Of counts, ties with y widen the step.
    """
    content = _numpy(predictive.region(y, n=_REPLICATES))
    n = predictive.n_draws * math.ceil(_REPLICATES / predictive.n_draws)
    k = np.rint(content * n)
    if np.abs(content * n - k).max() > 1e-3:
        return content, content
    reached = k
    if predictive.model.likelihood.discrete:
        reached = np.rint(_numpy(predictive.region(y, n=_REPLICATES, ties=True)) * n)
    return (reached + 1) / (n + 1), k / (n + 1)


def _numpy(tensor: Any) -> Floats:
    return np.asarray(tensor.detach().cpu(), dtype=np.float64)


def _first_bad(name: str, array: Floats, bad: NDArray[np.bool_], wanted: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}[{', '.join(map(str, where))}] is {array[where]}; it must be {wanted}")
