"""T10: linear mode connectivity of the neuron, "Unmasking the Lottery Ticket Hypothesis" (arXiv 2210.03044).

The solutions of successive levels are (a, e_1/a) and (b, e_1/b), a = a∞(c), b = a∞(c'), and a failed level ends at f = 0:
(b, 0), or (0, −√|c'|e_1). The loss along the segment between two of them is a polynomial on each side of w_1 = 0.
"Zero barrier iff matching" depends on what a barrier is: ``tolerance_window`` and ``failure_hidden`` say for which definition.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .inputs import arrays, numbers, require, state
from .maths import maths
from .population import angle

__all__ = [
    "BARRIERS",
    "failure_hidden",
    "matching",
    "matching_barrier",
    "matching_loss",
    "matching_product",
    "path_barrier",
    "segment_loss",
    "sparse_barrier",
    "tolerance_window",
]

Array = NDArray[np.float64]
FAILED_LOSS = 0.25

BARRIERS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "interpolation": lambda first, last, alpha: first + alpha * (last - first),
    "worst-end": lambda first, last, alpha: np.maximum(first, last),
    "mean-end": lambda first, last, alpha: (first + last) / 2,
    "first-end": lambda first, last, alpha: first,
}
"""The four definitions in use: max over α of L(α) minus this. "mean-end" is the instability of Frankle et al. (2020)."""

LEAST_FAILING = {"interpolation": 0.0, "worst-end": 0.0, "mean-end": FAILED_LOSS / 2, "first-end": FAILED_LOSS}
"""The smallest barrier between a solution and a failed end: max L ≥ L(1) = ¼ gives the last two."""

HIDDEN = {"interpolation": (0.5, 5.0), "worst-end": (0.0, 4 + 2 * np.sqrt(2))}
"""The b/a for which the path from (a, 1/a) to the failed end (b, 0) shows no barrier."""


def matching_product(a: Any, b: Any, alpha: Any) -> Any:
    """T10. p(α) = 1 + α(1 − α)(a − b)²/(ab) along the segment from (a, 1/a) to (b, 1/b); a, b > 0, 0 ≤ α ≤ 1.

    >>> float(matching_product(1.0, 2.0, 0.5))
    1.125
    """
    return 1 + _excess(a, b, alpha)


def matching_loss(a: Any, b: Any, alpha: Any) -> Any:
    """T10. L(α) = ¼(p(α) − 1)² between two solutions, largest at α = ½: (a − b)⁴/(64a²b²). Arguments as ``matching_product``.

    >>> float(matching_loss(1.0, 2.0, 0.5)) == 1 / 256
    True
    """
    return _excess(a, b, alpha) ** 2 / 4


def _excess(a: Any, b: Any, alpha: Any) -> Any:
    a, b, alpha = numbers(a=a, b=b, alpha=alpha)
    if maths(a, b, alpha) is np:
        require((a > 0) & (b > 0), np.minimum(a, b), "At a solution a is positive")
        require((alpha >= 0) & (alpha <= 1), alpha, "alpha lies in [0, 1]")
    return alpha * (1 - alpha) * ((a - b) / a) * ((a - b) / b)


def matching_barrier(c: Any, c_next: Any) -> Any:
    """T10. max L between the solutions with a² − ‖w‖² = c and c': ¼ sinh⁴((asinh(c/2) − asinh(c'/2))/4); 0 only if c = c'.

    The same under all four definitions, since both ends have loss 0. LRR keeps c; IMP has c' = a0² − ‖m⊙w0‖²; WR(t) to one
    weight has c' − c = ‖w_⊥(t)‖².

    >>> round(256 * float(matching_barrier(0.0, 3.75)), 12)  # a∞ = 1 and 2
    1.0
    """
    c, c_next = numbers(c=c, c_next=c_next)
    m = maths(c, c_next)
    with np.errstate(over="ignore"):
        return m.sinh(_asinh_gap(c, c_next) / 4) ** 4 / 4


def _asinh_gap(c: Any, c_next: Any) -> Any:
    """asinh(c/2) − asinh(c'/2), without cancellation where the two have the same sign."""
    m = maths(c, c_next)
    if m is not np:
        return m.asinh(c / 2) - m.asinh(c_next / 2)
    x, y = np.abs(c) / 2, np.abs(c_next) / 2
    root_x, root_y = np.hypot(1, x), np.hypot(1, y)
    slope = (x / 2 + y / 2) / (root_x / 2 + root_y / 2)
    small = np.minimum(x, y) + np.minimum(root_x, root_y)
    close = np.sign(x - y) * np.log1p(np.abs(x - y) * (1 + slope) / small)
    apart = np.arcsinh(c / 2) - np.arcsinh(c_next / 2)
    return np.where(np.sign(c) * np.sign(c_next) < 0, apart, np.where(np.minimum(c, c_next) < 0, -close, close))


def segment_loss(a: ArrayLike, w: ArrayLike, b: ArrayLike, v: ArrayLike, alpha: ArrayLike) -> Array:
    """T10. Population loss at (1 − α)(a, w) + α(b, v), any two neurons. Shapes a, b (…), w, v (…, d), alpha broadcast to (…).

    L = (q − 1)²/4 + q(½ − g(θ)); with d = 1 that is ¼(p − 1)² where w > 0 and ¼(1 + p²) where w < 0.

    >>> segment_loss(1.0, [1.0], 2.0, [0.5], [0.0, 0.5, 1.0]).tolist()
    [0.0, 0.00390625, 0.0]
    """
    (a, w), (b, v), (alpha,) = state(a, w), state(b, v), arrays(alpha=alpha)
    if w.shape[-1] != v.shape[-1]:
        raise ValueError(f"The two neurons have as many inputs each, not {w.shape[-1]} and {v.shape[-1]}.")
    require((alpha >= 0) & (alpha <= 1), alpha, "alpha lies in [0, 1]")
    inner = (1 - alpha)[..., None] * w + alpha[..., None] * v
    q = ((1 - alpha) * a + alpha * b) * np.hypot.reduce(inner, axis=-1)
    return ((q - 1) ** 2 / 4 + q * _decorrelation(angle(inner)))[()]


def _decorrelation(theta: Array) -> Array:
    """½ − g(θ) = ((π − θ)(1 − cos θ) + θ − sin θ)/2π, without cancellation near 0."""
    square = theta * theta
    series = theta * square / 6 * (1 - square / 20 * (1 - square / 42))
    rest = np.where(theta < 0.05, series, theta - np.sin(theta))
    return ((np.pi - theta) * 2 * np.sin(theta / 2) ** 2 + rest) / (2 * np.pi)


def path_barrier(losses: ArrayLike, alpha: ArrayLike, definition: str) -> Array:
    """Barrier of a path with losses (…, k) at points alpha (k,) from 0 to 1: max of L(α) − reference, see ``BARRIERS``.

    >>> [float(path_barrier([0.0, 0.5, 0.25], [0.0, 0.5, 1.0], name)) for name in BARRIERS]
    [0.375, 0.25, 0.375, 0.5]
    """
    losses, alpha = arrays(losses=losses, alpha=alpha)
    if alpha.ndim != 1 or losses.shape[-1:] != alpha.shape or alpha[:1] != 0 or alpha[-1:] != 1:
        raise ValueError(f"Losses (…, k) stand at k points alpha from 0 to 1, not {losses.shape} at {alpha.tolist()}.")
    return (losses - _reference(definition)(losses[..., :1], losses[..., -1:], alpha)).max(-1)


def _reference(definition: str) -> Callable[[Any, Any, Any], Any]:
    if definition not in BARRIERS:
        raise ValueError(f"Definitions of a barrier are {', '.join(BARRIERS)}, not {definition!r}.")
    return BARRIERS[definition]


def sparse_barrier(a: ArrayLike, w: ArrayLike, b: ArrayLike, v: ArrayLike, definition: str) -> Array:
    """T10. The barrier between two sparse neurons (a, w) and (b, v), the exact maximum over the segment; all broadcast.

    With p(α) a parabola, L = ¼(p − 1)² where w > 0 and ¼(1 + p²) where w ≤ 0: the maximum is at an end, where w = 0, or at a
    critical point of one of two polynomials.

    >>> float(sparse_barrier(1.0, 1.0, 0.8, 0.0, "interpolation")), float(sparse_barrier(1.0, 1.0, 0.8, 0.0, "mean-end"))
    (0.0, 0.125)
    """
    reference = _reference(definition)
    a, w, b, v = np.broadcast_arrays(*arrays(a=a, w=w, b=b, v=v))
    turn = np.divide(w, w - v, out=np.zeros_like(w), where=w != v)
    turn = np.where((turn > 0) & (turn < 1), turn, 0.0)
    zero, one = np.zeros_like(a), np.ones_like(a)
    product = np.stack([a * w, a * (v - w) + w * (b - a), (b - a) * (v - w)])
    slope = np.stack([product[1], 2 * product[2]])
    rise = _line_loss(b, v) - _line_loss(a, w) if definition == "interpolation" else zero

    def critical(active: int) -> list[Array]:
        """Where ¼(p² − 2·active·p) rises like the reference: (p − active)p'/2 = rise."""
        cubic = np.stack([*(product[:1] - active), *product[1:], zero]) * slope[0]
        cubic[1:] += np.stack([product[0] - active, *product[1:]]) * slope[1]
        cubic[0] -= 2 * rise
        return [point for low, high in ((zero, turn), (turn, one)) for point in _roots(cubic, low, high)]

    alpha = np.stack([zero, turn, one, *critical(0), *critical(1)])
    inner = np.where((alpha == turn) & (turn > 0), 0.0, (1 - alpha) * w + alpha * v)
    losses = _line_loss((1 - alpha) * a + alpha * b, inner)
    return (losses - reference(losses[0], losses[2], alpha)).max(0)[()]


def _line_loss(a: Array, w: Array) -> Array:
    p = a * w
    return np.where(w > 0, (p - 1) ** 2, 1 + p * p) / 4


def _roots(polynomial: Array, low: Array, high: Array) -> list[Array]:
    """Points of [low, high], among them every sign change of Σ polynomial[k] α^k, by bisection between its extrema."""
    degree = len(polynomial) - 1
    if degree == 0:
        return []
    inner = _roots(polynomial[1:] * np.arange(1, degree + 1).reshape(-1, *[1] * low.ndim), low, high)
    knots = np.sort(np.stack([low, *inner, high]), axis=0)
    left, right = knots[:-1].copy(), knots[1:].copy()
    falling = np.polynomial.polynomial.polyval(right, polynomial[:, None], tensor=False) < 0
    for _ in range(55):
        middle = (left + right) / 2
        beyond = (np.polynomial.polynomial.polyval(middle, polynomial[:, None], tensor=False) < 0) == falling
        left, right = np.where(beyond, left, middle), np.where(beyond, middle, right)
    return list(right)


def matching(loss: ArrayLike, previous: ArrayLike, tolerance: float) -> NDArray[np.bool_]:
    """T10. Does a level reach the loss of the previous one, L ≤ L_previous + ε?

    Relative to the previous level, since a neuron that failed at level 0 stays at ¼ without any barrier.

    >>> matching([0.0, 0.25, 0.25], [0.0, 0.0, 0.25], 0.1).tolist()
    [True, False, True]
    """
    loss, previous, epsilon = arrays(loss=loss, previous=previous, tolerance=tolerance)
    require(epsilon >= 0, epsilon, "A tolerance is at least 0")
    return loss <= previous + epsilon


def tolerance_window(definition: str, c: ArrayLike, c_next: ArrayLike) -> tuple[Array, Array]:
    """T10. (low, high): "barrier ≤ ε iff matching" holds for every end of the level if low ≤ ε < high, of conserved c and c'.

    low = ``matching_barrier``; high = the least barrier of a failed end: 0 for "interpolation" and "worst-end" (no ε works,
    see ``failure_hidden``), ⅛ for "mean-end", ¼ for "first-end".

    >>> [tuple(float(v) for v in tolerance_window(name, 0.0, 0.0)) for name in BARRIERS]
    [(0.0, 0.0), (0.0, 0.0), (0.0, 0.125), (0.0, 0.25)]
    """
    _reference(definition)
    low = matching_barrier(c, c_next)
    return low, np.full(np.shape(low), LEAST_FAILING[definition])[()]


def failure_hidden(definition: str, a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """T10. Does the path from the solution (a, 1/a), a > 0, to the failed end (b, 0) have no barrier, in spite of L: 0 → ¼?

    With ρ = b/a: "interpolation" iff ½ ≤ ρ ≤ 5, "worst-end" iff 0 ≤ ρ ≤ 4 + 2√2, the others never. From there
    p = β(ρ + β(1 − ρ)), β = 1 − α, and L − α/4 = −¼β(1 − β)((1 − ρ)²β² + (1 − ρ²)β + 2ρ − 1) ≤ 0; max p = ρ²/(4(ρ − 1)) ≤ 2.
    Balanced, a = 1 and b = ‖w0_⊥‖. A failed end (0, −√|c'|) always shows: p² > 0 where w < 0.

    >>> failure_hidden("interpolation", 1.0, [0.49, 0.5, 5.0, 5.01]).tolist()
    [False, True, True, False]
    """
    _reference(definition)
    a, b = arrays(a=a, b=b)
    require(a > 0, a, "At a solution a is positive")
    low, high = HIDDEN.get(definition, (np.inf, -np.inf))
    return (b >= low * a) & (b <= high * a) if np.isfinite(low) else np.zeros(np.broadcast_shapes(a.shape, b.shape), bool)[()]
