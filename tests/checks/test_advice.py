"""Advice before any fit: each finding on data simulated to have it, none on plain data, and what it suggests and asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import probcost as pc
from probcost.checks.advice_result import Advice

Data = tuple[np.ndarray, np.ndarray]


def inputs(rng: np.random.Generator, rows: int, columns: int = 3) -> np.ndarray:
    return rng.standard_normal((rows, columns))


def rates(rng: np.random.Generator, x: np.ndarray, units: int, mean: float = 2.0) -> np.ndarray:
    return np.asarray(mean * np.exp(x @ rng.normal(0, 0.25, (x.shape[1], units))))


def plain_counts(rng: np.random.Generator) -> Data:
    x = inputs(rng, 400)
    return x, rng.poisson(rates(rng, x, 4, mean=1.0))


def plain_reals(rng: np.random.Generator) -> Data:
    x = inputs(rng, 300)
    return x, 10 + 3 * x @ rng.normal(0, 1, (3, 2)) + rng.standard_normal((300, 2))


def curved_reals(rng: np.random.Generator) -> Data:
    x = rng.uniform(-2, 2, (600, 2))
    return x, np.sin(2 * x[:, :1]) + x[:, :1] * x[:, 1:] + 0.3 * rng.standard_normal((600, 1))


@pytest.mark.parametrize("make", [plain_counts, plain_reals, curved_reals])
@pytest.mark.parametrize("ordered", [None, True])
def test_plain_data_raise_no_alarm(make: Callable[[np.random.Generator], Data], ordered: bool | None) -> None:
    times, found = 100, Counter[str]()
    for seed in range(times):
        advice = pc.advise(*make(np.random.default_rng(seed)), ordered=ordered)
        found.update(finding.name for finding in advice.findings)
    assert all(count <= 0.05 * times for count in found.values()), found


def over_dispersed(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    rate = rates(rng, x, 6)
    return x, rng.poisson(rate * rng.gamma(5, 0.2, rate.shape))


def under_dispersed(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    torch.manual_seed(int(rng.integers(1000)))
    log_location = torch.tensor(rates(rng, x, 6)).log()
    return x, pc.distributions.ConwayMaxwellPoisson(log_location, torch.tensor(1.5).double()).sample().numpy()


def zero_inflated(rng: np.random.Generator) -> Data:
    x = inputs(rng, 3000)
    rate = rates(rng, x, 6)
    return x, rng.poisson(rate) * (rng.random(rate.shape) > 0.15)


def shared_gain(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    return x, rng.poisson(rates(rng, x, 10) * rng.gamma(25, 0.04, (2000, 1)))


def heavy_tailed(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    return x, x[:, :1] + rng.standard_t(3, (2000, 1))


def noisier_with_x(rng: np.random.Generator) -> Data:
    x = rng.uniform(-1, 1, (1500, 3))
    return x, x[:, :1] + np.exp(np.log(3) / 2 * x[:, 1:2]) * rng.standard_normal((1500, 1))


def lean(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    return x, np.exp(0.2 * x[:, :1]) * rng.gamma(2, 1, (2000, 1))


def two_answers(rng: np.random.Generator) -> Data:
    x = inputs(rng, 2000)
    return x, x[:, :1] + rng.choice([-2.0, 2.0], (2000, 1)) + 0.7 * rng.standard_normal((2000, 1))


def correlated(rng: np.random.Generator) -> Data:
    x = inputs(rng, 1000)
    return x, x[:, :2] + rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 1000)


def autoregressive(rng: np.random.Generator) -> Data:
    x, noise = inputs(rng, 2000), rng.standard_normal((2000, 1))
    for t in range(1, 2000):
        noise[t] += 0.3 * noise[t - 1]
    return x, x[:, :1] + noise


TRUTHS: list[tuple[Callable[[np.random.Generator], Data], str, str]] = [
    (over_dispersed, "over-dispersion", "NegativeBinomial"),
    (under_dispersed, "under-dispersion", "ConwayMaxwellPoisson"),
    (zero_inflated, "zeros", "ZeroInflatedPoisson"),
    (shared_gain, "shared gain", "NegativeMultinomial"),
    (heavy_tailed, "tails", "StudentT"),
    (noisier_with_x, "scale", "Normal"),
    (lean, "skewness", ""),
    (two_answers, "several answers", "Mixture"),
    (correlated, "units together", "MultivariateNormal"),
    (autoregressive, "order", "Normal"),
]


@pytest.mark.parametrize(("make", "finding", "first"), TRUTHS, ids=[finding for _, finding, _ in TRUTHS])
def test_each_truth_is_found_and_answered(
    make: Callable[[np.random.Generator], Data], finding: str, first: str
) -> None:
    advised = [pc.advise(*make(np.random.default_rng(seed))) for seed in range(10)]
    assert sum(finding in advice for advice in advised) >= 9
    if first:
        assert sum(type(advice.next[0]).__name__ == first for advice in advised) >= 9
    width = make(np.random.default_rng(0))[1].shape[1]
    assert all(likelihood.n_units == width for advice in advised for likelihood in advice.next)
    assert all(len(advice.reasons) == len(advice.next) for advice in advised)


def test_a_scale_that_varies_is_to_be_predicted() -> None:
    scales = {
        make: pc.advise(*make(np.random.default_rng(0))).next[0].config["scale"]
        for make in (noisier_with_x, autoregressive)
    }
    assert scales == {noisier_with_x: "predicted", autoregressive: "learned"}


def test_positive_numbers_near_zero_are_not_given_to_a_likelihood_that_goes_below_it_without_a_word() -> None:
    rng = np.random.default_rng(0)
    x = inputs(rng, 800)
    waits = rng.exponential(np.exp(0.4 * x[:, :1]))
    for advice in (pc.advise(x, waits), pc.advise(*lean(rng))):
        assert advice.kind == "positive"
        assert "help(pc.likelihoods.Likelihood)" in advice["below zero"].suggests
        assert type(advice.next[0]).__name__ == "Normal"
        assert all("of log(y)" in reason for reason in advice.reasons)
        assert "predicts below 0" in advice.reasons[0]
    far = pc.advise(x, 100 + x[:, :1] + rng.standard_t(3, (800, 1)))
    assert far.kind == "positive"
    assert "below zero" not in far
    assert type(far.next[0]).__name__ == "StudentT"


def test_inputs_are_named_as_diagnose_names_them() -> None:
    rng = np.random.default_rng(0)
    x = inputs(rng, 300, 6)
    x[:, 5] = x[:, 1] + 1e-3 * x[:, 5]
    x[:, 3] = 4
    x[7, 2] = 1e4
    advice = pc.advise(x, x[:, :1] + rng.standard_normal((300, 1)))
    assert advice["inputs alike"].seen.startswith("inputs 1 and 5 go together")
    assert advice["constant inputs"].seen.startswith("input 3 never")
    assert advice["far inputs"].seen.startswith("input 2 reaches")
    assert "#" not in str(advice)


def test_counts_have_whole_ticks() -> None:
    rng = np.random.default_rng(0)
    for mean in (0.3, 2.0, 9.0):
        figure = pc.advise(inputs(rng, 300), rng.poisson(mean, (300, 1))).plot()
        ticks = figure.axes[0].get_xticks()
        assert np.array_equal(ticks, np.rint(ticks))


def test_what_it_names_can_be_fitted_at_once() -> None:
    x, y = shared_gain(np.random.default_rng(1))
    likelihood = pc.advise(x, y).next[0]
    model = pc.CostModel(torch.nn.Linear(3, likelihood.num_outputs), likelihood)
    fit = pc.fit(model, x, y, epochs=5, progress=False)
    assert fit.predict(x).mean.shape == y.shape


def kinds() -> dict[str, Data]:
    rng = np.random.default_rng(0)
    x = inputs(rng, 500)
    column = np.arange(500)[:, None]
    return {
        "counts": (x, rng.poisson(2.0, (500, 2)).astype(float)),
        "binary": (x, rng.integers(0, 2, (500, 1))),
        "labels": (x, column // 10),
        "grades": (x, np.clip(np.rint(5.5 + 0.8 * rng.standard_normal((500, 1))), 1, 9)),
        "proportions": (x, rng.beta(2, 3, (500, 1))),
        "positive": (x, rng.gamma(2, 3, (500, 1))),
        "reals": (x, rng.standard_normal((500, 3))),
        "constant": (x, np.ones((500, 1))),
    }


@pytest.mark.parametrize("kind", list(kinds()))
def test_kinds_of_numbers_are_told_apart(kind: str) -> None:
    advice = pc.advise(*kinds()[kind])
    assert advice.kind == kind
    assert bool(advice.next) == (kind != "constant")
    assert advice.questions


def test_pictures_with_names_are_to_be_compared() -> None:
    rng = np.random.default_rng(0)
    advice = pc.advise(rng.random((60, 8, 7)), np.repeat(np.arange(20), 3))
    assert advice.kind == "labels"
    assert advice["names"].value == 20
    assert type(advice.next[0]).__name__ == "Triplets"


def seen_in(change: Callable[[pd.DataFrame, pd.DataFrame], Any], **options: Any) -> Advice:
    """Advice on a table of two reals and four inputs after ``change`` did something to it."""
    rng = np.random.default_rng(3)
    x = pd.DataFrame(rng.standard_normal((600, 4)), columns=["a", "b", "c", "d"])
    y = pd.DataFrame(20 + x[["a", "b"]].to_numpy() + rng.standard_normal((600, 2)), columns=["u", "v"])
    change(x, y)
    return pc.advise(x, y, **options)


def test_nothing_is_seen_in_the_table_as_it_is() -> None:
    advice = seen_in(lambda x, y: None, groups=np.arange(600) // 3, ordered=False)
    assert advice.findings == ()
    assert "nothing that speaks against" in str(advice)


CHANGES: dict[str, tuple[Callable[[pd.DataFrame, pd.DataFrame], Any], str]] = {
    "missing observations": (lambda x, y: y.loc.__setitem__((slice(3, 8), "u"), np.nan), "6 are missing or infinite, in 6 of"),
    "codes for missing": (lambda x, y: y.loc.__setitem__((slice(3, 8), "v"), -999), "unit v"),
    "constant units": (lambda x, y: y.__setitem__("u", 4.0), "always 4"),
    "copied units": (lambda x, y: y.__setitem__("v", y["u"]), "u and v"),
    "largest value": (lambda x, y: y.__setitem__("u", y["u"].clip(upper=21)), "largest, 21"),
    "smallest value": (lambda x, y: y.__setitem__("v", y["v"].clip(lower=19)), "smallest, 19"),
    "rounding": (lambda x, y: y.__setitem__("u", 2 * np.rint(y["u"] / 2) + 0.5), "steps of 2"),
    "scales": (lambda x, y: y.__setitem__("u", 1e6 * y["u"]), "unit u varies"),
    "missing inputs": (lambda x, y: x.loc.__setitem__((5, "c"), np.nan), "input c"),
    "constant inputs": (lambda x, y: x.__setitem__("d", 1.0), "input d"),
    "inputs alike": (lambda x, y: x.__setitem__("d", x["a"] + 1e-3 * x["d"]), "inputs a and d"),
    "dependent inputs": (lambda x, y: x.__setitem__("d", x["a"] + x["b"] + x["c"]), "1 input column can"),
    "far inputs": (lambda x, y: x.loc.__setitem__((9, "b"), 1e4), "reaches 1e+04"),
    "rows that repeat": (lambda x, y: [t.iloc.__setitem__(slice(0, 30), t.iloc[30:60].to_numpy()) for t in (x, y)], "30 of 600"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CHANGES))
def test_what_is_odd_about_the_values_is_named(name: str) -> None:
    change, words = CHANGES[name]
    assert words in seen_in(change)[name].seen


def test_groups_are_looked_at() -> None:
    rng = np.random.default_rng(4)
    x, groups = inputs(rng, 600), np.arange(600) // 20
    y = x[:, :1] + rng.standard_normal(30)[groups][:, None] + rng.standard_normal((600, 1))
    advice = pc.advise(x, y, groups=groups, ordered=False)
    assert advice["alike within groups"].value == pytest.approx(0.5, abs=0.15)
    assert pc.advise(x, x[:, :1], groups=np.arange(600) // 300)["few groups"].value == 2
    assert pc.advise(x, x[:, :1], groups=np.maximum(np.arange(600), 5))["small groups"].value == pytest.approx(
        594 / 595
    )
    assert "groups" in pc.advise(x, x[:, :1], groups=np.zeros(600))
    assert not any("groups=" in question for question in advice.questions)
    assert any("groups=" in question for question in pc.advise(x, y).questions)


@pytest.mark.parametrize("x", [np.ones((100, 2)), np.full((100, 1), np.nan)])
@pytest.mark.parametrize("kind", list(kinds()))
def test_inputs_that_say_nothing_are_named_and_leave_the_rest_of_the_advice(x: np.ndarray, kind: str) -> None:
    advice = pc.advise(x, kinds()[kind][1][:100])
    assert "constant inputs" in advice or "missing inputs" in advice
    assert advice.kind == kind
    assert str(advice)
    assert advice.plot().axes


def test_observations_that_are_all_missing_are_said_to_be() -> None:
    advice = pc.advise(np.zeros((50, 1)), np.full((50, 2), np.nan))
    assert advice["missing observations"].value == 1
    assert advice.next == ()
    assert advice.plot().axes


def test_few_rows_are_said_to_be_few() -> None:
    rng = np.random.default_rng(5)
    advice = pc.advise(rng.standard_normal((40, 30)), rng.standard_normal(40))
    assert advice["few rows"].value == pytest.approx(4 / 3)
    assert pc.advise(np.zeros((3, 1)), np.arange(3.0)).looked_at == (0, 0)


def test_it_reads_like_advice_everywhere() -> None:
    x, y = shared_gain(np.random.default_rng(0))
    advice = pc.advise(x, y)
    text, page = str(advice), advice._repr_html_()
    assert text == repr(advice)
    assert max(map(len, text.splitlines())) <= 96
    for finding in advice.findings:
        assert finding.name in text
        assert finding.name in page
    assert "1. NegativeMultinomial(10)" in text
    assert "<code>NegativeMultinomial(10)</code>" in page
    frame = advice.to_frame()
    assert list(frame.index) == [finding.name for finding in advice.findings]
    assert frame.loc["shared gain", "value"] == pytest.approx(0.04, abs=0.015)
    with pytest.raises(KeyError, match="no finding 'tails'; there are 'over-dispersion'"):
        advice["tails"]


@pytest.mark.parametrize(
    "data", [shared_gain(np.random.default_rng(0)), two_answers(np.random.default_rng(0)), *kinds().values()]
)
def test_there_is_always_a_picture(data: Data) -> None:
    advice = pc.advise(*data)
    panels = advice.plot().axes
    assert len(panels) == (1 if advice.looked_at == (0, 0) else 4)
    assert all(axis.get_xlabel() and axis.get_ylabel() and axis.get_title(loc="left") for axis in panels)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="x is empty"):
        pc.advise(np.zeros((0, 2)), np.zeros((0, 1)))
    with pytest.raises(TypeError, match="y must be a tensor, an array or a data frame"):
        pc.advise(np.zeros((2, 2)), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="x has 3 rows and y has 2 rows"):
        pc.advise(np.zeros((3, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="one label for each of the 3 rows"):
        pc.advise(np.zeros((3, 1)), np.zeros(3), groups=[1, 2])
    with pytest.raises(ValueError, match="at least 2"):
        pc.advise(np.zeros((1, 1)), np.zeros(1))
