"""Compiled steps of gradient descent on the population in reduced coordinates, of a block of neurons side by side."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .flow_state import jit
from .gd import CHECK, TINY, End
from .vectors import compiled

__all__ = ["entry"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 64
"""Neurons side by side."""
A, P, Q, VA, VP, VQ, FROZEN, FIRST, SHARE, LARGEST, FLAG = (BLOCK * i for i in range(11))
"""Rows of the state: a, w_1, ±‖the trained part of w_⊥‖, their velocities; ‖the frozen part of w_⊥‖², 1 where w_1 is trained,
the largest part of the trained direction, the largest frozen weight; has the neuron met an end?"""
KEPT = 6
"""Rows that change."""
TIME, REST, COLLAPSED, DIVERGED = int(End.TIME), int(End.REST), int(End.COLLAPSED), int(End.DIVERGED)
PER_TURN = 1 / (2 * math.pi)


@njit(inline="always")
def opening(across: float, p: float) -> float:
    """π − θ = atan2(across, −w_1) for across ≥ 0, without a branch: the arctangent of Cephes (S. Moshier), to an ulp or two."""
    x = abs(p)
    steep, middle = across > 2.414213562373095 * x, across > 0.66 * x
    top = -x if steep else (across - x if middle else across)
    bottom = across if steep else (across + x if middle else x)
    z = top / bottom if bottom > 0 else 0.0
    y = z * z
    above = (((-8.750608600031904e-1 * y - 1.615753718733365e1) * y - 7.500855792314705e1) * y - 1.2288666844901361e2) * y
    below = ((((y + 2.485846490142306e1) * y + 1.6502700983169885e2) * y + 4.328810604912903e2) * y + 4.853903996359137e2) * y
    part = z * y * ((above - 6.485021904942025e1) / (below + 1.945506571482614e2)) + z
    turned = math.pi / 2 if steep else (math.pi / 4 if middle else 0.0)
    rest = 6.123233995736766e-17 if steep else (3.061616997868383e-17 if middle else 0.0)
    angle = turned + (part + rest)
    return math.pi - angle if p > 0 else angle


@jit
def march(s: Array, eta: float, mu: float, steps: int) -> None:
    """``steps`` steps of a block; FLAG is set where |w| gets tiny or a number is no longer finite."""
    for _ in range(steps):
        for i in range(BLOCK):
            a, p, q = s[A + i], s[P + i], s[Q + i]
            square = q * q + s[FROZEN + i]
            across = math.sqrt(square)
            sink = (across / (p * p + square) if across > 0 else 0.0) * PER_TURN - a / 2
            along = sink * p + opening(across, p) * PER_TURN
            va = mu * s[VA + i] + (p * along + sink * square)
            vp = mu * s[VP + i] + a * (along * s[FIRST + i])
            vq = mu * s[VQ + i] + a * (sink * q)
            a, p, q = a + eta * va, p + eta * vp, q + eta * vq
            s[A + i], s[P + i], s[Q + i], s[VA + i], s[VP + i], s[VQ + i] = a, p, q, va, vp, vq
            size = max(max(abs(p), abs(q) * s[SHARE + i]), s[LARGEST + i])
            s[FLAG + i] = 1.0 if size < TINY or not abs(a) + abs(p) + abs(q) < np.inf else s[FLAG + i]


@jit
def clear(s: Array, i: int) -> None:
    """A neuron that stays as it is and meets no end, in place of none."""
    for row in range(A, FLAG + BLOCK, BLOCK):
        s[row + i] = 0.0
    s[A + i] = s[P + i] = 1.0


@jit
def same(s: Array, old: Array, i: int, momentum: bool) -> bool:
    """Has a step changed no bit, of the velocities neither?"""
    still = s[A + i] == old[A + i] and s[P + i] == old[P + i] and s[Q + i] == old[Q + i]
    return still and (not momentum or (s[VA + i] == old[VA + i] and s[VP + i] == old[VP + i] and s[VQ + i] == old[VQ + i]))


@jit
def met(s: Array, old: Array, i: int, look: bool, momentum: bool) -> int:
    """The end that neuron i met in the step from ``old``, as in ``gd``; 0 for none."""
    share = s[SHARE + i]
    if not abs(s[A + i]) + abs(s[P + i]) + abs(s[Q + i]) < np.inf:
        return DIVERGED
    size = max(max(abs(s[P + i]), abs(s[Q + i]) * share), s[LARGEST + i])
    if size < TINY and max(abs(s[P + i] - old[P + i]), abs(s[Q + i] - old[Q + i]) * share) < TINY:
        return COLLAPSED
    return REST if look and same(s, old, i, momentum) else 0


@jit
def put(s: Array, i: int, out: Array) -> None:
    """a, w_1 and ±‖w_⊥‖ of a neuron."""
    out[0], out[1], out[2] = s[A + i], s[P + i], s[Q + i]


@jit
def copy(old: Array, s: Array) -> None:
    """The rows that change."""
    for i in range(KEPT * BLOCK):
        old[i] = s[i]


@jit
def block(
    s: Array, start: Array, old: Array, alive: NDArray[np.bool_], eta: float, mu: float, steps: int, moments: Ints,
    points: Array, last: Array, taken: Ints, ends: Ints, first: int,
) -> None:  # fmt: skip
    """All steps of the neurons of a block; those from ``first`` on in the outputs."""
    k, moment, left = 0, 0, 0
    for i in range(BLOCK):
        left += alive[i]
    while True:
        while moment < len(moments) and moments[moment] == k:
            for i in range(BLOCK):
                if alive[i]:
                    put(s, i, points[moment, first + i])
            moment += 1
        if k == steps or left == 0:
            break
        n = min(CHECK - k % CHECK, (moments[moment] if moment < len(moments) else steps) - k)
        copy(start, s)
        march(s, eta, mu, 1)
        halt = False
        if k % CHECK == 0:
            for i in range(BLOCK):
                halt |= alive[i] and same(s, start, i, mu > 0)
        march(s, eta, mu, n - 1)
        for i in range(BLOCK):
            halt |= alive[i] and s[FLAG + i] > 0
        if halt:
            copy(s, start)
            for step in range(k, k + n):
                copy(old, s)
                march(s, eta, mu, 1)
                for i in range(BLOCK):
                    if not alive[i]:
                        continue
                    how = met(s, old, i, step % CHECK == 0, mu > 0)
                    if how > 0:
                        put(old if how == DIVERGED else s, i, last[first + i])
                        taken[first + i], ends[first + i], alive[i] = step + 1, how, False
                        left -= 1
                        clear(s, i)
            for i in range(BLOCK):
                s[FLAG + i] = 0.0
        k += n
    for i in range(BLOCK):
        if alive[i]:
            put(s, i, last[first + i])


def entry(digest: str) -> Any:
    """``run``, compiled, from the disk where it was compiled before; ``digest`` is of all that it calls.

    run(state (B, 7), eta, momentum, steps, moments (M,), points (M, B, 3), last (B, 3), taken (B,), ends (B,)): ``state`` holds
    a, w_1, ‖w_⊥‖ of the trained part, and the rows FROZEN to LARGEST. Points after a neuron's end are left as they are.
    """

    def run(
        state: Array, eta: float, mu: float, steps: int, moments: Ints, points: Array, last: Array, taken: Ints, ends: Ints
    ) -> str:
        s, start, old = np.empty(FLAG + BLOCK), np.empty(KEPT * BLOCK), np.empty(KEPT * BLOCK)
        alive = np.zeros(BLOCK, np.bool_)
        for first in range(0, len(state), BLOCK):
            for i in range(BLOCK):
                clear(s, i)
                alive[i] = first + i < len(state)
                if alive[i]:
                    one = state[first + i]
                    s[A + i], s[P + i], s[Q + i], s[FROZEN + i] = one[0], one[1], one[2], one[3]
                    s[FIRST + i], s[SHARE + i], s[LARGEST + i] = one[4], one[5], one[6]
                    taken[first + i], ends[first + i] = steps, TIME
            block(s, start, old, alive, eta, mu, steps, moments, points, last, taken, ends, first)
        return digest

    return compiled(run, cache=True)
