"""Taylor steps of the flow between events, the search for the next event, and the certificate of rest.

Between events ȧ = w·G, ẇ = aG with G = b − A(aw), or its projection while the flow slides: Taylor coefficients of any order
follow from products of series, one product with A an order. After a step the larger of |a| and ‖w‖ is set from the smaller by
the conserved c.

A sample is looked at only where w may have turned as far as its hyperplane since it was last looked at: the angle between w
and the hyperplane is at least |w·x_i|/‖w‖‖x_i‖, and a step turns w by at most Σ ‖W_k⊥‖h^k / (‖w‖ − Σ |W_k∥|h^k) with its Taylor
coefficients W_k across and along w.
"""

import numpy as np

from .flow_kinks import arrange, cross, fork, leave
from .flow_state import (
    COUNTS,
    EVENTS,
    FORKS,
    IDLE,
    MOST,
    NEAR,
    ORDER,
    QUEUED,
    SIGN,
    TIED,
    TURNED,
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
    pop,
    push,
    root,
)

__all__ = ["DEAD", "LIMIT", "run"]

DEAD = 1e-140
"""‖w‖ below which a balanced neuron, which only decays there, counts as collapsed: its square is no float soon after."""
LIMIT = 1_000_000
"""Steps of one trial."""
BALANCED = 1e-15
"""c this small relative to a² + ‖w‖² is rounding: the start is taken as balanced."""
SLIDING, SAMPLE, OUTER, ORIGIN = range(4)
TIME, REST, COLLAPSED, STALLED = 0, 1, 2, 4


@jit
def _start(s: State) -> None:
    s.counts[:] = 0
    s.matrix[:], s.vector[:] = 0.0, 0.0
    r2 = dot(s.w, s.w)
    a, r = s.now[A], np.sqrt(r2)
    c = (a - r) * (a + r)
    if abs(c) <= BALANCED * (a * a + r2):
        c = 0.0
    s.now[C], s.now[R], s.now[T], s.now[TURNED], s.now[WANT] = c, r, 0.0, 0.0, 0.1
    for i in range(len(s.y)):
        z = dot(s.x[i], s.w)
        s.norm[i] = np.sqrt(dot(s.x[i], s.x[i]))
        s.side[i] = 1 if z > 0 else -1
        if z > 0:
            gate(s, i, 1.0)
        if s.norm[i] > 0:
            push(s, i, abs(z) / (r * s.norm[i]))
    s.now[SIGN] = np.sign(a)
    if a == 0:
        s.now[SIGN] = np.sign(dot(s.w, s.vector))
    _keep(s)


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
def _expand(s: State, want: float, error: float) -> tuple[int, float]:
    """Taylor coefficients to the order that ``want`` needs, ``ORDER`` at most; that order and the step it is good for."""
    m, k, r = len(s.w), s.counts[TIED], s.now[R]
    W, F, a, part = s.path, s.force, s.outer, s.scratch
    W[0], a[0] = s.w, s.now[A]
    s.sizes[:, 0] = r
    scale, before = error * max(abs(a[0]), r), np.inf
    for j in range(ORDER):
        part[:] = 0.0
        for l in range(j + 1):
            add(part, a[l], W[j - l])
        F[j] = 0.0
        if j == 0:
            F[j] = s.vector
        for l in range(m):
            add(F[j], -part[l], s.matrix[l])
        for l in range(k):
            s.along[j, l] = dot(s.basis[l], F[j])
            add(F[j], -s.along[j, l], s.basis[l])
        W[j + 1], slope = 0.0, 0.0
        for l in range(j + 1):
            add(W[j + 1], a[l] / (j + 1), F[j - l])
            slope += dot(W[l], F[j - l])
        a[j + 1] = slope / (j + 1)
        size, inward = np.sqrt(dot(W[j + 1], W[j + 1])), dot(W[j + 1], s.w) / r
        s.sizes[0, j + 1], s.sizes[1, j + 1] = size, abs(inward)
        s.sizes[2, j + 1] = _across(W[j + 1], s.w, inward / r)
        if j >= 3:
            worst = max(size / (error * r), abs(a[j + 1]) / scale)
            good = worst ** (-1.0 / (j + 1)) if worst > 0 else np.inf
            if min(good, before) >= want or j == ORDER - 1:
                return j + 1, min(want, good, before)
            before = good
    return ORDER, want


@jit
def _across(v: Array, w: Array, along: float) -> float:
    total = 0.0
    for j in range(len(v)):
        total += (v[j] - along * w[j]) ** 2
    return np.sqrt(total)


@jit
def _sum(sizes: Array, start: int, order: int, h: float) -> float:
    total = 0.0
    for j in range(order, start - 1, -1):
        total = total * h + sizes[j]
    return total * h**start


@jit
def _turn(s: State, order: int, h: float) -> float:
    """Bound of the angle that w turns within h; inf where the bound of ‖w‖ from below is not half of it."""
    across = _sum(s.sizes[2], 1, order, h)
    if across < 1e-15 * s.now[R]:
        return across / s.now[R]
    least = s.now[R] - _sum(s.sizes[1], 1, order, h)
    return across / least if least > s.now[R] / 2 else np.inf


