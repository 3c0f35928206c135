"""T11: distances to the boundaries of the basins, in coordinates of the plane that two weight vectors span; sign repairs.

Two points (a, w) and (a', w') differ by (a − a')² + ‖w − w'‖², which involves w, w' by their plane alone: rotated so that w is
on the first axis, w = (r, 0) and w' = (x, y), whatever d ≥ 2 is.
"""

import sympy as sp

from ..population import reduced_flow
from ..proof.flows import Group
from ..proof.logic import And, Fact, Formula, Or, both, eq, ge, gt, iff, le, lt
from .claim import OURS, Claim, Part
from .symbols import a, r
from .t4 import BASIN

__all__ = ["APEX", "CLAIMS", "SIDE", "SPARSE_SIDE"]

other, x, y, w, v, across, first = sp.symbols("a_1 x y w w_1p rho w_1", real=True)
SIDE = (a + r) / sp.sqrt(2)
"""Distance to the side of the cone {a ≤ −‖w‖}, where a < r."""
APEX = sp.sqrt(a**2 + r**2)
"""Distance to its apex, the nearest point where a ≥ r."""
SPARSE_SIDE = (a + w) / sp.sqrt(2)
CONE = le(other, -sp.sqrt(x**2 + y**2))
INSIDE = gt(r, 0), gt(a, -r)


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def square(to_a: sp.Expr = other, to_x: sp.Expr = x, to_y: sp.Expr = y) -> sp.Expr:
    """Squared distance from (a, r, 0)."""
    return (a - to_a) ** 2 + (r - to_x) ** 2 + to_y**2


def _dense() -> tuple[Fact, ...]:
    half = (a - r) / 2
    apart = (r - x) ** 2 + y**2
    return (
        Fact("no point of the cone is nearer than its side", ge(square(), SIDE**2), (gt(a, -r), CONE)),
        Fact("the point ((a − r)/2, (r − a)/2 ŵ) is in the cone", le(half, -sp.sqrt(half**2)), (lt(a, r),)),
        Fact("and at that distance", eq(square(half, -half, sp.S.Zero), SIDE**2)),
        Fact("where a ≥ r no point is nearer than the apex", ge(square(), APEX**2), (gt(r, 0), ge(a, r), CONE)),
        Fact("which is in the cone, at that distance", eq(square(sp.S.Zero, sp.S.Zero, sp.S.Zero), APEX**2)),
        Fact("the apex is farther than the side would be, except at a = r", gt(APEX, SIDE), (gt(a, r),)),
        Fact(
            "perturbing w only, a ≤ 0: not nearer than r + a",
            ge(apart, (r + a) ** 2),
            (gt(a, -r), le(sp.sqrt(x**2 + y**2), -a)),
        ),
        Fact("attained at −a ŵ", eq(apart.subs({x: -a, y: 0}), (r + a) ** 2)),
        Fact("a > 0: no w leads into the cone", gt(a, -sp.sqrt(x**2 + y**2)), (gt(a, 0),)),
    )


def _opposite() -> tuple[Fact, ...]:
    apart = (first + x) ** 2 + across**2
    return (
        Fact("w_1 ≤ 0: −x e_1, x ≥ 0, is not nearer than ‖w_⊥‖", ge(apart, across**2)),
        Fact("attained at w_1 e_1", eq(apart.subs(x, -first), across**2)),
        Fact("w_1 > 0: not nearer than ‖w‖, the distance of 0", ge(apart, first**2 + across**2), (gt(first, 0), ge(x, 0))),
    )


def _sparse() -> tuple[Fact, ...]:
    apart = (a - other) ** 2 + (w - v) ** 2
    half = (a - w) / 2
    return (
        Fact("a point with w_1 ≤ 0 is not nearer than w_1", ge(apart, w**2), (gt(w, 0), le(v, 0))),
        Fact("attained at (a, 0)", eq(apart.subs({other: a, v: 0}), w**2)),
        Fact("a point with a ≤ −w_1 is not nearer than (a + w_1)/√2", ge(apart, SPARSE_SIDE**2), (gt(a, -w), le(other, -v))),
        Fact("attained at ((a − w_1)/2, (w_1 − a)/2)", eq(apart.subs({other: half, v: -half}), SPARSE_SIDE**2)),
        Fact("w_1 is the smaller iff a ≥ (√2 − 1)w_1", iff(le(w, SPARSE_SIDE), ge(a, (sp.sqrt(2) - 1) * w))),
        Fact(
            "perturbing w_1 only: outside iff w_1 ≤ max(0, −a)",
            iff(Or((le(v, 0), le(a, -v))), le(v, sp.Max(0, -a))),
        ),
    )


