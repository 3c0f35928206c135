"""Scopes of pruning: which weights compete with one another, and how many of them each layer may keep.

| scope    | who competes        | weights that stay in a layer                                                       |
|----------|---------------------|------------------------------------------------------------------------------------|
| global   | all weights         | as it comes                                                                        |
| layer    | those of each layer | the same fraction (or count) of each: "uniform"                                    |
| erk      | those of each layer | in proportion to the sum of its dimensions, at most all: density ∝ Σ dims / Π dims |
| balanced | those of each layer | the same number of each, at most all                                               |

The last two share out a total: exactly as many weights stay as with scope "global". With the criterion "random" the four are
the published random masks.

Sources: Evci, Gale, Menick, Castro, Elsen. Rigging the Lottery: Making All Tickets Winners. ICML 2020 (erk). Gadhikar,
Mukherjee, Burkholz. Why Random Pruning Is All We Need to Start Sparse. ICML 2023 (balanced).
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .selection import Tensors

__all__ = ["SCOPES", "apportioned", "shares"]

SCOPES = ("global", "layer", "erk", "balanced")


def shares(scope: str, total: NDArray[np.int64], alive: NDArray[np.int64], mask: Tensors, batch: int) -> NDArray[np.int64]:
    """How many of the ``total`` (*batch,) weights that stay each layer of ``mask`` keeps: (*batch, layers), like ``alive``.

    ``scope``: "erk" or "balanced".
    """
    weights = [sum(m.shape[batch:]) if scope == "erk" else 1 for m in mask.values()]
    rows = np.concatenate([np.asarray(total)[..., None], alive], axis=-1).reshape(-1, len(weights) + 1)
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    counts = np.array([apportioned(int(t), weights, list(map(int, caps))) for t, *caps in kinds], dtype=np.int64)
    return counts.reshape(len(kinds), len(weights))[which.reshape(-1)].reshape(alive.shape)


def apportioned(total: int, weights: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Whole numbers that add up to min(total, Σ caps), the i-th at most caps[i] and in proportion to weights[i] > 0 otherwise.

    Sainte-Laguë's divisor method with at least one each: layer i is worth weights[i]/(2k + 1) when it has k ≥ 1 and infinitely
    much when it has none (then larger weights come first), and each weight goes to the layer worth most, of equal ones to the
    first, that is not full. As that order does not depend on the total, no number falls when the total rises: masks of one
    total are nested in those of a larger one. Largest remainders do not have this ("Alabama paradox").

    Source: Balinski, Young. Fair Representation. Yale University Press, 1982.

    >>> apportioned(10, [6, 3, 1], [9, 9, 9]), apportioned(10, [6, 3, 1], [2, 9, 9]), apportioned(2, [6, 3, 9], [9, 9, 9])
    ([6, 3, 1], [2, 6, 2], [1, 0, 1])
    """
    total, places = min(total, sum(caps)), [i for i, cap in enumerate(caps) if cap > 0]
    if total <= len(places):
        first = set(sorted(places, key=lambda i: (-weights[i], i))[:total])
        return [int(i in first) for i in range(len(caps))]
    counts = _worth_at_least(*_split(total, weights, caps).as_integer_ratio(), weights, caps)
    for _ in range(total - sum(counts)):
        room = [i for i in places if counts[i] < caps[i]]
        best = max(room, key=lambda i: (Fraction(weights[i], 2 * counts[i] + 1), -i))
        counts[best] += 1
    return counts


def _worth_at_least(over: int, under: int, weights: Sequence[int], caps: Sequence[int]) -> list[int]:
    """The numbers once everything worth over/under or more, and one each, is given out: weight/(2k + 1) ≥ over/under."""
    given = ((w * under - over) // (2 * over) + 1 for w in weights)
    return [min(cap, max(1, number)) for number, cap in zip(given, caps, strict=True)]


def _split(total: int, weights: Sequence[int], caps: Sequence[int]) -> float:
    """The least worth (to rounding) of which no more than ``total`` is given out: bisection."""
    low, high = min(weights) / (2 * max(caps) + 1), 2.0 * max(weights)
    while low < (middle := (low + high) / 2) < high:
        number = sum(_worth_at_least(*middle.as_integer_ratio(), weights, caps))
        if number == total:
            return middle
        low, high = (middle, high) if number > total else (low, middle)
    return high
