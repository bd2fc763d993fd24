"""Which other beliefs to try in place of a likelihood, and what stands for each of them around given predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from probcost import likelihoods
from probcost.history import History
from probcost.likelihoods import Likelihood

__all__ = ["Candidate", "candidates"]

_COUNTS = (
    likelihoods.Poisson,
    likelihoods.NegativeBinomial,
    likelihoods.ConwayMaxwellPoisson,
    likelihoods.ZeroInflatedPoisson,
    likelihoods.ZeroInflatedNegativeBinomial,
)
_REALS = (likelihoods.Normal, likelihoods.StudentT, likelihoods.Laplace)
# Constructor arguments that are sizes, not values of a parameter.
_SIZES = ("n_units", "k", "rank")
_VECTORS = (likelihoods.MultivariateNormal, likelihoods.MultivariateStudentT)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A remedy for all units, and the likelihood that stands for it around the predictions of n of them.

    Attributes:
        remedy: a likelihood, a `History`, or words.
        likelihood: of n units; nothing is predicted but what ``on_features`` says.
        on_features: raw outputs that may vary with functions of the inputs.
        on_previous: whether the location may follow the residual of the row before.
    """

    remedy: Any
    likelihood: Likelihood
    on_features: slice | None = None
    on_previous: bool = False

    @property
    def of_location(self) -> bool:
        """Whether it is the location that may vary with functions of the inputs."""
        return self.on_features is not None and not self.on_features.start

    def is_own(self, own: Likelihood) -> bool:
        """Whether it is what the fit believes already; a scale or shape that is held at a number is learned here."""
        held = any(isinstance(v, float) or (isinstance(v, int) and k not in _SIZES) for k, v in own.config.items())
        return type(self.likelihood) is type(own) and self.on_features is None and not self.on_previous and not held


def candidates(own: Likelihood, n: int, *, ordered: bool) -> Iterator[Candidate]:
    """Everything that can describe what ``own`` describes, for n of its units, ``own``'s kind among it."""
    if own.discrete:
        yield from _counts(own, n)
    elif own.event_dim:
        yield from _vectors(own.n_units)
    else:
        yield from _reals(own, n)
    bare = _bare(own, n)
    if bare is not None:
        yield Candidate("the same, with more of the inputs", bare, on_features=slice(n))
        if ordered:
            yield Candidate(History(1), bare, on_previous=True)


def _counts(own: Likelihood, n: int) -> Iterator[Candidate]:
    for kind in _COUNTS:
        yield Candidate(kind(own.n_units), kind(n))
    if own.n_units > 1:
        yield Candidate(likelihoods.NegativeMultinomial(own.n_units), likelihoods.NegativeMultinomial(n))
    for kind in (likelihoods.NegativeBinomial, likelihoods.ConwayMaxwellPoisson):
        if isinstance(own, kind) and own.dispersion.mode != "predicted":
            of_all, of_few = (kind(units, dispersion="predicted") for units in (own.n_units, n))
            yield Candidate(of_all, of_few, on_features=slice(n, None))


def _reals(own: Likelihood, n: int) -> Iterator[Candidate]:
    # Residuals are in units of the predicted scale already, so that one number stands for what a network would predict.
    scale = "predicted" if getattr(own, "scale", "predicted") == "predicted" else "learned"
    for kind in _REALS:
        yield Candidate(kind(own.n_units, scale=scale), kind(n, scale="learned"))
    component = likelihoods.Normal(n, scale="learned")
    yield Candidate(likelihoods.Mixture(likelihoods.Normal(own.n_units), 2), likelihoods.Mixture(component, 2))
    if 1 < own.n_units == n:
        yield from _vectors(n)
    if scale == "learned":
        for kind in (likelihoods.Normal, likelihoods.StudentT):
            yield Candidate(kind(own.n_units), kind(n), on_features=slice(n, 2 * n))


def _vectors(n: int) -> Iterator[Candidate]:
    for kind in _VECTORS:
        yield Candidate(kind(n), kind(n))
    mixture = likelihoods.Mixture(likelihoods.MultivariateNormal(n), 2)
    yield Candidate(mixture, mixture)


def _bare(own: Likelihood, n: int) -> Likelihood | None:
    """The fit's own kind of likelihood with nothing predicted but the location; None for kinds that are not tried."""
    for kind in _COUNTS:
        if type(own) is kind:
            return kind(n)
    for real in _REALS:
        if type(own) is real:
            return real(n, scale="learned")
    return None
