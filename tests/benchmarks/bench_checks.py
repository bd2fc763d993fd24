"""How often each line of a check rejects a true model, and how long a check of a whole recording takes.

Run from the root: ``python -m tests.benchmarks.bench_checks [simulations]``. Every row is one family, size and rate;
every number the percentage of simulated data sets (200 unless told) that a line rejects at 5 %. Then the same of data whose
every observation has the predicted distribution, while rows or units depend on each other: only the lines that are about
dependence should say so. The log score is judged where
model and null are equally wrong, since a true model is never worse than its null.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
from scipy import signal, stats

from probcost.checks.calibration import calibration
from probcost.checks.gain import gain
from tests.checks.simulated import ConwayMaxwell, dependent_ranks, evidence, negative_binomial, poisson, rates

__all__ = ["main"]

FAMILIES = {
    "poisson": poisson,
    "negative binomial": negative_binomial,
    "conway-maxwell": lambda mean: ConwayMaxwell(mean, 1.5),
    "normal": lambda mean: stats.norm(mean, np.sqrt(mean)),
}
LINES = [
    "PIT, all units",
    "PIT, unit by unit",
    "50 % interval",
    "90 % interval",
    "95 % interval",
    "tails",
    "dispersion",
    "zeros",
    "largest correlation",
    "independence over time",
    "group by group",
    "whole check",
]
SIZES = [
    (300, 1, 0.05),
    (300, 1, 5.0),
    (300, 2, 0.3),
    (300, 30, 0.05),
    (300, 30, 5.0),
    (3000, 1, 0.05),
    (3000, 10, 1.0),
]


# Family, rows, units, rate, autocorrelation, correlation of units.
DEPENDENT = [
    (family, rows, units, 1.0, phi, shared)
    for family in ("poisson", "normal")
    for rows in (500, 3000)
    for units, phi, shared in [
        (1, 0.3, 0.0),
        (1, 0.7, 0.0),
        (10, 0.3, 0.0),
        (10, 0.7, 0.0),
        (10, 0.0, 0.3),
        (10, 0.7, 0.3),
    ]
]


def alarms(family: str, rows: int, units: int, rate: float, simulations: int) -> Counter[str]:
    """How many data sets each line, and the check as a whole, rejects."""
    rng = np.random.default_rng([rows, units, len(family)])
    counts: Counter[str] = Counter()
    for seed in range(simulations):
        model = FAMILIES[family](rates(rng, rows, units, rate))
        read = evidence(model, model.rvs(random_state=rng))
        # Groups that are no stretches of time, and of uneven size.
        groups = rng.integers(0, 12, rows) ** 2
        check = calibration(replace(read, ordered=True), seed=seed, groups=groups)
        counts.update({line.name: int(line.p_value < 0.05) for line in check.lines})
        counts["whole check"] += not check.ok
    return counts


def dependent_alarms(
    family: str, rows: int, units: int, rate: float, phi: float, shared: float, simulations: int
) -> Counter[str]:
    """The same of dependent observations that are calibrated each."""
    rng = np.random.default_rng([rows, units, len(family), round(10 * phi), round(10 * shared)])
    counts: Counter[str] = Counter()
    for seed in range(simulations):
        model = FAMILIES[family](rates(rng, rows, units, rate))
        read = evidence(model, model.ppf(dependent_ranks(rng, rows, units, phi, shared)))
        check = calibration(replace(read, ordered=True), seed=seed, groups=rng.integers(0, 12, rows) ** 2)
        counts.update({line.name: int(line.p_value < 0.05) for line in check.lines})
        counts["whole check"] += not check.ok
    return counts


def dependence_alarms(simulations: int) -> None:
    """Print a row for every kind of dependence."""
    print("\ndependent rows (autocorrelation phi) or units (correlation rho), every observation calibrated")
    print(f"{'':42s}" + "".join(f"{name.removesuffix(' over time')[:12]:>13s}" for name in LINES))
    for family, rows, units, rate, phi, shared in DEPENDENT:
        counts = dependent_alarms(family, rows, units, rate, phi, shared, simulations)
        shown = "".join(
            f"{100 * counts[name] / simulations:13.1f}" if name in counts else f"{'':13s}" for name in LINES
        )
        print(f"{family:8s} T={rows:4d} N={units:2d} phi {phi:3.1f} rho {shared:3.1f}          {shown}", flush=True)


def false_alarms(simulations: int) -> None:
    """Print a row for every family and size, and what all of them together say."""
    total: Counter[str] = Counter()
    data_sets: Counter[str] = Counter()
    print(f"\n{'':42s}" + "".join(f"{name.removesuffix(' over time')[:12]:>13s}" for name in LINES))
    for family in FAMILIES:
        for rows, units, rate in SIZES:
            counts = alarms(family, rows, units, rate, simulations)
            total.update(counts)
            data_sets.update(dict.fromkeys(counts, simulations))
            shown = "".join(
                f"{100 * counts[name] / simulations:13.1f}" if name in counts else f"{'':13s}" for name in LINES
            )
            print(f"{family:17s} T={rows:4d} N={units:2d} rate {rate:4.2f} {shown}", flush=True)
    shown = "".join(f"{100 * total[name] / data_sets[name]:13.2f}" for name in LINES)
    print(f"{'all together':41s} {shown}")


def log_score_alarms(simulations: int) -> None:
    """Print how often a model no worse than the null is called worse, by the autocorrelation of their difference."""
    print("\nlog score, model and null equally good")
    rng = np.random.default_rng(0)
    for rows in (300, 3000):
        for autocorrelation in (0.0, 0.5, 0.9):
            noise = rng.normal(size=(rows + 200, simulations))
            difference = signal.lfilter([1.0], [1.0, -autocorrelation], noise, axis=0)[200:]
            worse = (gain(difference, np.zeros_like(difference)).lower_tail < 0.05).mean()
            print(f"  T={rows:4d} autocorrelation {autocorrelation}: {100 * worse:.1f} %")


def large() -> None:
    """Print time and memory of a check at the size of the M1 recording."""
    rng = np.random.default_rng(0)
    mean = rates(rng, 15_536, 156, 0.5)
    read = evidence(poisson(mean), poisson(mean).rvs(random_state=rng), null=poisson(mean.mean(axis=0)))
    start = time.perf_counter()
    check = calibration(read)
    checked = time.perf_counter()
    check.plot()
    drawn = time.perf_counter()
    # Apart, since tracing slows what it watches.
    tracemalloc.start()
    calibration(read).plot()
    extra = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(
        f"15,536 × 156: check {checked - start:.2f} s, figure {drawn - checked:.2f} s, {extra:.0f} MiB beyond the evidence"
    )


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    large()
    false_alarms(simulations)
    dependence_alarms(simulations)
    log_score_alarms(max(simulations, 2000))


if __name__ == "__main__":
    main()
