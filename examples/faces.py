"""Faces: photos of one person near, of different people far
=========================================================

The triplet cost step by step, and how likely two photos are one person::

    python examples/faces.py                                       # rendered faces, from frontal to profile; nothing to download
    python examples/faces.py --data faces.npz --out results        # your own: images [n, h, w] uint8, labels [n]
    python examples/faces.py --data photos --folds 5               # or a folder person/photo.jpg; five folds over people
    python examples/faces.py --steps pairs hinge                   # some steps only; --steps alone: none

The steps: pairs of one person only (they collapse) → minus the distance to somebody else (no bound below) → minus a second one
(two terms against one) → back to one, with a margin and no zero, and with a zero and no margin → both: the hinge, which is −log
of a probability. Above them stand the package's own model, and P(same person), learned from people held out of training.
Everything is scored on people that nothing has seen.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import probcost as pc
from probcost.likelihoods import GaussianTriplet, Triplets
from probcost.scenarios import faces
from probcost.style import COLOURS, style

# Each step: its title, and what it teaches.
STEPS = {
    "pairs": (
        "1. pairs only",
        "the cheapest embedding is one point for everybody: look at the spread (AUC sees only what order is left in the ruins)",
    ),
    "difference": (
        "2. minus d(a,n)",
        "an embedding twice the size has a cost twice as far below 0: there is no cheapest one",
    ),
    "two_negatives": ("3. minus d(p,n) too", "two terms push, one pulls: growing pays even where nobody is told apart"),
    "margin_only": (
        "4a. one negative, margin α, no zero",
        "α has no gradient: this is step 2; triplets long right still pull",
    ),
    "zero_only": (
        "4b. zero, no margin",
        "bounded, but one point for everybody is among the cheapest again: half the size, half the cost",
    ),
    "hinge": ("5. margin and zero", "one point costs α, and who is right by α rests: the hinge, −log of a probability"),
}
FINAL = "the model to use"

# Each score: its name, and what it says.
SCORES = {
    "auc": ("AUC", "how likely two photos of one person are nearer than two of different people; chance is 0.5"),
    "eer": (
        "equal error rate",
        "where as many pairs of one person are refused as of two people accepted; less is better",
    ),
    "tar_at_far_1pct": (
        "true accepts at 1 % false accepts",
        "share of pairs of one person accepted, at the distance that accepts 1 % of the others",
    ),
    "recall_at_1": ("recall at 1", "share of photos whose nearest other photo shows the same person"),
    "map_at_r": (
        "mean average precision at R",
        "of each photo's R nearest, R being how many others of its person there are: how many show that person, and how early",
    ),
    "same_person_nll": (
        "P(same person): NLL",
        "cost of a pair in nats, both answers weighing equally; saying one half every time costs 0.693",
    ),
    "same_person_brier": (
        "P(same person): Brier score",
        "mean squared error of the probability; one half every time costs 0.25",
    ),
    "same_person_ece": (
        "P(same person): expected calibration error",
        "how far probabilities are, on average, from the share of pairs that are one person; 0 where they come true",
    ),
}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.process_time()

    # 1. The data: photos and whose they are. People whose number modulo 5 is 0 are for the test, with all their photos.
    dataset, source = read(arguments)
    print(dataset)
    folds = dataset.folds(arguments.folds or 5)[: arguments.folds or 1]
    train, test = folds[0]
    x, y, person = dataset.x, dataset.y, dataset.person[test]
    pixels = faces.verification_scores(x[test].reshape(len(test), -1), person)["auc"]
    print(f"by their pixels, two photos of one person are the nearer ones with probability {pixels:.3f} (chance .5)")

    # 2. The steps: each a Pyro model, fitted like any other. Nothing is held out, so as to see where the cost itself leads.
    points, costs, steps = {}, {}, {}
    for name in arguments.steps:
        title, lesson = STEPS[name]
        torch.manual_seed(arguments.seed)
        model = faces.step(x.shape[1:], name)
        kind = "normalised" if name == "hinge" else "unnormalised: a factor, no probability"
        print(f"\n{title}: cost of a triplet {model.likelihood.comparison.equation} ({kind})")
        fit = pc.fit(model, x[train], y[train], epochs=arguments.epochs, validation=None, seed=arguments.seed)
        points[name], costs[name] = fit.embed(x[test]), fit.history.cost
        steps[name] = measure(points[name], person, costs[name])
        print("  ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in steps[name].items()), lesson, sep="\n")

    # 3. The model to use, on every fold, with its own likelihood, and photos changed a little in training.
    scores = []
    for k, (rows, held) in enumerate(folds):
        torch.manual_seed(arguments.seed)
        model = faces.model(dataset)
        if k == 0:
            print(f"\n{FINAL}: {model.likelihood}")
        # Each fifth of the people is held out in turn, for P(same person) and to know when to stop; then all of them train.
        fitted = pc.fit(model, x[rows], y[rows], method=arguments.method, seed=arguments.seed)
        scores.append(score(fitted, dataset, held))
        print(f"fold {k}: " + "  ".join(f"{name} {value:.3f}" for name, value in scores[-1].items()))
        if k == 0:
            fit = fitted
            fit.save(arguments.out / "fit")
    mean = {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}
    points["final"] = fit.embed(x[test])

    # 4. How sure are the scores, who is on a photo, and does an embedding know how certain it is?
    intervals = faces.bootstrap_people(person, lambda w: verify(points["final"], person, w), n=300, seed=arguments.seed)
    print("of this fold's people, drawn again: " + ", ".join(f"{name} {value}" for name, value in intervals.items()))
    pictures = draw(fit, dataset, test, points, costs, steps)
    pictures["identify"] = identify(fit, dataset, test)
    pictures |= uncertainty(dataset, train, test, arguments.seed)

    # 5. What is left behind.
    summary = {"data": source, "cpu_seconds": time.process_time() - started, "test": mean, "folds": scores}
    (arguments.out / "scores.json").write_text(json.dumps(summary, indent=1))
    (arguments.out / "steps.json").write_text(json.dumps(steps, indent=1))
    for name, (_, figure) in pictures.items():
        figure.savefig(arguments.out / f"{name}.png", dpi=130)
    pc.report(
        fit,
        x[test],
        y[test],
        arguments.out / "report.html",
        title=f"Photos of one person near, of different people far: {source}",
        pictures=dict(pictures.values()),
        tables=tables(steps, scores, intervals),
    )
    print(f"left in {arguments.out}: report.html, scores.json, steps.json, the fit in fit/, {len(pictures)} pictures")


def read(arguments: argparse.Namespace) -> tuple[faces.FaceDataset, str]:
    """The data set asked for, of ``--size`` pixels, and what to call it."""
    size = (arguments.size, arguments.size)
    if arguments.data:
        return faces.load(arguments.data, size), arguments.data.name
    return faces.simulate_faces(arguments.people, size=size, seed=arguments.seed), "rendered faces"


def measure(embedding: torch.Tensor, person: np.ndarray, costs: list[float]) -> dict[str, float]:
    """What a step did: mean distances within and between people, spread, verification, and cost."""
    first, second, same = faces.all_pairs(person)
    distance = (embedding[first] - embedding[second]).double().norm(dim=-1).numpy()
    return {
        "first_cost": costs[0],
        "last_cost": costs[-1],
        "same_distance": float(distance[same].mean()),
        "different_distance": float(distance[~same].mean()),
        "spread": float(embedding.double().var(0).sum().sqrt()),
        "auc": faces.verification_scores(embedding, person)["auc"],
    }


def verify(embedding: torch.Tensor, person: np.ndarray, weight: np.ndarray | None = None) -> dict[str, float]:
    found = faces.verification_scores(embedding, person, weight=weight)
    return {name: found[name] for name in ("auc", "tar_at_far_1pct")}


def pairs(
    fit: faces.FaceFit, dataset: faces.FaceDataset, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all pairs of these photos: distance, P(same person), and whether it is one."""
    embedding = fit.embed(dataset.x[rows])
    first, second, same = faces.all_pairs(dataset.person[rows])
    distance = (embedding[first] - embedding[second]).norm(dim=-1, keepdim=True)
    return distance.squeeze(1).numpy(), fit.same_person.predict(distance).mean.squeeze(1).numpy(), same


