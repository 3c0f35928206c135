"""Intervals that hold at all times at once: look after every batch, stop when you like, and they keep their level.

Each holds the values that a bettor has not refuted. Against every value p the bettor plays a game that is fair if p is true,
so the capital M_n(p) is then a martingale with M_0 = 1, and by Ville's inequality P(some n has M_n(p) ≥ 1/α) ≤ α (Ville, Étude
critique de la notion de collectif, 1939). The interval at n is {p: M_n(p) < 1/α}. No approximation enters, and looking more
often costs nothing. tests/simulate/test_sequences.py computes P(a miss by n = 500) exactly, by recursion over the counts.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, logsumexp, xlogy

__all__ = ["CONCENTRATION", "confidence_sequence", "difference_sequence", "running"]

Array = NDArray[np.float64]
CONCENTRATION = 30.0
"""ρ: at most 1.6 × as wide as Clopper–Pearson at p = 1/2 from n = 10² to 10³, 1.75 × at 10⁴, 2.07 × at 10⁶."""
STAKES = 2.0 ** (-np.arange(24) / 2)
"""Shares f of the capital that a bettor on a difference stakes, from all of it to 1/2900."""
PRIOR = 1 / np.arange(2.0, 26.0)
"""Weights of the stakes, up to a factor: more to the large ones, which serve rare disagreement and few trials."""
HALVINGS = 60


def confidence_sequence(
    hits: ArrayLike, n: ArrayLike, level: float = 0.95, concentration: float = CONCENTRATION
) -> tuple[Any, Any]:
    """Interval (low, high) of a probability after ``n`` trials with ``hits``: all n at once cover with probability ≥ ``level``.

    The bettor against p predicts a hit with probability (ρp + hits so far)/(ρ + trials so far), which multiplies to

        M_n(p) = B(ρp + k, ρq + n − k) / (B(ρp, ρq) pᵏ qⁿ⁻ᵏ),    q = 1 − p, k hits,

    the mixture of the likelihood ratios over Beta(ρp, ρq) (Robbins, Ann. Math. Stat. 41, 1970; two-sided beta-binomial mixture:
    Howard, Ramdas, McAuliffe & Sekhon, Ann. Stat. 49, 2021). Since ln M_n = Σ_{i<k} ln(ρ + i/p) + Σ_{j<n−k} ln(ρ + j/q) − const
    is convex in p and at most 0 at k/n, the interval is one, contains k/n, and mirrors with hits ↔ misses. ``concentration``
    ρ > 0 is chosen before the trials. Shapes broadcast; n = 0 gives (0, 1). Raises ValueError for other counts and levels.

    >>> [round(float(x), 4) for x in confidence_sequence(3, 10)]
    [0.0089, 0.8942]
    """
    (k, total), log_bar = _counts(hits, n, level=level)
    if not 0 < concentration < np.inf:
        raise ValueError(f"The concentration of a confidence sequence is a positive number, not {concentration!r}.")
    low, mirrored = (_refuted(x, total, log_bar, float(concentration)) for x in (k, total - k))
    return low[()], (1 - mirrored)[()]


def _refuted(k: Array, n: Array, log_bar: float, rho: float) -> Array:
    """The largest p ≤ k/n with M_n(p) ≥ 1/α: the lower end, from outside."""
    low, high = np.zeros(k.shape), k / np.maximum(n, 1)
    bar = log_bar + 4e-16 * (n + rho + 10) * np.log(n + rho + 10)  # more than the rounding of gammaln: never too narrow
    constant = gammaln(n + rho) - gammaln(rho) + bar
    for _ in range(HALVINGS):
        p = (low + high) / 2
        p_, q = np.where(k > 0, p, 0.5), np.where(k > 0, 1 - p, 0.5)
        hits = gammaln(k + rho * p_) - gammaln(rho * p_) - k * np.log(p_)
        out = hits + gammaln(n - k + rho * q) - gammaln(rho * q) - (n - k) * np.log(q) >= constant
        low, high = np.where(out, p, low), np.where(out, high, p)
    return np.where(k > 0, low, 0.0)


def difference_sequence(first_only: ArrayLike, second_only: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Any, Any]:
    """Interval of P(first) − P(second) on common trials from the discordant counts, at all n at once.

    X = 1, 0, −1 where the first alone, none or both, the second alone learned; δ = E X. A bettor that stakes the share f of its
    capital on large X multiplies it by 1 − f + f (1 + X)/(1 + δ), with mean 1; one on small X by 1 − f + f (1 − X)/(1 − δ).
    These are all the fair ways to bet against δ, whatever the law of X. A half of the error is for each side, the capital
    spread over the stakes f = 2^{−j/2}, j = 0 … 23, with weights ∝ 1/(j + 2) (a mixture of martingales is one: Waudby-Smith &
    Ramdas, J. R. Stat. Soc. B 86, 2024). The capitals are monotone in δ, so the ends are unique, and at most 1 at (k₊ − k₋)/n,
    which the interval thus holds. The variance needs not be known: rare disagreement gives a narrow interval. Shapes
    broadcast; ValueError for impossible counts.

    >>> [round(float(x), 4) for x in difference_sequence(3, 0, 100)]
    [-0.0306, 0.1229]
    """
    (a, b, total), log_bar = _counts(first_only, second_only, n, level=level)
    lower, upper = _end(a, b, total, log_bar + math.log(2)), -_end(b, a, total, log_bar + math.log(2))
    return lower[()], upper[()]


def _end(a: Array, b: Array, n: Array, log_bar: float) -> Array:
    """The largest δ that the bettors on large X have refuted."""
    low, high = np.full(n.shape, -1.0), (a - b) / np.maximum(n, 1)
    f = STAKES.reshape(-1, *[1] * n.ndim)
    fixed = xlogy(b, 1 - f)
    fixed = fixed + np.log(PRIOR / PRIOR.sum()).reshape(f.shape)
    bar = log_bar + 1e-15 * (n + 10)
    for _ in range(HALVINGS):
        delta = (low + high) / 2
        room = np.maximum(1 + delta, np.finfo(float).tiny)
        capital = logsumexp(fixed + xlogy(a, 1 - f + 2 * f / room) + xlogy(n - a - b, 1 - f + f / room), axis=0)
        out = capital >= bar
        low, high = np.where(out, delta, low), np.where(out, high, delta)
    return np.where((b < n) & (n > 0), low, -1.0)


def running(low: ArrayLike, high: ArrayLike, axis: int = -1) -> tuple[Array, Array]:
    """Intersections of the intervals up to each time, which cover as often; empty (low > high) only if some interval misses.

    >>> [x.tolist() for x in running([0.1, 0.2, 0.15], [0.9, 0.7, 0.8])]
    [[0.1, 0.2, 0.2], [0.9, 0.7, 0.7]]
    """
    return np.maximum.accumulate(np.asarray(low), axis), np.minimum.accumulate(np.asarray(high), axis)


def _counts(*counts: ArrayLike, level: float) -> tuple[list[Any], float]:
    """Counts, the last of them n, as arrays of one shape, and ln(1/α)."""
    if not 0 < level < 1:
        raise ValueError(f"The level of an interval lies between 0 and 1, not at {level!r}.")
    *parts, n = (np.asarray(c) for c in np.broadcast_arrays(*(np.asarray(c, float) for c in counts)))
    if not (all((part >= 0).all() for part in parts) and (sum(parts) <= n).all()):
        wrong = " and ".join(repr(np.asarray(c).tolist()) for c in counts[:-1])
        raise ValueError(f"Counts are at least 0 and together at most n, not {wrong} of {np.asarray(counts[-1]).tolist()!r}.")
    return [*parts, n], -math.log1p(-level)
