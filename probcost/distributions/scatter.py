"""How the coordinates of a vector vary together: covariance matrices that are positive definite whatever the numbers in them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
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
    def distance_and_half_log_det(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """rᵀ Σ⁻¹ r for residuals ``[..., d]``, and ½ log det Σ: both ``[...]``, from one pass."""

    def squared_distance(self, residual: Tensor) -> Tensor:
        """rᵀ Σ⁻¹ r for residuals ``[..., d]``: ``[...]``."""
        return self.distance_and_half_log_det(residual)[0]

    def half_log_det(self) -> Tensor:
        """½ log det Σ, ``[...]``."""
        return self.distance_and_half_log_det(torch.zeros_like(self.scale))[1]

    @abstractmethod
    def color(self, shape: torch.Size) -> Tensor:
        """Normal draws with mean zero and covariance Σ, of ``shape`` ``[..., d]``."""

    @property
    @abstractmethod
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of Σ, ``[..., d, d]``, by orthogonal or triangular steps on its parts."""

    @property
    def covariance_matrix(self) -> Tensor:
        """Σ, ``[..., d, d]``."""
        factor = self.scale_tril
        return factor @ factor.mT

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

    Example:
        >>> Regressions(torch.ones(2), torch.tensor([2.0])).covariance_matrix
        tensor([[1., 2.],
                [2., 5.]])
    """

    def __init__(self, scale: Tensor, coefficients: Tensor) -> None:
        self.scale = scale
        self.coefficients = coefficients

    def distance_and_half_log_det(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        # One product a row: at d = 3 a matrix product costs half as much again, scalar by scalar at d = 20 four times.
        expected = [(row * residual[..., :i]).sum(-1) for i, row in enumerate(self._rows(), start=1)]
        if expected:
            residual = residual - torch.stack([torch.zeros_like(expected[0]), *expected], -1)
        return (residual / self.scale).square().sum(-1), self.scale.log().sum(-1)

    def color(self, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape, dtype=self.scale.dtype, device=self.scale.device) * self.scale
        parts = [noise[..., 0]]
        for i, row in enumerate(self._rows(), start=1):
            part = noise[..., i]
            for j in range(i):
                part = torch.addcmul(part, row[..., j], parts[j])
            parts.append(part)
        return torch.stack(parts, -1)

    @property
    def scale_tril(self) -> Tensor:
        d = self.scale.shape[-1]
        rows = [F.pad(-row, (0, d - i)) for i, row in enumerate(self._rows(), start=1)]
        lower = torch.stack([self.coefficients.new_zeros(d).expand(*self.coefficients.shape[:-1], d), *rows], -2)
        unit = lower + torch.eye(d, dtype=self.scale.dtype, device=self.scale.device)
        return torch.linalg.solve_triangular(unit, torch.diag_embed(self.scale), upper=False, unitriangular=True)

    def _rows(self) -> tuple[Tensor, ...]:
        """Row i of B up to its diagonal, for i = 1, …, d − 1."""
        return self.coefficients.split(list(range(1, self.scale.shape[-1])), -1)


class LowRank(Scatter):
    r"""Independent scales and r shared directions: :math:`\Sigma = \operatorname{diag}(s)^2 + W W^\top`.

    Distances are those left after projecting on the columns of :math:`A = [\operatorname{diag}(s)^{-1} W; I]`, made orthogonal
    one after the other (modified Gram–Schmidt: as exact as QR, and at small r a third of its time). Their lengths multiply
    to :math:`\det \Sigma^{1/2} / \prod s`. As :math:`A^\top A = I + \ldots`, none is below one, so nothing here can be singular.

    Args:
        scale: s > 0, ``[..., d]``.
        factor: W, ``[..., d, r]``; r may be 0, for a diagonal Σ.

    Source: Björck, "Solving linear least squares problems by Gram–Schmidt orthogonalization", 1967,
    https://doi.org/10.1007/BF01934122.

    Example:
        >>> LowRank(torch.ones(2), torch.tensor([[1.0], [2.0]])).covariance_matrix
        tensor([[2., 2.],
                [2., 5.]])
    """

    def __init__(self, scale: Tensor, factor: Tensor) -> None:
        self.scale = scale
        self.factor = factor

    @property
    def batch_shape(self) -> torch.Size:
        return torch.broadcast_shapes(self.scale.shape[:-1], self.factor.shape[:-2])

    def distance_and_half_log_det(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        left, half_log_det = residual / self.scale, self.scale.log().sum(-1)
        directions, lengths = self._orthogonal()
        if directions:
            left = F.pad(left, (0, len(directions)))
            half_log_det = half_log_det + torch.cat(lengths, -1).log().sum(-1)
        for direction in directions:
            left = left - (left * direction).sum(-1, keepdim=True) * direction
        return left.square().sum(-1), half_log_det

    def _orthogonal(self) -> tuple[list[Tensor], list[Tensor]]:
        """Unit vectors ``[..., d + r]`` that span the columns of A, and each column's length ``[..., 1]`` beside those before."""
        white = (self.factor / self.scale.unsqueeze(-1)).mT
        rank = white.shape[-2]
        eye = torch.eye(rank, dtype=white.dtype, device=white.device)
        rest = torch.cat([white, eye.expand(*white.shape[:-1], rank)], -1)
        directions, lengths = [], []
        for _ in range(rank):
            first, rest = rest[..., 0, :], rest[..., 1:, :]
            # A bound well below one: it never binds but where rounding has eaten all digits.
            lengths.append(first.square().sum(-1, keepdim=True).clamp_min(0.25).sqrt())
            directions.append(first / lengths[-1])
            along = directions[-1].unsqueeze(-2)
            rest = rest - (rest * along).sum(-1, keepdim=True) * along
        return directions, lengths

    def color(self, shape: torch.Size) -> Tensor:
        own = torch.randn(shape, dtype=self.scale.dtype, device=self.scale.device) * self.scale
        shared = torch.randn((*shape[:-1], self.factor.shape[-1], 1), dtype=own.dtype, device=own.device)
        return own + (self.factor @ shared).squeeze(-1)

    @property
    def scale_tril(self) -> Tensor:
        # Σ = [diag s, W] [diag s, W]ᵀ, whose transposed factor's triangle is the Cholesky factor but for signs.
        parts = (torch.diag_embed(self.scale), self.factor)
        both = torch.cat([part.expand(*self.batch_shape, -1, -1) for part in parts], -1)
        _, upper = torch.linalg.qr(both.mT)
        signs = torch.diagonal(upper, dim1=-2, dim2=-1).sign().unsqueeze(-2)
        return upper.mT * signs

    @property
    def covariance_matrix(self) -> Tensor:
        return torch.diag_embed(self.scale.square()) + self.factor @ self.factor.mT

    @property
    def variance(self) -> Tensor:
        return self.scale.square() + self.factor.square().sum(-1)
