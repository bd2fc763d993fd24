"""`diagnose` finds what is wrong, names what to try, and lets a true model alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal, stats
from torch import Tensor, nn
from torch.distributions import constraints

import probcost as pc
from probcost import distributions as dist
from probcost import likelihoods as of
from probcost.checks.assumptions import of_dependence, of_means
from probcost.checks.assumptions_of_shape import of_shape, of_spread
from probcost.checks.judged import of_scores, of_squares
from probcost.checks.p_values import sidak
from probcost.checks.residuals import residuals
from tests.checks.simulated import VectorNormal, evidence, negative_binomial, poisson, vector_evidence

Array = NDArray[Any]
ROWS, UNITS = 1500, 6
SIMULATIONS = 200
# Where a 5 % test may land in 200 simulations: seeds are fixed, and chance alone goes beyond once in 2,000.
LEAST, MOST = stats.binom.ppf([0.00025, 0.99975], SIMULATIONS, 0.05)


def regression(likelihood: of.Likelihood, x: Array, y: Array, **options: Any) -> pc.Fit:
    """A linear network under ``likelihood``, fitted exactly."""
    torch.manual_seed(0)
    model = pc.CostModel(nn.Linear(x.shape[1], likelihood.num_outputs), likelihood, **options)
    return pc.fit(model, x, y, optimizer="lbfgs", progress=False)


def names(diagnosis: Any) -> list[str]:
    return [type(remedy).__name__ for remedy in diagnosis.next]


def denied(diagnosis: Any) -> set[str]:
    return {finding.name for finding in diagnosis.denied}


# --- what is wrong is found, and what to try is named -------------------------------------------------------------


def conway_maxwell(rng: np.random.Generator, mean: Array) -> Array:
    torch.manual_seed(3)
    return np.asarray(dist.ConwayMaxwellPoisson(torch.as_tensor(mean).log(), torch.tensor(1.5)).sample())


def copula(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return stats.norm.cdf(signal.lfilter([np.sqrt(1 - 0.3**2)], [1, -0.3], rng.normal(size=shape), axis=0))


COUNTS: dict[str, tuple[Callable[[np.random.Generator, Array], Array], str, str]] = {
    "over-dispersed": (lambda rng, m: rng.poisson(m * rng.gamma(5.0, 0.2, m.shape)), "dispersion", "NegativeBinomial"),
    "under-dispersed": (conway_maxwell, "dispersion", "ConwayMaxwellPoisson"),
    "extra zeros": (lambda rng, m: rng.poisson(m) * (rng.random(m.shape) > 0.15), "zeros", "ZeroInflatedPoisson"),
    "rows depend": (lambda rng, m: stats.poisson.ppf(copula(rng, m.shape), m), "independence over time", "History"),
    "units depend": (
        lambda rng, m: rng.poisson(m * rng.gamma(16.0, 1 / 16, (len(m), 1))),
        "independence of units",
        "NegativeMultinomial",
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_that_are_not_poisson(name: str) -> None:
    simulate, line, remedy = COUNTS[name]
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2 * ROWS, 2))
    y = simulate(rng, 2 * np.exp(0.3 * x @ rng.normal(size=(2, UNITS))))
    fit = regression(of.Poisson(UNITS), x[:ROWS], y[:ROWS], ordered=True)
    diagnosis = pc.diagnose(fit, x[ROWS:], y[ROWS:])
    assert line in denied(diagnosis)
    assert names(diagnosis)[0] == remedy
    assert diagnosis.trials[0].gain > 2 * diagnosis.trials[0].standard_error
    assert remedy in str(diagnosis)


def test_what_is_named_can_be_passed_back_in_and_mends() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2 * ROWS, 2))
    y = rng.poisson(2 * np.exp(0.3 * x @ rng.normal(size=(2, UNITS))) * rng.gamma(4.0, 0.25, (2 * ROWS, UNITS)))
    diagnosis = pc.diagnose(regression(of.Poisson(UNITS), x[:ROWS], y[:ROWS]), x[ROWS:], y[ROWS:])
    again = pc.diagnose(regression(diagnosis.next[0], x[:ROWS], y[:ROWS]), x[ROWS:], y[ROWS:])
    assert "dispersion" in denied(diagnosis)
    assert "dispersion" in diagnosis.mended
    assert "dispersion" not in denied(again)


REALS: dict[str, tuple[Callable[[np.random.Generator, Array, Array], Array], str, str, int]] = {
    "heavy tails": (lambda rng, m, x: m + rng.standard_t(4, m.shape), "tails", "StudentT", 1),
    "scale varies": (lambda rng, m, x: m + rng.normal(size=m.shape) * 3 ** x[:, :1], "spread over inputs", "Normal", 1),
    "two answers": (
        lambda rng, m, x: m + 0.3 * rng.normal(size=m.shape) + np.sign(rng.random(m.shape) - 0.5),
        "modes and bulk",
        "Mixture",
        1,
    ),
    "skewed": (lambda rng, m, x: m + rng.exponential(size=m.shape), "skewness", "Mixture", 1),
    "units depend": (
        lambda rng, m, x: m + rng.normal(size=m.shape) + 0.6 * rng.normal(size=(len(m), 1)),
        "independence of units",
        "MultivariateNormal",
        3,
    ),
    "rows depend": (
        lambda rng, m, x: m + stats.norm.ppf(copula(rng, m.shape)),
        "independence over time",
        "History",
        1,
    ),
}


@pytest.mark.parametrize("name", REALS)
def test_real_numbers_that_are_not_normal(name: str) -> None:
    simulate, line, remedy, units = REALS[name]
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, size=(2 * ROWS, 2))
    y = simulate(rng, x @ rng.normal(size=(2, units)), x)
    fit = regression(of.Normal(units, scale="learned"), x[:ROWS], y[:ROWS], ordered=True)
    diagnosis = pc.diagnose(fit, x[ROWS:], y[ROWS:])
    assert line in denied(diagnosis)
    assert names(diagnosis)[0] == remedy


def test_an_under_fitted_mean_is_found_in_few_rows_with_the_training_rows_at_hand() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, size=(900, 4))
    y = np.sign(x[:, :1] * x[:, 1:2]) + 0.5 * rng.normal(size=(900, 1))
    fit = regression(of.Normal(1, scale="learned"), x[:840], y[:840])
    with_training = pc.diagnose(fit, x[840:], y[840:], train=(x[:840], y[:840]))
    assert with_training["what inputs tell"].p_value < 1e-6
    assert pc.diagnose(fit, x[840:], y[840:])["what inputs tell"].p_value > with_training["what inputs tell"].p_value


def test_a_scale_that_explains_the_mean_away_is_said() -> None:
    """The mean is held at zero where it is far from it, and the predicted scale makes up for it."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-1, 1, size=(2000, 1))
    y = np.where(x > 0, 3 * np.sin(9 * x), 0) + 0.1 * rng.normal(size=x.shape)
    network = nn.Linear(1, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0], [8.0]]))
        network.bias.copy_(torch.tensor([0.0, -3.0]))
    fit = pc.as_fit(pc.CostModel(network, of.Normal(1)), x, y)
    diagnosis = pc.diagnose(fit, x, y)
    assert "explains it away" in diagnosis["what inputs tell"].verdict
    assert names(diagnosis)[0] == "Normal"
    assert diagnosis.next[0].link == "natural"


