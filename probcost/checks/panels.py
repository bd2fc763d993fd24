"""Panels that several figures share: histograms and curves of what is uniform under a true model, with its bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from probcost.checks.evidence import Floats
from probcost.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GRID", "band_label", "beyond", "curve", "ecdf", "histogram"]

GRID = np.linspace(0.0, 1.0, 501)
_BINS = 20


def histogram(axis: Axes, values: Floats, level: float, xlabel: str, effect: float = 1.0) -> None:
    """Density of ``values`` over [0, 1], worth ``effect`` times fewer; the band is simultaneous over bars by Bonferroni."""
    density = np.histogram(values, bins=_BINS, range=(0, 1))[0] * _BINS / values.size
    n = max(1, round(values.size / effect))
    tail = level / _BINS / 2
    low, high = stats.binom.ppf([tail, 1 - tail], n, 1 / _BINS) * _BINS / n
    edges = np.linspace(0, 1, _BINS + 1)
    outside = (density < low) | (density > high)
    colours = list(np.where(outside, COLOURS["alert"], COLOURS["model"]))
    axis.axhspan(low, high, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=band_label(level))
    # Pale bars with a strong top edge, so that the band shows through.
    axis.bar(edges[:-1], density, width=1 / _BINS, align="edge", color=colours, alpha=0.25, linewidth=0)
    axis.hlines(density, edges[:-1], edges[1:], color=colours, linewidth=2.5)
    axis.axhline(1, color=COLOURS["data"], linewidth=1)
    axis.set(xlim=(0, 1), ylim=(0, 1.3 * max(float(density.max()), high)), xlabel=xlabel, ylabel="density")
    axis.legend(loc="upper right")


def curve(axis: Axes, values: Floats, level: float, label: str, effect: float = 1.0) -> None:
    """Empirical less uniform distribution of ``values``, worth ``effect`` times fewer, with Kolmogorov's simultaneous band."""
    reach = float(stats.kstwo.isf(level, max(1, round(len(values) / effect))))
    difference = ecdf(values) - GRID
    axis.axhspan(-reach, reach, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label=band_label(level))
    axis.axhline(0, color=COLOURS["data"], linewidth=1)
    axis.plot(GRID, difference, color=COLOURS["model"], linewidth=2, label=label)
    beyond(axis, difference, np.abs(difference) > reach)
    low, high = axis.get_ylim()
    # Room above for the legend.
    top = max(abs(low), abs(high), 1.6 * reach)
    axis.set_ylim(-top, 1.7 * top)


def beyond(axis: Axes, values: Floats, outside: NDArray[np.bool_], alpha: float = 1.0) -> None:
    """Draw the stretches of curves ``values`` ``[grid, ...]`` that leave their band in the colour of alert."""
    left = outside.copy()
    # With a neighbour, since a single point makes no line.
    left[1:] |= outside[:-1]
    left[:-1] |= outside[1:]
    if outside.any():
        axis.plot(GRID, np.where(left, values, np.nan), color=COLOURS["alert"], linewidth=2.5, alpha=alpha)


def ecdf(values: Floats) -> Floats:
    """Share of ``values`` at or below each point of `GRID`."""
    return np.searchsorted(np.sort(values), GRID, side="right") / len(values)


def band_label(level: float) -> str:
    """What the grey band is, for legends."""
    return f"{100 * (1 - level):g} % band of a true model"
