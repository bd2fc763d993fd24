"""What every likelihood is: raw network outputs in, a Pyro distribution over one observation out."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints

__all__ = ["Likelihood", "UnitParameter", "first_index"]


# What a class must set, and how that looks.
_REQUIRED = {"support": "support = constraints.positive", "discrete": "discrete = False"}


class Likelihood(nn.Module):
    r"""Map raw, unconstrained network outputs to the distribution of one observation.

    A likelihood owns the link functions, the number of raw outputs and the equation of its cost. To write one:

    1. call ``super().__init__(n_units, num_outputs)``; learned parameters are ``nn.Parameter`` s on an unbounded scale;
    2. ``forward(raw)`` turns ``raw`` ``[..., T, num_outputs]`` into a distribution with batch shape ``[..., T, N]``
       or, for units that depend on each other (``event_dim = 1``), batch shape ``[..., T]`` and event shape ``[N]``;
       posterior draws arrive as extra leading dimensions, so index from the right;
    3. set ``site``, ``support``, ``discrete``, ``equation`` (the cost of one observation, in LaTeX, with ``k`` or ``y`` for
       the observation) and ``symbols`` (each other symbol of the equation → the distribution's attribute that holds it);
    4. say in ``initial_raw(mean, variance)`` which raw outputs describe data with these moments.

    A complete example::

        import pyro
        from torch.distributions import constraints
        from probcost.likelihoods import Likelihood

        class Exponential(Likelihood):
            site = "wait"
            discrete = False
            support = constraints.nonnegative
            equation = r"y \lambda - \log \lambda"
            symbols = {r"\lambda": "rate"}

            def __init__(self, n_units: int) -> None:
                super().__init__(n_units, num_outputs=n_units)

            def forward(self, raw):
                return pyro.distributions.Exponential(raw.exp())

            def initial_raw(self, mean, variance):
                return -mean.log()

    Shapes: ``raw`` ``[..., T, num_outputs]``, observations ``[T, N]`` with ``N = n_units`` and ``event_shape = (N,)``;
    log-probabilities ``[T, N]``, or ``[T]`` where ``event_dim`` is 1.

    Raises:
        ValueError: from ``validate(y)``, for a wrong width, NaN or infinity, or a value outside the support,
            with the first offending index and value.

    Example:
        >>> pc.likelihoods.Poisson(2).validate(torch.tensor([[1.0, -1.0]]))
        Traceback (most recent call last):
            ...
        ValueError: y[0, 1] is -1; Poisson accepts counts: whole numbers, 0 or more
    """

    site: ClassVar[str] = "y"
    unit: str = "unit"
    event_dim: int = 0
    # Whether training begins from the raw outputs that describe the data's moments; labels have none that mean anything.
    starts_at_null: ClassVar[bool] = True
    # Whether terms that are not independent are multiplied as if they were: the curvature then overstates what is known.
    composite: ClassVar[bool] = False
    discrete: ClassVar[bool]
    support: ClassVar[constraints.Constraint]
    equation: ClassVar[str]
    symbols: ClassVar[dict[str, str]]

    def __init__(self, n_units: int, num_outputs: int) -> None:
        super().__init__()
        unset = [name for name in _REQUIRED if not hasattr(type(self), name)]
        if unset:
            raise TypeError(
                f"the class {type(self).__name__} must set {' and '.join(unset)}, such as "
                f"{' and '.join(_REQUIRED[name] for name in unset)}"
            )
        if isinstance(n_units, bool) or not isinstance(n_units, int) or n_units < 1:
            raise ValueError(f"the number of units must be a positive whole number, got {n_units!r}")
        self.n_units = n_units
        self.num_outputs = num_outputs

    @property
    def event_shape(self) -> torch.Size:
        """Shape of one observation: ``(N,)``."""
        return torch.Size((self.n_units,))

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON can hold them."""
        return {"n_units": self.n_units}

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        """Take over the scale of the training observations, whose moments ``[N]`` these are; nothing to do for counts.

        Real-valued likelihoods keep it in buffers, so that raw outputs near zero and one mean typical observations in any
        unit, and costs are nonetheless those of the observations as given.
        """

    def forward(self, raw: Tensor) -> TorchDistribution:
        """Distribution of the observations given the raw outputs ``[..., T, num_outputs]``."""
        raise TypeError(f"{type(self).__name__} must define forward(raw) -> distribution")

    def mean_first(self, raw: Tensor) -> TorchDistribution | None:
        """The same with each unit's own scale in the data for every predicted scale: its cost trains the mean alone.

        None where no scale is predicted.
        """
        return None

    def initial_raw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Raw outputs ``[num_outputs]`` that describe observations with this mean and variance ``[N]``."""
        raise TypeError(f"{type(self).__name__} must define initial_raw(mean, variance)")

    def null(self, mean: Tensor, variance: Tensor) -> TorchDistribution:
        """The null model: what would be predicted for every row if only each unit's mean and variance were known."""
        return self(self.initial_raw(mean, variance))

    def scores(self, raw: Tensor, y: Tensor, n: int) -> Tensor:
        """∂ log p/∂ raw, ``[n, T, num_outputs]``, of n sets of observations drawn from the model at these raw outputs.

        Their second moments are its Fisher information. ``y`` are the observations themselves, for likelihoods of comparisons
        that these make.
        """
        raw = raw.detach().expand(n, *raw.shape).clone().requires_grad_()
        believed = self(raw)
        with torch.no_grad():
            drawn = believed.sample()
        (scores,) = torch.autograd.grad(believed.log_prob(drawn).sum(), raw)
        return scores

    def batches(self, y: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
        """Row numbers of each step of one epoch over observations ``y`` ``[T, N]``: every row once, in random order."""
        # Of nearly equal size: a last batch of a few rows would be a noisy step, and breaks batch norms.
        return list(torch.randperm(len(y), generator=generator).tensor_split(math.ceil(len(y) / size)))

    def groups(self, y: Tensor) -> Tensor | None:
        """A label for each row where the observations themselves say which rows must be held out together; else None."""
        return None

    def validate(self, y: Tensor) -> None:
        """Raise a ``ValueError`` that names the first observation this likelihood cannot have produced."""
        if y.ndim != 2 or y.shape[-1] != self.n_units:
            raise ValueError(
                f"y has shape {list(y.shape)}; {type(self).__name__} describes {self.n_units} {self.unit}(s) "
                f"and accepts [T, {self.n_units}]"
            )
        bad = first_index(~torch.isfinite(y))
        if bad is not None:
            raise ValueError(f"y[{bad}] is {_value(y, bad)}; observations must be finite numbers")
        bad = first_index(~self.support.check(y))
        if bad is not None:
            raise ValueError(f"y[{bad}] is {_value(y, bad)}; {type(self).__name__} accepts {describe(self.support)}")

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.config.items())


class UnitParameter(nn.Module):
    """One more parameter of the distribution, unconstrained: learned per unit, learned and shared, or predicted.

    Shapes: ``forward(raw)`` takes this parameter's own raw outputs ``[..., T, num_outputs]`` and returns something that
    broadcasts against ``[..., T, N]``. ``num_outputs`` is ``N`` when the network predicts it, else 0.

    Raises:
        ValueError: for a mode other than ``"per_unit"``, ``"shared"``, ``"predicted"``.
    """

    MODES: ClassVar[tuple[str, ...]] = ("per_unit", "shared", "predicted")

    def __init__(self, n_units: int, mode: str, initial: float, *, name: str) -> None:
        super().__init__()
        if mode not in self.MODES:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, self.MODES))}, got {mode!r}")
        self.mode = mode
        self.initial = initial
        self.num_outputs = n_units if mode == "predicted" else 0
        if mode != "predicted":
            self.value = nn.Parameter(torch.full((n_units if mode == "per_unit" else 1,), initial))

    def forward(self, raw: Tensor) -> Tensor:
        # The network's own output starts near zero, so the offset makes every mode start from the same belief.
        return raw + self.initial if self.mode == "predicted" else self.value


def first_index(bad: Tensor) -> str | None:
    """The first true entry, as one writes it between brackets: ``"17, 3"``; None when there is none."""
    if not bool(bad.any()):
        return None
    return ", ".join(str(int(i)) for i in torch.nonzero(bad)[0])


def _value(y: Tensor, index: str) -> str:
    return f"{y[tuple(int(i) for i in index.split(', '))].item():g}"


def describe(support: constraints.Constraint) -> str:
    """The support in words, for error messages."""
    if support is constraints.nonnegative_integer:
        return "counts: whole numbers, 0 or more"
    if isinstance(support, (constraints.greater_than, constraints.greater_than_eq)):
        return f"numbers {'above' if isinstance(support, constraints.greater_than) else 'of at least'} {support.lower_bound:g}"
    if isinstance(support, constraints.interval):
        return f"numbers from {support.lower_bound:g} to {support.upper_bound:g}"
    if support is constraints.boolean:
        return "0 and 1"
    return str(support)
