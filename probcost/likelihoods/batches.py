r"""The likelihood of a labelled batch: every comparison worth making between its photos, as one distribution of the labels."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.utils.checkpoint import checkpoint

from probcost.likelihoods.base import Likelihood, first_index
from probcost.likelihoods.comparisons import BatchComparison, Pairs
from probcost.likelihoods.mining import STRATEGIES, anchors_at_once, mine
from probcost.likelihoods.sampling import people_and_photos

__all__ = ["TripletBatch", "Triplets"]

_MOST_NUMBERS = 2**24
_KEPT = 16  # parts, of 1 MB for each intermediate result
_MOST_COMPARISONS = (
    2**26
)  # of all photos at once, in evaluation: half a second, beyond which they are held against fewer
_HELD_AGAINST = 512
_BAND = 0.2  # FaceNet's margin on the unit sphere, where the comparison itself has none


class TripletBatch(TorchDistribution):
    """Labels of a batch of photos, given their embeddings, by way of the comparisons that labels say come out well.

    Shapes: ``embeddings`` ``[..., B, m]``; batch shape ``[..., B, 1]``; labels ``[B, 1]``, or ``[..., B, 1]`` where leading
    dimensions (members of an ensemble) have batches of their own.

    Raises:
        TypeError: from ``sample``, ``mean`` and ``variance``: the comparisons are conditional on the labels.
    """

    support = constraints.nonnegative_integer
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(
        self, embeddings: Tensor, comparison: BatchComparison, mining: str, band: float, photos_per_person: int = 0
    ) -> None:
        self.embeddings, self.comparison, self.mining, self.band = embeddings, comparison, mining, band
        # Into how many photos of a person to part what is too much to be compared at once; 0 to compare it all the same.
        self.photos_per_person = photos_per_person
        super().__init__(batch_shape=torch.Size((*embeddings.shape[:-1], 1)), validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> TripletBatch:
        new = self._get_checked_instance(type(self), _instance)
        new.__dict__.update(self.__dict__)
        TorchDistribution.__init__(new, batch_shape=torch.Size(batch_shape), validate_args=False)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """Σ log P(y = 1) over each anchor's chosen comparisons, nats; 0 for an anchor without any."""
        return self._of_batches(value, self.comparison.log_chosen)

    def log_drawn(self, value: Tensor) -> Tensor:
        """As `log_prob`, of answers drawn at random from the model: their gradients' spread is its Fisher information."""
        return self._of_batches(value, self.comparison.log_drawn)

    def _of_batches(self, value: Tensor, of_pairs: Callable[..., Tensor]) -> Tensor:
        photos = self.embeddings.shape[-2]
        if value.ndim < 2 or value.shape[-2:] != (photos, 1):
            raise ValueError(f"labels have shape {list(value.shape)}; {photos:,} embeddings need [{photos}, 1]")
        lead = torch.broadcast_shapes(self.embeddings.shape[:-2], value.shape[:-2])
        each = self.embeddings.expand(*lead, *self.embeddings.shape[-2:]).reshape(-1, *self.embeddings.shape[-2:])
        labels = value.squeeze(-1).expand(*lead, photos).reshape(-1, photos)
        log_p = torch.stack([self._of_photos(*one, of_pairs) for one in zip(each, labels, strict=True)])
        return log_p.view(*lead, photos, 1).expand(torch.broadcast_shapes((*lead, photos, 1), self._batch_shape))

    def _of_photos(self, embeddings: Tensor, labels: Tensor, of_pairs: Callable[..., Tensor]) -> Tensor:
        """Log-probability ``[B]`` of each anchor's comparisons, with all photos or, where these are too many, within batches."""
        photos = torch.unique(labels, return_counts=True)[1]
        comparisons = int((photos * (photos - 1)).sum()) * len(labels)
        if not self.photos_per_person or comparisons <= _MOST_COMPARISONS:
            return self._of_anchors(embeddings, labels, of_pairs)
        # The same batches every time, so that costs can be compared between epochs.
        generator = torch.Generator().manual_seed(0)
        total, times = embeddings.new_zeros(len(labels)), embeddings.new_zeros(len(labels))
        for batch in people_and_photos(labels, _HELD_AGAINST, self.photos_per_person, generator):
            rows = batch.to(labels.device)
            total = total.index_add(0, rows, self._of_anchors(embeddings[rows], labels[rows], of_pairs))
            times = times.index_add(0, rows, torch.ones_like(total[rows]))
        return total / times

    def _of_anchors(self, embeddings: Tensor, labels: Tensor, of_pairs: Callable[..., Tensor]) -> Tensor:
        """Log-probability ``[B]`` of each anchor's comparisons in one batch ``[B, m]``."""
        comparison, log_p, first = self.comparison, [], 0
        rows, shared = comparison.rows(embeddings), comparison.shared(embeddings)
        dimension, size = embeddings.shape[-1] // comparison.width, anchors_at_once(labels)
        # A few anchors at a time. In batches whose pairs × batch floats would not fit beside a network, what a part computes is
        # not kept but computed once more on the way back (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
        parts = math.ceil(len(labels) / size)
        again = parts > _KEPT and torch.is_grad_enabled() and embeddings.requires_grad
        for own in zip(*(row.split(size) for row in rows), strict=True):
            separation, squared = own[0].detach(), comparison.squared
            mined = mine(separation, labels, self.mining, self.band, first=first, dimension=dimension, squared=squared)
            of_part = partial(self._of_part, of_pairs, own, *mined, *shared)
            log_p.append(checkpoint(of_part, use_reentrant=False) if again else of_part())
            first += size
        return torch.cat(log_p)

    def _of_part(
        self,
        of_pairs: Callable[..., Tensor],
        rows: tuple[Tensor, ...],
        anchor: Tensor,
        positive: Tensor,
        chosen: Tensor,
        *shared: Tensor,
    ) -> Tensor:
        rows_of_pairs = tuple(row.index_select(0, anchor) for row in rows)
        log_p = of_pairs(rows_of_pairs, shared, Pairs(positive, chosen))
        return log_p.new_zeros(len(rows[0])).index_add(0, anchor, log_p)

    def sample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        raise TypeError(
            "Triplets cannot draw labels: who is on a photo is given, and only compared; nothing predicts it"
        )

    @property
    def mean(self) -> Tensor:
        raise TypeError("labels have no mean: they are names, which happen to be numbers")

    @property
    def variance(self) -> Tensor:
        raise TypeError("labels have no variance: they are names, which happen to be numbers")

    def __repr__(self) -> str:
        return f"TripletBatch({self.mining}, {tuple(self.batch_shape)})"


