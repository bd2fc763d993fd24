"""One look for every picture: colour-blind safe colours, quiet axes, readable at half size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["COLOURS", "style"]

# Okabe & Ito (2008), "Color Universal Design": distinguishable with every common colour blindness.
COLOURS = {
    "data": "#000000",
    "model": "#0072B2",
    "alert": "#D55E00",
    "second": "#009E73",
    "third": "#CC79A7",
    "quiet": "#999999",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with probcost's look inside the `with` block, and leave the user's matplotlib settings alone outside it."""
    import matplotlib as mpl
    from cycler import cycler

    settings: Any = {
        "axes.prop_cycle": cycler(color=[COLOURS[c] for c in ("model", "alert", "second", "third", "quiet")]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 12,
        "axes.titlelocation": "left",
        "axes.labelsize": 11,
        "font.size": 11,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 130,
    }
    with mpl.rc_context(settings):
        yield
