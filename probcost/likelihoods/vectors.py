r"""Likelihoods of vectors, whose coordinates vary together: full or low-rank covariance, normal or heavy tails."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor

from probcost import distributions as dist
from probcost.distributions.scatter import LowRank, Regressions, Scatter
from probcost.likelihoods.continuous import Continuous, DegreesOfFreedom
from probcost.likelihoods.links import LINKS, positive

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal", "MultivariateStudentT"]


class _Vector(Continuous):
    """One observation is one vector: a location, conditional scales, and what couples the coordinates."""

    event_dim = 1
    unit = "coordinate"

    def __init__(self, n_units: int, n_coupling: int) -> None:
        super().__init__(n_units, 2 * n_units + n_coupling)
        self._n_coupling = n_coupling

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Zero means, the data's own spreads, no coupling."""
        return mean.new_zeros(self.num_outputs)

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """Independent normals with each coordinate's mean and variance."""
        return super().null(mean, variance).to_event(1)

    def _location(self, raw: Tensor) -> Tensor:
        return torch.addcmul(self.center, self.spread, raw[..., : self.n_units])

    def _scale(self, raw: Tensor) -> Tensor:
        return self.width * positive(raw[..., self.n_units : 2 * self.n_units], LINKS[0])

    def _coupling(self, raw: Tensor) -> Tensor:
        return raw[..., 2 * self.n_units : 2 * self.n_units + self._n_coupling]

    def _mean_only(self, raw: Tensor) -> TorchDistribution:
        none = self.width.new_zeros(self.n_units, 0)
        return dist.MultivariateNormal(self._location(raw), LowRank(self.width, none))


class _FullScatter(_Vector):
    def __init__(self, n_units: int) -> None:
        super().__init__(n_units, n_units * (n_units - 1) // 2)
        row, column = torch.tril_indices(n_units, n_units, -1)
        self._row, self._column = row.tolist(), column.tolist()

    def _scatter(self, raw: Tensor) -> Scatter:
        # Regression coefficients are in units of one coordinate over another.
        units = self.spread[self._row] / self.spread[self._column]
        return Regressions(self._scale(raw), units * self._coupling(raw))


class MultivariateNormal(_FullScatter):
    r"""Normal vectors with a full covariance Σ, one for each row.

    .. math:: -\log p(y) = \frac{1}{2} (y - \mu)^\top \Sigma^{-1} (y - \mu) + \frac{1}{2} \log\det \Sigma
        + \frac{d}{2} \log 2 \pi

    Raw outputs give each coordinate's conditional scale and its regression on the coordinates before it (`Regressions`): any
    numbers make a positive definite Σ, of which :math:`(I - B)^{-1} \operatorname{diag}(s)` is the Cholesky factor.

    Shapes: raw ``[..., T, 2d + d (d − 1)/2]``: location, scales, coefficients of the strict lower triangle row by row.

    Source: Williams, "Using neural networks to model conditional multivariate densities", 1996,
    https://doi.org/10.1162/neco.1996.8.4.843.

    Example:
        >>> MultivariateNormal(3)(torch.zeros(4, 9)).covariance_matrix.shape
        torch.Size([4, 3, 3])
    """

    equation = (
        r"\frac{1}{2} (y - \mu)^\top \Sigma^{-1} (y - \mu) + \frac{1}{2} \log \det \Sigma + \frac{d}{2} \log(2 \pi)"
    )
    symbols: ClassVar[dict[str, str]] = {r"\mu": "loc", r"\Sigma": "scatter.covariance_matrix"}

    def forward(self, raw: Tensor) -> TorchDistribution:
        return dist.MultivariateNormal(self._location(raw), self._scatter(raw))

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        return self._mean_only(raw)


class LowRankMultivariateNormal(_Vector):
    r"""Normal vectors whose coordinates share r hidden causes: :math:`\Sigma = \operatorname{diag}(s)^2 + W W^\top`.

    .. math:: -\log p(y) = \frac{1}{2} (y - \mu)^\top \Sigma^{-1} (y - \mu) + \frac{1}{2} \log\det \Sigma
        + \frac{d}{2} \log 2 \pi

    For many coordinates, where a full covariance has too many numbers; ``rank=0`` is a diagonal Σ over the joint vector.

    Shapes: raw ``[..., T, 2d + d r]``: location, scales, W row by row.

    Raises:
        ValueError: for a rank that is no whole number, or negative.

    Source: Tipping & Bishop, "Probabilistic principal component analysis", 1999, https://doi.org/10.1111/1467-9868.00196,
    and its form with unequal s, factor analysis.

    Example:
        >>> LowRankMultivariateNormal(20, rank=2).num_outputs
        80
    """

    equation = MultivariateNormal.equation
    symbols: ClassVar[dict[str, str]] = MultivariateNormal.symbols

    def __init__(self, n_units: int, rank: int = 1) -> None:
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 0:
            raise ValueError(f"rank must be a whole number, 0 or more, got {rank!r}")
        super().__init__(n_units, n_units * rank)
        self.rank = rank

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "rank": self.rank}

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """As every vector's, but for small random directions: from zero, none would know which way to grow."""
        raw = super().initial_raw(mean, variance)
        raw[2 * self.n_units :] = 0.1 * torch.randn_like(raw[2 * self.n_units :])
        return raw

    def forward(self, raw: Tensor) -> TorchDistribution:
        factor = self._coupling(raw).unflatten(-1, (self.n_units, self.rank)) * self.width.unsqueeze(-1)
        return dist.MultivariateNormal(self._location(raw), LowRank(self._scale(raw), factor))

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        return self._mean_only(raw)


