"""Taylor steps of the flow between events, and the certificate of rest.

After a step the larger of |a| and ‖w‖ is set from the smaller by the conserved c.
"""

from typing import Any

import numpy as np

from .flow_kinks import cross, fork, leave, outside
from .flow_region import confine, next_sample
from .flow_series import evaluate, expand
from .flow_state import (
    ALIVE,
    EVENTS,
    FORKS,
    IDLE,
    MOST,
    REACH,
    SIGN,
    TIED,
    WANT,
    A,
    Array,
    C,
    Ints,
    R,
    State,
    T,
    add,
    dot,
    empty,
    gate,
    jit,
    njit,
    project,
    root,
)
from .vectors import compiled

__all__ = ["DEAD", "entry"]

DEAD = 1e-140
"""‖w‖ below which a neuron with c ≥ 0, which decays there, counts as collapsed: its square is no float soon after."""
IDLE_LIMIT = 200
"""Events in a row without progress in time, after which one step is taken over them (``_nudge``)."""
BALANCED = 1e-15
"""c this small relative to a² + ‖w‖² is rounding: the start is taken as balanced."""
SLIDING, SAMPLE, OUTER, ORIGIN = range(4)
TIME, REST, COLLAPSED, STALLED = 0, 1, 2, 4


@jit
def _start(s: State) -> None:
    r2 = dot(s.w, s.w)
    a, r = s.now[A], np.sqrt(r2)
    c = (a - r) * (a + r)
    if abs(c) <= BALANCED * (a * a + r2):
        c = 0.0
    s.now[C] = c
    for i in range(len(s.y)):
        s.norm[i] = np.sqrt(dot(s.x[i], s.x[i]))
    _sort(s)
    s.now[SIGN] = np.sign(a)
    if a == 0:
        s.now[SIGN] = np.sign(dot(s.w, s.vector))
    _keep(s)


@jit
def _sort(s: State) -> None:
    """The active samples at w."""
    s.now[WANT], s.now[REACH] = 0.1, 0.1 * np.sqrt(dot(s.w, s.w))
    for i in range(len(s.y)):
        s.side[i] = 1 if dot(s.x[i], s.w) > 0 else -1
    _refresh(s)


@jit
def _keep(s: State) -> None:
    """The larger of |a| and ‖w‖ from the smaller: c holds to rounding."""
    r = np.sqrt(dot(s.w, s.w))
    if s.now[C] >= 0:
        s.now[A] = s.now[SIGN] * np.sqrt(s.now[C] + r * r)
    else:
        wanted = np.sqrt(s.now[A] ** 2 - s.now[C])
        for j in range(len(s.w)):
            s.w[j] *= wanted / r
        r = wanted
    s.now[R] = r


@jit
def _output(s: State, order: int, t: float, w: Array) -> float:
    """w (in place) and a (returned) a time t into the step, on the hyperplanes slid on and with c to rounding."""
    a = evaluate(s, order, t, w)
    project(s, w)
    square = dot(w, w)
    if s.now[C] >= 0:
        return s.now[SIGN] * np.sqrt(s.now[C] + square)
    factor = np.sqrt((a * a - s.now[C]) / square)
    for j in range(len(w)):
        w[j] *= factor
    return a


@jit
def _next_share(s: State, order: int, h: float) -> tuple[int, float]:
    """The sliding sample whose share λ first leaves [0, 1] within h, −1 for none, and when."""
    first, k = -1, s.counts[TIED]
    for j in range(order):
        for l in range(k - 1, -1, -1):
            value = -s.along[j, l]
            for q in range(l + 1, k):
                value -= s.triangle[l, q] * s.shares[q, j] * s.y[s.tied[q]]
            s.shares[l, j] = value / s.triangle[l, l] / s.y[s.tied[l]]
    for q in range(k):
        s.share[q] = min(max(s.shares[q, 0], 0.0), 1.0)
        for upper in range(2):
            for j in range(order):
                s.poly[j] = s.shares[q, j] * (1 - 2 * upper)
            s.poly[0] = (s.share[q] if upper == 0 else 1 - s.share[q]) + 1e-13
            when = root(s.poly, order - 1, h, 1e-15)
            if when < h:
                first, h = 2 * q + upper, when
    return first, h


@jit
def _slow(s: State, tolerance: float) -> bool:
    """Is the force small enough for the certificate of rest to be worth its cost?"""
    if s.outer[1] == 0 and s.sizes[0, 1] == 0:
        return True
    return 80 * np.sqrt(dot(s.force[0], s.force[0])) <= tolerance * s.now[A] ** 2 * _trace(s)


@njit(nogil=True)
def _spectrum(s: State) -> tuple[float, float]:
    """The least positive and the largest eigenvalue of A, projected where the flow slides."""
    P = np.eye(len(s.w))
    for l in range(s.counts[TIED]):
        for j in range(len(s.w)):
            add(P[j], -s.basis[l, j], s.basis[l])
    values = np.linalg.eigvalsh(P @ s.matrix @ P)
    top = low = values[-1]
    for value in values:
        if value > 1e-9 * top:
            low = min(low, value)
    return low, top


