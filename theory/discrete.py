"""T13: gradient descent with step size η, where T1 and the basins of the flow hold only to O(η).

Sparse neuron, on one branch: a' = a + ηs w(β − p), w' = w + ηs a(β − p), p = a w; s and β are ``one_input.Branches``. A step
can jump over w = 0, where the flow would stop; with momentum μ (heavy ball: v' = μv − η∇L, w' = w + v') it does so far sooner.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .inputs import arrays, numbers, require, state
from .maths import maths
from .one_input import Branches
from .population import correlation, gradient

__all__ = [
    "branch_step",
    "crosses",
    "crossing_step",
    "dense_drift",
    "dense_step",
    "drift_factor",
    "ever_jumps",
    "jump_number",
    "momentum_roots",
    "sparse_step",
    "stable",
]

Array = NDArray[np.float64]


def branch_step(a: Any, w: Any, s: Any, beta: Any, eta: Any) -> tuple[Any, Any]:
    """T13. One step of gradient descent on one branch: (a + ηs w(β − p), w + ηs a(β − p)); all broadcast.

    >>> [float(v) for v in branch_step(2.0, -1.0, 0.5, 0.0, 1.0)]
    [1.0, 1.0]
    """
    a, w, s, beta, eta = numbers(a=a, w=w, s=s, beta=beta, eta=eta)
    force = eta * s * (beta - a * w)
    return a + force * w, w + force * a


def sparse_step(a: ArrayLike, w: ArrayLike, branches: Branches, eta: ArrayLike) -> tuple[Array, Array]:
    """T13. One step of the sparse neuron on the branch of its sign; w = 0 stays, as φ'(0) = 0. Raises ValueError for η ≤ 0.

    >>> [float(v) for v in sparse_step(2.0, -1.0, Branches(0.5, 1.0, 0.5, 0.0), 0.5)]
    [1.5, 0.0]
    """
    a, w, *rest = np.broadcast_arrays(*arrays(a=a, w=w, s_plus=branches[0], beta_plus=branches[1], s_minus=branches[2],
                                               beta_minus=branches[3], eta=_step_size(eta)))  # fmt: skip
    s_plus, beta_plus, s_minus, beta_minus, eta = rest
    s = np.where(w > 0, s_plus, np.where(w < 0, s_minus, 0.0))
    return branch_step(a, w, s, np.where(w > 0, beta_plus, beta_minus), eta)


def dense_step(a: ArrayLike, w: ArrayLike, eta: float) -> tuple[Array, Array]:
    """T13. One step of the dense neuron on the population, shapes a (…), w (…, d). Raises ValueError for η ≤ 0.

    >>> [v.tolist() for v in dense_step(1.0, [1.0, 0.0], 0.1)]
    [1.0, [1.0, 0.0]]
    """
    (a, w), eta = state(a, w), _step_size(eta)
    by_a, by_w = gradient(a, w)
    return a - eta * by_a, w - eta * by_w


def _step_size(eta: Any) -> Any:
    (eta,) = numbers(eta=eta)
    if maths(eta) is np:
        require(eta > 0, eta, "A step size is positive")
    return eta


def drift_factor(a: Any, w: Any, s: Any, beta: Any, eta: Any) -> Any:
    """T13. c_{k+1}/c_k = 1 − η²s²(β − p)² on one branch, exact: c = 0 stays, and the sign of c while ηs|β − p| < 1.

    >>> float(drift_factor(2.0, -1.0, 0.5, 0.0, 1.0))
    0.0
    """
    a, w, s, beta, eta = numbers(a=a, w=w, s=s, beta=beta, eta=eta)
    force = eta * s * (beta - a * w)
    return (1 - force) * (1 + force)


def dense_drift(a: Any, r: Any, theta: Any, eta: Any) -> Any:
    """T13. c_{k+1} − c_k of ``dense_step``, exact: −η²[c(g − q/2)² + (a/2π)²(π − θ)² sin²θ], q = a r.

    At c = 0 it is negative: gradient descent carries a0 = −‖w0‖ into the basin, in a time of order η⁻³.

    >>> float(dense_drift(-1.0, 1.0, np.pi / 2, 0.1)) < 0
    True
    """
    a, r, theta, eta = numbers(a=a, r=r, theta=theta, eta=eta)
    m = maths(a, r, theta, eta)
    turn = a * (m.pi - theta) * m.sin(theta) / (2 * m.pi)
    return -(eta**2) * ((a - r) * (a + r) * (correlation(theta) - a * r / 2) ** 2 + turn**2)


def jump_number(a: Any, w: Any, s: Any, beta: Any, eta: Any) -> Any:
    """T13. ηs a(a − β/w), w ≠ 0: the next w has the other sign iff it exceeds 1 (= 1 lands on 0, and stays there).

    For w < 0 it is ηs₋(a² + aβ₋/|w|), noise-free ηs₋a²; for w > 0 it is ηs₊(a² − aβ₊/w).

    >>> float(jump_number(2.0, -1.0, 0.5, 0.0, 1.0))
    2.0
    """
    a, w, s, beta, eta = numbers(a=a, w=w, s=s, beta=beta, eta=eta)
    if maths(a, w, s, beta, eta) is np:
        require(w != 0, w, "w is not 0, where gradient descent stays")
    return eta * s * a * (a - beta / w)


def ever_jumps(a: ArrayLike, w: ArrayLike, s: ArrayLike, eta: ArrayLike) -> NDArray[np.bool_]:
    """T13. Noise-free, from w < 0: does w ever jump over zero? Iff ηs a0² > 1, and then at the first step.

    Else |a|, |w| never grow, as ηs w0² ≤ 2, so no later step jumps. Raises ValueError where ηs a0² ≤ 1 and ηs w0² > 2: there a
    flips and grows, and later jumps happen. Also for w ≥ 0, s < 0 and η ≤ 0.

    >>> ever_jumps([1.5, 1.4], -1.0, 0.5, 1.0).tolist()
    [True, False]
    """
    a, w, s, eta = np.broadcast_arrays(*arrays(a=a, w=w, s=s, eta=_step_size(eta)))
    require(w < 0, w, "w is negative")
    require(s >= 0, s, "s is at least 0")
    h = eta * s
    jumps = h * a * a > 1
    require(jumps | (h * w * w <= 2), h * w * w, "Without a jump at the first step the law needs ηsw0² ≤ 2")
    return jumps[()]


def stable(
    c: ArrayLike, s: ArrayLike, eta: ArrayLike, *, beta: ArrayLike = 1.0, momentum: ArrayLike = 0.0
) -> NDArray[np.bool_]:
    """T13. Is the minimum p = β with a² − w² = c linearly stable? Its curvature is s√(c² + 4β²): ηs√(c² + 4β²) < 2(1 + μ).

    For β = 1, μ = 0 and h = ηs: h√(c² + 4) < 2, which needs h < 1.

    >>> stable([0.0, 3.0], 0.5, 1.2).tolist()
    [True, False]
    """
    c, s, beta, eta = arrays(c=c, s=s, beta=beta, eta=_step_size(eta))
    require(s > 0, s, "s is positive")
    return eta * s * np.hypot(c, 2 * beta) < 2 * (1 + _momentum(momentum))


def _momentum(mu: Any) -> Any:
    (mu,) = numbers(momentum=mu)
    require((mu >= 0) & (mu < 1), mu, "Momentum lies in [0, 1)")
    return mu


def momentum_roots(strength: Any, mu: Any) -> tuple[Any, Any]:
    """T13. Roots of λ² − (1 + μ − κ)λ + μ: w_k on w < 0, noise-free and at constant a, with κ = ``strength`` = ηsa², v_0 = 0.

    Real and in [0, 1) for 0 < κ ≤ (1 − √μ)², complex of modulus √μ up to (1 + √μ)², negative beyond.

    >>> [complex(v) for v in momentum_roots(0.25, 0.25)]
    [(0.5+0j), (0.5+0j)]
    """
    strength, mu = numbers(strength=strength, mu=mu)
    m = maths(strength, mu)
    middle = (1 + mu - strength) / 2
    gap = middle * middle - mu
    root = m.sqrt(gap) if m is not np else np.sqrt(_discriminant(strength, _momentum(mu)) + 0j)
    return middle + root, middle - root


def _discriminant(strength: Array, mu: Array) -> Array:
    """((1 − √μ)² − κ)((1 + √μ)² − κ)/4, exact about its zeros."""
    low, high = _bounds(mu)
    return (low - strength) * (high - strength) / 4


def crosses(a: ArrayLike, s: ArrayLike, eta: ArrayLike, momentum: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """T13. Does w cross zero from w0 < 0, noise-free, v_0 = 0, were a constant? Iff ηs a² > (1 − √μ)²: no real positive roots.

    a changes by O(w0²), so the law is one of small |w0|. With a moving w does not cross if ηs w0² ≤ (1 − √μ)² too (T13), and at
    μ = 0 ``ever_jumps`` is exact. At μ = 0.9 the bound is 0.0026.

    >>> crosses(1.0, 0.5, [0.005, 0.006], 0.9).tolist()
    [False, True]
    """
    a, s, eta, mu = arrays(a=a, s=s, eta=_step_size(eta), momentum=_momentum(momentum))
    require(s >= 0, s, "s is at least 0")
    return eta * s * a * a > _bounds(mu)[0]


def _bounds(mu: Array) -> tuple[Array, Array]:
    """(1 − √μ)², without cancellation near μ = 1, and (1 + √μ)²."""
    root = np.sqrt(mu)
    return ((1 - mu) / (1 + root)) ** 2, (1 + root) ** 2


def crossing_step(strength: ArrayLike, mu: ArrayLike) -> Array:
    """T13. The first step k at which w_k > 0, for ``crosses``' recursion with κ = ``strength`` ≥ 0; inf where it never is.

    For complex roots w_k ∝ μ^{k/2} cos(kφ − δ), cos φ = (1 + μ − κ)/2√μ, tan δ = (1 − κ − μ)/(2√μ sin φ): the first k beyond
    (π/2 + δ)/φ. Real negative roots: k = 1. Near the bound φ ≈ √(excess) and k ~ 1/φ grows without end.

    >>> crossing_step([0.5, 1.5], 0.0).tolist(), float(crossing_step(0.01, 0.9))
    ([inf, 1.0], 24.0)
    """
    strength, mu = np.broadcast_arrays(*arrays(strength=strength, mu=_momentum(mu)))
    require(strength >= 0, strength, "κ is at least 0")
    low, high = _bounds(mu)
    excess, room = strength - low, high - strength
    wave = (excess > 0) & (room > 0) & (mu > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = 2 * np.arctan2(np.sqrt(np.maximum(excess, 0)), np.sqrt(np.maximum(room, 0)))
        delta = np.arctan2(1 - strength - mu, np.sqrt(np.maximum(excess * room, 0)))
        steps = np.floor((np.pi / 2 + delta) / phi) + 1
    return np.where(wave, np.maximum(steps, 1), np.where(excess > 0, 1.0, np.inf))[()]
