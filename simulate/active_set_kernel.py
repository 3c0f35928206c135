"""The compiled part of ``simulate.active_set``: the cones that tell which samples to look at, and the loop over steps.

Matrices are flat arrays of rows of ``width`` numbers, d rounded up to whole lanes and filled with zeros.
"""

import hashlib
from pathlib import Path

import numpy as np

from .gd import CHECK, TINY, End
from .vectors import LANES, add, compiled, fma, load, mul, spread, store, sub, total, where_positive

__all__ = ["WATCHED", "descend"]

WATCHED = 32
"""Most samples whose side of the kink is looked at in every step."""
SHRINK = 4
"""Samples in a cone per sample in the next narrower one."""
FEW = 48
"""A cone of fewer samples is not divided further."""
LOOK = 300.0
"""What a look around costs beside its samples, in nanoseconds."""
NARROW = 0.9
"""Widest cone of the watched: inside, |w| can't leave the finite numbers or reach ``TINY`` unseen."""
PATIENCE = 96
"""Steps after which a cone that w has not left is chosen anew, lest samples be watched in vain; doubled each time."""
COLLAPSED, DIVERGED, REST, TIME = int(End.COLLAPSED), int(End.DIVERGED), int(End.REST), int(End.TIME)


@compiled
def _dot(x, i, y, j, width):
    """Σ x[i + q] y[j + q] over one row."""
    s = spread(0.0)
    for b in range(0, width, LANES):
        s = fma(load(x, i + b), load(y, j + b), s)
    return total(s)


@compiled
def _length(w, i, width):
    """‖w‖, with no underflow of squares."""
    largest = 0.0
    for j in range(width):
        largest = max(largest, abs(w[i + j]))
    if not 0 < largest < np.inf:
        return largest
    s = 0.0
    for j in range(width):
        s += (w[i + j] / largest) ** 2
    return largest * np.sqrt(s)


@compiled
def _tangent(unit, l, w, i, width):
    """tan of the angle between row l of ``unit`` and w, and w·unit; inf from a right angle on."""
    p = _dot(w, i, unit, l, width)
    if not p > 0:
        return np.inf, 0.0
    s = 0.0
    for j in range(width):
        s += ((w[i + j] - p * unit[l + j]) / p) ** 2
    return np.sqrt(s), p


@compiled
def _include(rows, low, X, i, y, sign, d, width):
    """Add ± x (x, y) of sample i to the double-double sums rows + low.

    The rounded products are the same on the way in and out, so what is left of a sample that came and went is 2⁻¹⁰⁰ of it.
    """
    for j in range(d + 1):
        factor = spread(sign * (X[i * width + j] if j < d else y))
        for b in range(0, width, LANES):
            q = j * width + b
            p, high = mul(factor, load(X, i * width + b)), load(rows, q)
            s = add(high, p)
            part = sub(s, high)
            rest = add(load(low, q), add(sub(high, sub(s, part)), sub(p, part)))
            high = add(s, rest)
            store(rows, q, high)
            store(low, q, sub(rest, sub(high, s)))


@compiled
def _below(values, count, most, bound):
    """A bound with at most ``most`` of the first ``count`` values below it, and half as many if a dozen tries find one."""
    low, high = 0.0, np.inf
    for _ in range(12):
        found = 0
        for t in range(count):
            found += values[t] < bound
        if found > most:
            high = bound
        else:
            low = bound
            if 2 * found >= most:
                break
        guess = 0.8 * bound * most / max(found, 1)
        bound = guess if low < guess < high else 0.5 * (low + high) if high < np.inf else 4 * bound
    return low


@compiled
def _choose(near, count, room, speed, size, d, width, nearest):
    """The sine of the cone to watch that makes watching it and looking again cheapest, at the angle a step has lately made."""
    if count > WATCHED:
        room = min(room, _below(near, count, WATCHED, room * WATCHED / count))
    few = 0
    for t in range(count):
        if near[t] < room:
            q = few
            while q > 0 and nearest[q - 1] > near[t]:
                nearest[q] = nearest[q - 1]
                q -= 1
            nearest[q] = near[t]
            few += 1
    best, least = 0.0, np.inf
    for k in (0, 1, 2, 4, 8, 16, 24, WATCHED):
        rho = nearest[k] if k < few else room
        price = (LOOK + size * (2.0 + width / 4)) * min(1.0, speed / max(rho, 1e-300)) + (k + 12 * (k > 0)) * (d + width) / 26.0
        if price < least:
            best, least = rho, price
    return best


