"""Pictures of a comparison: how far each fit is behind the best; and of leave-one-out scores: Pareto k against row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from probcost.checks.comparison_result import Comparison
    from probcost.checks.leave_one_out import LeaveOneOut

__all__ = ["plot_comparison", "plot_loo"]

# A null model this many times as far away as the fits are from each other would leave no room to see them.
_OFF_SCALE = 4.0
_NAMED = 5


def plot_comparison(comparison: Comparison) -> Figure:
    """Paired differences to the best fit, two standard errors either side; a dot where calibrated, a cross where not.

    A line is that of one difference by itself. Where it ends short of 0 and the fit cannot be told from the best nonetheless,
    since p is corrected for all pairs, "no difference" stands at its name.
    """
    from matplotlib.figure import Figure

    rows = comparison.rows
    shown = [row for row in rows if np.isfinite(row.difference)]
    reach = max([abs(row.difference) + 2 * row.error for row in shown if row is not comparison.null], default=0.0)
    null = comparison.null
    if null is not None and null in shown and reach > 0 and abs(null.difference) > _OFF_SCALE * reach:
        shown.remove(null)
    with style():
        figure = Figure(figsize=(9, 1.6 + 0.5 * len(rows)), layout="constrained")
        axis = figure.subplots()
        axis.axvline(0, color=COLOURS["data"], linewidth=1)
        kinds = {"calibrated": ("o", "model"), "not calibrated": ("X", "alert"), "null model": ("D", "quiet")}
        labelled: set[str] = set()
        for place, row in enumerate(rows):
            if row not in shown:
                away = "infinitely far" if not np.isfinite(row.difference) else f"{row.difference:+.3g}"
                axis.annotate(
                    f"← {away}", (0.01, place), xycoords=("axes fraction", "data"), va="center", color=COLOURS["quiet"]
                )
                continue
            kind = "null model" if row.check is None else "calibrated" if row.check.ok else "not calibrated"
            marker, colour = kinds[kind]
            axis.errorbar(
                row.difference,
                place,
                xerr=2 * row.error,
                fmt=marker,
                color=COLOURS[colour],
                markersize=9,
                linewidth=2,
                label=None if kind in labelled else kind,
            )
            labelled.add(kind)
        unsure = comparison.short_of_sure
        names = [
            f"{row.name}\n(no difference: p = {row.p_value:.2g})" if row.name in unsure else row.name for row in rows
        ]
        axis.set_yticks(range(len(rows)), names)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        low, high = axis.get_xlim()
        axis.set_xlim(min(low, -1e-12), max(high, 0.03 * (high - low)))
        score = "leave-one-out" if comparison.by_loo else "log score"
        axis.set_xlabel(
            f"{score} − best, nats per {comparison.each}\n± 2 s.e. of each difference, by {comparison.error_from}"
        )
        tied = comparison.tied
        title = f"{comparison.best} predicts best"
        if len(tied) > 1:
            title = f"No difference between {comparison.best} and {'another' if len(tied) == 2 else f'{len(tied) - 1} others'}"
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
        axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    return figure


def plot_loo(loo: LeaveOneOut) -> Figure:
    """Pareto k of every row, with the threshold above which a row's score does not hold; the worst are named."""
    from matplotlib.figure import Figure

    k = np.where(np.isfinite(loo.pareto_k), loo.pareto_k, np.nan)
    above = np.zeros(len(k), dtype=bool)
    above[loo.above] = True
    row = np.arange(len(k))
    with style():
        figure = Figure(figsize=(9, 4), layout="constrained")
        axis = figure.subplots()
        axis.axhline(loo.threshold, color=COLOURS["data"], linewidth=1, label=f"holds up to {loo.threshold:.2f}")
        size = 20 if len(k) <= 500 else 5
        for chosen, colour, label in ((~above, "model", "rows"), (above, "alert", f"{above.sum():,} rows above")):
            if chosen.any():
                axis.scatter(row[chosen], k[chosen], s=size, color=COLOURS[colour], label=label, zorder=3)
        for worst in loo.above[:_NAMED]:
            if np.isfinite(k[worst]):
                axis.annotate(f"{worst}", (worst, k[worst]), xytext=(5, 3), textcoords="offset points", fontsize=10)
        lowest, highest = (float(f(k)) if np.isfinite(k).any() else 0.0 for f in (np.nanmin, np.nanmax))
        room = 0.1 * (max(highest, loo.threshold) - lowest)
        axis.set(xlabel="row", ylabel="Pareto k", ylim=(lowest - room, max(highest, loo.threshold) + 3 * room))
        axis.set_title(
            f"{loo.model}: {'leave-one-out scores hold' if not len(loo.above) else 'some rows weigh too much'}"
        )
        axis.legend(loc="upper right", ncols=3)
    return figure
