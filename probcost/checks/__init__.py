"""Does the belief behind a cost function hold? Tables with verdicts, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probcost.checks.scoring_rules import crps_from_samples, energy_score

if TYPE_CHECKING:
    from probcost.checks.result import Check

__all__ = ["check", "crps_from_samples", "energy_score"]


def check(fit: Any, x: Any, y: Any, *, level: float = 0.05, seed: int = 0) -> Check:
    """Is the fit calibrated on rows ``x``, ``y``? A table of beliefs, each tested, with a verdict in words.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on.
        y: observations ``[T, N]``, in their own units.
        level: a true model fails the whole check at most this often.
        seed: of the randomised PIT.

    Raises:
        ValueError: for rows that differ in number, observations the likelihood cannot produce, or fewer than 2 rows.
    """
    # Here, since these import scipy, and `import probcost` must stay fast.
    from probcost.checks.calibration import calibration
    from probcost.checks.evidence import gather

    return calibration(gather(fit, x, y), level=level, seed=seed)
