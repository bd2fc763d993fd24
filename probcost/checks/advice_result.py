"""What can be said before any fit: hints, likelihoods to begin with, and questions to whoever collected the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probcost.checks.evidence import Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from probcost.likelihoods import Likelihood

__all__ = ["Advice", "Hint"]


@dataclass(frozen=True)
class Hint:
    """One thing that was seen and that a model should know of.

    Attributes:
        name: what was looked at.
        seen: what was found, in words.
        value: the number behind it.
        suggests: what follows for the model, in words.
        question: to ask whoever collected the data; empty where there is none.
    """

    name: str
    seen: str
    value: float
    suggests: str
    question: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """Advice before any fit; prints itself.

    Attributes:
        kind: what the observations are: ``"counts"``, ``"binary"``, ``"labels"``, ``"grades"``, ``"proportions"``,
            ``"positive"``, ``"reals"`` or ``"constant"``.
        findings: what was seen, one `Hint` each; none where the plainest likelihood of this kind has nothing against it.
        next: likelihoods to begin with, of the right width, best first.
        reasons: why, one for each of ``next``.
        questions: to ask whoever collected the data.
        explained: share of the variance that a quick fit predicts of rows it has not seen, ``[n]`` units looked at closely.
        shape: (T, N, columns of x).
        looked_at: (rows, units) that the quick fit looked at.
        pictures: what ``plot`` draws, by name.
    """

    kind: str
    findings: tuple[Hint, ...]
    next: tuple[Likelihood, ...]
    reasons: tuple[str, ...]
    questions: tuple[str, ...]
    explained: Floats
    shape: tuple[int, int, int]
    looked_at: tuple[int, int]
    pictures: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Hint:
        """The finding of that name."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"no finding {name!r}; there are {', '.join(repr(f.name) for f in self.findings) or 'none'}")

    def __contains__(self, name: object) -> bool:
        return any(finding.name == name for finding in self.findings)

    def to_frame(self) -> pd.DataFrame:
        """One row a finding, indexed by its name."""
        import pandas as pd

        columns = ["name", "seen", "value", "suggests", "question"]
        return pd.DataFrame([vars(finding) for finding in self.findings], columns=columns).set_index("name")

    def plot(self) -> Figure:
        """The observations, their spread, their course over rows and how units go together, after a quick fit."""
        from probcost.checks.advice_plots import plot_advice

        return plot_advice(self)

    def __str__(self) -> str:
        from probcost.checks.advice_text import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from probcost.checks.advice_text import as_html

        return as_html(self)
