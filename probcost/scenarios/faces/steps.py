"""The tutorial's steps towards the triplet cost, each as a Pyro model to be fitted, seen to fail, and mended by the next.

Steps 1 to 4 are costs that no distribution has: exp(−cost) enters the model as a factor that is normalised over nothing, and is
labelled so. Step 5 is `TripletSlack`, a probability.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyro
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints

from probcost.likelihoods import Triplets, TripletSlack
from probcost.likelihoods.comparisons import BatchComparison, Pairs, number
from probcost.likelihoods.distances import distances
from probcost.networks import Augment, PhotoNetwork
from probcost.scenarios.faces.face_embedding import FaceEmbedding

__all__ = [
    "STEPS",
    "Difference",
    "MarginOnly",
    "PairsOnly",
    "StepFaces",
    "TwoNegatives",
    "UnnormalizedFaces",
    "UnnormalizedStep",
    "ZeroOnly",
    "step",
]


class UnnormalizedStep(BatchComparison):
    """A cost of three photos, by their Euclidean distances, which is −log of a factor and not of a probability.

    A step is its ``cost(ap, an, pn)``: distances of anchor and positive ``[n, 1]``, anchor and negative ``[n, B]``, positive
    and negative ``[n, B]`` → cost ``[n, B]``, or ``[n, 1]`` where the negative is not asked. Each counts once for every triplet,
    so that the steps' costs are in one unit.

    Args:
        margin: α ≥ 0, where a step has one.

    Raises:
        TypeError: from ``forward``: there is no distribution to return.

    Example:
        >>> hinge_without_zero = faces.STEPS["margin_only"](margin=1.0)
        >>> near, far = torch.tensor([[0.5]]), torch.tensor([[2.0]])
        >>> hinge_without_zero.cost(near, far, far)  # 0.5 − 2 + 1
        tensor([[-0.5000]])
    """

    normalized_density: ClassVar[bool] = False
    site = "unnormalized"
    support = constraints.boolean
    squared = False
    mining = "all"

    def __init__(self, margin: float = 0.0) -> None:
        super().__init__(1, num_outputs=1)
        self.margin = number("margin", margin)

    @property
    def config(self) -> dict[str, Any]:
        return {"margin": self.margin}

    @abstractmethod
    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        """The cost of each triplet."""

    def forward(self, raw: Tensor) -> TorchDistribution:
        raise TypeError(
            f"{type(self).__name__} is unnormalised: a factor of the embeddings, and no distribution of answers"
        )

    def rows(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        return (distances(embeddings, squared=False),)

    def shared(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        return self.rows(embeddings)

    def log_chosen(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        """Log-factor ``[n]`` of the chosen triplets of each pair: no log-probability."""
        cost = self.cost(pairs.of_positive(rows[0]), rows[0], shared[0][pairs.positive])
        return -torch.where(pairs.chosen, cost, 0.0).sum(1)

    def log_drawn(self, rows: tuple[Tensor, ...], shared: tuple[Tensor, ...], pairs: Pairs) -> Tensor:
        raise TypeError(f"{type(self).__name__} is unnormalised: it has no answers that could be drawn")


class PairsOnly(UnnormalizedStep):
    """Step 1, d(a, p): photos of one person near each other. Least, 0, where all photos are one point."""

    equation = r"d_{ap}"

    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        return ap


class Difference(UnnormalizedStep):
    """Step 2, d(a, p) − d(a, n): and others far. An embedding c times as large costs c times as much: no least value."""

    equation = r"d_{ap} - d_{an}"

    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        return ap - an


class TwoNegatives(UnnormalizedStep):
    """Step 3, d(a, p) − d(a, n) − d(p, n): two terms against one. Growing pays even where nobody is told apart."""

    equation = r"d_{ap} - d_{an} - d_{pn}"

    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        return ap - an - pn


class MarginOnly(UnnormalizedStep):
    """Step 4, back to one negative, d(a, p) − d(a, n) + α, without the zero: α has no gradient, and far triplets rule."""

    equation = r"d_{ap} - d_{an} + \alpha"

    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        return ap - an + self.margin


class ZeroOnly(UnnormalizedStep):
    """Step 4, cut off at 0 without a margin, max(0, d(a, p) − d(a, n)): bounded, and least where all photos are one point."""

    equation = r"\max(0, d_{ap} - d_{an})"

    def cost(self, ap: Tensor, an: Tensor, pn: Tensor) -> Tensor:
        return (ap - an).clamp_min(0)


class StepFaces(FaceEmbedding):
    """The model of a step whose cost alone decides where photos are: nothing is averaged, turned or learned beside it."""

    def embed(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Points ``[T, m]``; of S draws side by side, ``[T, S m]``."""
        points = self.likelihood.embed(self.raw(x, weights))
        return points.movedim(0, 1).flatten(1) / math.sqrt(len(points)) if weights else points

    def settle(self, *args: Any, **kwargs: Any) -> None:
        """Leave points where the cost has put them."""


