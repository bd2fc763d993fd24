"""Do as many observations lie far out as predicted, and as many of them below as above?"""

from __future__ import annotations

import numpy as np
from scipy import stats

from probcost.checks import p_values
from probcost.checks.effective_size import Dependence, discounted
from probcost.checks.evidence import Floats
from probcost.checks.result import Line

__all__ = ["tails"]

_BEYOND = 0.01


def tails(reach: Floats, pit: Floats | None, level: float, rng: np.random.Generator, dependence: Dependence) -> Line:
    r"""One line: the share beyond the central 99 %, and how it is divided between the two tails.

    Under the model :math:`K \sim \mathrm{Bin}(n, 0.01)` lie beyond and :math:`\mathrm{Bin}(K, 1/2)` of them above: two exact,
    independent tests, corrected for being two.

    Args:
        reach: nominal content of the interval or region that just holds each observation, ``[T, N]`` or ``[T]``.
        pit: ``[T, N]``, or None for regions, which have but one tail.
        level: below which p is put in words.
        rng: that randomises the p-values of counts.
        dependence: of rows and units, where it was found.
    """
    n, beyond = reach.size, reach > 1 - _BEYOND
    found, effect = int(beyond.sum()), dependence.design_effect(beyond)
    below, at = stats.binom.cdf(found - 1, n, _BEYOND), stats.binom.pmf(found, n, _BEYOND)
    p = float(discounted(p_values.of_count(below, at, rng.random()), effect))
    share = found / n
    amount, where = (
        f"{found:,} of {n:,} ({100 * share:.2g} %) lie beyond the {'99 % region' if pit is None else 'central 99 %'}",
        "",
    )
    if pit is not None:
        above = beyond & (pit > 0.5)
        k = int(above.sum())
        exact = p_values.of_count(stats.binom.cdf(k - 1, found, 0.5), stats.binom.pmf(k, found, 0.5), rng.random())
        sides = dependence.design_effect(np.sign(pit - 0.5) * beyond)
        split, effect = float(discounted(exact, sides)), max(effect, sides)
        if split < level:
            where = f": {found - k:,} below and {k:,} above; unequal tails"
        p = p_values.sidak([p, split])
    verdict = "as expected"
    if p < level:
        kind = "heavier" if share > _BEYOND else "lighter"
        verdict = f"{amount}{where or f': tails {kind} than predicted'}"
    belief = (
        f"1 % of observations lie beyond the {'99 % region' if pit is None else 'central 99 %, half on either side'}"
    )
    return Line("tails", belief, share, _BEYOND, p, verdict, effect)
