"""Regression tables: `pc.regress` as it is, beside its homoscedastic twin and the linear-Gaussian model, on the stored splits.

python -m tests.benchmarks.bench_uci [FIRST LAST]      # splits, 0 to 9 unless given; needs ../shared/data/uci
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

import probcost as pc

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci"
SETS = {
    "boston": "bostonHousing",
    "concrete": "concrete",
    "energy": "energy",
    "wine": "wine-quality-red",
    "yacht": "yacht",
}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def split(name: str, k: int) -> Arrays:
    """Training and test rows of split k."""
    with np.load(DATA / f"{SETS[name]}.npz") as file:
        x, y = file["X"].astype(float), file["y"].astype(float).reshape(-1)
        train, test = file[f"train_{k}"].astype(int), file[f"test_{k}"].astype(int)
    return x[train], y[train], x[test], y[test]


def linear_nll(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    """Least squares with its textbook predictive variance."""
    scale = np.where(x.std(0) > 0, x.std(0), 1)
    a, b = (np.column_stack([np.ones(len(part)), (part - x.mean(0)) / scale]) for part in (x, x_test))
    inverse = np.linalg.pinv(a.T @ a)
    weights = inverse @ (a.T @ y)
    variance = ((y - a @ weights) ** 2).sum() / (len(a) - np.linalg.matrix_rank(a))
    sd = np.sqrt(variance * (1 + np.einsum("ij,jk,ik->i", b, inverse, b)))
    return float(-stats.norm.logpdf(y_test, b @ weights, sd).mean())


def fitted(rows: Arrays, k: int, **options: Any) -> tuple[pc.Fit, float]:
    """A fit and its CPU seconds."""
    started = time.process_time()
    fit = pc.regress(rows[0], rows[1], seed=k, progress=False, **options)
    return fit, time.process_time() - started


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    first, last = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (0, 9)
    print("test rows, original units; mean over splits (NLL ± s.e.)")
    for name in SETS:
        found: list[dict[str, float]] = []
        for k in range(first, last + 1):
            rows = split(name, k)
            fit, seconds = fitted(rows, k)
            _, alone = fitted(rows, k, method="map")
            twin, _ = fitted(rows, k, likelihood=pc.likelihoods.StudentT(1, scale="learned"))
            score, of_twin = pc.score(fit, *rows[2:]), pc.score(twin, *rows[2:])
            linear = linear_nll(*rows)
            found.append(
                {"nll": score.nll, "rmse": score.rmse, "twin": of_twin.rmse, "crps": float(np.mean(score.crps))}
                | {"behind linear": score.nll - linear, "seconds": seconds, "alone": alone}
                | {f"c{100 * level:.0f}": float(np.mean(score.coverage[level])) for level in (0.5, 0.9, 0.95)}
            )
        mean = {key: float(np.mean([f[key] for f in found])) for key in found[0]}
        nll = np.array([f["nll"] for f in found])
        print(
            f"{name:9s} NLL {nll.mean():.3f} ± {nll.std(ddof=1) / len(nll) ** 0.5:.3f}, worst split {nll.max():.2f} "
            f"({max(f['behind linear'] for f in found):+.2f} against linear at worst); RMSE {mean['rmse']:.3f}, "
            f"× {mean['rmse'] / mean['twin']:.3f} of twin; CRPS {mean['crps']:.3f}; "
            f"coverage {100 * mean['c50']:.0f}/{100 * mean['c90']:.0f}/{100 * mean['c95']:.0f} %; "
            f"CPU {mean['seconds']:.1f} s, × {mean['seconds'] / mean['alone']:.2f} of one network",
            flush=True,
        )


if __name__ == "__main__":
    main()
