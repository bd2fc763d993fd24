"""Vectors and mixtures: a training step and its result against the usual Cholesky factor of Σ with a triangular solve.

python -m tests.benchmarks.bench_continuous      # ../shared/data/atoms, where it is there, for the results
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probcost import likelihoods
from tests.benchmarks.timing import interleaved

ATOMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "atoms" / "sidechain_gamma.npz"
BATCH, STEPS, K = 256, 20, 5
_Cost = Callable[[Tensor, Tensor], Tensor]


def network(n_inputs: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_inputs, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, n_outputs))


def with_cholesky(d: int, k: int) -> tuple[int, _Cost]:
    """What a torch user writes: the number of raw outputs and −log p of a mixture with factors L of Σ."""
    row, column = torch.tril_indices(d, d, -1)
    each = 2 * d + d * (d - 1) // 2

    def cost(raw: Tensor, y: Tensor) -> Tensor:
        log_weights, raw = F.log_softmax(raw[:, :k], -1), raw[:, k:].view(-1, k, each)
        factor = torch.diag_embed(F.softplus(raw[..., d : 2 * d]) + 0.02)
        below = torch.zeros_like(factor)
        below[..., row, column] = raw[..., 2 * d :]
        residual = (y[:, None] - raw[..., :d]).unsqueeze(-1)
        z = torch.linalg.solve_triangular(factor + below, residual, upper=False).squeeze(-1)
        half_log_det = torch.diagonal(factor, dim1=-2, dim2=-1).log().sum(-1)
        log_p = -0.5 * z.square().sum(-1) - half_log_det - 0.5 * d * math.log(2 * math.pi)
        return -torch.logsumexp(log_weights + log_p, -1)

    return k * (1 + each), cost


def ours(component: likelihoods.Likelihood, k: int) -> tuple[int, _Cost]:
    likelihood = likelihoods.Mixture(component, k) if k > 1 else component
    return likelihood.num_outputs, lambda raw, y: -likelihood(raw).log_prob(y)


def steps(contender: tuple[int, _Cost], d: int) -> Callable[[], None]:
    torch.manual_seed(0)
    width, cost = contender
    net, x, y = network(169, width), torch.randn(BATCH, 169), torch.randn(BATCH, d)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def run() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            cost(net(x), y).mean().backward()
            optimizer.step()

    return run


def atoms() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Standardised inputs and targets: 20,000 training rows, and validation rows of other proteins."""
    with np.load(ATOMS) as file:
        x, y, split = (torch.as_tensor(file[name]).float() for name in ("x", "y", "split"))
    train, other = split == 0, split == 1
    x = ((x - x[train].mean(0)) / (x[train].std(0) + 1e-3)).clamp(-6, 6)
    y = (y - y[train].mean(0)) / y[train].std(0)
    kept = torch.randperm(int(train.sum()), generator=torch.Generator().manual_seed(0))[:20_000]
    return x[train][kept], y[train][kept], x[other], y[other]


def held_out(contender: tuple[int, _Cost], data: tuple[Tensor, Tensor, Tensor, Tensor], seed: int) -> float:
    """Least held-out NLL over 12 epochs, in standardised units."""
    x, y, x_other, y_other = data
    torch.manual_seed(seed)
    width, cost = contender
    net = network(x.shape[1], width)
    with torch.no_grad():
        net[-1].bias[K:].view(K, -1)[:, :3] = torch.randn(K, 3)
    optimizer, best = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3), math.inf
    for _ in range(12):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            cost(net(x[rows]), y[rows]).mean().backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
        with torch.no_grad():
            best = min(best, float(cost(net(x_other), y_other).mean()))
    return best


def main() -> None:
    torch.set_num_threads(1)
    print(f"a step of 169 → 128 → 128 → outputs, batch {BATCH} (CPU ms, least of 8 turns of {STEPS})")
    for d, k in ((3, K), (3, 1), (10, K), (20, K), (20, 1)):
        contenders = {
            "Cholesky factor, solved": with_cholesky(d, k),
            "MultivariateNormal": ours(likelihoods.MultivariateNormal(d), k),
            "MultivariateStudentT": ours(likelihoods.MultivariateStudentT(d), k),
            "LowRank, rank 0": ours(likelihoods.LowRankMultivariateNormal(d, 0), k),
            "LowRank, rank 2": ours(likelihoods.LowRankMultivariateNormal(d, 2), k),
        }
        best = interleaved({name: steps(contender, d) for name, contender in contenders.items()}, 8)
        usual = best["Cholesky factor, solved"]
        for name, seconds in best.items():
            print(f"  d = {d:2d}, {k} component(s), {name:24} {1e3 * seconds / STEPS:6.2f}   ×{seconds / usual:.2f}")
    if ATOMS.exists():
        data = atoms()
        print(f"held-out NLL of side-chain atoms, mixture of {K}, least of 12 epochs, by seed")
        for name, contender in (
            ("Cholesky factor, solved", with_cholesky(3, K)),
            ("regressions", ours(likelihoods.MultivariateNormal(3), K)),
        ):
            print(f"  {name:24}", *(f"{held_out(contender, data, seed):7.3f}" for seed in range(3)))


if __name__ == "__main__":
    main()
