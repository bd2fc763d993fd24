"""Spikes: counts of motor-cortex neurons while a motorcycle is ridden
===================================================================

From a belief to a fitted, checked cost function::

    python examples/spikes.py                                      # a simulated ride, nothing to download
    python examples/spikes.py --data recording.npz --out results   # your own: counts, covariates, covariate_names, bin_width
    python examples/spikes.py --data m1.mat --likelihood conway_maxwell_poisson

The belief: counts in 50 ms bins are independent given the rates, and a network turns the riding parameters of this bin and
the five before it into the rates of all neurons at once. The cost function is its negative log-probability; the check at
the end says whether the counts bear it out, and ``--likelihood`` is how to try another belief.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import probcost as pc
from probcost.scenarios import spikes

COUNTS = sorted(name for name, kind in pc.likelihoods.NAMES.items() if kind.discrete)
N_LAGS = 5  # bins of history: what was done up to a quarter of a second ago still moves the rates


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)  # the network's initial weights; everything after takes the seed explicitly
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.process_time()

    # 1. The data: counts k[t, i] and what was done meanwhile, split into stretches of time.
    recording = spikes.load(arguments.data) if arguments.data else spikes.simulate_motorcycle(seed=arguments.seed)
    split = recording.split(N_LAGS)
    print(recording, split, sep="\n")
    x = spikes.lag_window(recording.covariates, N_LAGS)
    y = recording.counts[:, split.neurons]
    fitting, test = np.concatenate([split.train, split.validation]), split.test

    # 2. The belief, written as a Pyro model: prior, network, likelihood.
    model = pc.SpikeCounts(x.shape[1], y.shape[1], arguments.likelihood, prior=prior_for(arguments.method))
    print(f"cost of one count: {model.likelihood.equation}")

    # 3. The fit: the cost function falls out of the model, and the network learns by it.
    fit = pc.fit(model, x[fitting], y[fitting], method=arguments.method, seed=arguments.seed)
    fit.unit_names = [recording.neuron_names[i] for i in split.neurons]
    fit.save(arguments.out / "fit")
    print(fit)

    # 4. The verdict, on bins that neither the fit nor any choice has seen.
    predictive = fit.predict(x[test])
    rate = predictive.mean.numpy()
    null_rate = fit.null_mean.numpy()
    check = pc.check(fit, x[test], y[test])
    print(check)
    r2 = spikes.pseudo_r2(y[test], rate, null_rate)
    scores = {
        "log_likelihood_per_bin": predictive.log_prob(torch.as_tensor(y[test])).mean().item(),
        "null_log_likelihood_per_bin": fit.null_log_prob(y[test]).mean().item(),
        "pseudo_r2": float(np.nanmean(r2)),
        "bits_per_spike": spikes.bits_per_spike(y[test], rate, null_rate),
        "pit_ks_mean": float(check.units["ks"].mean()),
        "n_bins": len(test),
        "n_units": y.shape[1],
    }
    summary = {
        "data": arguments.data.name if arguments.data else "simulated ride",
        "likelihood": arguments.likelihood,
        "method": arguments.method,
        "cpu_seconds": time.process_time() - started,
        "test": scores,
    }
    (arguments.out / "scores.json").write_text(json.dumps(summary, indent=1))
    for name, value in scores.items():
        print(f"{name:>28}  {value:.4f}" if isinstance(value, float) else f"{name:>28}  {value:,}")

    # 5. The pictures, and one page that says whether to believe the fit, and why.
    part = recording.select(test, split.neurons)
    best = int(np.nanargmax(r2))
    pictures = {
        "raster": (
            "Ten seconds of test bins. Spikes above, the rates predicted for them below, in the same order: where a row turns "
            "orange, its neuron should fire more than it usually does.",
            spikes.plot_raster(part, rate),
        ),
        "tuning": (
            f"What the best-predicted neuron, {part.neuron_names[best]}, is tuned to. Where recorded and predicted counts part, "
            "the network has missed something of that covariate.",
            spikes.plot_tuning(part, rate, best),
        ),
        "pseudo_r2": (
            "How well each neuron is predicted. Above 0, the covariates tell something of a neuron that its mean rate does not.",
            spikes.plot_scores(r2, y[test].mean(0) / recording.bin_width),
        ),
    }
    shown = {name: figure for name, (_, figure) in pictures.items()} | {
        "check": check.plot(),
        "history": fit.history.plot(),
    }
    for name, figure in shown.items():
        figure.savefig(arguments.out / f"{name}.png")
    pc.report(
        fit,
        x[test],
        y[test],
        arguments.out / "report.html",
        title=f"Spike counts: {summary['data']}, {type(model.likelihood).__name__} by {arguments.method}",
        pictures=dict(pictures.values()),
        tables={"On the test bins": pd.Series(scores).to_frame("value")},
    )
    print(f"left in {arguments.out}: report.html, scores.json, the fitted model in fit/, {len(shown)} pictures")


def prior_for(method: str) -> pc.priors.Prior | None:
    """Variational inference needs a belief about the weights; a point estimate is stopped early instead."""
    return pc.priors.Normal(0.1) if method == "svi" else None


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a .mat like M1's, or an .npz; a simulated ride unless given")
    parser.add_argument("--likelihood", default="poisson", choices=COUNTS)
    parser.add_argument("--method", default="map", choices=["map", "svi"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for everything that is left behind")
    parser.add_argument("--threads", type=int, default=1, help="the matrices are small: more threads mostly wait")
    return parser.parse_args()


if __name__ == "__main__":
    main()
