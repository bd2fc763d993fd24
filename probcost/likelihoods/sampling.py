"""Batches of P people × K photos: enough of the same person to be near, enough of others to be far."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["people_and_photos"]


def people_and_photos(labels: Tensor, size: int, photos: int, generator: torch.Generator) -> list[Tensor]:
    """Rows of one epoch, in batches of about ``size`` rows: groups of ``photos`` photos of one person, of many people.

    Every row comes once. A person's last group, where it is short, is filled with photos of theirs that come a second time; who
    has fewer than ``photos`` gives all they have. Groups of one person are spread over the epoch, and a batch that would
    hold one person only gets a group of somebody else. In small batches (under two groups) groups are half a batch.

    Args:
        labels: people's numbers ``[T]``, of two people or more.
        size: rows of a batch, at least 4.

    Raises:
        ValueError: for a smaller size: two people with two photos each are the least that can be compared.

    Source: Hermans, Beyer & Leibe, "In defense of the triplet loss for person re-identification", 2017,
    https://arxiv.org/abs/1703.07737.

    Example:
        >>> labels = torch.arange(6).repeat_interleave(4)
        >>> [labels[rows].unique().numel() for rows in people_and_photos(labels, 12, 4, torch.Generator().manual_seed(0))]
        [3, 3]
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 4:
        raise ValueError(f"a batch must hold at least 4 photos (two people with two each), got batch size {size!r}")
    photos = min(photos, size // 2)
    labels = labels.cpu()
    rows = torch.randperm(len(labels), generator=generator)
    _, counts = torch.unique(labels, return_counts=True)
    # Stable, so that each person's rows stay in random order.
    by_person = rows[labels[rows].argsort(stable=True)].split(counts.tolist())
    groups, owners, turns = [], [], []
    for person, own in enumerate(by_person):
        groups_of_person = list(own.split(photos))
        lacking = photos - len(groups_of_person[-1])
        if len(own) > photos and lacking:
            groups_of_person[-1] = torch.cat([groups_of_person[-1], own[:lacking]])
        count = len(groups_of_person)
        # The i-th of a person's groups falls somewhere in the i-th of as many equal parts of the epoch.
        turns += ((torch.arange(count) + torch.rand(count, generator=generator)) / count).tolist()
        groups += groups_of_person
        owners += [person] * count
    order = sorted(range(len(groups)), key=turns.__getitem__)
    sizes = torch.tensor([len(groups[g]) for g in order])
    number = max(1, round(int(sizes.sum()) / size))
    batch_of = ((sizes.cumsum(0) - sizes) * number // sizes.sum()).tolist()
    filled: list[list[int]] = [[] for _ in range(number)]
    for group, batch in zip(order, batch_of, strict=True):
        filled[batch].append(group)
    batches = []
    for batch in filled:
        people = {owners[g] for g in batch}
        if len(people) == 1:
            others = [g for g in range(len(groups)) if owners[g] not in people]
            batch.append(others[int(torch.randint(len(others), (), generator=generator))])
        if batch:
            batches.append(torch.cat([groups[g] for g in batch]).unique())
    return batches
