"""Pictures of how well people are told apart, and whether P(same) and predicted spread can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.pairs import all_pairs, as_array, checked, pair_distances
from probcost.scenarios.faces.scores import class_weighted, probability_bin, verification_scores
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_distances", "plot_reliability", "plot_roc", "plot_spread"]

_LINES = [("model", "-"), ("alert", "--"), ("second", "-."), ("third", ":"), ("data", (0, (6, 1))), ("quiet", "-")]


def plot_roc(embeddings: Mapping[str, Any], person: Any, *, metric: str = "euclidean") -> Figure:
    """Share of same pairs accepted against share of different ones accepted, on a logarithmic axis; marked at 1 %.

    Args:
        embeddings: ``[T, m]`` by name, or with ``metric="precomputed"`` distances ``[T, T]``.
        person: whose each photo is, ``[T]``.

    Raises:
        ValueError: where there is no embedding, or as `verification_scores` raises it.

    Example:
        >>> figure = plot_roc({"hinge": [[0.0], [1.0], [4.0], [5.5]]}, [0, 0, 1, 1])
        >>> figure.axes[0].get_xlabel()
        'different pairs accepted (FAR)'
    """
    from matplotlib import pyplot as plt
    from sklearn.metrics import roc_curve

    if not embeddings:
        raise ValueError("embeddings is empty; at least one, by name, is needed")
    with style():
        figure, axes = plt.subplots(figsize=(6.4, 4.8))
        least = 0.01
        for i, (name, embedding) in enumerate(embeddings.items()):
            values, owner, _ = checked(embedding, person, metric, None)
            same = all_pairs(owner)[2]
            false, true, _ = roc_curve(same, -pair_distances(values, metric), drop_intermediate=False)
            scores = verification_scores(values, owner, metric=metric)
            colour, line = _LINES[i % len(_LINES)]
            least = min(least, 1 / (~same).sum())
            label = f"{name}: AUC {scores['auc']:.3f}, TAR {100 * scores['tar_at_far_1pct']:.0f} % at FAR 1 %"
            axes.plot(false, true, linestyle=line, color=COLOURS[colour], drawstyle="steps-post", label=label)
            axes.plot(0.01, scores["tar_at_far_1pct"], "o", color=COLOURS[colour], markersize=7, zorder=4)
        chance = np.geomspace(least, 1, 200)
        axes.plot(chance, chance, color=COLOURS["quiet"], linewidth=1, label="chance")
        axes.axvline(0.01, color=COLOURS["quiet"], linewidth=1, linestyle=":")
        axes.set(xscale="log", xlim=(least, 1), ylim=(0, 1.02), xlabel="different pairs accepted (FAR)")
        axes.set(ylabel="same pairs accepted (TAR)", title="Verification: are two photos of one person?")
        axes.xaxis.set_major_formatter(lambda rate, _: f"{100 * rate:g} %")
        axes.yaxis.set_major_formatter(lambda rate, _: f"{100 * rate:.0f} %")
        figure.legend(loc="outside lower left", ncols=1)
        plt.close(figure)
    return figure


def plot_reliability(
    probability: Any, same: Any, *, weight: Any = None, bins: int = 15, title: str = "Is P(same person) right?"
) -> Figure:
    """How often pairs are of one person against how likely that was said to be, and how many pairs each point stands for.

    Same and different pairs weigh one half each, as in `same_person_scores`; points above the diagonal were under-confident.

    Args:
        probability: of each pair being one person, ``[n]``.
        same: whether it is, ``[n]``.
        weight: how often each pair counts, within its class.
        bins: of equal width.

    Raises:
        ValueError: as `same_person_scores` raises it.

    Example:
        >>> figure = plot_reliability([0.9, 0.8, 0.1, 0.3], [True, True, False, False])
        >>> figure.axes[0].get_ylabel()
        'share of one person'
    """
    from matplotlib import pyplot as plt

    p, truth, w = class_weighted(probability, same, weight)
    where = probability_bin(p, bins)
    total = np.bincount(where, w, bins)
    filled = total > 0
    said = np.bincount(where, w * p, bins)[filled] / total[filled]
    found = np.bincount(where, w * truth, bins)[filled] / total[filled]
    ece = np.abs(np.bincount(where, w * (p - truth), bins)).sum()
    middle, width = (np.arange(bins) + 0.5) / bins, 1 / bins
    with style():
        figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.4, 6.6), sharex=True, height_ratios=[3, 1.2])
        upper.plot([0, 1], [0, 1], "--", color=COLOURS["quiet"], label="as said")
        upper.plot(said, found, "o-", color=COLOURS["model"], label="observed")
        upper.set(
            ylabel="share of one person", ylim=(-0.02, 1.02), title=f"{title}\nexpected calibration error {ece:.3f}"
        )
        upper.legend(loc="upper left")
        for kind, shift, colour, hatch, label in (
            (truth, -0.21, "model", "", "same"),
            (~truth, 0.21, "alert", "///", "different"),
        ):
            count = np.bincount(where[kind], minlength=bins)
            lower.bar(
                middle + shift * width,
                count,
                0.42 * width,
                color=COLOURS[colour],
                hatch=hatch,
                edgecolor="white",
                linewidth=0,
                label=label,
            )
        # A symmetric logarithm shows one pair and a hundred thousand, and still has a place for none.
        lower.set(yscale="symlog", xlim=(0, 1), xlabel="P(same person)", ylabel="pairs")
        lower.legend(loc="upper center", ncols=2, fontsize="small")
        lower.set_ylim(0, 30 * lower.get_ylim()[1])
        plt.close(figure)
    return figure


def plot_distances(distance: Any, same: Any, curve: tuple[Any, Any] | None = None, bins: int = 40) -> Figure:
    """Distances of same and of different pairs, each scaled to the same area, and P(same) as learned from distance.

    Args:
        distance: of pairs, ``[n]``.
        same: whether they are of one person, ``[n]``.
        curve: distances and the probability of one person at each, ``[k]`` and ``[k]``; None leaves it out.

    Raises:
        ValueError: where lengths differ, a number is not finite or no probability, or one of the classes is missing.

    Example:
        >>> figure = plot_distances([0.2, 0.4, 1.1, 1.3], [True, True, False, False])
        >>> figure.axes[0].get_xlabel()
        'distance of two photos in the embedding'
    """
    from matplotlib import pyplot as plt

    distance = as_array(distance).astype(np.float64)
    _, truth, _ = class_weighted(np.full(distance.shape, 0.5), same, None)
    bad = np.flatnonzero(~np.isfinite(distance))
    if len(bad):
        raise ValueError(f"distance[{bad[0]}] is {distance[bad[0]]}; finite numbers are needed")
    edges = np.linspace(0, distance.max() or 1.0, bins + 1)
    with style():
        figure, axes = plt.subplots(figsize=(6.4, 4.6))
        for kind, colour, hatch, name in (
            (truth, "model", None, "same person"),
            (~truth, "alert", "///", "different people"),
        ):
            axes.hist(
                distance[kind],
                edges.tolist(),
                density=True,
                histtype="stepfilled",
                facecolor=(COLOURS[colour], 0.3),
                edgecolor=COLOURS[colour],
                hatch=hatch,
                linewidth=1.5,
                label=f"{name}: {kind.sum():,} pairs",
            )
        axes.set(xlabel="distance of two photos in the embedding", ylabel="density", xlim=(0, edges[-1]))
        axes.set_title("Distances, and how likely one person is")
        if curve is not None:
            at, p = (as_array(part).astype(np.float64) for part in curve)
            if at.ndim != 1 or at.shape != p.shape or not ((p >= 0) & (p <= 1)).all():
                raise ValueError(
                    f"curve has shapes {list(at.shape)}, {list(p.shape)}; distances and probabilities 0 … 1, [k]"
                )
            other = axes.twinx()
            order = np.argsort(at)
            other.plot(at[order], p[order], color=COLOURS["data"], linewidth=2.5, label="P(same person)")
            other.set(ylim=(0, 1.02), ylabel="P(same person)")
            other.spines["right"].set_visible(True)
        figure.legend(loc="outside lower left", ncols=2, fontsize="small")
        plt.close(figure)
    return figure


def plot_spread(spread: Any, condition: Any, name: str, bins: int = 8) -> Figure:
    """Predicted spread of embeddings against a condition of the photo: every photo, and median and quartiles of like ones.

    Args:
        spread: of each photo's embedding, ``[T]``.
        condition: such as yaw in degrees, ``[T]``.
        name: of the condition, with its unit: ``"yaw, degrees"``.
        bins: groups; of equally many photos, except that equal conditions stay together.

    Raises:
        ValueError: where lengths differ or a number is not finite.

    Example:
        >>> figure = plot_spread(np.linspace(0.1, 0.2, 40), np.linspace(0, 90, 40), "yaw, degrees")
        >>> figure.axes[0].get_xlabel()
        'yaw, degrees'
    """
    from matplotlib import pyplot as plt

    values, at = (as_array(part).astype(np.float64) for part in (spread, condition))
    if values.ndim != 1 or values.shape != at.shape or not len(values):
        raise ValueError(
            f"spread has shape {list(values.shape)} and condition {list(at.shape)}; one of each a photo, [T]"
        )
    for label, array in (("spread", values), ("condition", at)):
        bad = np.flatnonzero(~np.isfinite(array))
        if len(bad):
            raise ValueError(f"{label}[{bad[0]}] is {array[bad[0]]}; finite numbers are needed")
    groups = _alike(at, bins)
    centre = [np.median(at[g]) for g in groups]
    low, middle, high = np.array([np.quantile(values[g], [0.25, 0.5, 0.75]) for g in groups]).T
    with style():
        figure, axes = plt.subplots(figsize=(6.0, 4.4))
        axes.scatter(at, values, s=10, color=COLOURS["quiet"], alpha=0.5, linewidths=0, label="a photo")
        axes.errorbar(
            centre,
            middle,
            [middle - low, high - middle],
            fmt="o-",
            color=COLOURS["model"],
            capsize=3,
            linewidth=2,
            label="median and quartiles",
        )
        axes.set(
            xlabel=name,
            ylabel="predicted spread of the embedding",
            title=f"How sure of a photo, by {name.split(',')[0]}",
        )
        axes.set_ylim(0, 1.25 * values.max() or 1.0)
        axes.legend(loc="upper left", ncols=2)
        plt.close(figure)
    return figure


def _alike(at: NDArray[np.float64], bins: int) -> list[NDArray[np.int64]]:
    """Row numbers of photos of like conditions, ascending, none empty."""
    order = np.argsort(at, kind="stable")
    groups, start = [], 0
    for left in range(bins, 0, -1):
        end = start + -(-(len(at) - start) // left)
        # Equal conditions stay together, such as 0 for all sharp photos; the groups left share what remains.
        while end < len(at) and at[order[end]] == at[order[end - 1]]:
            end += 1
        if end > start:
            groups.append(order[start:end])
        start = end
    return groups
