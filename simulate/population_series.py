"""Taylor series of the population flow, of eight neurons side by side.

With κ = a/r, ψ = π − θ, s = sin θ, k = cos θ, q = a r, N = a² + r² and z = (r at the start)²/r² every right side is a product:

    f = g − q/2,   λ' = f,   κ' = −(c/r₀²) z f,   z' = −2 κ z f,   q' = N f,   N' = 4 q f,
    u' = −κψ/2π,   ψ' = κψs/2π,   s' = −k ψ',   k' = s ψ',   2π g = s + ψ k,

where λ turns (a, r) along its hyperbola, a = a₀ cosh λ + r₀ sinh λ, r = r₀ cosh λ + a₀ sinh λ, and u = ln tan(θ/2). Only λ and
u are summed, so c and sin²θ + cos²θ = 1 never drift; both ends of θ keep their relative accuracy.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .flow_state import jit
from .vectors import LANES, fma, load, mul, spread, store

__all__ = ["ORDER", "ROOM", "ROW", "angles", "evaluate", "evaluate_all", "expand", "reach", "seed", "turn"]

Array = NDArray[np.float64]

ORDER = 20
"""Of a Taylor step."""
SERIES = 13
"""Coefficients of one order; those of all lanes stand together."""
U, LAMBDA, PSI, SINE, COSINE, KAPPA, Z, Q, N, F, L, P, ZF = (LANES * i for i in range(SERIES))
"""Where each series stands within an order; L = κψ, P = ψ'. G takes the place of F until f = g − q/2 is known."""
ROW = SERIES * LANES
ROOM = (ORDER + 1) * ROW
"""Floats of all series."""
FAR, GROWTH = 8.0, 1e6
"""Bounds of a step: of the change of ln r and u, and against the one before."""
PER_TURN = 1 / (2 * math.pi)


@jit
def angles(u: float) -> tuple[float, float, float, float]:
    """ψ = π − θ, sin θ, cos θ and g(θ) at u = ln tan(θ/2), each to relative rounding."""
    e = math.exp(-abs(u))
    scale = 1 / (1 + e * e)
    sine, cosine, small = 2 * e * scale, (1 - e * e) * scale, 2 * math.atan(e)
    if u < 0:
        psi = math.pi - small
        return psi, sine, cosine, (sine + psi * cosine) * PER_TURN
    if small > 0.4:
        return small, sine, -cosine, (sine - small * cosine) * PER_TURN
    y = small * small
    series = 1 / 3 - y * (1 / 30 - y * (1 / 840 - y * (1 / 45360 - y * (1 / 3991680 - y / 518918400))))
    return small, sine, -cosine, small * y * series * PER_TURN


@jit
def turn(a: float, r: float, c: float, by: float) -> tuple[float, float]:
    """(a, r) moved by λ along its hyperbola; the larger is set by the smaller and c."""
    grown = math.expm1(by)
    sinh, cosh = 0.5 * (grown + grown / (grown + 1)), 1 + 0.5 * grown * grown / (grown + 1)
    if c >= 0:
        r = max(r * cosh + a * sinh, 0.0)
        return math.copysign(math.sqrt(c + r * r), a), r
    a = a * cosh + r * sinh
    return a, math.sqrt(a * a - c)


@jit
def seed(x: Array, lane: int, a: float, r: float, u: float) -> None:
    """The state of one lane: coefficients of order 0."""
    x[U + lane], x[LAMBDA + lane] = u, 0.0
    x[PSI + lane], x[SINE + lane], x[COSINE + lane], x[F + lane] = angles(u)
    x[KAPPA + lane], x[Z + lane], x[Q + lane], x[N + lane] = a / r, 1.0, a * r, a * a + r * r


