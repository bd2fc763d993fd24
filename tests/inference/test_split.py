"""Which rows are held out: whole stretches of time, whole groups, or rows at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from probcost.inference.data import split_rows


def split(n: int = 1000, validation: object = "auto", groups: object = None, ordered: bool = False) -> tuple[set, set]:
    kept, held = split_rows(n, validation, groups, ordered=ordered, seed=0)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(n))
    return set(kept.tolist()), set(held.tolist())


def test_a_time_series_loses_two_whole_stretches() -> None:
    _, held = split(ordered=True)
    edges = np.flatnonzero(np.diff(sorted(held)) > 1)
    assert len(held) == 100
    assert len(edges) == 1


def test_rows_at_random_otherwise() -> None:
    _, held = split()
    assert len(held) == 100
    assert (np.diff(sorted(held)) > 1).sum() > 50


def test_groups_stay_whole() -> None:
    groups = np.repeat([f"g{i}" for i in range(20)], 50)
    kept, held = split(groups=groups)
    assert {groups[i] for i in kept}.isdisjoint({groups[i] for i in held})
    assert len({groups[i] for i in held}) == 2


def test_none_and_fractions() -> None:
    assert split(validation=None)[1] == set()
    assert len(split(validation=0.3)[1]) == 300


def test_a_single_row_is_never_held_out() -> None:
    assert split(1, ordered=True)[1] == set()


@pytest.mark.parametrize(
    ("n", "validation", "groups", "message"),
    [
        (10, "half", None, "validation must be"),
        (10, 1.5, None, "validation must be"),
        (10, True, None, "validation must be"),
        (3, 0.1, None, "leaves nothing on one side"),
        (10, "auto", torch.zeros(9), r"groups has shape \[9\] and y has 10 rows; one label a row"),
        (10, "auto", np.zeros(10), "one group only"),
    ],
)
def test_bad_requests(n: int, validation: object, groups: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_rows(n, validation, groups, ordered=False, seed=0)
