"""A motorcycle ride and the motor cortex of its rider, simulated: smooth parameters, smooth rates, random spikes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from probcost.scenarios.spikes.recording import SpikeRecording

__all__ = ["simulate_motorcycle"]

Array = NDArray[np.float64]

GRAVITY = 9.81  # m/s²
LONGEST_LAG = 0.25  # s from a parameter to the neuron it drives
WARM_UP = 60.0  # s ridden before the recording; it also parts the two ends of the periodic noise

UNITS = {
    "speed": "m/s",
    "acceleration": "m/s²",
    "throttle": "%",
    "front_brake": "%",
    "rear_brake": "%",
    "lean_angle": "deg",
    "yaw_rate": "deg/s",
    "steering_torque": "N m",
    "pitch": "deg",
    "engine_speed": "1/min",
    "suspension_travel": "mm",
    "slope": "deg",
}


def simulate_motorcycle(
    n_neurons: int = 40,
    duration: float = 600.0,
    noise: str = "poisson",
    seed: int = 0,
    bin_width: float = 0.05,
) -> SpikeRecording:
    r"""A ride of twelve smooth parameters, and N neurons tuned to them whose true rates are known.

    .. math:: \lambda_{ti} = r_i w \, e^{g_i(x_{t - d})} / \overline{e^{g_i}}, \qquad
        g_i = \sum_{j=1}^{2 \ldots 4} a_{ij} f_{ij}(z_{p_{ij}, t - d_{ij}})

    The ride follows a winding road: lean and yaw obey tan(lean) = speed · yaw rate / g, curves limit speed, brakes
    and throttle supply the force that speed, slope and air ask for. A neuron's log-rate adds monotone, bump-shaped and
    periodic tunings ``f`` to standardised parameters ``z`` at lags ``d`` of 0 to 250 ms; mean rates ``r`` are 2 to 20
    spikes/s. Given the rates, counts are independent with mean ``rates`` and

    ======================  ==============================================================================
    ``"poisson"``           variance equal to the mean
    ``"overdispersed"``     negative binomial, variance λ + αλ², α from 0.1 to 0.5
    ``"underdispersed"``    Conway-Maxwell-Poisson, ν from 2 to 3
    ``"zero_inflated"``     15 to 30 % of a neuron's bins lost (count 0), Poisson in the others
    ======================  ==============================================================================

    with α, ν and the share lost drawn per neuron. Spikes lie uniformly within their bins; with Poisson counts that is
    exactly an inhomogeneous Poisson process. The ride, and the tuning of the neurons, depend on ``seed`` but not on
    ``noise``.

    Args:
        n_neurons: at least 1.
        duration: seconds; rounded to whole bins, at least 2.
        noise: one of the four above.
        seed: same seed, same recording.
        bin_width: seconds.

    Returns:
        A recording with ``rates`` (true expected counts per bin) and ``spike_times``.

    Raises:
        ValueError: for an unknown noise, fewer than one neuron, or a duration or width that is not positive and finite.

    Example:
        >>> recording = simulate_motorcycle(n_neurons=3, duration=60.0, noise="overdispersed")
        >>> recording
        SpikeRecording: 3 neurons, 12 covariates, 60.0 s in 50 ms bins, mean ... spikes/bin
        >>> recording.covariate_names[:3]
        ('speed', 'acceleration', 'throttle')
    """
    if noise not in NOISES:
        raise ValueError(f"noise is {noise!r}; accepted are {', '.join(map(repr, NOISES))}")
    if n_neurons != int(n_neurons) or n_neurons < 1:
        raise ValueError(f"n_neurons is {n_neurons}, it must be a whole number of at least 1")
    if not (np.isfinite(bin_width) and bin_width > 0):
        raise ValueError(f"bin_width is {bin_width}, it must be a positive, finite number of seconds")
    if not np.isfinite(duration) or duration < 2 * bin_width:
        raise ValueError(f"duration is {duration} s; at least two bins of {bin_width} s are needed")
    for_ride, for_tuning, for_counts = np.random.default_rng(seed).spawn(3)
    n_bins, warm_up = round(duration / bin_width), round(WARM_UP / bin_width)
    ride = _ride(for_ride, warm_up + n_bins, bin_width)
    rates = _rates(for_tuning, np.stack(list(ride.values()), axis=1), int(n_neurons), bin_width)[warm_up:]
    counts = NOISES[noise](for_counts, rates)
    return SpikeRecording(
        counts=counts,
        covariates=np.stack([values[warm_up:] for values in ride.values()], axis=1),
        covariate_names=list(ride),
        bin_width=bin_width,
        units=UNITS,
        rates=rates,
        spike_times=_spike_times(for_counts, counts, bin_width),
    )


def _ride(rng: Generator, n_bins: int, dt: float) -> dict[str, Array]:
    """The parameters by name, each ``[T]``, in the order and units of ``UNITS``."""

    def wander(seconds: float) -> Array:
        return _smooth_noise(rng, n_bins, seconds / dt)

    # A road met with curves of either hand, taken at no more than about 6 m/s² sideways.
    curvature = 0.02 * wander(1.8) * np.exp(0.5 * wander(10.0))
    wanted = 17.0 + 7.0 * np.tanh(wander(4.0))
    allowed = np.sqrt(6.0 / (np.abs(curvature) + 1e-3))
    speed = _smoothed((wanted**-4 + allowed**-4) ** -0.25, 0.8 / dt)
    acceleration = np.gradient(speed, dt)
    yaw_rate = speed * curvature
    lean = np.arctan(speed * yaw_rate / GRAVITY)
    slope = np.deg2rad(3.0 * wander(8.0))

    # What the tyres must push: acceleration, climb, and drag of air and road.
    push = acceleration + GRAVITY * np.sin(slope) + 0.2 + 6e-4 * speed**2
    throttle = 12.0 * _positive(push)
    braking = _positive(-push)
    front_share = 0.7 + 0.15 * np.tanh(wander(5.0))
    # Counter-steering: pushing the right grip begins a lean to the right, so that the push leads the lean.
    lean_rate = np.gradient(lean, dt)
    torque = 18.0 * lean_rate + 8.0 * np.gradient(lean_rate, dt) + 10.0 * lean + 1.5 * wander(0.3)
    bumps = wander(0.25) * np.exp(0.4 * wander(6.0))
    degrees = 180 / np.pi
    return {
        "speed": speed,
        "acceleration": acceleration,
        "throttle": throttle,
        "front_brake": 15.0 * front_share * braking,
        "rear_brake": 15.0 * (1 - front_share) * braking,
        "lean_angle": degrees * lean,
        "yaw_rate": degrees * yaw_rate,
        "steering_torque": torque,
        "pitch": degrees * slope + 0.7 * acceleration + 0.3 * bumps,
        "engine_speed": 1200.0 + _smoothed(190.0 * speed + 45.0 * throttle, 0.3 / dt),
        "suspension_travel": 45.0 + 6.0 * braking + 50.0 * (1 / np.cos(lean) - 1) + 3.0 * bumps,
        "slope": degrees * slope,
    }


def _rates(rng: Generator, parameters: Array, n_neurons: int, dt: float) -> Array:
    """Expected counts ``[T, N]`` of neurons each tuned to two to four parameters."""
    z = (parameters - parameters.mean(0)) / parameters.std(0)
    drive = np.zeros((len(z), n_neurons))
    for i in range(n_neurons):
        for p in rng.choice(z.shape[1], size=rng.integers(2, 5), replace=False):
            lagged = np.roll(z[:, p], rng.integers(0, round(LONGEST_LAG / dt) + 1))
            preferred = rng.uniform(-1.5, 1.5)
            shape = (
                np.tanh(lagged - 0.5 * preferred),
                2 * np.exp(-0.5 * ((lagged - preferred) / 0.7) ** 2) - 1,
                np.cos(1.5 * lagged - preferred),
            )[rng.integers(3)]
            drive[:, i] += rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 0.7) * shape
    mean_rate = np.exp(rng.uniform(np.log(2.0), np.log(20.0), n_neurons))
    gain = np.exp(drive)
    return mean_rate * dt * gain / gain.mean(0)


def _poisson(rng: Generator, rates: Array) -> NDArray[np.int64]:
    return rng.poisson(rates)


def _overdispersed(rng: Generator, rates: Array) -> NDArray[np.int64]:
    dispersion = rng.uniform(0.1, 0.5, rates.shape[1])
    # A Poisson count whose rate is scaled by a gamma variable of mean 1 and variance α is negative binomial.
    return rng.poisson(rates * rng.gamma(1 / dispersion, dispersion, rates.shape))


def _zero_inflated(rng: Generator, rates: Array) -> NDArray[np.int64]:
    lost = rng.uniform(0.15, 0.30, rates.shape[1])
    return np.where(rng.random(rates.shape) < lost, 0, rng.poisson(rates / (1 - lost)))


def _underdispersed(rng: Generator, rates: Array) -> NDArray[np.int64]:
    r"""P(k) ∝ exp(k η − ν log k!), with η such that the mean is the rate.

    Shmueli et al., "A useful distribution for fitting discrete data: revival of the Conway-Maxwell-Poisson
    distribution", 2005, https://doi.org/10.1111/j.1467-9876.2005.00474.x.
    """
    counts = np.empty(rates.shape, dtype=np.int64)
    # With ν > 1 tails are thinner than Poisson's, so these terms leave out less than a double can hold.
    k = np.arange(int(rates.max() + 8 * np.sqrt(rates.max()) + 15))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(k[1:]))])
    for i in range(rates.shape[1]):
        nu = rng.uniform(2.0, 3.0)
        rate = rates[:, i]
        # The mean grows with η: invert a table of it, then one Newton step takes the error from 1e-4 to 1e-8.
        table = np.linspace(np.log(rate.min()) - 1, (nu + 1) * np.log1p(rate.max()) + 1, 300)
        eta = np.interp(np.log(rate), np.log(_probabilities(table, nu, k, log_factorial) @ k), table)
        p = _probabilities(eta, nu, k, log_factorial)
        mean = p @ k
        eta += np.log(rate / mean) * mean / (p @ k**2 - mean**2)
        cumulative = np.cumsum(_probabilities(eta, nu, k, log_factorial), axis=1)
        counts[:, i] = (rng.random(len(rate))[:, None] > cumulative[:, :-1]).sum(1)
    return counts


def _probabilities(eta: Array, nu: float, k: NDArray[np.int64], log_factorial: Array) -> Array:
    """P(k) ``[T, K]`` for each η ``[T]``."""
    weights = np.multiply.outer(eta, k)
    weights -= nu * log_factorial
    weights -= weights.max(1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(1, keepdims=True)
    return weights


NOISES: dict[str, Callable[[Generator, Array], NDArray[np.int64]]] = {
    "poisson": _poisson,
    "overdispersed": _overdispersed,
    "underdispersed": _underdispersed,
    "zero_inflated": _zero_inflated,
}


def _spike_times(rng: Generator, counts: NDArray[np.int64], dt: float) -> list[Array]:
    """Sorted times of each neuron's spikes, uniform within their bins."""
    bins = np.arange(len(counts))
    times = []
    for column in counts.T:
        # A millionth of a bin away from the edges, where rounding could carry a spike into the next bin.
        within = 1e-6 + (1 - 2e-6) * rng.random(column.sum())
        times.append(np.sort((np.repeat(bins, column) + within) * dt))
    return times


def _smooth_noise(rng: Generator, n: int, width: float) -> Array:
    """A periodic Gaussian process of variance 1 with autocorrelation exp(−(lag / width)² / 4): ``width`` in bins."""
    gain = np.exp(-2 * (np.pi * np.fft.rfftfreq(n) * width) ** 2)
    power = np.mean(np.exp(-4 * (np.pi * np.fft.fftfreq(n) * width) ** 2))
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain, n) / np.sqrt(power)


def _smoothed(values: Array, width: float) -> Array:
    """Convolved, periodically, with a Gaussian of standard deviation ``width`` bins."""
    gain = np.exp(-2 * (np.pi * np.fft.rfftfreq(len(values)) * width) ** 2)
    return np.fft.irfft(np.fft.rfft(values) * gain, len(values))


def _positive(values: Array) -> Array:
    """A smooth positive part: nobody opens a throttle in no time."""
    return 0.3 * np.logaddexp(0.0, values / 0.3)
