"""Exact intervals, n fixed, for P(first) − P(second) on common trials: sharper than two Clopper–Pearson intervals together.

The trials form a trinomial: x = P(first only), y = P(second only), δ = x − y, ψ = x + y; A, B are the counts and S = A − B. A
pair (x, y) is accepted iff it lies in the box of two Clopper–Pearson intervals that together cover at level 1 − α/10, and both
tails of S, P(S ≥ s) and P(S ≤ s), exceed 9α/20. The true pair is accepted with probability ≥ 1 − α, so the δ of all accepted
pairs, or of more, cover.

*One number decides a tail.* At fixed δ, ∂P(S ≥ s)/∂ψ = (n/2)[P(S' = s − 1) − P(S' = s)], S' the sum over n − 1 trials.
Where (1 − ψ)² ≥ 4xy, that is 2ψ ≤ 1 + δ², the roots of xz² + (1 − ψ)z + y are real, so each term of n − 1 + S' is a sum of two
independent coins, and S' is unimodal with its mode less than 1 from its mean (Darroch, Ann. Math. Stat. 35, 1964): for
s ≥ (n − 1)δ + 2 the tail grows with ψ, and the largest ψ of the box decides. For smaller s, δ is accepted. That largest tail
grows with δ, since x grows and y falls along it; so the end is found by halving. Pairs with 2ψ > 1 + δ², that is √x + √y > 1,
and pairs with nψ < 12 are tested otherwise: by Bonferroni, two Clopper–Pearson intervals at 1 − α/2 each. Which test a pair
gets depends on the pair alone, not on the data, so each keeps its level.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln, xlog1py, xlogy

from .sequences import difference_sequence
from .statistics import clopper_pearson

__all__ = ["Controlled", "Difference", "controlled", "paired_difference", "paired_interval"]

BOX = 0.1
"""Share of the error that goes to the box."""
FEW = 12.0
"""Expected discordant trials below which Bonferroni's box is the sharper test."""
HALVINGS = 45


class Difference(NamedTuple):
    """P(first) − P(second) on common trials, with its interval and the two discordant counts."""

    value: float
    low: float
    high: float
    first_only: int
    second_only: int
    n: int


class Controlled(NamedTuple):
    """A probability with the theory's prediction as control variate.

    ``exact``: P(predicted), known. learned_only, predicted_only: trials on which simulation and prediction differ.
    ``equivalent``: how many trials an interval without the control needs to be as narrow: n (its width here/this width)².
    """

    value: float
    low: float
    high: float
    exact: float
    learned_only: int
    predicted_only: int
    n: int
    equivalent: float


def paired_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95, *, anytime: bool = False) -> Difference:
    """Difference of two success probabilities from the outcomes of the same trials, bool (n,).

    The difference is P(first only) − P(second only), whatever the dependence; its interval is that of ``paired_interval``, or
    with ``anytime`` of ``simulate.sequences.difference_sequence``, valid however often one looks.

    >>> paired_difference([True, True, False, True], [True, False, False, False])[:1]
    (0.5,)
    """
    x, y = np.asarray(first, bool), np.asarray(second, bool)
    if x.shape != y.shape or x.ndim != 1 or not x.size:
        raise ValueError(f"Paired outcomes have one common length, not shapes {x.shape} and {y.shape}.")
    a, b, n = int((x & ~y).sum()), int((y & ~x).sum()), x.size
    low, high = (difference_sequence if anytime else paired_interval)(a, b, n, level)
    return Difference((a - b) / n, float(low), float(high), a, b, n)


def controlled(
    learned: ArrayLike,
    predicted: ArrayLike,
    exact: float,
    plain: tuple[float, float],
    level: float = 0.95,
    *,
    error: float = 0.0,
    anytime: bool = False,
) -> Controlled:
    """P(learned) = P(predicted) + E[learned − predicted], where the theory knows P(predicted) = ``exact`` up to ``error``.

    ``learned``, ``predicted``: bool (n,), on the same trials. ``plain``: the interval without control. Unbiased, and it covers
    with probability ≥ ``level`` whatever the prediction is, right or wrong on a trial, as long as ``exact`` is its probability
    under the law of these trials; a poor prediction only makes the interval wide. The value may leave [0, 1], the interval not.

    >>> controlled([True, False, True, True], [True, False, True, False], 0.5, (0.19, 0.99))[:1]
    (0.75,)
    """
    d = paired_difference(learned, predicted, level, anytime=anytime)
    low, high = max(0.0, exact + d.low - error), min(1.0, exact + d.high + error)
    worth = ((plain[1] - plain[0]) / (high - low)) ** 2 if high > low else np.inf
    return Controlled(exact + d.value, low, high, exact, d.first_only, d.second_only, d.n, d.n * worth)


