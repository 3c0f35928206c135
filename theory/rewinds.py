"""Where a level restarts: moments of level 0, magnitude × sign of each weight, and what becomes of the signs (flips, fixed)."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from .redraws import REDRAWN
from .selection import Tensors, drawn, keep_largest, later_draws

__all__ = ["At", "Rewind", "flipped", "into_orthant", "orthant"]


@dataclass(frozen=True)
class At:
    """A moment of level 0, counted from its start. Units: "step", "epoch", "time" (of the gradient flow)."""

    value: float
    unit: str = "step"

    def __post_init__(self) -> None:
        if self.unit not in ("step", "epoch", "time"):
            raise ValueError(f"The unit of a rewind point is step, epoch or time, not {self.unit!r}.")
        whole = self.unit == "step"
        if not isinstance(self.value, Real) or not float(self.value) >= 0 or (whole and not float(self.value).is_integer()):
            raise ValueError(f"A rewind point needs a {self.unit} of at least 0 (whole for steps), not {self.value!r}.")

    def __str__(self) -> str:
        return f"{self.unit}={str(float(self.value)).removesuffix('.0')}"

    @classmethod
    def of(cls, text: str) -> "At":
        """The moment that ``str`` wrote; one ValueError for anything else.

        >>> At.of("epoch=2.5"), str(At.of("step=500"))
        (At(value=2.5, unit='epoch'), 'step=500')
        """
        unit, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"A moment reads like step=500, epoch=2 or time=3.2, not {text!r}.") from None
        return cls(int(number) if number.is_integer() else number, unit.strip())

    def count(self, **unit: float) -> float:
        """The moment in a layer's own count: ``At(3, "epoch").count(step=1, epoch=100)`` is 300. Unknown units are refused.

        >>> At(3, "epoch").count(step=1, epoch=100)
        300
        """
        if self.unit not in unit:
            raise ValueError(f"A rewind point in units of {self.unit} ({self}) has no meaning here; use {' or '.join(unit)}.")
        return self.value * unit[self.unit]


SOURCES = {
    "magnitude": ("init", "final", "donor", *REDRAWN),
    "sign": ("init", "final", "donor", "random"),
    "rest": ("init", "final", "donor"),
    "norm": ("init", "final", "donor"),
}
"""What each part of a restart may come from, besides a moment At(...)."""
CHOICES = {
    "optimiser": ("fresh", "restore", "carry"),
    "schedule": ("restart", "replay", "hold"),
    "flip_momentum": ("reset", "keep"),
    "signs": ("free", "fixed"),
}
"""The words that each other field may be."""


@dataclass(frozen=True)
class Rewind:
    """What restarts from where. Each of the first four is "init", "final" (of the previous level), "donor" or ``At(...)``.

    ``magnitude`` may also be "reinit", "reshuffle" or "constant" (``theory.redraws``), ``sign`` also "random"; draws are
    keyed by network and level. "donor": another run at the end of its level of the same number (``Supplier``). ``rest`` is
    what is never pruned: a of the neuron, biases. ``norm`` is batch norm, affine and statistics. sign(±0) = +, and a pruned
    weight is +0.0. Redrawn and a donor's magnitudes belong to no moment of this training, so neither optimiser nor schedule
    can be restored with them.

    Sign perturbation: in each level from 1 on exactly round(``flip`` × alive) kept weights of each network change their sign,
    drawn from all prunable tensors together: at the start of the level and, with ``flip_every``, again after each such span
    that ends inside it. Of one weight left none flips where ``flip`` ≤ ½, as round(½) = 0. ``flip_momentum``: the optimiser's
    momentum of a flipped weight is "reset" to 0 or "keep"s.

    ``signs`` "fixed": in each level from 1 on the kept prunable weights stay in the closed orthant of the signs they start
    with: after each step they are projected onto it, so a weight that has crossed zero is +0.0 (``into_orthant``).
    """

    magnitude: str | At = "init"
    sign: str | At = "init"
    rest: str | At = "init"
    norm: str | At = "init"
    optimiser: str = "fresh"
    schedule: str = "restart"
    flip: float = 0.0
    flip_every: At | None = None
    flip_momentum: str = "reset"
    signs: str = "free"

    def __post_init__(self) -> None:
        for name, allowed in SOURCES.items():
            source = getattr(self, name)
            if not isinstance(source, At) and source not in allowed:
                raise ValueError(f"Rewind {name} comes from {', '.join(allowed)} or a rewind point At(...), not {source!r}.")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"Rewind {name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if self.magnitude in (*REDRAWN, "donor") and (self.optimiser == "restore" or self.schedule == "replay"):
            raise ValueError(f"Magnitudes from {self.magnitude!r} have no moment to restore an optimiser or a schedule from.")
        if not isinstance(self.flip, Real) or not 0 <= float(self.flip) <= 1:
            raise ValueError(f"The share of signs that flip lies in [0, 1], not at {self.flip!r}.")
        if self.flip_every is not None and not (isinstance(self.flip_every, At) and 0 < self.flip_every.value < np.inf):
            raise ValueError(f"Signs flip every At(...) of more than 0, not every {self.flip_every!r}.")
        if self.flip_every is not None and self.signs == "fixed":
            raise ValueError(f"Signs that are fixed in a level don't flip every {self.flip_every} in it.")

    @property
    def moments(self) -> frozenset[At]:
        """The moments of level 0 that a trainer has to remember for this rewind."""
        return frozenset(p for p in self.sources if isinstance(p, At))

    @property
    def sources(self) -> tuple[str | At, str | At, str | At, str | At]:
        """Where magnitude, sign, rest and norm come from."""
        return self.magnitude, self.sign, self.rest, self.norm

    def require_undisturbed(self) -> None:
        """Raise ValueError where signs flip or are fixed or a donor lends weights: no formula knows what then happens."""
        for name, usual in (("flip", 0), ("signs", "free")):
            if getattr(self, name) != usual:
                raise ValueError(f"No formula is known for a restart with {name}={getattr(self, name)!r}; simulate it.")
        for name in SOURCES:
            if getattr(self, name) == "donor":
                raise ValueError(f"No formula is known for a restart with {name}='donor'; simulate it.")

    def __call__(self, points: Mapping[Any, Tensors], mask: Tensors, norm: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Parameters at which the next level starts: magnitude × sign on the mask, +0.0 off it, the rest copied."""

        def restart(name: str) -> Any:
            if name not in mask:
                return points[self.norm if name in norm else self.rest][name] + 0
            magnitude, sign = abs(points[self.magnitude][name]), points[self.sign][name]
            signed = magnitude * (1 - 2 * array_namespace(magnitude).astype(sign < 0, magnitude.dtype))
            return array_namespace(magnitude).where(mask[name], signed, 0 * magnitude)

        return {name: restart(name) for name in points["init"]}

    def flips(self, keys: ArrayLike, mask: Tensors, level: int, k: int, batch: int) -> dict[str, Any]:
        """Which weights flip at the ``k``-th time of ``level`` (0: its start): bool tensors like ``mask``, subsets of it.

        Exactly round(``flip`` × alive) of each network (half to even, as everywhere), over all tensors together, drawn by
        (keys, "flip", level, k): for ``keys`` of the batch's shape and tensors (*batch, *shape), NumPy or torch alike.

        >>> Rewind(flip=0.5).flips(7, {"w": np.array([True, True, False, True, True])}, 1, 0, 0)["w"].sum()
        np.int64(2)
        """
        if self.flip == 0:
            return {name: m & False for name, m in mask.items()}
        purpose = "flip", level, k
        first, second = drawn(keys, *purpose, mask=mask, batch=batch), later_draws(keys, *purpose, mask=mask, batch=batch)
        return keep_largest(first, mask, second, self.flip_count, batch)

    def flip_count(self, alive: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of ``alive`` weights flip at a time: integers of the same shape."""
        return np.round(self.flip * alive).astype(np.int64)


def flipped(params: Tensors, flips: Tensors) -> dict[str, Any]:
    """``params`` with the sign of the weights in ``flips`` changed; the others keep their bits, and no −0.0 is made.

    >>> flipped({"w": np.array([1.0, -2.0, 0.0]), "a": 3.0}, {"w": np.array([True, False, True])})
    {'w': array([-1., -2.,  0.]), 'a': 3.0}
    """
    return {n: array_namespace(x).where(flips[n], 0 - x, x) if n in flips else x for n, x in params.items()}


def orthant(start: Tensors, mask: Tensors) -> dict[str, Any]:
    """Where the prunable weights of ``start`` are negative (sign(±0) = +): what ``into_orthant`` holds a level to."""
    return {name: start[name] < 0 for name in mask}


def into_orthant(x: Any, negative: Any) -> Any:
    """The projection of one tensor onto the closed orthant: min(x, 0) where ``negative``, max(x, 0) elsewhere, zeros +0.0.

    NaN stays NaN, so that a network that diverges is seen.

    >>> into_orthant(np.array([1.0, -1.0, 1.0, -1.0]), np.array([False, False, True, True]))
    array([ 1.,  0.,  0., -1.])
    """
    xp = array_namespace(x)
    return xp.where(xp.where(negative, x >= 0, x <= 0), xp.zeros_like(x), x)
