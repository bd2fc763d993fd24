"""What a check found: one line a belief, one verdict over all, and the numbers of every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from probcost.checks import table
from probcost.checks.evidence import Floats
from probcost.checks.headline import Headline
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
        p_value: uniform under the model; 1 where it could not be judged.
        verdict: in words.
        design_effect: how many times fewer independent observations those tested were worth; 1 where none were found to
            depend on each other.
        judged: whether these data could say anything of it; where not, the verdict says why.
    """

    name: str
    belief: str
    statistic: float
    expected: float
    p_value: float
    verdict: str
    design_effect: float = 1.0
    judged: bool = True


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
        pit_effect, reach_effect: how many times fewer independent observations the PITs, and the intervals (regions) that
            just hold y, are worth where rows or units were found to depend on each other; else 1.
        group_columns: the same as ``unit_columns``, of groups; ``by_group`` is a data frame. None without groups.
        scores: log score, CRPS or energy score, and sharpness, beside what the model expects of them; not tests.
    """

    lines: tuple[Line, ...]
    unit_columns: Mapping[str, Sequence[Any] | Floats]
    pit: Floats
    level: float
    discrete: bool
    region: Floats | None = None
    pit_effect: float = 1.0
    reach_effect: float = 1.0
    group_columns: Mapping[str, Sequence[Any] | Floats] | None = None
    scores: Headline | None = None

    @property
    def ok(self) -> bool:
        """Whether no belief is rejected at ``level``, corrected for the number of lines judged (Holm).

        True as well where none could be judged: `not_judged` then says why.
        """
        return not self.rejected

    @property
    def judged(self) -> tuple[Line, ...]:
        """The lines that these data could say anything of; only they are counted."""
        return tuple(line for line in self.lines if line.judged)

    @property
    def not_judged(self) -> str:
        """Why no line could be judged, in words; empty where one could."""
        return "" if self.judged else "; ".join(dict.fromkeys(line.verdict for line in self.lines))

    @property
    def looked_at(self) -> str:
        """How much of what, in words."""
        rows, units = self.pit.shape
        if self.region is not None:
            return f"{rows:,} vectors of {units:,} units"
        return f"{rows:,} × {units:,} {'counts' if self.discrete else 'observations'}"

    @property
    def rejected(self) -> tuple[Line, ...]:
        """The lines that are rejected at ``level`` after the correction."""
        return tuple(line for line, p in zip(self.lines, self.corrected, strict=True) if p < self.level)

    @cached_property
    def corrected(self) -> Floats:
        """Holm's corrected p-values, one for each line."""
        return holm([line.p_value for line in self.lines], [line.judged for line in self.lines])

    def to_frame(self) -> pd.DataFrame:
        """One row a line, indexed by its name; ``p_corrected`` is what ``ok`` goes by."""
        import pandas as pd

        columns = ["name", "belief", "statistic", "expected", "p_value", "design_effect", "verdict"]
        frame = pd.DataFrame([vars(line) for line in self.lines], columns=columns).set_index("name")
        frame.insert(4, "p_corrected", self.corrected)
        return frame

    @property
    def units(self) -> pd.DataFrame:
        """One row a unit, indexed by its name."""
        import pandas as pd

        return pd.DataFrame(dict(self.unit_columns)).set_index("unit")

    @property
    def by_group(self) -> pd.DataFrame:
        """One row a group, indexed by its label.

        Raises:
            ValueError: for a check without groups.
        """
        import pandas as pd

        if self.group_columns is None:
            raise ValueError("this check knows no groups; give it one label a row: check(fit, x, y, groups=labels)")
        return pd.DataFrame(dict(self.group_columns)).set_index("group")

    def plot(self) -> Figure:
        """PITs (of vectors, regions), their distance from uniform, coverage, each unit's spread, each group's bias."""
        from probcost.checks.plots import plot_check

        return plot_check(self)

    def __str__(self) -> str:
        return table.as_text(self)

    def __repr__(self) -> str:
        return table.as_text(self)

    def _repr_html_(self) -> str:
        return table.as_html(self)