@njit(nogil=True)
def _resting(s: State, tolerance: float) -> bool:
    """Is all that remains below a tenth of the tolerance, with no event left? By contraction on the present pieces.

    With ℓ, Λ the least positive and the largest eigenvalue of A (projected), |G| decays at least like √(Λ/ℓ)|G|e^{−a²ℓt/4}
    while |a| has not halved, so the path that remains is at most D = 2 max(|a|, ‖w‖) √(Λ/ℓ) |G| · 4/(a²ℓ).
    """
    if s.outer[1] == 0 and s.sizes[0, 1] == 0:
        return True
    low, top = _spectrum(s)
    a, size = abs(s.now[A]), np.sqrt(dot(s.force[0], s.force[0]))
    large = max(a, s.now[R])
    D = 8 * large * np.sqrt(top / low) * size / (a * a * low)
    if not (0.1 * tolerance * large > D and a / 4 > D):
        return False
    for q in range(s.counts[TIED]):
        swing = 2 * len(s.y) * _trace(s) * large * D * _inverse(s, q)
        if min(s.share[q], 1 - s.share[q]) < swing:
            return False
    return _clear(s, D)


@jit
def _trace(s: State) -> float:
    total = 0.0
    for j in range(len(s.w)):
        total += s.matrix[j, j]
    return total


@jit
def _inverse(s: State, q: int) -> float:
    """Bound of how λ_q moves with G0: the norm of row q of the inverse triangle over n|y_q|/n."""
    k = s.counts[TIED]
    row = s.wanted
    for l in range(k):
        row[l] = 0.0
    row[q] = 1 / s.triangle[q, q]
    for l in range(q + 1, k):
        for j in range(q, l):
            row[l] -= row[j] * s.triangle[j, l]
        row[l] /= s.triangle[l, l]
    square = 0.0
    for l in range(k):
        square += row[l] * row[l]
    return np.sqrt(square) / (abs(s.y[s.tied[q]]) * len(s.y))


@jit
def _clear(s: State, distance: float) -> bool:
    """Is w further than this from every hyperplane that it does not slide on?"""
    for i in range(len(s.y)):
        if s.side[i] != 0 and s.norm[i] > 0 and s.side[i] * dot(s.x[i], s.w) <= distance * s.norm[i]:
            return False
    return True


@jit
def _pass_on(s: State, tolerance: float) -> bool:
    """At w = 0: does the far half of the line draw w on? Then go there, so little that the tolerance does not feel it."""
    pull, r = 0.0, np.sqrt(dot(s.path[0], s.path[0]))
    for i in range(len(s.y)):
        z = dot(s.x[i], s.path[0])
        if s.side[i] != 0 and z < 0:
            pull -= s.y[i] * z
    s.counts[EVENTS] += 1
    a = s.now[SIGN] * np.sqrt(s.now[C])
    on = a * pull > 0
    for j in range(len(s.w)):
        s.w[j] = -1e-3 * tolerance * abs(a) * s.path[0, j] / r if on else 0.0
    s.now[A], s.counts[TIED] = a, 0
    if on:
        s.counts[FORKS] += 1
        _sort(s)
    return on


@jit
def _step(s: State, order: int, h: float) -> tuple[int, int, float]:
    """The first event within the step: its kind, −1 for none, which sample or share, and when."""
    kind, which, far = -1, -1, h
    if s.now[C] < 0:
        for j in range(order + 1):
            s.poly[j] = s.now[SIGN] * s.outer[j]
        s.poly[0] = max(s.poly[0], 0.0) + 1e-16 * s.now[R]
        far = root(s.poly, order, h, 1e-17 * s.now[R])
        if far < h:
            kind, h = OUTER, far
    line = s.counts[TIED] == s.counts[ALIVE] - 1
    if line:
        for j in range(order + 1):
            s.poly[j] = dot(s.path[j], s.w) / s.now[R]
        far = root(s.poly, order, h, 0.0)
        if far < h:
            kind, h = ORIGIN, far
    if s.counts[TIED] > 0:
        which, far = _next_share(s, order, h)
        if which >= 0:
            kind, h = SLIDING, far
    if not line:
        hit, far = next_sample(s, order, h)
        if hit >= 0:
            return SAMPLE, hit, far
    return kind, which, h


