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

__all__ = ["advised", "mends", "to_try"]

_COUPLED = (likelihoods.MultivariateNormal, likelihoods.MultivariateStudentT, likelihoods.NegativeMultinomial)
_HEAVY = (likelihoods.StudentT, likelihoods.MultivariateStudentT, likelihoods.Laplace, likelihoods.Mixture)
_COUNTS = (
    likelihoods.NegativeBinomial,
    likelihoods.ConwayMaxwellPoisson,
    likelihoods.ZeroInflatedPoisson,
    likelihoods.ZeroInflatedNegativeBinomial,
    likelihoods.NegativeMultinomial,
)
# Each assumption: what drops it, and what else to do about it.
_REMEDIES: dict[str, tuple[tuple[type, ...], str]] = {
    "level since training": (
        (),
        "Fit again with rows as recent as these, or tell the network what changed; baselines that wander over time are what "
        "CostModel(..., ordered=True, drifting=True) believes in.",
    ),
    "size of effects": (
        (),
        "Predictions that go too far are averaged by method='ensemble' and held back by a prior or by stopping earlier; "
        "predictions that do not go far enough need longer training, or a wider prior.",
    ),
    "what inputs tell": (
        (),
        "Give the network more room (layers, epochs), or the input named as a feature of its own. Where a scale is predicted, "
        "train the mean first, as probcost.fit does, or use natural parameters, Normal(n, link='natural'): a scale learned "
        "beside an unfinished mean calls what is hard to fit noise.",
    ),
    "dispersion": ((*_COUNTS, *_HEAVY), "Let the likelihood have a spread of its own."),
    "mean-variance relation": (
        (*_COUNTS, *_HEAVY, likelihoods.Normal),
        "Let the spread follow the mean differently, or be predicted: dispersion='predicted', scale='predicted'.",
    ),
    "spread over inputs": (
        (likelihoods.Normal, likelihoods.StudentT, *_COUNTS),
        "Let the network predict the scale too: scale='predicted', dispersion='predicted'.",
    ),
    "zeros": (_COUNTS, "Ask whether some zeros are of another kind: a unit lost, a day without measuring."),
    "tails": (
        (*_HEAVY, *_COUNTS),
        "Look at the observations that lie furthest out before any likelihood absorbs them.",
    ),
    "skewness": (
        (likelihoods.Mixture, *_COUNTS),
        "Model the logarithm of positive observations, or use a likelihood with two components.",
    ),
    "modes and bulk": ((likelihoods.Mixture, *_HEAVY), "Let there be several answers: a mixture of components."),
    "independence over time": (
        (History,),
        "Give the network the recent past: x = pc.History(1)(x, y); and judge scores by blocks of time.",
    ),
    "no drift": (
        (),
        "Give the network time, or what drifts, as an input; hold out whole stretches of time, and mistrust predictions far "
        "from the training rows.",
    ),
    "dependence of units": (
        (*_COUPLED, likelihoods.Mixture),
        "Let the network predict how units vary together, with more room for it; or mix several ways.",
    ),
    "independence of units": (_COUPLED, "Let units vary together: one vector a row, or one gain that all share."),
}


def advised(finding: Finding, trials: Sequence[Trial], first: Trial | None) -> Finding:
    """The finding with what to try: among the beliefs that gained, those that drop this assumption."""
    kinds, advice = _REMEDIES[finding.name]
    fitting = tuple(remedy for remedy in _gaining(trials, first) if isinstance(remedy, kinds))
    if fitting:
        gains = {id(trial.remedy): trial.gain for trial in trials}
        advice = f"Try {name_of(fitting[0])}: {gains[id(fitting[0])]:+.3g} nats per observation. {advice}"
    return dataclasses.replace(finding, advice=advice, next=fitting)


def mends(remedy: Any, name: str) -> bool:
    """Whether dropping this assumption is what the remedy is for."""
    return isinstance(remedy, _REMEDIES[name][0])


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
