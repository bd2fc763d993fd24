"""The examples in docstrings, the README's fifteen lines and the example script run as they are printed."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import probcost
from probcost.scenarios import atoms, faces, spikes

ROOT = Path(__file__).resolve().parents[1]
MODULES = [m.name for m in pkgutil.walk_packages(probcost.__path__, "probcost.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    torch.manual_seed(0)
    shown = {"pc": probcost, "torch": torch, "nn": nn, "np": np, "spikes": spikes, "atoms": atoms, "faces": faces}
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs=shown, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_the_base_class_example_is_a_likelihood() -> None:
    """The recipe in `Likelihood`'s docstring, run: it must fit data like any other."""
    text = probcost.likelihoods.Likelihood.__doc__ or ""
    source = text[text.index("        class Exponential") : text.index("    Shapes: ``raw``")]
    scope: dict[str, object] = {}
    header = "import pyro.distributions\nfrom torch.distributions import constraints\nimport pyro\n"
    exec(header + "from probcost.likelihoods import Likelihood\n" + textwrap.dedent(source), scope)
    likelihood = scope["Exponential"](1)  # type: ignore[operator]
    x = torch.linspace(-1, 1, 2000)[:, None]
    y = torch.distributions.Exponential(torch.exp(1 + x)).sample()
    fitted = probcost.fit(probcost.CostModel(nn.Linear(1, 1), likelihood), x, y, optimizer="lbfgs", progress=False)
    assert fitted.predict(torch.zeros(1, 1)).mean.item() == pytest.approx(np.exp(-1), rel=0.1)


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "i"),
    [(page, 0) for page in ("docs/guides/uncertainty.md", "docs/guides/faces.md", "docs/guides/checks.md")]
    + [("README.md", 0)],
)
def test_printed_lines_run(page: str, i: int, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", blocks(page)[i]], cwd=tmp_path, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "my_fit" / "fit.json").exists() == ("my_fit" in blocks(page)[i])


def run_example(out: Path, *arguments: str, script: str = "spikes.py") -> dict[str, object]:
    command = [sys.executable, str(ROOT / "examples" / script), "--out", str(out), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=600, env={**os.environ, "MPLBACKEND": "agg"})
    scores: dict[str, object] = json.loads((out / "scores.json").read_text())
    return scores


def report_of(out: Path, *sections: str) -> None:
    """The page has these sections, each with something in it, and carries its pictures, so that it can be sent as one file."""
    page = (out / "report.html").read_text()
    found = dict(re.findall(r'<section id="([a-z]+)".*?</h2>(.*?)</section>', page, re.DOTALL))
    assert list(found) == ["diagnosis", "model", *sections]
    assert all(len(html) > 100 for html in found.values())
    assert page.count("data:image/png;base64,") >= len(list(out.glob("*.png")))
    assert not re.search(r'(src|href)="(?!data:|#)', page)


@pytest.mark.parametrize("method", ["map", "svi"])
def test_example_on_a_recording_of_ones_own(tmp_path: Path, method: str) -> None:
    recording = spikes.simulate_motorcycle(n_neurons=6, duration=120.0, noise="underdispersed", seed=1)
    spikes.save(recording, tmp_path / "ride.npz")
    arguments = ["--data", str(tmp_path / "ride.npz"), "--likelihood", "conway_maxwell_poisson", "--method", method]
    scores = run_example(tmp_path / "out", *arguments)
    assert set(scores) == {"data", "likelihood", "method", "cpu_seconds", "test"}
    test = scores["test"]
    assert isinstance(test, dict)
    assert test["n_units"] == 6
    assert test["log_likelihood_per_bin"] > test["null_log_likelihood_per_bin"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"report.html", "raster.png", "tuning.png", "fit"}
    report_of(tmp_path / "out", "training", "scores", "check", "tables", "pictures")
    assert probcost.load(tmp_path / "out" / "fit").unit_names == list(recording.neuron_names)


def test_example_climbs_the_ladder(tmp_path: Path) -> None:
    atoms.simulate_molecule(n=3000, seed=1).save(tmp_path / "molecule.npz")
    rungs = ["mse", "predicted_scale", "mixture"]
    scores = run_example(
        tmp_path / "out", "--data", str(tmp_path / "molecule.npz"), "--rungs", *rungs, script="atoms.py"
    )
    assert set(scores) == {"data", "cpu_seconds", "test"}
    test = scores["test"]
    assert isinstance(test, dict)
    assert list(test) == rungs
    expected = {"nll", "rmse", "energy_score", "coverage_50", "coverage_90", "coverage_95", "cpu_seconds"}
    assert all(set(values) == expected for values in test.values())
    assert test["mse"]["nll"] > test["predicted_scale"]["nll"] > test["mixture"]["nll"] + 0.5
    assert abs(test["mixture"]["coverage_90"] - 0.9) < 0.06
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left >= {"report.html", "locations.png", "ladder.png", "check.png", "score.png", "fit"}
    report_of(tmp_path / "out", "training", "scores", "check", "comparison", "tables", "pictures")


def test_example_shows_the_steps_of_the_triplet_cost(tmp_path: Path) -> None:
    arguments = ["--people", "24", "--steps", "pairs", "difference", "hinge", "--epochs", "40"]
    scores = run_example(tmp_path / "out", *arguments, script="faces.py")
    assert set(scores) == {"data", "cpu_seconds", "test", "folds"}
    test, folds = scores["test"], scores["folds"]
    assert isinstance(test, dict)
    assert set(test) == {
        *("auc", "eer", "tar_at_far_1pct", "recall_at_1", "map_at_r"),
        *("same_person_nll", "same_person_brier", "same_person_ece"),
    }
    assert folds == [test]
    assert test["auc"] > 0.75
    steps = json.loads((tmp_path / "out" / "steps.json").read_text())
    assert list(steps) == ["pairs", "difference", "hinge"]
    assert steps["pairs"]["last_cost"] < 0.2 * steps["pairs"]["first_cost"]
    assert steps["difference"]["last_cost"] < -50 * abs(steps["difference"]["first_cost"])
    assert steps["hinge"]["auc"] > steps["pairs"]["auc"] + 0.1
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left >= {"report.html", "embedding.png", "costs.png", "scale.png", "roc.png", "identify.png", "fit"}
    report_of(tmp_path / "out", "training", "scores", "check", "tables", "pictures")
    assert isinstance(probcost.load(tmp_path / "out" / "fit"), faces.FaceFit)


def test_example_takes_photos_of_ones_own_in_folds(tmp_path: Path) -> None:
    faces.simulate_faces(n_people=22, n_photos=6, size=(24, 20), seed=1).save(tmp_path / "photos.npz")
    arguments = ["--data", str(tmp_path / "photos.npz"), "--folds", "2", "--steps"]
    scores = run_example(tmp_path / "out", *arguments, script="faces.py")
    test, folds = scores["test"], scores["folds"]
    assert isinstance(test, dict)
    assert isinstance(folds, list)
    assert len(folds) == 2
    assert test["auc"] == pytest.approx((folds[0]["auc"] + folds[1]["auc"]) / 2)


def test_example_brings_a_likelihood_of_its_own(tmp_path: Path) -> None:
    scores = {
        belief: run_example(tmp_path / belief, "--belief", belief, script="bring_your_own.py")["test"]
        for belief in ("weibull", "exponential")
    }
    weibull, exponential = scores["weibull"], scores["exponential"]
    assert isinstance(weibull, dict)
    assert isinstance(exponential, dict)
    assert weibull["shape"] == pytest.approx(1.8, abs=0.15)
    assert weibull["nll"] < exponential["nll"] - 0.1
    assert weibull["calibrated"]
    assert not exponential["calibrated"]
    report_of(tmp_path / "weibull", "training", "scores", "check")


def test_example_takes_waits_of_ones_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    waits = np.column_stack([rng.normal(size=200), rng.weibull(0.7, 200)])
    np.savetxt(tmp_path / "waits.csv", waits, delimiter=",", header="age,wait", comments="")
    scores = run_example(tmp_path / "out", "--data", str(tmp_path / "waits.csv"), script="bring_your_own.py")
    assert scores["data"] == "waits.csv"
    assert scores["test"]["shape"] == pytest.approx(0.7, abs=0.2)  # type: ignore[index]
