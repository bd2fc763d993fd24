"""How often each line of a check rejects a true model, and how long a check of a whole recording takes.

Run from the root: ``python -m tests.benchmarks.bench_checks [simulations]``. Every row is one family, size and rate;
every number the percentage of simulated data sets (200 unless told) that a line rejects at 5 %. The log score is judged
where model and null are equally wrong, since a true model is never worse than its null.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections import Counter

import numpy as np
from scipy import signal, stats

from probcost.checks.calibration import calibration
from probcost.checks.gain import gain
from tests.checks.simulated import ConwayMaxwell, evidence, negative_binomial, poisson, rates

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
    "dispersion",
    "zeros",
]
LINES += ["whole check"]
SIZES = [
    (300, 1, 0.05),
    (300, 1, 5.0),
    (300, 2, 0.3),
    (300, 30, 0.05),
    (300, 30, 5.0),
    (3000, 1, 0.05),
    (3000, 10, 1.0),
]


def alarms(family: str, rows: int, units: int, rate: float, simulations: int) -> Counter[str]:
    """How many data sets each line, and the check as a whole, rejects."""
    rng = np.random.default_rng([rows, units, len(family)])
    counts: Counter[str] = Counter()
    for seed in range(simulations):
        model = FAMILIES[family](rates(rng, rows, units, rate))
        check = calibration(evidence(model, model.rvs(random_state=rng)), seed=seed)
        counts.update({line.name: int(line.p_value < 0.05) for line in check.lines})
        counts["whole check"] += not check.ok
    return counts


def false_alarms(simulations: int) -> None:
    """Print a row for every family and size, and what all of them together say."""
    total: Counter[str] = Counter()
    data_sets: Counter[str] = Counter()
    print(f"\n{'':42s}" + "".join(f"{name:>18s}" for name in LINES))
    for family in FAMILIES:
        for rows, units, rate in SIZES:
            counts = alarms(family, rows, units, rate, simulations)
            total.update(counts)
            data_sets.update(dict.fromkeys(counts, simulations))
            shown = "".join(
                f"{100 * counts[name] / simulations:18.1f}" if name in counts else f"{'':18s}" for name in LINES
            )
            print(f"{family:17s} T={rows:4d} N={units:2d} rate {rate:4.2f} {shown}", flush=True)
    shown = "".join(f"{100 * total[name] / data_sets[name]:18.2f}" for name in LINES)
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
    log_score_alarms(max(simulations, 2000))


if __name__ == "__main__":
    main()
