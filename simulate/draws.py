"""Random numbers of many trials at once, bit for bit those of ``theory.streams.generator`` of each trial.

NumPy makes a generator of its own in 20 µs, which for small trials is more than all else. ``streams`` therefore computes
NumPy's bits itself (``draws_kernel``), where Numba is at hand and a check at first use finds them equal, on this machine
and with this NumPy; else it asks NumPy, one generator after the other. So the bits never depend on which it is.
"""

import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.initialisations import INITIALISATIONS, Initialisation
from theory.streams import generator, key

__all__ = ["Plain", "Streams", "initial", "outer", "streams"]

Array = NDArray[np.float64]
Keys = NDArray[np.uint64]

WORTH = 1000
"""Trials for which loading Numba pays, which takes as long as a few thousand generators; loaded, it serves any number."""
CHECKED = 16, 4000
"""Keys, and normal variates of each, that the check compares; 16 of these lie in the ziggurat's tails on average."""
WINDOW = 1024
"""Words of a stream computed at a time, at most."""


class Plain:
    """The generators of keys (B,) and the counters, by NumPy. Row i of each array drawn is from the i-th."""

    def __init__(self, keys: Keys, *counters: int | str):
        self.generators = [generator(one, *counters) for one in keys]

    def standard_normal(self, shape: Sequence[int]) -> Array:
        """Normal variates of ``shape`` (B, …)."""
        return self._rows("standard_normal", shape)

    def uniform(self, low: float, high: float, shape: Sequence[int]) -> Array:
        """Uniform variates in [low, high) of ``shape`` (B, …)."""
        return self._rows("uniform", shape, low, high)

    def integers(self, low: int, high: int, shape: Sequence[int]) -> NDArray[np.int64]:
        """Whole numbers from low to high − 1 of ``shape`` (B, …)."""
        return self._rows("integers", shape, low, high)

    def _rows(self, name: str, shape: Sequence[int], *arguments: Any) -> NDArray[Any]:
        rows = [getattr(one, name)(*arguments, tuple(shape[1:])) for one in self.generators]
        return np.array(rows).reshape(shape)


class Streams:
    """The same as ``Plain``, compiled. The only whole numbers it has are 0 and 1, one of each key."""

    def __init__(self, keys: Keys, *counters: int | str):
        self.keys, self.used = np.atleast_1d(key(keys, *counters)), np.zeros(len(keys), np.int64)

    def standard_normal(self, shape: Sequence[int]) -> Array:
        """Normal variates of ``shape`` (B, …)."""
        rows = np.empty((len(self.keys), math.prod(shape[1:])))
        _compiled().normals(self.keys, self.used, rows, self._words(rows))
        return rows.reshape(shape)

    def uniform(self, low: float, high: float, shape: Sequence[int]) -> Array:
        """Uniform variates in [low, high) of ``shape`` (B, …)."""
        rows = np.empty((len(self.keys), math.prod(shape[1:])))
        _compiled().uniforms(self.keys, self.used, float(low), float(high - low), rows, self._words(rows))
        return rows.reshape(shape)

    def integers(self, low: int, high: int, shape: Sequence[int]) -> NDArray[np.int64]:
        """0 or 1 of each key."""
        if (low, high, tuple(shape)) != (0, 2, self.keys.shape):
            raise NotImplementedError(f"integers({low!r}, {high!r}, {shape!r})")
        out = np.empty(self.keys.shape, np.int64)
        _compiled().signs(self.keys, self.used, out, np.empty(4, np.uint64))
        return out

    def _words(self, rows: Array) -> Keys:
        """Room for the words that a row takes, most of the time."""
        count = rows.shape[1]
        return np.empty(4 * min(WINDOW // 4, count // 4 + count // 100 + 1), np.uint64)


def streams(keys: Keys, *counters: int | str) -> Streams | Plain:
    """The generators of keys (B,) and the counters side by side.

    >>> one = streams(np.arange(3, dtype=np.uint64), "data").standard_normal((3, 2))[1]
    >>> bool((one == generator(1, "data").standard_normal(2)).all())
    True
    """
    if len(keys) < WORTH and "numba" not in sys.modules:
        return Plain(keys, *counters)
    return (Streams if _compiled() is not None else Plain)(keys, *counters)


def initial(law: Initialisation, keys: Keys, d: int) -> tuple[Array, Array]:
    """a0 (B,) and w0 (B, d): ``law.sample(generator(key, "init"), d, 1)`` of each key."""
    if _known(law):
        return law.sample(streams(keys, "init"), d, len(keys))  # type: ignore[arg-type]
    found = [law.sample(generator(one, "init"), d, 1) for one in keys]
    return np.array([a[0] for a, _ in found]), np.array([w[0] for _, w in found])


def outer(law: Initialisation, keys: Keys, norm: Array) -> Array:
    """a0 (B,) given ‖w0‖ (B,): ``law.outer(generator(key, "outer"), norm)`` of each key."""
    if _known(law):
        return law.outer(streams(keys, "outer"), norm)  # type: ignore[arg-type]
    return np.array([law.outer(generator(one, "outer"), norm[[i]])[0] for i, one in enumerate(keys)])


def _known(law: Initialisation) -> bool:
    """Does the law treat each row alone? The named ones do; one of a user's own may not."""
    return type(law) in INITIALISATIONS.values()


@lru_cache(maxsize=1)
def _compiled() -> Any:
    """The kernel, or None where Numba is not installed, its tables have moved, or its bits are not NumPy's."""
    try:
        from . import draws_kernel
    except ImportError:
        return None
    return draws_kernel if _same_bits(draws_kernel) else None


def _same_bits(kernel: Any) -> bool:
    count, size = CHECKED
    keys, used, words = key(np.arange(count), "check"), np.zeros(count, np.int64), np.empty(WINDOW, np.uint64)
    normal, signs, uniform = np.empty((count, size)), np.empty(count, np.int64), np.empty((count, 8))
    kernel.normals(keys, used, normal, words)
    kernel.signs(keys, used, signs, words[:4])
    kernel.uniforms(keys, used, -1.0, 2.0, uniform, words[:8])
    plain = Plain(key(np.arange(count)), "check")
    return (
        np.array_equal(normal, plain.standard_normal((count, size)))
        and np.array_equal(signs, plain.integers(0, 2, (count,)))
        and np.array_equal(uniform, plain.uniform(-1, 1, (count, 8)))
    )
