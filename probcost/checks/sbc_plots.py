"""Simulation-based calibration as pictures: ranks against uniform, or, of a point estimate, its claims."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from probcost.checks.panels import band_label
from probcost.checks.ppc_plots import bin_edges
from probcost.checks.sbc_ranks import band
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.sbc_result import CalibrationLine, SimulationBasedCalibration

__all__ = ["plot_sbc"]

_ACROSS, _MOST = 3, 12
_BINS = 20


def plot_sbc(result: SimulationBasedCalibration) -> Figure:
    """One panel a quantity, at most twelve; those that are wrong first."""
    from matplotlib.figure import Figure

    shown = sorted(result.lines, key=lambda line: line.p_corrected >= result.level)[:_MOST]
    across = min(_ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    with style():
        figure = Figure(figsize=(1.0 + 3.7 * max(across, 2), 0.9 + 2.9 * down), layout="constrained")
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for axis, line in zip(axes, shown, strict=False):
            if result.draws:
                _ranks(axis, line, result)
            else:
                _claims(axis, line, result)
        for axis in axes[len(shown) :]:
            axis.axis("off")
        axes[0].legend(loc="upper right", fontsize=9)
        figure.suptitle(
            f"{result.method}: {result.verdict.split(',')[0]}", x=0.012, ha="left", fontsize=13, fontweight="bold"
        )
    return figure


def _ranks(axis: Axes, line: CalibrationLine, result: SimulationBasedCalibration) -> None:
    ranks = result.ranks[line.name]
    points, low, high = band(result.n, result.draws, result.level)
    share = np.searchsorted(np.sort(ranks), np.arange(result.draws + 1), side="right") / result.n
    at = np.concatenate([[0.0], points])
    lower, upper, difference = (np.concatenate([[0.0], v - points]) for v in (low, high, share))
    axis.fill_between(
        at, lower, upper, color=COLOURS["quiet"], alpha=0.35, linewidth=0, step="post", label=band_label(result.level)
    )
    axis.axhline(0, color=COLOURS["data"], linewidth=1)
    colour = COLOURS["alert" if line.p_corrected < result.level else "model"]
    axis.step(at, difference, where="post", color=colour, linewidth=2, label="ranks of the truth")
    top = max(1.3 * float(np.abs(lower).max()), 1.1 * float(np.abs(difference).max()))
    axis.set(xlim=(0, 1), ylim=(-top, 1.7 * top), xlabel=line.verdict, ylabel="share − uniform")
    axis.xaxis.label.set_color(colour if line.p_corrected < result.level else COLOURS["data"])
    axis.set_title(line.name)


def _claims(axis: Axes, line: CalibrationLine, result: SimulationBasedCalibration) -> None:
    values, denied = result.claims[line.name], line.p_corrected < result.level
    colour = COLOURS["alert" if denied else "model"]
    counts, _, _ = axis.hist(
        values, bins=list(bin_edges(values, _BINS)), color=COLOURS["quiet"], alpha=0.4, label="simulations"
    )
    reach = line.error * float(stats.t.isf(result.level / 2, result.n - 1))
    top = float(np.max(counts))
    mean = f"mean, {100 * (1 - result.level):g} % interval"
    axis.errorbar(line.found, 1.15 * top, xerr=reach, fmt="o", color=colour, capsize=4, linewidth=2, label=mean)
    axis.axvline(line.expected, color=COLOURS["data"], linewidth=2, label="if right")
    axis.set_title(line.name)
    axis.set_xlabel(line.verdict, color=colour if denied else COLOURS["data"])
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_ylim(0, 1.9 * top)
