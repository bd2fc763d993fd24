"""A fit's model in words: what its likelihood believes, what each symbol of its cost stands for, and how it was made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from html import escape
from operator import attrgetter
from typing import Any

import numpy as np
import torch

from probcost.checks.diagnosis_table import name_of
from probcost.checks.equation import inline, lines_of, typeset
from probcost.checks.network_words import network_in_words
from probcost.inputs import as_inputs, by_name

__all__ = ["equations", "facts", "in_words", "symbols"]

_ROWS, _DRAWS = 500, 20  # that a symbol's values are read off from
_NAMES = 8
# What distributions call their parameters, in words.
_WORDS = {
    "mean": "the predicted mean",
    "loc": "the predicted location, around which observations lie",
    "location": "the predicted location, near the mean and the most likely value",
    "scale": "the scale: how wide the prediction is, in the observation's units",
    "df": "degrees of freedom: the fewer, the heavier the tails; 30 and more are as good as normal",
    "dispersion": "dispersion: the variance beyond Poisson's, relative to the squared mean; 0 is Poisson",
    "nu": "dispersion: 1 is Poisson, above 1 the counts vary less, below 1 more",
    "gate": "the share of observations that are zero whatever the rate",
    "covariance_matrix": "how coordinates vary, and vary together; of Student's t, its scatter",
    "weights": "the weight of each component",
    "difference": "how much further the positive is from the anchor than the negative is",
    "margin": "the margin asked for",
    "temperature": "the temperature: how much a difference of distances counts",
}


def in_words(model: Any) -> list[str]:
    """The belief as paragraphs of HTML: each likelihood's own first sentence, its parts', what is independent, what drifts."""
    likelihood = model.likelihood
    sentences = [_first_sentence(part) for part in _parts(likelihood)]
    if likelihood.composite:
        given = (
            "Comparisons that share an observation are multiplied as if they were independent: a composite likelihood."
        )
    elif likelihood.event_dim:
        given = f"Given the inputs, rows are independent of each other; a row's {_plural(likelihood)} are described together."
    elif likelihood.n_units > 1:
        given = f"Given the inputs, rows are independent of each other, and so are a row's {_plural(likelihood)}."
    else:
        given = "Given the inputs, rows are independent of each other."
    return [*sentences, given, *_of_order(model)]


def _of_order(model: Any) -> Iterator[str]:
    if model.ordered:
        yield "Rows are consecutive in time: rows held out in training are whole stretches of it."
    if model.drifting:
        yield (
            f"Each {model.likelihood.unit}'s baseline drifts slowly over the rows, whatever the inputs; predictions start from "
            "where the baselines stood at the end of the training rows."
        )


def equations(likelihood: Any) -> list[str]:
    """The cost of one observation, typeset, in as many lines as read well."""
    lines = lines_of(likelihood.equation)
    inner = getattr(likelihood, "comparison", None)
    if inner is not None:
        lines.append((r"-\log p_q", inner.equation))
    return [f"{typeset(left)} = {typeset(right)}" for left, right in lines]


def symbols(fit: Any, x: Any) -> Iterator[tuple[str, str]]:
    """Each symbol of the cost, typeset, and in words what it stands for, with its values on rows ``x`` where it has any."""
    likelihood = fit.model.likelihood
    equation = " ".join(part.equation for part in (likelihood, getattr(likelihood, "comparison", None)) if part)
    if re.search(r"(?<![\\A-Za-z])k(?![A-Za-z])", equation):
        yield inline("k"), "the count that was observed" + (", of each unit" if "k_i" in equation else "")
    elif not likelihood.composite:
        yield inline("y"), "the value that was observed"
    believed = None if likelihood.composite else _believed(fit, x)
    named = {**getattr(getattr(likelihood, "comparison", None), "symbols", {}), **likelihood.symbols}
    for symbol, path in named.items():
        words = _WORDS.get(path.split(".")[-1], path)
        yield inline(symbol), escape(words + _values(believed, path))
    for symbol, words in _without_parameter(likelihood).items():
        if re.search(rf"(?<![\\A-Za-z]){symbol}(?![A-Za-z_(])", equation):
            yield inline(symbol), words


def facts(fit: Any, rows: int) -> Iterator[tuple[str, str]]:
    """What else one asks of a fit: likelihood, prior, network, parameters, inference, posterior, units, rows."""
    model = fit.model
    likelihood = model.likelihood
    of = {part: sum(p.numel() for p in getattr(model, part).parameters()) for part in ("network", "likelihood")}
    yield "Likelihood", f"<code>{escape(_one_line(name_of(likelihood)))}</code>"
    prior = (
        "none: the most likely parameters are sought"
        if model.prior is None
        else f"<code>{escape(str(model.prior))}</code>"
    )
    yield "Prior on parameters", prior
    yield "Network", escape(network_in_words(model.network))
    yield "Learned parameters", f"{of['network']:,} in the network, {of['likelihood']:,} in the likelihood"
    yield "Inference", escape(f"{fit.method}: {fit.posterior.label}")
    if not likelihood.composite:
        plural = "" if likelihood.n_units == 1 else "s"
        yield f"{likelihood.unit.capitalize()}{plural}", escape(_units(fit.unit_names))
    order = ", consecutive in time" if model.ordered else ""
    yield "Rows on this page", f"{rows:,}{order}"


def _units(names: Any) -> str:
    """How many, and their names where somebody gave them any."""
    given = [str(name) for name in names]
    count = len(given)
    if given == [str(i) for i in range(count)]:
        return "one" if count == 1 else f"{count:,}, numbered 0 to {count - 1:,}"
    more = ", …" if count > _NAMES else ""
    return f"{count:,}: {', '.join(given[:_NAMES])}{more}"


def _without_parameter(likelihood: Any) -> dict[str, str]:
    """Symbols of equations that hold no parameter."""
    alternatives = (
        f"the number of components: {likelihood.k}" if hasattr(likelihood, "k") else "the number of candidates"
    )
    return {
        "d_c": "the distance to candidate c; that to the right one has the index y",
        "p_q": "the probability of the right answer to comparison q",
        "d": f"the number of {_plural(likelihood)}: {likelihood.n_units:,}",
        "N": f"the number of {_plural(likelihood)}: {likelihood.n_units:,}",
        "K": alternatives,
        "Q": "the number of comparisons that one observation is the anchor of",
    }


def _parts(likelihood: Any) -> list[Any]:
    inner = [getattr(likelihood, name, None) for name in ("component", "comparison")]
    return [likelihood, *(part for part in inner if part is not None)]


def _first_sentence(likelihood: Any) -> str:
    """Of the class's own docstring, as HTML; its name where it has none."""
    text = type(likelihood).__doc__
    if not text:
        return escape(type(likelihood).__name__)
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    pieces = re.split(r"(:math:`[^`]+`|`+[^`]+`+)", paragraph)
    return "".join(_marked_up(piece) for piece in pieces)


