"""The compiled part of ``simulate.sgd``: trials enter slots, go from epoch to epoch side by side, and leave when they end.

``numbers[s]`` of a slot: its trial, step, the step at which its epoch ends, its next moment, its inputs. Its rows, order and
state (see ``sgd_march``) lie one slot after the other. Of the population, an epoch is as many fresh samples as fit.
"""

from functools import cache
from typing import Any

import numpy as np

from .gd import TINY, End
from .kernels import digest
from .sgd_draws_kernel import absorbed, fresh, shuffle
from .sgd_march import EXTRA, march
from .vectors import LANES, compiled

__all__ = ["kernel"]

COLLAPSED, DIVERGED, REST, TIME = int(End.COLLAPSED), int(End.DIVERGED), int(End.REST), int(End.TIME)
TRIAL, STEP, EPOCH, MOMENT, INPUTS = range(5)


@compiled
def _enter(i, s, first, stride, label, width, X, y, a, w, mask, numbers, alive, state, rows):
    """Trial i enters slot s: inputs whose weights are trained or not zero, then labels, are its rows. Returns max_i ‖x_i‖_1."""
    numbers[s, TRIAL], numbers[s, STEP], numbers[s, EPOCH], numbers[s, MOMENT] = i, 0, 0, 0
    o, k = s * (3 * width + EXTRA), 0
    state[o : o + 3 * width + EXTRA] = 0.0
    state[o + 3 * width], state[o + 3 * width + 2] = a[i], np.inf
    for j in range(w.shape[1]):
        if mask[i, j] or w[i, j] != 0:
            alive[s, k], state[o + k], state[o + 2 * width + k] = j, w[i, j], mask[i, j]
            k += 1
    numbers[s, INPUTS] = k
    largest = 0.0
    for r in range(y.shape[1]):
        size = 0.0
        for c in range(label):
            rows[first + r * stride + c] = X[i, alive[s, c], r] if c < k else 0.0
            size += abs(rows[first + r * stride + c])
        rows[first + r * stride + label] = y[i, r]
        largest = max(largest, size)
    return largest


@compiled
def _begin(
    s, room, first, stride, label, n, batch, period, law, sigma, w, keys, noise, numbers, alive, rows, order, spans, work
):
    """Slot s begins an epoch: a new order of its rows, or fresh rows."""
    epoch, i = numbers[s, STEP] // period, numbers[s, TRIAL]
    spans[2 * s], spans[2 * s + 1] = s * room, (s + 1) * room
    numbers[s, EPOCH] = (epoch + 1) * period
    places, column, even, odd = work
    if law == 0:
        shuffle(absorbed(keys[i], epoch), n, first, stride, order, s * room, places)
        return
    d = w.shape[1]
    column[:] = -1
    for c in range(numbers[s, INPUTS]):
        column[alive[s, c]] = c
    fresh(keys[i], noise[i], epoch * room, room, d, sigma, law == 2, column, rows, first, stride, label, even, odd)
    for r in range(room):
        order[s * room + r] = first + r * stride


@compiled
def _largest(state, o, d):
    size = 0.0
    for j in range(d):
        size = max(size, abs(state[o + j]))
    return size


@compiled
def _finite(state, o, d, width):
    good = np.isfinite(state[o + 3 * width])
    for j in range(d):
        good &= np.isfinite(state[o + j])
    return good


@compiled
def _part(rows, i, d, label, state, o, width):
    """y − a w·x of an active sample, else 0, and w·x."""
    z = 0.0
    for j in range(d):
        z += state[o + j] * rows[i + j]
    return (rows[i + label] - state[o + 3 * width] * z if z > 0 else 0.0), z


@compiled
def _lost(rows, first, n, stride, d, label, state, o, width, eta):
    """Does no sample move w by as much as ``TINY``?"""
    for i in range(first, first + n * stride, stride):
        part, _ = _part(rows, i, d, label, state, o, width)
        for j in range(d):
            if not abs(eta * part * state[o + 3 * width] * rows[i + j] * state[o + 2 * width + j]) < TINY:
                return False
    return True


@compiled
def _sterile(state, o, d, alive, sigma):
    """``_lost`` of the population: w = 0, or w_1 < 0 is all there is, and no active sample has a label but 0."""
    return _largest(state, o, d) == 0 or (d == 1 and alive[0] == 0 and state[o] < 0 and sigma == 0)


