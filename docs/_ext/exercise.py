"""``{exercise}``: a question whose answer the page itself can check, offline, by keyboard and by screen reader."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["Exercise", "setup"]


class Exercise(SphinxDirective):
    """A question in a box, with a number to type in or one of several choices to make, and a button that checks it.

    - ``:answer:`` is the right number, ``:tolerance:`` how far from it still counts (1 % unless told), ``:unit:`` what
      stands behind the input;
    - or ``:choices:`` are the possible answers, with `` | `` between them, and ``:choice:`` is the right one: its text, or
      its number, counted from 1;
    - ``:right:`` and ``:wrong:`` are what the reader is told; both may hold mathematics.

    Without JavaScript the answer stands folded below the question.
    """

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "answer": float,
        "tolerance": float,
        "unit": directives.unchanged_required,
        "choices": directives.unchanged_required,
        "choice": directives.unchanged_required,
        "right": directives.unchanged_required,
        "wrong": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        name = f"exercise-{self.env.new_serialno('exercise')}"
        title = self.arguments[0] if self.arguments else "Exercise"
        if "choices" in self.options:
            expected, controls, answer = self._choices(name)
        else:
            expected, controls, answer = self._number(name)
        told = {kind: self._inline(self.options.get(kind, default)) for kind, default in _TOLD.items()}
        return [
            _html(f'<form class="exercise" id="{name}" role="group" aria-labelledby="{name}-title" {expected}>'),
            _html(f'<p class="exercise-title" id="{name}-title">'),
            *self._inline(title),
            _html("</p>"),
            *self.parse_content_to_nodes(),
            _html('<div class="exercise-controls" hidden>'),
            *controls,
            _html('<button type="submit">Check</button></div>'),
            _html('<div class="exercise-verdict" role="status"></div>'),
            *_told("right", told["right"]),
            *_told("wrong", told["wrong"]),
            _html('<details class="exercise-answer"><summary>The answer</summary><p>'),
            *answer,
            nodes.Text(". "),
            *[node.deepcopy() for node in told["right"]],
            _html("</p></details></form>"),
        ]

    def _number(self, name: str) -> tuple[str, list[nodes.Node], list[nodes.Node]]:
        if "answer" not in self.options:
            raise self.error("exercise: needs :answer:, or :choices: and :choice:")
        answer = self.options["answer"]
        tolerance = self.options.get("tolerance", 0.01 * abs(answer))
        unit = self._inline(self.options.get("unit", ""))
        box = f'<label for="{name}-input">Your answer</label><input id="{name}-input" type="text" autocomplete="off" size="10">'
        shown: list[nodes.Node] = [nodes.Text(f"{answer:g}".replace("-", "−"))]
        if "unit" in self.options:
            shown += [nodes.Text(" "), *self._inline(self.options["unit"])]
        return f'data-answer="{answer}" data-tolerance="{tolerance}"', [_html(box), *unit], shown

    def _choices(self, name: str) -> tuple[str, list[nodes.Node], list[nodes.Node]]:
        choices = [choice.strip() for choice in self.options["choices"].split(" | ")]
        right = self.options.get("choice", "").strip()
        if right in choices:
            chosen = choices.index(right)
        elif right.isdecimal() and 1 <= int(right) <= len(choices):
            chosen = int(right) - 1
        else:
            raise self.error(f"exercise: :choice: {right!r} is neither one of {choices} nor the number of one")
        controls: list[nodes.Node] = [_html("<fieldset><legend>Choose one</legend>")]
        for i, choice in enumerate(choices):
            controls.append(_html(f'<label><input type="radio" name="{name}-choice" value="{i}"><span>'))
            controls += [*self._inline(choice), _html("</span></label>")]
        return f'data-choice="{chosen}"', [*controls, _html("</fieldset>")], self._inline(choices[chosen])

    def _inline(self, text: str) -> list[nodes.Node]:
        """``text`` as the page's own language reads it, without the paragraph around it."""
        parsed = self.parse_text_to_nodes(text)
        flat = [child for node in parsed for child in (node.children if isinstance(node, nodes.paragraph) else [node])]
        return [nodes.inline("", "", *flat)]


_TOLD = {"right": "Right.", "wrong": "Not yet: have another look at the question."}


def _told(kind: str, text: list[nodes.Node]) -> list[nodes.Node]:
    mark, word = {"right": ("✓", "right"), "wrong": ("✗", "wrong")}[kind]
    begin = (
        f'<div class="exercise-{kind}" hidden><span class="exercise-mark" role="img" aria-label="{word}">{mark}</span> '
    )
    return [_html(begin), *text, _html("</div>")]


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("exercise", Exercise)
    app.add_css_file("exercise.css")
    app.add_js_file("exercise.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