def test_a_level_that_moved_and_effects_that_are_too_large() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, 1))
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(0.6)
        network.bias.fill_(0.5)
    y = rng.poisson(np.exp(0.7 + 0.6 * x))
    fit = pc.as_fit(pc.CostModel(network, of.Poisson(1)), x, rng.poisson(1, x.shape))
    level = pc.diagnose(fit, x, y)
    assert "lie higher" in level["level since training"].verdict
    assert "drifting=True" in level["level since training"].advice
    drifting = pc.as_fit(pc.CostModel(network, of.Poisson(1), ordered=True, drifting=True), x, y)
    assert "lie higher" in (again := pc.diagnose(drifting, x, y)["level since training"]).verdict
    assert "Fit again" in again.advice
    assert "drifting" not in again.advice
    extent = pc.diagnose(fit, x, rng.poisson(np.exp(0.5 + 0.4 * x)))
    assert "go too far" in extent["size of effects"].verdict


def test_a_spread_that_rows_are_too_few_to_learn_is_advised_with_its_doubt() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 2))
    y = x[:, :1] + np.exp(0.3 * np.abs(x[:, :1])) * rng.normal(size=(ROWS, 1))
    diagnosis = pc.diagnose(regression(of.Normal(1, scale="learned"), x, y), x, y)
    advice = diagnosis["spread over inputs"].advice
    assert advice.startswith(
        "Normal(1, scale='predicted') may help: learned from half of these rows its gain is not sure"
    )
    tried = next(trial for trial in diagnosis.trials if trial.name == "Normal(1, scale='predicted')")
    assert f"{tried.gain:+.2g}" in advice


