"""Mining, cost and backward of a labelled batch: `Triplets` against pairs indexed into the distance matrix, as one writes it.

python -m tests.benchmarks.bench_mining     # 1024 × 128-D, 4 photos a person; memory in a fresh process for each
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import probcost as pc
from tests.benchmarks.timing import interleaved

__all__ = ["main"]

BATCH, WIDTH, PHOTOS, MARGIN = 1024, 128, 4, 0.2
BUDGET = {
    "all": (0.55, 200),
    "semi_hard": (0.35, 180),
}  # seconds and MiB, on a machine where `by_hand` takes .51 and .30
COMPARISONS = {
    "exponential slack": lambda: pc.likelihoods.TripletSlack(margin=MARGIN),
    "normal slack": lambda: pc.likelihoods.TripletSlack("normal", margin=MARGIN),
    "Gaussian": lambda: pc.likelihoods.GaussianTriplet(margin=MARGIN, scale=0.1),
    "N-way": lambda: pc.likelihoods.NWayChoice(temperature=0.1),
}


def batch(size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(size, WIDTH, generator=generator).requires_grad_()
    return raw, (torch.arange(size) // PHOTOS).float()[:, None]


def by_hand(raw: Tensor, y: Tensor, mining: str) -> Tensor:
    """The triplet cost of normalised embeddings, autograd through a matrix of pairs × batch."""
    points = F.normalize(raw, dim=1)
    d = torch.cdist(points, points)
    same = y == y.T
    anchor, positive = torch.nonzero(same & ~torch.eye(len(y), dtype=torch.bool), as_tuple=True)
    difference = d[anchor, positive].unsqueeze(1) - d[anchor]
    chosen = ~same[anchor]
    if mining == "semi_hard":
        chosen &= (difference < 0) & (difference > -MARGIN)
    return (difference[chosen] + MARGIN).clamp_min(0).sum()


def step(contender: str, mining: str, size: int = BATCH) -> Callable[[], float]:
    """A function that computes the cost of the batch and its gradient."""
    raw, y = batch(size)
    if contender == "by hand":
        return _with_gradient(lambda: by_hand(raw, y, mining), raw)
    likelihood = pc.likelihoods.Triplets(COMPARISONS[contender](), WIDTH, mining)
    return _with_gradient(lambda: -likelihood(raw).log_prob(y).sum(), raw)


def _with_gradient(cost: Callable[[], Tensor], raw: Tensor) -> Callable[[], float]:
    def run() -> float:
        raw.grad = None
        value = cost()
        value.backward()
        return value.item()

    return run


def peak(contender: str, mining: str) -> float:
    """MiB of this process beyond what it held before, at most, over three steps; torch itself warmed up on a tiny batch."""
    step(contender, mining, 64)()
    run, before, seen, done = step(contender, mining), _resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen[0] = max(seen[0], _resident())
            time.sleep(2e-4)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        run()
    done.set()
    watcher.join()
    return seen[0] - before


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def _peak_in_fresh_process(contender: str, mining: str) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.bench_mining", "peak", contender, mining]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["peak"]:
        print(peak(*sys.argv[2:4]))
        return
    for mining in pc.likelihoods.mining.STRATEGIES:
        names = ["exponential slack"]
        if mining in BUDGET:
            names = ["by hand", *names]
        if mining == "all":
            names += list(COMPARISONS)[1:]
        seconds = interleaved({name: step(name, mining) for name in names}, rounds=10)
        for name in names:
            ratio = f"  {seconds[name] / seconds['by hand']:5.2f} × by hand" if "by hand" in seconds else ""
            print(
                f"{mining:18s} {name:18s} {seconds[name]:6.3f} s  {_peak_in_fresh_process(name, mining):5.0f} MiB{ratio}"
            )
        if mining in BUDGET:
            print(f"{mining:18s} {'to reach':18s} {BUDGET[mining][0]:6.3f} s  {BUDGET[mining][1]:5.0f} MiB")


if __name__ == "__main__":
    main()
