"""T7: w_⊥ keeps its direction and decays; when magnitude pruning keeps e_1."""

import sympy as sp

from ..identification import decay_rate
from ..population import gradient_moment
from ..proof.flows import Group, Node, Step
from ..proof.logic import Fact, Formula, eq, ge, gt, iff, lt
from ..proof.solutions import fade, travel
from .claim import OURS, Claim, Falsehood, Part
from .symbols import POLAR, a, psi, r, theta
from .t4 import LIMIT, positive
from .t6 import SPEED, balanced
from .trigonometry import SINE

__all__ = ["CLAIMS"]

u, k, kappa, x, y, turn, theta1, width, side, weight = sp.symbols("u_j k kappa x y rho theta_1 omega s w_j", real=True)
RATE = decay_rate(a, r, theta)


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def _direction() -> tuple[Fact, ...]:
    across = r * sp.sin(theta)
    pull = a * gradient_moment(theta)[1] * u - a**2 / 2 * across * u
    return (
        identity("‖w_⊥‖˙ = −(a²/2 − a sin θ/2πr)‖w_⊥‖", POLAR.along(across), -RATE * across),
        identity(
            "each w_j = ‖w_⊥‖u_j, j ≥ 2, has the same rate: ẇ = a E[φ(x_1)x; w·x > 0] − a²w/2",
            pull,
            -RATE * across * u,
        ),
        identity(
            "so w_j/‖w_⊥‖ is constant: direction, signs and κ = max_j |w_j|/‖w_⊥‖",
            (-k * weight * side - weight * -k * side) / side**2,
            0,
        ),
    )


def rate(limit: sp.Expr = LIMIT**2 / 2) -> tuple[Step, ...]:
    """On the way of T4 from a > 0, where every start of the basin arrives."""
    p = positive()
    before = len(p.steps)
    function = x**2 / 2 - x**2 * sp.sin(turn) / (2 * sp.pi * (y + 1))
    p.follow("rate", "a²/2 − a sin θ/2πr → a∞²/2", RATE, function, {x: a, y: a * r - 1, turn: theta}, by=("L5",), to=limit)
    return (*p.steps[before:], fade("‖w_⊥‖ decays like e^{−κt} for every κ < a∞²/2", p, r * sp.sin(theta), RATE))


def _kept() -> tuple[Fact, ...]:
    inside = gt(theta, 0), lt(theta, sp.pi)
    first, most = sp.Abs(r * sp.cos(theta)), kappa * r * sp.sin(theta)
    return (
        Fact(
            "|w_1| > max_j |w_j| iff |cot θ| > κ",
            iff(gt(first, most), gt(sp.Abs(sp.cos(theta) / sp.sin(theta)), kappa)),
            (gt(r, 0), *inside),
            uses=(SINE.at(),),
        ),
        Fact(
            "that is, iff |cos θ| > κ sin θ",
            iff(gt(first, most), gt(sp.Abs(sp.cos(theta)), kappa * sp.sin(theta))),
            (gt(r, 0),),
        ),
        Fact("at t = ∞, w = e_1/a∞: e_1 is kept at every level, in one step or in many", gt(sp.Abs(1 / LIMIT), 0)),
    )


def _balanced() -> tuple[Node, ...]:
    edge = eq(sp.cos(theta1), kappa * sp.sin(theta1))
    turned = gt(theta, 0), lt(theta, sp.pi), gt(theta1, 0), lt(theta1, sp.pi), edge
    margin = sp.cos(theta) - kappa * sp.sin(theta)
    speed_positive = Fact("the speed is positive on (0, π)", gt(SPEED, 0), (gt(theta, 0), lt(theta, sp.pi)), "interval")
    return (
        travel(
            "the time from θ0 to θ1 = arccot κ is 2π ∫ dθ/((π − θ) sin θ)",
            theta,
            POLAR.field[2][1],
            SPEED,
            (gt(r, 0), eq(a, r)),
            speed_positive,
            balanced(),
        ),
        Fact(
            "θ < θ1: w_1 > κ‖w_⊥‖",
            gt(margin, 0),
            (*turned, lt(theta, theta1)),
            uses=(SINE.at({theta: theta1 - theta}), SINE.at({theta: theta1})),
        ),
        Fact(
            "θ > θ1: w_1 < κ‖w_⊥‖",
            lt(margin, 0),
            (*turned, gt(theta, theta1)),
            uses=(SINE.at({theta: theta - theta1}), SINE.at({theta: theta1})),
        ),
        Fact(
            "for κ ≥ 0, θ1 ≤ π/2: the sign of w_1 is right then",
            ge(sp.cos(theta1), 0),
            (gt(theta1, 0), lt(theta1, sp.pi), edge, ge(kappa, 0)),
            uses=(SINE.at({theta: theta1}),),
        ),
    )


