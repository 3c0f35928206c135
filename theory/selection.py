"""The exact selection of weights: the largest scores of each network, equal ones in a keyed random order. NumPy or torch alike.

Tensors are ``(*batch, *shape)``; all tensors of one call compete, and every network of the batch has a count of its own.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray

from .streams import uniform

__all__ = ["Tensors", "drawn", "flat_draws", "keep_largest", "later_draws", "like", "numbers_alive", "weights_in"]

Tensors = Mapping[str, Any]
Draws = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""(networks (R,), places (M,)) → the numbers (R, M) that decide between equal scores."""
WIDE = 4096
"""Weights of a network from which on numbers are drawn for the tied ones alone."""


def weights_in(mask: Tensors, batch: int) -> dict[str, int]:
    """How many weights each tensor of ``mask`` holds, dead or alive, in one network."""
    return {name: prod(m.shape[batch:]) for name, m in mask.items()}


def numbers_alive(mask: Any, batch: int) -> NDArray[np.int64]:
    """How many weights of one tensor are alive in each network: (*batch,)."""
    xp = array_namespace(mask)
    return _host(xp.sum(xp.reshape(mask, (*mask.shape[:batch], prod(mask.shape[batch:]))), axis=-1, dtype=xp.int64))


def flat_draws(keys: ArrayLike, *counters: int | str, mask: Tensors, batch: int) -> dict[str, NDArray[np.float64]]:
    """A uniform number for each weight, (*batch, weights of the tensor): the first draws of (keys, counters)."""
    sizes = weights_in(mask, batch)
    parts = np.split(uniform(keys, *counters, size=sum(sizes.values())), np.cumsum([*sizes.values()])[:-1], axis=-1)
    return dict(zip(mask, parts, strict=True))


def drawn(keys: ArrayLike, *counters: int | str, mask: Tensors, batch: int) -> dict[str, Any]:
    """``flat_draws`` in float64 tensors like those of ``mask``."""
    return {n: like(draws, mask[n]) for n, draws in flat_draws(keys, *counters, mask=mask, batch=batch).items()}


def later_draws(keys: ArrayLike, *counters: int | str, mask: Tensors, batch: int, group: str | None = None) -> Draws:
    """The draws of (keys, counters) behind ``drawn``, for all tensors or for ``group``: made when and where they are needed."""
    sizes, flat = weights_in(mask, batch), np.asarray(keys, dtype=np.uint64).reshape(-1)
    before = list(sizes).index(group) if group is not None else 0
    first = sum(sizes.values()) + sum(list(sizes.values())[:before])
    return lambda networks, places: uniform(flat[networks], *counters, at=places + first)


def like(values: NDArray[Any], tensor: Any) -> Any:
    """``values`` in the array library, on the device and in the shape of ``tensor``."""
    xp = array_namespace(tensor)
    return xp.reshape(xp.asarray(values, device=device(tensor)), tensor.shape)


def keep_largest(
    score: Tensors, mask: Tensors, ties: Tensors | Draws, stays: Callable[[Any], Any], batch: int
) -> dict[str, Any]:
    """Keep the ``stays(alive)`` largest scores among the alive weights of each network, equal scores by larger ``ties``.

    All tensors of one call compete with one another. Shapes (*batch, *shape); ``stays`` maps the numbers of alive weights
    (*batch,) to the numbers that stay. ``ties`` may be a function of networks and places, asked about equal scores alone; of
    weights equal in both the later one stays. Raises ValueError where an alive score is not finite.

    The k-th largest score splits a network: what is above stays, and only what equals it needs an order. No sort of all
    weights with their places is made, and a network without ties at its threshold draws nothing.

    >>> keep_largest({"w": np.array([3., 1., 2.])}, {"w": np.array([True, True, True])}, {"w": np.zeros(3)}, lambda n: n - 1, 0)
    {'w': array([ True, False,  True])}
    """
    xp = array_namespace(*score.values())
    shape = next(iter(score.values())).shape[:batch]
    s, alive = _joined(score, score, batch), _joined(mask, score, batch)
    if bool(xp.any(alive & ~xp.isfinite(s))):
        bad = next(n for n in score if bool(xp.any(mask[n] & ~xp.isfinite(score[n]))))
        raise ValueError(f"The scores of {bad!r} hold {_first_bad(score[bad], mask[bad])}: a diverged network can't be pruned.")
    numbers = numbers_alive(alive, 1)
    wanted = np.broadcast_to(np.asarray(stays(numbers.reshape(shape))), shape).reshape(-1)
    draws = ties if callable(ties) else _given(_joined(ties, score, batch))
    keep = _largest(xp.where(alive, s, -xp.inf), alive, np.clip(wanted, 0, numbers), draws)
    out, at = {}, 0
    for n, tensor in score.items():
        size = prod(tensor.shape[batch:])
        out[n] = xp.reshape(keep[:, at : at + size], tensor.shape)
        at += size
    return out


