"""An equation on the site breaks between summands, and nowhere else."""

from __future__ import annotations

import re

import pytest

from probcost import likelihoods as of
from probcost.checks.equation import lines_of, wrapped


@pytest.mark.parametrize(
    ("likelihood", "lines"),
    [(of.Poisson(1), 1), (of.Normal(1), 2), (of.MultivariateStudentT(3), 3), (of.NegativeBinomial(1), 3)],
)
def test_long_equations_are_broken_between_summands(likelihood: of.Likelihood, lines: int) -> None:
    ((left, right),) = lines_of(likelihood.equation)
    latex = wrapped(left, right)
    assert latex.count(r"\\") == lines - 1
    joined = re.sub(r"\\begin\{aligned\} & | \\end\{aligned\}| \\\\ & \\quad", "", latex)
    assert joined == f"{left} = {right}"
    for line in latex.split(r"\\")[1:]:
        assert re.match(r" & \\quad [-+] ", line)


def test_what_cannot_be_measured_is_left_whole() -> None:
    assert wrapped("f", r"\begin{cases} 1 \\ 2 \end{cases} + 3") == r"f = \begin{cases} 1 \\ 2 \end{cases} + 3"
