"""Photos of one person near each other, of different people far: the scenario as a Pyro model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyro
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

from probcost.likelihoods import NWayChoice, Triplets, TripletSlack
from probcost.model import CostModel
from probcost.networks import Augment, PhotoNetwork
from probcost.priors import Prior
from probcost.scenarios.faces.face_fit import FaceFit
from probcost.scenarios.faces.same_person import learn_curve

__all__ = ["FaceEmbedding", "model"]

_WIDTH = 64
# The comparisons that can be asked for by name; temperatures are squared distances on the unit sphere.
COMPARISONS = {
    "n_way": lambda: NWayChoice(temperature=0.2),
    "exponential": lambda: TripletSlack("exponential", margin=0.2),
    "logistic": lambda: TripletSlack("logistic", margin=0.0, temperature=0.1, squared=True),
    "normal": lambda: TripletSlack("normal", margin=0.0, temperature=0.2, squared=True),
}


class FaceEmbedding(CostModel):
    r"""Points ``e[t]`` on the unit sphere for photos ``x[t]``, near each other where ``y[t]`` says that they show one person.

    .. math:: -\log p(y \mid x, \theta) = -\sum_{a, p} \log \frac{e^{-d_{ap}^2/T}}{e^{-d_{ap}^2/T} + \sum_n e^{-d_{an}^2/T}}

    with the default ``"n_way"``: of all photos in the batch, which is of the anchor's person? With ``"exponential"`` it is the
    tutorial's :math:`\sum \max(0, d_{ap} - d_{an} + \alpha)`, the hinge around each triplet.

    Args:
        image_shape: ``(h, w)`` of grey photos, or ``(c, h, w)``.
        likelihood: ``"n_way"``, ``"exponential"``, ``"logistic"``, ``"normal"``, or a `Triplets` of your own.
        network: photos → raw outputs; three convolutions, with photos changed a little in training, unless given.
        prior: belief about the weights of the last layer, of which ``"svi"`` then finds a posterior; none unless given.

    Raises:
        ValueError: for an unknown likelihood, or photos smaller than 8 × 8.
        TypeError: for a likelihood that is no `Triplets`.

    Example:
        >>> model = FaceEmbedding((16, 16), likelihood="logistic")
        >>> people = torch.tensor([[0.0], [0.0], [1.0]])
        >>> bool(model(torch.randn(3, 16, 16), people).equal(people))
        True
    """

    one_scale = True
    fit_class = FaceFit
    likelihood: Triplets
    curve: Tensor

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32),
        likelihood: str | Triplets = "n_way",
        network: nn.Module | None = None,
        prior: Prior | None = None,
    ) -> None:
        if isinstance(likelihood, str):
            if likelihood not in COMPARISONS:
                choices = ", ".join(map(repr, COMPARISONS))
                raise ValueError(f"unknown likelihood {likelihood!r}; choose one of {choices}")
            likelihood = Triplets(COMPARISONS[likelihood](), n_outputs=_WIDTH)
        if not isinstance(likelihood, Triplets):
            raise TypeError(f"likelihood must be a name or likelihoods.Triplets(...), got {likelihood!r}")
        if network is None:
            grey = len(image_shape) == 2
            shape = (1, *image_shape) if grey else tuple(image_shape)
            channel = [nn.Unflatten(1, (1, image_shape[0]))] if grey else []
            network = nn.Sequential(*channel, Augment(), PhotoNetwork(shape, likelihood.num_outputs))
        super().__init__(network, likelihood, prior)
        self.image_shape = tuple(image_shape)
        # Offset and log-slope of P(same person), learned from people held out of training; NaN until then.
        self.register_buffer("curve", torch.full((2,), torch.nan))

    @property
    def config(self) -> dict[str, Any]:
        return {"image_shape": list(self.image_shape)}

    def belief(self, parameter: Tensor) -> TorchDistribution | None:
        """The prior, of the last layer's weights and biases alone: those below it find features, and are points."""
        last = list(self.network.parameters())[-2:]
        return super().belief(parameter) if any(parameter is own for own in last) else None

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        weights = self.sample_weights()  # θ ~ prior
        comparisons = self.distribution(x, weights)  # embeddings, and every comparison between them
        with self.data_plate(len(x), num_data):  # comparisons are grouped by their anchor ...
            with self.unit_plate():  # ... and taken as independent: a composite likelihood
                return pyro.sample("closer", comparisons, obs=y)

    def embed(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Embeddings ``[T, m]`` of photos; of S draws side by side, ``[T, S m]``: a squared distance is the mean of theirs."""
        embedding = self.likelihood.embed(self.raw(x, weights))
        # Of uncertain embeddings, [..., 2m], the means.
        embedding = embedding[..., : embedding.shape[-1] // self.likelihood.comparison.width]
        if not weights:
            return embedding
        return embedding.movedim(0, 1).flatten(1) / math.sqrt(len(embedding))

    def settle(self, x: Tensor, y: Tensor, weights: Mapping[str, Tensor]) -> None:
        """Learn P(same person) from people who have trained nothing."""
        with torch.no_grad():
            self.curve = learn_curve(self.embed(x, weights), y)


def model(dataset: Any, likelihood: str | Triplets = "n_way", *, prior: Prior | None = None) -> FaceEmbedding:
    """The model of a data set of photos.

    Raises:
        ValueError: for an unknown likelihood.

    Example:
        >>> dataset = faces.simulate_faces(n_people=3, n_photos=2)
        >>> faces.model(dataset).image_shape == dataset.x.shape[1:]
        True
    """
    return FaceEmbedding(dataset.x.shape[1:], likelihood, prior=prior)
