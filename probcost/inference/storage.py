"""A fit on disk and back: modules are described by class name and constructor arguments, from an allow-list."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from probcost import likelihoods, networks, priors, save
from probcost.inference.guides import build_guide
from probcost.inference.history import History
from probcost.inference.posterior import Draws, GuidePosterior, LastLayerNormal, PointEstimate, Posterior
from probcost.inference.result import Fit
from probcost.model import CostModel
from probcost.networks import Standardize

__all__ = ["load", "save_fit"]

# What a description may name, and nothing else: loading a file can build these and cannot run code. By room and name: there
# is a normal likelihood and a normal prior.
_OURS: dict[str, type] = {
    f"{module.__name__.rsplit('.', 1)[1]}.{name}": getattr(module, name)
    for module in (likelihoods, networks, priors)
    for name in module.__all__
    if isinstance(getattr(module, name), type)
}
_TORCH: dict[str, tuple[type[nn.Module], tuple[str, ...]]] = {
    "Linear": (nn.Linear, ("in_features", "out_features")),
    "Dropout": (nn.Dropout, ("p",)),
    "SiLU": (nn.SiLU, ()),
    "ReLU": (nn.ReLU, ()),
    "GELU": (nn.GELU, ("approximate",)),
    "Tanh": (nn.Tanh, ()),
    "Hardtanh": (nn.Hardtanh, ("min_val", "max_val")),
    "ELU": (nn.ELU, ("alpha",)),
    "LayerNorm": (nn.LayerNorm, ("normalized_shape",)),
    "Flatten": (nn.Flatten, ("start_dim", "end_dim")),
    "Unflatten": (nn.Unflatten, ("dim", "unflattened_size")),
}


def describe(module: nn.Module) -> dict[str, Any] | None:
    """Class and constructor arguments of a module this file can build again; None for any other."""
    kind = type(module).__name__
    ours = next((name for name, known in _OURS.items() if known is type(module)), None)
    if ours is not None:
        # An argument may itself be a module, as the component of a mixture is.
        config: dict[str, Any] = getattr(module, "config")  # noqa: B009 (a module's attributes have no type of their own)
        inner = {key: describe(value) for key, value in config.items() if isinstance(value, nn.Module)}
        return None if None in inner.values() else {"class": ours, "arguments": {**config, **inner}}
    if type(module) is nn.Sequential:
        parts = [describe(part) for part in module]
        return None if None in parts else {"class": "Sequential", "parts": parts}
    if kind in _TORCH and type(module) is _TORCH[kind][0]:
        arguments = {name: getattr(module, name) for name in _TORCH[kind][1]}
        if kind == "Linear":
            arguments["bias"] = module.bias is not None
        return {"class": kind, "arguments": arguments}
    return None


def build(description: dict[str, Any]) -> Any:
    """The module that `describe` described, untrained."""
    kind = description["class"]
    if kind == "Sequential":
        return nn.Sequential(*[build(part) for part in description["parts"]])
    factories: dict[str, Callable[..., Any]] = {**_OURS, **{name: kind for name, (kind, _) in _TORCH.items()}}
    if kind not in factories:
        raise ValueError(f"the saved fit names the class {kind!r}, which is none that probcost builds")
    arguments = {
        key: build(value) if isinstance(value, dict) and "class" in value else value
        for key, value in description["arguments"].items()
    }
    return factories[kind](**arguments)


def save_fit(fit: Fit, folder: str | os.PathLike[str]) -> None:
    """Write ``fit.json`` and its tensors into ``folder``."""
    tensors = {f"model.{key}": value for key, value in fit.model.state_dict().items()}
    tensors |= {"null_mean": fit.null_mean, "null_variance": fit.null_variance}
    tensors |= {f"posterior.{key}": value for key, value in fit.posterior.state().items()}
    description = {
        "method": fit.method,
        "seed": fit.seed,
        "drift_half_life": None if math.isinf(fit.drift_half_life) else fit.drift_half_life,
        "input_shape": list(fit.input_shape),
        "unit_names": fit.unit_names,
        "input_names": fit.input_names,
        "model": {"class": type(fit.model).__name__, "arguments": fit.model.config},
        "parts": {name: describe(part) for name, part in _parts(fit.model).items()},
        "posterior": {"kind": fit.posterior.kind, **fit.posterior.description()},
        "history": asdict(fit.history),
    }
    save.write(folder, "fit", description, tensors)


def load(folder: str | os.PathLike[str], model: CostModel | None = None) -> Fit:
    """The fit that ``fit.save(folder)`` wrote; no code in the folder is executed.

    Args:
        model: a fresh model of the same architecture; needed only when its network, likelihood or prior is your own class.

    Raises:
        FileNotFoundError: when the folder holds no fit.
        ValueError: for a damaged, truncated or foreign file, another format version, or a model that does not match.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> fitted = pc.fit(model, x, torch.poisson(torch.exp(1 + x)), optimizer="lbfgs", progress=False)
        >>> with TemporaryDirectory() as folder:
        ...     fitted.save(folder)
        ...     again = pc.load(folder)
        >>> torch.equal(again.predict(x).mean, fitted.predict(x).mean)
        True
    """
    described, tensors = save.read(folder, "fit")
    model = _rebuild(described, folder) if model is None else model
    state = {key.removeprefix("model."): value for key, value in tensors.items() if key.startswith("model.")}
    model.standardize = Standardize(state["standardize.mean"], state["standardize.scale"])
    model.baseline = state.get("baseline")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"the model does not match the fit saved in {os.fspath(folder)!r}: {error}") from error
    model.eval()
    return (model.fit_class or Fit)(
        model=model,
        method=described["method"],
        posterior=_posterior(model, described["posterior"], tensors),
        history=History(**described["history"]),
        input_shape=torch.Size(described["input_shape"]),
        unit_names=described["unit_names"],
        input_names=described.get("input_names"),  # not in older files
        null_mean=tensors["null_mean"],
        null_variance=tensors["null_variance"],
        drift_half_life=math.inf if described["drift_half_life"] is None else described["drift_half_life"],
        seed=described["seed"],
    )


def _parts(model: CostModel) -> dict[str, nn.Module]:
    parts = {"network": model.network, "likelihood": model.likelihood, "prior": model.prior}
    return {name: part for name, part in parts.items() if part is not None}


def _rebuild(described: dict[str, Any], folder: str | os.PathLike[str]) -> CostModel:
    kinds: dict[str, Callable[..., CostModel]] = {"CostModel": CostModel}
    kinds |= {kind.__name__: kind for kind in CostModel.__subclasses__()}
    name, parts = described["model"]["class"], described["parts"]
    own = [part for part, description in parts.items() if description is None] + ["model"] * (name not in kinds)
    if own:
        raise ValueError(
            f"the {' and '.join(own)} of the fit in {os.fspath(folder)!r} is of a class of your own, which a file must not "
            "bring with it; pass load(folder, model=...) with a fresh model of the same architecture"
        )
    built = {part: build(description) for part, description in parts.items()}
    return kinds[name](**described["model"]["arguments"], **{"prior": None, **built})


def _posterior(model: CostModel, described: dict[str, Any], tensors: dict[str, Tensor]) -> Posterior:
    state = {key.removeprefix("posterior."): value for key, value in tensors.items() if key.startswith("posterior.")}
    arguments: dict[str, Any] = {key: value for key, value in described.items() if key != "kind"}
    if described["kind"] == Draws.kind:
        own = model.state_dict()
        foreign = [name for name, value in state.items() if name not in own or value.shape[1:] != own[name].shape]
        if foreign:
            raise ValueError(f"the saved draws do not match the model: {foreign[:5]}")
        return Draws(state, **arguments)
    if described["kind"] == LastLayerNormal.kind:
        return LastLayerNormal(
            left=state.get("left"), mean=state["mean"], right=state["right"], sd=state["sd"], **arguments
        )
    if described["kind"] == GuidePosterior.kind:
        return _guide(model, arguments["guide"], state)
    return PointEstimate()


def _guide(model: CostModel, name: str, state: dict[str, Tensor]) -> GuidePosterior:
    example = state.pop("example")
    y = torch.zeros(len(example), *model.likelihood.event_shape)
    # An autoguide has no parameters before its first run, and a strict load needs them.
    guide = build_guide(model, name, example, y)
    own = {key.removeprefix("guide."): value for key, value in state.items()}
    missing, unexpected = guide.load_state_dict(own, strict=False)
    if unexpected or any(not key.startswith("model.") for key in missing):
        raise ValueError(f"the saved guide does not match the model: {[*missing, *unexpected][:5]}")
    return GuidePosterior(guide, example)
