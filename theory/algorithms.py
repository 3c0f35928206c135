"""Every pruning algorithm as data, and the one loop train → score → prune → rewind that runs them all.

The same objects drive the exact maps of ``theory``, the simulated neurons of ``simulate`` and the networks of ``deep``. A
tensor is ``(*batch, *shape)``: ``batch`` numbers independent networks (trials of the neuron, replicas of a ResNet; empty
for one network), NumPy or torch alike. Counts, ties and masks are exact per network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from .criteria import CRITERIA, Criterion
from .redraws import REDRAWN, redrawn
from .streams import uniform

__all__ = [
    "DENSE",
    "FINE_TUNING",
    "IMP",
    "INITIAL_SIGNS",
    "LEARNED_SIGNS",
    "LRR",
    "RANDOM",
    "WR",
    "Algorithm",
    "At",
    "Borrowed",
    "Level",
    "Rewind",
    "Trainer",
    "keep_largest",
    "levels",
]

Tensors = Mapping[str, Any]


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

    def count(self, **unit: float) -> float:
        """The moment in a layer's own count: ``At(3, "epoch").count(step=1, epoch=100)`` is 300. Unknown units are refused.

        >>> At(3, "epoch").count(step=1, epoch=100)
        300
        """
        if self.unit not in unit:
            raise ValueError(f"A rewind point in units of {self.unit} ({self}) has no meaning here; use {' or '.join(unit)}.")
        return self.value * unit[self.unit]


@dataclass(frozen=True)
class Rewind:
    """What restarts from where. Each of the first four is "init", "final" (of the previous level) or ``At(...)``.

    ``magnitude`` may also be "reinit", "reshuffle" or "constant" (``theory.redraws``), ``sign`` also "random"; draws are
    keyed by network and level. ``rest`` is what is never pruned: a of the neuron, biases. ``norm`` is batch norm, affine and
    statistics. sign(±0) = +, and a pruned weight is +0.0. Redrawn magnitudes belong to no moment of training, so neither
    optimiser nor schedule can be restored with them.
    """

    magnitude: str | At = "init"
    sign: str | At = "init"
    rest: str | At = "init"
    norm: str | At = "init"
    optimiser: str = "fresh"
    schedule: str = "restart"

    def __post_init__(self) -> None:
        for name in ("magnitude", "sign", "rest", "norm"):
            source = getattr(self, name)
            more = {"magnitude": REDRAWN, "sign": ("random",)}.get(name, ())
            allowed = ("init", "final", *more)
            if not isinstance(source, At) and source not in allowed:
                raise ValueError(f"Rewind {name} comes from {', '.join(allowed)} or a rewind point At(...), not {source!r}.")
        for name, allowed in (
            ("optimiser", ("fresh", "restore", "carry")),
            ("schedule", ("restart", "replay", "hold")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"Rewind {name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if self.magnitude in REDRAWN and (self.optimiser == "restore" or self.schedule == "replay"):
            raise ValueError(f"Magnitudes from {self.magnitude!r} have no moment to restore an optimiser or a schedule from.")

    @property
    def moments(self) -> frozenset[At]:
        """The moments of level 0 that a trainer has to remember for this rewind."""
        return frozenset(p for p in (self.magnitude, self.sign, self.rest, self.norm) if isinstance(p, At))

    def __call__(self, points: Mapping[Any, Tensors], mask: Tensors, norm: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Parameters at which the next level starts: magnitude × sign on the mask, +0.0 off it, the rest copied."""

        def restart(name: str) -> Any:
            if name not in mask:
                return points[self.norm if name in norm else self.rest][name] + 0
            magnitude, sign = abs(points[self.magnitude][name]), points[self.sign][name]
            signed = magnitude * (1 - 2 * array_namespace(magnitude).astype(sign < 0, magnitude.dtype))
            return array_namespace(magnitude).where(mask[name], signed, 0 * magnitude)

        return {name: restart(name) for name in points["init"]}


