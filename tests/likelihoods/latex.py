"""Evaluate a likelihood's equation as it is printed: a recursive-descent reader of the little LaTeX that equations use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\\[A-Za-z]+|\d+\.?\d*|\[[^\]]*\]|[A-Za-z]|[-+/^!(){}=_]")
_TERMS = 400  # of an infinite sum


def evaluate(equation: str, values: Mapping[str, float]) -> float:
    """The number that ``equation`` stands for, with its symbols (``"k"``, ``r"\\lambda"``) replaced by ``values``."""
    reader = _Reader(_TOKEN.findall(equation), dict(values))
    result = reader.sum()
    assert reader.at == len(reader.tokens), (
        f"cannot read {equation!r} from token {reader.at}: {reader.tokens[reader.at :]}"
    )
    return result


class _Reader:
    def __init__(self, tokens: list[str], values: dict[str, float]) -> None:
        self.tokens, self.values, self.at = tokens, values, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        assert expected in (None, token), f"expected {expected!r}, found {token!r}"
        self.at += 1
        return token

    def sum(self) -> float:
        total = 0.0
        sign = 1.0
        if self.peek() == "-":
            self.take()
            sign = -1.0
        while True:
            total += sign * self.product()
            if self.peek() not in ("+", "-"):
                return total
            sign = 1.0 if self.take() == "+" else -1.0

    def product(self) -> float:
        value = self.power()
        while self.peek() and self.peek() not in ("+", "-", ")", "}", "="):
            if self.peek() == "/":
                self.take()
                value /= self.power()
            else:
                value *= self.power()
        return value

    def power(self) -> float:
        value = self.atom()
        if self.peek() == "!":
            self.take()
            value = math.gamma(value + 1)
        if self.peek() == "^":
            self.take()
            value **= self.group("{", "}", self.sum) if self.peek() == "{" else self.atom()
        return value

    def atom(self) -> float:
        token = self.take()
        if token == "(":
            self.at -= 1
            return self.group("(", ")", self.sum)
        if token == r"\log":
            if self.peek() == r"\Gamma":  # log Γ, since Γ itself overflows
                self.take()
                return math.lgamma(self.group("(", ")", self.sum))
            return math.log(self.power())
        if token == r"\Gamma":
            return math.gamma(self.group("(", ")", self.sum))
        if token == r"\sum":
            return self.series()
        if token.startswith("["):  # Iverson bracket
            left, right = token[1:-1].split("=")
            return float(evaluate(left, self.values) == evaluate(right, self.values))
        if token == "e":
            return math.e
        return self.values[token] if token in self.values else float(token)

    def group(self, opening: str, closing: str, read: Callable[[], float]) -> float:
        self.take(opening)
        value = read()
        self.take(closing)
        return value

    def series(self) -> float:
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
