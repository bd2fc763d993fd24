"""Photos of one person near each other, of different people far: the scenario as a Pyro model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pyro
import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

from probcost.likelihoods import NWayChoice, Triplets, TripletSlack
from probcost.model import CostModel
from probcost.networks import Augment, PhotoNetwork
from probcost.priors import Prior
from probcost.scenarios.faces.face_fit import FaceFit
from probcost.scenarios.faces.pairs import as_array, as_labels
from probcost.scenarios.faces.same_person import learn_curve
from probcost.scenarios.faces.scatter import whitening

__all__ = ["FaceEmbedding", "model"]

_WIDTH = 64
_AT_ONCE = 512  # photos embedded together
# The likelihoods that can be asked for by name; temperatures and margins are of squared distances on the unit sphere.
LIKELIHOODS: dict[str, Callable[[], Triplets]] = {
    "n_way": lambda: Triplets(NWayChoice(temperature=0.2), _WIDTH),
    "exponential": lambda: Triplets(TripletSlack("exponential", margin=0.2), _WIDTH),
    "logistic": lambda: Triplets(TripletSlack("logistic", margin=0.0, temperature=0.1, squared=True), _WIDTH, "all"),
    "normal": lambda: Triplets(TripletSlack("normal", margin=0.0, temperature=0.2, squared=True), _WIDTH, "all"),
}


class FaceEmbedding(CostModel):
    r"""Points ``e[t]`` on the unit sphere for photos ``x[t]``, near each other where ``y[t]`` says that they show one person.

    .. math:: -\log p(y \mid x, \theta) = \sum_{(a, p, n)} \max(0, d(e_a, e_p) - d(e_a, e_n) + \alpha)

    with ``"exponential"``, the tutorial's cost with its hinge around each triplet. The default, ``"n_way"``, asks of all photos
    in the batch at once which is of a's person: a softmax over −d²/T, in which the hardest photos count most.

    `probcost.fit` takes photos ``x[t]`` and people ``y[t]``, numbers or names; unless told otherwise, for at most 45 epochs, in
    batches of 48 photos and with a learning rate of 1e-3.

    After training, embeddings are turned into axes in which photos of one person scatter alike (`whitening`), and P(same
    person) is learned from people held out.

    Args:
        image_shape: ``(h, w)`` of grey photos, or ``(c, h, w)``.
        likelihood: ``"n_way"``, ``"exponential"``, ``"logistic"``, ``"normal"``, or a `Triplets`.
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
    # Some 300 steps on 320 photos: what few people can teach is learned by then.
    fit_defaults: ClassVar[Mapping[str, Any]] = {"epochs": 45, "batch_size": 48, "lr": 1e-3}
    likelihood: Triplets
    whitening: Tensor
    curve: Tensor

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32),
        likelihood: str | Triplets = "n_way",
        network: nn.Module | None = None,
        prior: Prior | None = None,
    ) -> None:
        if isinstance(likelihood, str):
            if likelihood not in LIKELIHOODS:
                choices = ", ".join(map(repr, LIKELIHOODS))
                raise ValueError(f"unknown likelihood {likelihood!r}; choose one of {choices}")
            likelihood = LIKELIHOODS[likelihood]()
        if not isinstance(likelihood, Triplets):
            raise TypeError(f"likelihood must be a name or likelihoods.Triplets(...), got {likelihood!r}")
        if network is None:
            grey = len(image_shape) == 2
            shape = (1, *image_shape) if grey else tuple(image_shape)
            channel = [nn.Unflatten(1, (1, image_shape[0]))] if grey else []
            network = nn.Sequential(*channel, Augment(), PhotoNetwork(shape, likelihood.num_outputs))
        super().__init__(network, likelihood, prior)
        self.image_shape = tuple(image_shape)
        # Of each network, [S, m, m], or one for all: axes in which photos of one person scatter alike in all directions.
        self.register_buffer("whitening", torch.eye(likelihood.num_outputs // likelihood.comparison.width)[None])
        # Offset and log-slope of P(same person), learned from people held out of training; NaN until then.
        self.register_buffer("curve", torch.full((2,), torch.nan))

    @property
    def takes(self) -> str:
        size = f"size={self.image_shape[-2:]}"
        grey = len(self.image_shape) == 2 or self.image_shape[0] == 1
        such = (
            f"photos.x of what faces.load(path, {size}) returns" if grey else f"faces.read(paths, {size}, channels=3)"
        )
        return f": photos of shape {list(self.image_shape)} are needed, such as {such}"

    def observed(self, y: Any) -> Any:
        """People's numbers, where they are given by their names: a name's place in alphabetical order."""
        return as_labels("y", y) if as_array(y).dtype.kind in "USO" else y

    @property
    def config(self) -> dict[str, Any]:
        return {"image_shape": list(self.image_shape)}

    def belief(self, parameter: Tensor) -> TorchDistribution | None:
        """The prior, of the last layer's weights and biases alone: those below it find features, and are points."""
        last = [part for part in self.network.modules() if isinstance(part, nn.Linear)][-1:]
        return (
            super().belief(parameter) if any(parameter is own for part in last for own in part.parameters()) else None
        )

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        weights = self.sample_weights()  # θ ~ prior
        comparisons = self.distribution(x, weights)  # embeddings, and every comparison between them
        with self.data_plate(len(x), num_data):  # comparisons are grouped by their anchor ...
            with self.unit_plate():  # ... and taken as independent: a composite likelihood
                return pyro.sample("closer", comparisons, obs=y)

    def points(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Points ``[S, T, m]`` of photos for each of S draws, or S = 1: the mean over mirrored and shifted versions of each."""
        if len(x) > _AT_ONCE:
            return torch.cat([self.points(part, weights) for part in x.split(_AT_ONCE)], 1)
        augment = next((part for part in self.network.modules() if isinstance(part, Augment)), None)
        views = [x] if augment is None else augment.views(x)
        total = torch.stack([self.likelihood.embed(self.raw(view, weights)) for view in views]).mean(0)
        # Of uncertain embeddings, [..., 2m], the means.
        points = self._on_sphere(total[..., : total.shape[-1] // self.likelihood.comparison.width])
        return points if weights else points[None]

    def embed(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Embeddings ``[T, m]`` of photos; of S draws side by side, ``[T, S m]``: a squared distance is the mean of theirs."""
        return _side_by_side(self._on_sphere(self.points(x, weights) @ self.whitening))

    def settle(
        self,
        x: Tensor,
        y: Tensor,
        weights: Mapping[str, Tensor],
        parts: Sequence[tuple[Any, Any, Mapping[str, Tensor]]],
    ) -> None:
        """Learn how photos of one person scatter from people in training, and P(same person) from people who were not."""
        labelled = []
        with torch.no_grad():
            for (seen, people), (unseen, others), own in parts:
                turned = self.points(unseen, own) @ self._whitening(seen, people, own)
                labelled.append((_side_by_side(self._on_sphere(turned)), others))
            self.whitening = self._whitening(x, y, weights)
        if labelled:
            members = (
                len(self.whitening) if len(labelled) > 1 else 1
            )  # what is learned of one network is used for several
            self.curve = learn_curve(labelled, members)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As any module's; there are as many whitening matrices as there were networks."""
        if "whitening" in state_dict:
            self.whitening = self.whitening.new_empty(state_dict["whitening"].shape)
        return super().load_state_dict(state_dict, strict, assign)

    def _whitening(self, x: Tensor, y: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Of each network; one for all draws of a last layer, which share their axes."""
        whole = all(f"network.{name}" in weights for name, _ in self.network.named_parameters())
        return whitening(self.points(x, weights), y, together=not whole)

    def _on_sphere(self, points: Tensor) -> Tensor:
        return F.normalize(points, dim=-1) if self.likelihood.normalize else points


def _side_by_side(points: Tensor) -> Tensor:
    return points.movedim(0, 1).flatten(1) / math.sqrt(len(points))


def model(dataset: Any, likelihood: str | Triplets = "n_way", *, prior: Prior | None = None) -> FaceEmbedding:
    """The model of a data set of photos.

    Unless told otherwise, `probcost.fit` trains it for at most 45 epochs, in batches of 48 photos and with a learning rate of
    1e-3. Of up to 200 people each fifth is held out in turn, to choose how many epochs there are (``"map"``, ``"ensemble"``).

    Args:
        dataset: a `FaceDataset`, or whatever has such an ``x``.
        likelihood, prior: as for `FaceEmbedding`.

    Raises:
        ValueError: for an unknown likelihood.

    Example:
        >>> dataset = faces.simulate_faces(n_people=3, n_photos=2)
        >>> faces.model(dataset).image_shape == dataset.x.shape[1:]
        True
    """
    return FaceEmbedding(dataset.x.shape[1:], likelihood, prior=prior)
