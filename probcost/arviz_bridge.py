"""Numpy arrays in, ArviZ's own objects and numbers out: the only file that knows which ArviZ is installed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["psis_loo", "relative_efficiency", "to_arviz"]

Arrays = Mapping[str, NDArray[Any]]

# Every group is sampled along chain and draw, except those that hold data; these two sets are drawn independently.
_OF_THE_POSTERIOR = ("posterior", "sample_stats", "posterior_predictive", "log_likelihood", "predictions")
_OF_THE_PRIOR = ("prior", "prior_predictive")
_REPLICATES = ("posterior_predictive", "prior_predictive", "predictions")


def to_arviz(
    *,
    site: str,
    observed: NDArray[Any],
    dims: Sequence[str],
    discrete: bool,
    posterior: Arrays | None = None,
    posterior_predictive: Arrays | None = None,
    log_likelihood: Arrays | None = None,
    sample_stats: Arrays | None = None,
    prior: Arrays | None = None,
    prior_predictive: Arrays | None = None,
    constant_data: Arrays | None = None,
    predictions: Arrays | None = None,
    predictions_constant_data: Arrays | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
    attrs: Mapping[str, str | float] | None = None,
) -> Any:
    """An ``InferenceData`` (ArviZ 0.x) or a ``DataTree`` (ArviZ 1.x) of the same groups, dimensions and dtypes.

    A group is a mapping of variable names to arrays; ``None`` leaves it out. A discrete site becomes int64 in every
    group that holds observations: ArviZ 0.x tells counts from reals by dtype, and float counts ruin its LOO-PIT.

    Dimensions: the site has ``dims``; data given with each observation begin with ``dims[0]``; a linear layer's
    ``weight`` has ``weight_out`` and ``weight_in``; any other axis of ``v`` is ``v_dim_0``, ``v_dim_1``, ..., so that
    two variables share no dimension but these.

    Args:
        site: name of the observed variable.
        observed: observations ``[T, ...]``, in their own units.
        dims: one name for each axis of ``observed``, such as ``("time", "neuron")``.
        discrete: whether observations are integers.
        posterior, prior: parameters ``[chain, draw, ...]``.
        posterior_predictive, prior_predictive: replicates of the site, ``[chain, draw, *observed.shape]``.
        log_likelihood: log p(observed) of each draw in nats, ``[chain, draw, T, ...]``; joint over the axes it lacks.
        sample_stats: such as ``lp``, ``[chain, draw, ...]``.
        constant_data: such as inputs, ``[T, ...]``.
        predictions, predictions_constant_data: as the groups above, for other rows, T' of them.
        coords: dimension name → one label for each position; positions are numbered where it says nothing.
        attrs: of the whole object, such as how it was inferred.

    Raises:
        ValueError: where two shapes disagree, stating both; where a discrete observation is no integer.

    Source: Kumar et al., "ArviZ a unified library for exploratory analysis of Bayesian models in Python", 2019,
    https://doi.org/10.21105/joss.01143
    """
    given: dict[str, Arrays | None] = {
        "posterior": posterior,
        "posterior_predictive": posterior_predictive,
        "log_likelihood": log_likelihood,
        "sample_stats": sample_stats,
        "prior": prior,
        "prior_predictive": prior_predictive,
        "constant_data": constant_data,
        "predictions": predictions,
        "predictions_constant_data": predictions_constant_data,
        "observed_data": {site: observed},
    }
    groups = {
        group: {name: np.asarray(array) for name, array in arrays.items()}
        for group, arrays in given.items()
        if arrays is not None
    }
    labels = {dim: np.asarray(labels) for dim, labels in (coords or {}).items()}
    _check_observed(groups["observed_data"][site], site, dims, labels, discrete)
    _check_samples(groups, site)
    _check_rows(groups, site)

    for group in (*_REPLICATES, "observed_data"):
        if discrete and site in groups.get(group, {}):
            groups[group][site] = groups[group][site].astype(np.int64)
    # Labels of the observed rows say nothing about other rows.
    other_labels = {dim: values for dim, values in labels.items() if dim != dims[0]}
    named = _dims(groups, site, dims)
    return _build(groups, coords=labels, dims=named, pred_coords=other_labels, pred_dims=named, attrs=dict(attrs or {}))


def psis_loo(
    log_likelihood: NDArray[Any], relative_efficiency: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Leave-one-out log predictive densities, and Pareto shapes k of their importance weights, by ArviZ's own smoothing.

    .. math:: \log p(y_t \mid y_{-t}) \approx \log \frac{\sum_s w_{ts} \, p(y_t \mid \theta_s)}{\sum_s w_{ts}}

    Args:
        log_likelihood: log p(y_t | θ_s) in nats, ``[T, S]``, finite.
        relative_efficiency: effective over actual number of draws.

    Returns:
        both ``[T]``.

    Source: Vehtari, Simpson, Gelman, Yao & Gabry, "Pareto smoothed importance sampling", 2024,
    https://jmlr.org/papers/v25/19-556.html
    """
    log_likelihood = np.asarray(log_likelihood, dtype=np.float64)
    az: Any = importlib.import_module("arviz")
    if _major(az) >= 1:
        array_stats: Any = importlib.import_module("arviz_stats.base").array_stats
        # Takes log-likelihoods, and negates them itself.
        log_weights, k = array_stats.psislw(log_likelihood, r_eff=relative_efficiency, axis=-1)
    else:
        log_weights, k = az.psislw(-log_likelihood, relative_efficiency)
    total = np.logaddexp.reduce(log_weights, axis=-1)
    return np.logaddexp.reduce(log_weights + log_likelihood, axis=-1) - total, np.asarray(k, dtype=np.float64)


