"""Inference: from a cost model and data to a Fit. One file a method, one training loop."""

from __future__ import annotations

import copy
import math
import os
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probcost.inference.data import TrainingData, prepare
from probcost.inference.drift import recent_baseline
from probcost.inference.history import History
from probcost.inference.map_estimate import MapObjective, lbfgs
from probcost.inference.posterior import GuidePosterior, PointEstimate, Posterior
from probcost.inference.result import Fit
from probcost.inference.storage import load
from probcost.inference.svi import SviObjective, build_guide
from probcost.inference.training import NonFiniteCostError, Settings, train
from probcost.model import CostModel
from probcost.predict import seeded

__all__ = ["Fit", "History", "NonFiniteCostError", "fit", "load"]

METHODS = ("map", "svi")
_OPTIMIZERS = ("adam", "lbfgs")
_JUDGED_ROWS = 4096


def fit(
    model: CostModel,
    x: Any,
    y: Any,
    *,
    method: str = "map",
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    validation: Any = "auto",
    groups: Any = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    optimizer: str = "adam",
    guide: str = "normal",
) -> Fit:
    r"""Fit a cost model to data: find the parameters, or their distribution, that the cost function asks for.

    The model given is left as it was; the fit holds a trained copy, which takes inputs in original units.

    Args:
        model: prior + network + likelihood.
        x: inputs ``[T, ...]``: a tensor, an array or a data frame, in any units; standardised inside.
        y: observations ``[T, N]``, likewise; the columns of a data frame name the units.
        method: ``"map"`` (a point: maximum a posteriori) or ``"svi"`` (a variational posterior).
        epochs: at most so many passes over the rows; early stopping usually ends training before.
        batch_size: rows a step; at most the number of training rows.
        lr: learning rate of Adam.
        validation: rows to judge on: ``"auto"`` holds out a tenth (whole groups where groups are given, whole stretches
            of time where the model is ordered, else rows at random), a fraction likewise, ``(x, y)``, or None for none.
        groups: one label a row; rows of one group are never split between training and held-out rows.
        seed: the same seed gives the same numbers on the same machine.
        device: where to train, such as ``"cuda"``; None for where the model is.
        progress: show a progress bar.
        checkpoint: a folder to save the training state in, every few seconds; the same call resumes from it.
        optimizer: ``"adam"``, or ``"lbfgs"`` for small convex problems (MAP only; nothing is held out unless given).
        guide: with SVI, the posterior's family: ``"normal"`` (mean field), ``"diagonal_normal"``, ``"low_rank_normal"``
            or ``"multivariate_normal"``.

    Raises:
        ValueError, TypeError: for bad input, before the first training step, saying what was found and what is accepted.
        NonFiniteCostError: when the cost becomes NaN or infinite, naming the site, the step and the batch.

    Example:
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> fitted.predict(x).mean.shape
        torch.Size([400, 1])
    """
    for name, value, choices in (("method", method, METHODS), ("optimizer", optimizer, _OPTIMIZERS)):
        if value not in choices:
            raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(map(repr, choices))}")
    if optimizer == "lbfgs" and (method != "map" or checkpoint is not None):
        raise ValueError("optimizer='lbfgs' is for method='map' and has no checkpoints; use optimizer='adam'")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("the model has nothing to learn: none of its parameters requires a gradient")
    full_batch = optimizer == "lbfgs"
    trained = copy.deepcopy(model)
    if device is not None:
        trained.to(device)
    # Inputs are standardised once, before training; what an earlier fit had measured belongs to that fit.
    trained.standardize, trained.baseline = nn.Identity(), None
    if full_batch and isinstance(validation, str):
        validation = None
    data = prepare(trained, x, y, validation=validation, groups=groups, seed=seed)
    settings = _settings(data, epochs, batch_size, lr, seed, method)
    _check_network(trained, data)
    with seeded(seed, data.train.x.device):
        _start_at_null(trained, data)
    posterior: Posterior = PointEstimate()
    if full_batch:
        history = lbfgs(trained, data, epochs=epochs or 200, progress=progress)
    elif method == "map":
        history = train(MapObjective(trained), data, settings, progress=progress, checkpoint=checkpoint)
    else:
        example = data.train.x[:1]
        with seeded(seed, example.device):
            autoguide = build_guide(trained, guide, example, data.train.y[:1])
        objective = SviObjective(trained, autoguide, seed)
        history = train(objective, data, settings, progress=progress, checkpoint=checkpoint)
        posterior = variational = GuidePosterior(autoguide, guide, example)
        variational.centre(trained)
    half_life = math.inf
    if trained.drifting:
        shift, half_life = recent_baseline(trained, data.in_order.x, data.in_order.y)
        if math.isfinite(half_life):
            trained.baseline = F.pad(shift, (0, trained.likelihood.num_outputs - len(shift)))
    trained.standardize = data.standardize
    trained.eval()
    return Fit(
        model=trained,
        method=method,
        posterior=posterior,
        history=history,
        input_shape=data.train.x.shape[1:],
        unit_names=data.unit_names,
        null_mean=data.mean,
        null_variance=data.variance,
        drift_half_life=half_life,
        seed=seed,
    )


def _settings(
    data: TrainingData, epochs: int | None, batch_size: int | None, lr: float | None, seed: int, method: str
) -> Settings:
    rows = len(data.train)
    if batch_size is not None and batch_size > rows:
        raise ValueError(f"batch_size is {batch_size:,} and there are {rows:,} training rows; it can be at most that")
    # At least some twenty steps an epoch on small data; beyond 512 rows a step costs more than it teaches.
    automatic = min(512, max(32, rows // 20), rows)
    return Settings(
        epochs=200 if epochs is None else epochs,
        batch_size=automatic if batch_size is None else batch_size,
        lr=2e-3 if lr is None else lr,
        patience=10,
        seed=seed,
    )


def _check_network(model: CostModel, data: TrainingData) -> None:
    """Run the network on two rows, so that a wrong width is an error about widths."""
    x = data.train.x[:2]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            raw = model.network(x)
    except RuntimeError as error:
        raise ValueError(f"the network cannot take x with rows of shape {list(x.shape[1:])}: {error}") from error
    finally:
        model.train(was_training)
    expected = (len(x), model.likelihood.num_outputs)
    if not isinstance(raw, Tensor) or tuple(raw.shape) != expected:
        found = list(raw.shape[1:]) if isinstance(raw, Tensor) else type(raw).__name__
        raise ValueError(
            f"the network returns {found} for each row; {type(model.likelihood).__name__} of "
            f"{model.likelihood.n_units} {model.likelihood.unit}s needs [{model.likelihood.num_outputs}] raw outputs"
        )


def _start_at_null(model: CostModel, data: TrainingData) -> None:
    """Begin from the null model: the last linear layer's bias at the raw outputs of each unit's mean, its weights at zero.

    Otherwise the first epochs are spent on finding the mean counts, at a learning rate meant for the rest. A network that
    already predicts better than the null model was trained before, and goes on from where it is.
    """
    linear = [module for module in model.network.modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1].bias is None or linear[-1].out_features != model.likelihood.num_outputs:
        return
    last, x, y = linear[-1], data.train.x[:_JUDGED_ROWS], data.train.y[:_JUDGED_ROWS]
    given = copy.deepcopy(last.state_dict())
    model.eval()
    with torch.no_grad():
        as_given = model.distribution(x).log_prob(y).sum()
        last.weight.zero_()
        last.bias.copy_(model.likelihood.initial_raw(data.mean, data.variance))
        if as_given > model.distribution(x).log_prob(y).sum():
            last.load_state_dict(given)
    model.train()
