"""Does the belief behind a cost function hold? Tables with verdicts, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probcost.checks.scoring_rules import crps_from_samples, energy_score

if TYPE_CHECKING:
    from probcost.checks.result import Check

__all__ = ["check", "crps_from_samples", "energy_score"]


def check(fit: Any, x: Any, y: Any, *, groups: Any = None, level: float = 0.05, seed: int = 0) -> Check:
    r"""Is the fit calibrated on rows ``x``, ``y``? A table of beliefs, each tested, with a verdict in words.

    Every line is uniform under the model: of the probability integral transform

    .. math:: u = P(Y < y \mid x) + v \, P(Y = y \mid x), \qquad v \sim \mathrm{Uniform}(0, 1)

    the shape, over all units and unit by unit, the coverage of central intervals, the tails, and the dispersion; the zeros
    of counts; the independence of units and, where the model's rows are ordered in time, of rows. Where observations turn
    out to depend on each other, the other lines count as many as they are worth. Whole vectors are judged by their
    highest-density regions. Scores are shown above the table; printed, plotted (``.plot()``) or as a frame
    (``.to_frame()``, ``.units``, ``.by_group``). A fit of comparisons, as of faces, is asked of photos ``x`` and the people
    ``y`` on them, who are its units and its groups.

    Args:
        fit: what `probcost.fit` returned.
        x: inputs ``[T, ...]``, best such as the fit was not trained on.
        y: observations ``[T, N]``, in their own units.
        groups: one label a row (a subject, a molecule, a day); each group is then also judged by itself.
        level: a true model fails the whole check at most this often.
        seed: of the randomised PIT, and of the samples behind the scores.

    Raises:
        ValueError: for rows that differ in number, a missing label, observations the likelihood cannot produce, or fewer
            than 2 rows.

    Source: Czado, Gneiting & Held, "Predictive model assessment for count data", 2009,
    https://doi.org/10.1111/j.1541-0420.2009.01191.x; Geyer, "Practical Markov chain Monte Carlo", 1992,
    https://doi.org/10.1214/ss/1177011137

    Example:
        >>> x = torch.linspace(-1, 1, 400)[:, None]
        >>> y = torch.poisson(torch.exp(1 + x))
        >>> model = pc.CostModel(nn.Linear(1, 1), pc.likelihoods.Poisson(1))
        >>> fitted = pc.fit(model, x, y, optimizer="lbfgs", progress=False)
        >>> checked = pc.check(fitted, x, y)
        >>> checked.ok
        True
        >>> checked.to_frame().columns.tolist()
        ['belief', 'statistic', 'expected', 'p_value', 'p_corrected', 'design_effect', 'verdict']
    """
    own = getattr(fit, "calibration", None)
    if own is not None:  # of comparisons, whose units are people
        result: Check = own(x, y, level=level, seed=seed)
        return result
    # Here, since these import scipy, and `import probcost` must stay fast.
    from dataclasses import replace

    from probcost.checks.calibration import calibration
    from probcost.checks.evidence import gather
    from probcost.checks.headline import headline
    from probcost.inputs import labelled

    labels = None if groups is None else labelled(groups, len(y), x)
    evidence = gather(fit, x, y)
    checked = calibration(evidence, level=level, seed=seed, groups=labels)
    return replace(checked, scores=headline(fit, x, y, evidence, seed=seed))
