"""How the coordinates of a vector vary together: covariance matrices that are positive definite whatever the numbers in them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["LowRank", "Regressions", "Scatter"]


class Scatter(ABC):
    """A covariance matrix Σ ``[..., d, d]`` in a form that needs no Cholesky factorisation, so that none can fail."""

    scale: Tensor

    @property
    def batch_shape(self) -> torch.Size:
        """Shape without the last dimension, d."""
        return self.scale.shape[:-1]

    @abstractmethod
    def squared_distance(self, residual: Tensor) -> Tensor:
        """rᵀ Σ⁻¹ r for residuals ``[..., d]``: ``[...]``."""

    @abstractmethod
    def half_log_det(self) -> Tensor:
        """½ log det Σ, ``[...]``."""

    @abstractmethod
    def color(self, shape: torch.Size) -> Tensor:
        """Normal draws with mean zero and covariance Σ, of ``shape`` ``[..., d]``."""

    @property
    @abstractmethod
    def covariance_matrix(self) -> Tensor:
        """Σ, ``[..., d, d]``."""

    @property
    def variance(self) -> Tensor:
        """The diagonal of Σ, ``[..., d]``."""
        return torch.diagonal(self.covariance_matrix, dim1=-2, dim2=-1)


class Regressions(Scatter):
    r"""Each coordinate regressed on those before it: a full covariance matrix without constraints on its numbers.

    .. math:: r_i = \sum_{j < i} b_{ij} r_j + s_i z_i, \qquad \Sigma = (I - B)^{-1} \operatorname{diag}(s)^2 (I - B)^{-\top}

    s are conditional standard deviations, so a floor under them is one under every direction; neither the density nor its
    gradient solves or factorises anything.

    Args:
        scale: s > 0, ``[..., d]``.
        coefficients: the strict lower triangle of B, row by row, ``[..., d (d − 1) / 2]``.

    Source: Pourahmadi, "Joint mean-covariance models with applications to longitudinal data", 1999,
    https://doi.org/10.1093/biomet/86.3.677.
    """

    def __init__(self, scale: Tensor, coefficients: Tensor) -> None:
        self.scale = scale
        self.coefficients = coefficients

    def squared_distance(self, residual: Tensor) -> Tensor:
        parts = residual.unbind(-1)
        scales, rows = self.scale.unbind(-1), iter(self.coefficients.unbind(-1))
        total: Tensor | float = 0.0
        for i, part in enumerate(parts):
            for j in range(i):
                part = torch.addcmul(part, next(rows), parts[j], value=-1)
            z = part / scales[i]
            total = total + z * z
        assert isinstance(total, Tensor)
        return total

    def half_log_det(self) -> Tensor:
        return self.scale.log().sum(-1)

    def color(self, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape, dtype=self.scale.dtype, device=self.scale.device) * self.scale
        parts: list[Tensor] = []
        rows = iter(self.coefficients.unbind(-1))
        for part in noise.unbind(-1):
            for before in parts[: len(parts)]:
                part = part + next(rows) * before
            parts.append(part)
        return torch.stack(parts, -1)

    @property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of Σ, ``[..., d, d]``."""
        d = self.scale.shape[-1]
        lower = torch.tril_indices(d, d, -1, device=self.scale.device)
        unit = torch.zeros(*self.coefficients.shape[:-1], d, d, dtype=self.scale.dtype, device=self.scale.device)
        unit[..., lower[0], lower[1]] = -self.coefficients
        unit = unit + torch.eye(d, dtype=self.scale.dtype, device=self.scale.device)
        return torch.linalg.solve_triangular(unit, torch.diag_embed(self.scale), upper=False, unitriangular=True)

    @property
    def covariance_matrix(self) -> Tensor:
        factor = self.scale_tril
        return factor @ factor.mT


class LowRank(Scatter):
    r"""Independent scales and r shared directions: :math:`\Sigma = \operatorname{diag}(s)^2 + W W^\top`.

    Args:
        scale: s > 0, ``[..., d]``.
        factor: W, ``[..., d, r]``; r may be 0, for a diagonal Σ.

    Distances are those left after projecting on :math:`[W/s; I]`, by QR: no difference of two large numbers is taken.
    """

    def __init__(self, scale: Tensor, factor: Tensor) -> None:
        self.scale = scale
        self.factor = factor

    @property
    def batch_shape(self) -> torch.Size:
        return torch.broadcast_shapes(self.scale.shape[:-1], self.factor.shape[:-2])

    def squared_distance(self, residual: Tensor) -> Tensor:
        white = residual / self.scale
        if not self.factor.shape[-1]:
            return white.square().sum(-1)
        basis, _ = torch.linalg.qr(self._whitened())
        padded = torch.cat([white, white.new_zeros(*white.shape[:-1], self.factor.shape[-1])], -1)
        along = (padded.unsqueeze(-2) @ basis).squeeze(-2)
        return (padded - (basis @ along.unsqueeze(-1)).squeeze(-1)).square().sum(-1)

    def half_log_det(self) -> Tensor:
        own = self.scale.log().sum(-1)
        if not self.factor.shape[-1]:
            return own
        _, upper = torch.linalg.qr(self._whitened())
        return own + torch.diagonal(upper, dim1=-2, dim2=-1).abs().log().sum(-1)

    def _whitened(self) -> Tensor:
        directions = self.factor / self.scale.unsqueeze(-1)
        rank = self.factor.shape[-1]
        eye = torch.eye(rank, dtype=directions.dtype, device=directions.device)
        return torch.cat([directions, eye.expand(*directions.shape[:-2], rank, rank)], -2)

    def color(self, shape: torch.Size) -> Tensor:
        own = torch.randn(shape, dtype=self.scale.dtype, device=self.scale.device) * self.scale
        shared = torch.randn((*shape[:-1], self.factor.shape[-1], 1), dtype=own.dtype, device=own.device)
        return own + (self.factor @ shared).squeeze(-1)

    @property
    def covariance_matrix(self) -> Tensor:
        return torch.diag_embed(self.scale.square()) + self.factor @ self.factor.mT
