"""Evaluate a likelihood's equation as it is printed: a recursive-descent reader of the little LaTeX that equations use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_TOKEN = re.compile(r"\\[A-Za-z]+(?:_[a-hj-z])?|\d+\.?\d*|\[[^\]]*\]|[A-Za-z]_[a-hj-z]|[A-Za-z]|[-+/^!(){}=_|,]")
_TERMS = 400  # of an infinite sum


def evaluate(equation: str, values: Mapping[str, Any]) -> float:
    """The number that ``equation`` stands for, with its symbols (``"k"``, ``r"\\lambda"``) replaced by ``values``.

    Values are numbers, numpy vectors and matrices, or lists of these with one entry for each component c, or unit i, of a sum.
    """
    reader = _Reader(_TOKEN.findall(equation), dict(values))
    result = reader.sum()
    assert reader.at == len(reader.tokens), (
        f"cannot read {equation!r} from token {reader.at}: {reader.tokens[reader.at :]}"
    )
    return result


class _Reader:
    def __init__(self, tokens: list[str], values: dict[str, Any]) -> None:
        self.tokens, self.values, self.at = tokens, values, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        assert expected in (None, token), f"expected {expected!r}, found {token!r}"
        self.at += 1
        return token

    def sum(self) -> Any:
        total: Any = 0.0
        sign = 1.0
        if self.peek() == "-":
            self.take()
            sign = -1.0
        while True:
            total = total + sign * self.product()
            if self.peek() not in ("+", "-"):
                return total
            sign = 1.0 if self.take() == "+" else -1.0

    def product(self) -> Any:
        value = self.power()
        while self.peek() and self.peek() not in ("+", "-", ")", "}", "=", "|", ","):
            if self.peek() == "/":
                self.take()
                value = value / self.power()
            else:
                factor = self.power()
                value = value @ factor if np.ndim(value) and np.ndim(factor) else value * factor
        return value

    def power(self) -> Any:
        value = self.atom()
        if self.peek() == "!":
            self.take()
            value = math.gamma(value + 1)
        if self.peek() == "^":
            self.take()
            if self.peek() == r"\top":  # of a vector, which numpy multiplies from either side as it is
                self.take()
                assert np.ndim(value) == 1
                return value
            exponent = self.group("{", "}", self.sum) if self.peek() == "{" else self.atom()
            value = np.linalg.matrix_power(value, int(exponent)) if np.ndim(value) else value**exponent
        return value

    def atom(self) -> Any:
        token = self.take()
        if token == "(":
            self.at -= 1
            return self.group("(", ")", self.sum)
        if token == r"\log":
            if self.peek() == r"\Gamma":  # log Γ, since Γ itself overflows
                self.take()
                return math.lgamma(self.group("(", ")", self.sum))
            return math.log(self.power())
        if token == r"\frac":
            return self.group("{", "}", self.sum) / self.group("{", "}", self.sum)
        if token == r"\det":
            return np.linalg.det(self.power())
        if token == "|":
            inside = abs(self.sum())
            self.take("|")
            return inside
        if token == r"\Phi":
            return 0.5 * math.erfc(-self.group("(", ")", self.sum) / math.sqrt(2))
        if token == r"\max":
            self.take("(")
            left = self.sum()
            self.take(",")
            right = self.sum()
            self.take(")")
            return max(left, right)
        if token == r"\Gamma":
            return math.gamma(self.group("(", ")", self.sum))
        if token == r"\sum":
            return self.series()
        if token.startswith("["):  # Iverson bracket
            left, right = token[1:-1].split("=")
            return float(evaluate(left, self.values) == evaluate(right, self.values))
        if token == "e":
            return math.e
        if token == r"\pi" and token not in self.values:
            return math.pi
        found = self.values[token] if token in self.values else float(token)
        if isinstance(found, list) and self.peek() == "_":  # the i-th unit's, inside a sum over units
            self.take("_")
            return found[int(self.values[self.take()]) - 1]
        index = token.partition("_")[2] or "c"
        return found[int(self.values[index]) - 1] if isinstance(found, list) else found

    def group(self, opening: str, closing: str, read: Callable[[], Any]) -> Any:
        self.take(opening)
        value = read()
        self.take(closing)
        return value

    def series(self) -> float:
        if self.tokens[self.at + 2] != "j":
            return self.parts(index=self.tokens[self.at + 2], last=self.tokens[self.at + 8])
        for token in ("_", "{", "j", "=", "0", "}", "^", "{", r"\infty", "}"):
            self.take(token)
        start, terms = self.at, []
        for j in range(_TERMS):
            self.at = start
            self.values["j"] = float(j)
            try:
                terms.append(self.power())
            except OverflowError:  # j! beyond floats: such terms are zero
                break
        self.at = start
        self.values["j"] = 0.0
        self.power()
        return math.fsum(terms)

    def parts(self, index: str, last: str) -> float:
        """Over components c = 1 … K, or units i = 1 … N; what hangs on the index is a list."""
        for token in ("_", "{", index, "=", "1", "}", "^", "{", last, "}"):
            self.take(token)
        start, terms = self.at, []
        for number in range(1, int(self.values[last]) + 1):
            self.at = start
            self.values[index] = float(number)
            terms.append(float(self.product()))
        return math.fsum(terms)
