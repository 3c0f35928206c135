"""The identities among claims T1–T6, each an expression that must vanish, built from functions that ``theory`` computes with.

A claim also names the obligations that are not identities (signs, limits, invariance). They are listed as open until
the engines that can decide them exist: nothing here is called proved because sampled points agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp

from . import derivations as d
from .one_input import late_moebius, moebius, ratio
from .population import correlation, gradient_moment, loss, reduced_flow

__all__ = ["CLAIMS", "Claim", "Obligation"]


@dataclass(frozen=True)
class Obligation:
    """``vanishes()`` is an expression that must be identically zero on its symbols' domain; None: open."""

    statement: str
    vanishes: Callable[[], sp.Expr] | None = None


@dataclass(frozen=True)
class Claim:
    """A statement with its hypotheses, its source and the tree of obligations (one level deep so far)."""

    id: str
    title: str
    statement: str
    source: str
    obligations: tuple[Obligation, ...]


a, w, s, beta, kappa, t = sp.symbols("a w s beta kappa t", real=True)
theta, r, radius_a = d.theta, d.r, d.a
PAPER, OURS = "Gadhikar & Burkholz, ICLR 2024", "this project"


def _square_gap() -> sp.Expr:
    """The expression under the root of ``moebius`` is D² − N² over c."""
    outer, inner = moebius(a, w, beta, kappa)
    return outer**2 - inner**2 - (a**2 - w**2)


def _solves_flow(index: int) -> sp.Expr:
    """d/dt of ``moebius`` along κ̇ = (s/2)(1 − ω²κ²), against ȧ = s w(β − a w), ẇ = s a(β − a w)."""
    now = moebius(a, w, beta, kappa)
    omega2 = 4 * beta**2 + (a**2 - w**2) ** 2
    rate = sp.Rational(1, 2) * s * (1 - omega2 * kappa**2)
    return sp.diff(now[index], kappa) * rate - s * now[1 - index] * (beta - now[0] * now[1])


def _late_form(index: int) -> sp.Expr:
    e = sp.Symbol("e", positive=True)
    omega = sp.sqrt(4 * beta**2 + (a**2 - w**2) ** 2)
    early = moebius(a, w, beta, (1 - e) / (1 + e) / omega)[index]
    late = late_moebius(a, w, beta, e)[index]
    return early**2 - late**2


def _riccati() -> sp.Expr:
    v = ratio(a, w, s, beta, t)
    return sp.diff(v, t) - s * (beta - (a**2 - w**2) * v - beta * v**2)


def _limit_product() -> sp.Expr:
    outer, inner = late_moebius(a, w, beta, sp.Integer(0))
    return outer * inner - beta


def _crossing() -> sp.Expr:
    size = sp.Symbol("size", positive=True)
    c = a**2 - size**2
    return moebius(a, -size, beta, size / (2 * beta * a + c * size))[1]


def _escape_forms() -> sp.Expr:
    u, v = sp.symbols("u v", positive=True)
    return 1 + 2 * u * (u + v) / (v**2 - u**2) - (v + u) / (v - u)


def _first_speed() -> sp.Expr:
    """ẇ_1 of the polar flow, against a·moment − a² w_1/2."""
    _, speed, turn = reduced_flow(radius_a, r, theta)
    first = sp.cos(theta) * speed - r * sp.sin(theta) * turn
    return first - (radius_a * gradient_moment(theta)[0] - radius_a**2 * r * sp.cos(theta) / 2)


def _face() -> sp.Expr:
    """N1: d/dt (a + w_1) where a = −w_1 < 0."""
    outer, speed, turn = (v.subs(radius_a, -r * sp.cos(theta)) for v in reduced_flow(radius_a, r, theta))
    moving = outer + sp.cos(theta) * speed - r * sp.sin(theta) * turn
    return moving - (r * sp.sin(theta) ** 3 / (2 * sp.pi) + r**3 * sp.cos(theta) * sp.sin(theta) ** 2 / 2)


def _sector(rho: sp.Expr) -> sp.Expr:
    """P(B) for Gaussian starts: the polar angle of (w_1/σ_w, a0/σ_a) between −arctan(1/ρ) and π/2."""
    phi = sp.Symbol("phi", positive=True)
    return sp.integrate(1 / (2 * sp.pi), (phi, -sp.atan(1 / rho), sp.pi / 2)) - (sp.S.Half - sp.atan(rho) / (2 * sp.pi))


def _mean_cosine() -> sp.Expr:
    """E|z| E χ_d = E|x_1| = √(2/π), with E χ_d by integration."""
    n, rho = sp.symbols("n rho", positive=True)
    chi = sp.integrate(rho**n * sp.exp(-(rho**2) / 2), (rho, 0, sp.oo)) / (2 ** (n / 2 - 1) * sp.gamma(n / 2))
    return chi * sp.gamma(n / 2) / (sp.sqrt(sp.pi) * sp.gamma((n + 1) / 2)) - sp.sqrt(2 / sp.pi)


