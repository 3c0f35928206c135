"""T4: the exact basin of the dense phase, by comparison alone (lemmas L1–L14 of the theory pages)."""

from collections.abc import Iterable

import sympy as sp

from ..dense_flow import larger_weight
from ..proof.flows import Group, Path
from ..proof.logic import Fact, Formula, Not, Or, Relation, both, eq, ge, gt, le, lt
from .claim import OURS, Claim, Falsehood, Part
from .symbols import POLAR, a, c, g, psi, r, theta
from .trigonometry import COSINE_PI, G_AT_LEAST, G_AT_MOST, G_HIGH, G_LOW, G_POSITIVE, I3, I4, SINE_BELOW, SINE_LEFT, SINE_NEAR

__all__ = ["BASIN", "CLAIMS", "LIMIT", "beyond", "negative", "positive", "zero"]

q_low, q_high, g_low, angle, rate = sp.symbols("q_min q_max g_0 theta_0 k", real=True)
size, budget, outer, inner, root, x, y = sp.symbols("S Z a_0 r_0 rho x y", real=True)
LIMIT = sp.sqrt((c + sp.sqrt(c**2 + 4)) / 2)
"""a∞ at the teacher; m∞ = 1/a∞."""
BASIN = (gt(a, -r), lt(theta, sp.pi))
"""T4: a0 > −‖w0‖ and θ0 ≠ π, besides w0 ≠ 0."""
TURNS = (SINE_BELOW.at(), I3.at({psi: theta}), SINE_NEAR.at(), SINE_LEFT.at())
product = a * r
ANGLES = ge(theta, 0), le(theta, sp.pi)
"""What polar coordinates mean by an angle."""


def positive(without: Iterable[str] = (), closed: bool = False) -> Path:
    """L1–L10. From a > 0 and θ ∈ [0, π) the limit is the teacher; ``closed`` is the false claim that includes θ = π."""
    top = le(theta, sp.pi) if closed else lt(theta, sp.pi)
    p = Path("From a > 0", POLAR, gt(a, 0), ge(theta, 0), top, without=without)
    p.name(c, "c = a² − r²", a**2 - r**2)
    p.name(angle, "θ0", theta, ge(angle, 0), lt(angle, sp.pi))
    p.name(g_low, "g0 = g(θ0)", g(theta), gt(g_low, 0), uses=(G_POSITIVE.at(),))
    low, high = sp.Min(product, 2 * g(theta)), sp.Max(product, 1)
    p.name(q_low, "q_min = min(q0, 2g0)", low, gt(q_low, 0), le(q_low, 2 * g_low), uses=(G_POSITIVE.at(),))
    p.name(q_high, "q_max = max(q0, 1)", high, ge(q_high, 1))
    whole = sp.sqrt((a**2 - r**2) ** 2 + 4 * high**2)
    p.name(size, "S = √(c² + 4q_max²)", whole, eq(size**2, c**2 + 4 * q_high**2), gt(size, 0))
    least = (a**2 - r**2 + sp.sqrt((a**2 - r**2) ** 2 + 4 * low**2)) / (2 * high)
    bound = le((2 * q_high * rate - c) ** 2, c**2 + 4 * q_low**2)
    p.name(rate, "k = (c + √(c² + 4q_min²))/2q_max", least, gt(rate, 0), bound, uses=(G_POSITIVE.at(),))
    p.conserve("L1", "c is conserved", a**2 - r**2, c)
    region = lt(theta, sp.pi), gt(a, 0), ge(theta, 0), le(theta, angle)
    p.stay("L5", "a > 0 and θ ∈ [0, θ0] for ever", *region, growth={0: 0, 2: -(1 + a**2) / r}, uses=(*TURNS, G_POSITIVE.at()))
    p.stay("L6", "g never falls", ge(g(theta), g_low), by=("L5",))
    p.stay("q", "q ∈ [q_min, q_max]", ge(product, q_low), le(product, q_high), by=("L5", "L6"), uses=(G_AT_MOST.at(),))
    p.learn("S", "a² + r² ≤ S", le(a**2 + r**2, size), by=("L1", "L5", "q"))
    p.exist(
        "L2, L3",
        "the solution exists for ever",
        {a: size, r: size, theta: angle**2},
        {POLAR.domain[0]: size},
        by=("L5", "S"),
        uses=(G_POSITIVE.at(),),
    )
    p.learn("L7", "a/r ≥ k", ge(a, rate * r), by=("L1", "L5", "q"))
    turn = rate * (sp.pi - angle) ** 2 / (2 * sp.pi**2)
    p.decay("L8", "θ → 0 exponentially", theta, turn, by=("L5", "L7"), uses=(I4.at(),))
    error = (q_high + 1) * size * x**2 / 2
    lemmas = G_AT_LEAST.at(), G_AT_MOST.at()
    pull = 2 * (product - 1) * (g(theta) - product / 2)
    p.learn("pull", "the pull on q", le(pull, (q_high + 1) * theta**2 / 2 - (product - 1) ** 2), by=("L5", "q"), uses=lemmas)
    p.learn("2q", "a² + r² ≥ 2q_min", ge(a**2 + r**2, 2 * q_low), by=("q",))
    p.track("L9", "(q − 1)² → 0", (product - 1) ** 2, 2 * q_low, error, {x: theta}, by=("L5", "S", "2q", "pull"))
    p.squeeze("L9′", "q → 1", product - 1, (product - 1) ** 2)
    offset = {y: product - 1}
    polar = offset | {x: a, root: theta}
    p.follow("L10", "a → a∞", a, sp.sqrt((c + sp.sqrt(c**2 + 4 * (y + 1) ** 2)) / 2), offset, by=("L1", "L5"), to=LIMIT)
    p.follow("w_1", "w_1 → 1/a∞", r * sp.cos(theta), (y + 1) / x * sp.cos(root), polar, by=("L5",), to=1 / LIMIT)
    p.follow("w_⊥", "‖w_⊥‖ → 0", r * sp.sin(theta), (y + 1) / x * sp.sin(root), polar, by=("L5",), to=0)
    return p


