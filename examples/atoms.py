"""Atoms: where one is in a molecule, and how sure that is
=======================================================

A ladder of beliefs, each dropping an assumption of the one before::

    python examples/atoms.py                                            # a simulated molecule, nothing to download
    python examples/atoms.py --data sidechain_tip.npz --out results     # side chains of real proteins, their own split
    python examples/atoms.py --structures *.pdb --atom gamma            # your own PDB or mmCIF files (probcost[atoms])
    python examples/atoms.py --rungs mixture ensemble                   # some rungs only

The ladder: squared error (every atom is equally uncertain, by 1 Å) → one learned σ per axis → σ predicted for each atom →
axes that vary together → several answers at once, with heavy tails → several networks, which differ where data are few.
Every step is another likelihood, and its cost function falls out of it; the table says what each step buys.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import probcost as pc
from probcost.likelihoods import Likelihood, MultivariateNormal, Normal
from probcost.scenarios import atoms
from probcost.style import COLOURS, style

# Each rung: what is believed of errors, and how the network is fitted.
RUNGS: dict[str, tuple[Callable[[], str | Likelihood], str]] = {
    "mse": (lambda: Normal(3, scale=1.0), "map"),
    "learned_scale": (lambda: Normal(3, scale="learned"), "map"),
    "predicted_scale": (lambda: Normal(3), "map"),
    "full_covariance": (lambda: MultivariateNormal(3), "map"),
    "mixture": (lambda: "mixture", "map"),
    "ensemble": (lambda: "mixture", "ensemble"),
}

LADDER = (
    "The ladder, on test atoms. Of NLL, RMSE and energy score, less is better. A region is one of all three coordinates jointly, "
    "whatever the belief; intervals of single coordinates, which the comparison above counts for some fits, are another thing."
)


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.process_time()

    # 1. The data: what is known of each atom's surroundings, where it is, and which rows may be learned from.
    dataset, source = read(arguments)
    print(dataset)
    train, validation, test = (dataset.rows(role) for role in ("train", "validation", "test"))
    x, y = dataset.x, dataset.y

    # 2. The ladder: a belief, the fit it leads to, and its scores on atoms that nothing has seen.
    scores: dict[str, dict[str, float]] = {}
    fits: dict[str, pc.Fit] = {}
    for rung in arguments.rungs:
        likelihood, method = RUNGS[rung]
        torch.manual_seed(arguments.seed)  # the network's initial weights; everything after takes the seed explicitly
        begun = time.process_time()
        model = atoms.model(dataset, likelihood())
        print(f"\n{rung}: cost of one {'atom' if model.likelihood.event_dim else 'axis'}: {model.likelihood.equation}")
        fit = fits[rung.replace("_", " ")] = pc.fit(
            model, x[train], y[train], method=method, validation=(x[validation], y[validation]), seed=arguments.seed
        )
        seconds = time.process_time() - begun
        fit.unit_names = ["x", "y", "z"]
        scores[rung] = {**atoms.location_scores(fit.predict(x[test]), y[test]), "cpu_seconds": seconds}
        print("  ".join(f"{name} {value:.3f}" for name, value in scores[rung].items()))
    fit.save(arguments.out / "fit")
    summary = {"data": source, "cpu_seconds": time.process_time() - started, "test": scores}
    (arguments.out / "scores.json").write_text(json.dumps(summary, indent=1))

    # 3. Does the last belief hold, is its σ worth anything, and was every step worth taking? Pictures, and one page.
    # Atoms of one chain may err alike, and are judged as such.
    groups = dataset.group[test] if len(np.unique(dataset.group[test])) > 1 else None
    check = pc.check(fit, x[test], y[test], groups=groups)
    print(check)
    bought = "What each step buys. The shorter a bar, the better; dots belong on the dashed line of their colour."
    pictures = {"ladder": (bought, plot_ladder(scores)), **draw(fit, dataset, test)}
    shown = {name: figure for name, (_, figure) in pictures.items()} | {
        "check": check.plot(),
        "score": pc.score(fit, x[test], y[test]).plot(),
    }
    for name, figure in shown.items():
        figure.savefig(arguments.out / f"{name}.png", dpi=130)
    pc.report(
        fit,
        x[test],
        y[test],
        arguments.out / "report.html",
        title=f"Where is the atom? {source}",
        comparison=fits if len(fits) > 1 else None,
        groups=groups,
        pictures=dict(pictures.values()),
        tables={LADDER: table(scores)},
    )
    print(f"left in {arguments.out}: report.html, scores.json, the fitted model in fit/, {len(shown)} pictures")


def read(arguments: argparse.Namespace) -> tuple[atoms.AtomDataset, str]:
    """The data set asked for, and what to call it."""
    if arguments.structures:
        dataset = atoms.from_structures(arguments.structures, atom=arguments.atom, seed=arguments.seed)
        if not all(len(dataset.rows(role)) for role in ("train", "validation", "test")):
            print(
                "too few unlike chains: residues are split at random, and scores are of molecules that were trained on"
            )
            dataset = replace(dataset, split=atoms.assign_split(np.arange(len(dataset)), arguments.seed))
        return dataset, f"{len(arguments.structures)} structures, {arguments.atom} atoms"
    if arguments.data:
        return atoms.load(arguments.data), arguments.data.name
    return atoms.simulate_molecule(seed=arguments.seed), "simulated molecule"


def table(scores: dict[str, dict[str, float]]) -> pd.DataFrame:
    """The scores of `scores.json`, with what each is spelled out."""
    names = {
        "nll": "NLL, nats per atom",
        "rmse": "RMSE, Å",
        "energy_score": "energy score, Å",
        **{f"coverage_{level}": f"share of atoms within their {level} % region" for level in (50, 90, 95)},
        "cpu_seconds": "CPU seconds",
    }
    return pd.DataFrame(scores).T.rename(columns=names)


def draw(fit: pc.Fit, dataset: atoms.AtomDataset, test: np.ndarray) -> dict[str, tuple[str, Figure]]:
    """Predicted ellipsoids over true atoms, and σ against error."""
    predictive = fit.predict(dataset.x[test])
    y, residue = dataset.y[test], dataset.residue[test]
    # From replicated locations, since with heavy tails a variance need not exist in closed form.
    samples = predictive.sample((200,))
    centre = samples.mean(0)
    sigma = (samples - centre).square().sum(-1).mean(0).sqrt().numpy()
    error = (torch.as_tensor(y) - centre).norm(dim=-1).numpy()
    print(f"rank correlation of σ and error within types: {atoms.within_type_correlation(sigma, error, residue):.2f}")
    kinds = np.random.default_rng(0).permutation(np.unique(residue))[:6]
    chosen = [int(np.flatnonzero(residue == kind)[0]) for kind in kinds]
    pictures = {}
    shown = components(fit, dataset.x[test][chosen])
    if shown is not None:
        titles = [dataset.residue_names[residue[i]] for i in chosen]
        caption = (
            "Six atoms, and the answers predicted for each by one network. The atom should lie in one of its answers, most "
            "often in a dark one: those are likelier."
        )
        pictures["locations"] = (caption, atoms.plot_locations(y[chosen], *shown, titles=titles))
    pictures["sigma_by_type"] = (
        "Where it is sure, and where not. The dot lies in the ring where errors are as large as predicted.",
        atoms.plot_scale_by_type(sigma, error, residue, dataset.residue_names),
    )
    pictures["uncertainty_error"] = (
        "Does predicted σ mean anything? On the dashed line, atoms of like σ err by that much.",
        atoms.plot_uncertainty_error(sigma, error, residue),
    )
    return pictures


def components(fit: pc.Fit, x: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """Weights, means and scatter matrices of the mixture predicted for rows ``x``, of the model or an ensemble's first member."""
    with torch.no_grad():
        mixture = fit.model.distribution(torch.as_tensor(x))
    if not isinstance(mixture, pc.distributions.Mixture):
        return None
    return mixture.weights, mixture.component.loc, mixture.component.scatter.covariance_matrix


