"""T8, T9 by deterministic quadrature: P(mask keeps e_1 and the restart learns) for random starts of the three initialisations.

With W = |w_01|, ρ = ‖w_0⊥‖, r² = W² + ρ² and q = μ or M = ρ·t (t the smallest or largest |coordinate| of a uniform direction,
``theory.directions``), every condition on the learned magnitude m is one on a0, since m > y ⟺ a0² < T(y) = r² − y² + y^{−2}
for y > 0. So a0 is integrated in closed form, and what remains is

    P = E_t E_ρ ∫ 2φ(W/σ_w)/σ_w · P(a0 > −L, a0² ≶ T(y(W, q)) | r) dW,

by Gauss–Legendre in W between the points where the integrand is not smooth, in ρ and in t. L is where a restart stops to learn:

| restart             | learns iff       | L                                                                              |
|---------------------|------------------|--------------------------------------------------------------------------------|
| magnitude W, a = a0 | a0 > −W          | W                                                                              |
| magnitude m, a = a0 | in D and a0 > −m | min(r, ℓ), ℓ² = (r² + √(r⁴ + 8))/4                                             |
| a = a∞              | in D             | r                                                                              |
| magnitude s, a = a0 | a0 > −s          | s, the standard deviation of w0 (only where the mask does not depend on sizes) |

Balanced starts have m = 1 and a sign of a0 that alone decides, so W and q are all there is. No error is bounded rigorously:
``theory.parts`` states how much a coarser rule differs.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import chi

from .directions import Law, largest, panels, smallest
from .initialisations import Balanced, Bounded, Gaussian, Initialisation

__all__ = ["Part", "integral"]

Array = NDArray[np.float64]
Where = Callable[[Array, Array], Array]
REACH = 9.0  # standard deviations; beyond lie 2e-19
ORDER = 10


class Part(NamedTuple):
    """A region of starts: W against q ("W > q", "W < q" or anywhere), and m against y(W, q): "m > y", "m < y" or any."""

    stat: str = ""
    order: str = ""
    bound: str = ""
    y: Where | None = None


LARGEST, SMALLEST = Part("max", "W > q"), Part("min", "W < q")
BOTH_SMALL = Part("min", "W < q", "m < y", lambda W, q: q)
INCREASE = Part("min", "", "m > y", lambda W, q: W - q)
NEW_SIGN = Part("", "", "m > y", lambda W, q: W)
MOVED_BACK = Part("max", "", "m > y", lambda W, q: q - W)
MOVED_FAR, MOVED_LITTLE = Part("max", "", "m > y", lambda W, q: W + q), Part("max", "W > q", "m < y", lambda W, q: W - q)


@lru_cache(maxsize=4096)
def integral(law: Initialisation, d: int, part: Part, limit: str, order: int = ORDER) -> float:
    """P(``part`` and the restart ``limit`` learns | the sign of w_01), d ≥ 2, up to the error of the rule.

    ``limit``: "W", "m", "r" or "s" for a0 > −L in D (see above); "outside W" or "outside s" for −√(r² + L²) < a0 ≤ −r, the
    starts outside D that the final a rescues. The signs of w_01 are independent of all else.

    >>> round(integral(Balanced(), 10, SMALLEST, "r"), 9)
    0.05
    """
    sigma = 1 / np.sqrt(d) if law.sigma_w is None else law.sigma_w
    rho, q, weights = _balanced_rule(d, part, sigma, order) if isinstance(law, Balanced) else _rule(d, part, sigma, order)
    keep = weights > 1e-13 * weights.max()
    rho, q, weights = rho[keep], q[keep], weights[keep]
    top = _top(part, rho, q, sigma)
    edges = np.sqrt(1 - _edges(part, limit, rho, q, top) / top[:, None])[:, ::-1]
    v, width = panels(edges, order)  # W = top (1 − v²): takes the root of T at its zero
    W = top[:, None] * (1 - v * v)
    density = np.sqrt(2 / np.pi) / sigma * np.exp(-0.5 * (W / sigma) ** 2) * 2 * top[:, None] * v
    inner = density * _chance(law, part, limit, W, rho[:, None], q[:, None], d)
    return float(weights @ (width * inner).sum(-1))


def _rule(d: int, part: Part, sigma: float, order: int) -> tuple[Array, Array, Array]:
    """Nodes (t, ρ): ρ, q = t ρ and weights. ρ is cut where q = 1 or ρ = 1, where a condition on m begins to bind."""
    t, share = _direction(part.stat, d - 1, order)
    low, high = chi(d - 1).ppf(1e-18) * sigma, chi(d - 1).isf(1e-18) * sigma
    count = 25 if d == 2 else 11 if d < 8 else 7
    even = np.broadcast_to(low + (high - low) * np.linspace(0, 1, count) ** (2 if d < 4 else 1), (t.size, count))
    cuts = np.stack([np.ones(t.shape), 1 / t], axis=-1)
    rho, width = panels(np.sort(np.concatenate([even, np.clip(cuts, low, high)], axis=-1), axis=-1), order)
    return rho, rho * t[:, None], share[:, None] * width * chi(d - 1).pdf(rho / sigma) / sigma


@lru_cache(maxsize=64)
def _direction(stat: str, n: int, order: int) -> Law:
    if not stat:
        return Law(np.ones(1), np.ones(1))
    return (smallest if stat == "min" else largest)(n, order + 2)


def _balanced_rule(d: int, part: Part, sigma: float, order: int) -> tuple[Array, Array, Array]:
    """Nodes q with the density of the order statistic; ρ only has to be of a possible size, for r² − a0² = 0 at any r."""
    if not part.stat:
        return np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1))
    n = d - 1
    reach = REACH if part.stat == "max" or n < 3 else min(REACH, 60 / n)
    q, width = panels(np.sort(np.append(np.linspace(0, reach * sigma, 17), np.clip(1.0, 0, reach * sigma))), order)
    size = q / sigma
    below = 2 * ndtr(size) - 1 if part.stat == "max" else 2 * ndtr(-size)
    weights = width * n * np.sqrt(2 / np.pi) / sigma * np.exp(-0.5 * size**2) * below ** (n - 1)
    return (q * np.sqrt(n))[None], q[None], weights[None]


def _top(part: Part, rho: Array, q: Array, sigma: float) -> Array:
    """Where the integral over W ends: at q, or where T = ρ² − 2Wq − q² + (W + q)^{−2}, which falls, reaches 0."""
    high = np.full(q.shape, REACH * sigma)
    if part.order == "W < q":
        return np.minimum(high, q)
    if part is not MOVED_FAR:
        return high
    low = 0 * high
    for _ in range(60):
        middle = (low + high) / 2
        positive = rho * rho - (2 * middle + q) * q + (middle + q) ** -2 > 0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    return high


def _edges(part: Part, limit: str, rho: Array, q: Array, top: Array) -> Array:
    """Where W may not be smooth: q, y ∈ {0, 1}, r = 1 and a0² = T = L², on a grid between 0 and ``top``."""
    even = top[:, None] * np.linspace(0, 1, 7)
    cuts = [np.sqrt(np.maximum(1 - rho * rho, 0)), rho, 4 * rho, 1 - q, q - 1]
    cuts += [shift + y for shift in (0 * q, q) for y in (0, 0.25, 0.5, 1, 2)]
    edges = np.concatenate([even, np.stack(cuts, axis=-1)], axis=-1)
    least = np.minimum(q, top) if part.order == "W > q" else 0 * q
    edges = np.sort(np.clip(edges, least[:, None], top[:, None]), axis=-1)
    if part.y is None or limit not in ("W", "m"):
        return edges
    return np.sort(np.concatenate([edges, _crossings(part, limit, edges, rho[:, None], q[:, None])], axis=-1), axis=-1)


def _crossings(part: Part, limit: str, edges: Array, rho: Array, q: Array) -> Array:
    """One more point in each panel: where T = L², if it does there, else anywhere."""

    def gap(W: Array) -> Array:
        y = part.y(W, q)  # type: ignore[misc]
        square = W * W + rho * rho
        with np.errstate(divide="ignore"):
            T = np.where(y > 0, square - y * y + 1 / np.where(y > 0, y * y, 1), np.inf)
        return np.minimum(T, 1e300) - _lower(limit, W, np.sqrt(square), rho, 0) ** 2

    low, high = edges[..., :-1], edges[..., 1:]
    sign = gap(low) > 0
    for _ in range(30):
        middle = (low + high) / 2
        same = (gap(middle) > 0) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low


def _lower(limit: str, W: Array, r: Array, rho: Array, d: int) -> Array:
    """L."""
    if limit == "W":
        return W
    if limit == "m":
        return np.minimum(r, np.sqrt((r * r + np.sqrt(r**4 + 8)) / 4))
    return r if limit == "r" else rho / np.sqrt(d)


def _chance(law: Initialisation, part: Part, limit: str, W: Array, rho: Array, q: Array, d: int) -> Array:
    """P(a0 > −L and the condition on m | W, ρ, q). For "s", W and ρ are √d·|mean| and √d·s: an orthogonal change of axes."""
    square = W * W + rho * rho
    r = np.sqrt(square)
    if limit.startswith("outside"):
        size = _lower(limit.split()[1], W, r, rho, d)
        return _above(law, r, -np.sqrt(square + size * size)) - _above(law, r, -r)
    L = _lower(limit, W, r, rho, d)
    if part.y is None:
        return _above(law, r, -L)
    y = part.y(W, q)
    positive = np.where(y > 0, y, 1.0)
    root = np.sqrt(np.maximum(square - positive**2 + positive**-2, 0))
    if part.bound == "m > y":
        root = np.where(y > 0, root, np.inf)
        return _above(law, r, -np.minimum(L, root)) - _above(law, r, root)
    rest = _above(law, r, root) + np.maximum(_above(law, r, -L) - _above(law, r, -np.minimum(root, L)), 0)
    return np.where(y > 0, rest, 0.0)


def _above(law: Initialisation, r: Array, x: Array) -> Array:
    """P(a0 > x | ‖w0‖ = r)."""
    if isinstance(law, Gaussian):
        return ndtr(-x / law.sigma_a)
    if isinstance(law, Bounded):
        return np.clip((1 - x / r) / 2, 0, 1)
    return ((r > x) * 1.0 + (-r > x)) / 2
