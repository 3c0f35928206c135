"""The implicit step of the population flow, for c ≪ 0: a follows 2g/r at the rate N/2 ≈ |c|/2 while θ moves at 1/2|c|.

With the Taylor coefficients y^[k] of y = (λ, u) at both ends of a step h, Obreshkov's formula of order p + q,

    Σ_{k ≤ q} C_k^{q,p} (−h)^k y₁^[k] = Σ_{k ≤ p} C_k^{p,q} h^k y₀^[k],   C_k^{p,q} = p! (p + q − k)! / ((p + q)! (p − k)!),

is exact for polynomials of that degree, and L-stable for q = p + 1: what is over stays over at any h. It is solved by Newton's
method; both ends and two neighbours, whose differences are the Jacobian, are lanes of one expansion.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .flow_state import jit
from .population_series import LAMBDA, ROW, U, angles, expand, seed, turn

__all__ = ["ORDERS", "guess", "implicit_step"]

Array = NDArray[np.float64]

P, Q = 3, 4
ORDERS = P + Q - 1
"""One more than the order of the formula that gives the error."""


def _weights(p: int, q: int) -> Array:
    """C_k^{p,q}, 0 beyond k = p."""
    f = math.factorial
    return np.array([f(p) * f(p + q - k) / (f(p + q) * f(p - k)) if k <= p else 0.0 for k in range(Q + 1)])


NEW, OLD, LOW_NEW, LOW_OLD = _weights(Q, P), _weights(P, Q), _weights(Q - 1, P - 1), _weights(P - 1, Q - 1)
APART = 1e-6
"""Between neighbours."""
ROUNDS = 10
"""Of Newton's method."""


@jit
def _rest(x: Array, row: int, lane: int, h: float, new: Array, old: Array) -> float:
    """What the formula lacks, but for the terms of order 0: end in ``lane``, start in lane 3."""
    left, right = 0.0, 0.0
    for k in range(Q, 0, -1):
        left, right = h * (new[k] * x[row + k * ROW + lane] - left), h * (old[k] * x[row + k * ROW + 3] + right)
    return -left - right


@jit
def implicit_step(
    x: Array, bend: Array, unit: Array, a: float, r: float, u: float, c: float, h: float, by: float, end: float, enough: float
) -> tuple[bool, float, float, float]:
    """λ and u after a step h, from a guess of them, and the error of the formula of two orders less; False: no convergence.

    Newton's method ends with a correction below ``enough``: the next would be far smaller.
    """
    last = np.inf
    for _ in range(ROUNDS):
        for lane in range(4):
            to, at = by + APART * (lane == 1), end + APART * (lane == 2)
            now_a, now_r = turn(a, r, c, to)
            if lane == 3:
                now_a, now_r, at = a, r, u
            if not (np.isfinite(now_r) and np.isfinite(at) and abs(now_a) < 1e100):
                return False, by, end, np.inf
            seed(x, lane, now_a, now_r, at)
            bend[lane] = c / now_r**2
        expand(x, bend, unit, Q)
        first, second = by + _rest(x, LAMBDA, 0, h, NEW, OLD), end - u + _rest(x, U, 0, h, NEW, OLD)
        ll = (by + APART + _rest(x, LAMBDA, 1, h, NEW, OLD) - first) / APART
        ul = (end - u + _rest(x, U, 1, h, NEW, OLD) - second) / APART
        lu = (by + _rest(x, LAMBDA, 2, h, NEW, OLD) - first) / APART
        uu = (end - u + APART + _rest(x, U, 2, h, NEW, OLD) - second) / APART
        whole = ll * uu - lu * ul
        if not abs(whole) > 0:
            return False, by, end, np.inf
        step_by, step_end = (uu * first - lu * second) / whole, (ll * second - ul * first) / whole
        size = max(abs(step_by), abs(step_end))
        if not size < 2 * last:
            return False, by, end, np.inf
        by, end = by - step_by, end - step_end
        if size < enough:
            first, second = by + _rest(x, LAMBDA, 0, h, LOW_NEW, LOW_OLD), end - u + _rest(x, U, 0, h, LOW_NEW, LOW_OLD)
            error = max(abs(uu * first - lu * second), abs(ll * second - ul * first)) / abs(whole)
            return True, by, end, error
        last = size
    return False, by, end, np.inf


@jit
def guess(a: float, r: float, u: float, c: float, h: float) -> tuple[float, float]:
    """λ and u a time h later, by the speed of u and by a on its slow path q = 2g."""
    end = u - h * a / r * angles(u)[0] / (2 * math.pi)
    _, _, _, g = angles(end)
    q2 = 16 * g * g
    far = math.sqrt(q2 / (2 * (math.sqrt(c * c + q2) - c)))
    return math.log1p((far - a + math.sqrt(far * far - c) - r) / (a + r)), end
