"""T2: the gradient flow of the neuron with one input, in closed form, with or without label noise.

While w keeps its sign only the samples of that *branch* are active. With s = (1/n) Σ x², β = Σ x y / Σ x² over the branch and
p = a w, the flow is ȧ = s w (β − p), ẇ = s a (β − p), and c = a² − w² is constant. At w = 0 it is a Filippov inclusion.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .maths import maths

__all__ = [
    "POPULATION",
    "Branches",
    "branch_flow",
    "branch_statistics",
    "flow",
    "noise_escape_fraction",
    "noise_escape_time",
    "ratio",
]

Array = NDArray[np.float64]


class Branches(NamedTuple):
    """Statistics of coordinate e_1: s± = (1/n) Σ x_1² and β± = Σ x_1 y / Σ x_1² over the samples with x_1 > 0, x_1 < 0."""

    s_plus: Any
    beta_plus: Any
    s_minus: Any
    beta_minus: Any


POPULATION = Branches(0.5, 1.0, 0.5, 0.0)
"""n = ∞, x ~ N(0, 1), whatever the label noise."""


def branch_statistics(x: ArrayLike, y: ArrayLike) -> Branches:
    """s± and β± of inputs x (…, n) with labels y (…, n); β = 0 on an empty branch.

    >>> branch_statistics([1.0, -1.0], [1.0, 0.0])
    Branches(s_plus=np.float64(0.5), beta_plus=np.float64(1.0), s_minus=np.float64(0.5), beta_minus=np.float64(0.0))
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape[-1:] != y.shape[-1:] or not x.shape[-1:] or x.shape[-1] == 0:
        raise ValueError(f"Inputs and labels are arrays (…, n) with n ≥ 1, not of shapes {x.shape} and {y.shape}.")

    def branch(on: NDArray[np.bool_]) -> tuple[Array, Array]:
        square, product = (x * x * on).sum(-1), (x * y * on).sum(-1)
        return square / x.shape[-1], product / np.where(square > 0, square, 1.0)

    return Branches(*branch(x > 0), *branch(x < 0))


def ratio(a0: Any, w0: Any, s: Any, beta: Any, t: Any) -> Any:
    """T2c. v = w/a solves the Riccati equation v̇ = s(β − c v − β v²): a Möbius map of κ = tanh(sωt/2)/ω, ω = √(4β² + c²).

    v(t) = (w0 + (2βa0 − c w0)κ) / (a0 + (c a0 + 2βw0)κ).
    """
    m = maths(a0, w0, s, beta, t)
    c = a0 * a0 - w0 * w0
    omega = m.sqrt(4 * beta * beta + c * c)
    kappa = m.tanh(s * omega * t / 2) / omega
    return (w0 + (2 * beta * a0 - c * w0) * kappa) / (a0 + (c * a0 + 2 * beta * w0) * kappa)


def moebius(a0: Any, w0: Any, beta: Any, kappa: Any) -> tuple[Any, Any]:
    """T2c. (a, w) on one branch at κ = tanh(sωt/2)/ω: numerator and denominator of ``ratio`` over a common root.

    a = (a0 + (c a0 + 2βw0)κ)/√Q,  w = (w0 + (2βa0 − c w0)κ)/√Q,  Q = 1 + 2(a0² + w0²)κ + (c² − 4β² + 8βa0w0)κ².
    """
    c = a0 * a0 - w0 * w0
    square = 1 + 2 * (a0 * a0 + w0 * w0) * kappa + (c * c - 4 * beta * beta + 8 * beta * a0 * w0) * kappa * kappa
    root = maths(a0, w0, beta, kappa).sqrt(square)
    return (a0 + (c * a0 + 2 * beta * w0) * kappa) / root, (w0 + (2 * beta * a0 - c * w0) * kappa) / root


