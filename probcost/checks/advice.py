"""Before any fit: what the observations alone suggest, and the questions to ask whoever collected them."""

from __future__ import annotations

from typing import Any

__all__ = ["advise"]


def advise(x: Any, y: Any) -> Any:
    """Before any fit: what the observations alone suggest, and the questions to ask whoever collected them."""
    raise NotImplementedError
