"""T8, T9: success probabilities put together from regions of starts, each in closed form or by quadrature.

The sign of w_01 is independent of all else, so with ς± the chance that the restart has the sign + when w_01 ≷ 0,

    P(success) = ½ Σ_± [ς± P(mask, restart, in D | ±) + ς±° P(mask, restart, outside D | ±)].

A learned sign is + in D and − outside; the second sum needs the final a and a magnitude that is not learned.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from .algorithms import Rewind
from .basins import dense_basin, sparse_basin
from .initialisations import Balanced, Bounded, Initialisation
from .quadrature import (
    BOTH_SMALL,
    INCREASE,
    LARGEST,
    MOVED_BACK,
    MOVED_FAR,
    MOVED_LITTLE,
    NEW_SIGN,
    ORDER,
    SMALLEST,
    Part,
    integral,
)

__all__ = ["PARTS", "Probability", "restart_probability"]

ALWAYS, NEVER, TIE = ("always",), (), ("tie",)
PARTS: dict[str, tuple[tuple[Part | str, ...], ...]] = {
    "large_final": (ALWAYS, ALWAYS, ALWAYS, ALWAYS),
    "large_final_same_sign": (ALWAYS, NEVER, NEVER, ALWAYS),
    "large_final_diff_sign": (TIE, ALWAYS, ALWAYS, TIE),
    "small_final": (NEVER, NEVER, NEVER, NEVER),
    "large_init": ((LARGEST,), (LARGEST,), (LARGEST,), (LARGEST,)),
    "small_init": ((SMALLEST,), (SMALLEST,), (SMALLEST,), (SMALLEST,)),
    "large_init_large_final": (ALWAYS, ALWAYS, ALWAYS, ALWAYS),
    "small_init_small_final": ((BOTH_SMALL,), (BOTH_SMALL,), (SMALLEST,), (SMALLEST,)),
    "magnitude_increase": ((INCREASE,), (INCREASE,), (SMALLEST,), (SMALLEST,)),
    "magnitude_increase_same_sign": ((INCREASE,), ALWAYS, ALWAYS, (SMALLEST,)),
    "magnitude_increase_diff_sign": (TIE, (NEW_SIGN,), NEVER, TIE),
    "movement": ((MOVED_FAR, MOVED_LITTLE), (MOVED_BACK,), (LARGEST,), (LARGEST,)),
    "movement_same_sign": ((MOVED_FAR, MOVED_LITTLE), NEVER, NEVER, (LARGEST,)),
    "movement_diff_sign": (TIE, ALWAYS, ALWAYS, TIE),
    "random": (TIE, TIE, TIE, TIE),
}
"""The conditions of ``theory.conditions`` as disjoint regions: in D with w_01 > 0, with w_01 < 0; outside D with either."""


class Probability(NamedTuple):
    """A probability, how it was found ("closed form" or "quadrature") and what refining the rule changed (0 if closed)."""

    value: float
    kind: str
    error: float


def restart_probability(criterion: str, rewind: Rewind, law: Initialisation, d: int) -> Probability:
    """P(success) of one-shot pruning to one weight for a random start, d ≥ 2, T = ∞, noise-free.

    The error is the change from a coarser rule: the finer one, which is returned, lies closer. Raises ValueError for rewind
    points At(...), unknown criteria, and where no quadrature of low dimension is known ("by simulation only").

    >>> restart_probability("large_final_diff_sign", Rewind(), Balanced(), 10)
    Probability(value=0.025, kind='closed form', error=0.0)
    """
    terms = _terms(criterion, rewind, law)
    fine, closed = _total(terms, law, d, ORDER)
    return Probability(fine, "closed form", 0.0) if closed else Probability(fine, "quadrature", _change(terms, law, d, fine))


def _change(terms: list[tuple[float, Part | str, str]], law: Initialisation, d: int, fine: float) -> float:
    return max(abs(fine - _total(terms, law, d, ORDER - 3)[0]), 1e-12)  # rounding, and the tails that are cut off


def _total(terms: list[tuple[float, Part | str, str]], law: Initialisation, d: int, order: int) -> tuple[float, bool]:
    total, closed = 0.0, True
    for share, part, limit in terms:
        known = _closed(law, d, part, limit)
        closed &= known is not None
        total += share * (_factor(part, d) * integral(law, d, _region(part), limit, order) if known is None else known)
    return total, closed


def _terms(criterion: str, rewind: Rewind, law: Initialisation) -> list[tuple[float, Part | str, str]]:
    """(share, region, limit) of each term of the sum above that is not 0."""
    if criterion not in PARTS:
        raise ValueError(f"No success probability is known for the criterion {criterion!r}; simulate.estimate takes it.")
    rewind.require_undisturbed()
    if rewind.moments:
        raise ValueError(f"No success probability is known for a restart from {', '.join(map(str, rewind.moments))}.")
    inside_plus, inside_minus, outside_plus, outside_minus = PARTS[criterion]
    size = {"init": "W", "reshuffle": "W", "reinit": "J", "constant": "s", "final": "m"}[str(rewind.magnitude)]
    plus, minus = {"init": (1.0, 0.0), "final": (1.0, 1.0), "random": (0.5, 0.5)}[str(rewind.sign)]
    sides = [(plus, inside_plus, "r" if rewind.rest == "final" else size)]
    sides += [(minus, inside_minus, sides[0][2])]
    if rewind.rest == "final" and rewind.sign != "final" and size != "m":
        sides += [(plus, outside_plus, f"outside {size}"), (minus, outside_minus, f"outside {size}")]
    terms = [(share / 2, part, limit) for share, parts, limit in sides for part in parts if share]
    simpler = [(share, *_simpler(law, part, limit)) for share, part, limit in terms]
    if any(isinstance(part, Part) and limit[-1] in "Js" for _, part, limit in simpler):
        raise ValueError(
            f"The success probability of {criterion!r} with {rewind.magnitude!r} magnitudes and the {rewind.rest!r} a is known "
            f"by simulation only for {law.name} starts; simulate.estimate takes it."
        )
    return simpler


def _simpler(law: Initialisation, part: Part | str, limit: str) -> tuple[Part | str, str]:
    """The same probability as that of another term.

    Balanced starts have the sign of a0 decide about any restart. The direction of w0 is independent of its length, so where L
    depends on ‖w0‖ alone each weight is the largest as often as any other; and |w_0J| has the law of W where the mask does not
    look at sizes.
    """
    if isinstance(law, Balanced) and limit != "r":
        limit = "outside W" if limit.startswith("outside") else "W"
    elif isinstance(law, Bounded) and limit.startswith("outside"):
        limit = "outside W"
    if part in (LARGEST, SMALLEST) and (isinstance(law, Balanced) or limit in ("r", "m")):
        part = "tie"
    return part, limit if isinstance(part, Part) else limit.replace("J", "W")


def _region(part: Part | str) -> Part:
    return Part() if isinstance(part, str) else part


def _factor(part: Part | str, d: int) -> float:
    return 1 / d if part == "tie" else 1.0


def _closed(law: Initialisation, d: int, part: Part | str, limit: str) -> float | None:
    """P(region, limit), where it is known."""
    balanced = isinstance(law, Balanced)
    if isinstance(law, Bounded) and limit.startswith("outside"):
        return 0.0
    if balanced and part in (BOTH_SMALL, NEW_SIGN):
        beyond = float(2 * ndtr(-1 / (1 / np.sqrt(d) if law.sigma_w is None else law.sigma_w)))
        return (1 - beyond) / 2 if part == NEW_SIGN else (beyond ** (d - 1) * (1 - beyond) + beyond**d / d) / 2
    if isinstance(part, Part):
        return None
    if balanced:
        return _factor(part, d) / 2
    if limit not in ("r", "W"):
        return None
    return _factor(part, d) * float(dense_basin(law, np.array(d)) if limit == "r" else 2 * sparse_basin(law, np.array(d)))
