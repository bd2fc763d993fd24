"""What is ranked: parameters, predicted means, and the log-likelihood, of the truth and of every posterior draw alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probcost.checks.evidence import Floats
from probcost.model import CostModel

__all__ = ["Quantity", "chosen_quantities"]

_MEANS, _PARAMETERS = 3, 5

# Draws of parameters {name: [S, ...]}, the distribution under each [S, T, N], and observations [T, N] -> [S].
Quantity = Callable[[Mapping[str, Tensor], Any, Tensor], Floats]


def chosen_quantities(
    asked: Any, model: CostModel, drawn: Sequence[str], shape: tuple[int, int], seed: int
) -> dict[str, Quantity]:
    """What was asked for, or the log-likelihood, some predicted means, and some entries of the parameters that are drawn.

    The log-likelihood depends on the data, as Modrák et al. ask: a posterior that ignores them, the prior, has uniform
    ranks of every parameter.

    Args:
        asked: None; or a list of ``"log_likelihood"``, ``"mean"`` and names of parameters; or a mapping from names to
            callables of a distribution ``[S, T, N]`` and observations ``[T, N]``, which return ``[S]``.
        drawn: names of the parameters that the posterior draws.
        shape: (T, N).

    Raises:
        ValueError, TypeError: for a name that is none of these, or what is neither a list nor a mapping of callables.

    Source: Modrák et al., "Simulation-based calibration checking for Bayesian computation: The choice of test quantities
    shapes sensitivity", 2023, https://doi.org/10.1214/23-BA1404
    """
    rng = np.random.default_rng(seed)
    if isinstance(asked, Mapping):
        broken = next((name for name, one in asked.items() if not callable(one)), None)
        if broken is not None or not asked:
            raise TypeError(f"quantities[{broken!r}] is not callable; it must take a distribution and observations")
        return {str(name): _own(one) for name, one in asked.items()}
    if isinstance(asked, str):
        asked = [asked]
    entries = [(name, i) for name in drawn for i in range(model.get_parameter(name).numel())]
    if asked is None:
        some = sorted(rng.permutation(len(entries))[:_PARAMETERS].tolist())
        return {"log_likelihood": _log_likelihood, **_means(shape, rng), **_entries(model, [entries[i] for i in some])}
    choices = ["log_likelihood", "mean", *drawn]
    found: dict[str, Quantity] = {}
    for name in asked:
        if name not in choices:
            raise ValueError(
                f"unknown quantity {name!r}; choose from {', '.join(map(repr, choices))}, or give callables"
            )
        if name == "log_likelihood":
            found[name] = _log_likelihood
        elif name == "mean":
            found |= _means(shape, rng)
        else:
            found |= _entries(model, [entry for entry in entries if entry[0] == name])
    if not found:
        raise ValueError("quantities is empty; None ranks the log-likelihood, predicted means and parameters")
    return found


def _own(function: Callable[[Any, Tensor], Any]) -> Quantity:
    def quantity(draws: Mapping[str, Tensor], distribution: Any, y: Tensor) -> Floats:
        return np.asarray(torch.as_tensor(function(distribution, y)).detach().cpu(), dtype=np.float64)

    return quantity


def _log_likelihood(draws: Mapping[str, Tensor], distribution: Any, y: Tensor) -> Floats:
    log_prob = distribution.log_prob(y).double()
    return np.asarray(log_prob.flatten(1).sum(1).cpu())


def _means(shape: tuple[int, int], rng: np.random.Generator) -> dict[str, Quantity]:
    rows, units = shape
    some = sorted(rng.choice(rows * units, size=min(_MEANS, rows * units), replace=False).tolist())

    def at(row: int, unit: int) -> Quantity:
        return lambda draws, distribution, y: np.asarray(distribution.mean[..., row, unit].double().cpu())

    return {f"mean[{i // units}, {i % units}]": at(i // units, i % units) for i in some}


def _entries(model: CostModel, entries: Sequence[tuple[str, int]]) -> dict[str, Quantity]:
    def at(name: str, i: int) -> Quantity:
        return lambda draws, distribution, y: np.asarray(draws[name].flatten(1)[:, i].double().cpu())

    named = {}
    for name, i in entries:
        place = ", ".join(str(int(p)) for p in np.unravel_index(i, tuple(model.get_parameter(name).shape)))
        named[f"{name}[{place}]"] = at(name, i)
    return named
