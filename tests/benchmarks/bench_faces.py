"""A training step of a face embedding against the same network under nn.TripletMarginLoss by hand, 48 photos each.

python -m tests.benchmarks.bench_faces
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from probcost.inference.data import prepare
from probcost.inference.map_estimate import MapObjective
from probcost.inference.training import Settings, _Run
from probcost.networks import PhotoNetwork
from probcost.scenarios.faces import FaceEmbedding
from tests.benchmarks.timing import interleaved

PEOPLE, PHOTOS, BATCH = 24, 10, 48


def photos() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(PEOPLE * PHOTOS, 1, 32, 32), torch.arange(PEOPLE).repeat_interleave(PHOTOS).float()[:, None]


def ours(likelihood: str) -> _Run:
    x, y = photos()
    # The network alone: changes of the photos are the user's own, in a loop by hand too.
    model = FaceEmbedding((1, 32, 32), likelihood, network=PhotoNetwork((1, 32, 32), 64))
    data = prepare(model, x, y, validation=None, groups=None, seed=0)
    return _Run(MapObjective(model), data, Settings(epochs=10**6, batch_size=BATCH, lr=1e-3, patience=10**6, seed=0))


class ByHand:
    """What a torch user writes: 16 random triplets, embedded together, and Adam."""

    def __init__(self) -> None:
        self.x, _ = photos()
        self.network, self.loss = PhotoNetwork((1, 32, 32), 64), nn.TripletMarginLoss(0.2)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def epoch(self) -> None:
        for _ in range(len(self.x) // BATCH):
            person = torch.randint(PEOPLE, (BATCH // 3,))
            other = (person + torch.randint(1, PEOPLE, (BATCH // 3,))) % PEOPLE
            photo = torch.rand(BATCH // 3, PHOTOS).argsort(1)[:, :3]
            rows = torch.cat(
                [person * PHOTOS + photo[:, 0], person * PHOTOS + photo[:, 1], other * PHOTOS + photo[:, 2]]
            )
            self.optimizer.zero_grad()
            loss = self.loss(*F.normalize(self.network(self.x[rows])).chunk(3))
            loss.backward()
            loss.item()  # a loop that shows its loss, as ours does
            self.optimizer.step()


def main() -> None:
    torch.set_num_threads(1)
    contenders = {name: ours(name).one_epoch for name in ("exponential", "logistic", "n_way")}
    best = interleaved({"by hand": ByHand().epoch, **contenders}, 12)
    steps = PEOPLE * PHOTOS / BATCH
    # Of 10 photos a person, the last group of 4 is filled up with two that came before.
    of = {
        name: len(ours("n_way").data.batches(photos()[1], BATCH, torch.Generator().manual_seed(0)))
        for name in contenders
    }
    print(f"{BATCH} photos of 32 × 32 (CPU ms a step, least of 12 epochs)")
    for name, seconds in best.items():
        each = seconds / of.get(name, steps)
        print(f"  {name:<14} {1e3 * each:6.2f}   / by hand: {each / (best['by hand'] / steps):.2f}")


if __name__ == "__main__":
    main()
