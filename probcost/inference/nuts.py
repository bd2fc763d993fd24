"""The No-U-Turn sampler: draws from the posterior itself, for small models and data."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch
from pyro.infer import MCMC, NUTS
from pyro.infer.autoguide.initialization import init_to_value
from pyro.ops.stats import split_gelman_rubin
from torch import Tensor

from probcost import save
from probcost.inference.guides import local_parameters
from probcost.inference.history import History
from probcost.inference.map_estimate import MapObjective
from probcost.inference.posterior import Draws
from probcost.inference.task import Task
from probcost.predict import seeded

__all__ = ["run"]

_FEWEST_WARMUP = 200
_JUDGED_ROWS = 50
_R_HAT = 1.05


def run(task: Task, draws: int, chains: int) -> tuple[Draws, History]:
    """Fit the MAP, then sample the posterior of everything that has a prior, given all rows, from there.

    Every finished chain goes into the checkpoint folder; the same call goes on with the next. Chains are judged by the
    R-hat of the predicted means: those of single weights say nothing, since a network's units can swap their places.

    Source: Hoffman & Gelman, "The No-U-Turn sampler", 2014, https://jmlr.org/papers/v15/hoffman14a.html; R-hat of
    predictions: Izmailov et al., "What are Bayesian neural network posteriors really like?", 2021,
    https://arxiv.org/abs/2104.14421.

    Raises:
        ValueError: for a model without a prior, or fewer than four draws a chain.
    """
    model = task.model
    if not any(model.belief(parameter) is not None for parameter in model.parameters()):
        raise ValueError(
            "method='nuts' needs a prior over the weights: pass prior=pc.priors.Normal(1.0) to the model, "
            "or use method='ensemble'"
        )
    for name, value, least in (("chains", chains, 1), ("draws", draws, 4 * max(1, chains))):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    history = task.train(MapObjective(model))
    model.eval()
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    found, divergent = [], 0
    for chain in range(chains):
        values = _finished(task, chain, draws // chains)
        if values is None:
            values = _one_chain(task, chain, draws // chains, start)
            _keep(task, chain, draws // chains, values)
        divergent += int(values.pop("divergent"))
        found.append(values)
    stacked = {name: torch.stack([values[name] for values in found]) for name in found[0]}
    r_hat = _r_hat(task, stacked)
    if r_hat > _R_HAT or divergent:
        warnings.warn(
            f"the chains disagree about the predictions (R-hat {r_hat:.2f}, should be below {_R_HAT}) or diverged "
            f"({divergent} times): take more draws, a narrower prior or a smaller network",
            stacklevel=3,
        )
    label = (
        f"{chains} chains of {draws // chains} draws by NUTS, R-hat of predictions {r_hat:.3f}, {divergent} divergences"
    )
    values = {name: value.flatten(0, 1) for name, value in stacked.items()}
    return Draws(values, label, chains=chains), history


def _one_chain(task: Task, chain: int, draws: int, start: dict[str, Tensor]) -> dict[str, Tensor]:
    """Warm up and sample; ``[draws, *shape]`` by parameter name, and how many draws diverged."""
    model, rows = task.model, task.data.in_order
    latent = {name: value for name, value in start.items() if model.belief(model.get_parameter(name)) is not None}
    with seeded(task.seed + chain, rows.x.device), local_parameters():
        # A little apart, so that R-hat can tell chains that forgot their start from chains that did not.
        scattered = {name: value + 0.05 * torch.randn_like(value) for name, value in latent.items()}
        kernel = NUTS(model, init_strategy=init_to_value(values=scattered))
        sampler = MCMC(
            kernel,
            num_samples=draws,
            warmup_steps=max(_FEWEST_WARMUP, draws),
            disable_progbar=not task.progress,
        )
        sampler.run(rows.x, rows.y)
    values = {name: value.detach() for name, value in sampler.get_samples().items()}
    divergences = sum(len(found) for found in sampler.diagnostics()["divergences"].values())
    return {**values, "divergent": torch.tensor(divergences)}


def _r_hat(task: Task, stacked: dict[str, Tensor]) -> float:
    """The largest split R-hat of predicted means, over a few rows."""
    rows = task.data.in_order.x[:: max(1, len(task.data.in_order) // _JUDGED_ROWS)]
    with torch.no_grad():
        means = torch.stack(
            [
                task.model.distribution(rows, {name: value[chain] for name, value in stacked.items()}).mean
                for chain in range(len(next(iter(stacked.values()))))
            ]
        )
    return float(split_gelman_rubin(means.double(), chain_dim=0, sample_dim=1).max())


def _keep(task: Task, chain: int, draws: int, values: dict[str, Tensor]) -> None:
    if task.checkpoint is not None:
        save.write(_folder(task.checkpoint, chain), "chain", {"draws": draws}, values)


def _finished(task: Task, chain: int, draws: int) -> dict[str, Tensor] | None:
    """The chain as a checkpoint has it; that it is of this fit was settled by the checkpoint of the MAP beside it."""
    if task.checkpoint is None:
        return None
    try:
        described, values = save.read(_folder(task.checkpoint, chain), "chain")
    except FileNotFoundError:
        return None
    return values if described["draws"] == draws else None


def _folder(checkpoint: str | os.PathLike[str], chain: int) -> Path:
    return Path(checkpoint) / f"chain-{chain}"
