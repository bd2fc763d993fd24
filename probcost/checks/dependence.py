"""Do units that the model holds independent, given the inputs, vary together?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from probcost.checks.evidence import Floats
from probcost.checks.pit import quantile_residuals
from probcost.checks.result import Line

__all__ = ["independence"]


def independence(pit: Floats, names: Sequence[str], level: float) -> Iterator[Line]:
    r"""One line: the largest correlation among all pairs of units' quantile residuals; none for one unit or 2 rows.

    Under the model residuals are standard normal, so that :math:`r \sqrt{(T - 2) / (1 - r^2)}` has Student's t with T − 2
    degrees of freedom, and the correlations of all N (N − 1) / 2 pairs are pairwise independent: Šidák's correction.

    Args:
        pit: ``[T, N]``, of independent units.
        names: of the units.
        level: below which p is put in words.

    Source: Šidák, "Rectangular confidence regions for the means of multivariate normal distributions", 1967,
    https://doi.org/10.1080/01621459.1967.10482935
    """
    rows, units = pit.shape
    if units < 2 or rows < 3:
        return
    first, second = np.triu_indices(units, 1)
    residuals = quantile_residuals(pit)
    residuals = residuals - residuals.mean(axis=0)
    lengths = np.linalg.norm(residuals, axis=0)
    # Residuals that are all the same correlate with nothing.
    residuals = np.divide(residuals, lengths, out=np.zeros_like(residuals), where=lengths > 0)
    correlation = (residuals.T @ residuals)[first, second].clip(-1, 1)
    pairs, largest = len(correlation), int(np.abs(correlation).argmax())
    r = float(correlation[largest])
    alone = 2 * float(stats.t.sf(abs(r) * math.sqrt((rows - 2) / max(1 - r * r, 1e-300)), rows - 2))
    p = -math.expm1(pairs * math.log1p(-alone)) if alone < 1 else 1.0
    verdict = "as expected"
    if p < level:
        related = int((np.abs(correlation) > _reach(level / pairs, rows)).sum())
        most = f"units {names[first[largest]]} and {names[second[largest]]}: correlation {r:.2f}"
        verdict = f"{most} beyond what the inputs explain"
        if pairs > 1:
            verdict = f"{related:,} of {pairs:,} pairs vary together, most {verdict}"
    belief = "given the inputs, units vary independently of each other"
    # The median of the largest under the model.
    expected = _reach(-math.expm1(math.log(0.5) / pairs), rows)
    yield Line("largest correlation", belief, abs(r), expected, p, verdict)


def _reach(p: float, rows: int) -> float:
    """The correlation whose two-sided p-value is ``p``."""
    t = float(stats.t.isf(p / 2, rows - 2))
    return t / math.sqrt(t * t + rows - 2)
