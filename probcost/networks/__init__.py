"""The few networks the scenarios need; any ``torch.nn.Module`` serves as well."""

from __future__ import annotations

from probcost.networks.photos import Augment, PhotoNetwork
from probcost.networks.vectors import MLP, Jitter, PiecewiseLinear, Standardize

__all__ = ["MLP", "Augment", "Jitter", "PhotoNetwork", "PiecewiseLinear", "Standardize"]
