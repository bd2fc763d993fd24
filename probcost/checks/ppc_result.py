"""What posterior predictive checks found: a line a statistic, the numbers of every unit, and replicates for ArviZ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from probcost.checks.evidence import Floats
from probcost.checks.ppc_lines import PredictiveLine

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["PredictiveCheck"]


@dataclass(frozen=True, eq=False, repr=False)
class PredictiveCheck:
    """Statistics of the data beside those of replicated data sets; prints itself.

    Attributes:
        lines: one a statistic.
        observed: statistic → its value ``[N]`` of every unit, or ``[]`` of all together.
        replicated: statistic → the same of every replicated data set, ``[n, N]`` or ``[n]``.
        unit_p_values: statistic → p-values ``[N]``, uniform under the model, uncorrected.
        unit_names: N names.
        level: a true model fails the whole check at most this often.
        y: observations ``[T, N]``.
        replicates: a few of the replicated data sets, ``[K, T, N]``, for ArviZ.
        site, unit: names of what is observed and of one of its columns.
        discrete, ordered: whether observations are counts, and rows follow each other in time.
    """

    lines: tuple[PredictiveLine, ...]
    observed: Mapping[str, Floats]
    replicated: Mapping[str, Floats]
    unit_p_values: Mapping[str, Floats]
    unit_names: Sequence[str]
    level: float
    y: Floats
    replicates: NDArray[Any]
    site: str
    unit: str
    discrete: bool
    ordered: bool

    @property
    def n(self) -> int:
        """How many data sets were replicated."""
        return len(next(iter(self.replicated.values())))

    @property
    def rejected(self) -> tuple[PredictiveLine, ...]:
        """The statistics that the model does not make, corrected for their number (Holm)."""
        return tuple(line for line in self.lines if line.p_corrected < self.level)

    @property
    def ok(self) -> bool:
        """Whether no statistic is rejected at ``level`` after the correction."""
        return not self.rejected

    def to_frame(self) -> pd.DataFrame:
        """One row a statistic, indexed by its name; ``p_corrected`` is what ``ok`` goes by."""
        import pandas as pd

        return pd.DataFrame([asdict(line) for line in self.lines]).set_index("name")

    @property
    def units(self) -> pd.DataFrame:
        """One row a unit; for each statistic that has a value of every unit: observed, expected and p-value."""
        import pandas as pd

        columns: dict[tuple[str, str], Floats] = {}
        for name, p_value in self.unit_p_values.items():
            columns[name, "observed"] = self.observed[name]
            columns[name, "expected"] = self.replicated[name].mean(axis=0)
            columns[name, "p_value"] = p_value
        index = pd.Index(self.unit_names, name="unit")
        names = pd.MultiIndex.from_tuples(columns, names=["statistic", ""]) if columns else None
        return pd.DataFrame(np.stack(list(columns.values()), axis=1) if columns else None, index=index, columns=names)

    def plot(self) -> Figure:
        """One panel a statistic: its histogram over replicated data sets, and the data as a line."""
        from probcost.checks.ppc_plots import plot_ppc

        return plot_ppc(self)

    def to_arviz(self) -> Any:
        """Data and replicates as an InferenceData (ArviZ 0.23) or a DataTree (1.x), for its own predictive plots."""
        from probcost.arviz_bridge import to_arviz

        return to_arviz(
            site=self.site,
            observed=self.y,
            dims=("time" if self.ordered else "row", self.unit),
            discrete=self.discrete,
            coords={self.unit: list(self.unit_names)},
            posterior_predictive={self.site: self.replicates[None]},
            attrs={"inference_library": "probcost"},
        )

    def __str__(self) -> str:
        from probcost.checks.ppc_table import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from probcost.checks.ppc_table import as_html

        return as_html(self)
