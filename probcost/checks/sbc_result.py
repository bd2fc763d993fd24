"""What simulation-based calibration found: a line a quantity, and the ranks behind it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probcost.checks.evidence import Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["CalibrationLine", "SimulationBasedCalibration"]

_WIDTH = 96


@dataclass(frozen=True)
class CalibrationLine:
    """One quantity over all simulations.

    Attributes:
        name: of the quantity.
        found: share of truths within the central 90 % of the draws; of a point claim, what it says.
        expected: the same of a right posterior.
        error: standard error of ``found``.
        p_value: uniform if the method is right.
        p_corrected: the same, corrected for the number of lines (Holm).
        verdict: in words.
    """

    name: str
    found: float
    expected: float
    error: float
    p_value: float
    p_corrected: float
    verdict: str


@dataclass(frozen=True, eq=False, repr=False)
class SimulationBasedCalibration:
    """Whether an inference method recovers parameters drawn from the prior; prints itself.

    Attributes:
        lines: one a quantity.
        ranks: quantity → rank of the truth among the draws, 0 … ``draws``, of every simulation ``[n]``; empty for MAP.
        claims: of MAP, a point claim → its value in every simulation ``[n]``; else empty.
        draws: posterior draws that each truth was ranked among; 0 for MAP.
        method: of inference, in words.
        n: simulations.
        level: a right method fails the whole at most this often.
        unfinished: fits whose cost was still falling when they ended.
        warned: what fits warned of, each once, and how many of them did.
    """

    lines: tuple[CalibrationLine, ...]
    ranks: Mapping[str, NDArray[np.int64]]
    claims: Mapping[str, Floats]
    draws: int
    method: str
    n: int
    level: float
    unfinished: int = 0
    warned: Sequence[str] = ()

    @property
    def rejected(self) -> tuple[CalibrationLine, ...]:
        """Quantities that the method gets wrong, corrected for their number (Holm)."""
        return tuple(line for line in self.lines if line.p_corrected < self.level)

    @property
    def ok(self) -> bool:
        """Whether no quantity is rejected at ``level`` after the correction."""
        return not self.rejected

    @property
    def verdict(self) -> str:
        """The whole in a few words."""
        if self.unfinished:
            wrong = (
                f", which may be why {len(self.rejected)} of {len(self.lines)} quantities are off"
                if self.rejected
                else ""
            )
            return f"{self.unfinished} of {self.n} fits had not converged{wrong}"
        if self.ok:
            return "nothing speaks against it"
        return f"{len(self.rejected)} of {len(self.lines)} quantities wrong"

    def to_frame(self) -> pd.DataFrame:
        """One row a quantity, indexed by its name; ``p_corrected`` is what ``ok`` goes by."""
        import pandas as pd

        return pd.DataFrame([asdict(line) for line in self.lines]).set_index("name")

    def plot(self) -> Figure:
        """Cumulative share of the ranks less uniform, with its simultaneous band; of MAP, its claims."""
        from probcost.checks.sbc_plots import plot_sbc

        return plot_sbc(self)

    def __str__(self) -> str:
        rows = [("", "", "found", "expected", "p", "verdict"), *map(self._cells, self.lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        lines = [*textwrap.wrap(self._heading(), _WIDTH), ""]
        for mark, name, *numbers, verdict in rows:
            cells = [mark.ljust(widths[0]), name.ljust(widths[1])]
            cells += [cell.rjust(width) for cell, width in zip(numbers, widths[2:5], strict=True)]
            lines.append("  ".join([*cells, verdict]).rstrip())
        return "\n".join([*lines, "", *self._notes()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th style='text-align:left'>{cell}</th>" for cell in ("", "", "found", "expected", "p", "verdict")
        )
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in self._cells(line)) + "</tr>"
            for line in self.lines
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return (
            f"<p>{escape(self._heading())}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )

    def _heading(self) -> str:
        what = "its posterior" if self.draws else "what it claims of points"
        of = f"{self.n} simulations, {len(self.lines)} quantities tested at {100 * self.level:g} %"
        if self.unfinished:
            return f"{self.method}: {self.verdict}. Train longer (epochs=, lr=), or leave these options out ({of})."
        if self.ok:
            return f"{self.method}: nothing speaks against {what} ({of})."
        return f"{self.method}: {len(self.rejected)} of {len(self.lines)} quantities are wrong ({of})."

    def _cells(self, line: CalibrationLine) -> tuple[str, ...]:
        mark = "✗" if line.p_corrected < self.level else "~" if line.p_value < self.level else "✓"
        p = "<0.001" if line.p_value < 0.001 else f"{line.p_value:.3f}"
        found = f"{line.found:.3f} ± {line.error:.3f}"
        return mark, line.name, found, f"{line.expected:.3f}", p, line.verdict

    def _notes(self) -> list[str]:
        if self.draws:
            notes = [
                f"found: share of truths within the central 90 % of {self.draws} posterior draws; p: of all their ranks"
            ]
        else:
            notes = ["a point has no posterior to rank truths in: its claims are tested; error in predicted sds"]
        return [*notes, *self.warned]
