"""Exact intervals for a count, its number of trials fixed: Clopper–Pearson, and the trials that a half width needs."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

__all__ = ["clopper_pearson", "trials_needed"]


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
