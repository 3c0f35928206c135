"""The largest and the smallest |coordinate| of a uniform direction u in R^n, to rounding: what T8's masks depend on.

For k coordinates and s = 1/t² > k, by the Laplace transform of Gaussian weights in ‖w‖²,

    P(|u_1| > t, …, |u_k| > t) = Γ(n/2) s^{1−n/2} · (1/2πi) ∫ e^{zs} z^{−n/2} erfc(√z)^k dz,

k = n is the law of the minimum; the maximum follows by inclusion and exclusion, or from erf(√z)^n in place of erfc(√z)^k, an
entire integrand on a vertical line (n > ``FEW``, where the alternating sum would cancel and the line converges fast). Both
integrals run through the saddle point on the real axis, by the trapezoidal rule.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import binom, erf, erfcx, gammaln
from scipy.stats import beta

__all__ = ["Law", "gauss", "joint_tail", "largest", "panels", "smallest"]

Array = NDArray[np.float64]
FEW = 10


class Law(NamedTuple):
    """A quadrature rule for a random number: values with their probabilities, which sum to 1 within the error."""

    values: Array
    weights: Array


def gauss(order: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss–Legendre on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(order)
    return (x + 1) / 2, w / 2


def panels(edges: Array, order: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss–Legendre between successive ``edges`` (…, p + 1), flattened to (…, p·order)."""
    x, w = gauss(order)
    width = np.diff(edges, axis=-1)[..., None]
    flat = (*edges.shape[:-1], -1)
    return (edges[..., :-1, None] + width * x).reshape(flat), (width * w).reshape(flat)


def joint_tail(n: int, k: int, t: float, density: bool = False) -> float:
    """P(|u_1| > t, …, |u_k| > t) for a uniform direction u in R^n, 1 ≤ k ≤ n, 0 < t; or −d/dt of it.

    >>> round(joint_tail(2, 2, 0.5), 12)  # 1 − (4/π) arcsin ½
    0.333333333333
    """
    s = 1 / (t * t)
    gap = s - k
    if gap <= 0:
        return 0.0

    def slope(log_z: float) -> float:
        """z d/dz of the logarithm of the integrand, increasing in z; (ln erfc√z)' = −1/(√(πz) erfcx√z)."""
        z = np.exp(log_z)
        return float(z * s - n / 2 - k * np.sqrt(z / np.pi) / erfcx(np.sqrt(z)))

    centre = np.exp(brentq(slope, np.log(1e-3 * n / s), np.log(4 * n / gap + 4 * n), xtol=1e-10))
    u = np.linspace(0, 1, 241) * np.sqrt(45 / (centre * gap))
    root = np.sqrt(centre) * (1 + 1j * u)
    z = root * root
    factor = 2 * s**1.5 * (z - (n / 2 - 1) / s) if density else 1.0
    top = centre * gap - n * np.log(centre) / 2 + k * np.log(erfcx(np.sqrt(centre)))
    terms = np.exp(z * gap - n * np.log(z) / 2 + k * np.log(erfcx(root)) - top) * factor * 2 * np.sqrt(centre) * root
    total = np.trapezoid(terms.real, u) / np.pi
    return float(total * np.exp(top + gammaln(n / 2) + (1 - n / 2) * np.log(s)))


def _largest_density(n: int, t: float) -> float:
    """d/dt P(max |u_j| ≤ t)."""
    s = 1 / (t * t)
    if n <= FEW:
        return sum((-1) ** (k + 1) * binom(n, k) * joint_tail(n, k, t, density=True) for k in range(1, n + 1) if k < s)

    def log_ratio(z: Any) -> Any:
        return np.log(erf(np.sqrt(z + 0j)) / np.sqrt(z + 0j))

    def slope(x: float) -> float:
        e = 1e-5 * (1 + abs(x))
        return s + n * float((log_ratio(np.array(x + e)) - log_ratio(np.array(x - e))).real) / (2 * e)

    centre = brentq(slope, -0.5 * n / (n - s) - 200.0, n, xtol=1e-6) if s < n else 0.0
    step = 2 * np.pi / (n + 1)  # the sum is exact, since ‖w‖² of weights in the unit cube lies in [0, n]
    z = centre + 0.12345e-9 + 1j * step * np.arange(0, 60 * n)
    top = float((centre * s + n * log_ratio(np.array(centre + 1e-9))).real)
    terms = np.exp(z * s + n * log_ratio(z) - top) * 2 * s**1.5 * (z - (n / 2 - 1) / s)
    total = step * (terms.real.sum() - terms.real[0] / 2) / np.pi
    return -float(total * np.exp(top + gammaln(n / 2) + (1 - n / 2) * np.log(s)))


def smallest(n: int, order: int = 10) -> Law:
    """A rule for min_j |u_j|.

    >>> law = smallest(9)
    >>> bool(abs(law.weights.sum() - 1) < 1e-12)
    True
    """
    if n == 1:
        return Law(np.ones(1), np.ones(1))
    scale = np.exp(gammaln((n - 1) / 2) - gammaln(n / 2)) * np.sqrt(np.pi) / (2 * n)  # 1/density at 0
    edges = np.unique(np.minimum(scale * np.array([0, 0.5, 1, 2, 4, 8, 16, 30, 60]), 1 / np.sqrt(n)))
    t, w = panels(edges, order)
    return Law(t, w * np.array([joint_tail(n, n, x, density=True) for x in t]))


def largest(n: int, order: int = 10) -> Law:
    """A rule for max_j |u_j|: between the 1/√k, where its density is not smooth; for n > ``FEW`` it is smooth enough.

    >>> law = largest(9)
    >>> bool(abs(law.weights.sum() - 1) < 1e-9)
    True
    """
    if n == 1:
        return Law(np.ones(1), np.ones(1))
    if n <= FEW:
        low, high = (1 / np.sqrt(np.arange(n, 0, -1.0)) for _ in range(2))
        y, weights = gauss(order)
        width = (high[1:] - low[:-1])[:, None]
        t = (low[:-1, None] + width * np.sin(np.pi * y / 2) ** 2).ravel()  # takes square roots at either end
        w = (width * np.pi / 2 * np.sin(np.pi * y) * weights).ravel()
    else:
        share = beta(0.5, (n - 1) / 2)
        low, high = np.sqrt(share.isf(min(1.0, 60 / n))), np.sqrt(share.isf(1e-17 / n))
        t, w = panels(np.linspace(max(low, 1 / np.sqrt(n)), min(high, 1.0), 13), order)
    return Law(t, w * np.array([_largest_density(n, x) for x in t]))
