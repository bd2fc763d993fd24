"""A training step of a predicted mean and σ against a hand-written loop with nn.GaussianNLLLoss, and members against one.

python -m tests.benchmarks.bench_gaussian
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

import probcost as pc
from probcost.inference.data import prepare
from probcost.inference.ensemble import EnsembleObjective
from probcost.inference.map_estimate import MapObjective
from probcost.inference.training import Settings, _Run
from tests.benchmarks.timing import interleaved

STEPS = 50


def network(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(13, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))


def table(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(batch * STEPS, 13)
    return x, x[:, :1] + 0.3 * torch.randn(batch * STEPS, 1)


def ours(width: int, batch: int, members: int | None = None) -> _Run:
    x, y = table(batch)
    model = pc.CostModel(network(width), pc.likelihoods.Normal(1))
    data = prepare(model, x, y, validation=None, groups=None, seed=0)
    settings = Settings(epochs=10**6, batch_size=batch, lr=1e-3, patience=10**6, seed=0)
    if members is None:
        return _Run(MapObjective(model), data, settings)
    return _Run(EnsembleObjective(model, [copy.deepcopy(model) for _ in range(members)]), data, settings)


class HandWritten:
    """What a torch user writes: shuffled indices, a softplus, nn.GaussianNLLLoss, Adam."""

    def __init__(self, width: int, batch: int, fused: bool) -> None:
        self.x, self.y = table(batch)
        self.batch, self.network, self.loss = batch, network(width), nn.GaussianNLLLoss(full=True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=fused)

    def epoch(self) -> None:
        for rows in torch.randperm(len(self.x)).split(self.batch):
            self.optimizer.zero_grad()
            raw = self.network(self.x[rows])
            loss = self.loss(raw[:, :1], self.y[rows], (F.softplus(raw[:, 1:]) + 1e-3).square())
            loss.backward()
            loss.item()  # a loop that shows its loss, as ours does
            self.optimizer.step()


def main() -> None:
    torch.set_num_threads(1)
    for width, batch in ((64, 32), (64, 256), (256, 256)):
        best = interleaved(
            {
                "probcost": ours(width, batch).one_epoch,
                "hand-written": HandWritten(width, batch, False).epoch,
                "hand-written, fused Adam": HandWritten(width, batch, True).epoch,
                "probcost, 5 members": ours(width, batch, 5).one_epoch,
            },
            12,
        )
        print(f"13 → {width} → {width} → 2, batch {batch} (CPU ms a step, least of 12 epochs of {STEPS} steps)")
        for name, seconds in best.items():
            print(f"  {name:<26} {1e3 * seconds / STEPS:6.3f}   this / probcost: {seconds / best['probcost']:.2f}")


if __name__ == "__main__":
    main()
