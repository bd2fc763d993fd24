"""The first things on a report: the verdict, and which belief is wrong, with the evidence and what to try."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from probcost.checks.diagnosis_table import name_of
from probcost.checks.page_cells import code, legend, mark, nats, p_value
from probcost.checks.page_html import Cell, Section, picture, table
from probcost.checks.remedies import by_likelihood

if TYPE_CHECKING:
    from probcost.checks.diagnosis_result import Diagnosis
    from probcost.checks.result import Check

__all__ = ["diagnosed", "verdict"]

_READABLE = 5.6  # inches wide: small enough for a figure's letters to be read on a phone


def verdict(diagnosis: Diagnosis, check: Check) -> str:
    """The first thing to read: does the belief hold, what does not, what to try next."""
    denied, rejected = list(diagnosis.denied), list(check.rejected)
    looked_at = escape(check.looked_at)
    if not denied and check.not_judged:
        return _opening(
            "", f"Not judged: {escape(check.not_judged)}.", f"Nothing could be tested on these data ({looked_at})."
        )
    if not denied and not rejected:
        return _opening("", "Calibrated.", f"Nothing in these data ({looked_at}) speaks against the cost function.")
    if not denied:
        return _opening(
            "denied",
            "Not calibrated.",
            f"The check denies that {escape(_first_of(rejected))}. No assumption of the cost function is denied by itself.",
        )
    deny = f"The data deny that {escape(_first_of(denied))}.{_cost(diagnosis, check)}{_advised(diagnosis)}"
    if not rejected:
        but = re.split(r": |, most of all|, and |; ", denied[0].verdict)[0]
        word = "Calibrated"
        holds = f"Predictions pass the check of calibration ({looked_at}), and yet not every belief holds."
        if check.not_judged:
            word = "Not judged"
            holds = f"Of calibration these data ({looked_at}) say nothing: {escape(check.not_judged)}."
        return _opening("denied", f"{word}, but {escape(but)}.", f"{holds} {deny}")
    names = "; ".join(line.name for line in rejected)
    return _opening("denied", "Not calibrated.", f"The check denies: {escape(names)}. {deny}")


def _first_of(denied: list[Any]) -> str:
    """The belief of the first, and the names of the others."""
    first, *others = denied
    return first.belief + (f"; and {len(others)} more: {', '.join(line.name for line in others)}" if others else "")


def _each(diagnosis: Diagnosis) -> str:
    """What worth is counted by."""
    return "person" if diagnosis.residuals is None else "observation"


def _cost(diagnosis: Diagnosis, check: Check) -> str:
    """How much the costliest belief costs, beside what the network is worth: p says only that it is real."""
    finding = diagnosis.denied[0]
    if not (math.isfinite(finding.worth) and finding.worth > 0):
        return ""
    # Of whole vectors, the gain is by the vector and the cost by the entry.
    gained = [line.statistic for line in check.lines if line.name == "log score − null" and check.region is None]
    beside = f", beside the {gained[0]:.2g} that the inputs gain" if gained and 0 < gained[0] < math.inf else ""
    return f" The first costs about {finding.worth:.2g} nats per {_each(diagnosis)}{beside}."


def _advised(diagnosis: Diagnosis) -> str:
    if diagnosis.next:
        return f" To try next: {code(name_of(diagnosis.next[0]))}."
    if diagnosis.first is not None:
        return f" To try next: {code(diagnosis.first.name)}."
    if diagnosis.trials and by_likelihood(diagnosis.denied[0].name):
        best = diagnosis.trials[0]
        gain = f"{best.gain:+.2g} ± {best.standard_error:.1g}".replace("-", "−")
        return f" Of the beliefs that were tried none gains for sure; the nearest is {code(best.name)}, {gain} nats."
    advice = diagnosis.denied[0].advice
    return f" To try next: {escape(advice.split('. ')[0].rstrip('.'))}." if advice else ""


def diagnosed(diagnosis: Diagnosis) -> Section:
    """Which belief is wrong, the evidence, and what to try: what is denied first, the most costly at the top."""
    denied = diagnosis.denied
    others = [finding for finding in diagnosis.findings if finding.p_corrected >= diagnosis.level]
    advice = dict(_advice_of_each(diagnosis))
    rows = []
    for finding in (*denied, *others):
        told = finding.p_value < diagnosis.level
        effect = f" ({finding.effect})" if told and finding.effect else ""
        to_try = f'<span class="advice">→ {escape(advice[finding.name])}</span>' if advice.get(finding.name) else ""
        rows.append(
            [
                mark(finding.p_value, finding.p_corrected, diagnosis.level, judged=finding.judged),
                Cell(f'{escape(finding.name)}<span class="more">{escape(finding.belief)}</span>', "words"),
                Cell(
                    f"{finding.worth:.4f}".replace("-", "−") if told and math.isfinite(finding.worth) else "", "number"
                ),
                p_value(finding.p_value, judged=finding.judged),
                Cell(escape(finding.verdict + effect) + to_try, "words"),
            ]
        )
    order = " What is denied comes first, the most costly at the top." if len(denied) > 1 else ""
    parts = [
        "<p>Every assumption of the cost function, held against these rows. "
        f"A true model is denied anything at all in at most {100 * diagnosis.level:g} of 100 data sets.{order}</p>",
        table("Assumptions and verdicts", ["", "assumption", "worth", "p", "what the data say"], rows, heads=1),
        legend({row[0].html for row in rows}),
    ]
    if any(row[2].html for row in rows):
        parts.append(
            f"<p>“Worth” is about what dropping the belief would gain, in nats per {_each(diagnosis)}: go by it, since p "
            "says only whether a finding is real, and with many rows the smallest is.</p>"
        )
    if diagnosis.next:
        parts.append("<p>To try next, best first:</p>")
        parts.append("<ol>" + "".join(f"<li>{code(name_of(remedy))}</li>" for remedy in diagnosis.next) + "</ol>")
    if diagnosis.trials:
        tried = [[Cell(escape(t.name)), nats(t.gain, "+"), nats(t.standard_error)] for t in diagnosis.trials]
        parts.append(
            "<p>Tried on the same predictions, their shape learned on half of the rows and scored on the others. "
            "The gain is in nats per observation, over the present likelihood.</p>"
        )
        parts.append(table("Other beliefs, tried", ["belief", "gain", "s.e."], tried))
    figure = diagnosis.plot()
    if diagnosis.residuals is None:
        figure.axes[0].set_title("", loc="left")  # the caption says it; without it the picture can be smaller
        figure.set_size_inches(1.2 * _READABLE, figure.get_figheight())
    parts.append(picture(figure, "What the data say against the assumptions.", _reading(diagnosis)))
    return Section("diagnosis", "Which belief is wrong?", "".join(parts))


def _advice_of_each(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """What to try for each denied finding; what one remedy mends is told once, at the first of them."""
    told = False
    for finding in diagnosis.denied:
        if finding.name not in diagnosis.mended or diagnosis.first is None:
            yield finding.name, finding.advice
        elif not told:
            told = True
            names = ", ".join(other.name for other in diagnosis.denied if other.name in diagnosis.mended)
            gain = f"{diagnosis.first.gain:+.3g}".replace("-", "−")
            yield finding.name, f"{diagnosis.first.name} alone mends this ({names}): {gain} nats per observation."


def _reading(diagnosis: Diagnosis) -> str:
    """How to read the diagnosis's picture."""
    if diagnosis.residuals is None:
        return (
            "What is left of the dashed line is improbable under the model; in orange what is denied, corrected, and as a ring "
            "what is denied alone and not after the correction."
        )
    best = "In orange among the beliefs tried: the one to try first. " if diagnosis.first is not None else ""
    return (
        f"{best}Bands are point by point: a true model leaves them at one point in twenty by chance (of twenty lags, one; drawn "
        "in orange). Many points outside, or one far outside, are evidence against the model."
    )


def _opening(kind: str, word: str, html: str) -> str:
    return f'<p class="verdict {kind}"><strong>{word}</strong> {html}</p>'
