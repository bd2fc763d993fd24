"""PSIS-LOO: ArviZ's own numbers, the exact ones where they are known, and what has no posterior draws is refused."""

from __future__ import annotations

import math
from typing import Any

import arviz as az
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import probcost as pc
from probcost.checks.leave_one_out import LeaveOneOut
from probcost.inference.history import History
from probcost.inference.posterior import Draws

T, S = 60, 4000


def exact_fit(y: Tensor, *, draws: int = S, chains: int = 1) -> pc.Fit:
    """y ~ N(μ, 1), μ ~ N(0, 3²): a fit that holds independent draws of the posterior itself."""
    precision = len(y) + 1 / 9
    generator = torch.Generator().manual_seed(1)
    mu = float(y.sum()) / precision + torch.randn(draws, 1, 1, generator=generator) / math.sqrt(precision)
    return pc.Fit(
        model=pc.CostModel(nn.Linear(1, 1, bias=False), pc.likelihoods.Normal(1, 1.0)),
        method="nuts",
        posterior=Draws({"network.weight": mu}, label="draws by hand", chains=chains),
        history=History(),
        input_shape=torch.Size([1]),
        unit_names=["0"],
        null_mean=y.mean(0),
        null_variance=y.var(0),
        drift_half_life=math.inf,
        seed=0,
    )


def data(outlier: float = 0.0) -> Tensor:
    y = torch.randn(T, 1, generator=torch.Generator().manual_seed(0)) + 0.5
    y[7] += outlier
    return y


def exactly_left_out(y: Tensor) -> Any:
    values = y.numpy()[:, 0].astype(float)
    precision = T - 1 + 1 / 9
    return stats.norm((values.sum() - values) / precision, math.sqrt(1 + 1 / precision)).logpdf(values)


