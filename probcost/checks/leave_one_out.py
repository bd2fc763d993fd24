"""Leave-one-out log scores of posterior draws, by Pareto-smoothed importance sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from probcost.arviz_bridge import psis_loo, relative_efficiency
from probcost.checks.clusters import clusters_of
from probcost.checks.evidence import Floats
from probcost.inputs import same_length, same_order

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["LeaveOneOut", "loo", "smoothed"]

# Rows smoothed at once: a few megabytes in float64.
_ROWS = 256
_FEWEST_DRAWS = 100
# Rows whose likelihoods say how many draws a Markov chain's are worth.
_PROBES = 50
# Kinds of `Fit.posterior` whose draws are a normal or variational stand-in for the posterior.
_APPROXIMATE = ("guide", "last_layer_normal")


@dataclass(frozen=True, eq=False, repr=False)
class LeaveOneOut:
    """What a fit would score on each row had it not seen it; prints itself with a verdict.

    Attributes:
        elpd: sum over rows of log p(y_t | all other rows), nats.
        standard_error: of that sum, with blocks of time or groups where rows depend on each other.
        p_loo: log score of the rows as seen, less ``elpd``: how many parameters the data have effectively taught.
        pointwise: ``[T]``, nats; all units of a row together.
        pareto_k: ``[T]``: how heavy the tail of a row's importance weights is.
        threshold: the k up to which a row's estimate holds, min(1 − 1/log₁₀ S, 0.7).
        n_draws: S.
        units: N.
        approximate: what the draws are, where they are not the posterior's own; else None.
        error_from: what the standard error takes as independent.
        model: likelihood and method.
    """

    elpd: float
    standard_error: float
    p_loo: float
    pointwise: Floats
    pareto_k: Floats
    threshold: float
    n_draws: int
    units: int
    approximate: str | None
    error_from: str
    model: str

    @property
    def above(self) -> NDArray[np.intp]:
        """Rows whose Pareto k is above the threshold, worst first."""
        above = np.flatnonzero(self.pareto_k > self.threshold)
        return above[np.argsort(-self.pareto_k[above], kind="stable")]

    @property
    def verdict(self) -> str:
        """Whether the number is to be believed, in words."""
        rows, n = len(self.pareto_k), len(self.above)
        if not n:
            return f"reliable: Pareto k is at most {self.pareto_k.max():.2f}, and holds up to {self.threshold:.2f}"
        worst = ", ".join(f"{row} (k = {self.pareto_k[row]:.2f})" for row in self.above[:3])
        return (
            f"not reliable: {n:,} of {rows:,} rows weigh so heavily on the fit that draws made with them cannot stand in "
            f"for draws without: Pareto k above {self.threshold:.2f}, worst in row{'s' * (n > 1)} {worst}. Score rows that "
            "were held out, with pc.compare or pc.score, or fit once more without these rows"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row for each observation: its ``elpd`` in nats, its ``pareto_k``, and whether that is ``above`` the threshold."""
        import pandas as pd

        columns = {"elpd": self.pointwise, "pareto_k": self.pareto_k, "above": self.pareto_k > self.threshold}
        return pd.DataFrame(columns).rename_axis("row")

    def plot(self) -> Figure:
        """Pareto k against row, with the threshold."""
        from probcost.checks.comparison_plots import plot_loo

        return plot_loo(self)

    def __str__(self) -> str:
        from probcost.checks.comparison_table import loo_as_text

        return loo_as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from probcost.checks.comparison_table import loo_as_html

        return loo_as_html(self)


