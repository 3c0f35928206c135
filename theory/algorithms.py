"""Every pruning algorithm as data, and the one loop train → score → prune → rewind that runs them all.

The same objects drive the exact maps of ``theory``, the simulated neurons of ``simulate`` and the networks of ``deep``. A
tensor is ``(*batch, *shape)``: ``batch`` numbers independent networks (trials of the neuron, replicas of a ResNet; empty
for one network), NumPy or torch alike. Counts, ties and masks are exact per network.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .criteria import CRITERIA, Criterion
from .redraws import REDRAWN, redrawn
from .rewinds import At, Rewind, flipped, into_orthant, orthant
from .scopes import SCOPES, shares
from .selection import Tensors, drawn, flat_draws, keep_largest, later_draws, numbers_alive

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
    "Supplier",
    "Tensors",
    "Trainer",
    "flipped",
    "into_orthant",
    "keep_largest",
    "levels",
    "next_start",
    "orthant",
]

MASK = "donor mask"
"""The point that holds another run's masks."""


@dataclass(frozen=True)
class Algorithm:
    """A criterion, a scope, a rewind and an amount.

    ``fraction`` of the alive weights is pruned at each level, exactly round(fraction × alive); or ``count`` weights stay.
    Either may be a tuple, one entry a level (the last one repeats). With neither, the layer's default holds: one weight
    stays on the neuron, a fifth goes on a network. ``prunings`` limits the number of levels (0: the dense network only).
    ``scope``: who competes with whom, see ``theory.scopes``. ``masks`` "donor": nothing is scored; at level i the weights stay
    that are alive and in the mask of another run at its level i (``Supplier``).
    """

    name: str
    rewind: Rewind = field(default_factory=Rewind)
    criterion: str | Criterion = "large_final"
    scope: str = "global"
    fraction: float | tuple[float, ...] | None = None
    count: int | tuple[int, ...] | None = None
    prunings: int | None = None
    masks: str = "scored"

    def __post_init__(self) -> None:
        if not isinstance(self.criterion, Criterion) and self.criterion not in tuple(CRITERIA):
            raise ValueError(f"Unknown criterion {self.criterion!r}; the named ones are {', '.join(CRITERIA)}.")
        if self.scope not in SCOPES:
            raise ValueError(f"The scope of pruning is {', '.join(SCOPES[:-1])} or {SCOPES[-1]}, not {self.scope!r}.")
        if self.masks not in ("scored", "donor"):
            raise ValueError(f"The masks of an algorithm are scored or a donor's, not {self.masks!r}.")
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
        return self.rewind.moments | {p for p in self.mask_needs if isinstance(p, At)}

    @property
    def mask_needs(self) -> tuple[Any, ...]:
        """The points that pruning looks at, but for random numbers, which it draws itself."""
        return (MASK,) if self.masks == "donor" else tuple(p for p in self.score.needs if p != "random")

    def require_undisturbed(self) -> None:
        """Raise ValueError where masks are a donor's, or as ``Rewind.require_undisturbed``; the dense network knows neither."""
        if self.prunings == 0:
            return
        if self.masks != "scored":
            raise ValueError(f"No formula is known for masks={self.masks!r}; simulate it.")
        self.rewind.require_undisturbed()

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
        if self.masks == "donor":
            _require(self.mask_needs, points, f"The mask of {self.name!r} needs")
            return {n: m & points[MASK][n] for n, m in mask.items()}
        _require(self.mask_needs, points, f"The criterion {self.score.name!r} needs")
        batch, purpose = trainer.batch, ("prune", level)
        if "random" in self.score.needs:
            points = {**points, "random": drawn(trainer.keys, *purpose, mask=mask, batch=batch)}
        score = {n: self.score(*(points[p][n] for p in self.score.needs)) for n in mask}
        if self.scope == "global":
            ties = later_draws(trainer.keys, *purpose, mask=mask, batch=batch)
            return keep_largest(score, mask, ties, lambda alive: self.stays(alive, level), batch)
        kept: dict[str, Any] = {}
        for n, stays in self._layer_counts(mask, level, batch).items():
            ties = later_draws(trainer.keys, *purpose, mask=mask, batch=batch, group=n)
            kept |= keep_largest({n: score[n]}, {n: mask[n]}, ties, partial(_just, stays), batch)
        return kept

    def _layer_counts(self, mask: Tensors, level: int, batch: int) -> dict[str, NDArray[np.int64]]:
        alive = np.stack([numbers_alive(m, batch) for m in mask.values()], axis=-1)
        if self.scope == "layer":
            stays = self.stays(alive, level)
        else:
            stays = shares(self.scope, self.stays(alive.sum(-1), level), alive, mask, batch)
        return {n: stays[..., i] for i, n in enumerate(mask)}


