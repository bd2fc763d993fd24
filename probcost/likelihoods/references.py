r"""The likelihood of a labelled batch by way of reference points, one for each person, that are learned beside the embedding."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pyro.distributions import TorchDistribution
from torch import Tensor, nn

from probcost.likelihoods.batches import LabelledBatch, Triplets
from probcost.likelihoods.comparisons import number
from probcost.likelihoods.matching import NWayChoice

__all__ = ["ProxyAnchor", "ReferenceBatch"]


class ReferenceBatch(LabelledBatch):
    """Labels of a batch of photos, given their embeddings and the reference points of everybody who may be on them.

    Shapes: ``embeddings`` ``[..., B, m]`` and ``references`` ``[..., C, m]``, on the unit sphere; ``people`` ``[C]``, sorted;
    batch shape ``[..., B, 1]``.
    """

    def __init__(
        self, embeddings: Tensor, references: Tensor, people: Tensor, temperature: float, margin: float
    ) -> None:
        self.references, self.people, self.temperature, self.margin = references, people, temperature, margin
        super().__init__(embeddings)

    def log_prob(self, value: Tensor) -> Tensor:
        """Of each photo: its person's photos are near their reference, and, on average over people, no stranger's is."""
        own = value == self.people  # [..., B, C]
        if not bool(own.any(-1).all()):
            stranger = value[~own.any(-1)][0].item()
            raise ValueError(f"y holds person {stranger:g}, who was not enrolled; {len(self.people):,} people were")
        apart = 2 - 2 * self.embeddings @ self.references.mT
        # Each is a choice between the photos and "none of them", whose distance is the threshold.
        far = (apart - (2 - 2 * self.margin)) / self.temperature
        near = ((2 + 2 * self.margin) - apart) / self.temperature
        any_far = _any(far, own)
        any_near = _any(near, ~own)
        log_p = -(torch.where(own, any_far.unsqueeze(-2), 0.0).sum(-1) + any_near.mean(-1, keepdim=True))
        return log_p.unsqueeze(-1)


def _any(logits: Tensor, asked: Tensor) -> Tensor:
    """−log P(none of the asked photos), ``[..., C]``: log(1 + Σ e^logit) over photos ``[..., B, C]``."""
    return F.softplus(torch.where(asked, logits, -torch.inf).logsumexp(-2))


class ProxyAnchor(Triplets):
    r"""Every person in training has a reference point r on the sphere, learned too; photos are compared with these.

    .. math:: -\log p = \sum_{t} \log\Big(1 + \sum_{i \in y_t} e^{(d^2(x_i, r_{y_t}) - 2 + 2\alpha) / T}\Big)
        + \frac{1}{C} \sum_{c=1}^{C} \log\Big(1 + \sum_{i \notin c} e^{(2 + 2\alpha - d^2(x_i, r_c)) / T}\Big)

    Each logarithm is −log of a softmax with an answer "none of them": none of the person's own photos is farther from the
    reference than a quarter turn less the margin, and no stranger's photo is nearer than a quarter turn and the margin. As
    with `Triplets` their product is a composite likelihood. Few references see every photo, where pairs of photos are many and
    mostly alike: of the likelihoods here it teaches most from few people.

    In evaluation mode photos are compared with each other (`NWayChoice`), as people who were not in training have no reference.

    Args:
        n_outputs: m.
        temperature: T > 0, a squared distance.
        margin: α ≥ 0, a cosine.
        n_people: how many are enrolled; `enroll`, which `fit` calls, sets it.
        photos_per_person: as `Triplets`.

    Shapes: as `Triplets`.

    Raises:
        ValueError: as `Triplets`; in training mode for people who were not enrolled.

    Source: Kim et al., "Proxy anchor loss for deep metric learning", 2020, https://arxiv.org/abs/2003.13911, whose loss this is
    with scale 2/T.

    Example:
        >>> likelihood = ProxyAnchor(2)
        >>> likelihood.enroll(torch.tensor([[3.0], [3.0], [8.0]]))
        >>> likelihood(torch.randn(3, 2)).log_prob(torch.tensor([[3.0], [3.0], [8.0]])).shape
        torch.Size([3, 1])
    """

    people: Tensor

    def __init__(
        self,
        n_outputs: int = 64,
        temperature: float = 0.0625,
        margin: float = 0.1,
        n_people: int = 0,
        *,
        photos_per_person: int = 4,
    ) -> None:
        super().__init__(NWayChoice(temperature=_HELD_OUT_TEMPERATURE), n_outputs, photos_per_person=photos_per_person)
        self.temperature = number("temperature", temperature, above=True)
        self.margin = number("margin", margin)
        self.references = nn.Parameter(torch.randn(n_people, n_outputs))
        self.register_buffer("people", torch.arange(float(n_people)))

    @property
    def config(self) -> dict[str, Any]:
        return {
            "n_outputs": self.num_outputs,
            "temperature": self.temperature,
            "margin": self.margin,
            "n_people": len(self.people),
            "photos_per_person": self.photos_per_person,
        }

    def enroll(self, y: Tensor) -> None:
        """Give everybody in ``y`` ``[T, 1]`` a reference point, at random; who are all enrolled already keep theirs."""
        people = torch.unique(y).to(self.references)
        if not torch.equal(people, self.people):
            self.people = people
            self.references = nn.Parameter(torch.randn(len(people), self.num_outputs).to(people))

    def forward(self, raw: Tensor) -> TorchDistribution:
        if not self.training:
            return super().forward(raw)
        if not len(self.people):
            raise ValueError("nobody is enrolled: pc.fit does it, or call likelihood.enroll(people)")
        references = F.normalize(self.references, dim=-1)
        return ReferenceBatch(self.embed(raw), references, self.people, self.temperature, self.margin)

    def extra_repr(self) -> str:
        return f"n_outputs={self.num_outputs}, temperature={self.temperature:g}, margin={self.margin:g}"


_HELD_OUT_TEMPERATURE = 0.2
