"""Which cost function? Held-out log scores of several fits, their paired differences, and a ranking in plain words."""

from __future__ import annotations

from typing import Any

__all__ = ["compare"]


def compare(fits: Any, x: Any, y: Any) -> Any:
    """Which cost function? Held-out log scores of several fits, their paired differences, and a ranking in plain words."""
    raise NotImplementedError
