"""What `advise` looked at, in one figure: the observations, their spread, their course over rows, and units together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probcost.checks.advice_first_fit import FirstFit
    from probcost.checks.advice_result import Advice

__all__ = ["plot_advice"]

_MOST_BARS = 40


def plot_advice(advice: Advice) -> Figure:
    """Up to four panels; the observations alone where there was nothing to fit."""
    from matplotlib.figure import Figure

    with style():
        fit: FirstFit | None = advice.pictures["fit"]
        figure = Figure(figsize=(9.0, 6.4) if fit is not None else (4.5, 3.2))
        axes = figure.subplots(2, 2).ravel() if fit is not None else [figure.subplots()]
        _observed(axes[0], advice)
        if fit is not None:
            if advice.kind == "counts":
                _dispersion(axes[1], fit)
            else:
                _quantiles(axes[1], fit)
            _lags(axes[2], advice)
            if len(advice.pictures["pairs"]):
                _pairs(axes[3], advice.pictures["pairs"], len(fit.rows))
            else:
                _sizes(axes[3], fit)
    return figure


def _observed(axis: Axes, advice: Advice) -> None:
    from matplotlib.ticker import MaxNLocator

    y = np.where(np.isfinite(y := advice.pictures["observed"]), y, np.nan)
    axis.set_title("Observations")
    if advice.kind in ("counts", "grades", "binary", "labels", "constant"):
        whole, often = np.unique(y[np.isfinite(y)], return_counts=True)
        axis.bar(whole[:_MOST_BARS], often[:_MOST_BARS] / max(1, often.sum()), width=0.8, color=COLOURS["model"])
        axis.set(xlabel="value (all units)" if y.shape[1] > 1 else "value", ylabel="share")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        return
    many = y.shape[1] > 1
    values = (y - np.nanmean(y, axis=0)) / np.maximum(np.nanstd(y, axis=0), 1e-12) if many else y
    values = values[np.isfinite(values)]
    axis.hist(np.clip(values, *np.quantile(values, [0.001, 0.999])), bins=60, color=COLOURS["model"])
    axis.set_xlabel("y, in standard deviations of each unit" if many else "y")
    axis.set_ylabel("observations" if many else "rows")


def _dispersion(axis: Axes, fit: FirstFit) -> None:
    mean = fit.y.mean(axis=0)
    alone, given = fit.y.var(axis=0), ((fit.y - fit.mean) ** 2 / fit.left).mean(axis=0)
    line = np.geomspace(mean.min() / 1.5, mean.max() * 1.5, 50)
    axis.plot(line, line, color=COLOURS["data"], lw=1, label="Poisson")
    axis.scatter(mean, alone, s=18, color=COLOURS["quiet"], label="without inputs")
    axis.scatter(mean, given, s=18, color=COLOURS["model"], label="given the inputs")
    # Over less than a decade a logarithmic axis has only minor ticks, whose labels collide.
    scale = "log" if line[-1] > 10 * line[0] else "linear"
    axis.set(xscale=scale, yscale=scale, xlabel="mean count of a unit", ylabel="variance")
    axis.set_title("Variance and mean")
    axis.legend(fontsize=9)


def _quantiles(axis: Axes, fit: FirstFit) -> None:
    expected = stats.norm.ppf((np.arange(1, len(fit.rows) + 1) - 0.5) / len(fit.rows))
    for i, column in enumerate(fit.residuals.T):
        axis.plot(expected, np.sort(column), color=COLOURS["model"], lw=1.2, alpha=1 if fit.shape[1] == 1 else 0.5)
        if i == 0:
            axis.plot(expected[[0, -1]], expected[[0, -1]], color=COLOURS["data"], lw=1, zorder=0)
    axis.set(xlabel="quantile of a normal distribution", ylabel="error of a quick fit, in sds")
    axis.set_title("Tails")


def _lags(axis: Axes, advice: Advice) -> None:
    lags = np.arange(1, 11)
    values = np.stack([r for r, _ in advice.pictures["lags"]])
    pairs = np.maximum([n for _, n in advice.pictures["lags"]], 1)
    band = 1.96 / np.sqrt(pairs)
    axis.fill_between(lags, -band, band, color=COLOURS["quiet"], alpha=0.3, lw=0, label="95 % by chance")
    axis.plot(lags, values, color=COLOURS["model"], lw=1, alpha=0.4)
    axis.plot(lags, np.median(values, axis=1), color=COLOURS["alert"], marker="o", ms=4, label="median unit")
    axis.axhline(0, color=COLOURS["data"], lw=0.8)
    axis.set(xlabel="rows apart", ylabel="correlation of errors", xticks=lags)
    reach = 1.15 * max(0.1, float(np.abs(values).max()), float(band.max()))
    axis.set_ylim(-reach, reach)
    axis.set_title("Over rows")
    axis.legend(fontsize=9)


def _pairs(axis: Axes, pairs: np.ndarray, rows: int) -> None:
    reach = 1.1 * max(float(np.abs(pairs).max()), 4 / np.sqrt(rows))
    edges = np.linspace(-reach, reach, 41)
    axis.hist(pairs, bins=edges.tolist(), color=COLOURS["model"], label="pairs of units")
    grid = np.linspace(-reach, reach, 300)
    chance = stats.norm.pdf(grid, scale=1 / np.sqrt(rows)) * len(pairs) * (edges[1] - edges[0])
    axis.plot(grid, chance, color=COLOURS["data"], lw=1, label="independent units")
    axis.set(xlabel="correlation of errors", ylabel="pairs")
    axis.set_title("Between units")
    axis.legend(fontsize=9)


def _sizes(axis: Axes, fit: FirstFit) -> None:
    axis.scatter(fit.mean[:, 0], fit.residuals[:, 0], s=6, color=COLOURS["model"], alpha=0.4, lw=0)
    axis.axhline(0, color=COLOURS["data"], lw=0.8)
    axis.set(xlabel="predicted by a quick fit", ylabel="error, in sds")
    axis.set_title("Errors by prediction")
