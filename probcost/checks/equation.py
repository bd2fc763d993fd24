r"""An equation in LaTeX as inline SVG, set by matplotlib's own typesetter: no network, no script, no font to load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

__all__ = ["inline", "lines_of", "typeset", "wrapped"]

_SIZE = 100.0  # the size text_to_path draws at; only ratios matter, since the SVG is measured in ems
_WIDEST = 19.0  # ems: what a phone of 390 px shows beside the page's margins
_WIDEST_ON_SITE = 16.0  # the same where MathJax sets it, in larger fractions
_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # of matplotlib's path codes
_MIXED = re.compile(r"e\^\{-\((?P<cost>.{40,})\)\}$")


def typeset(latex: str) -> str:
    """``latex`` as HTML that wraps between its terms; what screen readers hear is the LaTeX itself.

    LaTeX beyond matplotlib's subset is shown as it is written.
    """
    return _labelled(latex, lambda: "".join(map(_svg, _terms(latex))))


def inline(latex: str) -> str:
    """One symbol, to stand in a sentence."""
    return _labelled(latex, lambda: _svg(latex))


def lines_of(equation: str) -> list[tuple[str, str]]:
    r"""The cost of one observation in the lines it is best read in: pairs of left and right side.

    A cost inside a long exponent, as in a mixture :math:`-\log \sum_c w_c e^{-(\ldots)}`, gets a name and a line of its own.
    """
    observed = "k" if re.search(r"(?<![\\A-Za-z])k(?![A-Za-z])", equation) else "y"
    left = rf"-\log p({observed})"
    found = _MIXED.search(equation)
    if found is None:
        return [(left, equation)]
    return [(left, equation[: found.start()] + rf"p_c({observed})"), (rf"-\log p_c({observed})", found["cost"])]


def wrapped(left: str, right: str) -> str:
    """``left = right`` as LaTeX that breaks between summands where a line would be wider than a phone."""
    lines = [f"{left} ="]
    for term in _split(right, r" (?=[-+] )", depth=0):
        longer = f"{lines[-1]} {term}"
        try:
            fits = _measure(longer).width <= _WIDEST_ON_SITE * _SIZE
        except ValueError:  # LaTeX beyond mathtext's subset is not broken
            return f"{left} = {right}"
        lines = [*lines[:-1], longer] if fits or (len(lines) == 1 and longer.endswith(f"= {term}")) else [*lines, term]
    if len(lines) == 1:
        return lines[0]
    return r"\begin{aligned} & " + r" \\ & \quad ".join(lines) + r" \end{aligned}"


def _labelled(latex: str, draw: Any) -> str:
    try:
        drawn = draw()
    except ValueError:  # mathtext's complaint about LaTeX beyond its subset; a likelihood of one's own may use any
        return f'<code class="latex">{escape(latex)}</code>'
    return f'<span class="math" role="img" aria-label="{escape(latex)}">{drawn}</span>'


def _terms(latex: str) -> Iterator[str]:
    """Pieces between which a line may break: summands, and parts of those that are too wide for a phone."""
    for term in _split(latex, r" (?=[-+] )", depth=0):
        if _measure(term).width <= _WIDEST * _SIZE:
            yield term
        else:
            yield from _split(term, r" (?=[-+] )|(?<!/) (?=\()", depth=1)


def _split(latex: str, where: str, *, depth: int) -> list[str]:
    """Split outside braces and at most ``depth`` parentheses deep."""
    parts, start = [], 0
    for match in re.finditer(where, latex):
        before = latex[: match.start()]
        braces, round_ones, square = (before.count(a) - before.count(b) for a, b in ("{}", "()", "[]"))
        if braces == 0 and square == 0 and round_ones <= depth and before.count("|") % 2 == 0:
            parts.append(latex[start : match.start()])
            start = match.end()
    return [*parts, latex[start:]]


def _svg(latex: str) -> str:
    from matplotlib.path import Path
    from matplotlib.textpath import text_to_path

    # An operator that begins a line is still binary and keeps its space; matplotlib leaves none before a function's name.
    shown = re.sub(r"(?<=[\w!)}]) \\(?=log|det|max)", r"\\,\\", re.sub(r"^([-+]) ", r"\1\\,", latex))
    measured = _measure(shown)
    width, height, depth = (float(v) / _SIZE for v in (measured.width, measured.height, measured.depth))
    vertices, codes = text_to_path.get_text_path(_font(), f"${shown}$", ismath=True)
    path = Path(vertices, codes)
    outline = "".join(
        _LETTERS[int(code)] + ("" if code == Path.CLOSEPOLY else _coordinates(points))
        for points, code in path.iter_segments(simplify=False)
    )
    box = f"0 {_SIZE * (depth - height):.1f} {_SIZE * width:.1f} {_SIZE * height:.1f}"
    style = f"width:{width:.3f}em;height:{height:.3f}em;vertical-align:{-depth:.3f}em"
    return f'<svg aria-hidden="true" viewBox="{box}" style="{style}"><path d="{outline}"/></svg>'


def _coordinates(points: Any) -> str:
    return " ".join(f"{x:.1f} {-y:.1f}" for x, y in points.reshape(-1, 2))


def _measure(latex: str) -> Any:
    from matplotlib.mathtext import MathTextParser

    return MathTextParser("path").parse(f"${latex}$", 72, _font())


def _font() -> Any:
    from matplotlib.font_manager import FontProperties

    return FontProperties(family="serif", math_fontfamily="cm", size=_SIZE)
