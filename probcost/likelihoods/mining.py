"""Which comparisons of a labelled batch to make: pairs of photos of one person, and the others to hold against each pair."""

from __future__ import annotations

import torch
from torch import Tensor

from probcost.distributions._special import widest
from probcost.likelihoods.distances import distances

__all__ = ["STRATEGIES", "anchors_at_once", "mine", "triplets"]

STRATEGIES = ("all", "semi_hard", "batch_hard", "distance_weighted")
# Entries (pair, photo) looked at together: they stay in a core's cache.
CHUNK = 2**18
# Wu et al.'s cut-offs on the unit sphere: nearer negatives count as if at 0.5, and those beyond 1.4 are not drawn.
_NEAREST, _FARTHEST = 0.5, 1.4


def triplets(
    embeddings: Tensor, labels: Tensor, mining: str = "semi_hard", *, margin: float = 0.2
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Indices (anchor, positive, negative) of the comparisons worth making in a labelled batch, by Euclidean distance d.

    ====================== ======================================================================================
    ``all``                every (a, p, n) with p of a's person and n of another
    ``semi_hard``          those with d(a, p) < d(a, n) < d(a, p) + margin; a pair without any is left out
    ``batch_hard``         one for each anchor: its farthest positive and its nearest negative
    ``distance_weighted``  one for each (a, p): n drawn from a's negatives with probability ∝ 1/q(d(a, n))
    ====================== ======================================================================================

    q(d) ∝ :math:`d^{m-2} (1 - d^2/4)^{(m-3)/2}` is the density of distances on the unit sphere in m dimensions, so that all
    distances are drawn alike, clipped below d = 0.5 and cut off at 1.4; of an anchor without a negative in reach, all negatives
    are equally likely. Draws are those of torch's default generator.

    Shapes: ``embeddings`` ``[B, m]``, ``labels`` ``[B]``; three index tensors ``[n]``.

    Raises:
        ValueError: for an unknown strategy, or embeddings and labels of unequal length.

    Source: Schroff, Kalenichenko & Philbin, "FaceNet", 2015, https://arxiv.org/abs/1503.03832 (semi-hard); Hermans, Beyer &
    Leibe, "In defense of the triplet loss", 2017, https://arxiv.org/abs/1703.07737 (batch-all, batch-hard); Wu et al.,
    "Sampling matters in deep embedding learning", 2017, https://arxiv.org/abs/1706.07567 (distance-weighted).

    Example:
        >>> points = torch.tensor([[0.0], [0.1], [0.3], [9.0]])
        >>> [index.tolist() for index in triplets(points, torch.tensor([0, 0, 1, 1]), "semi_hard", margin=0.25)]
        [[0, 1, 3], [1, 0, 2], [2, 2, 1]]
    """
    labels = labels.reshape(-1)
    if embeddings.ndim != 2 or len(embeddings) != len(labels):
        raise ValueError(
            f"embeddings have shape {list(embeddings.shape)} and labels {len(labels):,} entries; "
            "expected [B, m], and as many labels"
        )
    with torch.no_grad():
        separation, size = distances(embeddings, squared=False), anchors_at_once(labels)
        found = []
        for first in range(0, len(labels), size):
            part = separation[first : first + size]
            anchor, positive, chosen = mine(part, labels, mining, margin, first=first, dimension=embeddings.shape[1])
            pair, negative = chosen.nonzero(as_tuple=True)
            found.append(torch.stack([first + anchor[pair], positive[pair], negative]))
    anchor, positive, negative = torch.cat(found, 1)
    return anchor, positive, negative


def anchors_at_once(labels: Tensor) -> int:
    """How many anchors' pairs are `CHUNK` entries against all photos: what is looked at together, in bounded memory."""
    pairs = int(torch.unique(labels, return_counts=True)[1].max())
    return max(1, CHUNK // (pairs * len(labels)))


def mine(
    separation: Tensor, labels: Tensor, mining: str, margin: float, *, first: int, dimension: int, squared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of some anchors: the anchor's row, the positive ``[n]``, and which photos are its chosen negatives ``[n, B]``.

    ``separation`` ``[A, B]`` are distances, or ``squared`` ones, of photos ``first`` … ``first + A − 1`` from all; ``margin``
    is in the same units.

    Raises:
        ValueError: for an unknown strategy.
    """
    if mining not in STRATEGIES:
        raise ValueError(f"mining must be one of {', '.join(map(repr, STRATEGIES))}, got {mining!r}")
    same = labels[first : first + len(separation)].unsqueeze(1) == labels
    different = ~same
    itself = torch.arange(len(separation), device=labels.device)
    pairs = same.index_put((itself, first + itself), torch.zeros_like(same[0, 0]))
    if mining == "batch_hard":
        pairs = _only(torch.where(pairs, separation, -torch.inf).argmax(1), pairs)
        different = _only(torch.where(different, separation, torch.inf).argmin(1), different)
    anchor, positive = pairs.nonzero(as_tuple=True)
    if mining == "distance_weighted":
        weights = _weights(separation.sqrt() if squared else separation, different, dimension)
        return anchor, positive, _drawn(weights, different, anchor)
    chosen = different.index_select(0, anchor)
    if mining == "semi_hard":
        rows = separation.index_select(0, anchor)
        own = rows.gather(1, positive.unsqueeze(1))
        chosen &= (rows > own) & (rows < own + margin)
    return anchor, positive, chosen


def _only(index: Tensor, among: Tensor) -> Tensor:
    """One entry of each row, where it is one of those it may be."""
    return torch.zeros_like(among).scatter_(1, index.unsqueeze(1), True) & among


def _weights(distance: Tensor, different: Tensor, dimension: int) -> Tensor:
    """1/q(d) of each anchor's negatives, up to a factor for each row."""
    # In double precision: both powers may be of hundreds.
    d = distance.to(widest(distance.device)).clamp(_NEAREST, _FARTHEST)
    log_weight = (2 - dimension) * d.log() + 0.5 * (3 - dimension) * torch.log1p(-0.25 * d * d)
    log_weight = torch.where(different & (distance < _FARTHEST), log_weight, -torch.inf)
    largest = log_weight.amax(1, keepdim=True)
    return torch.where(torch.isfinite(largest), (log_weight - largest).exp(), different.to(d.dtype))


def _drawn(weights: Tensor, different: Tensor, anchor: Tensor) -> Tensor:
    """One negative for each pair, none where the anchor has none."""
    has = different.any(1)[anchor]
    drawn = torch.zeros(len(anchor), weights.shape[1], dtype=torch.bool, device=weights.device)
    pairs = has.nonzero().squeeze(1)
    if len(pairs):
        drawn[pairs, torch.multinomial(weights[anchor[pairs]], 1).squeeze(1)] = True
    return drawn