def _quadrature() -> tuple[Fact, ...]:
    """What ``identification.turning_time`` integrates."""
    rest = (psi - sp.sin(psi)) / (psi**2 * sp.sin(psi))
    both = sp.tan((theta + width) / 2) / sp.tan(theta / 2)
    return (
        identity("1/(ψ sin ψ) = 1/ψ² + (ψ − sin ψ)/(ψ² sin ψ)", 1 / (psi * sp.sin(psi)), 1 / psi**2 + rest),
        identity(
            "1/((π − θ) sin θ) = (1/sin θ + θ/((π − θ) sin θ))/π",
            1 / ((sp.pi - theta) * sp.sin(theta)),
            (1 / sp.sin(theta) + theta / ((sp.pi - theta) * sp.sin(theta))) / sp.pi,
        ),
        identity("∫ dθ/sin θ = ln tan(θ/2)", sp.diff(sp.log(sp.tan(theta)), theta) / 2, 1 / sp.sin(2 * theta)),
        identity(
            "tan((θ + ω)/2)/tan(θ/2) = 1 + sin(ω/2)/(cos((θ + ω)/2) sin(θ/2))",
            both,
            1 + sp.sin(width / 2) / (sp.cos((theta + width) / 2) * sp.sin(theta / 2)),
        ),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("the direction of w_⊥", _direction()),
        Group("its decay", rate()),
        Group("which weight is kept", _kept()),
        Group("balanced starts", _balanced()),
        Group("the integral that is computed", _quadrature()),
    )


CLAIMS = (
    Claim(
        "T7",
        "Mask identification",
        "ẇ_⊥ = −(a²/2 − a sin θ/2πr)w_⊥: direction and signs of w_⊥ are conserved. From the basin of T4 the rate tends to "
        "a∞²/2, so ‖w_⊥‖ = O(e^{−κt}) for every κ < a∞²/2 and no larger one. One-shot magnitude pruning at time T keeps e_1 "
        "iff |cot θ(T)| > κ, κ = max_j |w_0j|/‖w_0⊥‖; at T = ∞ one-shot and iterative pruning both keep it. Balanced, "
        "w_1 > κ‖w_⊥‖ iff T > 2π ∫ dθ/((π − θ) sin θ) from arccot κ to θ0.",
        OURS,
        _proof,
        hypotheses=(
            "population flow with Gaussian inputs, no label noise, d ≥ 2",
            "decay: a start of T4's basin with w_⊥ ≠ 0",
            "balanced: a0 = ‖w0‖, θ0 ∈ (arccot κ, π)",
            "iterative pruning: each level starts in the basin of its own mask, as with LRR or a0 ≥ 0; for a0 < 0 pruning can "
            "leave it (T5)",
        ),
        closed_forms=(
            "theory.identification.decay_rate",
            "theory.identification.keeps_teacher",
            "theory.identification.mask_time",
        ),
        false=(
            identity(
                "the rate is a²/2 at all times", POLAR.along(r * sp.sin(theta)), -(a**2) / 2 * r * sp.sin(theta), gt(r, 0)
            ),
            Fact("‖w_⊥‖ never grows", gt(RATE, 0), (gt(r, 0), gt(a, 0), gt(theta, 0), lt(theta, sp.pi))),
            Falsehood("the rate tends to a∞²", lambda: (Group("rate", rate(LIMIT**2)),)),
            Fact(
                "e_1 is kept iff cot θ > κ",
                iff(gt(sp.Abs(r * sp.cos(theta)), kappa * r * sp.sin(theta)), gt(sp.cos(theta), kappa * sp.sin(theta))),
                (gt(r, 0),),
            ),
        ),
        assumes=("T3", "T4", "T6"),
    ),
)
