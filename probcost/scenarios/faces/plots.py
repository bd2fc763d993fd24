"""Pictures of photos and of where an embedding puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.dataset import as_people
from probcost.scenarios.faces.pairs import as_array, checked
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_embedding", "plot_neighbours", "plot_photos"]

_SHADES = [COLOURS[c] for c in ("model", "alert", "second", "third", "data", "quiet")]
# Six colours and seven markers share no divisor: 42 people look different, by shape alone where colours fail.
_MARKERS = "osD^vPX"


def plot_photos(images: Any, titles: Sequence[str] | None = None, columns: int = 12) -> Figure:
    """A contact sheet: photos in rows, as they come.

    Args:
        images: ``[T, h, w]``, ``[T, 1, h, w]`` or ``[T, 3, h, w]``; whole numbers 0 … 255 or fractions 0 … 1.
        titles: one a photo, or None.
        columns: photos in a row.

    Raises:
        ValueError: where there is no photo, shapes do not fit, or titles are too few.

    Example:
        >>> photos = faces.simulate_faces(n_people=6, n_photos=4, size=(24, 20))
        >>> len(plot_photos(photos.x, columns=6).axes)
        24
    """
    from matplotlib import pyplot as plt

    photos = _as_pictures(images)
    if titles is not None and len(titles) != len(photos):
        raise ValueError(f"titles has {len(titles):,} and images {len(photos):,} photos; one title for each is needed")
    columns = max(1, min(columns, len(photos)))
    rows = -(-len(photos) // columns)
    tall = photos.shape[1] / photos.shape[2] + (0.22 if titles is not None else 0)
    with style():
        figure, panels = plt.subplots(rows, columns, figsize=(columns, rows * tall), squeeze=False)
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.03, wspace=0.02, hspace=0.02)
        for t, axes in enumerate(panels.flat):
            axes.axis("off")
            if t < len(photos):
                _show(axes, photos[t])
                if titles is not None:
                    axes.set_title(titles[t], fontsize=9, loc="center", pad=2)
        plt.close(figure)
    return figure


def plot_embedding(
    embeddings: Mapping[str, Any], person: Any, names: Sequence[str] | None = None, most: int = 12
) -> Figure:
    """Embeddings of the same photos in two dimensions, one panel each: a point is a photo, colour and shape its person.

    Each is turned to its two directions of largest spread (principal components), of all photos; the share of the variance
    that they hold is printed. The axes of every panel are equally long in both directions. A panel says "one point" where an
    embedding has collapsed.

    Args:
        embeddings: ``[T, m]`` by name, such as the steps of a ladder of costs; names become titles.
        person: whose each photo is, ``[T]``.
        names: of people by number, for the legend; numbers where None.
        most: people drawn in colour, evenly chosen; the others are grey.

    Raises:
        ValueError: where there is no embedding, shapes do not fit, or a number is not finite.

    Source: Pearson, "On lines and planes of closest fit to systems of points in space", 1901,
    https://doi.org/10.1080/14786440109462720.

    Example:
        >>> person = np.repeat(np.arange(5), 4)
        >>> figure = plot_embedding({"pairs": np.zeros((20, 8)), "hinge": np.random.randn(20, 8)}, person)
        >>> len(figure.axes)  # a panel each
        2
    """
    from matplotlib import pyplot as plt

    if not embeddings:
        raise ValueError("embeddings is empty; at least one, by name, is needed")
    people = np.unique(as_people("person", as_array(person)))
    coloured = people[np.unique(np.linspace(0, len(people) - 1, min(most, len(people))).round().astype(int))]
    columns = 2 if len(embeddings) == 4 else min(3, len(embeddings))
    rows = -(-len(embeddings) // columns)
    with style():
        figure, panels = plt.subplots(rows, columns, figsize=(3.7 * columns + 1.3, 3.9 * rows), squeeze=False)
        for axes in panels.flat[len(embeddings) :]:
            axes.axis("off")
        for axes, (title, embedding) in zip(panels.flat, embeddings.items(), strict=False):
            values, owner, _ = checked(embedding, person, "euclidean", None)
            points, share = _principal(values)
            rest = ~np.isin(owner, coloured)
            axes.scatter(*points[rest].T, s=8, color=COLOURS["quiet"], alpha=0.35, linewidths=0)
            for i, who in enumerate(coloured):
                own = owner == who
                axes.scatter(
                    *points[own].T,
                    s=30,
                    color=_SHADES[i % len(_SHADES)],
                    marker=_MARKERS[i % len(_MARKERS)],
                    alpha=0.85,
                    edgecolors="white",
                    linewidths=0.5,
                    label=str(who) if names is None else names[who],
                )
            axes.set(title=title, xticks=[], yticks=[])
            reach = 1.1 * np.abs(points).max() or 1.0
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
            axes.set_xlabel(
                "all photos in one point"
                if share is None
                else f"two directions hold {100 * share:.0f} % of the variance"
            )
        handles = panels.flat[0].get_legend_handles_labels()
        others = len(people) - len(coloured)
        title = "person" + (f"\n(grey: {others} others)" if others else "")
        figure.legend(*handles, loc="outside right center", title=title, fontsize="small", handletextpad=0.2)
        plt.close(figure)
    return figure


def plot_neighbours(
    images: Any, embedding: Any, person: Any, queries: Sequence[int], n: int = 6, *, metric: str = "euclidean"
) -> Figure:
    """Photos asked about, and their nearest neighbours in the embedding, nearest first.

    A neighbour of the same person has a thin blue frame and a ✓, another person's a thick orange, dashed one and a ✗.

    Args:
        images: ``[T, h, w]`` or ``[T, c, h, w]``.
        embedding: ``[T, m]``, or with ``metric="precomputed"`` distances ``[T, T]``.
        person: whose each photo is, ``[T]``.
        queries: row numbers, one a row of the picture.
        n: neighbours shown.

    Raises:
        ValueError: where shapes do not fit, there are no queries, or a query is no row.

    Example:
        >>> photos = faces.simulate_faces(n_people=6, n_photos=4, size=(24, 20))
        >>> figure = plot_neighbours(photos.x, photos.x.reshape(24, -1), photos.y, queries=[0, 5], n=3)  # by their pixels
        >>> figure.get_suptitle()
        'Nearest neighbours: ✓ same person, ✗ another; distance'
    """
    from matplotlib import pyplot as plt
    from scipy.spatial.distance import cdist

    photos = _as_pictures(images)
    values, owner, _ = checked(embedding, person, metric, None)
    if len(photos) != len(owner):
        raise ValueError(f"images has {len(photos):,} photos and person {len(owner):,}")
    if not len(queries) or min(queries) < 0 or max(queries) >= len(owner):
        raise ValueError(f"queries is {list(queries)}; row numbers 0 … {len(owner) - 1} are accepted, at least one")
    n = min(n, len(owner) - 1)
    tall = photos.shape[1] / photos.shape[2] + 0.32
    with style():
        size = (1.3 * (n + 1.2), 1.15 * tall * len(queries) + 0.3)
        figure, panels = plt.subplots(
            len(queries), n + 2, figsize=size, squeeze=False, width_ratios=[1, 0.12, *[1] * n]
        )
        figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03, wspace=0.1, hspace=0.04)
        for q, row in zip(queries, panels, strict=True):
            distance = values[q].copy() if metric == "precomputed" else cdist(values[[q]], values)[0]
            distance[q] = np.inf
            _show(row[0], photos[q])
            row[0].set_xlabel("query", fontsize=10, labelpad=3)
            row[1].axis("off")
            for axes, t in zip(row[2:], np.argsort(distance, kind="stable")[:n], strict=True):
                right = owner[t] == owner[q]
                _show(axes, photos[t])
                for spine in axes.spines.values():
                    spine.set(
                        visible=True,
                        edgecolor=COLOURS["model" if right else "alert"],
                        linewidth=2 if right else 3.5,
                        linestyle="-" if right else (0, (1.6, 0.9)),
                        capstyle="butt",
                    )
                mark = "✓" if right else "✗"
                axes.set_xlabel(
                    f"{mark} {distance[t]:.2f}",
                    fontsize=10,
                    labelpad=3,
                    color=COLOURS["data" if right else "alert"],
                    fontweight="normal" if right else "bold",
                )
        figure.suptitle("Nearest neighbours: ✓ same person, ✗ another; distance", x=0.01, ha="left", fontsize=12)
        plt.close(figure)
    return figure


def _principal(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float | None]:
    """Points ``[T, 2]`` and the share of the variance they hold; None where all points are one."""
    centred = values - values.mean(0)
    total = float((centred**2).sum())
    # What is left of a collapsed embedding is rounding, which must not be blown up to fill the panel.
    if total <= (1e-4 * np.abs(values).max()) ** 2 * values.size:
        return np.zeros((len(values), 2)), None
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    points = (left * scale)[:, :2]
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(len(points))])
    return points, float((points**2).sum() / total)


def _as_pictures(images: Any) -> NDArray[Any]:
    """Photos as matplotlib shows them: ``[T, h, w]`` or ``[T, h, w, 3]``, fractions."""
    photos = as_array(images)
    if photos.ndim == 4 and photos.shape[1] in (1, 3):
        photos = photos[:, 0] if photos.shape[1] == 1 else np.moveaxis(photos, 1, -1)
    elif photos.ndim != 3:
        raise ValueError(f"images has shape {list(photos.shape)}; [T, h, w] or [T, c, h, w] with c of 1 or 3 is needed")
    if not photos.size:
        raise ValueError(f"images has shape {list(photos.shape)}; at least one photo is needed")
    return photos / 255 if photos.dtype.kind in "ui" else photos


def _show(axes: Any, photo: NDArray[Any]) -> None:
    axes.imshow(photo, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
