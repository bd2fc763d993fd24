"""What happened while training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["History"]


@dataclass
class History:
    """Cost per observed row (nats) on training and held-out rows after each epoch.

    ``held_out`` is empty when nothing was held out; ``best_epoch`` (counted from 0) is the one whose weights were kept.
    Of an ensemble, costs are means over members, ``members`` holds the epoch kept of each, ``best_epoch`` the latest.
    ``mean_first`` counts the epochs before these, in which the mean alone was trained, ``rescaled``
    is the factor on all predicted scales that held-out rows asked for afterwards. ``at_most`` is how many epochs there might
    have been where people held out in turn decided how many there are, and ``held_out`` is of the networks that had not met
    them; else 0.
    """

    cost: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    best_epoch: int = -1
    stopped: str = ""
    members: list[int] = field(default_factory=list)
    mean_first: int = 0
    rescaled: float = 1.0
    at_most: int = 0

    @classmethod
    def of_members(cls, histories: list[History]) -> History:
        """One history of networks that were trained one after the other: means over those still in training."""

        def mean(columns: list[list[float]]) -> list[float]:
            epochs = zip_longest(*columns)
            return [sum(found) / len(found) for found in ([v for v in epoch if v is not None] for epoch in epochs)]

        kept = [history.best_epoch for history in histories]
        return cls(
            cost=mean([history.cost for history in histories]),
            held_out=mean([history.held_out for history in histories]),
            best_epoch=max(kept),
            stopped=histories[-1].stopped,
            members=kept,
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch: ``cost`` and, where rows were held out, ``held_out``."""
        import pandas as pd

        columns: dict[str, Any] = {"cost": self.cost}
        if self.held_out:
            columns["held_out"] = self.held_out
        return pd.DataFrame(columns).rename_axis("epoch")

    def plot(self) -> Figure:
        """Training and held-out cost over epochs, with the epoch that was kept."""
        from matplotlib import pyplot as plt

        from probcost.style import COLOURS, style

        with style():
            figure, axes = plt.subplots(figsize=(7, 4))
            # People count epochs from 1.
            axes.plot(range(1, len(self.cost) + 1), self.cost, color=COLOURS["quiet"], label="training rows")
            if self.held_out:
                axes.plot(
                    range(1, len(self.held_out) + 1), self.held_out, color=COLOURS["model"], label="held-out rows"
                )
                for epoch in self.members or [self.best_epoch]:
                    axes.axvline(epoch + 1, color=COLOURS["alert"], linestyle=":")
                axes.plot([], [], color=COLOURS["alert"], linestyle=":", label="kept")
            axes.set(xlabel="epoch", ylabel="cost (nats per row)", title="Training")
            axes.legend()
            plt.close(figure)
        return figure

    def __repr__(self) -> str:
        if not self.cost:
            return "History(no epoch yet)"
        kept = (
            f", kept epoch {self.best_epoch + 1} at {self.held_out[self.best_epoch]:.4f} held out"
            if self.held_out
            else ""
        )
        first = f"after {self.mean_first} on the mean alone, " if self.mean_first else ""
        scales = f", scales × {self.rescaled:.3f} by held-out rows" if self.rescaled != 1 else ""
        costs = f"cost {self.cost[0]:.4f} → {self.cost[-1]:.4f} nats/row"
        return f"History({len(self.cost)} epochs, {first}{costs}{kept}{scales}; {self.stopped})"
