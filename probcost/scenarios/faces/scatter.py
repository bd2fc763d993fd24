"""How photos of one person scatter around each other, and axes in which they do so alike in every direction."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["whitening"]

_SHRINKAGE = 0.8  # towards no whitening at all; people in training scatter less than others, and not quite the same way


def whitening(points: Tensor, y: Tensor, *, together: bool = False) -> Tensor:
    r"""The matrix A ``[S, m, m]`` that makes the scatter within people nearly round: distances then weigh what differs between.

    .. math:: A = \big((1 - a)\, W / \bar w + a\, I\big)^{-1/2}, \qquad
        W = \frac{1}{T - P} \sum_{\text{people}} \sum_t (e_t - \bar e)(e_t - \bar e)^\top

    with :math:`\bar w` the mean eigenvalue of W and a = 0.8.

    Args:
        points: ``[S, T, m]``, of S networks.
        y: people's numbers, ``[T, 1]``.
        together: one A for all, ``[1, m, m]``, where the networks share their axes.

    Source: Hatch, Kajarekar & Stolcke, "Within-class covariance normalization for SVM-based speaker recognition", 2006,
    https://doi.org/10.21437/Interspeech.2006-183; shrinkage: Ledoit & Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", 2004, https://doi.org/10.1016/S0047-259X(03)00096-4.
    """
    _, person, photos = torch.unique(y.flatten(), return_inverse=True, return_counts=True)
    sums = points.new_zeros(len(points), len(photos), points.shape[-1]).index_add(1, person, points)
    centres = sums / photos[:, None]
    apart = (points - centres[:, person]).double()
    within = apart.mT @ apart
    if together:
        within = within.mean(0, keepdim=True)
    mean = torch.diagonal(within, dim1=-2, dim2=-1).mean(-1)[:, None, None]
    eye = torch.eye(points.shape[-1], dtype=within.dtype, device=within.device)
    # Photos that lie on one point, or people with one photo each, have no scatter to go by.
    relative = torch.where(mean > 0, within / mean.clamp_min(torch.finfo(points.dtype).tiny), eye)
    values, vectors = torch.linalg.eigh((1 - _SHRINKAGE) * relative + _SHRINKAGE * eye)
    return ((vectors * values.rsqrt().unsqueeze(-2)) @ vectors.mT).to(points.dtype)
