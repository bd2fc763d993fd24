"""A diagnosis as text for the terminal and as HTML for notebooks: what to do first, then a line an assumption."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from probcost.checks.notebook_html import cell, notebook_table

if TYPE_CHECKING:
    from probcost.checks.diagnosis_result import Diagnosis, Finding, Trial

__all__ = ["as_html", "as_text", "name_of"]

_WIDTH = 96
_HEADER = ("", "assumption", "worth", "p", "what the data say")


def name_of(remedy: Any) -> str:
    """A remedy as one writes it: ``NegativeBinomial(20)``, ``Normal(1, scale='learned')``."""
    config = getattr(remedy, "config", None)
    if isinstance(remedy, str):
        return remedy
    if type(remedy).__name__ == "History":  # by name, since the class imports torch
        return f"x = pc.History({remedy.n_lags})(x, y)"
    if config is None:
        return repr(remedy).split(": ")[0]
    (_, first), *options = config.items()
    of = name_of(first) if hasattr(first, "config") else str(first)
    usual = {name: given.default for name, given in inspect.signature(type(remedy)).parameters.items()}
    # A scale is said even where it is the usual one: it is what tells a likelihood from its sister.
    written = [of, *(f"{key}={value!r}" for key, value in options if key == "scale" or value != usual.get(key))]
    return f"{type(remedy).__name__}({', '.join(written)})"


def as_text(diagnosis: Diagnosis) -> str:
    """At most 96 columns wide."""
    rows = [_HEADER, *_rows(diagnosis)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    room = _WIDTH - sum(widths) - 2 * len(widths)
    lines = [*textwrap.wrap(summary(diagnosis), _WIDTH), ""]
    for mark, name, worth, p, verdict in rows:
        first, *more = textwrap.wrap(verdict, room)
        numbers = [worth.rjust(widths[2]), p.rjust(widths[3])]
        lines.append("  ".join([mark.ljust(widths[0]), name.ljust(widths[1]), *numbers, first]))
        lines += [" " * (_WIDTH - room) + part for part in more]
    if diagnosis.denied:
        lines += ["", "What the cost function takes for granted and the data deny, the most costly first:"]
    for beliefs, advice in _advice(diagnosis):
        for belief in beliefs:
            lines += textwrap.wrap(belief, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        lines += textwrap.wrap(advice, _WIDTH, initial_indent="    → ", subsequent_indent="      ")
    if diagnosis.trials:
        lines += ["", "Tried on the same predictions, shape learned on half of the rows, scored on the others:"]
        width = max(len(trial.name) for trial in diagnosis.trials)
        lines += [f"  {trial.name.ljust(width)}  {_gain(trial)}" for trial in diagnosis.trials]
    return "\n".join(line.rstrip() for line in lines)


def as_html(diagnosis: Diagnosis) -> str:
    """The same with the belief below each name, and what to try below each verdict."""
    rows = [
        [
            cell(mark),
            cell(name, finding.belief),
            cell(worth),
            cell(p),
            cell(said, finding.advice and f"→ {finding.advice}"),
        ]
        for (mark, name, worth, p, said), finding in zip(_rows(diagnosis), diagnosis.findings, strict=True)
    ]
    table = f"<p>{escape(summary(diagnosis))}</p>{notebook_table(_HEADER, rows)}"
    if not diagnosis.trials:
        return table
    tried = notebook_table(("belief", "gain"), [(cell(trial.name), cell(_gain(trial))) for trial in diagnosis.trials])
    return (
        f"{table}<p>Tried on the same predictions: shape learned on half of the rows, scored on the others.</p>{tried}"
    )


def summary(diagnosis: Diagnosis) -> str:
    """One sentence or two: whether anything is denied, and what to do first."""
    judged, number = sum(finding.judged for finding in diagnosis.findings), len(diagnosis.findings)
    assumptions = f"{number} assumptions" if judged == number else f"{judged} of {number} assumptions could be judged"
    of = f"{diagnosis.model}, {diagnosis.rows:,} × {diagnosis.units:,}, {assumptions}"
    if diagnosis.ok and diagnosis.not_judged:
        return f"Not judged: {diagnosis.not_judged} ({of})."
    if diagnosis.ok:
        return f"Nothing speaks against this cost function ({of})."
    names = ", ".join(finding.name for finding in diagnosis.denied)
    first = f" Try {name_of(diagnosis.next[0])} first." if diagnosis.next else ""
    if not first and diagnosis.first:
        first = f" Try {diagnosis.first.name} first."
    if not first and diagnosis.trials:
        first = " Of the beliefs that were tried none gains for sure."
    return f"The data deny: {names} ({of}).{first}"


def _advice(diagnosis: Diagnosis) -> Iterator[tuple[list[str], str]]:
    """Beliefs that one remedy mends together, then the others one by one, each with what to try."""
    together = [finding for finding in diagnosis.denied if finding.name in diagnosis.mended]
    if together and diagnosis.first:
        names = ", ".join(finding.name for finding in together)
        gain = f"{diagnosis.first.gain:+.3g} nats per observation"
        mends = f"{diagnosis.first.name} around the same means mends this ({names}): {gain}."
        yield [finding.belief for finding in together], " ".join([mends, *_own_advice(together[:1])])
    for finding in diagnosis.denied:
        if finding.name not in diagnosis.mended:
            yield [finding.belief], finding.advice


def _own_advice(findings: list[Finding]) -> list[str]:
    return [finding.advice for finding in findings if not finding.next]


def _gain(trial: Trial) -> str:
    return f"{trial.gain:+.4f} ± {trial.standard_error:.4f} nats per observation"


def _rows(diagnosis: Diagnosis) -> Iterator[tuple[str, ...]]:
    for finding in diagnosis.findings:
        told = finding.p_value < diagnosis.level
        mark = "✗" if finding.p_corrected < diagnosis.level else "~" if told else "✓" if finding.judged else "–"
        p = "–" if not finding.judged else "<0.001" if finding.p_value < 0.001 else f"{finding.p_value:.3f}"
        effect = f" ({finding.effect})" if told and finding.effect else ""
        worth = f"{finding.worth:.4f}" if told else ""
        yield mark, finding.name, worth, p, finding.verdict + effect
