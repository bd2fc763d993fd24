"""Pictures of predicted locations: ellipsoids around atoms, and whether predicted σ means anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.atoms.scores import paired, require_finite, within_type_correlation
from probcost.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_locations", "plot_scale_by_type", "plot_uncertainty_error"]

_SHOWN = 0.02  # weight of the smallest component drawn
_RADIUS_50, _RADIUS_90 = 1.538, 2.500  # of a normal in three dimensions, in standard deviations: √χ²₃ at 50 and 90 %
_BACKBONE = np.array([[-0.52, 1.36, 0.0], [0.0, 0.0, 0.0], [1.53, 0.0, 0.0]])  # N, CA, C in the local frame, Å


def plot_locations(y: Any, weights: Any, means: Any, covariances: Any, titles: Sequence[str] | None = None) -> Figure:
    """Atoms in 3-D: where each is, and the 50 % ellipsoids (wires: 90 %) of the components predicted for it.

    A component's ellipsoid is the denser the more weight it has; below 2 % it is left out. N, CA and C show the local frame.

    Args:
        y: true locations ``[T, 3]``, Å; the first six are drawn.
        weights, means, covariances: of the components, ``[T, K]``, ``[T, K, 3]``, ``[T, K, 3, 3]``.
        titles: one for each atom drawn, or for each of the T.

    Raises:
        ValueError: where shapes do not fit each other, a location, weight or mean is not finite, or titles are too few.

    Example:
        >>> molecules = atoms.simulate_molecule(n=200)
        >>> covariances = np.tile(np.eye(3), (200, 1, 1, 1))
        >>> figure = plot_locations(molecules.y, np.ones((200, 1)), molecules.y[:, None], covariances)
        >>> figure.axes[0].get_xlabel()
        'Å'
    """
    from matplotlib import pyplot as plt

    y, weights, means, covariances = (np.asarray(part, dtype=float) for part in (y, weights, means, covariances))
    n_atoms, n_components = weights.shape if weights.ndim == 2 else (len(y), 0)
    wanted = {"y": (n_atoms, 3), "means": (n_atoms, n_components, 3), "covariances": (n_atoms, n_components, 3, 3)}
    for name, part in (("y", y), ("means", means), ("covariances", covariances)):
        if not n_atoms or part.shape != wanted[name]:
            raise ValueError(
                f"{name} has shape {list(part.shape)} and weights {list(weights.shape)}; [T, K] weights need "
                f"{name} of {list(wanted[name])}"
            )
    for name, part in (("y", y), ("weights", weights), ("means", means)):
        require_finite(name, part)
    n = min(6, n_atoms)
    if titles is not None and len(titles) < n:
        raise ValueError(f"titles has {len(titles)} and {n} atoms are drawn; one title for each is needed")
    columns = min(3, n)
    rows = -(-n // columns)
    # Inches above the panels for the legend: one line, or three in a narrow figure.
    header = 0.4 if columns > 1 else 0.8
    with style():
        figure = plt.figure(figsize=(4.2 * columns, 4.2 * rows + header), layout="none")
        for t in range(n):
            axes: Any = figure.add_subplot(rows, columns, t + 1, projection="3d")
            _draw_atom(axes, y[t], weights[t], means[t], covariances[t])
            axes.set_title(titles[t] if titles is not None else f"atom {t}", pad=0)
        height = figure.get_figheight()
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="upper center",
            ncols=3 if columns > 1 else 1,
            fontsize="small",
            bbox_to_anchor=(0.5, 1 - 0.02 / height),
        )
        figure.subplots_adjust(
            left=0.02, right=0.95, top=1 - (header + 0.2) / height, bottom=0.04, wspace=0.1, hspace=0.14
        )
        plt.close(figure)
    return figure


def _draw_atom(
    axes: Any, y: NDArray[Any], weights: NDArray[Any], means: NDArray[Any], covariances: NDArray[Any]
) -> None:
    axes.computed_zorder = False  # else ellipsoids that hold the atom are painted over it
    least = min(_SHOWN, weights.max())  # of many that are equally likely, none may reach the usual weight
    shown = [c for c in np.argsort(-weights) if weights[c] >= least and np.isfinite(covariances[c]).all()]
    for c in shown:
        alpha = 0.15 + 0.6 * weights[c] / weights[shown].max()
        axes.plot_surface(
            *_ellipsoid(means[c], covariances[c], _RADIUS_50, 20), color=COLOURS["model"], alpha=0.5 * alpha
        )
        axes.plot_wireframe(
            *_ellipsoid(means[c], covariances[c], _RADIUS_90, 9),
            color=COLOURS["model"],
            alpha=0.4 * alpha,
            linewidth=0.5,
        )
    axes.plot(*_BACKBONE.T, color=COLOURS["quiet"], linewidth=3, zorder=3, label="N – CA – C")
    # A thread from CA tells how deep in the picture the atom lies, which a dot alone does not.
    axes.plot(*np.stack([_BACKBONE[1], y]).T, color=COLOURS["alert"], linewidth=1.2, linestyle=":", zorder=4)
    axes.scatter(
        *y, color=COLOURS["alert"], edgecolors="white", linewidths=1, s=70, depthshade=False, zorder=5, label="the atom"
    )
    axes.plot([], [], color=COLOURS["model"], linewidth=6, alpha=0.5, label="predicted: 50 % and (wires) 90 %")
    around = np.vstack([_BACKBONE, y[None], means[shown]])
    middle, reach = (around.max(0) + around.min(0)) / 2, 0.55 * np.ptp(around, axis=0).max() + 0.5
    for label, place in zip("NC", _BACKBONE[[0, 2]], strict=True):
        beside = place * (1 + 0.15 * reach / np.linalg.norm(place))
        axes.text(*beside, label, color=COLOURS["quiet"], fontsize="small", ha="center", va="center")
    axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    axes.set(zlim=(middle[2] - reach, middle[2] + reach), xlabel="Å", ylabel="Å", zlabel="Å", box_aspect=(1, 1, 1))
    axes.tick_params(labelsize="x-small", pad=-2)
    axes.xaxis.labelpad = axes.yaxis.labelpad = axes.zaxis.labelpad = -6
    axes.locator_params(nbins=5, integer=True)


def _ellipsoid(mean: NDArray[Any], covariance: NDArray[Any], radius: float, steps: int) -> NDArray[Any]:
    """Points ``[3, 2 steps, steps]`` on the surface at a Mahalanobis distance of ``radius``."""
    values, vectors = np.linalg.eigh(covariance)
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * steps), np.linspace(0, np.pi, steps), indexing="ij")
    sphere = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)])
    return mean[:, None, None] + radius * np.einsum("ij,j,juv->iuv", vectors, np.sqrt(values.clip(0)), sphere)


def plot_scale_by_type(sigma: Any, error: Any, residue: Any, residue_names: Sequence[str]) -> Figure:
    """Predicted σ beside the error that came, by residue type; both in Å, root mean square.

    Args:
        sigma, error: ``[T]``, of the location as a whole.
        residue: type of each atom, ``[T]``, counted in ``residue_names``.

    Raises:
        ValueError: where lengths differ, a number is not finite, or a type has no name.

    Example:
        >>> sigma = np.array([0.5, 0.5, 1.0, 1.0])
        >>> figure = plot_scale_by_type(sigma, sigma, [0, 0, 1, 1], ["SER", "ARG"])
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['SER (2)', 'ARG (2)']
    """
    from matplotlib import pyplot as plt

    sigma, error, residue = paired(sigma, error, residue)
    nameless = residue[(residue < 0) | (residue >= len(residue_names))]
    if len(nameless):
        raise ValueError(f"residue holds {nameless[0]} and residue_names has {len(residue_names)} names")
    kinds = np.unique(residue)
    rms = np.array([[np.sqrt(np.mean(part[residue == kind] ** 2)) for part in (sigma, error)] for kind in kinds])
    order = np.argsort(rms[:, 1])
    with style():
        figure, axes = plt.subplots(figsize=(7, 1.2 + 0.3 * len(kinds)))
        place = np.arange(len(kinds))
        axes.hlines(place, *rms[order].T, color=COLOURS["quiet"], linewidth=1)
        # A ring around a dot: both are seen where they agree.
        axes.plot(
            rms[order, 0],
            place,
            "o",
            color=COLOURS["model"],
            fillstyle="none",
            markersize=9,
            markeredgewidth=2,
            label="predicted σ",
        )
        axes.plot(rms[order, 1], place, "o", color=COLOURS["alert"], markersize=5, label="error")
        axes.set_yticks(place, [f"{residue_names[kinds[i]]} ({(residue == kinds[i]).sum():,})" for i in order])
        axes.set(xlabel="root mean square, Å", title="Predicted σ and error, by type", xlim=(0, None))
        axes.legend(loc="lower right")
        plt.close(figure)
    return figure


def plot_uncertainty_error(sigma: Any, error: Any, residue: Any, bins: int = 15) -> Figure:
    """Root mean square error of atoms of like predicted σ, both in Å, and the rank correlation with and within types.

    Args:
        sigma, error: ``[T]``, of the location as a whole.
        residue: type of each atom, ``[T]``.
        bins: groups of equally many atoms.

    Raises:
        ValueError: where lengths differ, or there are fewer atoms than bins.

    Example:
        >>> sigma = np.linspace(0.1, 2.0, 60)
        >>> figure = plot_uncertainty_error(sigma, sigma, np.zeros(60, int))
        >>> figure.axes[0].get_ylabel()
        'root mean square error, Å'
    """
    from matplotlib import pyplot as plt
    from scipy.stats import spearmanr

    sigma, error, residue = paired(sigma, error, residue)
    if not 0 < bins <= len(sigma):
        raise ValueError(f"bins is {bins}; 1 … {len(sigma):,} can be made of {len(sigma):,} atoms")
    groups = np.array_split(np.argsort(sigma), bins)
    predicted = [np.sqrt(np.mean(sigma[g] ** 2)) for g in groups]
    found = [np.sqrt(np.mean(error[g] ** 2)) for g in groups]
    within = within_type_correlation(sigma, error, residue)
    with style():
        figure, axes = plt.subplots(figsize=(5.5, 5))
        top = 1.05 * max(*predicted, *found)
        axes.plot([0, top], [0, top], "--", color=COLOURS["quiet"], label="as predicted")
        axes.plot(predicted, found, "o-", color=COLOURS["model"], label=f"{len(sigma) // bins:,} atoms each")
        axes.set(
            xlabel="predicted σ, Å", ylabel="root mean square error, Å", xlim=(0, top), ylim=(0, top), aspect="equal"
        )
        axes.set_title(f"rank correlation {spearmanr(sigma, error).statistic:.2f}, within types {within:.2f}")
        axes.legend(loc="upper left")
        plt.close(figure)
    return figure
