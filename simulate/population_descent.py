"""Gradient descent on the population in reduced coordinates: a, w_1 and ±‖w_⊥‖, whose direction no step changes.

Every step of ``gd`` on the population (T3) multiplies the trained part of w_⊥ by a number, with momentum too; so three numbers
a neuron suffice whatever d is, and q = ±‖w_⊥‖ may change its sign where the step is large. The trajectory is that of
``gd.descend`` with T3's force to rounding (1e-12 in the tests) until the dynamics itself tells roundings apart, as momentum
does near w = 0; not bit for bit, since norms are not summed anew: so it is an engine of its own, ``engine="reduced"``.
Trials never mix.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gd import Descent
from .kernels import digest, needing_numba

__all__ = ["descend"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def descend(
    a: Array,
    w: Array,
    eta: float,
    steps: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    momentum: float = 0.0,
    device: str = "cpu",
) -> Descent:
    """``gd.descend`` on the population from a (B,), w (B, d): the same arguments, results and ends.

    Weights off ``mask`` (B, d) keep their value and act on the output. At rest means that no bit of the three numbers changes.
    ``device``: cpu, or cuda (``population_torch``). ValueError for another device, ModuleNotFoundError without Numba (or, on
    cuda, torch).

    >>> run = descend(np.ones(1), np.array([[-0.5, 0.5]]), 0.1, 2000)
    >>> round(float(run.a[0] * run.w[0, 0]), 9)
    1.0
    """
    a, w = (np.ascontiguousarray(v, np.float64) for v in (a, w))
    trained = np.ones(w.shape, bool) if mask is None else np.asarray(mask, bool).copy()
    solve, at, first = _solver(device), list(at), trained[:, 0].copy()
    trained[:, 0] = False
    parts = np.abs(np.where(trained, w, 0.0)), np.abs(np.where(trained, 0.0, w))
    parts[1][:, 0] = 0.0
    size, frozen = (np.sqrt(np.vecdot(part, part)) for part in parts)
    share = np.divide(parts[0].max(-1), size, out=np.zeros_like(size), where=size > 0)
    state = np.stack([a, w[:, 0], size, frozen**2, first, share, parts[1].max(-1)], -1)
    moments = np.array(sorted({int(m) for m in at if 0 <= m <= steps and m == int(m)}), np.int64)
    points, last, taken, ends = solve(state, float(eta), float(momentum), steps, moments)

    def whole(values: Array) -> tuple[Array, Array]:
        full = np.where(trained, w * np.divide(values[:, 2], size, out=np.ones_like(size), where=size > 0)[:, None], w)
        full[:, 0] = values[:, 1]
        return values[:, 0].copy(), full

    found = {float(m): points[i] for i, m in enumerate(moments)}
    return Descent(*whole(last), {m: whole(found.get(m, last)) for m in at}, taken, ends)


def _solver(device: str) -> Any:
    """Of states (B, 7), η, μ, the steps and moments (M,): points (M, B, 3), last (B, 3), steps taken and ends."""
    if device == "cpu":
        return _compiled
    from .population_torch import descent_solver

    return descent_solver(device)


def _compiled(state: Array, eta: float, mu: float, steps: int, moments: Ints) -> tuple[Array, Array, Ints, NDArray[np.int8]]:
    run = _kernel()
    points, last = np.full((len(moments), len(state), 3), np.nan), np.empty((len(state), 3))
    taken, ends = np.empty(len(state), np.int64), np.empty(len(state), np.int64)
    run(state, eta, mu, steps, moments, points, last, taken, ends)
    return filled(points, last, moments, taken), last, taken, ends.astype(np.int8)


def filled(points: Array, last: Array, moments: Ints, taken: Ints) -> Array:
    """``points`` with the end values of the neurons that ended before."""
    return np.where((taken < moments[:, None])[..., None], last, points)


@lru_cache(maxsize=1)
def _kernel() -> Any:
    with needing_numba("engine='reduced'"):
        from .population_descent_kernel import entry
    return entry(digest("population_descent_kernel.py", "vectors.py", "gd.py"))
