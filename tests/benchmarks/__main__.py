"""All benchmarks, one after the other."""

from __future__ import annotations

from tests.benchmarks import bench_checks, bench_distributions, bench_fitted_checks, bench_predict, bench_step

for benchmark in (bench_step, bench_distributions, bench_predict, bench_checks, bench_fitted_checks):
    print(f"== {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
