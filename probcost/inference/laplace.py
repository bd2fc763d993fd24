"""Laplace approximation of the last layer: a normal posterior around the MAP, its prior chosen by marginal likelihood."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from probcost.inference.history import History
from probcost.inference.map_estimate import MapObjective
from probcost.inference.posterior import LastLayerNormal
from probcost.inference.task import Task, last_linear
from probcost.predict import Predictive, seeded

__all__ = ["run"]

_FULL = 2000  # weights up to which the covariance is kept whole: its eigenvectors then take seconds and 32 MB
_SCORES = 32  # draws from the model per row that estimate its Fisher information; fewer where rows are many
_DRAWN_ROWS = 2**16
_DRAWS = 20
_POWERS = [0.5 * power for power in range(13)]  # of ten, by which a composite likelihood's precision may be larger
_PRECISIONS = torch.logspace(-6, 8, 600, dtype=torch.float64)


def run(task: Task) -> tuple[LastLayerNormal, History]:
    r"""Fit the MAP, then approximate the posterior of the last linear layer by a normal with the curvature found there.

    .. math:: p(W \mid D) \approx N\left(\hat W, (F + s^{-2} I)^{-1}\right), \qquad
        F = \sum_t \varphi_t \varphi_t^\top \otimes E_{y \sim p}\left[g_t g_t^\top\right]

    with features φ (the layer's inputs and a one) and scores g = ∂ log p / ∂ raw under draws from the model itself: the
    generalised Gauss–Newton matrix, positive semi-definite wherever training stopped. The prior's scale s maximises

    .. math:: \log p(D \mid s) \approx \log p(D \mid \hat W) - \frac{|\hat W|^2}{2 s^2} - \frac12 \sum_i \log(s^2 f_i + 1)

    over the eigenvalues f of F. Beyond 2,000 weights F is taken as a Kronecker product. A composite likelihood has no marginal
    likelihood, as its terms are not independent: there s is at most that, and the one under which held-out rows cost least.

    Source: MacKay, "A practical Bayesian framework for backpropagation networks", 1992,
    https://doi.org/10.1162/neco.1992.4.3.448; Daxberger et al., "Laplace redux", 2021, https://arxiv.org/abs/2106.14806;
    Ritter, Botev & Barber, "A scalable Laplace approximation for neural networks", 2018,
    https://openreview.net/forum?id=Skdvd2xAZ.

    Raises:
        ValueError: for a network whose raw outputs are not those of a linear layer with a bias.
    """
    found = last_linear(task.model, task.data.train.x)
    if found is None or found[1].bias is None:
        raise ValueError(
            "method='laplace' needs a network that ends in a torch.nn.Linear with a bias and one output per raw output"
        )
    history = task.train(MapObjective(task.model))
    task.model.eval()
    name, layer = found
    mean = torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().double()
    with seeded(task.seed, mean.device):
        if mean.numel() <= _FULL:
            left, (values, right) = None, torch.linalg.eigh(_full(task, name))
            values = values.view_as(mean)
        else:
            a, b = _factors(task, name)
            (of_a, right), (of_b, left) = torch.linalg.eigh(a), torch.linalg.eigh(b)
            values = of_b[:, None] * of_a
    values = values.clamp_min(0)

    def posterior(precision: float) -> LastLayerNormal:
        return LastLayerNormal(
            layer=f"network.{name}".rstrip("."),
            mean=mean.to(layer.weight.dtype),
            left=None if left is None else left.to(layer.weight.dtype),
            right=right.to(layer.weight.dtype),
            sd=(values + precision).rsqrt().to(layer.weight.dtype),
            prior_scale=precision**-0.5,
        )

    precision = _precision(values, mean)
    if task.model.likelihood.composite and task.data.held_out is not None:
        wider = [posterior(precision * 10**power) for power in _POWERS]
        return min(wider, key=lambda one: _held_out_cost(task, one)), history
    return posterior(precision), history


def _held_out_cost(task: Task, posterior: LastLayerNormal) -> float:
    """−log of the mean likelihood of the held-out rows over draws, nats."""
    assert task.data.held_out is not None
    predictive = Predictive(task.model, task.data.held_out.x, posterior.draws(_DRAWS, task.seed))
    return -float(predictive.log_prob(task.data.held_out.y).sum())


def _precision(values: Tensor, mean: Tensor) -> float:
    """The prior precision of the largest marginal likelihood, given the eigenvalues of F."""
    grid = _PRECISIONS.to(values.device)
    evidence = [-0.5 * (d * mean.square().sum() + torch.log1p(values / d).sum()) for d in grid]
    return float(grid[torch.stack(evidence).argmax()])


def _full(task: Task, layer: str) -> Tensor:
    """F over the flattened weights ``[P (H + 1), P (H + 1)]``."""
    total: Tensor | float = 0.0
    for features, scores in _features_and_scores(task, layer):
        # Each row and draw has the gradient g ⊗ φ; the sum of their outer products is one matrix product.
        gradients = torch.einsum("stp,th->stph", scores, features).flatten(0, 1).flatten(1)
        total = total + gradients.T @ gradients / len(scores)
    assert isinstance(total, Tensor)
    return total


def _factors(task: Task, layer: str) -> tuple[Tensor, Tensor]:
    """A ``[H + 1, H + 1]`` and B ``[P, P]`` whose Kronecker product approximates F."""
    a: Tensor | float = 0.0
    b: Tensor | float = 0.0
    rows = 0
    for features, scores in _features_and_scores(task, layer):
        a = a + features.T @ features
        flat = scores.flatten(0, 1)
        b = b + flat.T @ flat / len(scores)
        rows += len(features)
    assert isinstance(a, Tensor)
    assert isinstance(b, Tensor)
    return a, b / rows


def _features_and_scores(task: Task, layer: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Batch by batch, the layer's inputs with a one ``[B, H + 1]``, and scores of raw outputs ``[S, B, P]``."""
    model, train, seen = task.model, task.data.train, list[Tensor]()
    hook = model.network.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0])
    )
    try:
        # In batches as training had them: where observations are compared, a batch is what compares them.
        order = torch.Generator().manual_seed(task.seed)
        draws = max(1, min(_SCORES, _DRAWN_ROWS // len(train)))
        for rows in task.data.batches(train.y.cpu(), task.settings.batch_size, order):
            with torch.no_grad():
                raw = model.raw(train.x[rows])
            scores = model.likelihood.scores(raw, train.y[rows], draws)
            features = seen.pop()
            yield torch.cat([features, features.new_ones(len(rows), 1)], 1).double(), scores.double()
    finally:
        hook.remove()
