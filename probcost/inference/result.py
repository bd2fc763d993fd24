"""The result of inference: the only thing that predicts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probcost.arviz_bridge import to_arviz
from probcost.inference.history import History
from probcost.inference.posterior import Posterior
from probcost.inputs import as_inputs, as_observations, by_name, column_names, same_length
from probcost.model import CostModel
from probcost.predict import Predictive, Summary, seeded

__all__ = ["Fit"]


@dataclass
class Fit:
    """A trained cost model, what was learned about its parameters, and how the training went.

    Attributes:
        model: the trained Pyro model; takes inputs in original units.
        method: the inference method that made it.
        posterior: the point or the draws behind predictions.
        history: cost per epoch.
        input_shape: shape of one row of inputs.
        unit_names: one name per unit.
        null_mean, null_variance: moments of the training observations, ``[N]``: the null model.
        drift_half_life: rows after which half of a unit's past baseline is forgotten; infinite where nothing drifts.
        seed: fixes every random choice, in training and in sampling.
        input_names: the columns of the data frame it was trained on, which later data frames are put in the order of; None
            after training on an array. Arrays go by position.

    Example:
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> fitted.method, fitted.unit_names
        ('map', ['0'])
        >>> fitted.sample(x, 10).shape  # replicated data sets
        torch.Size([10, 400, 1])
        >>> fitted.log_prob(x, y).shape  # of every observation, under every posterior draw
        torch.Size([1, 400, 1])
    """

    model: CostModel
    method: str
    posterior: Posterior
    history: History
    input_shape: torch.Size
    unit_names: list[str]
    null_mean: Tensor
    null_variance: Tensor
    drift_half_life: float
    seed: int
    input_names: list[str] | None = None

    def predict(self, x: Any, *, draws: int = 100) -> Predictive:
        """The predictive distribution of rows ``x``, mixed over ``draws`` posterior draws (all of an ensemble's members).

        Batch shape ``[T, N]``; ``[T]`` and event shape ``[N]`` where the likelihood describes whole vectors.

        Raises:
            ValueError: for inputs that are not finite, or of another width than those trained on, or a data frame that lacks
                one of the columns trained on.
        """
        inputs = as_inputs(by_name(x, "x", self.input_names), self.null_mean)
        if inputs.shape[1:] != self.input_shape:
            raise ValueError(
                f"x has rows of shape {list(inputs.shape[1:])}; this fit was trained on {list(self.input_shape)}"
            )
        return Predictive(self.model, inputs, self.posterior.draws(draws, self.seed), self.seed)

    def sample(self, x: Any, n: int = 1000) -> Tensor:
        """Replicated observations ``[n, T, N]``; see `summarize` for summaries that never hold them all."""
        return self.predict(x, draws=n).sample((n,))

    def summarize(self, x: Any, n: int = 1000, *, quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)) -> Summary:
        """Mean, standard deviation and quantiles over ``n`` replicated data sets, in bounded memory."""
        return self.predict(x, draws=n).summarize(n, quantiles)

    def log_prob(self, x: Any, y: Any, *, draws: int = 100) -> Tensor:
        """Pointwise log p(y | x, θ_s) in nats, ``[S, T, N]`` or, of vectors, ``[S, T]`` (S = 1 for a point).

        Held whole by its nature; `predict(x).log_prob(y)` is the mixture's ``[T, N]``, in bounded memory.
        """
        same_length(x=x, y=y)
        return self.predict(x, draws=draws).pointwise(self.observations(y))

    def null_log_prob(self, y: Any) -> Tensor:
        """log p(y) under the null model, ``[T, N]`` or ``[T]``: the moments of the training rows for every row."""
        observations = self.observations(y)
        null = self.model.likelihood.null(self.null_mean, self.null_variance).log_prob(observations)
        return null.expand(observations.shape[: 2 - self.model.likelihood.event_dim])

    def observations(self, y: Any) -> Tensor:
        """``y`` as a checked tensor ``[T, N]``; a data frame of the units trained on, in their order."""
        if sorted(column_names(y) or []) == sorted(self.unit_names):
            y = by_name(y, "y", self.unit_names)
        return as_observations(y, self.model.likelihood, self.null_mean)

    def to_arviz(self, x: Any, y: Any, *, draws: int = 200) -> Any:
        """All groups of the ArviZ schema for rows ``x``, ``y``: an InferenceData (ArviZ 0.23) or a DataTree (1.x).

        A point estimate is written as ``draws`` equal draws, so that ArviZ's functions run on it: its p_loo is then 0.
        Memory: the pointwise groups hold ``draws × T × N`` numbers each; pass fewer rows or draws where that is much.
        """
        same_length(x=x, y=y)
        likelihood, observations = self.model.likelihood, self.observations(y)
        predictive = self.predict(x, draws=draws)
        draws = predictive.n_draws if predictive.draws else draws  # an ensemble has as many as it has members
        own = {name: p.detach() for name, p in self.model.named_parameters()}
        weights = {name: predictive.draws.get(name, value.expand(draws, *value.shape)) for name, value in own.items()}
        pointwise = predictive.pointwise(observations)
        pointwise = pointwise.expand(draws, *pointwise.shape[1:])
        groups: dict[str, Any] = {
            "posterior": weights,
            "posterior_predictive": {likelihood.site: predictive.sample((draws,))},
            "log_likelihood": {likelihood.site: pointwise},
            "sample_stats": {"lp": pointwise.flatten(1).sum(1)},
        }
        if self.model.prior is not None:
            groups["prior"] = self._prior_draws(draws)
            prior_predictive = Predictive(self.model, predictive.x, groups["prior"], self.seed)
            groups["prior_predictive"] = {likelihood.site: prior_predictive.sample((draws,))}
        return to_arviz(
            site=likelihood.site,
            observed=observations.cpu().numpy(),
            dims=("time" if self.model.ordered else "row", likelihood.unit),
            coords={likelihood.unit: self.unit_names},
            constant_data={"x": predictive.x.cpu().numpy()},
            discrete=likelihood.discrete,
            attrs={"inference_library": "probcost", "method": self.method, "posterior": self.posterior.label},
            **{
                group: {name: self._by_chain(group, value) for name, value in values.items()}
                for group, values in groups.items()
            },
        )

    def _by_chain(self, group: str, value: Tensor) -> Any:
        """``[chain, draw, ...]``: Markov chains apart, all else as one chain."""
        chains = 1 if group.startswith("prior") or len(value) % self.posterior.chains else self.posterior.chains
        return value.detach().cpu().numpy().reshape(chains, -1, *value.shape[1:])

    def _prior_draws(self, n: int) -> dict[str, Tensor]:
        with seeded(self.seed, self.null_mean.device):
            beliefs = {name: self.model.belief(p) for name, p in self.model.named_parameters()}
            return {name: b.sample(torch.Size((n,))) for name, b in beliefs.items() if b is not None}

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fit into ``folder``; `probcost.load(folder)` reads it back. A kill meanwhile leaves the old one whole."""
        from probcost.inference.storage import save_fit

        save_fit(self, folder)

    def __repr__(self) -> str:
        likelihood = self.model.likelihood
        return (
            f"Fit by {self.method}: {type(likelihood).__name__} of {likelihood.n_units} {likelihood.unit}s; "
            f"{self.posterior.label}\n  {self.history}"
        )
