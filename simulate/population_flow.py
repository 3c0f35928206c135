"""The flow engine on the population: the gradient flow for x ~ N(0, I_d) and the teacher φ(x_1), in two coordinates.

The direction of w_⊥ and c = a² − ‖w‖² are conserved (T1, T7), so (λ, u) say it all: λ turns (a, r = ‖w‖) along its hyperbola,
u = ln tan(θ/2), and with ψ = π − θ

    λ' = g(θ) − a r/2,   u' = −(a/r) ψ/2π,   2π g = sin θ + ψ cos θ.

Both are summed, c is not, so c holds to rounding; sin θ is accurate relative to itself at both ends. The step is a Taylor
series of order 20 (``population_series``), or an implicit one of order 7 where c ≪ 0 lets a follow θ much faster than θ moves
(``population_stiff``); closed forms end a trial near its limit (``population_steps``). On a line T2's closed forms hold:

* θ ∈ {0, π}: one input, β+ = 1, β− = 0. A neuron with a ≤ −‖w‖ may come to w = 0 there, and rests.
* e_1 pruned, θ = π/2: ‖w‖ is one input with β = 1/π (q → 2g(π/2)); with a ≤ −‖w‖ it comes to w = 0 and rests.

Rules: w0 = 0, or below 1e-140, is dead. c within 1e-15 of 0, relative to a² + ‖w‖², is balanced, c = 0.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.one_input import POPULATION, Branches, flow

from .gd import Descent, End
from .kernels import digest, needing_numba

__all__ = ["population_flow"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

DEAD = 1e-140
"""‖w‖ up to which a start counts as w = 0."""
ACROSS = Branches(0.5, 1 / np.pi, 0.5, -1 / np.pi)
"""‖w‖ as one input where e_1 is pruned: from either side of 0 the teacher draws away from it by the same force."""


def population_flow(
    a: Array,
    w: Array,
    t: float,
    *,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    tolerance: float = 1e-9,
    device: str = "cpu",
) -> Descent:
    """The flow from a (B,), w (B, d) for a time t (T3, T4); weights off ``mask`` (B, d) are 0 and stay so.

    ``at``: times in [0, t] to remember. ``tolerance``: of the error in a and w relative to max(|a|, ‖w‖), as measured against
    closed forms, theory and tighter tolerances; where the flow itself magnifies errors, theirs are magnified too. ``device``:
    cpu, or cuda (``population_torch``). Ends: TIME; REST, what remains is below a tenth of the tolerance; COLLAPSED, w = 0 or
    on the way to it below 1e-140; STALLED, given up after too many steps, with the values of the last time reached. Each
    trial is the same whichever run beside it. Raises ValueError for other times, tolerances, weights and devices,
    ModuleNotFoundError without Numba (or, on cuda, torch).

    >>> run = population_flow(np.array([1.0, -2.0]), np.array([[-0.6, 0.8], [0.6, 0.8]]), 100.0)
    >>> (np.round(run.a[:, None] * run.w, 9) + 0.0).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    a, w = (np.ascontiguousarray(v, np.float64) for v in (a, w))
    mask = np.ones(w.shape, bool) if mask is None else np.ascontiguousarray(mask, bool)
    times = np.unique([*at, t]).astype(float)
    _check(a, w, mask, times, t, tolerance)
    solve = _solver(device)
    along, across = w[:, 0], np.linalg.norm(w[:, 1:], axis=-1)
    r = np.hypot(along, across)
    values = np.stack([a, along, across], -1)[:, None] * np.ones((1, len(times), 1))
    steps, end = np.zeros(len(a), np.int64), np.full(len(a), End.COLLAPSED, np.int8)
    alive, line = r > DEAD, across == 0
    for chosen, coordinate, branches in ((line, 1, POPULATION), (~mask[:, 0] & ~line, 2, ACROSS)):
        rows = np.flatnonzero(alive & chosen)
        values[rows, :, 0], values[rows, :, coordinate], end[rows] = _closed(
            a[rows], values[rows, 0, coordinate], branches, times, tolerance
        )
    rows = np.flatnonzero(alive & ~line & mask[:, 0])
    with np.errstate(all="ignore"):  # the side of θ = π/2 not taken; cosh u beyond the floats, where ‖w_⊥‖ is 0
        angle = np.where(along[rows] >= 0, across[rows] / (r + along)[rows], (r - along)[rows] / across[rows])
        found, steps[rows], end[rows] = solve(np.stack([a[rows], r[rows], np.log(angle)], -1), times, tolerance)
        values[rows, :, 0] = found[..., 0]
        values[rows, :, 1], values[rows, :, 2] = -found[..., 1] * np.tanh(found[..., 2]), found[..., 1] / np.cosh(found[..., 2])
    points = {float(time): _weights(values[:, k], w, across) for k, time in enumerate(times)}
    return Descent(*points[float(t)], {k: points[float(k)] for k in at}, steps, end)


