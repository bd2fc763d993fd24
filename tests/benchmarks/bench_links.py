"""The ways to a positive σ, measured: the same network on the same rows, with each link of `likelihoods.links`.

python -m tests.benchmarks.bench_links      # simulated rows with a pile-up and outliers; UCI energy where ../shared is there
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import probcost as pc
from probcost.likelihoods.links import LINKS

ENERGY = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci" / "energy.npz"
STEPS, SEEDS = 2000, 12


def simulated(rows: int = 1500) -> tuple[Tensor, Tensor]:
    """σ from 0.03 to 1, a third of the targets the same number, one row in a hundred far off."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(rows, 3, generator=generator) * 4 - 2
    noise = torch.randn(rows, generator=generator) * torch.exp(1.7 * x[:, 0] - 1.7).clamp(0.03, 1)
    noise[::100] += 15
    y = torch.where(x[:, 2] < -2 / 3, torch.zeros(()), torch.sin(2 * x[:, 1]) + noise)
    return x, y[:, None]


def energy() -> tuple[Tensor, Tensor]:
    with np.load(ENERGY) as file:
        train = file["train_0"].astype(int)
        x, y = file["X"][train], file["y"].reshape(-1, 1)[train]
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)


def measure(x: Tensor, y: Tensor, link: str, seed: int, lr: float) -> tuple[float, float, int, float]:
    """NLL of test rows, its worst row, steps that were not finite, largest gradient of a raw σ; a plain loop, as users write.

    The weights are those with the least cost of validation rows, looked at every 50 steps.
    """
    torch.manual_seed(seed)
    test, validation, train = torch.randperm(len(x)).split([len(x) // 5, len(x) // 5, len(x) - 2 * (len(x) // 5)])
    x = (x - x[train].mean(0)) / x[train].std(0).clamp_min(1e-6)
    likelihood = pc.likelihoods.Normal(1, link=link)
    likelihood.adapt(y[train].mean(0), y[train].var(0))
    network = pc.networks.MLP(x.shape[1], 2, hidden=(64, 64))
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    least, not_finite, largest = math.inf, 0, 0.0
    nll = torch.full((1,), math.inf)
    for step in range(STEPS):
        rows = train[torch.randint(len(train), (32,))]
        raw = network(x[rows])
        raw.retain_grad()
        optimizer.zero_grad()
        loss = -likelihood(raw).log_prob(y[rows]).mean()
        loss.backward()
        assert raw.grad is not None
        if not torch.isfinite(loss) or not torch.isfinite(raw.grad).all():
            not_finite += 1
            continue
        largest = max(largest, float(raw.grad[:, 1].abs().max()) * 32)
        optimizer.step()
        if step % 50 == 49:
            with torch.no_grad():
                cost = float(-likelihood(network(x[validation])).log_prob(y[validation]).mean())
                if cost < least:
                    least, nll = cost, -likelihood(network(x[test])).log_prob(y[test])
    return float(nll.mean()), float(nll.max()), not_finite, largest


def main() -> None:
    torch.set_num_threads(1)
    sets = {"simulated": simulated()} | ({"energy": energy()} if ENERGY.exists() else {})
    print(f"plain NLL, {STEPS} steps of Adam, {SEEDS} splits; differences to {LINKS[0]} on the same splits, ± one s.e.")
    for name, (x, y) in sets.items():
        for lr in (1e-3, 1e-2):
            found = {link: np.array([measure(x, y, link, seed, lr) for seed in range(SEEDS)]) for link in LINKS}
            for link, of in found.items():
                apart = of[:, 0] - found[LINKS[0]][:, 0]
                print(
                    f"  {name:10s} lr {lr:g}  {link:17s} NLL {np.median(of[:, 0]):6.3f}"
                    f"   difference {apart.mean():+.3f} ± {apart.std(ddof=1) / SEEDS**0.5:.3f}   worst row {of[:, 1].max():7.1f}"
                    f"   non-finite steps {int(of[:, 2].sum())}   largest gradient {of[:, 3].max():.1e}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
