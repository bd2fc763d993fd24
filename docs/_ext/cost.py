r"""``{cost} Poisson``: a likelihood's own equation, so that pages cannot print another cost than the code has."""

from __future__ import annotations

import ast
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from probcost import likelihoods
from probcost.checks.equation import lines_of, wrapped
from probcost.likelihoods import Likelihood

__all__ = ["Cost", "read_likelihood", "setup"]


def read_likelihood(text: str) -> Likelihood | type[Likelihood]:
    """The class or instance that ``text`` names: ``Poisson``, ``TripletSlack()``, ``Mixture(StudentT(1), 3)``.

    Raises:
        ValueError: for anything but public likelihoods, called with numbers and strings.
    """
    return _evaluate(ast.parse(text.strip(), mode="eval").body)


def _evaluate(tree: ast.expr) -> Any:
    match tree:
        case ast.Name(name) if name in likelihoods.__all__:
            return getattr(likelihoods, name)
        case ast.Call(called, arguments, keywords):
            named = {str(keyword.arg): _evaluate(keyword.value) for keyword in keywords}
            return _evaluate(called)(*map(_evaluate, arguments), **named)
        case ast.Constant(value):
            return value
    raise ValueError(f"{ast.unparse(tree)!r} is no likelihood of probcost.likelihoods, nor a number or a string")


class Cost(SphinxDirective):
    r"""The cost of one observation as display mathematics, −log p(k) = ….

    The argument is a likelihood as Python writes it; one whose equation depends on its settings has to be called:
    ``TripletSlack(slack="logistic")``. ``:left:`` is another left side than −log p(y), in LaTeX.
    """

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"left": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        try:
            equation = read_likelihood(self.arguments[0]).equation
        except (SyntaxError, TypeError, ValueError) as problem:
            raise self.error(f"cost: {problem}") from problem
        if not isinstance(equation, str):
            raise self.error(
                f"cost: the equation of {self.arguments[0]} depends on its settings: write {self.arguments[0]}(...)"
            )
        shown: list[nodes.Node] = []
        for i, (left, right) in enumerate(lines_of(equation)):
            latex = wrapped(self.options.get("left", left) if i == 0 else left, right)
            shown.append(block := nodes.math_block(latex, latex, nowrap=False, number=None, label=None))
            self.set_source_info(block)
        return shown


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("cost", Cost)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
