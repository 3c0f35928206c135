"""Steps of the population flow: eight neurons side by side, each with its own step, until a closed form takes over.

Two closed forms end a trial, from where what they leave out is below a twentieth of the tolerance:

* Landing at the teacher (a∞, m∞) of T4, with N = a∞² + m∞², μ₁ = N/2, μ₂ = a∞²/2, y = θ/π and δ the hyperbolic angle to go:

      y' = −μ₂y(1 − y),   δ' = −μ₁δ − θ²/4 + θ³/6π,   u' = −μ₂(1 − y) − (1 − a∞⁴) δ/2,

  good to the fourth order in θ and the second in δ.
* Dying out, a < 0 < c with r ≪ √c and ψ = π − θ ≪ 1:  r = r₀ e^{−ct/2},  1/ψ = 1/ψ₀ + (e^{ct/2} − 1)/(π √c r₀), good to the
  relative order r²/c + ψ².
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .flow_state import jit
from .gd import End
from .population_series import ORDER, ROOM, ROW, U, evaluate, evaluate_all, expand, reach, seed, turn
from .population_stiff import ORDERS, guess, implicit_step
from .vectors import LANES, compiled

__all__ = ["BALANCED", "LIMIT", "entry", "room"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

DEAD = 1e-140
"""‖w‖ below which a neuron with c ≥ 0 counts as collapsed."""
BALANCED = 1e-15
"""c this small relative to a² + ‖w‖² is rounding: the start is taken as balanced."""
LIMIT = 1_000_000
"""Steps of one trial."""
WORTH = 150
"""Steps still to come that make the implicit step worth its start."""
TIME, REST, COLLAPSED, STALLED = int(End.TIME), int(End.REST), int(End.COLLAPSED), int(End.STALLED)
A, R, ANGLE, C, NOW, UNIT, FAR_A, FAR_R = range(8)
TRIAL, STEPS, DONE = range(3)


@jit
def take(lane: int, trial: int, start: Array, now: Array, count: Ints, error: float) -> None:
    """Put a trial into a lane. ``start``: a, r, u."""
    a, r = start[trial, 0], start[trial, 1]
    c = (a - r) * (a + r)
    if abs(c) <= BALANCED * (a * a + r * r):
        c = 0.0
    large = math.sqrt((abs(c) + math.sqrt(c * c + 4)) / 2)
    now[A, lane], now[R, lane], now[ANGLE, lane], now[C, lane], now[NOW, lane] = a, r, start[trial, 2], c, 0.0
    now[UNIT, lane] = 0.1 / (1 + abs(a) / r + a * a + r * r)
    now[FAR_A, lane], now[FAR_R, lane] = (large, 1 / large) if c >= 0 else (1 / large, large)
    count[TRIAL, lane], count[STEPS, lane], count[DONE, lane] = trial, 0, 0


@jit
def forced(fast: float, slow: float, t: float) -> float:
    """∫₀ᵗ e^{−fast (t − s)} e^{−slow s} ds."""
    gap = abs(fast - slow)
    return math.exp(-min(fast, slow) * t) * (-math.expm1(-gap * t) / gap if gap > 0 else t)


@jit
def landing(now: Array, lane: int, t: float) -> tuple[float, float, float]:
    """a, r and u a time t later, near the teacher."""
    a, m = now[FAR_A, lane], now[FAR_R, lane]
    fast, slow = (a * a + m * m) / 2, a * a / 2
    theta = 2 * math.atan(math.exp(now[ANGLE, lane]))
    delta = math.log1p((now[A, lane] - a + now[R, lane] - m) / (a + m))
    second, third = theta**2 / 4 * (1 + 2 * theta / math.pi), 2 * theta**3 / (3 * math.pi)
    left = delta * math.exp(-fast * t) - second * forced(fast, 2 * slow, t) + third * forced(fast, 3 * slow, t)
    path = (delta - left + theta**2 / (8 * slow) * math.expm1(-2 * slow * t)) / fast
    u = now[ANGLE, lane] - slow * t - math.log1p(theta / math.pi * math.expm1(-slow * t)) - (1 - a**4) * path / 2
    grown = math.expm1(left)
    sinh, cosh = 0.5 * (grown + grown / (grown + 1)), 1 + 0.5 * grown * grown / (grown + 1)
    return a * cosh + m * sinh, m * cosh + a * sinh, u


@jit
def dying(now: Array, lane: int, t: float) -> tuple[float, float, float]:
    """a, r and u a time t later, near (−√c, 0)."""
    c, r = now[C, lane], now[R, lane]
    shrink = math.exp(-c * t / 2)
    psi = 2 * math.atan(math.exp(-now[ANGLE, lane]))
    late = psi * shrink / (shrink - psi * math.expm1(-c * t / 2) / (math.pi * math.sqrt(c) * r))
    r *= shrink
    return -math.sqrt(c + r * r), r, math.log(2 / late) if late > 0 else np.inf


@jit
def settled(now: Array, lane: int, error: float) -> int:
    """Does a closed form hold from here on: 1 for landing, 2 for dying out? ``error``: relative, of what it leaves out."""
    a, r, u, c = now[A, lane], now[R, lane], now[ANGLE, lane], now[C, lane]
    if a > 0 and u < 0:
        size = now[FAR_A, lane] ** 2 + now[FAR_R, lane] ** 2
        return 1 if 16 * math.exp(4 * u) < error and (a * r - 1) ** 2 < error * size * size else 0
    if a < 0 < c and u > 3:
        part = r * r / c
        return 2 if math.sqrt(part) * max(part, 4 * math.exp(-2 * u)) < error else 0
    return 0


@jit
def finish(kind: int, lane: int, now: Array, count: Ints, at: Array, tolerance: float, out: Array) -> int:
    """Fill in the points still to come by a closed form; how the trial ends."""
    trial = count[TRIAL, lane]
    for i in range(count[DONE, lane], len(at)):
        left = at[i] - now[NOW, lane]
        values = landing(now, lane, left) if kind == 1 else dying(now, lane, left)
        out[trial, i, 0], out[trial, i, 1], out[trial, i, 2] = values
    count[DONE, lane] = len(at)
    last = out[trial, len(at) - 1]
    a, r = now[FAR_A, lane], now[FAR_R, lane]
    if kind == 2:
        a, r = -math.sqrt(now[C, lane]), 0.0
        if last[1] < DEAD:
            return COLLAPSED
    side = last[1] * 2 * math.exp(last[2]) if kind == 1 else 0.0
    off = max(abs(last[0] - a), abs(last[1] - r), side)
    return REST if off <= 0.1 * tolerance * max(abs(a), r) else TIME


@jit
def remember(lane: int, x: Array, now: Array, count: Ints, at: Array, h: float, out: Array) -> None:
    """Fill in the points within the step."""
    trial, left = count[TRIAL, lane], at[-1] - now[NOW, lane]
    while count[DONE, lane] < len(at) and (at[count[DONE, lane]] < now[NOW, lane] + h or h == left):
        i = count[DONE, lane]
        by, u = evaluate(x, lane, (at[i] - now[NOW, lane]) / now[UNIT, lane])
        a, r = turn(now[A, lane], now[R, lane], now[C, lane], by)
        out[trial, i, 0], out[trial, i, 1], out[trial, i, 2] = a, r, u
        count[DONE, lane] += 1


@jit
def stiff(lane: int, x: Array, now: Array, at: Array, h: float, error: float) -> bool:
    """Will explicit steps go on being limited by a fast mode that is over?"""
    a, r, c = now[A, lane], now[R, lane], now[C, lane]
    if not (c < 0 and h * (a * a + r * r) > 8 and (at[-1] - now[NOW, lane]) > WORTH * h):
        return False
    rate = abs(x[U + ROW + lane]) / now[UNIT, lane]
    return now[ANGLE, lane] - math.log(error / 16) / 4 > WORTH * h * rate


@jit
def implicit(
    lane: int, x: Array, bend: Array, unit: Array, now: Array, count: Ints, at: Array, tolerance: float, h: float, out: Array
) -> None:
    """Implicit steps of one lane, until a closed form holds, all points are filled in, or the steps get too short."""
    least, closed, trial = h, 0.05 * tolerance, count[TRIAL, lane]
    c, h, grow, enough = now[C, lane], 4 * h, 4.0, max(1e-12, 1e-3 * tolerance)
    while h > least and settled(now, lane, closed) == 0 and count[STEPS, lane] < LIMIT:
        a, r, u = now[A, lane], now[R, lane], now[ANGLE, lane]
        left = at[count[DONE, lane]] - now[NOW, lane]
        step = min(h, left)
        by, end = guess(a, r, u, c, step)
        good, by, end, error = implicit_step(x, bend, unit, a, r, u, c, step, by, end, enough)
        count[STEPS, lane] += 1
        if not good or error > 0.1 * tolerance:
            h, grow = 0.4 * step, 4.0 if good else 1.3
            continue
        now[A, lane], now[R, lane] = turn(a, r, c, by)
        now[ANGLE, lane] = end
        now[NOW, lane] += step
        if step == left:
            i = count[DONE, lane]
            now[NOW, lane] = at[i]
            out[trial, i, 0], out[trial, i, 1], out[trial, i, 2] = now[A, lane], now[R, lane], end
            count[DONE, lane] += 1
            if i + 1 == len(at):
                return
        h = max(h, step * min(grow, 0.9 * (0.1 * tolerance / max(error, 1e-300)) ** (1 / ORDERS)))


@jit
def ended(lane: int, now: Array, count: Ints, at: Array, tolerance: float, closed: float, out: Array) -> int:
    """How the trial in a lane has ended, −1 if it goes on; all its points are then filled in."""
    kind, trial = settled(now, lane, closed), count[TRIAL, lane]
    if count[DONE, lane] == len(at):
        return TIME
    if kind > 0:
        return finish(kind, lane, now, count, at, tolerance, out)
    gone = now[C, lane] >= 0 and now[R, lane] < DEAD
    if not gone and count[STEPS, lane] < LIMIT:
        return -1
    for i in range(count[DONE, lane], len(at)):
        out[trial, i, 0], out[trial, i, 1], out[trial, i, 2] = now[A, lane], now[R, lane], now[ANGLE, lane]
    return COLLAPSED if gone else STALLED


def entry(version: str) -> Any:
    """``run``, compiled, from the disk where it was compiled before; ``version`` names the source of all that it calls.

    run(start (B, 3), at (T,), tolerance, x, work (ROOM,), out (B, T, 3), steps (B,), end (B,)): a, r, u = ln tan(θ/2) of all
    trials, 0 < θ < π. x and work lie at multiples of 64 bytes, which doubles the speed.
    """

    def run(start: Array, at: Array, tolerance: float, x: Array, work: Array, out: Array, steps: Ints, end: Ints) -> str:
        bend, ends, part, by, to = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
        ones = np.ones(LANES)
        now, count = np.zeros((FAR_R + 1, LANES)), np.full((3, LANES), -1)
        error, closed = max(1e-2 * tolerance, 1e-15), 0.05 * tolerance
        following, running = 0, True
        now[R] = 1.0
        while running:
            running = False
            for lane in range(LANES):
                while True:
                    if count[TRIAL, lane] >= 0:
                        how = ended(lane, now, count, at, tolerance, closed, out)
                        if how < 0:
                            break
                        trial = count[TRIAL, lane]
                        steps[trial], end[trial], count[TRIAL, lane] = count[STEPS, lane], how, -1
                    if following == len(start):
                        break
                    take(lane, following, start, now, count, error)
                    following += 1
                seed(x, lane, now[A, lane], now[R, lane], now[ANGLE, lane])
                bend[lane] = now[C, lane] / now[R, lane] ** 2
                running |= count[TRIAL, lane] >= 0
            if running:
                expand(x, bend, now[UNIT], ORDER)
            for lane in range(LANES):
                part[lane] = 0.0
                if count[TRIAL, lane] >= 0:
                    part[lane] = min(reach(x, lane, error), (at[-1] - now[NOW, lane]) / now[UNIT, lane])
            evaluate_all(x, part, by, to)
            for lane in range(LANES):
                if count[TRIAL, lane] < 0:
                    continue
                count[STEPS, lane] += 1
                if part[lane] < 0:
                    now[UNIT, lane] *= 1e-6
                    continue
                left = at[-1] - now[NOW, lane]
                h = left if part[lane] == left / now[UNIT, lane] else part[lane] * now[UNIT, lane]
                remember(lane, x, now, count, at, h, out)
                now[A, lane], now[R, lane] = turn(now[A, lane], now[R, lane], now[C, lane], by[lane])
                now[ANGLE, lane] = to[lane]
                now[NOW, lane] += h
                if stiff(lane, x, now, at, h, closed):
                    implicit(lane, work, ends, ones, now, count, at, tolerance, h, out)
                elif h > 0:
                    now[UNIT, lane] = h
        return version

    return compiled(run, cache=True)


def room() -> Array:
    """Zeros for the series of eight neurons, at a multiple of 64 bytes."""
    whole = np.zeros(ROOM + LANES)
    skip = -whole.ctypes.data // 8 % LANES
    return whole[skip : skip + ROOM]
