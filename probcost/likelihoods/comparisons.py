r"""Likelihoods of comparisons of three: is the anchor nearer to the positive than to the negative?"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost import distributions as dist
from probcost.distributions._special import widest
from probcost.distributions.comparison import Comparison
from probcost.likelihoods.base import Likelihood, first_index
from probcost.likelihoods.distances import distances
from probcost.likelihoods.links import positive as positive_scale

__all__ = [
    "BatchComparison",
    "GaussianTriplet",
    "TripletSlack",
    "binary",
    "embeddings",
    "number",
    "probability",
]

SLACKS: dict[str, type[Comparison]] = {
    "exponential": dist.ExponentialComparison,
    "logistic": dist.LogisticComparison,
    "normal": dist.NormalComparison,
}


class BatchComparison(Likelihood):
    """What a comparison tells `Triplets`, which makes every comparison there is in a labelled batch of embeddings.

    ``rows(embeddings)`` are tensors ``[B, ...]`` whose row a is of anchor a; the first, ``[B, B]``, separates a from every
    photo, and mining decides on it. ``log_chosen`` is given the rows of a few anchors and their pairs (a, p), and answers
    for every pair with the log-probability of all its chosen comparisons together.
    """

    site = "closer"
    unit = "comparison"
    discrete = True
    margin: float = 0.0
    # Whether separations are squared distances.
    squared: bool = True
    # Raw outputs per dimension of an embedding.
    width: ClassVar[int] = 1
    mining: ClassVar[str] = "semi_hard"

    def normalized(self, raw: Tensor) -> Tensor:
        """Embeddings on the unit sphere."""
        return F.normalize(raw, dim=-1)

    @abstractmethod
    def rows(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        """What belongs to anchors, ``[B, ...]`` each, for embeddings ``[B, width · m]``."""

    def shared(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        """What belongs to no anchor and is needed by all."""
        return ()

    @abstractmethod
    def log_chosen(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        """Log-probability ``[n]`` of the chosen comparisons of each pair, given the rows of its anchor ``[n, ...]``."""

    @abstractmethod
    def log_drawn(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        """As `log_chosen`, of answers drawn at random from the model instead of the right ones."""

    def validate(self, y: Tensor) -> None:
        binary(self, y)


class Pairs:
    """Pairs (anchor, positive) and, for each, the negatives it is compared with: ``positive`` ``[n]``, ``chosen`` ``[n, B]``."""

    def __init__(self, positive: Tensor, chosen: Tensor) -> None:
        self.positive = positive
        self.chosen = chosen

    def of_positive(self, table: Tensor) -> Tensor:
        """Each pair's own entry ``[n, 1]`` of a table ``[n, B]``."""
        return table.gather(1, self.positive.unsqueeze(1))


