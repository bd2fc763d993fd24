"""One network under many weights: the same numbers as one after the other, whichever path computes them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from probcost.batched import batched_call


class Own(nn.Module):
    """A layer that only vmap can batch."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain + x.mean(-1, keepdim=True)


NETWORKS = {
    "linear": lambda: nn.Linear(3, 2),
    "no bias": lambda: nn.Sequential(nn.Linear(3, 5, bias=False), nn.Tanh(), nn.Linear(5, 2)),
    "norm": lambda: nn.Sequential(nn.Hardtanh(-2, 2), nn.Linear(3, 5), nn.LayerNorm(5), nn.SiLU(), nn.Linear(5, 2)),
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Linear(3, 5), nn.ReLU()), nn.Dropout(0.5), nn.Linear(5, 2)),
    "own layer": lambda: nn.Sequential(nn.Linear(3, 5), Own(), nn.Linear(5, 2)),
    "convolution": lambda: nn.Sequential(nn.Unflatten(-1, (1, 3)), nn.Conv1d(1, 2, 2), nn.Flatten(1)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("only_last", [False, True])
def test_many_at_once_equal_one_by_one(name: str, paired: bool, only_last: bool) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]().double().eval()
    parameters = dict(list(network.named_parameters())[-1:] if only_last else network.named_parameters())
    draws = {key: torch.randn(4, *p.shape, dtype=torch.float64) for key, p in parameters.items()}
    x = torch.randn(4, 7, 3, dtype=torch.float64) if paired else torch.randn(7, 3, dtype=torch.float64)
    together = batched_call(network, draws, x, paired=paired)
    for s in range(4):
        alone = functional_call(network, {key: value[s] for key, value in draws.items()}, (x[s] if paired else x,))
        torch.testing.assert_close(together[s], alone)


def test_running_statistics_cannot_be_shared() -> None:
    network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    draws = {key: p.detach().expand(4, *p.shape) for key, p in network.named_parameters()}
    with pytest.raises(ValueError, match="BatchNorm1d keeps running statistics"):
        batched_call(network, draws, torch.randn(7, 3))
    assert batched_call(network.eval(), draws, torch.randn(7, 3)).shape == (4, 7, 2)
