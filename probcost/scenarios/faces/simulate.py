"""People who never lived, photographed from the front, from the side and in any light."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from probcost.scenarios.faces.dataset import FaceDataset
from probcost.scenarios.faces.heads import Expression, Head, draw_traits
from probcost.scenarios.faces.rendering import OVERSAMPLING, View, render

__all__ = ["simulate_faces"]


def simulate_faces(
    n_people: int = 40,
    n_photos: int = 12,
    size: tuple[int, int] = (32, 32),
    seed: int = 0,
    *,
    max_yaw: float = 90.0,
    blurred: float = 0.15,
) -> FaceDataset:
    r"""Grey photos of people who differ in shape and texture, under pose, light and expression that differ photo by photo.

    A person is some forty numbers (proportions of head, eyes, nose, mouth and jaw; skin, hair, brows, freckles, beard,
    glasses). A photo is a draw of

    =====================  ============================================================================================
    ``yaw``                degrees, from −``max_yaw`` to ``max_yaw``: one in each of ``n_photos`` equal steps, so that
                           everybody is seen from the front and from both sides; 0 is frontal, ±90 profile
    ``pitch``, ``roll``    degrees, normal, sd 5 and 3
    ``light``              degrees, where the light stands: 0 behind the camera, sd 35; and ``light_strength``, .3 … .8
    ``smile``              −1 … 1, ``mouth_open`` 0 … 1, ``eyes_shut`` 0 … 1 (mostly 0)
    ``blur``               standard deviation in 32nds of the photo's height, 0 but for a share ``blurred`` of photos: .8 … 2
    =====================  ============================================================================================

    and of clothes, background, place and zoom, which say nothing about who it is. These rows are the ``condition`` of the
    data set. Turning a head changes pixels more than being another person does, which is what an embedding must undo.

    Person i depends on ``seed`` and i alone: more people leave the first ones as they are.

    Args:
        n_people: at least 2.
        n_photos: of each, at least 1.
        size: ``(h, w)`` in pixels, each at least 8.
        seed: same seed, same photos.
        max_yaw: degrees, 0 … 90.
        blurred: share of photos out of focus, 0 … 1.

    Raises:
        ValueError: for a number outside these ranges.

    Example:
        >>> simulate_faces(n_people=3, n_photos=4)
        FaceDataset: 12 photos of 32 × 32 pixels, 3 people with 4 each; known of each photo: yaw, pitch, roll, light, light_strength, smile, mouth_open, eyes_shut, blur
    """  # noqa: E501
    for name, value, least in (("n_people", n_people, 2), ("n_photos", n_photos, 1), *(("size", s, 8) for s in size)):
        if isinstance(value, bool) or value != int(value) or value < least:
            raise ValueError(f"{name} is {value!r}; whole numbers from {least} are accepted")
    if len(size) != 2:
        raise ValueError(f"size is {size!r}; (h, w) is needed")
    if not 0 <= max_yaw <= 90 or not 0 <= blurred <= 1:
        raise ValueError(f"max_yaw is {max_yaw} and blurred {blurred}; 0 … 90 degrees and 0 … 1 are accepted")
    rows = round(2.5 * OVERSAMPLING * max(size))  # dense enough that no pixel of a head stays empty
    images, conditions = [], []
    for person in range(n_people):
        rng = np.random.default_rng([seed, person])
        head = Head(draw_traits(rng), rng, rows)
        yaws = _yaws(n_photos, max_yaw, rng)
        for yaw in yaws:
            view, expression = _photo(yaw, blurred, size[0], rng)
            images.append(render(head.surface(expression, clothes=rng.uniform(0.25, 0.5)), view, size))
            conditions.append(_condition(view, expression, size[0]))
    photos = (np.stack(images) * 255).round().clip(0, 255).astype(np.uint8)
    return FaceDataset(
        images=photos,
        person=np.repeat(np.arange(n_people), n_photos),
        condition={name: np.array([c[name] for c in conditions], np.float32) for name in conditions[0]},
    )


def _yaws(n: int, most: float, rng: Generator) -> list[float]:
    """One in each of n equal steps of −most … most, in any order; the outermost at the ends themselves."""
    steps = -most + 2 * most * (np.arange(n) + rng.uniform(size=n)) / n
    if n > 1:
        steps[[0, -1]] = -most, most
    return [float(yaw) for yaw in rng.permutation(steps)]


def _photo(yaw: float, blurred: float, height: int, rng: Generator) -> tuple[View, Expression]:
    blur = rng.uniform(0.8, 2.0) * height / 32
    view = View(
        yaw=yaw,
        pitch=float(5 * rng.normal()),
        roll=float(3 * rng.normal()),
        light=float(np.clip(20 * rng.normal(), -60, 60)),
        elevation=float(rng.uniform(5, 55)),
        strength=float(rng.uniform(0.3, 0.6)),
        background=float(rng.uniform(0.4, 0.6)),
        shift=(float(0.025 * rng.normal()), float(0.025 * rng.normal())),
        zoom=float(1 + 0.03 * rng.normal()),
        blur=float(blur) if rng.uniform() < blurred else 0.0,
    )
    expression = Expression(
        smile=float(np.clip(0.3 + 0.5 * rng.normal(), -1, 1)),
        mouth_open=float(max(0.0, rng.uniform(-1.2, 1.0))),
        brow_raise=float(np.clip(0.5 * rng.normal(), -1, 1)),
        eyes_shut=float(rng.uniform() < 0.06),
    )
    return view, expression


def _condition(view: View, expression: Expression, height: int) -> dict[str, float]:
    return {
        "yaw": view.yaw,
        "pitch": view.pitch,
        "roll": view.roll,
        "light": view.light,
        "light_strength": view.strength,
        "smile": expression.smile,
        "mouth_open": expression.mouth_open,
        "eyes_shut": expression.eyes_shut,
        "blur": view.blur * 32 / height,
    }