def zero(without: Iterable[str] = ()) -> Path:
    """L5 at the start: from a = 0 the solution enters a > 0 at once."""
    p = Path("From a = 0", POLAR, eq(a, 0), ge(theta, 0), lt(theta, sp.pi), without=without)
    p.name(c, "c = a² − r²", a**2 - r**2)
    p.conserve("L1", "c is conserved", a**2 - r**2, c)
    fast = (1 + a**2) / r
    p.stay("θ", "θ ∈ [0, π)", lt(theta, sp.pi), ge(theta, 0), growth={0: fast, 1: -fast}, uses=TURNS)
    now = p.leave("L5", "a grows at once", a, uses=(G_POSITIVE.at(),))
    p.pass_on("then", "as from a > 0", now, positive())
    return p


def negative(without: Iterable[str] = (), closed: bool = False) -> Path:
    """L11. From −r < a < 0 (so c < 0) and θ ∈ [0, π): a reaches zero in finite time, with θ < π.

    ``closed`` is the false claim that includes a = −r.
    """
    flow, bottom = POLAR.within(lt(a, 0)), ge(a, -r) if closed else gt(a, -r)
    p = Path("From −‖w‖ < a < 0", flow, bottom, lt(a, 0), ge(theta, 0), lt(theta, sp.pi), without=without)
    p.name(c, "c = a² − r²", a**2 - r**2, lt(c, 0))
    p.name(root, "ρ = √−c", sp.sqrt(r**2 - a**2), gt(root, 0), eq(root**2, -c))
    p.name(outer, "a0", a, lt(outer, 0))
    p.name(budget, "Z = 1/ψ0 + |a0|/π|c|^{3/2}", 1 / (sp.pi - theta) - a / (sp.pi * sp.sqrt(r**2 - a**2) ** 3), gt(budget, 0))
    p.conserve("L1", "c is conserved", a**2 - r**2, c)
    p.learn("r", "r ≥ ρ", ge(r, root), by=("L1",))
    fast = (1 + a**2) / r
    p.stay("θ", "θ ∈ [0, π)", lt(theta, sp.pi), ge(theta, 0), growth={0: fast, 1: -fast}, uses=TURNS)
    p.stay("a", "a never falls below a0", ge(a, outer), by=("θ",), uses=(G_POSITIVE.at(),))
    spent = 1 / (sp.pi - theta) - a / (sp.pi * root**3)
    falling = I3.at({psi: sp.pi - theta}), SINE_BELOW.at(), G_POSITIVE.at()
    p.stay("Z", "1/ψ + |a|/π|c|^{3/2} never grows", le(spent, budget), by=("L1", "r", "θ"), uses=falling)
    p.learn("ψ", "ψ ≥ 1/Z", ge((sp.pi - theta) * budget, 1), by=("θ", "Z"))
    p.learn("g", "g ≤ ½", le(g(theta), sp.S.Half), by=("θ",), uses=(G_AT_MOST.at(),))
    p.learn("ag", "a g ≥ a0 r/2ρ", ge(a * g(theta), outer * r / (2 * root)), by=("r", "a", "g"))
    p.learn("a²", "a² ≤ a0²", le(a**2, outer**2), by=("a",))
    bounds = {a: outer**2, r: outer**2 - c, theta: sp.pi**2}
    p.exist(
        "exist",
        "the solution exists until a = 0",
        bounds,
        {POLAR.domain[0]: -outer / (2 * root) + outer**2 / 2},
        by=("L1", "θ", "a²", "ag"),
    )
    speed = root / (2 * sp.pi**3 * budget**3)
    now = p.reach("L11", "a reaches zero", lt(a, 0), speed, by=("r", "θ", "ψ"), uses=(G_LOW.at(),))
    p.pass_on("then", "as from a = 0", now, zero())
    return p


