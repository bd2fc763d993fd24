"""Inference: from a cost model and data to a Fit. One file a method, one training loop."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probcost.inference import ensemble, laplace, map_estimate, nuts, svi
from probcost.inference.calibrate import calibrate
from probcost.inference.crossfit import Part, crossfit
from probcost.inference.data import TrainingData, prepare
from probcost.inference.drift import recent_baseline
from probcost.inference.guides import Guide
from probcost.inference.history import History
from probcost.inference.own_loop import as_fit
from probcost.inference.posterior import Posterior
from probcost.inference.result import Fit
from probcost.inference.storage import load
from probcost.inference.task import Task, last_linear
from probcost.inference.training import NonFiniteCostError, Settings
from probcost.model import CostModel
from probcost.predict import seeded

__all__ = ["Fit", "History", "NonFiniteCostError", "as_fit", "fit", "load"]

# Each takes the task and its own options, trains the task's model in place, and returns what it learned.
METHODS: dict[str, Callable[..., tuple[Posterior, History]]] = {
    "map": map_estimate.run,
    "ensemble": ensemble.run,
    "laplace": laplace.run,
    "svi": svi.run,
    "nuts": nuts.run,
}
# SVI and NUTS hold beliefs about the scales themselves.
_CALIBRATED = ("map", "ensemble", "laplace")
# The others need held-out rows themselves, or are too slow to be repeated.
_CROSS_FITTED = ("map", "ensemble")
_OPTIMIZERS = ("adam", "lbfgs")
_JUDGED_ROWS = 4096
_SETTLING_DRAWS = 20
_PATIENT_ROWS = 80_000
_BY_CHANCE = 0.1  # nats per row


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
    members: int = 5,
    guide: Guide = "normal",
    draws: int = 1000,
    chains: int = 4,
) -> Fit:
    r"""Fit a cost model to data: find the parameters, or their distribution, that the cost function asks for.

    The model given is left as it was; the fit holds a trained copy, which takes inputs in original units.

    Args:
        model: prior + network + likelihood.
        x: inputs ``[T, ...]``: a tensor, an array or a data frame, in any units; standardised inside.
        y: observations ``[T, N]``, likewise; the columns of a data frame, or a series' name, name the units.
        method: ``"map"`` (a point: maximum a posteriori), ``"ensemble"`` (several of them, trained together),
            ``"laplace"`` (a normal posterior of the last layer), ``"svi"`` (a variational posterior of all of them) or
            ``"nuts"`` (draws from the posterior itself; for small models).
        epochs: at most so many passes over the rows; early stopping usually ends training before. 200 unless given, or what the
            model has for its own (a `FaceEmbedding`: 45).
        batch_size: rows a step; at most the number of training rows.
        lr: learning rate of Adam.
        validation: rows to judge on: ``"auto"`` holds out a tenth (whole groups where groups are given, whole stretches
            of time where the model is ordered, else rows at random), a fraction likewise, ``(x, y)``, or None for none.
            Where the observations are people, and few, ``"auto"`` holds out each fifth of them in turn, and trains on all
            in the end.
        groups: one label a row; rows of one group are never split between training and held-out rows.
        seed: the same seed gives the same numbers on the same machine, from the same first weights: a network draws those
            when it is made, so call `torch.manual_seed` before that.
        device: where to train, such as ``"cuda"``; None for where the model is.
        progress: show a progress bar.
        checkpoint: a folder to save the training state in, every few seconds; the same call resumes from it.
        optimizer: ``"adam"``, or ``"lbfgs"`` for small convex problems (MAP only; nothing is held out unless given).
        members: networks in an ensemble.
        guide: with SVI, the posterior's family: ``"normal"`` (mean field), ``"diagonal_normal"``, ``"low_rank_normal"``,
            ``"multivariate_normal"``, or any class of ``pyro.infer.autoguide``.
        draws, chains: with NUTS, how many draws to keep, from how many Markov chains together.

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
    of_method: dict[str, dict[str, Any]] = {
        "map": {"optimizer": optimizer},
        "ensemble": {"members": members},
        "svi": {"guide": guide},
        "nuts": {"draws": draws, "chains": chains},
    }
    options = of_method.get(method, {})
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("the model has nothing to learn: none of its parameters requires a gradient")
    trained = copy.deepcopy(model)
    if device is not None:
        trained.to(device)
    # Inputs are standardised once, before training; what an earlier fit had measured belongs to that fit.
    trained.standardize, trained.baseline = nn.Identity(), None
    if optimizer == "lbfgs" and isinstance(validation, str):
        validation = None
    together = ensemble.at_least_two(members) if method == "ensemble" else None
    y = model.observed(y)
    if isinstance(validation, tuple) and len(validation) == 2:
        validation = validation[0], model.observed(validation[1])
    data = prepare(trained, x, y, validation=validation, groups=groups, seed=seed, members=together)
    own = model.fit_defaults
    batch_size = min(own["batch_size"], len(data.train)) if batch_size is None and "batch_size" in own else batch_size
    epochs = own.get("epochs") if epochs is None else epochs
    lr = own.get("lr") if lr is None else lr
    settings = _settings(data, epochs, batch_size, lr, seed)
    _check_network(trained, data)
    with seeded(seed, data.train.x.device):
        pretrained = method != "ensemble" and trained.likelihood.starts_at_null and _predicts_already(trained, data)
        if trained.likelihood.starts_at_null and not pretrained:
            _start_at_null(trained, data)
    task = Task(trained, data, settings, pretrained, progress, checkpoint)
    parts: list[Part] = []
    cross_validated: list[float] = []
    if data.parts and method in _CROSS_FITTED:
        task, parts, cross_validated = crossfit(task)
        data = task.data
    posterior, history = METHODS[method](task, **options)
    if cross_validated:
        history.held_out, history.at_most = cross_validated, settings.epochs
        history.stopped = f"of at most {settings.epochs} epochs, as many as were best for people held out in turn"
    if method in _CALIBRATED:
        history.rescaled = calibrate(trained, posterior, data, seed)
    settling = posterior.draws(_SETTLING_DRAWS, seed)
    if data.held_out is not None:
        parts = [Part((data.train.x, data.train.y), (data.held_out.x, data.held_out.y), settling)]
    trained.settle(data.train.x, data.train.y, settling, parts)
    half_life = math.inf
    if trained.drifting:
        shift, half_life = recent_baseline(trained, data.in_order.x, data.in_order.y)
        if math.isfinite(half_life):
            trained.baseline = F.pad(shift, (0, trained.likelihood.num_outputs - len(shift)))
    trained.standardize = data.standardize
    trained.eval()
    return (trained.fit_class or Fit)(
        model=trained,
        method=method,
        posterior=posterior,
        history=history,
        input_shape=data.train.x.shape[1:],
        unit_names=data.unit_names,
        input_names=data.input_names,
        null_mean=data.mean,
        null_variance=data.variance,
        drift_half_life=half_life,
        seed=seed,
    )


