"""Fits beside each other: their scores, how far each is behind the best, how sure that is, and whether each is calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probcost.checks.leave_one_out import LeaveOneOut
from probcost.checks.result import Check

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Compared", "Comparison"]

_LEVEL, _ERRORS = 0.05, 2.0


@dataclass(frozen=True, eq=False)
class Compared:
    """One fit, or the null model.

    Attributes:
        name: as it was given.
        elpd: sum of log p over all rows, nats; minus infinity where an observation is held impossible.
        mean: the same for each observation.
        difference: ``mean`` less the best fit's: 0 or below, but for the null model, which may be above; minus infinity of
            what is infinitely worse.
        error: standard error of the difference, by rows, blocks of time or groups; 0 where it is infinite.
        p_value: of no difference to the best fit, two-sided; of fits, corrected for all pairs of them (Holm).
        check: is it calibrated on these rows? None of the null model.
        impossible: the first observation it holds impossible, such as ``"y[3, 1]"``; None where there is none.
        loo: its leave-one-out scores, where these were compared.
    """

    name: str
    elpd: float
    mean: float
    difference: float
    error: float
    p_value: float
    check: Check | None
    impossible: str | None = None
    loo: LeaveOneOut | None = None

    @property
    def differs(self) -> bool:
        """Whether the difference to the best is more than two standard errors, and its p-value below 5 %."""
        return abs(self.difference) > _ERRORS * self.error and self.p_value < _LEVEL

    @property
    def coverage(self) -> float | None:
        """Share of observations within the central 90 % interval, or, of vectors, the densest 90 % region."""
        return None if self.check is None else self._line("90 %")

    @property
    def pit_distance(self) -> float | None:
        """Kolmogorov's distance of the PIT, or of the regions' contents, from uniform."""
        return None if self.check is None else self.check.lines[0].statistic

    @property
    def rejected(self) -> tuple[str, ...]:
        """Names of the check's lines that the data reject."""
        return () if self.check is None else tuple(line.name for line in self.check.rejected)

    def _line(self, begins: str) -> float:
        assert self.check is not None
        return next(line.statistic for line in self.check.lines if line.name.startswith(begins))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Which fit predicts best, by how much, and how sure that is; prints itself.

    Attributes:
        fits: best first.
        null: the reference: what each unit's mean and variance in training say of every row. None where there is none.
        shape: (T, N) of the observations.
        each: what a mean is taken over, in words: ``"observation"``, or ``"row"`` where a fit describes whole vectors.
        error_from: what the standard errors take as independent, in words.
        by_loo: whether the rows were seen in training, and left out one by one.
    """

    fits: tuple[Compared, ...]
    null: Compared | None
    shape: tuple[int, int]
    each: str
    error_from: str
    by_loo: bool = False

    @property
    def best(self) -> str:
        """Name of the fit with the highest score; whether by more than chance is for `verdict` to say."""
        return self.fits[0].name

    @property
    def ranking(self) -> tuple[str, ...]:
        """Names of the fits, best first."""
        return tuple(fit.name for fit in self.fits)

    @property
    def tied(self) -> tuple[str, ...]:
        """The best, and those that cannot be told from it."""
        return (self.best, *(fit.name for fit in self.fits[1:] if not fit.differs))

    @property
    def short_of_sure(self) -> tuple[str, ...]:
        """Those beyond two standard errors of the best that cannot be told from it once p is corrected for all pairs."""
        return tuple(fit.name for fit in self.fits[1:] if abs(fit.difference) > _ERRORS * fit.error and not fit.differs)

    @property
    def rows(self) -> tuple[Compared, ...]:
        """The fits, and the null model after the last fit that scores higher."""
        if self.null is None:
            return self.fits
        null = self.null
        above = [fit for fit in self.fits if fit.mean > null.mean]
        return (*above, null, *self.fits[len(above) :])

    @property
    def verdict(self) -> str:
        """The ranking in plain words."""
        from probcost.checks.comparison_words import in_words

        return " ".join(in_words(self))

    def to_frame(self) -> pd.DataFrame:
        """One row a fit, best first, and one for the null model; indexed by name."""
        import pandas as pd

        from probcost.checks.comparison_table import columns

        return pd.DataFrame([columns(row) for row in self.rows]).set_index("name")

    def plot(self) -> Figure:
        """Differences to the best with two standard errors either side; the marker says whether a fit is calibrated."""
        from probcost.checks.comparison_plots import plot_comparison

        return plot_comparison(self)

    def __str__(self) -> str:
        from probcost.checks.comparison_table import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from probcost.checks.comparison_table import as_html

        return as_html(self)
