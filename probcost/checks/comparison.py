"""Which cost function? Held-out log scores of several fits, their paired differences, and a ranking in plain words."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from probcost.checks.clusters import Clusters, Estimate, clusters_of
from probcost.checks.evidence import Floats, gather
from probcost.checks.leave_one_out import LeaveOneOut
from probcost.checks.leave_one_out import loo as leave_one_out
from probcost.inputs import same_length, same_order

if TYPE_CHECKING:
    from probcost.checks.comparison_result import Comparison
    from probcost.checks.result import Check

__all__ = ["compare"]

_NULL = "null"


@dataclass(frozen=True, eq=False)
class _Scored:
    """One fit on these rows: log p of whole rows ``[T]``, and of the null model."""

    name: str
    by_row: Floats
    check: Check | None
    impossible: str | None
    null: Floats | None = None
    loo: LeaveOneOut | None = None

    @property
    def rank(self) -> tuple[int, float]:
        """Smallest first: fewest impossible rows, then the highest score of the others."""
        finite = np.isfinite(self.by_row)
        return int((~finite).sum()), -float(self.by_row[finite].sum())


def compare(
    fits: Mapping[str, Any], x: Any, y: Any, *, groups: Any = None, loo: bool = False, draws: int = 1000, seed: int = 0
) -> Comparison:
    r"""Score several fits on the same rows, and say which predicts best, by how much, and how sure that is.

    .. math:: \Delta = \frac1n \sum_t \left(\log p_a(y_t \mid x_t) - \log p_b(y_t \mid x_t)\right)

    Differences are paired, row by row, so that what is hard for every fit does not count. Their standard errors are by rows;
    by ten blocks of time where rows follow each other (``ordered``); by groups where these are given. "No difference" is said
    within two standard errors, or where p > 5 % after Holm's correction for all pairs. Calibration stands beside the score.

    Args:
        fits: name → what `probcost.fit` returned; two or more, of the same observations.
        x: inputs ``[T, ...]`` that no fit was trained on; or name → inputs, where fits take different ones.
        y: observations ``[T, N]``.
        groups: a label for each row, where rows of one group depend on each other, as a person's do.
        loo: x and y are the training rows, and PSIS-LOO stands in for held-out scores; needs posterior draws.
        draws: posterior draws for that, at most.
        seed: of the randomised PIT of counts.

    Raises:
        ValueError: for fewer than two fits; fits of different units; counts against real numbers, whose probabilities and
            densities do not compare; a fit named "null", as the null model is added by itself; and as `loo` and `check` do.

    Source: Vehtari, Gelman & Gabry, "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
    2017, https://doi.org/10.1007/s11222-016-9696-4

    Example:
        >>> x, generator = torch.linspace(0, 2, 400)[:, None], torch.Generator().manual_seed(0)
        >>> y, noise = torch.poisson(x.exp(), generator=generator), torch.randn(400, 1, generator=generator)
        >>> inputs = {"dose": x, "noise": noise}
        >>> fits = {
        ...     name: pc.fit(pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1)), column, y, progress=False)
        ...     for name, column in inputs.items()
        ... }
        >>> compare(fits, inputs, y).tied
        ('dose',)
    """
    inputs = _inputs(fits, x)
    _comparable(fits)
    for each in inputs.values():
        same_length(x=each, y=y)
    same_order(y=y, groups=groups)
    ordered = any(bool(fit.model.ordered) for fit in fits.values())
    clusters = clusters_of(len(y), ordered=ordered, groups=groups)
    scored = []
    with tqdm(fits.items(), desc="comparing fits", unit="fit", delay=2.0, leave=False) as bar:
        for name, fit in bar:
            left_out = leave_one_out(fit, inputs[name], y, draws=draws, groups=groups) if loo else None
            scored.append(_score(name, fit, inputs[name], y, left_out, seed))
    scored.sort(key=lambda one: one.rank)
    vectors = any(bool(fit.model.likelihood.event_dim) for fit in fits.values())
    units = len(next(iter(fits.values())).unit_names)
    return _ranked(scored, clusters, (len(y), units), "row" if vectors else "observation", by_loo=loo)


def _inputs(fits: Mapping[str, Any], x: Any) -> dict[str, Any]:
    if not isinstance(fits, Mapping):
        raise TypeError(f"fits must be a mapping such as {{'poisson': fit, 'cmp': other}}, got {type(fits).__name__}")
    if len(fits) < 2:
        raise ValueError(f"fits holds {len(fits)}; at least two are needed to compare: pc.score and pc.check judge one")
    if _NULL in fits:
        raise ValueError("fits names one 'null': the null model goes by that name, and is added by itself")
    for name, fit in fits.items():
        if not hasattr(fit, "predict"):
            raise TypeError(f"fits[{name!r}] must be what probcost.fit returned, got {type(fit).__name__}")
    if not isinstance(x, Mapping):
        return dict.fromkeys(fits, x)
    missing = [name for name in fits if name not in x]
    if missing:
        raise ValueError(
            f"x has no inputs for {', '.join(map(repr, missing))}; it has them for {', '.join(map(repr, x))}"
        )
    return {name: x[name] for name in fits}


def _comparable(fits: Mapping[str, Any]) -> None:
    (first, reference), *others = fits.items()
    for name, fit in others:
        if fit.model.likelihood.discrete != reference.model.likelihood.discrete:
            counts, reals = (name, first) if fit.model.likelihood.discrete else (first, name)
            raise ValueError(
                f"{counts!r} gives counts probabilities and {reals!r} gives real numbers densities, which do not compare; "
                "compare likelihoods of one kind"
            )
        mine, its = list(reference.unit_names), list(fit.unit_names)
        if len(mine) != len(its):
            raise ValueError(f"{first!r} describes {len(mine)} units and {name!r} {len(its)}; they must be the same")
        default = [str(i) for i in range(len(its))]
        if default not in (mine, its) and mine != its:
            at = next(i for i, (a, b) in enumerate(zip(mine, its, strict=True)) if a != b)
            raise ValueError(
                f"unit {at} is {mine[at]!r} in {first!r} and {its[at]!r} in {name!r}; they must be the same"
            )


def _score(name: str, fit: Any, x: Any, y: Any, left_out: LeaveOneOut | None, seed: int) -> _Scored:
    # Here, since it imports scipy, and `import probcost` must stay fast.
    from probcost.checks.calibration import calibration

    evidence = gather(fit, x, y)
    log_prob, null = evidence.log_prob, evidence.null_log_prob
    by_row = _by_row(log_prob) if left_out is None else left_out.pointwise
    impossible = np.argwhere(np.isneginf(log_prob if left_out is None else by_row))
    place = f"y[{', '.join(map(str, impossible[0]))}]" if len(impossible) else None
    check = calibration(evidence, seed=seed)
    return _Scored(name, by_row, check, place, None if null is None else _by_row(null), left_out)


def _by_row(log_prob: Floats) -> Floats:
    return log_prob if log_prob.ndim == 1 else log_prob.sum(axis=1)


def _ranked(
    scored: list[_Scored], clusters: Clusters, shape: tuple[int, int], each: str, *, by_loo: bool
) -> Comparison:
    from probcost.checks.comparison_result import Compared, Comparison
    from probcost.checks.p_values import holm

    rows, units = shape
    per_row = 1 if each == "row" else units

    def row(one: _Scored, estimate: Estimate, p_value: float) -> Compared:
        elpd = float(one.by_row.sum())
        difference, error = estimate.mean / per_row, estimate.error / per_row
        mean = elpd / rows / per_row
        return Compared(one.name, elpd, mean, difference, error, p_value, one.check, one.impossible, one.loo)

    pairs = list(itertools.combinations(range(len(scored)), 2))
    estimates = [_difference(scored[b].by_row, scored[a].by_row, clusters) for a, b in pairs]
    corrected = dict(zip(pairs, holm([estimate.p_value for estimate in estimates]), strict=True))
    to_best = dict(zip(pairs, estimates, strict=True))
    best = row(scored[0], Estimate(0.0, 0.0, 1.0), 1.0)
    others = [row(scored[i], to_best[0, i], float(corrected[0, i])) for i in range(1, len(scored))]
    # Fits of different training rows have different null models: the best of them is the reference.
    nulls = [_Scored(_NULL, one.null, None, None) for one in scored if one.null is not None]
    null = None
    if nulls:
        highest = min(nulls, key=lambda one: one.rank)
        estimate = _difference(highest.by_row, scored[0].by_row, clusters)
        null = row(highest, estimate, estimate.p_value)
    return Comparison((best, *others), null, shape, each, clusters.words, by_loo)


def _difference(scores: Floats, best: Floats, clusters: Clusters) -> Estimate:
    """Mean of ``scores − best``: infinite and certain where one alone holds something impossible, unknown where both do."""
    infinite = (bool(np.isneginf(scores).any()), bool(np.isneginf(best).any()))
    if any(infinite):
        return Estimate(
            {(True, True): 0.0, (True, False): -np.inf, (False, True): np.inf}[infinite], 0.0, float(all(infinite))
        )
    return clusters.estimate(scores - best)
