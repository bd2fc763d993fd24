"""How dear the densities are in a training step: ratios to what a user would otherwise write.

Run from the root: ``python -m tests.benchmarks.bench_distributions``. One thread; contenders are interleaved and the least
time of many rounds counts, so that other load on the machine disturbs neither alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probcost.distributions import ConwayMaxwellPoisson, NegativeBinomial, Poisson
from tests.benchmarks.timing import interleaved

__all__ = ["main"]

_BATCH, _INPUTS, _HIDDEN, _UNITS = 512, 72, 128, 156


def fastest(contenders: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Least CPU time of each contender, in microseconds."""
    return {name: seconds * 1e6 for name, seconds in interleaved(contenders, rounds=150).items()}


def density_contenders() -> dict[str, Callable[[], None]]:
    """log p and its gradient at [512, 171] against torch's loss, which leaves out log k!."""
    log_rate = (torch.randn(_BATCH, 171) - 1).requires_grad_()
    counts = torch.poisson(log_rate.detach().exp())

    def ours() -> None:
        log_rate.grad = None
        (-Poisson(log_rate).log_prob(counts).mean()).backward()

    def torchs() -> None:
        log_rate.grad = None
        F.poisson_nll_loss(log_rate, counts, log_input=True).backward()

    return {"F.poisson_nll_loss": torchs, "Poisson.log_prob": ours}


def m1_like_counts(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rates and counts like M1's in 50 ms bins: mean about 0.6, most units nearly silent, some reaching 26."""
    rates = (torch.randn(_UNITS, generator=generator) * 1.3 - 1.3).exp().clamp_max(12.0)
    rates[:3] = torch.tensor([8.0, 10.0, 12.0])
    rates = rates * (0.4 * torch.randn(_BATCH, _UNITS, generator=generator)).exp()
    return rates, torch.poisson(rates, generator=generator).clamp_max(26.0)


def step_contenders() -> dict[str, Callable[[], None]]:
    """One training step: forward, backward, Adam; ν per unit is spread as fitted ones are, or predicted by the network."""
    generator = torch.Generator().manual_seed(0)
    rates, counts = m1_like_counts(generator)
    inputs = torch.randn(_BATCH, _INPUTS, generator=generator)
    spread = 0.3 + 0.4 * torch.randn(_UNITS, generator=generator)

    def step(kind: str) -> Callable[[], None]:
        width = 2 * _UNITS if kind == "predicted" else _UNITS
        hidden, head = nn.Linear(_INPUTS, _HIDDEN), nn.Linear(_HIDDEN, width)
        offset = rates.log()
        with torch.no_grad():
            head.weight.mul_(0.3)
        own = spread.clone().requires_grad_()
        optimiser = torch.optim.Adam([*hidden.parameters(), *head.parameters(), own], lr=1e-5, fused=True)

        def run() -> None:
            optimiser.zero_grad()
            raw = head(torch.relu(hidden(inputs)))
            eta = raw[:, :_UNITS] + offset
            if kind in ("poisson", "torch's Poisson loss"):
                density = Poisson(eta)
            elif kind == "negative binomial":
                density = NegativeBinomial(eta, F.softplus(own))
            elif kind == "per unit":
                density = ConwayMaxwellPoisson(eta, own.exp())
            else:
                density = ConwayMaxwellPoisson(eta, (spread + raw[:, _UNITS:]).exp())
            if kind == "torch's Poisson loss":
                cost = F.poisson_nll_loss(eta, counts, log_input=True, reduction="sum") / _BATCH
            else:
                cost = -density.log_prob(counts).sum() / _BATCH
            cost.backward()
            optimiser.step()

        return run

    return {
        kind: step(kind) for kind in ("poisson", "torch's Poisson loss", "negative binomial", "per unit", "predicted")
    }


def report(title: str, times: dict[str, float]) -> None:
    reference = next(iter(times.values()))
    print(title)
    for name, microseconds in times.items():
        print(f"  {name:20s} {microseconds:8.0f} us   {microseconds / reference:5.2f} x")


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    report("log_prob forward and backward, [512, 171] float32", fastest(density_contenders()))
    report(
        "training step, [512, 156] float32; Conway-Maxwell-Poisson: nu per unit, predicted",
        fastest(step_contenders()),
    )


if __name__ == "__main__":
    main()
