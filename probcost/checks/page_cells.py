"""Cells that several sections of a report share: marks, p-values, scores with their errors, code."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from probcost.checks.page_html import Cell, number

__all__ = ["code", "legend", "mark", "nats", "p_value", "with_error"]


def mark(p: float, corrected: float, level: float, *, judged: bool = True) -> Cell:
    """Whether a line is denied, doubtful, as expected or not judged, for eyes and for screen readers."""
    if not judged:
        return Cell('<span role="img" aria-label="not judged">–</span>', "mark")
    if corrected < level:
        return Cell('<span role="img" aria-label="denied">✗</span>', "mark no")
    if p < level:
        return Cell('<span role="img" aria-label="doubtful">~</span>', "mark perhaps")
    return Cell('<span role="img" aria-label="as expected">✓</span>', "mark yes")


def legend(marks: set[str]) -> str:
    """What the marks in use mean."""

    def lines() -> Iterator[str]:
        if any("✗" in mark for mark in marks):
            yield "✗ denied, corrected for the number of lines."
        if any("~" in mark for mark in marks):
            yield "~ denied alone, not after the correction: chance does that to a true model too."
        if any("–" in mark for mark in marks):
            yield "– could not be judged, and is not counted."

    return f"<p>{' '.join(lines())}</p>" if list(lines()) else ""


def p_value(p: float, *, judged: bool = True) -> Cell:
    """As one reads it."""
    if not judged:
        return Cell("–", "number")
    return Cell("&lt;0.001" if p < 0.001 else f"{p:.3f}", "number")


def with_error(value: float, error: float, unit: str) -> Cell:
    """A score, with its standard error where it has one; shares in per cent."""
    if value != value:
        return Cell("", "number")
    share = unit == "share held"
    shown = f"{100 * value:.1f}" if share else number(value, 4).html
    spread = "" if error != error else f" ± {100 * error if share else error:.2g}"
    return Cell(f"{shown}{spread}{' %' if share else ''}", "number")


def nats(value: float, sign: str = "") -> Cell:
    """A log score, or a difference of two."""
    return Cell(f"{value:{sign}.4f}".replace("-", "−"), "number")


def code(text: str) -> str:
    """As one writes it, on one line."""
    return f"<code>{escape(' '.join(text.split()))}</code>"