@dataclass(frozen=True, eq=False)
class Borrowed(Algorithm):
    """An algorithm whose masks are given, not scored: ``given`` holds the mask of every level after the first."""

    given: Tensors = field(default_factory=dict)

    @property
    def mask_needs(self) -> tuple[Any, ...]:
        """No points."""
        return ()

    def prune(self, points: Mapping[Any, Tensors], mask: Tensors, level: int, trainer: "Trainer") -> dict[str, Any]:
        """The given masks, cut to ``mask``."""
        return {n: m & self.given[n] for n, m in mask.items()}


def _just(stays: NDArray[np.int64], alive: NDArray[np.int64]) -> NDArray[np.int64]:
    return stays


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return () if x is None else x if isinstance(x, tuple) else (x,)


def _at_level(x: Any, level: int) -> Any:
    return _as_tuple(x)[min(level, len(_as_tuple(x))) - 1]


class Trainer(Protocol):
    """What the loop asks of a training engine. Bring your own: the exact maps, the simulations and the networks all do.

    Of a rewind an engine itself has to heed, in levels from 1 on, what happens during training: ``optimiser``, ``schedule``,
    ``flip_every`` (with ``Rewind.flips`` for k = 1, 2, … and ``flipped``), ``flip_momentum`` and ``signs`` (``into_orthant``),
    or to refuse it in one sentence.
    """

    batch: int
    """How many leading axes of each tensor number independent networks."""
    norm: frozenset[str]
    """Names of the tensors that belong to batch norm."""
    keys: NDArray[np.uint64]
    """One 64-bit key a network, of the batch's shape: the randomness of ties, random masks, random signs and flips."""

    def train(self, params: Tensors, mask: Tensors, level: int, at: frozenset[At], rewind: Rewind) -> Mapping[Any, Tensors]:
        """Train one level; return the points {"final": …, At(…): … for each asked, more names for criteria that need them}."""


class Supplier(Trainer, Protocol):
    """A ``Trainer`` that has more points to give than those of its own training. The loop asks whoever has this method."""

    def supply(self, names: frozenset[str], points: Mapping[Any, Tensors], mask: Tensors, level: int) -> Mapping[str, Tensors]:
        """Those of ``names`` that it knows, each as tensors, just before level ``level`` is pruned and then rewound.

        "donor": the parameters of another run at the end of its level ``level``. "donor mask": its mask of that level, bool
        tensors. "gradient": the mean gradient of the loss on fixed training data at points["final"] under ``mask``. Or
        whatever else a criterion of one's own needs. They serve this level alone and are not kept in ``Level.points``.
        """


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
            mask, params = next_start(algorithm, trainer, done)
        points = {**points, **trainer.train(params, mask, i, algorithm.moments if i == 0 else frozenset(), r)}
        done = Level(i, mask, params, points)
        yield done


def next_start(algorithm: Algorithm, trainer: Trainer, done: Level) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mask and the parameters with which the level after ``done`` starts: prune, rewind (with its draws), flip signs.

    A point that is needed and unknown is asked of ``trainer.supply``, if there is such a method. Raises ValueError for one
    that nobody has, and for scores that are not finite.
    """
    level, r = done.index + 1, algorithm.rewind
    points = _supplied(algorithm.mask_needs, done.points, done.mask, level, trainer)
    mask = algorithm.prune(points, done.mask, level, trainer)
    points = _supplied(r.sources, _with_draws(points, mask, level, r, trainer), mask, level, trainer)
    _require(r.sources, points, f"The rewind of {algorithm.name!r} needs")
    params = r(points, mask, trainer.norm)
    return mask, flipped(params, r.flips(trainer.keys, mask, level, 0, trainer.batch)) if r.flip else params


def _supplied(
    needs: Iterable[Any], points: Mapping[Any, Tensors], mask: Tensors, level: int, trainer: Trainer
) -> Mapping[Any, Tensors]:
    """The points, and those needed that they lack and the trainer knows."""
    lacking = frozenset(p for p in needs if isinstance(p, str) and p not in points)
    supply = getattr(trainer, "supply", None)
    return {**points, **supply(lacking, points, mask, level)} if lacking and supply else points


def _require(needs: Iterable[Any], points: Mapping[Any, Tensors], what: str) -> None:
    for p in needs:
        if p not in points:
            known = ", ".join(str(k) for k in points)
            raise ValueError(f"{what} the point {str(p)!r}; this trainer has {known}.")


def _with_draws(points: Mapping[Any, Tensors], mask: Tensors, level: int, r: Rewind, trainer: Trainer) -> Mapping[Any, Tensors]:
    """The points, and those that only this rewind needs: random signs, redrawn magnitudes."""
    if r.sign == "random":
        signs = drawn(trainer.keys, "sign", level, mask=mask, batch=trainer.batch)
        points = {**points, "random": {n: x - 0.5 for n, x in signs.items()}}
    if r.magnitude in REDRAWN:
        action, initial = str(r.magnitude), points["init"]
        draws = flat_draws(trainer.keys, action, level, mask=mask, batch=trainer.batch)
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
