"""The compiled part of ``simulate.sgd_draws``: orders of the rows of a trial, and rows of fresh samples.

What a loop calls is ``inlined``: LLVM leaves calls this long as calls, and a call keeps the loop from running in lanes.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types

from .sgd_draws import COSINE, LN2, LOGARITHM, ROOT_GUESS, SINE
from .sgd_march import inlined
from .vectors import compiled, operation

__all__ = ["absorbed", "fresh", "ordered", "shuffle"]

GAMMA, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S9, S11, S27, S30, S31, S32, S62 = (np.uint64(s) for s in (9, 11, 27, 30, 31, 32, 62))
LOW, MANTISSA = np.uint64(2**32 - 1), np.uint64(2**53 - 1)
ROOT, QUARTER = math.sqrt(2), math.pi / 2


@operation
def _bits(typing, x):
    return types.int64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(64))


@operation
def _float(typing, x):
    return types.float64(types.int64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.DoubleType())


def _horner(coefficients):
    """x ↦ Σ_i c_i xⁱ, highest power first, written out: a loop over a tuple would keep the loop around it scalar."""
    text = repr(coefficients[0])
    for c in coefficients[1:]:
        text = f"({text}) * x + {c!r}"
    return inlined(eval(f"lambda x: {text}"))


_logarithm_series, _sine_series, _cosine_series = map(_horner, (LOGARITHM, SINE, COSINE))


@inlined
def _mix(z):
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@compiled
def absorbed(state, counter):
    """``theory.streams.key(state, counter)``."""
    return _mix(_mix(state + GAMMA) ^ np.uint64(counter))


@compiled
def shuffle(key, n, first, stride, out, start, places):
    """out[start + i] = first + stride × (row i of the order of this key)."""
    for i in range(n):
        u, m = _mix(key + np.uint64(i + 1) * GAMMA), np.uint64(i + 1)
        places[i] = ((u >> S32) * m + (((u & LOW) * m) >> S32)) >> S32
    row = first
    for i in range(n):
        place = start + np.uint64(places[i])
        out[start + i] = out[place]
        out[place] = row
        row += stride


def ordered(keys, n):
    """``sgd_draws.orders``."""
    out = np.empty((len(keys), n), np.int64)
    _shuffle_all(keys, n, out.reshape(-1), np.empty(n, np.int32))
    return out


@compiled
def _shuffle_all(keys, n, out, places):
    for t in range(len(keys)):
        shuffle(keys[t], n, 0, 1, out, t * n, places)


@inlined
def _logarithm(m):
    """ln(m / 2⁵³) for a whole m from 1 to 2⁵³."""
    pattern = _bits(float(m))
    power = (pattern >> 52) - (1023 + 53)
    f = _float((pattern & (2**52 - 1)) | (1023 << 52))
    large = f > ROOT
    f, power = 0.5 * f if large else f, power + 1 if large else power
    s = (f - 1.0) / (f + 1.0)
    x = s * s
    return float(power) * LN2 + s * _logarithm_series(x)


@inlined
def _root(x):
    y = _float(ROOT_GUESS - (_bits(x) >> 1))
    for _ in range(4):
        y = y * (1.5 - (0.5 * x) * (y * y))
    return x * y


@inlined
def _pair(first, second):
    """Two normal variates from two words."""
    radius = _root(_logarithm(np.int64((first >> S11) & MANTISSA) + 1) * -2.0)
    phi = (float(np.int64((second >> S9) & MANTISSA)) * 2.0**-53 - 0.5) * QUARTER
    x = phi * phi
    sine, cosine, quarter = phi * _sine_series(x), _cosine_series(x), np.int64(second >> S62)
    odd, back = quarter & 1, quarter >= 2
    x, y = -sine if odd else cosine, cosine if odd else sine
    return radius * (-x if back else x), radius * (-y if back else y)


@compiled
def _gaussian_pairs(key, first, step, count, even, odd):
    for i in range(count):
        c = np.uint64(2 * (first + i * step) + 1)
        even[i], odd[i] = _pair(_mix(key + c * GAMMA), _mix(key + (c + np.uint64(1)) * GAMMA))


@compiled
def _uniform_pairs(key, first, step, count, even, odd):
    for i in range(count):
        c = np.uint64(2 * (first + i * step) + 1)
        even[i] = float(np.int64((_mix(key + c * GAMMA) >> S11) & MANTISSA)) * 2.0**-52 - 1.0
        odd[i] = float(np.int64((_mix(key + (c + np.uint64(1)) * GAMMA) >> S11) & MANTISSA)) * 2.0**-52 - 1.0


@compiled
def fresh(key, noise, first, count, d, sigma, uniform, column, rows, start, stride, label, even, odd):
    """Rows of samples first … first + count − 1: coordinate j in ``column[j]`` (nowhere if −1), labels in column ``label``."""
    half = (d + 1) // 2
    for p in range(half):
        left, right = column[2 * p], column[2 * p + 1] if 2 * p + 1 < d else -1
        if p > 0 and left < 0 and right < 0:
            continue
        if uniform:
            _uniform_pairs(key, first * half + p, half, count, even, odd)
        else:
            _gaussian_pairs(key, first * half + p, half, count, even, odd)
        for i in range(count):
            row = start + i * stride
            if p == 0:
                rows[row + label] = even[i] if even[i] > 0 else 0.0
            if left >= 0:
                rows[row + left] = even[i]
            if right >= 0:
                rows[row + right] = odd[i]
    if sigma != 0:
        offset = first % 2
        _gaussian_pairs(noise, first // 2, 1, (offset + count + 1) // 2, even, odd)
        for i in range(count):
            c = offset + i
            rows[start + i * stride + label] += sigma * (odd[c // 2] if c % 2 else even[c // 2])