def test_a_drift_is_found() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(ROWS, 1))
    y = x + rng.normal(size=x.shape) + np.linspace(-0.4, 0.4, ROWS)[:, None]
    assert "no drift" in denied(pc.diagnose(regression(of.Normal(1, scale="learned"), x, y), x, y))


# --- a true model is let alone ------------------------------------------------------------------------------------


def normal(mean: Array) -> Any:
    return stats.norm(mean, 1.0)


def vector(mean: Array) -> VectorNormal:
    return VectorNormal(mean, 0.5 + 0.5 * np.eye(mean.shape[1]))


TRUE: dict[str, tuple[Callable[[Array], Any], int, int]] = {
    "poisson": (lambda m: poisson(np.exp(m)), 300, 5),
    "negative binomial": (lambda m: negative_binomial(np.exp(m)), 300, 1),
    "normal": (normal, 200, 3),
    "vectors": (vector, 200, 3),
}


@pytest.mark.parametrize("name", TRUE)
def test_false_alarms(name: str) -> None:
    make, rows, units = TRUE[name]
    below: dict[str, int] = defaultdict(int)
    whole = 0
    for seed in range(SIMULATIONS):
        rng = np.random.default_rng([seed, 11])
        x = rng.normal(size=(rows, 2))
        model = make(0.3 * x @ rng.normal(size=(2, units)) + 0.5)
        if isinstance(model, VectorNormal):
            seen = vector_evidence(model, model.rvs(rng))
        else:
            seen = evidence(model, model.rvs(random_state=rng))
        of_all = residuals(seen, x, ["a", "b"], level=0.05, seed=seed)
        lines = [line for of_some in (of_means, of_spread, of_shape, of_dependence) for line in of_some(of_all)]
        for line in lines:
            below[line.name] += line.p_value < 0.05
        whole += min(line.p_value for line in lines) * len(lines) < 0.05
    # Of vectors, lines of several units are corrected by Bonferroni, which is at most 5 %.
    least = 0 if name == "vectors" else LEAST
    assert {line: n for line, n in below.items() if not least <= n <= MOST} == {}
    assert whole <= MOST


def test_the_corrections_are_exact() -> None:
    """Of independent residuals: shared and own scores, the smallest of several, regressions of several units."""
    shared, alone, several, explained = [], [], [], []
    rows, degrees = 60, 5
    for seed in range(2000):
        rng = np.random.default_rng([seed, 12])
        seen = evidence(stats.norm(np.zeros((rows, 4)), 1.0), rng.normal(size=(rows, 4)))
        of = residuals(seen, np.empty((rows, 0)), [], level=0.05, seed=seed)
        scores = of.z.sum(axis=0) / np.sqrt(rows)
        shared.append(of_scores(scores, of.z, of))
        alone.append(of_scores(scores[:1], of.z[:, :1], of))
        several.append(sidak(2 * stats.norm.sf(np.abs(scores))))
        r2 = stats.beta(degrees / 2, (rows - 1 - degrees) / 2).rvs(4, random_state=rng)
        explained.append(of_squares((rows - 1) * r2, degrees, of.z, of))
    for p in (shared, alone, several, explained):
        assert 0.035 <= np.mean(np.array(p) < 0.05) <= 0.065


@pytest.mark.parametrize(("rows", "rate"), [(1000, 0.003), (1000, 0.02)])
def test_rare_events_are_let_alone(rows: int, rate: float) -> None:
    """A unit that happens to be silent is not certain to be one."""
    whole = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 21])
        x = rng.normal(size=(rows, 2))
        model = poisson(rate * np.exp(0.3 * x @ rng.normal(size=(2, 10))))
        of = residuals(evidence(model, model.rvs(random_state=rng)), x, ["a", "b"], level=0.05, seed=seed)
        lines = [line for of_some in (of_means, of_spread, of_shape, of_dependence) for line in of_some(of)]
        whole += min(line.p_value for line in lines) * len(lines) < 0.05
    assert whole <= stats.binom.ppf(0.9995, 60, 0.05)


