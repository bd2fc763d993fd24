"""Is P(same person) calibrated? Its lines as a check shows them, with people as units, and two pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from probcost.checks.comparisons import of_pairs, of_triplets
from probcost.checks.comparisons_evidence import ComparisonEvidence, PairEvidence
from probcost.checks.evidence import Floats
from probcost.checks.result import Check, Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ComparisonCheck", "check_comparisons"]


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonCheck(Check):
    """A check of comparisons; units are people, and ``pit`` holds P(same) of all pairs, ``[n, 1]``.

    Attributes:
        evidence: the photos, and what the fit says of them.
    """

    evidence: ComparisonEvidence | None = None

    @property
    def looked_at(self) -> str:
        """How much of what, in words."""
        assert self.evidence is not None
        photos = f"{len(self.evidence.person):,} photos of {self.evidence.people:,} people"
        return photos if self.evidence.pairs is None else f"{photos}, {len(self.pit):,} pairs"

    def plot(self) -> Figure:
        """Whether P(same) comes true, with standard errors by people, and how both kinds of pairs are spread over it."""
        from probcost.checks.comparisons_plots import plot_comparisons

        return plot_comparisons(self)


def check_comparisons(fit: Any, photos: Any, people: Any, level: float = 0.05, seed: int = 0) -> ComparisonCheck:
    """Test P(same person), and the answers to triplets, on people the fit has not met.

    Args:
        fit: what has ``comparison_evidence(photos, people, seed)``, as a fit of faces does.
        photos: ``[T, ...]``.
        people: one name or number a photo.
        level: a true model fails the whole check at most this often.
        seed: of the triplets that are drawn.

    Raises:
        ValueError: for a level outside (0, 1); and as ``fit.comparison_evidence`` does.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    evidence = fit.comparison_evidence(photos, people, seed)
    lines = tuple(
        Line(f.name, f.belief, f.statistic, f.expected, f.p_value, f.verdict, judged=f.judged)
        for f in (*of_pairs(evidence, level), *of_triplets(evidence, level))
    )
    probability = np.empty(0) if evidence.pairs is None else special.expit(evidence.pairs.logit)
    return ComparisonCheck(
        lines, _by_person(evidence), probability[:, None], level, discrete=True, region=None, evidence=evidence
    )


def _by_person(evidence: ComparisonEvidence) -> dict[str, Any]:
    """For each person: photos, how many of their own pairs are called the same, and how many with others."""
    people = np.unique(evidence.person)
    columns: dict[str, Any] = {
        "unit": [evidence.names[i] for i in people],
        "photos": np.bincount(evidence.person)[people],
    }
    if evidence.pairs is not None:
        called = (evidence.pairs.logit > 0).astype(np.float64)
        same, other = (
            _share(evidence.pairs, called, kind)[people] for kind in (evidence.pairs.same, ~evidence.pairs.same)
        )
        columns |= {"own_pairs_accepted": same, "others_accepted": other}
    return columns


def _share(pairs: PairEvidence, called: Floats, kind: Any) -> Floats:
    """Mean of ``called`` over each person's pairs of a kind; NaN where there is none."""
    size = int(max(pairs.first.max(), pairs.second.max())) + 1
    total, count = np.zeros(size), np.zeros(size)
    for side in (pairs.first, pairs.second):
        total += np.bincount(side[kind], called[kind], size)
        count += np.bincount(side[kind], minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