def late_moebius(a0: Any, w0: Any, beta: Any, decay: Any) -> tuple[Any, Any]:
    """``moebius`` in terms of e = exp(−sωt), κω = (1 − e)/(1 + e), free of cancellation for large t; e = 0 is the limit t → ∞.

    Needs ω > 0. With γ = ωS − 4|βp0| = c²(c² + 4β² + 4p0²)/(ωS + 4|βp0|), S = a0² + w0², the coefficients stay accurate near
    c = 0; so do the numerators, a0(ω + c) + 2βw0 = 2|β|(a0 ± w0) + a0(c + c²/(ω + 2|β|)), where a0 ± w0 all but vanishes.
    """
    m = maths(a0, w0, beta, decay)
    p, size = a0 * w0, a0 * a0 + w0 * w0
    c = (a0 - w0) * (a0 + w0)
    omega = m.sqrt(4 * beta * beta + c * c)
    if m is np:
        large = omega + abs(c)
        small = np.divide(4 * beta * beta, large, out=np.zeros_like(omega), where=large > 0)
        more, less = np.where(c > 0, large, small), np.where(c > 0, small, large)  # ω + c and ω − c
        total = omega * size + 4 * abs(beta * p)
        gap = np.divide(c * c * (c * c + 4 * beta * beta + 4 * p * p), total, out=np.zeros_like(omega), where=total > 0)
        first = 2 * c * c + 2 * np.where(beta * p < 0, gap, total)
        third = 2 * c * c - 2 * np.where(beta * p < 0, total, gap)
    else:
        more, less = omega + c, omega - c
        first, third = (2 * (c * c + sign * omega * size + 4 * beta * p) for sign in (1, -1))
    square = first + decay * (16 * beta * (beta - p) + decay * third)

    def top(x: Any, y: Any, rate: Any, side: int) -> Any:
        """x(ω ± c) + 2βy; ``rate`` is ω ± c."""
        far = x * rate + 2 * beta * y
        if m is not np:
            return far
        twice = 2 * abs(beta)
        extra = np.divide(c * c, omega + twice, out=np.zeros_like(omega), where=omega > 0)
        return np.where(abs(c) <= twice, twice * (x + np.sign(beta) * y) + x * (side * c + extra), far)

    a = top(a0, w0, more, 1) + decay * top(a0, -w0, less, -1)
    w = top(w0, a0, less, -1) + decay * top(w0, -a0, more, 1)
    if m is not np:
        return a / m.sqrt(square), w / m.sqrt(square)
    root = np.sqrt(np.maximum(square, 0))
    return tuple(np.divide(v, root, out=np.zeros_like(root), where=root > 0) for v in (a, w))


def branch_flow(a0: ArrayLike, w0: ArrayLike, s: ArrayLike, beta: ArrayLike, t: ArrayLike) -> tuple[Array, Array]:
    """(a(t), w(t)) of the flow on one branch, t ∈ [0, ∞], all arguments broadcast. Leaving the branch is not watched for.

    >>> [round(float(v), 12) for v in branch_flow(1.0, 1.0, 0.5, 4.0, np.inf)]
    [2.0, 2.0]
    """
    a0, w0, s, beta, t = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (a0, w0, s, beta, t)))
    omega = np.hypot(2 * beta, (a0 - w0) * (a0 + w0))
    with np.errstate(invalid="ignore"):
        x = np.where(s * omega > 0, s * omega * t, 0.0)
    early = np.where(x < 1, s * np.where(np.isinf(t), 0.0, t) / 2 * _tanhc(x / 2), 0.0)
    first, second = moebius(a0, w0, beta, early), late_moebius(a0, w0, beta, np.exp(-x))
    still = (omega == 0) & np.isinf(t) & (s > 0) & (a0 * w0 != 0)  # c = β = 0: p decays like 1/t
    both = (np.where(still, 0.0, np.where(x < 1, u, v)) for u, v in zip(first, second, strict=True))
    return tuple(both)  # type: ignore[return-value]


def _tanhc(x: Array) -> Array:
    return np.divide(np.tanh(x), x, out=np.ones_like(x), where=x > 0)


