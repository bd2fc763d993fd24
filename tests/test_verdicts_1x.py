"""The same verdicts from the same arrays under ArviZ 0.x and 1.x: numpy-only modules, loaded without torch where there is none.

Set ``PROBCOST_OTHER_PYTHON`` to an interpreter with the other ArviZ, numpy, scipy and pandas; else ``python3.12`` is tried.
Alone under ArviZ 1.x: ``python3.12 -m pytest --noconftest tests/test_verdicts_1x.py``. As a script it prints its verdicts.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1] / "probcost"
T, N, DRAWS, REPLICATES = 300, 4, 200, 200


def module(name: str) -> ModuleType:
    """``probcost.name``; without torch, of an empty package, whose ``__init__`` and inputs would need it."""
    if importlib.util.find_spec("torch") is None and "probcost" not in sys.modules:
        for package in ("probcost", "probcost.checks"):
            empty = ModuleType(package)
            empty.__path__ = [str(PACKAGE.joinpath(*package.split(".")[1:]))]
            sys.modules[package] = empty
        inputs = ModuleType("probcost.inputs")
        inputs.same_length = inputs.labelled = None  # type: ignore[attr-defined]
        sys.modules["probcost.inputs"] = inputs
    return importlib.import_module(f"probcost.{name}")


def arviz_major() -> int:
    return int(importlib.import_module("arviz").__version__.split(".")[0])


def counts(rng: np.random.Generator, dispersion: float) -> tuple[Any, Any]:
    """Means that vary, and counts around them whose variance is mean + dispersion · mean²."""
    means = np.exp(rng.normal(0.5, 0.5, (T, N)))
    gain = rng.gamma(1 / dispersion, dispersion, (T, N)) if dispersion else 1.0
    return means, rng.poisson(means * gain)


def checks() -> dict[str, Any]:
    """`check` of a Poisson model on counts that are Poisson, and on counts that are not."""
    from scipy import stats

    found = {}
    for dispersion in (0.0, 0.3):
        means, y = counts(np.random.default_rng(1), dispersion)
        model = stats.poisson(means)
        evidence = module("checks.evidence").Evidence(
            y=y.astype(np.float64),
            mean=means,
            variance=means,
            log_prob=model.logpmf(y),
            cdf=model.cdf(y),
            cdf_below=model.cdf(y - 1),
            prob_zero=np.exp(-means),
            null_log_prob=stats.poisson(y.mean(axis=0)).logpmf(y),
            unit_names=[str(i) for i in range(N)],
            discrete=True,
            ordered=True,
        )
        check = module("checks.calibration").calibration(evidence)
        frame = check.to_frame()
        found[f"check, dispersion {dispersion}"] = {
            "ok": check.ok,
            "verdicts": list(frame["verdict"]),
            "numbers": [float(p) for p in frame["p_value"]] + [float(s) for s in frame["statistic"]],
        }
    return found


def predictive_checks() -> dict[str, Any]:
    """`ppc`'s verdicts, of observations and replicates as ArviZ's own object hands them back."""
    found = {}
    for dispersion in (0.0, 0.3):
        rng = np.random.default_rng(2)
        means, y = counts(rng, dispersion)
        data = module("arviz_bridge").to_arviz(
            site="counts",
            observed=y,
            dims=("time", "neuron"),
            discrete=True,
            posterior_predictive={"counts": rng.poisson(means, (1, REPLICATES, T, N)).astype(np.float32)},
        )
        observed = np.asarray(data["observed_data"]["counts"], dtype=np.float64)
        replicates = np.asarray(data["posterior_predictive"]["counts"], dtype=np.float64)[0]
        ready = module("checks.statistics").chosen(None, discrete=True, ordered=True, units=N)
        lines, by_unit = module("checks.ppc_lines").judged(
            {one.name: one for one in ready},
            {one.name: one.compute(observed) for one in ready},
            {one.name: np.stack([one.compute(y) for y in replicates]) for one in ready},
            level=0.05,
            seed=0,
        )
        found[f"ppc, dispersion {dispersion}"] = {
            "ok": all(line.p_corrected >= 0.05 for line in lines),
            "verdicts": [line.verdict for line in lines],
            "numbers": [line.p_value for line in lines] + [float(p) for unit in by_unit.values() for p in unit],
        }
    return found


def leave_one_out() -> dict[str, Any]:
    """PSIS-LOO of two likelihoods by the bridge: which predicts better, and every row's density and Pareto k."""
    from scipy import stats

    rng = np.random.default_rng(3)
    means, y = counts(rng, 0.3)
    scale = np.exp(rng.normal(0, 0.03, (DRAWS, 1, N)))
    poisson = stats.poisson(means * scale).logpmf(y).sum(axis=-1)
    negative_binomial = stats.nbinom(1 / 0.3, 1 / (1 + 0.3 * means * scale)).logpmf(y).sum(axis=-1)
    bridge = module("arviz_bridge")
    (first, k), (second, _) = (bridge.psis_loo(log_prob.T) for log_prob in (poisson, negative_binomial))
    gain = second - first
    better = gain.sum() > 2 * gain.std(ddof=1) * np.sqrt(T)
    return {"loo": {"ok": bool(better), "verdicts": [str(int((k > 0.7).sum()))], "numbers": [*first, *second, *k]}}


