"""Hints from what a quick fit leaves unexplained of each unit: its spread, zeros, tails, lean and peaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from probcost.checks.advice_first_fit import FirstFit
from probcost.checks.advice_result import Hint
from probcost.checks.advice_values import named
from probcost.checks.evidence import Floats

__all__ = ["CHANCE", "of_counts", "of_reals"]

# A hint needs an effect that matters to a model, and one that chance gives all units together at most this often.
CHANCE = 0.005
_DISPERSION = 0.05  # of the Fano factor from 1
_ZEROS = 1.1  # times as many as expected
_SPREAD = 1.5  # from the quietest to the noisiest fifth of rows
_KURTOSIS = 1.0
_SKEWNESS = 0.6
_VALLEY = 0.6  # of the lower peak
_BELOW_ZERO = 0.02, 10  # share of rows, and rows, that a normal likelihood puts where none is
_BEYOND_CHANCE = 5.0  # standard errors: the deepest of many valleys


def of_counts(fit: FirstFit, names: Sequence[str]) -> Iterator[Hint]:
    """Hints from counts: dispersion and zeros given the rates."""
    k, mean = fit.y, fit.mean
    # (k − m)² − k has mean αm² and, for Poisson counts, variance 2m².
    excess = ((k - mean) ** 2 / fit.left - k).sum(axis=0)
    squares = (mean**2).sum(axis=0)
    z, fano = excess / np.sqrt(2 * squares), 1 + excess / mean.sum(axis=0)
    reach = stats.norm.isf(CHANCE / 2 / len(z))
    over, under = (z > reach) & (fano > 1 + _DISPERSION), (z < -reach) & (fano < 1 - _DISPERSION)
    alone, given = np.median(k.var(axis=0) / k.mean(axis=0)), np.median(fano)
    for which, word, name in ((over, "more", "over-dispersion"), (under, "less", "under-dispersion")):
        if which.any() and which.sum() >= 0.1 * len(which):
            most = fit.units[np.flatnonzero(which)[np.argsort(-np.abs(fano[which] - 1))]]
            yield Hint(
                name,
                f"given the inputs, {which.sum()} of {len(which)} units looked at vary {word} than Poisson counts: "
                f"variance {np.median(fano[which]):.2f} × the mean (median of all {given:.2f}; without inputs {alone:.2f})"
                + (f"; most: {named(most, names)}" if len(names) > 1 else ""),
                float(np.median(fano[which])),
                _DISPERSED[name],
                _ASKED[name],
            )
    yield from _zeros(fit, np.maximum(excess / squares, 0.0), names)


_DISPERSED = {
    "over-dispersion": "a likelihood with a dispersion of its own; but inputs that nobody recorded, and drift, look the same: "
    "check again after a real fit",
    "under-dispersion": "Conway–Maxwell–Poisson, the one count likelihood that can be narrower than Poisson",
}
_ASKED = {
    "over-dispersion": "Were all bins equally long and all rows recorded alike? What that changes the rate was not recorded?",
    "under-dispersion": "Can one event follow another at once, or is there a dead time (refractoriness, a slow detector)?",
}


def _zeros(fit: FirstFit, alpha: Floats, names: Sequence[str]) -> Iterator[Hint]:
    observed = (fit.y == 0).sum(axis=0)
    mean = fit.mean
    dispersion = np.maximum(alpha, 1e-6)
    p = np.exp(-np.log1p(dispersion * mean) / dispersion)  # of the negative binomial as dispersed as the counts are
    expected = p.sum(axis=0)
    # The rate is fitted to the same counts, which takes away some of the variance.
    variance = (p * (1 - p)).sum(axis=0) - (mean * p).sum(axis=0) ** 2 / mean.sum(axis=0)
    z = (observed - expected) / np.sqrt(variance.clip(1e-9))
    ratio = observed / expected.clip(1e-9)
    many = (z > stats.norm.isf(CHANCE / len(z)) + 0.5) & (ratio > _ZEROS) & (observed - expected > 5)
    if many.any():
        most = np.flatnonzero(many)[np.argsort(-ratio[many])]
        i = int(most[0])
        yield Hint(
            "zeros",
            f"{named(fit.units[most], names)} {'are' if len(most) > 1 else 'is'} zero more often than the spread explains: "
            f"{observed[i]:,} times where {expected[i]:,.0f} were expected",
            float(ratio[i]),
            "a likelihood with a share of lost rows beside the counts",
            "Is a count of 0 “nothing happened”, or can it mean “nothing could be recorded” (a lost electrode, an empty sample)?",
        )


def of_reals(fit: FirstFit, names: Sequence[str], *, positive: bool) -> Iterator[Hint]:
    """Hints from real numbers: none below zero, scale that depends on the inputs, tails, lean, several peaks."""
    if positive:
        yield from _below_zero(fit, names)
    spread, ratios = _spread(fit)
    wide = np.isfinite(ratios)
    if wide.any():
        i = int(np.where(wide, ratios, 0).argmax())
        yield Hint(
            "scale",
            f"errors are {ratios[i]:.1f} × as large in the noisiest fifth of rows as in the quietest{_which(fit, wide, names)}",
            float(ratios[i]),
            'a scale that the network predicts: `scale="predicted"`',
            "Were some rows measured more precisely than others, or with another instrument?",
        )
    z = fit.residuals / spread
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    # A scale that varies makes tails, and so does a scale wrongly divided by: only what is seen either way is believed.
    plain = (fit.residuals - fit.residuals.mean(axis=0)) / fit.residuals.std(axis=0)
    z = np.where((plain**4).mean(axis=0) < (z**4).mean(axis=0), plain, z)
    rows, n = z.shape
    kurtosis, skewness = (z**4).mean(axis=0) - 3, (z**3).mean(axis=0)
    peaks = [_peaks(column) for column in fit.residuals.T]
    several = np.array([peak is not None for peak in peaks])
    reach = stats.norm.isf(CHANCE / 2 / n)
    heavy = (kurtosis > _KURTOSIS) & (kurtosis > (reach + 1) * np.sqrt(24 / rows)) & ~several
    lean = (np.abs(skewness) > _SKEWNESS) & (np.abs(skewness) > (reach + 1) * np.sqrt(6 / rows)) & ~several
    if heavy.any():
        i = int(np.where(heavy, kurtosis, 0).argmax())
        worst = int(np.abs(z[:, i]).argmax())
        yield Hint(
            "tails",
            f"some errors are far larger than normal ones: kurtosis {3 + kurtosis[i]:.1f} (normal 3), the largest "
            f"{abs(z[worst, i]):.1f} standard deviations, in row {fit.rows[worst]:,}{_which(fit, heavy, names)}",
            float(3 + kurtosis[i]),
            "Student's t, whose tails are learned, so that a few rows do not decide the fit",
            f"Is row {fit.rows[worst]:,} right, or a slip in measuring or writing down?",
        )
    if lean.any():
        i = int(np.where(lean, np.abs(skewness), 0).argmax())
        side = "above" if skewness[i] > 0 else "below"
        yield Hint(
            "skewness",
            f"errors reach further to the side {side} the prediction: skewness {skewness[i]:.1f}{_which(fit, lean, names)}",
            float(skewness[i]),
            "model the logarithm, whose errors may be even"
            if positive and side == "above"
            else "a mixture of two components",
            "Do errors add up, or multiply (so many per cent)?" if positive else "",
        )
    if several.any():
        i = int(several.argmax())
        found = peaks[i]
        assert found is not None
        yield Hint(
            "several answers",
            f"around the prediction errors gather in two places or more, with few between them{_which(fit, several, names)}",
            found,
            "a mixture, which can name several answers and their weights",
            "Can the same inputs lead to different answers? Is there an input that would tell them apart?",
        )


def _below_zero(fit: FirstFit, names: Sequence[str]) -> Iterator[Hint]:
    share = stats.norm.cdf(-fit.mean / (fit.y - fit.mean).std(axis=0).clip(1e-300)).mean(axis=0)
    least, rows = _BELOW_ZERO
    below = (fit.y.min(axis=0) >= 0) & (share > least) & (share * len(fit.y) > rows)
    if below.any():
        i = int(np.where(below, share, 0).argmax())
        yield Hint(
            "below zero",
            f"no value is below 0, and normal errors as large as these would put {100 * share[i]:.0f} % of rows there"
            + _which(fit, below, names),
            float(share[i]),
            "the logarithm, log(y), which may go anywhere; or a likelihood of your own that ends at 0: "
            "help(pc.likelihoods.Likelihood) shows one of waiting times",
            "Are these waiting times, sizes or amounts, which cannot be negative?",
        )


def _which(fit: FirstFit, which: np.ndarray, names: Sequence[str]) -> str:
    return f" ({named(fit.units[np.flatnonzero(which)], names)})" if len(names) > 1 else ""


def _spread(fit: FirstFit) -> tuple[Floats, Floats]:
    """Relative size of errors expected in each row ``[t, n]``, and the ratio of its outer fifths, NaN where it is constant.

    Ranks of errors' sizes are regressed on the features and on the mean: an F test that any shape of error leaves valid.
    """
    rows, n = fit.shape
    size = np.abs(fit.residuals)
    spread, ratios = np.ones_like(size), np.full(n, np.nan)
    kept = fit.features[:, : max(1, rows // 20)]
    for i in range(n):
        centre = fit.mean[:, i] - fit.mean[:, i].mean()
        scale = centre.std()
        own = (centre / scale)[:, None] if scale > 1e-9 * np.abs(fit.mean[:, i]).max() else np.empty((rows, 0))
        design = np.concatenate([np.ones((rows, 1)), kept, own, own**2], axis=1)
        u, singular, _ = np.linalg.svd(design, full_matrices=False)
        u = u[:, singular > 1e-8 * singular[0]]
        hat, ranks = (u**2).sum(axis=1), stats.rankdata(size[:, i])
        ranks = ranks - ranks.mean()
        fitted = u @ (u.T @ ranks)
        degrees = u.shape[1] - 1, rows - u.shape[1]
        if degrees[0] < 1:
            continue
        f = (fitted**2).sum() / degrees[0] / (((ranks - fitted) ** 2).sum() / degrees[1])
        if stats.f.sf(f, *degrees) > CHANCE / n:
            continue
        # Each row's size as its fellows foretell it, so that the fifths do not merely sort the noise.
        foretold = (u @ (u.T @ size[:, i]) - hat * size[:, i]) / (1 - hat).clip(0.05)
        order = foretold.argsort()
        fifth = max(1, rows // 5)
        quiet, noisy = size[order[:fifth], i].mean(), size[order[-fifth:], i].mean()
        if noisy > _SPREAD * quiet:
            ratios[i] = noisy / max(quiet, 1e-12)
            middle = np.median(foretold)
            spread[:, i] = (foretold / middle).clip(0.2, 5) if middle > 0 else 1.0
    return spread, ratios


def _peaks(z: Floats) -> float | None:
    """Rows per bandwidth in the deepest valley over those at the lower of its two peaks; None where one peak is enough.

    Modes of a kernel density (Silverman 1981), believed where the rows at both peaks outnumber those in the valley beyond chance.
    """
    low, high = np.quantile(z, [0.005, 0.995])
    inside = z[(z >= low) & (z <= high)]
    if len(inside) < 100 or high <= low:
        return None
    quartiles = np.subtract(*np.quantile(inside, [0.75, 0.25])) / 1.349
    bandwidth = 0.9 * min(inside.std(), quartiles or inside.std()) * len(inside) ** -0.2
    distinct = np.unique(z)
    if len(distinct) < 0.2 * len(z):
        bandwidth = max(bandwidth, 2 * float(np.median(np.diff(distinct))))
    grid = np.linspace(low, high, 256)
    counts, edges = np.histogram(inside, bins=1024, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    density = np.exp(-0.5 * ((grid[:, None] - centres) / bandwidth) ** 2) @ counts
    rows = density * 2 / np.sqrt(2 * np.pi)  # in a window of two bandwidths
    peak = np.minimum(
        np.maximum.accumulate(rows), np.maximum.accumulate(rows[::-1])[::-1]
    )  # the lower of those to either side
    deep = (peak - rows) / np.sqrt(peak + rows + 1e-9)
    at = int(deep.argmax())
    return float(rows[at] / peak[at]) if deep[at] > _BEYOND_CHANCE and rows[at] < _VALLEY * peak[at] else None
