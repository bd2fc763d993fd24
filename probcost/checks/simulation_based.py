"""Simulation-based calibration: does an inference method recover parameters drawn from the prior?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from probcost.model import CostModel
from probcost.predict import seeded

if TYPE_CHECKING:
    from probcost.checks.evidence import Floats
    from probcost.checks.sbc_quantities import Quantity
    from probcost.checks.sbc_result import CalibrationLine, SimulationBasedCalibration
    from probcost.checks.sbc_simulation import Simulated

__all__ = ["sbc"]

_METHODS = ("nuts", "svi", "laplace", "map")
_APART = 1_000_003


def sbc(
    model: CostModel,
    x: Any,
    *,
    method: str | Callable[..., Any] = "nuts",
    n: int = 100,
    draws: int = 99,
    quantities: Any = None,
    level: float = 0.05,
    seed: int = 0,
    progress: bool = True,
    **options: Any,
) -> SimulationBasedCalibration:
    r"""Simulation-based calibration: does an inference method recover parameters drawn from the prior?

    n times: draw θ* from the prior, y from the model at ``x``, fit, and rank the truth among posterior draws. For any
    right posterior the ranks are uniform:

    .. math:: \theta^* \sim p(\theta), \quad y \sim p(y \mid x, \theta^*), \quad \theta_{1 \ldots L} \sim q(\theta \mid y)
        \quad \Rightarrow \quad \#\{l : f(\theta_l, y) < f(\theta^*, y)\} \sim \mathrm{Uniform}\{0, \ldots, L\}

    Every quantity's ranks are tested exactly, and corrected for their number (Holm). The method is fitted as `probcost.fit`
    does, on all rows, with two differences. Centre and scale of real-valued likelihoods stay as the model has them (0 and 1,
    if it was never fitted), since taken from the observations they would make another prior for every data set. So give
    ``x`` in any units, and a model that lives on the scale of its prior. And unless you say how to train (``epochs``, ``lr``,
    ``batch_size`` or ``optimizer``), every method starts from the maximum a posteriori that L-BFGS finds, since a method is
    judged by where it arrives. Fits whose cost still falls at the end are counted, and the method is not blamed for them.

    MAP has no posterior, so there are no ranks: its point claims are tested, that its predicted means are unbiased, and that
    its intervals hold as many new observations as they say.

    Args:
        model: with a prior over all its parameters.
        x: inputs ``[T, ...]``.
        method: ``"nuts"``, ``"svi"``, ``"laplace"`` or ``"map"``; or your own inference, called as
            ``method(model, x, y, seed=...)``, that returns a `Fit` or anything with its ``model`` and ``posterior``.
        n: simulations.
        draws: posterior draws that a truth is ranked among.
        quantities: None for the log-likelihood, three predicted means and five entries of parameters, at random; a list of
            ``"log_likelihood"``, ``"mean"`` and parameters' names; or a mapping from names to callables of a distribution
            ``[S, T, N]`` and observations ``[T, N]``, which return ``[S]``.
        level: a right method fails the whole at most this often.
        seed: of truths, data and fits.
        progress: show a progress bar.
        options: of `probcost.fit`, such as ``guide`` and ``epochs``.

    Raises:
        ValueError: for a model without a prior, with a prior so wide that its data cannot be observed, with comparisons
            or drifting baselines, for an unknown method or quantity, or fewer than 10 simulations or draws.

    Source: Talts et al., "Validating Bayesian inference algorithms with simulation-based calibration", 2018,
    https://arxiv.org/abs/1804.06788

    Example:
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1), prior=pc.priors.Normal(0.5, bias_scale=0.5))
        >>> result = pc.sbc(model, torch.linspace(-1, 1, 50), method="map", n=10, epochs=20, progress=False)
        >>> len(result.ranks), len(result.lines)
        (0, 3)
    """
    # Here, since these import scipy, and `import probcost` must stay fast.
    from probcost.checks.sbc_result import SimulationBasedCalibration
    from probcost.checks.sbc_simulation import fixed_scales, simulate

    _check(model, method, n, draws, level, options)
    fixed, inputs = fixed_scales(model, x)
    for i in range(n):  # before any fit: a prior that is too wide is known now
        simulate(fixed, inputs, seed + i * _APART)
    run = _Run(fixed, inputs, x, method, draws, quantities, seed, options)
    with (
        tqdm(total=n, desc="simulating and fitting", unit="fit", delay=2.0, disable=not progress, leave=False) as bar,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        for i in range(n):
            run.one(i, simulate(fixed, inputs, seed + i * _APART))
            bar.update(1)
    lines, ranks, claims = run.judged(level)
    told: dict[str, int] = {}
    for warning in caught:
        first = str(warning.message).split(":")[0].split(" (")[0]
        told[first] = told.get(first, 0) + 1
    likelihood = type(model.likelihood).__name__
    named = method.upper() if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)
    return SimulationBasedCalibration(
        lines=tuple(lines),
        ranks=ranks,
        claims=claims,
        draws=draws if ranks else 0,
        method=f"{named} of {likelihood}, {len(inputs):,} rows",
        n=n,
        level=level,
        unfinished=run.unfinished,
        warned=[f"{count} warnings in {n} fits: {message}" for message, count in told.items()],
    )


class _Run:
    """Ranks, or claims, simulation by simulation."""

    def __init__(
        self,
        model: CostModel,
        inputs: Tensor,
        x: Any,
        method: str | Callable[..., Any],
        draws: int,
        quantities: Any,
        seed: int,
        options: Mapping[str, Any],
    ) -> None:
        self.model, self.inputs, self.x, self.method = model, inputs, x, method
        self.draws, self.asked, self.seed, self.options = draws, quantities, seed, dict(options)
        self.rng = np.random.default_rng(seed)
        self.quantities: dict[str, Quantity] = {}
        self.found: dict[str, list[float]] = {}
        self.unfinished = 0

    def one(self, i: int, truth: Simulated) -> None:
        """Fit one simulated data set, and note where its truth lies."""
        from probcost.checks.sbc_claims import claims

        # Not the seed of the truth: its random numbers would be those of the draws.
        own = self.seed + i * _APART + _APART // 2
        fitted = self._fitted(truth.y, own)
        with torch.no_grad():
            true = self.model.distribution(self.inputs, truth.weights)
            if self.method == "map":
                with seeded(own, self.inputs.device):
                    new = true.sample()[0]
                found: Mapping[str, float] = claims(fitted.model, true, self.inputs, new, own)
            else:
                found = self._ranked(i, fitted, truth, true, own)
        for name, value in found.items():
            self.found.setdefault(name, []).append(value)

    def judged(self, level: float) -> tuple[list[CalibrationLine], dict[str, Any], dict[str, Floats]]:
        """Lines, ranks and claims of all simulations."""
        from probcost.checks.p_values import holm
        from probcost.checks.sbc_claims import judged_claims
        from probcost.checks.sbc_ranks import coverage, distance_p_value, shape_of
        from probcost.checks.sbc_result import CalibrationLine

        if self.method == "map":
            claimed = {name: np.array(values) for name, values in self.found.items()}
            return self._excused(judged_claims(claimed, level), level), {}, claimed
        ranks = {name: np.array(values, dtype=np.int64) for name, values in self.found.items()}
        p_values = [distance_p_value(values, self.draws, self.rng) for values in ranks.values()]
        lines = []
        for (name, values), p, p_corrected in zip(ranks.items(), p_values, holm(p_values), strict=True):
            inside, expected = coverage(values, self.draws)
            error = float(np.sqrt(expected * (1 - expected) / len(values)))
            verdict = shape_of(values, self.draws) if p_corrected < level else "ranks as of the posterior"
            lines.append(CalibrationLine(name, inside, expected, error, p, float(p_corrected), verdict))
        return self._excused(lines, level), ranks, {}

    def _excused(self, lines: list[CalibrationLine], level: float) -> list[CalibrationLine]:
        """The verdicts on a method that was not at its end are not on the method."""
        if not self.unfinished:
            return lines
        verdict = "off, as fits that stop early are"
        return [replace(line, verdict=verdict) if line.p_corrected < level else line for line in lines]

    def _fitted(self, y: Tensor, seed: int) -> Any:
        if callable(self.method):
            return self.method(self.model, self.inputs, y, seed=seed, **self.options)
        from probcost.checks.sbc_fitting import still_falling, to_convergence

        fitted = to_convergence(self.model, self.x, y, self.method, self.draws, seed, self.options)
        # A chain of NUTS finds its own way from wherever it starts.
        self.unfinished += self.method != "nuts" and still_falling(fitted.history, len(y))
        return fitted

    def _ranked(self, i: int, fitted: Any, truth: Simulated, true: Any, seed: int) -> dict[str, float]:
        from probcost.checks.sbc_quantities import chosen_quantities
        from probcost.checks.sbc_ranks import rank_among

        drawn = fitted.posterior.draws(self.draws, seed)
        if not drawn or len(next(iter(drawn.values()))) != self.draws:
            raise ValueError(f"the method must hand out {self.draws} posterior draws, and has {fitted.posterior!r}")
        if not self.quantities:
            shape = (len(self.inputs), self.model.likelihood.n_units)
            self.quantities = chosen_quantities(self.asked, self.model, list(drawn), shape, self.seed)
        distribution = fitted.model.distribution(self.inputs, drawn)
        ranks: dict[str, float] = {}
        for name, quantity in self.quantities.items():
            at_truth, at_draws = quantity(truth.weights, true, truth.y), quantity(drawn, distribution, truth.y)
            if at_truth.shape != (1,) or at_draws.shape != (self.draws,):
                raise ValueError(f"quantity {name!r} has shape {list(at_draws.shape)} of {self.draws} draws; one each")
            if np.isnan(at_truth).any() or np.isnan(at_draws).any():
                raise ValueError(f"quantity {name!r} is not a number in simulation {i}")
            ranks[name] = rank_among(float(at_truth[0]), at_draws, self.rng)
        return ranks


def _check(model: Any, method: Any, n: Any, draws: Any, level: float, options: Mapping[str, Any]) -> None:
    if not isinstance(model, CostModel):
        raise TypeError(f"model must be a probcost.CostModel, got {type(model).__name__}")
    if not callable(method) and method not in _METHODS:
        raise ValueError(f"unknown method {method!r}; choose one of {', '.join(map(repr, _METHODS))}, or a callable")
    for name, value in (("n", n), ("draws", draws)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 10:
            raise ValueError(f"{name} must be a whole number of at least 10, got {value!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    taken = next((name for name in ("validation", "groups", "checkpoint") if name in options), None)
    if taken is not None:
        raise ValueError(f"sbc fits on all rows, each data set once: {taken} cannot be given")