def plot_ladder(scores: dict[str, dict[str, float]]) -> Figure:
    """NLL, energy score and coverage, rung by rung."""
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(12, 3.2))
        place = np.arange(len(scores))[::-1]
        for ax, key, title in ((axes[0], "nll", "Cost, nats per atom"), (axes[1], "energy_score", "Energy score, Å")):
            values = [s[key] for s in scores.values()]
            ax.barh(place, values, color=COLOURS["model"], height=0.6)
            ax.set_title(title)
            for p, value in zip(place, values, strict=True):
                ax.annotate(f"{value:.2f}", (max(value, 0), p), xytext=(3, 0), textcoords="offset points", va="center")
            ax.margins(x=0.2)
            ax.axvline(0, color=COLOURS["quiet"], linewidth=0.8)
        for level, colour in ((50, COLOURS["model"]), (90, COLOURS["alert"])):
            shares = [100 * s[f"coverage_{level}"] for s in scores.values()]
            axes[2].plot(shares, place, "o", color=colour, label=f"{level} %")
            axes[2].axvline(level, color=colour, linestyle="--", linewidth=1)
        axes[2].set(xlim=(0, 102))
        axes[2].set_title("Atoms in the region, %")
        axes[2].legend(loc="center left")
        for ax in axes:
            ax.set_ylim(-0.6, len(scores) - 0.4)
            ax.set_yticks(place, [rung.replace("_", " ") for rung in scores])
        plt.close(figure)
    return figure


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, help="an .npz of inputs and locations; a simulated molecule unless given")
    source.add_argument("--structures", type=Path, nargs="+", help="PDB, mmCIF or BinaryCIF files")
    parser.add_argument(
        "--atom", default="tip", choices=["tip", "gamma"], help="with --structures: which atom to place"
    )
    parser.add_argument(
        "--rungs", nargs="+", default=list(RUNGS), choices=list(RUNGS), help="steps of the ladder to climb"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for everything that is left behind")
    parser.add_argument("--threads", type=int, default=1, help="the matrices are small: more threads mostly wait")
    return parser.parse_args()


if __name__ == "__main__":
    main()
