"""The loop over steps of ``simulate.active_set``: eight trials side by side in the lanes of a register.

A lane's arithmetic is the same whatever its neighbours do: each has its own count of steps, its own samples to watch and its
own cone, and where one has more inputs or watched samples than another, zeros are added, which changes no bit. When one
of them needs a look, the others wait; when a trial ends, the next takes its lane.

Layout: number i of lane l stands at 8 i + l; of matrices two rows at a time are interleaved, so that a step loads each
weight once for both.
"""

import numpy as np

from .active_set_cones import FEW, SHRINK, WATCHED, gather, length, look, tangent
from .gd import CHECK, TINY, End
from .kernels import digest
from .vectors import LANES, add, all_positive, compiled, fma, inlined, load, mul, spread, store, sub, where_positive

__all__ = ["descend"]

PATIENCE = 96
"""Steps after which a cone that w has not left is chosen anew, lest samples be watched in vain; doubled each time."""
PAIR = 2 * LANES
COLLAPSED, DIVERGED, REST, TIME = int(End.COLLAPSED), int(End.DIVERGED), int(End.REST), int(End.TIME)
LONGEST = 1024
"""Most steps between two looks for rest; whoever rests once rests for good, so this changes no number."""
EMPTY, NONE = -2, -1
"""In place of a trial: the lane waits for its first, or has had its last."""
TRIAL, STEP, STOP, PATIENT, WAIT, LOOKED, MOMENT, WATCHES, INPUTS, WIDTH, PAUSE = range(11)
"""Places of a lane's counters: trial, steps done, next stop, patience's end and length, step of the last look,
next moment to remember, samples watched, coordinates, the same in whole lanes, steps to the next look for rest."""


def _marching(plain):
    """The march; ``plain`` has no momentum and trains all the weights."""

    def march(most, rows, d, watched, eta, mu, share, now, state, sums, cone, residuals):
        """At most ``most`` steps of all lanes, until one leaves its cone or the finite numbers.

        G = share (b − a A w + Σ_watched 1{w·x > 0} (y − a w·x) x). Returns the steps done and the row of the state, 0 or 1,
        that holds the last; the other holds the one before.
        """
        a, pace, weights, velocity, trained = state
        A, b, watched_x, watched_y = sums
        unit, shrink, limit, inside = cone
        zero = spread(0.0)
        done = 0
        while True:
            here, there = now * rows, (1 - now) * rows
            value = load(a, now * LANES)
            minus, toward = sub(zero, value), mul(value, spread(share))
            for t in range(watched):
                z, odd = zero, zero
                for j in range(0, d, 2):
                    q = t * rows + j * LANES
                    z = fma(load(weights, here + j * LANES), load(watched_x, q), z)
                    odd = fma(load(weights, here + j * LANES + LANES), load(watched_x, q + LANES), odd)
                z = add(z, odd)
                store(residuals, t * LANES, where_positive(z, fma(minus, z, load(watched_y, t * LANES))))
            slopes, far, ahead, scale = zero, zero, zero, load(shrink, 0)
            for i in range(0, d, 2):
                u, v, q = zero, zero, i * rows
                for j in range(d):
                    w = load(weights, here + j * LANES)
                    u, v = fma(w, load(A, q), u), fma(w, load(A, q + LANES), v)
                    q += PAIR
                u, v = fma(minus, u, load(b, i * LANES)), fma(minus, v, load(b, i * LANES + LANES))
                if watched > 0:
                    p, o, q = zero, zero, i * LANES
                    for t in range(watched):
                        r = load(residuals, t * LANES)
                        p, o = fma(r, load(watched_x, q), p), fma(r, load(watched_x, q + LANES), o)
                        q += rows
                    u, v = add(u, p), add(v, o)
                for half in range(2):
                    force, q = v if half else u, i * LANES + half * LANES
                    old = load(weights, here + q)
                    slopes = fma(force, old, slopes)
                    if plain:
                        step = mul(toward, force)
                    else:
                        step = fma(toward, mul(force, load(trained, q)), mul(spread(mu), load(velocity, here + q)))
                        store(velocity, there + q, step)
                    new = fma(spread(eta), step, old)
                    store(weights, there + q, new)
                    axis = load(unit, q)
                    off = fma(new, scale, sub(zero, axis))
                    far, ahead = fma(off, off, far), fma(off, axis, ahead)
            slopes = mul(spread(share), slopes)
            if not plain:
                slopes = fma(spread(mu), load(pace, now * LANES), slopes)
                store(pace, (1 - now) * LANES, slopes)
            after = fma(spread(eta), slopes, value)
            now = 1 - now
            store(a, now * LANES, after)
            done += 1
            reach = add(spread(1.0), ahead)
            room = fma(load(limit, 0), mul(reach, reach), sub(mul(ahead, ahead), mul(far, spread(1 + 1e-14))))
            room = add(where_positive(sub(spread(0.25), far), room), sub(after, after))
            if done == most or not all_positive(room):
                break
        store(inside, 0, room)
        return done, now

    return compiled(march)