def _settings(data: TrainingData, epochs: int | None, batch_size: int | None, lr: float | None, seed: int) -> Settings:
    rows = len(data.train)
    if batch_size is not None and batch_size > rows:
        raise ValueError(f"batch_size is {batch_size:,} and there are {rows:,} training rows; it can be at most that")
    # At least some twenty steps an epoch on small data; beyond 512 rows a step costs more than it teaches.
    automatic = min(512, max(32, rows // 20), rows)
    return Settings(
        epochs=200 if epochs is None else epochs,
        batch_size=automatic if batch_size is None else batch_size,
        lr=2e-3 if lr is None else lr,
        # As many steps without improvement on small data as on large, within reason.
        patience=max(10, min(80, _PATIENT_ROWS // rows)),
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
        told = f"the network cannot take x with rows of shape {list(x.shape[1:])}"
        raise ValueError(f"{told}{model.takes or f': {error}'}") from error
    finally:
        model.train(was_training)
    expected = (len(x), model.likelihood.num_outputs)
    if not isinstance(raw, Tensor) or tuple(raw.shape) != expected:
        found = list(raw.shape[1:]) if isinstance(raw, Tensor) else type(raw).__name__
        raise ValueError(
            f"the network returns {found} for each row; {type(model.likelihood).__name__} of "
            f"{model.likelihood.n_units} {model.likelihood.unit}s needs [{model.likelihood.num_outputs}] raw outputs"
        )


def _predicts_already(model: CostModel, data: TrainingData) -> bool:
    """Whether the network was trained before, and is to go on from where it is.

    It then predicts better than the null model, and by more than the initial weights of a network do by chance. The
    members of an ensemble start afresh whatever was given: alike, they would stay alike.
    """
    x, y, likelihood = data.train.x[:_JUDGED_ROWS], data.train.y[:_JUDGED_ROWS], copy.deepcopy(model.likelihood)
    model.eval()
    with torch.no_grad():
        given = model.distribution(x).log_prob(y).sum()
        likelihood.adapt(data.mean, data.variance)
        null = likelihood(likelihood.initial_raw(data.mean, data.variance).expand(len(x), -1)).log_prob(y).sum()
    model.train()
    return bool(given - null > _BY_CHANCE * len(x))


def _start_at_null(model: CostModel, data: TrainingData) -> None:
    """Begin from the null model: the last linear layer's bias at the raw outputs of each unit's mean, its weights at zero.

    Otherwise the first epochs are spent on finding the mean, at a learning rate meant for the rest.
    """
    model.likelihood.adapt(data.mean, data.variance)
    found = last_linear(model, data.train.x)
    if found is not None and found[1].bias is not None:
        with torch.no_grad():
            found[1].weight.zero_()
            found[1].bias.copy_(model.likelihood.initial_raw(data.mean, data.variance))
