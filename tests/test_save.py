"""Saved and loaded fits predict alike; damaged, foreign and half-written files are refused and nothing whole is lost."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

import probcost as pc
from probcost import save
from tests.test_model import small_data, small_model


def fitted(method: str = "map") -> pc.Fit:
    x, y = small_data(200)
    return pc.fit(
        small_model("conway_maxwell_poisson", pc.priors.Normal(1.0)), x, y, method=method, epochs=2, progress=False
    )


@pytest.mark.parametrize("method", ["map", "svi"])
def test_round_trip(tmp_path: Path, method: str) -> None:
    x, y = small_data(50, seed=1)
    fit = fitted(method)
    fit.save(tmp_path / "fit")
    loaded = pc.load(tmp_path / "fit")
    assert torch.equal(loaded.predict(x).log_prob(y), fit.predict(x).log_prob(y))
    assert torch.equal(loaded.sample(x, 3), fit.sample(x, 3))
    assert repr(loaded) == repr(fit)
    assert loaded.history == fit.history


def test_spike_counts_come_back_as_such(tmp_path: Path) -> None:
    x, y = small_data(100)
    fit = pc.fit(pc.SpikeCounts(3, 2, "zero_inflated_negative_binomial"), x, y, epochs=1, progress=False)
    fit.save(tmp_path)
    loaded = pc.load(tmp_path)
    assert isinstance(loaded.model, pc.SpikeCounts)
    assert torch.equal(loaded.predict(x).mean, fit.predict(x).mean)


def test_networks_of_ones_own_need_the_model_again(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self.layer(x))

    x, y = small_data(100)
    fit = pc.fit(pc.CostModel(Own(), pc.likelihoods.Poisson(2)), x, y, epochs=1, progress=False)
    fit.save(tmp_path)
    with pytest.raises(ValueError, match=r"network of the fit .* class of your own.*load\(folder, model=...\)"):
        pc.load(tmp_path)
    loaded = pc.load(tmp_path, model=pc.CostModel(Own(), pc.likelihoods.Poisson(2)))
    assert torch.equal(loaded.predict(x).mean, fit.predict(x).mean)
    with pytest.raises(ValueError, match="does not match the fit saved"):
        pc.load(tmp_path, model=small_model())


def test_saving_again_leaves_one_pair_and_a_kill_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = small_data(20)
    first = fitted()
    first.save(tmp_path)

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    second = fitted("svi")
    with monkeypatch.context() as patch:
        replace = os.replace
        calls: list[object] = []
        patch.setattr(os, "replace", lambda *p: (calls.append(p), replace(*p) if len(calls) == 1 else killed())[1])
        with pytest.raises(KeyboardInterrupt):
            second.save(tmp_path)
    assert torch.equal(pc.load(tmp_path).predict(x).mean, first.predict(x).mean)
    second.save(tmp_path)
    assert pc.load(tmp_path).method == "svi"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "pickle"])
def test_damage_is_found(tmp_path: Path, suffix: str, damage: str) -> None:
    fitted().save(tmp_path)
    path = next(path for path in tmp_path.iterdir() if path.suffix == suffix)
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[0] ^= 0xFF
    elif damage == "empty":
        data = bytearray()
    else:
        data = bytearray(pickle.dumps({"format": 1}))
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged|truncated|not written by probcost"):
        pc.load(tmp_path)


def test_other_versions_missing_files_and_unknown_classes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="written by save"):
        pc.load(tmp_path)
    fitted().save(tmp_path)
    path = tmp_path / "fit.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": save.FORMAT + 1, "probcost": "9.0"}))
    with pytest.raises(ValueError, match=rf"has format {save.FORMAT + 1} \(probcost 9.0\).*reads format {save.FORMAT}"):
        pc.load(tmp_path)
    parts = {**document["parts"], "network": {"class": "os.system", "arguments": {}}}
    path.write_text(json.dumps({**document, "parts": parts}))
    with pytest.raises(ValueError, match=r"names the class 'os\.system'"):
        pc.load(tmp_path)
    path.write_text(json.dumps(document))
    next(tmp_path.glob("*.safetensors")).unlink()
    with pytest.raises(ValueError, match="is missing beside it"):
        pc.load(tmp_path)