_plain, _general = _marching(True), _marching(False)


@compiled
def _begin(l, trial, given, lanes, state, sums, cone, own):
    """Give lane l a trial, or ``NONE``: then all its numbers are zero, and it steps in place."""
    X, y, a, w, mask, steps, _ = given
    value, pace, weights, velocity, trained = state
    unit, shrink, limit, inside = cone
    samples, alive, start, inverse, members, member, sines, counts, units, total, low = own
    rows = len(weights) // 2
    for x in (value, pace, weights, velocity, sums[0], sums[1], sums[2], sums[3], unit):
        x[l::LANES] = 0.0
    trained[l::LANES] = 1.0
    shrink[l], limit[l], inside[l] = 0.0, 1.0, 1.0
    lanes[l] = 0
    lanes[l, TRIAL], lanes[l, STOP], lanes[l, PATIENT], lanes[l, WAIT], lanes[l, PAUSE] = trial, steps, steps, PATIENCE, CHECK
    if trial == NONE:
        return
    d, width = gather(X[trial], y[trial], w[trial], mask[trial], samples[l], alive[l], start[l], inverse[l])
    lanes[l, INPUTS], lanes[l, WIDTH] = d, width
    for j in range(d):
        weights[j * LANES + l] = weights[rows + j * LANES + l] = start[l, j]
        trained[j * LANES + l] = mask[trial, alive[l, j]]
    value[l] = value[LANES + l] = a[trial]
    n = len(inverse[l])
    members[l, :n] = np.arange(n)
    member[l], units[l], total[l], low[l], counts[l, 0], sines[l, 0] = False, 0.0, 0.0, 0.0, n, np.inf
    inside[l] = 0.0


@compiled
def _ended(l, now, d, mu, state):
    """How the last step of lane l ends its descent: ``TIME`` if it does not."""
    a, pace, weights, velocity, _ = state
    rows = len(weights) // 2
    before, after = a[(1 - now) * LANES + l], a[now * LANES + l]
    size, step, finite, still = 0.0, 0.0, np.isfinite(after), before == after
    for j in range(d):
        new, old = weights[now * rows + j * LANES + l], weights[(1 - now) * rows + j * LANES + l]
        finite &= np.isfinite(new)
        size, step = max(size, abs(new)), max(step, abs(new - old))
        still &= new == old and (mu == 0 or velocity[j * LANES + l] == velocity[rows + j * LANES + l])
    if not finite:
        return DIVERGED
    if size < TINY and step < TINY:
        return COLLAPSED
    return REST if still and (mu == 0 or pace[l] == pace[LANES + l]) else TIME


