"""Mini-batch stochastic gradient descent: each step is one batch, step k is time k η.

An epoch visits every sample once, in an order of its own: its batches are the next ``batch`` samples of that order, the last
one what is left of it, so ⌈n/batch⌉ steps, each along the mean over its own batch. On the population every step takes
``batch`` fresh samples. Orders and samples follow from (trial, level, epoch or place) alone (``sgd_draws``), whatever runs
beside it and wherever. With batch = n this is ``gd`` to rounding.

A trial ends early only where that is certain:

=============  ===========================================================================================================
at rest        after an epoch that changed no bit of a and w, no batch of any order can change one; so ends a neuron that no
               sample activates (w·x_i ≤ 0 for all i: dead for good), and one that fits all samples to rounding
collapsed      |w| and its step are below ``TINY`` and no single sample moves w by as much (w = 0 above all); on the population:
               w = 0, or w_1 < 0 alone is left and there is no label noise
diverged       a value left the finite numbers; the trial keeps its last finite ones
=============  ===========================================================================================================

Three implementations: compiled (``sgd_kernel``), plain NumPy below (without Numba, and what tests compare with), and
torch (``sgd_torch``). They visit the same samples in the same order; values agree to rounding while descent is stable.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.streams import key

from .gd import TINY, Descent, End
from .kernels import NUMBA
from .sgd_draws import orders, samples

__all__ = ["Problem", "State", "descend", "drive", "walk"]

Array = NDArray[np.float64]
CACHE = 2**19
"""Bytes of rows and orders that trials side by side may fill: half of a second-level cache of 1 MB."""
FRESH = 64
"""Samples of the population drawn together, or one batch."""


class Problem(NamedTuple):
    """What is descended on: X (B, d, n) and y (B, n), or None for the population; mask (B, d); uint64 keys (B,)."""

    X: Array | None
    y: Array | None
    mask: NDArray[np.bool_]
    order: NDArray[np.uint64]
    inputs: NDArray[np.uint64]
    noise: NDArray[np.uint64]
    law: str
    sigma: float
    eta: float
    momentum: float
    batch: int

    @property
    def period(self) -> int:
        """Steps of an epoch; of the population, steps whose samples are drawn together, an even number of samples."""
        return 2 * max(1, FRESH // (2 * self.batch)) if self.y is None else -(-self.y.shape[1] // self.batch)


class State(NamedTuple):
    """a (B,), w (B, d), and what each last moved by in a step of size 1, for momentum."""

    a: Array
    w: Array
    pace_a: Array
    pace_w: Array


Walk = Callable[[Problem, State, NDArray[np.int64], int, int], tuple[State, NDArray[np.int64], NDArray[np.int8]]]


def descend(
    X: Array | None,
    y: Array | None,
    a: Array,
    w: Array,
    eta: float,
    steps: int,
    *,
    keys: NDArray[np.uint64],
    batch: int,
    level: int = 0,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    momentum: float = 0.0,
    device: str = "cpu",
    sigma: float = 0.0,
    inputs: str = "gaussian",
) -> Descent:
    """``steps`` steps of size η from a (B,), w (B, d) on X (B, d, n), y (B, n): results, mask and moments as of ``gd.descend``.

    ``keys`` (B,): one uint64 key a trial; with ``level`` they name all randomness. X = y = None: the population of ``inputs``
    gaussian or uniform, teacher φ(x_1), label noise ``sigma``. ValueError for a batch that is not 1 … n or a device that is
    not there.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1, 2, 50))
    >>> start = np.ones(1), np.array([[0.5, 0.5]])
    >>> run = descend(X, np.maximum(X[:, 0], 0), *start, 0.1, 5000, keys=np.zeros(1, np.uint64), batch=10)
    >>> round(float(run.a[0] * run.w[0, 0]), 9)
    1.0
    """
    n = np.inf if y is None else y.shape[1]
    if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or not 1 <= batch <= n:
        raise ValueError(f"batch is a whole number from 1 to n = {n}, not {batch!r}.")
    mask = np.ones(w.shape, bool) if mask is None else np.asarray(mask, bool)
    keys = np.asarray(keys, np.uint64)
    order, source, noise = (key(keys, f"sgd {purpose}", level) for purpose in ("order", "inputs", "noise"))
    problem = Problem(X, y, mask, order, source, noise, inputs, float(sigma), float(eta), float(momentum), int(batch))
    a, w, at = np.array(a, float), np.array(w, float), list(at)
    if device != "cpu":
        from .sgd_torch import walk_on

        return drive(problem, a, w, steps, at, walk_on(device, problem))
    try:
        return _compiled(problem, a, w, steps, at)
    except ModuleNotFoundError as error:
        if error.name not in NUMBA:
            raise
        return drive(problem, a, w, steps, at, walk)


def drive(problem: Problem, a: Array, w: Array, steps: int, at: list[float], walk: Walk) -> Descent:
    """The descent in stretches that ``walk`` goes, each to the end of an epoch or to a moment of ``at``."""
    moments = {k for k in at if 0 <= k <= steps and k == int(k)}
    stops = sorted({*range(problem.period, steps, problem.period), *map(int, moments), steps} - {0})
    state, begun = State(a.copy(), w.copy(), np.zeros_like(a), np.zeros_like(w)), (a, w)
    taken, ends, first = np.full(len(a), steps), np.zeros(len(a), np.int8), 0
    points: dict[float, tuple[Array, Array]] = {0: (a.copy(), w.copy())} if 0 in moments else {}
    for last in stops if steps else []:
        rows = np.flatnonzero(ends == End.TIME)
        part, done, end = walk(problem, State(*(x[rows] for x in state)), rows, first, last)
        for whole, new in zip(state, part, strict=True):
            whole[rows] = new
        taken[rows[end > 0]], ends[rows] = first + done[end > 0], end
        if last % problem.period == 0 and problem.y is not None:
            still = rows[end == 0]
            still = still[(state.a[still] == begun[0][still]) & (state.w[still] == begun[1][still]).all(-1)]
            still = still[[_resting(problem, state, i) for i in still]] if len(still) else still
            taken[still], ends[still] = last, End.REST
            begun = state.a.copy(), state.w.copy()
        if last in moments:
            points[last] = state.a.copy(), state.w.copy()
        first = last
    return Descent(state.a, state.w, {k: points.get(k, (state.a.copy(), state.w.copy())) for k in at}, taken, ends)


def walk(
    problem: Problem, state: State, rows: NDArray[np.int64], first: int, last: int
) -> tuple[State, NDArray[np.int64], NDArray[np.int8]]:
    """Steps first … last − 1 of the trials ``rows``, within one epoch: their state, the steps each took, how it ended."""
    a, w, pace_a, pace_w = (x.copy() for x in state)
    done, ends, (x, y) = np.full(len(a), last - first), np.zeros(len(a), np.int8), _epoch(problem, rows, first)
    for k in range(first, last):
        go = ends == End.TIME
        here = slice(k % problem.period * problem.batch, (k % problem.period + 1) * problem.batch)
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.vecdot(x[:, here], w[:, None])
            part = np.where(z > 0, y[:, here] - a[:, None] * z, 0.0)
            G = np.vecdot(np.swapaxes(x[:, here], 1, 2), part[:, None]) / z.shape[1]
            moves = (
                problem.momentum * pace_a + np.vecdot(part, z) / z.shape[1],
                problem.momentum * pace_w + a[:, None] * (G * problem.mask[rows]),
            )
            next_a, next_w = a + problem.eta * moves[0], w + problem.eta * moves[1]
        size = np.abs(next_w).max(-1)
        good = np.isfinite(next_a) & np.isfinite(size)
        a, w = np.where(go & good, next_a, a), np.where((go & good)[:, None], next_w, w)
        pace_a, pace_w = moves
        for i in np.flatnonzero(go & (size < TINY)):
            if np.abs(problem.eta * moves[1][i]).max() < TINY and _lost(problem, State(a, w, *moves), rows, i):
                ends[i], done[i] = End.COLLAPSED, k + 1 - first
        ends[go & ~good], done[go & ~good] = End.DIVERGED, k + 1 - first
    return State(a, w, pace_a, pace_w), done, ends


def _epoch(problem: Problem, rows: NDArray[np.int64], k: int) -> tuple[Array, Array]:
    """Samples (R, m, d) and labels (R, m) of the epoch of step k, in the order of their visits."""
    epoch, d = k // problem.period, problem.mask.shape[1]
    if problem.X is None or problem.y is None:
        count = problem.period * problem.batch
        streams = problem.inputs[rows].view(np.int64), problem.noise[rows].view(np.int64)
        return samples(*streams, epoch * count, count, d, problem.sigma, problem.law)
    visits = orders(key(problem.order[rows], epoch), problem.y.shape[1])
    x = np.take_along_axis(problem.X[rows], visits[:, None], axis=2)
    return np.ascontiguousarray(np.swapaxes(x, 1, 2)), np.take_along_axis(problem.y[rows], visits, axis=1)


def _parts(problem: Problem, a: float, w: Array, i: int) -> tuple[Array, Array]:
    """y − a w·x of the active samples of trial i, else 0, and w·x: (n,) each."""
    assert problem.X is not None
    assert problem.y is not None
    z = w @ problem.X[i]
    return np.where(z > 0, problem.y[i] - a * z, 0.0), z


def _lost(problem: Problem, state: State, rows: NDArray[np.int64], i: Any) -> bool:
    w, mask = state.w[i], problem.mask[rows[i]]
    if problem.X is None:
        alone = w[0] < 0 and problem.sigma == 0 and not (mask | (w != 0))[1:].any()
        return bool((w == 0).all() or alone)
    part, _ = _parts(problem, state.a[i], w, rows[i])
    moves = problem.eta * state.a[i] * part * problem.X[rows[i]] * mask[:, None]
    return bool((np.abs(moves) < TINY).all())


def _resting(problem: Problem, state: State, i: int) -> bool:
    """Can no batch of any order change a bit of trial i? The means of the largest and of the smallest moves; ``sgd_kernel``."""
    assert problem.X is not None
    a, w, far = state.a[i], state.w[i], problem.eta * (1 + 1e-9)
    part, z = _parts(problem, a, w, i)
    m = len(z) % problem.batch or problem.batch
    moves = np.vstack([part * z, a * part * problem.X[i] * problem.mask[i][:, None]]) * (far / (1 - problem.momentum))
    moves.sort(axis=-1)
    now, last = np.append(a, w), far * np.append(state.pace_a[i], state.pace_w[i])
    return all((now + x == now).all() for x in (last, moves[:, :m].mean(-1), moves[:, -m:].mean(-1)))


def _compiled(problem: Problem, a: Array, w: Array, steps: int, at: list[float]) -> Descent:
    """By ``sgd_kernel``: trials of one alive input apart from those of more, whose rows are wider."""
    from .sgd_kernel import kernel
    from .vectors import LANES

    moments = np.array(sorted({int(m) for m in at if 0 <= m <= steps and m == int(m)}), np.int64)
    last_a, last_w, taken, ends = a.copy(), w.copy(), np.zeros(len(a), np.int64), np.zeros(len(a), np.int8)
    point_a, point_w = np.repeat(a[None], len(moments), 0), np.repeat(w[None], len(moments), 0)
    n, single = 0 if problem.y is None else problem.y.shape[1], problem.batch == 1 and not problem.momentum
    label = max(1, int((problem.mask | (w != 0)).sum(-1).max(initial=0)))
    vectors, stride = -(-label // LANES), -(-(label + 1) // 4) * 4
    room = n or problem.period * problem.batch
    bytes_ = 8 * room * (stride + 1)
    slots = max(1, min(8, len(a), max(4 if single else 1, CACHE // bytes_)))
    ahead = 0 if slots * bytes_ <= 2 * CACHE else max(problem.batch, 16 // slots)
    X = np.empty((len(a), w.shape[1], 0)) if problem.X is None else np.ascontiguousarray(problem.X, np.float64)
    y = np.empty((len(a), 0)) if problem.y is None else np.ascontiguousarray(problem.y, np.float64)
    law = 0 if n else 1 + (problem.law == "uniform")
    if steps:
        run = kernel(vectors, single, problem.momentum != 0)
        run(
            X, y, a, w, problem.mask, problem.order if n else problem.inputs, problem.noise, law, problem.sigma,
            problem.eta, problem.momentum, steps, problem.batch, problem.period, room, label, stride, slots, ahead,
            moments, _aligned(slots * room * stride + LANES * (vectors + 1)), _aligned(slots * (3 * LANES * vectors + 8)),
            last_a, last_w, point_a, point_w, taken, ends,
        )  # fmt: skip
    found = {float(m): (point_a[i], point_w[i]) for i, m in enumerate(moments)}
    points = {m: found[m] if m in found else (last_a.copy(), last_w.copy()) for m in at}
    return Descent(last_a, last_w, points, taken, ends)


def _aligned(size: int) -> Array:
    """Zeros from the start of a cache line on."""
    whole: Any = np.zeros(size + 8)
    start = -whole.ctypes.data // 8 % 8
    return whole[start : start + size]
