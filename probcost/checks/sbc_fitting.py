"""Fits for simulation-based calibration: near their optimum by default, and told apart where they are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from probcost.inference import NonFiniteCostError, fit
from probcost.inference.history import History
from probcost.model import CostModel

__all__ = ["still_falling", "to_convergence"]

# Options of `probcost.fit` that say how to train: whoever gives one of them chooses all.
_TRAINING = ("epochs", "batch_size", "lr", "optimizer")
# Draws of a Markov chain for each that is ranked: neighbours in a chain are alike, ranks want independent ones.
_THINNING = 3
_STEPS, _BATCH, _LR = 2000, 512, 0.02  # of SVI, from the point on
_STILL = 1e-9  # learning rate at which a single step leaves the point where it is
_WINDOW = 0.2  # of the epochs, at the end
# Nats that the whole data set's cost may still fall between the last two windows: half a nat is one standard deviation of a
# posterior of one parameter.
_FALL = 0.1
_ERRORS = 4.0


def to_convergence(
    model: CostModel, x: Any, y: Tensor, method: str, draws: int, seed: int, options: Mapping[str, Any]
) -> Any:
    """Fit all rows by ``method``; unless ``options`` say how to train, from the maximum a posteriori as L-BFGS finds it.

    Truths drawn from a wide prior lie far from where networks start, and Adam goes at most its learning rate a step: with
    few rows an epoch has few steps, so that the defaults of `probcost.fit` often end on the way.
    """
    own: dict[str, Any] = {"method": method, "validation": None, "seed": seed, "progress": False}
    if method == "nuts":
        own |= {"draws": _THINNING * draws, "chains": 1}
    if any(name in options for name in _TRAINING):
        return fit(model, x, y, **own, **options)
    device = {"device": options["device"]} if "device" in options else {}
    try:
        point = fit(model, x, y, method="map", optimizer="lbfgs", validation=None, seed=seed, progress=False, **device)
    except NonFiniteCostError:  # its line search may leap to where the likelihood has no number
        return fit(model, x, y, **own, **options)
    if method == "map":
        return point
    # From the point on, however far it is from the null model.
    point.model.likelihood.starts_at_null = False  # type: ignore[misc]
    rows = len(y)
    batch = min(_BATCH, rows)
    training: dict[str, Any] = {"batch_size": batch, "epochs": 1, "lr": _STILL}
    if method == "svi":
        training |= {"epochs": -(-_STEPS // -(-rows // batch)), "lr": _LR}
    found = fit(point.model, x, y, **own, **training, **options)
    return found if method == "svi" else dataclasses.replace(found, history=point.history)


def still_falling(history: History, rows: int) -> bool:
    """Whether the cost of the whole data set, in nats, fell at the end beyond its noise, or L-BFGS had not arrived."""
    if history.stopped.startswith("all") and history.stopped.endswith("rounds done"):
        return True
    if history.stopped == "converged":
        return False
    cost = rows * np.asarray(history.cost)
    window = max(1, int(_WINDOW * len(cost)))
    if len(cost) < 3:
        return True
    before, last = cost[-2 * window : -window], cost[-window:]
    noise = np.sqrt((before.var() + last.var()) / window)
    return bool(before.mean() - last.mean() > max(_FALL, _ERRORS * noise))