@inlined
def _look_around(l, now, given, lanes, speeds, state, sums, cone, own, shared):
    """Choose anew what lane l watches and sums, unless w has not left its cone in truth, and draw that cone around w."""
    X, y, columns = given[0], given[1], given[6]
    _, _, weights, _, _ = state
    unit, shrink, limit, _ = cone
    samples, alive, start, inverse, members, member, sines, counts, units, total, low = own
    starts, work, axes, chosen = shared
    speed, widths = speeds
    rows = len(weights) // 2
    k, d, width, n = lanes[l, STEP], lanes[l, INPUTS], lanes[l, WIDTH], len(inverse[l])
    for j in range(d):
        start[l, j] = weights[now * rows + j * LANES + l]
    turned, size = tangent(axes[l], 0, start[l], 0, width)
    tired = k == lanes[l, PATIENT]
    if tired or not turned < widths[l]:
        speed[l] = 0.5 * (speed[l] + min(1.0, turned) / max(1, k - lanes[l, LOOKED]))
        watches, widths[l] = look(
            start[l], d, n, width, columns, lanes[l, TRIAL] * X[0].size, alive[l], samples[l], y[lanes[l, TRIAL]], inverse[l],
            len(starts), starts, counts[l], sines[l], members[l], units[l], member[l], (total[l], low[l]), chosen, speed[l],
            work,
        )  # fmt: skip
        _put(l, d, width, watches, lanes, samples[l], y[lanes[l, TRIAL]], total[l], chosen, rows, sums)
        size, lanes[l, WAIT], lanes[l, LOOKED] = length(start[l], 0, width), 2 * lanes[l, WAIT] if tired else PATIENCE, k
        lanes[l, PATIENT] = k + lanes[l, WAIT] if watches > 0 else given[5]
        for j in range(width):
            axes[l, j] = start[l, j] / size
        for j in range(d):
            unit[j * LANES + l] = axes[l, j]
    shrink[l], limit[l] = 1 / size, widths[l] * widths[l] if size > 1e-190 else -1.0


@compiled
def _put(l, d, width, watches, lanes, samples, y, total, chosen, rows, sums):
    """Write A, b and the watched samples into lane l."""
    A, b, watched_x, watched_y = sums
    for i in range(d):
        q = i // 2 * 2 * rows + i % 2 * LANES + l
        for j in range(d):
            A[q + j * PAIR] = total[i * width + j]
        b[i * LANES + l] = total[d * width + i]
    for t in range(max(watches, lanes[l, WATCHES])):
        i = chosen[t] if t < watches else -1
        for j in range(d):
            watched_x[t * rows + j * LANES + l] = samples[i * width + j] if i >= 0 else 0.0
        watched_y[t * LANES + l] = y[i] if i >= 0 else 0.0
    lanes[l, WATCHES] = watches


@compiled
def _record(l, row, lanes, state, alive, a, w):
    """Write a and the alive weights of lane l."""
    weights = state[2]
    rows = len(weights) // 2
    for j in range(lanes[l, INPUTS]):
        w[alive[l, j]] = weights[row * rows + j * LANES + l]
    a[lanes[l, TRIAL]] = state[0][row * LANES + l]


