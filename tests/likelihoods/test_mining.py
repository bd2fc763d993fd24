"""Which comparisons are chosen, against the three nested loops that define them; and distances against torch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from probcost.likelihoods import triplets
from probcost.likelihoods.distances import distances

MARGIN = 0.3


def batch(b: int = 24, m: int = 6, people: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(b)
    points = F.normalize(torch.randn(b, m, generator=generator, dtype=torch.float64), dim=1)
    return points, torch.randint(0, people, (b,), generator=generator)


def by_loops(points: Tensor, labels: Tensor, mining: str) -> set[tuple[int, int, int]]:
    d, y, found = torch.cdist(points, points), labels.tolist(), set()
    for a in range(len(y)):
        others = [j for j in range(len(y)) if y[j] != y[a]]
        own = [p for p in range(len(y)) if y[p] == y[a] and p != a]
        if mining == "batch_hard" and own and others:
            found.add((a, max(own, key=lambda p: float(d[a, p])), min(others, key=lambda n: float(d[a, n]))))
        elif mining != "batch_hard":
            every = mining == "all"
            found |= {
                (a, p, n) for p in own for n in others if every or d[a, p] < d[a, n] < d[a, p] + MARGIN
            }  # fmt: skip
    return found


def chosen(points: Tensor, labels: Tensor, mining: str) -> list[tuple[int, int, int]]:
    index = triplets(points, labels, mining, margin=MARGIN)
    return list(zip(*(part.tolist() for part in index), strict=True))


@pytest.mark.parametrize("mining", ["all", "semi_hard", "batch_hard"])
@pytest.mark.parametrize(("b", "people"), [(24, 6), (30, 2), (12, 12), (9, 1)])
def test_chosen_as_defined(mining: str, b: int, people: int) -> None:
    points, labels = batch(b, people=people)
    found = chosen(points, labels, mining)
    assert len(found) == len(set(found))
    assert set(found) == by_loops(points, labels, mining)
    if people == 6:
        assert len(found) > 10


@pytest.mark.parametrize("mining", ["all", "semi_hard", "batch_hard"])
def test_parts_of_a_large_batch_are_joined(mining: str, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = batch(40)
    whole = chosen(points, labels, mining)
    for size in (1, 900):
        monkeypatch.setattr("probcost.likelihoods.mining.CHUNK", size)
        assert chosen(points, labels, mining) == whole


def test_distance_weighted_draws_follow_the_density() -> None:
    """One draw for each pair, ∝ 1/q(d) clipped, from torch's own generator."""
    points, labels = batch(12, m=6, people=4)
    torch.manual_seed(0)
    first = chosen(points, labels, "distance_weighted")
    torch.manual_seed(0)
    assert chosen(points, labels, "distance_weighted") == first
    assert {(a, p) for a, p, _ in first} == {(a, p) for a, p, _ in by_loops(points, labels, "all")}
    rounds, counts = 1500, torch.zeros(12, 12, dtype=torch.float64)
    for _ in range(rounds):
        for a, _, n in chosen(points, labels, "distance_weighted"):
            counts[a, n] += 1
    d = torch.cdist(points, points)
    # The density of distances between uniform points on a sphere in six dimensions.
    near = d.clamp(0.5, 1.4)
    weight = 1 / (near**4 * (1 - near.square() / 4) ** 1.5)
    weight = weight * (labels[:, None] != labels) * (d < 1.4)
    for a in range(12):
        drawn = counts[a].sum()
        if drawn:
            p = weight[a] / weight[a].sum()
            error = 5 * (p * (1 - p) / drawn).sqrt() + 1e-9
            assert bool(((counts[a] / drawn - p).abs() <= error).all())


def test_distance_weighted_without_a_negative_in_reach() -> None:
    points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    torch.manual_seed(1)
    labels = torch.tensor([0, 0, 1, 1])
    drawn = {(a, n) for _ in range(40) for a, _, n in chosen(points, labels, "distance_weighted")}
    assert drawn == {(0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1)}


def test_high_dimensions_do_not_overflow() -> None:
    points, labels = batch(16, m=2048, people=4)
    assert len(chosen(points, labels, "distance_weighted")) == len(
        {(a, p) for a, p, _ in by_loops(points, labels, "all")}
    )


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize("b", [7, 300])
def test_distances_and_their_gradient(squared: bool, eps: float, b: int) -> None:
    points = torch.randn(b, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 100.0
    points[1] = points[0]
    weight = torch.randn(b, b, generator=torch.Generator().manual_seed(1), dtype=torch.float64).fill_diagonal_(0)
    results = []
    for ours in (True, False):
        x = points.clone().requires_grad_()
        if ours:
            found = distances(x, squared=squared, eps=eps)
        else:
            difference = x[:, None] - x + eps
            found = difference.square().sum(-1) if squared else torch.linalg.vector_norm(difference, dim=-1)
        (gradient,) = torch.autograd.grad((weight * found).sum(), x)
        results.append((found.detach().fill_diagonal_(0), gradient))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-7, atol=1e-6)
    # The distance of coincident points is eps √m = 2·10⁻⁶, of which products of numbers of size 1 leave three digits.
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-6, atol=1e-3 if eps == 1e-6 else 1e-6)


def test_close_points_keep_their_digits_in_single_precision() -> None:
    points = torch.zeros(3, 2)
    points[:, 0] = torch.tensor([1000.0, 1000.0 + 2.0**-13, -1000.0])
    assert float(distances(points, squared=False)[0, 1]) == pytest.approx(2.0**-13, rel=1e-3)
    assert not bool(torch.isnan(distances(points, squared=False)).any())


def test_errors_say_what_is_accepted() -> None:
    points, labels = batch()
    with pytest.raises(ValueError, match=r"mining must be one of 'all', 'semi_hard', .*, got 'hard'"):
        triplets(points, labels, "hard")
    with pytest.raises(ValueError, match=r"shape \[24, 6\] and labels 23 entries"):
        triplets(points, labels[1:])
