"""A diagnosis in four pictures: what was tried, residuals against predictions, over time, and as a whole."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from probcost.checks.evidence import Floats
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.diagnosis_result import Diagnosis

__all__ = ["plot_diagnosis"]

_BINS, _LAGS = 12, 20
_LONGEST_NAME = 34


def plot_diagnosis(diagnosis: Diagnosis) -> Figure:
    """What each tried belief gains and, of a true model, residuals that stay within the bands but for one point in twenty.

    Comparisons have no residuals: of them, how improbable each finding is.
    """
    from matplotlib.figure import Figure

    with style():
        if diagnosis.residuals is None:
            figure = Figure(figsize=(8, 1.65 + 0.45 * len(diagnosis.findings)), layout="constrained")
            _findings(figure.subplots(), diagnosis)
        else:
            figure = Figure(figsize=(11, 7.6), layout="constrained")
            axes = figure.subplots(2, 2)
            _trials(axes[0, 0], diagnosis) if diagnosis.trials else _findings(axes[0, 0], diagnosis)
            _along(axes[0, 1], diagnosis.residuals, np.asarray(diagnosis.structure["predicted"]))
            _lags(axes[1, 0], diagnosis.residuals)
            _all(axes[1, 1], diagnosis.residuals)
        names = ", ".join(finding.name for finding in diagnosis.denied[:4])
        more = ", ..." if len(diagnosis.denied) > 4 else ""
        nothing = (
            f"Not judged: {diagnosis.not_judged}"
            if diagnosis.not_judged
            else "Nothing speaks against this cost function"
        )
        title = textwrap.fill(nothing, 70) if diagnosis.ok else f"Denied: {names}{more}"
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    return figure


def _trials(axis: Axes, diagnosis: Diagnosis) -> None:
    trials = diagnosis.trials[::-1]
    position = np.arange(len(trials))
    # Far below nothing is merely worse; what gains must be seen.
    most = max(max(trial.gain + 2 * trial.standard_error for trial in trials), 1e-3)
    for at, trial in zip(position, trials, strict=True):
        chosen = trial is diagnosis.first
        colour = COLOURS["alert" if chosen else "model"]
        shown = max(trial.gain, -most)
        error = 2 * trial.standard_error if trial.gain > -most else 0.0
        marker = "o" if trial.gain > -most else "<"
        axis.errorbar(shown, at, xerr=error, fmt=marker, color=colour, markersize=7, linewidth=2)
    axis.axvline(0, color=COLOURS["data"], linewidth=1)
    names = [t.name if len(t.name) <= _LONGEST_NAME else t.name[: _LONGEST_NAME - 1] + "…" for t in trials]
    axis.set_yticks(position, names, fontsize=9)
    axis.set(
        xlim=(-1.15 * most, 1.15 * most), ylim=(-0.7, len(trials) - 0.3), xlabel="gain, nats per observation ± 2 s.e."
    )
    axis.locator_params(axis="x", nbins=4)
    axis.set_title("Other beliefs, tried: right of 0 gains")


def _findings(axis: Axes, diagnosis: Diagnosis) -> None:
    findings = diagnosis.findings[::-1]
    p = np.array([max(finding.p_value, 1e-4) for finding in findings])
    denied = np.array([finding.p_corrected < diagnosis.level for finding in findings])
    judged = np.array([finding.judged for finding in findings])
    alone = ~denied & (p < diagnosis.level)
    position = np.arange(len(findings))
    blue, orange = COLOURS["model"], COLOURS["alert"]
    for chosen, edge, face, label in (
        (judged & ~denied & ~alone, blue, blue, "as expected"),
        (alone, orange, "white", "denied alone, uncorrected"),
        (denied, orange, orange, "denied"),
    ):
        if chosen.any():
            axis.scatter(p[chosen], position[chosen], s=49, color=face, edgecolors=edge, label=label, zorder=3)
    for at in position[~judged]:
        axis.text(1.0, at, "could not be judged", ha="right", va="center", fontsize=10, color=COLOURS["data"])
    axis.axvline(diagnosis.level, color=COLOURS["quiet"], linewidth=1.5, linestyle="--")
    axis.set_xscale("log")
    axis.set(
        xlim=(7e-5, 1.4),
        ylim=(-0.7, len(findings) + 0.3),  # a row for the legend, whose marks would pass for findings
        xlabel="p-value, uncorrected (0.0001 or less at the left edge)",
    )
    axis.set_yticks(position, [finding.name for finding in findings], fontsize=10)
    axis.set_title("How improbable each finding is under the model")
    if judged.any():
        axis.legend(loc="upper left", ncols=3, fontsize=10, borderaxespad=0.0)


def _along(axis: Axes, z: Floats, predicted: Floats) -> None:
    ranks = stats.rankdata(predicted, axis=0) / len(predicted)
    bins = np.minimum((ranks * _BINS).astype(int), _BINS - 1).ravel()
    counts = np.bincount(bins, minlength=_BINS).astype(float)
    counts[counts < 2] = np.nan
    mean = np.bincount(bins, z.ravel(), minlength=_BINS) / counts
    sd = np.sqrt(np.maximum(np.bincount(bins, z.ravel() ** 2, minlength=_BINS) / counts - mean**2, 0))
    at = (np.arange(_BINS) + 0.5) / _BINS
    reach = special.ndtri(1 - 0.025) / np.sqrt(counts)
    # With few rows the two bands overlap: each has the colour of its curve.
    for found, level, error, colour, marker, label in (
        (sd, 1.0, reach / np.sqrt(2), "second", "s", "standard deviation: 1 if right"),
        (mean, 0.0, reach, "model", "o", "mean: 0 if right"),
    ):
        axis.fill_between(at, level - error, level + error, color=COLOURS[colour], alpha=0.18, linewidth=0)
        axis.axhline(level, color=COLOURS[colour], linewidth=0.8)
        axis.plot(at, found, color=COLOURS[colour], marker=marker, linewidth=2, label=label)
    low, high = np.nanmin(np.append(mean, 0.0)), np.nanmax([*sd, *(1 + reach / np.sqrt(2)), 1.0])
    axis.set(xlim=(0, 1), ylim=(low - 0.25, high + 0.55), xlabel="rank of the predicted mean, within its unit")
    axis.set_ylabel("of the residuals")
    axis.set_title("Residuals from small to large predictions")
    axis.legend(loc="upper left", fontsize=10)


def _lags(axis: Axes, z: Floats) -> None:
    from matplotlib.ticker import MaxNLocator

    rows, units = z.shape
    centred = z - z.mean(axis=0)
    scale = np.maximum((centred**2).sum(axis=0), 1e-300)
    lags = np.arange(1, min(_LAGS, rows // 4) + 1)
    each = np.stack([(centred[lag:] * centred[:-lag]).sum(axis=0) / scale for lag in lags])
    reach = special.ndtri(0.975) / np.sqrt(rows * units)
    axis.axhspan(-reach, reach, color=COLOURS["quiet"], alpha=0.35, linewidth=0, label="95 % band, lag by lag")
    axis.axhline(0, color=COLOURS["data"], linewidth=1)
    mean = each.mean(axis=1)
    colours = [COLOURS["alert" if abs(m) > reach else "model"] for m in mean]
    axis.vlines(lags, 0, mean, color=colours, linewidth=3)
    axis.scatter(lags, mean, color=colours, s=28, zorder=3)
    top = 1.5 * max(float(np.abs(mean).max()), 2 * reach)
    axis.set(
        xlim=(0, lags[-1] + 1),
        ylim=(-top, top),
        xlabel="rows apart",
        ylabel="correlation" + ", mean of units" * (units > 1),
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title("Does a row say anything of the next?")
    axis.legend(loc="upper right", fontsize=10)


def _all(axis: Any, z: Floats) -> None:
    edges = np.linspace(-4, 4, 41)
    values = z.ravel()
    share = np.histogram(values.clip(-4, 4), bins=edges)[0] / (values.size * (edges[1] - edges[0]))
    grid = np.linspace(-4, 4, 201)
    axis.stairs(share, edges, fill=True, color=COLOURS["model"], alpha=0.3)
    axis.stairs(share, edges, color=COLOURS["model"], linewidth=1.5, label="residuals")
    axis.plot(grid, stats.norm.pdf(grid), color=COLOURS["data"], linewidth=1.5, label="if the model is true")
    axis.set(xlim=(-4, 4), ylim=(0, 1.3 * max(float(share.max()), 0.4)), xlabel="quantile residual", ylabel="density")
    axis.set_title("All residuals: a standard normal if right")
    axis.legend(loc="upper right", fontsize=10)