@dataclass(frozen=True)
class Algorithm:
    """A criterion, a scope, a rewind and an amount.

    ``fraction`` of the alive weights is pruned at each level, exactly round(fraction × alive); or ``count`` weights stay.
    Either may be a tuple, one entry a level (the last one repeats). With neither, the layer's default holds: one weight
    stays on the neuron, a fifth goes on a network. ``prunings`` limits the number of levels (0: the dense network only).
    """

    name: str
    rewind: Rewind = field(default_factory=Rewind)
    criterion: str | Criterion = "large_final"
    scope: str = "global"
    fraction: float | tuple[float, ...] | None = None
    count: int | tuple[int, ...] | None = None
    prunings: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.criterion, str) and self.criterion not in CRITERIA:
            raise ValueError(f"Unknown criterion {self.criterion!r}; the named ones are {', '.join(CRITERIA)}.")
        if self.scope not in ("global", "layer"):
            raise ValueError(f"The scope of pruning is global or layer, not {self.scope!r}.")
        if self.fraction is not None and self.count is not None:
            raise ValueError(f"Give a fraction or a count, not both: {self.fraction!r} and {self.count!r}.")
        if () in (self.fraction, self.count):
            raise ValueError("A tuple of fractions or counts has one entry a level, at least one, not ().")
        for f in _as_tuple(self.fraction):
            if not isinstance(f, Real) or not 0 <= float(f) <= 1:
                raise ValueError(f"The fraction pruned at a level lies in [0, 1], not at {f!r}.")
        for k in _as_tuple(self.count):
            if not isinstance(k, Integral) or k < 1:
                raise ValueError(f"The number of weights that stay is a whole number of at least 1, not {k!r}.")
        if self.prunings is not None and (not isinstance(self.prunings, Integral) or self.prunings < 0):
            raise ValueError(f"The number of prunings is a whole number of at least 0, not {self.prunings!r}.")

    def __str__(self) -> str:
        return self.name

    @property
    def score(self) -> Criterion:
        """The criterion itself."""
        return CRITERIA[self.criterion] if isinstance(self.criterion, str) else self.criterion

    def default(self, **amount: Any) -> "Algorithm":
        """This algorithm, with ``fraction=`` or ``count=`` where it names neither itself."""
        return self if self.fraction is not None or self.count is not None else replace(self, **amount)

    @property
    def moments(self) -> frozenset[At]:
        """The moments of level 0 that a trainer has to remember: for the rewind, and for a criterion that scores by them."""
        return self.rewind.moments | {p for p in self.score.needs if isinstance(p, At)}

    @property
    def named_levels(self) -> int:
        """How many prunings the amounts name: the length of a tuple of fractions or counts, else 1."""
        return max(1, len(_as_tuple(self.fraction)), len(_as_tuple(self.count)))

    def stays(self, alive: NDArray[np.int64], level: int) -> NDArray[np.int64]:
        """How many of ``alive`` weights stay at ``level`` (1, 2, …): integers, at least one.

        >>> Algorithm("x", fraction=0.5).stays(np.array([10, 5, 3, 1]), 1)
        array([5, 3, 1, 1])
        """
        if self.count is not None:
            wanted = np.asarray(_at_level(self.count, level))
        else:
            wanted = alive - np.round(_at_level(0.2 if self.fraction is None else self.fraction, level) * alive).astype(
                np.int64
            )
        return np.minimum(np.maximum(wanted, 1), alive)

    def prune(self, points: Mapping[Any, Tensors], mask: Tensors, level: int, trainer: "Trainer") -> dict[str, Any]:
        """The masks after pruning at ``level``: subsets of ``mask``, exact counts, ties in a keyed random order."""
        batch, sizes = trainer.batch, {n: prod(m.shape[trainer.batch :]) for n, m in mask.items()}
        draws = _split(uniform(trainer.keys, "prune", level, size=2 * sum(sizes.values())), sizes, repeats=2)
        points = {**points, "random": {n: _like(draws[0][n], m) for n, m in mask.items()}}
        for p in self.score.needs:
            if p not in points:
                known = ", ".join(str(k) for k in points)
                raise ValueError(f"The criterion {self.score.name!r} needs the point {str(p)!r}; this trainer has {known}.")
        score = {n: self.score(*(points[p][n] for p in self.score.needs)) for n in mask}
        ties = {n: _like(draws[1][n], m) for n, m in mask.items()}
        groups = [list(mask)] if self.scope == "global" else [[n] for n in mask]
        kept: dict[str, Any] = {}
        for g in groups:
            scores, alive, order = ({n: t[n] for n in g} for t in (score, mask, ties))
            kept |= keep_largest(scores, alive, order, lambda number: self.stays(number, level), batch)
        return {n: kept[n] for n in mask}


