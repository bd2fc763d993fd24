"""Killed at any moment, a fit goes on from its checkpoint to the very same result."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

import probcost as pc
from tests.inference.test_map import network, regression

SCRIPT = textwrap.dedent(
    """
    import sys
    import torch
    import probcost as pc
    import probcost.inference.training as training
    from tests.inference.test_map import regression

    torch.set_num_threads(1)
    training._CHECKPOINT_EVERY = 0.0
    folder, result, method = sys.argv[1:]
    torch.manual_seed(0)
    prior = pc.priors.Normal(1.0) if method == "svi" else None
    model = pc.CostModel(pc.networks.MLP(4, 1, hidden=(16,), dropout=0.2), pc.likelihoods.NegativeBinomial(1), prior)
    x, y = regression(2000)
    fitted = pc.fit(model, x, y, method=method, epochs=25 if method == "svi" else 60, lr=5e-3, progress=False,
                    checkpoint=folder or None)
    torch.save(fitted.predict(x, draws=5).mean, result)
    """
)


def start(folder: Path | str, result: Path, method: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), str(result), method], cwd=root)


@pytest.mark.parametrize("method", ["map", "svi", "ensemble"])
def test_kill_9_then_resume_is_bit_identical(tmp_path: Path, method: str) -> None:
    whole, resumed = tmp_path / "whole.pt", tmp_path / "resumed.pt"
    assert start("", whole, method).wait() == 0
    folder = tmp_path / "checkpoint"
    killed = start(folder, resumed, method)
    deadline = time.monotonic() + 120
    while not (folder / "training.json").exists() and killed.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.15)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "it finished before it could be killed"
    assert not resumed.exists()
    assert start(folder, resumed, method).wait() == 0
    assert torch.equal(torch.load(whole, weights_only=True), torch.load(resumed, weights_only=True))


def test_a_finished_fit_is_not_trained_again(tmp_path: Path) -> None:
    x, y = regression(400)
    first = pc.fit(network(), x, y, epochs=3, progress=False, checkpoint=tmp_path)
    stamp = (tmp_path / "training.json").stat().st_mtime_ns
    second = pc.fit(network(), x, y, epochs=3, progress=False, checkpoint=tmp_path)
    assert torch.equal(first.predict(x).mean, second.predict(x).mean)
    assert (tmp_path / "training.json").stat().st_mtime_ns == stamp
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path) -> None:
    x, y = regression(400)
    pc.fit(network(), x, y, epochs=2, progress=False, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="is of another fit"):
        pc.fit(network(), x + torch.randn_like(x), y, epochs=2, progress=False, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="is of another fit"):
        pc.fit(network(), x, y, epochs=2, lr=0.1, progress=False, checkpoint=tmp_path)
