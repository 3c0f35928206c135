"""Which samples a step has to look at: those whose hyperplane meets a region around the path ahead.

From the point *base* w heads in the direction e (unit). While w = base + σe + ρ stays in the region

    ‖ρ‖ + max(−σ, 0) ≤ δ + κ max(σ, 0),   σ ≤ H,

a sample at distance z from base, with c = x̂_i·e on w's side, is not reached before z − δ + (c − κ)σ = 0. The samples that this
allows for σ ≤ H are listed, by one pass over all, and only these are looked at until w leaves the region.
"""

import numpy as np

from .flow_state import ALIVE, LISTED, REACH, TIED, Array, R, State, copy, dot, jit, root
from .vectors import LANES, fma, load, spread, store

__all__ = ["bound", "confine", "list_samples", "measure", "next_sample", "within"]

NEAR = 1e-14
"""A hyperplane counts as crossed this far behind it, relative to ‖w‖‖x_i‖: rounding on it is no crossing."""
WIDTH = 0.1
"""κ; δ is half of κH."""
WANTED = 24
"""Samples to list: fewer mean more passes over all, more a longer look in each step."""


@jit
def list_samples(s: State) -> None:
    """Start a region at w and list its samples; H shrinks until they are few."""
    size = np.sqrt(dot(s.path[1], s.path[1]))
    for j in range(len(s.w)):
        s.heading[j] = s.path[1, j] / size if size > 0 else 0.0
    copy(s.base, s.w)
    N = s.inputs.shape[1]
    for b in range(0, N, LANES):
        level, slope = spread(0.0), spread(0.0)
        for j in range(s.counts[ALIVE]):
            x = load(s.inputs, j * N + b)
            level, slope = fma(spread(s.w[j]), x, level), fma(spread(s.heading[j]), x, slope)
        store(s.level, b, level)
        store(s.slope, b, slope)
    for _ in range(60):
        _fill(s)
        if s.counts[LISTED] < 3 * WANTED or s.now[REACH] < 1e-9 * s.now[R]:
            break
        s.now[REACH] *= max(0.1, WANTED / s.counts[LISTED])


@jit
def _fill(s: State) -> None:
    H, count = s.now[REACH], 0
    near = WIDTH * H / 2
    for i in range(len(s.y)):
        side, norm = float(s.side[i]), s.norm[i]
        gap, rate = side * s.level[i] - near * norm, WIDTH * norm - side * s.slope[i]
        s.is_listed[i] = (gap <= 0 or gap <= rate * H) and side != 0 and norm > 0
        if s.is_listed[i]:
            s.key[i] = gap / rate if gap > 0 else -1.0
            s.listed[count] = i
            count += 1
    s.counts[LISTED] = count


@jit
def measure(s: State, order: int) -> None:
    """Norms of the Taylor coefficients of w along the heading and across it."""
    for j in range(1, order + 1):
        along = dot(s.path[j], s.heading)
        s.sizes[1, j] = along
        s.sizes[2, j] = np.sqrt(max(s.sizes[0, j] ** 2 - along * along, 0.0)) + 1e-8 * s.sizes[0, j]


@jit
def bound(sizes: Array, first: int, order: int, h: float) -> float:
    """Σ |c_k| h^k from ``first`` to ``order``."""
    total = 0.0
    for j in range(order, first - 1, -1):
        total = total * h + abs(sizes[j])
    return total * h**first


@jit
def within(s: State, order: int, h: float) -> bool:
    """Does w surely stay in the region for a time h?"""
    H, sigma, square = s.now[REACH], 0.0, 0.0
    for j in range(len(s.w)):
        sigma += (s.w[j] - s.base[j]) * s.heading[j]
    for j in range(len(s.w)):
        square += (s.w[j] - s.base[j] - sigma * s.heading[j]) ** 2
    bend, first = bound(s.sizes[1], 2, order, h), s.sizes[1, 1] * h
    least = sigma + min(first, 0.0) - bend
    aside = np.sqrt(square) + bound(s.sizes[2], 1, order, h) - min(least, 0.0)
    return sigma + max(first, 0.0) + bend <= H and aside <= WIDTH * (H / 2 + max(least, 0.0))


@jit
def next_sample(s: State, order: int, h: float) -> tuple[int, float]:
    """The sample whose hyperplane is reached first within h, −1 for none, and when."""
    hit, ahead = -1, 0.0
    for j in range(len(s.w)):
        ahead += (s.w[j] - s.base[j]) * s.heading[j]
    far, bend = ahead + bound(s.sizes[1], 1, order, h), bound(s.sizes[0], 2, order, h)
    for q in range(s.counts[LISTED]):
        i = s.listed[q]
        if s.key[i] > far or s.side[i] == 0:
            continue
        x, side, near = s.x[i], float(s.side[i]), NEAR * s.now[R] * s.norm[i]
        z, slope = side * dot(x, s.w), side * dot(x, s.path[1])
        if z + min(slope, 0.0) * h - s.norm[i] * bend > 0:
            continue
        s.poly[0], s.poly[1] = max(z + near, 1e-3 * near), slope
        for j in range(2, order + 1):
            s.poly[j] = side * dot(x, s.path[j])
        when = root(s.poly, order, h, 1e-3 * near)
        if when < h:
            hit, h = i, when
            bend = bound(s.sizes[0], 2, order, h)
    return hit, h


@jit
def confine(s: State, order: int, h: float) -> float:
    """The step, or as much of it as surely stays in the region; a new region if the present one has no room."""
    if s.counts[TIED] == s.counts[ALIVE] - 1:  # on a line, where nothing is reached before w = 0
        return h
    measure(s, order)
    if not within(s, order, h):
        if s.counts[LISTED] < WANTED:
            s.now[REACH] *= 2
        list_samples(s)
        measure(s, order)
        while h > 0 and not within(s, order, h):
            h *= 0.7
    return h