def noise_escape_time(a: ArrayLike, w: ArrayLike, s: ArrayLike, beta: ArrayLike) -> Array:
    """T2b. Time T× at which w, negative with a > 0, crosses zero on a branch with statistics (s, β): (s₋, β₋) of the data.

    T× = (2/(sω)) artanh(ω|w| / (2βa + c|w|)), ω = √(4β² + c²), finite iff a > |w| (c > 0) and β > 0. Evaluated as
    log1p(2u(u + v) / (4βc(β + a|w|)))/(sω) with u = ω|w|, v = 2βa + c|w|, accurate as c → 0. It is 0 for w > 0, inf
    where w never crosses. All arguments broadcast; raises ValueError for s < 0 or NaN.

    >>> round(float(noise_escape_time(1.0, -0.5, 0.5, 0.1)), 6)
    4.224666
    """
    a, w, s, beta = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (a, w, s, beta)))
    if np.isnan(a + w + s + beta).any() or (s < 0).any():
        raise ValueError("noise_escape_time needs numbers a, w, beta and s ≥ 0, without NaN.")
    size = np.abs(w)
    c = (a - size) * (a + size)
    omega = np.hypot(2 * beta, c)
    u, v = omega * size, 2 * beta * a + c * size
    gap = 4 * beta * c * (beta + a * size)
    crosses = (a > 0) & (w <= 0) & (beta > 0) & (c > 0) & (s > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        time = np.log1p(2 * u * (u + v) / gap) / (s * omega)
    return np.where(w > 0, 0.0, np.where(crosses, time, np.inf))[()]


def noise_escape_fraction(a: ArrayLike, w: ArrayLike, s: ArrayLike, spread: ArrayLike, t: ArrayLike) -> Array:
    """T2b. Probability that w, negative with a > 0, has crossed zero by time t, where β₋ ~ N(0, spread²), spread = σ/√(n s₋).

    Φ(−β_c/spread), with β_c(t) the β at which T× = t: T× falls as β grows. ½ at t = ∞ for a > |w|; 0 for a ≤ |w|, 1 for w > 0.
    All arguments broadcast; raises ValueError as ``noise_escape_time``, and for a spread or time below 0.

    >>> round(float(noise_escape_fraction(1.0, -0.5, 0.5, 0.05, 4.224666)), 4)  # Φ(−0.1/0.05)
    0.0228
    """
    from scipy.special import ndtr  # half a second that the command line's help need not spend

    a, w, s, spread, t = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (a, w, s, spread, t)))
    for name, values in (("spread", spread), ("time", t)):
        if not (values >= 0).all():
            raise ValueError(f"A {name} is at least 0, not {values[~(values >= 0)].flat[0]}.")
    low, high = np.full(a.shape, -350.0), np.full(a.shape, 350.0)  # of ln β_c
    for _ in range(70):
        middle = (low + high) / 2
        late = noise_escape_time(a, w, s, np.exp(middle)) > t
        low, high = np.where(late, middle, low), np.where(late, high, middle)
    critical = np.where(np.isinf(t), 0.0, np.exp(high))
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(spread > 0, ndtr(-critical / spread), 0.0)
    able = (a > np.abs(w)) & (w <= 0) & (s > 0)
    return np.where(w > 0, 1.0, np.where(able & (t > 0), chance, 0.0))[()]


def zero_time(a: Array, w: Array, s: Array, beta: Array) -> Array:
    """When w reaches zero on its own branch, from either side: T2b's time after the reflections that keep the flow's form.

    (a, w, β) → (−a, −w, β) and (a, w, β) → (−a, w, −β) map solutions to solutions.
    """
    facing = -np.sign(a) * np.sign(w) * beta
    return np.where(w == 0, 0.0, noise_escape_time(np.abs(a), -np.abs(w), s, facing))


def flow(a0: ArrayLike, w0: ArrayLike, branches: Branches, t: ArrayLike) -> tuple[Array, Array]:
    """T2a–T2c. (a(t), w(t)) of the one-input flow through the kink at w = 0, t ∈ [0, ∞]; all arguments broadcast.

    At w = 0 the one-sided speeds of w are s₋aβ₋ and s₊aβ₊. Where the far side pulls on, w crosses, at most once;
    else it stays at zero for good (Filippov; w0 = 0 exactly is taken as dead, as in every discrete code).

    >>> [round(float(v), 6) for v in flow(1.0, -0.5, Branches(0.5, 1.0, 0.5, 0.1), np.inf)]
    [1.20125, 0.832466]
    """
    a0, w0, *rest, t = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (a0, w0, *branches, t)))
    s_plus, beta_plus, s_minus, beta_minus = rest
    right = w0 > 0
    s, beta = np.where(right, s_plus, s_minus), np.where(right, beta_plus, beta_minus)
    hit = zero_time(a0, w0, s, beta)
    a, w = branch_flow(a0, w0, s, beta, np.minimum(t, hit))
    reached, moving = (t >= hit) & np.isfinite(hit), w0 != 0
    kink = np.where(moving, np.sign(a0) * np.sqrt(np.maximum((a0 - w0) * (a0 + w0), 0)), a0)
    s_far, beta_far = np.where(right, s_minus, s_plus), np.where(right, beta_minus, beta_plus)
    onward = reached & moving & (-np.sign(w0) * kink * beta_far > 0) & (s_far > 0)
    with np.errstate(invalid="ignore"):
        left = np.where(onward, t - np.where(reached, hit, 0.0), 0.0)
    a_far, w_far = branch_flow(kink, np.zeros_like(kink), s_far, beta_far, left)
    end = np.where(reached, kink, a), np.where(reached, 0.0, w)
    return np.where(onward, a_far, end[0])[()], np.where(onward, w_far, end[1])[()]
