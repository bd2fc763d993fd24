"""A comparison in plain words: who is best, by how much, how sure; or that there is no difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probcost.checks.comparison_result import Compared, Comparison

__all__ = ["in_words", "p_in_words"]


def in_words(comparison: Comparison) -> Iterator[str]:
    """Sentences: the ranking, the null model, what is impossible, calibration, and whether leave-one-out scores hold."""
    yield _ranking(comparison)
    if comparison.null is not None and comparison.fits[0].impossible is None:
        yield _against_null(comparison, comparison.null)
    for fit in comparison.fits:
        if fit.impossible is not None:
            yield f"{fit.name} holds {fit.impossible} impossible, so its score is minus infinity."
    yield _calibration(comparison)
    yield from _left_out(comparison)


def _ranking(comparison: Comparison) -> str:
    best, *others = comparison.fits
    tied, worse = [fit for fit in others if not fit.differs], [fit for fit in others if fit.differs]
    if best.impossible is not None:
        return "No ranking: every fit holds some observation impossible."
    if not tied:
        return f"{best.name} predicts best: better than {others[0].name} by {_by(comparison, others[0])}."
    together = _listed(comparison.tied)
    furthest = f"{tied[-1].name} is behind by {_by(comparison, tied[-1])}"
    if not worse:
        return f"No difference: {together} cannot be told apart by these rows; {furthest}."
    nearest = f"{'' if len(worse) == 1 else f', the nearest of them, {worse[0].name},'} by {_by(comparison, worse[0])}"
    than = _listed([fit.name for fit in worse])
    return f"No difference between {together}: {furthest}. {best.name} is better than {than}{nearest}."


def _by(comparison: Comparison, other: Compared) -> str:
    if math.isinf(other.difference):
        return "infinitely much"
    n = comparison.shape[0] * (1 if comparison.each == "row" else comparison.shape[1])
    errors = f"{abs(other.difference) / other.error:.1f} s.e., " if other.error > 0 else ""
    size = f"{abs(other.difference):.3g} ± {other.error:.2g} nats {_article(comparison.each)}"
    total = abs(other.difference) * n
    in_all = f"{total:,.0f}" if total >= 100 else f"{total:.2g}"
    return f"{size} ({errors}{p_in_words(other.p_value)}; {in_all} nats in all)"


def _against_null(comparison: Comparison, null: Compared) -> str:
    best = comparison.best
    if null.difference > 0 and null.differs:
        return f"The null model, each unit's mean and spread for every row, predicts better than all of them: {best} is no use."
    if not null.differs:
        by = f"{0.0 - null.difference:+.3g} ± {null.error:.2g} nats {_article(comparison.each)}, {p_in_words(null.p_value)}"
        return f"{best} is no better than the null model ({by})."
    subject = "It" if len(comparison.tied) == 1 else best
    return f"{subject} is better than the null model, each unit's mean and spread for every row, by {_by(comparison, null)}."


def _calibration(comparison: Comparison) -> str:
    calibrated = [fit.name for fit in comparison.fits if fit.check is not None and fit.check.ok]
    if len(calibrated) == len(comparison.fits):
        return "All are calibrated." if len(calibrated) > 2 else "Both are calibrated."
    if not calibrated:
        return f"None is calibrated: the data reject even {comparison.best} on {_listed(comparison.fits[0].rejected)}."
    among = [name for name in comparison.tied if name in calibrated]
    if len(comparison.tied) > 1 and 0 < len(among) < len(comparison.tied):
        return f"Of those that predict equally well, {_listed(among)} {_is(among)} calibrated and the rest not."
    rest = [fit.name for fit in comparison.fits if fit.name not in calibrated]
    return f"{_listed(calibrated)} {_is(calibrated)} calibrated, {_listed(rest)} {_is(rest)} not."


def _left_out(comparison: Comparison) -> Iterator[str]:
    for fit in comparison.fits:
        if fit.loo is not None and len(fit.loo.above):
            yield (
                f"The leave-one-out score of {fit.name} does not hold: {len(fit.loo.above):,} rows have a Pareto k above "
                f"{fit.loo.threshold:.2f}; compare on held-out rows."
            )
    approximate = [fit.name for fit in comparison.fits if fit.loo is not None and fit.loo.approximate]
    if approximate:
        yield f"Draws of {_listed(approximate)} only approximate the posterior."


def p_in_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def _article(each: str) -> str:
    return f"{'an' if each[0] in 'aeiou' else 'a'} {each}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
