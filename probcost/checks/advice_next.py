"""Likelihoods to begin with, best first, for a kind of observations and what was seen of them."""

from __future__ import annotations

from collections.abc import Collection

from probcost import likelihoods
from probcost.likelihoods import Likelihood

__all__ = ["likelihoods_for", "shown"]

_FULL_COVARIANCE = 8  # units beyond which a covariance has too many numbers
Reasons = list[tuple[Likelihood, str]]


def likelihoods_for(kind: str, n_units: int, seen: dict[str, float]) -> Reasons:
    """Likelihoods over ``n_units`` and why; ``seen`` holds the numbers of the hints by name."""
    if kind in ("counts", "binary"):
        return _counts(n_units, seen) if kind == "counts" else _binary(n_units)
    if kind == "labels":
        return [
            (
                likelihoods.Triplets(likelihoods.NWayChoice()),
                "whose is it, among all in the batch: an embedding of names",
            ),
            (
                likelihoods.Triplets(likelihoods.TripletSlack()),
                "the same by triplets: nearer to its own than to another",
            ),
        ]
    return [] if kind == "constant" else _reals(kind, n_units, seen)


def _counts(n: int, seen: dict[str, float]) -> Reasons:
    poisson = (likelihoods.Poisson(n), "the plainest belief about counts, with nothing to tune")
    either = (
        likelihoods.ConwayMaxwellPoisson(n),
        "to compare: narrower or wider than Poisson, as each unit's data ask",
    )
    over, under = "over-dispersion" in seen, "under-dispersion" in seen
    result: Reasons = []
    gain = seen.get("shared gain", 0.0)
    if gain and not under and n > 1:
        result.append((likelihoods.NegativeMultinomial(n), "all units of a row share a random gain"))
    if "zeros" in seen:
        result.append(
            (
                likelihoods.ZeroInflatedNegativeBinomial(n) if over and gain else likelihoods.ZeroInflatedPoisson(n),
                "a share of rows is lost, and zero whatever the rate",
            )
        )
        result.append((likelihoods.ZeroInflatedNegativeBinomial(n), "the same, with a dispersion besides"))
    if under:
        result.append(
            (
                likelihoods.ConwayMaxwellPoisson(n),
                "narrower than Poisson where a unit's counts are, wider where they are",
            )
        )
    if over and not under:  # the negative binomial is never narrower than Poisson
        result.append((likelihoods.NegativeBinomial(n), "variance beyond the mean, each unit by its own dispersion"))
    return _distinct([*result, poisson, either])


def _binary(n: int) -> Reasons:
    own = "near a yes-or-no answer as ν grows; or write a Bernoulli likelihood, nine lines: help(pc.likelihoods.Likelihood)"
    few = "if these are counts in bins so short that none holds two, and most hold none"
    return [(likelihoods.ConwayMaxwellPoisson(n), own), (likelihoods.Poisson(n), few)]


def _reals(kind: str, n: int, seen: dict[str, float]) -> Reasons:
    scale = "predicted" if "scale" in seen else "learned"
    heavy, together = "tails" in seen, "units together" in seen and n > 1
    why_scale = "a scale for each row" if scale == "predicted" else "one scale"
    plain = (likelihoods.Normal(n, scale=scale), f"normal errors with {why_scale}: the plainest belief")
    tailed = (likelihoods.StudentT(n, scale=scale), f"tails as heavy as the data ask for, {why_scale}")
    own = [tailed, plain] if heavy else [plain, tailed]
    if "below zero" in seen:
        return _logarithms(n, joint=_joint(n, heavy=False) if together else None)
    result: Reasons = []
    if together:
        joint = _joint(n, heavy=heavy)
        if "several answers" in seen:
            result.append((likelihoods.Mixture(joint, 4), "several answers, in each of which units vary together"))
        result.append((joint, "units of a row vary together"))
    elif "several answers" in seen:
        inner = likelihoods.StudentT(n) if heavy else likelihoods.Normal(n)
        result.append((likelihoods.Mixture(inner, 4), "several answers, each with a weight"))
    elif "skewness" in seen:
        mixed = (likelihoods.Mixture(likelihoods.Normal(n), 2), "a lean to one side, from two components")
        return [own[0], mixed, own[1]]
    return [*result, *own]


def _logarithms(n: int, joint: Likelihood | None) -> Reasons:
    """Of positive numbers near 0; what was seen of their scale, tails and lean is said of y, and may be gone from log(y)."""
    result: Reasons = (
        [] if joint is None else [(joint, "of log(y), whose units vary together; of y it predicts below 0")]
    )
    plain = (
        "of log(y): errors multiply, and y = exp(…) stays positive; of y itself it predicts below 0, where y never is"
    )
    return [
        *result,
        (likelihoods.Normal(n, scale="learned"), plain),
        (likelihoods.StudentT(n, scale="learned"), "of log(y) likewise, with tails as heavy as it asks for"),
    ]


def _joint(n: int, *, heavy: bool) -> Likelihood:
    if n > _FULL_COVARIANCE:
        return likelihoods.LowRankMultivariateNormal(n, rank=2)
    return likelihoods.MultivariateStudentT(n) if heavy else likelihoods.MultivariateNormal(n)


def _distinct(proposed: Reasons) -> Reasons:
    seen: Collection[type] = []
    result: Reasons = []
    for likelihood, why in proposed:
        if type(likelihood) not in seen:
            seen = [*seen, type(likelihood)]
            result.append((likelihood, why))
    return result


def shown(likelihood: Likelihood) -> str:
    """As one would write it: ``NegativeBinomial(20)``, with the arguments that matter."""
    arguments = []
    for key, value in likelihood.config.items():
        if isinstance(value, Likelihood):
            arguments.append(shown(value))
        elif key == "n_units":
            arguments.append(str(value))
        elif key in ("scale", "rank", "k"):
            arguments.append(f"{key}={value!r}")
        elif key == "comparison":
            arguments.append(f"{type(value).__name__}()")
    return f"{type(likelihood).__name__}({', '.join(arguments)})"