INSIDE = Fact(
    "the three cases cover the basin", Or((gt(a, 0), eq(a, 0), both(gt(a, -r), lt(a, 0)))), (gt(r, 0), *ANGLES, *BASIN)
)
OUTSIDE = Fact(
    "the five cases cover its complement",
    Or((both(le(a, -r), lt(a, -r)), eq(a, -r), both(eq(theta, sp.pi), Or((gt(a, r), eq(a, r), both(lt(a, r), gt(a, -r))))))),
    (gt(r, 0), *ANGLES, Not(both(*BASIN))),
)
ABSORBED = Fact(
    "‖w‖ does not grow while a ≤ 0: w = 0, once reached, stays",
    le(POLAR.along(r), 0),
    (gt(r, 0), le(a, 0), *ANGLES),
    uses=(G_LOW.at(),),
)


def outside(start: Relation, words: str, limit: sp.Expr, without: Iterable[str] = ()) -> Path:
    """L12. From a ≤ −r: a < 0 for ever, so f ≤ 0 and L ≥ ¼; w → 0 and a → −√c."""
    p = Path(words, POLAR, lt(a, 0), start, *ANGLES, without=without)
    p.name(c, "c = a² − r²", a**2 - r**2, *((gt(c, 0),) if start.op == "<" else (eq(c, 0),)))
    p.name(outer, "a0", a, lt(outer, 0))
    p.conserve("L1", "c is conserved", a**2 - r**2, c)
    fast = (1 + a**2) / r
    p.stay("θ", "θ ∈ [0, π]", *ANGLES, growth={0: -fast, 1: -fast}, uses=TURNS)
    p.stay("L12", "a < 0 for ever", lt(a, 0), by=("L1", "θ"), growth={0: (1 + r**2) / 2}, uses=(G_AT_MOST.at(),))
    p.stay("a", "a never falls", ge(a, outer), by=("L12", "θ"), uses=(G_LOW.at(),))
    bounds = {a: outer**2, r: outer**2, theta: sp.pi**2}
    strict = start.op == "<"
    floors = {} if strict else {POLAR.domain[0]: (1 + outer**2) / 2}
    p.exist("exist", "bounded", bounds, floors, by=("L1", "L12", "θ", "a"), uses=(G_AT_MOST.at(), G_LOW.at()))
    p.decay(
        "r", "‖w‖ → 0", r, c / 2 if strict else sp.S.Half, power=1 if strict else 3, by=("L1", "L12", "θ"), uses=(G_LOW.at(),)
    )
    _vanish(p, limit, -sp.sqrt(c + y**2), by=("L1", "L12"))
    return p


