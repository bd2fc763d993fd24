"""The field's scores of predicted locations, in Å and nats per atom."""

from __future__ import annotations

from typing import Any

import torch

from probcost.predict import Predictive

__all__ = ["location_scores"]

_LEVELS = (0.5, 0.9, 0.95)


def location_scores(predictive: Predictive, y: Any, n: int = 200) -> dict[str, float]:
    r"""Scores of atoms as a whole, whatever the likelihood: its coordinates may be independent or one vector.

    ``nll`` nats per atom; ``rmse`` :math:`\sqrt{E|y - E Y|^2}` Å; ``energy_score`` :math:`E|Y - y| - \frac12 E|Y - Y'|` Å;
    ``coverage_50/90/95`` the share of atoms within the predicted highest-density regions of that content.

    Args:
        y: locations ``[T, 3]``, Å.
        n: draws per atom behind the energy score and, unless it is known exactly, the regions.

    Source: Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007,
    https://doi.org/10.1198/016214506000001437; Hyndman, "Computing and graphing highest density regions", 1996,
    https://doi.org/10.1080/00031305.1996.10474359.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> x = molecules.x[:, -4:]
        >>> model = pc.CostModel(nn.Linear(4, 3), pc.likelihoods.Normal(3, scale="learned"))
        >>> fitted = pc.fit(model, x, molecules.y, optimizer="lbfgs", progress=False)
        >>> list(location_scores(fitted.predict(x), molecules.y))
        ['nll', 'rmse', 'energy_score', 'coverage_50', 'coverage_90', 'coverage_95']
    """
    y = torch.as_tensor(y, dtype=predictive.x.dtype)
    energy, half = torch.empty(len(y)), n // 2
    for rows, samples in predictive.sample_chunks(n):
        apart = (samples - y[rows]).norm(dim=-1).mean(0)
        energy[rows] = apart - 0.5 * (samples[:half] - samples[half : 2 * half]).norm(dim=-1).mean(0)
    log_p, content = predictive.log_prob(y), predictive.region(y, n)
    log_p = log_p if predictive.event_shape else log_p.sum(-1)
    return {
        "nll": -log_p.mean().item(),
        "rmse": (predictive.mean - y).square().sum(-1).mean().sqrt().item(),
        "energy_score": energy.mean().item(),
        **{f"coverage_{100 * level:.0f}": (content <= level).float().mean().item() for level in _LEVELS},
    }