def verdicts() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ 0.x, of its successor
        return {**checks(), **predictive_checks(), **leave_one_out()}


def other_python() -> tuple[str | None, str]:
    """An interpreter with the other ArviZ, or why there is none."""
    python = os.environ.get("PROBCOST_OTHER_PYTHON") or shutil.which("python3.12")
    if python is None:
        return None, "no PROBCOST_OTHER_PYTHON and no python3.12"
    code = "import arviz, numpy, scipy, pandas; print(arviz.__version__.split('.')[0])"
    answer = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    if answer.returncode:
        return None, f"{Path(python).name} lacks ArviZ, numpy, scipy or pandas"
    if (int(answer.stdout) >= 1) == (arviz_major() >= 1):
        return None, f"{Path(python).name} has the same ArviZ: {answer.stdout.strip()}"
    return python, ""


def test_the_same_verdicts_under_the_other_arviz() -> None:
    import pytest

    python, reason = other_python()
    if python is None:
        pytest.skip(reason)
    answer = subprocess.run([python, "-W", "ignore", __file__], capture_output=True, text=True, check=True)
    there, here = json.loads(answer.stdout), verdicts()
    assert there.keys() == here.keys()
    for name, found in here.items():
        assert there[name]["ok"] == found["ok"], name
        assert there[name]["verdicts"] == found["verdicts"], name
        assert there[name]["numbers"] == pytest.approx(found["numbers"], rel=1e-9, abs=1e-9), name


def test_the_verdicts_tell_true_models_from_false_ones() -> None:
    """Else equal verdicts would say little."""
    found = verdicts()
    assert {name: one["ok"] for name, one in found.items()} == {
        "check, dispersion 0.0": True,
        "check, dispersion 0.3": False,
        "ppc, dispersion 0.0": True,
        "ppc, dispersion 0.3": False,
        "loo": True,
    }


def test_predictive_plots_of_arviz_1x_run() -> None:
    import pytest

    if arviz_major() < 1:
        pytest.skip("ArviZ 0.x is installed; tests/checks/test_predictive_checks.py has its plots")
    import arviz as az

    rng = np.random.default_rng(2)
    means, y = counts(rng, 0.0)
    data = module("arviz_bridge").to_arviz(
        site="counts",
        observed=y,
        dims=("time", "neuron"),
        discrete=True,
        posterior_predictive={"counts": rng.poisson(means, (1, REPLICATES, T, N))},
    )
    for plot in (az.plot_ppc_dist, az.plot_ppc_tstat):
        assert plot(data, backend="matplotlib") is not None


if __name__ == "__main__":
    print(json.dumps(verdicts()))
