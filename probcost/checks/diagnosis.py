"""Which belief is wrong? Every assumption of a cost function as a line, with the evidence and what to try next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probcost.checks.diagnosis_result import Diagnosis, Finding
    from probcost.checks.residuals import Residuals

__all__ = ["diagnose"]

# Of wider inputs, such as pixels, so many columns evenly spaced are looked at.
_COLUMNS = 400
_FEWEST = 10
# P-values that are exact at 5 % are less so far out, where a correction for a dozen lines looks: a quarter more is asked.
_CAUTION = 1.25
_INPUTS = "what inputs tell"
_IN_TIME = "independence over time"


def diagnose(
    fit: Any,
    x: Any,
    y: Any,
    *,
    train: tuple[Any, Any] | None = None,
    groups: Any = None,
    level: float = 0.05,
    seed: int = 0,
) -> Diagnosis:
    r"""Hold every assumption of a fit's cost function against rows ``x``, ``y``, and try other beliefs where one is denied.

    Assumptions are tested on randomised quantile residuals :math:`z = \Phi^{-1}(u)`, which under the model are standard
    normal and independent: every p-value is that of the model's own simulations, in closed form. Where one is denied,
    other likelihoods are tried around the same predictions, their shapes learned on half of the rows and scored on the
    other half: what gains most is named first, and of those that gain alike, the simplest.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on, in their order where they have one.
        y: observations ``[T, N]``, in their own units.
        train: the rows ``(x, y)`` that the fit was trained on, where they are at hand: what is left in their residuals is
            learned and looked for in these, so that few rows suffice to find an under-fitted mean.
        groups: one label a row (a patient, a batch, a day), where rows belong together: whether they are alike has a line of
            its own, in place of independence over time and drift unless the model's rows are ordered.
        level: a true model is denied anything at most this often.
        seed: of the randomised residuals of counts, and of what is tried.

    Returns:
        A `Diagnosis`: ``.findings``, ``.next`` (likelihoods to try, best first, each ready for a model of its own),
        ``.ok``, ``.to_frame()``, ``.plot()``; prints itself.

    Raises:
        ValueError: for rows that differ in number, a missing label, observations the likelihood cannot produce, fewer than
            10 rows, or a level outside (0, 1).

    Source: Dunn & Smyth, "Randomized quantile residuals", 1996, https://doi.org/10.1080/10618600.1996.10474708; Hartig,
    DHARMa, 2016, https://CRAN.R-project.org/package=DHARMa, for residuals by simulation as the one tool for any model.

    Example:
        >>> x = torch.linspace(-1, 1, 2000)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x) * torch.distributions.Gamma(2.0, 2.0).sample(x.shape))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> type(pc.diagnose(fitted, x, y).next[0]).__name__
        'NegativeBinomial'
    """
    # Here, since these import scipy, and `import probcost` must stay fast.
    import numpy as np

    from probcost.checks.assumptions import hidden_by_scale
    from probcost.checks.diagnosis_result import Diagnosis
    from probcost.checks.evidence import gather
    from probcost.checks.groups import numbered
    from probcost.checks.joint import joint
    from probcost.checks.remedies import advised, mends, to_try
    from probcost.checks.residuals import residuals
    from probcost.checks.trials import Outcome, attempt
    from probcost.inputs import as_inputs, by_name

    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    name = f"{type(fit.model.likelihood).__name__} by {fit.method}"
    own = getattr(fit, "findings", None)
    if own is not None:
        findings = tuple(own(x, y, level=level, seed=seed))
        proposed = [remedy for finding in findings if finding.p_corrected < level for remedy in finding.next]
        units = fit.model.likelihood.n_units
        return Diagnosis(findings, (), tuple(proposed), None, frozenset(), level, name, len(y), units, None, {})
    x = by_name(x, "x", fit.input_names)
    train = train and (by_name(train[0], "the training rows", fit.input_names), train[1])
    evidence = gather(fit, x, y)
    if len(evidence.y) < _FEWEST:
        raise ValueError(f"y has {len(evidence.y)} rows; a diagnosis needs at least {_FEWEST}")
    code = None if groups is None else numbered(groups, len(evidence.y), x)[0]
    seen = residuals(evidence, *_inputs(fit, x), level=level, seed=seed, groups=code)
    if train is not None:
        _refuse_the_same(fit, x, y, train)
        seen = _with_learned(seen, fit, train, x)
    if evidence.vectors:
        rows = as_inputs(x, fit.null_mean)
        together = joint(seen.z, lambda at: fit.predict(rows[at]), discrete=evidence.discrete, seed=seed)
        seen = dataclasses.replace(seen, joint=together)
    findings = _corrected(_assumptions(seen))
    denied = {finding.name for finding in findings if finding.p_corrected < level}
    likelihood = fit.model.likelihood
    trials, first, before, after = Outcome([], None, None, None)
    if denied:
        # Rows in no order, but alike where the inputs are: it is the inputs that the network has not learned.
        in_time = _IN_TIME in denied and _INPUTS not in denied
        trials, first, before, after = attempt(seen, likelihood, ordered=fit.model.ordered or in_time)
    mended = set()
    if first is not None and before is not None and after is not None:
        mended = (denied - _held(before, level)) & _held(after, level)
        mended = {assumption for assumption in mended if mends(first.remedy, assumption)}
    findings = tuple(advised(f, trials, first, fit.model, fit.method) if f.name in denied else f for f in findings)
    return Diagnosis(
        findings,
        tuple(trials),
        to_try(trials, first, likelihood, hidden=_INPUTS in denied and hidden_by_scale(seen) > 0),
        first,
        frozenset(mended),
        level,
        name,
        evidence.y.shape[0],
        evidence.y.shape[1],
        seen.z,
        {"predicted": np.nan_to_num(evidence.mean), "inputs": seen.inputs},
    )


def _refuse_the_same(fit: Any, x: Any, y: Any, train: tuple[Any, Any]) -> None:
    """Residuals that were learned from these very rows would be found in them again, whatever the model."""
    import numpy as np

    from probcost.inputs import as_inputs

    def rows(inputs: Any, observed: Any) -> list[bytes]:
        known = (
            np.asarray(as_inputs(inputs, fit.null_mean).flatten(1).cpu()),
            np.asarray(fit.observations(observed).cpu()),
        )
        return [row.tobytes() for row in np.concatenate(known, axis=1)]

    these, those = rows(x, y), set(rows(*train))
    shared = sum(row in those for row in these)
    if shared > len(these) / 2:
        raise ValueError(
            f"{shared:,} of the {len(these):,} rows of x, y are among the training rows: train= is for judging other rows; "
            "leave it out to judge the training rows themselves"
        )


def _with_learned(seen: Residuals, fit: Any, train: tuple[Any, Any], x: Any) -> Residuals:
    import numpy as np

    from probcost.checks.evidence import gather
    from probcost.checks.learned_structure import learned_structure
    from probcost.checks.residuals import residuals

    inputs, names = _inputs(fit, train[0])
    rows = residuals(gather(fit, *train), inputs, names, level=seen.level, seed=0)
    error = rows.evidence.y - rows.evidence.mean
    error = error / np.maximum(error.std(axis=0), np.finfo(np.float64).tiny)
    learned = learned_structure(inputs, np.concatenate([rows.z, error], axis=1), _inputs(fit, x)[0])
    of_z, of_error = np.split(learned, 2, axis=1)
    return dataclasses.replace(seen, learned=of_z, learned_error=of_error)


def _held(seen: Residuals, level: float) -> set[str]:
    """Names of the assumptions that these residuals do not deny."""
    held = {finding.name for finding in _corrected(_assumptions(seen)) if finding.p_corrected >= level}
    # To go together as predicted is what takes the place of going each its own way.
    return held | {"independence of units"} if "dependence of units" in held else held


def _inputs(fit: Any, x: Any) -> tuple[Any, list[str]]:
    import numpy as np

    from probcost.inputs import as_inputs, column_names

    array = np.asarray(as_inputs(x, fit.null_mean).flatten(1).cpu(), dtype=np.float64)
    names = column_names(x) or [f"input {i}" for i in range(array.shape[1])]
    if array.shape[1] > _COLUMNS:
        kept = np.linspace(0, array.shape[1] - 1, _COLUMNS).round().astype(int)
        array, names = array[:, kept], [f"input {i}" for i in kept]
    return array, list(names)


def _assumptions(seen: Residuals) -> Iterable[Finding]:
    from probcost.checks.assumptions import of_dependence, of_means
    from probcost.checks.assumptions_of_shape import of_shape, of_spread

    for lines in (of_means, of_spread, of_shape, of_dependence):
        yield from lines(seen)


def _corrected(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    import numpy as np

    from probcost.checks.p_values import holm

    found = tuple(findings)
    corrected = np.minimum(1.0, _CAUTION * holm([f.p_value for f in found], [f.judged for f in found]))
    return tuple(dataclasses.replace(f, p_corrected=float(p)) for f, p in zip(found, corrected, strict=True))
