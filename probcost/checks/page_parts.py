"""The sections of a report: each takes a result and gives back what stands under one heading."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from probcost.checks import belief
from probcost.checks.comparisons_check import ComparisonCheck
from probcost.checks.diagnosis_table import name_of
from probcost.checks.page_html import Cell, Section, number, picture, table
from probcost.checks.score_table import entries

if TYPE_CHECKING:
    from probcost.checks.comparison_result import Comparison
    from probcost.checks.diagnosis_result import Diagnosis
    from probcost.checks.result import Check
    from probcost.checks.score_result import Score
    from probcost.inference.history import History

__all__ = ["checked", "compared", "diagnosed", "modelled", "not_row_by_row", "scored", "trained", "verdict"]

_READABLE = 5.6  # inches wide: small enough for a figure's letters to be read on a phone


def verdict(diagnosis: Diagnosis, check: Check) -> str:
    """The first thing to read: does the belief hold, what does not, what to try next."""
    denied, rejected = list(diagnosis.denied), list(check.rejected)
    if not denied and not rejected:
        return _opening(
            "", "Calibrated.", f"Nothing in these data ({escape(check.looked_at)}) speaks against the cost function."
        )
    first, *others = denied or rejected
    also = f"; and {len(others)} more: {', '.join(line.name for line in others)}" if others else ""
    advice = ""
    if diagnosis.next:
        advice = f" To try next: {_code(name_of(diagnosis.next[0]))}."
    elif diagnosis.first is not None:
        advice = f" To try next: {_code(diagnosis.first.name)}."
    elif denied and denied[0].advice:
        advice = f" To try next: {escape(denied[0].advice.split('. ')[0].rstrip('.'))}."
    return _opening("denied", "Not calibrated.", f"The data deny that {escape(first.belief + also)}.{advice}")


def diagnosed(diagnosis: Diagnosis) -> Section:
    """Which belief is wrong, the evidence, and what to try."""
    rows = []
    for finding in diagnosis.findings:
        denied = finding.p_corrected < diagnosis.level
        mark = _mark(finding.p_value, finding.p_corrected, diagnosis.level)
        effect = f" ({finding.effect})" if finding.p_value < diagnosis.level and finding.effect else ""
        advice = finding.advice
        if finding.name in diagnosis.mended and diagnosis.first is not None:
            advice = f"{diagnosis.first.name} alone mends this."
        advice = f'<span class="advice">→ {escape(advice)}</span>' if denied and advice else ""
        rows.append(
            [
                mark,
                Cell(f'{escape(finding.name)}<span class="more">{escape(finding.belief)}</span>', "words"),
                _p_value(finding.p_value),
                Cell(escape(finding.verdict + effect) + advice, "words"),
            ]
        )
    parts = [
        "<p>Every assumption of the cost function, held against these rows. "
        f"A true model is denied anything at all in at most {100 * diagnosis.level:g} of 100 data sets.</p>",
        table("Assumptions and verdicts", ["", "assumption", "p", "what the data say"], rows, heads=1),
        _legend({row[0].html for row in rows}),
    ]
    if diagnosis.next:
        parts.append("<p>To try next, best first:</p>")
        parts.append("<ol>" + "".join(f"<li>{_code(name_of(remedy))}</li>" for remedy in diagnosis.next) + "</ol>")
    if diagnosis.trials:
        tried = [[Cell(escape(t.name)), _nats(t.gain, "+"), _nats(t.standard_error)] for t in diagnosis.trials]
        parts.append(
            "<p>Tried on the same predictions, their shape learned on half of the rows and scored on the others. "
            "The gain is in nats per observation, over the present likelihood.</p>"
        )
        parts.append(table("Other beliefs, tried", ["belief", "gain", "s.e."], tried))
    reading = (
        "What is left of the dashed line is improbable under the model."
        if diagnosis.residuals is None
        else "What stays within its grey band is as the model has it; what leaves it is evidence against the model."
    )
    figure = diagnosis.plot()
    if diagnosis.residuals is None:
        figure.axes[0].set_title("", loc="left")  # the caption says it; without it the picture can be smaller
        figure.set_size_inches(1.2 * _READABLE, figure.get_figheight())
    parts.append(picture(figure, "What the data say against the assumptions.", reading))
    return Section("diagnosis", "Which belief is wrong?", "".join(parts))


def modelled(fit: Any, x: Any, rows: int) -> Section:
    """The belief in words, its cost as an equation, each symbol, and how the fit was made."""
    likelihood = fit.model.likelihood
    words = "".join(f"<p>{sentence}</p>" for sentence in belief.in_words(likelihood))
    of = (
        "one comparison"
        if likelihood.composite
        else "one row"
        if likelihood.event_dim
        else f"one {likelihood.unit} in one row"
    )
    shown = "".join(f'<div class="equation">{line}</div>' for line in belief.equations(likelihood))
    symbols = "".join(f"<dt>{symbol}</dt><dd>{meaning}</dd>" for symbol, meaning in belief.symbols(fit, x))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in belief.facts(fit, rows))
    return Section(
        "model",
        "What the model believes",
        f"{words}<p>The cost of {escape(of)}, in nats, is its negative log-probability:</p>{shown}"
        f'<dl>{symbols}</dl><h3>How it was fitted</h3><dl class="facts">{facts}</dl>',
    )


def trained(history: History) -> Section | None:
    """Cost per epoch, and why training stopped; None for methods that have no epochs."""
    if not history.cost:
        return None
    sentences = [f"Training stopped after {len(history.cost):,} epochs: {history.stopped or 'all were done'}."]
    if history.held_out and history.best_epoch >= 0:
        kept = history.held_out[history.best_epoch]
        which = "the latest epoch kept of any network is" if history.members else "the weights kept are those of epoch"
        sentences.append(f"By the cost on held-out rows, {which} {history.best_epoch}, at {kept:.4g} nats per row.")
    if history.mean_first:
        sentences.append(f"Before that, the mean alone was trained for {history.mean_first:,} epochs.")
    if history.rescaled != 1:
        sentences.append(f"Held-out rows then asked for scales {history.rescaled:.3g} times as wide.")
    reading = "The blue curve, of rows not trained on, says when to stop: where it no longer falls."
    figure = history.plot()
    figure.set_size_inches(_READABLE, 3.6)
    shown = picture(figure, "Cost per row, epoch by epoch.", reading if history.held_out else "")
    return Section("training", "Training", f"<p>{escape(' '.join(sentences))}</p>{shown}")


def scored(score: Score) -> Section:
    """Every score beside what a calibrated model of the same sharpness would show."""
    rows = []
    for entry in entries(score):
        error = entry.error if entry.unit != "share held" else float("nan")
        expected_error = entry.error if entry.unit == "share held" else float("nan")
        rows.append(
            [
                Cell(escape(entry.name)),
                _with_error(entry.found, error, entry.unit),
                _with_error(entry.if_calibrated, expected_error, entry.unit),
                Cell(escape(entry.unit), "words"),
            ]
        )
    without = int((~np.isfinite(score.sds)).sum())
    note = (
        f"<p>{without:,} of {score.sds.size:,} predictions have no finite variance (heavy tails): RMSE, sharpness and the "
        "picture of errors say little then; NLL, CRPS and coverage hold.</p>"
        if without
        else ""
    )
    return Section(
        "scores",
        "How good are the predictions?",
        "<p>Of NLL, RMSE, CRPS and energy score, less is better. “If calibrated” is what each would be of data that the model "
        "itself made: a score much worse than that says that the model is too sure; one much better, not sure enough.</p>"
        + table("Scores", ["score", "found", "if calibrated", "unit"], rows)
        + note
        + picture(
            score.plot(),
            "Do intervals hold what they promise, and is a wide prediction a bad one?",
            "A calibrated model stays within the grey bands, and its errors grow in step with the predicted standard deviation.",
        ),
    )


def checked(check: Check) -> Section:
    """Each consequence of the belief, tested."""
    rows = [
        [
            _mark(line.p_value, corrected, check.level),
            Cell(f'{escape(line.name)}<span class="more">{escape(line.belief)}</span>', "words"),
            number(line.statistic),
            number(line.expected),
            _p_value(line.p_value),
            Cell(escape(line.verdict), "words"),
        ]
        for line, corrected in zip(check.lines, check.corrected, strict=True)
    ]
    bands = "A true model stays within the grey bands; what leaves them is drawn in orange."
    diagonal = "On the diagonal probabilities come true; the bars are two standard errors, with people as their unit."
    reading = diagonal if isinstance(check, ComparisonCheck) else bands
    # A fit of comparisons that has learned no probability of a match has nothing to draw.
    shown = picture(check.plot(), "The same in pictures.", reading) if check.pit.size else ""
    return Section(
        "check",
        "Is it calibrated?",
        "<p>What must hold of these rows if the model is true, whatever the network. A true model fails anything at all in at "
        f"most {100 * check.level:g} of 100 data sets.</p>"
        + table("Checks and verdicts", ["", "check", "found", "expected", "p", "verdict"], rows, heads=1)
        + _legend({row[0].html for row in rows})
        + shown,
    )


def compared(comparison: Comparison) -> Section:
    """Which cost function, by held-out log score, and whether the best is best by more than chance."""
    rows = []
    for row in comparison.rows:
        best = row is comparison.fits[0]
        error = f" ± {row.error:.4f}" if math.isfinite(row.difference) else ""
        checked = (
            "" if row.check is None else "calibrated" if row.check.ok else f"not calibrated: {', '.join(row.rejected)}"
        )
        rows.append(
            [
                Cell(escape(row.name)),
                _nats(row.mean),
                Cell("" if best else _nats(row.difference, "+").html + error, "number"),
                Cell("", "number") if best else _p_value(row.p_value),
                Cell("" if row.coverage is None else f"{100 * row.coverage:.1f} %", "number"),
                Cell(escape(checked), "words"),
            ]
        )
    header = ["fit", f"nats per {comparison.each}", "less the best", "p", "90 % holds", "checked"]
    how = "left out one by one (PSIS)" if comparison.by_loo else "scored"
    note = (
        f"{comparison.shape[0]:,} rows of {comparison.shape[1]:,}, {how}. Differences are paired; their standard errors are by "
        f"{comparison.error_from}, and p is corrected for all pairs of fits (Holm)."
    )
    figure = comparison.plot()
    figure.set_size_inches(_READABLE, figure.get_figheight())
    shown = picture(
        figure,
        "How far each fit is behind the best.",
        "Whose line reaches 0 cannot be told from the best; a cross is a fit that is not calibrated.",
    )
    words = f"<p>{escape(comparison.verdict)}</p>{table('Comparison of fits', header, rows)}<p>{escape(note)}</p>"
    return Section("comparison", "Which cost function?", words + shown)


def not_row_by_row() -> Section:
    """What stands in place of scores and checks where nothing predicts a row."""
    return Section(
        "scores",
        "How good are the predictions?",
        "<p>This likelihood compares observations with each other and predicts none of them by itself, so there is no row to "
        "score. What it says of pairs and triplets is judged under “Which belief is wrong?” and “Is it calibrated?”.</p>",
    )


def _opening(kind: str, word: str, html: str) -> str:
    return f'<p class="verdict {kind}"><strong>{word}</strong> {html}</p>'


def _mark(p: float, corrected: float, level: float) -> Cell:
    if corrected < level:
        return Cell('<span role="img" aria-label="denied">✗</span>', "mark no")
    if p < level:
        return Cell('<span role="img" aria-label="doubtful">~</span>', "mark perhaps")
    return Cell('<span role="img" aria-label="as expected">✓</span>', "mark yes")


def _legend(marks: set[str]) -> str:
    def lines() -> Iterator[str]:
        if any("✗" in mark for mark in marks):
            yield "✗ denied, corrected for the number of lines."
        if any("~" in mark for mark in marks):
            yield "~ denied alone, not after the correction: chance does that to a true model too."

    return f"<p>{' '.join(lines())}</p>" if list(lines()) else ""


def _p_value(p: float) -> Cell:
    return Cell("&lt;0.001" if p < 0.001 else f"{p:.3f}", "number")


def _with_error(value: float, error: float, unit: str) -> Cell:
    if value != value:
        return Cell("", "number")
    share = unit == "share held"
    shown = f"{100 * value:.1f}" if share else number(value, 4).html
    spread = "" if error != error else f" ± {100 * error if share else error:.2g}"
    return Cell(f"{shown}{spread}{' %' if share else ''}", "number")


def _nats(value: float, sign: str = "") -> Cell:
    return Cell(f"{value:{sign}.4f}".replace("-", "−"), "number")


def _code(text: str) -> str:
    return f"<code>{escape(' '.join(text.split()))}</code>"
