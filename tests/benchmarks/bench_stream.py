"""Pointwise log-likelihood, PIT and LOO of 15,536 bins × 156 neurons × 1,000 draws: time against log p alone, extra memory.

Each measurement is a process of its own. ``python -m tests.benchmarks.bench_stream [bins]``
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import probcost as pc
from probcost.checks.evidence import gather
from probcost.checks.leave_one_out import smoothed
from probcost.inference.history import History
from probcost.inference.posterior import LastLayerNormal

BINS, NEURONS, DRAWS, INPUTS = 15_536, 156, 1000, 24
LIKELIHOODS = ("poisson", "negative_binomial", "conway_maxwell_poisson")


def last_layer_fit(likelihood: str) -> pc.Fit:
    """A fit as method 'laplace' leaves it, its weights random: rates near 0.4 a bin, as M1's are."""
    torch.manual_seed(0)
    model = pc.SpikeCounts(INPUTS, NEURONS, likelihood).eval()
    name, last = [(name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)][-1]
    outputs, width = last.weight.shape
    mean = torch.cat([last.weight.detach(), torch.full((outputs, 1), -1.0)], dim=1)
    posterior = LastLayerNormal(
        layer=name,
        mean=mean,
        left=torch.eye(outputs),
        right=torch.eye(width + 1),
        sd=torch.full_like(mean, 0.02),
        prior_scale=1.0,
    )
    return pc.Fit(
        model=model,
        method="laplace",
        posterior=posterior,
        history=History(),
        input_shape=torch.Size([INPUTS]),
        unit_names=[str(i) for i in range(NEURONS)],
        null_mean=torch.full((NEURONS,), 0.4),
        null_variance=torch.full((NEURONS,), 0.4),
        drift_half_life=math.inf,
        seed=0,
    )


def resident() -> float:
    """MiB held now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def alone(fit: pc.Fit, x: torch.Tensor, y: torch.Tensor) -> None:
    """Every draw's log-probability of every count, in the same chunks, and nothing done with it."""
    for rows, component in fit.predict(x, draws=DRAWS)._components():
        with torch.no_grad():
            component.log_prob(y[rows])


def everything(fit: pc.Fit, x: torch.Tensor, y: torch.Tensor) -> None:
    """Mixture log-likelihood, log-likelihood of rows by draw, randomised PIT, PSIS-LOO."""
    from probcost.checks.pit import randomized_pit

    read = fit.predict(x, draws=DRAWS).read(y, moments=False, by_draw=True)
    randomized_pit(read.cdf.double().numpy(), read.cdf_below.double().numpy(), seed=0)
    assert read.by_draw is not None
    smoothed(read.by_draw.T.numpy())


def left_out(fit: pc.Fit, x: torch.Tensor, y: torch.Tensor) -> None:
    """`pc.loo` by itself."""
    pc.loo(fit, x, y, draws=DRAWS)


def gathered(fit: pc.Fit, x: torch.Tensor, y: torch.Tensor) -> None:
    """What `pc.check` looks at, by the 100 draws that predictions mix."""
    gather(fit, x, y)


RUNS: dict[str, Callable[[pc.Fit, torch.Tensor, torch.Tensor], None]] = {
    run.__name__: run for run in (alone, everything, left_out, gathered)
}


def measure(run: str, likelihood: str, bins: int) -> None:
    """Print CPU seconds and MiB beyond what was held before."""
    torch.set_num_threads(1)
    fit = last_layer_fit(likelihood)
    x = torch.randn(bins, INPUTS)
    with torch.no_grad():
        y = fit.model.distribution(x).sample()
    RUNS[run](fit, x[:20], y[:20])  # imports, tables
    before, started = resident(), time.process_time()
    RUNS[run](fit, x, y)
    seconds = time.process_time() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)


def main() -> None:
    bins = int(sys.argv[1]) if len(sys.argv) > 1 else BINS
    print(f"{bins:,} bins × {NEURONS} neurons × {DRAWS:,} draws")
    for likelihood in LIKELIHOODS:
        base = 0.0
        for run in RUNS:
            command = [sys.executable, "-m", "tests.benchmarks.bench_stream", run, likelihood, str(bins)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds, extra = map(float, output.split())
            base = base or seconds
            print(
                f"{likelihood:24s} {run:12s} {seconds:7.1f} CPU s, {seconds / base:5.2f} × log p alone, {extra:5.0f} MiB extra",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