@dataclass(frozen=True, eq=False)
class Borrowed(Algorithm):
    """An algorithm whose masks are given, not scored: ``given`` holds the mask of every level after the first."""

    given: Tensors = field(default_factory=dict)

    def prune(self, points: Mapping[Any, Tensors], mask: Tensors, level: int, trainer: "Trainer") -> dict[str, Any]:
        """The given masks, cut to ``mask``."""
        return {n: m & self.given[n] for n, m in mask.items()}


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return () if x is None else x if isinstance(x, tuple) else (x,)


def _at_level(x: Any, level: int) -> Any:
    return _as_tuple(x)[min(level, len(_as_tuple(x))) - 1]


def _split(flat: NDArray[Any], sizes: Mapping[str, int], repeats: int) -> list[dict[str, NDArray[Any]]]:
    names, ends = list(sizes) * repeats, np.cumsum([*sizes.values()] * repeats)[:-1]
    parts, k = np.split(flat, ends, axis=-1), len(sizes)
    return [dict(zip(names[:k], parts[i * k : (i + 1) * k], strict=True)) for i in range(repeats)]


def _like(values: NDArray[Any], tensor: Any) -> Any:
    xp = array_namespace(tensor)
    return xp.reshape(xp.asarray(values, device=device(tensor)), tensor.shape)


def keep_largest(score: Tensors, mask: Tensors, ties: Tensors, stays: Any, batch: int) -> dict[str, Any]:
    """Keep the ``stays(alive)`` largest scores among the alive weights of each network, equal scores by larger ``ties``.

    All tensors of one call compete with one another. Shapes (*batch, *shape); ``stays`` maps the numbers of alive weights
    (*batch,) to the numbers that stay. Raises ValueError where an alive score is not finite.

    >>> keep_largest({"w": np.array([3., 1., 2.])}, {"w": np.array([True, True, True])}, {"w": np.zeros(3)}, lambda n: n - 1, 0)
    {'w': array([ True, False,  True])}
    """
    xp = array_namespace(*score.values())

    def joined(tensors: Tensors) -> Any:
        shapes = ((*t.shape[:batch], prod(t.shape[batch:])) for t in score.values())
        return xp.concat([xp.reshape(tensors[n], shape) for n, shape in zip(score, shapes, strict=True)], axis=-1)

    s, alive, t = joined(score), joined(mask), joined(ties)
    if bool(xp.any(alive & ~xp.isfinite(s))):
        bad = next(n for n in score if bool(xp.any(mask[n] & ~xp.isfinite(score[n]))))
        raise ValueError(f"The scores of {bad!r} hold {_first_bad(score[bad], mask[bad])}: a diverged network can't be pruned.")
    order = xp.argsort(t, axis=-1, stable=True)
    by_score = xp.argsort(xp.take_along_axis(xp.where(alive, s, -xp.inf), order, axis=-1), axis=-1, stable=True)
    rank = xp.argsort(xp.take_along_axis(order, by_score, axis=-1), axis=-1, stable=True)  # the dead come first
    numbers = xp.sum(xp.astype(alive, xp.int64), axis=-1)
    wanted = np.asarray(stays(np.asarray(numbers.tolist(), dtype=np.int64)))
    keep = alive & (rank >= s.shape[-1] - xp.asarray(wanted, device=device(s))[..., None])
    out, at = {}, 0
    for n, tensor in score.items():
        size = prod(tensor.shape[batch:])
        out[n] = xp.reshape(keep[..., at : at + size], tensor.shape)
        at += size
    return out


def _first_bad(score: Any, mask: Any) -> float:
    xp = array_namespace(score)
    return float(score[mask & ~xp.isfinite(score)][0])


