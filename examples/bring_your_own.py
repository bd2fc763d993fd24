"""Your own likelihood: waiting times that are believed Weibull
============================================================

In place of squared error on their logarithms::

    python examples/bring_your_own.py                                     # simulated waits, nothing to download
    python examples/bring_your_own.py --data waits.csv --out results      # your own: a last column of positive waits
    python examples/bring_your_own.py --belief exponential                # the simpler belief, and what it gets wrong

What is known of a wait: it is positive, and the longer one has waited the likelier the end may become (wear), or the less
likely (what has lasted lasts). Exponential waits do neither: they forget. The Weibull has one number more, its shape c, which
the data choose: c > 1 is wear, c = 1 the exponential. Twenty-five lines are all the package needs to fit, check and report it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions import constraints

import probcost as pc
from probcost.likelihoods import Likelihood


class Weibull(Likelihood):
    """Waits whose scale the network predicts, and whose shape c each unit learns."""

    site = "wait"
    discrete = False
    support = constraints.positive
    equation = r"\left(\frac{y}{s}\right)^c - c \log \frac{y}{s} + \log y - \log c"
    symbols: ClassVar = {"s": "scale", "c": "concentration"}

    def __init__(self, n_units: int) -> None:
        super().__init__(n_units, num_outputs=n_units)
        self.log_shape = nn.Parameter(torch.zeros(n_units))

    def forward(self, raw: Tensor) -> dist.TorchDistribution:
        return dist.Weibull(raw.exp(), self.log_shape.exp())

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        return mean.log() - torch.lgamma(1 + (-self.log_shape).exp())


class Exponential(Weibull):
    """The same with the shape held at 1: the future does not depend on how long one has waited."""

    def __init__(self, n_units: int) -> None:
        super().__init__(n_units)
        self.log_shape.requires_grad_(False)


BELIEFS: dict[str, type[Likelihood]] = {"weibull": Weibull, "exponential": Exponential}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)  # the network's initial weights; everything after takes the seed explicitly
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.process_time()

    # 1. The data: what is known of each wait, and how long it was.
    table = pd.read_csv(arguments.data) if arguments.data else simulate(arguments.seed)
    x, y = table.iloc[:, :-1], table.iloc[:, [-1]]
    order = np.random.default_rng(arguments.seed).permutation(len(table))
    train, test = order[: len(order) * 3 // 4], order[len(order) * 3 // 4 :]

    # 2. The belief: the class above, under any network.
    likelihood = BELIEFS[arguments.belief](1)
    model = pc.CostModel(pc.networks.MLP(x.shape[1], likelihood.num_outputs, hidden=(32,)), likelihood)
    print(f"cost of one wait: {likelihood.equation}")

    # 3. The fit, and what it says of the shape.
    fit = pc.fit(model, x.iloc[train], y.iloc[train], seed=arguments.seed)
    shape = fit.model.likelihood.log_shape.exp().item()
    print(fit, f"shape c = {shape:.2f}", sep="\n")

    # 4. The verdict, and one page, on waits that neither the fit nor any choice has seen.
    check = pc.check(fit, x.iloc[test], y.iloc[test])
    diagnosis = pc.diagnose(fit, x.iloc[test], y.iloc[test])
    print(check, diagnosis, sep="\n\n")
    check.plot().savefig(arguments.out / "check.png")
    diagnosis.plot().savefig(arguments.out / "diagnosis.png")
    score = pc.score(fit, x.iloc[test], y.iloc[test])
    summary = {
        "data": arguments.data.name if arguments.data else "simulated waits",
        "belief": arguments.belief,
        "cpu_seconds": time.process_time() - started,
        "test": {
            "shape": shape,
            "nll": float(-fit.log_prob(x.iloc[test], y.iloc[test]).mean()),
            "calibrated": check.ok,
        },
    }
    (arguments.out / "scores.json").write_text(json.dumps(summary, indent=1))
    print(score)
    pc.report(fit, x.iloc[test], y.iloc[test], arguments.out / "report.html", title=f"Waits: {arguments.belief}")
    print(f"left in {arguments.out}: report.html, scores.json, 2 pictures")


def simulate(seed: int, n: int = 2000) -> pd.DataFrame:
    """Days until a bearing fails, given load and temperature: Weibull with shape 1.8, which is wear."""
    rng = np.random.default_rng(seed)
    load, temperature = rng.uniform(0.5, 1.5, n), rng.normal(60, 10, n)
    scale = 100 * np.exp(-1.5 * (load - 1) - 0.02 * (temperature - 60))
    return pd.DataFrame({"load": load, "temperature": temperature, "days": scale * rng.weibull(1.8, n)})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="a CSV of numbers whose last column is the wait; simulated unless given"
    )
    parser.add_argument("--belief", default="weibull", choices=list(BELIEFS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for everything that is left behind")
    return parser.parse_args()


if __name__ == "__main__":
    main()
