"""Posterior predictive checks as pictures: what the model makes, and where the data lie."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.evidence import Floats
    from probcost.checks.ppc_lines import PredictiveLine
    from probcost.checks.ppc_result import PredictiveCheck

__all__ = ["bin_edges", "plot_ppc"]

_ACROSS = 3
_BINS = 30
_WIDTH = 42  # characters below a panel


def plot_ppc(check: PredictiveCheck) -> Figure:
    """One panel a statistic, pooled over units; the grey band holds all but ``check.level`` of replicated data sets."""
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(check.lines))
    down = math.ceil(len(check.lines) / across)
    with style():
        figure = Figure(figsize=(1.0 + 3.7 * max(across, 2), 0.9 + 2.9 * down), layout="constrained")
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for axis, line in zip(axes, check.lines, strict=False):
            pooled = check.replicated[line.name].reshape(check.n, -1).mean(axis=1)
            _panel(axis, line, pooled[np.isfinite(pooled)], check.level)
        for axis in axes[len(check.lines) :]:
            axis.axis("off")
        axes[0].legend(loc="best", fontsize=9)
        bad = ", ".join(line.name for line in check.rejected)
        title = "The model makes data like these" if check.ok else f"The model does not make data like these: {bad}"
        if check.ok and any(line.beyond for line in check.lines):
            title = "Too few replicates to tell whether the model makes data like these"
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def _panel(axis: Axes, line: PredictiveLine, replicated: Floats, level: float) -> None:
    denied = line.p_corrected < level
    axis.axvspan(
        line.low, line.high, color=COLOURS["quiet"], alpha=0.3, linewidth=0, label=f"{100 * (1 - level):g} % of them"
    )
    height = 1.0
    if len(replicated):
        counts, _, _ = axis.hist(
            replicated, bins=list(bin_edges(replicated)), color=COLOURS["model"], alpha=0.55, label="model makes"
        )
        height = float(np.max(counts))
    axis.axvline(line.observed, color=COLOURS["alert" if denied else "data"], linewidth=2.5, label="data")
    axis.set_ylim(0, 1.5 * height)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.margins(x=0.08)
    p = "p\xa0<\xa00.001" if line.p_value < 0.001 else f"p\xa0=\xa0{line.p_value:.3f}"  # not to be wrapped
    axis.set_title(line.name)
    if not denied and (line.beyond or line.p_value < level):
        p += f", {'beyond all replicates' if line.beyond else 'rejected alone'}"
    said = textwrap.fill(f"{line.verdict}, {p}", _WIDTH) if denied else p
    axis.set_xlabel(said, fontsize=10, color=COLOURS["alert" if denied else "data"])
    axis.locator_params(axis="x", nbins=5)


def bin_edges(replicated: Floats, bins: int = _BINS) -> Floats:
    """Bins of equal width; of multiples of a step, as of whole numbers, each holds equally many of these: no false gaps."""
    values = np.unique(replicated)
    steps = np.diff(values)
    if len(steps):
        step = float(steps.min())
        span = (values[-1] - values[0]) / step
        if span < 1e4 and np.allclose(steps / step, np.rint(steps / step), atol=1e-3):
            width = step * math.ceil((span + 1) / bins)
            return np.asarray(np.arange(values[0] - step / 2, values[-1] + width, width))
    return np.asarray(np.histogram_bin_edges(replicated, bins=bins))
