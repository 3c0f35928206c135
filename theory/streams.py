"""Counter-based random numbers: the same value for a key and its counters, whatever was drawn before or beside it.

A 64-bit key names a network (a trial of the neuron, a replicate of a ResNet); counters name the purpose, the level, the
epoch. The mixing function is SplitMix64's finaliser (Steele, Lea & Flood, OOPSLA 2014), a bijection of 64-bit integers.
"""

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bits", "generator", "key", "uniform"]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


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


def bits(keys: ArrayLike, *counters: int | str, size: int) -> NDArray[np.uint64]:
    """Independent 64-bit words of shape (*keys.shape, size)."""
    state = key(np.atleast_1d(np.asarray(keys)), *counters)[..., None] + np.arange(1, size + 1, dtype=np.uint64) * _GAMMA
    return _mix(state).reshape(*np.shape(keys), size)


def uniform(keys: ArrayLike, *counters: int | str, size: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), multiples of 2⁻⁵³, of shape (*keys.shape, size).

    >>> uniform([1, 2], "ties", 0, size=3).shape
    (2, 3)
    """
    return np.asarray((bits(keys, *counters, size=size) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def generator(one_key: ArrayLike, *counters: int | str) -> np.random.Generator:
    """A NumPy generator (Philox) of its own for one key and the counters: for normal variates and permutations."""
    return np.random.Generator(np.random.Philox(key=int(key(one_key, *counters))))
