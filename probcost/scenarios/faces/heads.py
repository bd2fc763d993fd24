"""A head of one's own: the shape and the texture that make a person, and what an expression does to them.

Lengths are in half heights of a head: the chin is at y = −1, the crown at y = 1, x points to the photo's right and z out of
the face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from probcost.scenarios.faces.surfaces import (
    Floats,
    Surface,
    about_y,
    bump,
    ellipsoid,
    join,
    normals,
    rise,
    soft,
    solid,
    tube,
)

__all__ = ["TRAITS", "Expression", "Head", "draw_traits"]

# Mean and standard deviation of what varies between people; shares of people are drawn as normals cut at a threshold.
TRAITS: dict[str, tuple[float, float]] = {
    "width": (0.73, 0.045),
    "depth": (0.80, 0.04),
    "jaw": (0.30, 0.09),
    "roundness": (2.4, 0.25),
    "forehead": (0.0, 0.04),
    "eye_height": (0.06, 0.035),
    "eye_spacing": (0.29, 0.03),
    "eye_width": (0.125, 0.014),
    "eye_opening": (0.055, 0.009),
    "eye_slant": (0.0, 0.12),
    "eye_depth": (0.06, 0.02),
    "iris": (0.16, 0.09),
    "brow_gap": (0.16, 0.025),
    "brow_slope": (0.0, 0.12),
    "brow_thickness": (0.036, 0.011),
    "brow_darkness": (0.7, 0.2),
    "nose_length": (0.36, 0.045),
    "nose_height": (0.20, 0.04),
    "nose_width": (0.10, 0.02),
    "nose_bridge": (0.05, 0.025),
    "nose_hump": (0.0, 0.03),
    "mouth_height": (-0.56, 0.03),
    "mouth_width": (0.20, 0.03),
    "lips": (0.055, 0.014),
    "lip_darkness": (0.28, 0.12),
    "cheeks": (0.04, 0.03),
    "chin": (0.07, 0.035),
    "skin": (0.72, 0.06),
    "hair_tone": (0.17, 0.08),
    "hairline": (0.60, 0.10),
    "hair_thickness": (0.08, 0.035),
    "hair_length": (-0.2, 1.0),
    "baldness": (-1.3, 1.0),
    "beard": (-0.9, 1.0),
    "moustache": (-1.1, 1.0),
    "glasses": (-0.8, 1.0),
    "freckles": (0.04, 0.03),
    "ears": (0.17, 0.025),
}


@dataclass(frozen=True)
class Expression:
    """What a face does for the length of a photo: each 0 at rest, about 1 at its most; smile −1 is a frown."""

    smile: float = 0.0
    mouth_open: float = 0.0
    brow_raise: float = 0.0
    eyes_shut: float = 0.0


def draw_traits(rng: Generator) -> dict[str, float]:
    """One person: every trait of `TRAITS`, normal and independent, within 2.2 standard deviations."""
    deviations = np.clip(rng.normal(size=len(TRAITS)), -2.2, 2.2)
    return {name: float(mean + sd * z) for (name, (mean, sd)), z in zip(TRAITS.items(), deviations, strict=True)}


class Head:
    """The surface of one person's head, neck and shoulders under any expression.

    Args:
        traits: by the names of `TRAITS`, as `draw_traits` draws them.
        marks: random numbers of the person's own, for freckles and patches.
        rows: points from crown to chin; half as many again go around.
    """

    def __init__(self, traits: Mapping[str, float], marks: Generator, rows: int) -> None:
        self.traits = dict(traits)
        self._long_haired = traits["hair_length"] > 0 and traits["baldness"] <= 0
        columns = 3 * rows // 2
        polar = (np.arange(rows, dtype=np.float32) + 0.5) / rows * np.pi
        turn = (np.arange(columns, dtype=np.float32) / columns * 2 - 1) * np.pi
        # More points go where eyes, nose and mouth are.
        turn = turn - 0.35 * np.sin(turn)
        self._height = np.broadcast_to(np.cos(polar)[:, None], (rows, columns)).astype(np.float32)
        self._turn = np.broadcast_to(turn[None], (rows, columns)).astype(np.float32)
        self._skull = self._bare_skull()
        self._hair = self._hair_share()
        self._front = np.cos(self._turn).clip(0, 1) ** 0.5
        self._skull += self._relief()
        self._skin = self._complexion(marks)
        self._shoulders = _shoulders(rows)
        self._rest = join(self._neck_ears_and_hair(rows))

    def surface(self, expression: Expression, clothes: float) -> Surface:
        """The person as seen while the photo is taken, in clothes of this albedo."""
        t, x, y = self.traits, self._skull[..., 0], self._skull[..., 1]
        points = self._skull.copy()
        mouth = t["mouth_height"]
        points[..., 1] -= 0.09 * expression.mouth_open * rise(mouth - y, -0.1, 0.25) * self._front
        for side in (-1, 1):
            cheek = bump(x - side * 0.34, y - mouth - 0.25, 0.15, 0.13)
            points[..., 2] += 0.05 * max(expression.smile, 0.0) * cheek * self._front
        albedo = self._paint(points[..., 0], points[..., 1], expression)
        head = Surface(points.reshape(-1, 3), normals(points).reshape(-1, 3), albedo.reshape(-1))
        worn = Surface(self._shoulders.points, self._shoulders.normals, np.full_like(self._shoulders.albedo, clothes))
        return join([head, worn, self._rest])

    def _bare_skull(self) -> Floats:
        t, y = self.traits, self._height
        below, above = np.minimum(y, 0), np.maximum(y, 0)
        power = np.where(y < 0, t["roundness"] + 0.5, t["roundness"])
        ring = (1 - np.abs(y) ** power).clip(0) ** (1 / power)
        across = t["width"] * ring * (1 - t["jaw"] * rise(-below, 0.05, 0.95))
        front = (0.74 + t["forehead"] * above) * (1 - np.abs(y) ** 2.8).clip(0) ** (1 / 2.8) - 0.06 * below
        # The skull juts out behind; below it the neck begins.
        back = t["depth"] * 1.08 * ring * (1 - 0.55 * rise(-below, 0.15, 0.9))
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        return np.stack([across * sin, y, np.where(cos > 0, front, back) * cos], axis=-1).astype(np.float32)

    def _hair_share(self) -> Floats:
        """From 0 on bare skin to 1 where hair is full, ``[rows, columns]``."""
        t, away = self.traits, np.abs(self._turn)
        side, nape = -0.05, -0.62
        line = np.interp(away, [0.0, 0.55, 0.95, 1.3, 1.5, 1.75, 2.2, np.pi], [0, 0, 0.12, 0.62, 1, 1.2, 1.9, 2.0])
        front = t["hairline"]
        edge = np.where(line <= 1, front + (side - front) * line, side + (nape - side) * (line - 1))
        share = rise(self._height - edge, -0.02, 0.08)
        if t["baldness"] > 0:
            share = share * rise(0.35 - self._height, 0.0, 0.15)
        return share.astype(np.float32)

    def _relief(self) -> Floats:
        """What nose, sockets, brows, cheeks, lips, chin and hair add to the skull."""
        t, x, y = self.traits, self._skull[..., 0], self._skull[..., 1]
        eye, spacing, mouth = t["eye_height"], t["eye_spacing"], t["mouth_height"]
        tip = eye - t["nose_length"]
        down = ((eye + 0.06 - y) / (eye + 0.06 - tip)).clip(0, None)  # 0 between the eyes, 1 at the tip
        ridge = t["nose_bridge"] + (t["nose_height"] - t["nose_bridge"]) * down + t["nose_hump"] * np.sin(np.pi * down)
        ridge = np.where(
            down > 1, t["nose_height"] * np.exp(-(((y - tip) / 0.085) ** 2)), ridge * rise(down, -0.01, 0.3)
        )
        ridge -= 0.035 * np.exp(-(((y - tip) / 0.05) ** 2))  # a tip is round
        width = t["nose_width"] * (0.55 + 0.45 * down.clip(0, 1))
        out = ridge * np.exp(-((x / width) ** 2))
        for side in (-1, 1):
            out += 0.06 * bump(x - side * 1.2 * t["nose_width"], y - tip - 0.01, 0.05, 0.055)
            out -= t["eye_depth"] * bump(x - side * spacing, y - eye, 0.16, 0.10)
            out += 0.035 * bump(x - side * spacing, y - eye, 0.08, 0.055)
            out += 0.035 * bump(x - side * spacing, y - eye - t["brow_gap"], 0.17, 0.07)
            out += t["cheeks"] * bump(x - side * 0.40, y - tip - 0.08, 0.16, 0.16)
        out += 0.045 * bump(x, y - mouth, 0.7 * t["mouth_width"], 0.09)
        out -= 0.03 * bump(x, y - mouth + 0.14, 0.16, 0.05)
        out += t["chin"] * bump(x, y + 0.84, 0.17, 0.11)
        relief = np.zeros_like(self._skull)
        relief[..., 2] = out * self._front
        thick = t["hair_thickness"] * self._hair
        outward = self._skull / np.linalg.norm(self._skull, axis=-1, keepdims=True)
        return relief + thick[..., None] * outward

    def _complexion(self, marks: Generator) -> Floats:
        """Albedo of skin, beard and hair at rest, before the features are painted."""
        t, x, y = self.traits, self._skull[..., 0], self._skull[..., 1]
        skin = np.full_like(x, t["skin"])
        for _ in range(6):
            across, up = marks.uniform(-0.5, 0.5), marks.uniform(-0.8, 0.6)
            skin *= 1 + marks.normal(0, 0.07) * bump(x - across, y - up, 0.2, 0.2)
        for _ in range(int(250 * t["freckles"])):
            across, up = marks.normal(0, 0.3), marks.normal(-0.25, 0.18)
            skin *= 1 - 0.25 * bump(x - across, y - up, 0.02, 0.02) * self._front
        for side in (-1, 1):
            skin *= 1 - 0.12 * bump(x - side * t["eye_spacing"], y - t["eye_height"] + 0.06, 0.13, 0.07) * self._front
        if t["beard"] > 0 and not self._long_haired:
            jaw = rise(t["mouth_height"] + 0.22 * (np.abs(x) / 0.4) ** 1.5 - y, -0.03, 0.12) * (
                np.abs(self._turn) < 1.6
            )
            skin += (t["hair_tone"] - skin) * min(0.85, 0.45 + 0.4 * t["beard"]) * jaw
        if t["moustache"] > 0 and not self._long_haired:
            above = bump(x, y - t["mouth_height"] - 0.095, 0.20, 0.035) * self._front
            skin += (t["hair_tone"] - skin) * 0.8 * above
        streaks = 1 + 0.10 * np.sin(23 * self._turn + 5 * marks.normal() + 4 * y)
        return skin + (np.clip(t["hair_tone"], 0.05, 0.8) * streaks - skin) * self._hair

    def _paint(self, x: Floats, y: Floats, expression: Expression) -> Floats:
        """Albedo with eyes, brows, mouth, nostrils and glasses as the expression moves them."""
        t, albedo, facing = self.traits, self._skin.copy(), self._skull[..., 2] > 0.1
        where = np.nonzero(facing & (np.abs(x) < 0.75) & (y < 0.6))
        a, x, y, front = albedo[where], x[where], y[where], self._front[where]
        eye, spacing, mouth = t["eye_height"], t["eye_spacing"], t["mouth_height"]
        shut = float(np.clip(expression.eyes_shut, 0, 1))
        for side in (-1, 1):
            u, v = (x - side * spacing) / t["eye_width"], y - eye - side * t["eye_slant"] * (x - side * spacing)
            opening = t["eye_opening"] * (1 - 0.85 * shut)
            lid = opening * (1 - u**2).clip(0)
            inside = soft(lid - np.abs(v), 0.012) * (np.abs(u) < 1)
            a += (min(0.92, t["skin"] + 0.28) - a) * inside
            a += (t["iris"] - a) * inside * soft(0.058 - np.hypot(x - side * spacing, v), 0.012)
            a *= 1 - 0.55 * np.exp(-(((v - lid) / 0.018) ** 2)) * (np.abs(u) < 1.05)
            brow = v - t["brow_gap"] - 0.07 * expression.brow_raise - side * t["brow_slope"] * (x - side * spacing)
            brow = brow + 0.9 * (x - side * spacing) ** 2
            hair = np.exp(-((brow / t["brow_thickness"]) ** 2)) * soft(1.45 - np.abs(u), 0.2)
            a += (t["hair_tone"] * 0.8 - a) * np.clip(t["brow_darkness"], 0, 1) * hair
            if t["glasses"] > 0:
                rim = np.hypot((x - side * spacing) / 1.2, y - eye + 0.01) - 0.145
                a += (0.07 - a) * 0.9 * np.exp(-((rim / 0.02) ** 2))
            nostril = bump(x - side * 0.75 * t["nose_width"], y - eye + t["nose_length"] + 0.045, 0.028, 0.02)
            a *= 1 - 0.6 * nostril
        if t["glasses"] > 0:
            bridge = bump(0 * x, y - eye - 0.02, 1.0, 0.018) * (np.abs(x) < spacing - 0.17)
            temple = bump(0 * x, y - eye - 0.02, 1.0, 0.018) * (np.abs(x) > spacing + 0.17)
            a += (0.07 - a) * 0.9 * np.maximum(bridge, temple)
        width = t["mouth_width"] * (1 + 0.22 * expression.smile - 0.12 * expression.mouth_open)
        u = x / width
        line = y - mouth - 0.065 * expression.smile * (u**2 - 0.4)
        inside = (1 - u**2).clip(0)
        gap = 0.11 * max(expression.mouth_open, 0.0) * inside
        lips = soft(t["lips"] * inside**0.7 + gap - np.abs(line + 0.5 * gap), 0.015) * (np.abs(u) < 1)
        a *= 1 - np.clip(t["lip_darkness"], 0.05, 0.6) * lips
        hole = soft(gap - np.abs(line + 0.5 * gap), 0.012) * (np.abs(u) < 1) * (expression.mouth_open > 0.1)
        teeth = hole * soft(line - 0.1 * gap, 0.015)
        a += (0.10 - a) * hole
        a += (0.85 - a) * 0.8 * teeth
        a *= 1 - 0.5 * np.exp(-((line / 0.014) ** 2)) * soft(1.05 - np.abs(u), 0.1) * (1 - hole)
        fold = bump(np.abs(x) - width - 0.06, y - mouth - 0.09, 0.025, 0.10)
        a *= 1 - 0.25 * abs(expression.smile) * fold
        albedo[where] += (a - albedo[where]) * front
        return albedo

    def _neck_ears_and_hair(self, rows: int) -> list[Surface]:
        t = self.traits
        neck = tube(0.40 * t["width"] / 0.73, 0.40, -1.35, -0.55, rows)
        parts = [solid(neck - np.array([0, 0, 0.14], np.float32), 0.9 * t["skin"])]
        if self._long_haired:
            low = -0.75 - 0.35 * min(t["hair_length"], 1.5)
            return [*parts, self._long_hair(low, rows)]  # which covers the ears
        for side in (-1.0, 1.0):
            ear = ellipsoid(0.055, t["ears"], 0.11, max(12, rows // 4))
            out = ear @ about_y(-0.35 * side).T
            place = np.array([side * (t["width"] + 0.01), t["eye_height"] - 0.12, -0.06], np.float32)
            parts.append(solid(out.astype(np.float32) + place, 0.86 * t["skin"]))
        return parts

    def _long_hair(self, low: float, rows: int) -> Surface:
        t = self.traits
        y = np.linspace(0.75, low, 4 * rows // 5, dtype=np.float32)[:, None]
        turn = np.linspace(1.25, 2 * np.pi - 1.25, rows, dtype=np.float32)[None]
        swell = t["hair_thickness"] + 0.03 + 0.05 * rise(0.3 - y, 0.0, 0.8)
        ring = np.where(y > 0, (1 - np.abs(y) ** t["roundness"]).clip(0) ** (1 / t["roundness"]), 1 + 0.10 * y)
        x = (t["width"] + swell) * ring * np.sin(turn)
        z = (t["depth"] + swell) * ring * np.cos(turn)
        points = np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)
        streaks = np.clip(t["hair_tone"], 0.05, 0.8) * (1 + 0.12 * np.sin(29 * turn + 0 * y))
        outward, albedo = normals(points).reshape(-1, 3), streaks.reshape(-1).astype(np.float32)
        # A curtain is seen from both sides, and is darker within.
        return join(
            [Surface(points.reshape(-1, 3), sign * outward, a) for sign, a in ((1, albedo), (-1, 0.6 * albedo))]
        )


def _shoulders(rows: int) -> Surface:
    whole = solid(ellipsoid(1.35, 0.55, 0.62, rows) + np.array([0, -1.64, -0.16], np.float32), 0.5)
    above = whole.points[:, 1] > -1.35  # the rest is below the photo
    return Surface(whole.points[above], whole.normals[above], whole.albedo[above])
