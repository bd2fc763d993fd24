"""The sections of a report: each takes a result and gives back what stands under one heading."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from probcost.checks import belief
from probcost.checks.comparisons_check import ComparisonCheck
from probcost.checks.page_cells import legend, mark, nats, p_value, with_error
from probcost.checks.page_html import Cell, Section, number, picture, table
from probcost.checks.score_table import entries

if TYPE_CHECKING:
    from probcost.checks.comparison_result import Compared, Comparison
    from probcost.checks.diagnosis_result import Diagnosis
    from probcost.checks.result import Check
    from probcost.checks.score_result import Score
    from probcost.inference.history import History

__all__ = ["checked", "checked_picture", "compared", "modelled", "not_row_by_row", "scored", "trained"]

_READABLE = 5.6  # inches wide: small enough for a figure's letters to be read on a phone


def modelled(fit: Any, x: Any, rows: int) -> Section:
    """The belief in words, its cost as an equation, each symbol, and how the fit was made."""
    likelihood = fit.model.likelihood
    words = "".join(f"<p>{sentence}</p>" for sentence in belief.in_words(fit.model))
    of = (
        "all comparisons with one anchor"
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
    epochs = f"{len(history.cost):,} epoch{'s' * (len(history.cost) > 1)}"
    sentences = [f"Training stopped after {epochs}: {history.stopped or 'all were done'}."]
    if history.at_most:
        chosen = f"{len(history.cost):,} of at most {history.at_most:,} epochs, chosen on people held out in turn."
        sentences = [
            f"Trained for {chosen} After as many, those who had not been met cost {history.held_out[-1]:.4g} nats per row."
        ]
    elif history.held_out and history.best_epoch >= 0:
        kept = history.held_out[history.best_epoch]
        which = "the latest epoch kept of any network is" if history.members else "the weights kept are those of epoch"
        sentences.append(f"By the cost on held-out rows, {which} {history.best_epoch + 1}, at {kept:.4g} nats per row.")
    if _unfinished(history):
        sentences.append(
            "The limit decided, not they: their cost was still falling, and more epochs may help."
            if history.at_most
            else "The cost on held-out rows was still falling: it stopped while still improving. Give it more epochs."
        )
    if history.mean_first:
        sentences.append(f"Before that, the mean alone was trained for {history.mean_first:,} epochs.")
    if history.rescaled != 1:
        sentences.append(f"Held-out rows then asked for scales {history.rescaled:.3g} times as wide.")
    reading = "The blue curve, of rows not trained on, says when to stop: where it no longer falls."
    figure = history.plot()
    figure.set_size_inches(_READABLE, 3.6)
    shown = picture(figure, "Cost per row, epoch by epoch.", reading if history.held_out else "")
    return Section("training", "Training", f"<p>{escape(' '.join(sentences))}</p>{shown}")


def _unfinished(history: History) -> bool:
    """Whether training ran out of epochs where the last one was the best so far on held-out rows."""
    last = len(history.held_out) - 1
    chosen = len(history.cost) < history.at_most
    if last < 1 or chosen or history.stopped == "converged":
        return False
    kept = history.members or [history.best_epoch]
    return 2 * sum(epoch == last for epoch in kept) >= len(kept) and history.held_out[-1] < history.held_out[-2]


def scored(score: Score) -> Section:
    """Every score beside what a calibrated model of the same sharpness would show."""
    rows = []
    single = score.shape[1] == 1
    for entry in entries(score):
        # Of one unit, the energy score is the CRPS.
        if single and entry.name == "energy score":
            continue
        error = entry.error if entry.unit != "share held" else float("nan")
        expected_error = entry.error if entry.unit == "share held" else float("nan")
        rows.append(
            [
                Cell(escape(entry.name)),
                with_error(entry.found, error, entry.unit),
                with_error(entry.if_calibrated, expected_error, entry.unit),
                Cell(escape(entry.unit.removesuffix(", unit 0") if single else entry.unit), "words"),
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
        f"<p>Of NLL, RMSE{' and CRPS' if single else ', CRPS and energy score'}, less is better. “If calibrated” is what each "
        "would be of data that the model itself made: a score much worse than that says that the model is too sure; one much "
        "better, not sure enough.</p>"
        + table("Scores", ["score", "found", "if calibrated", "unit"], rows)
        + note
        + picture(
            score.plot(),
            "Do intervals hold what they promise, and is a wide prediction a bad one?",
            "A calibrated model stays within the grey bands (what leaves them is orange), and its errors grow in step with the "
            "predicted standard deviation: bars are 95 % intervals, and 19 in 20 reach the line. Bands take observations for "
            "independent; those of the check, below, count as many as they are worth.",
        ),
    )


def checked_picture(check: Check) -> str:
    """The check's picture, with how to read it; nothing for a fit of comparisons that has learned no probability of a match."""
    if not check.pit.size:
        return ""
    diagonal = "On the diagonal probabilities come true; the bars are two standard errors, with people as their unit."
    return picture(
        check.plot(), "The same in pictures.", diagonal if isinstance(check, ComparisonCheck) else _bands(check)
    )