@compiled
def _look(w, d, n, width, X, y, inverse, cones, starts, counts, sines, members, units, inside, sums, speed, work):
    """Sort samples anew around w: which are watched, which are in the sums; how many are watched, and the sine of their cone.

    ``members`` from ``starts[l]`` are the ``counts[l]`` samples whose hyperplanes came within the sine ``sines[l]`` of row l of
    ``units`` when that was the direction of w. While w is in this cone no other sample changes sides, so those of the
    narrowest cone that still has room around w are all that need a look; narrower ones are drawn anew around w.
    """
    rows, low, watched_x, watched_y = sums
    margins, near, nearest, positive = work
    size = _length(w, 0, width)
    scale = 1 / size if size > 1e-280 else 0.0
    l, room = cones - 1, 0.0
    while l > 0:
        room = sines[l] - _tangent(units, l * width, w, 0, width)[0]
        if room > 0.5 * sines[l]:
            break
        l -= 1
    first, m = starts[l], counts[l]
    room = min(NARROW, room) if l > 0 else np.inf
    for t in range(m):
        i = members[first + t]
        z = _dot(X, i * width, w, 0, width)
        positive[t] = z > 0
        margins[t] = max(0.0, abs(z) * inverse[i] * scale - 1e-15 * (d + 4)) if inverse[i] < np.inf else 1.0
        near[t] = margins[t]
    left = m
    for q in range(l + 1, cones):
        most = n // SHRINK**q
        rho = room if left <= most else min(room, _below(near, left, most, most / left))
        rho *= 1 - 1e-9
        left = 0
        for t in range(m):
            if margins[t] < rho:
                near[left], members[starts[q] + left] = margins[t], members[first + t]
                left += 1
        sines[q], counts[q], room = rho, left, rho
        for j in range(width):
            units[q * width + j] = w[j] / size
    rho = _choose(near, left, min(room, NARROW), speed, counts[cones - 1], d, width, nearest) * (1 - 1e-9)
    k = 0
    for t in range(m):
        i = members[first + t]
        watch = margins[t] < rho
        if watch:
            for j in range(width):
                rows[(d + 1 + k) * width + j] = X[i * width + j]
            for j in range(d):
                watched_x[j * WATCHED + k] = X[i * width + j]
            watched_y[k] = y[i]
            k += 1
        if inside[i] != (positive[t] and not watch):
            _include(rows, low, X, i, y[i], -1.0 if inside[i] else 1.0, d, width)
            inside[i] = not inside[i]
    for t in range(k, (k + LANES - 1) // LANES * LANES):
        for j in range(width):
            rows[(d + 1 + t) * width + j] = 0.0
        for j in range(d):
            watched_x[j * WATCHED + t] = 0.0
        watched_y[t] = 0.0
    return k + k % 2, rho


@compiled
def _gather(X, y, w, mask, rows, alive, weights, inverse):
    """The coordinates that are trained or not at zero, samples as rows, 1/‖x‖ (x = 0 is never active)."""
    d = 0
    for j in range(len(w)):
        if mask[j] or w[j] != 0:
            alive[d] = j
            weights[d] = w[j]
            d += 1
    width = (d + LANES - 1) // LANES * LANES
    weights[d:] = 0.0
    for i in range(len(y)):
        s = 0.0
        for j in range(d):
            x = X[alive[j], i]
            rows[i * width + j] = x
            s += x * x
        for j in range(d, width):
            rows[i * width + j] = 0.0
        inverse[i] = 1 / np.sqrt(s) if s > 0 else np.inf
    return d, width


@compiled
def _march(a, k, stop, limit, shrink, watched, d, width, eta, mu, share, state, sums, residuals, trained, unit):
    """Steps from k to ``stop``, or to the first that leaves the cone or the finite numbers or after which to look for rest.

    G = share (b − a A w + Σ_watched 1{w·x > 0} (y − a w·x) x). Rows 0 and 1 of the state are the weights before and after the
    last step; returns a before and after it, the steps done, and whether w is still inside the cone.
    """
    weights, velocity, pace = state
    rows, _, watched_x, watched_y = sums
    here, there = 0, width
    before = a
    while True:
        minus = spread(-a)
        for b in range(0, watched, LANES):
            z, odd = spread(0.0), spread(0.0)
            for j in range(0, d - 1, 2):
                z = fma(spread(weights[here + j]), load(watched_x, j * WATCHED + b), z)
                odd = fma(spread(weights[here + j + 1]), load(watched_x, (j + 1) * WATCHED + b), odd)
            if d % 2:
                z = fma(spread(weights[here + d - 1]), load(watched_x, (d - 1) * WATCHED + b), z)
            z = add(z, odd)
            store(residuals, b, where_positive(z, fma(minus, z, load(watched_y, b))))
        toward, slopes, far, ahead = spread(a * share), spread(0.0), spread(0.0), spread(0.0)
        for b in range(0, width, LANES):
            even, odd = spread(0.0), spread(0.0)
            for j in range(0, d - 1, 2):
                even = fma(spread(weights[here + j]), load(rows, j * width + b), even)
                odd = fma(spread(weights[here + j + 1]), load(rows, (j + 1) * width + b), odd)
            if d % 2:
                even = fma(spread(weights[here + d - 1]), load(rows, (d - 1) * width + b), even)
            force = fma(minus, add(even, odd), load(rows, d * width + b))
            if watched > 0:
                even, odd = spread(0.0), spread(0.0)
                for t in range(0, watched, 2):
                    even = fma(spread(residuals[t]), load(rows, (d + 1 + t) * width + b), even)
                    odd = fma(spread(residuals[t + 1]), load(rows, (d + 2 + t) * width + b), odd)
                force = add(force, add(even, odd))
            old = load(weights, here + b)
            slopes = fma(force, old, slopes)
            step = fma(toward, mul(force, load(trained, b)), mul(spread(mu), load(velocity, here + b)))
            new = fma(spread(eta), step, old)
            store(velocity, there + b, step)
            store(weights, there + b, new)
            off = sub(mul(new, spread(shrink)), load(unit, b))
            far, ahead = fma(off, off, far), fma(off, load(unit, b), ahead)
        pace[1], pace[0] = pace[0], pace[0] * mu + share * total(slopes)
        before, a = a, a + eta * pace[0]
        k += 1
        square, radial = total(far), total(ahead)
        sideways = square * (1 + 1e-14) - radial * radial
        inside = square < 0.25 and sideways < limit * (1 + radial) * (1 + radial) and abs(a) < np.inf
        if k == stop or not inside or (k % CHECK == 1 and a == before):
            break
        here, there = there, here
    if there == 0:
        for b in range(0, width, LANES):
            for x in (weights, velocity):
                other = load(x, b)
                store(x, b, load(x, width + b))
                store(x, width + b, other)
    return before, a, k, inside


@compiled
def _ended(before, a, w, width):
    """How a step from (before, row 0 of w) to (a, row 1) ends the descent, rest apart."""
    size = step = 0.0
    finite = np.isfinite(a)
    for j in range(width):
        finite &= np.isfinite(w[width + j])
        size, step = max(size, abs(w[width + j])), max(step, abs(w[width + j] - w[j]))
    if not finite:
        return DIVERGED
    return COLLAPSED if size < TINY and step < TINY else TIME


@compiled
def _same(x, width):
    """Are the first two rows of x equal?"""
    differ = 0
    for j in range(width):
        differ += x[j] != x[width + j]
    return differ == 0


@compiled
def _trial(X, y, a, w, mask, eta, mu, steps, moments, last_w, point_a, point_w):
    """One trial; fills last_w (d,) and the points, returns the last a, the steps and how it ended."""
    n, most = len(y), (len(w) + LANES - 1) // LANES * LANES
    samples, alive, inverse, weights = np.empty(n * most), np.empty(len(w), np.int64), np.empty(n), np.zeros(2 * most)
    d, width = _gather(X, y, w, mask, samples, alive, weights, inverse)
    cones, size = 1, n
    while size // SHRINK >= FEW:
        cones, size = cones + 1, size // SHRINK
    starts, counts, sines = np.zeros(cones, np.int64), np.zeros(cones, np.int64), np.zeros(cones)
    members, units, inside = np.empty(2 * n, np.int64), np.zeros(cones * width), np.zeros(n, np.bool_)
    members[:n], counts[0], sines[0], size = np.arange(n), n, np.inf, n
    for l in range(1, cones):
        starts[l], size = starts[l - 1] + size, size // SHRINK
    sums = np.zeros((d + 1 + WATCHED) * width), np.zeros((d + 1) * width), np.zeros(d * WATCHED), np.zeros(WATCHED)
    work = np.empty(n), np.empty(n), np.empty(WATCHED), np.empty(n, np.bool_)
    residuals, trained = np.zeros(WATCHED), np.zeros(width)
    velocity, unit, pace = np.zeros(2 * width), np.zeros(width), np.zeros(2)
    state = weights, velocity, pace
    for j in range(d):
        trained[j] = mask[alive[j]]
    moment, end, k, last_look, patience, wait = 0, TIME, 0, 0, steps, PATIENCE
    speed, watched, rho, kept = 1.0, 0, 0.0, False
    last_w[:] = w
    while True:
        while moment < len(moments) and moments[moment] == k:
            point_a[moment], point_w[moment] = a, w
            for j in range(d):
                point_w[moment, alive[j]] = weights[j]
            moment += 1
        if k == steps:
            break
        if not kept or k == patience:
            tangent, p = _tangent(unit, 0, weights, 0, width)
            if not tangent < rho or k == patience:
                speed = 0.5 * (speed + min(1.0, tangent) / max(1, k - last_look))
                watched, rho = _look(
                    weights, d, n, width, samples, y, inverse,
                    cones, starts, counts, sines, members, units, inside, sums, speed, work,
                )  # fmt: skip
                p, wait, last_look = _length(weights, 0, width), 2 * wait if k == patience else PATIENCE, k
                patience = k + wait if watched > 0 else steps
                for j in range(width):
                    unit[j] = weights[j] / p
            shrink, limit = 1 / p, rho * rho if p > 1e-190 else -1.0
        stop = min(patience, moments[moment] if moment < len(moments) else steps)
        before, a, k, kept = _march(
            a, k, stop, limit, shrink, watched, d, width, eta, mu, 1.0 / n, state, sums, residuals, trained, unit
        )
        if not kept:
            end = _ended(before, a, weights, width)
            if end == DIVERGED:
                a = before
                break
        if end == TIME and k % CHECK == 1 and a == before and _same(weights, width):
            steady = mu == 0 or (pace[0] == pace[1] and _same(velocity, width))
            end = REST if steady else TIME
        for j in range(width):
            weights[j], velocity[j] = weights[width + j], velocity[width + j]
        if end != TIME:
            break
    for j in range(d):
        last_w[alive[j]] = weights[j]
    for rest in range(moment, len(moments)):
        point_a[rest], point_w[rest] = a, last_w
    return a, k, end


def _entry(digest):
    def descend(X, y, a, w, mask, eta, mu, steps, moments, last_a, last_w, point_a, point_w, taken, ends):
        """All trials, one after the other: fills last_a (B,), last_w (B, d), points (m, B), (m, B, d), taken and ends (B,)."""
        for i in range(len(a) if digest else 0):
            last_a[i], taken[i], ends[i] = _trial(
                X[i], y[i], a[i], w[i], mask[i], eta, mu, steps, moments, last_w[i], point_a[:, i], point_w[:, i]
            )

    return compiled(descend, cache=True)


def _digest():
    """Of all that is compiled in: Numba's cache looks for changes only in this file and in the values of a closure."""
    files = sorted(Path(__file__).with_name(name) for name in ("active_set_kernel.py", "vectors.py", "gd.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


descend = _entry(_digest())
