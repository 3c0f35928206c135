"""How many pairs separate a difference: the power of the two-sided paired t test, by the noncentral t distribution."""

import math

import numpy as np
from scipy import special

__all__ = ["pairs_needed", "power"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


def power(n: int, difference: float, sd: float, alpha: float = 0.05) -> float:
    """Probability that the two-sided paired t test of n ≥ 2 pairs at level alpha finds a true mean difference.

    P(|T| > c) = E[Φ(δ − cQ) + Φ(−δ − cQ)]: T noncentral t with ν = n − 1 degrees of freedom and noncentrality
    δ = difference·√n/sd, c the 1 − alpha/2 quantile of the central one, νQ² chi-squared. ``sd`` is that of the paired
    differences. Integrated over Q here, since ``scipy.stats.nct`` (1.17) returns nan for some n at high power.

    >>> round(power(10, difference=1.0, sd=1.0), 3)
    0.803
    """
    if sd == 0:
        return 1.0
    free, critical, shift = n - 1, float(special.stdtrit(n - 1, 1 - alpha / 2)), difference * math.sqrt(n) / sd
    if n > 10**6:  # Q is 1 to six digits, and its density would cost as many
        return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))
    spread = 1 / math.sqrt(2 * free)
    ends = np.clip(
        [0, 1 - 4 * spread, 1, 1 + 4 * spread, *(shift + np.array([-8, -3, 0, 3, 8])) / critical], 0, 1 + 14 * spread
    )
    edges = np.unique([*ends, 1 + 14 * spread, max(0.0, 1 - 12 * spread)])
    half = np.diff(edges)[:, None] / 2
    q = edges[:-1, None] + half * (1 + NODES)
    density = np.exp(
        special.xlogy(free - 1, q) - free * q**2 / 2 + special.xlogy(free / 2, free / 2) - special.gammaln(free / 2)
    )
    found = special.ndtr(shift - critical * q) + special.ndtr(-shift - critical * q)
    return min(float(np.sum(half * WEIGHTS * 2 * density * found)), 1.0)


def pairs_needed(sd: float, difference: float = 0.01, probability: float = 0.8, alpha: float = 0.05) -> int:
    """The smallest number of pairs with which a true ``difference`` is found with at least this probability, see ``power``.

    Raises ValueError for an sd that is negative or not finite, a difference not above 0, and a probability outside (alpha, 1).

    >>> [pairs_needed(sd, difference=1.0) for sd in (1.0, 2.0, 5.0)]  # sd = 1, 2, 5 times the difference
    [10, 34, 199]
    """
    if not (math.isfinite(sd) and sd >= 0):
        raise ValueError(f"The sd of paired differences is a number of at least 0, not {sd!r}.")
    if not (math.isfinite(difference) and difference > 0):
        raise ValueError(f"The difference to be found is a number above 0, not {difference!r}.")
    if not 0 < alpha < probability < 1:
        raise ValueError(f"The probability to find it lies between alpha={alpha!r} and 1, not at {probability!r}.")

    def enough(n: int) -> bool:
        return power(n, difference, sd, alpha) >= probability

    normal = float(special.ndtri(1 - alpha / 2) + special.ndtri(probability)) * sd / difference
    n = max(2, math.ceil(normal**2))  # with known sd; the t test needs a few pairs more
    while not enough(n):
        n += 1
    while n > 2 and enough(n - 1):
        n -= 1
    return n
