"""A network is told in words that name what it does and how large it is; one of unknown parts by their names."""

from __future__ import annotations

import pytest
from torch import nn

from probcost import networks
from probcost.checks.network_words import network_in_words


class Own(nn.Module):
    """A network of a user's own, whose layers do not tell what it is."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)


SAID: list[tuple[nn.Module, str]] = [
    (nn.Linear(3, 2), "one linear layer of 2 outputs"),
    (networks.MLP(4, 1, (8,)), "a network of 1 hidden layer, 8 units (SiLU), and 1 output"),
    (
        nn.Sequential(nn.Hardtanh(-8.0, 8.0), networks.MLP(4, 3, (256,) * 4, dropout=0.3)),
        "inputs beyond ±8 count as ±8, then a network of 4 hidden layers, 256 units each (SiLU, dropout 0.3), and 3 outputs",
    ),
    (
        nn.Sequential(networks.PiecewiseLinear([0, 0], [0.0, 1.0], [1.0, 1.0]), networks.MLP(3, 1, (8, 4), norm=True)),
        "each also by its place within its quantile bins (2 in all), then a network of 2 hidden layers, 8, 4 units (SiLU), and "
        "1 output",
    ),
    (
        networks.PhotoNetwork((1, 16, 16), 5),
        "3 convolutions of 24, 48, 96 channels and one linear layer of 5 outputs",
    ),
    (nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1)), "LSTM → Linear"),
    (nn.Sequential(Own(), nn.Linear(3, 1)), "Own → Linear"),
    (Own(), "Own"),
]


@pytest.mark.parametrize(("network", "words"), SAID, ids=[words[:24] for _, words in SAID])
def test_networks_in_words(network: nn.Module, words: str) -> None:
    assert network_in_words(network) == words
