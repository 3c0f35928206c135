"""Counter-based random numbers: the same value for a key and its counters, whatever was drawn before or beside it.

A 64-bit key names a network (a trial of the neuron, a replicate of a ResNet); counters name the purpose, the level, the
epoch. The mixing function is SplitMix64's finaliser (Steele, Lea & Flood, OOPSLA 2014), a bijection of 64-bit integers.
"""

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bits", "generator", "key", "uniform"]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_BLOCK = 2**15
"""Numbers of a key made together: what fits into a cache."""


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _word(counter: int | str | NDArray[np.integer]) -> np.uint64 | NDArray[np.uint64]:
    if isinstance(counter, str):
        return np.uint64(int.from_bytes(hashlib.blake2b(counter.encode(), digest_size=8).digest(), "little"))
    return counter.astype(np.uint64) if isinstance(counter, np.ndarray) else np.uint64(int(counter) % 2**64)


def key(keys: ArrayLike, *counters: int | str | NDArray[np.integer]) -> NDArray[np.uint64]:
    """New 64-bit keys of the shape of ``keys``, one for each key and the counters: integers, words, or an integer of each key.

    >>> int(key(7, "data", 3)) == int(key([6, 7], "data", 3)[1]), int(key(7, "data", 3)) == int(key(7, "data", 4))
    (True, False)
    >>> bool(key([6, 7], np.array([3, 4]))[1] == key(7, 4))
    True
    """
    state = np.atleast_1d(np.asarray(keys)).astype(np.uint64)
    for counter in counters:
        state = _mix(_mix(state + _GAMMA) ^ _word(counter))
    return state.reshape(np.shape(keys))


def bits(keys: ArrayLike, *counters: int | str, size: int = 0, at: NDArray[np.integer] | None = None) -> NDArray[np.uint64]:
    """Independent 64-bit words of shape (*keys.shape, size); or those in the places ``at`` (…) alone, (*keys.shape, len(at)).

    >>> bool((bits([1, 2], "x", at=np.array([5, 3])) == bits([1, 2], "x", size=9)[:, [5, 3]]).all())
    True
    """
    state = key(np.atleast_1d(np.asarray(keys)), *counters)
    size = size if at is None else len(at)
    out = np.empty((*state.shape, size), np.uint64)
    for i in range(0, size, _BLOCK):
        block = np.arange(i, min(i + _BLOCK, size), dtype=np.uint64) if at is None else at[i : i + _BLOCK].astype(np.uint64)
        out[..., i : i + _BLOCK] = _mix(state[..., None] + (block + np.uint64(1)) * _GAMMA)
    return out.reshape(*np.shape(keys), size)


def uniform(keys: ArrayLike, *counters: int | str, size: int = 0, at: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), multiples of 2⁻⁵³, of shape (*keys.shape, size); or those in the places ``at``.

    >>> uniform([1, 2], "ties", 0, size=3).shape
    (2, 3)
    """
    words = bits(keys, *counters, size=size, at=at)
    words >>= np.uint64(11)
    return np.multiply(words, 2.0**-53, dtype=np.float64)


def generator(one_key: ArrayLike, *counters: int | str) -> np.random.Generator:
    """A NumPy generator (Philox) of its own for one key and the counters: for normal variates and permutations."""
    return np.random.Generator(np.random.Philox(key=int(key(one_key, *counters))))
