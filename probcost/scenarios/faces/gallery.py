"""Who is on a photo: the nearest of many known people, or nobody among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Gallery", "Identity"]

_NEAREST = 32  # photos looked at; beyond them P(same) adds nothing
_NEEDS = 'searching a gallery needs faiss: pip install "probcost[faces]"'


@dataclass(frozen=True)
class Identity:
    """An answer to "who is this?".

    Attributes:
        person: the likeliest person's name, or ``"unknown"`` where it is likelier that nobody in the gallery is shown.
        probability: of that answer.
        candidates: the likeliest people of the gallery and their probabilities, best first.
        nearest: row of the nearest photo in the gallery.
        distance: to it.
    """

    person: Any
    probability: float
    candidates: list[tuple[Any, float]]
    nearest: int
    distance: float

    def __repr__(self) -> str:
        best = ", ".join(f"{name} {p:.2f}" for name, p in self.candidates[:3])
        return f"{self.person} ({self.probability:.2f}); of the gallery: {best}; nearest photo {self.nearest}"


class Gallery:
    """Embeddings of photos of known people, searched exactly by faiss: 100,000 of 64 dimensions in milliseconds.

    Args:
        embedding: ``[T, m]``.
        people: a name or number for each, ``[T]``.

    Raises:
        ValueError: where lengths differ or nothing is given.
        ImportError: without faiss.

    Source: Douze et al., "The Faiss library", 2024, https://arxiv.org/abs/2401.08281.
    """

    def __init__(self, embedding: Tensor, people: Any) -> None:
        try:
            import faiss
        except ImportError as error:
            raise ImportError(_NEEDS) from error
        names, self.person = np.unique(np.asarray(people).reshape(-1), return_inverse=True)
        self.names: list[Any] = names.tolist()
        if len(embedding) != len(self.person) or not len(embedding):
            raise ValueError(
                f"there are {len(embedding):,} photos and {len(self.person):,} people; one a photo is needed"
            )
        self.index = faiss.IndexFlatL2(embedding.shape[1])
        self.index.add(_array(embedding))

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, embedding: Tensor, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Distances and rows ``[T, k]`` of the nearest photos, nearest first."""
        squared, rows = self.index.search(_array(embedding), min(k, len(self)))
        return np.sqrt(np.maximum(squared, 0)), rows

    def identify(self, embedding: Tensor, curve: Tensor, *, unknown: float = 0.5) -> list[Identity]:
        r"""For each embedding ``[T, m]`` the likeliest person, or "unknown".

        .. math:: P(g) \propto \frac{1 - u}{G} \, \frac{P(\text{same})}{1 - P(\text{same})}, \qquad P(\text{unknown}) \propto u

        for each of G people, by their nearest photo: P(same) of equally likely answers gives the likelihood ratio of "this
        person" to "somebody else".

        Args:
            curve: offset and log-slope of P(same), from `FaceFit`.
            unknown: u, the probability before looking that nobody in the gallery is shown.

        Raises:
            ValueError: for u outside (0, 1), or a curve that was never learned.
        """
        if not 0 < unknown < 1:
            raise ValueError(f"unknown must lie between 0 and 1, got {unknown!r}")
        if not bool(torch.isfinite(curve).all()):
            raise ValueError("P(same person) was not learned: fit with people held out (validation='auto')")
        distance, rows = self.search(embedding, _NEAREST)
        offset, slope = float(curve[0]), float(curve[1].exp())
        return [self._answer(d, r, offset - slope * d, unknown) for d, r in zip(distance, rows, strict=True)]

    def _answer(self, distance: np.ndarray, rows: np.ndarray, log_ratio: np.ndarray, unknown: float) -> Identity:
        people, first = np.unique(self.person[rows], return_index=True)  # rows come nearest first
        logs = np.append(log_ratio[first] + np.log1p(-unknown) - np.log(len(self.names)), np.log(unknown))
        p = np.exp(logs - np.logaddexp.reduce(logs))
        order = np.argsort(-p[:-1])
        candidates = [(self.names[people[i]], float(p[i])) for i in order]
        person, probability = candidates[0] if p[:-1].max() > p[-1] else ("unknown", float(p[-1]))
        return Identity(person, probability, candidates, int(rows[0]), float(distance[0]))

    def __repr__(self) -> str:
        return f"Gallery: {len(self):,} photos of {len(self.names):,} people, {self.index.d} dimensions"


def _array(embedding: Tensor) -> np.ndarray:
    return np.ascontiguousarray(embedding.detach().cpu().numpy(), dtype=np.float32)
