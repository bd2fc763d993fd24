"""Simulation-based calibration: does an inference method recover parameters drawn from the prior?"""

from __future__ import annotations

from typing import Any

__all__ = ["sbc"]


def sbc(model: Any, x: Any) -> Any:
    """Simulation-based calibration: does an inference method recover parameters drawn from the prior?"""
    raise NotImplementedError
