"""A check in pictures: a histogram of what should be flat, distance from uniform, coverage, each unit's spread, each group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from probcost.checks.evidence import Floats
from probcost.checks.panels import GRID, band_label, beyond, curve, ecdf, histogram
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.result import Check

__all__ = ["plot_check"]

_MOST_NAMES, _MOST_LETTERS = 12, 120


def plot_check(check: Check) -> Figure:
    """Four panels, five with groups; in each, a true model stays within the grey band in all but ``check.level`` of data sets.

    What leaves its band is orange; a cross is a unit, or a group, whose PITs are not uniform, wherever it lies.
    The bands are simultaneous: over the histogram's bars, the units and the groups by Bonferroni, over each curve by
    Kolmogorov's distribution; they count as many observations as the tests do where these depend on each other. Of
    whole vectors the units depend on each other and are not pooled: the histogram and the coverage are those of
    highest-density regions.
    """
    from matplotlib.figure import Figure

    with style():
        extra = check.group_columns is not None
        figure = Figure(figsize=(11, 11.2 if extra else 7.6), layout="constrained")
        grid = figure.add_gridspec(3 if extra else 2, 2)
        axes = np.array([[figure.add_subplot(grid[i, j]) for j in range(2)] for i in range(2)])
        if check.region is None:
            _independent_units(axes, check)
        else:
            _vectors(axes, check, check.region)
        _units(axes[1, 1], check)
        if check.group_columns is not None:
            _groups(figure.add_subplot(grid[2, :]), check, check.group_columns)
        verdict = f"Not calibrated: {len(check.rejected)} of {len(check.lines)} beliefs rejected"
        title = "Calibrated: nothing speaks against the model" if check.ok else verdict
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def _independent_units(axes: Any, check: Check) -> None:
    histogram(axes[0, 0], check.pit, check.level, "probability integral transform", check.pit_effect)
    axes[0, 0].set_title("PIT: flat if calibrated")
    units = check.pit.shape[1]
    if units > 1:
        _each_unit(axes[0, 1], check, COLOURS["quiet"], f"each of {units} units: band {_wider(check)} times as wide")
    curve(axes[0, 1], check.pit.ravel(), check.level, "all units" if units > 1 else "observed", check.pit_effect)
    _finish_distance(axes[0, 1])
    # The central interval that just reaches an observation has nominal coverage |2u − 1|, uniform under the model.
    curve(axes[1, 0], np.abs(2 * check.pit.ravel() - 1), check.level, "central intervals", check.reach_effect)
    _finish_coverage(axes[1, 0])


def _wider(check: Check) -> str:
    """How much wider one unit's band is than that of all."""
    units = check.pit.shape[1]
    time = float(np.median(check.unit_columns.get("ks_time", 1.0)))
    ratio = math.sqrt(units * time / check.pit_effect)
    return f"√{units}" if time == check.pit_effect == 1 else f"{ratio:.2g}"


def _vectors(axes: Any, check: Check, region: Floats) -> None:
    histogram(
        axes[0, 0], region, check.level, "content of the region that just holds the observation", check.pit_effect
    )
    axes[0, 0].set_title("Highest-density regions: flat if calibrated")
    rows, units = check.pit.shape
    time = np.asarray(check.unit_columns.get("ks_time", np.ones(units)))
    each = stats.kstwo.isf(check.level / units, np.maximum(1, np.rint(rows / time)))
    reach = float(each.max())
    axes[0, 1].axhspan(-reach, reach, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=band_label(check.level))
    axes[0, 1].axhline(0, color=COLOURS["data"], linewidth=1)
    furthest = _each_unit(axes[0, 1], check, COLOURS["model"], f"each of {units} units", reach)
    top = max(1.6 * reach, furthest)
    axes[0, 1].set_ylim(-top, 1.7 * top)
    _finish_distance(axes[0, 1])
    curve(axes[1, 0], region, check.level, "regions", check.reach_effect)
    _finish_coverage(axes[1, 0])


def _each_unit(axis: Axes, check: Check, colour: str, label: str, reach: float = np.inf) -> float:
    """One curve a unit, what goes beyond ``reach`` in the colour of alert; returns how far the furthest goes."""
    units = check.pit.shape[1]
    each = np.stack([ecdf(check.pit[:, i]) for i in range(units)], axis=1) - GRID[:, None]
    alpha = min(0.6, 6 / units)
    axis.plot(GRID, each, color=colour, linewidth=0.8 if units > 3 else 1.5, alpha=alpha)
    beyond(axis, each, np.abs(each) > reach, alpha)
    axis.plot([], [], color=colour, linewidth=0.8, label=label)
    return float(np.abs(each).max())


