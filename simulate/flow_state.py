"""One trial of the event-driven flow as flat arrays, and the small linear algebra and priority queue that its steps share.

Compiled by numba where it is installed; without it the same functions run as plain Python, thousands of times slower.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

try:
    from numba import njit
except ModuleNotFoundError:
    njit = None

__all__ = ["COUNTS", "NOW", "ORDER", "State", "add", "dot", "empty", "gate", "jit", "pop", "push", "root"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

ORDER = 16
"""Highest order of a Taylor step."""
NEAR = 1e-14
"""A hyperplane counts as crossed this far behind it, relative to ‖w‖‖x_i‖: rounding on it is no crossing."""
T, A, SIGN, C, TURNED, R, WANT = range(7)
NOW = 7
"""Floats: time, a, the sign of a (kept while a = 0), c, the angle turned so far, ‖w‖, the step to aim at."""
QUEUED, TIED, EVENTS, FORKS, MOST, IDLE = range(6)
COUNTS = 6
"""Whole numbers: samples queued, sliding samples, events, forks, most samples slid on at once, events without progress."""


def jit(function: Any) -> Any:
    """Compiled at its first call; sums of products may be reordered for SIMD lanes, always in the same way."""
    return function if njit is None else njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)


class State(NamedTuple):
    """The arrays of one trial with m alive weights and n samples.

    Samples x (n, m), y (n,) divided by n, norm (n,), side (n,): 1 active, −1 inactive, 0 sliding. Active statistics matrix
    (m, m), vector (m,). Weights w (m,); ``now`` and ``counts`` as above. Queue of samples by the angle turned at which each has
    to be looked at again: heap, key (n,). Sliding: tied, share (λ), free (m,), the orthonormal basis (m, m) of their inputs by
    rows with its triangle (m, m), and λ as polynomials in time, shares (m, ORDER + 1). Taylor coefficients of w and the force
    (ORDER + 1, m), of a (ORDER + 1,), of the force along the basis (ORDER + 1, m). Norms of the coefficients of w: whole,
    along w and across it (3, ORDER + 1). Scratch: vector (m,) and polynomial (ORDER + 1,).
    """

    x: Array
    y: Array
    norm: Array
    side: NDArray[np.int8]
    matrix: Array
    vector: Array
    w: Array
    now: Array
    counts: Ints
    heap: Ints
    key: Array
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
    poly: Array


@jit
def empty(n: int, m: int) -> State:
    """A state to be filled."""
    K = ORDER + 1
    return State(
        np.empty((n, m)),
        np.empty(n),
        np.empty(n),
        np.empty(n, np.int8),
        np.empty((m, m)),
        np.empty(m),
        np.empty(m),
        np.zeros(NOW),
        np.zeros(COUNTS, np.int64),
        np.empty(n, np.int64),
        np.empty(n),
        np.empty(m + 1, np.int64),
        np.empty(m + 1),
        np.empty(m + 1, np.bool_),
        np.empty((m, m)),
        np.zeros((m, m)),
        np.empty((m + 1, K)),
        np.empty((K, m)),
        np.empty((K, m)),
        np.empty(K),
        np.empty((K, m)),
        np.empty((3, K)),
        np.empty(m),
        np.empty(K),
    )


@jit
def dot(u: Array, v: Array) -> float:
    """u·v by four partial sums."""
    a, b, c, d, i, n = 0.0, 0.0, 0.0, 0.0, 0, len(u)
    while i + 4 <= n:
        a += u[i] * v[i]
        b += u[i + 1] * v[i + 1]
        c += u[i + 2] * v[i + 2]
        d += u[i + 3] * v[i + 3]
        i += 4
    while i < n:
        a += u[i] * v[i]
        i += 1
    return (a + b) + (c + d)


@jit
def add(u: Array, factor: float, v: Array) -> None:
    """u ← u + factor·v."""
    for i in range(len(u)):
        u[i] += factor * v[i]


@jit
def gate(s: State, i: int, sign: float) -> None:
    """Sample i joins (1) or leaves (−1) the active: A ± x xᵀ/n, b ± y x/n."""
    x, n = s.x[i], len(s.y)
    for j in range(len(x)):
        add(s.matrix[j], sign * x[j] / n, x)
    add(s.vector, sign * s.y[i], x)


@jit
def push(s: State, i: int, key: float) -> None:
    """Queue sample i."""
    heap, at = s.heap, s.counts[QUEUED]
    s.counts[QUEUED] += 1
    s.key[i] = key
    while at > 0:
        up = (at - 1) >> 1
        if s.key[heap[up]] <= key:
            break
        heap[at] = heap[up]
        at = up
    heap[at] = i


@jit
def pop(s: State) -> int:
    """Take the sample with the smallest key off the queue."""
    heap, first = s.heap, s.heap[0]
    s.counts[QUEUED] -= 1
    size = s.counts[QUEUED]
    last, at = heap[size], 0
    while 2 * at + 1 < size:
        down = 2 * at + 1
        if down + 1 < size and s.key[heap[down + 1]] < s.key[heap[down]]:
            down += 1
        if s.key[last] <= s.key[heap[down]]:
            break
        heap[at] = heap[down]
        at = down
    heap[at] = last
    return first


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
