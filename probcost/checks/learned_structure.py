"""What is left in the residuals of training rows, learned, and looked for in others: few rows then suffice to find it."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from probcost.checks.evidence import Floats

__all__ = ["learned_structure"]

_ROWS = 1500
# Of the median distance between rows: what a network leaves behind is finer than what it has learned.
_WIDTH = 0.5
_RIDGES = np.geomspace(1e-3, 1e3, 25)


def learned_structure(x: Floats, z: Floats, at: Floats) -> Floats:
    r"""Kernel ridge regression of residuals ``z`` ``[T, N]`` on inputs ``x`` ``[T, P]``, evaluated at rows ``at`` ``[T', P]``.

    .. math:: \hat z(x) = k(x)^\top (K + \lambda I)^{-1} z, \qquad k(x, x') = e^{-\|x - x'\|^2 / 2 w^2}

    with the ridge λ of least generalised cross-validation. Given the training rows it is a fixed function of the inputs, so
    that its correlation with other rows' residuals has an exact test.

    Source: Golub, Heath & Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter", 1979,
    https://doi.org/10.1080/00401706.1979.10489751.
    """
    scale = np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), np.inf)
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), _ROWS)).round().astype(int))
    known, wanted = (x[chosen] - x.mean(axis=0)) / scale, (at - x.mean(axis=0)) / scale
    distance = cdist(known, known)
    width = _WIDTH * float(np.median(distance)) or 1.0
    kernel = np.exp(-((distance / width) ** 2) / 2)
    targets = z[chosen] - z[chosen].mean(axis=0)
    values, vectors = np.linalg.eigh(kernel)
    projected = vectors.T @ targets
    costs = []
    for ridge in _RIDGES:
        shrunk = ridge / (np.maximum(values, 0) + ridge)
        costs.append(((shrunk[:, None] * projected) ** 2).sum() / max(shrunk.sum(), 1e-12) ** 2)
    ridge = _RIDGES[int(np.argmin(costs))]
    weights = vectors @ (projected / (np.maximum(values, 0) + ridge)[:, None])
    return np.asarray(np.exp(-((cdist(wanted, known) / width) ** 2) / 2) @ weights)