def score(fit: faces.FaceFit, dataset: faces.FaceDataset, rows: np.ndarray) -> dict[str, float]:
    """Everything `scores.json` holds of people not seen in training."""
    embedding, person = fit.embed(dataset.x[rows]), dataset.person[rows]
    _, probability, same = pairs(fit, dataset, rows)
    retrieval = faces.retrieval_scores(embedding, person)
    return {
        **faces.verification_scores(embedding, person),
        **{name: retrieval[name] for name in ("recall_at_1", "map_at_r")},
        **faces.same_person_scores(probability, same),
    }


def draw(
    fit: faces.FaceFit,
    dataset: faces.FaceDataset,
    test: np.ndarray,
    points: dict[str, torch.Tensor],
    costs: dict[str, list[float]],
    steps: dict[str, dict[str, float]],
) -> dict[str, tuple[str, Figure]]:
    """The pictures, each with what there is to see in it."""
    person, images = dataset.person[test], dataset.images[test]
    shown = {
        f"{STEPS[name][0]}\nspread {s['spread']:.2g}, AUC {s['auc']:.3f}": points[name] for name, s in steps.items()
    }
    shown[f"{FINAL}\non the unit sphere, AUC {verify(points['final'], person)['auc']:.3f}"] = points["final"]
    pictures = {
        "embedding": (
            "People nobody has trained on, where each step puts them. Each colour and shape together is a person, whose photos "
            "belong together: a colour comes back with another shape.",
            faces.plot_embedding(shown, person),
        )
    }
    if steps:
        pictures["costs"] = (
            "The cost of each step, epoch by epoch. 2, 3 and 4a fall without end: they have no cheapest embedding.",
            plot_costs(costs),
        )
        pictures["scale"] = (
            "Why α, why the zero: the same points drawn together (0) or apart. A cost should be lowest somewhere between.",
            plot_scale(points.get("hinge", points["final"]), person),
        )
    distance, probability, same = pairs(fit, dataset, test)
    at = torch.linspace(0, float(distance.max()), 200)[:, None]
    curve = at.squeeze(1).numpy(), fit.same_person.predict(at).mean.squeeze(1).numpy()
    roc = {name: points[name] for name in ("hinge", "final") if name in points}
    roc = {{"hinge": "5. hinge", "final": FINAL}[name]: value for name, value in roc.items()}
    queries = [int(np.flatnonzero(person == who)[0]) for who in np.unique(person)[:6]]
    pictures |= {
        "roc": (
            "Verification. The nearer to the upper left corner, the more pairs are told rightly."
            + hinge_or_final(points, person),
            faces.plot_roc({"pixels": images.reshape(len(images), -1) / 255, **roc}, person),
        ),
        "distances": (
            "Distances, and P(same person). The less the two kinds of pairs overlap, the surer an answer.",
            faces.plot_distances(distance, same, curve),
        ),
        "reliability": (
            "Does P(same person) come true? On the diagonal it does.",
            faces.plot_reliability(probability, same),
        ),
        "neighbours": (
            "Whom the embedding takes for whom. A photo, and the nearest others to it: ticked where they show the same person.",
            faces.plot_neighbours(images, points["final"], person, queries),
        ),
    }
    return pictures


