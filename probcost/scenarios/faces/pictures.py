"""Pictures through Pillow: reading files, and the box filter that makes photos smaller."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["height_and_width", "read_picture", "resized"]


def read_picture(path: Path, channels: int = 1) -> NDArray[np.uint8]:
    """The picture in a file, upright: grey levels ``[h, w]``, or red, green and blue ``[3, h, w]``.

    Raises:
        OSError, ValueError: whatever Pillow finds wrong with the file, a truncated one included.
    """
    image_module = _pillow()
    from PIL import ImageOps

    with image_module.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)  # telephones write how they were held beside the pixels
        if upright.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off at 255
            grey = (np.asarray(upright, dtype=np.float64) / 257).round().clip(0, 255).astype(np.uint8)
            return grey if channels == 1 else np.stack([grey] * channels)
        if channels == 1:
            return np.asarray(upright.convert("L"))
        return np.moveaxis(np.asarray(upright.convert("RGB")), -1, 0)


def resized(images: NDArray[Any], size: int | tuple[int, int]) -> NDArray[Any]:
    """Photos ``[..., h, w]`` at another ``(h, w)``: each pixel the mean of the area it covers.

    Raises:
        ValueError: where size is not one or two whole numbers from 1.
    """
    image_module = _pillow()
    height, width = height_and_width(size)
    flat = images.reshape(-1, *images.shape[-2:])
    out = [np.asarray(image_module.fromarray(p).resize((width, height), image_module.Resampling.BOX)) for p in flat]
    return np.stack(out).reshape(*images.shape[:-2], height, width)


def height_and_width(size: Any) -> tuple[int, int]:
    """``(h, w)``; one number means both.

    Raises:
        ValueError: for anything but one or two whole numbers from 1.
    """
    both = (size, size) if np.ndim(size) == 0 else tuple(size)
    good = [not isinstance(s, (bool, str)) and s is not None and s == int(s) and s >= 1 for s in both]
    if len(both) != 2 or not all(good):
        raise ValueError(f"size is {size!r}; (h, w) in whole pixels, or one number for both, is needed")
    return int(both[0]), int(both[1])


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("photos are read and resized by Pillow: pip install pillow") from error
    return Image
