"""Exact intervals for counts: Clopper–Pearson, paired differences, and the number of trials that a half width needs."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

__all__ = ["Difference", "clopper_pearson", "paired_difference", "trials_needed"]


def clopper_pearson(hits: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Any, Any]:
    """The exact interval of a probability from ``hits`` of ``n`` trials: covers it with probability ≥ ``level``.

    low = Beta⁻¹(α/2; k, n − k + 1), high = Beta⁻¹(1 − α/2; k + 1, n − k), α = 1 − level (Clopper & Pearson, Biometrika 1934).

    >>> [round(float(x), 4) for x in clopper_pearson(3, 10)]
    [0.0667, 0.6525]
    """
    k, n = np.asarray(hits, float), np.asarray(n, float)
    if not 0 < level < 1:
        raise ValueError(f"The level of an interval lies between 0 and 1, not at {level!r}.")
    if not ((k >= 0) & (k <= n) & (n >= 1)).all():
        raise ValueError(f"Hits lie between 0 and n ≥ 1, not {hits!r} of {n.tolist()!r}.")
    tail = (1 - level) / 2
    low = np.where(k > 0, beta.ppf(tail, np.maximum(k, 1), n - k + 1), 0.0)
    high = np.where(k < n, beta.isf(tail, k + 1, np.maximum(n - k, 1)), 1.0)
    return low[()], high[()]


class Difference(NamedTuple):
    """P(first) − P(second) on common trials, with its interval and the two discordant counts."""

    value: float
    low: float
    high: float
    first_only: int
    second_only: int
    n: int


def paired_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Difference:
    """Difference of two success probabilities from the outcomes of the same trials, bool (n,).

    The difference is P(first only) − P(second only). Each of the two has its exact interval at level 1 − α/2, so by
    Bonferroni both hold, and the difference of their ends covers, with probability ≥ ``level``, whatever the dependence.

    >>> paired_difference([True, True, False, True], [True, False, False, False])[:1]
    (0.5,)
    """
    x, y = np.asarray(first, bool), np.asarray(second, bool)
    if x.shape != y.shape or x.ndim != 1 or not x.size:
        raise ValueError(f"Paired outcomes have one common length, not shapes {x.shape} and {y.shape}.")
    only, n = [int((x & ~y).sum()), int((y & ~x).sum())], x.size
    low, high = clopper_pearson(only, n, (1 + level) / 2)
    return Difference((only[0] - only[1]) / n, float(low[0] - high[1]), float(high[0] - low[1]), only[0], only[1], n)


def trials_needed(half_width: float, level: float = 0.95) -> int:
    """The smallest even n for which the exact interval at n/2 hits, the widest there is, has at most this half width.

    >>> trials_needed(0.05)
    402
    """
    if not 0 < half_width < 0.5:
        raise ValueError(f"A half width lies between 0 and 0.5, not at {half_width!r}.")

    def enough(m: int) -> bool:
        low, high = clopper_pearson(m, 2 * m, level)
        return bool(high - low <= 2 * half_width)

    top = 1
    while not enough(top):
        top *= 2
    bottom = top // 2
    while top - bottom > 1:
        middle = (top + bottom) // 2
        bottom, top = (bottom, middle) if enough(middle) else (middle, top)
    return 2 * top