def _escape_series() -> sp.Expr:
    delta, x = sp.symbols("delta x", positive=True)
    integrand = 2 * sp.pi / ((sp.pi / 2 - x) * sp.cos(x))
    found = sp.integrate(sp.series(integrand, x, 0, 3).removeO(), (x, 0, delta))
    return found - 4 * (delta + delta**2 / sp.pi + (4 / sp.pi**2 + sp.S.Half) * delta**3 / 3)


def _conservation() -> sp.Expr:
    """For f = a φ(w·x), φ(z) = h z with h ∈ {0, 1} (or anything at z = 0): a ∂f/∂a = Σ w_i ∂f/∂w_i."""
    h, ws, xs = sp.Symbol("h", real=True), sp.symbols("w1:4", real=True), sp.symbols("x1:4", real=True)
    f = a * h * sum(u * x for u, x in zip(ws, xs, strict=True))
    return a * sp.diff(f, a) - sum(u * sp.diff(f, u) for u in ws)


def _component(index: int) -> sp.Expr:
    return reduced_flow(radius_a, r, theta)[index] - d.flow_from_loss()[index]


def _at_rest(index: int) -> sp.Expr:
    return reduced_flow(radius_a, 1 / radius_a, sp.Integer(0))[index]


def _polar(difference: Callable[[Any, Any, Any], Any]) -> Callable[[], sp.Expr]:
    return lambda: difference(radius_a, r, theta)


def _open(*statements: str) -> tuple[Obligation, ...]:
    return tuple(Obligation(v) for v in statements)


CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claim in (
        Claim(
            "T1",
            "Conservation",
            "a² − ‖w‖² is constant along the gradient flow of any differentiable loss of f = aφ(w·x), on any data, "
            "without weight decay and bias, with pruned weights at zero.",
            OURS,
            (
                Obligation("a ∂f/∂a = w·∂f/∂w for a ReLU neuron, whatever φ'(0) is", _conservation),
                Obligation(
                    "the reduced flow keeps a² − r²",
                    _polar(lambda x, y, z: x * reduced_flow(x, y, z)[0] - y * reduced_flow(x, y, z)[1]),
                ),
            ),
        ),
        Claim(
            "T2",
            "One input",
            "On one branch ȧ = s w(β − p), ẇ = s a(β − p), ṗ = s(β − p)√(c² + 4p²), with p = a w and c = a² − w².",
            OURS,
            (
                Obligation("(a² + w²)² = c² + 4p²", lambda: (a**2 + w**2) ** 2 - (a**2 - w**2) ** 2 - 4 * (a * w) ** 2),
                Obligation(
                    "ȧ is −∂/∂a of the branch loss s(p²/2 − βp)",
                    lambda: -sp.diff(s * ((a * w) ** 2 / 2 - beta * a * w), a) - s * w * (beta - a * w),
                ),
                Obligation(
                    "ṗ = ȧw + aẇ = s(β − p)(a² + w²)",
                    lambda: s * w * (beta - a * w) * w + a * s * a * (beta - a * w) - s * (beta - a * w) * (a**2 + w**2),
                ),
                Obligation(
                    "ẇ is −∂/∂w of the branch loss",
                    lambda: -sp.diff(s * ((a * w) ** 2 / 2 - beta * a * w), w) - s * a * (beta - a * w),
                ),
            ),
        ),
        Claim(
            "T2a",
            "One input, noise-free",
            "The sparse neuron learns iff w0 > 0 and a0 > −w0; on w < 0 the sign never changes.",
            PAPER + " (balanced); any initialisation: " + OURS,
            (
                Obligation("on a branch that is not left, a w tends to β", _limit_product),
                *_open(
                    "the branch w > 0 is left iff a0 < −w0 (sign of the Möbius map)", "with β = 0 the sign of w never changes"
                ),
            ),
        ),
        Claim(
            "T2b",
            "One input, label noise",
            "For β₊ > 0 the sparse neuron learns iff a0 + w0 > 0 and (w0 > 0, or w0 < 0 and β₋ > 0); the crossing time is "
            "(2/(sω)) artanh(ω|w0|/(2βa0 + c|w0|)), ω = √(4β² + c²).",
            OURS,
            (
                Obligation("w vanishes at κ = |w0|/(2βa0 + c|w0|)", _crossing),
                Obligation(
                    "(2βa + c|w|)² − ω²w² = 4βc(β + a|w|)",
                    lambda: sp.expand(
                        (2 * beta * a - (a**2 - w**2) * w) ** 2
                        - (4 * beta**2 + (a**2 - w**2) ** 2) * w**2
                        - 4 * beta * (a**2 - w**2) * (beta - a * w)
                    ),
                ),
                Obligation("the logarithmic form equals the artanh form", _escape_forms),
                *_open(
                    "the argument of artanh lies in (0, 1) iff c > 0 and β > 0", "crossing at w = 0 in the sense of Filippov"
                ),
            ),
        ),
        Claim(
            "T2c",
            "One formula for all cases",
            "v = w/a solves v̇ = s(β − c v − β v²); (a, w) is a Möbius map of tanh(sωt/2) over a common root.",
            OURS,
            (
                Obligation("the Möbius map solves the Riccati equation", _riccati),
                Obligation("a(t) solves the flow", lambda: _solves_flow(0)),
                Obligation("w(t) solves the flow", lambda: _solves_flow(1)),
                Obligation("a(t)² − w(t)² = c", _square_gap),
                Obligation("the form for late times is the same a²", lambda: _late_form(0)),
                Obligation("the form for late times is the same w²", lambda: _late_form(1)),
            ),
        ),
        Claim(
            "T3",
            "Population gradient",
            "E[φ(x_1) x 1{w·x > 0}] = ((π − θ)e_1 + sin θ ŵ)/2π, g = (sin θ + (π − θ)cos θ)/2π, L = ¼ + q²/4 − q g, "
            "and the flow follows; g > 0 and (π − θ) + sin θ cos θ > 0 on [0, π).",
            OURS,
            (
                Obligation("moment along e_1, by integration", lambda: gradient_moment(theta)[0] - d.moment()[0]),
                Obligation("moment along ŵ_⊥, by integration", lambda: gradient_moment(theta)[1] - d.moment()[1]),
                Obligation("g, by integration", lambda: correlation(theta) - d.expected_product()),
                Obligation("L, by integration", _polar(lambda x, y, z: loss(x, y, z) - d.population_loss())),
                *(
                    Obligation(
                        f"{name} is the gradient flow of L",
                        partial(_component, i),
                    )
                    for i, name in enumerate(("ȧ", "ṙ", "θ̇"))
                ),
                Obligation("ẇ_1 = a E[φ(x_1)x_1; w·x > 0] − a²w_1/2", _first_speed),
                Obligation(
                    "q̇ = (a² + r²)(g − q/2)",
                    _polar(
                        lambda x, y, z: (
                            y * reduced_flow(x, y, z)[0]
                            + x * reduced_flow(x, y, z)[1]
                            - (x**2 + y**2) * (correlation(z) - x * y / 2)
                        )
                    ),
                ),
                Obligation(
                    "g' = −(π − θ) sin θ/2π",
                    lambda: sp.diff(correlation(theta), theta) + (sp.pi - theta) * sp.sin(theta) / (2 * sp.pi),
                ),
                Obligation(
                    "((π − θ) + sin θ cos θ)' = −2 sin²θ",
                    lambda: sp.diff(2 * sp.pi * gradient_moment(theta)[0], theta) + 2 * sp.sin(theta) ** 2,
                ),
                *_open("g > 0 on [0, π)", "(π − θ) + sin θ cos θ > 0 on [0, π)"),
            ),
        ),
        Claim(
            "T4",
            "Exact basin",
            "For d > 1 the population flow reaches the teacher iff a0 > −‖w0‖, w0 ≠ 0 and θ0 ≠ π.",
            OURS,
            (
                Obligation(
                    "L = (q − 1)²/4 + q(½ − g)",
                    _polar(lambda x, y, z: loss(x, y, z) - ((x * y - 1) ** 2 / 4 + x * y * (sp.S.Half - correlation(z)))),
                ),
                *(
                    Obligation(
                        f"the teacher is a rest point of {name}",
                        partial(_at_rest, i),
                    )
                    for i, name in enumerate(("a", "r"))
                ),
                *_open("L2–L10: the limit inside", "L11: a < 0 and c < 0 turns a positive", "L12–L14: the limits outside"),
            ),
        ),
        Claim(
            "T5",
            "IMP ⊂ WR(t) ⊂ LRR",
            "As success sets of the population flow, nested in t; probabilities in closed form for the three initialisations.",
            PAPER + " (balanced 1/4 and 1/2); the rest: " + OURS,
            (
                Obligation("N1: d(a + w_1)/dt on the face a = −w_1", _face),
                Obligation(
                    "N2: ẇ_1 = a/4 on the face w_1 = 0", lambda: radius_a * gradient_moment(sp.pi / 2)[0] - radius_a / 4
                ),
                Obligation("P(B) = ½ − arctan(ρ)/2π for Gaussian starts, at ρ = 1", lambda: _sector(sp.Integer(1))),
                Obligation("and both sides have the same derivative in ρ", lambda: sp.diff(_sector(r), r)),
                Obligation("E|z| = Γ(d/2)/(√π Γ((d+1)/2))", _mean_cosine),
                *_open("N4–N6: forward invariance of B", "P(D) for Gaussian starts as a Beta tail"),
            ),
        ),
        Claim(
            "T6",
            "Sign-escape time",
            "Balanced, a0 = ‖w0‖, θ0 > π/2: w_1 crosses zero at t* = 2π ∫_{π/2}^{θ0} dθ/((π − θ) sin θ), whatever the scale.",
            OURS,
            (
                Obligation(
                    "θ̇ = −(π − θ) sin θ/2π where a = r",
                    lambda: reduced_flow(r, r, theta)[2] + (sp.pi - theta) * sp.sin(theta) / (2 * sp.pi),
                ),
                Obligation("t* = 4(δ + δ²/π + (4/π² + ½)δ³/3) + O(δ⁴), δ = θ0 − π/2", _escape_series),
                *_open("θ decreases strictly on (0, π), so the time is finite and unique"),
            ),
        ),
    )
}
