"""T3: the population gradient from the definitions, and the signs that drive the proof of T4."""

import sympy as sp

from .. import derivations as d
from ..population import correlation, gradient_moment, loss, reduced_flow
from ..proof.logic import Fact, eq, ge, gt, le, lt
from .claim import OURS, Claim
from .symbols import POLAR, a, g, r, theta
from .trigonometry import G_POSITIVE, I1, I2, SINE, SINE_BELOW, TURN_POSITIVE

__all__ = ["CLAIMS"]


def plain(expression: sp.Expr) -> sp.Expr:
    """A derivation in the claims' own symbols."""
    return expression.xreplace({d.theta: theta, d.a: a, d.r: r})


def identity(words: str, left: object, right: object) -> Fact:
    """An equality for the identity engine; r > 0 as in all of T3."""
    needs = (gt(r, 0),) if sp.sympify(left - right).has(r) else ()  # type: ignore[operator]
    return Fact(words, eq(left, right), needs, "identity")


def _moments() -> tuple[Fact, ...]:
    along, side = gradient_moment(theta)
    return (
        identity("moment along e_1, by integration", along, plain(d.moment()[0])),
        identity("moment along ŵ_⊥, by integration", side, plain(d.moment()[1])),
        identity("g, by integration", correlation(theta), plain(d.expected_product())),
        identity("L, by integration", loss(a, r, theta), plain(d.population_loss())),
        *(
            identity(f"{name} is the gradient flow of L", reduced_flow(a, r, theta)[i], plain(d.flow_from_loss()[i]))
            for i, name in enumerate(("ȧ", "ṙ", "θ̇"))
        ),
        *(
            identity(f"{name} of the flow in T4's proof is the same", POLAR.field[i][1], reduced_flow(a, r, theta)[i])
            for i, name in enumerate(("ȧ", "ṙ", "θ̇"))
        ),
    )


def _consequences() -> tuple[Fact, ...]:
    along, side = gradient_moment(theta)
    first, across = r * sp.cos(theta), r * sp.sin(theta)
    return (
        identity("ẇ_1 = a E[φ(x_1)x_1; w·x > 0] − a²w_1/2", POLAR.along(first), a * along - a**2 * first / 2),
        identity("‖w_⊥‖˙ = a E[φ(x_1)u·x; w·x > 0] − a²‖w_⊥‖/2", POLAR.along(across), a * side - a**2 * across / 2),
        identity("q̇ = (a² + r²)(g − q/2)", POLAR.along(a * r), (a**2 + r**2) * (correlation(theta) - a * r / 2)),
        identity("g' = −(π − θ) sin θ/2π", sp.diff(correlation(theta), theta), -(sp.pi - theta) * sp.sin(theta) / (2 * sp.pi)),
        identity("and that is the derivative used in T4's proof", sp.diff(g(theta), theta), sp.diff(correlation(theta), theta)),
        identity(
            "((π − θ) + sin θ cos θ)' = −2 sin²θ: in cos θ the moment has the continuous slope sin θ/π, so the field is C¹",
            sp.diff(2 * sp.pi * along, theta),
            -2 * sp.sin(theta) ** 2,
        ),
    )


def _signs() -> tuple[Fact, ...]:
    turn = POLAR.field[2][1]
    inside = gt(r, 0), gt(theta, 0), lt(theta, sp.pi)
    return (
        I1,
        I2,
        G_POSITIVE,
        TURN_POSITIVE,
        Fact("while a > 0, θ strictly decreases on (0, π)", lt(turn, 0), (*inside, gt(a, 0)), uses=(SINE.at(),)),
        Fact("while a < 0, θ strictly increases on (0, π)", gt(turn, 0), (*inside, lt(a, 0)), uses=(SINE.at(),)),
        Fact(
            "while a > 0, a non-positive w_1 grows, except at θ = π",
            gt(POLAR.along(r * sp.cos(theta)), 0),
            (gt(r, 0), gt(a, 0), ge(theta, 0), lt(theta, sp.pi), le(sp.cos(theta), 0)),
            uses=(TURN_POSITIVE.at(), G_SPELLED.at(), SINE_BELOW.at()),
        ),
        Fact(
            "at θ = π it shrinks towards zero",
            gt(-(a**2) * r * sp.cos(theta) / 2, 0),
            (gt(r, 0), gt(a, 0), eq(sp.cos(theta), -1)),
        ),
    )


G_SPELLED = identity("g spelled out", 2 * sp.pi * g(theta), sp.sin(theta) + (sp.pi - theta) * sp.cos(theta))


def _proof() -> tuple[Fact, ...]:
    return (*_moments(), *_consequences(), *_signs())


CLAIMS = (
    Claim(
        "T3",
        "Population gradient",
        "E[φ(x_1) x 1{w·x > 0}] = ((π − θ)e_1 + sin θ ŵ)/2π, g = (sin θ + (π − θ)cos θ)/2π, L = ¼ + q²/4 − q g, "
        "and the flow follows; g > 0 and (π − θ) + sin θ cos θ > 0 on [0, π), so while a > 0, θ decreases and a "
        "non-positive w_1 grows.",
        OURS,
        _proof,
        hypotheses=("x ~ N(0, I_d), d ≥ 2, or another rotation-invariant law up to scale", "n = ∞", "w ≠ 0"),
        closed_forms=(
            "theory.population.gradient_moment",
            "theory.population.correlation",
            "theory.population.loss",
            "theory.population.reduced_flow",
        ),
        false=(
            Fact("g > 0 on [0, π]", gt(g(theta), 0), (ge(theta, 0), le(theta, sp.pi)), "interval"),
            Fact(
                "(π − θ) + sin θ cos θ > 0 on [0, π]",
                gt((sp.pi - theta) + sp.sin(theta) * sp.cos(theta), 0),
                (ge(theta, 0), le(theta, sp.pi)),
                "interval",
            ),
            Fact(
                "θ strictly decreases at θ = 0 too",
                lt(POLAR.field[2][1], 0),
                (gt(r, 0), gt(a, 0), ge(theta, 0), lt(theta, sp.pi)),
                uses=(SINE.at(),),
            ),
        ),
    ),
)
