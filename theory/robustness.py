"""T11: how far a rewind point lies from the boundary of its basin, and which perturbations of signs training repairs.

The dense basin is D = {a > −‖w‖, θ ≠ π}, d ≥ 2. Its complement is the solid cone {a ≤ −‖w‖} and the *opposite ray*
{w_⊥ = 0, w_1 ≤ 0}, a null set whose neighbours escape late. The sparse basin is B = {w_1 > 0, a > −w_1}. Distances: Euclidean.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dense_flow import in_basin
from .inputs import arrays, require, state

__all__ = ["dense_distance", "opposite_distance", "repair_time", "sign_repaired", "sparse_distance"]

Array = NDArray[np.float64]


def dense_distance(a: ArrayLike, w: ArrayLike, *, weights_only: bool = False) -> Array:
    """T11. Distance from (a, w) to the cone {a ≤ −‖w‖}, shapes a (…), w (…, d ≥ 2); 0 inside the cone.

    Perturbing a and w: (a + r)/√2 where a < r, else √(a² + r²), the nearest point being the apex. Perturbing w only: r + a
    where a ≤ 0, inf where a > 0. Raises ValueError for d = 1, where D = B.

    >>> dense_distance([0.0, 2.0], [[2.0, 0.0], [0.0, 1.0]]).round(6).tolist()
    [1.414214, 2.236068]
    """
    a, w = _plane(a, w)
    r = np.hypot.reduce(w, axis=-1)
    if weights_only:
        return np.where(a > 0, np.inf, np.maximum(r + a, 0.0))[()]
    return np.where(a < r, np.maximum(a + r, 0.0) / np.sqrt(2), np.hypot(a, r))[()]


def opposite_distance(a: ArrayLike, w: ArrayLike) -> Array:
    """T11. Distance from w to the closed ray {w_⊥ = 0, w_1 ≤ 0}: ‖w_⊥‖ where w_1 ≤ 0, else ‖w‖; whatever a is.

    In d = 2 the ray has codimension one; in every d its neighbours escape, but late (``repair_time``).

    >>> opposite_distance(1.0, [[-3.0, 0.5], [3.0, 4.0]]).tolist()
    [0.5, 5.0]
    """
    a, w = _plane(a, w)
    across: Array = np.hypot.reduce(w[..., 1:], axis=-1)
    return np.where(w[..., 0] <= 0, across, np.hypot(w[..., 0], across))[()]


def _plane(a: ArrayLike, w: ArrayLike) -> tuple[Array, Array]:
    outer, inner = state(a, w)
    require(inner.shape[-1] >= 2, inner.shape[-1], "The dense neuron has d ≥ 2 inputs")
    return outer, inner


def sparse_distance(a: ArrayLike, first: ArrayLike, *, weights_only: bool = False) -> Array:
    """T11. Distance from (a, w_1) to the complement of B; 0 outside B. ``first`` is w_1, both broadcast.

    Perturbing both: min(w_1, (a + w_1)/√2), where w_1 is the smaller iff a ≥ (√2 − 1)w_1. Perturbing w_1 only:
    w_1 − max(0, −a).

    >>> sparse_distance([1.0, 0.0, -0.5], 1.0).round(6).tolist()
    [1.0, 0.707107, 0.353553]
    """
    a, first = arrays(a=a, first=first)
    if weights_only:
        return np.maximum(first - np.maximum(-a, 0.0), 0.0)[()]
    return np.maximum(np.minimum(first, (a + first) / np.sqrt(2)), 0.0)[()]


def sign_repaired(
    a: ArrayLike, w: ArrayLike, flips: ArrayLike = False, *, outer: ArrayLike = False, sparse: bool = False
) -> NDArray[np.bool_]:
    """T11. Does the flow still learn after w_j → −w_j where ``flips`` (…, d), and a → −a where ``outer`` (…)?

    From a point of D: flips in w are repaired unless w_⊥ = 0 and w_1 flips (so never at exact convergence); the flip of a iff
    a < ‖w‖ (balanced: not); all of them together iff both. ``sparse``: only w_1 is trained. From B the flip of w_1 is
    never repaired, that of a iff |a| < w_1, those of other coordinates always. From elsewhere the flipped point decides too.

    >>> w = [[0.8, 0.6], [0.8, 0.0], [0.8, 0.6]]
    >>> sign_repaired(1.0, w, flips=[True, False]).tolist(), sign_repaired(1.0, w, outer=[True, False, True]).tolist()
    ([True, False, True], [False, True, False])
    """
    a, w = state(a, w)
    flips, outer = np.asarray(flips), np.asarray(outer)
    if flips.dtype != bool or outer.dtype != bool:
        raise ValueError(f"Flips are True or False, not {(flips if flips.dtype != bool else outer).tolist()!r}.")
    try:
        changed, turned = np.where(flips, -w, w), np.where(outer, -a, a)
    except ValueError:
        raise ValueError(f"Flips of shapes {flips.shape} and {outer.shape} do not fit w of shape {w.shape}.") from None
    return in_basin(turned, changed[..., :1] if sparse else changed)[()]


def repair_time(a: ArrayLike, r: ArrayLike, psi: ArrayLike) -> Array:
    """T11, T4. Time until w_1 > 0 from ψ = π − θ near 0 with a > 0, e.g. after the flip of w_1; leading order as ψ → 0.

    On the opposite ray a/r = (a0/r0)e^{ct/2}, so d(1/ψ)/dt = −a/(2πr) gives (2/c) ln(1 + πc r0/(a0ψ)), 2πr0/(a0ψ) for c = 0.
    For c < 0 the ray ends at a = 0, r = √|c|, 1/ψ' = 1/ψ − a0/(πr0|c|); then a follows g as ψ³/(3πr): (3π²/2)|c|/ψ'⁴.
    Raises ValueError unless a, r > 0 and 0 < ψ ≤ π.

    >>> [float(t) for t in repair_time([1.0, 2.0], 1.0, 2e-3 * np.pi).round(2)]
    [1000.0, 4.41]
    """
    a, r, psi = np.broadcast_arrays(*arrays(a=a, r=r, psi=psi))
    require((a > 0) & (r > 0), np.minimum(a, r), "a and r are positive")
    require((psi > 0) & (psi <= np.pi), psi, "ψ lies in (0, π]")
    c = (a - r) * (a + r)
    safe = np.where(c == 0, 1.0, c)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        free = r / a / psi
        along = np.where(c == 0, 2 * np.pi * free, 2 / safe * np.log1p(np.pi * safe * free))
        slow = 1.5 * np.pi**2 * np.abs(c) * (1 / psi - a / (np.pi * r * np.abs(safe))) ** 4
    return np.where(c >= 0, along, np.where(np.pi * np.abs(c) * free < 1, along, slow))[()]
