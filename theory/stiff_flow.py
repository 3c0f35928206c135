"""T3: the dense flow on the population where c = a² − ‖w‖² < 0 and time is long, so that ‖w‖ ≫ |a| makes it stiff.

There a = √|c| sinh u and ‖w‖ = √|c| cosh u keep c exactly, and with T = ln tan(θ/2), so that w_1 = −‖w‖ tanh T and
‖w_⊥‖ = ‖w‖/cosh T, the flow of T3 is

    u̇ = g − (|c|/4) sinh 2u,   Ṫ = −(tanh u/2π) ψ,   ψ = π − θ = 2 arctan e^{−T},   g = (sin ψ − ψ cos ψ)/2π.

u settles at a rate of |c|/2 or more, T moves slowly, without end. A linearly implicit Euler step with the Jacobian of the
step's start, extrapolated to order ``ORDER``, is stable whatever the rate, each trial with its own steps (Deuflhard's SEULEX;
Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.9).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_stiff", "stiff_flow"]

Array = NDArray[np.float64]
ORDER = 10
"""Euler steps in the finest of the divisions 1, 2, … of a step. The sum of the extrapolation's weights costs four digits."""
TOLERANCE = 1e-10
STIFF = 100.0
"""|c| t from which this integrator is cheaper than an explicit one."""
SMALL = 0.1
"""ψ below which g, of third order there, comes from its series."""


def is_stiff(c: Array, t: Array) -> NDArray[np.bool_]:
    """Where ``stiff_flow`` pays: c < 0 and |c| t ≥ 100."""
    return -c * t >= STIFF


def stiff_flow(a: Array, along: Array, side: Array, t: Array) -> Array:
    """(a, w_1, ‖w_⊥‖) of shape (3, B) a time t later, all arguments (B,); needs a² < w_1² + ‖w_⊥‖² and ‖w_⊥‖ > 0.

    >>> a, along, side = stiff_flow(np.zeros(1), np.array([-1.0]), np.array([2.0]), np.array([5000.0]))[:, 0]
    >>> bool(abs(a * along - 1) < 1e-9 and 0 < side < 1e-9)
    True
    """
    r = np.hypot(along, side)
    size = np.sqrt((r - a) * (r + a))
    y = np.stack([np.arcsinh(a / size), -np.sign(along) * np.log((r + np.abs(along)) / side)])
    u, T = _integrate(y, size * size, t.copy())
    r = size * np.cosh(u)
    with np.errstate(over="ignore"):
        return np.stack([size * np.sinh(u), -r * np.tanh(T), r / np.cosh(T)])


def _parts(y: Array) -> tuple[Array, Array, Array]:
    """ψ, sin ψ and cos ψ from T, accurate at both ends."""
    e = np.exp(-np.abs(y[1]))
    small, one = np.arctan(e), 1 + e * e
    return 2 * np.where(y[1] >= 0, small, np.pi / 2 - small), 2 * e / one, np.sign(y[1]) * (1 - e * e) / one


def _velocity(y: Array, c: Array) -> Array:
    psi, sine, cosine = _parts(y)
    square = psi * psi
    series = psi * square / 3 * (1 - square / 10 * (1 - square / 28 * (1 - square / 54)))
    g = np.where(psi < SMALL, series, sine - psi * cosine) / (2 * np.pi)
    return np.stack([g - c / 4 * np.sinh(2 * y[0]), -np.tanh(y[0]) / (2 * np.pi) * psi])


def _jacobian(y: Array, c: Array) -> tuple[Array, Array, Array, Array]:
    """Rows first: ∂u̇/∂u, ∂u̇/∂T, ∂Ṫ/∂u, ∂Ṫ/∂T, with dψ/dT = −sin ψ and dg/dψ = ψ sin ψ/2π."""
    psi, sine, _ = _parts(y)
    flat, slope = np.tanh(y[0]) / (2 * np.pi), psi / (2 * np.pi)
    return -c / 2 * np.cosh(2 * y[0]), -slope * sine * sine, -slope / np.cosh(y[0]) ** 2, flat * sine


def _integrate(y: Array, c: Array, left: Array) -> Array:
    out, index = y.copy(), np.arange(y.shape[1])
    h = 0.02 / (1 + c * np.cosh(2 * y[0]))
    while index.size:
        h = np.minimum(h, left)
        with np.errstate(over="ignore", invalid="ignore"):
            move, worst = _step(y, c, h)
        good = worst <= 1
        y, left = np.where(good, y + move, y), np.where(good, left - h, left)
        h = h * np.clip(0.9 * np.maximum(worst, 1e-20) ** (-1 / ORDER), 0.1, 10.0)
        done = left <= 0
        if done.any():
            out[:, index[done]] = y[:, done]
            y, c, left, h, index = y[:, ~done], c[~done], left[~done], h[~done], index[~done]
    return out


def _step(y: Array, c: Array, h: Array) -> tuple[Array, Array]:
    """What y moves by in a step, and the error in units of the tolerance (inf where the step overflows)."""
    first, jacobian = _velocity(y, c), _jacobian(y, c)
    finer: list[Array] = []
    for n in range(1, ORDER + 1):
        row = [_euler(y, c, h, n, first, jacobian)]
        for k in range(1, n):
            row.append(row[-1] + (row[-1] - finer[k - 1]) / (n / (n - k) - 1))
        finer = row
    move, error = finer[-1], np.abs(finer[-1] - finer[-2])
    scale = np.stack([np.abs(np.tanh(y[0] + move[0])) + 1e-3, np.maximum(1.0, np.abs(move[1]))])
    return move, np.nan_to_num(np.max(error / scale, axis=0) / TOLERANCE, nan=np.inf)


def _euler(y: Array, c: Array, h: Array, n: int, first: Array, jacobian: tuple[Array, ...]) -> Array:
    """n steps (n/h − J) δ = ẏ: the sum of all δ."""
    j11, j12, j21, j22 = jacobian
    m11, m22 = n / h - j11, n / h - j22
    determinant = m11 * m22 - j12 * j21
    solve = np.array([[m22, j12], [j21, m11]]) / determinant
    move, velocity = np.zeros_like(y), first
    for i in range(n):
        if i:
            velocity = _velocity(y + move, c)
        move = move + (solve * velocity).sum(1)
    return move
