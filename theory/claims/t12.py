"""T12: the Hessian of the population loss by differentiation, its spectrum at the teacher, and what pruning costs there."""

import sympy as sp

from ..derivations import second_moment
from ..flatness import pruning_gain
from ..population import gradient_moment, loss
from ..proof.flows import Group, Node, Step
from ..proof.logic import And, Fact, Formula, eq, ge, le
from .claim import OURS, Claim, Part
from .symbols import a, c, r, theta
from .t4 import LIMIT

__all__ = ["CLAIMS", "FRAME", "HESSIAN", "POINT", "solution"]

phi, x, y, z, w_1, rho, kept, bow, bow_kept = sp.symbols("phi x y z w_1 rho rho_1 F F_1", real=True)
FRAME = ("a", "w_1", "w_2", "w_3")
UNIT = (sp.cos(theta), sp.sin(theta) * sp.cos(phi), sp.sin(theta) * sp.sin(phi))
TANGENT = (sp.sin(theta), -sp.cos(theta) * sp.cos(phi), -sp.cos(theta) * sp.sin(phi))
"""The unit tangent towards e_1."""
POINT = (a, *(r * u for u in UNIT))
"""(a, w) with w_⊥ at azimuth φ; more inputs than three differ only by a rotation about e_1."""


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def partial(f: sp.Expr, i: int) -> sp.Expr:
    """∂f/∂a or ∂f/∂w_i of a function of (a, r, θ, φ): ∂r/∂w = ŵ, ∂θ/∂w = −t/r, ∂φ/∂w = (−w_3, w_2)/‖w_⊥‖² across."""
    if i == 0:
        return sp.diff(f, a)
    turn = (sp.S.Zero, -sp.sin(phi), sp.cos(phi))[i - 1] / (r * sp.sin(theta))
    return UNIT[i - 1] * sp.diff(f, r) - TANGENT[i - 1] / r * sp.diff(f, theta) + turn * sp.diff(f, phi)


def _hessian() -> list[list[sp.Expr]]:
    along, side = gradient_moment(theta)
    moment = (along, side * sp.cos(phi), side * sp.sin(phi))
    out = [[sp.S.Zero] * 4 for _ in FRAME]
    out[0][0] = r**2 / 2
    for i in range(3):
        out[0][i + 1] = out[i + 1][0] = a * r * UNIT[i] - moment[i]
        for j in range(3):
            same = sp.Integer(i == j)
            bend = same - UNIT[i] * UNIT[j] + TANGENT[i] * TANGENT[j]
            out[i + 1][j + 1] = a**2 / 2 * same - a * sp.sin(theta) / (2 * sp.pi * r) * bend
    return out


HESSIAN = _hessian()
"""∂²L/∂a² = r²/2, ∂²L/∂a∂w = a w − V, ∂²L/∂w² = (a²/2)I − (a sin θ/2πr)(I − ŵŵᵀ + ttᵀ)."""


def solution(outer: sp.Expr = a, half: sp.Expr = sp.S.Half) -> sp.Matrix:
    """½[[r², a r, 0], [a r, a², 0], [0, 0, a²]] by the unit vectors (1, 0), (0, ŵ) and any (0, u), u ⟂ w."""
    return half * sp.Matrix([[r**2, outer * r, 0], [outer * r, outer**2, 0], [0, 0, outer**2]])


def _differentiated() -> tuple[Fact, ...]:
    f = loss(a, r, theta)
    pairs = [(i, j) for i in range(4) for j in range(i, 4)]
    coordinates = [
        identity(f"∂{FRAME[j]}/∂{FRAME[i]}", partial(POINT[j], i), sp.Integer(i == j)) for i in range(4) for j in range(4)
    ]
    second = [identity(f"∂²L/∂{FRAME[i]}∂{FRAME[j]}", partial(partial(f, j), i), HESSIAN[i][j]) for i, j in pairs]
    return (*coordinates, *second)


def _at_teacher() -> tuple[Fact, ...]:
    at = {theta: 0}  # whatever φ is
    frame = solution()
    place = (0, 1, 2, 2)
    entries = [
        eq(HESSIAN[i][j].subs(at), frame[place[i], place[j]] if i < 2 or i == j else 0) for i in range(4) for j in range(i, 4)
    ]
    return (
        Fact(
            "where θ = 0 and a r = 1 all entries are those of ½[[r², a r, 0], [a r, a², 0], [0, 0, a²]]",
            And(tuple(entries)),
            (eq(a * r, 1),),
        ),
        identity("E[φ(ŵ·x)²] = ½, so where a w = e_1 this is E[∇f ∇fᵀ]", second_moment(), sp.S.Half),
    )


def eigen(words: str, value: sp.Expr, *vector: sp.Expr, half: sp.Expr = sp.S.Half) -> tuple[Fact, ...]:
    """H v = λ v by components."""
    v = sp.Matrix(vector)
    left = solution(half=half) * v
    return tuple(identity(f"{words}: component {i + 1}", left[i], value * v[i]) for i in range(3))


