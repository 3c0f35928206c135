"""T6: how long the population flow takes to turn w_1 positive, from a balanced start a0 = ‖w0‖.

Then a = ‖w‖ throughout, θ̇ = −(π − θ) sin θ / 2π whatever the scale, and w_1 = r cos θ crosses zero when θ passes π/2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["escape_angle", "sign_escape_time"]

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def sign_escape_time(theta0: ArrayLike) -> Array:
    """T6. t* = 2π ∫_{π/2}^{θ0} dθ / ((π − θ) sin θ): when w_1 crosses zero; 0 up to π/2, inf at π; any shape.

    At t* itself w_1 = 0: rewinding rescues for t > t*. With ψ = π − θ the integrand is 1/ψ² plus an analytic rest, which
    Gauss–Legendre quadrature takes to rounding. Raises ValueError outside [0, π] and for NaN.

    >>> float(sign_escape_time(np.pi)), float(sign_escape_time(1.0)), round(float(sign_escape_time(np.pi / 2 + 0.3)), 6)
    (inf, 0.0, 1.353194)
    """
    theta0 = np.asarray(theta0, dtype=float)
    outside = ~((theta0 >= 0) & (theta0 <= np.pi))
    if outside.any():
        raise ValueError(f"θ0 is an angle in [0, π], not {theta0[outside].flat[0]}.")
    late = np.maximum(theta0 - np.pi / 2, 0.0)
    psi = np.where(theta0 < np.pi, np.pi / 2 - late, 0.0)
    rest = late / 2 * (_rest(psi[..., None] + late[..., None] * (_NODES + 1) / 2) * _WEIGHTS).sum(-1)
    with np.errstate(divide="ignore"):
        return (2 * np.pi * (late / (psi * np.pi / 2) + rest))[()]


def _rest(psi: Array) -> Array:
    """1/(ψ sin ψ) − 1/ψ², analytic at 0."""
    small = psi < 0.02
    safe = np.where(small, 1.0, psi)
    return np.where(small, 1 / 6 + 7 * psi * psi / 360, (safe - np.sin(safe)) / (safe * safe * np.sin(safe)))


def escape_angle(t: ArrayLike) -> Array:
    """T6. Θ(t), the inverse of t*: balanced starts with a0 > 0 and θ0 < Θ(t) have w_1 > 0 at time t. Θ(0) = π/2, Θ(∞) = π.

    >>> round(float(escape_angle(sign_escape_time(2.5))), 12)
    2.5
    """
    t = np.asarray(t, dtype=float)
    if not (t >= 0).all():
        raise ValueError(f"A time is at least 0, not {t[~(t >= 0)].flat[0]}.")
    low, high = np.full(t.shape, np.pi / 2), np.full(t.shape, np.pi)
    for _ in range(60):
        middle = (low + high) / 2
        before = sign_escape_time(middle) < t
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.where(t == 0, np.pi / 2, np.where(np.isinf(t), np.pi, (low + high) / 2))[()]
