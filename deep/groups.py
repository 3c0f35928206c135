"""Layers that lose a share of their own: ``fractions=("conv=0.1", "last=0.1")``, or ``last_layer="halve"``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from theory.algorithms import Algorithm
from theory.streams import key

__all__ = ["Grouped", "grouped"]

Shares = tuple[tuple[str, float], ...]


def grouped(law: Algorithm, shares: Shares = (), halve: bool = False) -> Algorithm:
    """``law``, but exactly round(fraction × alive) weights of each layer that ``shares`` names are pruned, within that layer.

    A share's kind is the name of a parameter or of its layer, "last" (of the network's order) or "conv" (all weights of
    convolutions that nothing else names). ``halve``: of the last layer, half of the law's own fraction. The other layers
    compete as before, without them. Raises ValueError where ``law`` names no fraction.
    """
    if not shares and not halve:
        return law
    if type(law) is not Algorithm or law.fraction is None or law.masks != "scored":
        option = "last_layer='halve'" if halve else f"fractions={shares[0][0]}={shares[0][1]}"
        raise ValueError(f"{option} needs an algorithm that prunes a fraction; {law.name!r} does not.")
    return Grouped(**{f.name: getattr(law, f.name) for f in fields(law)}, shares=shares, halve=halve)


class _Keyed(NamedTuple):
    """What pruning asks of a trainer."""

    batch: int
    keys: Any


@dataclass(frozen=True)
class Grouped(Algorithm):
    """An algorithm with ``shares`` of some layers; ``own`` gives the fractions of those, by parameter."""

    shares: Shares = field(kw_only=True)
    halve: bool = field(kw_only=True)

    def __str__(self) -> str:
        return self.name

    def prune(self, points: Mapping[Any, Any], mask: Mapping[str, Any], level: int, trainer: Any) -> dict[str, Any]:
        """The masks after pruning at ``level``, layers with own shares apart from the others."""
        own = self.own(mask)
        others = {n: m for n, m in mask.items() if n not in own}
        apart: Any = _Keyed(trainer.batch, key(trainer.keys, "others"))  # else they draw what the own layers draw
        kept = super().prune(points, others, level, apart) if others else {}
        for fraction in dict.fromkeys(own.values()):
            law = replace(self, scope="layer", fraction=fraction)
            alone = Algorithm.prune(law, points, mask, level, trainer)
            kept |= {n: alone[n] for n in own if own[n] == fraction}
        return {n: kept[n] for n in mask}

    def own(self, mask: Mapping[str, Any]) -> dict[str, Any]:
        """The fractions of the layers that are pruned on their own."""
        names, own = list(mask), dict[str, Any]()
        for kind, fraction in sorted(self.shares, key=lambda share: share[0] != "conv"):
            found = [n for n in names if n in (kind, f"{kind}.weight") or (kind == "last" and n == names[-1])]
            found = [n for n in names if mask[n].ndim > 2] if kind == "conv" else found
            if not found:
                known = ", ".join(names)
                raise ValueError(f"No prunable layer is called {kind!r} (fractions: {kind}={fraction}); there are {known}.")
            own |= dict.fromkeys(found, fraction)
        if self.halve:
            named = self.fraction if isinstance(self.fraction, tuple) else (self.fraction or 0.0,)
            own[names[-1]] = tuple(f / 2 for f in named)
        return own
