"""Likelihoods of one's own: what is forgotten is said, and so is what observations must be."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.distributions import constraints

import probcost as pc
from probcost.likelihoods.base import describe


def test_what_a_class_forgets_is_named() -> None:
    class Forgetful(pc.likelihoods.Likelihood):
        discrete = False

    with pytest.raises(
        TypeError, match=r"the class Forgetful must set support, such as support = constraints.positive"
    ):
        Forgetful(1, 1)


def test_supports_are_said_in_words() -> None:
    assert describe(constraints.positive) == "numbers above 0"
    assert describe(constraints.nonnegative) == "numbers of at least 0"
    assert describe(constraints.unit_interval) == "numbers from 0 to 1"


@pytest.mark.parametrize("kind", ["Normal", "Laplace", "StudentT"])
def test_raw_outputs_of_another_width_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"raw outputs have shape \[3, 1\]; .* needs \[\.\.\., 2\]"):
        getattr(pc.likelihoods, kind)(1)(torch.zeros(3, 1))


def test_a_loop_that_forgot_the_scale_is_warned_of() -> None:
    x, y = torch.randn(50, 2), 300 + 10 * torch.randn(50, 1)
    model = pc.CostModel(nn.Linear(2, 2), pc.likelihoods.Normal(1))
    with pytest.warns(UserWarning, match=r"call model.likelihood.adapt\(y.mean\(0\), y.var\(0\)\)"):
        pc.as_fit(model, x, y)
    model.likelihood.adapt(y.mean(0), y.var(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pc.as_fit(model, x, y)