def _repairs() -> tuple[Fact, ...]:
    """T4's basin with r = ‖w‖; θ = π is w_⊥ = 0 ≥ w_1 (w ≠ 0), and a flip changes neither r nor ‖w_⊥‖."""
    polar = gt(r, 0), eq(r**2, first**2 + across**2)
    dense = both(BASIN[0], Or((gt(across, 0), gt(first, 0))))
    flipped = both(BASIN[0], Or((gt(across, 0), gt(-first, 0))))
    sparse = both(gt(w, 0), gt(a, -w))
    return (
        Fact("θ = π iff w_1 = −r, that is w_⊥ = 0 ≥ w_1", iff(eq(first, -r), And((eq(across, 0), le(first, 0)))), polar),
        Fact(
            "w_1 → −w_1 is repaired iff w_⊥ ≠ 0, from w_1 > 0",
            iff(flipped, gt(across, 0)),
            (gt(a, -r), gt(first, 0), ge(across, 0)),
        ),
        Fact("from w_1 ≤ 0 it always is", flipped, (dense, le(first, 0))),
        Fact("other flips keep w_1, ‖w_⊥‖ and ‖w‖, all that the basin involves", eq(x**2 + (-y) ** 2, x**2 + y**2)),
        Fact("a → −a is repaired iff a < r", iff(gt(-a, -r), lt(a, r))),
        Fact("balanced, a = r, it is not: −a = −‖w‖", eq(-a, -r), (eq(a, r),)),
        Fact("at convergence w_⊥ = 0 < w_1, and the flip of w_1 is not", eq(-first, -r), (*polar, eq(across, 0), gt(first, 0))),
        Fact("sparse: w_1 → −w_1 never is", le(-w, 0), (sparse,)),
        Fact("sparse: a → −a iff |a| < w_1", iff(gt(-a, -w), lt(sp.Abs(a), w)), (sparse,)),
    )


def _time() -> tuple[Fact, ...]:
    """1/ψ grows at the rate a/2πr to leading order, and along the ray itself a/r grows by e^{ct/2}."""
    t, c, psi = sp.symbols("t c psi", real=True)
    outer, speed, _ = reduced_flow(a, r, sp.pi)
    turn = -reduced_flow(a, r, sp.pi - psi)[2]
    grown = a / r / (sp.pi * c) * (sp.exp(c * t / 2) - 1)
    return (
        identity("θ = π: (a/r)˙ = (c/2) a/r", (outer * r - a * speed) / r**2, (a**2 - r**2) / 2 * a / r),
        identity("(1/ψ)˙ = −(a/2πr) sin ψ/ψ", -turn / psi**2, -a / (2 * sp.pi * r) * sp.sin(psi) / psi),
        identity("∫(a0/2πr0) e^{ct/2} dt", sp.diff(grown, t), a / r / (2 * sp.pi) * sp.exp(c * t / 2)),
        identity("from 0", grown.subs(t, 0), 0),
        identity(
            "is 1/ψ0 at t = (2/c) ln(1 + πc r0/(a0ψ0))",
            grown.subs(t, 2 / c * sp.log(1 + sp.pi * c * r / (a * psi))),
            1 / psi,
        ),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("the dense basin: to the cone {a ≤ −‖w‖}", _dense()),
        Group("to the ray opposite to e_1", _opposite()),
        Group("the sparse basin", _sparse()),
        Group("which flips of signs are repaired", _repairs()),
        Group("the time a repair takes for c ≥ 0, to leading order in ψ = π − θ", _time()),
    )


CLAIMS = (
    Claim(
        "T11",
        "Robustness",
        "From a rewind point inside, the cone {a ≤ −‖w‖} is at distance (a + r)/√2 for a < r, √(a² + r²) (its apex) for a ≥ r; "
        "by w alone r + a for a ≤ 0, ∞ for a > 0. The ray opposite to e_1 is at ‖w_⊥‖ (w_1 ≤ 0) or ‖w‖. The boundary of the "
        "sparse basin is at min(w_1, (a + w_1)/√2), by w_1 alone w_1 − max(0, −a). A flip of w_1 is repaired unless it leads "
        "to w_⊥ = 0 > w_1, one of a iff a < r, of other weights always; sparse: w_1 never, a iff |a| < w_1.",
        OURS,
        _proof,
        hypotheses=("Euclidean distance in (a, w); d ≥ 2 for the dense basin", "repaired: the flow from there learns as t → ∞"),
        closed_forms=(
            "theory.robustness.dense_distance",
            "theory.robustness.sparse_distance",
            "theory.robustness.opposite_distance",
            "theory.robustness.sign_repaired",
        ),
        false=(
            Fact("the distance is √(a² + r²) also where a < r", ge(square(), APEX**2), (*INSIDE, CONE)),
            Fact("(a + r)/√2 is attained also where a > r", le((a - r) / 2, -sp.sqrt(((a - r) / 2) ** 2)), (*INSIDE,)),
            Fact(
                "sparse: the distance is w_1", ge((a - other) ** 2 + (w - v) ** 2, w**2), (gt(w, 0), gt(a, -w), le(other, -v))
            ),
            Fact("every flip of a is repaired", gt(-a, -r), (*INSIDE,)),
        ),
        assumes=("T2a", "T4"),
    ),
)