class _Triplet(BatchComparison):
    """Binary comparisons (a, p, n); a subclass knows Δ and its scale."""

    support = constraints.boolean
    symbols: ClassVar[dict[str, str]] = {r"\Delta": "difference", r"\alpha": "margin", "T": "temperature"}

    def log_chosen(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        log_p = self._compare_all(rows, shared, pairs).log_closer
        return torch.linalg.vecdot(log_p, pairs.chosen.to(log_p.dtype))

    def log_drawn(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        compared = self._compare_all(rows, shared, pairs)
        log_p = compared.log_prob(compared.sample().detach())
        return torch.where(pairs.chosen, log_p, 0.0).sum(-1)

    @abstractmethod
    def _compare_all(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Comparison:
        """Every pair against every photo as the negative, ``[n, B]``."""


class TripletSlack(_Triplet):
    r"""The triplet cost as a probability: p is nearer to a than n is, by a margin, if a random slack allows it.

    .. math:: y = 1 \iff s > \Delta + \alpha, \qquad \Delta = d(a, p) - d(a, n)

    ================ ======================================== =====================================================
    slack            P(y = 1)                                 cost of y = 1
    ================ ======================================== =====================================================
    ``exponential``  :math:`e^{-\max(0, (\Delta+\alpha)/T)}`  the hinge over T: ``torch.nn.TripletMarginLoss`` at T = 1
    ``logistic``     :math:`1/(1 + e^{(\Delta+\alpha)/T})`    the soft triplet, Bradley–Terry on −d
    ``normal``       :math:`\Phi(-(\Delta+\alpha)/T)`         probit
    ================ ======================================== =====================================================

    What is coherent: for each triplet by itself P(y = 0) + P(y = 1) = 1, so this is a likelihood of answers to one
    question at a time. What is not: "p is nearer than n" and "n is nearer than p" exclude each other, and their two
    probabilities should not exceed 1 together. With logistic or normal slack they make exactly 1 at margin 0, and less
    with a margin (the rest is "neither by the margin"). With exponential slack they make
    :math:`1 + e^{-(|\Delta| + \alpha)/T}` wherever :math:`|\Delta| \ge \alpha`, which is always more than 1, and 2 at
    :math:`\Delta = \alpha = 0`: the hinge is the cost of a one-sided answer, not of a ranking. Nor is any of the three a
    joint model of all triplets of a batch: their answers are dependent, and the product over triplets is a composite
    likelihood, whose curvature overstates what is known.

    Args:
        slack: ``"exponential"``, ``"logistic"`` or ``"normal"``.
        margin: α ≥ 0, in the units of Δ.
        temperature: T > 0, likewise.
        squared: Δ of squared distances, as Schroff et al. have it.
        eps: added to every coordinate's difference before the (not squared) distance, as torch does; with 0 the gradient of
            the distance of coincident points is 0.

    Shapes: raw is the tuple ``(anchor, positive, negative)`` of embeddings ``[..., B, m]`` → batch shape ``[..., B]``, or a
    tensor of Δ ``[..., T, 1]`` → ``[..., T, 1]``.

    Raises:
        ValueError: for an unknown slack, a negative margin or eps, a temperature that is not positive, or embeddings of
            unequal widths.

    Source: Schroff, Kalenichenko & Philbin, "FaceNet", 2015, https://arxiv.org/abs/1503.03832; van der Maaten & Weinberger,
    "Stochastic triplet embedding", 2012, https://doi.org/10.1109/MLSP.2012.6349720.

    Example:
        >>> a, p, n = torch.zeros(1, 2), torch.tensor([[0.0, 0.3]]), torch.tensor([[0.4, 0.0]])
        >>> pc.CostFunction(TripletSlack(margin=0.2))((a, p, n), torch.ones(1))
        tensor(0.1000)
    """

    def __init__(
        self,
        slack: str = "exponential",
        margin: float = 0.2,
        temperature: float = 1.0,
        squared: bool = False,
        eps: float = 1e-6,
    ) -> None:
        if slack not in SLACKS:
            raise ValueError(f"slack must be one of {', '.join(map(repr, SLACKS))}, got {slack!r}")
        super().__init__(1, num_outputs=1)
        self.slack = slack
        self.margin = number("margin", margin)
        self.temperature = number("temperature", temperature, above=True)
        self.squared = squared
        self.eps = number("eps", eps)

    @property
    def config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("slack", "margin", "temperature", "squared", "eps")}

    @property
    def equation(self) -> str:  # type: ignore[override]
        return SLACKS[self.slack].equation

    def forward(self, raw: Tensor | tuple[Tensor, ...]) -> TorchDistribution:
        if isinstance(raw, Tensor):
            return self._compare(raw)
        anchor, positive, negative = embeddings(raw, "anchor", "positive", "negative")
        return self._compare(self._distance(anchor, positive) - self._distance(anchor, negative))

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The Δ at which the mean answer is expected."""
        return self.temperature * SLACKS[self.slack].gap_at(probability(mean)) - self.margin

    def rows(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        return (distances(embeddings, squared=self.squared, eps=0.0 if self.squared else self.eps),)

    def _compare_all(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Comparison:
        return self._compare(pairs.of_positive(rows[0]) - rows[0])

    def _compare(self, difference: Tensor) -> Comparison:
        return SLACKS[self.slack](difference, self.margin, self.temperature)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().sum(-1) if self.squared else F.pairwise_distance(a, b, eps=self.eps)


class GaussianTriplet(_Triplet):
    r"""Triplets of uncertain embeddings, each a normal with a diagonal covariance: is p surely nearer?

    .. math:: P(y = 1) = P(\tau < -\alpha) \approx \Phi\left(-\frac{\alpha + \mu}{\sqrt{v}}\right), \qquad
        \tau = |a - p|^2 - |a - n|^2

    whose moments are exact, for independent a, p, n with means m and variances :math:`s^2` of each coordinate:

    .. math:: \mu = |m_a - m_p|^2 - |m_a - m_n|^2 + \textstyle\sum (s_p^2 - s_n^2)
    .. math:: v = \textstyle\sum 2 s_p^4 + 2 s_n^4 + 4 s_p^2 \left((m_a - m_p)^2 + s_a^2\right)
        + 4 s_n^2 \left((m_a - m_n)^2 + s_a^2\right) + 4 s_a^2 (m_p - m_n)^2

    τ is a quadratic form in normals; that it is nearly normal is the one approximation, good in many dimensions. A positive
    margin asks p to be nearer by α, and makes y = 1 less likely.

    Args:
        margin: α ≥ 0, a squared distance.
        scale: the standard deviation that a raw output of 0 means; it is never below a thousandth of it.

    Shapes: raw is the tuple ``(anchor, positive, negative)``, each ``[..., B, 2m]``: m means, then m raw scales (through a
    softplus) → batch shape ``[..., B]``; or a tensor ``[..., T, 2]`` of the mean and log-variance of τ → ``[..., T, 1]``.

    Raises:
        ValueError: for a negative margin, a scale that is not positive, or embeddings of odd or unequal widths.

    Source: Warburg et al., "Bayesian triplet loss: uncertainty quantification in image retrieval", 2021,
    https://arxiv.org/abs/2011.12663; the moments derived anew, by conditioning on a.

    Example:
        >>> same = torch.zeros(1, 4)
        >>> GaussianTriplet()((same, same, same)).mean
        tensor([0.5000])
    """

    equation = dist.NormalComparison.equation
    width = 2

    def __init__(self, margin: float = 0.0, scale: float = 1.0) -> None:
        super().__init__(1, num_outputs=2)
        self.margin = number("margin", margin)
        self.scale = number("scale", scale, above=True)

    @property
    def config(self) -> dict[str, Any]:
        return {"margin": self.margin, "scale": self.scale}

    def forward(self, raw: Tensor | tuple[Tensor, ...]) -> TorchDistribution:
        if isinstance(raw, Tensor):
            # Between the least variance that leaves float32 gaps finite and that of distances of 10⁶.
            return self._compare(raw[..., :1], raw[..., 1:2].clamp(-28.0, 60.0).exp())
        given = embeddings(raw, "anchor", "positive", "negative")
        (a, of_a), (p, of_p), (n, of_n) = (self.moments(one) for one in given)
        to_p, to_n = (a - p).square(), (a - n).square()
        mean = (to_p + of_p - to_n - of_n).sum(-1)
        variance = _spread(to_p, of_p, of_a) + _spread(to_n, of_n, of_a) + 4 * (of_a * (p - n).square()).sum(-1)
        return self._compare(mean, variance)

    def moments(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances ``[..., m]`` of embeddings ``[..., 2m]``."""
        if raw.shape[-1] % 2:
            raise ValueError(f"uncertain embeddings are [..., 2m], means and raw scales; got width {raw.shape[-1]}")
        mean, scale = raw.chunk(2, -1)
        return mean, (self.scale * positive_scale(scale, "floored_softplus")).square()

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Variance 1, and the mean of τ at which the mean answer is expected."""
        raw = dist.NormalComparison.gap_at(probability(mean)) - self.margin
        return torch.cat([raw, torch.zeros_like(raw)])

    def normalized(self, raw: Tensor) -> Tensor:
        """Means on the unit sphere; raw scales as they are."""
        mean, scale = raw.chunk(2, -1)
        return torch.cat([F.normalize(mean, dim=-1), scale], -1)

    def rows(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        mean, variance = self._centered(embeddings)
        apart = distances(mean, squared=True)
        # Σ_c over coordinates of each term of v in which the anchor meets one other photo, as matrix products.
        by_variance = _weighted_squares(mean, variance)
        spread = (2 * variance.square()).sum(-1) + 4 * variance @ variance.mT + 4 * by_variance.mT
        about_anchor = variance @ mean.square().mT
        return tuple(part.to(embeddings.dtype) for part in (apart, spread, about_anchor, variance))

    def shared(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        mean, variance = self._centered(embeddings)
        return mean.to(embeddings.dtype), variance.sum(-1).to(embeddings.dtype)

    def _compare_all(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Comparison:
        (apart, spread, about_anchor, of_a), (mean, total) = rows, shared
        expected = apart + total
        between = about_anchor - 2 * (of_a * mean[pairs.positive]) @ mean.mT
        between = (between + pairs.of_positive(about_anchor)).clamp_min(0)
        return self._compare(pairs.of_positive(expected) - expected, pairs.of_positive(spread) + spread + 4 * between)

    def _centered(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Moments in double precision, around the batch's own middle: sums of squares then cancel least."""
        mean, variance = self.moments(embeddings.to(widest(embeddings.device)))
        return mean - mean.mean(-2, keepdim=True).detach(), variance

    def _compare(self, mean: Tensor, variance: Tensor) -> Comparison:
        return dist.NormalComparison(mean, self.margin, variance.sqrt())


def _spread(squared_difference: Tensor, variance: Tensor, of_anchor: Tensor) -> Tensor:
    return (2 * variance.square() + 4 * variance * (squared_difference + of_anchor)).sum(-1)


def _weighted_squares(mean: Tensor, variance: Tensor) -> Tensor:
    """Σ_c s²_jc (m_jc − m_ac)², ``[j, a]``."""
    own = (variance * mean.square()).sum(-1, keepdim=True)
    return (own - 2 * (variance * mean) @ mean.mT + variance @ mean.square().mT).clamp_min(0)


def embeddings(raw: tuple[Tensor, ...], *names: str) -> tuple[Tensor, ...]:
    """The embeddings of a tuple, once they are as many as they should be and equally wide.

    Raises:
        ValueError: with both widths where two differ; with the names where there are too many or too few.
    """
    if len(raw) != len(names):
        raise ValueError(f"raw has {len(raw)} parts; expected the tuple ({', '.join(names)}), or one tensor")
    # Candidates have a dimension of their own before the last.
    lengths = [
        list(part.shape[:-2] if name == "candidates" else part.shape[:-1])
        for name, part in zip(names, raw, strict=True)
    ]
    if any(length != lengths[0] for length in lengths):
        told = ", ".join(f"{name} {length}" for name, length in zip(names, lengths, strict=True))
        raise ValueError(f"embeddings that are compared must be equally many, got {told}")
    for name, part in zip(names, raw, strict=True):
        if part.shape[-1] != raw[0].shape[-1]:
            raise ValueError(
                f"{name} has width {part.shape[-1]} and {names[0]} has width {raw[0].shape[-1]}; "
                "embeddings that are compared are equally wide"
            )
    return raw


def binary(likelihood: Likelihood, y: Tensor) -> None:
    """Raise a ``ValueError`` that names the first answer that is neither 0 nor 1."""
    if y.ndim > 1 and y.shape[-1] != 1:
        raise ValueError(
            f"y has shape {list(y.shape)}; {type(likelihood).__name__} accepts [B] for a tuple of embeddings, "
            "and [T, 1] for a tensor"
        )
    bad = first_index((y != 0) & (y != 1))
    if bad is not None:
        value = y[tuple(int(i) for i in bad.split(", "))].item()
        raise ValueError(f"y[{bad}] is {value:g}; {type(likelihood).__name__} accepts 0 (no) and 1 (yes)")


def number(name: str, value: float, *, above: bool = False) -> float:
    """``value``, once it is a finite number that is not negative, and not 0 either where it must be ``above``."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < 0 or (above and value == 0):
        raise ValueError(f"{name} must be a number {'above 0' if above else 'of 0 or more'}, got {value!r}")
    return float(value)


def probability(mean: Tensor) -> Tensor:
    """The mean of answers, kept off 0 and 1, where no finite gap would reach it."""
    eps = torch.finfo(mean.dtype).eps
    return mean.clamp(eps, 1 - eps)
