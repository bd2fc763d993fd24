"""How unsure, and why: what more data could teach (epistemic), and what it could not (aleatoric)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Uncertainty"]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    r"""Predictive uncertainty of every row, taken apart over posterior draws or ensemble members θ_s.

    .. math::
        \operatorname{Var}[y] &= E_s \operatorname{Var}[y \mid \theta_s] + \operatorname{Var}_s E[y \mid \theta_s] \\
        H[p(y)] &= E_s H[p(y \mid \theta_s)] + I[y; \theta]

    Total, aleatoric, epistemic: the law of total variance, and the mutual information of observation and parameters.

    Attributes:
        aleatoric_variance, epistemic_variance: ``[T, N]``, in the observation's units squared; infinite or NaN where a
            distribution has no variance.
        total_entropy, aleatoric_entropy: ``[T, N]`` (``[T]`` where an observation is one vector), nats; of continuous
            observations the differential entropy, in their units. Their difference is the mutual information.
        entropy_error: Monte Carlo standard error of the mutual information, of the same shape.

    Source: Depeweg et al., "Decomposition of uncertainty in Bayesian deep learning", 2018, https://arxiv.org/abs/1710.07283.
    """

    aleatoric_variance: Tensor
    epistemic_variance: Tensor
    total_entropy: Tensor
    aleatoric_entropy: Tensor
    entropy_error: Tensor

    @property
    def total_variance(self) -> Tensor:
        """Variance of the predictive distribution, ``[T, N]``."""
        return self.aleatoric_variance + self.epistemic_variance

    @property
    def mutual_information(self) -> Tensor:
        """What an observation here would tell about the parameters: the epistemic part of the entropy, nats, at least 0."""
        return (self.total_entropy - self.aleatoric_entropy).clamp_min(0)

    def __repr__(self) -> str:
        if bool((self.epistemic_variance == 0).all()) and bool((self.mutual_information == 0).all()):
            return (
                f"Uncertainty of {len(self.total_entropy):,} rows: 0.0 % of the variance is epistemic, since a point estimate "
                "knows of no such part; method='ensemble', 'laplace', 'svi' or 'nuts' does"
            )
        share = (self.epistemic_variance / self.total_variance).nanmean()
        return (
            f"Uncertainty of {len(self.total_entropy):,} rows: {100 * share:.1f} % of the variance is epistemic on average; "
            f"mutual information {self.mutual_information.mean():.3g} nats"
        )
