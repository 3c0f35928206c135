"""Mask-1 actions of "Deconstructing Lottery Tickets" [4] that make new values from the initial ones of the same layer.

| action    | value at a weight that is kept                                                                              |
|-----------|-------------------------------------------------------------------------------------------------------------|
| reinit    | drawn anew from the layer's initial values (kept or not), with replacement: its law, whatever that is       |
| reshuffle | the initial values of the layer's kept weights, permuted                                                    |
| constant  | the standard deviation of the layer's initial values (0 for a layer of one weight)                          |

Tensors are ``(*batch, *shape)``; every network of the batch has draws of its own, NumPy or torch alike.

[4] Zhou, Lan, Liu, Yosinski. Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask. arXiv 1905.01067, 2019.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

__all__ = ["REDRAWN", "redrawn"]

REDRAWN = ("reinit", "reshuffle", "constant")


def redrawn(action: str, initial: Any, mask: Any, draws: NDArray[np.float64], batch: int) -> Any:
    """The new values (*batch, *shape) of one layer; ``draws`` in [0, 1) are flat, (*batch, prod(shape)).

    Off the mask they mean nothing.

    >>> redrawn("reshuffle", np.array([1.0, 2.0, 3.0]), np.array([True, False, True]), np.array([0.9, 0.2, 0.4]), 0)
    array([3., 2., 1.])
    """
    if action == "constant":
        axes = tuple(range(batch, initial.ndim))
        return 0 * initial + array_namespace(initial).std(initial, axis=axes, keepdims=True)
    index = (draws * draws.shape[-1]).astype(np.int64) if action == "reinit" else _permutation(mask, draws)
    xp = array_namespace(initial)
    flat = xp.reshape(initial, (*initial.shape[:batch], -1))
    return xp.reshape(xp.take_along_axis(flat, xp.asarray(index, device=device(initial)), axis=-1), initial.shape)


def _permutation(mask: Any, draws: NDArray[np.float64]) -> Any:
    """Where the k-th weight on the mask takes its value from: the one there with the k-th smallest draw."""
    xp = array_namespace(mask)
    alive, order = xp.reshape(mask, draws.shape), xp.asarray(draws, device=device(mask))
    shuffled = xp.argsort(xp.where(alive, order, 0 * order + 1), axis=-1, stable=True)
    rank = xp.argsort(xp.argsort(xp.astype(~alive, xp.int64), axis=-1, stable=True), axis=-1, stable=True)
    return xp.take_along_axis(shuffled, rank, axis=-1)