class Trainer(Protocol):
    """What the loop asks of a training engine. Bring your own: the exact maps, the simulations and the networks all do."""

    batch: int
    """How many leading axes of each tensor number independent networks."""
    norm: frozenset[str]
    """Names of the tensors that belong to batch norm."""
    keys: NDArray[np.uint64]
    """One 64-bit key a network, of the batch's shape: the randomness of ties, random masks and random signs."""

    def train(self, params: Tensors, mask: Tensors, level: int, at: frozenset[At], rewind: Rewind) -> Mapping[Any, Tensors]:
        """Train one level; return the points {"final": …, At(…): … for each asked, more names for criteria that need them}."""


@dataclass(frozen=True)
class Level:
    """One finished level: its mask, where it started, and all points known so far."""

    index: int
    mask: Tensors
    start: Tensors
    points: Mapping[Any, Tensors]


def levels(
    algorithm: Algorithm, trainer: Trainer, params: Tensors, mask: Tensors, n: int, done: Level | None = None
) -> Iterator[Level]:
    """train → score → prune → rewind: yield level 0 (dense) to level n.

    ``params`` at initialisation, ``mask`` bool tensors of the prunable ones (all true for a dense start). ``done``:
    go on after a stored level; that is how runs resume, and how several algorithms share one dense level 0.
    """
    r, points = algorithm.rewind, done.points if done else {"init": params}
    n = n if algorithm.prunings is None else min(n, algorithm.prunings)
    for i in range(done.index + 1 if done else 0, n + 1):
        if done:
            mask = algorithm.prune(points, done.mask, i, trainer)
            params = r(_with_draws(points, mask, i, r, trainer), mask, trainer.norm)
        points = {**points, **trainer.train(params, mask, i, algorithm.moments if i == 0 else frozenset(), r)}
        done = Level(i, mask, params, points)
        yield done


def _with_draws(points: Mapping[Any, Tensors], mask: Tensors, level: int, r: Rewind, trainer: Trainer) -> Mapping[Any, Tensors]:
    """The points, and those that only this rewind needs: random signs, redrawn magnitudes."""
    sizes = {n: prod(m.shape[trainer.batch :]) for n, m in mask.items()}

    def drawn(purpose: str) -> dict[str, NDArray[np.float64]]:
        return _split(uniform(trainer.keys, purpose, level, size=sum(sizes.values())), sizes, repeats=1)[0]

    if r.sign == "random":
        signs = drawn("sign")
        points = {**points, "random": {n: _like(signs[n] - 0.5, m) for n, m in mask.items()}}
    if r.magnitude in REDRAWN:
        action, initial = str(r.magnitude), points["init"]
        draws = drawn(action)
        points = {**points, action: {n: redrawn(action, initial[n], m, draws[n], trainer.batch) for n, m in mask.items()}}
    return points


IMP = Algorithm("IMP")
"""Iterative magnitude pruning: everything restarts from initialisation."""
LRR = Algorithm("LRR", Rewind("final", "final", "final", "final"))
"""Learning-rate rewinding: weights go on from where they are, only the learning-rate schedule restarts."""
FINE_TUNING = replace(LRR, name="fine-tuning", rewind=replace(LRR.rewind, schedule="hold"))
"""LRR with the schedule held at its end."""
RANDOM = Algorithm("random", criterion="random")
"""Random pruning, restarted from initialisation."""
DENSE = Algorithm("dense", LRR.rewind, prunings=0)
"""No pruning: level 0 alone."""
LEARNED_SIGNS = Algorithm("learned-signs", Rewind("init", "final"))
"""Initial magnitudes with the learned signs, a restarts from initialisation."""
INITIAL_SIGNS = Algorithm("initial-signs", Rewind("final", "init", "final", "final"))
"""Learned magnitudes with the initial signs."""


def WR(at: At | None = None, **moment: float) -> Algorithm:
    """Weight rewinding to a moment of level 0: ``WR(step=500)``, ``WR(epoch=2)``, ``WR(time=3.2)``.

    Source: Frankle, Dziugaite, Roy, Carbin. Stabilizing the Lottery Ticket Hypothesis. arXiv 1903.01611, 2019.

    >>> WR(step=500).name
    'WR(step=500)'
    """
    if at is None:
        if len(moment) != 1:
            raise ValueError(f"WR needs one moment: step=, epoch= or time=, not {moment!r}.")
        unit, value = next(iter(moment.items()))
        at = At(value, unit)
    return Algorithm(f"WR({at})", Rewind(at, at, at, at))
