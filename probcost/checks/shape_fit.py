"""A candidate's likelihood fitted around given predictions: its own parameters, a shift, and little else."""

from __future__ import annotations

import copy
import math

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

from probcost.checks.candidates import Candidate

__all__ = ["ShapeFit"]

_STEPS = 60
# Standard deviation of the prior on weights of functions of the inputs; the functions have variance 1.
_WEIGHT = 0.03
# A pull, weak beside any data, that keeps what the rows say nothing about where it began.
_PULL = 1e-4


class ShapeFit(nn.Module):
    """p(y) around predictions: raw outputs are the predicted locations, shifted and stretched, and constants.

    Args:
        candidate: what is fitted.
        anchor: locations on the scale of raw outputs ``[T, N]``.
        features: ``[T, Q]``, of variance 1.
        previous: residuals of the row before, ``[T, N]``.
    """

    def __init__(self, candidate: Candidate, anchor: Tensor, features: Tensor, previous: Tensor) -> None:
        super().__init__()
        self.anchor, self.features, self.previous = anchor, features, previous
        self.likelihood = copy.deepcopy(candidate.likelihood).to(anchor)
        n, zeros = self.likelihood.n_units, anchor.new_zeros
        start = zeros(self.likelihood.num_outputs)
        if not self.likelihood.discrete:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # components of a mixture begin apart, at random
                start = self.likelihood.initial_raw(zeros(n), torch.ones_like(zeros(n)))
        self.offset = nn.Parameter(start.detach().clone())
        self.slope = nn.Parameter(torch.ones_like(zeros(n))) if self.likelihood.discrete else None
        outputs = range(self.likelihood.num_outputs)[candidate.on_features or slice(0)]
        self.outputs = slice(outputs.start, outputs.stop)
        self.weights = nn.Parameter(zeros(features.shape[1] if outputs else 0, len(outputs)))
        self.memory = nn.Parameter(zeros(n)) if candidate.on_previous else None

    @property
    def learned(self) -> float:
        """Parameters for each unit."""
        return sum(parameter.numel() for parameter in self.parameters()) / self.likelihood.n_units

    def forward(self, rows: Tensor) -> TorchDistribution:
        """The distribution of these rows."""
        n = self.likelihood.n_units
        raw = self.offset.expand(len(rows), -1).clone()
        raw[:, :n] = raw[:, :n] + self.anchor[rows] * (1.0 if self.slope is None else self.slope)
        if self.memory is not None:
            raw[:, :n] = raw[:, :n] + self.memory * self.previous[rows]
        if len(self.weights):
            raw[:, self.outputs] = raw[:, self.outputs] + self.features[rows] @ self.weights
        return self.likelihood(raw)

    def log_prob(self, rows: Tensor, y: Tensor) -> Tensor:
        """log p of each of these rows, summed over units."""
        log_prob = self(rows).log_prob(y[rows])
        return log_prob if self.likelihood.event_dim else log_prob.sum(-1)

    def learn(self, rows: Tensor, y: Tensor) -> ShapeFit:
        """By maximum posterior on these rows."""
        optimizer = torch.optim.LBFGS(self.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")
        first = [parameter.detach().clone() for parameter in self.parameters()]

        def closure() -> Tensor:
            optimizer.zero_grad()
            cost = -self.log_prob(rows, y).mean() + self.weights.square().sum() / (2 * _WEIGHT**2 * len(rows))
            for parameter, start in zip(self.parameters(), first, strict=True):
                cost = cost + _PULL * (parameter - start).square().sum()
            cost.backward()
            return cost

        optimizer.step(closure)
        if not math.isfinite(float(closure().detach())):
            # A shape that has run away says nothing; where it began is still a belief.
            with torch.no_grad():
                for parameter, start in zip(self.parameters(), first, strict=True):
                    parameter.copy_(start)
        return self