def hinge_or_final(points: dict[str, torch.Tensor], person: np.ndarray) -> str:
    """How far step 5 and the model to use are apart, on the same people drawn again, and what so few people can say."""
    if "hinge" not in points:
        return ""

    def gain(weight: np.ndarray) -> float:
        hinge, final = (verify(points[name], person, weight)["auc"] for name in ("hinge", "final"))
        return hinge - final

    found = faces.bootstrap_people(person, gain, n=200)
    sure = found.low > 0 or found.high < 0
    people = len(np.unique(person))
    says = "a difference on these people" if sure else "no difference that these people could show"
    return (
        f" AUC of step 5 less that of {FINAL}: {found.estimate:+.3f} (95 % over people drawn again: {found.low:+.3f} … "
        f"{found.high:+.3f}), {says}. It is one split and {people} people: the default was chosen on several splits, of rendered "
        "faces turned up to a profile and of photographs (docs/guides/faces.md)."
    )


def plot_costs(costs: dict[str, list[float]]) -> Figure:
    """Training cost of every step, on an axis that shows 1 and a million, of either sign."""
    with style():
        figure, axes = plt.subplots(figsize=(9, 4.4))
        for (name, values), line in zip(costs.items(), LINES, strict=False):
            axes.plot(np.arange(1, len(values) + 1), values, label=STEPS[name][0], **line)
        axes.set_yscale("symlog", linthresh=1)
        axes.axhline(0, color=COLOURS["quiet"], linewidth=0.8)
        axes.set(xlabel="epoch", ylabel="cost of a photo as the anchor", title="Training cost, step by step")
        figure.legend(loc="outside right upper", fontsize="small")
        plt.close(figure)
    return figure


