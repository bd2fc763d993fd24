"""One MAP training step against a hand-written loop, and a Conway–Maxwell–Poisson step against a Poisson step.

python -m tests.benchmarks.bench_step
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import probcost as pc
from probcost.inference.data import prepare
from probcost.inference.map_estimate import MapObjective
from probcost.inference.training import Settings, _Run
from tests.benchmarks.timing import interleaved

ROWS, BATCH, STEPS = 512 * 20, 512, 20


def network(n_outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(72, 128), nn.SiLU(), nn.Linear(128, n_outputs))


def counts(units: int) -> tuple[Tensor, Tensor]:
    """Rates spread as on M1: mean 0.9 per bin, a few units above 5, counts to about 26."""
    torch.manual_seed(0)
    log_rate = (torch.randn(units) * 1.2 - 0.9).clamp_max(2.2)
    return torch.randn(ROWS, 72), torch.poisson(torch.exp(log_rate + 0.3 * torch.randn(ROWS, units))).clamp_max(26)


def ours(likelihood: str, units: int) -> _Run:
    x, y = counts(units)
    model = pc.CostModel(network(units), pc.likelihoods.named(likelihood, units))
    data = prepare(model, x, y, validation=None, groups=None, seed=0)
    return _Run(MapObjective(model), data, Settings(epochs=10**6, batch_size=BATCH, lr=1e-3, patience=10**6, seed=0))


class HandWritten:
    """What a torch user writes: shuffled indices, F.poisson_nll_loss, Adam."""

    def __init__(self, units: int, fused: bool) -> None:
        self.x, self.y = counts(units)
        self.network = network(units)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=fused)

    def epoch(self) -> None:
        for rows in torch.randperm(ROWS).split(BATCH):
            self.optimizer.zero_grad()
            loss = F.poisson_nll_loss(self.network(self.x[rows]), self.y[rows], log_input=True)
            loss.backward()
            self.optimizer.step()


def main() -> None:
    torch.set_num_threads(1)
    runs = {f"probcost {name}": ours(name, 171).one_epoch for name in ("poisson",)}
    best = interleaved(
        {
            **runs,
            "hand-written": HandWritten(171, False).epoch,
            "hand-written, fused Adam": HandWritten(171, True).epoch,
        },
        15,
    )
    print(f"MAP step, 72 → 128 → 171, batch {BATCH} (CPU ms, least of 15 epochs of {STEPS} steps)")
    for name, seconds in best.items():
        print(f"  {name:<28} {1e3 * seconds / STEPS:6.2f}   probcost / this: {best['probcost poisson'] / seconds:.2f}")
    names = ["poisson", "negative_binomial", "conway_maxwell_poisson", "zero_inflated_poisson"]
    best = interleaved({name: ours(name, 156).one_epoch for name in names}, 10)
    print("step by likelihood, 156 units")
    for name, seconds in best.items():
        print(f"  {name:<28} {1e3 * seconds / STEPS:6.2f}   this / poisson: {seconds / best['poisson']:.2f}")


if __name__ == "__main__":
    main()
