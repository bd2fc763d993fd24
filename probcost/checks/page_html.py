"""The parts a page is made of: tables with headers that screen readers know, pictures inside the file, the document itself."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from probcost.checks.page_style import CSS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Cell", "Section", "document", "frame", "notebook_html", "number", "picture", "table"]

_DPI = 160  # of pictures shown at about 100 dots an inch: sharp on a phone's finer screen
_MARGIN = 0.06  # inches kept around a panel
_MOST_PANELS = 6


class Cell(NamedTuple):
    """One cell: HTML, and its class."""

    html: str
    kind: str = ""


class Section(NamedTuple):
    """A heading, what stands under it, and the name that links find it by."""

    name: str
    heading: str
    html: str


def document(title: str, opening: str, sections: Sequence[Section], colophon: str) -> str:
    """The whole page."""
    links = "".join(f'<li><a href="#{s.name}">{escape(s.heading)}</a></li>' for s in sections)
    body = "".join(
        f'<section id="{s.name}" aria-labelledby="h-{s.name}"><h2 id="h-{s.name}">{escape(s.heading)}</h2>{s.html}</section>\n'
        for s in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        # A page without an icon of its own would have the browser ask a server for one.
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{opening}\n"
        f'<nav aria-label="On this page"><ul>{links}</ul></nav>\n{body}</main>\n<footer>{colophon}</footer>\n</body>\n</html>\n'
    )


def table(label: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, heads: int = 0) -> str:
    """A table in a box that scrolls by itself; column ``heads`` names each row."""
    rows = list(rows)
    kinds = [cell.kind if cell.kind == "number" else "" for cell in rows[0]] if rows else [""] * len(header)
    top = "".join(
        f'<th scope="col"{_class(kind)}>{escape(name)}</th>' if name else "<td></td>"
        for name, kind in zip(header, kinds, strict=True)
    )
    lines = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row"{_class(cell.kind)}>{cell.html}</th>'
            if i == heads
            else f"<td{_class(cell.kind)}>{cell.html}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return _boxed(label, f"<table><thead><tr>{top}</tr></thead>\n<tbody>{lines}</tbody></table>")


def frame(label: str, data: Any) -> str:
    """A pandas data frame as a table, its index naming the rows."""
    named = data.index.name or not _counted(data.index)
    header = [str(data.index.name or "")] if named else []
    rows = []
    for name, values in zip(data.index, data.itertuples(index=False), strict=True):
        cells = [Cell(escape(str(name).replace("_", " ")))] if named else []
        rows.append([*cells, *(_value(value) for value in values)])
    names = [*header, *(str(column).replace("_", " ") for column in data.columns)]
    return table(label, names, rows, heads=0 if named else -1)


def notebook_html(label: str, html: str) -> str:
    """What an object shows in a notebook, with its tables in boxes and their headers told apart from their cells."""
    html = re.sub(r"<th\b([^>]*)>\s*</th>", r"<td\1></td>", html)
    html = re.sub(r"<th\b(?![^>]*\bscope=)", '<th scope="col"', html)
    html = re.sub(
        r"(<tr[^>]*>\s*)<th scope=\"col\"(?=[^>]*>(?:(?!</tr>).)*<td)", r'\1<th scope="row"', html, flags=re.DOTALL
    )
    return re.sub(r"<table\b.*?</table>", lambda found: _boxed(label, found[0]), html, flags=re.DOTALL)


def picture(figure: Figure, caption: str, reading: str = "") -> str:
    """A figure inside the page, with a caption that says how to read it.

    Panels that stand side by side, and each by itself, are shown one by one, so that a phone can put them below each other.
    """
    boxes = _panels(figure)
    words = f"<b>{escape(caption)}</b>{' ' if reading else ''}{escape(reading)}"
    alt = f"{caption} {reading}".strip()
    if not boxes:
        shown = _image(figure, alt, None)
    else:
        widest = max(box.width for _, box in boxes)
        images = "".join(_image(figure, f"{alt}: {title}", box, box.width / widest) for title, box in boxes)
        shown = f'<div class="panels">{images}</div>'
    return f"<figure>{shown}<figcaption>{words}</figcaption></figure>"


def number(value: float, digits: int = 3) -> Cell:
    """A number as one reads it; nothing for NaN."""
    if value != value:
        return Cell("", "number")
    if isinstance(value, int) or abs(value) >= 1000:
        return Cell(f"{value:,.0f}".replace("-", "−"), "number")
    return Cell(f"{value:.{digits}g}".replace("-", "−"), "number")


def _image(figure: Figure, alt: str, box: Any, share: float = 1.0) -> str:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=_DPI, bbox_inches=box, metadata={"Software": None})
    data = held.getvalue()
    # The PNG's own header holds its size: with it, the page does not jump as pictures appear.
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    style = f' style="width:{100 * share:.1f}%"' if share < 0.995 else ""
    return (
        f'<img alt="{escape(" ".join(alt.split()))}" width="{width}" height="{height}"{style} '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}">'
    )


def _panels(figure: Figure) -> list[tuple[str, Any]]:
    """Title and place, in inches, of each panel; none where the figure only makes sense as a whole."""
    axes = [axis for axis in figure.axes if axis.get_visible()]
    if not 1 < len(axes) <= _MOST_PANELS or figure.legends or not all(axis.get_title(loc="left") for axis in axes):
        return []
    if any(_leans_on_another(axis) for axis in axes):
        return []
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    found = []
    for axis in axes:
        tight = axis.get_tightbbox(renderer)
        if tight is None:
            return []
        box = tight.transformed(figure.dpi_scale_trans.inverted())
        found.append((axis.get_title(loc="left"), box.padded(_MARGIN)))
    beside = any(box.x1 < other.x0 + 0.2 for _, box in found for _, other in found)
    apart = not any(
        a[1].shrunk(0.9, 0.9).overlaps(b[1].shrunk(0.9, 0.9)) for i, a in enumerate(found) for b in found[i + 1 :]
    )
    return found if beside and apart else []


def _leans_on_another(axis: Axes) -> bool:
    """Whether its numbers stand at another panel alone."""
    shared = len(axis.get_shared_y_axes().get_siblings(axis)) > 1
    return shared and not any(label.get_visible() and label.get_text() for label in axis.get_yticklabels())


def _boxed(label: str, html: str) -> str:
    # It scrolls, so that it must be reachable by keyboard, and have a name.
    return f'<div class="box" role="region" tabindex="0" aria-label="{escape(label)}">{html}</div>\n'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _value(value: Any) -> Cell:
    import numbers

    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return Cell(escape(str(value)), "words" if len(str(value)) > 30 else "")
    return number(int(value) if isinstance(value, numbers.Integral) else float(value), 4)


def _counted(index: Any) -> bool:
    return list(index) == list(range(len(index)))
