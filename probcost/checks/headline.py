"""How good are the predictions, in one line above the verdicts: scores beside what the model itself expects of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from probcost.checks.evidence import Evidence

__all__ = ["Headline", "headline"]

# Sampling for the scores is then quicker than the check itself, and their error still small.
_ENTRIES, _LEAST_ROWS = 20_000, 100


@dataclass(frozen=True)
class Headline:
    """Scores of a check: what `score` finds, in the observations' units, beside what is expected if calibrated.

    Attributes:
        log_score: mean log p(y) over all rows, nats each (an entry, or a whole vector).
        log_score_error: its standard error; of rows in time, from blocks of them, which admits autocorrelation.
        crps: mean continuous ranked probability score per entry.
        energy_score: mean energy score per row.
        sharpness: mean predicted standard deviation.
        expected: ``log_score``, ``crps`` and ``energy_score`` as they would be of data the model made.
        rows: how many rows, evenly spread, all but the log score were taken from. What is expected of the log score is found
            from what these rows lack of their own expectation.
        of: how many rows there are.
        vectors: whether rows are scored as whole vectors.
    """

    log_score: float
    log_score_error: float
    crps: float
    energy_score: float
    sharpness: float
    expected: dict[str, float]
    rows: int
    of: int
    vectors: bool

    def __str__(self) -> str:
        error = f" ± {self.log_score_error:.2g}" if math.isfinite(self.log_score_error) else ""
        each = "vector" if self.vectors else "observation"
        name, found = ("energy score", self.energy_score) if self.vectors else ("CRPS", self.crps)
        expected = self.expected["energy_score" if self.vectors else "crps"]
        sample = "" if self.rows == self.of else f"; from {self.rows:,} rows, the first from all"
        return (
            f"Log score {self.log_score:.4g}{error} nats per {each} (the model expects {self.expected['log_score']:.4g}), "
            f"{name} {found:.3g} ({expected:.3g}), sharpness {self.sharpness:.3g}{sample}."
        )


def headline(fit: Any, x: Any, y: Any, evidence: Evidence, *, seed: int = 0) -> Headline:
    """Scores of the same rows as ``evidence``, of so many of them that they are quick."""
    from probcost.checks.gain import gain
    from probcost.checks.scorecard import score

    total, units = evidence.y.shape
    kept = min(total, max(_LEAST_ROWS, _ENTRIES // units))
    chosen = slice(None) if kept == total else np.linspace(0, total - 1, kept).astype(int)
    scored = score(fit, _rows(x, chosen), _rows(y, chosen), seed=seed)
    by_row = evidence.log_prob if evidence.vectors else evidence.log_prob.mean(axis=1)
    log_score = float(by_row.mean())
    return Headline(
        log_score=log_score,
        log_score_error=float(gain(by_row, np.zeros_like(by_row), ordered=evidence.ordered).standard_error),
        crps=scored.crps,
        energy_score=scored.energy_score,
        sharpness=scored.sharpness,
        expected={
            # What the same rows lack of their own expectation, since rows differ in how well they can be predicted.
            "log_score": log_score + (scored.nll - scored.expected["nll"] if math.isfinite(scored.nll) else math.nan),
            "crps": scored.expected["crps"],
            "energy_score": scored.expected["energy_score"],
        },
        rows=kept,
        of=total,
        vectors=evidence.vectors,
    )


def _rows(values: Any, chosen: Any) -> Any:
    if isinstance(values, list):
        values = np.asarray(values)
    return values.iloc[chosen] if hasattr(values, "iloc") else values[chosen]