def _finish_distance(axis: Axes) -> None:
    axis.set(xlim=(0, 1), xlabel="probability integral transform", ylabel="observed − expected share")
    axis.set_title("PIT: cumulative share less uniform")
    axis.legend(loc="upper right", fontsize=10)


def _finish_coverage(axis: Axes) -> None:
    axis.set(xlim=(0, 1), xlabel="nominal coverage", ylabel="observed − nominal coverage")
    axis.set_title("Coverage: above 0 too wide, below too narrow")
    axis.legend(loc="upper right", fontsize=10)


def _units(axis: Axes, check: Check) -> None:
    variance, ks_p = (np.asarray(check.unit_columns[name]) for name in ("residual_variance", "ks_p"))
    order = np.argsort(variance)
    units = len(variance)
    time = np.asarray(check.unit_columns.get("variance_time", np.ones(units)))[order]
    degrees = (check.pit.shape[0] - 1) / time
    tail = check.level / units / 2
    low, high = stats.chi2.ppf([[tail], [1 - tail]], degrees) / degrees
    _band_of_each(axis, low, high, band_label(check.level))
    axis.axhline(1, color=COLOURS["data"], linewidth=1)
    position, found = np.arange(units), variance[order]
    _dots(axis, found, (found < low) | (found > high), ks_p[order] < check.level / units, "PIT not uniform, corrected")
    if units <= _MOST_NAMES:
        names = [str(check.unit_columns["unit"][i]) for i in order]
        slanted = max(map(len, names)) * units > 40
        axis.set_xticks(position, names, rotation=40 if slanted else 0, ha="right" if slanted else "center")
    else:
        axis.set_xlabel(f"{units} units, least first")
        axis.set_xticks([])
    span = max(float(np.abs(variance - 1).max()), float(high.max()) - 1)
    axis.set(xlim=(-0.6, units - 0.4), ylim=(1 - 1.2 * span, 1 + 2.2 * span), ylabel="variance / predicted")
    axis.set_title("Spread of each unit's residuals: 1 if calibrated")
    axis.legend(loc="upper left", fontsize=10)


def _groups(axis: Axes, check: Check, columns: Mapping[str, Any]) -> None:
    bias, effective, p = (np.asarray(columns[name], dtype=float) for name in ("bias", "effective", "p_corrected"))
    order = np.argsort(bias)
    groups, position = len(bias), np.arange(len(bias))
    reach = stats.norm.isf(check.level / groups / 2) / np.sqrt(effective[order])
    _band_of_each(axis, -reach, reach, band_label(check.level))
    axis.axhline(0, color=COLOURS["data"], linewidth=1)
    kind = "regions" if check.region is not None else "PIT"
    outside = np.abs(bias[order]) > reach
    _dots(axis, bias[order], outside, p[order] < check.level, f"{kind} not uniform, corrected")
    names = [str(columns["group"][i]) for i in order]
    if sum(map(len, names)) <= _MOST_LETTERS and groups <= 3 * _MOST_NAMES:
        axis.set_xticks(position, names)
    else:
        axis.set_xlabel(f"{groups} groups, least first")
        axis.set_xticks([])
    top = 1.25 * max(float(np.abs(bias).max()), float(np.median(reach)))
    axis.set(xlim=(-0.6, groups - 0.4), ylim=(-top, 1.4 * top), ylabel="mean residual, in sd")
    axis.set_title("Bias of each group: 0 if calibrated")
    axis.legend(loc="upper left", fontsize=10, ncols=3)


def _dots(axis: Axes, values: Floats, outside: Any, deviates: Any, crossed: str) -> None:
    """A dot a unit or group, orange outside its band; a cross where its whole distribution deviates."""
    position, size = np.arange(len(values)), 36 if len(values) <= 50 else 16
    colour = np.where(outside, COLOURS["alert"], COLOURS["model"])
    for chosen, marker in ((~deviates, "o"), (deviates, "X")):
        if chosen.any():
            axis.scatter(
                position[chosen], values[chosen], s=size, c=list(colour[chosen]), marker=marker, linewidths=0, zorder=3
            )
    if deviates.any():
        axis.scatter([], [], s=36, color=COLOURS["data"], marker="X", linewidths=0, label=crossed)


def _band_of_each(axis: Axes, low: Floats, high: Floats, label: str) -> None:
    edges = np.arange(len(low) + 1) - 0.5
    if len(low) > 1 and np.ptp(low) == 0:
        edges[[0, -1]] += -1, 1
    axis.stairs(high, edges, baseline=low, fill=True, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=label)
