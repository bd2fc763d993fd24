"""Vectors whose density depends on a Mahalanobis distance alone: multivariate normal and Student's t."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from probcost.distributions._reals import HALF_LOG_2PI, full, numpy_function
from probcost.distributions._student import log_normalizer, log_tail
from probcost.distributions.scatter import Scatter

__all__ = ["Elliptical", "MultivariateNormal", "MultivariateStudentT"]


class Elliptical(TorchDistribution):
    """Vectors ``[..., d]`` around ``loc``, with the scatter matrix Σ of ``scatter``.

    Shapes: ``loc`` ``[..., d]``; log-probabilities, distances and regions ``[...]``.
    """

    support = constraints.real_vector
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {"loc": constraints.real_vector}

    def __init__(self, loc: Tensor, scatter: Scatter, *, validate_args: bool | None = False) -> None:
        self.loc = loc
        self.scatter = scatter
        shape = torch.broadcast_shapes(loc.shape[:-1], scatter.batch_shape, self._own_shape())
        super().__init__(shape, loc.shape[-1:], validate_args=validate_args)

    def _own_shape(self) -> torch.Size:
        return torch.Size()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Elliptical:
        new = self._get_checked_instance(type(self), _instance)
        new.__dict__.update({name: value for name, value in self.__dict__.items() if not name.startswith("_")})
        TorchDistribution.__init__(new, torch.Size(batch_shape), self.event_shape, validate_args=False)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), nats, ``[...]``."""
        if self._validate_args:
            self._validate_sample(value)
        squared, half_log_det = self.scatter.distance_and_half_log_det(value - self.loc)
        log_p = self._log_density(squared) - half_log_det - self.event_shape[0] * HALF_LOG_2PI
        return full(log_p, self._batch_shape)

    def mahalanobis(self, value: Tensor) -> Tensor:
        r"""Distance :math:`\sqrt{(y - \mu)^\top \Sigma^{-1} (y - \mu)}`, ``[...]``."""
        return full(self.scatter.squared_distance(value - self.loc).sqrt(), self._batch_shape)

    @abstractmethod
    def region(self, value: Tensor) -> Tensor:
        """Content of the highest-density region on whose boundary ``value`` lies, ``[...]``: uniform, exactly."""

    @abstractmethod
    def cdf(self, value: Tensor) -> Tensor:
        """P(Yᵢ ≤ valueᵢ) of each coordinate by itself, ``[..., d]``."""

    @abstractmethod
    def _log_density(self, squared: Tensor) -> Tensor:
        """log p at a squared distance, without its determinant and ½ log 2π per coordinate."""

    @property
    def mean(self) -> Tensor:
        return self.loc.expand(self._batch_shape + self._event_shape)

    @property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of Σ, ``[..., d, d]``; of the covariance too, for normal vectors."""
        factor = self.scatter.scale_tril
        return factor.expand(*self._batch_shape, *factor.shape[-2:])

    @property
    def covariance_matrix(self) -> Tensor:
        """Covariance, ``[..., d, d]``."""
        matrix = self.scatter.covariance_matrix * self._inflation().unsqueeze(-1)
        return matrix.expand(*self._batch_shape, *matrix.shape[-2:])

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance, ``[..., d]``."""
        return (self.scatter.variance * self._inflation()).expand(self._batch_shape + self._event_shape)

    def _inflation(self) -> Tensor:
        """Covariance over Σ, with a last dimension of one."""
        return self.loc.new_ones(1)

    def _marginal(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scatter.variance.sqrt()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({type(self.scatter).__name__}, {tuple(self.batch_shape)} of {self.event_shape[0]})"
        )