@pytest.mark.parametrize("sd", [0.5, 2.0])
def test_a_spread_far_from_the_predicted_is_found(sd: float) -> None:
    """Also where the tail is too small for a float, and where the scale was held at a number."""
    rng = np.random.default_rng(22)
    x = rng.normal(size=(3000, 1))
    fit = regression(of.Normal(2, scale=1.0), x, np.zeros((3000, 2)) + rng.normal(size=(3000, 2)))
    diagnosis = pc.diagnose(fit, x, sd * rng.normal(size=(3000, 2)))
    assert "dispersion" in denied(diagnosis)
    assert np.isfinite(diagnosis["dispersion"].worth)
    assert f"{sd**2:.1f}" in diagnosis["dispersion"].verdict
    assert names(diagnosis)[0] == "Normal"


@pytest.mark.parametrize(("phi", "units", "shared"), [(0.6, 1, 0.0), (0.0, 10, 0.3)])
def test_dependence_is_one_line_s_matter(phi: float, units: int, shared: float) -> None:
    """Where the means and scales are right, the other lines stay near their rate, though rows or units depend."""
    below: dict[str, int] = defaultdict(int)
    sets = 60
    for seed in range(sets):
        rng = np.random.default_rng([seed, 23])
        x = signal.lfilter([1], [1, -0.9], rng.normal(size=(600, 2)), axis=0)
        noise = np.sqrt(1 - shared) * rng.normal(size=(600, units)) + np.sqrt(shared) * rng.normal(size=(600, 1))
        noise = signal.lfilter([np.sqrt(1 - phi**2)], [1, -phi], noise, axis=0)
        of = residuals(evidence(normal(x[:, :1] * np.ones(units)), x[:, :1] + noise), x, ["a", "b"], level=0.05, seed=0)
        for line in [line for of_some in (of_means, of_spread, of_shape, of_dependence) for line in of_some(of)]:
            below[line.name] += line.p_value < 0.05
    assert below.pop("independence over time" if phi else "independence of units") == sets
    assert max(below.values()) <= stats.binom.ppf(0.9995, sets, 0.08)


# --- what users meet ----------------------------------------------------------------------------------------------


def test_it_reads_well(tmp_path: Any) -> None:
    rng = np.random.default_rng(13)
    x = pd.DataFrame({"speed": rng.normal(size=ROWS), "lean": rng.normal(size=ROWS)})
    y = rng.poisson(np.exp(0.3 + 0.4 * x["speed"].to_numpy() ** 2))[:, None]
    fit = regression(of.Poisson(1), x.to_numpy(), y)
    diagnosis = pc.diagnose(fit, x, y)
    assert "speed" in diagnosis["what inputs tell"].verdict
    assert not diagnosis.ok
    assert max(map(len, str(diagnosis).splitlines())) <= 96
    frame = diagnosis.to_frame()
    assert list(frame.index) == [finding.name for finding in diagnosis.findings]
    assert (frame["p_corrected"] >= frame["p_value"]).all()
    assert "<table>" in diagnosis._repr_html_()
    diagnosis.plot().savefig(tmp_path / "diagnosis.png")
    with pytest.raises(KeyError, match="no finding 'nothing'"):
        diagnosis["nothing"]


class Exponential(of.Likelihood):
    """A likelihood that a user writes: waiting times."""

    site = "wait"
    discrete = False
    support = constraints.nonnegative
    equation = r"y \lambda - \log \lambda"
    symbols = {r"\lambda": "rate"}  # noqa: RUF012

    def __init__(self, n_units: int) -> None:
        super().__init__(n_units, num_outputs=n_units)

    def forward(self, raw: Tensor) -> Any:
        return pyro.distributions.Exponential(raw.exp())

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        return -mean.log()


def test_a_likelihood_of_ones_own() -> None:
    rng = np.random.default_rng(14)
    x = rng.normal(size=(ROWS, 2))
    rate = np.exp(0.5 * x[:, :1])
    fit = regression(Exponential(1), x, rng.exponential(1 / rate))
    assert pc.diagnose(fit, x, rng.exponential(1 / rate)).ok
    gamma = pc.diagnose(fit, x, rng.gamma(3.0, 1 / (3 * rate)))
    assert "dispersion" in denied(gamma)


