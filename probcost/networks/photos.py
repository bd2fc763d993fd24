"""A small network of photos, and the light changes that make few photos go further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Augment", "PhotoNetwork"]

_CHANNELS = (24, 48, 96)
_STRIDE = 2 ** len(_CHANNELS)
_SHADES = 0.5  # standard deviation of what hides a part of a standardised photo
_CROSS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


class Augment(nn.Module):
    """Photos as they might also have been taken, at every training step: mirrored, shifted, a part hidden.

    Each photo is mirrored half of the time, moved by up to ``shift`` pixels, and a box of sides between the two numbers of
    ``hide`` (shares of the photo's own) gets one shade of grey. Unchanged in predictions, which may average `views`.

    Shapes: ``[T, c, h, w]`` → the same.

    Raises:
        ValueError: for a negative shift, or shares that are not ``0 ≤ least ≤ most ≤ 1``.

    Source: Zhong et al., "Random erasing data augmentation", 2017, https://arxiv.org/abs/1708.04896.

    Example:
        >>> augment = Augment(shift=1)
        >>> photos = torch.rand(4, 1, 16, 16)
        >>> torch.equal(augment.train()(photos), photos), torch.equal(augment.eval()(photos), photos)
        (False, True)
        >>> len(augment.views(photos))  # as it is and moved by a pixel four ways, and the mirror images
        10
    """

    def __init__(self, mirror: bool = True, shift: int = 2, hide: Sequence[float] = (0.125, 0.375)) -> None:
        super().__init__()
        least, most = hide
        if shift < 0 or not 0 <= least <= most <= 1:
            raise ValueError(f"shift must be at least 0 and hide two shares in order, got {shift!r} and {hide!r}")
        self.mirror = mirror
        self.shift = shift
        self.hide = (float(least), float(most))

    @property
    def config(self) -> dict[str, Any]:
        return {"mirror": self.mirror, "shift": self.shift, "hide": list(self.hide)}

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if self.mirror:
            x = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(-1), x)
        if self.shift:
            x = self._shifted(x)
        if not self.hide[1]:
            return x
        shade = _SHADES * torch.randn(len(x), 1, 1, 1, device=x.device)
        return torch.where(self._hidden(x), shade, x)

    def views(self, x: Tensor) -> list[Tensor]:
        """Photos ``[..., h, w]`` and their mirror images, as they are and moved by a pixel: what predictions may average."""
        sides = [x, x.flip(-1)] if self.mirror else [x]
        if not self.shift:
            return sides
        found = []
        for side in sides:
            wide = F.pad(side, (1,) * 4, mode="replicate")
            height, width = x.shape[-2:]
            found += [wide[..., 1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in _CROSS]
        return found

    def _shifted(self, x: Tensor) -> Tensor:
        """Each photo moved by its own whole number of pixels; what enters repeats the border."""
        (n, _, h, w), most = x.shape, self.shift
        padded = F.pad(x, (most,) * 4, mode="replicate")
        down, right = torch.randint(0, 2 * most + 1, (2, n, 1), device=x.device)
        rows, columns = torch.arange(h, device=x.device) + down, torch.arange(w, device=x.device) + right
        photo = torch.arange(n, device=x.device)[:, None, None]
        return padded[photo, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    def _hidden(self, x: Tensor) -> Tensor:
        """The pixels ``[T, 1, h, w]`` of a box in each photo, of random sides and place."""
        least, most = self.hide
        inside = []
        for size in x.shape[-2:]:
            side = (least + (most - least) * torch.rand(len(x), 1, device=x.device)) * size
            start = torch.rand(len(x), 1, device=x.device) * (size - side)
            place = torch.arange(size, device=x.device) + 0.5
            inside.append((place >= start) & (place < start + side))
        return (inside[0][:, :, None] & inside[1][:, None, :]).unsqueeze(1)

    def extra_repr(self) -> str:
        return f"mirror={self.mirror}, shift={self.shift}, hide={self.hide}"


class PhotoNetwork(nn.Sequential):
    """Three convolutions with stride 2, batch normalisation and ReLU, then one linear layer.

    Args:
        image_shape: ``(c, h, w)``; at least 8 pixels each way.
        n_outputs: width of the raw outputs.

    Shapes: ``[T, c, h, w]`` → ``[T, n_outputs]``.

    Raises:
        ValueError: for another shape, or smaller photos.

    Source: Ioffe & Szegedy, "Batch normalization", 2015, https://arxiv.org/abs/1502.03167.

    Example:
        >>> PhotoNetwork((1, 24, 20), n_outputs=8)(torch.zeros(5, 1, 24, 20)).shape
        torch.Size([5, 8])
    """

    def __init__(self, image_shape: Sequence[int], n_outputs: int) -> None:
        if len(image_shape) != 3 or min(image_shape[1:]) < _STRIDE:
            raise ValueError(f"image_shape is {tuple(image_shape)}; (c, h, w) of at least 8 × 8 pixels is needed")
        width, h, w = image_shape
        layers: list[nn.Module] = []
        for channels in _CHANNELS:
            layers += [nn.Conv2d(width, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
            width = channels
        pixels = -(-h // _STRIDE) * -(-w // _STRIDE)
        super().__init__(*layers, nn.Flatten(), nn.Linear(width * pixels, n_outputs))
        self.config: dict[str, Any] = {"image_shape": list(image_shape), "n_outputs": n_outputs}
