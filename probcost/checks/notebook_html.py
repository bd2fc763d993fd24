"""A table as a notebook shows it: what explains a cell stands below it, so that the table is no wider than a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["cell", "notebook_table"]

_STYLE = "text-align:left;vertical-align:top"


def cell(text: str, below: str = "") -> str:
    """A cell's HTML, with what explains it in small letters below."""
    return escape(text) + (f"<br><small>{escape(below)}</small>" if below else "")


def notebook_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th style='{_STYLE}'>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td style='{_STYLE}'>{html}</td>" for html in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
