"""NumPy's Philox generator and its normal variates for many keys, compiled: the bits of ``Generator(Philox(key=k))``.

Philox4x64-10 (Salmon, Moraes, Dror & Shaw, SC 2011): the i-th block of four words, i ≥ 1, is ten rounds of the counter
(i, 0, 0, 0) under the key (k, 0). Normal variates by the ziggurat with NumPy's tables, of which Numba has a copy. Whether the
bits are NumPy's is for ``draws`` to check: a library's exp and log1p enter the tails.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numba.np.random._constants import fi_double, ki_double, wi_double, ziggurat_nor_inv_r, ziggurat_nor_r
from numpy.typing import NDArray

from .vectors import compiled

__all__ = ["normals", "signs", "uniforms"]

Array = NDArray[np.float64]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
operation: Any = intrinsic

ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
STEPS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
SMALLEST = 1.0 / 9007199254740992.0
"""2⁻⁵³."""


@operation
def high(typing, x, y):
    """The upper 64 bits of the product of two words."""

    def code(context, builder, signature, args):
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in args))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), code


@njit(nogil=True)
def _refill(words: Words, key: np.uint64, start: int) -> None:
    """Words start, start + 1, … of the key's stream; ``start`` and the length of ``words`` are multiples of four."""
    for block in range(len(words) // 4):
        c0, c1, c2, c3 = np.uint64(start // 4 + block + 1), np.uint64(0), np.uint64(0), np.uint64(0)
        k0, k1 = key, np.uint64(0)
        for _ in range(ROUNDS):
            h0, l0 = high(MULTIPLIERS[0], c0), MULTIPLIERS[0] * c0
            h1, l1 = high(MULTIPLIERS[1], c2), MULTIPLIERS[1] * c2
            c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
            k0, k1 = k0 + STEPS[0], k1 + STEPS[1]
        at = 4 * block
        words[at], words[at + 1], words[at + 2], words[at + 3] = c0, c1, c2, c3


@njit(nogil=True)
def _next(words: Words, at: Ints, key: np.uint64) -> np.uint64:
    """The next word; ``at`` holds the place in ``words`` and, of their first, the position in the stream."""
    if at[0] == len(words):
        at[0], at[1] = 0, at[1] + len(words)
        _refill(words, key, at[1])
    at[0] += 1
    return words[at[0] - 1]


@njit(nogil=True)
def _unit(words: Words, at: Ints, key: np.uint64) -> float:
    return (_next(words, at, key) >> np.uint64(11)) * SMALLEST


@njit(nogil=True)
def _ziggurat(word: np.uint64) -> Any:
    """The variate of a word, whether it lies in the inner part of its layer, its size in whole numbers and its layer."""
    layer, size = np.int64(word & np.uint64(0xFF)), np.int64((word >> np.uint64(9)) & np.uint64(0x000FFFFFFFFFFFFF))
    x = size * wi_double[layer]
    return (-x if word & np.uint64(0x100) else x), size < np.int64(ki_double[layer]), size, layer


@njit(nogil=True, error_model="numpy")
def _outer(words: Words, at: Ints, key: np.uint64, x: float, size: int, layer: int) -> float:
    """The variate that a word outside the inner parts leads to: one of every hundred."""
    while True:
        if layer == 0:
            while True:
                beyond = -ziggurat_nor_inv_r * np.log1p(-_unit(words, at, key))
                height = -np.log1p(-_unit(words, at, key))
                if height + height > beyond * beyond:
                    far = ziggurat_nor_r + beyond
                    return -far if (size >> 8) & 1 else far
        if (fi_double[layer - 1] - fi_double[layer]) * _unit(words, at, key) + fi_double[layer] < np.exp(-0.5 * x * x):
            return x
        x, inner, size, layer = _ziggurat(_next(words, at, key))
        if inner:
            return x


def _normals(keys: Words, used: Ints, out: Array, words: Words) -> None:
    """Fill out (B, m) with normal variates; ``used`` (B,) counts the words taken of each key; scratch ``words``."""
    at, last = np.zeros(2, np.int64), len(words)
    for i in range(out.shape[0]):
        key, place, first = keys[i], used[i] % 4, used[i] - used[i] % 4
        _refill(words, key, first)
        for j in range(out.shape[1]):
            if place == last:
                place, first = 0, first + last
                _refill(words, key, first)
            x, inner, size, layer = _ziggurat(words[place])
            place += 1
            if not inner:
                at[0], at[1] = place, first
                x = _outer(words, at, key, x, size, layer)
                place, first = at[0], at[1]
            out[i, j] = x
        used[i] = first + place


def _uniforms(keys: Words, used: Ints, low: float, width: float, out: Array, words: Words) -> None:
    """Likewise low + width·U, U in [0, 1)."""
    at = np.empty(2, np.int64)
    for i in range(out.shape[0]):
        at[0], at[1] = used[i] % 4, used[i] - used[i] % 4
        _refill(words, keys[i], at[1])
        for j in range(out.shape[1]):
            out[i, j] = low + width * _unit(words, at, keys[i])
        used[i] = at[0] + at[1]


def _signs(keys: Words, used: Ints, out: Ints, words: Words) -> None:
    """One ``integers(0, 2)`` of each key: the middle bit of a word, whose upper half NumPy keeps for the next."""
    at = np.empty(2, np.int64)
    for i in range(len(out)):
        at[0], at[1] = used[i] % 4, used[i] - used[i] % 4
        _refill(words, keys[i], at[1])
        out[i] = (_next(words, at, keys[i]) >> np.uint64(31)) & np.uint64(1)
        used[i] = at[0] + at[1]


normals, uniforms, signs = (compiled(function, cache=True) for function in (_normals, _uniforms, _signs))
