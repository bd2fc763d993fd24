"""Posterior predictive checks: a statistic of the data beside the same of data that the model made."""

from __future__ import annotations

from typing import Any

__all__ = ["ppc"]


def ppc(fit: Any, x: Any, y: Any) -> Any:
    """Posterior predictive checks: a statistic of the data beside the same of data that the model made."""
    raise NotImplementedError