def _weights(values: Array, w: Array, across: Array) -> tuple[Array, Array]:
    """a and w from a, w_1 and ‖w_⊥‖."""
    share = np.divide(values[:, 2], across, out=np.ones_like(across), where=across > 0)
    full = w * share[:, None]
    full[:, 0] = values[:, 1]
    return values[:, 0].copy(), full


def _check(a: Array, w: Array, mask: NDArray[np.bool_], times: Array, t: float, tolerance: float) -> None:
    if w.ndim != 2 or not w.shape[-1] or (a.shape, mask.shape) != (w.shape[:1], w.shape):
        raise ValueError(f"Weights a {a.shape} don't go with w {w.shape} and mask {mask.shape}.")
    if not (times[0] >= 0 and times[-1] == t < np.inf):
        raise ValueError(f"Times lie between 0 and t = {t!r}, which is finite, not at {times.tolist()!r}.")
    if not 1e-13 <= tolerance <= 1e-3:
        raise ValueError(f"The tolerance lies between 1e-13 and 1e-3, not at {tolerance!r}.")
    if (w[~mask] != 0).any():
        raise ValueError(f"The flow takes pruned weights at 0, not {w[~mask][w[~mask] != 0].tolist()!r:.80}.")
    if not (np.isfinite(a).all() and np.isfinite(w).all()):
        raise ValueError("The flow needs finite weights.")


def _closed(a: Array, w: Array, branches: Branches, times: Array, tolerance: float) -> tuple[Array, Array, NDArray[np.int8]]:
    """T2 at all times, and how each trial ended."""
    columns = Branches(*(np.full((len(a), 1), value) for value in branches))
    values_a, values_w = flow(a[:, None], w[:, None], columns, times)
    limit_a, limit_w = flow(a, w, branches, np.inf)
    scale = np.maximum(np.abs(values_a[:, -1]), np.abs(values_w[:, -1]))
    left = np.maximum(np.abs(limit_a - values_a[:, -1]), np.abs(limit_w - values_w[:, -1]))
    end = np.where(left <= 0.1 * tolerance * scale, End.REST, End.TIME)
    return values_a, values_w, np.where(values_w[:, -1] == 0, End.COLLAPSED, end).astype(np.int8)


def _solver(device: str) -> Any:
    """Of starts (a, r, u) (B, 3), times and a tolerance: a, r, u at the times (B, T, 3), steps and ends."""
    if device == "cpu":
        return _compiled
    from .population_torch import flow_solver

    return flow_solver(device)


def _compiled(start: Array, times: Array, tolerance: float) -> tuple[Array, Ints, NDArray[np.int8]]:
    run, room = _kernel()
    found = np.empty((len(start), len(times), 3))
    steps, end = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
    run(start, times, tolerance, room(), room(), found, steps, end)
    return found, steps, end.astype(np.int8)


@lru_cache(maxsize=1)
def _kernel() -> tuple[Any, Any]:
    with needing_numba("The flow on the population"):
        from .population_steps import entry, room
    return entry(digest("population_*.py", "flow_state.py", "vectors.py")), room
