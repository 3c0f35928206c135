"""The reference engine: full-batch gradient descent on L = (1/2n) Σ (a φ(w·x) − y)², plain NumPy, many trials side by side.

Both gradients follow from one vector per trial, the *force* G = −(1/a) ∂L/∂w:

    G = (1/n) Σ_i 1{w·x_i > 0} (y_i − a φ(w·x_i)) x_i,    a ← a + η w·G,    w ← w + η a G on the mask,

since z φ'(z) = φ(z) (that is T1). φ'(0) = 0: a neuron at exactly w = 0 is dead. Three sources of G: samples, the population
(Gaussian inputs, T3), and, for one input, the branch statistics of T2, whose cost does not depend on n. With momentum μ
(heavy ball) a and w move by η times the sum of these slopes so far, each step back weighted by μ (T13).

Trials never mix: the result of each is the same, bit for bit, whichever trials run beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from theory.rewinds import into_orthant

__all__ = ["TINY", "BranchForce", "Descent", "End", "Force", "PopulationForce", "SampleForce", "descend"]

Array = NDArray[np.float64]

TINY = 1e-200
"""|w| below this, with a step as small, counts as zero: near 1e-324 rounding may return the other sign, a false escape."""
CACHE = 2**20
"""Bytes of inputs in a block of trials: what the second-level cache of one core holds."""
CHECK = 8
"""Steps between two looks for trials at rest; whoever rests once rests for good, so this changes no result."""


class End(IntEnum):
    """How a trial's training ended; STALLED: the flow's integrator gave it up, at the values of the last time reached."""

    TIME = 0
    REST = 1
    COLLAPSED = 2
    DIVERGED = 3
    STALLED = 4


class Descent(NamedTuple):
    """End values a (B,), w (B, d), the points {step or time: (a, w)} asked for, the steps taken (B,), how each ended (B,)."""

    a: Array
    w: Array
    points: dict[float, tuple[Array, Array]]
    steps: NDArray[np.int64]
    end: NDArray[np.int8]


class Force(Protocol):
    """G of several trials; ``force[rows]`` is that of some of them."""

    @property
    def block(self) -> int:
        """Trials to compute together."""

    def __call__(self, a: Array, w: Array) -> Array:
        """G (B, d) at a (B,) and w (B, d)."""

    def __getitem__(self, rows: Any) -> "Force":
        """The force of the trials ``rows``."""


class SampleForce:
    """G of finite samples: inputs X (B, d, n), coordinates before samples, and labels y (B, n)."""

    def __init__(self, X: Array, y: Array):
        self.X, self.y = np.ascontiguousarray(X), np.ascontiguousarray(y)
        trials, d, n = X.shape
        self.block = max(1, min(24, CACHE // (8 * d * n)))
        self.z, self.residual, self.active = np.empty((trials, 1, n)), np.empty((trials, n)), np.empty((trials, n), bool)

    def __call__(self, a: Array, w: Array) -> Array:
        """G = (1/n) Σ_i 1{w·x_i > 0} (y_i − a w·x_i) x_i."""
        np.matmul(w[:, None, :], self.X, out=self.z)
        z = self.z[:, 0]
        np.multiply(a[:, None], z, out=self.residual)
        np.subtract(self.y, self.residual, out=self.residual)
        np.multiply(self.residual, np.greater(z, 0, out=self.active), out=self.residual)
        return np.matmul(self.X, self.residual[:, :, None])[:, :, 0] / self.y.shape[1]

    def __getitem__(self, rows: Any) -> "SampleForce":
        """The force of the trials ``rows``."""
        return SampleForce(self.X[rows], self.y[rows])


@dataclass(frozen=True)
class PopulationForce:
    """G of the population, x ~ N(0, I_d), teacher φ(x_1) (T3).

    G = (1/2π) [(π − θ) e_1 + sin θ ŵ] − a w/2, θ the angle between w and e_1; 0 at w = 0.
    """

    block: int = 1024

    def __call__(self, a: Array, w: Array) -> Array:
        """G at a and w."""
        across = np.sqrt(np.vecdot(w[:, 1:], w[:, 1:]))
        norm = np.hypot(w[:, 0], across)
        alive = norm > 0
        sine_over_norm = np.divide(across, norm * norm, out=np.zeros_like(norm), where=alive & (across > 0))
        G = (sine_over_norm / (2 * np.pi) - a / 2)[:, None] * w
        G[:, 0] += np.where(alive, np.arctan2(across, -w[:, 0]) / (2 * np.pi), 0.0)  # π − θ, no digit lost near θ = π
        return G

    def __getitem__(self, rows: Any) -> "PopulationForce":
        """The same for every trial."""
        return self


class BranchForce:
    """G of one input (w has shape (B, 1)) from the statistics of its two branches (T2).

    G = s (β − a w) with (s+, β+) for w > 0 and (s−, β−) for w < 0; 0 at w = 0.
    """

    block = 1024

    def __init__(self, s_plus: Array, beta_plus: Array, s_minus: Array, beta_minus: Array):
        self.statistics = (s_plus, beta_plus, s_minus, beta_minus)

    def __call__(self, a: Array, w: Array) -> Array:
        """G at a and w."""
        s_plus, beta_plus, s_minus, beta_minus = self.statistics
        w = w[:, 0]
        s, beta = np.where(w > 0, s_plus, s_minus), np.where(w > 0, beta_plus, beta_minus)
        return np.where(w == 0, 0.0, s * (beta - a * w))[:, None]

    def __getitem__(self, rows: Any) -> "BranchForce":
        """The force of the trials ``rows``."""
        return BranchForce(*(x[rows] for x in self.statistics))


def descend(
    force: Force,
    a: Array,
    w: Array,
    eta: float,
    steps: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    momentum: float = 0.0,
    fixed: bool = False,
) -> Descent:
    """``steps`` steps of size η from a (B,), w (B, d); weights off ``mask`` (B, d) keep their value and act on the output.

    A trial ends early at rest (no bit changes, so none ever will), collapsed (|w| and its step below ``TINY``) or diverged
    (it keeps its last finite values). ``at``: the steps to remember; what ended before stands there with its end values.
    ``momentum``: 0 ≤ μ < 1; nothing has moved before the first step. ``fixed``: projected descent, each w stays in the closed
    orthant of the signs it starts with (sign(±0) = +); what has crossed zero in a step is put to +0, the momentum stays.

    >>> one = np.ones(1)
    >>> round(float(descend(BranchForce(one, one, one, 0 * one), one / 2, one[:, None] / 2, 0.1, 1000).a[0]), 9)
    1.0
    """
    mask = np.ones(w.shape, bool) if mask is None else mask
    blocks = [slice(i, i + force.block) for i in range(0, len(a), force.block)]
    parts = [_descend(force[b], a[b], w[b], mask[b], eta, steps, sorted(set(at)), momentum, fixed) for b in blocks]
    joined = [np.concatenate([p[i] for p in parts]) for i in (0, 1, 3, 4)]
    points = {k: tuple(np.concatenate([p.points[k][i] for p in parts]) for i in (0, 1)) for k in at}
    return Descent(joined[0], joined[1], points, joined[2], joined[3])  # type: ignore[arg-type]


def _descend(
    force: Force,
    a: Array,
    w: Array,
    mask: NDArray[np.bool_],
    eta: float,
    steps: int,
    at: list[float],
    momentum: float,
    fixed: bool,
) -> Descent:
    negative = w < 0
    pace = np.zeros_like(a), np.zeros_like(w)
    rows, last = np.arange(len(a)), Descent(a.copy(), w.copy(), {}, np.full(len(a), steps), np.zeros(len(a), np.int8))
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps + 1):
            if k in at or k == steps:
                last.a[rows], last.w[rows] = a, w
                if k in at:
                    last.points[k] = last.a.copy(), last.w.copy()
            if k == steps or not len(rows):
                break
            before, pace = pace, _pace(force, a, w, mask, momentum, pace)
            next_a, next_w = a + eta * pace[0], w + eta * pace[1]
            if fixed:
                next_w = into_orthant(next_w, negative)
            steady = momentum == 0 or (pace[0] == before[0]) & (pace[1] == before[1]).all(-1)
            ended = _ended(a, w, next_a, next_w, k, steady)
            if ended is None:
                a, w = next_a, next_w
                continue
            kept = np.where(ended == End.DIVERGED, a, next_a), np.where((ended == End.DIVERGED)[:, None], w, next_w)
            out, go = rows[ended > 0], ended == 0
            last.a[rows], last.w[rows], last.end[out], last.steps[out] = *kept, ended[ended > 0], k + 1
            force, rows, a, w, mask, pace = force[go], rows[go], next_a[go], next_w[go], mask[go], (pace[0][go], pace[1][go])
            negative = negative[go]
    for moment in at:
        last.points.setdefault(moment, (last.a.copy(), last.w.copy()))
    return last


def _pace(
    force: Force, a: Array, w: Array, mask: NDArray[np.bool_], momentum: float, pace: tuple[Array, Array]
) -> tuple[Array, Array]:
    """What a and w move by in a step of size 1."""
    G = force(a, w)
    slopes = np.vecdot(w, G), a[:, None] * (G * mask)
    return slopes if momentum == 0 else (momentum * pace[0] + slopes[0], momentum * pace[1] + slopes[1])


def _ended(
    a: Array, w: Array, next_a: Array, next_w: Array, k: int, steady: bool | NDArray[np.bool_]
) -> NDArray[np.int8] | None:
    size = np.abs(next_w).max(-1)
    finite, tiny = np.isfinite(next_a) & np.isfinite(size), size < TINY
    look = k % CHECK == 0
    if not look and finite.all() and not tiny.any():
        return None
    ended = np.zeros(len(a), np.int8)
    if look:
        ended[(next_a == a) & (next_w == w).all(-1) & steady] = End.REST
    ended[tiny & (np.abs(next_w - w).max(-1) < TINY)] = End.COLLAPSED
    ended[~finite] = End.DIVERGED
    return ended if ended.any() else None