@jit
def _next_sample(s: State, order: int, h: float, looked: Ints) -> tuple[int, float]:
    """The sample whose hyperplane is reached first within h, −1 for none, and when."""
    hit, count, turn, r = -1, 0, _turn(s, order, h), s.now[R]
    while s.counts[QUEUED] > 0 and s.key[s.heap[0]] <= s.now[TURNED] + turn:
        i = pop(s)
        x, side, near = s.x[i], float(s.side[i]), NEAR * r * s.norm[i]
        z = side * dot(x, s.w)
        angle = max(z, 0.0) / (r * s.norm[i])
        if angle > turn:
            push(s, i, s.now[TURNED] + angle)
            continue
        looked[count] = i
        s.key[i] = s.now[TURNED] + angle
        count += 1
        slope = side * dot(x, s.path[1])
        if z + min(slope, 0.0) * h - s.norm[i] * _sum(s.sizes[0], 2, order, h) > -near:
            continue
        s.poly[0], s.poly[1] = max(z + near, 1e-3 * near), slope
        for j in range(2, order + 1):
            s.poly[j] = side * dot(x, s.path[j])
        when = root(s.poly, order, h, 1e-3 * near)
        if when < h:
            hit, h = i, when
            turn = _turn(s, order, h)
    for q in range(count):
        if looked[q] != hit:
            push(s, looked[q], s.key[looked[q]])
    return hit, h


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
def _along(s: State, order: int, t: float, w: Array) -> float:
    """w (in place) and a (returned) a time t into the step."""
    w[:] = s.path[order]
    a = s.outer[order]
    for j in range(order - 1, -1, -1):
        for l in range(len(w)):
            w[l] = w[l] * t + s.path[j, l]
        a = a * t + s.outer[j]
    return a


@jit
def _resting(s: State, looked: Ints, tolerance: float) -> bool:
    """Is all that remains below a tenth of the tolerance, with no event left? By contraction on the present pieces.

    With ℓ, Λ the least positive and the largest eigenvalue of A (projected), |G| decays at least like √(Λ/ℓ)|G|e^{−a²ℓt/4} while
    |a| has not halved, so the path that remains is at most D = 2 max(|a|, ‖w‖) √(Λ/ℓ) |G| · 4/(a²ℓ).
    """
    m, k, a, r = len(s.w), s.counts[TIED], abs(s.now[A]), s.now[R]
    size = np.sqrt(dot(s.force[0], s.force[0]))
    large = max(a, r)
    if size == 0 or (s.outer[1] == 0 and s.sizes[0, 1] == 0):
        return True
    if 8 * large * size > tolerance * large * a * a * s.sizes[0, 0] / r * _trace(s):
        return False
    P = np.eye(m)
    for l in range(k):
        for j in range(m):
            add(P[j], -s.basis[l, j], s.basis[l])
    values = np.linalg.eigvalsh(P @ s.matrix @ P)
    top, low = values[-1], values[-1]
    for value in values:
        if value > 1e-9 * top:
            low = min(low, value)
    D = 8 * large * np.sqrt(top / low) * size / (a * a * low)
    if not (0.1 * tolerance * large > D and a / 4 > D):
        return False
    for q in range(k):
        swing = 2 * len(s.y) * _trace(s) * large * D * _inverse(s, q)
        if min(s.share[q], 1 - s.share[q]) < swing:
            return False
    return _clear(s, looked, D / (r - D))


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
    row = np.zeros(k)
    row[q] = 1 / s.triangle[q, q]
    for l in range(q + 1, k):
        for j in range(q, l):
            row[l] -= row[j] * s.triangle[j, l]
        row[l] /= s.triangle[l, l]
    return np.sqrt(dot(row, row)) / (abs(s.y[s.tied[q]]) * len(s.y))


@jit
def _clear(s: State, looked: Ints, turn: float) -> bool:
    """Is every hyperplane further off than this angle?"""
    clear, count = True, 0
    while s.counts[QUEUED] > 0 and s.key[s.heap[0]] <= s.now[TURNED] + turn:
        i = pop(s)
        looked[count] = i
        count += 1
        angle = max(float(s.side[i]) * dot(s.x[i], s.w), 0.0) / (s.now[R] * s.norm[i])
        s.key[i] = s.now[TURNED] + angle
        if angle <= turn:
            clear = False
            break
    for q in range(count):
        push(s, looked[q], s.key[looked[q]])
    return clear


@jit
def _pulls_on(s: State) -> bool:
    """Would the far side of w = 0 draw w on, along the line on which it came? Then solutions fork there."""
    pull = 0.0
    for i in range(len(s.y)):
        z = dot(s.x[i], s.path[0])
        if z < 0 and s.side[i] != 0:
            pull -= s.y[i] * z
    return s.now[SIGN] * pull > 0