def plot_scale(embedding: torch.Tensor, person: np.ndarray) -> Figure:
    """Each step's cost of one embedding at c times its size, and of points that know nobody: the same, people dealt at random."""
    labels = torch.as_tensor(person).float()[:, None]
    dealt = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    unit = embedding / embedding.double().var(0).sum().sqrt()
    sizes = torch.linspace(0, 3, 31)
    same = (labels == labels.T).sum(1) - 1
    triplets = float((same * (len(labels) - 1 - same)).sum())
    with style():
        figure, panels = plt.subplots(1, 2, figsize=(9.6, 4.4), sharey=True)
        for axes, people, title in (
            (panels[0], labels, "A trained embedding"),
            (panels[1], dealt, "Knowing nobody: people dealt at random"),
        ):
            for (name, (label, _)), line in zip(STEPS.items(), LINES, strict=True):
                likelihood = faces.step((32, 32), name, n_outputs=embedding.shape[1]).likelihood.eval()
                cost = [-float(likelihood(c * unit).log_prob(people).sum()) / triplets for c in sizes]
                axes.plot(sizes, cost, label=label if axes is panels[0] else None, **line)
            axes.axhline(0, color=COLOURS["quiet"], linewidth=0.8)
            axes.set(xlabel="size of the embedding", title=title)
        panels[0].set_ylabel("cost of a triplet (α = 1)")
        figure.legend(loc="outside lower left", ncols=3, fontsize="small")
        plt.close(figure)
    return figure


LINES = [
    {"color": COLOURS["model"], "linestyle": "-"},
    {"color": COLOURS["alert"], "linestyle": "--"},
    {"color": COLOURS["third"], "linestyle": "-."},
    {"color": COLOURS["second"], "linestyle": ":", "linewidth": 2.5},
    {"color": COLOURS["quiet"], "linestyle": (0, (6, 1))},
    {"color": COLOURS["data"], "linestyle": "-", "linewidth": 2.5},
]


