"""Which belief is wrong? Every assumption of a cost function as a line, with the evidence and what to try next."""

from __future__ import annotations

from typing import Any

__all__ = ["diagnose"]


def diagnose(fit: Any, x: Any, y: Any) -> Any:
    """Which belief is wrong? Every assumption of a cost function as a line, with the evidence and what to try next."""
    raise NotImplementedError
