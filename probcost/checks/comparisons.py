"""What a cost function of comparisons takes for granted, held against people it has never met: one finding an assumption."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special
from scipy.spatial.distance import cdist

from probcost.checks.comparisons_evidence import ComparisonEvidence, PairEvidence, TripletEvidence
from probcost.checks.comparisons_recalibration import FEWEST_PEOPLE, Term, recalibrate_pairs, recalibrate_triplets
from probcost.checks.diagnosis_result import Finding
from probcost.checks.p_values import holm

__all__ = ["AS_EXPECTED", "calibration_error", "coherence", "diagnose_comparisons", "of_pairs", "of_triplets", "spread"]

AS_EXPECTED = "as expected"
_BINS = 15
_ROUNDING = 1e-5  # of probabilities in float32
# Less is no embedding: one direction that holds nearly all variance, or answers little better than a coin's.
_FLAT, _COIN = 1.5, 0.6
_PHOTOS = 500  # whose distances to all others say how often the same person is nearer


def diagnose_comparisons(fit: Any, photos: Any, people: Any, level: float = 0.05, seed: int = 0) -> list[Finding]:
    """Is P(same) calibrated, are triplets as sure as they are right, do their answers exclude each other, is there a spread?

    Level and sureness are tests, which take people as their unit: pairs and triplets that share a person depend on each other.
    Two lines are statements of fact, whose p-value is 0 or 1: what a family of likelihoods is, and whether an embedding has
    collapsed. Only tests are corrected for being many, so that a check of the same tests says the same.

    Args:
        fit: what has ``comparison_evidence(photos, people, seed)``, as a fit of faces does.
        photos, people: of such as the fit was not trained on.
        level: at which a verdict is put in words.
        seed: of the triplets that are drawn.
    """
    evidence = fit.comparison_evidence(photos, people, seed)
    found = [*of_pairs(evidence, level), *coherence(evidence), *of_triplets(evidence, level), *spread(evidence)]
    corrected = holm([f.p_value for f in found], [f.judged and not f.fact for f in found])
    return [replace(f, p_corrected=float(p)) for f, p in zip(found, corrected, strict=True)]


def of_pairs(evidence: ComparisonEvidence, level: float) -> Iterator[Finding]:
    """Is P(same person) right on the whole, and as sure as it should be?"""
    right = (
        "two photos called p % the same person are so in p % of cases, where both answers are equally likely beforehand"
    )
    sure = "P(same person) is as near 0 and 1 as the photos warrant"
    if evidence.pairs is None:
        never = "P(same) was never learned: fit with validation='auto', or with (photos, people) of other people"
        yield Finding("P(same): level", right, math.nan, 0.0, "", 1.0, 0.0, never, judged=False)
        return
    pairs = evidence.pairs
    found = recalibrate_pairs(pairs.logit, pairs.same, pairs.first, pairs.second)
    assert found.level is not None
    ece = f"expected calibration error {calibration_error(pairs):.3f}"
    advice = "teach the curve on people from where it will be used: fit(..., validation=(photos, people))"
    odds = math.exp(found.level.estimate)
    higher = (
        f"one person is {odds:.2g} times as likely as said, in odds: distances lie nearer than the curve was taught"
    )
    lower = f"one person is {1 / odds:.2g} times less likely than said, in odds: strangers look more alike than the curve knows"
    effect = f"{found.level.estimate:+.2f} ± {found.level.standard_error:.2f} in log-odds; {ece}"
    p, verdict, judged = _judged(found.level, evidence, level, lambda up: higher if up else lower)
    yield Finding(
        "P(same): level",
        right,
        found.level.estimate,
        0.0,
        effect,
        p,
        _worth(found.level, found.people),
        verdict,
        advice if p < level else "",
        judged=judged,
    )
    slope = math.exp(found.log_slope.estimate)
    over = (
        f"over-confident: log-odds of P(same) deserve {slope:.2f} times their size, as when few people taught the curve"
    )
    under = f"too timid: log-odds of P(same) deserve {slope:.2g} times their size"
    effect = f"slope {slope:.2f}, {_interval(found.log_slope)}; {ece}"
    p, verdict, judged = _judged(found.log_slope, evidence, level, lambda up: under if up else over)
    yield Finding(
        "P(same): sureness",
        sure,
        slope,
        1.0,
        effect,
        p,
        _worth(found.log_slope, found.people),
        verdict,
        advice if p < level else "",
        judged=judged,
    )


def of_triplets(evidence: ComparisonEvidence, level: float) -> Iterator[Finding]:
    """Of "which of these two photos shows the anchor's person?": are answers as sure as they are right?"""
    if evidence.triplets is None:
        return
    triplets = evidence.triplets
    belief = f"answers of {evidence.comparison} about people not met are as often right as it says"
    found = recalibrate_triplets(triplets.log_right - triplets.log_wrong, triplets.anchor, triplets.negative)
    slope = math.exp(found.log_slope.estimate)
    said, right = _said_and_right(triplets)
    effect = f"{100 * right:.1f} % right and {100 * said:.1f} % said; slope {slope:.2f}, {_interval(found.log_slope)}"
    over = f"too sure about strangers: log-odds of its answers deserve {slope:.2g} times their size"
    under = f"too timid: log-odds of its answers deserve {slope:.2g} times their size"
    p, verdict, judged = _judged(found.log_slope, evidence, level, lambda up: under if up else over)
    advice, remedies = "", tuple[Any, ...]()
    if p < level:
        advice = (
            "do not read its triplets as probabilities: P(same person), which is taught by people held out, is the one to use; "
            "or fit with a temperature that is learned from strangers"
        )
        remedies = () if evidence.tempered is None else (evidence.tempered(slope),)
    worth = _worth(found.log_slope, found.people)
    yield Finding(
        "sureness of triplets", belief, slope, 1.0, effect, p, worth, verdict, advice, remedies, judged=judged
    )


def coherence(evidence: ComparisonEvidence) -> Iterator[Finding]:
    """Do "p is nearer" and "n is nearer" exclude each other, as the likelihood has them? A fact, and no test."""
    if evidence.triplets is None:
        return
    together = evidence.triplets.together
    mean, most = float(together.mean()), float(together.max())
    over = float((together > 1 + _ROUNDING).mean())
    belief = "of two photos only one is nearer: the probabilities of both answers make at most 1"
    effect = f"{mean:.2f} on average, up to {most:.2f}; above 1 in {100 * over:.0f} % of triplets"
    if over == 0:
        verdict = AS_EXPECTED
        if together.min() < 1 - _ROUNDING:
            verdict = f'coherent: what lacks to 1 is "neither by the margin", {1 - mean:.2f} on average'
        yield Finding("coherence of triplets", belief, mean, 1.0, effect, 1.0, 0.0, verdict, fact=True)
        return
    verdict = f"both answers together make {mean:.2f} on average, and up to {most:.2f}: a cost of one answer, not of a ranking"
    advice = (
        "a slack whose two answers exclude each other at margin 0, or a choice among photos; as a cost for training, "
        "and for the order of distances, it does no harm"
    )
    yield Finding(
        "coherence of triplets", belief, mean, 1.0, effect, 0.0, 0.0, verdict, advice, evidence.coherent, fact=True
    )


def spread(evidence: ComparisonEvidence) -> Iterator[Finding]:
    """Has the embedding collapsed, to a point or a line? A fact, and no test."""
    centred = evidence.embedding - evidence.embedding.mean(axis=0)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    dimension = float(variances.sum() ** 2 / max(float((variances**2).sum()), 1e-300))
    nearer = _nearer(evidence)
    belief = "photos are spread over several directions, and the same person is nearer than another one"
    width = evidence.embedding.shape[1]
    effect = f"{dimension:.1f} effective of {width} dimensions; the same person is nearer in {100 * nearer:.0f} %"
    verdict, advice = AS_EXPECTED, ""
    if nearer < _COIN:
        verdict = f"the same person is nearer in {100 * nearer:.0f} % of cases, a coin's 50: all photos are as good as one point"
        advice = "a cost that keeps others away: a choice among photos, or triplets with a margin and mining='all'"
    elif dimension < _FLAT:
        verdict = (
            f"one direction holds nearly all variance ({dimension:.1f} effective dimensions): the cost rewards size"
        )
        advice = "a cost with a least value: triplets with margin and zero, or a choice among photos on the unit sphere"
    remedies = evidence.coherent if advice else ()
    p = 0.0 if advice else 1.0
    yield Finding(
        "spread of the embedding", belief, dimension, width, effect, p, 0.0, verdict, advice, remedies, fact=True
    )


def calibration_error(pairs: PairEvidence) -> float:
    """Expected calibration error of P(same), both answers weighing equally, in 15 bins (Guo et al. 2017)."""
    p = special.expit(pairs.logit)
    weight = np.where(pairs.same, 0.5 / pairs.same.sum(), 0.5 / (~pairs.same).sum())
    within = np.minimum((p * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(within, weight * (p - pairs.same), _BINS)).sum())


def _judged(
    term: Term, evidence: ComparisonEvidence, level: float, in_words: Callable[[bool], str]
) -> tuple[float, str, bool]:
    """P-value and verdict, and whether anything can be said; where not, 1 and why."""
    if evidence.with_two < FEWEST_PEOPLE:
        who = f"{evidence.with_two} {'people' if evidence.with_two > 1 else 'person'} with two photos or more"
        return 1.0, f"{who}, at least {FEWEST_PEOPLE} are needed", False
    if not math.isfinite(term.p_value):
        return 1.0, "these photos are told apart almost without an error, or not at all", False
    return term.p_value, in_words(term.estimate > 0) if term.p_value < level else AS_EXPECTED, True


def _worth(term: Term, people: int) -> float:
    """What recalibration is worth, in nats per person: half of what the squared score exceeds 1 by."""
    excess = (term.estimate / term.standard_error) ** 2 - 1 if term.standard_error > 0 else 0.0
    return max(0.0, excess) / (2 * people)


def _interval(log_slope: Term) -> str:
    half = 2 * log_slope.standard_error
    ends = (math.exp(log_slope.estimate - half), math.exp(log_slope.estimate + half))
    return f"{ends[0]:.2f} … {ends[1]:.2f}" if all(map(math.isfinite, ends)) else "not known"


def _said_and_right(triplets: TripletEvidence) -> tuple[float, float]:
    """Mean probability of the likelier answer, given that it is one of the two, and how often that one is right."""
    log_ratio = triplets.log_right - triplets.log_wrong
    said = special.expit(np.abs(log_ratio))
    return float(said.mean()), float(((log_ratio > 0) + 0.5 * (log_ratio == 0)).mean())


def _nearer(evidence: ComparisonEvidence) -> float:
    """P(another photo of the person is nearer than one of somebody else), over evenly spaced anchors; ties are half."""
    rows = np.unique(np.linspace(0, len(evidence.person) - 1, _PHOTOS).round().astype(int))
    shares = []
    for row, distance in zip(rows, cdist(evidence.embedding[rows], evidence.embedding), strict=True):
        own = evidence.person == evidence.person[row]
        others = np.sort(distance[~own])
        own[row] = False
        if own.any() and len(others):
            below = np.searchsorted(others, distance[own]), np.searchsorted(others, distance[own], "right")
            shares.append(1 - float(np.mean(below)) / len(others))
    return float(np.mean(shares)) if shares else math.nan
