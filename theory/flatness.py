"""T12: curvature of the population loss, and what pruning at once costs near a minimum.

At a zero-residual minimum a w = e_1 the Hessian is E[∇f ∇fᵀ], for every symmetric isotropic input law with variance σ_x² per
coordinate (1 for N(0, 1), ⅓ for U[-1, 1]). ``hessian`` is that of N(0, I) anywhere; L is C² away from w = 0, at θ = 0 too.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dense_flow import teacher_weights
from .inputs import arrays, numbers, require, state
from .maths import maths
from .population import angle, gradient_moment

__all__ = ["hessian", "prunable_dimension", "pruning_cost", "pruning_gain", "solution_hessian", "solution_spectrum"]

Array = NDArray[np.float64]


def solution_hessian(a: ArrayLike, w: ArrayLike, variance: float = 1.0) -> Array:
    """T12. (σ_x²/2)[[‖w‖², a wᵀ], [a w, a² I]], the Hessian in (a, w_1 … w_d) where a w = e_1. (…), (…, d) to (…, d+1, d+1).

    Elsewhere it is the Gauss–Newton matrix. Raises ValueError for σ_x² ≤ 0.

    >>> solution_hessian(2.0, [0.5, 0.0]).tolist()
    [[0.125, 0.5, 0.0], [0.5, 2.0, 0.0], [0.0, 0.0, 2.0]]
    """
    a, w = state(a, w)
    variance = _variance(variance)
    out = (a * a)[..., None, None] * np.eye(w.shape[-1] + 1)
    out[..., 0, 0] = (w * w).sum(-1)
    out[..., 0, 1:] = out[..., 1:, 0] = a[..., None] * w
    return variance / 2 * out


def solution_spectrum(c: ArrayLike, d: int, variance: float = 1.0) -> Array:
    """T12. Eigenvalues at the teacher with a² − ‖w‖² = c, ascending, (…, d + 1): σ_x² × (0, a²/2 (d − 1 times), (a² + r²)/2).

    0 along the hyperbola a w_1 = 1, a²/2 = (c + √(c² + 4))/4 across, (a² + r²)/2 = √(c² + 4)/2 along the neuron.

    >>> solution_spectrum(0.0, 3).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    (c,), variance = arrays(c=c), _variance(variance)
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or d < 1:
        raise ValueError(f"The number of inputs d is a whole number of at least 1, not {d!r}.")
    across = teacher_weights(c)[0] ** 2 / 2
    values = [np.zeros_like(c), *[np.broadcast_to(across, c.shape)] * (d - 1), np.hypot(c, 2) / 2]
    return variance * np.stack(values, axis=-1)


def _variance(variance: float) -> Any:
    (value,) = arrays(variance=variance)
    require(value > 0, value, "The variance of an input is positive")
    return value


def hessian(a: ArrayLike, w: ArrayLike) -> Array:
    """T12. The Hessian of the population loss in (a, w_1 … w_d) anywhere but at w = 0. (…), (…, d) to (…, d+1, d+1).

    ∂²L/∂a² = r²/2, ∂²L/∂a∂w = a w − V, ∂²L/∂w² = (a²/2)I − (a sin θ/2πr)(I − ŵŵᵀ + ttᵀ), V = E[φ(x_1) x; w·x > 0] and t the
    unit tangent towards e_1: the curvature of r g(θ) is sin θ/πr in the plane of e_1 and w, sin θ/2πr across it. Raises
    ValueError at w = 0.

    >>> bool(np.allclose(hessian(2.0, [0.5, 0.0]), solution_hessian(2.0, [0.5, 0.0])))
    True
    """
    a, w = state(a, w)
    r = np.hypot.reduce(w, axis=-1)
    require(r > 0, r, "The Hessian exists where ‖w‖ > 0")
    d, theta, unit = w.shape[-1], angle(w), w / r[..., None]
    along, side = gradient_moment(theta)
    across = np.hypot.reduce(w[..., 1:], axis=-1, keepdims=True)
    direction = np.divide(w[..., 1:], across, out=np.zeros_like(w[..., 1:]), where=across > 0)
    moment = np.concatenate([along[..., None], side[..., None] * direction], axis=-1)
    tangent = np.concatenate([np.sin(theta)[..., None], -np.cos(theta)[..., None] * direction], axis=-1)
    bend = np.eye(d) - _outer(unit) + _outer(tangent)
    out = np.empty((*a.shape, d + 1, d + 1))
    out[..., 0, 0] = r * r / 2
    out[..., 0, 1:] = out[..., 1:, 0] = a[..., None] * w - moment
    out[..., 1:, 1:] = (a * a / 2)[..., None, None] * np.eye(d) - (a * np.sin(theta) / (2 * np.pi * r))[..., None, None] * bend
    return out


