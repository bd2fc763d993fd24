"""False alarms of `check` on 200 data sets simulated from one fitted model: each line should reject 5 % of them.

python -m tests.benchmarks.bench_fitted_checks
"""

from __future__ import annotations

from collections import Counter

import torch

import probcost as pc
from probcost.scenarios import spikes

SIMULATIONS = 200


def main() -> None:
    torch.set_num_threads(1)
    recording = spikes.simulate_motorcycle(n_neurons=20, duration=300.0)
    split = recording.split(5)
    x, y = spikes.lag_window(recording.covariates, 5), recording.counts[:, split.neurons]
    for likelihood in ("poisson", "negative_binomial", "conway_maxwell_poisson"):
        model = pc.SpikeCounts(x.shape[1], y.shape[1], likelihood)
        fit = pc.fit(model, x[split.train], y[split.train], progress=False)
        rejected: Counter[str] = Counter()
        replicated = fit.sample(x[split.test], SIMULATIONS)
        for seed, data in enumerate(replicated):
            check = pc.check(fit, x[split.test], data, seed=seed)
            rejected.update(line.name for line in check.lines if line.p_value < 0.05)
            rejected["whole check, corrected"] += not check.ok
            rejected.update({line.name: 0 for line in check.lines})
        print(f"{likelihood}, {SIMULATIONS} simulations of {replicated.shape[1]:,} × {replicated.shape[2]} counts")
        for name, count in rejected.items():
            print(f"  {name:<24} {100 * count / SIMULATIONS:5.1f} %")


if __name__ == "__main__":
    main()
