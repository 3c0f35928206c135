"""Numerical truth for the falsification tests: flows integrated from their definitions, and a search for counter-examples.

Nothing here imports ``theory``. Limits belong to orbits, so each integration may choose its clock: one that makes all rates
bounded (one input), G = E[φ(x_1) φ(ŵ·x)] − a r/2 while it is positive, or the angle while a > 0 (population). Light-cone
coordinates u = a + r, v = a − r, whose velocities G u and −G v are sum and difference of ȧ = r G and ṙ = a G, keep c = u v to
full relative accuracy however near 0 it is.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample
from scipy.integrate import ode

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2
LATE = 400.0
NEAR = 1e-6
"""|c| below this part of a² + r² counts as near the boundary."""


class End(NamedTuple):
    """Where a flow ends: a, w_1 and ‖w_⊥‖, and how often w_1 came to zero on the way (with one input)."""

    a: float
    w1: float
    across: float = 0.0
    hits: int = 0


def advance(velocity: Callable, state: list[float], start: float, rtol: float = 1e-11, atol: float = 1e-250) -> Callable:
    """``go(t)``: the state at the later and later times asked for, by DOP853."""
    solver = ode(velocity).set_integrator("dop853", rtol=rtol, atol=atol, nsteps=100_000)
    solver.set_initial_value(state, start)
    return lambda t: [float(x) for x in solver.integrate(t)]


def branch_speed(beta: float, near: bool) -> Callable:
    """ȧ = s w (β − a w), ẇ = s a (β − a w) by the clock s(a² + w² + |β|), for (a, w) or, near |a| = |w|, for (a + w, a − w)."""

    def plain(_, y):
        a, w = y
        pull = (beta - a * w) / (a * a + w * w + abs(beta))
        return w * pull, a * pull

    def cone(_, y):
        u, v = y
        pull = (beta - (u - v) * (u + v) / 4) / ((u * u + v * v) / 2 + abs(beta))
        return u * pull, -v * pull

    return cone if near else plain


def line(a: float, w: float, branches) -> End:
    """The end of the flow with one input, at w = 0 in the sense of Filippov; started at w = 0 it rests."""
    side, hits, a, w = int(np.sign(w)), 0, float(a), float(w)
    while side:
        (s, beta), (s_far, beta_far) = (branches[:2], branches[2:]) if side > 0 else (branches[2:], branches[:2])
        if s == 0:
            break
        a, w, arrived = _branch(a, w, side, float(beta))
        if not arrived:
            break
        hits += 1
        side = -side if -side * s_far * a * beta_far > 0 else 0
    return End(a, w, 0.0, hits)


def _branch(a: float, w: float, side: int, beta: float) -> tuple[float, float, bool]:
    """(a, w, whether w came to zero there) at the end of the stay on one branch."""
    near = w != 0 and abs((a - w) * (a + w)) < NEAR * (a * a + w * w)
    small = min(x for x in (abs(a), abs(w), math.inf) if x > 0)
    atol = 1e-250 if near or beta == 0 else 1e-10 * min(small, abs(beta) / (math.hypot(a, w) + math.sqrt(abs(beta))))
    go, clock = advance(branch_speed(beta, near), [a + w, a - w] if near else [a, w], 0.0, atol=atol), 0.0
    while clock < LATE:
        clock += 2.0
        x, y = go(clock)
        next_a, next_w = ((x + y) / 2, (x - y) / 2) if near else (x, y)
        if next_w * side <= 0 and side * a * beta < 0:  # the speed s a β at w = 0 leads there
            return advance(lambda w, y: [w / y[0]], [a], w, 1e-12)(0.0)[0], 0.0, True  # with w as the clock (Hénon)
        if next_w * side <= 0:  # only rounding does
            return next_a, side * 0.0, False
        a, w = next_a, next_w
        if abs(a * w - beta) <= 1e-9 * abs(beta) or abs(w) < 1e-60 or (beta == 0 and abs(a) < 1e-60):
            break
    return a, w, False


def moments(psi: float) -> tuple[float, float]:
    """E[φ(x_1) φ(ŵ·x)] and E[φ(x_1) 1{ŵ·x > 0} n·x], n ⟂ ŵ towards e_1: integrals over the sector of width ψ = π − θ."""
    x = psi * NODES
    weight, rest = np.sin(x) * WEIGHTS, psi - x
    return psi / math.pi * float(weight @ np.sin(rest)), psi / math.pi * float(weight @ np.cos(rest))


def opening(level: float) -> float:
    """ψ of ℓ = ln tan(ψ/2)."""
    return 2 * math.atan(math.exp(level)) if level < 0 else math.pi - 2 * math.atan(math.exp(-level))


def turning(level: float) -> tuple[float, float]:
    """E[φ(x_1) φ(ŵ·x)], and the speed of ℓ in units of a/r: E[φ(x_1) 1{ŵ·x > 0} n·x] / sin ψ, with its limits at 0 and π."""
    psi = opening(level)
    along, across = moments(psi)
    return along, across * math.cosh(level) if abs(level) < 8 else psi / (2 * math.pi)


def plane(a: float, r: float, psi: float) -> End:
    """The end of the flow of the population from a, ‖w‖ = r > 0 and ψ = π − θ ∈ [0, π]."""
    a, r, psi = float(a), float(r), float(psi)
    if psi in (0.0, math.pi):
        return line(a, r if psi else -r, (0.5, 1.0, 0.5, 0.0))
    c, level = (a - r) * (a + r), math.log(math.tan(psi / 2))
    if a < 0:
        a, r, level = _rise(a + r, a - r, level)
        if a < 0:
            psi = opening(level)
            return End(a, -r * math.cos(psi), r * math.sin(psi))
    q, level = _turn(max(a * r, 1e-9 * moments(opening(level))[0]), c, level)  # at a = 0 nothing but a moves
    a = math.sqrt(outer_square(q, c))
    return End(a, -q / a * math.cos(opening(level)), q / a * math.sin(opening(level)))


def outer_square(q: float, c: float) -> float:
    """a² of a r = q > 0 and a² − r² = c."""
    size = math.hypot(c, 2 * q)
    return (size + c) / 2 if c > 0 else 2 * q * q / (size - c)


def _rise(u: float, v: float, level: float) -> tuple[float, float, float]:
    """While a < 0, so that G > 0: u ~ e^y and v ~ e^−y with y = ∫ G dt, by a clock that bounds the speeds of y and ℓ.

    Ends where a = 0; or where r is nearly 0; or, on the cone u = 0, when both have been small for long.
    """
    small = 1e-6 * math.sqrt(max(u * v, 0.0))

    def state(y: float) -> tuple[float, float]:
        grown, shrunk = u * math.exp(y), v * math.exp(-y)
        return (grown + shrunk) / 2, max((grown - shrunk) / 2, small / 10)

    def speed(y: float, level: float) -> tuple[float, float]:
        a, r = state(y)
        along, turn = turning(level)
        return along - a * r / 2, a / r * turn

    def bounded(_, x):
        rise, turn = speed(float(x[0]), float(x[1]))
        return rise / (abs(rise) + abs(turn)), turn / (abs(rise) + abs(turn))

    def by_y(y, x):
        rise, turn = speed(float(y), float(x[0]))
        return [turn / rise]

    end = 0.5 * math.log(-v / u) if u > 0 else math.inf
    go, clock, y = advance(bounded, [0.0, level], 0.0, 1e-10, 1e-10), 0.0, 0.0
    while y < end - 0.3:
        clock += 0.25
        y, level = go(clock)
        a, r = state(y)
        if r < small:
            return -math.sqrt(u * v), r, level
        if u == 0 and y > 30:
            return a, r, level
    level = advance(by_y, [level], y, 1e-10, 1e-10)(end)[0] if y < end else level
    return 0.0, math.sqrt(-u * v), level


def _turn(q: float, c: float, level: float) -> tuple[float, float]:
    """a > 0: d ln q/dt = (a² + r²)/q · G and dℓ/dt = a²/q · turn. First by a clock that bounds both, until q is near where G
    vanishes; then, stiff, with ℓ as the clock, until ψ is nearly π."""

    def speeds(log_q: float, level: float) -> tuple[float, float]:
        q = math.exp(max(-300.0, min(log_q, 300.0)))
        along, turn = turning(level)
        return math.hypot(c, 2 * q) * (along - q / 2) / outer_square(q, c), turn

    def bounded(_, x):
        rise, turn = speeds(float(x[0]), float(x[1]))
        return rise / (abs(rise) + turn), turn / (abs(rise) + turn)

    log_q, clock, go = math.log(q), 0.0, advance(bounded, [math.log(q), level], 0.0, 1e-9, 1e-9)
    while level < 40 and not 1 <= math.exp(log_q) / moments(opening(level))[0] <= 3:
        clock += 0.25
        log_q, level = go(clock)
    return _implicit(log_q, c, level), max(level, 40.0)


def _implicit(log_q: float, c: float, level: float, steps: int = 150) -> float:
    """q at ℓ = 40 by the implicit Euler method with ℓ as the clock, each step by bisection: stable however stiff it is."""
    h = (40 - level) / steps
    for k in range(steps if h > 0 else 0):
        along, turn = turning(level + (k + 1) * h)

        def excess(x: float, before=log_q, along=along, turn=turn) -> float:
            q = math.exp(x)
            return x - before - h * math.hypot(c, 2 * q) * (along - q / 2) / (outer_square(q, c) * turn)

        low, high = sorted((log_q, math.log(2 * along)))
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        log_q = (low + high) / 2
    return math.exp(log_q)


def counterexample(strategy, holds: Callable[..., bool], tries: int = 3000):
    """An example of the strategy at which ``holds`` is false, or None: the negative control of a falsification test."""
    quick = settings(
        max_examples=tries, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    try:
        return find(strategy, lambda example: not holds(example), settings=quick)
    except NoSuchExample:
        return None


class Truth(NamedTuple):
    """What the tests of this folder share."""

    line: Callable = line
    plane: Callable = plane
    moments: Callable = moments
    turning: Callable = turning
    opening: Callable = opening
    advance: Callable = advance
    counterexample: Callable = counterexample


@pytest.fixture(scope="session")
def truth() -> Truth:
    """The integrated flows."""
    return Truth()
