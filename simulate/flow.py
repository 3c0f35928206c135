"""Gradient flow of single trials by DOP853 (Hairer, Nørsett & Wanner): the population, and one input with its two branches.

Independent of the closed forms of ``theory``: only the velocity is written down, the rest is integrated.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

__all__ = ["Path", "one_input_path", "population_path"]

Array = NDArray[np.float64]

RTOL, ATOL = 1e-12, 1e-14
TINY = 1e-200
GONE = 1e-12
"""‖w‖ at which a neuron on its way to w = 0 counts as arrived: there the velocity has no limit."""


class Path(NamedTuple):
    """a (T,) and w (T, d) at the times asked for, and the first time at which w_1 changes from negative to positive.

    ``crossing`` is 0 where w_1 > 0 at the start, inf where it does not cross in the time integrated.
    """

    a: Array
    w: Array
    crossing: float


def population_path(a0: float, w0: Array, times: Sequence[float], mask: NDArray[np.bool_] | None = None) -> Path:
    """The flow on the population x ~ N(0, I_d) with teacher φ(x_1), weights off ``mask`` zero and frozen (T3).

    With p = w_1, r = ‖w‖, θ = atan2(‖w_⊥‖, p), 2π g = sin θ + (π − θ) cos θ:

        ȧ = r g − a r²/2,   ṗ = (a/2π)(π − θ + sin θ cos θ) − a² p/2,   ẇ_⊥ = w_⊥ (a sin θ / 2πr − a²/2).

    ẇ_⊥ is parallel to w_⊥, so ln ‖w_⊥‖ is integrated, which can't underflow. ``times`` increase from 0 or later.

    >>> path = population_path(1.0, np.array([-0.3, 0.9]), [50.0])
    >>> bool(path.w[0, 0] > 0 and path.crossing > 0)
    True
    """
    w0, mask = np.asarray(w0, float), np.ones(len(w0), bool) if mask is None else mask
    if (w0[~mask] != 0).any():
        raise ValueError(f"The flow takes pruned weights at 0, not {w0[~mask].tolist()!r}.")
    across = float(np.linalg.norm(w0[1:]))
    if across == 0:
        half = 0.5 if mask[0] else 0.0
        path = one_input_path(a0, float(w0[0]), times, half, 1.0, half, 0.0)
        return Path(path.a, path.w * (np.arange(len(w0)) == 0), path.crossing)
    start = np.array([a0, w0[0], math.log(across)])
    scale = min(1.0, math.hypot(a0, float(np.linalg.norm(w0))))
    states, crossing = _integrate(_population(bool(mask[0])), start, times, [ATOL * scale, ATOL * scale, RTOL], w0[0])
    w = np.outer(np.exp(states[:, 2] - start[2]), w0)
    w[:, 0] = states[:, 1]
    return Path(states[:, 0], w, crossing)


def _population(teacher: bool) -> Callable[[float, Array], tuple[float, float, float]]:
    def velocity(_: float, state: Array) -> tuple[float, float, float]:
        a, p, q = float(state[0]), float(state[1]), math.exp(state[2])
        r, theta = math.hypot(p, q), math.atan2(q, p)
        sine, cosine, back = q / r, p / r, math.pi - theta
        pull = a / (2 * math.pi)
        toward = (pull * (back + sine * cosine) - a * a * p / 2) if teacher else 0.0
        return r * (sine + back * cosine) / (2 * math.pi) - a * r * r / 2, toward, pull * sine / r - a * a / 2

    return velocity


def _integrate(
    velocity: Callable[[float, Array], tuple[float, float, float]],
    state: Array,
    times: Sequence[float],
    atol: list[float],
    w1: float,
) -> tuple[Array, float]:
    def crosses(_: float, state: Array) -> float:
        return state[1]

    def gone(_: float, state: Array) -> float:
        return math.hypot(state[1], math.exp(state[2])) - GONE

    crosses.direction, gone.terminal = 1, True  # type: ignore[attr-defined]
    now, crossing, states, ended = 0.0, 0.0 if w1 > 0 else math.inf, [], False
    for time in times:
        if time > now and not ended:
            run = solve_ivp(velocity, (now, time), state, "DOP853", events=(crosses, gone), rtol=RTOL, atol=atol)
            state, now, ended = run.y[:, -1], time, run.status != 0
            crossing = min([crossing, *run.t_events[0]])
        states.append(state)
    return np.array(states), crossing


def one_input_path(
    a: float, w: float, times: Sequence[float], s_plus: float, beta_plus: float, s_minus: float, beta_minus: float
) -> Path:
    """The flow with one input, on the branches of T2; at w = 0 in the sense of Filippov.

    On a branch ȧ = s w (β − a w), ẇ = s a (β − a w). At w = 0 it crosses where the speeds s a β of both branches agree in
    sign, and rests otherwise; started at w = 0 it rests. The error is controlled relative to |w|, so no sign is lost near
    zero; below ``TINY`` it rests. w has shape (T, 1).
    """
    now, crossing, side, states = 0.0, 0.0 if w > 0 else math.inf, int(np.sign(w)), []
    for time in times:
        while now < time and side:
            here, there = ((s_plus, beta_plus), (s_minus, beta_minus))[::side]
            now, a, w, ended = _branch(a, w, side, now, time, *here)
            if ended:
                side = -side if w == 0 and math.prod(there) * a * side < 0 else 0
                crossing = min(crossing, now) if side > 0 else crossing
        states.append((a, w))
        now = max(now, time)
    values = np.array(states)
    return Path(values[:, 0], values[:, 1:], crossing)


def _branch(a: float, w: float, side: int, now: float, end: float, s: float, beta: float) -> tuple[float, float, float, bool]:
    """Time, a and w at ``end``; or (then the last is true) where w comes to zero, exactly 0.0, or decays below ``TINY``."""

    def velocity(_: float, state: Array) -> tuple[float, float]:
        a, w = float(state[0]), float(state[1])
        slope = s * (beta - a * w)
        return slope * w, slope * a

    def zero(_: float, state: Array) -> float:
        return state[1]

    def gone(_: float, state: Array) -> float:
        return abs(state[1]) - TINY

    zero.terminal, zero.direction, gone.terminal, gone.direction = True, -side, True, -1  # type: ignore[attr-defined]
    start = min(1e-2, end - now)
    run = solve_ivp(velocity, (now, end), (a, w), "DOP853", events=(zero, gone), rtol=RTOL, atol=1e-280, first_step=start)
    w = 0.0 if len(run.t_events[0]) else float(run.y[1, -1])
    return float(run.t[-1]), float(run.y[0, -1]), w, run.status == 1
