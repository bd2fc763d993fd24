"""Who is on a photo: the nearest of many known people, or nobody among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Gallery", "Identity"]

_NEAREST = 32  # photos whose people are candidates; whoever is on none of them is no answer
UNKNOWN = "unknown"
_NEEDS = "searching a gallery needs faiss: pip install faiss-cpu"


@dataclass(frozen=True)
class Identity:
    """An answer to "who is this?".

    Attributes:
        person: the likeliest person's name, or ``"unknown"`` where it is likelier that nobody in the gallery is shown.
        probability: of that answer.
        candidates: the likeliest people of the gallery and their probabilities, best first.
        nearest: row of the nearest photo in the gallery.
        distance: to it.

    Example:
        >>> answer = Identity("Ada", 0.9, [("Ada", 0.9), ("Ben", 0.06)], nearest=0, distance=0.2)
        >>> answer.person, round(1 - sum(p for _, p in answer.candidates), 2)  # what is left: nobody in the gallery
        ('Ada', 0.04)
    """

    person: Any
    probability: float
    candidates: list[tuple[Any, float]]
    nearest: int
    distance: float

    def __repr__(self) -> str:
        best = ", ".join(f"{name} {p:.2f}" for name, p in self.candidates[:3])
        return f"{self.person} ({self.probability:.2f}); of the gallery: {best}; nearest photo {self.nearest}"


class Identities(list[Identity]):
    """Answers, printed one a line."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "[]"


class Gallery:
    """Embeddings of photos of known people, searched exactly by faiss: 100,000 of 64 dimensions in milliseconds.

    Args:
        embedding: ``[T, m]``.
        people: a name or number for each, ``[T]``; nobody may be called "unknown", which is the answer for strangers.
        made_by: fingerprint of the fit that made the embeddings, so that no other one searches here; None if it does not matter.

    Raises:
        ValueError: where lengths differ or nothing is given, and for a person called "unknown".
        ImportError: without faiss.

    Source: Douze et al., "The Faiss library", 2024, https://arxiv.org/abs/2401.08281.

    Example:
        >>> gallery = Gallery(torch.eye(3), ["Ada", "Ben", "Cy"])
        >>> len(gallery)
        3
    """

    def __init__(self, embedding: Tensor, people: Any, made_by: str | None = None) -> None:
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
        if UNKNOWN in self.names:
            row = int(np.argmax(self.person == self.names.index(UNKNOWN)))
            raise ValueError(
                f'people[{row}] is "{UNKNOWN}", which is the answer for people who are not in the gallery; use another name'
            )
        self.made_by = made_by
        self.points = _array(embedding)
        self.index = faiss.IndexFlatL2(self.points.shape[1])
        self.index.add(self.points)
        order = np.argsort(self.person, kind="stable")
        self.photos = np.split(order, np.cumsum(np.bincount(self.person))[:-1])  # rows of each person

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, embedding: Tensor, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Distances and rows ``[T, k]`` of the nearest photos, nearest first."""
        if embedding.shape[-1] != self.index.d:
            raise ValueError(
                f"embeddings are {embedding.shape[-1]} wide and the gallery's {self.index.d}: it was made by another fit"
            )
        squared, rows = self.index.search(_array(embedding), min(k, len(self)))
        return np.sqrt(np.maximum(squared, 0)), rows

    def identify(self, embedding: Tensor, curve: Tensor, *, unknown: float = 0.5) -> list[Identity]:
        r"""For each embedding ``[T, m]`` the likeliest person, or "unknown".

        .. math:: P(g) \propto \frac{1 - u}{G} \, \frac{P(\text{same})}{1 - P(\text{same})}, \qquad P(\text{unknown}) \propto u

        for each of G people: P(same) of equally likely answers gives the likelihood ratio of "this person" to "somebody else",
        at the mean distance to their photos. (The nearest of many photos is near by chance, for strangers too.)

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
        answers = Identities()
        for point, d, r in zip(_array(embedding), distance, rows, strict=True):
            people = np.unique(self.person[r])
            mean = [np.linalg.norm(self.points[self.photos[g]] - point, axis=1).mean() for g in people]
            answers.append(self._answer(people, offset - slope * np.array(mean), unknown, int(r[0]), float(d[0])))
        return answers

    def _answer(
        self, people: np.ndarray, log_ratio: np.ndarray, unknown: float, nearest: int, distance: float
    ) -> Identity:
        logs = np.append(log_ratio + np.log1p(-unknown) - np.log(len(self.names)), np.log(unknown))
        p = np.exp(logs - np.logaddexp.reduce(logs))
        order = np.argsort(-p[:-1])
        candidates = [(self.names[people[i]], float(p[i])) for i in order]
        person, probability = candidates[0] if p[:-1].max() > p[-1] else (UNKNOWN, float(p[-1]))
        return Identity(person, probability, candidates, nearest, distance)

    def __repr__(self) -> str:
        return f"Gallery: {len(self):,} photos of {len(self.names):,} people, {self.index.d} dimensions"


def _array(embedding: Tensor) -> np.ndarray:
    return np.ascontiguousarray(embedding.detach().cpu().numpy(), dtype=np.float32)
