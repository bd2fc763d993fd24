"""Zero-inflation around the other counts."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch
from torch import Tensor

from probcost.distributions import ConwayMaxwellPoisson, NegativeBinomial, Poisson, ZeroInflated
from tests.distributions import contract, references


def zero_inflated_poisson(log_rate: Tensor, gate_logits: Tensor) -> ZeroInflated:
    return ZeroInflated(Poisson(log_rate), gate_logits)


def reference(k: int, log_rate: float, gate_logits: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """log p and its gradients, by the definition."""
    with mp.workdps(500):
        logit = references.exact(gate_logits)
        gate, rest = 1 / (1 + mp.exp(-logit)), 1 / (1 + mp.exp(logit))
        log_base, slope = references.poisson(k, log_rate)
        mass = rest * mp.exp(log_base)
        total = mass + (gate if k == 0 else 0)
        return mp.log(total), mass * slope / total, gate * rest * ((k == 0) - mp.exp(log_base)) / total


def test_log_prob_and_gradients_against_mpmath() -> None:
    triples = [
        (k, math.log(rate), gate)
        for rate in (1e-8, 1e-3, 0.6, 7.3, 130.0)
        for gate in (-300.0, -40.0, -3.0, -1e-3, 0.0, 2.0, 30.0)
        for k in (0, 1, 26, 1000)
    ]
    counts, log_rates, gates = zip(*triples, strict=True)
    contract.check_accuracy(zero_inflated_poisson, reference, list(counts), list(log_rates), list(gates))


def test_moments_and_cdf_are_sums_of_the_masses() -> None:
    gate = torch.tensor([-5.0, 0.0, 2.0], dtype=torch.float64)[:, None]
    log_mean = torch.tensor([-3.0, 0.0, 2.0], dtype=torch.float64)
    contract.check_moments_and_cdf(ZeroInflated(NegativeBinomial(log_mean, 0.3), gate), 500)
    contract.check_moments_and_cdf(ZeroInflated(ConwayMaxwellPoisson(log_mean, 1.7), gate), 100)


def test_samples_follow_the_cdf() -> None:
    contract.check_samples(ZeroInflated(Poisson(torch.tensor(1.5, dtype=torch.float64)), torch.tensor(-0.4)))


def test_closed_gate_is_the_base() -> None:
    base = Poisson(torch.linspace(-9, 4, 9, dtype=torch.float64))
    counts = torch.arange(9.0)
    torch.testing.assert_close(ZeroInflated(base, -1e4).log_prob(counts), base.log_prob(counts), rtol=1e-14, atol=0)


def test_shapes() -> None:
    contract.check_shapes(zero_inflated_poisson)


def test_extremes_are_finite() -> None:
    contract.check_extremes(zero_inflated_poisson, [-1e4, 0.0, 1e4])


def test_gate_is_the_share_of_zeros_beyond_the_base() -> None:
    dist = ZeroInflated(Poisson(torch.tensor([20.0]).log()), torch.tensor([0.25]).logit())
    assert float(dist.gate) == pytest.approx(0.25)
    assert float(dist.log_prob(torch.zeros(1)).exp()) == pytest.approx(0.25, abs=1e-6)
    assert float(dist.mean) == pytest.approx(15.0)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="event shape"):
        ZeroInflated(Poisson(torch.zeros(3)).to_event(1), torch.zeros(()))
    with pytest.raises(ValueError, match="gate_logits"):
        ZeroInflated(Poisson(torch.zeros(1)), torch.tensor([math.nan]), validate_args=True)
    with pytest.raises(ValueError, match="support"):
        ZeroInflated(Poisson(torch.zeros(1)), torch.zeros(1), validate_args=True).log_prob(torch.tensor([-1]))
