"""The cost model: prior + network + likelihood as one Pyro model, and the cost read off the same parts directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import pyro
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor, nn
from torch.func import functional_call

from probcost.batched import batched_call
from probcost.likelihoods import Likelihood
from probcost.priors import Prior

__all__ = ["CostFunction", "CostModel", "cost"]


class CostModel(nn.Module):
    r"""What you believe about your data: a prior over parameters θ, a network, and a likelihood of its raw outputs.

    .. math:: \text{cost}(\theta) = -\frac{T}{B} \sum_{t \in \text{batch}} \log p(y_t \mid x_t, \theta) - \log p(\theta)

    Calling it runs an ordinary Pyro model: one sample site per parameter that has a prior, named as in
    ``model.named_parameters()``; a plate ``"data"`` over rows, a plate over units, and one observed site named by the
    likelihood. Parameters without a prior stay ``nn.Parameter`` s. Nothing touches Pyro's global parameter store.

    Args:
        network: any module, inputs ``[T, ...]`` → raw outputs ``[T, likelihood.num_outputs]``.
        likelihood: raw outputs → distribution of one observation.
        prior: belief about the parameters; None for maximum likelihood.
        ordered: rows are consecutive in time, so held-out rows must be whole stretches of it.
        drifting: each unit's baseline wanders slowly, and predictions are for rows after the training rows: they start
            from where the baseline stood at their end.

    Example:
        >>> model = CostModel(nn.Linear(3, 2), pc.likelihoods.Poisson(2), prior=pc.priors.Normal(1.0))
        >>> x, y = torch.zeros(5, 3), torch.ones(5, 2)
        >>> cost(model, x, y).ndim
        0
    """

    baseline: Tensor | None
    # Inputs are all of one kind, as pixels are, and keep their relations: one mean and one scale serve for all of them.
    one_scale: ClassVar[bool] = False
    # The class of its fits, where they do more than predict; None for `Fit` itself.
    fit_class: ClassVar[type | None] = None
    # What `fit` does unless told otherwise, where this model has settings of its own: epochs, batch_size, lr.
    fit_defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        network: nn.Module,
        likelihood: Likelihood,
        prior: Prior | None = None,
        *,
        ordered: bool = False,
        drifting: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"network must be a torch.nn.Module, got {type(network).__name__}")
        if not isinstance(likelihood, Likelihood):
            raise TypeError(
                f"likelihood must be a probcost likelihood, such as pc.likelihoods.Poisson(3), got {likelihood!r}"
            )
        if prior is not None and not isinstance(prior, Prior):
            raise TypeError(f"prior must be None or such as pc.priors.Normal(1.0), got {prior!r}")
        self.standardize: nn.Module = nn.Identity()
        self.network = network
        self.likelihood = likelihood
        self.prior = prior
        if drifting and not ordered:
            raise ValueError("drifting=True is a belief about time: it needs ordered=True, rows consecutive in time")
        self.ordered = ordered
        self.drifting = drifting
        # None until `fit` finds that the units' baselines have drifted: a shift of the raw outputs, not a parameter.
        self.register_buffer("baseline", None)

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments beside network, likelihood and prior, as JSON can hold them."""
        return {"ordered": self.ordered, "drifting": self.drifting}

    def forward(self, x: Tensor, y: Tensor | None = None, *, num_data: int | None = None) -> Tensor:
        """Run the Pyro model on rows ``x`` ``[B, ...]`` of a data set of ``num_data`` rows (default: B itself)."""
        if y is not None:
            _one_to_a_row(x, y, self.likelihood)
        weights = self.sample_weights()
        with self.data_plate(len(x), num_data), self.unit_plate():
            return pyro.sample(self.likelihood.site, self.distribution(x, weights), obs=y)

    def sample_weights(self) -> dict[str, Tensor]:
        """A Pyro sample site for every parameter that has a prior; ``{}`` when none has."""
        beliefs = {name: self.belief(parameter) for name, parameter in self.named_parameters()}
        return {name: pyro.sample(name, belief) for name, belief in beliefs.items() if belief is not None}

    def data_plate(self, batch: int, num_data: int | None = None) -> pyro.plate:
        """The plate over rows; ``batch`` of ``num_data`` rows count for all of them."""
        # An explicit subsample: a bare subsample_size would permute the whole data set at every step.
        return pyro.plate(
            "data", size=num_data or batch, subsample=torch.arange(batch), dim=self.likelihood.event_dim - 2
        )

    def unit_plate(self) -> AbstractContextManager[Any]:
        """The plate over units that are independent given the raw outputs; none where an observation is one vector."""
        if self.likelihood.event_dim:
            return nullcontext()
        return pyro.plate(f"{self.likelihood.unit}s", self.likelihood.n_units, dim=-1)

    @property
    def takes(self) -> str:
        """What the network takes, in words that follow "cannot take x with rows of shape …"; empty where torch's own serve."""
        return ""

    def observed(self, y: Any) -> Any:
        """Observations as numbers, of what was handed to `fit` as y; as it is, for most models."""
        return y

    def settle(
        self,
        x: Tensor,
        y: Tensor,
        weights: Mapping[str, Tensor],
        parts: Sequence[tuple[Any, Any, Mapping[str, Tensor]]],
    ) -> None:
        """What is decided when training is over; nothing, for most models.

        Args:
            x, y: rows that trained the network, standardised already.
            weights: draws of what was learned, ``[S, *shape]`` by name; empty for a point.
            parts: for each network that did not meet some rows: the (x, y) it was trained on, the (x, y) it had not met, and
                its weights; empty where nothing was held out.
        """

    def network_state(self) -> dict[str, Tensor]:
        """The network's parameters and running statistics, by their names in the model."""
        state = self.network.state_dict(prefix="network.")
        return {name: value.detach().clone() for name, value in state.items() if value.is_floating_point()}

    def belief(self, parameter: Tensor) -> TorchDistribution | None:
        """The prior of one parameter, or None."""
        return None if self.prior is None else self.prior(parameter)

    def log_prior(self) -> Tensor:
        """log p(θ) at the parameters' own values, in nats."""
        total = torch.zeros((), device=next(self.parameters()).device)
        for parameter in self.parameters():
            belief = self.belief(parameter)
            if belief is not None:
                total = total + belief.log_prob(parameter)
        return total

    def distribution(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> TorchDistribution:
        """p(y | x, θ), with θ replaced by ``weights`` where given: one draw, or several along leading dimensions."""
        if not weights:
            return self.likelihood(_of_width(self.raw(x), self.likelihood))
        draws = self._without_plates(weights)
        return self.believed(self.raw(x, draws), draws)

    def distribution_of_members(self, x: Tensor, weights: Mapping[str, Tensor]) -> TorchDistribution:
        """As `distribution`, for M members, ``weights`` ``[M, *shape]``, each with rows of its own, ``x`` ``[M, T, ...]``."""
        return self.believed(self.raw_of_members(x, weights), weights)

    def raw_of_members(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Raw outputs ``[M, T, num_outputs]`` of members that each have rows of their own, ``x`` ``[M, T, ...]``."""
        return self._shifted(batched_call(self.network, _part(weights, "network."), self.standardize(x), paired=True))

    def believed(self, raw: Tensor, weights: Mapping[str, Tensor]) -> TorchDistribution:
        """The likelihood's distribution for given raw outputs, with the parameters it learns replaced by ``weights``."""
        values = _part(weights, "likelihood.")
        if values:
            own = dict(self.likelihood.named_parameters())
            # Draws of what belongs to all rows must line up with raw [..., T, N]: one singleton where the rows are.
            values = {n: v.unsqueeze(-1 - own[n].ndim) if v.ndim > own[n].ndim else v for n, v in values.items()}
        return functional_call(self.likelihood, values, (raw,)) if values else self.likelihood(raw)

    def raw(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """The network's raw outputs ``[..., T, num_outputs]`` for inputs in original units, under given weights or its own."""
        own = _part(self._without_plates(weights or {}), "network.")
        x = self.standardize(x)
        if not own:
            return self._shifted(self.network(x))
        parameters = self.network.state_dict()  # running statistics among them, where draws have their own
        leading = {value.shape[: value.ndim - parameters[name].ndim] for name, value in own.items()}
        if leading == {torch.Size()}:
            return self._shifted(functional_call(self.network, own, (x,)))
        shape = torch.broadcast_shapes(*leading)
        stacked = {
            name: value.expand(shape + parameters[name].shape).reshape(-1, *parameters[name].shape)
            for name, value in own.items()
        }
        raw = batched_call(self.network, stacked, x)
        return self._shifted(raw.reshape(shape + raw.shape[1:]))

    def _shifted(self, raw: Tensor) -> Tensor:
        return raw if self.baseline is None else raw + self.baseline

    def _without_plates(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Drop the plate dimensions that Pyro's vectorised handlers insert before a global parameter."""
        own, plates = self.state_dict(), 2 - self.likelihood.event_dim
        draws = {}
        for name, value in weights.items():
            leading, shape = value.shape[: value.ndim - own[name].ndim], own[name].shape
            if len(leading) > plates and leading[-plates:] == (1,) * plates:
                leading = leading[:-plates]
            draws[name] = value.reshape(leading + shape)
        return draws

    def __repr__(self) -> str:
        learned = sum(p.numel() for p in self.parameters())
        kind = type(self.likelihood).__name__
        return (
            f"{type(self).__name__}: {self.likelihood.n_units} {self.likelihood.unit}s, {kind} likelihood, "
            f"prior {self.prior}, {learned:,} parameters\n{super().__repr__()}"
        )


def cost(model: CostModel, x: Tensor, y: Tensor, *, num_data: int | None = None) -> Tensor:
    r"""−log p(y | x, θ) − log p(θ), in nats: minus the Pyro trace's ``log_prob_sum``, without the handlers.

    Args:
        x, y: rows ``[B, ...]`` and ``[B, N]`` of a data set of ``num_data`` rows; the batch then counts for all of them.

    Returns:
        A differentiable scalar.

    Raises:
        ValueError: when x and y differ in length, or y is not ``[B, N]``.

    Example:
        >>> model = CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> x, y = torch.ones(4, 1), torch.ones(4, 1)
        >>> batch, whole = cost(model, x, y), cost(model, x, y, num_data=400)  # as if there were a hundred such batches
        >>> torch.allclose(whole, 100 * batch)
        True
    """
    _one_to_a_row(x, y, model.likelihood)
    weight = 1.0 if num_data is None else num_data / len(x)
    log_likelihood = model.distribution(x).log_prob(y).sum()
    negative = -weight * log_likelihood
    return negative if model.prior is None else negative - model.log_prior()


class CostFunction(nn.Module):
    """A likelihood as a torch loss: ``loss(raw, y)``, to put where ``nn.PoissonNLLLoss`` stood.

    Full and normalised: ``CostFunction(Poisson(n))`` equals ``PoissonNLLLoss(log_input=True)`` plus log k!, so values
    compare across likelihoods. Parameters the likelihood learns are this module's: give them to the optimiser.

    Args:
        reduction: ``"mean"`` and ``"sum"`` over all entries, or ``"none"`` for ``[..., T, N]`` (``[..., T]`` of vectors).

    Raises:
        ValueError: for another reduction, or observations the likelihood cannot have produced.

    Example:
        >>> loss = CostFunction(pc.likelihoods.Poisson(2))
        >>> loss(torch.zeros(4, 2), torch.ones(4, 2))
        tensor(1.)

        Real-valued likelihoods take over the scale of y before the loop; costs stay in y's own units, and raw outputs of 0
        then mean typical observations:

        >>> y = torch.tensor([[480.0], [500.0], [520.0]])
        >>> loss = CostFunction(pc.likelihoods.Normal(1, scale="learned"))
        >>> loss.likelihood.adapt(y.mean(0), y.var(0))
        >>> loss.likelihood(torch.zeros(3, 1)).mean.flatten()
        tensor([500., 500., 500.])
    """

    def __init__(self, likelihood: Likelihood, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.likelihood = likelihood
        self.reduction = reduction

    def forward(self, raw: Tensor, y: Tensor) -> Tensor:
        self.likelihood.validate(y)
        negative = -self.likelihood(_of_width(raw, self.likelihood)).log_prob(y)
        if self.reduction == "none":
            return negative
        return negative.mean() if self.reduction == "mean" else negative.sum()


def _one_to_a_row(x: Tensor, y: Tensor, likelihood: Likelihood) -> None:
    """Raise a ``ValueError`` where y would be broadcast against the rows instead of belonging to them."""
    if len(x) != len(y):
        raise ValueError(f"x has {len(x):,} rows and y has {len(y):,}; they must be equally many")
    if y.shape != (len(x), likelihood.n_units):
        raise ValueError(f"y has shape {list(y.shape)}; {len(x):,} rows need [{len(x)}, {likelihood.n_units}]")


def _of_width(raw: Tensor, likelihood: Likelihood) -> Tensor:
    """``raw``, once it is as wide as the likelihood reads; tuples of embeddings have a width of their own."""
    if isinstance(raw, Tensor) and likelihood.num_outputs and raw.shape[-1:] != (likelihood.num_outputs,):
        raise ValueError(
            f"raw outputs have shape {list(raw.shape)}; {type(likelihood).__name__} of {likelihood.n_units} "
            f"{likelihood.unit}(s) needs [..., {likelihood.num_outputs}]"
        )
    return raw


def _part(values: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
