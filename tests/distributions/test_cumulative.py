"""Masses and cdf averaged over draws: equal to the means of what each draw's own methods say, small counts or large."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from probcost.distributions import ConwayMaxwellPoisson, NegativeBinomial, Poisson, ZeroInflated
from probcost.distributions._counts import CountDistribution

S, T, N = 7, 30, 5
DTYPES = [torch.float64, torch.float32]


def family(name: str, log_rate: Tensor) -> CountDistribution | ZeroInflated:
    """Draws ``[S, T, N]`` whose second parameter is each unit's, each draw's, or each entry's own."""
    own = torch.linspace(0.1, 1.9, N, dtype=log_rate.dtype)
    drawn = torch.linspace(0.5, 1.5, S, dtype=log_rate.dtype)[:, None, None]
    return {
        "poisson": lambda: Poisson(log_rate),
        "negative binomial": lambda: NegativeBinomial(log_rate, own),
        "negative binomial, drawn": lambda: NegativeBinomial(log_rate, drawn),
        "conway-maxwell": lambda: ConwayMaxwellPoisson(log_rate, own),
        "conway-maxwell, predicted": lambda: ConwayMaxwellPoisson(log_rate, 1 + 0.2 * log_rate.tanh()),
        "zero-inflated": lambda: ZeroInflated(Poisson(log_rate), own - 1),
        "zero-inflated, drawn": lambda: ZeroInflated(NegativeBinomial(log_rate, own), drawn),
    }[name]()


NAMES = [
    *("poisson", "negative binomial", "negative binomial, drawn", "conway-maxwell", "conway-maxwell, predicted"),
    *("zero-inflated", "zero-inflated, drawn"),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_averages_are_those_of_the_draws(name: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    # Units of rates near 0.01, 0.5, 4, 30 and 200: no counts but zeros, small ones, and such as are summed otherwise.
    typical = torch.tensor([0.01, 0.5, 4.0, 30.0, 200.0]).log()
    log_rate = (typical + 0.3 * torch.randn(S, T, N, generator=generator)).to(dtype)
    value = torch.poisson(typical.exp().expand(T, N), generator=generator).to(dtype)
    value[0] = 0
    value[1] = 3 * value[1] + 2
    drawn = family(name, log_rate)
    found = drawn.averaged(value)
    wide = family(name, log_rate.double())
    each = value.double().expand(S, T, N)
    tight = {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-5, "atol": 1e-30}
    torch.testing.assert_close(found.log_prob, drawn.log_prob(value), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.mass.double(), wide.log_prob(each).exp().mean(0), **tight)
    torch.testing.assert_close(found.prob_zero.double(), wide.log_prob(0 * each).exp().mean(0), **tight)
    torch.testing.assert_close(found.cdf.double(), wide.cdf(each).mean(0), rtol=tight["rtol"], atol=1e-9)


def test_no_draws_and_all_zeros() -> None:
    rate = Poisson(torch.tensor([[0.0, 1.0]]))
    found = rate.averaged(torch.zeros(1, 2))
    expected = torch.tensor([[math.exp(-1), math.exp(-math.e)]])
    for part in (found.mass, found.cdf, found.prob_zero):
        torch.testing.assert_close(part, expected)


def test_what_is_not_a_number_stays_one() -> None:
    log_rate = torch.zeros(3, 4, 2)
    log_rate[1, 2, 0] = torch.nan
    found = Poisson(log_rate).averaged(torch.ones(4, 2))
    for part in (found.mass, found.cdf):
        assert part.isnan().nonzero().tolist() == [[2, 0]]


def test_nothing_but_its_own_base_is_averaged() -> None:
    from pyro.distributions import Poisson as Other

    assert not hasattr(ZeroInflated(Other(torch.ones(2)), torch.zeros(2)), "averaged")
