"""Advice as a friendly statistician would give it: for the terminal, and as HTML for notebooks."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from probcost.checks.advice_next import shown

if TYPE_CHECKING:
    from probcost.checks.advice_result import Advice

__all__ = ["as_html", "as_text", "heading"]

_WIDTH = 96
_KINDS = {
    "counts": "Counts",
    "binary": "Yes-or-no answers",
    "labels": "Whole numbers that look like names (of people, of kinds)",
    "grades": "Grades",
    "proportions": "Proportions between 0 and 1",
    "positive": "Positive numbers",
    "reals": "Real numbers",
    "constant": "Numbers that never change",
}
_KIND_ADVICE = {
    "proportions": "No likelihood here ends at 0 and 1: fit log(y / (1 − y)), after asking what exact 0s and 1s mean.",
    "constant": "There is nothing to learn from observations that never change.",
}


def heading(advice: Advice) -> str:
    """What was looked at, in a sentence or two."""
    rows, units, inputs = advice.shape
    of = f"{units:,} unit{'s' * (units > 1)} in {rows:,} rows, {inputs:,} input{'s' * (inputs > 1)}"
    text = f"{_KINDS[advice.kind]}: {of}."
    if len(advice.explained):
        share = 100 * float(np.median(advice.explained).clip(0, 1))
        each = "" if len(advice.explained) == 1 else " of a unit’s variance (median)"
        each = each or " of the variance"
        text += f" A quick fit predicts {share:.0f} %{each} in rows left out"
        looked = advice.looked_at != (rows, units)
        text += f" (of {advice.looked_at[1]} units in {advice.looked_at[0]:,} rows)." if looked else "."
    return " ".join([text, *([_KIND_ADVICE[advice.kind]] if advice.kind in _KIND_ADVICE else [])])


def as_text(advice: Advice) -> str:
    """At most 96 columns wide."""
    lines = textwrap.wrap(heading(advice), _WIDTH)
    lines += ["", "What I see"]
    for finding in advice.findings:
        lines += _bullet(f"{finding.name}: {finding.seen}", "- ")
        lines += _bullet(f"→ {finding.suggests}", "  ")
    if not advice.findings:
        lines += ["- nothing that speaks against the plainest belief"]
    if advice.next:
        lines += ["", "What to begin with"]
        for i, (likelihood, why) in enumerate(zip(advice.next, advice.reasons, strict=True), 1):
            lines += _bullet(f"{shown(likelihood)}: {why}", f"{i}. ")
    lines += ["", "What to ask those who collected the data"]
    for question in advice.questions:
        lines += _bullet(question, "- ")
    lines += ["", *textwrap.wrap(_CAUTION, _WIDTH)]
    return "\n".join(lines)


_CAUTION = "Said before any real fit; afterwards check(fit, x, y) and diagnose(fit, x, y) know more."


def _bullet(text: str, mark: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def as_html(advice: Advice) -> str:
    """The same, with a table of findings."""
    cell = "<td style='text-align:left; vertical-align:top'>"
    rows = "".join(
        f"<tr>{cell}{escape(f.name)}</td>{cell}{escape(f.seen)}</td>{cell}{escape(f.suggests)}</td></tr>"
        for f in advice.findings
    )
    head = "".join(f"<th style='text-align:left'>{title}</th>" for title in ("", "what I see", "what follows"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    if not advice.findings:
        table = "<p>Nothing speaks against the plainest belief.</p>"
    tried = "".join(
        f"<li><code>{escape(shown(likelihood))}</code>: {escape(why)}</li>"
        for likelihood, why in zip(advice.next, advice.reasons, strict=True)
    )
    asked = "".join(f"<li>{escape(question)}</li>" for question in advice.questions)
    begin = f"<p>What to begin with</p><ol>{tried}</ol>" if tried else ""
    return (
        f"<p>{escape(heading(advice))}</p>{table}{begin}"
        f"<p>What to ask those who collected the data</p><ul>{asked}</ul><p>{escape(_CAUTION)}</p>"
    )
