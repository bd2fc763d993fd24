"""1,000 posterior predictive draws of M1's test set: time against bare torch, and extra memory when summarised.

python -m tests.benchmarks.bench_predict
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import torch

import probcost as pc

ROWS, UNITS, DRAWS = 3097, 156, 1000  # M1's test set


def fitted() -> tuple[pc.Fit, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(ROWS, 24)
    y = torch.poisson(torch.exp(0.3 * torch.randn(UNITS) - 0.5).expand(ROWS, UNITS))
    return pc.fit(pc.SpikeCounts(24, UNITS), x, y, epochs=2, progress=False), x


def peak() -> float:
    """The process's largest resident size so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def main() -> None:
    torch.set_num_threads(1)
    fit, x = fitted()
    rate = fit.predict(x).mean
    before = peak()
    for quantiles in ((), (0.05, 0.5, 0.95)):
        seconds = min(timed(lambda q=quantiles: fit.summarize(x, DRAWS, quantiles=q)) for _ in range(2))
        print(f"summarised, quantiles {quantiles}: {seconds:.2f} CPU s, {peak() - before:.0f} MiB extra")
    bare = min(timed(lambda: torch.poisson(rate.expand(DRAWS, ROWS, UNITS))) for _ in range(2))
    ours = min(timed(lambda: fit.sample(x, DRAWS)) for _ in range(2))
    print(f"all [S, T, N] held: probcost {ours:.2f} CPU s, bare torch {bare:.2f}, ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