@compiled
def _stays(x, moves, m):
    """Does adding the mean of any m of the moves leave x as it is? So do its extremes; what leaves x is an interval."""
    moves = np.sort(moves)
    return x + moves[:m].mean() == x and x + moves[len(moves) - m :].mean() == x


@compiled
def _resting(rows, first, n, stride, d, label, batch, state, begun, o, width, eta, mu):
    """Has the epoch changed no bit of a and w, and can no batch of any order change one?

    With momentum a step is the part 1 − μ of a batch's over 1 − μ and for the rest the last one.
    """
    a, far = state[o + 3 * width], eta * (1 + 1e-9)
    still = a == begun[o + 3 * width] and a + far * state[o + 3 * width + 1] == a
    for j in range(d):
        still &= state[o + j] == begun[o + j] and state[o + j] + far * state[o + width + j] == state[o + j]
    if not still:
        return False
    parts, moves, smallest = np.empty(n), np.empty(n), n % batch if n % batch > 0 else batch
    far /= 1 - mu
    for r in range(n):
        parts[r], z = _part(rows, first + r * stride, d, label, state, o, width)
        moves[r] = far * parts[r] * z
    if not _stays(a, moves, smallest):
        return False
    for j in range(d):
        for r in range(n):
            moves[r] = far * parts[r] * a * rows[first + r * stride + j] * state[o + 2 * width + j]
        if not _stays(state[o + j], moves, smallest):
            return False
    return True


@compiled
def _note(s, width, numbers, alive, state, a, w):
    """The weights of slot s into a (B,) and w (B, d)."""
    i, o = numbers[s, TRIAL], s * (3 * width + EXTRA)
    a[i] = state[o + 3 * width]
    for c in range(numbers[s, INPUTS]):
        w[i, alive[s, c]] = state[o + c]


@compiled
def _sound(state, o, d, width, limit):
    """After a stretch of steps: are all finite, and was no w of it below ``TINY``, where |w·x| would be within the limit?"""
    return state[o + 3 * width + 2] > limit and _finite(state, o, d, width) and _largest(state, o, d) >= TINY


@compiled
def _ended(s, first, n, stride, label, width, law, sigma, eta, numbers, alive, rows, state, saved):
    """How slot s ended in its last step, from ``saved``; of a diverged trial that is its state again."""
    o, d = s * (3 * width + EXTRA), numbers[s, INPUTS]
    if not _finite(state, o, d, width):
        state[o : o + 3 * width + EXTRA] = saved[o : o + 3 * width + EXTRA]
        return DIVERGED
    if not _largest(state, o, d) < TINY:
        return TIME
    for j in range(d):
        if not abs(state[o + j] - saved[o + j]) < TINY:
            return TIME
    if law != 0:
        return COLLAPSED if _sterile(state, o, d, alive[s], sigma) else TIME
    return COLLAPSED if _lost(rows, first, n, stride, d, label, state, o, width, eta) else TIME


@compiled
def _stretch(live, count, steps, moments, numbers):
    """Steps until the first slot comes to the end of its epoch, to a moment or to the end."""
    length = steps
    for q in range(count):
        s = live[q]
        stop = min(steps, numbers[s, EPOCH])
        if numbers[s, MOMENT] < len(moments):
            stop = min(stop, moments[numbers[s, MOMENT]])
        length = min(length, stop - numbers[s, STEP])
    return length


@compiled
def _leave(s, end, width, numbers, alive, state, moments, last_a, last_w, point_a, point_w, taken, ends, live, count):
    """Slot s is free: what it ended with, also for moments to come."""
    _note(s, width, numbers, alive, state, last_a, last_w)
    for m in range(numbers[s, MOMENT], len(moments)):
        _note(s, width, numbers, alive, state, point_a[m], point_w[m])
    taken[numbers[s, TRIAL]], ends[numbers[s, TRIAL]] = numbers[s, STEP], end
    for q in range(count):
        if live[q] == s:
            live[q], live[count - 1] = live[count - 1], s
            break


