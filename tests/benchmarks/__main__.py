"""All benchmarks, one after the other; `bench_uci`, which takes half an hour, is run by itself."""

from __future__ import annotations

from tests.benchmarks import (
    bench_checks,
    bench_continuous,
    bench_distributions,
    bench_faces,
    bench_fitted_checks,
    bench_gaussian,
    bench_links,
    bench_mining,
    bench_predict,
    bench_step,
    bench_stream,
)

for benchmark in (
    bench_step,
    bench_gaussian,
    bench_distributions,
    bench_faces,
    bench_continuous,
    bench_links,
    bench_mining,
    bench_predict,
    bench_stream,
    bench_checks,
    bench_fitted_checks,
):
    print(f"== {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
