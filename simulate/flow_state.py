"""One trial of the event-driven flow as flat arrays, and the small linear algebra that its steps share.

Vectors of alive weights are padded by zeros to a multiple of eight, the lanes of ``vectors``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .vectors import LANES, fma, load, spread, store, total

__all__ = ["COUNTS", "NOW", "ORDER", "State", "add", "copy", "dot", "empty", "enlist", "gate", "jit", "project", "root"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

ORDER = 16
"""Highest order of a Taylor step."""
T, A, SIGN, C, R, WANT, REACH = range(7)
NOW = 7
"""Floats: time, a, the sign of a (kept while a = 0), c, ‖w‖, the step to aim at, the reach of the region (``flow_region``)."""
ALIVE, LISTED, TIED, EVENTS, FORKS, MOST, IDLE = range(7)
COUNTS = 7
"""Whole numbers: alive weights, listed samples, sliding samples, events, forks, most samples slid on at once, events since
time last went on."""


def jit(function: Any) -> Any:
    """Compiled at its first call; it allocates nothing, so no references are counted, which would take most of the time."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
    return njit(**options)(function)


class State(NamedTuple):
    """The arrays of one trial with m alive weights, padded to M, and n samples, padded to N; K = ``ORDER`` + 1.

    Samples: inputs (m, N) and again x (n, M), y (n,) divided by n, norm (n,), side (n,): 1 active, −1 inactive, 0 sliding.
    Active statistics: matrix (M, M), vector (M,). Weights w (M,); ``now`` and ``counts`` as above.
    Region (``flow_region``): base, heading (M,), the samples listed and since when to look at them, key (n,), which ones
    is_listed (n,); distance and rate of approach of all, level, slope (N,).
    Sliding: tied, share (λ), free (M + 1,), the orthonormal basis (M, M) of their inputs by rows with its triangle (M, M), λ
    as polynomials in time, shares (M + 1, K).
    Taylor coefficients: of w and the force, path, force (K, M), of a, outer (K,), of the force in the basis, along (K, M);
    of those of w norm, part along the heading and norm across it, sizes (3, K).
    Scratch: vectors scratch, pull (M,), wanted (M + 1,), polynomial poly (K,).
    """

    inputs: Array
    x: Array
    y: Array
    norm: Array
    side: NDArray[np.int8]
    matrix: Array
    vector: Array
    w: Array
    now: Array
    counts: Ints
    base: Array
    heading: Array
    listed: Ints
    key: Array
    is_listed: NDArray[np.bool_]
    level: Array
    slope: Array
    tied: Ints
    share: Array
    free: NDArray[np.bool_]
    basis: Array
    triangle: Array
    shares: Array
    path: Array
    force: Array
    outer: Array
    along: Array
    sizes: Array
    scratch: Array
    wanted: Array
    pull: Array
    poly: Array


@njit(nogil=True)
def empty(n: int, m: int) -> State:
    """A state to be filled."""
    K, M, N = ORDER + 1, (m + LANES - 1) // LANES * LANES, (n + LANES - 1) // LANES * LANES
    return State(
        np.zeros((m, N)),
        np.zeros((n, M)),
        np.empty(n),
        np.empty(n),
        np.empty(n, np.int8),
        np.zeros((M, M)),
        np.zeros(M),
        np.zeros(M),
        np.zeros(NOW),
        np.zeros(COUNTS, np.int64),
        np.zeros(M),
        np.zeros(M),
        np.empty(n, np.int64),
        np.empty(n),
        np.zeros(n, np.bool_),
        np.empty(N),
        np.empty(N),
        np.empty(M + 1, np.int64),
        np.empty(M + 1),
        np.empty(M + 1, np.bool_),
        np.zeros((M, M)),
        np.zeros((M, M)),
        np.empty((M + 1, K)),
        np.zeros((K, M)),
        np.zeros((K, M)),
        np.empty(K),
        np.zeros((K, M)),
        np.empty((3, K)),
        np.zeros(M),
        np.empty(M + 1),
        np.zeros(M),
        np.empty(K),
    )


@jit
def dot(u: Array, v: Array) -> float:
    """u·v."""
    sums = spread(0.0)
    for i in range(0, len(u), LANES):
        sums = fma(load(u, i), load(v, i), sums)
    return total(sums)


@jit
def copy(u: Array, v: Array) -> None:
    """u ← v."""
    for i in range(len(u)):
        u[i] = v[i]


@jit
def add(u: Array, factor: float, v: Array) -> None:
    """u ← u + factor·v."""
    times = spread(factor)
    for i in range(0, len(u), LANES):
        store(u, i, fma(times, load(v, i), load(u, i)))


@jit
def gate(s: State, i: int, sign: float) -> None:
    """Sample i joins (1) or leaves (−1) the active: A ± x xᵀ/n, b ± y x/n."""
    M, share = len(s.w), sign / len(s.y)
    for k in range(0, M, LANES):
        x = load(s.x, i * M + k)
        for j in range(s.counts[ALIVE]):
            store(s.matrix, j * M + k, fma(spread(share * s.x[i, j]), x, load(s.matrix, j * M + k)))
        store(s.vector, k, fma(spread(sign * s.y[i]), x, load(s.vector, k)))


@jit
def enlist(s: State, i: int) -> None:
    """Look at sample i in every step, as it lies on its hyperplane."""
    s.key[i] = -1.0
    if not s.is_listed[i]:
        s.listed[s.counts[LISTED]] = i
        s.is_listed[i] = True
        s.counts[LISTED] += 1


@jit
def project(s: State, v: Array) -> None:
    """Take the part in the span of the sliding inputs off v."""
    for l in range(s.counts[TIED]):
        add(v, -dot(s.basis[l], v), s.basis[l])


@jit
def root(poly: Array, order: int, end: float, small: float) -> float:
    """First t ∈ [0, end] at which a polynomial, positive at 0, falls to ``small``; inf where it does not.

    From t on it lies above f + f'δ − Mδ²/2, M ≥ |f''| on [0, end]: steps to the root of that bound never jump over a root
    and converge faster than Newton's.
    """
    M, power = 0.0, 1.0
    for j in range(2, order + 1):
        M += j * (j - 1) * abs(poly[j]) * power
        power *= end
    t = 0.0
    for _ in range(200):
        f, slope = poly[order], 0.0
        for j in range(order - 1, -1, -1):
            slope = slope * t + f
            f = f * t + poly[j]
        if f <= small:
            return t
        below = np.sqrt(slope * slope + 2 * M * f) - slope
        if below <= 0 or 2 * f > below * (end - t):
            return np.inf
        t += 2 * f / below
    return t
