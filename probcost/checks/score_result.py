"""A fit's scores: one number a question, what the model itself expects of each, and the numbers of every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from probcost.checks.evidence import Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Score", "Worst"]


class Worst(NamedTuple):
    """The observation that costs most: its row, its unit (None for whole vectors), its −log p in nats."""

    row: int
    unit: str | None
    nll: float


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    r"""Scores of T rows of N units; prints itself beside what a calibrated model of the same sharpness would show.

    "Each" is one entry ``[T, N]`` of independent units, or one row ``[T]`` of a likelihood of whole vectors. To compare
    the two, ``per_row["nll"]`` is that of whole rows for either.

    Attributes:
        nll: mean −log p(y), nats each, of observations in their original units.
        nll_error: its standard error; blocks of rows admit autocorrelation where rows are ordered in time.
        rmse: root mean square of y − mean; of vectors, of its length :math:`\|y - \mu\|`. In y's units.
        crps: mean continuous ranked probability score over all entries, in y's units.
        energy_score: mean over rows of the same for whole rows, in y's units; the CRPS if N = 1.
        coverage: nominal → observed share within central intervals, or, of vectors, within highest-density regions.
        sharpness: mean predictive standard deviation over all entries, in y's units; infinite or NaN where any is.
        worst: the observation that costs most.
        n: how many were scored: T · N, or T vectors.
        expected: ``nll``, ``rmse``, ``crps``, ``energy_score`` and ``worst`` as they would be of data the model made.
        per_row: ``nll`` (summed over units), ``error`` and ``sd`` (lengths of vectors), ``crps`` (mean over units),
            ``energy_score``; ``[T]`` each.
        content: randomised PIT ``[T, N]``, or, of vectors, content of the region that just holds y ``[T]``; uniform
            under the model.
        errors, sds: \|y − mean\| and predicted standard deviation, each.
        shape: (T, N).
        vectors: whether rows are scored as whole vectors.
        model: likelihood and method.
    """

    nll: float
    nll_error: float
    rmse: float
    crps: float
    energy_score: float
    coverage: Mapping[float, float]
    sharpness: float
    worst: Worst
    n: int
    expected: Mapping[str, float]
    per_row: Mapping[str, Floats]
    content: Floats
    errors: Floats
    sds: Floats
    shape: tuple[int, int]
    vectors: bool
    model: str

    def to_frame(self) -> pd.DataFrame:
        """One row a score, indexed by its name: found, its standard error, expected if calibrated, and its unit."""
        import pandas as pd

        from probcost.checks.score_table import entries

        return pd.DataFrame(entries(self), columns=["name", "found", "error", "if_calibrated", "unit"]).set_index(
            "name"
        )

    def plot(self) -> Figure:
        """Reliability, the PIT's or the regions' histogram, and errors against predicted standard deviations."""
        from probcost.checks.score_plots import plot_score

        return plot_score(self)

    def __str__(self) -> str:
        from probcost.checks.score_table import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from probcost.checks.score_table import as_html

        return as_html(self)
