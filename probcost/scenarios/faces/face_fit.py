"""A trained face embedding at work: points for photos, the probability of one person, and who is on a photo."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from probcost.inference import Fit, History
from probcost.inference.posterior import PointEstimate
from probcost.inputs import as_inputs, same_length
from probcost.likelihoods import GaussianTriplet, SamePerson
from probcost.model import CostModel
from probcost.predict import Predictive

if TYPE_CHECKING:
    from probcost.checks.comparisons_check import ComparisonCheck
    from probcost.checks.comparisons_evidence import ComparisonEvidence
    from probcost.checks.diagnosis_result import Finding
    from probcost.scenarios.faces.face_embedding import FaceEmbedding
    from probcost.scenarios.faces.gallery import Gallery, Identity

__all__ = ["FaceFit"]

_AT_ONCE = 1024  # photos embedded together
_FURTHEST = 50.0
_DRAWS = 20  # of a posterior, side by side in one embedding
_HOW_TO_JUDGE = (
    "pc.check and pc.diagnose judge a face fit by photos and people, faces.verification_scores(fit.embed(photos), people) and "
    "faces.same_person_scores score it, and fit.same_person is a fit of pairs: distances [n, 1] and answers 1 or 0"
)


class FaceFit(Fit):
    """What `probcost.fit` returns for a `FaceEmbedding`.

    Photos are ``[T, h, w]`` (of one channel) or ``[T, c, h, w]``, in the units of those trained on; one photo may come without
    the ``T``.

    Example:
        >>> photos = faces.simulate_faces(n_people=6, n_photos=4, size=(24, 20))
        >>> fitted = pc.fit(pc.FaceEmbedding((1, 24, 20)), photos.x, photos.y, epochs=2, progress=False)
        >>> fitted.embed(photos.x).shape
        torch.Size([24, 64])
        >>> p = fitted.match_probability(photos.x[0], photos.x[1])
        >>> bool(0 <= p <= 1)
        True
    """

    def embed(self, photos: Any) -> Tensor:
        """Points ``[T, m]``: near each other, by Euclidean distance, for photos of one person.

        The members of an ensemble, or 20 draws of a posterior (``"laplace"``, ``"svi"``), stand side by side, ``[T, S m]``:
        a squared distance is the mean of theirs. With m = 64, 20 draws are 1,280 numbers a photo, 20 times the memory of a
        gallery; P(same) has been learned on such distances, and is one curve over them, not a mean over draws.

        Raises:
            ValueError: for photos of another size than those trained on, or values that are not finite.
        """
        x = self.photos(photos)
        weights = self.posterior.draws(_DRAWS, self.seed)
        with torch.no_grad():
            return torch.cat([self._faces.embed(part, weights) for part in x.split(_AT_ONCE)])

    def match_probability(self, a: Any, b: Any) -> Tensor:
        """P(``a[t]`` and ``b[t]`` show one person), ``[T]``, where both answers are equally likely before looking.

        ``p / (1 - p)`` is a likelihood ratio: multiply it by the odds of your own setting.

        Args:
            a, b: photos ``[T, ...]``, or one against T.

        Raises:
            ValueError: as `embed`; for numbers of photos that do not fit each other; where no people were held out in training.
        """
        first, second = self.embed(a), self.embed(b)
        if min(len(first), len(second)) > 1:
            same_length(a=first, b=second)
        return self.same_person.predict((first - second).norm(dim=-1, keepdim=True)).mean.squeeze(-1)

    def predict(self, x: Any, *, draws: int = _DRAWS) -> Predictive:
        """The predictive distribution of "one person" (1 or 0) for pairs of photos ``x = (a, b)``; batch shape ``[T, 1]``.

        Raises:
            ValueError: as `match_probability`; for anything but a pair of arrays of photos.
        """
        if not isinstance(x, (tuple, list)) or len(x) != 2:
            raise ValueError(
                f"a face fit predicts pairs: x must be (a, b), two arrays of equally many photos; {_HOW_TO_JUDGE}"
            )
        same_length(a=x[0], b=x[1])
        return self.same_person.predict((self.embed(x[0]) - self.embed(x[1])).norm(dim=-1, keepdim=True))

    def log_prob(self, x: Any, y: Any, *, draws: int = _DRAWS) -> Tensor:
        """log P of the answers ``y`` ``[T]`` (1: one person) for pairs ``x = (a, b)``: ``[1, T, 1]``."""
        return self.predict(x).pointwise(self.same_person.observations(y))

    def observations(self, y: Any) -> Tensor:
        """Refused: who is on a photo is given, and compared; nothing predicts it.

        Raises:
            TypeError: always, saying what to call instead.
        """
        raise TypeError(f"a face fit compares photos, and has no observations of single ones: {_HOW_TO_JUDGE}")

    def comparison_evidence(self, photos: Any, people: Any, seed: int = 0) -> ComparisonEvidence:
        """What the checks look at: all pairs of up to 2,000 photos, and 20,000 triplets, beside what the fit says of them.

        Args:
            photos: best such as the fit was not trained on, ``[T, ...]``.
            people: one name or number a photo.

        Raises:
            ValueError: for numbers that differ, one person only, or nobody with two photos.
        """
        from probcost.scenarios.faces.evidence import gather_comparisons

        return gather_comparisons(self, photos, people, seed)

    def findings(self, photos: Any, people: Any, *, level: float = 0.05, seed: int = 0) -> list[Finding]:
        """The assumptions of a cost of comparisons, as `probcost.diagnose` lists them."""
        from probcost.checks.comparisons import diagnose_comparisons

        return diagnose_comparisons(self, photos, people, level, seed)

    def calibration(self, photos: Any, people: Any, *, level: float = 0.05, seed: int = 0) -> ComparisonCheck:
        """Is P(same person) calibrated on these people? As `probcost.check` shows it."""
        from probcost.checks.comparisons_check import check_comparisons

        return check_comparisons(self, photos, people, level, seed)

    @property
    def curve(self) -> Tensor:
        """Offset c and log-slope log β of P(same) = 1/(1 + exp(β d − c)), ``[2]``; NaN where nobody was held out."""
        return self._faces.curve

    @cached_property
    def fingerprint(self) -> str:
        """Of everything that places embeddings: equal for a fit and its copy on disk, and for no other."""
        tensors = {**self.model.state_dict(), **self.posterior.state()}
        digest = hashlib.sha256(f"{self.method} {self.seed}".encode())
        for name, value in sorted(tensors.items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    @property
    def same_person(self) -> Fit:
        """The curve from distance to P(same person), a fit of its own, for answers that are equally likely beforehand.

        Judge it by ``pc.check(fit, photos, people)`` of the face fit itself, which takes people as its unit and weighs both
        answers equally, not by ``pc.check(fit.same_person, distances, answers)``: that takes pairs as independent, and pairs
        that share a person are not, so it finds fault with a true curve.

        Raises:
            ValueError: where no people were held out in training to learn it from.
        """
        offset, log_slope = self.curve.unbind()
        if not bool(torch.isfinite(offset)):
            raise ValueError(
                "P(same person) is learned from people held out of training, and this fit held out none (or is a step of the "
                "tutorial, which learns none); fit with validation='auto' and four people or more, or with "
                "validation=(photos, people) of other people"
            )
        likelihood = SamePerson(power=1)
        with torch.no_grad():
            likelihood.offset.fill_(offset)
            likelihood.log_slope.fill_(log_slope)
        half = torch.full((1,), 0.5, device=offset.device)
        return Fit(
            model=CostModel(nn.Identity(), likelihood.to(offset.device)).eval(),
            method=self.method,
            posterior=PointEstimate(),
            history=History(),
            input_shape=torch.Size((1,)),
            unit_names=["same person"],
            null_mean=half,
            null_variance=half * half,
            drift_half_life=np.inf,
            seed=self.seed,
        )

    def gallery(self, photos: Any, people: Any) -> Gallery:
        """Photos of known people, ready to be searched by `identify`.

        Args:
            people: one name or number a photo.
        """
        from probcost.scenarios.faces.gallery import Gallery

        return Gallery(self.embed(photos), people, made_by=self.fingerprint)

    def identify(self, photo: Any, gallery: Gallery, *, unknown: float = 0.5) -> list[Identity]:
        """Who of the gallery is on each photo, or nobody in it; see `Gallery.identify`.

        Args:
            photo: one photo or several.
            unknown: how likely, before looking, that somebody is not in the gallery.

        Raises:
            ValueError: for a gallery that another fit made: distances between embeddings of two fits mean nothing.
        """
        if gallery.made_by not in (None, self.fingerprint):
            raise ValueError(
                "the gallery was made by another fit, and distances between embeddings of two fits mean nothing; make it anew "
                "by fit.gallery(photos, people) of this one"
            )
        return gallery.identify(self.embed(photo), self.curve, unknown=unknown)

    def spread(self, photos: Any, *, draws: int = 100) -> Tensor:
        r"""How uncertain each embedding is, ``[T]``: its standard deviation over all dimensions, :math:`\sqrt{\sum_c s_c^2}`.

        What the network predicts where its likelihood is `GaussianTriplet`; else the spread over posterior draws of the last
        layer (``method="laplace"`` or ``"svi"``), which are embeddings in common axes.

        Raises:
            ValueError: for a point estimate without predicted scales, and for an ensemble, whose members have axes of their own.
        """
        x, likelihood = self.photos(photos), self._faces.likelihood
        comparison = likelihood.comparison
        if isinstance(comparison, GaussianTriplet) and self.method != "ensemble":
            with torch.no_grad():
                raw = likelihood.embed(self.model.raw(x))
                return comparison.moments(raw)[1].sum(-1).sqrt()
        if self.method not in ("laplace", "svi"):
            raise ValueError(
                f"this fit by {self.method!r} knows no spread of embeddings; use Triplets(GaussianTriplet(), 128), "
                "or method='laplace' or 'svi'"
            )
        weights = self.posterior.draws(draws, self.seed)
        with torch.no_grad():
            parts = [likelihood.embed(self.model.raw(part, weights)) for part in x.split(_AT_ONCE)]
        return torch.cat(parts, 1).var(0).sum(-1).sqrt()

    @property
    def _faces(self) -> FaceEmbedding:
        return cast("FaceEmbedding", self.model)

    def photos(self, photos: Any) -> Tensor:
        """Photos as a checked tensor ``[T, ...]``, of the size trained on.

        Raises:
            ValueError: for another size, values that are not finite, or 0 … 255 in place of 0 … 1.
        """
        x, shape = as_inputs(photos, self.null_mean), self.input_shape
        # Of one channel, [T, h, w] and [T, 1, h, w] are the same photos.
        if len(shape) > 1 and {shape[:-2], x.shape[1:-2]} <= {(), (1,)}:
            x = x.reshape(-1, *shape[:-2], *x.shape[-2:])
        elif x.ndim == len(shape):
            x = x[None]
        if x.shape[1:] != shape:
            raise ValueError(f"photos have shape {list(x.shape[1:])}; this fit was trained on {list(shape)}")
        furthest = float(self.model.standardize(x).abs().max())
        if furthest > _FURTHEST:
            raise ValueError(
                f"photos lie {furthest:,.0f} standard deviations from those trained on: are they 0 … 255 in place of 0 … 1? "
                "photos.x of a data set is 0 … 1"
            )
        return x
