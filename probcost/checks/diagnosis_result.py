"""What a diagnosis found: one finding an assumption, what was tried in its place, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probcost.checks import diagnosis_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from probcost.checks.evidence import Floats

__all__ = ["Diagnosis", "Finding", "Trial"]


@dataclass(frozen=True)
class Finding:
    """One assumption of the cost function, held against the data.

    Attributes:
        name: of the assumption.
        belief: what the cost function takes for granted, in words.
        statistic: what the data show.
        expected: the same under the model.
        effect: how large the deviation is, in words.
        p_value: uniform under the model; 0 or 1 of a fact, 1 where it could not be judged.
        worth: about what dropping the belief would gain, nats per observation: half of what the statistic exceeds its
            expectation by, over the number of observations.
        verdict: in words; "as expected" where the data do not deny the belief.
        advice: what to try where they do; empty otherwise.
        next: likelihoods, or other remedies, that drop this assumption; best first, empty where the belief holds.
        p_corrected: Holm's correction of ``p_value`` for the number of findings that were tested, and a quarter more (of
            comparisons, whose lines are few, no more).
        judged: whether these data could say anything of it; where not, the verdict says why.
        past: of dependence over time, how many rows it reaches back.
        fact: whether it is stated, and not tested: of what a family of likelihoods is, or an embedding does.
    """

    name: str
    belief: str
    statistic: float
    expected: float
    effect: str
    p_value: float
    worth: float
    verdict: str
    advice: str = ""
    next: tuple[Any, ...] = ()
    p_corrected: float = float("nan")
    judged: bool = True
    fact: bool = False
    past: int = 1


@dataclass(frozen=True)
class Trial:
    """Another belief, tried on the same predictions: its shape learned on half of the rows and scored on the others.

    Attributes:
        name: of the belief.
        remedy: the likelihood, or other remedy, itself.
        gain: mean log score less that of the fit's own likelihood, tried in the same way; nats per observation.
        standard_error: of ``gain``; contiguous blocks of rows are its unit.
        learned: parameters that the trial learned for each unit.
        sure: whether it gains beyond two standard errors, or in nine of the ten blocks.
    """

    name: str
    remedy: Any
    gain: float
    standard_error: float
    learned: float
    sure: bool


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """Every assumption of a cost function as a line; prints itself.

    Attributes:
        findings: one for each assumption.
        trials: other beliefs, best first; empty where nothing is denied.
        next: likelihoods (or other remedies) to try, best first: put one in place of the present likelihood and fit again.
        first: the trial that gains most, or the simplest of those that gain alike; None where none gains.
        mended: names of denied findings that ``first`` would mend by itself.
        level: a true model is denied anything at most this often.
        model: likelihood and method, in words.
        rows, units: how many were looked at.
        residuals: randomised quantile residuals ``[T, N]``: standard normal under the model; None for comparisons.
        structure: what the pictures show beside them, by name.
    """

    findings: tuple[Finding, ...]
    trials: tuple[Trial, ...]
    next: tuple[Any, ...]
    first: Trial | None
    mended: frozenset[str]
    level: float
    model: str
    rows: int
    units: int
    residuals: Floats | None
    structure: Mapping[str, Floats]

    @property
    def ok(self) -> bool:
        """Whether no assumption is denied at ``level``, corrected for their number (Holm).

        True as well where none could be tested: `not_judged` then says why.
        """
        return not self.denied

    @property
    def not_judged(self) -> str:
        """Why no assumption could be tested, in words; empty where one could."""
        tests = [finding for finding in self.findings if not finding.fact]
        judged = any(finding.judged for finding in tests)
        return "" if judged else "; ".join(dict.fromkeys(finding.verdict for finding in tests))

    @property
    def denied(self) -> tuple[Finding, ...]:
        """The findings that are denied after the correction, those that cost most first."""
        found = [finding for finding in self.findings if finding.p_corrected < self.level]
        return tuple(sorted(found, key=lambda finding: -finding.worth))

    def __getitem__(self, name: str) -> Finding:
        """The finding of that name."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"no finding {name!r}; there are {', '.join(repr(f.name) for f in self.findings)}")

    def to_frame(self) -> pd.DataFrame:
        """One row a finding, indexed by its name; ``p_corrected`` is what ``ok`` goes by."""
        import pandas as pd

        columns = [
            "name",
            "belief",
            "statistic",
            "expected",
            "effect",
            "worth",
            "p_value",
            "p_corrected",
            "verdict",
            "advice",
        ]
        rows = [[getattr(finding, column) for column in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns).set_index("name")

    def plot(self) -> Figure:
        """What was tried and what it gains, and the residuals over time, inputs and neighbours."""
        from probcost.checks.diagnosis_plots import plot_diagnosis

        return plot_diagnosis(self)

    def __str__(self) -> str:
        return diagnosis_table.as_text(self)

    def __repr__(self) -> str:
        return diagnosis_table.as_text(self)

    def _repr_html_(self) -> str:
        return diagnosis_table.as_html(self)