@compiled
def _numbers(size):
    """Zeros that begin with a cache line, so that no load touches two."""
    found = np.zeros(size + LANES)
    first = -(found.ctypes.data // 8) % LANES
    return found[first : first + size]


@inlined
def _attend(l, now, following, mu, order, moments, given, lanes, speeds, state, sums, cone, own, shared, results):
    """All that lane l needs before the next march: an end recorded, another trial, a look; returns the next trial to begin."""
    last_a, last_w, point_a, point_w, taken, ends = results
    steps, alive, inside = given[5], own[1], cone[3]
    while lanes[l, TRIAL] != NONE:
        i, k = lanes[l, TRIAL], lanes[l, STEP]
        if i >= 0:
            end = _ended(l, now, lanes[l, INPUTS], mu, state) if k > 0 else TIME
            _record(l, 1 - now if end == DIVERGED else now, lanes, state, alive, last_a, last_w[i])
            m = lanes[l, MOMENT]
            while m < len(moments) and (moments[m] == k or end != TIME or k == steps):
                point_a[m, i], point_w[m, i], m = last_a[i], last_w[i], m + 1
            lanes[l, MOMENT], taken[i], ends[i] = m, k, end
            if end == TIME and k < steps:
                if not inside[l] > 0 or k == lanes[l, PATIENT]:
                    _look_around(l, now, given, lanes, speeds, state, sums, cone, own, shared)
                moment = moments[m] if m < len(moments) else steps
                lanes[l, STOP] = min(lanes[l, PATIENT], moment, k + lanes[l, PAUSE])
                lanes[l, PAUSE] = min(2 * lanes[l, PAUSE], LONGEST)
                return following
        speeds[0][l], speeds[1][l] = 1.0, 0.0
        _begin(l, order[following] if following < len(order) else NONE, given, lanes, state, sums, cone, own)
        following += 1
    return following


@compiled
def _own(d, n, width, cones):
    """What each lane keeps to itself: its samples, alive coordinates, weights, 1/‖x‖, cones and sums (``active_set_cones``)."""
    return (
        np.empty((LANES, n * width)), np.empty((LANES, d), np.int64), np.zeros((LANES, width)), np.empty((LANES, n)),
        np.empty((LANES, 2 * n), np.int64), np.zeros((LANES, n), np.bool_), np.zeros((LANES, cones)),
        np.zeros((LANES, cones), np.int64), np.zeros((LANES, cones * width)), np.zeros((LANES, (d + 1) * width)),
        np.zeros((LANES, (d + 1) * width)),
    )  # fmt: skip


def _entry(version):
    def descend(order, X, y, a, w, mask, eta, mu, steps, moments, last_a, last_w, point_a, point_w, taken, ends):
        """All trials, eight at a time, in this order: fills last_a (B,), last_w (B, d), the points and how each ended."""
        (trials, d), n = w.shape, y.shape[1]
        width, even = (d + LANES - 1) // LANES * LANES, d + d % 2
        cones, size = 1, n
        while size // SHRINK >= FEW:
            cones, size = cones + 1, size // SHRINK
        starts, size = np.zeros(cones, np.int64), n
        for c in range(1, cones):
            starts[c], size = starts[c - 1] + size, size // SHRINK
        plain = mu == 0
        for i in range(trials if version else 0):
            last_w[i] = w[i]
            for j in range(d):
                plain &= mask[i, j] or w[i, j] == 0
        given, results = (X, y, a, w, mask, steps, X.reshape(-1)), (last_a, last_w, point_a, point_w, taken, ends)
        lanes, rows, own = np.zeros((LANES, 11), np.int64), even * LANES, _own(d, n, width, cones)
        state = _numbers(PAIR), _numbers(PAIR), _numbers(2 * rows), _numbers(2 * rows), _numbers(rows)
        sums = _numbers(even * rows), _numbers(rows), _numbers(WATCHED * rows), _numbers(WATCHED * LANES)
        cone, residuals = (_numbers(rows), _numbers(LANES), _numbers(LANES), _numbers(LANES)), _numbers(WATCHED * LANES)
        work = np.empty(n), np.empty(n), np.empty(WATCHED), np.empty(n, np.bool_)
        shared = starts, work, np.zeros((LANES, width)), np.zeros(WATCHED, np.int64)
        speeds, following, now = (np.ones(LANES), np.zeros(LANES)), 0, 0
        lanes[:, TRIAL] = EMPTY
        while True:
            most, inputs, watched = -1, 0, 0
            for l in range(LANES):
                if lanes[l, TRIAL] == EMPTY or lanes[l, STEP] == lanes[l, STOP] or not cone[3][l] > 0:
                    following = _attend(
                        l, now, following, mu, order, moments, given, lanes, speeds, state, sums, cone, own, shared, results
                    )
                if lanes[l, TRIAL] != NONE:
                    left = lanes[l, STOP] - lanes[l, STEP]
                    most = left if most < 0 else min(most, left)
                    inputs, watched = max(inputs, lanes[l, INPUTS]), max(watched, lanes[l, WATCHES])
            if most < 0:
                break
            if plain:
                done, now = _plain(most, rows, inputs, watched, eta, mu, 1.0 / n, now, state, sums, cone, residuals)
            else:
                done, now = _general(most, rows, inputs, watched, eta, mu, 1.0 / n, now, state, sums, cone, residuals)
            for l in range(LANES):
                lanes[l, STEP] += done

    return compiled(descend, cache=True)


descend = _entry(digest("active_set_kernel.py", "active_set_cones.py", "vectors.py", "gd.py"))