def _vanish(p: Path, limit: sp.Expr, function: sp.Expr, by: tuple[str, ...]) -> None:
    """a and w where r → 0."""
    p.follow("a∞", f"a → {limit}", a, function, {y: r}, by=by, to=limit)
    p.follow("r²", "‖w‖² → 0", r**2, y**2, {y: r})
    p.squeeze("w_1", "w_1 → 0", r * sp.cos(theta), r**2)
    p.squeeze("w_⊥", "‖w_⊥‖ → 0", r * sp.sin(theta), r**2)


def _ray(*start: Formula, words: str, known: Formula, without: Iterable[str]) -> Path:
    """L14. θ = π for ever, where the data pull nowhere: ȧ = −a r²/2, ṙ = −a² r/2."""
    p = Path(words, POLAR, eq(theta, sp.pi), *start, without=without)
    p.name(c, "c = a² − r²", a**2 - r**2, known)
    p.name(inner, "r0", r, gt(inner, 0))
    p.conserve("L1", "c is conserved", a**2 - r**2, c)
    fast = (1 + a**2) / r
    p.stay("L14", "θ = π for ever", ge(theta, sp.pi), le(theta, sp.pi), growth={0: -fast, 1: -fast}, uses=TURNS)
    p.learn("g", "g = 0", eq(g(theta), 0), by=("L14",), uses=(G_HIGH.at(), G_LOW.at()))
    p.stay("r", "‖w‖ never grows", le(r, inner), by=("g",))
    bounds = {a: c + inner**2, r: inner**2, theta: sp.pi**2}
    p.exist("exist", "the solution exists for ever", bounds, {POLAR.domain[0]: (c + inner**2) / 2}, by=("L1", "L14", "g", "r"))
    return p


def ray_high(without: Iterable[str] = ()) -> Path:
    """θ = π and a > r: w → 0 and a → √c."""
    p = _ray(gt(a, r), words="From θ = π, a > ‖w‖", known=gt(c, 0), without=without)
    p.stay("a", "a > 0 for ever", gt(a, 0), by=("g",), growth={0: r**2 / 2})
    p.decay("r∞", "‖w‖ → 0", r, c / 2, by=("L1", "g"))
    _vanish(p, sp.sqrt(c), sp.sqrt(c + y**2), by=("L1", "a"))
    return p


def ray_equal(without: Iterable[str] = ()) -> Path:
    """θ = π and a = r: both vanish."""
    p = _ray(eq(a, r), words="From θ = π, a = ‖w‖", known=eq(c, 0), without=without)
    p.stay("a", "a > 0 for ever", gt(a, 0), by=("g",), growth={0: r**2 / 2})
    p.decay("r∞", "‖w‖ → 0", r, sp.S.Half, by=("L1", "g"), power=3)
    _vanish(p, sp.Integer(0), y, by=("L1", "a"))
    return p


def ray_low(without: Iterable[str] = ()) -> Path:
    """θ = π and |a| < r: a → 0 and w → −√−c e_1."""
    p = _ray(gt(a, -r), lt(a, r), words="From θ = π, |a| < ‖w‖", known=lt(c, 0), without=without)
    p.decay("a²", "a² → 0", a**2, -c, by=("L1", "g"))
    p.squeeze("a∞", "a → 0", a, a**2)
    p.follow("w_1", "w_1 → −√−c", r * sp.cos(theta), -sp.sqrt(y - c), {y: a**2}, by=("L1", "L14"), uses=(COSINE_PI.at(),))
    return p


