"""A check in four pictures: the PIT's histogram, its distance from uniform, interval coverage, and every unit's spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from probcost.checks.evidence import Floats
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.result import Check

__all__ = ["plot_check"]

_BINS = 20
_GRID = np.linspace(0.0, 1.0, 501)
_MOST_NAMES = 12


def plot_check(check: Check) -> Figure:
    """Four panels; in each, a true model stays within the grey band in all but ``check.level`` of data sets.

    The bands are simultaneous: over the histogram's bars and over the units by Bonferroni, over the curves by
    Kolmogorov's distribution.
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(11, 7.6), layout="constrained")
        axes = figure.subplots(2, 2)
        _histogram(axes[0, 0], check)
        _distance(axes[0, 1], check)
        _coverage(axes[1, 0], check)
        _units(axes[1, 1], check)
        verdict = f"Not calibrated: {len(check.rejected)} of {len(check.lines)} beliefs rejected"
        title = "Calibrated: nothing speaks against the model" if check.ok else verdict
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def _histogram(axis: Axes, check: Check) -> None:
    n = check.pit.size
    density = np.histogram(check.pit, bins=_BINS, range=(0, 1))[0] * _BINS / n
    tail = check.level / _BINS / 2
    low, high = stats.binom.ppf([tail, 1 - tail], n, 1 / _BINS) * _BINS / n
    edges = np.linspace(0, 1, _BINS + 1)
    outside = (density < low) | (density > high)
    colours = list(np.where(outside, COLOURS["alert"], COLOURS["model"]))
    axis.axhspan(low, high, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=_band(check))
    # Pale bars with a strong top edge, so that the band shows through.
    axis.bar(edges[:-1], density, width=1 / _BINS, align="edge", color=colours, alpha=0.25, linewidth=0)
    axis.hlines(density, edges[:-1], edges[1:], color=colours, linewidth=2.5)
    axis.axhline(1, color=COLOURS["data"], linewidth=1)
    axis.set(
        xlim=(0, 1),
        ylim=(0, 1.3 * max(float(density.max()), high)),
        xlabel="probability integral transform",
        ylabel="density",
    )
    axis.set_title("PIT: flat if calibrated")
    axis.legend(loc="upper right")


def _distance(axis: Axes, check: Check) -> None:
    units = check.pit.shape[1]
    if units > 1:
        each = np.stack([_ecdf(check.pit[:, i]) for i in range(units)], axis=1) - _GRID[:, None]
        faint = min(0.6, 6 / units)
        axis.plot(_GRID, each, color=COLOURS["quiet"], linewidth=0.8, alpha=faint)
        axis.plot(
            [], [], color=COLOURS["quiet"], linewidth=0.8, label=f"each of {units} units: band √{units} times as wide"
        )
    _curve(axis, check, check.pit.ravel(), "all units" if units > 1 else "observed")
    axis.set(xlim=(0, 1), xlabel="probability integral transform", ylabel="observed − expected share")
    axis.set_title("PIT: cumulative share less uniform")
    axis.legend(loc="upper right", fontsize=10)


def _coverage(axis: Axes, check: Check) -> None:
    # The central interval that just reaches an observation has nominal coverage |2u − 1|, uniform under the model.
    _curve(axis, check, np.abs(2 * check.pit.ravel() - 1), "central intervals")
    axis.set(xlim=(0, 1), xlabel="nominal coverage", ylabel="observed − nominal coverage")
    axis.set_title("Coverage: above 0 too wide, below too narrow")
    axis.legend(loc="upper right", fontsize=10)


def _curve(axis: Axes, check: Check, values: Floats, label: str) -> None:
    """Empirical less uniform distribution, with its simultaneous band."""
    reach = float(stats.kstwo.isf(check.level, len(values)))
    difference = _ecdf(values) - _GRID
    axis.axhspan(-reach, reach, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=_band(check))
    axis.axhline(0, color=COLOURS["data"], linewidth=1)
    colour = COLOURS["alert" if np.abs(difference).max() > reach else "model"]
    axis.plot(_GRID, difference, color=colour, linewidth=2, label=label)
    low, high = axis.get_ylim()
    # Room above for the legend.
    top = max(abs(low), abs(high), 1.6 * reach)
    axis.set_ylim(-top, 1.7 * top)


def _units(axis: Axes, check: Check) -> None:
    variance, ks_p = (np.asarray(check.unit_columns[name]) for name in ("residual_variance", "ks_p"))
    order = np.argsort(variance)
    units, degrees = len(variance), check.pit.shape[0] - 1
    tail = check.level / units / 2
    low, high = stats.chi2.ppf([tail, 1 - tail], degrees) / degrees
    axis.axhspan(low, high, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=_band(check))
    axis.axhline(1, color=COLOURS["data"], linewidth=1)
    deviates = ks_p[order] < check.level / units
    position = np.arange(units)
    for chosen, colour, label in ((~deviates, "model", "PIT uniform"), (deviates, "alert", "PIT not uniform")):
        if chosen.any():
            size = 36 if units <= 50 else 16
            axis.scatter(
                position[chosen], variance[order][chosen], s=size, color=COLOURS[colour], label=label, zorder=3
            )
    if units <= _MOST_NAMES:
        names = [str(check.unit_columns["unit"][i]) for i in order]
        slanted = max(map(len, names)) * units > 40
        axis.set_xticks(position, names, rotation=40 if slanted else 0, ha="right" if slanted else "center")
    else:
        axis.set_xlabel(f"{units} units, least first")
        axis.set_xticks([])
    span = max(float(np.abs(variance - 1).max()), high - 1)
    axis.set(xlim=(-0.6, units - 0.4), ylim=(1 - 1.2 * span, 1 + 2.2 * span), ylabel="variance / predicted")
    axis.set_title("Spread of each unit's residuals: 1 if calibrated")
    axis.legend(loc="upper left", fontsize=10)


def _ecdf(values: Floats) -> Floats:
    return np.searchsorted(np.sort(values), _GRID, side="right") / len(values)


def _band(check: Check) -> str:
    return f"{100 * (1 - check.level):g} % band of a true model"
