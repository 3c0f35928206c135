"""Taylor series of the flow between events.

ȧ = w·G, ẇ = aG with G = b − A(aw), or its projection while the flow slides: coefficients of any order follow from products
of series, one product with A an order.
"""

import numpy as np

from .flow_state import ALIVE, ORDER, TIED, A, Array, R, State, add, copy, dot, jit
from .vectors import LANES, fma, load, mul, spread, store, total
from .vectors import add as join

__all__ = ["evaluate", "expand"]

HUGE = 1e100
"""A coefficient this large, relative to the whole, is the last: the square of a later one would be no float."""


@jit
def expand(s: State, want: float, error: float) -> tuple[int, float]:
    """Taylor coefficients to the order that ``want`` needs, ``ORDER`` at most; that order and the step it is good for."""
    W, a, r = s.path, s.outer, s.now[R]
    copy(W[0], s.w)
    a[0], s.sizes[0, 0] = s.now[A], r
    scale, power, good = max(abs(a[0]), r), 1.0, 0
    for j in range(ORDER):
        _force(s, j)
        a[j + 1] = _products(s, j) / (j + 1)
        s.sizes[0, j + 1] = np.sqrt(dot(W[j + 1], W[j + 1]))
        power *= want
        worst = max(s.sizes[0, j + 1] / r, abs(a[j + 1]) / scale)
        good = good + 1 if worst * power <= error else 0
        if good >= 2 and j >= 3:
            return j + 1, want
        if worst > HUGE and j >= 3:
            return j + 1, min(_reach(s, j + 1, scale, error), _reach(s, j, scale, error), want)
    return ORDER, min(_reach(s, ORDER, scale, error), _reach(s, ORDER - 1, scale, error), want)


@jit
def _reach(s: State, j: int, scale: float, error: float) -> float:
    worst = max(s.sizes[0, j] / s.now[R], abs(s.outer[j]) / scale)
    return (error / worst) ** (1 / j) if worst > 0 else np.inf


@jit
def _force(s: State, j: int) -> None:
    """Coefficient j of G = b − A(aw), off the span of the sliding inputs."""
    part, M = s.scratch, len(s.w)
    for i in range(0, M, LANES):
        sums = spread(0.0)
        for l in range(j + 1):
            sums = fma(spread(s.outer[l]), load(s.path, (j - l) * M + i), sums)
        store(part, i, sums)
    for i in range(0, M, LANES):
        sums, more = spread(0.0), spread(0.0)
        if j == 0:
            sums = load(s.vector, i)
        for l in range(0, s.counts[ALIVE] - 1, 2):
            sums = fma(spread(-part[l]), load(s.matrix, l * M + i), sums)
            more = fma(spread(-part[l + 1]), load(s.matrix, (l + 1) * M + i), more)
        if s.counts[ALIVE] % 2:
            l = s.counts[ALIVE] - 1
            sums = fma(spread(-part[l]), load(s.matrix, l * M + i), sums)
        store(s.force, j * M + i, join(sums, more))
    for l in range(s.counts[TIED]):
        s.along[j, l] = dot(s.basis[l], s.force[j])
        add(s.force[j], -s.along[j, l], s.basis[l])


@jit
def _products(s: State, j: int) -> float:
    """Coefficient j + 1 of w from ẇ = aG; coefficient j of w·G (returned)."""
    M, whole, share = len(s.w), spread(0.0), spread(1 / (j + 1))
    for i in range(0, M, LANES):
        sums = spread(0.0)
        for l in range(j + 1):
            force = load(s.force, (j - l) * M + i)
            sums = fma(spread(s.outer[l]), force, sums)
            whole = fma(load(s.path, l * M + i), force, whole)
        store(s.path, (j + 1) * M + i, mul(share, sums))
    return total(whole)


@jit
def evaluate(s: State, order: int, t: float, w: Array) -> float:
    """w (in place) and a (returned) a time t into the step."""
    copy(w, s.path[order])
    a = s.outer[order]
    for j in range(order - 1, -1, -1):
        for l in range(len(w)):
            w[l] = w[l] * t + s.path[j, l]
        a = a * t + s.outer[j]
    return a
