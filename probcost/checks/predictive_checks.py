"""Posterior predictive checks: a statistic of the data beside the same of data that the model made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from probcost.inputs import same_length

if TYPE_CHECKING:
    from probcost.checks.evidence import Floats
    from probcost.checks.ppc_result import PredictiveCheck
    from probcost.checks.statistics import Statistic

__all__ = ["ppc"]

# Numbers of replicated data sets held at once: the network is read once for all of these sets together.
_AT_ONCE = 2**23
# Replicates handed to ArviZ, and at most so many numbers of them.
_KEPT, _KEPT_NUMBERS = 200, 2**23
# Keeps the seeds of one group's chunks of rows apart from the next group's.
_APART = 1_000_003


def ppc(
    fit: Any, x: Any, y: Any, *, statistic: Any = None, n: int = 1000, level: float = 0.05, seed: int = 0
) -> PredictiveCheck:
    r"""Posterior predictive checks: a statistic of the data beside the same of data that the model made.

    .. math:: q = P\left(T(y^{\text{rep}}) \le T(y)\right), \qquad
        y^{\text{rep}} \sim p(y^{\text{rep}} \mid x) = \int p(y^{\text{rep}} \mid x, \theta)\, p(\theta \mid D)\, d\theta

    p-values are two-sided, ties broken at random, and Holm's correction is made for the number of statistics. Data that lie
    beyond all replicates get theirs from the tail that these show, so that a hundred of them decide on many statistics. On
    rows that the fit was not trained on a true model is rejected in ``level`` of data sets; on its training rows, less often.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on.
        y: observations ``[T, N]``, in their own units.
        statistic: ``"mean"``, ``"variance"``, ``"fano"`` (variance over mean), ``"zeros"`` (share of), ``"min"``,
            ``"max"``, ``"skewness"``, ``"autocorrelation"`` (from one row to the next), ``"correlation"`` (mean over pairs
            of units); or a callable of a numpy array ``[T, N]``, for the data and each replicate alike, that returns ``[N]``
            or one number; or a list or mapping of these. None: all that apply.
            A statistic of each unit is tested pooled, as its mean over units, and unit by unit in ``.units``.
        n: replicated data sets; never held at once where they are large.
        level: a true model fails the whole check at most this often.
        seed: of the replicates, and of what breaks ties.

    Raises:
        ValueError: for rows that differ in number, observations the likelihood cannot produce, an unknown statistic, or
            one that is not a number.
        TypeError: for a statistic that is neither a name nor callable.

    Source: Gelman, Meng & Stern, "Posterior predictive assessment of model fitness via realized discrepancies", 1996,
    https://www3.stat.sinica.edu.tw/statistica/oldpdf/A6n41.pdf

    Example:
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> pc.ppc(fitted, x, y, statistic=["variance", "zeros"], n=200).ok
        True
    """
    # Here, since these import scipy, and `import probcost` must stay fast.
    from probcost.checks.ppc_lines import judged
    from probcost.checks.ppc_result import PredictiveCheck
    from probcost.checks.statistics import chosen

    if getattr(fit, "calibration", None) is not None:
        raise ValueError(
            "this fit compares observations and makes none: ppc has nothing to replicate; use probcost.check"
        )
    if isinstance(n, bool) or not isinstance(n, int) or n < 20:
        raise ValueError(f"n must be a whole number of at least 20 replicated data sets, got {n!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    same_length(x=x, y=y)
    observations = np.asarray(fit.observations(y).detach().cpu(), dtype=np.float64)
    rows, units = observations.shape
    if rows < 2:
        raise ValueError(f"y has {rows} row; a predictive check needs at least 2")
    likelihood = fit.model.likelihood
    kind = {"discrete": likelihood.discrete, "ordered": fit.model.ordered}
    statistics = {one.name: one for one in chosen(statistic, **kind, units=units)}
    observed = {name: _value(one, observations, None, "the data") for name, one in statistics.items()}
    replicated = {name: np.empty((n, *value.shape)) for name, value in observed.items()}
    keep = max(1, min(n, _KEPT, _KEPT_NUMBERS // observations.size))
    kept = []
    with tqdm(total=n, desc="replicating data", unit="data set", delay=2.0, leave=False) as bar:
        for i, replicate in enumerate(_replicates(fit.predict(x), n, observations.size, seed)):
            if i < keep:
                kept.append(replicate)
            wide = replicate.astype(np.float64)
            for name, one in statistics.items():
                replicated[name][i] = _value(one, wide, observed[name].shape, f"replicate {i}")
            bar.update(1)
    lines, unit_p_values = judged(statistics, observed, replicated, level=level, seed=seed)
    return PredictiveCheck(
        lines=tuple(lines),
        observed=observed,
        replicated=replicated,
        unit_p_values=unit_p_values,
        unit_names=fit.unit_names,
        level=level,
        y=observations,
        replicates=np.stack(kept),
        site=likelihood.site,
        unit=likelihood.unit,
        **kind,
    )


def _replicates(predictive: Any, n: int, size: int, seed: int) -> Iterator[NDArray[Any]]:
    """``n`` data sets ``[T, N]``, one after another, drawn as many at a time as memory allows."""
    at_once = max(1, _AT_ONCE // size)
    for group, start in enumerate(range(0, n, at_once)):
        predictive.seed = seed + 1 + group * _APART
        yield from predictive.sample((min(at_once, n - start),)).cpu().numpy()


def _value(statistic: Statistic, y: Floats, shape: tuple[int, ...] | None, of: str) -> Floats:
    """The statistic as ``[N]`` or ``[]``; of a replicate, shaped as of the data."""
    value = np.asarray(statistic.compute(y), dtype=np.float64)
    wanted = [(), (y.shape[1],)] if shape is None else [shape]
    if value.shape not in wanted:
        needed = " or ".join("one number" if not s else f"[{s[0]}]" for s in wanted)
        raise ValueError(f"statistic {statistic.name!r} of {of} has shape {list(value.shape)}; it must be {needed}")
    if np.isnan(value).any():
        place = f" for unit {int(np.argwhere(np.isnan(value))[0, 0])}" if value.ndim else ""
        raise ValueError(f"statistic {statistic.name!r} of {of} is not a number{place}")
    return value