def relative_efficiency(draws: NDArray[Any]) -> float:
    """Effective over actual number of draws of one quantity, ``[chain, draw]``: the bulk's, by ArviZ.

    Source: Vehtari et al., "Rank-normalization, folding, and localization: an improved R-hat", 2021,
    https://doi.org/10.1214/20-BA1221
    """
    az: Any = importlib.import_module("arviz")
    return float(az.ess(np.asarray(draws, dtype=np.float64), method="bulk", relative=True))


def _major(az: Any) -> int:
    return int(az.__version__.split(".")[0])


def _build(groups: dict[str, dict[str, NDArray[Any]]], attrs: dict[str, Any], **names: Any) -> Any:
    # Any: the installed version's annotations fit only its own call.
    az: Any = importlib.import_module("arviz")
    if _major(az) >= 1:
        return az.from_dict(groups, attrs={"/": attrs}, **names)
    return az.from_dict(**groups, **names, attrs=attrs)


def _dims(groups: Mapping[str, Arrays], site: str, dims: Sequence[str]) -> dict[str, list[str]]:
    """Names of every variable's axes, chain and draw left out."""
    named = {}
    for group, arrays in groups.items():
        for name, array in arrays.items():
            if group.endswith("constant_data"):
                named[name] = [dims[0], *(f"{name}_dim_{i}" for i in range(array.ndim - 1))]
            elif group in _OF_THE_POSTERIOR + _OF_THE_PRIOR and name != site:
                # torch keeps a linear layer's weight as [out, in].
                linear = name.split(".")[-1] == "weight" and array.ndim == 4
                axes = ("out", "in") if linear else [f"dim_{i}" for i in range(array.ndim - 2)]
                named[name] = [f"{name}_{axis}" for axis in axes]
    return named | {site: list(dims)}


def _check_observed(
    observed: NDArray[Any], site: str, dims: Sequence[str], labels: Mapping[str, NDArray[Any]], discrete: bool
) -> None:
    if observed.ndim == 0 or len(dims) != observed.ndim:
        raise ValueError(f"observed has shape {list(observed.shape)} and dims names {len(dims)} axes: {list(dims)}")
    for dim, size in zip(dims, observed.shape, strict=True):
        if dim in labels and len(labels[dim]) != size:
            raise ValueError(f"{site} has {size:,} positions along {dim!r} and coords has {len(labels[dim]):,} labels")
    if discrete and (broken := np.argwhere(observed != np.rint(observed))).size:
        where = tuple(int(i) for i in broken[0])
        raise ValueError(f"{site} is discrete and observed[{', '.join(map(str, where))}] is {observed[where]}")


def _check_samples(groups: Mapping[str, Arrays], site: str) -> None:
    """Chains and draws agree among groups drawn together, and what is drawn for the site has the site's shape."""
    shape = groups["observed_data"][site].shape
    for together in (_OF_THE_POSTERIOR, _OF_THE_PRIOR):
        first: tuple[str, tuple[int, ...]] | None = None
        for group in together:
            for name, array in groups.get(group, {}).items():
                if array.ndim < 2:
                    raise ValueError(f"{group}[{name!r}] has shape {list(array.shape)}; it must begin with chain, draw")
                first = first or (f"{group}[{name!r}]", array.shape[:2])
                if array.shape[:2] != first[1]:
                    found, expected = list(array.shape[:2]), list(first[1])
                    raise ValueError(f"{group}[{name!r}] has {found} chains and draws, {first[0]} has {expected}")
                if name == site and not _fits(group, array.shape[2:], shape):
                    raise ValueError(
                        f"{group}[{name!r}] has shape {list(array.shape)}, chain and draw first; "
                        f"observed has shape {list(shape)}"
                    )


def _fits(group: str, drawn: tuple[int, ...], observed: tuple[int, ...]) -> bool:
    if group == "predictions":
        return drawn[1:] == observed[1:]
    if group == "log_likelihood":
        return len(drawn) >= 1 and drawn == observed[: len(drawn)]
    return group not in _REPLICATES or drawn == observed


def _check_rows(groups: Mapping[str, Arrays], site: str) -> None:
    """Data given with each observation have as many rows as there are observations."""
    references = (
        ("constant_data", "observed", groups["observed_data"][site].shape[0]),
        ("predictions_constant_data", "predictions", _rows_predicted(groups, site)),
    )
    for group, reference, rows in references:
        for name, array in groups.get(group, {}).items():
            if rows is not None and array.shape[:1] != (rows,):
                raise ValueError(f"{group}[{name!r}] has shape {list(array.shape)} and {reference} has {rows:,} rows")


def _rows_predicted(groups: Mapping[str, Arrays], site: str) -> int | None:
    replicates = groups.get("predictions", {}).get(site)
    return None if replicates is None else replicates.shape[2]
