"""The flow engine on finite samples: the gradient flow of f = a φ(w·x) for any data, from one kink of the loss to the next.

Between two hyperplanes w·x_i = 0 only the *active* samples, w·x_i > 0, act. With A = Σ x xᵀ/n and b = Σ y x/n over them,

    ȧ = w·G,   ẇ = a G,   G = b − a A w,   c = a² − ‖w‖² conserved,

a smooth system, solved by Taylor series to a tolerance; c holds to rounding. At the hyperplane of a sample with a y_i > 0
the flow crosses. Where a y_i < 0 it may *slide*, on up to d − 1 hyperplanes at once, in Filippov's sense (``flow_kinks``).

Rules where that leaves a choice, or a limit is needed:

* w0 = 0 is dead (φ'(0) = 0). With several alive weights w comes to 0 in finite time only along a line, sliding on all the
  hyperplanes that hold it there, with a² = c. It goes on where the other half of the line draws it on, and rests otherwise;
  that is the only solution if the loss falls in no direction from there, as without label noise. Going on counts as a fork.
* Where a changes its sign (c < 0) while the flow slides, the kinks start to repel and solutions fork: see ``flow_kinks``.
* c within 1e-15 of 0, relative to a² + ‖w‖², is balanced, c = 0. Balanced with a < 0, w decays and never gets to 0; below
  1e-140 any neuron with c ≥ 0 counts as collapsed.
* Hyperplanes that coincide are taken one after the other. Where inputs are opposite and their kinks of both
  kinds, this may hold a trial there that in truth crosses; inputs from a density never are opposite.
* One alive weight has closed forms, T2: ``theory.one_input.flow``, whatever its branches do at w = 0.

Files: ``flow_state`` arrays, ``flow_series`` Taylor series, ``flow_kinks`` Filippov's rule, ``flow_region`` which samples to
look at, ``flow_steps`` the loop.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.one_input import branch_statistics, flow

from .gd import End
from .kernels import digest, needing_numba

__all__ = ["STALLED", "SampleFlow", "sample_flow"]

STALLED = int(End.STALLED)
"""How a trial ended that was given up."""

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


class SampleFlow(NamedTuple):
    """What ``gd.Descent`` holds, and counts: all (B,) but w (B, d) and the points {time: (a, w)} asked for.

    ``end``: TIME; REST, all that remains is surely below the tolerance and no kink is left to cross; COLLAPSED, w = 0 or
    below 1e-140; STALLED, given up after too many steps, its values those of the last time reached.
    ``events``: kinks crossed, slid on or left. ``forks``: points from which Filippov solutions differ. ``slid``: the most
    hyperplanes slid on at once.
    """

    a: Array
    w: Array
    points: dict[float, tuple[Array, Array]]
    steps: Ints
    end: NDArray[np.int8]
    events: Ints
    forks: Ints
    slid: Ints


def sample_flow(
    X: Array,
    y: Array,
    a: Array,
    w: Array,
    t: float,
    *,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    tolerance: float = 1e-9,
    most: int = 1_000_000,
) -> SampleFlow:
    """The flow from a (B,), w (B, d) for a time t on inputs X (B, d, n), coordinates before samples, and labels y (B, n).

    Weights off ``mask`` (B, d) are 0 and stay so. ``at``: times in [0, t] to remember. ``tolerance``: of the error in a and
    w relative to max(|a|, ‖w‖), as measured against closed forms. ``most``: steps until a trial is given up. Each trial
    is the same whichever trials run beside it. Raises ValueError for other times, tolerances and weights,
    ModuleNotFoundError without Numba.

    >>> run = sample_flow(np.eye(2)[None], np.array([[1.0, 0.0]]), np.ones(1), np.ones((1, 2)), 100.0)
    >>> np.round(run.a[:, None] * run.w, 9).tolist()
    [[1.0, 0.0]]
    """
    X, y, a, w = (np.ascontiguousarray(v, np.float64) for v in (X, y, a, w))
    mask = np.ones(w.shape, bool) if mask is None else np.ascontiguousarray(mask, bool)
    times = np.unique([*at, t]).astype(float)
    _check(X, y, a, w, mask, times, t, tolerance)
    if not 0 < most < 2**63:
        raise ValueError(f"A trial takes at least one step, not {most!r}.")
    rows, (trials, d) = mask.sum(-1), w.shape
    values_a, values_w = np.empty((trials, len(times))), np.zeros((trials, len(times), d))
    counts = np.zeros((trials, 5), np.int64)
    one, many = np.flatnonzero(rows == 1), np.flatnonzero(rows != 1)
    if len(one):
        index = mask[one].argmax(-1)
        values_a[one], values_w[one, :, index], counts[one, 1] = _one_input(
            X[one, index], y[one], a[one], w[one, index], times, tolerance
        )
    if len(many):
        sizes = (len(many), len(times))
        found_a, found_w, found = np.empty(sizes), np.zeros((*sizes, d)), np.zeros((len(many), 5), np.int64)
        whole = len(many) == trials
        parts = (X, y, a, w, mask) if whole else tuple(v[many] for v in (X, y, a, w, mask))
        _kernel()(*parts, times, tolerance, most, found_a, found_w, found)
        values_a[many], values_w[many], counts[many] = found_a, found_w, found
    points = {float(time): (values_a[:, k], values_w[:, k]) for k, time in enumerate(times)}
    last = points[float(t)]
    steps, end, events, forks, slid = counts.T
    return SampleFlow(*last, {k: points[float(k)] for k in at}, steps, end.astype(np.int8), events, forks, slid)


def _check(X: Array, y: Array, a: Array, w: Array, mask: NDArray[np.bool_], times: Array, t: float, tolerance: float) -> None:
    B, d, n = X.shape
    if (y.shape, a.shape, w.shape, mask.shape) != ((B, n), (B,), (B, d), (B, d)):
        raise ValueError(f"Inputs {X.shape} don't go with labels {y.shape}, a {a.shape}, w {w.shape} and mask {mask.shape}.")
    if not (times[0] >= 0 and times[-1] == t < np.inf):
        raise ValueError(f"Times lie between 0 and t = {t!r}, which is finite, not at {times.tolist()!r}.")
    if not 1e-13 <= tolerance <= 1e-3:
        raise ValueError(f"The tolerance lies between 1e-13 and 1e-3, not at {tolerance!r}.")
    if (w[~mask] != 0).any():
        raise ValueError(f"The flow takes pruned weights at 0, not {w[~mask][w[~mask] != 0].tolist()!r:.80}.")
    if not all(np.isfinite(v).all() for v in (X, y, a, w)):
        raise ValueError("The flow needs finite inputs, labels and weights.")


def _one_input(x: Array, y: Array, a: Array, w: Array, times: Array, tolerance: float) -> tuple[Array, Array, Ints]:
    """T2's closed forms at all times, and how each trial ended."""
    branches = branch_statistics(x, y)
    columns = type(branches)(*(s[:, None] for s in branches))
    values_a, values_w = flow(a[:, None], w[:, None], columns, times)
    limit_a, limit_w = flow(a, w, branches, np.inf)
    scale = np.maximum(np.abs(values_a[:, -1]), np.abs(values_w[:, -1]))
    left = np.maximum(np.abs(limit_a - values_a[:, -1]), np.abs(limit_w - values_w[:, -1]))
    end = np.where(left <= 0.1 * tolerance * scale, End.REST, End.TIME)
    return values_a, values_w, np.where(values_w[:, -1] == 0, End.COLLAPSED, end)


@lru_cache(maxsize=1)
def _kernel() -> Any:
    with needing_numba("The flow on finite samples"):
        from .flow_steps import entry
    return entry(digest("flow_*.py", "vectors.py"))
