"""T6: when the population flow turns w_1 positive, from a balanced start."""

from collections.abc import Iterable

import sympy as sp

from ..proof.flows import Group, Path, Step
from ..proof.logic import Fact, Or, both, eq, ge, gt, iff, le, lt
from ..proof.solutions import travel
from .claim import OURS, Claim, Falsehood, Part
from .symbols import POLAR, a, r, theta
from .t4 import TURNS
from .trigonometry import COSINE, COSINE_LEFT, G_LOW, SINE

__all__ = ["CLAIMS", "SPEED", "balanced"]

delta, x, psi, late = sp.symbols("delta x psi Delta", real=True)
SPEED = (sp.pi - theta) * sp.sin(theta) / (2 * sp.pi)
"""−θ̇ where a = r."""


def balanced(outer: sp.Expr = r, without: Iterable[str] = ()) -> Path:
    """a = ‖w‖ for ever and θ ∈ (0, π), from a balanced start with a0 > 0."""
    p = Path("from a = ‖w‖, θ ∈ (0, π)", POLAR, eq(a, outer), gt(theta, 0), lt(theta, sp.pi), without=without)
    p.conserve("L1", "c = 0", a**2 - r**2, sp.Integer(0))
    fast = (1 + a**2) / r
    p.stay("θ", "θ ∈ (0, π)", gt(theta, 0), lt(theta, sp.pi), growth={0: fast, 1: fast}, uses=(*TURNS, SINE.at()))
    p.stay("a", "a > 0 for ever", gt(a, 0), by=("θ",), uses=(G_LOW.at(),))
    p.learn("a = r", "a = ‖w‖", eq(a, r), by=("L1", "a"))
    return p


def _travel(speed: sp.Expr = SPEED) -> Step:
    positive = Fact("the speed is positive on [π/2, π)", gt(speed, 0), (ge(theta, sp.pi / 2), lt(theta, sp.pi)), "interval")
    along = gt(r, 0), eq(a, r)
    return travel("t* = ∫ dθ/speed from π/2 to θ0", theta, POLAR.field[2][1], speed, along, positive, balanced())


def series() -> Fact:
    """t* = 4(δ + δ²/π + (4/π² + ½)δ³/3) + O(δ⁴)."""
    integrand = 2 * sp.pi / ((sp.pi / 2 - x) * sp.cos(x))
    found = sp.integrate(sp.series(integrand, x, 0, 3).removeO(), (x, 0, delta))
    wanted = 4 * (delta + delta**2 / sp.pi + (4 / sp.pi**2 + sp.S.Half) * delta**3 / 3)
    return Fact("t* = 4(δ + δ²/π + (4/π² + ½)δ³/3) + O(δ⁴), δ = θ0 − π/2", eq(found, wanted), (), "identity")


def _proof() -> tuple[Part, ...]:
    turn = POLAR.field[2][1]
    inside = gt(r, 0), gt(theta, 0), lt(theta, sp.pi), gt(a, 0)
    edge = sp.pi / 2 - late
    return (
        balanced(),
        _travel(),
        Group(
            "what θ says of w_1 = r cos θ",
            (
                COSINE,
                COSINE_LEFT,
                Fact(
                    "w_1 > 0 iff cos θ > 0; so at t* itself w_1 = 0, and rescue needs t > t*",
                    eq(sp.cos(theta), 0),
                    (eq(theta, sp.pi / 2),),
                    "identity",
                ),
            ),
        ),
        Group(
            "the closed form that is computed",
            (
                Fact(
                    "1/(ψ sin ψ) = 1/ψ² + (ψ − sin ψ)/(ψ² sin ψ)",
                    eq(1 / (psi * sp.sin(psi)), 1 / psi**2 + (psi - sp.sin(psi)) / (psi**2 * sp.sin(psi))),
                    (),
                    "identity",
                ),
                Fact(
                    "∫ dψ/ψ² from π/2 − Δ to π/2",
                    eq(
                        sp.integrate(1 / x**2, x).subs(x, sp.pi / 2) - sp.integrate(1 / x**2, x).subs(x, edge),
                        late / (edge * sp.pi / 2),
                    ),
                    (),
                    "identity",
                ),
                series(),
            ),
        ),
        Group(
            "the rate of WR(t), by z = cos θ0 and k = |cos Θ(t)|: ½ + ½P(z² < k²) of the starts with a0 > 0",
            (
                Fact(
                    "z > −k iff z > 0, or z ≤ 0 and z² < k²",
                    iff(gt(x, -late), Or((gt(x, 0), both(le(x, 0), lt(x**2, late**2))))),
                    (gt(late, 0),),
                ),
            ),
        ),
        Group(
            "other starts",
            (
                Fact("c > 0: θ falls faster than balanced", lt(turn, -SPEED), (*inside, gt(a, r)), uses=(SINE.at(),)),
                Fact("c < 0: slower", gt(turn, -SPEED), (*inside, lt(a, r)), uses=(SINE.at(),)),
            ),
        ),
    )


CLAIMS = (
    Claim(
        "T6",
        "Sign-escape time",
        "Balanced, a0 = ‖w0‖, θ0 ∈ (π/2, π): w_1 crosses zero at t* = 2π ∫_{π/2}^{θ0} dθ/((π − θ) sin θ), whatever the "
        "scale; WR(t) is rescued "
        "iff t > t*. For c > 0 the time is shorter, for c < 0 longer.",
        OURS,
        _proof,
        hypotheses=("population flow with Gaussian inputs", "balanced start with a0 > 0"),
        closed_forms=("theory.sign_escape_time", "theory.times.escape_angle", "theory.success_probability"),
        false=(
            Falsehood("the same from a0 = −‖w0‖", lambda: (balanced(-r),)),
            Falsehood("without the factor π − θ", lambda: (_travel(sp.sin(theta) / 2),)),
            Fact("t* = 4δ", eq(series().conclusion.left, 4 * delta), (), "identity"),  # type: ignore[union-attr]
        ),
        assumes=("T2a", "T3", "T4"),
    ),
)
