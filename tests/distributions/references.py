"""Independent references in extended precision: mpmath for the closed forms, windowed mpmath sums for the rest."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath as mp
import torch

__all__ = [
    "ConwayMaxwellPoissonReference",
    "absolute_error",
    "conway_maxwell_poisson",
    "exact",
    "negative_binomial",
    "poisson",
    "relative_error",
]

mp.mp.dps = 40


def exact(value: Any) -> mp.mpf:
    """A tensor's element or a float as the very number it holds."""
    return mp.mpf(float(value))


def poisson(k: float, log_rate: float) -> tuple[mp.mpf, mp.mpf]:
    """log p and ∂/∂η."""
    rate = mp.exp(exact(log_rate))
    return k * exact(log_rate) - rate - mp.loggamma(k + 1), k - rate


def negative_binomial(k: float, log_mean: float, alpha: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """log p, ∂/∂η, ∂/∂α; at α = 0 the limits."""
    mean, a = mp.exp(exact(log_mean)), exact(alpha)
    if a == 0:
        return *poisson(k, log_mean), ((k - mean) ** 2 - k) / 2
    with mp.workdps(90):
        r = 1 / a
        log_p = mp.loggamma(k + r) - mp.loggamma(r) - mp.loggamma(k + 1)
        log_p += k * mp.log(a * mean) - (k + r) * mp.log1p(a * mean)
        slope = (mp.digamma(r) - mp.digamma(k + r) + mp.log1p(a * mean)) * r * r + (k - mean) * r / (1 + a * mean)
        return log_p, (k - mean) / (1 + a * mean), slope


class ConwayMaxwellPoissonReference:
    """Moments by sums around the mode, each side until its terms are 10⁻³⁵ of the largest."""

    def __init__(self, log_location: float, nu: float) -> None:
        self.eta, self.nu = exact(log_location), exact(nu)
        mode = int(mp.floor(mp.exp(self.eta)))
        self.peak = self.log_term(mode)
        location = mp.exp(self.eta)
        sums = [mp.mpf(0)] * 3
        for step in (1, -1):
            k = mode if step == 1 else mode - 1
            if k < 0:
                continue
            energy = k * self.eta - mp.loggamma(k + 1)
            term = mp.exp(self.nu * energy - self.peak)
            while k >= 0 and term > mp.mpf(10) ** -35:
                for i, weight in enumerate((1, k, energy)):
                    sums[i] += weight * term
                # The ratio of neighbours, (λ/(k+1))^ν upwards and (k/λ)^ν downwards, is cheaper than a new factorial.
                ratio = location / (k + 1) if step == 1 else k / location
                term *= ratio**self.nu
                energy += mp.log(ratio) if ratio > 0 else 0
                k += step
        self.log_z = self.peak + mp.log(sums[0])
        self.mean, self.energy = sums[1] / sums[0], sums[2] / sums[0]

    def log_term(self, k: int) -> mp.mpf:
        return self.nu * (k * self.eta - mp.loggamma(k + 1))

    def log_prob(self, k: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
        """log p, ∂/∂η, ∂/∂ν."""
        energy = k * self.eta - mp.loggamma(k + 1)
        return self.nu * energy - self.log_z, self.nu * (k - self.mean), energy - self.energy


@cache
def conway_maxwell_poisson(log_location: float, nu: float) -> ConwayMaxwellPoissonReference:
    return ConwayMaxwellPoissonReference(log_location, nu)


def relative_error(found: torch.Tensor, expected: list[mp.mpf]) -> float:
    """Worst |found − expected| / |expected|."""
    pairs = zip(found.flatten().tolist(), expected, strict=True)
    return max((float(abs(exact(f) - e) / abs(e)) if e else float(f != 0)) for f, e in pairs)


def absolute_error(found: torch.Tensor, expected: list[mp.mpf]) -> float:
    """Worst |found − expected| / max(1, |expected|)."""
    pairs = zip(found.flatten().tolist(), expected, strict=True)
    return max(float(abs(exact(f) - e) / max(mp.mpf(1), abs(e))) for f, e in pairs)