@jit
def _step(s: State, end: float, error: float, order: int, h: float, looked: Ints) -> tuple[int, int, float]:
    """The first event within the step: its kind, −1 for none, which sample or share, and when."""
    kind, which, far = -1, -1, h
    if s.now[C] < 0:
        for j in range(order + 1):
            s.poly[j] = s.now[SIGN] * s.outer[j]
        s.poly[0] = max(s.poly[0], 0.0) + 1e-16 * s.now[R]
        far = root(s.poly, order, h, 1e-17 * s.now[R])
        if far < h:
            kind, h = OUTER, far
    if s.counts[TIED] == len(s.w) - 1:
        for j in range(order + 1):
            s.poly[j] = dot(s.path[j], s.w) / s.now[R]
        far = root(s.poly, order, h, 0.0)
        if far < h:
            kind, h = ORIGIN, far
    if s.counts[TIED] > 0:
        which, far = _next_share(s, order, h)
        if which >= 0:
            kind, h = SLIDING, far
    hit, far = _next_sample(s, order, h, looked)
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


@jit
def _advance(s: State, order: int, h: float, kind: int) -> None:
    """Move to the end of the step and say how far w has turned."""
    r, turn = s.now[R], 0.0
    s.now[A] = _along(s, order, h, s.w)
    if kind == ORIGIN:
        s.w[:] = 0.0
        s.counts[EVENTS] += 1
        s.counts[FORKS] += 1 if _pulls_on(s) else 0
        _keep_origin(s)
        return
    along = dot(s.w, s.path[0]) / r
    turn = _across(s.w, s.path[0], along / r)
    s.now[TURNED] += turn / along * (1 + 1e-12) + 1e-16
    s.now[T] += h
    for l in range(s.counts[TIED]):
        add(s.w, -dot(s.basis[l], s.w), s.basis[l])
    _keep(s)


@jit
def _keep_origin(s: State) -> None:
    s.now[A], s.now[R] = s.now[SIGN] * np.sqrt(max(s.now[C], 0.0)), 0.0


@jit
def _trial(s: State, at: Array, tolerance: float, out_a: Array, out_w: Array) -> tuple[int, int]:
    """Run to the last of the times ``at``, filling in the points; steps taken and how it ended."""
    done, end, looked, error = 0, at[-1], np.empty(len(s.y) + 1, np.int64), max(1e-3 * tolerance, 1e-15)
    ended, steps, point = TIME, 0, np.empty(len(s.w))
    if dot(s.w, s.w) <= DEAD**2:
        ended = COLLAPSED
    else:
        _start(s)
        arrange(s, -1)
    while ended == TIME and done < len(at):
        if steps == LIMIT or s.counts[IDLE] > 1000:
            ended = STALLED
            break
        steps += 1
        left = end - s.now[T]
        order, h = _expand(s, min(s.now[WANT], left), error)
        if _resting(s, looked, tolerance):
            ended = REST
            break
        while _turn(s, order, h) > 0.7:
            h *= 0.5
        kind, which, h = _step(s, end, error, order, h, looked)
        last = kind < 0 and h == left
        while done < len(at) and (at[done] <= s.now[T] + h or last) and (at[done] < s.now[T] + h or kind < 0):
            out_a[done] = _along(s, order, at[done] - s.now[T], point)
            out_w[done] = point
            done += 1
        before = s.now[T]
        _advance(s, order, h, kind)
        if kind == ORIGIN or (s.now[C] == 0 and s.now[R] < DEAD):
            ended = COLLAPSED
            break
        s.counts[IDLE] = 0 if s.now[T] > before else s.counts[IDLE] + 1
        if kind < 0:
            s.now[WANT] = 2 * h
        else:
            s.now[WANT] = 0.5 * s.now[WANT] + h
            _happen(s, kind, which)
    for i in range(done, len(at)):
        out_a[i], out_w[i] = s.now[A], s.w
    return steps, ended


@jit
def run(
    X: Array, y: Array, a: Array, w: Array, mask: Array, at: Array, tolerance: float, out_a: Array, out_w: Array, out: Ints
) -> None:
    """All trials, one after the other: values at the times ``at`` to out_a (B, T), out_w (B, T, d); counts to ``out`` (B, 5).

    ``out``: steps, end, events, forks, the most samples slid on at once. Weights off ``mask`` are zero.
    """
    trials, d, n = X.shape
    for trial in range(trials):
        alive = np.flatnonzero(mask[trial])
        s = empty(n, len(alive))
        for j in range(len(alive)):
            for i in range(n):
                s.x[i, j] = X[trial, alive[j], i]
            s.w[j] = w[trial, alive[j]]
        s.y[:] = y[trial] / n
        s.now[A] = a[trial]
        points = np.zeros((len(at), len(alive)))
        out[trial, 0], out[trial, 1] = _trial(s, at, tolerance, out_a[trial], points)
        out[trial, 2], out[trial, 3], out[trial, 4] = s.counts[EVENTS], s.counts[FORKS], s.counts[MOST]
        for k in range(len(at)):
            for j in range(len(alive)):
                out_w[trial, k, alive[j]] = points[k, j]
