"""T9, mask-0 actions of "Deconstructing Lottery Tickets" on the neuron: pruned weights that are not set to zero.

*Freeze at init*: (a, w_1) train while w_⊥ stays at its initial value, of length ρ = ‖w0_⊥‖ > 0. Since f is not homogeneous in
the trained weights, c is not conserved, and the neuron escapes from every start, slowly: w_1 → ∞ (proved, T9);
a → 0 and L → 0, to no floor, by the asymptotics below, which are tested.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dense_flow import in_basin, teacher_weights
from .inputs import numbers, require, state
from .maths import maths
from .population import conserved

__all__ = ["frozen_asymptote", "frozen_pull", "frozen_velocity", "variant_two_learns"]

Array = NDArray[np.float64]


def frozen_velocity(a: Any, first: Any, rho: Any) -> tuple[Any, Any]:
    """T9. (ȧ, ẇ_1) of the population flow with w_⊥ frozen at length ρ > 0; ``first`` is w_1, all broadcast.

    ȧ = (ρ + (π − θ)w_1)/2π − a r²/2,  ẇ_1 = a((π − θ) + w_1ρ/r²)/2π − a²w_1/2,  r² = w_1² + ρ², θ = atan2(ρ, w_1).

    >>> [round(float(v), 6) for v in frozen_velocity(0.0, 0.0, 1.0)]
    [0.159155, 0.0]
    """
    a, first, rho = numbers(a=a, first=first, rho=rho)
    m = maths(a, first, rho)
    outer, along = _moments(first, rho)
    return outer / (2 * m.pi) - a * (first * first + rho * rho) / 2, a * along / (2 * m.pi) - a * a * first / 2


def _moments(first: Any, rho: Any) -> tuple[Any, Any]:
    """2π r g = ρ + (π − θ)w_1 and (π − θ) + sin θ cos θ; as series where π − θ is small and the terms cancel."""
    m = maths(first, rho)
    if m is not np:
        psi = m.pi - m.atan2(rho, first)
        return rho + psi * first, psi + first * rho / (first * first + rho * rho)
    require(rho > 0, rho, "ρ = ‖w0_⊥‖ is positive")
    psi, r = np.arctan2(rho, -first), np.hypot(first, rho)
    small = np.where(psi < 0.05, psi, 0.0)
    square = small * small
    outer = r * small * square / 3 * (1 - square / 10 * (1 - square / 28))
    along = 2 / 3 * small * square * (1 - square / 5 * (1 - 2 * square / 21 * (1 - square / 18)))
    near = psi < 0.05
    return np.where(near, outer, rho + psi * first), np.where(near, along, psi + first / r * (rho / r))


def frozen_pull(a: Any, first: Any, rho: Any) -> Any:
    """T9. ẇ_1 wherever ȧ = 0: (a/2π)(π − θ) sin²θ. It never vanishes there (ρ > 0, so a > 0): the flow has no critical point.

    Along the slow manifold ȧ = 0 this is the speed of the escape. Arguments as ``frozen_velocity``.

    >>> round(float(frozen_pull(1.0, 0.0, 1.0)), 12)
    0.25
    """
    a, first, rho = numbers(a=a, first=first, rho=rho)
    m = maths(a, first, rho)
    if m is not np:
        return a / (2 * m.pi) * (m.pi - m.atan2(rho, first)) * rho**2 / (first**2 + rho**2)
    require(rho > 0, rho, "ρ = ‖w0_⊥‖ is positive")
    return a / (2 * np.pi) * np.arctan2(rho, -first) * (rho / np.hypot(first, rho)) ** 2


def frozen_asymptote(rho: Any, t: Any) -> tuple[Any, Any, Any]:
    """T9. (a, w_1, L) as t → ∞, whatever the start: w_1 ~ (2ρ²t)^{1/4}, a ~ 1/w_1, L ~ ρ/(4√(2t)) → 0.

    From a ≈ 1/w_1 and ẇ_1 ≈ ρ²/(2w_1³), L ≈ θ²/4. Raises ValueError unless ρ > 0 and t > 0.

    >>> [float(v) for v in frozen_asymptote(1.0, 5000.0)]
    [0.1, 10.0, 0.0025]
    """
    rho, t = numbers(rho=rho, t=t)
    m = maths(rho, t)
    if m is np:
        require(rho > 0, rho, "ρ = ‖w0_⊥‖ is positive")
        require(t > 0, t, "t is positive")
    first = m.sqrt(rho) * m.sqrt(m.sqrt(2 * t))
    return 1 / first, first, rho / (4 * m.sqrt(2 * t))


def variant_two_learns(a0: ArrayLike, w0: ArrayLike) -> NDArray[np.bool_]:
    """T9. Variant 2, population, one-shot to e_1: weights that shrank restart at 0, kept or not. Shapes (…), (…, d) to (…).

    Every w_⊥ shrinks, and w_1 does iff |w0_1| > m∞; at 0 it is dead. So it learns iff the start is in B and w0_1 ≤ m∞(c): fewer
    starts than IMP, the opposite of the order on networks. Variant 1, which spares kept weights, equals zeroing: B.

    >>> variant_two_learns(1.0, [[0.6, 0.8], [2.0, 0.1], [-0.6, 0.8]]).tolist()
    [True, False, False]
    """
    a0, w0 = state(a0, w0)
    return in_basin(a0, w0[..., :1]) & (w0[..., 0] <= teacher_weights(conserved(a0, w0))[1])
