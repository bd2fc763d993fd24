r"""Likelihoods of matches: do two embeddings show one person, and which of many candidates is it?"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints

from probcost import distributions as dist
from probcost.likelihoods.base import Likelihood, first_index
from probcost.likelihoods.comparisons import (
    BatchComparison,
    Pairs,
    binary,
    embeddings,
    number,
    probability,
)
from probcost.likelihoods.distances import distances

__all__ = ["NWayChoice", "SamePerson"]


class SamePerson(Likelihood):
    r"""Whether two embeddings are of one person: the nearer, the likelier, by a curve that the data teach.

    .. math:: P(y = 1) = \frac{1}{1 + e^{\beta d^q - c}}

    The offset c and the slope β > 0 are learned; the curve falls with distance, whatever they are. Learned on pairs of people
    whom the embedding has not been trained on, P is what it says for people it has never seen.

    Args:
        power: q, 1 or 2.

    Shapes: raw is the tuple ``(a, b)`` of embeddings ``[..., B, m]`` → batch shape ``[..., B]``, or a tensor of distances
    (not squared) ``[..., T, 1]`` → ``[..., T, 1]``.

    Raises:
        ValueError: for another power, or embeddings of unequal widths.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999; Guillaumin, Verbeek & Schmid, "Is that you?
    Metric learning approaches for face identification", 2009, https://doi.org/10.1109/ICCV.2009.5459197.

    Example:
        >>> SamePerson()(torch.tensor([[0.0], [1.0], [2.0]])).mean.detach()
        tensor([[0.5000],
                [0.2689],
                [0.0180]])
    """

    site = "same"
    unit = "comparison"
    discrete = True
    support = constraints.boolean
    equation = dist.LogisticComparison.equation
    symbols: ClassVar[dict[str, str]] = {r"\Delta": "difference", r"\alpha": "margin", "T": "temperature"}

    def __init__(self, power: int = 2) -> None:
        if power not in (1, 2) or isinstance(power, bool):
            raise ValueError(f"power must be 1 (the distance) or 2 (its square), got {power!r}")
        super().__init__(1, num_outputs=1)
        self.power = power
        self.offset = nn.Parameter(torch.zeros(1))
        self.log_slope = nn.Parameter(torch.zeros(1))

    @property
    def config(self) -> dict[str, Any]:
        return {"power": self.power}

    def forward(self, raw: Tensor | tuple[Tensor, ...]) -> TorchDistribution:
        """Difference β dᵠ and margin −c, of logistic slack."""
        if isinstance(raw, Tensor):
            powered = raw.square() if self.power == 2 else raw
        else:
            a, b = embeddings(raw, "a", "b")
            powered = (a - b).square().sum(-1) if self.power == 2 else F.pairwise_distance(a, b, eps=0.0)
        return dist.LogisticComparison(self.log_slope.exp() * powered, -self.offset)

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The distance at which the mean answer is expected, 0 where none is."""
        powered = (self.offset - torch.logit(probability(mean))).detach() / self.log_slope.detach().exp()
        return powered.clamp_min(0) ** (1 / self.power)

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """The mean answer for every pair."""
        return dist.LogisticComparison(-torch.logit(probability(mean)))

    def validate(self, y: Tensor) -> None:
        binary(self, y)


class NWayChoice(BatchComparison):
    r"""Which of K candidates shows the anchor's person: a softmax over squared distances.

    .. math:: -\log P(y) = \frac{d_y^2}{T} + \log \sum_{k=1}^{K} e^{-d_k^2/T}

    In `Triplets` every pair (a, p) is a choice of p among p and the chosen negatives of a.

    Args:
        n_candidates: K, where raw is a tensor; a tuple brings its own.
        temperature: T > 0, a squared distance.

    Shapes: raw is the tuple ``(anchor, candidates)``, ``[..., B, m]`` and ``[..., B, K, m]`` → batch shape ``[..., B]``, or a
    tensor of squared distances ``[..., T, K]`` → ``[..., T, 1]``. Observations are indices 0 … K − 1.

    Raises:
        ValueError: for fewer than two candidates, a temperature that is not positive, embeddings of unequal widths, or a tensor
            that is not K wide.

    Source: Goldberger et al., "Neighbourhood components analysis", 2004; Snell, Swersky & Zemel, "Prototypical networks for
    few-shot learning", 2017, https://arxiv.org/abs/1703.05175.

    Example:
        >>> NWayChoice(3)(torch.tensor([[0.0, 1.0, 1.0]])).log_prob(torch.zeros(1, 1)).exp()
        tensor([[0.5761]])
    """

    support = constraints.nonnegative_integer
    equation = r"d_y^2 / T + \log(\sum_{c=1}^{K} e^{-d_c^2 / T})"
    symbols: ClassVar[dict[str, str]] = {"T": "temperature"}
    site = "chosen"
    # The softmax itself weighs candidates by how hard they are.
    mining = "all"

    def __init__(self, n_candidates: int | None = None, temperature: float = 1.0) -> None:
        whole = isinstance(n_candidates, int) and not isinstance(n_candidates, bool)
        if n_candidates is not None and (not whole or n_candidates < 2):
            raise ValueError(f"n_candidates must be None or a whole number of at least 2, got {n_candidates!r}")
        super().__init__(1, num_outputs=n_candidates or 0)
        self.n_candidates = n_candidates
        self.temperature = number("temperature", temperature, above=True)

    @property
    def config(self) -> dict[str, Any]:
        return {"n_candidates": self.n_candidates, "temperature": self.temperature}

    def forward(self, raw: Tensor | tuple[Tensor, ...]) -> TorchDistribution:
        if not isinstance(raw, Tensor):
            anchor, candidates = embeddings(raw, "anchor", "candidates")
            return dist.Choice((anchor.unsqueeze(-2) - candidates).square().sum(-1), self.temperature)
        if raw.shape[-1] != self.n_candidates:
            raise ValueError(
                f"raw has shape {list(raw.shape)}; a tensor holds the squared distances of n_candidates="
                f"{self.n_candidates} in its last dimension"
            )
        return dist.Choice(raw.unsqueeze(-2), self.temperature)

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """All candidates alike: the mean of an index says nothing."""
        return mean.new_zeros(self.num_outputs)

    def validate(self, y: Tensor) -> None:
        if y.ndim > 1 and y.shape[-1] != 1:
            raise ValueError(
                f"y has shape {list(y.shape)}; NWayChoice accepts [B] for a tuple of embeddings, and [T, 1] for a tensor"
            )
        most = math.inf if self.n_candidates is None else self.n_candidates - 1
        bad = first_index(~((y >= 0) & (y <= most) & (y == y.floor()) & torch.isfinite(y)))
        if bad is not None:
            value = y[tuple(int(i) for i in bad.split(", "))].item()
            last = "the last candidate's" if self.n_candidates is None else f"{most}"
            raise ValueError(f"y[{bad}] is {value:g}; NWayChoice accepts whole numbers from 0 to {last}")

    def rows(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        return (distances(embeddings, squared=True),)

    def log_chosen(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        return -self._logits(rows, pairs).logsumexp(1)

    def log_drawn(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        log_p = self._logits(rows, pairs).log_softmax(1)
        return log_p.gather(1, torch.multinomial(log_p.detach().exp(), 1)).squeeze(1)

    def _logits(self, rows: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        """Of each pair's right answer, as a zero in front, and of its others relative to it, ``[n, 1 + B]``."""
        logits = -rows[0] / self.temperature
        right = pairs.of_positive(logits)
        others = torch.where(pairs.chosen, logits - right, -torch.inf)
        return torch.cat([torch.zeros_like(right), others], 1)