def loo(fit: Any, x: Any, y: Any, *, draws: int = 1000, groups: Any = None) -> LeaveOneOut:
    r"""Score each training row as if the fit had not seen it, from posterior draws that have.

    .. math:: \text{elpd}_\text{loo} = \sum_t \log p(y_t \mid x_t, D_{-t})

    A row is left out with all its units. Row by row, draws are weighted by :math:`1 / p(y_t \mid \theta_s)`, and the largest
    weights smoothed by ArviZ; Pareto's k says where that does not hold. Memory: ``[S, T]`` numbers.

    Args:
        fit: what `probcost.fit` returned with method ``"nuts"``, ``"laplace"`` or ``"svi"``.
        x, y: the rows it was trained on, ``[T, ...]`` and ``[T, N]``.
        draws: S, at most.
        groups: a label for each row, where rows of one group depend on each other: the standard error admits it.

    Raises:
        ValueError: for a fit without posterior draws, fewer than 100 draws, rows that differ in number or are fewer than 2.

    Source: Vehtari, Gelman & Gabry, "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
    2017, https://doi.org/10.1007/s11222-016-9696-4

    Example:
        >>> x = torch.linspace(-1, 1, 60)[:, None]
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Normal(1, 0.5))
        >>> fit = pc.fit(model, x, x.sin(), method="laplace", progress=False)
        >>> loo(fit, x, x.sin()).verdict.split(":")[0]
        'reliable'
    """
    _has_posterior_draws(fit)
    same_length(x=x, y=y)
    if draws < _FEWEST_DRAWS:
        raise ValueError(
            f"draws must be at least {_FEWEST_DRAWS}, got {draws}: the weights' tail is seen in a tenth of them"
        )
    observations = fit.observations(y)
    same_order(y=y, groups=groups)
    clusters = clusters_of(len(observations), ordered=bool(fit.model.ordered), groups=groups)
    predictive = fit.predict(x, draws=draws)
    by_row = predictive.by_draw(observations).T.cpu().numpy()
    rows, n_draws = by_row.shape
    if n_draws < _FEWEST_DRAWS:
        raise ValueError(f"the fit holds {n_draws} draws; at least {_FEWEST_DRAWS} are needed")
    efficiency = _efficiency(by_row, fit.posterior.chains) if fit.posterior.kind == "draws" else 1.0
    pointwise, k, seen = smoothed(by_row, efficiency)
    elpd = float(pointwise.sum())
    finite = math.isfinite(elpd)
    return LeaveOneOut(
        elpd=elpd,
        standard_error=rows * clusters.estimate(pointwise).error if finite else math.nan,
        p_loo=float(seen.sum()) - elpd if finite else math.inf,
        pointwise=pointwise,
        pareto_k=k,
        threshold=min(1 - 1 / math.log10(n_draws), 0.7),
        n_draws=n_draws,
        units=observations.shape[1],
        approximate=fit.posterior.label if fit.posterior.kind in _APPROXIMATE else None,
        error_from=clusters.words,
        model=f"{type(fit.model.likelihood).__name__} by {fit.method}",
    )


def smoothed(by_row: NDArray[np.floating[Any]], efficiency: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """From log p(row | θ_s) ``[T, S]``: log p of each row left out, its Pareto k, and log p of it as seen, ``[T]``."""
    rows, n_draws = by_row.shape
    pointwise, k, seen = np.empty(rows), np.empty(rows), np.empty(rows)
    with tqdm(total=rows, desc="smoothing importance weights", unit="row", delay=2.0, leave=False) as bar:
        for start in range(0, rows, _ROWS):
            part = slice(start, start + _ROWS)
            log_likelihood = by_row[part].astype(np.float64)
            pointwise[part], k[part] = _left_out(log_likelihood, efficiency)
            seen[part] = np.logaddexp.reduce(log_likelihood, axis=1) - math.log(n_draws)
            bar.update(len(log_likelihood))
    return pointwise, k, seen


def _has_posterior_draws(fit: Any) -> None:
    instead = (
        "score rows that were held out, with pc.compare or pc.score, or fit with method 'nuts', 'laplace' or 'svi'"
    )
    if fit.posterior.kind == "point":
        raise ValueError(f"this fit, by {fit.method}, is a point and has no posterior draws to weight; {instead}")
    if getattr(fit.posterior, "every", False):
        raise ValueError(
            f"this fit, by {fit.method}, has members, trained on the same rows, which are no posterior draws; {instead}"
        )


def _left_out(log_likelihood: Floats, efficiency: float) -> tuple[Floats, Floats]:
    """log p(y_t | other rows) and Pareto k, ``[T]``; minus infinity where some draw holds the row impossible."""
    elpd, k = np.full(len(log_likelihood), -np.inf), np.full(len(log_likelihood), np.inf)
    possible = np.isfinite(log_likelihood).all(axis=1)
    # Where all draws agree there is nothing to weight, and ArviZ finds no tail to fit.
    agreed = possible & (np.ptp(log_likelihood, axis=1) == 0)
    elpd[agreed], k[agreed] = log_likelihood[agreed, 0], 0.0
    usable = possible & ~agreed
    if usable.any():
        elpd[usable], k[usable] = psis_loo(log_likelihood[usable], efficiency)
    return elpd, k


def _efficiency(by_row: NDArray[np.floating[Any]], chains: int) -> float:
    """Effective over actual number of Markov chains' draws: the mean over some rows' likelihoods, 1 at most."""
    rows, n_draws = by_row.shape
    probes = np.unique(np.linspace(0, rows - 1, _PROBES).round().astype(int))
    log_likelihood = by_row[probes].astype(np.float64).reshape(len(probes), 1 if n_draws % chains else chains, -1)
    each = [relative_efficiency(one) for one in log_likelihood if np.isfinite(one).all() and np.ptp(one) > 0]
    return min(1.0, float(np.mean(each))) if each else 1.0