def identify(fit: faces.FaceFit, dataset: faces.FaceDataset, test: np.ndarray) -> tuple[str, Figure]:
    """A gallery of three in four of the test people, by half their photos; the others are strangers to it."""
    person = dataset.person[test]
    people = np.unique(person)
    known = people[: max(1, 3 * len(people) // 4)]
    place = np.array([np.sum(person[:t] == person[t]) for t in range(len(person))])
    count = np.array([np.sum(person == who) for who in person])
    enrolled = np.isin(person, known) & (place < (count + 1) // 2)
    gallery = fit.gallery(dataset.x[test[enrolled]], [dataset.person_names[i] for i in person[enrolled]])
    asked = np.flatnonzero(~enrolled)
    answers = fit.identify(dataset.x[test[asked]], gallery, unknown=1 - len(known) / len(people))
    given = np.array([answer.person for answer in answers])
    truth = np.array([dataset.person_names[i] for i in person[asked]])
    stranger = ~np.isin(person[asked], known)
    right = given == np.where(stranger, "unknown", truth)
    words = (
        f"of {np.sum(~stranger)} photos of people in the gallery {np.sum(right & ~stranger)} are named rightly and "
        f"{np.sum((given == 'unknown') & ~stranger)} called unknown; of {stranger.sum()} photos of strangers "
        f"{np.sum(right & stranger)} are called unknown"
    )
    print(f"{gallery}\n{words}")
    rng = np.random.default_rng(0)
    some = np.concatenate([rng.permutation(np.flatnonzero(kind))[:8] for kind in (~stranger, stranger)])
    titles = [
        f"{'✓' if right[i] else '✗'} {given[i]}\n{answers[i].probability:.2f}"
        + f"\n({'stranger' if stranger[i] else truth[i]})"
        for i in some
    ]
    figure = faces.plot_photos(dataset.images[test[asked[some]]], titles, columns=8)
    figure.set_size_inches(12, 2 * max(1, len(some) // 8) * 1.1)
    return f"Who is this? Answer, its probability, and in brackets the truth: {words}.", figure


def uncertainty(
    dataset: faces.FaceDataset, train: np.ndarray, test: np.ndarray, seed: int
) -> dict[str, tuple[str, Figure]]:
    """Embeddings with a predicted spread: is it wider where photos are placed worse, and for which photos?"""
    torch.manual_seed(seed)
    likelihood = Triplets(GaussianTriplet(scale=0.1), 128, mining="all")
    model = pc.FaceEmbedding(dataset.x.shape[1:], likelihood)
    print("\nuncertain embeddings: a mean and a scale for each dimension")
    fit = pc.fit(model, dataset.x[train], dataset.y[train], validation=0.1, seed=seed)
    spread, embedding, person = fit.spread(dataset.x[test]), fit.embed(dataset.x[test]), dataset.person[test]
    correlation = faces.uncertainty_error(spread, embedding, person)
    print(f"rank correlation of a photo's spread with how badly it is placed: {correlation:.2f}")
    error = faces.photo_error(embedding, person)
    told = f"Predicted spread against how badly a photo is placed: rank correlation {correlation:.2f}. It should rise."
    keep = np.isfinite(error)
    pictures = {
        "spread_error": (told, faces.plot_spread(spread[keep], error[keep], "placement error, below 1 is well placed"))
    }
    if "yaw" in dataset.condition:
        turned = np.abs(dataset.condition["yaw"][test])
        pictures["spread_yaw"] = (
            "Predicted spread by pose. Photos of turned heads say less of who it is, and should have more of it.",
            faces.plot_spread(spread, turned, "yaw, degrees from frontal"),
        )
    if "blur" in dataset.condition:
        blur = dataset.condition["blur"][test]
        pictures["spread_blur"] = (
            "Predicted spread by sharpness. Blurred photos should have more of it.",
            faces.plot_spread(spread, blur, "blur, 32nds of the height"),
        )
    return pictures


def tables(
    steps: dict[str, dict[str, float]], scores: list[dict[str, float]], intervals: dict[str, faces.Interval]
) -> dict[str, pd.DataFrame]:
    """What each step did, and how good the model to use is."""
    shown = {}
    if steps:
        measured = pd.DataFrame(steps).T.rename(index={name: title for name, (title, _) in STEPS.items()})
        measured = measured.rename(columns={"auc": "AUC"})
        shown["The steps, on test people"] = measured.assign(what_it_shows=[STEPS[name][1] for name in steps])
    final = pd.DataFrame(scores, index=[f"fold {k}" for k in range(len(scores))]).T
    if len(scores) > 1:
        final["mean"] = final.mean(axis=1)
    final["95 % over people of fold 0"] = [
        str(intervals[name]).split(" ", 1)[1] if name in intervals else "" for name in final.index
    ]
    final["what it is"] = [SCORES[name][1] for name in final.index]
    final = final.rename(index={name: label for name, (label, _) in SCORES.items()})
    shown[f"{FINAL[0].upper() + FINAL[1:]}: people nobody has trained on"] = final
    return shown


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="an .npz of images and labels, or a folder person/photo.jpg")
    parser.add_argument("--people", type=int, default=40, help="how many to render, where no data are given")
    parser.add_argument("--size", type=int, default=32, help="height and width that photos are brought to, in pixels")
    parser.add_argument(
        "--folds", type=int, default=0, help="test everybody, in so many folds over people; one split unless given"
    )
    parser.add_argument("--steps", nargs="*", default=list(STEPS), choices=list(STEPS), help="steps to climb")
    parser.add_argument("--epochs", type=int, default=100, help="of every step")
    parser.add_argument("--method", default="map", choices=["map", "ensemble"], help="one network, or five of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for everything that is left behind")
    parser.add_argument("--threads", type=int, default=1, help="the matrices are small: more threads mostly wait")
    return parser.parse_args()


if __name__ == "__main__":
    main()
