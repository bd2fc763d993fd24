"""What a diagnosis looks at: quantile residuals, and a basis of the inputs that they must be independent of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy import special

from probcost.checks import p_values
from probcost.checks.dependence import dependence_found
from probcost.checks.effective_size import Dependence
from probcost.checks.evidence import Evidence, Floats
from probcost.checks.joint import Joint
from probcost.checks.pit import quantile_residuals, randomized_pit

__all__ = ["Residuals", "residuals"]

# Inputs beyond this many are seen through so many principal components; a basis has at most so many functions.
_COMPONENTS, _FUNCTIONS = 20, 60
_ROWS_A_FUNCTION = 8
_FURTHEST = 4.0


@dataclass(frozen=True, eq=False)
class Residuals:
    r"""Randomised quantile residuals of T rows and N units, and the inputs they must be independent of.

    Attributes:
        evidence: observations and predictions.
        pit: randomised probability integral transforms ``[T, N]``.
        z: :math:`\Phi^{-1}` of them: under the model standard normal, and independent unless rows are whole vectors.
        inputs: standardised columns ``[T, P]``; P may be 0.
        input_names: P names.
        basis: orthonormal functions of the inputs, ``[T, Q]``, each of mean 0: linear, squares, and random waves.
        level: at which a verdict is put in words.
        rng: for what must be randomised.
        simple: the linear and the square ones among these functions alone.
        independent: whether the model holds units independent, given the inputs.
        dependence: what was found to depend on what, whether the model holds it or not: other lines count observations by it.
        learned: what training rows' residuals say of these, ``[T, N]``; None where there are no training rows to learn from.
        learned_error: the same of y − mean, in standard deviations of it.
        joint: of vectors, how their units go together.
        groups: which group each row is of, from 0, ``[T]``, where that is known.
    """

    evidence: Evidence
    pit: Floats
    z: Floats
    inputs: Floats
    input_names: Sequence[str]
    basis: Floats
    simple: Floats
    level: float
    rng: np.random.Generator
    independent: bool
    dependence: Dependence
    learned: Floats | None = None
    learned_error: Floats | None = None
    joint: Joint | None = None
    groups: NDArray[np.intp] | None = None

    @property
    def location(self) -> Floats:
        """Predicted means, centred and of length 1 over rows, ``[T, N]``; their logarithms for counts; 0 if constant."""
        mean = self.evidence.mean
        if self.evidence.discrete:
            mean = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
        return _unit_length(np.where(np.isfinite(mean), mean, 0.0))

    def components(self, degree: int) -> Floats:
        """Neyman's components of each row and unit, ``[degree, T, N]``: of mean 0 and variance 1 under the model."""
        polynomials = legendre.legvander(2 * self.pit - 1, degree)[..., 1:]
        return np.asarray(np.moveaxis(polynomials * np.sqrt(2 * np.arange(1, degree + 1) + 1), -1, 0))

    @property
    def spread(self) -> Floats:
        r"""How far out each observation lies, ``[T, N]``: :math:`\Phi^{-1}(|2u - 1|)`, standard normal under the model.

        Unlike z², a few far observations are not taken for a spread that varies.
        """
        smallest = np.finfo(np.float64).eps
        return special.ndtri(np.abs(2 * self.pit - 1).clip(smallest, 1 - smallest))

    def strongest_input(self, values: Floats) -> str:
        """The input that tells most about ``values`` ``[T, N]``, linearly or by its square."""
        centred = values - values.mean(axis=0)
        linear, square = (_unit_length(each) for each in (self.inputs, self.inputs**2))
        told = ((linear.T @ centred) ** 2 + (square.T @ centred) ** 2).sum(axis=1)
        return self.input_names[int(told.argmax())]


def residuals(
    evidence: Evidence,
    x: Floats,
    input_names: Sequence[str],
    *,
    level: float,
    seed: int,
    independent: bool | None = None,
    groups: NDArray[np.intp] | None = None,
) -> Residuals:
    """Residuals of ``evidence`` beside inputs ``x`` ``[T, P]``; units are independent unless they are one vector, or so told."""
    pit = randomized_pit(evidence.cdf, evidence.cdf_below, seed)
    # A stream of its own, as the PIT has.
    rng = p_values.randomness(evidence.y, seed, 1937)
    varies = np.ptp(x, axis=0) > 0
    x = x[:, varies]
    inputs = ((x - x.mean(axis=0)) / x.std(axis=0)).clip(-_FURTHEST, _FURTHEST)
    names = [name for name, kept in zip(input_names, varies, strict=True) if kept]
    independent = not evidence.vectors if independent is None else independent
    basis, simple = _bases(inputs, rng)
    # Rows in no order may be looked at in theirs as well, unless it is known which belong together: alike is alike.
    found = dependence_found(pit, ordered=evidence.ordered or groups is None, groups=groups)
    dependence = replace(found, units=found.units and independent)
    z = quantile_residuals(pit)
    return Residuals(evidence, pit, z, inputs, names, basis, simple, level, rng, independent, dependence, groups=groups)


def _bases(inputs: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    rows, columns = inputs.shape
    most = min(_FUNCTIONS, rows // _ROWS_A_FUNCTION)
    if columns == 0 or most == 0:
        return np.empty((rows, 0)), np.empty((rows, 0))
    if columns > _COMPONENTS:
        # Correlated inputs, such as lags of one covariate, are few in truth.
        _, directions = np.linalg.eigh(inputs.T @ inputs)
        inputs = inputs @ directions[:, ::-1][:, :_COMPONENTS]
        inputs = inputs / np.maximum(inputs.std(axis=0), 1e-12)
    simple = np.concatenate([inputs, inputs**2], axis=1)[:, :most]
    # Random Fourier features (Rahimi & Recht 2007) find what is neither linear nor a square: steps, interactions.
    waves = most - simple.shape[1]
    frequencies = rng.normal(size=(inputs.shape[1], waves)) / math.sqrt(inputs.shape[1])
    phases = rng.uniform(0, 2 * np.pi, waves)
    return _orthonormal(np.concatenate([simple, np.cos(inputs @ frequencies + phases)], axis=1)), _orthonormal(simple)


def _orthonormal(functions: Floats) -> Floats:
    left, sizes, _ = np.linalg.svd(functions - functions.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, sizes > 1e-6 * max(sizes[0], 1e-300)])


def _unit_length(columns: Floats) -> Floats:
    centred = columns - columns.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    varies = length > 1e-6 * np.linalg.norm(columns, axis=0)
    return np.divide(centred, length, out=np.zeros_like(centred), where=varies)
