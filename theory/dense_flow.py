"""T3, T4, T6: the dense flow on the population, at any time and in the limit.

The flow stays in the plane of e_1 and w0, and the direction of w_⊥ is conserved (T7), so three coordinates suffice: a, w_1 and
ρ = ‖w_⊥‖. At finite times they are integrated by an embedded Runge–Kutta pair, each trial with its own steps; where
c ≪ 0 makes them stiff, by ``stiff_flow``.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import RK45

from . import one_input
from .maths import maths
from .stiff_flow import is_stiff, stiff_flow

__all__ = ["dense_limit", "in_basin", "population_flow", "teacher_weights"]

Array = NDArray[np.float64]
TOLERANCE = 1e-10
GONE = 1e-140
"""‖w‖ at which w, decaying with a < 0, is left as it is: its square is no float soon after."""
SMALL = 1e-12
"""‖w‖/|a| below which it decays at a constant rate."""


def teacher_weights(c: ArrayLike) -> tuple[Array, Array]:
    """T4. (a∞, m∞) with a∞ m∞ = 1 and a∞² − m∞² = c: a∞ = √((c + √(c² + 4))/2), without cancellation for c < 0.

    >>> [float(v) for v in teacher_weights(0.0)]
    [1.0, 1.0]
    """
    c = np.asarray(c, dtype=float)
    large = larger_weight(np.abs(c))
    return np.where(c >= 0, large, 1 / large)[()], np.where(c >= 0, 1 / large, large)[()]


def larger_weight(size: Any) -> Any:
    """√((|c| + √(c² + 4))/2), the larger of a∞ and m∞; arrays or sympy expressions.

    >>> float(larger_weight(1.5))
    1.4142135623730951
    """
    m = maths(size)
    root = np.hypot(size, 2) if m is np else m.sqrt(size**2 + 4)
    return m.sqrt((size + root) / 2)


def in_basin(a: ArrayLike, w: ArrayLike) -> NDArray[np.bool_]:
    """T4. D = {a > −‖w‖, w ≠ 0, θ ≠ π}: the starts from which the dense flow reaches the teacher. Shapes a (…), w (…, d).

    For d = 1 this is B = {w > 0, a > −w} (T2a).

    >>> in_basin([0.5, -2.0], [[-1.0, 1e-9], [1.0, 1.0]]).tolist()
    [True, False]
    """
    a, w = np.asarray(a, dtype=float), np.asarray(w, dtype=float)
    aligned = (w[..., 1:] != 0).any(-1) | (w[..., 0] > 0)
    return (a > -np.linalg.norm(w, axis=-1)) & aligned


def dense_limit(a0: ArrayLike, w0: ArrayLike) -> tuple[Array, Array]:
    """T4. The limit (a, w) of the dense flow as t → ∞, shapes (…), (…, d).

    Inside D the teacher (a∞, m∞e_1). Outside: θ0 = π keeps its ray (T2a with w < 0), every other start tends to (−√c, 0).

    >>> dense_limit(0.0, [0.0, 1.5])[1].round(6).tolist()
    [1.621789, 0.0]
    """
    a0, w0 = np.asarray(a0, dtype=float), np.asarray(w0, dtype=float)
    learns = in_basin(a0, w0)
    r = np.linalg.norm(w0, axis=-1)
    c = (a0 - r) * (a0 + r)
    outer, inner = teacher_weights(c)
    opposite = ~(w0[..., 1:] != 0).any(-1) & (w0[..., 0] < 0)
    root = np.sqrt(np.abs(c))
    a = np.where(learns, outer, np.where(r == 0, a0, np.where(c > 0, np.sign(a0) * root, 0.0)))
    first = np.where(learns, inner, np.where(opposite & (c < 0), -root, 0.0))
    return a, first[..., None] * (np.arange(w0.shape[-1]) == 0)


def population_flow(a0: ArrayLike, w0: ArrayLike, t: ArrayLike) -> tuple[Array, Array]:
    """T3. (a(t), w(t)) of the dense population flow, 0 ≤ t < ∞; shapes a0 (…), w0 (…, d), t (…). Relative error about 1e-8.

    Where w decays with a < 0 it stays at what it is when ‖w‖ falls below 1e-140. Raises ValueError for other times.

    >>> a, w = population_flow(1.0, [-0.6, 0.8], 50.0)
    >>> bool(abs(a * w[0] - 1) < 1e-9)
    True
    """
    a0, w0 = np.asarray(a0, dtype=float), np.asarray(w0, dtype=float)
    a0 = np.broadcast_to(a0, w0.shape[:-1])
    time = np.broadcast_to(np.asarray(t, dtype=float), a0.shape).ravel()
    if not ((time >= 0) & (time < np.inf)).all():
        raise ValueError(f"The population flow is integrated to times 0 ≤ t < ∞, not {t!r}; dense_limit gives its limit.")
    across = np.linalg.norm(w0[..., 1:], axis=-1)
    state = np.stack([a0.ravel(), w0[..., 0].ravel(), across.ravel()])
    r = np.hypot(state[1], state[2])
    line = state[2] == 0
    stiff = ~line & is_stiff((state[0] - r) * (state[0] + r), time)
    plane = ~line & ~stiff
    state[:, stiff] = stiff_flow(state[0, stiff], state[1, stiff], state[2, stiff], time[stiff])
    state[:, plane] = _integrate(state[:, plane], time[plane])
    state[:2, line] = one_input.flow(state[0, line], state[1, line], one_input.POPULATION, time[line])
    a, along, side = state.reshape(3, *a0.shape)
    w = w0 * np.divide(side, across, out=np.ones_like(side), where=across > 0)[..., None]
    w[..., 0] = along
    return a, w


def _fan(psi: Array) -> Array:
    """ψ − sin ψ cos ψ; near 0, where it is of third order, by its series."""
    square = psi * psi
    series = 2 / 3 * psi * square * (1 - square / 5 * (1 - 2 * square / 21 * (1 - square / 18)))
    return np.where(psi < 0.05, series, psi - np.sin(psi) * np.cos(psi))


def _velocity(y: Array) -> Array:
    a, along, log_side = y
    side = np.exp(log_side)
    r2 = along * along + side * side
    psi = np.atan2(side, -along)  # π − θ, accurate near θ = π
    sink = side / (2 * np.pi * np.where(r2 > 0, r2, 1.0))
    pull = _fan(psi) / (2 * np.pi)
    outer = along * pull + side * side * sink  # r g(θ)
    return np.stack([outer - a * r2 / 2, a * (pull - a * along / 2), a * (sink - a / 2)])


def _integrate(y: Array, t: Array) -> Array:
    """Dormand–Prince 5(4) for (a, w_1, ln ρ), a step size for each column, until it has arrived or can move no more."""
    y = np.stack([y[0], y[1], np.log(y[2])])
    out = y.copy()
    left, index = t.copy(), np.arange(y.shape[1])
    k0, h = _velocity(y), 0.02 / (1 + y[0] ** 2 + y[1] ** 2 + np.exp(2 * y[2]))
    while index.size:
        h = np.minimum(h, left)
        new, k1, worst = _step(y, k0, h)
        good = worst <= 1
        y, k0 = np.where(good, new, y), np.where(good, k1, k0)
        left = np.where(good, left - h, left)
        h = h * np.clip(0.9 * np.maximum(worst, 1e-10) ** -0.2, 0.2, 5.0)
        fading = (y[0] < 0) & (np.hypot(y[1], np.exp(y[2])) < SMALL * -y[0])
        done = (left <= 0) | fading | _arrived(y, k0)
        out[:, index[done]] = _onward(y[:, done], k0[:, done], left[done], fading[done])
        y, k0, left, h, index = y[:, ~done], k0[:, ~done], left[~done], h[~done], index[~done]
    return np.stack([out[0], out[1], np.exp(out[2])])


def _onward(y: Array, velocity: Array, left: Array, fading: NDArray[np.bool_]) -> Array:
    """What is left of the way where the rates no longer change: that of ln ρ, and that of ln |w_1| where w fades (T4)."""
    rate = np.where(fading, np.divide(velocity[1], y[1], out=np.zeros_like(left), where=fading), 0.0)
    until = np.divide(np.log(GONE / np.hypot(y[1], np.exp(y[2]))), rate, out=left.copy(), where=rate < 0)
    left = np.clip(until, 0.0, left)
    return np.stack([y[0], y[1] * np.exp(rate * left), y[2] + velocity[2] * left])


def _step(y: Array, k0: Array, h: Array) -> tuple[Array, Array, Array]:
    """The state a step later, the velocity there, and the error in units of the tolerance (inf where the step overflows)."""
    ks = [k0]
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(1, 6):
            ks.append(_velocity(y + h * sum(c * k for c, k in zip(RK45.A[i], ks, strict=False) if c)))
        new = y + h * sum(b * k for b, k in zip(RK45.B, ks, strict=True) if b)
        ks.append(_velocity(new))
        error = np.abs(h * sum(e * k for e, k in zip(RK45.E, ks, strict=True) if e))
        worst = np.max(error / _scale(new), axis=0) / TOLERANCE
    return new, ks[-1], np.nan_to_num(worst, nan=np.inf)


def _arrived(y: Array, velocity: Array) -> NDArray[np.bool_]:
    """At the teacher, where the flow contracts, and slower than rounding: nothing but ln ρ moves any more."""
    side = np.exp(y[2])
    near = (np.abs(y[0] * y[1] - 1) < 1e-6) & (side < 1e-6 * y[1])
    return near & (
        np.max([np.abs(velocity[0]), np.abs(velocity[1]), side * np.abs(velocity[2])], axis=0) < 1e-13 * _scale(y)[0]
    )


def _scale(y: Array) -> Array:
    """What errors are compared with: |a|, |w_1| with a floor of a thousandth of the whole, and 1 for the logarithm."""
    floor = 1e-3 * np.sqrt(y[0] ** 2 + y[1] ** 2 + np.exp(2 * y[2])) + 1e-300
    return np.stack([np.abs(y[0]) + floor, np.abs(y[1]) + floor, np.ones_like(floor)])