def _marked_up(piece: str) -> str:
    if piece.startswith(":math:"):
        return inline(piece[7:-1].replace(r"\operatorname", r"\mathrm"))
    return f"<code>{escape(piece.strip('`'))}</code>" if piece.startswith("`") else escape(piece)


def _believed(fit: Any, x: Any) -> Any:
    """The likelihood's distribution of some rows, evenly chosen, for some draws."""
    inputs = as_inputs(by_name(x, "x", fit.input_names), fit.null_mean)
    chosen = torch.linspace(0, len(inputs) - 1, min(len(inputs), _ROWS)).round().long().to(inputs.device)
    with torch.no_grad():
        return fit.model.distribution(inputs[chosen], fit.posterior.draws(_DRAWS, fit.seed))


def _values(believed: Any, path: str) -> str:
    """The values of a parameter that is one number a unit: median, and where nine in ten lie."""
    try:
        value = attrgetter(path)(believed)
    except AttributeError:  # there is no distribution, or a likelihood of one's own names something else
        return ""
    if path.endswith("covariance_matrix"):
        return ""
    found = np.asarray(torch.as_tensor(value).detach().cpu(), dtype=np.float64).ravel()
    found = found[np.isfinite(found)]
    if not found.size:
        return ""
    low, middle, high = np.quantile(found, [0.05, 0.5, 0.95])
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        return f"; here {_number(middle)}"
    return f"; here about {_number(middle)}, nine in ten between {_number(low)} and {_number(high)}"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _plural(likelihood: Any) -> str:
    return f"{likelihood.unit}s"


def _one_line(text: str) -> str:
    return " ".join(text.split())