def _joined(tensors: Tensors, order: Tensors, batch: int) -> Any:
    """All tensors of each network in a row: (networks, weights)."""
    xp = array_namespace(*tensors.values())
    shapes = {n: (prod(t.shape[:batch]), prod(t.shape[batch:])) for n, t in order.items()}
    return xp.concat([xp.reshape(tensors[n], shape) for n, shape in shapes.items()], axis=-1)


def _given(ties: Any) -> Draws:
    return lambda networks, places: _host(ties)[np.ix_(networks, places)]


def _largest(s: Any, alive: Any, k: NDArray[np.int64], draws: Draws) -> Any:
    """Where the ``k`` (B,) largest of s (B, N) are, k ≤ alive; s is −inf off ``alive``."""
    xp = array_namespace(s)
    if 0 in s.shape or not k.any():
        return alive & False
    limit = xp.where(xp.asarray(k[:, None] > 0, device=device(s)), _kth_largest(s, k), xp.inf)
    keep, equal = s > limit, s == limit
    need, have = k - numbers_alive(keep, 1), numbers_alive(equal, 1)
    keep, tied = keep | equal, np.flatnonzero(have > need)
    if s.shape[-1] < WIDE and len(tied):
        rows = xp.asarray(tied, device=device(s))
        chosen = _top(_host(equal[rows, :]), draws(tied, np.arange(s.shape[-1])), need[tied])
        keep[rows, :] = (s > limit)[rows, :] | xp.asarray(chosen, device=device(s))
        return keep
    for row in tied:
        places = np.flatnonzero(_host(equal[int(row), :]))
        chosen = _top(np.ones((1, len(places)), bool), draws(np.array([row]), places), need[row : row + 1])
        keep[int(row), xp.asarray(places[~chosen[0]], device=device(s))] = False
    return keep


def _kth_largest(s: Any, k: NDArray[np.int64]) -> Any:
    """The k-th largest number of each row of s (B, N), for k (B,) from 1 on (0 counts as 1): (B, 1)."""
    xp, at = array_namespace(s), s.shape[-1] - np.maximum(k, 1)
    if (at == at[0]).all() and getattr(device(s), "type", "") == "cpu":  # a torch tensor: a selection, which a sort is not
        return xp.kthvalue(s, int(at[0]) + 1, dim=-1, keepdim=True)[0]
    return xp.take_along_axis(xp.sort(s, axis=-1), xp.asarray(at[:, None], device=device(s)), axis=-1)


def _top(valid: NDArray[np.bool_], ties: NDArray[np.float64], need: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The ``need`` (R,) ≥ 1 places of each row of ``valid`` (R, M) with the largest ties (R, M); of equal ones the later."""
    t = np.where(valid, ties, -np.inf)
    limit = _kth_largest(t, need)
    above, equal = t > limit, valid & (t == limit)
    lack = need - above.sum(-1)
    return above | (equal & (np.cumsum(equal[:, ::-1], axis=-1)[:, ::-1] <= lack[:, None]))


def _host(x: Any) -> NDArray[Any]:
    return np.asarray(x.cpu() if hasattr(x, "cpu") else x)


def _first_bad(score: Any, mask: Any) -> float:
    xp = array_namespace(score)
    return float(score[mask & ~xp.isfinite(score)][0])