def _spectrum() -> tuple[Fact, ...]:
    form = (sp.Matrix([[x, y, z]]) * solution() * sp.Matrix([x, y, z]))[0]
    top, across = (a**2 + r**2) / 2, a**2 / 2
    teacher = {a: LIMIT, r: 1 / LIMIT}
    return (
        *eigen("along the hyperbola a‖w‖ = 1, tangent (a, −w): 0", sp.S.Zero, a, -r, sp.S.Zero),
        *eigen("along the neuron, (‖w‖, aŵ): (a² + r²)/2", top, r, a, sp.S.Zero),
        *eigen("across, (0, u) for each of the d − 1 directions u ⟂ w: a²/2", across, sp.S.Zero, sp.S.Zero, z),
        identity("vᵀHv = ½[(r x + a y)² + a² z²]", form, ((r * x + a * y) ** 2 + a**2 * z**2) / 2),
        Fact("which is never negative", ge(form, 0)),
        Fact("at the teacher (a² + r²)/2 = √(c² + 4)/2", eq(top.subs(teacher), sp.sqrt(c**2 + 4) / 2)),
        Fact("and a²/2 = (c + √(c² + 4))/4", eq(across.subs(teacher), (c + sp.sqrt(c**2 + 4)) / 4)),
    )


def loss_at(across: sp.Expr) -> sp.Expr:
    """L in terms of a, w_1 and ‖w_⊥‖: q g = a(‖w_⊥‖ + (π − θ)w_1)/2π."""
    bend = across + (sp.pi - sp.atan2(across, w_1)) * w_1
    return (1 + a**2 * (w_1**2 + across**2)) / 4 - a * bend / (2 * sp.pi)


def _pruning() -> tuple[Node, ...]:
    angles = {sp.atan2(rho, w_1): y, sp.atan2(kept, w_1): z}
    gain = pruning_gain(a, w_1, rho, kept).subs(angles)
    cost = a**2 / 4 * (rho**2 - kept**2)
    polar = {w_1: r * sp.cos(theta), rho: r * sp.sin(theta), y: theta}
    slope = 1 - r * sp.cos(theta) * partial_across(theta)
    curve = (sp.Matrix([[0, 0, -z]]) * solution() * sp.Matrix([0, 0, -z]))[0] / 2
    return (
        identity("½δᵀHδ for δ = −w_⊥ is (a²/4)‖w_⊥‖²", curve, a**2 * z**2 / 4),
        identity(
            "L = ¼ + a²‖w‖²/4 − a(‖w_⊥‖ + (π − θ)w_1)/2π",
            loss_at(rho).subs(angles).subs(polar),
            loss(a, r, theta),
        ),
        identity(
            "L before − L after, with θ = atan2(‖w_⊥‖, w_1)", loss_at(rho).subs(angles) - loss_at(kept).subs(angles), gain
        ),
        identity(
            "it is (a²/4)(ρ² − ρ'²) − a(F − F')/2π, F = ρ − w_1θ",
            gain,
            cost - a * ((rho - w_1 * y) - (kept - w_1 * z)) / (2 * sp.pi),
        ),
        Step(
            "F",
            "F grows with ρ at fixed w_1",
            "mean value theorem",
            (
                identity("F' = sin²θ", slope, sp.sin(theta) ** 2),
                Fact("F' ≥ 0", ge(sp.sin(theta) ** 2, 0)),
            ),
        ),
        Fact(
            "so for a ≥ 0 the gain is at most (a²/4)(ρ² − ρ'²)",
            le(cost - a * (bow - bow_kept) / (2 * sp.pi), cost),
            (ge(a, 0), ge(bow, bow_kept)),
        ),
    )


def partial_across(f: sp.Expr) -> sp.Expr:
    """∂f/∂‖w_⊥‖ at fixed w_1."""
    return sp.sin(theta) * sp.diff(f, r) + sp.cos(theta) / r * sp.diff(f, theta)


def _proof() -> tuple[Part, ...]:
    return (
        Group("anywhere but on the line of e_1, by differentiation", _differentiated()),
        Group("at the teacher", _at_teacher()),
        Group("the spectrum", _spectrum()),
        Group("pruning", _pruning()),
    )


CLAIMS = (
    Claim(
        "T12",
        "Flatness",
        "∂²L/∂a² = ‖w‖²/2, ∂²L/∂a∂w = a w − V, ∂²L/∂w² = (a²/2)I − (a sin θ/2π‖w‖)(I − ŵŵᵀ + ttᵀ). At the teacher the Hessian "
        "is ½[[‖w‖², a wᵀ], [a w, a²I]] with eigenvalues 0 (along a‖w‖ = 1), a²/2 (d − 1 times), (a² + ‖w‖²)/2 = √(c² + 4)/2 "
        "(along the neuron). Pruning w_⊥ changes L by (a²/4)‖w_⊥‖² to leading order, exactly by pruning_gain.",
        OURS,
        _proof,
        hypotheses=("population loss with Gaussian inputs, w ≠ 0",),
        closed_forms=(
            "theory.flatness.hessian",
            "theory.flatness.solution_hessian",
            "theory.flatness.solution_spectrum",
            "theory.flatness.pruning_gain",
            "theory.flatness.pruning_cost",
        ),
        false=(
            *eigen("a² + r² along the neuron (without ½)", a**2 + r**2, r, a, sp.S.Zero)[:1],
            *eigen("a² across", a**2, sp.S.Zero, sp.S.Zero, z)[2:],
            Fact("the gain is at most (a²/4)(ρ² − ρ'²) for a < 0 too", le(-a * (bow - bow_kept), 0), (ge(bow, bow_kept),)),
        ),
        assumes=("T3", "a C¹ function whose second derivatives off a line extend continuously to it is C²"),
    ),
)
