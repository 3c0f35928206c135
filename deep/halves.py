"""``last_layer="halve"``: the classifier loses half of the fraction that the other layers lose."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from theory.algorithms import Algorithm

__all__ = ["half_last"]


def half_last(law: Algorithm) -> Algorithm:
    """``law``, but the last layer is pruned as a group of its own: of its alive weights exactly round(fraction / 2 × alive) go.

    The others compete as before, without it. Raises ValueError where ``law`` names no fraction.
    """
    if type(law) is not Algorithm or law.fraction is None:
        raise ValueError(f"last_layer='halve' needs an algorithm that prunes a fraction; {law.name!r} does not.")
    return _HalfLast(**{f.name: getattr(law, f.name) for f in fields(law)})


class _HalfLast(Algorithm):
    def prune(self, points: Mapping[Any, Any], mask: Mapping[str, Any], level: int, trainer: Any) -> dict[str, Any]:
        *others, last = mask
        fractions = self.fraction if isinstance(self.fraction, tuple) else (self.fraction or 0.0,)
        half = replace(self, scope="layer", fraction=tuple(f / 2 for f in fractions))
        kept = super().prune(points, {n: mask[n] for n in others}, level, trainer) if others else {}
        return {**kept, last: Algorithm.prune(half, points, mask, level, trainer)[last]}
