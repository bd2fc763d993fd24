"""Comparisons and leave-one-out scores as text for the terminal and as HTML for notebooks: the words first, then the table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probcost.checks.comparison_result import Compared, Comparison
    from probcost.checks.leave_one_out import LeaveOneOut

__all__ = ["as_html", "as_text", "columns", "loo_as_html", "loo_as_text"]

_WIDTH = 96


def columns(row: Compared) -> dict[str, Any]:
    """One row of the data frame; None where the null model, or a held-out score, has no such thing."""
    return {
        "name": row.name,
        "elpd": row.elpd,
        "mean": row.mean,
        "difference": row.difference,
        "error": row.error,
        "p_value": row.p_value,
        "differs": row.differs,
        "calibrated": None if row.check is None else row.check.ok,
        "rejected": ", ".join(row.rejected),
        "coverage_90": row.coverage,
        "pit_distance": row.pit_distance,
        "impossible": row.impossible,
        "p_loo": None if row.loo is None else row.loo.p_loo,
        "pareto_k_above": None if row.loo is None else len(row.loo.above),
    }


def as_text(comparison: Comparison) -> str:
    """At most 96 columns wide, unless names are long."""
    header, body = _header(comparison), [_cells(row, comparison) for row in comparison.rows]
    widths = [max(len(line[i]) for line in [header, *body]) for i in range(len(header))]
    lines = [_line(line, widths) for line in [header, *body]]
    return "\n".join([*textwrap.wrap(comparison.verdict, _WIDTH), "", *lines, "", *_wrapped(_notes(comparison))])


def as_html(comparison: Comparison) -> str:
    """The same as a table."""
    body = [_cells(row, comparison) for row in comparison.rows]
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(comparison))
    return f"<p>{escape(comparison.verdict)}</p>{_table(_header(comparison), body)}{notes}"


def loo_as_text(loo: LeaveOneOut) -> str:
    """The score, its verdict, and what must be known to read it."""
    rows = _loo_rows(loo)
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([_loo_heading(loo), "", *lines, "", *_wrapped([_capital(loo.verdict) + ".", *_loo_notes(loo)])])


def loo_as_html(loo: LeaveOneOut) -> str:
    """The same as a table."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in [_capital(loo.verdict) + ".", *_loo_notes(loo)])
    return f"<p>{escape(_loo_heading(loo))}</p>{_table(('', 'found', ''), _loo_rows(loo))}{notes}"


def _header(comparison: Comparison) -> tuple[str, ...]:
    of_loo = ("k above",) if comparison.by_loo else ()
    score = "elpd_loo" if comparison.by_loo else "elpd"
    return (
        "",
        score,
        f"nats/{comparison.each}",
        "− best",
        "± s.e.",
        "p",
        *of_loo,
        "90 % holds",
        "PIT KS",
        "calibrated",
    )


def _cells(row: Compared, comparison: Comparison) -> tuple[str, ...]:
    best = row is comparison.fits[0]
    finite = math.isfinite(row.difference)
    difference = ("", "", "") if best else (f"{row.difference:+.4f}" if finite else _number(row.difference),)
    if not best:
        difference = (*difference, f"{row.error:.4f}" if finite else "", _p(row.p_value))
    of_loo = (("" if row.loo is None else f"{len(row.loo.above):,}"),) if comparison.by_loo else ()
    checked = ("", "", "")
    if row.check is not None and row.coverage is not None and row.pit_distance is not None:
        checked = (f"{100 * row.coverage:.1f} %", f"{row.pit_distance:.4f}", "yes" if row.check.ok else "no")
    mean = f"{row.mean:.4f}" if math.isfinite(row.mean) else _number(row.mean)
    return (row.name, _number(row.elpd), mean, *difference, *of_loo, *checked)


def _notes(comparison: Comparison) -> Iterator[str]:
    rows, units = comparison.shape
    how = "left out one by one by PSIS; calibration is that of the rows as seen" if comparison.by_loo else "scored"
    yield (
        f"{rows:,} rows of {units:,} unit{'s' * (units > 1)}, {how}; differences are paired, their errors by "
        f"{comparison.error_from}, p corrected for all pairs of fits (Holm)."
    )
    for fit in comparison.fits:
        if fit.rejected:
            yield f"{fit.name}: the data reject {', '.join(fit.rejected)}."


def _loo_heading(loo: LeaveOneOut) -> str:
    rows = f"{len(loo.pointwise):,} rows of {loo.units:,} unit{'s' * (loo.units > 1)}"
    return f"{loo.model}: {rows} left out one by one, by PSIS of {loo.n_draws:,} draws."


def _loo_rows(loo: LeaveOneOut) -> list[tuple[str, ...]]:
    rows = len(loo.pointwise)
    error = f" ± {_number(loo.standard_error)}" if math.isfinite(loo.standard_error) else ""
    k = loo.pareto_k
    return [
        ("elpd_loo", f"{_number(loo.elpd)}{error}", f"nats; {loo.elpd / rows / loo.units:.4g} an observation"),
        ("p_loo", _number(loo.p_loo), "parameters that the rows have effectively taught"),
        (
            "Pareto k",
            f"{_number(float(k.max()))}",
            f"the largest; {len(loo.above):,} of {rows:,} above {loo.threshold:.2f}",
        ),
    ]


def _loo_notes(loo: LeaveOneOut) -> Iterator[str]:
    yield f"The standard error takes {loo.error_from} as independent."
    if loo.approximate is not None:
        yield f"Draws are approximate: {loo.approximate}."


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if i == 0 or (i == len(cells) - 1) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag} style='text-align:left'>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    rows = "".join(row(cells, "td") for cells in body)
    return f"<table><thead>{row(header, 'th')}</thead><tbody>{rows}</tbody></table>"


def _wrapped(notes: Any) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(note, _WIDTH)]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
