"""The active-set engine: the same gradient descent as ``gd`` on finite samples, at a cost per step that does not depend on n.

The force needs the samples only through A = Σ_active x xᵀ and b = Σ_active y x, active: w·x > 0,

    n G = b − a A w,

so a step costs O(d²), and a sample needs a look only once w may have turned as far as its hyperplane. Four ideas:

* **Nested cones.** Around w as it stood at some step, the samples within the sine ρ_1 > ρ_2 > … of it, each cone a quarter of
  the one before. No sample outside cone l changes sides while w is inside it, so leaving the narrowest costs a look at
  the next one's samples alone. What counts is how far w has turned, not the length of its path.
* **Watched samples.** Those of the narrowest cone, at most 32, stay out of A and b; the step computes their terms directly.
  A flow that slides on their kinks chatters across them in every step, and this then costs nothing more.
  How many are watched follows from how fast w turns.
* **Sums in double-double.** A and b do not drift, however often samples come and go.
* **Trials in lanes.** A step waits for the one before it; eight trials side by side in a register hide that.

A trial stops before its last step only where what follows is certain: at rest (no bit changes, so none ever will: converged,
stuck or dead), collapsed (|w| and its step below ``gd.TINY``) or diverged; ``end`` says which. No other end is certain for
finite steps: c drifts, so even a < −‖w‖, which the flow never leaves (T14), is no proof of failure (T13).

So the trajectory is that of ``gd`` to rounding (1e-12 in the tests), until the dynamics itself tells roundings apart: unstable
large steps, or a start on the boundary of two basins, such as a0 = −|w0| of one input. The steps at which a trial collapses
or diverges are the same; the step at which the last bit comes to rest is rounding's own. Samples on w's hyperplane to
rounding count as rounding decides, there as here. Trials never mix: each has the same bits whichever run beside it.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .gd import Descent
from .kernels import needing_numba

__all__ = ["descend"]

Array = NDArray[np.float64]


def descend(
    X: Array,
    y: Array,
    a: Array,
    w: Array,
    eta: float,
    steps: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    at: Iterable[float] = (),
    momentum: float = 0.0,
) -> Descent:
    """``gd.descend`` on the samples X (B, d, n), y (B, n), from a (B,), w (B, d): the same arguments, results and ends.

    ModuleNotFoundError if Numba is not installed.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1, 2, 50))
    >>> run = descend(X, np.maximum(X[:, 0], 0), np.ones(1), np.array([[0.5, 0.5]]), 0.1, 5000)
    >>> round(float(run.a[0] * run.w[0, 0]), 9)
    1.0
    """
    kernel = _kernel()
    mask = np.ones(w.shape, bool) if mask is None else np.asarray(mask, bool)
    X, y, a, w = (np.ascontiguousarray(x, np.float64) for x in (X, y, a, w))
    at = list(at)
    moments = np.array(sorted({int(m) for m in at if 0 <= m <= steps and m == int(m)}), np.int64)
    last_a, last_w, taken, ends = np.empty_like(a), np.empty_like(w), np.empty(len(a), np.int64), np.empty(len(a), np.int8)
    point_a, point_w = np.empty((len(moments), *a.shape)), np.empty((len(moments), *w.shape))
    order = np.argsort(a < 0, kind="stable")  # those that slide for long side by side: a step costs what the slowest lane needs
    ends_of = last_a, last_w, point_a, point_w, taken, ends
    kernel.descend(order, X, y, a, w, mask, float(eta), float(momentum), steps, moments, *ends_of)
    found = {float(m): (point_a[i], point_w[i]) for i, m in enumerate(moments)}
    points = {m: found[m] if m in found else (last_a.copy(), last_w.copy()) for m in at}
    return Descent(last_a, last_w, points, taken, ends)


def _kernel():
    with needing_numba("engine='active-set'"):
        from . import active_set_kernel
    return active_set_kernel
