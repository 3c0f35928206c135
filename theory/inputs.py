"""What the closed forms accept: finite numbers or sympy expressions, checked in one place."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .maths import maths

__all__ = ["arrays", "numbers", "require", "state"]

Array = NDArray[np.float64]


def numbers(**values: Any) -> tuple[Any, ...]:
    """``arrays``, or the values as they are where one is a sympy expression."""
    return tuple(values.values()) if maths(*values.values()) is not np else arrays(**values)


def arrays(**values: Any) -> tuple[Array, ...]:
    """The values as float arrays. Raises ValueError unless all are finite numbers.

    >>> arrays(a=1, b=[2, 3])
    (array(1.), array([2., 3.]))
    """
    return tuple(_finite(name, value) for name, value in values.items())


def _finite(name: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds numbers, not {value!r}.") from None
    require(np.isfinite(array), array, f"{name} is a finite number")
    return array


def require(holds: Any, value: Any, sentence: str) -> None:
    """Raises ValueError, ``sentence`` with the first offending value, unless ``holds`` everywhere; both broadcast.

    >>> require(np.array([True, False]), [1.0, -1.0], "a is positive")
    Traceback (most recent call last):
    ValueError: a is positive, not -1.0.
    """
    if not np.all(holds):
        holds, value = np.broadcast_arrays(holds, value)
        raise ValueError(f"{sentence}, not {value[~holds].flat[0]}.")


def state(a: ArrayLike, w: ArrayLike) -> tuple[Array, Array]:
    """(a, w) as arrays of shapes (…) and (…, d), broadcast. Raises ValueError for shapes that do not fit and for NaN."""
    outer, inner = _finite("a", a), _finite("w", w)
    if inner.ndim == 0 or inner.shape[-1] == 0:
        raise ValueError(f"w has shape (…, d) with d ≥ 1, not {inner.shape}.")
    try:
        shape = np.broadcast_shapes(outer.shape, inner.shape[:-1])
    except ValueError:
        raise ValueError(f"a of shape {outer.shape} does not fit w of shape {inner.shape}: they are (…) and (…, d).") from None
    return np.broadcast_to(outer, shape), np.broadcast_to(inner, (*shape, inner.shape[-1]))