@pytest.mark.parametrize("kind", [of.MultivariateNormal, of.MultivariateStudentT, of.NegativeMultinomial])
def test_vectors(kind: type[of.Likelihood]) -> None:
    torch.manual_seed(1)
    likelihood = kind(3)  # type: ignore[call-arg]
    x = torch.randn(400, 2)
    model = pc.CostModel(nn.Linear(2, likelihood.num_outputs), likelihood)
    with torch.no_grad():
        y = model.distribution(x).sample()
    assert pc.diagnose(pc.as_fit(model, x, y), x, y).ok


def test_heavy_tails_constant_inputs_and_photos() -> None:
    rng = np.random.default_rng(15)
    x, y = np.ones((200, 1)), rng.standard_cauchy((200, 1))
    fit = pc.as_fit(pc.CostModel(nn.Linear(1, 2), of.Normal(1)), x, y)
    assert "StudentT" in names(pc.diagnose(fit, x, y))
    photos = rng.random((60, 30, 30))
    network = nn.Sequential(nn.Flatten(), nn.Linear(900, 2))
    diagnosis = pc.diagnose(pc.as_fit(pc.CostModel(network, of.Normal(1)), photos, y[:60]), photos, y[:60])
    assert diagnosis.rows == 60


def test_training_rows_are_not_judged_by_themselves() -> None:
    rng = np.random.default_rng(17)
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(100, 1))
    fit = regression(of.Normal(1, scale="learned"), x, y)
    with pytest.raises(ValueError, match="100 of the 100 rows"):
        pc.diagnose(fit, x, y, train=(x, y))


def test_bad_input() -> None:
    rng = np.random.default_rng(16)
    x, y = rng.normal(size=(100, 2)), rng.poisson(1.0, (100, 1))
    fit = regression(of.Poisson(1), x, y)
    with pytest.raises(ValueError, match="level is 5"):
        pc.diagnose(fit, x, y, level=5)
    with pytest.raises(ValueError, match="at least 10"):
        pc.diagnose(fit, x[:5], y[:5])
    with pytest.raises(ValueError, match="100"):
        pc.diagnose(fit, x, y[:-1])
    with pytest.raises(ValueError, match=r"y\[0, 0\]"):
        pc.diagnose(fit, x, y - 5)


# --- rows that belong together -------------------------------------------------------------------------------------


def grouped(
    rng: np.random.Generator, *, alike: float, units: int = 2, sizes: Sequence[int] = (5,) * 50
) -> tuple[Array, Array, Array]:
    """Inputs, observations and labels of groups whose errors correlate so much; one input is the group's."""
    code = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(len(code), 2))
    x[:, 1] = rng.normal(size=len(sizes))[code]
    shared = rng.normal(size=(len(sizes), units))[code]
    errors = np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.normal(size=(len(code), units))
    return x, np.tile(x[:, :1], (1, units)) + errors, code


def test_rows_that_are_alike_in_their_group_are_found_in_any_order_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    x, y, code = grouped(rng, alike=0.4)
    fitted = regression(of.Normal(2), *(part for part in grouped(rng, alike=0.0)[:2]))
    shuffled = rng.permutation(len(y))
    sorted_rows = pc.diagnose(fitted, x, y, groups=code)
    in_no_order = pc.diagnose(fitted, x[shuffled], y[shuffled], groups=[f"batch {c}" for c in code[shuffled]])
    for diagnosis in (sorted_rows, in_no_order):
        assert denied(diagnosis) == {"independence within groups"}
        assert diagnosis["independence within groups"].statistic == pytest.approx(0.4, abs=0.15)
        assert "hold out whole groups" in diagnosis["independence within groups"].advice
        with pytest.raises(KeyError, match="independence over time"):
            diagnosis["independence over time"]
    within = [d["independence within groups"].p_value for d in (sorted_rows, in_no_order)]
    assert within[0] == pytest.approx(within[1])