@jit
def _happen(s: State, kind: int, which: int) -> None:
    if kind == SAMPLE:
        cross(s, which)
    elif kind == SLIDING:
        leave(s, which // 2, which % 2 == 1)
    elif kind == OUTER:
        s.now[A] = 0.0
        fork(s)
    _keep(s)
    if kind >= 0 and s.now[C] > 0 and s.now[R] < 1e-3 * abs(s.now[A]):
        _refresh(s)


@jit
def _refresh(s: State) -> None:
    """Sum the active samples anew: near w = 0 what is left of those that came and went would outweigh a force that is 0."""
    for j in range(len(s.w)):
        s.vector[j] = 0.0
        for l in range(len(s.w)):
            s.matrix[j, l] = 0.0
    for i in range(len(s.y)):
        if s.side[i] > 0:
            gate(s, i, 1.0)


@jit
def _advance(s: State, order: int, h: float, kind: int) -> None:
    """Move to the end of the step."""
    s.now[A] = evaluate(s, order, h, s.w)
    s.now[T] += h
    if kind == ORIGIN:
        return
    project(s, s.w)
    _keep(s)


@jit
def _nudge(s: State, left: float, far: float) -> float:
    """Where rounding decides on which side of kinks w lies (two or more at which it rests with shares λ = 0), go on for as
    long as w moves less than ``far`` of max(|a|, ‖w‖), and look anew; how far that was, at most."""
    outside(s)
    for j in range(len(s.w)):
        s.pull[j] = s.scratch[j]
    project(s, s.pull)
    large = max(abs(s.now[A]), s.now[R])
    speed = large * np.sqrt(dot(s.pull, s.pull))
    h = left if speed * left <= far * large else far * large / speed
    add(s.w, h * s.now[A], s.pull)
    s.now[A] += h * dot(s.w, s.pull)
    s.now[T] += h
    s.counts[TIED], s.counts[IDLE] = 0, 0
    _sort(s)
    _keep(s)
    s.now[WANT] = h
    return speed * h / large


@njit(nogil=True)
def _trial(s: State, at: Array, tolerance: float, most: int, out_a: Array, out_w: Array) -> tuple[int, int]:
    """Run to the last of the times ``at``, filling in the points; steps taken and how it ended."""
    done, steps, spent, error, point = 0, 0, 0.0, max(1e-2 * tolerance, 1e-15), np.empty(len(s.w))
    ended = COLLAPSED if dot(s.w, s.w) <= DEAD**2 else TIME
    if ended == TIME:
        _start(s)
    while ended == TIME and done < len(at):
        left = at[-1] - s.now[T]
        if s.counts[IDLE] > IDLE_LIMIT and spent < 0.1 * tolerance:
            spent += _nudge(s, at[done] - s.now[T], 1e-3 * tolerance)
            left = at[-1] - s.now[T]
        if steps == most or s.counts[IDLE] > IDLE_LIMIT:
            ended = STALLED
            break
        steps += 1
        order, h = expand(s, min(s.now[WANT], left), error)
        if _slow(s, tolerance) and _resting(s, tolerance):
            ended = REST
            break
        h = confine(s, order, h)
        if left > 0 and not h > 0:  # too fast for floats
            ended = STALLED
            break
        kind, which, h = _step(s, order, h)
        while done < len(at) and (at[done] < s.now[T] + h or (kind < 0 and h == left)):
            out_a[done] = _output(s, order, at[done] - s.now[T], point)
            out_w[done] = point
            done += 1
        before = s.now[T]
        _advance(s, order, h, kind)
        if (kind == ORIGIN and not _pass_on(s, tolerance)) or (s.now[C] >= 0 and s.now[R] < DEAD):
            ended = COLLAPSED
            break
        s.counts[IDLE] = 0 if s.now[T] > before else s.counts[IDLE] + 1
        s.now[WANT] = 2 * h if kind < 0 else 0.5 * s.now[WANT] + h
        _happen(s, kind, which)
    for i in range(done, len(at)):
        out_a[i], out_w[i] = s.now[A], s.w
    return steps, ended


def entry(version: str) -> Any:
    """``run``, compiled, from the disk where it was compiled before; ``version`` names the source of all that it calls.

    run(X (B, d, n), y (B, n), a (B,), w (B, d), mask (B, d), at (T,), tolerance, most, out_a (B, T), out_w (B, T, d),
    out (B, 5)): all trials, one after the other; values at the increasing times ``at`` to out_a and out_w, and steps, end,
    events, forks and the most samples slid on at once to ``out``. Weights off ``mask`` are zero. ``most``: steps until a trial
    is given up.
    """

    def run(
        X: Array,
        y: Array,
        a: Array,
        w: Array,
        mask: Array,
        at: Array,
        tolerance: float,
        most: int,
        out_a: Array,
        out_w: Array,
        out: Ints,
    ) -> str:
        n = X.shape[2]
        for trial in range(X.shape[0]):
            alive = np.flatnonzero(mask[trial])
            m = len(alive)
            s = empty(n, m)
            for j in range(m):
                s.inputs[j, :n] = X[trial, alive[j]]
                s.w[j] = w[trial, alive[j]]
                for i in range(n):
                    s.x[i, j] = s.inputs[j, i]
            s.y[:] = y[trial] / n
            s.now[A], s.counts[ALIVE] = a[trial], m
            points = np.zeros((len(at), len(s.w)))
            out[trial, 0], out[trial, 1] = _trial(s, at, tolerance, most, out_a[trial], points)
            out[trial, 2], out[trial, 3], out[trial, 4] = s.counts[EVENTS], s.counts[FORKS], s.counts[MOST]
            for k in range(len(at)):
                for j in range(m):
                    out_w[trial, k, alive[j]] = points[k, j]
        return version

    return compiled(run, cache=True)
