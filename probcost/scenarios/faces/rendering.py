"""A photo of a surface: turned, lit, hidden where something is nearer, and softened as a lens does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probcost.scenarios.faces.surfaces import Surface

__all__ = ["OVERSAMPLING", "View", "render"]

OVERSAMPLING = 2  # finer pixels along each side of a pixel
_HALF_HEIGHT = 1.10  # of the photo, where a head's is 1
_DEPTHS = 2**20  # steps that the nearness of two points is told apart by


@dataclass(frozen=True)
class View:
    """How a photo is taken. Angles in degrees; a positive yaw turns the face to the photo's right.

    Attributes:
        yaw, pitch, roll: of the head: turned, nodded, tilted.
        light: where the light stands: 0 behind the camera, ±90 at the photo's right and left.
        elevation: of the light above the horizon.
        strength: of the light, beside an ambient light of 1 − ``strength``.
        background: grey level behind the head, 0 … 1.
        shift: of the head, in half heights, ``(right, up)``; zoom: 1 as it is.
        blur: standard deviation of the blur, in pixels of the photo.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: float = 0.0
    elevation: float = 30.0
    strength: float = 0.6
    background: float = 0.5
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    blur: float = 0.0


def render(surface: Surface, view: View, size: tuple[int, int]) -> NDArray[np.float32]:
    r"""The photo ``[h, w]`` of a surface, grey levels 0 … 1.

    Orthographic projection of every point to pixels twice as fine, where the nearest wins; Lambert's law with a
    background light from all sides; gamma; then the mean of each 2 × 2 fine pixels.

    .. math:: g = \left(a \, (1 - s + s \max(0, n \cdot l))\right)^{1 / 1.5}

    for albedo a, light strength s, normal n and direction of light l.

    Source: Lambert, "Photometria", 1760; the z-buffer is Catmull's, "A subdivision algorithm for computer display of curved
    surfaces", 1974.
    """
    height, width = (OVERSAMPLING * side for side in size)
    turned = _rotation(view).astype(np.float32)
    facing = np.flatnonzero(surface.normals @ turned[2] > -0.05)
    x, y, z = turned @ surface.points[facing].T
    scale = height / (2 * _HALF_HEIGHT) * view.zoom
    column = np.floor(width / 2 + scale * (x + view.shift[0])).astype(np.int64)
    row = np.floor(height / 2 - scale * (y + view.shift[1])).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    # Depth in the high bits and the point's number in the low ones: one maximum tells which point a pixel shows.
    key = ((z[inside] + 4) / 8 * _DEPTHS).astype(np.int64) * len(surface.points) + facing[inside]
    nearest = np.full(height * width, -1, np.int64)
    np.maximum.at(nearest, row[inside] * width + column[inside], key)
    shown = nearest >= 0
    which = nearest[shown] % len(surface.points)
    towards, up = np.deg2rad(view.light), np.deg2rad(view.elevation)
    light = np.array([np.sin(towards) * np.cos(up), np.sin(up), np.cos(towards) * np.cos(up)], np.float32)
    lit = 1 - view.strength + view.strength * (surface.normals[which] @ (turned.T @ light)).clip(0) * 1.25
    image = np.full(height * width, np.nan, np.float32)
    image[shown] = (surface.albedo[which] * lit).clip(0, 1) ** (1 / 1.5)
    fine = _fill(image.reshape(height, width), view.background)
    photo = fine.reshape(size[0], OVERSAMPLING, size[1], OVERSAMPLING).mean((1, 3))
    return _blurred(photo, view.blur) if view.blur > 0 else photo


def _rotation(view: View) -> NDArray[np.float64]:
    yaw, pitch, roll = (np.deg2rad(angle) for angle in (view.yaw, view.pitch, view.roll))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def _fill(image: NDArray[np.float32], background: float) -> NDArray[np.float32]:
    """Empty pixels between points take their neighbours' mean; what has at most two neighbours is background."""
    empty = np.isnan(image)
    padded = np.pad(image, 1, constant_values=np.nan)
    around = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
    known = ~np.isnan(around)
    count = known.sum(0)
    mean = np.where(known, around, 0).sum(0) / np.maximum(count, 1)
    height = image.shape[0]
    backdrop = background * np.linspace(1.08, 0.92, height, dtype=np.float32)[:, None]
    filled = np.where(empty, np.where(count >= 3, mean, backdrop), image)
    return filled.astype(np.float32)


def _blurred(photo: NDArray[np.float32], sd: float) -> NDArray[np.float32]:
    reach = int(np.ceil(3 * sd))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    kernel /= kernel.sum()
    out = np.pad(photo.astype(np.float64), reach, mode="edge")
    for axis in (0, 1):
        out = np.apply_along_axis(np.convolve, axis, out, kernel, mode="valid")
    return out.astype(np.float32)