@pytest.fixture(scope="module")
def counts() -> tuple[pc.Fit, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(80, 2, generator=generator)
    y = torch.poisson(x.exp(), generator=generator)
    model = pc.CostModel(nn.Linear(2, 2), pc.likelihoods.Poisson(2), prior=pc.priors.Normal(1.0))
    return pc.fit(model, x, y, method="laplace", epochs=60, progress=False), x, y


def test_draws_of_the_posterior_itself_leave_rows_out_exactly() -> None:
    y = data()
    result = pc.loo(exact_fit(y), torch.ones(T, 1), y, draws=S)
    np.testing.assert_allclose(result.pointwise, exactly_left_out(y), atol=0.02)
    assert result.elpd == pytest.approx(exactly_left_out(y).sum(), abs=0.1)
    assert result.p_loo == pytest.approx(1, abs=0.3)
    assert result.standard_error == pytest.approx(math.sqrt(T) * exactly_left_out(y).std(ddof=1), rel=0.02)
    assert result.approximate is None
    assert result.verdict.startswith("reliable")
    assert not len(result.above)


def test_arviz_says_the_same_of_rows_summed_over_units(counts: Any) -> None:
    fit, x, y = counts
    result = pc.loo(fit, x, y, draws=400)
    by_row = fit.log_prob(x, y, draws=400).sum(-1).double().numpy()[None]
    built = az.from_dict(posterior={"w": np.zeros((1, 400))}, log_likelihood={"counts": by_row})
    expected = az.loo(built, pointwise=True, reff=1.0)
    np.testing.assert_allclose(result.pointwise, expected.loo_i.values, rtol=1e-4)
    np.testing.assert_allclose(result.pareto_k, expected.pareto_k.values, atol=1e-3)
    assert result.p_loo == pytest.approx(float(expected.p_loo), rel=1e-3)
    assert result.threshold == pytest.approx(float(expected.good_k))
    assert (result.n_draws, result.units) == (400, 2)
    assert "Laplace" in (result.approximate or "")
    assert "Draws are approximate: Laplace" in str(result)


def test_a_row_that_the_fit_hangs_on_is_named() -> None:
    y = data(outlier=30.0)
    result = pc.loo(exact_fit(y), torch.ones(T, 1), y)
    assert result.above.tolist() == [7]
    assert "not reliable: 1 of 60 rows" in result.verdict
    assert "worst in row 7 (k = " in result.verdict
    assert result.to_frame().query("above").index.tolist() == [7]
    assert result.to_frame().elpd.sum() == pytest.approx(result.elpd)
    axis = result.plot().axes[0]
    assert [text.get_text() for text in axis.texts] == ["7"]
    assert axis.lines[0].get_ydata()[0] == result.threshold


def test_chains_that_hang_together_count_for_fewer_draws() -> None:
    y = data()
    one, fit = torch.ones(T, 1), exact_fit(y, draws=400, chains=2)
    mu = fit.posterior.draws(400, 0)["network.weight"]
    still = {"network.weight": torch.cat([half.sort(0).values for half in mu.chunk(2)])}
    sorted_fit = exact_fit(y, draws=400, chains=2)
    sorted_fit.posterior = Draws(still, label="by hand", chains=2)
    mixing, stuck = pc.loo(fit, one, y), pc.loo(sorted_fit, one, y)
    # The same draws in another order: fewer of them are effective, so more of the tail is smoothed.
    assert not np.allclose(mixing.pareto_k, stuck.pareto_k, atol=1e-3)
    np.testing.assert_allclose(mixing.pointwise, stuck.pointwise, atol=0.05)


def test_standard_errors_admit_groups_and_time(counts: Any) -> None:
    fit, x, y = counts
    rows = pc.loo(fit, x, y, draws=200)
    groups = pc.loo(fit, x, y, draws=200, groups=np.repeat(np.arange(20), 4))
    sums = rows.pointwise.reshape(20, 4).sum(axis=1)
    assert groups.standard_error == pytest.approx(math.sqrt(20) * sums.std(ddof=1))
    assert groups.error_from == "20 groups"
    fit.model.ordered = True
    blocks = rows.pointwise.reshape(10, 8).sum(axis=1)
    in_time = pc.loo(fit, x, y, draws=200)
    fit.model.ordered = False
    assert in_time.standard_error == pytest.approx(math.sqrt(10) * blocks.std(ddof=1))
    assert "The standard error takes 10 blocks of time as independent" in str(in_time)


def test_what_the_model_holds_impossible_costs_infinitely() -> None:
    y = torch.ones(T, 1)
    fit = exact_fit(data())
    fit.model = pc.CostModel(nn.Linear(1, 1, bias=False), pc.likelihoods.Poisson(1))
    x = torch.ones(T, 1)
    x[3], y[3] = -3e38, 3
    x[4] = 0.0  # where all draws agree
    result = pc.loo(fit, x, y)
    assert result.pointwise[3] == result.elpd == -math.inf
    assert result.pareto_k[4] == 0
    assert result.above[0] == 3
    assert math.isnan(result.standard_error)
    assert "−∞" in str(result)
    result.plot()


def test_it_reads_well_and_is_a_table_in_notebooks() -> None:
    result = pc.loo(exact_fit(data()), torch.ones(T, 1), data(), draws=200)
    text, html = str(result), result._repr_html_()
    assert repr(result) == text
    assert text.startswith("Normal by nuts: 60 rows of 1 unit left out one by one")
    for word in ("elpd_loo", "p_loo", "Pareto k", "Reliable"):
        assert word in text
        assert word in html
    assert max(map(len, text.splitlines())) <= 96


@pytest.mark.parametrize(("method", "options"), [("map", {}), ("ensemble", {"members": 2})])
def test_points_and_members_are_no_posterior_draws(method: str, options: dict[str, Any]) -> None:
    x, y = torch.ones(20, 1).cumsum(0), torch.ones(20, 1)
    model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
    fit = pc.fit(model, x, y, method=method, epochs=2, progress=False, **options)
    with pytest.raises(ValueError, match=f"by {method}, .* no posterior draws.*held out, with pc.compare"):
        pc.loo(fit, x, y)


def test_bad_input_is_named() -> None:
    fit, x, y = exact_fit(data()), torch.ones(T, 1), data()
    with pytest.raises(ValueError, match="x has 60 rows and y has 59 rows"):
        pc.loo(fit, x, y[1:])
    with pytest.raises(ValueError, match="draws must be at least 100, got 20"):
        pc.loo(fit, x, y, draws=20)
    with pytest.raises(ValueError, match="the fit holds 50 draws; at least 100 are needed"):
        pc.loo(exact_fit(data(), draws=50), x, y)
    with pytest.raises(ValueError, match=r"groups has shape \[3\] and y has 60 rows"):
        pc.loo(fit, x, y, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="groups holds one group only"):
        pc.loo(fit, x, y, groups=np.zeros(T))
    with pytest.raises(ValueError, match="x and y have 1 row; at least 2"):
        pc.loo(fit, x[:1], y[:1])
    assert isinstance(pc.loo(fit, x, y, draws=100), LeaveOneOut)
