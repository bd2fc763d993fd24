"""What a check of comparisons looks at: pairs and triplets of photos beside what the model says of them, as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probcost.checks.evidence import Floats

__all__ = ["ComparisonEvidence", "Indices", "PairEvidence", "TripletEvidence"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairEvidence:
    """Pairs of photos, each once.

    Attributes:
        logit: log P(same) − log P(different) where both answers are equally likely beforehand, ``[n]``.
        first, second: number of the person on either photo, ``[n]``.
    """

    logit: Floats
    first: Indices
    second: Indices

    def __post_init__(self) -> None:
        _checked(self)

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """Whether both photos are of one person, ``[n]``."""
        return np.asarray(self.first == self.second)


@dataclass(frozen=True, eq=False)
class TripletEvidence:
    """Triplets: an anchor, another photo p of their person, and a photo n of somebody else.

    Attributes:
        log_right: log P("p is nearer than n"), ``[n]``, as the cost function has it.
        log_wrong: log P("n is nearer than p"), asked the other way round.
        anchor, negative: number of the anchor's and of the other person, ``[n]``.
    """

    log_right: Floats
    log_wrong: Floats
    anchor: Indices
    negative: Indices

    def __post_init__(self) -> None:
        _checked(self)

    @property
    def together(self) -> Floats:
        """P("p is nearer") + P("n is nearer"), ``[n]``: at most 1 where answers exclude each other."""
        return np.exp(self.log_right) + np.exp(self.log_wrong)


@dataclass(frozen=True, eq=False)
class ComparisonEvidence:
    """Photos of people, best of such as the fit has never met, and what it makes of them.

    Attributes:
        embedding: ``[T, m]``.
        person: whose each photo is, ``[T]``, counted in ``names``.
        names: of the people.
        pairs: None where the fit has learned no P(same person).
        triplets: None where the cost is no probability.
        comparison: name of the likelihood of comparisons.
        coherent: likelihoods of comparisons whose answers exclude each other, best first; ready for a model.
        tempered: a likelihood like the fit's whose answers are less sure by a factor; None where it has no temperature.
    """

    embedding: Floats
    person: Indices
    names: tuple[str, ...]
    pairs: PairEvidence | None
    triplets: TripletEvidence | None
    comparison: str
    coherent: tuple[Any, ...] = ()
    tempered: Any = None

    def __post_init__(self) -> None:
        if self.embedding.ndim != 2 or self.person.shape != (len(self.embedding),):
            raise ValueError(
                f"embedding has shape {list(self.embedding.shape)} and person {list(self.person.shape)}; "
                "[T, m] and [T] are needed"
            )
        bad = np.argwhere(~np.isfinite(self.embedding))
        if len(bad):
            raise ValueError(f"embedding[{', '.join(map(str, bad[0]))}] is not finite")

    @cached_property
    def people(self) -> int:
        """How many there are."""
        return len(np.unique(self.person))

    @cached_property
    def with_two(self) -> int:
        """How many have two photos or more."""
        return int((np.unique(self.person, return_counts=True)[1] > 1).sum())


def _checked(evidence: PairEvidence | TripletEvidence) -> None:
    shapes = {f.name: getattr(evidence, f.name).shape for f in fields(evidence)}
    if len(set(shapes.values())) > 1 or len(shapes[fields(evidence)[0].name]) != 1:
        told = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ValueError(f"shapes are {told}; one of each, [n], is needed")
    for f in fields(evidence):
        array = getattr(evidence, f.name)
        bad = np.flatnonzero(np.isnan(array))
        if len(bad):
            raise ValueError(f"{f.name}[{bad[0]}] is {array[bad[0]]}; a number is needed")
