"""The cones of the active-set engine: which samples to look at, which are watched, and the sums over the active ones.

Matrices are flat arrays of rows of ``width`` numbers, d rounded up to whole lanes and filled with zeros.
"""

import numpy as np

from .vectors import LANES, add, compiled, fma, load, mul, spread, store, sub, total

__all__ = ["WATCHED", "gather", "length", "look", "tangent"]

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


@compiled
def _dot(x, i, y, j, width):
    """Σ x[i + q] y[j + q] over one row."""
    s = spread(0.0)
    for b in range(0, width, LANES):
        s = fma(load(x, i + b), load(y, j + b), s)
    return total(s)


@compiled
def length(w, i, width):
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
def tangent(unit, l, w, i, width):
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
    for k in (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, WATCHED):
        rho = nearest[k] if k < few else room
        price = (LOOK + size * (2.0 + width / 4)) * min(1.0, speed / max(rho, 1e-300)) + (k + 12 * (k > 0)) * (d + width) / 26.0
        if price < least:
            best, least = rho, price
    return best


@compiled
def _all(columns, first, alive, w, d, n, z):
    """z = w·x of all samples, from their coordinates in columns of n."""
    whole = n // LANES * LANES
    for i in range(0, whole, LANES):
        s = spread(0.0)
        for j in range(d):
            s = fma(spread(w[j]), load(columns, first + alive[j] * n + i), s)
        store(z, i, s)
    for i in range(whole, n):
        z[i] = 0.0
        for j in range(d):
            z[i] += w[j] * columns[first + alive[j] * n + i]


@compiled
def look(
    w, d, n, width, columns, begin, alive, X, y, inverse,
    cones, starts, counts, sines, members, units, inside, sums, chosen, speed, work,
):  # fmt: skip
    """Sort samples anew around w: those in the sums and the ``chosen``, watched; returns their number, the sine of their cone.

    ``members`` from ``starts[l]`` are the ``counts[l]`` samples whose hyperplanes came within the sine ``sines[l]`` of row l of
    ``units`` when that was the direction of w. While w is in this cone no other sample changes sides, so those of the
    narrowest cone that still has room around w are all that need a look; narrower ones are drawn anew around w.
    """
    rows, low = sums
    margins, near, nearest, positive = work
    size = length(w, 0, width)
    scale = 1 / size if size > 1e-280 else 0.0
    l, room = cones - 1, 0.0
    while l > 0:
        room = sines[l] - tangent(units, l * width, w, 0, width)[0]
        if room > 0.5 * sines[l]:
            break
        l -= 1
    first, m = starts[l], counts[l]
    room = min(NARROW, room) if l > 0 else np.inf
    if l == 0:
        _all(columns, begin, alive, w, d, n, margins)
    else:
        for t in range(m):
            margins[t] = _dot(X, members[first + t] * width, w, 0, width)
    for t in range(m):
        z, one = margins[t], inverse[members[first + t]]
        positive[t] = z > 0
        margins[t] = near[t] = max(0.0, abs(z) * one * scale - 1e-15 * (d + 4)) if one < np.inf else 1.0
    left = m
    for q in range(l + 1, cones):
        most = n // SHRINK**q
        rho = room if left <= most else min(room, _below(near, left, most, most / left))
        rho *= 1 - 1e-9
        left = 0
        for t in range(m):
            near[left], members[starts[q] + left] = margins[t], members[first + t]
            left += margins[t] < rho
        sines[q], counts[q], room = rho, left, rho
        for j in range(width):
            units[q * width + j] = w[j] / size
    rho = _choose(near, left, min(room, NARROW), speed, counts[cones - 1], d, width, nearest) * (1 - 1e-9)
    k = 0
    for t in range(m):
        i = members[first + t]
        watch = margins[t] < rho
        if watch:
            chosen[k] = i
            k += 1
        if inside[i] != (positive[t] and not watch):
            _include(rows, low, X, i, y[i], -1.0 if inside[i] else 1.0, d, width)
            inside[i] = not inside[i]
    return k, rho


@compiled
def gather(X, y, w, mask, rows, alive, weights, inverse):
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