@cache
def kernel(vectors: int, single: bool, heavy: bool) -> Any:
    """``descend`` for rows of so many vectors; ``single``: batches of one without momentum; ``heavy``: with momentum."""
    return _entry(vectors * LANES, int(single), int(heavy), int(digest("sgd_*.py", "vectors.py", "gd.py")[:14], 16))


def _entry(width, single, heavy, version):
    size = 3 * width + EXTRA

    def descend(
        X, y, a, w, mask, keys, noise, law, sigma, eta, mu, steps, batch, period, room, label, stride, slots, ahead,
        moments, rows, state, last_a, last_w, point_a, point_w, taken, ends,
    ):  # fmt: skip
        """All trials: fills last_a (B,), last_w (B, d), points (m, B), (m, B, d), taken and ends (B,).

        Ends are looked for after each stretch of steps. Where one may lie inside, the slot goes back to the start of the
        stretch, and goes it again alone, step by step: ``again[s]`` steps are left.
        """
        n, waiting, count = y.shape[1], 0, 0
        numbers, alive = np.zeros((slots, 5), np.int64), np.zeros((slots, max(label, w.shape[1])), np.int64)
        order, spans, limits = np.zeros(slots * room, np.int64), np.zeros(2 * slots, np.int64), np.zeros(slots)
        live, alone, again, parts = np.arange(slots), np.zeros(1, np.int64), np.zeros(slots, np.int64), np.empty(batch)
        saved, begun, stood = state.copy(), state.copy(), spans.copy()
        work = np.empty(room, np.int32), np.empty(w.shape[1], np.int64), np.empty(room + 1), np.empty(room + 1)
        while waiting < len(a) or count > 0:
            careful = again.any()
            if careful:
                alone[0] = again.argmax()
                who, number, length = alone, 1, 1
            else:
                while waiting < len(a) and count < slots:
                    s, count = live[count], count + 1
                    limits[s] = (
                        1.001
                        * TINY
                        * _enter(
                            waiting, s, s * room * stride, stride, label, width, X, y, a, w, mask, numbers, alive, state, rows
                        )
                    )
                    if law != 0:
                        limits[s] = 9.0 * TINY * label
                    waiting += 1
                for q in range(count):
                    s = live[q]
                    if numbers[s, STEP] == numbers[s, EPOCH]:
                        _begin(
                            s, room, s * room * stride, stride, label, n, batch, period, law, sigma,
                            w, keys, noise, numbers, alive, rows, order, spans, work,
                        )  # fmt: skip
                        begun[s * size : (s + 1) * size] = state[s * size : (s + 1) * size]
                    while numbers[s, MOMENT] < len(moments) and moments[numbers[s, MOMENT]] == numbers[s, STEP]:
                        _note(s, width, numbers, alive, state, point_a[numbers[s, MOMENT]], point_w[numbers[s, MOMENT]])
                        numbers[s, MOMENT] += 1
                who, number, length = live, count, _stretch(live, count, steps, moments, numbers)
            saved[:], stood[:] = state, spans
            march(rows, label, order, ahead, spans, who, number, length, batch, eta, mu, state, parts, width, single, heavy)
            for q in range(number - 1, -1, -1):
                s = who[q]
                o, d, end, first = s * size, numbers[s, INPUTS], TIME, s * room * stride
                if careful:
                    end = _ended(s, first, n, stride, label, width, law, sigma, eta, numbers, alive, rows, state, saved)
                    again[s] = again[s] - 1 if end == TIME else 0
                elif not _sound(state, o, d, width, limits[s]):
                    state[o : o + size], spans[2 * s], again[s] = saved[o : o + size], stood[2 * s], length
                    continue
                state[o + 3 * width + 2] = np.inf
                numbers[s, STEP] += length
                if (
                    (end == TIME and law == 0 and numbers[s, STEP] == numbers[s, EPOCH])
                    and _resting(rows, first, n, stride, d, label, batch, state, begun, o, width, eta, mu)
                ):  # fmt: skip
                    end = REST
                if end != TIME or numbers[s, STEP] == steps:
                    _leave(
                        s, end, width, numbers, alive, state, moments,
                        last_a, last_w, point_a, point_w, taken, ends, live, count,
                    )  # fmt: skip
                    count -= 1
        return version

    return compiled(descend, cache=True)
