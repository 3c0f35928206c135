"""The exact trainer: the same loop as everywhere, with the proved maps of the flow in place of training.

A phase maps (a, w) to its end after time t, or to its limit (t = ∞): T2 where only e_1 is alive, T3 and T4 where others are.
``learns`` runs the loop and looks at the end, so it needs no formula of its own for any algorithm.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import one_input
from .algorithms import Algorithm, At, Borrowed, Level, Rewind, Tensors, flipped, levels
from .dense_flow import dense_limit, population_flow
from .names import algorithm as named
from .one_input import POPULATION, Branches
from .streams import key

__all__ = ["ExactTrainer", "dense_level", "learned", "learns"]

Array = NDArray[np.float64]
FIRST, SECOND = 1e-150, 1e-200  # infinitesimals that keep, in a limit, the order and signs of every large finite time (T7)


class ExactTrainer:
    """A ``theory.Trainer`` for batches of neurons: params {"w": (B, d), "a": (B,)}; ``t`` is the length of each phase.

    ``branches`` are the statistics of e_1 in the data, used wherever only e_1 is alive; dense phases follow the population.

    Signs that flip every so often inside a level need a finite ``t``; the maps from one time to the next are exact.

    Fixed signs are exact where e_1 alone is alive, or where it is not. Held to its side, w_1 follows the branch it starts on
    until it comes to zero, and rests there. So it does, unheld, where the other branch has β = 0: it crosses zero only where
    both branches pull the same way (T2b). Hence the other β is taken as 0. In the population this changes nothing: β− = 0, and
    from w_1 < 0 zero is never reached (T2a). Nor does it without e_1, where ‖w‖ alone moves. Of several weights with e_1 alive
    no map is known.
    """

    batch = 1
    norm: frozenset[str] = frozenset()

    def __init__(self, trials: int, branches: Branches = POPULATION, t: float = np.inf, keys: NDArray[np.uint64] | None = None):
        self.keys = np.arange(trials, dtype=np.uint64) if keys is None else keys
        self.branches, self.t = branches, t

    def train(self, params: Tensors, mask: Tensors, level: int, at: frozenset[At], rewind: Rewind) -> Mapping[Any, Tensors]:
        """{"final": the end of the phase, At(time=…): the state on the way}."""
        points: dict[Any, Tensors] = {p: self._phase(params, mask, self._moment(p)) for p in at}
        return {**points, "final": self._perturbed(params, mask, level, rewind)}

    def _perturbed(self, params: Tensors, mask: Tensors, level: int, rewind: Rewind) -> dict[str, Array]:
        """The end of a level, from 1 on with the flips inside it, or with fixed signs."""
        if level and rewind.signs == "fixed":
            return self._one_sided(params, mask)._phase(params, mask, self.t)
        now, state = 0.0, dict(params)
        if level and rewind.flip and rewind.flip_every:
            every = rewind.flip_every.count(time=1.0)
            if np.isinf(self.t):
                raise ValueError(f"Signs can't flip every {rewind.flip_every} in a phase that never ends (t = inf).")
            for k in count(1):
                if k * every >= self.t:
                    break
                state, now = self._phase(state, mask, k * every - now), k * every
                state = flipped(state, rewind.flips(self.keys, {"w": mask["w"]}, level, k, self.batch))
        return self._phase(state, mask, self.t - now)

    def _one_sided(self, params: Tensors, mask: Tensors) -> "ExactTrainer":
        """This trainer with β = 0 on the branch where w_1 does not start."""
        alive, b = mask["w"], self.branches
        dense = alive[:, 0] & alive[:, 1:].any(-1)
        if dense.any():
            number = int(alive[dense].sum(-1).max())
            raise ValueError(f"No exact map is known for the fixed signs of {number} weights; use simulate with engine='gd'.")
        below = params["w"][:, 0] < 0
        one = b._replace(beta_plus=np.where(below, 0.0, b.beta_plus), beta_minus=np.where(below, b.beta_minus, 0.0))
        return ExactTrainer(len(below), one, self.t, self.keys)

    def _moment(self, at: At) -> float:
        time = at.count(time=1.0)
        if time > self.t:
            raise ValueError(f"The rewind point {at} lies behind the end of level 0 at time {self.t:g}.")
        return time

    def _phase(self, params: Tensors, mask: Tensors, t: float) -> dict[str, Array]:
        a, w, alive = params["a"].copy(), params["w"].copy(), mask["w"]
        sparse = alive[:, 0] & ~alive[:, 1:].any(-1)
        lost = ~alive[:, 0]
        dense = ~sparse & ~lost
        if sparse.any():
            here = Branches(*(np.broadcast_to(b, a.shape)[sparse] for b in self.branches))
            a[sparse], w[sparse, 0] = _line(a[sparse], w[sparse, 0], here, t)
        if lost.any():
            a[lost], w[lost] = _without_teacher(a[lost], w[lost], t)
        if dense.any():
            a[dense], w[dense] = _dense(a[dense], w[dense], t)
        return {"a": a, "w": w}


def _line(a0: Array, w0: Array, branches: Branches, t: float) -> tuple[Array, Array]:
    a, w = one_input.flow(a0, w0, branches, t)
    beta, s = np.where(w0 > 0, branches[1], branches[3]), np.where(w0 > 0, branches[0], branches[2])
    fades = np.isinf(t) & (w == 0) & np.isinf(one_input.zero_time(a0, w0, s, beta))
    return np.where(fades & (a == 0), np.sign(a0) * FIRST, a), np.where(fades, np.sign(w0) * FIRST, w)


def _without_teacher(a0: Array, w0: Array, t: float) -> tuple[Array, Array]:
    """θ = π/2 stays: only ‖w‖ moves, like one input with β = 1/π."""
    r0 = np.linalg.norm(w0, axis=-1)
    a, r = one_input.flow(a0, r0, Branches(0.5, 1 / np.pi, 0.5, 0.0), t)
    return a, w0 * np.divide(r, r0, out=np.zeros_like(r0), where=r0 > 0)[:, None]


def _dense(a0: Array, w0: Array, t: float) -> tuple[Array, Array]:
    if np.isfinite(t):
        return population_flow(a0, w0, t)
    a, w = dense_limit(a0, w0)
    across = np.abs(w0[:, 1:]).max(-1)
    fades = (w[:, 0] == 0) & ((across > 0) | (w0[:, 0] < 0))
    w[:, 0] -= FIRST * fades  # outside the basin θ → π
    a = np.where(fades & (a == 0), np.sign(a0) * FIRST, a)  # and a = −‖w‖ stays true where c = 0
    w[:, 1:] = SECOND * w0[:, 1:] / np.where(across > 0, across, 1)[:, None]
    return a, w


def learned(state: Tensors, alive: NDArray[np.bool_], branches: Branches = POPULATION) -> NDArray[np.bool_]:
    """Is the end of a phase in B = {w_1 > 0, a > −w_1}, with e_1 alive? From there a·w_1 → β₊ > 0 is certain (T2, T5)."""
    first = state["w"][..., 0]
    return alive[..., 0] & (first > 0) & (state["a"] > -first) & (np.asarray(branches.beta_plus) > 0)


def learns(
    algorithm: str | Algorithm,
    a0: ArrayLike,
    w0: ArrayLike,
    *,
    branches: Branches | None = None,
    t: float = np.inf,
    mask: ArrayLike | None = None,
    dense: Level | None = None,
) -> NDArray[np.bool_]:
    """Does the gradient flow learn the teacher φ(x_1) from these initial values with this pruning algorithm? (T2a, T2b, T4, T5)

    Shapes a0 (…), w0 (…, d) to (…); d = 1 is the sparse neuron. One-shot to one weight, unless the algorithm names its own
    fraction or count. ``branches``: statistics of e_1 in noisy data, T2b (default: the population). ``t``: length of each
    phase; at a finite t the answer is whether the end lies in {w_1 > 0, a > −w_1}, from where the limit is certain.
    ``mask`` (…, d): the mask of the last level, instead of scoring; random pruning needs it. Scores that tie exactly are
    decided by a draw keyed by the start itself. ``dense``: the ``dense_level`` of the same a0 (B,), w0 (B, d) and t, where
    several algorithms share it. Raises ValueError for bad shapes, NaN, an unknown algorithm, t < 0.

    >>> learns("LRR", [1.0, 1.0], [[0.6, 0.8], [-0.6, 0.8]]).tolist()
    [True, True]
    >>> learns("IMP", [1.0, 1.0], [[0.6, 0.8], [-0.6, 0.8]]).tolist()
    [True, False]
    """
    shape, trace, trainer = _run(algorithm, a0, w0, branches, t, mask, dense)
    return learned(trace[-1].points["final"], trace[-1].mask["w"], trainer.branches).reshape(shape)[()]


def dense_level(algorithms: Iterable[str | Algorithm], a0: ArrayLike, w0: ArrayLike, t: float = np.inf) -> Level:
    """Level 0 of ``learns`` with every moment that one of the algorithms rewinds to: computed once, for all of them.

    >>> level = dense_level(("IMP", "LRR"), np.ones(1), np.array([[-0.6, 0.8]]))
    >>> [learns(law, np.ones(1), np.array([[-0.6, 0.8]]), dense=level).tolist() for law in ("IMP", "LRR")]
    [[False], [True]]
    """
    a, w = _starts(a0, w0)
    params = {"a": a.reshape(-1), "w": w.reshape(-1, w.shape[-1])}
    mask = {"w": np.ones_like(params["w"], dtype=bool)}
    moments = frozenset[At]().union(*(named(law).moments for law in algorithms))
    trainer = ExactTrainer(params["a"].size, t=float(t))
    return Level(0, mask, params, {"init": params, **trainer.train(params, mask, 0, moments, Rewind())})


def _run(
    algorithm: str | Algorithm,
    a0: ArrayLike,
    w0: ArrayLike,
    branches: Branches | None,
    t: float,
    mask: ArrayLike | None,
    dense: Level | None = None,
) -> tuple[tuple[int, ...], list[Level], ExactTrainer]:
    chosen = named(algorithm).default(count=1)
    a, w = _starts(a0, w0)
    shape, d = w.shape[:-1], w.shape[-1]
    if not t >= 0:
        raise ValueError(f"The length of a phase is a time t ≥ 0, not {t!r}.")
    if mask is not None:
        given = np.broadcast_to(_bool_mask(mask), w.shape).reshape(-1, d)
        chosen = Borrowed(**{**vars(chosen), "given": {"w": given}})
    elif "random" in chosen.score.needs and chosen.prunings != 0:
        raise ValueError(f"The outcome of {chosen.name!r} depends on random draws: give the mask, or ask success_probability.")
    if chosen.prunings != 0:
        _require_certain(chosen)
    params = {"a": a.reshape(-1), "w": w.reshape(-1, d)}
    statistics = POPULATION if branches is None else _broadcast(branches, shape)
    trainer = ExactTrainer(params["a"].size, statistics, float(t), _keys(params["a"], params["w"]))
    number = 1 if mask is not None else chosen.named_levels
    everything = {"w": np.ones_like(params["w"], dtype=bool)}
    trace = [] if dense is None else [dense]
    return shape, trace + list(levels(chosen, trainer, params, everything, number, dense)), trainer


def _require_certain(chosen: Algorithm) -> None:
    """Refuse restarts that are drawn; a reshuffle of one weight moves nothing, and one weight flips or it does not."""
    single = chosen.count == 1 and not isinstance(chosen, Borrowed)
    if chosen.rewind.flip not in (0, 1) and not single:
        raise ValueError(f"The outcome of {chosen.name!r} depends on which signs flip; use simulate.estimate.")
    if chosen.rewind.sign == "random":
        raise ValueError(f"The outcome of {chosen.name!r} depends on random signs; ask success_probability.")
    magnitude = chosen.rewind.magnitude
    if magnitude == "reinit" or (magnitude == "reshuffle" and not single):
        raise ValueError(f"The outcome of {chosen.name!r} depends on random magnitudes; ask success_probability.")


def _starts(a0: ArrayLike, w0: ArrayLike) -> tuple[Array, Array]:
    a, w = np.asarray(a0, dtype=float), np.asarray(w0, dtype=float)
    if w.ndim == 0 or w.shape[-1] == 0:
        raise ValueError(f"w0 has shape (…, d) with d ≥ 1, not {w.shape}.")
    try:
        shape = np.broadcast_shapes(a.shape, w.shape[:-1])
    except ValueError:
        raise ValueError(f"a0 of shape {a.shape} does not fit w0 of shape {w.shape}: they are (…) and (…, d).") from None
    if not (np.isfinite(a).all() and np.isfinite(w).all()):
        bad = next(v for v in (*a.ravel(), *w.ravel()) if not np.isfinite(v))
        raise ValueError(f"Initial values are finite numbers, not {bad}.")
    return np.broadcast_to(a, shape), np.broadcast_to(w, (*shape, w.shape[-1]))


def _broadcast(branches: Branches, shape: tuple[int, ...]) -> Branches:
    try:
        flat = Branches(*(np.broadcast_to(np.asarray(b, dtype=float), shape).ravel() for b in branches))
    except (TypeError, ValueError):
        raise ValueError(f"branches holds s±, β± as four numbers or arrays of the shape {shape}, not {branches!r}.") from None
    if any(np.isnan(b).any() for b in flat) or (flat.s_plus < 0).any() or (flat.s_minus < 0).any():
        raise ValueError(f"branches holds s± ≥ 0 and β±, without NaN, not {branches!r}.")
    return flat


def _keys(a: Array, w: Array) -> NDArray[np.uint64]:
    """One key a start: its ties fall alike whatever else is in the batch."""
    columns = np.ascontiguousarray(np.column_stack([a, w]).T + 0.0).view(np.uint64)
    return reduce(lambda keys, column: key(keys ^ column, "start"), columns, np.zeros(a.size, dtype=np.uint64))


def _bool_mask(mask: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != bool:
        raise ValueError(f"A mask is an array of booleans, not of {array.dtype}.")
    return array
