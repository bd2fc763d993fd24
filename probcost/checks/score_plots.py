"""Scores in three pictures: reliability, the histogram of what should be uniform, and errors against predicted spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from probcost.checks.panels import GRID, band_label, beyond, ecdf, histogram
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.score_result import Score

__all__ = ["plot_score"]

_LEVEL = 0.05
_MOST_BINS = 12


def plot_score(score: Score) -> Figure:
    """Three panels; a true model stays within each grey band in 95 % of data sets, and bars are 95 % intervals."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(14, 4.4), layout="constrained")
        reliability, density, spread = figure.subplots(1, 3)
        _reliability(reliability, score)
        name = "content of the region that just holds y" if score.vectors else "probability integral transform"
        histogram(density, score.content, _LEVEL, name)
        density.set_title(f"{'Region content' if score.vectors else 'PIT'}: flat if calibrated")
        _error_against_spread(spread, score)
        figure.suptitle(score.model, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def _reliability(axis: Axes, score: Score) -> None:
    # The central interval that just reaches an observation has nominal coverage |2u − 1|; a region, its own content.
    reach = score.content if score.vectors else np.abs(2 * score.content - 1).ravel()
    band = float(stats.kstwo.isf(_LEVEL, len(reach)))
    observed = ecdf(reach)
    axis.fill_between(
        GRID,
        (GRID - band).clip(0),
        (GRID + band).clip(max=1),
        color=COLOURS["quiet"],
        alpha=0.35,
        linewidth=0,
        label=band_label(_LEVEL),
    )
    axis.plot([0, 1], [0, 1], color=COLOURS["data"], linewidth=1)
    label = "regions" if score.vectors else "central intervals"
    axis.plot(GRID, observed, color=COLOURS["model"], linewidth=2, label=label)
    beyond(axis, observed, np.abs(observed - GRID) > band)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="nominal coverage", ylabel="observed coverage")
    axis.set_title("Reliability: above too wide, below too narrow")
    axis.legend(loc="upper left", fontsize=10)


def _error_against_spread(axis: Axes, score: Score) -> None:
    axis.set_title("Errors grow as predicted on the line")
    length = "of ‖y − mean‖" if score.vectors else "of y − mean"
    axis.set(xlabel=f"predicted root mean square {length}", ylabel="observed")
    usable = np.isfinite(score.sds.ravel()) & np.isfinite(score.errors.ravel())
    if not usable.any():
        axis.text(0.5, 0.5, "no prediction has a finite variance", ha="center", va="center", transform=axis.transAxes)
        return
    sds, squares = score.sds.ravel()[usable], score.errors.ravel()[usable] ** 2
    # At least 25 in a bin, so that its mean square is known within a quarter or so; one bin where all sds are alike.
    alike = sds.max() < 1.01 * sds.min()
    n_bins = 1 if alike else int(np.clip(len(sds) // 25, 1, _MOST_BINS))
    bins = np.array_split(np.argsort(sds, kind="stable"), n_bins)
    predicted = np.sqrt([(sds[b] ** 2).mean() for b in bins])
    mean_square = np.array([squares[b].mean() for b in bins])
    error = 1.96 * np.array([squares[b].std() / np.sqrt(len(b)) for b in bins])
    found = np.sqrt(mean_square)
    low, high = np.sqrt((mean_square - error).clip(0)), np.sqrt(mean_square + error)
    top = 1.1 * max(predicted.max(), high.max())
    axis.plot([0, top], [0, top], color=COLOURS["data"], linewidth=1, label="as predicted")
    axis.errorbar(
        predicted,
        found,
        yerr=[found - low, high - found],
        fmt="o",
        color=COLOURS["model"],
        linewidth=1.5,
        markersize=6,
        label="observed" if alike else f"{n_bins} bins of equally many",
    )
    axis.set(xlim=(0, top), ylim=(0, top))
    axis.legend(loc="lower right", fontsize=10)
