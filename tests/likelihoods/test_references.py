"""Reference points of people: the published loss, people by their own numbers, and comparisons where nobody is enrolled."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import probcost as pc
from probcost.likelihoods import NWayChoice, ProxyAnchor, Triplets

PEOPLE = torch.tensor([[7.0], [7.0], [3.0], [3.0], [3.0], [12.0]], dtype=torch.float64)


def enrolled(**options: float) -> ProxyAnchor:
    torch.manual_seed(0)
    likelihood = ProxyAnchor(4, **options).double()  # type: ignore[arg-type]
    likelihood.enroll(torch.tensor([[3.0], [7.0], [12.0], [20.0]], dtype=torch.float64))
    return likelihood


def test_is_the_published_loss_per_photo() -> None:
    """Kim et al. 2020, equation 4, by cosines: α = 2/T; means over people in the batch and over all people."""
    likelihood = enrolled(temperature=0.25, margin=0.1)
    raw = torch.randn(6, 4, dtype=torch.float64)
    cosine = F.normalize(raw, dim=1) @ F.normalize(likelihood.references, dim=1).T
    own = likelihood.people == PEOPLE
    alpha, delta = 8.0, 0.1
    positive, negative = [], []
    for c in range(4):
        s = cosine[:, c]
        if own[:, c].any():
            positive.append(own[:, c].sum() * torch.log1p(torch.exp(-alpha * (s[own[:, c]] - delta)).sum()))
        negative.append(torch.log1p(torch.exp(alpha * (s[~own[:, c]] + delta)).sum()))
    expected = sum(positive) + 6 * sum(negative) / 4
    assert float(-likelihood(raw).log_prob(PEOPLE).sum()) == pytest.approx(float(expected), rel=1e-10)


def test_members_with_batches_of_their_own() -> None:
    likelihood = enrolled()
    raw = torch.randn(2, 6, 4, dtype=torch.float64)
    both = torch.stack([PEOPLE, PEOPLE.flip(0)])
    together = likelihood(raw).log_prob(both)
    assert together.shape == (2, 6, 1)
    for m in range(2):
        assert torch.allclose(together[m], likelihood(raw[m]).log_prob(both[m]))


def test_photos_are_compared_with_each_other_in_evaluation() -> None:
    likelihood = enrolled().eval()
    raw = torch.randn(6, 4, dtype=torch.float64)
    other = Triplets(NWayChoice(temperature=0.2), 4).eval()
    assert torch.equal(likelihood(raw).log_prob(PEOPLE), other(raw).log_prob(PEOPLE))


def test_every_enrolled_person_gets_a_gradient_and_coincident_photos_are_fine() -> None:
    likelihood = enrolled()
    raw = torch.ones(6, 4, dtype=torch.float64, requires_grad=True)
    (-likelihood(raw).log_prob(PEOPLE).sum()).backward()
    assert raw.grad is not None
    assert likelihood.references.grad is not None
    assert bool(torch.isfinite(raw.grad).all())
    assert bool((likelihood.references.grad.abs().sum(1) > 0).all())


def test_who_is_enrolled() -> None:
    likelihood = enrolled()
    kept = likelihood.references.detach().clone()
    likelihood.enroll(torch.tensor([[20.0], [12.0], [7.0], [3.0]]))
    assert torch.equal(likelihood.references, kept)
    with pytest.raises(ValueError, match="holds person 8, who was not enrolled; 4 people were"):
        likelihood(torch.zeros(1, 4).double()).log_prob(torch.tensor([[8.0]]).double())
    with pytest.raises(ValueError, match="nobody is enrolled"):
        ProxyAnchor(4)(torch.zeros(1, 4))
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        ProxyAnchor(4, temperature=0.0)


def test_the_model_given_stays_as_it_was() -> None:
    torch.manual_seed(0)
    model = pc.CostModel(torch.nn.Linear(3, 4), ProxyAnchor(4))
    y = torch.arange(6.0).repeat_interleave(4)
    pc.fit(model, torch.randn(24, 3), y, epochs=1, batch_size=8, validation=None, progress=False)
    assert len(model.likelihood.references) == 0
