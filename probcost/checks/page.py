"""One self-contained HTML page about a fit."""

from __future__ import annotations

from typing import Any

__all__ = ["report"]


def report(fit: Any, x: Any, y: Any, path: Any) -> Any:
    """One self-contained HTML page about a fit."""
    raise NotImplementedError
