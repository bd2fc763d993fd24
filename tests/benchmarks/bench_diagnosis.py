"""Does `diagnose` cry wolf, and does it name what is wrong? On data simulated from the model itself, and from others.

python -m tests.benchmarks.bench_diagnosis alarms 200   # every line of `check` and `diagnose`, for every likelihood
python -m tests.benchmarks.bench_diagnosis power 100    # ways to be wrong: are they found, and the right remedy named first?

Two more numbers, as of a slice, choose among the likelihoods and the ways to be wrong.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import signal, stats
from torch import Tensor, nn

import probcost as pc
from probcost import distributions as dist
from probcost import likelihoods as of
from probcost.likelihoods import Likelihood

ROWS, UNITS, INPUTS = 500, 4, 3
LIKELIHOODS: dict[str, Callable[[int], Likelihood]] = {
    "Poisson": of.Poisson,
    "negative binomial": of.NegativeBinomial,
    "Conway-Maxwell-Poisson": of.ConwayMaxwellPoisson,
    "zero-inflated Poisson": of.ZeroInflatedPoisson,
    "zero-inflated negative binomial": of.ZeroInflatedNegativeBinomial,
    "negative multinomial": of.NegativeMultinomial,
    "normal": of.Normal,
    "Student t": of.StudentT,
    "Laplace": of.Laplace,
    "mixture of normals": lambda n: of.Mixture(of.Normal(n), 2),
    "multivariate normal": of.MultivariateNormal,
    "low-rank multivariate normal": of.LowRankMultivariateNormal,
    "multivariate t": of.MultivariateStudentT,
}


def alarms(data_sets: int, first: int = 0, last: int | None = None) -> None:
    """Shares of data sets in which a line has p < 0.05, and in which anything is denied after the correction."""
    for name, make in list(LIKELIHOODS.items())[first:last]:
        torch.manual_seed(0)
        likelihood = make(UNITS)
        network = nn.Linear(INPUTS, likelihood.num_outputs)
        with torch.no_grad():
            network.weight.mul_(0.5)
        model = pc.CostModel(network, likelihood, ordered=True)
        lines: dict[str, list[float]] = defaultdict(list)
        whole: dict[str, list[bool]] = defaultdict(list)
        started = time.process_time()
        for seed in range(data_sets):
            x = torch.randn(ROWS, INPUTS, generator=torch.Generator().manual_seed(seed))
            # Not the seed of x: the same stream of random numbers would tie the noise to the inputs.
            y = pc.as_fit(model, x, likelihood_like(model, x), seed=seed + 1_000_000).sample(x, 1)[0]
            fit = pc.as_fit(model, x, y, seed=seed)
            check, diagnosis = pc.check(fit, x, y, seed=seed), pc.diagnose(fit, x, y, seed=seed)
            for line in check.lines:
                lines[f"check: {line.name}"].append(line.p_value)
            for finding in diagnosis.findings:
                lines[f"diagnose: {finding.name}"].append(finding.p_value)
            whole["check as a whole"].append(not check.ok)
            whole["diagnose as a whole"].append(not diagnosis.ok)
        each = (time.process_time() - started) / data_sets
        print(f"\n{name}, {ROWS} × {UNITS}, {data_sets} data sets, {each:.2f} CPU s each", flush=True)
        for line_name, p in lines.items():
            print(f"  {100 * np.mean(np.array(p) < 0.05):5.1f} %  {line_name}")
        for which, found in whole.items():
            print(f"  {100 * np.mean(found):5.1f} %  {which}")


def likelihood_like(model: pc.CostModel, x: Tensor) -> Tensor:
    """Observations the likelihood can produce, for the moments that a fit keeps."""
    with torch.no_grad():
        return model.distribution(x).sample()


T, N = 4000, 20


def uniform(rng: np.random.Generator, shape: tuple[int, ...], phi: float = 0.0) -> np.ndarray:
    """Uniform numbers, over rows of lag-1 correlation phi on the normal scale."""
    z = rng.normal(size=shape)
    return stats.norm.cdf(signal.lfilter([np.sqrt(1 - phi**2)], [1, -phi], z, axis=0) if phi else z)


def conway_maxwell(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    torch.manual_seed(int(rng.integers(2**31)))
    return dist.ConwayMaxwellPoisson(torch.as_tensor(mean + 1 / 6).log(), torch.tensor(1.5)).sample().numpy()


def power(data_sets: int, first: int = 0, last: int | None = None) -> None:
    """Shares of data sets in which the line is denied, and in which the right remedy is named first.

    Poisson and normal regressions, fitted to as many other rows; T = 4,000 rows, of 20 units for counts and one for reals.
    """
    for name in list(WRONG)[first:last]:
        diagnose, simulate, line, remedy = WRONG[name]
        found, firsts = 0, []
        for seed in range(data_sets):
            diagnosis = diagnose(simulate, seed)
            found += line in {finding.name for finding in diagnosis.denied}
            firsts.append(type(diagnosis.next[0]).__name__ if diagnosis.next else "nothing")
        right = firsts.count(remedy) / data_sets
        others = ", ".join(f"{other} {firsts.count(other)}" for other in sorted(set(firsts) - {remedy}))
        shares = f"found {100 * found / data_sets:5.1f} %   {remedy} first {100 * right:5.1f} %   {others}"
        print(f"{name:34}  {line:24} {shares}", flush=True)


def _counts(simulate: Callable[..., np.ndarray], seed: int) -> Any:
    rng = np.random.default_rng([seed, 7])
    weights = 0.2 * rng.normal(size=(INPUTS, N))
    x = rng.normal(size=(2 * T, INPUTS))
    y = simulate(rng, 2 * np.exp(x @ weights - 0.5 * (weights**2).sum(axis=0)))
    model = pc.CostModel(nn.Linear(INPUTS, N), of.Poisson(N), ordered=True)
    fit = pc.fit(model, x[:T], y[:T], optimizer="lbfgs", progress=False)
    return pc.diagnose(fit, x[T:], y[T:], seed=seed)


def _reals(simulate: Callable[..., np.ndarray], seed: int) -> Any:
    rng = np.random.default_rng([seed, 8])
    x = rng.uniform(-1, 1, size=(2 * T, INPUTS))
    y = simulate(rng, x @ rng.normal(size=(INPUTS, 1)), x)
    likelihood = of.Normal(1, scale="learned")
    model = pc.CostModel(nn.Linear(INPUTS, likelihood.num_outputs), likelihood, ordered=True)
    fit = pc.fit(model, x[:T], y[:T], optimizer="lbfgs", progress=False)
    return pc.diagnose(fit, x[T:], y[T:], seed=seed)


# What is wrong: how it is simulated, the line that must say so, and what must be named first.
WRONG: dict[str, tuple[Callable[..., Any], Callable[..., np.ndarray], str, str]] = {
    "negative binomial, α = 0.2": (
        _counts,
        lambda rng, m: rng.poisson(m * rng.gamma(5.0, 0.2, m.shape)),
        "dispersion",
        "NegativeBinomial",
    ),
    "Conway-Maxwell-Poisson, ν = 1.5": (_counts, conway_maxwell, "dispersion", "ConwayMaxwellPoisson"),
    "15 % extra zeros": (
        _counts,
        lambda rng, m: rng.poisson(m) * (rng.random(m.shape) > 0.15),
        "zeros",
        "ZeroInflatedPoisson",
    ),
    "shared gain, CV 0.2": (
        _counts,
        lambda rng, m: rng.poisson(m * rng.gamma(25.0, 0.04, (len(m), 1))),
        "independence of units",
        "NegativeMultinomial",
    ),
    "lag-1 correlation 0.3 of counts": (
        _counts,
        lambda rng, m: stats.poisson.ppf(uniform(rng, m.shape, 0.3), m),
        "independence over time",
        "History",
    ),
    "lag-1 correlation 0.3 of reals": (
        _reals,
        lambda rng, m, x: m + stats.norm.ppf(uniform(rng, m.shape, 0.3)),
        "independence over time",
        "History",
    ),
    "t₄ noise": (_reals, lambda rng, m, x: m + rng.standard_t(4, m.shape), "tails", "StudentT"),
    "σ varying 3 × with x": (
        _reals,
        lambda rng, m, x: m + rng.normal(size=m.shape) * 3 ** ((x[:, :1] + 1) / 2),
        "spread over inputs",
        "Normal",
    ),
}


def main() -> None:
    alarms(200)
    power(100)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if len(sys.argv) < 2:
        main()
    else:
        {"alarms": alarms, "power": power}[sys.argv[1]](*map(int, sys.argv[2:]))
