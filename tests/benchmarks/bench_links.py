"""The ways to a positive σ, measured: the same network on the same rows, with each link of `likelihoods.links`.

python -m tests.benchmarks.bench_links      # simulated rows with a pile-up and outliers; UCI energy where ../shared is there
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import probcost as pc
from probcost.likelihoods.links import LINKS

ENERGY = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci" / "energy.npz"
STEPS = 3000


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


def measure(x: Tensor, y: Tensor, link: str, seed: int, lr: float = 1e-2) -> tuple[float, float, int, float]:
    """Held-out NLL, its worst row, steps that were not finite, largest gradient of a raw σ; a plain loop, as users write."""
    torch.manual_seed(seed)
    kept = torch.randperm(len(x)) >= len(x) // 5
    x = (x - x[kept].mean(0)) / x[kept].std(0).clamp_min(1e-6)
    likelihood = pc.likelihoods.Normal(1, link=link)
    likelihood.adapt(y[kept].mean(0), y[kept].var(0))
    network = pc.networks.MLP(x.shape[1], 2, hidden=(64, 64))
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    train, not_finite, largest = torch.nonzero(kept)[:, 0], 0, 0.0
    for _ in range(STEPS):
        rows = train[torch.randint(len(train), (32,))]
        raw = network(x[rows])
        raw.retain_grad()
        optimizer.zero_grad()
        loss = -likelihood(raw).log_prob(y[rows]).mean()
        loss.backward()
        if not torch.isfinite(loss):
            not_finite += 1
            continue
        assert raw.grad is not None
        largest = max(largest, float(raw.grad[:, 1].abs().max()) * 32)
        optimizer.step()
    with torch.no_grad():
        nll = -likelihood(network(x[~kept])).log_prob(y[~kept])
    return float(nll.mean()), float(nll.max()), not_finite, largest


def main() -> None:
    torch.set_num_threads(1)
    sets = {"simulated": simulated()} | ({"energy": energy()} if ENERGY.exists() else {})
    print(f"plain NLL, {STEPS} steps of Adam at 1e-2 without early stopping, median of 5 seeds (worst row: of all)")
    for name, (x, y) in sets.items():
        for link in LINKS:
            found = np.array([measure(x, y, link, seed) for seed in range(5)])
            print(
                f"  {name:10s} {link:17s} held-out NLL {np.median(found[:, 0]):8.3f}   worst row {found[:, 1].max():12.1f}   "
                f"non-finite steps {int(found[:, 2].sum())}   largest gradient {found[:, 3].max():.1e}"
            )


if __name__ == "__main__":
    main()
