"""How good are the predictions? Every proper score, coverage, sharpness, and the worst row, beside what was to be expected."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from probcost.checks.evidence import Evidence, Floats, gather
from probcost.checks.score_result import Score, Worst
from probcost.checks.scoring_rules import energy_parts

__all__ = ["COVERAGES", "score"]

COVERAGES = (0.5, 0.9, 0.95)
# Of each row, for the energy score and for a CRPS without closed form: averaged over rows, this many leave less noise
# than the observations do. And whole data sets, for the log score that the model itself expects.
_SAMPLES, _REPLICATES = 200, 20
# Numbers held at once as float64.
_AT_ONCE = 2**20


def score(fit: Any, x: Any, y: Any, *, seed: int = 0) -> Score:
    """Score the predictions of rows ``x`` against ``y``; mixtures of draws or members are scored as mixtures.

    Independent units are scored entry by entry, whole vectors row by row; `Score` says what each number is.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on.
        y: observations ``[T, N]``, in their own units.
        seed: of the samples behind the energy score and what is expected, and of the randomised PIT of counts.

    Raises:
        ValueError: for rows that differ in number, observations the likelihood cannot produce, or fewer than 2 rows.

    Example:
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> scored = pc.score(fitted, x, y)
        >>> round(scored.nll, 4) == round(-fitted.log_prob(x, y).mean().item(), 4)
        True
        >>> list(scored.coverage)  # of central intervals, by what they promise
        [0.5, 0.9, 0.95]
    """
    # Here, since it imports scipy, and `import probcost` must stay fast.
    from probcost.checks.pit import randomized_pit

    evidence = gather(fit, x, y)
    predictive = fit.predict(x)
    predictive.seed = seed
    observed = fit.observations(y)
    rows, units = evidence.y.shape
    each = math.sqrt(units) if evidence.vectors else 1.0  # an RMSE of vectors is of their lengths

    nll = -evidence.log_prob
    by_row = nll if evidence.vectors else nll.sum(axis=1)
    crps = _numpy(predictive.crps(observed, n=_SAMPLES))
    own = _own(predictive, evidence.y)
    energy = crps[:, 0] if units == 1 else own.distance - own.half_spread
    squares, variances = (evidence.y - evidence.mean) ** 2, evidence.variance
    content = randomized_pit(evidence.cdf, evidence.cdf_below, seed)
    reach = np.abs(2 * content - 1)
    if evidence.region is not None and evidence.region_below is not None:
        content = reach = randomized_pit(evidence.region, evidence.region_below, seed)
    return Score(
        nll=float(nll.mean()),
        nll_error=_standard_error(by_row, ordered=fit.model.ordered) / (1 if evidence.vectors else units),
        rmse=each * math.sqrt(squares.mean()),
        crps=float(crps.mean()),
        energy_score=float(energy.mean()),
        coverage={nominal: float((reach <= nominal).mean()) for nominal in COVERAGES},
        sharpness=float(np.sqrt(variances).mean()),
        worst=_worst(evidence, nll),
        n=nll.size,
        expected={
            "nll": own.nll,
            "rmse": each * math.sqrt(variances.mean()),
            "crps": own.unit_spread,
            "energy_score": float(own.half_spread.mean()) if units > 1 else own.unit_spread,
            "worst": own.worst,
        },
        per_row={
            "nll": by_row,
            "error": np.sqrt(squares.sum(axis=1)),
            "sd": np.sqrt(variances.sum(axis=1)),
            "crps": crps.mean(axis=1),
            "energy_score": energy,
        },
        content=content,
        errors=np.sqrt(squares.sum(axis=1)) if evidence.vectors else np.sqrt(squares),
        sds=np.sqrt(variances.sum(axis=1)) if evidence.vectors else np.sqrt(variances),
        shape=(rows, units),
        vectors=evidence.vectors,
        model=f"{type(fit.model.likelihood).__name__} by {fit.method}",
    )


class _Own(NamedTuple):
    """What data sets that the model itself made say: rows' E‖X − y‖ and ½E‖X − X'‖ ``[T]``, and means of the rest.

    These are units' ½E|X − X'|, −log p (which estimates the entropy), and each data set's largest −log p.
    """

    distance: Floats
    half_spread: Floats
    unit_spread: float
    nll: float
    worst: float


def _own(predictive: Any, y: Floats) -> _Own:
    distance, half_spread, largest = np.empty(len(y)), np.empty(len(y)), np.full(_REPLICATES, -np.inf)
    unit_spread, nll, n = 0.0, 0.0, 0
    for rows, chunk, log_prob in predictive.scored_chunks(_SAMPLES, _REPLICATES):
        own = -_numpy(log_prob).reshape(_REPLICATES, -1)
        largest = np.maximum(largest, own.max(axis=1))
        nll, n = nll + float(own.sum()), n + own.size
        step = max(1, _AT_ONCE // chunk[:, 0].numel())
        for first in range(0, chunk.shape[1], step):
            samples = _numpy(chunk[:, first : first + step])
            at = slice(rows.start + first, rows.start + first + samples.shape[1])
            distance[at], half_spread[at] = energy_parts(samples, y[at])
            unit_spread += float(np.abs(samples[: _SAMPLES // 2] - samples[_SAMPLES // 2 :]).mean(axis=0).sum()) / 2
    return _Own(distance, half_spread, unit_spread / y.size, nll / n, float(largest.mean()))


def _standard_error(by_row: Floats, *, ordered: bool) -> float:
    """Of the mean over rows; rows in time may depend on their neighbours, so blocks of them are taken instead."""
    if ordered:
        from probcost.checks.gain import gain

        return float(gain(-by_row, np.zeros_like(by_row)).standard_error)
    return float(by_row.std(ddof=1)) / math.sqrt(len(by_row)) if np.isfinite(by_row).all() else math.nan


def _worst(evidence: Evidence, nll: Floats) -> Worst:
    row, *unit = (int(i) for i in np.unravel_index(int(nll.argmax()), nll.shape))
    return Worst(row, evidence.unit_names[unit[0]] if unit else None, float(nll[row, *unit]))


def _numpy(tensor: Any) -> Floats:
    return np.asarray(tensor.detach().cpu(), dtype=np.float64)
