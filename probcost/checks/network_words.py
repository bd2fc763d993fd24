"""A network in words: what it does to its inputs, how many layers it has, and how wide they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from probcost.networks import MLP, Augment, Jitter, PhotoNetwork, PiecewiseLinear, Standardize

__all__ = ["network_in_words"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
# Of a network with any other learned part, the layers do not tell what it is: its parts are named.
_TOLD = (nn.Linear, *_CONVOLUTIONS, *_NORMS)


def network_in_words(network: nn.Module) -> str:
    """What is done to the inputs, in order, and then the layers."""
    before, layers = _parted(network)
    if not layers:
        return ", then ".join([*before, type(network).__name__])
    return ", then ".join([*before, _of_layers(layers)])


def _parted(network: nn.Module) -> tuple[list[str], list[nn.Module]]:
    """What comes before the first layer with parameters, in words, and the modules that follow; no modules if not in a row."""
    if isinstance(network, PhotoNetwork | MLP) or not isinstance(network, nn.Sequential):
        return [], [network] if isinstance(network, nn.Sequential | nn.Linear) else []
    words: list[str] = []
    modules = list(network.children())
    while modules and (said := _on_inputs(modules[0])):
        words.append(said)
        modules.pop(0)
    return words, modules


def _on_inputs(module: nn.Module) -> str:
    if isinstance(module, nn.Hardtanh) and module.min_val == -module.max_val:
        return f"inputs beyond ±{module.max_val:g} count as ±{module.max_val:g}"
    if isinstance(module, Standardize):
        return "inputs in standard units"
    if isinstance(module, Jitter):
        return f"noise of {module.scale:g} added in training"
    if isinstance(module, PiecewiseLinear):
        return f"each also by its place within its quantile bins ({len(module.columns):,} in all)"
    if isinstance(module, Augment):
        return "photos changed a little in training (mirrored, shifted, part hidden)"
    if isinstance(module, nn.Flatten):
        return "inputs in one row"
    return ""


def _of_layers(modules: list[nn.Module]) -> str:
    inside = [part for module in modules for part in module.modules() if not isinstance(part, nn.Sequential)]
    learned = [part for part in inside if any(True for _ in part.parameters())]
    if not learned or not all(isinstance(part, _TOLD) for part in learned):
        return " → ".join(type(module).__name__ for module in modules)
    convolutions = [part for part in inside if isinstance(part, _CONVOLUTIONS)]
    dense = [part for part in inside if isinstance(part, nn.Linear)]
    return " and ".join([*_of_convolutions(convolutions), *_of_dense(dense, inside)])


def _of_convolutions(layers: list[Any]) -> Iterator[str]:
    if layers:
        widths = ", ".join(str(layer.out_channels) for layer in layers)
        yield f"{_count(len(layers), 'convolution')} of {widths} channels"


def _of_dense(layers: list[nn.Linear], inside: list[nn.Module]) -> Iterator[str]:
    if not layers:
        return
    *hidden, last = (layer.out_features for layer in layers)
    if not hidden:
        yield f"one linear layer of {_count(last, 'output')}"
        return
    if len(set(hidden)) == 1:
        width = f"{hidden[0]:,} units" + (" each" if len(hidden) > 1 else "")
    else:
        width = f"{', '.join(f'{n:,}' for n in hidden)} units"
    kinds = sorted({type(part).__name__ for part in inside if type(part).__module__ == "torch.nn.modules.activation"})
    rates = sorted({part.p for part in inside if isinstance(part, nn.Dropout)})
    of = [", ".join(kinds)] if kinds else []
    of += [f"dropout {', '.join(f'{rate:g}' for rate in rates)}"] if rates else []
    details = f" ({', '.join(of)})" if of else ""
    yield f"a network of {_count(len(hidden), 'hidden layer')}, {width}{details}, and {_count(last, 'output')}"


def _count(n: int, name: str) -> str:
    return f"{n:,} {name}{'' if n == 1 else 's'}"