@jit
def expand(x: Array, bend: Array, unit: Array, order: int) -> None:
    """All coefficients to ``order`` from those of order 0; ``bend`` is c/r₀² of each lane, ``unit`` its unit of time."""
    turned, kick, half = spread(PER_TURN), mul(spread(-1.0), load(bend, 0)), spread(-0.5)
    for j in range(order):
        here, ahead, share = ROW * j, ROW * (j + 1), mul(load(unit, 0), spread(1 / (j + 1)))
        f = fma(half, load(x, here + Q), load(x, here + F))
        store(x, here + F, f)
        l, zf = mul(load(x, KAPPA), load(x, here + PSI)), mul(load(x, Z), f)
        qf, nf = mul(load(x, Q), f), mul(load(x, N), f)
        p, kz, kp, sp = spread(0.0), spread(0.0), spread(0.0), spread(0.0)
        back = here
        for i in range(ROW, ahead, ROW):
            back -= ROW
            kappa, sine, cosine = load(x, i + KAPPA), load(x, i + SINE), load(x, i + COSINE)
            f, turning = load(x, back + F), load(x, back + P)
            l, p = fma(kappa, load(x, back + PSI), l), fma(sine, load(x, back + L), p)
            zf, qf, nf = fma(load(x, i + Z), f, zf), fma(load(x, i + Q), f, qf), fma(load(x, i + N), f, nf)
            kz, kp, sp = fma(kappa, load(x, back + ZF), kz), fma(cosine, turning, kp), fma(sine, turning, sp)
        p = mul(turned, fma(load(x, SINE), l, p))
        kz, kp, sp = fma(load(x, KAPPA), zf, kz), fma(load(x, COSINE), p, kp), fma(load(x, SINE), p, sp)
        store(x, here + L, l)
        store(x, here + ZF, zf)
        store(x, here + P, p)
        minus = mul(spread(-1.0), share)
        store(x, ahead + U, mul(mul(l, turned), minus))
        store(x, ahead + LAMBDA, mul(load(x, here + F), share))
        store(x, ahead + PSI, mul(p, share))
        store(x, ahead + SINE, mul(kp, minus))
        store(x, ahead + COSINE, mul(sp, share))
        store(x, ahead + KAPPA, mul(mul(zf, kick), share))
        store(x, ahead + Z, mul(kz, mul(spread(-2.0), share)))
        store(x, ahead + Q, mul(nf, share))
        store(x, ahead + N, mul(qf, mul(spread(4.0), share)))
        g = load(x, ahead + SINE)
        back = ahead
        for i in range(0, ahead + 1, ROW):
            g = fma(load(x, i + COSINE), load(x, back + PSI), g)
            back -= ROW
        store(x, ahead + F, mul(g, turned))


@jit
def evaluate(x: Array, lane: int, t: float) -> tuple[float, float]:
    """λ and u of one lane a time t, in its unit, into the step."""
    by, u = x[LAMBDA + ORDER * ROW + lane], x[U + ORDER * ROW + lane]
    for i in range((ORDER - 1) * ROW + lane, -1, -ROW):
        by, u = by * t + x[LAMBDA + i], u * t + x[U + i]
    return by, u


@jit
def evaluate_all(x: Array, h: Array, by: Array, u: Array) -> None:
    """λ and u of every lane a time h, in its unit, into its step."""
    t = load(h, 0)
    first, second = load(x, LAMBDA + ORDER * ROW), load(x, U + ORDER * ROW)
    for i in range((ORDER - 1) * ROW, -1, -ROW):
        first, second = fma(first, t, load(x, LAMBDA + i)), fma(second, t, load(x, U + i))
    store(by, 0, first)
    store(u, 0, second)


@jit
def reach(x: Array, lane: int, error: float) -> float:
    """The step, in the lane's unit, at which the last two terms of λ (relative to r and a) and u are as small as ``error``.

    No further than ``FAR`` in ln r or u: what is still too small for the last terms to show may grow like e to them; nor
    than ``GROWTH`` units, lest the terms be no floats. −1 where they are none because the unit is too long.
    """
    weight, end = max(1.0, abs(x[KAPPA + lane])), ROW * ORDER + lane
    last = max(abs(x[U + end]), weight * abs(x[LAMBDA + end]))
    end -= ROW
    before = max(abs(x[U + end]), weight * abs(x[LAMBDA + end]))
    if not last + before < np.inf:
        return -1.0
    one = math.log(error / last) / ORDER if last > 0 else 20.0
    two = math.log(error / before) / (ORDER - 1) if before > 0 else 20.0
    speed = max(abs(x[U + ROW + lane]), weight * abs(x[LAMBDA + ROW + lane]))
    return min(GROWTH, math.exp(min(one, two)), FAR / speed if speed > 0 else np.inf)
