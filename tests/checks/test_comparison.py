"""Which fit is better: by how much, how sure, and said only when it is so."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import signal, stats
from torch import nn

import probcost as pc
from probcost.checks.clusters import clusters_of
from probcost.checks.comparison_result import Comparison
from tests.checks.simulated import StubFit, VectorNormal, negative_binomial, poisson, rates

T, N = 600, 3


def compared(models: dict[str, Any], y: Any, null: Any = None, ordered: bool = False, **options: Any) -> Comparison:
    fits = {name: StubFit(model, null, ordered=ordered) for name, model in models.items()}
    return pc.compare(fits, np.zeros((len(y), 1)), y, **options)


@pytest.fixture(scope="module")
def counts() -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(0)
    mean = rates(rng, T, N, 4.0)
    models = {"poisson": poisson(mean), "negative binomial": negative_binomial(mean, 0.4)}
    return (
        models,
        models["negative binomial"].rvs(random_state=rng),
        poisson(np.broadcast_to(mean.mean(axis=0), mean.shape)),
    )


def test_the_true_family_is_best_by_as_much_as_the_scores_say(counts: Any) -> None:
    models, y, null = counts
    result = compared(models, y, null)
    difference = models["poisson"].logpmf(y) - models["negative binomial"].logpmf(y)
    by_row = difference.sum(axis=1)
    behind = result.fits[1]
    assert result.ranking == ("negative binomial", "poisson")
    assert behind.difference == pytest.approx(difference.mean())
    assert behind.error == pytest.approx(by_row.std(ddof=1) / math.sqrt(T) / N)
    assert behind.p_value == pytest.approx(stats.ttest_1samp(by_row, 0).pvalue)
    assert result.fits[0].elpd == pytest.approx(models["negative binomial"].logpmf(y).sum())
    assert result.tied == ("negative binomial",)
    assert result.verdict.startswith("negative binomial predicts best: better than poisson by ")
    assert "negative binomial is calibrated, poisson is not." in result.verdict
    check = pc.check(StubFit(models["poisson"], null), np.zeros((T, 1)), y)
    assert behind.rejected == tuple(line.name for line in check.rejected)
    assert behind.coverage == pytest.approx(check.to_frame().statistic["90 % interval"])
    assert behind.pit_distance == pytest.approx(check.to_frame().statistic.iloc[0])


def test_the_null_model_stands_beside_and_is_never_called_best(counts: Any) -> None:
    models, y, null = counts
    result = compared(models, y, null)
    assert result.null is not None
    assert result.null.difference == pytest.approx((null.logpmf(y) - models["negative binomial"].logpmf(y)).mean())
    assert list(result.to_frame().index) == ["negative binomial", "poisson", "null"]
    assert "It is better than the null model" in result.verdict
    # Fits worse than the null, and fits that are the null itself.
    wrong = {"a": poisson(np.full((T, N), 30.0)), "b": poisson(np.full((T, N), 40.0))}
    worse = compared(wrong, y, null)
    assert worse.best == "a"
    assert next(iter(worse.to_frame().index)) == "null"
    assert "null model, each unit's mean and spread for every row, predicts better than all of them" in worse.verdict
    alike = compared({"a": null, "b": wrong["b"]}, y, null)
    assert "a is no better than the null model (+0 ± 0 nats an observation, p = 1)" in alike.verdict


def test_equal_fits_are_called_so(counts: Any) -> None:
    models, y, _ = counts
    result = compared({"one": models["poisson"], "two": models["poisson"], "three": models["poisson"]}, y)
    assert len(result.tied) == 3
    assert result.verdict.startswith("No difference: one, two and three cannot be told apart")
    assert result.fits[1].p_value == 1
    mixed = compared({**models, "same": models["negative binomial"]}, y)
    assert mixed.verdict.startswith("No difference between negative binomial and same: ")
    assert "negative binomial is better than poisson by" in mixed.verdict


def test_equally_good_fits_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(100):
        shift = rng.normal(size=(4, 200, 1)) * 0.3
        # Four predictions that are wrong by as much, each in its own way.
        y = rng.normal(size=(200, 1))
        scored = np.sort([stats.norm(each, 1).logpdf(y)[:, 0] for each in shift], axis=0)
        scored = rng.permuted(scored, axis=0)
        clusters = clusters_of(200, ordered=False)
        p = [clusters.estimate(a - b).p_value for a, b in itertools.combinations(scored, 2)]
        found += bool(min(p) * len(p) < 0.05)
    assert found <= 11  # 5 expected at most; 11 or fewer in 99 %


@pytest.mark.parametrize("kind", ["rows", "groups", "time"])
def test_errors_hold_whatever_depends(kind: str) -> None:
    rng = np.random.default_rng(2)
    n, simulations = 400, 1000
    noise = rng.normal(size=(n, simulations))
    groups = None
    if kind == "groups":
        groups = np.arange(n) % 25
        noise = noise + 2 * rng.normal(size=(25, simulations))[groups]
    if kind == "time":
        noise = signal.lfilter([1.0], [1.0, -0.7], rng.normal(size=(n + 100, simulations)), axis=0)[100:]
    clusters = clusters_of(n, ordered=kind == "time", groups=groups)
    rejected = np.mean([clusters.estimate(column).p_value < 0.05 for column in noise.T])
    assert 0.03 < rejected < 0.075
    by_rows = clusters_of(n, ordered=False)
    naive = np.mean([by_rows.estimate(column).p_value < 0.05 for column in noise.T])
    assert (naive > 0.15) == (kind != "rows")


def test_time_and_groups_reach_the_comparison(counts: Any) -> None:
    models, y, _ = counts
    by_row = (models["poisson"].logpmf(y) - models["negative binomial"].logpmf(y)).sum(axis=1)
    blocks = by_row.reshape(10, -1).mean(axis=1)
    in_time = compared(models, y, ordered=True)
    assert in_time.fits[1].error == pytest.approx(blocks.std(ddof=1) / math.sqrt(10) / N)
    assert "their errors by 10 blocks of time" in str(in_time).replace("\n", " ")
    grouped = compared(models, y, ordered=True, groups=np.arange(T) % 40)
    means = by_row.reshape(-1, 40).mean(axis=0)
    assert grouped.fits[1].error == pytest.approx(means.std(ddof=1) / math.sqrt(40) / N)
    assert grouped.error_from == "40 groups"


def test_impossible_observations_rank_last_and_are_named(counts: Any) -> None:
    models, y, null = counts
    mean = models["poisson"].mean().copy()
    at = tuple(int(i) for i in np.argwhere(y > 0)[5])
    mean[at] = 0.0
    result = compared({"zero": poisson(mean), **models}, y, null)
    assert result.ranking[-1] == "zero"
    last = result.fits[-1]
    assert (last.elpd, last.difference, last.error, last.p_value) == (-math.inf, -math.inf, 0.0, 0.0)
    assert last.differs
    assert f"zero holds y[{at[0]}, {at[1]}] impossible, so its score is minus infinity." in result.verdict
    frame = result.to_frame()
    assert not frame[["elpd", "mean", "difference", "error", "p_value"]].isna().any().any()
    assert "nan" not in str(result)
    assert "infinitely far" in [text.get_text().lstrip("← ") for text in result.plot().axes[0].texts]
    every = compared({"a": poisson(mean), "b": poisson(mean)}, y, null)
    assert every.verdict.startswith("No ranking: every fit holds some observation impossible.")
    assert "nan" not in str(every)
    every.plot()


def test_vectors_and_independent_units_compare_by_rows() -> None:
    rng = np.random.default_rng(3)
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    joint = VectorNormal(np.zeros((T, 2)), covariance)
    y = joint.rvs(rng)
    result = compared({"independent": stats.norm(np.zeros((T, 2)), 1.0), "joint": joint}, y)
    assert result.best == "joint"
    assert result.each == "row"
    difference = stats.norm.logpdf(y).sum(axis=1) - joint.logpdf(y)
    assert result.fits[1].difference == pytest.approx(difference.mean())
    assert "nats a row" in result.verdict


def test_what_is_printed_holds_every_row(counts: Any) -> None:
    models, y, null = counts
    result = compared(models, y, null)
    text, html = str(result), result._repr_html_()
    assert repr(result) == text
    for name in (*models, "null", "90 % holds", "calibrated"):
        assert name in text
        assert name in html
    assert max(map(len, text.splitlines())) <= 100
    axis = result.plot().axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["negative binomial", "poisson", "null"]
    assert {label.get_text() for label in axis.get_legend().get_texts()} >= {"calibrated", "not calibrated"}


def test_a_line_short_of_0_that_is_no_difference_says_so() -> None:
    """Beyond two standard errors by itself, and not once p is corrected for all pairs: the title and the picture agree."""
    y = np.random.default_rng(0).normal(size=(103, 1))
    means = {"a": (0.0, 1.0), "b": (0.0, 1.32), "c": (0.2, 1.2), "d": (0.1, 0.9)}
    result = compared({name: stats.norm(np.full((103, 1), mean), sd) for name, (mean, sd) in means.items()}, y)
    short = [fit for fit in result.fits[1:] if abs(fit.difference) > 2 * fit.error]
    assert [fit.name for fit in short] == ["b"]
    assert short[0].p_value > 0.05
    assert result.short_of_sure == ("b",)
    assert len(result.tied) == 4
    figure = result.plot()
    assert figure.get_suptitle().startswith("No difference")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label for label in labels if "no difference" in label] == [
        f"b\n(no difference: p = {short[0].p_value:.2g})"
    ]


def test_left_out_rows_stand_in_for_held_out_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 1, generator=generator)
    y = torch.poisson(x.exp(), generator=generator)
    inputs = {"useful": x, "noise": torch.randn(300, 1, generator=generator)}

    def fitted(column: torch.Tensor) -> pc.Fit:
        model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1), prior=pc.priors.Normal(1.0))
        return pc.fit(model, column, y, method="laplace", epochs=80, progress=False)

    fits = {name: fitted(column) for name, column in inputs.items()}
    result = pc.compare(fits, inputs, y, loo=True, draws=300)
    assert result.tied == ("useful",)
    left_out = pc.loo(fits["useful"], x, y, draws=300)
    assert result.fits[0].elpd == pytest.approx(left_out.elpd)
    assert result.to_frame().pareto_k_above["useful"] == len(left_out.above)
    assert result.to_frame().p_loo["useful"] == pytest.approx(left_out.p_loo)
    assert "k above" in str(result)
    assert "Draws of useful and noise only approximate the posterior." in result.verdict


def test_bad_input_is_named(counts: Any) -> None:
    models, y, _ = counts
    x = np.zeros((T, 1))
    fits = {name: StubFit(model) for name, model in models.items()}
    with pytest.raises(ValueError, match="fits holds 1; at least two"):
        pc.compare({"a": fits["poisson"]}, x, y)
    with pytest.raises(TypeError, match="fits must be a mapping"):
        pc.compare(list(fits.values()), x, y)
    with pytest.raises(TypeError, match=r"fits\['b'\] must be what probcost.fit returned, got int"):
        pc.compare({"a": fits["poisson"], "b": 3}, x, y)
    with pytest.raises(ValueError, match="the null model goes by that name"):
        pc.compare({"null": fits["poisson"], **fits}, x, y)
    with pytest.raises(ValueError, match="x has 5 rows and y has 600 rows"):
        pc.compare(fits, x[:5], y)
    with pytest.raises(ValueError, match="x has no inputs for 'negative binomial'"):
        pc.compare(fits, {"poisson": x}, y)
    real = StubFit(stats.norm(np.zeros((T, N)), 1.0))
    with pytest.raises(
        ValueError, match="'poisson' gives counts probabilities and 'real' gives real numbers densities"
    ):
        pc.compare({"poisson": fits["poisson"], "real": real}, x, y)
    narrow = StubFit(poisson(np.ones((T, 2))))
    with pytest.raises(ValueError, match="'poisson' describes 3 units and 'narrow' 2"):
        pc.compare({"poisson": fits["poisson"], "narrow": narrow}, x, y)
    swapped, named = StubFit(models["poisson"]), StubFit(models["poisson"])
    named.unit_names, swapped.unit_names = ["a", "b", "c"], ["a", "c", "b"]
    with pytest.raises(ValueError, match="unit 1 is 'b' in 'named' and 'c' in 'swapped'"):
        pc.compare({"named": named, "swapped": swapped}, x, y)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_label_is_no_group(missing: Any) -> None:
    with pytest.raises(ValueError, match=r"groups\[1\] is missing; every row needs a label"):
        clusters_of(4, ordered=False, groups=["a", missing, "b", missing])
    with pytest.raises(ValueError, match=r"groups\[0\] is missing"):
        clusters_of(4, ordered=False, groups=np.array([missing, 1.0, 2.0, 1.0], dtype=object))
