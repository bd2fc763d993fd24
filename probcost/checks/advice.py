"""Before any fit: what the observations alone suggest, and the questions to ask whoever collected them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from probcost.inputs import as_tensor, column_names, same_length

if TYPE_CHECKING:
    from probcost.checks.advice_first_fit import FirstFit
    from probcost.checks.advice_result import Advice, Hint
    from probcost.checks.evidence import Floats

__all__ = ["advise"]


def advise(x: Any, y: Any, *, groups: Any = None, ordered: bool | None = None) -> Advice:
    """Look at observations before any fit: what they suggest, which likelihoods to begin with, and what to ask.

    It tells what kind of numbers the observations are; looks for gaps, codes, limits and repeats; and, since a marginal
    distribution says little about one given the inputs, makes a quick fit (ridge or Poisson regression with bent terms, of at
    most 4,000 rows and 20 units) and looks at what that leaves: dispersion, zeros, tails, a scale that varies, several peaks, and
    dependence over rows, between units and within groups. What such a fit cannot explain, a network may: it is advice, and
    `diagnose` knows more.

    Args:
        x: inputs ``[T, ...]``: a tensor, an array or a data frame. Missing numbers (NaN) are counted, not refused.
        y: observations ``[T, N]`` or ``[T]``, in their own units; missing numbers likewise.
        groups: a label for each row, such as the patient, the molecule or the person it belongs to.
        ordered: whether rows follow each other in time; None where that is not known.

    Returns:
        `Advice`: ``.findings``, ``.next`` (likelihoods of the right width, best first), ``.questions``, ``.to_frame()``,
        ``.plot()``; prints itself.

    Raises:
        TypeError: for what is no table of numbers.
        ValueError: for nothing at all, fewer than 2 rows, or rows that differ in number.

    Source: Gelman et al., "Bayesian workflow", 2020, https://arxiv.org/abs/2011.01808, for looking before modelling; Dean,
    "Testing for overdispersion in Poisson and binomial regression models", 1992,
    https://doi.org/10.1080/01621459.1992.10475225, for counts.

    Example:
        >>> x = torch.linspace(-1, 1, 2000)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x) * torch.distributions.Gamma(2.0, 2.0).sample(x.shape))
        >>> advice = pc.advise(x, y)
        >>> [finding.name for finding in advice.findings], type(advice.next[0]).__name__
        (['over-dispersion'], 'NegativeBinomial')
    """
    # Here, since these import scipy, and `import probcost` must stay fast.
    from probcost.checks.advice_dependence import autocorrelation, correlations
    from probcost.checks.advice_first_fit import first_fit
    from probcost.checks.advice_kind import kind_of
    from probcost.checks.advice_next import likelihoods_for
    from probcost.checks.advice_result import Advice

    inputs, observed, pictures = _tables(x, y)
    if groups is not None and np.shape(groups) != (len(observed),):
        raise ValueError(
            f"groups has shape {list(np.shape(groups))}; one label for each of the {len(observed):,} rows is needed"
        )
    kind = kind_of(observed, pictures=pictures)
    # A column that is mostly missing must not cost all the rows: the quick fit does without it.
    kept_inputs, kept_units = (np.isfinite(table).mean(axis=0) > 0.5 for table in (inputs, observed))
    known = np.isfinite(inputs[:, kept_inputs]).all(axis=1) & np.isfinite(observed[:, kept_units]).all(axis=1)
    own = None if groups is None else np.asarray(groups)[known]
    complete = inputs[np.ix_(known, kept_inputs)], np.where(kept_units, observed, 0.0)[known]
    fit = first_fit(*complete, kind, ordered=bool(ordered))
    if fit is not None and ordered is None and _drifts(fit, own):
        fit = first_fit(*complete, kind, ordered=True)
    units = column_names(y) or [str(i) for i in range(observed.shape[1])]
    columns = column_names(x) or [str(i) for i in range(inputs.shape[1])]
    hints = tuple(_hints(inputs, observed, kind, fit, units, None if pictures else columns, groups, own, ordered))
    proposed = likelihoods_for(kind, observed.shape[1], {hint.name: hint.value for hint in hints})
    shape = (*observed.shape, inputs.shape[1])
    pictures_of: dict[str, Any] = {"observed": observed, "fit": fit}
    if fit is not None:
        pictures_of["lags"] = [autocorrelation(fit, lag, own) for lag in range(1, 11)]
        pictures_of["pairs"] = correlations(fit, kind)[0]
    return Advice(
        kind=kind,
        findings=hints,
        next=tuple(likelihood for likelihood, _ in proposed),
        reasons=tuple(why for _, why in proposed),
        questions=tuple(_questions(kind, hints, observed, groups, ordered)),
        explained=np.empty(0) if fit is None else fit.explained,
        shape=(shape[0], shape[1], shape[2]),
        looked_at=(0, 0) if fit is None else fit.shape,
        pictures=pictures_of,
    )


def _tables(x: Any, y: Any) -> tuple[Floats, Floats, bool]:
    """Float64 tables ``[T, P]`` and ``[T, N]``, and whether inputs are pictures."""
    wide = torch.zeros((), dtype=torch.float64)
    inputs, observed = as_tensor(x, "x", wide).detach(), as_tensor(y, "y", wide).detach()
    same_length(x=inputs, y=observed)
    if observed.ndim > 2:
        raise ValueError(f"y has shape {list(observed.shape)}; observations are [T, N]")
    if len(observed) < 2:
        raise ValueError(f"y has {len(observed)} row; at least 2 are needed to see anything")
    return inputs.reshape(len(inputs), -1).numpy(), observed.reshape(len(observed), -1).numpy(), inputs.ndim > 2


def _drifts(fit: FirstFit, groups: Any) -> bool:
    """Whether neighbouring rows are so alike that slow changes over the rows should be taken out first."""
    from probcost.checks.advice_dependence import of_order

    return any(True for _ in of_order(fit, [str(i) for i in range(int(fit.units.max()) + 1)], None, groups))


def _hints(
    x: Floats,
    y: Floats,
    kind: str,
    fit: FirstFit | None,
    units: list[str],
    columns: list[str] | None,
    groups: Any,
    own: Any,
    ordered: bool | None,
) -> Iterator[Hint]:
    from probcost.checks import advice_dependence as dependence
    from probcost.checks import advice_inputs as about_inputs
    from probcost.checks import advice_residuals as residuals
    from probcost.checks.advice_values import of_values

    yield from of_values(y, units, kind)
    if fit is not None:
        if kind == "counts":
            yield from residuals.of_counts(fit, units)
        elif kind in ("positive", "reals", "proportions"):
            yield from residuals.of_reals(fit, units, positive=kind == "positive")
        yield from dependence.of_order(fit, units, ordered, own)
        yield from dependence.of_units(fit, units, kind)
        yield from dependence.of_groups(fit, units, own)
    if columns is not None:
        yield from about_inputs.of_inputs(x, columns)
    yield from about_inputs.of_rows(x, y, groups, kind)


_ASKED = {
    "counts": "Were all counts taken over equal times, areas or volumes? If not, the logarithm of each belongs among the inputs.",
    "binary": "Are these answers, or counts that never exceed 1?",
    "labels": "Are these numbers names (of people, of kinds), or quantities?",
    "proportions": "Is there a known total behind each proportion? Then the counts themselves say more.",
    "positive": "Can 0 occur, and is an error of 10 % as likely at small as at large values?",
    "reals": "In which unit is y measured, and how large is the error of the measurement itself?",
}  # fmt: skip


def _questions(kind: str, hints: tuple[Hint, ...], y: Floats, groups: Any, ordered: bool | None) -> Iterator[str]:
    yield from (hint.question for hint in hints if hint.question)
    if kind in _ASKED:
        yield _ASKED[kind]
    if kind == "counts" and not any(hint.name == "zeros" for hint in hints) and (y == 0).mean() > 0.05:
        yield "Is a count of 0 “nothing happened”, or can it mean “nothing could be recorded”?"
    if groups is None and kind != "labels":
        yield "Do several rows come from one person, animal, molecule or day? Then pass `groups=`."
    if ordered is None and kind != "labels" and not any(hint.name == "order" for hint in hints):
        yield "Do rows follow each other in time? Then pass `ordered=True`."