def _outer(v: Array) -> Array:
    return v[..., :, None] * v[..., None, :]


def pruning_cost(a: ArrayLike, pruned: ArrayLike, variance: float = 1.0) -> Array:
    """T12. (a²/4)σ_x²‖pruned w_⊥‖², shapes a (…), pruned (…, k): ½δᵀHδ for zeroing weights across e_1 near the teacher.

    Leading order of what the *training* loss rises by at its own minimum, where label noise has left w_⊥ ≠ 0 (T7). On the
    population the minimum has w_⊥ = 0, and pruning towards it is a gain of this size: ``pruning_gain``.

    >>> float(pruning_cost(2.0, [0.3, 0.4]))
    0.25
    """
    (pruned,), variance = arrays(pruned=pruned), _variance(variance)
    if pruned.ndim == 0:
        raise ValueError(f"The pruned weights have shape (…, k), not {pruned.shape}.")
    (a,) = arrays(a=a)
    return (variance * (a * np.hypot.reduce(pruned, axis=-1) / 2) ** 2)[()]


def pruning_gain(a: Any, first: Any, across: Any, kept: Any = 0.0) -> Any:
    """T12. L before − L after cutting ‖w_⊥‖ from ρ = ``across`` to ρ' = ``kept`` at once, exact on N(0, I); ``first`` is w_1.

    L = ¼ + a²(w_1² + ρ²)/4 − a(ρ + (π − θ)w_1)/2π, so the gain is (a²/4)(ρ² − ρ'²) − a(F(ρ) − F(ρ'))/2π, F = ρ − w_1θ(ρ).
    F grows with ρ (F' = sin²θ), so for a ≥ 0 it is at most ``pruning_cost``; near the teacher F is of third order. Cutting
    everything costs only where F outweighs it: far from the teacher, while w_⊥ grows. Raises ValueError unless 0 ≤ ρ' ≤ ρ.

    >>> float(pruning_gain(1.0, 1.0, 1e-3)) / float(pruning_cost(1.0, [1e-3])) > 0.999
    True
    """
    a, first, across, kept = numbers(a=a, first=first, across=across, kept=kept)
    m = maths(a, first, across, kept)
    if m is np:
        require((kept >= 0) & (kept <= across), kept, "The kept length of w_⊥ lies between 0 and its length")
        bow = _bow(first, across) - _bow(first, kept)
    else:
        bow = across - kept - first * (m.atan2(across, first) - m.atan2(kept, first))
    return a * a / 4 * ((across - kept) * (across + kept)) - a * bow / (2 * m.pi)


def _bow(first: Array, across: Array) -> Array:
    """ρ − w_1 atan(ρ/w_1), F up to a constant: of third order where ρ ≪ |w_1|."""
    with np.errstate(over="ignore"):
        x = np.divide(across, first, out=np.full(np.broadcast_shapes(across.shape, first.shape), np.inf), where=first != 0)
    small = np.abs(x) < 0.02
    square = np.where(small, x, 0.0) ** 2
    series = square / 3 * (1 - square * (3 / 5 - square * (3 / 7 - square / 3)))
    safe = np.where(small, 1.0, x)
    return across * np.where(small, series, 1 - np.arctan(safe) / safe)


def prunable_dimension(eigenvalues: ArrayLike, distance: float, tolerance: float) -> float:
    """How many of D directions can be cut from a well with eigenvalues λ (D,): Σ r_i²/(R² + r_i²), r_i² = 2ε/λ_i.

    A random affine subspace at distance R from the minimum meets {L ≤ ε} when its dimension exceeds D minus this: the bound
    of "Unmasking the Lottery Ticket Hypothesis", as published; not proved again here. Magnitude pruning is not random: at the
    teacher d − 1 of the d weights go at no cost (T12), more than it promises. Raises ValueError for λ < 0, R < 0 and ε ≤ 0.

    >>> round(prunable_dimension([0.0, 0.5, 0.5, 1.0], distance=1.0, tolerance=0.01), 3)
    1.097
    """
    spectrum, far, epsilon = arrays(eigenvalues=eigenvalues, distance=distance, tolerance=tolerance)
    require(spectrum >= 0, spectrum, "Eigenvalues at a minimum are at least 0")
    require(far >= 0, far, "A distance is at least 0")
    require(epsilon > 0, epsilon, "A tolerance is positive")
    return float((2 * epsilon / (spectrum * far**2 + 2 * epsilon)).sum())