def checked(check: Check, diagnosis: Diagnosis, shown: str) -> Section:
    """Each consequence of the belief, tested; why a line's p differs from that of the same name in the diagnosis; a picture."""
    lines = _distinct(check)
    rows = [
        [
            mark(line.p_value, corrected, check.level, judged=line.judged),
            Cell(f'{escape(line.name)}<span class="more">{escape(line.belief)}</span>', "words"),
            number(line.statistic),
            number(line.expected),
            p_value(line.p_value, judged=line.judged),
            Cell(escape(line.verdict), "words"),
        ]
        for line, corrected in lines
    ]
    both = {line.name for line, _ in lines} & {finding.name for finding in diagnosis.findings}
    twice = (
        f"<p>Where a line stands under “Which belief is wrong?” too ({escape(', '.join(sorted(both)))}), its p may differ: the "
        "two look at different statistics, and the check looks for dependence between neighbouring rows only where a model "
        "says that its rows are ordered.</p>"
        if both and not isinstance(check, ComparisonCheck)
        else ""
    )
    return Section(
        "check",
        "Is it calibrated?",
        "<p>What must hold of these rows if the model is true, whatever the network. A true model fails anything at all in at "
        f"most {100 * check.level:g} of 100 data sets.</p>"
        + table("Checks and verdicts", ["", "check", "found", "expected", "p", "verdict"], rows, heads=1)
        + legend({row[0].html for row in rows})
        + twice
        + shown,
    )


def _distinct(check: Check) -> list[tuple[Any, float]]:
    """The lines with their corrected p-values; of one unit, without "unit by unit", where it repeats the line of all."""
    lines = list(zip(check.lines, check.corrected, strict=True))
    if isinstance(check, ComparisonCheck) or check.pit.shape[1] > 1:
        return lines
    whole = [line.p_value for line, _ in lines if line.name == "PIT, all units"]
    return [
        (line, corrected)
        for line, corrected in lines
        if not (line.name == "PIT, unit by unit" and any(math.isclose(line.p_value, p) for p in whole))
    ]


def _bands(check: Check) -> str:
    units = check.pit.shape[1]
    thin = "; the thin grey curves, each of one unit, have a band of their own, wider than the one drawn"
    crosses = (
        " A cross is a unit, or a group, whose PITs are not uniform, wherever it lies."
        if units > 1 or check.group_columns is not None
        else ""
    )
    own = thin if units > 1 and check.region is None else ""
    return f"A true model stays within the grey bands; what leaves them is drawn in orange{own}.{crosses}"


def compared(comparison: Comparison) -> Section:
    """Which cost function, by held-out log score, and whether the best is best by more than chance."""
    rows = []
    kinds = {row.check.region is None for row in comparison.rows if row.check is not None}
    for row in comparison.rows:
        best = row is comparison.fits[0]
        error = f" ± {row.error:.4f}" if math.isfinite(row.difference) else ""
        checked = (
            "" if row.check is None else "calibrated" if row.check.ok else f"not calibrated: {', '.join(row.rejected)}"
        )
        rows.append(
            [
                Cell(escape(row.name)),
                nats(row.mean),
                Cell("" if best else nats(row.difference, "+").html + error, "number"),
                Cell("", "number") if best else p_value(row.p_value),
                Cell(_coverage(row, mixed=len(kinds) > 1), "number"),
                Cell(escape(checked), "words"),
            ]
        )
    header = ["fit", f"nats per {comparison.each}", "less the best", "p", "90 % holds", "checked"]
    how = "left out one by one (PSIS)" if comparison.by_loo else "scored"
    note = (
        f"{comparison.shape[0]:,} rows of {comparison.shape[1]:,}, {how}. Differences are paired; their standard errors are by "
        f"{comparison.error_from}, and p is corrected for all pairs of fits (Holm)."
    )
    if len(kinds) > 1:
        note += (
            " “90 % holds” counts two things: “singly”, single observations within their central intervals; “jointly”, whole "
            "rows within their densest regions."
        )
    figure = comparison.plot()
    figure.set_size_inches(_READABLE, figure.get_figheight())
    unsure = comparison.short_of_sure
    short = (
        f" {', '.join(unsure)} cannot be told from the best although the line ends short of 0: p is corrected for all pairs."
        if unsure
        else ""
    )
    shown = picture(
        figure,
        "How far each fit is behind the best.",
        "Lines are two standard errors of one difference by itself either side; whose line reaches 0 cannot be told from the "
        f"best.{short} A cross is a fit that is not calibrated.",
    )
    words = f"<p>{escape(comparison.verdict)}</p>{table('Comparison of fits', header, rows)}<p>{escape(note)}</p>"
    return Section("comparison", "Which cost function?", words + shown)


def _coverage(row: Compared, *, mixed: bool) -> str:
    """Share within the 90 % interval or region; and of what, where fits differ in that."""
    if row.coverage is None or row.check is None:
        return ""
    of = ("singly" if row.check.region is None else "jointly") if mixed else ""
    return f"{100 * row.coverage:.1f} % {of}".rstrip()


def not_row_by_row() -> Section:
    """What stands in place of scores and checks where nothing predicts a row."""
    return Section(
        "scores",
        "How good are the predictions?",
        "<p>This likelihood compares observations with each other and predicts none of them by itself, so there is no row to "
        "score. What it says of pairs and triplets is judged under “Which belief is wrong?” and “Is it calibrated?”.</p>",
    )
