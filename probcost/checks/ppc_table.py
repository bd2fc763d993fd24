"""Posterior predictive checks as text for the terminal and as HTML for notebooks."""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probcost.checks.ppc_lines import PredictiveLine
    from probcost.checks.ppc_result import PredictiveCheck

__all__ = ["as_html", "as_text"]

_WIDTH = 96
_ALONE = "~ rejected alone, not after the correction: chance does that to a true model too"


def as_text(check: PredictiveCheck) -> str:
    """A heading, then a sentence a statistic."""
    width = max(len(line.name) for line in check.lines) + 1
    lines = [*textwrap.wrap(_heading(check), _WIDTH), ""]
    for line in check.lines:
        lines.append(f"{_mark(line, check.level)}  {(line.name + ':').ljust(width)} {_sentence(line, check)}")
    if any(_mark(line, check.level) == "~" for line in check.lines):
        lines += ["", _ALONE]
    return "\n".join(lines)


def as_html(check: PredictiveCheck) -> str:
    """The same as a table."""
    header = ("", "statistic", "data", "model expects", f"{_share(check)} of replicates", "p", "verdict")
    head = "".join(f"<th style='text-align:left'>{cell}</th>" for cell in header)
    body = ""
    for line in check.lines:
        values = [line.observed, line.expected, line.low, line.high]
        observed, expected, low, high = _alike(values)
        verdict = line.verdict + _of_units(line, check)
        cells = (_mark(line, check.level), line.name, observed, expected, f"{low} to {high}", _p(line.p_value), verdict)
        body += "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in cells) + "</tr>"
    return f"<p>{escape(_heading(check))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _heading(check: PredictiveCheck) -> str:
    rows, units = check.y.shape
    of = f"{check.n:,} replicates of {rows:,} × {units:,} {'counts' if check.discrete else 'observations'}"
    of += f", {len(check.lines)} statistic{'s' * (len(check.lines) != 1)} tested at {100 * check.level:g} %"
    outside = [line.name for line in check.lines if line.beyond]
    if check.ok and outside:
        return f"Too few replicates to tell: {', '.join(outside)} beyond all of them, which chance may do ({of})."
    if check.ok:
        return f"The model makes data like these ({of})."
    return f"The model does not make data like these: {', '.join(line.name for line in check.rejected)} ({of})."


def _sentence(line: PredictiveLine, check: PredictiveCheck) -> str:
    observed, expected, low, high = _alike([line.observed, line.expected, line.low, line.high])
    told = f"{observed}, model expects {expected} ({low} to {high}), p {_p(line.p_value)}: {line.verdict}"
    return told + _of_units(line, check)


def _of_units(line: PredictiveLine, check: PredictiveCheck) -> str:
    units = check.y.shape[1]
    return f"; {line.deviating} of {units} {check.unit}s deviate" if line.deviating and units > 1 else ""


def _mark(line: PredictiveLine, level: float) -> str:
    if line.p_corrected < level:
        return "✗"
    return "?" if line.beyond else "~" if line.p_value < level else "✓"


def _share(check: PredictiveCheck) -> str:
    return f"{100 * (1 - check.level):g} %"


def _p(p_value: float) -> str:
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _alike(values: list[float]) -> list[str]:
    """All to the same decimals: three digits of their spread, so that what differs is seen."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    if largest == 0:
        return [f"{value:g}" for value in values]
    spread = max(finite) - min(finite)
    scale = min(largest, spread * 10 if spread else largest)
    decimals = max(0, min(8, 2 - math.floor(math.log10(scale))))
    if largest >= 1e7 or largest < 1e-5:
        return [f"{value:.4g}" for value in values]
    return [f"{value:,.{decimals}f}" for value in values]
