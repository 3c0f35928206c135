"""The exact trainer: the same loop as everywhere, with the proved maps of the flow in place of training.

A phase maps (a, w) to its end after time t, or to its limit (t = ∞): T2 where only e_1 is alive, T3 and T4 where others are.
``learns`` runs the loop and looks at the end, so it needs no formula of its own for any algorithm.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import one_input
from .algorithms import Algorithm, At, Borrowed, Level, Rewind, Tensors, levels
from .names import algorithm as named
from .one_input import POPULATION, Branches
from .population_flow import dense_limit, population_flow

__all__ = ["ExactTrainer", "explain", "learned", "learns"]

Array = NDArray[np.float64]
FIRST, SECOND = 1e-150, 1e-200  # infinitesimals that keep, in a limit, the order and signs of every large finite time (T7)


class ExactTrainer:
    """A ``theory.Trainer`` for batches of neurons: params {"w": (B, d), "a": (B,)}; ``t`` is the length of each phase.

    ``branches`` are the statistics of e_1 in the data, used wherever only e_1 is alive; dense phases follow the population.
    """

    batch = 1
    norm: frozenset[str] = frozenset()

    def __init__(self, trials: int, branches: Branches = POPULATION, t: float = np.inf):
        self.keys = np.arange(trials, dtype=np.uint64)
        self.branches, self.t = branches, t

    def train(self, params: Tensors, mask: Tensors, level: int, at: frozenset[At], rewind: Rewind) -> Mapping[Any, Tensors]:
        """{"final": the end of the phase, At(time=…): the state on the way}."""
        points: dict[Any, Tensors] = {p: self._phase(params, mask, self._moment(p)) for p in at}
        return {**points, "final": self._phase(params, mask, self.t)}

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
    r0, across = (np.linalg.norm(v, axis=-1) for v in (w0, w0[:, 1:]))
    fades = (w[:, 0] == 0) & (r0 > 0) & ((across > 0) | (w0[:, 0] < 0))
    w[:, 0] -= FIRST * fades  # outside the basin θ → π
    a = np.where(fades & (a == 0), np.sign(a0) * FIRST, a)  # and a = −‖w‖ stays true where c = 0
    w[:, 1:] = SECOND * w0[:, 1:] / np.where(r0 > 0, r0, 1)[:, None]
    return a, w


def learned(state: Tensors, alive: NDArray[np.bool_], branches: Branches = POPULATION) -> NDArray[np.bool_]:
    """Is the end of a phase in B = {w_1 > 0, a > −w_1}, with e_1 alive? From there the limit a·w_1 = β₊ > 0 is
    certain (T2, T5)."""
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
) -> NDArray[np.bool_]:
    """Does the gradient flow learn the teacher φ(x_1) from these initial values with this pruning algorithm? (T2a, T2b, T4, T5)

    Shapes a0 (…), w0 (…, d) to (…); d = 1 is the sparse neuron. One-shot to one weight, unless the algorithm names its own
    fraction or count. ``branches``: statistics of e_1 in noisy data, T2b (default: the population). ``t``: length of
    each phase; at a finite
    t the answer is whether the end lies in {w_1 > 0, a > −w_1}, from where the limit is certain. ``mask`` (…, d):
    the mask of the last
    level, instead of scoring; random pruning needs it. Raises ValueError for bad shapes, NaN, an unknown algorithm, t < 0.

    >>> learns("LRR", [1.0, 1.0], [[0.6, 0.8], [-0.6, 0.8]]).tolist()
    [True, True]
    >>> learns("IMP", [1.0, 1.0], [[0.6, 0.8], [-0.6, 0.8]]).tolist()
    [True, False]
    """
    shape, trace, trainer = _run(algorithm, a0, w0, branches, t, mask)
    return learned(trace[-1].points["final"], trace[-1].mask["w"], trainer.branches).reshape(shape)


def _run(
    algorithm: str | Algorithm, a0: ArrayLike, w0: ArrayLike, branches: Branches | None, t: float, mask: ArrayLike | None
) -> tuple[tuple[int, ...], list[Level], ExactTrainer]:
    chosen = named(algorithm).default(count=1)
    a, w = _starts(a0, w0)
    shape, d = w.shape[:-1], w.shape[-1]
    if not t >= 0:
        raise ValueError(f"The length of a phase is a time t ≥ 0, not {t!r}.")
    if mask is not None:
        given = np.broadcast_to(_bool_mask(mask), w.shape).reshape(-1, d)
        chosen = Borrowed(**{**vars(chosen), "given": {"w": given}})
    elif "random" in (*chosen.score.needs, chosen.rewind.sign) and chosen.prunings != 0:
        raise ValueError(f"The outcome of {chosen.name!r} depends on random draws: give the mask, or ask success_probability.")
    if branches is not None:
        branches = Branches(*(np.broadcast_to(np.asarray(b, dtype=float), shape).ravel() for b in branches))
        if any(np.isnan(b).any() for b in branches):
            raise ValueError("The branch statistics hold NaN.")
    trainer = ExactTrainer(int(np.prod(shape)), POPULATION if branches is None else branches, float(t))
    params = {"a": a.reshape(-1), "w": w.reshape(-1, d)}
    number = 1 if mask is not None else chosen.named_levels
    return shape, list(levels(chosen, trainer, params, {"w": np.ones_like(params["w"], dtype=bool)}, number)), trainer


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


def _bool_mask(mask: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != bool:
        raise ValueError(f"A mask is an array of booleans, not of {array.dtype}.")
    return array


def explain(algorithm: str | Algorithm, a0: float, w0: ArrayLike) -> str:
    """One sentence: which condition (basin, mask, sign) holds or fails for one start a0, w0 (d,) of the population flow.

    >>> explain("IMP", 1.0, [-0.6, 0.8])
    'IMP does not learn: the mask keeps e_1, but the restart has w_1 = -0.6, and a w_1 that is not positive never
    grows back (T2a).'
    """
    _, trace, _ = _run(algorithm, float(a0), np.atleast_1d(np.asarray(w0, dtype=float)), None, np.inf, None)
    verdict = bool(learned(trace[-1].points["final"], trace[-1].mask["w"])[0])
    return f"{named(algorithm).name} {'learns' if verdict else 'does not learn'}: {_reason(trace, verdict)}"


def _reason(trace: list[Level], verdict: bool) -> str:
    first, last = trace[0], trace[-1]
    a0, w0 = float(first.start["a"][0]), first.start["w"][0]
    r0, a, w = float(np.linalg.norm(w0)), float(last.start["a"][0]), float(last.start["w"][0, 0])
    if len(trace) == 1 or w0.size == 1 or r0 == 0:
        return _basin(a0, w0, r0)
    if not last.mask["w"][0, 0]:
        return "the mask does not keep e_1, and no other weight can express the teacher (T8)."
    if verdict:
        return f"the mask keeps e_1, and the restart w_1 = {w:.6g} > 0, a = {a:.6g} > −w_1 lies in the sparse basin (T2a)."
    if a0 <= -r0:
        return _basin(a0, w0, r0)
    if w <= 0:
        return f"the mask keeps e_1, but the restart has w_1 = {w:.6g}, and a w_1 that is not positive never grows back (T2a)."
    return (
        f"the mask keeps e_1 with w_1 = {w:.6g} > 0, but the restart has a = {a:.6g} ≤ −w_1, so w_1 dies before a turns (T2a)."
    )


def _basin(a0: float, w0: Array, r0: float) -> str:
    if r0 == 0:
        return "w0 = 0 is a rest point (φ'(0) = 0)."
    if a0 <= -r0:
        how = "equals" if a0 == -r0 else "is below"
        return f"a0 = {a0:.6g} {how} −‖w0‖ = {-r0:.6g}, so a stays negative for ever and the loss never falls below ¼ (T4)."
    if not w0[1:].any() and w0[0] < 0:
        return f"w0 points exactly away from the teacher (θ0 = π), and its w_1 = {w0[0]:.6g} never changes sign (T2a, T4)."
    return f"a0 = {a0:.6g} > −‖w0‖ = {-r0:.6g} and θ0 ≠ π: the start lies in the basin of the teacher (T4)."
