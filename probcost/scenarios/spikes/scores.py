"""The field's own scores of predicted rates: pseudo-R², bits per spike, log-likelihood, all under Poisson counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probcost.scenarios.spikes.recording import as_counts

__all__ = ["bits_per_spike", "bits_per_spike_per_neuron", "log_likelihood_per_bin", "pseudo_r2"]


def pseudo_r2(counts: ArrayLike, rate: ArrayLike, null_rate: ArrayLike) -> NDArray[np.float64]:
    r"""McFadden's pseudo-R² of each neuron: the share of the null model's deviance that the rates explain.

    .. math:: R^2_i = 1 - \frac{L_S - L_1}{L_S - L_0}, \qquad
        L_1 = \sum_t k_{ti} \log \lambda_{ti} - \lambda_{ti}

    with ``L_0`` the same of the constant null rate and ``L_S`` that of the saturated model (λ = k; 0 log 0 = 0,
    nothing is added inside a logarithm). 1 is perfect, 0 no better than the null rate, negative worse. It is defined
    for a neuron without a spike; where the null rate is itself perfect (every count equals it) it is NaN, and where a
    spike fell in a bin of rate 0 it is −∞.

    Cameron & Windmeijer, "An R-squared measure of goodness of fit for some common nonlinear regression models", 1997,
    https://doi.org/10.1016/S0304-4076(96)01818-0.

    Args:
        counts: spikes ``[T, N]``.
        rate: predicted expected counts per bin ``[T, N]``.
        null_rate: each neuron's mean count per bin in training ``[N]``.

    Returns:
        ``[N]``.

    Raises:
        ValueError: for shapes that differ, counts that are none, rates that are negative or not finite, or a null rate
            of 0 for a neuron that spikes.

    Example:
        >>> counts = [[0], [2], [1], [5]]
        >>> pseudo_r2(counts, rate=counts, null_rate=[2.0]), pseudo_r2(counts, rate=[[2.0]] * 4, null_rate=[2.0])
        (array([1.]), array([0.]))
    """
    k, model, null = _checked(counts, rate, null_rate)
    saturated = _log_likelihood(k, k.astype(np.float64)).sum(0)
    unexplained = saturated - _log_likelihood(k, model).sum(0)
    null_deviance = saturated - _log_likelihood(k, null).sum(0)
    share = np.full(len(saturated), np.nan)
    return 1 - np.divide(unexplained, null_deviance, out=share, where=null_deviance > 0)


def bits_per_spike(counts: ArrayLike, rate: ArrayLike, null_rate: ArrayLike) -> float:
    r"""Information the rates give about each spike beyond the null rates, pooled over neurons.

    .. math:: \frac{L_1 - L_0}{\log 2 \, \sum_{ti} k_{ti}}

    with L₁ and L₀ the summed Poisson log-likelihoods (see `pseudo_r2`). NaN when no neuron spikes.

    Pillow et al., "Spatio-temporal correlations and visual signalling in a complete neuronal population", 2008,
    https://doi.org/10.1038/nature07140.

    Args and errors: as for `pseudo_r2`.

    Example:
        >>> round(bits_per_spike([[0], [2]], rate=[[0.5], [1.5]], null_rate=[1.0]), 3)  # log₂ 1.5
        0.585
    """
    gain, spikes = _gain(counts, rate, null_rate)
    return float(gain.sum() / spikes.sum()) if spikes.sum() else float("nan")


def bits_per_spike_per_neuron(counts: ArrayLike, rate: ArrayLike, null_rate: ArrayLike) -> NDArray[np.float64]:
    """`bits_per_spike` of each neuron ``[N]``; NaN for a neuron without a spike.

    Example:
        >>> bits_per_spike_per_neuron([[0, 1], [2, 1]], rate=[[0.5, 1.0], [1.5, 1.0]], null_rate=[1.0, 1.0]).round(3)
        array([0.585, 0.   ])
    """
    gain, spikes = _gain(counts, rate, null_rate)
    return np.divide(gain, spikes, out=np.full(len(gain), np.nan), where=spikes > 0)


def log_likelihood_per_bin(counts: ArrayLike, rate: ArrayLike) -> float:
    r"""Mean Poisson log-likelihood per bin and neuron, in nats, fully normalised.

    .. math:: \frac{1}{T N} \sum_{ti} k_{ti} \log \lambda_{ti} - \lambda_{ti} - \log k_{ti}!

    Args:
        counts: spikes ``[T, N]``.
        rate: expected counts per bin ``[T, N]``, or ``[N]`` for constant rates.

    Raises:
        ValueError: as `pseudo_r2` does.

    Example:
        >>> round(log_likelihood_per_bin([[0], [0]], rate=[0.35]), 2)
        -0.35
    """
    k, model, _ = _checked(counts, rate, np.ones(np.shape(counts)[-1]))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, k.max() + 1)))])
    return float((_log_likelihood(k, model) - log_factorial[k]).mean())


def _gain(counts: ArrayLike, rate: ArrayLike, null_rate: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each neuron's log-likelihood beyond the null model's, in bits, and its number of spikes."""
    k, model, null = _checked(counts, rate, null_rate)
    return (_log_likelihood(k, model) - _log_likelihood(k, null)).sum(0) / np.log(2), k.sum(0)


def _log_likelihood(k: NDArray[np.int64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """k log λ − λ, with 0 log 0 = 0; −log k! cancels in every ratio."""
    with np.errstate(divide="ignore"):
        return k * np.log(np.where(k > 0, rate, 1.0)) - rate


def _checked(
    counts: ArrayLike, rate: ArrayLike, null_rate: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    k = as_counts(counts)
    model, null = np.asarray(rate, dtype=np.float64), np.asarray(null_rate, dtype=np.float64)
    if model.shape not in (k.shape, k.shape[1:]):
        raise ValueError(f"counts has shape {list(k.shape)} and rate has {list(model.shape)}; they must be equal")
    if null.shape != k.shape[1:]:
        raise ValueError(f"null_rate has shape {list(null.shape)}; one rate per neuron is needed, [{k.shape[1]}]")
    for name, value in (("rate", model), ("null_rate", null)):
        wrong = ~(np.isfinite(value) & (value >= 0))
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0].tolist())
            raise ValueError(f"{name}[{', '.join(map(str, place))}] is {value[place]}; rates are finite, 0 or more")
    impossible = (null == 0) & (k.sum(0) > 0)
    if impossible.any():
        raise ValueError(f"null_rate[{impossible.argmax()}] is 0, but that neuron spikes: no comparison is possible")
    return k, np.broadcast_to(model, k.shape), null
