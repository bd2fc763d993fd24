"""The parts a page is made of: tables with headers that screen readers know, pictures inside the file, the document itself."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from probcost.checks.page_style import CSS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["Cell", "Section", "document", "frame", "number", "picture", "table"]

_DPI, _SHOWN_DPI = 160, 100  # finer than shown, so that pictures are sharp on a phone's screen
_MARGIN = 0.06  # inches kept around a panel
_SPARE = 0.1  # inches that panels' boxes may overlap
_MOST_PANELS = 6
_WIDE = 1.6


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


def table(
    label: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, heads: int = 0, stack: bool = True
) -> str:
    """A table in a box that scrolls by itself; column ``heads`` names each row.

    With ``stack``, a phone shows each row as a card; the roles tell screen readers that it is a table nonetheless.
    """
    rows = list(rows)
    kinds = [cell.kind if cell.kind == "number" else "" for cell in rows[0]] if rows else [""] * len(header)
    top = "".join(
        f'<th scope="col" role="columnheader"{_class(kind)}>{escape(name)}</th>' if name else '<td role="cell"></td>'
        for name, kind in zip(header, kinds, strict=True)
    )
    lines = "".join(_row(header, row, heads) for row in rows)
    return _boxed(
        label,
        f'<table role="table"{_class("stack" if stack else "")}><thead role="rowgroup"><tr role="row">{top}</tr></thead>\n'
        f'<tbody role="rowgroup">{lines}</tbody></table>',
    )


def _row(header: Sequence[str], row: Sequence[Cell], heads: int) -> str:
    cells = []
    for i, (name, cell) in enumerate(zip(header, row, strict=True)):
        if i == heads:
            cells.append(f'<th scope="row" role="rowheader"{_class(cell.kind)}>{cell.html}</th>')
        else:
            label = f' data-label="{escape(name)}"' if cell.kind == "number" else ""
            cells.append(f'<td role="cell"{_class(cell.kind)}{label}>{cell.html}</td>')
    return f'<tr role="row"{_class("marked" if heads == 1 else "")}>{"".join(cells)}</tr>\n'


def frame(label: str, data: Any) -> str:
    """A pandas data frame as a table, its index naming the rows."""
    named = data.index.name or not _counted(data.index)
    header = [str(data.index.name or "")] if named else []
    rows = []
    for name, values in zip(data.index, data.itertuples(index=False), strict=True):
        cells = [Cell(escape(str(name).replace("_", " ")))] if named else []
        rows.append([*cells, *(_value(value) for value in values)])
    names = [*header, *(str(column).replace("_", " ") for column in data.columns)]
    return table(label, names, rows, heads=0 if named else -1, stack=False)


def picture(figure: Figure, caption: str, reading: str = "") -> str:
    """A figure inside the page, with a caption that says how to read it.

    Panels that stand side by side, and each by itself, are shown one by one, so that a phone can put them below each other.
    """
    words = f"<b>{escape(caption)}</b>{' ' if reading else ''}{escape(reading)}"
    alt = f"{caption} {reading}".strip()
    shown = _panels(figure, alt) or _image(_drawn(figure), alt)
    return f"<figure>{shown}<figcaption>{words}</figcaption></figure>"


def number(value: float, digits: int = 3) -> Cell:
    """A number as one reads it; nothing for NaN."""
    if value != value:
        return Cell("", "number")
    if math.isinf(value):
        return Cell("∞" if value > 0 else "−∞", "number")
    if isinstance(value, int) or abs(value) >= 1000:
        return Cell(f"{value:,.0f}".replace("-", "−"), "number")
    return Cell(f"{value:.{digits}g}".replace("-", "−"), "number")


def _image(drawn: Image, alt: str, share: float = 1.0) -> str:
    held = io.BytesIO()
    drawn.save(held, format="png")
    style = f' style="width:{100 * share:.1f}%"' if share < 0.995 else ""
    # With its size known, the page does not jump as pictures appear.
    size = " ".join(
        f'{name}="{pixels * _SHOWN_DPI // _DPI}"' for name, pixels in zip(("width", "height"), drawn.size, strict=True)
    )
    return (
        f'<img alt="{escape(" ".join(alt.split()))}" {size}{style} '
        f'src="data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}">'
    )


def _drawn(figure: Figure) -> Image:
    from PIL import Image  # matplotlib's own requirement

    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=_DPI)
    return Image.open(held).convert("RGB")


def _panels(figure: Figure, alt: str) -> str:
    """Each panel under its title, in a grid; empty where the figure only makes sense as a whole."""
    from matplotlib.text import Text

    axes = [axis for axis in figure.axes if axis.get_visible()]
    titles = [axis.get_title(loc="left") or axis.get_title() for axis in axes]
    if not 1 < len(axes) <= _MOST_PANELS or figure.legends or not all(titles) or any(map(_leans_on_another, axes)):
        return ""
    # Titles become text, which a phone can wrap.
    written = [t for axis in axes for t in axis.get_children() if isinstance(t, Text) and t.get_text() in titles]
    shown = [text for text in written if text.get_visible()]
    try:
        for text in shown:
            text.set_visible(False)
        whole = _drawn(figure)
        tight = [axis.get_tightbbox() for axis in axes]
    finally:
        for text in shown:
            text.set_visible(True)
    boxes = [box.transformed(figure.dpi_scale_trans.inverted()).padded(_MARGIN) for box in tight if box is not None]
    if len(boxes) < len(axes) or not _side_by_side(boxes):
        return ""
    # A panel as wide as two takes a row of its own, and the others are as large as without it.
    wide = [box.width > _WIDE * min(other.width for other in boxes) for box in boxes]
    widest = max(box.width for box, is_wide in zip(boxes, wide, strict=True) if not is_wide)
    images = []
    for title, box, is_wide in zip(titles, boxes, wide, strict=True):
        left, right = round(box.x0 * _DPI), round(box.x1 * _DPI)
        top, bottom = whole.height - round(box.y1 * _DPI), whole.height - round(box.y0 * _DPI)
        cropped = whole.crop((max(left, 0), max(top, 0), min(right, whole.width), min(bottom, whole.height)))
        share = 1.0 if is_wide else box.width / widest
        image = _image(cropped, f"{title}: {alt}", share)
        images.append(f"<div{_class('wide' if is_wide else '')}><h3>{escape(title)}</h3>{image}</div>")
    return f'<div class="panels{" three" if len(axes) == 3 else ""}">{"".join(images)}</div>'


def _side_by_side(boxes: Sequence[Any]) -> bool:
    """Whether some panels are beside each other and none lies on another, as a colour bar or a second axis does."""
    beside = any(box.x1 < other.x0 + _SPARE for box in boxes for other in boxes)
    pairs = [(a.padded(-_SPARE), b.padded(-_SPARE)) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    return beside and not any(a.overlaps(b) for a, b in pairs)


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