class MultivariateStudentT(_FullScatter):
    r"""Student-t vectors with a full scatter matrix Σ: outliers in any direction, at no cost to the rest.

    .. math:: -\log p(y) = \frac{\nu + d}{2} \log\left(1 + \frac{1}{\nu} (y - \mu)^\top \Sigma^{-1} (y - \mu)\right)
        + \frac{1}{2} \log\det \Sigma + \log\Gamma\left(\frac{\nu}{2}\right) - \log\Gamma\left(\frac{\nu + d}{2}\right)
        + \frac{d}{2} \log \nu \pi

    Args:
        n_units: d.
        df: ν, ``"learned"`` (one, in (1, 10⁶]), ``"predicted"`` likewise, or a number.

    Shapes: as `MultivariateNormal`, and one more for a predicted ν.

    Raises:
        ValueError: for another df.

    Source: Kotz & Nadarajah, *Multivariate t Distributions and Their Applications*, 2004,
    https://doi.org/10.1017/CBO9780511550683.

    Example:
        >>> MultivariateStudentT(3, df=4.0)(torch.zeros(2, 9)).covariance_matrix[0]
        tensor([[2.0040, 0.0000, 0.0000],
                [0.0000, 2.0040, 0.0000],
                [0.0000, 0.0000, 2.0040]])
    """

    equation = (
        r"\frac{\nu + d}{2} \log(1 + (y - \mu)^\top \Sigma^{-1} (y - \mu) / \nu) + \frac{1}{2} \log \det \Sigma"
        r" + \log \Gamma(\nu / 2) - \log \Gamma((\nu + d) / 2) + \frac{d}{2} \log(\nu \pi)"
    )
    symbols: ClassVar[dict[str, str]] = {**MultivariateNormal.symbols, r"\nu": "df"}

    def __init__(self, n_units: int, df: str | float = "learned") -> None:
        super().__init__(n_units)
        self.df = DegreesOfFreedom(1, df)
        self.num_outputs += self.df.num_outputs

    @property
    def config(self) -> dict[str, Any]:
        return {"n_units": self.n_units, "df": self.df.mode}

    def forward(self, raw: Tensor) -> TorchDistribution:
        df = self.df(raw)
        return dist.MultivariateStudentT(df[..., 0] if df.ndim else df, self._location(raw), self._scatter(raw))

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        return self._mean_only(raw)