class MultivariateNormal(Elliptical):
    r"""Normal vectors with mean μ and covariance Σ.

    .. math:: -\log p(y) = \tfrac12 (y - \mu)^\top \Sigma^{-1} (y - \mu) + \tfrac12 \log\det\Sigma + \tfrac{d}{2} \log 2\pi

    Example:
        >>> scatter = pc.distributions.Regressions(torch.ones(2), torch.tensor([0.5]))
        >>> MultivariateNormal(torch.zeros(2), scatter).covariance_matrix
        tensor([[1.0000, 0.5000],
                [0.5000, 1.2500]])
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return self.loc + self.scatter.color(self._extended_shape(torch.Size(sample_shape)))

    def cdf(self, value: Tensor) -> Tensor:
        return full(torch.special.ndtr(self._marginal(value)), self._batch_shape + self._event_shape)

    def region(self, value: Tensor) -> Tensor:
        half = 0.5 * self.scatter.squared_distance(value - self.loc)
        return full(torch.special.gammainc(half.new_full((), 0.5 * self.event_shape[0]), half), self._batch_shape)

    def entropy(self) -> Tensor:
        """Differential entropy, nats."""
        return (self.scatter.half_log_det() + self.event_shape[0] * (0.5 + HALF_LOG_2PI)).expand(self._batch_shape)

    def _log_density(self, squared: Tensor) -> Tensor:
        return -0.5 * squared


class MultivariateStudentT(Elliptical):
    r"""Student-t vectors with ν degrees of freedom, location μ and scatter matrix Σ; normal as ν → ∞.

    .. math:: -\log p(y) = \tfrac{\nu + d}{2} \log\left(1 + \tfrac{1}{\nu} (y - \mu)^\top \Sigma^{-1} (y - \mu)\right)
        + \tfrac12 \log\det\Sigma + \log\Gamma\left(\tfrac{\nu}{2}\right) - \log\Gamma\left(\tfrac{\nu + d}{2}\right)
        + \tfrac{d}{2} \log \nu\pi

    Shapes: ``df`` ``[...]``. The covariance is Σ ν/(ν − 2): infinite for 1 < ν ≤ 2 and NaN below.

    Source: Kotz & Nadarajah, *Multivariate t Distributions and Their Applications*, 2004,
    https://doi.org/10.1017/CBO9780511550683.

    Example:
        >>> scatter = pc.distributions.LowRank(torch.ones(2), torch.tensor([[1.0], [2.0]]))
        >>> MultivariateStudentT(torch.tensor(4.0), torch.zeros(2), scatter).variance
        tensor([ 4., 10.])
    """

    has_rsample = True

    def __init__(self, df: Tensor, loc: Tensor, scatter: Scatter, *, validate_args: bool | None = False) -> None:
        self.df = df
        super().__init__(loc, scatter, validate_args=validate_args)

    def _own_shape(self) -> torch.Size:
        return self.df.shape

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(torch.Size(sample_shape))
        half = (0.5 * self.df).expand(shape[:-1])
        return self.loc + self.scatter.color(shape) * (half / torch._standard_gamma(half)).sqrt().unsqueeze(-1)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.df.unsqueeze(-1) > 1, self.loc, torch.nan).expand(self._batch_shape + self._event_shape)

    def cdf(self, value: Tensor) -> Tensor:
        from scipy import special

        below = numpy_function(special.stdtr, self.df.unsqueeze(-1), self._marginal(value))
        return full(below, self._batch_shape + self._event_shape)

    def region(self, value: Tensor) -> Tensor:
        from scipy import special

        d = self.loc.new_tensor(self.event_shape[0])
        content = numpy_function(special.fdtr, d, self.df, self.scatter.squared_distance(value - self.loc) / d)
        return full(content, self._batch_shape)

    def entropy(self) -> Tensor:
        """Differential entropy, nats."""
        d, df = self.event_shape[0], self.df.double()
        tail = 0.5 * (df + d) * (torch.digamma(0.5 * (df + d)) - torch.digamma(0.5 * df))
        own = tail + d * HALF_LOG_2PI - log_normalizer(df, d)
        return (own.to(self.df.dtype) + self.scatter.half_log_det()).expand(self._batch_shape)

    def _log_density(self, squared: Tensor) -> Tensor:
        d = self.event_shape[0]
        return log_normalizer(self.df, d) - log_tail(squared, self.df, d)

    def _inflation(self) -> Tensor:
        finite = torch.where(self.df > 2, self.df / (self.df - 2), torch.inf)
        return torch.where(self.df > 1, finite, torch.nan).unsqueeze(-1)