def beyond(without: Iterable[str] = ()) -> tuple[Path, ...]:
    """The five cases outside the basin; none has a limit with w_1 > 0."""
    return (
        outside(lt(a, -r), words="From a < −‖w‖", limit=-sp.sqrt(c), without=without),
        outside(eq(a, -r), words="From a = −‖w‖", limit=sp.Integer(0), without=without),
        ray_high(without),
        ray_equal(without),
        ray_low(without),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("inside the basin", (INSIDE, positive().proof, zero().proof, negative().proof)),
        Group("outside", (OUTSIDE, ABSORBED, *(p.proof for p in beyond()))),
        Group(
            "the limit that is computed",
            (
                Fact("c ≥ 0: a∞ as it stands", eq(larger_weight(c), LIMIT), (), "identity"),
                Fact("c < 0: a∞ = 1/m∞, without cancellation", eq(1 / larger_weight(-c), LIMIT), (lt(c, 0),)),
                Fact("a∞² − m∞² = c", eq(LIMIT**2 - 1 / LIMIT**2, c)),
            ),
        ),
        Group(
            "the two ends differ",
            (
                Fact("a∞ > 0", gt(LIMIT, 0)),
                Fact("at the teacher the loss vanishes", eq((1 + y**2) / 4 - y / 2, 0), (eq(y, 1),)),
                Fact(
                    "with a ≤ 0 the loss is at least ¼",
                    ge((1 + (a * r) ** 2) / 4 - a * r * g(theta), sp.Rational(1, 4)),
                    (gt(r, 0), le(a, 0), *ANGLES),
                    uses=(G_LOW.at(),),
                ),
                Fact(
                    "L = (q − 1)²/4 + q(½ − g)",
                    eq((1 + y**2) / 4 - y * g(theta), (y - 1) ** 2 / 4 + y * (sp.S.Half - g(theta))),
                    (),
                    "identity",
                ),
            ),
        ),
    )


CLAIMS = (
    Claim(
        "T4",
        "Exact basin",
        "For d > 1 the population flow reaches the teacher, (a∞, e_1/a∞) with a∞ = √((c + √(c² + 4))/2), iff a0 > −‖w0‖, w0 "
        "≠ 0 and θ0 ≠ π. "
        "Outside: a0 < −‖w0‖ goes to (−√c, 0), a0 = −‖w0‖ to (0, 0); θ0 = π to (√c, 0), (0, 0), (0, −√−c e_1) for c > 0, = "
        "0, < 0.",
        OURS,
        _proof,
        hypotheses=("population flow with Gaussian inputs, d ≥ 2", "w0 ≠ 0 (else rest, by φ'(0) = 0)", "t = ∞"),
        starts=BASIN,
        ends=(eq(a, LIMIT), eq(r * sp.cos(theta), 1 / LIMIT), eq(r * sp.sin(theta), 0)),
        closed_forms=(
            "theory.dense_flow.dense_limit",
            "theory.dense_flow.teacher_weights",
            "theory.dense_flow.in_basin",
            "theory.learns",
        ),
        false=(
            Falsehood("θ0 ≤ π suffices, from a > 0", lambda: (positive(closed=True),)),
            Falsehood("a0 ≥ −‖w0‖ suffices, from a < 0", lambda: (negative(closed=True),)),
            Fact("c ≤ 0 suffices in L11", gt(sp.sqrt(-c), 0), (le(c, 0),)),
            Fact(
                "‖w_⊥‖ > 0: a = −‖w‖ is inside",
                Or((gt(a, 0), eq(a, 0), both(gt(a, -r), lt(a, 0)))),
                (gt(r, 0), *ANGLES, ge(a, -r)),
            ),
            Fact(
                "I5 on [0, π]", ge(psi * sp.sin(psi), sp.sin(psi) - psi * sp.cos(psi)), (ge(psi, 0), le(psi, sp.pi)), "interval"
            ),
        ),
        assumes=("T3",),
    ),
)
