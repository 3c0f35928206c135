"""The innermost loops of ``simulate.sgd_kernel``: some steps of a few trials side by side, each trial in a slot of its own.

A row is a sample: the inputs that count, then its label. A state is three lots of ``width`` numbers: w, what w last moved by,
which of w are trained; then a, what a last moved by, and the least |w·x| of the samples visited. A step waits for the one
before it but not for those of other trials: slots in turn keep the processor busy. Each trial's arithmetic is the same in any
slot, beside any others.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from .vectors import LANES, add, fma, load, mul, operation, spread, store, total

__all__ = ["EXTRA", "inlined", "march"]

EXTRA = 8
"""Numbers in a state beside the three lots: a, its last move, the least |w·x|; the others are spare."""

inlined: Any = njit(inline="always", error_model="numpy")
"""Put into its caller before that is compiled, so that ``width``, ``single`` and ``heavy`` are constants there."""


def _place(context, builder, kind, array, offset):
    return builder.gep(context.make_array(kind)(context, builder, array).data, [offset])


@operation
def prefetch(typing, array, offset):
    """Ask for the cache line of array[offset]."""

    def code(context, builder, signature, args):
        number = ir.IntType(32)
        place = builder.bitcast(_place(context, builder, signature.args[0], *args), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(ask, [place, *(ir.Constant(number, i) for i in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.intp), code


@operation
def pick(typing, array, offset):
    """array[offset], offset ≥ 0: Numba's own indexing looks whether to count from the end."""

    def code(context, builder, signature, args):
        return builder.load(_place(context, builder, signature.args[0], *args))

    return array.dtype(array, types.intp), code


@inlined
def _dot(rows, i, state, o, width):
    s = spread(0.0)
    for b in range(0, width, LANES):
        s = fma(load(state, o + b), load(rows, i + b), s)
    return total(s)


@inlined
def _ask(rows, i, label, width):
    for b in range(0, width, LANES):
        prefetch(rows, i + b)
    prefetch(rows, i + label)


@inlined
def _one(rows, i, label, state, o, eta, width):
    """The state after a batch of the one sample in row i, without momentum."""
    a, y, z = pick(state, o + 3 * width), pick(rows, i + label), _dot(rows, i, state, o, width)
    part = eta * (y - a * z)
    part = part if z > 0 else 0.0
    state[o + 3 * width] = a + part * z
    state[o + 3 * width + 2] = min(pick(state, o + 3 * width + 2), abs(z))
    toward = spread(part * a)
    for b in range(0, width, LANES):
        move = mul(toward, load(state, o + b + 2 * width))
        store(state, o + b, fma(move, load(rows, i + b), load(state, o + b)))


@inlined
def _many(rows, order, p, m, label, state, o, eta, mu, parts, width, heavy):
    """The state after a batch of the m rows order[p : p + m]."""
    a, least, slope = pick(state, o + 3 * width), pick(state, o + 3 * width + 2), 0.0
    for t in range(m):
        i = pick(order, p + t)
        y, z = pick(rows, i + label), _dot(rows, i, state, o, width)
        part = y - a * z
        part = part if z > 0 else 0.0
        parts[t] = part
        slope += part * z
        least = min(least, abs(z))
    share = 1.0 / m
    toward = spread(a * share)
    for b in range(0, width, LANES):
        even, odd = spread(0.0), spread(0.0)
        for t in range(0, m - 1, 2):
            even = fma(spread(pick(parts, t)), load(rows, pick(order, p + t) + b), even)
            odd = fma(spread(pick(parts, t + 1)), load(rows, pick(order, p + t + 1) + b), odd)
        if m % 2 == 1:
            even = fma(spread(pick(parts, m - 1)), load(rows, pick(order, p + m - 1) + b), even)
        step = mul(mul(toward, load(state, o + b + 2 * width)), add(even, odd))
        if heavy:
            step = fma(spread(mu), load(state, o + b + width), step)
            store(state, o + b + width, step)
        store(state, o + b, fma(spread(eta), step, load(state, o + b)))
    slope *= share
    if heavy:
        slope += mu * state[o + 3 * width + 1]
        state[o + 3 * width + 1] = slope
    state[o + 3 * width] = a + eta * slope
    state[o + 3 * width + 2] = least


@inlined
def march(rows, label, order, ahead, spans, live, count, length, batch, eta, mu, state, parts, width, single, heavy):
    """``length`` steps of the first ``count`` slots in ``live``, none beyond its epoch.

    ``label``: the column of a row that holds it. ``spans[2 s]``: where in ``order`` slot s stands, ``spans[2 s + 1]``: where
    its epoch ends. ``ahead``: visits from here to the row to ask for, 0 where rows are in the cache anyway.
    """
    for k in range(length):
        for q in range(count):
            s = pick(live, q)
            p, stop = pick(spans, 2 * s) + k * batch, pick(spans, 2 * s + 1)
            m = min(batch, stop - p)
            if ahead > 0:
                for t in range(min(p + ahead, stop), min(p + ahead + m, stop)):
                    _ask(rows, pick(order, t), label, width)
            if single:
                _one(rows, pick(order, p), label, state, s * (3 * width + EXTRA), eta, width)
            else:
                _many(rows, order, p, m, label, state, s * (3 * width + EXTRA), eta, mu, parts, width, heavy)
    for q in range(count):
        s = live[q]
        spans[2 * s] = min(spans[2 * s] + length * batch, spans[2 * s + 1])
