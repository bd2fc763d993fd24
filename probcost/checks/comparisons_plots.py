"""A check of P(same person) in two pictures: does it come true, and how are both kinds of pairs spread over it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from probcost.checks.comparisons import calibration_error
from probcost.checks.comparisons_evidence import Indices, PairEvidence
from probcost.checks.evidence import Floats
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from probcost.checks.comparisons_check import ComparisonCheck

__all__ = ["plot_comparisons", "reliability"]

_BINS = 10


def plot_comparisons(check: ComparisonCheck) -> Figure:
    """Two panels; bars are two standard errors of a jackknife over people.

    Raises:
        ValueError: where the fit has learned no P(same person).
    """
    from matplotlib.figure import Figure

    assert check.evidence is not None
    if check.evidence.pairs is None:
        raise ValueError("this fit has learned no P(same person): fit with people held out (validation='auto')")
    pairs, p = check.evidence.pairs, check.pit[:, 0]
    with style():
        figure = Figure(figsize=(10.5, 5.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        said, found, error = reliability(pairs)
        seen = np.isfinite(found)
        low, high = np.minimum(2 * error, found), np.minimum(2 * error, 1 - found)
        left.plot([0, 1], [0, 1], color=COLOURS["quiet"], linewidth=1, label="calibrated")
        bars = [low[seen], high[seen]]
        left.errorbar(said[seen], found[seen], bars, fmt="none", color=COLOURS["model"], capsize=3)
        weight = np.bincount(np.minimum((p * _BINS).astype(np.int64), _BINS - 1), minlength=_BINS) / len(p)
        label = (
            f"{check.evidence.people} people, expected calibration error {calibration_error(pairs):.3f}; area: pairs"
        )
        left.scatter(said[seen], found[seen], 15 + 400 * weight[seen], color=COLOURS["model"], zorder=3, label=label)
        left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title="Does P(same person) come true?")
        left.set(
            xlabel="P(same person), both answers equally likely", ylabel="share that is, both answers weighing equally"
        )
        edges = np.linspace(0, 1, 2 * _BINS + 1)
        for name, kind, colour in (("one person", pairs.same, "second"), ("two people", ~pairs.same, "alert")):
            weights = np.full(kind.sum(), 1 / kind.sum())
            label = f"{kind.sum():,} pairs of {name}"
            right.hist(p[kind], edges, weights=weights, color=COLOURS[colour], alpha=0.55, label=label)
        right.set(xlabel="P(same person)", ylabel="share of pairs", title="Both kinds of pairs", xlim=(0, 1))
        right.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        figure.legend(loc="outside lower left", ncols=4, fontsize="small", markerscale=0.6)
        verdict = f"Not calibrated: {len(check.rejected)} of {len(check.judged)} beliefs rejected"
        nothing = (
            f"Not judged: {check.not_judged}" if check.not_judged else "Calibrated: nothing speaks against the model"
        )
        title = nothing if check.ok else verdict
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def reliability(pairs: PairEvidence) -> tuple[Floats, Floats, Floats]:
    """By tenths of P(same): mean P, share of pairs that are of one person, and its standard error by people; ``[10]`` each."""
    p = special.expit(pairs.logit)
    within = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    people, both = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    first, second = both[: len(p)], both[len(p) :]
    same, different = (_sums(kind, p, within, first, second, len(people)) for kind in (pairs.same, ~pairs.same))
    count, said = same + different  # [1 + G, bins] each
    with np.errstate(invalid="ignore", divide="ignore"):  # bins without a pair are NaN
        said, share = said[0] / count[0], same[0] / count
    jackknifed = np.isfinite(share[1:])
    n = np.maximum(jackknifed.sum(axis=0), 1)
    squares = np.where(jackknifed, share[1:] - share[0], 0.0) ** 2
    return said, share[0], np.sqrt((n - 1) / n * squares.sum(axis=0))


def _sums(kind: NDArray[np.bool_], p: Floats, within: Indices, first: Indices, second: Indices, people: int) -> Floats:
    """Of one kind of pairs: their share, and that times P, by bin, of everybody and without each person: ``[2, 1 + G, bins]``."""
    p, within, first, second = p[kind], within[kind], first[kind], second[kind]
    found = []
    for values in (np.ones_like(p), p):
        whole = np.bincount(within, values, _BINS)
        own = np.bincount(first * _BINS + within, values, people * _BINS)
        apart = first != second
        own += np.bincount(second[apart] * _BINS + within[apart], values[apart], people * _BINS)
        found.append(np.concatenate([whole[None], whole - own.reshape(people, _BINS)]))
    return np.stack(found) / np.maximum(found[0].sum(axis=1, keepdims=True), 1e-300)