class UnnormalizedFaces(StepFaces):
    """A step as a Pyro model: its cost enters the trace as a factor named ``"unnormalized"``, since nothing is observed under it.

    Args:
        image_shape, network, prior: as for `FaceEmbedding`.
        likelihood: a `Triplets` of an `UnnormalizedStep`.

    Raises:
        TypeError: for another comparison, and where no people are given: a factor says nothing about who they might be.

    Example:
        >>> model = UnnormalizedFaces((16, 16), Triplets(PairsOnly(), normalize=False))
        >>> photos, people = torch.randn(3, 16, 16), torch.tensor([[0.0], [0.0], [1.0]])
        >>> trace = pyro.poutine.trace(model.eval()).get_trace(photos, people)
        >>> bool(torch.isclose(-trace.log_prob_sum(), pc.cost(model, photos, people)))
        True
    """

    def __init__(
        self, image_shape: Sequence[int], likelihood: Triplets, network: Any = None, prior: Any = None
    ) -> None:
        if not isinstance(getattr(likelihood, "comparison", None), UnnormalizedStep):
            raise TypeError(
                f"likelihood must be Triplets of an UnnormalizedStep, got {likelihood!r}; FaceEmbedding takes others"
            )
        super().__init__(image_shape, likelihood, network, prior)

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        if y is None:
            raise TypeError("y is None; an unnormalised step needs to be told who is on each photo")
        log_factor = self.distribution(x, self.sample_weights()).log_prob(y)  # minus the step's cost, by anchor
        with self.data_plate(len(x), num_data), self.unit_plate():
            pyro.factor("unnormalized", log_factor)
        return y


# In the order they are climbed.
STEPS: dict[str, type[UnnormalizedStep] | type[TripletSlack]] = {
    "pairs": PairsOnly,
    "difference": Difference,
    "two_negatives": TwoNegatives,
    "margin_only": MarginOnly,
    "zero_only": ZeroOnly,
    "hinge": TripletSlack,
}


def step(image_shape: Sequence[int], name: str, *, margin: float = 1.0, n_outputs: int = 64) -> FaceEmbedding:
    """The model of one step, ready for `probcost.fit`: every triplet of a batch, of embeddings wherever the network puts them.

    They are not brought onto the unit sphere, where none could collapse or grow. Photos are mirrored and shifted in training. Fit
    with ``validation=None``, so that what is seen is what the cost asks for, and not where held-out people would have stopped it.
    A saved fit of a step is read by ``pc.load(folder, model=step(image_shape, name))``: steps are the tutorial's, and none of the
    classes that a file may bring with it.

    Args:
        image_shape: ``(h, w)`` or ``(c, h, w)``.
        name: ``"pairs"``, ``"difference"``, ``"two_negatives"``, ``"margin_only"``, ``"zero_only"``, or ``"hinge"``, the only
            one that is a probability: `TripletSlack` with exponential slack.
        margin: α, for the steps that have one.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> step((32, 32), "difference").likelihood.comparison
        Difference(margin=0.0)
    """
    if name not in STEPS:
        raise ValueError(f"unknown step {name!r}; choose one of {', '.join(map(repr, STEPS))}")
    kind = STEPS[name]
    comparison = kind(margin=margin) if name in ("margin_only", "hinge") else kind()
    likelihood = Triplets(comparison, n_outputs, mining="all", normalize=False)
    kind_of_model = UnnormalizedFaces if isinstance(comparison, UnnormalizedStep) else StepFaces
    grey = len(image_shape) == 2
    channel = [nn.Unflatten(1, (1, image_shape[0]))] if grey else []
    photos = PhotoNetwork((1, *image_shape) if grey else image_shape, n_outputs)
    return kind_of_model(image_shape, likelihood, nn.Sequential(*channel, Augment(hide=(0.0, 0.0)), photos))
