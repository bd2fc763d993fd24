"""What to do about a denied assumption: advice in words, and those of the tried beliefs that drop it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from probcost import likelihoods
from probcost.checks.diagnosis_result import Finding, Trial
from probcost.checks.diagnosis_table import name_of
from probcost.history import History
from probcost.likelihoods import Likelihood
from probcost.model import CostModel

__all__ = ["advised", "by_likelihood", "mends", "to_try"]

_COUPLED = (likelihoods.MultivariateNormal, likelihoods.MultivariateStudentT, likelihoods.NegativeMultinomial)
_HEAVY = (likelihoods.StudentT, likelihoods.MultivariateStudentT, likelihoods.Laplace, likelihoods.Mixture)
_COUNTS = (
    likelihoods.NegativeBinomial,
    likelihoods.ConwayMaxwellPoisson,
    likelihoods.ZeroInflatedPoisson,
    likelihoods.ZeroInflatedNegativeBinomial,
    likelihoods.NegativeMultinomial,
)
# Each assumption: what drops it.
_MENDED_BY: dict[str, tuple[type, ...]] = {
    "level since training": (),
    "size of effects": (),
    "what inputs tell": (),
    "dispersion": (*_COUNTS, *_HEAVY),
    "mean-variance relation": (*_COUNTS, *_HEAVY, likelihoods.Normal),
    "spread over inputs": (likelihoods.Normal, likelihoods.StudentT, *_COUNTS),
    "zeros": _COUNTS,
    "tails": (*_HEAVY, *_COUNTS),
    "skewness": (likelihoods.Mixture, *_COUNTS),
    "modes and bulk": (likelihoods.Mixture, *_HEAVY),
    "independence over time": (History,),
    "independence within groups": (),
    "no drift": (),
    "dependence of units": (*_COUPLED, likelihoods.Mixture),
    "independence of units": _COUPLED,
}


_ADVICE = {
    "zeros": "Ask whether some zeros are of another kind: a unit lost, a day without measuring.",
    "tails": "Look at the observations that lie furthest out before any likelihood absorbs them.",
    "skewness": "Look at which observations make the tail; the logarithm of positive observations may have none.",
    "modes and bulk": "Let there be several answers: a mixture of components.",
    "independence within groups": "Tell the network what groups differ in, as an input; hold out whole groups, and count groups "
    "rather than rows: probcost.fit, compare and loo take groups=.",
    "no drift": "Give the network time, or what drifts, as an input; hold out whole stretches of time, and mistrust predictions "
    "far from the training rows.",
    "dependence of units": "Let the network predict how units vary together, with more room for it; or mix several ways.",
}
_ORDERED = "Give the network the recent past, x = pc.History({past})(x, y), and judge scores by blocks of time."
_UNORDERED = (
    "If rows follow each other in time, give the network the recent past, x = pc.History({past})(x, y); if several belong "
    "together (a patient, a batch), say which: groups=."
)


def _predicts_spread(likelihood: Any) -> bool:
    dispersion = getattr(likelihood, "dispersion", None)
    return "predicted" in (getattr(likelihood, "scale", None), getattr(dispersion, "mode", None))


def _unless_in_vain(advice: str, tried: Trial | None) -> str:
    """The advice, or that it was followed, learned from half of the rows, and did not gain for sure on the others."""
    if tried is None or tried.sure:
        return advice
    gain = f"{tried.gain:+.2g} ± {tried.standard_error:.1g} nats"
    if tried.gain > 0:
        return f"{tried.name} may help: learned from half of these rows its gain is not sure, {gain}."
    return f"{tried.name} was tried and does not gain: {gain}."


def _advice(finding: Finding, trials: Sequence[Trial], model: CostModel, method: str) -> str:
    """What to do beside trying another likelihood."""
    own = model.likelihood
    predicts = _predicts_spread(own)
    several = "" if method == "ensemble" else ", or average several (method='ensemble')"
    mending = next((trial for trial in trials if mends(trial.remedy, finding.name)), None)
    if finding.name in ("dispersion", "mean-variance relation", "spread over inputs"):
        if predicts or own.event_dim:
            return f"The network predicts the spread already: give it more room or rows{several}."
        advice = f"Let the network predict the spread: {'dispersion' if own.discrete else 'scale'}='predicted'."
        return _unless_in_vain(advice, next((trial for trial in trials if _predicts_spread(trial.remedy)), None))
    if finding.name == "independence over time":
        # What is tried reaches one row back.
        advice = (_ORDERED if model.ordered else _UNORDERED).format(past=finding.past)
        return _unless_in_vain(advice, mending) if finding.past == 1 else advice
    if finding.name == "independence of units":
        coupled = (
            "NegativeMultinomial, a gain that all share" if own.discrete else "MultivariateNormal, one vector a row"
        )
        return _unless_in_vain(f"Let units vary together: {coupled}.", mending)
    if finding.name == "level since training":
        again = "Fit again with rows as recent as these, or tell the network what changed"
        wander = "baselines that wander are what CostModel(..., ordered=True, drifting=True) believes in"
        return f"{again}." if model.drifting else f"{again}; {wander}."
    if finding.name == "size of effects":
        if finding.statistic > 0:
            return "Train longer, or give the weights a wider prior."
        if method == "ensemble":
            return "Hold back by a prior, or by stopping earlier."
        return "Average several networks, method='ensemble'; or hold back by a prior, or by stopping earlier."
    if finding.name == "what inputs tell":
        room = "Give the network more room (layers, epochs), or the input named as a feature of its own."
        if not predicts or own.discrete:
            return room
        return (
            f"{room} A scale learned beside an unfinished mean calls what is hard to fit noise: train the mean first, as "
            "probcost.fit does, or use natural parameters, Normal(n, link='natural')."
        )
    return _ADVICE[finding.name]


def advised(finding: Finding, trials: Sequence[Trial], first: Trial | None, model: CostModel, method: str) -> Finding:
    """The finding with what to try: among the beliefs that gained, those that drop this assumption."""
    advice = _advice(finding, trials, model, method)
    fitting = tuple(remedy for remedy in _gaining(trials, first) if mends(remedy, finding.name))
    if fitting:
        gains = {id(trial.remedy): trial.gain for trial in trials}
        advice = f"Try {name_of(fitting[0])}: {gains[id(fitting[0])]:+.3g} nats per observation. {advice}"
    return dataclasses.replace(finding, advice=advice, next=fitting)


def by_likelihood(name: str) -> bool:
    """Whether another likelihood, or the past, could drop this assumption at all: then it is tried."""
    return bool(_MENDED_BY.get(name))


def mends(remedy: Any, name: str) -> bool:
    """Whether dropping this assumption is what the remedy is for."""
    return isinstance(remedy, _MENDED_BY[name])


def to_try(trials: Sequence[Trial], first: Trial | None, own: Likelihood, *, hidden: bool) -> tuple[Any, ...]:
    """Likelihoods, and `History`, that gained, best first.

    Args:
        hidden: the predicted scale explains an under-fitted mean away: then what is seen of the shape is not to be trusted.
    """
    remedies = [remedy for remedy in _gaining(trials, first) if not isinstance(remedy, str)]
    if hidden and isinstance(own, likelihoods.Normal) and own.scale == "predicted" and own.link != "natural":
        remedies.insert(0, likelihoods.Normal(own.n_units, link="natural"))
    return tuple(remedies)


def _gaining(trials: Sequence[Trial], first: Trial | None) -> Iterator[Any]:
    if first is None:
        return
    yield first.remedy
    for trial in trials:
        if trial is not first and trial.sure:
            yield trial.remedy
