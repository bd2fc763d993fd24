"""Networks: what changes inputs in training leaves predictions alone, and changes them as it says."""

from __future__ import annotations

import pytest
import torch

from probcost.networks import Augment, Jitter, PhotoNetwork


def test_jitter_adds_noise_of_its_scale_in_training_alone() -> None:
    torch.manual_seed(0)
    layer, x = Jitter(0.4), torch.full((200, 50), 3.0)
    noise = layer(x) - x
    assert noise.std().item() == pytest.approx(0.4, rel=0.05)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Jitter(-1)


def test_photos_are_mirrored_shifted_and_hidden_in_training_alone() -> None:
    torch.manual_seed(0)
    x = torch.arange(1.0, 401.0).reshape(1, 1, 20, 20).expand(300, 1, 20, 20)
    assert Augment().eval()(x) is x
    mirrored = Augment(shift=0, hide=(0, 0))(x)
    turned = (mirrored == x.flip(-1)).flatten(1).all(1)
    assert bool(((mirrored == x).flatten(1).all(1) | turned).all())
    assert 0.4 < turned.float().mean().item() < 0.6
    # In the middle a shifted photo is the photo, some whole number of pixels away: here 20 a row and 1 a column.
    moved = (Augment(mirror=False, shift=2, hide=(0, 0))(x) - x)[:, 0, 5:-5, 5:-5].flatten(1)
    assert bool((moved == moved[:, :1]).all())
    wanted = {20 * down + right for down in range(-2, 3) for right in range(-2, 3)}
    assert set(moved[:, 0].int().tolist()) == wanted
    hidden = (Augment(mirror=False, shift=0, hide=(0.25, 0.5))(x) != x).squeeze(1)
    area = hidden.sum((1, 2))
    assert 4 * 4 <= int(area.min()) <= int(area.max()) <= 11 * 11
    # A box: as many hidden pixels as hidden rows times hidden columns.
    assert torch.equal(area, hidden.any(2).sum(1) * hidden.any(1).sum(1))


def test_changes_are_refused_where_they_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"got 2 and \(0\.5, 0\.2\)"):
        Augment(hide=(0.5, 0.2))
    with pytest.raises(ValueError, match=r"image_shape is \(1, 7, 32\)"):
        PhotoNetwork((1, 7, 32), 8)
    with pytest.raises(ValueError, match=r"image_shape is \(32, 32\)"):
        PhotoNetwork((32, 32), 8)


def test_the_photo_network_has_the_protocols_size() -> None:
    network = PhotoNetwork((1, 32, 32), 64)
    assert sum(p.numel() for p in network.parameters()) == 150_928
    assert network(torch.zeros(5, 1, 32, 32)).shape == (5, 64)
    assert PhotoNetwork((3, 30, 17), 4)(torch.zeros(2, 3, 30, 17)).shape == (2, 4)
