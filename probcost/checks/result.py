"""What a check found: one line a belief, one verdict over all, and the numbers of every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from probcost.checks import table
from probcost.checks.evidence import Floats
from probcost.checks.p_values import holm

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Check", "Line"]


@dataclass(frozen=True)
class Line:
    """One belief, tested.

    Attributes:
        name: what is looked at.
        belief: what the model holds, in words.
        statistic: what the data show.
        expected: the same under the model.
        p_value: uniform under the model.
        verdict: in words.
    """

    name: str
    belief: str
    statistic: float
    expected: float
    p_value: float
    verdict: str


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """A table of tested beliefs; prints itself.

    Attributes:
        lines: one for each belief.
        unit_columns: column name → one value for each unit; ``units`` is the same as a data frame.
        pit: randomised probability integral transforms ``[T, N]``: uniform under the model, and independent unless
            rows are whole vectors.
        level: a true model fails the whole check at most this often.
        discrete: whether observations are counts.
        region: of whole vectors, the content of the highest-density region that just holds y, ``[T]``: uniform and
            independent under the model. None for independent units.
    """

    lines: tuple[Line, ...]
    unit_columns: Mapping[str, Sequence[Any] | Floats]
    pit: Floats
    level: float
    discrete: bool
    region: Floats | None = None

    @property
    def ok(self) -> bool:
        """Whether no belief is rejected at ``level``, corrected for the number of lines (Holm)."""
        return not self.rejected

    @property
    def rejected(self) -> tuple[Line, ...]:
        """The lines that are rejected at ``level`` after the correction."""
        return tuple(line for line, p in zip(self.lines, self.corrected, strict=True) if p < self.level)

    @cached_property
    def corrected(self) -> Floats:
        """Holm's corrected p-values, one for each line."""
        return holm([line.p_value for line in self.lines])

    def to_frame(self) -> pd.DataFrame:
        """One row a line, indexed by its name; ``p_corrected`` is what ``ok`` goes by."""
        import pandas as pd

        columns = ["name", "belief", "statistic", "expected", "p_value", "verdict"]
        frame = pd.DataFrame([vars(line) for line in self.lines], columns=columns).set_index("name")
        frame.insert(4, "p_corrected", self.corrected)
        return frame

    @property
    def units(self) -> pd.DataFrame:
        """One row a unit, indexed by its name."""
        import pandas as pd

        return pd.DataFrame(dict(self.unit_columns)).set_index("unit")

    def plot(self) -> Figure:
        """Histogram of PITs (of regions, for vectors), distance from uniform, coverage, and the spread of each unit."""
        from probcost.checks.plots import plot_check

        return plot_check(self)

    def __str__(self) -> str:
        return table.as_text(self)

    def __repr__(self) -> str:
        return table.as_text(self)

    def _repr_html_(self) -> str:
        return table.as_html(self)
