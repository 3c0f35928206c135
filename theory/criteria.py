"""Mask criteria: the score of each weight, an elementwise formula of named points; the largest scores are kept.

The criteria of "Deconstructing Lottery Tickets" [4] and random pruning. A *point* is a set of parameters that the loop
of ``theory.algorithms`` remembers: ``"init"``, ``"final"``, ``At(k)``, whatever else a trainer supplies under a
name (``"gradient"``, ``"donor"``; see ``theory.Supplier``), and ``"random"``, a keyed uniform number for each weight.
A criterion of one's own is an object: ``Criterion("snip", ("gradient", "final"), lambda g, f: abs(g * f))``.

[4] Zhou, Lan, Liu, Yosinski. Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask. arXiv 1905.01067, 2019.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["CRITERIA", "Criterion", "large_init_large_final", "same_sign", "small_init_small_final"]


@dataclass(frozen=True)
class Criterion:
    """``formula(*points)`` is the score of each weight; ``needs`` names the points in the formula's order."""

    name: str
    needs: tuple[Any, ...]
    formula: Callable[..., Any]

    @property
    def spec(self) -> str:
        """The name, which stands for the criterion in stored settings."""
        return self.name

    def __call__(self, *points: Any) -> Any:
        """Scores, elementwise: same shape and array library as the points."""
        return self.formula(*points)


def same_sign(initial: Any, final: Any) -> Any:
    """Did the weight keep its sign? sign(±0) = +, so a weight that ends at zero counts as positive.

    >>> import numpy as np
    >>> same_sign(np.array([1.0, -1.0, 0.0, -1.0]), np.array([2.0, 3.0, -0.0, -4.0])).tolist()
    [True, False, True, True]
    """
    return (initial < 0) == (final < 0)


def _smaller(x: Any, y: Any) -> Any:
    return x * (x <= y) + y * (x > y)


def large_init_large_final(alpha: float = 1.0) -> Criterion:
    """min(α|w_f|, |w_i|); α matches the scales of the two distributions [4]."""
    return Criterion(f"large_init_large_final({alpha:g})", ("init", "final"), lambda i, f: _smaller(alpha * abs(f), abs(i)))


def small_init_small_final(alpha: float = 1.0) -> Criterion:
    """−max(α|w_f|, |w_i|)."""
    return Criterion(f"small_init_small_final({alpha:g})", ("init", "final"), lambda i, f: _smaller(-alpha * abs(f), -abs(i)))


def _signed(name: str, score: Callable[[Any, Any], Any]) -> list[Criterion]:
    """A criterion with its two variants that score 0 where the sign changed, or where it did not."""
    both = ("init", "final")
    return [
        Criterion(name, both, score),
        Criterion(f"{name}_same_sign", both, lambda i, f: score(i, f) * same_sign(i, f)),
        Criterion(f"{name}_diff_sign", both, lambda i, f: score(i, f) * (same_sign(i, f) ^ True)),
    ]


CRITERIA: dict[str, Criterion] = {
    c.name: c
    for c in [
        *_signed("large_final", lambda i, f: abs(f)),
        *_signed("magnitude_increase", lambda i, f: abs(f) - abs(i)),
        *_signed("movement", lambda i, f: abs(f - i)),
        Criterion("small_final", ("final",), lambda f: -abs(f)),
        Criterion("large_init", ("init",), lambda i: abs(i)),
        Criterion("small_init", ("init",), lambda i: -abs(i)),
        Criterion("random", ("random",), lambda u: u),
    ]
} | {c.name.partition("(")[0]: c for c in (large_init_large_final(), small_init_small_final())}
"""The built-in criteria by name. Add your own as a ``Criterion`` object: nothing has to be registered."""