def paired_interval(first_only: int, second_only: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of P(first only) − P(second only) from their counts among ``n`` trials; covers with probability ≥ ``level``.

    >>> [round(x, 4) for x in paired_interval(30, 10, 100)]
    [0.0544, 0.3398]
    """
    low, high = _low(first_only, second_only, n, level), -_low(second_only, first_only, n, level)
    return float(low), float(high)


def _low(a: int, b: int, n: int, level: float) -> float:
    return min(_by_tail(a, b, n, 1 - level), *_by_bonferroni(a, b, n, level))


def _by_tail(a: int, b: int, n: int, alpha: float) -> float:
    """Lowest δ of the pairs with FEW ≤ nψ and 2ψ ≤ 1 + δ² that are accepted; 1 if there is none."""
    (x_low, _), (x_high, y_high) = clopper_pearson([a, b], n, 1 - BOX * alpha / 2)
    if n * (x_high + y_high) < FEW:
        return 1.0
    bottom, top = max(x_low - y_high, FEW / n - 2 * y_high), (a - b - 2) / max(n - 1, 1)
    if bottom >= top:
        return float(bottom)
    return _halve(bottom, top, lambda delta: _tail(a - b, n, *_widest(delta, x_high, y_high)) <= (1 - BOX) * alpha / 2)


def _by_bonferroni(a: int, b: int, n: int, level: float) -> tuple[float, float]:
    """Lowest δ of the pairs of Bonferroni's box with nψ < FEW and with √x + √y > 1 (there δ = 1 − 2√y); 1 if there is none."""
    (x_low, y_low), (x_high, y_high) = clopper_pearson([a, b], n, (1 + level) / 2)
    few = x_low - min(y_high, FEW / n - x_low) if n * (x_low + y_low) < FEW else 1.0
    x = max(x_low, (1 - np.sqrt(y_high)) ** 2)
    return float(few), float(x - y_high) if x <= x_high else 1.0


def _halve(low: float, high: float, refuted: Callable[[float], bool]) -> float:
    """The largest point found that is refuted; ``low`` if it is none itself."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _widest(delta: float, x_high: float, y_high: float) -> tuple[float, float]:
    """(x, y) with difference δ and the largest ψ that the box and 2ψ ≤ 1 + δ² allow."""
    psi = min(2 * x_high - delta, 2 * y_high + delta, (1 + delta**2) / 2)
    return (psi + delta) / 2, (psi - delta) / 2


def _tail(s: int, n: int, x: float, y: float) -> float:
    """P(A − B ≥ s), from above: Σ_b P(B = b) P(A ≥ s + b | b), A given b binomial of n − b and x/(1 − y).

    P(a binomial of m and p is at least k) = I_p(k, m − k + 1).
    """
    if y < 0:
        return 0.0
    far = 8 * np.sqrt(n * y * (1 - y)) + 40  # by Bernstein's inequality, B lies farther from its mean with probability < 1e-13
    b = np.arange(max(np.ceil(n * y - far), 0), min(np.floor(n * y + far), n) + 1)
    law = np.exp(gammaln(n + 1) - gammaln(b + 1) - gammaln(n - b + 1) + xlogy(b, y) + xlog1py(n - b, -y))
    share = min(x / (1 - y), 1.0) if y < 1 else 0.0
    least = s + b
    above = np.where(
        least <= 0, 1.0, np.where(least > n - b, 0.0, betainc(np.maximum(least, 1), np.maximum(n - 2 * b - s, 0) + 1, share))
    )
    return float(law @ above * (1 + 1e-8) + 1e-13)
