"""A check as text for the terminal and as HTML for notebooks: the summary first, then a line a belief."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from probcost.checks.notebook_html import cell, notebook_table

if TYPE_CHECKING:
    from probcost.checks.result import Check, Line

__all__ = ["as_html", "as_text"]

_WIDTH = 96
_WORTH_SAYING = 1.05  # times fewer observations
_HEADER = ("", "", "found", "expected", "p", "verdict")
_LEGEND = {
    "✗": "✗ rejected, corrected for the number of lines",
    "~": "~ rejected alone, not after the correction: chance does that to a true model too",
    "–": "– could not be judged, and is not counted",
}


def as_text(check: Check) -> str:
    """At most 96 columns wide."""
    rows = [_HEADER, *_rows(check)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    room = _WIDTH - sum(widths) - 2 * len(widths)
    lines = [*textwrap.wrap(_summary(check), _WIDTH), ""]
    for note in _notes(check):
        lines += [*textwrap.wrap(note, _WIDTH), ""]
    for mark, name, *numbers, verdict in rows:
        cells = [mark.ljust(widths[0]), name.ljust(widths[1])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[2:], strict=True)]
        first, *more = textwrap.wrap(verdict, room)
        lines.append("  ".join([*cells, first]))
        lines += [" " * (_WIDTH - room) + part for part in more]
    marks = {row[0] for row in rows}
    lines += ["", *(text for mark, text in _LEGEND.items() if mark in marks)]
    if check.rejected:
        lines += ["", "The model believes, and the data deny, that:"]
        lines += [f"  - {line.belief}" for line in check.rejected]
    return "\n".join(line.rstrip() for line in lines).rstrip()


def as_html(check: Check) -> str:
    """A table with the belief below each line's name."""
    rows = [
        [cell(mark), cell(name, line.belief), *map(cell, rest)]
        for (mark, name, *rest), line in zip(_rows(check), check.lines, strict=True)
    ]
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(check))
    return f"<p>{escape(_summary(check))}</p>{notes}{notebook_table(_HEADER, rows)}"


def _summary(check: Check) -> str:
    if check.not_judged:
        return f"Not judged: {check.not_judged} ({check.looked_at})."
    tested, untested = len(check.judged), len(check.lines) - len(check.judged)
    of = f"{check.looked_at}, {tested} belief{'s' * (tested != 1)} tested at {100 * check.level:g} %"
    of += f", {untested} could not be judged" if untested else ""
    if check.ok:
        return f"Calibrated: nothing speaks against the model ({of})."
    names = ", ".join(line.name for line in check.rejected)
    return f"Not calibrated: the data reject the model on {names} ({of})."


def _notes(check: Check) -> Iterator[str]:
    if check.scores is not None:
        yield str(check.scores)
    effects = [line.design_effect for line in check.lines]
    if max(effects) >= _WORTH_SAYING:
        least, most = f"{min(effects):.2g}", f"{max(effects):.2g}"
        times = most if least == most else f"{least} to {most}"
        yield (
            f"Rows or units were found to depend on each other: tests count {times} times fewer observations, as many as "
            "these are worth."
        )


def _rows(check: Check) -> Iterator[tuple[str, ...]]:
    for line, corrected in zip(check.lines, check.corrected, strict=True):
        mark = "✗" if corrected < check.level else "~" if line.p_value < check.level else "✓" if line.judged else "–"
        yield (mark, line.name, _number(line.statistic), _number(line.expected), _p_value(line), line.verdict)


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _p_value(line: Line) -> str:
    if not line.judged:
        return "–"
    return "<0.001" if line.p_value < 0.001 else f"{line.p_value:.3f}"
