"""The likelihood of counts whose units share a gain: one random factor a row, which moves all of them together."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

from probcost import distributions as dist
from probcost.likelihoods.counts import Counts

__all__ = ["NegativeMultinomial"]

_INITIAL = -3.0  # α ≈ 0.05: a gain that varies by 22 %


class NegativeMultinomial(Counts):
    r"""Poisson counts of N units around means times one gain a row that all share: they vary together, and beyond Poisson.

    .. math:: -\log p(k) = \log\Gamma(1/\alpha) - \log\Gamma(1/\alpha + K) + (1/\alpha + K) \log(1 + \alpha M)
        + \sum_{i=1}^{N} (\log k_i! - k_i \log(\alpha \mu_i)), \qquad K = \sum_i k_i, \quad M = \sum_i \mu_i

    The gain, Gamma with mean 1 and variance α, is integrated out: attention, arousal or dose that nobody recorded. Each unit
    by itself is `NegativeBinomial`; two of them correlate by :math:`\alpha \sqrt{\mu_i \mu_j / ((1 + \alpha \mu_i)(1 + \alpha
    \mu_j))}`.

    Args:
        n_units: how many, N.
        dispersion: α, learned and ``"shared"`` by all rows, ``"predicted"`` for each row, or a number, 0 or more.

    Shapes: raw ``[..., T, N]``, the log-means; with ``dispersion="predicted"`` ``[..., T, N + 1]``, the last softplus⁻¹(α).
    Log-probabilities are of whole rows, ``[..., T]``.

    Raises:
        ValueError: for another dispersion.

    Source: Goris, Movshon & Simoncelli, "Partitioning neuronal variability", 2014, https://doi.org/10.1038/nn.3711; Sibuya,
    Yoshimura & Shimizu, "Negative multinomial distribution", 1964, https://doi.org/10.1007/BF02868583.

    Example:
        >>> NegativeMultinomial(3, dispersion=0.5)(torch.zeros(4, 3)).covariance_matrix[0]
        tensor([[1.5000, 0.5000, 0.5000],
                [0.5000, 1.5000, 0.5000],
                [0.5000, 0.5000, 1.5000]])
    """

    event_dim = 1
    equation = (
        r"\log \Gamma(1/\alpha) - \log \Gamma(1/\alpha + \sum_{i=1}^{N} k_i)"
        r" + (1/\alpha + \sum_{i=1}^{N} k_i) \log(1 + \alpha \sum_{i=1}^{N} \mu_i)"
        r" + \sum_{i=1}^{N} (\log k_i! - k_i \log(\alpha \mu_i))"
    )
    symbols: ClassVar[dict[str, str]] = {r"\mu": "mean", r"\alpha": "dispersion"}

    def __init__(self, n_units: int, dispersion: str | float = "shared") -> None:
        fixed = isinstance(dispersion, (int, float)) and not isinstance(dispersion, bool)
        if (fixed and not 0 <= float(dispersion) < math.inf) or (
            not fixed and dispersion not in ("shared", "predicted")
        ):
            raise ValueError(f"dispersion must be 'shared', 'predicted' or a number, 0 or more, got {dispersion!r}")
        super().__init__(n_units, num_outputs=n_units + (dispersion == "predicted"))
        self.mode = dispersion
        if dispersion == "shared":
            self.dispersion = nn.Parameter(torch.full((1,), _INITIAL))

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "dispersion": self.mode}

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """Independent Poisson counts at each unit's mean."""
        return super().null(mean, variance).to_event(1)

    def forward(self, raw: Tensor) -> TorchDistribution:
        return dist.NegativeMultinomial(raw[..., : self.n_units], self._alpha(raw))

    def _alpha(self, raw: Tensor) -> Tensor:
        if self.mode == "shared":
            return F.softplus(self.dispersion[..., 0])
        if self.mode == "predicted":
            return F.softplus(raw[..., -1] + _INITIAL)
        return raw.new_full((), float(self.mode))