@pytest.mark.parametrize("units", [1, 4])
@pytest.mark.parametrize(
    ("alike", "sizes"),
    [
        (0.0, (5,) * 50),
        (0.4, (5,) * 50),
        (0.3, (60,) * 5),  # few groups
        (0.3, (200, *(10,) * 10)),  # of unlike sizes
    ],
)
def test_with_groups_every_other_line_rejects_at_the_nominal_rate(
    alike: float, sizes: tuple[int, ...], units: int
) -> None:
    rejected: dict[str, int] = defaultdict(int)
    for seed in range(SIMULATIONS):
        x, y, code = grouped(np.random.default_rng([7, seed]), alike=alike, units=units, sizes=sizes)
        predicted = stats.norm(np.tile(x[:, :1], (1, units)), 1.0)
        seen = residuals(evidence(predicted, y), x, ["one", "of the group"], level=0.05, seed=seed, groups=code)
        for lines in (of_means, of_spread, of_shape, of_dependence):
            for finding in lines(seen):
                rejected[finding.name] += finding.p_value < 0.05
    if alike:
        found = rejected.pop("independence within groups")
        assert found == SIMULATIONS if len(sizes) == 50 else found > 0.9 * SIMULATIONS  # few groups: by chance alike
        assert max(rejected.values()) <= MOST, rejected  # rows are discounted, and by no less than they should be
    else:
        assert all(LEAST <= count <= MOST for count in rejected.values()), rejected


def test_rows_may_be_alike_in_how_far_off_they_are_and_in_one_unit_alone() -> None:
    rng = np.random.default_rng(1)
    x, y, code = grouped(rng, alike=0.0, units=8)
    fitted = regression(of.Normal(8, scale="learned"), x, y)
    wide = y + (np.exp(rng.normal(size=(50, 8)))[code] - 1) * (y - x[:, :1])
    found = pc.diagnose(fitted, x, wide, groups=code)["independence within groups"]
    assert found.p_value < 1e-6
    assert "alike in how far off they are" in found.verdict
    y[:, 3] += rng.normal(size=50)[code]
    found = pc.diagnose(fitted, x, y, groups=code)["independence within groups"]
    assert found.p_value < 1e-6
    assert "of unit 3 are alike, beyond" in found.verdict


def test_groups_of_all_and_of_single_rows_are_not_judged() -> None:
    x, y, _ = grouped(np.random.default_rng(0), alike=0.0)
    fitted = regression(of.Normal(2), x, y)
    for groups, why in ((np.zeros(250), "one group only"), (np.arange(250), "no group has two rows")):
        finding = pc.diagnose(fitted, x, y, groups=groups)["independence within groups"]
        assert not finding.judged
        assert why in finding.verdict


def test_groups_of_more_rows_than_are_tried_on(recwarn: pytest.WarningsRecorder) -> None:
    rng = np.random.default_rng(2)
    code = np.repeat(np.arange(400), 10)
    x = rng.normal(size=(4000, 2))
    y = rng.poisson(np.exp(0.3 * x[:, :1] + np.sqrt(0.1) * rng.normal(size=(400, 20))[code]))
    diagnosis = pc.diagnose(regression(of.Poisson(20), x, y), x, y, groups=code)
    assert "independence within groups" in denied(diagnosis)
    assert diagnosis["independence within groups"].worth > 0.01
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


def test_the_past_that_is_advised_reaches_as_far_back_as_what_is_found() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, 2))
    errors = signal.lfilter([np.sqrt(1 - 0.5**2)], [1, 0, 0, 0, -0.5], rng.normal(size=(1500, 1)), axis=0)
    y = x[:, :1] + errors
    finding = pc.diagnose(regression(of.Normal(1), x, y, ordered=True), x, y)["independence over time"]
    assert finding.statistic == pytest.approx(0.5, abs=0.08)
    assert "rows 4 apart follow each other" in finding.verdict
    assert "pc.History(4)" in finding.advice


def test_labels_that_are_missing_or_too_few_are_refused() -> None:
    x, y, code = grouped(np.random.default_rng(0), alike=0.0)
    fitted = regression(of.Normal(2), x, y)
    with pytest.raises(ValueError, match=r"groups\[0\] is missing"):
        pc.diagnose(fitted, x, y, groups=[None, *code[1:]])
    with pytest.raises(ValueError, match="one label a row"):
        pc.diagnose(fitted, x, y, groups=code[1:])
