"""T7: when magnitude pruning of the dense neuron to one weight keeps e_1.

On the population the direction and the signs of w_⊥ are conserved, and only its length decays; label noise leaves it at a
finite size instead. So a mask is right once θ is small enough, or, with noise, once n is large enough.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from .inputs import arrays, numbers, require, state
from .maths import maths
from .times import _rest

__all__ = ["decay_rate", "keeps_teacher", "mask_probability", "mask_time", "noise_scale", "spread", "turning_time"]

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def decay_rate(a: Any, r: Any, theta: Any) -> Any:
    """T7. ẇ_⊥ = −(a²/2 − a sin θ/2πr) w_⊥ along the population flow, r > 0: a∞²/2 at the teacher, negative while w_⊥ grows.

    a∞² ≈ 1/|c| for c ≪ 0, where training must be long: T ≫ 2|c|.

    >>> float(decay_rate(2.0, 0.5, 0.0))
    2.0
    """
    a, r, theta = numbers(a=a, r=r, theta=theta)
    m = maths(a, r, theta)
    if m is np:
        require(r > 0, r, "r is positive")
    return a * a / 2 - a * m.sin(theta) / (2 * m.pi * r)


def spread(w: ArrayLike) -> Array:
    """T7. κ = max_{j≥2} |w_j|/‖w_⊥‖ of w (…, d), constant along the flow: from 1/√(d − 1) to 1; 0 where w_⊥ = 0.

    >>> float(spread([5.0, 3.0, -4.0]))
    0.8
    """
    _, w = state(0.0, w)
    across = np.abs(w[..., 1:])
    top = across.max(-1, initial=0.0)
    scaled = np.divide(across, top[..., None], out=np.zeros_like(across), where=top[..., None] > 0)
    return np.divide(1.0, np.linalg.norm(scaled, axis=-1), out=np.zeros_like(top), where=top > 0)[()]


def keeps_teacher(theta: ArrayLike, kappa: ArrayLike) -> NDArray[np.bool_]:
    """T7. Does one-shot pruning to the largest |w_j| keep e_1 where w is at angle θ(T)? Iff |cot θ| > κ; a tie is a no.

    θ ∈ [0, π] of the end of the dense phase, κ ≥ 0 the ``spread`` of its start. Both signs of w_1 are kept.

    >>> keeps_teacher([0.5, 1.5, 3.0], 0.8).tolist()
    [True, False, True]
    """
    theta, kappa = arrays(theta=theta, kappa=kappa)
    require((theta >= 0) & (theta <= np.pi), theta, "θ is an angle in [0, π]")
    require(kappa >= 0, kappa, "κ is at least 0")
    return np.abs(np.cos(theta)) > kappa * np.sin(theta)


def mask_time(theta0: ArrayLike, kappa: ArrayLike) -> Array:
    """T7. Balanced, a0 = ‖w0‖: the time after which one-shot pruning keeps e_1 with w_1 > 0, ``turning_time`` to θ = arccot κ.

    0 where θ0 is smaller already. Necessary and sufficient for w_1 > κ‖w_⊥‖; before, the mask is right only while
    w_1 < −κ‖w_⊥‖. Arguments θ0 ∈ [0, π], κ ≥ 0 (``spread``); κ = 0 gives the sign-escape time of T6.

    >>> round(float(mask_time(np.pi / 2 + 0.3, 0.0)), 6), float(mask_time(0.1, 0.5))
    (1.353194, 0.0)
    """
    theta0, kappa = np.broadcast_arrays(*arrays(theta0=theta0, kappa=kappa))
    require(kappa >= 0, kappa, "κ is at least 0")
    return turning_time(theta0, np.minimum(np.arctan2(1.0, kappa), theta0))


def turning_time(theta0: ArrayLike, theta1: ArrayLike) -> Array:
    """T6, T7. 2π ∫_{θ1}^{θ0} dθ/((π − θ) sin θ): the time the balanced flow (a = r) takes from θ0 down to θ1, at any scale.

    0 ≤ θ1 ≤ θ0 ≤ π; inf from π and to 0; 0 where the two are equal. With 1/sin θ split off near 0 and 1/ψ² near π (ψ = π − θ)
    the rest is analytic and Gauss–Legendre quadrature takes it to rounding.

    >>> round(float(turning_time(np.pi / 2 + 0.3, np.pi / 2)), 6), float(turning_time(1.0, 0.0))
    (1.353194, inf)
    """
    start, end = np.broadcast_arrays(*arrays(theta0=theta0, theta1=theta1))
    require((end >= 0) & (start <= np.pi), np.where(end < 0, end, start), "Angles lie in [0, π]")
    require(end <= start, end, "θ decreases from θ0 to a θ1 that is no larger")
    middle = np.clip(np.pi / 2, end, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = 2 * np.pi * (_late(np.maximum(np.pi - start, 0.0), start - middle) + _early(end, middle - end))
    return np.where(start == end, 0.0, total)[()]


def _late(psi: Array, width: Array) -> Array:
    """∫ dψ/(ψ sin ψ) from ψ to ψ + width ≤ π/2."""
    x = psi[..., None] + width[..., None] * (_NODES + 1) / 2
    return np.where(width > 0, width / psi / (psi + width), 0.0) + width / 2 * (_rest(x) * _WEIGHTS).sum(-1)


def _early(theta: Array, width: Array) -> Array:
    """∫ dθ/((π − θ) sin θ) from θ to θ + width ≤ π/2, as (1/π)∫ dθ/sin θ + (1/π)∫ θ dθ/((π − θ) sin θ)."""
    x = theta[..., None] + width[..., None] * (_NODES + 1) / 2
    rest = 1 / ((np.pi - x) * np.sinc(x / np.pi))
    grows = np.log1p(np.sin(width / 2) / (np.cos((theta + width) / 2) * np.sin(theta / 2)))
    return (np.where(width > 0, grows, 0.0) + width / 2 * (rest * _WEIGHTS).sum(-1)) / np.pi


def noise_scale(sigma: ArrayLike, n: ArrayLike, a: ArrayLike, variance: ArrayLike = 1.0) -> Array:
    """T7. σ√(2/n)/(σ_x a∞): standard deviation of each w_j, j ≥ 2, at the minimum of n samples with label noise σ, n ≫ d.

    a w is the least-squares fit on the n/2 samples with w·x > 0, so a w_⊥ ≈ N(0, 2σ²/(nσ_x²)). Raises ValueError for σ < 0,
    n < 1, a ≤ 0 or σ_x² ≤ 0.

    >>> round(float(noise_scale(0.2, 500, 1.0)), 4), round(float(noise_scale(0.2, 500, 1.0, 1 / 3)), 4)
    (0.0126, 0.0219)
    """
    sigma, n, a, variance = arrays(sigma=sigma, n=n, a=a, variance=variance)
    require(sigma >= 0, sigma, "σ is at least 0")
    require(n >= 1, n, "The number of samples n is at least 1")
    require(a > 0, a, "At a solution a is positive")
    require(variance > 0, variance, "The variance of an input is positive")
    return (sigma * np.sqrt(2 / n / variance) / a)[()]


def mask_probability(sigma: float, n: float, d: int, variance: float = 1.0) -> float:
    """T7. P(|w_1| > max_{j≥2} |w_j|) where a w ≈ e_1 + N(0, 2σ²/(nσ_x²) I_d), n ≫ d; near 1 iff n ≫ 4σ² ln(d)/σ_x².

    ∫ φ(z)(2Φ(|1 + z s|/s) − 1)^{d−1} dz, s = ``noise_scale`` at a = 1, whatever a∞ is. Raises as ``noise_scale``.

    >>> mask_probability(0.2, 500, 10), round(mask_probability(5.0, 50, 10), 3)
    (1.0, 0.235)
    """
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or d < 1:
        raise ValueError(f"The number of inputs d is a whole number of at least 1, not {d!r}.")
    s = float(noise_scale(sigma, n, 1.0, variance))
    if s == 0 or d == 1:
        return 1.0
    edges = np.linspace(-9, 9, 145)
    edges = np.sort(np.append(edges, np.clip(-1 / s, -9, 9)))
    width = np.diff(edges)[:, None]
    z = edges[:-1, None] + width * (_NODES + 1) / 2
    inside = erf(np.abs(z + 1 / s) / np.sqrt(2)) ** (d - 1)
    total = (inside * np.exp(-z * z / 2) * width / 2 * _WEIGHTS).sum() / np.sqrt(2 * np.pi)
    return float(min(total, 1.0))
