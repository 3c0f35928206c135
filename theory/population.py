"""T1, T3: loss, gradient and flow of the neuron on the population, x ~ N(0, I_d), teacher φ(x_1).

Symbols: r = ‖w‖, θ = angle(w, e_1) ∈ [0, π], q = a r, c = a² − r². All functions take arrays or sympy expressions.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .maths import maths

__all__ = ["angle", "conserved", "correlation", "gradient", "gradient_moment", "loss", "reduced_flow"]


def conserved(a: Any, w: Any) -> Any:
    """T1. c = a² − ‖w‖², constant along the flow. Shapes a (…), w (…, d); computed as (a − r)(a + r).

    >>> float(conserved(3.0, [1.0, 0.0]))
    8.0
    """
    r = np.linalg.norm(w, axis=-1)
    return (a - r) * (a + r)


def angle(w: ArrayLike) -> NDArray[np.float64]:
    """θ = angle(w, e_1) = atan2(‖w_⊥‖, w_1) ∈ [0, π], shape (…) for w (…, d). θ = 0 where w = 0.

    >>> float(angle([0.0, 2.0])) == np.pi / 2
    True
    """
    w = np.asarray(w, dtype=float)
    return np.atan2(np.linalg.norm(w[..., 1:], axis=-1), w[..., 0])


def correlation(theta: Any) -> Any:
    """T3. g(θ) = E[φ(x_1) φ(ŵ·x)] = (sin θ + (π − θ) cos θ) / 2π, from ½ at θ = 0 down to 0 at π.

    >>> float(correlation(0.0))
    0.5
    """
    m = maths(theta)
    return (m.sin(theta) + (m.pi - theta) * m.cos(theta)) / (2 * m.pi)


def gradient_moment(theta: Any) -> tuple[Any, Any]:
    """T3. E[φ(x_1) x 1{w·x > 0}] = ((π − θ) e_1 + sin θ ŵ) / 2π, by its components along e_1 and along ŵ_⊥.

    >>> [round(float(v), 3) for v in gradient_moment(np.pi / 2)]
    [0.25, 0.159]
    """
    m = maths(theta)
    sin, cos = m.sin(theta), m.cos(theta)
    return ((m.pi - theta) + sin * cos) / (2 * m.pi), sin * sin / (2 * m.pi)


def loss(a: Any, r: Any, theta: Any) -> Any:
    """T3. L = ½ E[(a φ(w·x) − φ(x_1))²] = ¼ + q²/4 − q g(θ), with q = a r.

    >>> loss(2.0, 0.5, 0.0)
    np.float64(0.0)
    """
    q = a * r
    return (1 + q * q) / 4 - q * correlation(theta)


def reduced_flow(a: Any, r: Any, theta: Any) -> tuple[Any, Any, Any]:
    """T3. (ȧ, ṙ, θ̇) of the gradient flow: ȧ = r(g − q/2), ṙ = a(g − q/2), r θ̇ = −(a/2π)(π − θ) sin θ; needs r > 0."""
    m = maths(a, r, theta)
    pull = correlation(theta) - a * r / 2
    return r * pull, a * pull, -(a / r) * (m.pi - theta) * m.sin(theta) / (2 * m.pi)


def gradient(a: ArrayLike, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """T3. (∂L/∂a, ∂L/∂w), the negative velocity of the flow. Shapes a (…), w (…, d) to (…), (…, d). At w = 0: φ'(0) = 0.

    −∂L/∂a = r(g − q/2),  −∂L/∂w = a E[φ(x_1) x 1{w·x > 0}] − a² w/2.

    >>> [v.tolist() for v in gradient(2.0, [1.0, 0.0])]
    [0.5, [1.0, 0.0]]
    """
    a, w = np.asarray(a, dtype=float), np.asarray(w, dtype=float)
    across, theta = np.linalg.norm(w[..., 1:], axis=-1, keepdims=True), angle(w)
    r = np.linalg.norm(w, axis=-1)
    along, side = gradient_moment(theta)
    direction = np.divide(w[..., 1:], across, out=np.zeros_like(w[..., 1:]), where=across > 0)
    moment = np.concatenate([along[..., None], side[..., None] * direction], axis=-1)
    velocity = a[..., None] * moment - (a * a / 2)[..., None] * w
    return r * (a * r / 2 - correlation(theta)), -velocity * (r > 0)[..., None] + 0.0
