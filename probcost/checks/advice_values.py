"""Hints from the observed values themselves: gaps, codes, limits, steps, units that do not vary or say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from probcost.checks.advice_kind import is_whole
from probcost.checks.advice_result import Hint
from probcost.checks.evidence import Floats

__all__ = ["named", "of_values"]

_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)
_SHARE = 0.005  # of rows: fewer at one end are no pile
_FEWEST = 5
_COARSE = 0.2  # of a standard deviation: finer steps hardly matter to a density
_MOST_STEPS = 200
_APART = 1e4


def of_values(y: Floats, names: Sequence[str], kind: str) -> Iterator[Hint]:
    """Hints from ``y`` ``[T, N]``, which may have missing numbers."""
    yield from _missing(y, names)
    yield from _codes(y, names)
    yield from _constant(y, names)
    yield from _copies(y, names)
    if kind not in ("labels", "binary", "grades", "constant"):
        yield from _limits(y, names, kind)
    if kind in ("positive", "reals", "proportions"):
        yield from _steps(y, names)
        yield from _scales(y, names)
    if kind == "labels":
        _, often = np.unique(y[np.isfinite(y)], return_counts=True)
        yield Hint(
            "names",
            f"{len(often):,} different ones, each in {often.min():,}{f' to {often.max():,}' if np.ptp(often) else ''} rows",
            float(len(often)),
            "compare rows instead of predicting numbers, and judge on names that were never seen"
            + ("; a name with one row can only be told from others" if often.min() == 1 else ""),
            "Were rows of one name taken together (one day, one camera), and will new ones be?",
        )
    if kind == "grades":
        values = np.unique(y[np.isfinite(y)])
        yield Hint(
            "grades",
            f"whole numbers from {values[0]:g} to {values[-1]:g}, spread far less than counts are",
            float(len(values)),
            "they look like grades on a scale, not counts: steps may not be equally wide, and no likelihood here knows that; "
            "real-valued ones take them as points on a scale",
            f"Are {values[0]:g} … {values[-1]:g} grades on a fixed scale? Which could have been given, and by how many people?",
        )


def named(which: Sequence[int] | NDArray[np.int64], names: Sequence[str], word: str = "unit") -> str:
    """``"units a, b, c, … (9)"``; ``"y"`` where there is no other."""
    if len(names) == 1 and word == "unit":
        return "y"
    shown = ", ".join(str(names[i]) for i in which[:3])
    return f"{word}{'s' * (len(which) > 1)} {shown}" + (f", … ({len(which):,})" if len(which) > 3 else "")


def _missing(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    absent = ~np.isfinite(y)
    if absent.any():
        rows, units = int(absent.any(axis=1).sum()), np.flatnonzero(absent.any(axis=0))
        yield Hint(
            "missing observations",
            f"{int(absent.sum()):,} are missing or infinite, in {rows:,} of {len(y):,} rows ({named(units, names)})",
            float(absent.mean()),
            "drop those rows (they were left out here), or fit units with gaps by themselves; `fit` takes no missing numbers",
            "Why are observations missing: at random, or when the value was too large, too small or too hard to measure?",
        )


def _codes(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    for code in _CODES:
        coded = [i for i, column in enumerate(y.T) if _is_code(column[np.isfinite(column)], code)]
        if coded:
            share = float((y[:, coded] == code).mean())
            yield Hint(
                "codes for missing",
                f"{code:g} comes in {100 * share:.2g} % of the rows of {named(coded, names)}, far from all else",
                share,
                "if it stands for a missing number, drop those rows first",
                f"Does {code:g} mean “missing”, or was it measured?",
            )


def _is_code(column: Floats, code: float) -> bool:
    coded = column == code
    others = column[~coded]
    if coded.sum() < max(2, 0.001 * len(column)) or len(others) < 10:
        return False
    low, high = others.min(), others.max()
    if code == -1 and low >= 0:
        return True
    return bool(code < low - (high - low) or code > high + (high - low)) and high > low


def _constant(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    still = [i for i, column in enumerate(y.T) if len(seen := column[np.isfinite(column)]) and np.ptp(seen) == 0]
    if still:
        value = y[np.isfinite(y[:, still[0]]), still[0]][0]
        yield Hint(
            "constant units",
            f"{named(still, names)} never change{'s' * (len(still) == 1)} (always {value:g})",
            float(len(still)),
            "leave them out: there is nothing to learn, and they flatter averages over units",
            "Were these units recorded at all, or switched off, saturated or lost?",
        )


def _copies(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    first: dict[bytes, int] = {}
    pairs = []
    for i, column in enumerate(np.ascontiguousarray(y.T)):
        if np.isfinite(column).any() and np.ptp(column[np.isfinite(column)]) > 0:
            other = first.setdefault(column.tobytes(), i)
            if other != i:
                pairs.append((other, i))
    if pairs:
        shown = " and ".join(str(names[i]) for i in pairs[0])
        yield Hint(
            "copied units",
            f"{len(pairs)} unit{'s repeat others' if len(pairs) > 1 else ' repeats another'} in every row (such as {shown})",
            float(len(pairs)),
            "keep one of each: two would count the same evidence twice",
            f"Are {shown} one and the same source under two names?",
        )


def _limits(y: Floats, names: Sequence[str], kind: str) -> Iterator[Hint]:
    """Values at the smallest or largest number more often than their neighbours make likely."""
    for end in ("largest", "smallest"):
        piled: list[tuple[int, float, float]] = []
        for i, column in enumerate(y.T):
            seen = column[np.isfinite(column)]
            if kind == "counts" and (end == "smallest" or not is_whole(seen)):
                continue
            found = _pile(seen if end == "largest" else -seen, whole=kind == "counts")
            if found:
                piled.append((i, *found))
        if not piled:
            continue
        units = [i for i, *_ in piled]
        value, share = piled[0][1] * (1 if end == "largest" else -1) + 0.0, piled[0][2]
        yield Hint(
            f"{end} value",
            f"{100 * share:.2g} % of {named(units[:1], names)} lie exactly at the {end}, {value:g}"
            + (f", and so do others ({len(units)} units)" if len(units) > 1 else ""),
            share,
            "if it is a limit of the instrument, those rows say only “at least” or “at most” this: no likelihood here is "
            "censored; score with and without them",
            f"Can anything {'above' if end == 'largest' else 'below'} {value:g} be measured, or is it a limit or a cut-off?",
        )


def _pile(column: Floats, *, whole: bool) -> tuple[float, float] | None:
    """The largest number and its share, where it comes suspiciously often."""
    values, often = np.unique(column, return_counts=True)
    if len(values) < 3 or often[-1] < max(_FEWEST, _SHARE * len(column)):
        return None
    # Rounded numbers repeat everywhere; a pile stands out from what lies next to it.
    beside = often[-6:-1] if not whole else often[-3:-1]
    if often[-1] < 4 * max(1.0, float(beside.mean())) and not (whole and often[-1] > 2 * beside.max()):
        return None
    return float(values[-1]), float(often[-1] / len(column))


def _steps(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    coarse = {i: step for i, column in enumerate(y.T) if (step := _step(column[np.isfinite(column)])) > 0}
    if coarse:
        i = max(coarse, key=lambda unit: coarse[unit] / np.nanstd(y[:, unit]))
        relative = coarse[i] / float(np.nanstd(y[:, i]))
        yield Hint(
            "rounding",
            f"{named([i], names)} moves in steps of {coarse[i]:g}, {relative:.2g} of its standard deviation",
            relative,
            "a density sharpens without end on repeated values: read log scores beside the CRPS, or model steps as counts",
            f"Are values rounded to {coarse[i]:g} by the instrument or by hand?",
        )


def _step(column: Floats) -> float:
    """The spacing of a coarse grid that all numbers lie on; 0 where there is none."""
    values = np.unique(column)
    if len(values) < 2 or len(values) > _MOST_STEPS or len(values) > 0.5 * len(column):
        return 0.0
    step = float(np.diff(values).min())
    multiples = (values - values[0]) / step
    on_grid = bool(np.abs(multiples - np.rint(multiples)).max() < 1e-3)
    return step if on_grid and step > _COARSE * column.std() else 0.0


def _scales(y: Floats, names: Sequence[str]) -> Iterator[Hint]:
    sd = np.nanstd(np.where(np.isfinite(y), y, np.nan), axis=0)
    if len(sd) > 1 and (sd > 0).sum() > 1:
        small, large = int(np.where(sd > 0, sd, np.inf).argmin()), int(sd.argmax())
        if sd[large] > _APART * sd[small]:
            yield Hint(
                "scales",
                f"unit {names[large]} varies {sd[large] / sd[small]:,.0f} times as much as unit {names[small]}",
                float(sd[large] / sd[small]),
                "`fit` brings each to its own scale; but RMSE, CRPS and energy score will be those of the largest alone",
                "Are all units in the same physical unit of measurement?",
            )
