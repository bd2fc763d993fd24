"""Scores as text for the terminal and as HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from probcost.checks.score_result import Score

__all__ = ["as_html", "as_text", "entries"]

_HEADER = ("", "found", "if calibrated", "")


class Entry(NamedTuple):
    """One score: its name, value, standard error (NaN for none), value if calibrated (NaN for none), and unit."""

    name: str
    found: float
    error: float
    if_calibrated: float
    unit: str


def entries(score: Score) -> list[Entry]:
    """All scores, in the order they are shown."""
    expected, none = score.expected, math.nan
    each = f"nats per row of {score.shape[1]}" if score.vectors else "nats per observation"
    lengths = "on y's scale, of lengths ‖y − mean‖" if score.vectors else "on y's scale"
    kind = "region" if score.vectors else "interval"
    worst = f"nats, row {score.worst.row}" + ("" if score.worst.unit is None else f", unit {score.worst.unit}")
    return [
        Entry("NLL", score.nll, score.nll_error, expected["nll"], each),
        Entry("RMSE", score.rmse, none, expected["rmse"], lengths),
        Entry("CRPS", score.crps, none, expected["crps"], "on y's scale, per unit"),
        Entry("energy score", score.energy_score, none, expected["energy_score"], "on y's scale, per row"),
        *(
            Entry(
                f"{100 * nominal:.0f} % {kind}",
                share,
                math.sqrt(nominal * (1 - nominal) / score.n),
                nominal,
                "share held",
            )
            for nominal, share in score.coverage.items()
        ),
        Entry("sharpness", score.sharpness, none, none, "on y's scale: mean predicted sd"),
        Entry("worst", score.worst.nll, none, expected["worst"], worst),
    ]


def as_text(score: Score) -> str:
    """A heading, a line a score, and what must be known to read them."""
    rows = [_HEADER, *(_cells(entry) for entry in entries(score))]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([name.ljust(widths[0]), found.rjust(widths[1]), expected.rjust(widths[2]), unit]).rstrip()
        for name, found, expected, unit in rows
    ]
    return "\n".join([_heading(score), "", *lines, *_notes(score)])


def as_html(score: Score) -> str:
    """The same as a table."""
    head = "".join(f"<th style='text-align:left'>{cell}</th>" for cell in _HEADER)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in _cells(entry)) + "</tr>"
        for entry in entries(score)
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(score))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p>{escape(_heading(score))}</p>{table}{notes}"


def _heading(score: Score) -> str:
    rows, units = score.shape
    scored = f"{rows:,} vectors of {units}" if score.vectors else f"{rows:,} × {units:,} observations"
    return f"{score.model}, scored on {scored}; of the first four, the less the better."


def _cells(entry: Entry) -> tuple[str, ...]:
    if entry.unit == "share held":
        expected = f"{100 * entry.if_calibrated:.0f} ± {100 * entry.error:.2g} %"
        return entry.name, f"{100 * entry.found:.1f} %", expected, entry.unit
    error = f" ± {entry.error:.2g}" if math.isfinite(entry.error) else ""
    expected = "" if math.isnan(entry.if_calibrated) else _number(entry.if_calibrated)
    return entry.name, _number(entry.found) + error, expected, entry.unit


def _notes(score: Score) -> Iterator[str]:
    without = ~np.isfinite(score.sds)
    if without.any():
        rest = score.sds[~without]
        tail = f"; the others' mean standard deviation is {_number(float(rest.mean()))}" if rest.size else ""
        yield f"{without.sum():,} of {without.size:,} predictions have no finite variance (heavy tails){tail}."
        yield "RMSE, sharpness and the picture of errors say little then; NLL, CRPS and coverage hold."


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) and abs(value) >= 10_000 else f"{value:.4g}"
