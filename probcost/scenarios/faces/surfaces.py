"""Surfaces as points with normals and albedo, and the smooth shapes they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Surface", "about_y", "bump", "ellipsoid", "join", "normals", "rise", "soft", "solid", "tube"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Surface:
    """Points of a surface, ``[V, 3]``, the unit vectors that leave it there, and how much of the light it gives back, ``[V]``."""

    points: Floats
    normals: Floats
    albedo: Floats


def normals(points: Floats) -> Floats:
    """Unit vectors that leave a surface ``[rows, columns, 3]`` whose rows run down, and in front from left to right."""
    down, around = np.empty_like(points), np.empty_like(points)
    down[1:-1], down[0], down[-1] = points[2:] - points[:-2], points[1] - points[0], points[-1] - points[-2]
    around[:, 1:-1] = points[:, 2:] - points[:, :-2]
    around[:, 0], around[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    (ax, ay, az), (bx, by, bz) = np.moveaxis(down, -1, 0), np.moveaxis(around, -1, 0)
    out = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
    return out / np.sqrt((out * out).sum(-1, keepdims=True) + 1e-20)


def join(parts: list[Surface]) -> Surface:
    return Surface(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("points", "normals", "albedo")))


def solid(points: Floats, albedo: float) -> Surface:
    flat = points.reshape(-1, 3)
    return Surface(flat, normals(points).reshape(-1, 3), np.full(len(flat), albedo, np.float32))


def ellipsoid(across: float, up: float, deep: float, rows: int) -> Floats:
    polar = ((np.arange(rows, dtype=np.float32) + 0.5) / rows * np.pi)[:, None]
    turn = np.linspace(-np.pi, np.pi, 3 * rows // 2, dtype=np.float32)[None]
    parts = across * np.sin(polar) * np.sin(turn), up * np.cos(polar), deep * np.sin(polar) * np.cos(turn)
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def tube(across: float, deep: float, low: float, high: float, rows: int) -> Floats:
    y = np.linspace(high, low, rows // 2, dtype=np.float32)[:, None]
    turn = np.linspace(-np.pi, np.pi, rows, dtype=np.float32)[None]
    return np.stack(np.broadcast_arrays(across * np.sin(turn), y, deep * np.cos(turn)), axis=-1)


def about_y(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def bump(x: Floats, y: Floats, across: float, up: float) -> Floats:
    return np.exp(-((x / across) ** 2) - (y / up) ** 2)


def rise(x: Floats, low: float, high: float) -> Floats:
    """From 0 below ``low`` to 1 above ``high``, without a corner."""
    s = ((x - low) / (high - low)).clip(0, 1)
    return s * s * (3 - 2 * s)


def soft(x: Floats, width: float) -> Floats:
    """From 0 to 1 as x passes 0, over about ``width``."""
    return rise(x, -width, width)