class Triplets(Likelihood):
    r"""The likelihood of a batch of photos and the people on them: all comparisons that mining chooses come out well.

    .. math:: -\log p = -\sum_{a} \sum_{(p, n)} \log P(y_{apn} = 1)

    with p of a's person, n of another, and P by ``comparison``. It is a composite likelihood: each comparison is a
    proper probability, and their product treats answers that share photos as independent.

    In evaluation mode (``likelihood.eval()``) every comparison counts, so that held-out costs can be compared between
    epochs and between ways of mining. Where there would be more than 67 million of them (hundreds of photos of one person), each
    photo is held against its batch of some 512 photos, P people × K, which are the same every time: memory and time then grow
    with the number of photos.

    Args:
        comparison: `TripletSlack`, `GaussianTriplet` or `NWayChoice`.
        n_outputs: width of the network's outputs: m, or 2m for `GaussianTriplet`.
        mining: see `triplets`; None for the comparison's own: ``"all"`` for `NWayChoice`, else ``"semi_hard"``.
        normalize: put embeddings on the unit sphere: the link of this likelihood, `embed`.
        band: width of the band of semi-hard negatives, in the comparison's distances (squared ones, if it squares them); None
            for its margin, or 0.2 where that is 0.
        photos_per_person: K, of a batch of P people × K photos.

    Shapes: raw ``[..., B, n_outputs]``, y ``[B, 1]``: people's numbers; batch shape ``[..., B, 1]``, one entry for each anchor.

    Raises:
        TypeError: for a comparison of another kind; from ``initial_raw`` and ``null``: labels have no moments.
        ValueError: for an unknown mining, an odd n_outputs where 2m are needed, or distance-weighted mining off the unit
            sphere; from ``validate``, for numbers that are not whole and at least 0, one person only, or nobody with two photos.

    Source: Hermans, Beyer & Leibe, "In defense of the triplet loss for person re-identification", 2017,
    https://arxiv.org/abs/1703.07737; Lindsay, "Composite likelihood methods", 1988.

    Example:
        >>> people = torch.tensor([[0.0], [0.0], [1.0]])
        >>> raw = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> Triplets(pc.likelihoods.TripletSlack("logistic"), 2, mining="all")(raw).log_prob(people)
        tensor([[-0.2837],
                [-0.3020],
                [ 0.0000]])
    """

    site = "closer"
    unit = "label"
    discrete = True
    support = constraints.nonnegative_integer
    equation = r"-\sum_{q=1}^{Q} \log p_q"
    symbols: ClassVar[dict[str, str]] = {}
    starts_at_null: ClassVar[bool] = False
    composite: ClassVar[bool] = True

    def __init__(
        self,
        comparison: BatchComparison,
        n_outputs: int = 64,
        mining: str | None = None,
        normalize: bool = True,
        *,
        band: float | None = None,
        photos_per_person: int = 4,
    ) -> None:
        if not isinstance(comparison, BatchComparison):
            raise TypeError(f"comparison must be TripletSlack, GaussianTriplet or NWayChoice, got {comparison!r}")
        for name, value, least in (("n_outputs", n_outputs, 1), ("photos_per_person", photos_per_person, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if n_outputs % comparison.width:
            raise ValueError(
                f"n_outputs is {n_outputs}; {type(comparison).__name__} takes a mean and a scale for each dimension: "
                "an even number"
            )
        super().__init__(1, n_outputs)
        self.mining = comparison.mining if mining is None else mining
        if self.mining not in STRATEGIES:
            raise ValueError(f"mining must be one of {', '.join(map(repr, STRATEGIES))}, got {mining!r}")
        if self.mining == "distance_weighted" and not normalize:
            raise ValueError("distance_weighted mining knows distances on the unit sphere: it needs normalize=True")
        if band is not None and not band > 0:
            raise ValueError(f"band must be None or a number above 0, got {band!r}")
        self.comparison = copy.deepcopy(comparison)
        self.normalize = normalize
        self.band = band
        self.photos_per_person = photos_per_person

    @property
    def config(self) -> dict[str, Any]:
        return {
            "comparison": self.comparison,
            "n_outputs": self.num_outputs,
            "mining": self.mining,
            "normalize": self.normalize,
            "band": self.band,
            "photos_per_person": self.photos_per_person,
        }

    def embed(self, raw: Tensor) -> Tensor:
        """The embeddings ``[..., n_outputs]`` that raw outputs mean: on the unit sphere if ``normalize``, else as they are."""
        return self.comparison.normalized(raw) if self.normalize else raw

    def forward(self, raw: Tensor) -> TorchDistribution:
        if self.training:
            return TripletBatch(self.embed(raw), self.comparison, self.mining, self._band)
        return TripletBatch(self.embed(raw), self.comparison, "all", self._band, self.photos_per_person)

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        raise TypeError("Triplets has no null model: people's numbers are names, and their mean says nothing")

    def validate(self, y: Tensor) -> None:
        super().validate(y)
        bad = first_index(y >= _MOST_NUMBERS)
        if bad is not None:
            raise ValueError(f"y[{bad}] is {_MOST_NUMBERS:,} or more, where floats merge numbers: number people from 0")
        _, photos = torch.unique(y, return_counts=True)
        if len(photos) < 2:
            raise ValueError(f"y holds {len(photos)} person; comparisons need at least two people")
        if int(photos.max()) < 2:
            raise ValueError(
                f"y holds {len(photos):,} people with one photo each; at least one needs two, to be near itself"
            )

    def batches(self, y: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
        """Rows of y ``[T, 1]`` for one epoch, in batches of about ``size``: P people with ``photos_per_person`` photos each.

        Everybody comes as often as their photos ask. See `people_and_photos`.
        """
        return people_and_photos(y.reshape(-1), size, self.photos_per_person, generator)

    def groups(self, y: Tensor) -> Tensor:
        """The people themselves: who is held out is held out with all photos."""
        return y.reshape(-1)

    def scores(self, raw: Tensor, y: Tensor, n: int) -> Tensor:
        believed = TripletBatch(
            self.embed(raw := raw.detach().requires_grad_()), self.comparison, self.mining, self._band
        )
        return torch.stack(
            [torch.autograd.grad(believed.log_drawn(y).sum(), raw, retain_graph=True)[0] for _ in range(n)]
        )

    @property
    def _band(self) -> float:
        return (self.comparison.margin or _BAND) if self.band is None else self.band

    def extra_repr(self) -> str:
        return f"n_outputs={self.num_outputs}, mining={self.mining!r}, normalize={self.normalize}"
