"""T2, T2a, T2b, T2c: the neuron with one input, noise-free or not, by one Möbius map and the kink at w = 0."""

import sympy as sp

from ..one_input import late_moebius, moebius, ratio
from ..proof.flows import Flow, Group, Node
from ..proof.logic import And, Fact, Formula, Or, both, eq, ge, gt, iff, le, lt, ne
from ..proof.solutions import ordered, solution
from .claim import OURS, PAPER, Claim, Part

__all__ = ["CLAIMS"]

a, w, s, beta, kappa, t, outer, inner, omega = sp.symbols("a w s beta kappa t A W omega", real=True)
c = a**2 - w**2
square = 1 + 2 * (a**2 + w**2) * kappa + (c**2 - 4 * beta**2 + 8 * beta * a * w) * kappa**2
top_a, top_w = a + (c * a + 2 * beta * w) * kappa, w + (2 * beta * a - c * w) * kappa
WINDOW: tuple[Formula, ...] = (ge(kappa, 0), lt((4 * beta**2 + c**2) * kappa**2, 1))
"""0 ≤ κ < 1/ω: all of time."""
END: tuple[Formula, ...] = (gt(omega, 0), eq(omega**2, 4 * beta**2 + c**2))
"""ω, and κ = 1/ω is t = ∞."""
last_w = omega * w + 2 * beta * a - c * w
last_square = omega**2 + 2 * (a**2 + w**2) * omega + c**2 - 4 * beta**2 + 8 * beta * a * w
product, constant = outer * inner, outer**2 - inner**2
BRANCH = Flow("the flow on one branch", ((outer, s * inner * (beta - product)), (inner, s * outer * (beta - product))))


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def _branch() -> tuple[Group | Fact, ...]:
    loss = s * (product**2 / 2 - beta * product)
    p, sign, start, decay, x, y = sp.symbols("p sigma p_0 e x_i y_i", real=True)
    logistic = beta / (1 + (beta / start - 1) * sp.exp(-2 * s * beta * sign * t))
    slow = start / (1 + 2 * s * sign * start * t)
    falls, grows = both(gt(beta * start, 0), gt(decay, 0), le(decay, 1)), both(lt(beta * start, 0), ge(decay, 1))
    return (
        identity(
            "a sample where φ(w x) = w x: over the branch they add up to s(p²/2 − βp) and a constant",
            (outer * inner * x - y) ** 2 / 2,
            x**2 * product**2 / 2 - x * y * product + y**2 / 2,
        ),
        identity("ȧ is −∂/∂a of the branch loss s(p²/2 − βp)", BRANCH.along(outer), -sp.diff(loss, outer)),
        identity("ẇ is −∂/∂w of the branch loss", BRANCH.along(inner), -sp.diff(loss, inner)),
        identity("ṗ = s(β − p)(a² + w²)", BRANCH.along(product), s * (beta - product) * (outer**2 + inner**2)),
        identity("(a² + w²)² = c² + 4p²", (outer**2 + inner**2) ** 2, constant**2 + 4 * product**2),
        identity("c is conserved", BRANCH.along(constant), 0),
        identity(
            "c = 0: the logistic solves ṗ = 2sσp(β − p), σ = sgn p0",
            sp.diff(logistic, t),
            2 * s * sign * logistic * (beta - logistic),
        ),
        identity("and starts at p0", logistic.subs(t, 0), start),
        Fact(
            "its denominator never vanishes and it keeps the sign of p0, with e = e^{−2sβσt} ≤ 1 for βp0 > 0, ≥ 1 for βp0 < 0",
            gt(beta * (start + (beta - start) * decay), 0),
            (Or((falls, grows)),),
        ),
        identity("β = 0: p0/(1 + 2s|p0|t) solves ṗ = −2sσp²", sp.diff(slow, t), -2 * s * sign * slow**2),
        Fact("√(c² + 4p²) = 2σp where c = 0", eq((2 * sign * p) ** 2, 4 * p**2), (eq(sign**2, 1),)),
    )


def _moebius() -> tuple[Part, ...]:
    formula = dict(zip((outer, inner), moebius(a, w, beta, kappa), strict=True))
    speed = s * (1 - (4 * beta**2 + c**2) * kappa**2) / 2
    root = sp.sqrt(4 * beta**2 + c**2)
    clock = sp.tanh(s * root * t / 2) / root
    e = sp.Symbol("e", real=True)
    early = [v.subs(kappa, (1 - e) / (1 + e) / root) for v in moebius(a, w, beta, kappa)]
    late = late_moebius(a, w, beta, e)
    v = ratio(a, w, s, beta, t)
    return (
        solution(
            "the Möbius map is the flow",
            BRANCH,
            formula,
            {outer: a, inner: w},
            kappa,
            speed,
            WINDOW,
            (gt(square, 0),),
            (gt(s, 0),),
        ),
        identity("κ = tanh(sωt/2)/ω is the clock", sp.diff(clock, t), speed.subs(kappa, clock)),
        identity("v = w/a solves v̇ = s(β − c v − β v²)", sp.diff(v, t), s * (beta - c * v - beta * v**2)),
        identity("v is the quotient of the two", v, (formula[inner] / formula[outer]).subs(kappa, clock)),
        identity("a² by the form for late times", early[0] ** 2, late[0] ** 2),
        identity("w² by the form for late times", early[1] ** 2, late[1] ** 2),
        identity("a and w by it have the same product", early[0] * early[1], late[0] * late[1]),
        identity("numerator of a", formula[outer] * sp.sqrt(square), top_a),
        identity("numerator of w", formula[inner] * sp.sqrt(square), top_w),
        *_limit(),
    )


def _limit() -> tuple[Fact, ...]:
    end = [v.subs(kappa, 1 / sp.sqrt(4 * beta**2 + c**2)) for v in moebius(a, w, beta, kappa)]
    zero = late_moebius(a, w, beta, sp.Integer(0))
    degenerate = both(eq(c, 0), lt(beta * a * w, 0))
    return (
        identity("a w → β, by the map at κ = 1/ω", end[0] * end[1], beta),
        identity("and by the form for late times at t = ∞", zero[0] * zero[1], beta),
        Fact(
            "the root does not vanish at κ = 1/ω unless c = 0 and βp0 < 0",
            Or((gt(last_square, 0), degenerate)),
            (*END, ne(w, 0)),
        ),
    )


def _right() -> tuple[Fact, ...]:
    hit = w / (c * w - 2 * beta * a)
    start = gt(w, 0), gt(beta, 0)
    meets = And((gt(hit, 0), lt((4 * beta**2 + c**2) * hit**2, 1), eq(top_w.subs(kappa, hit), 0)))
    return (
        Fact("from w > 0, a > −w: w stays positive", gt(top_w, 0), (*start, gt(a, -w), *WINDOW)),
        Fact("and in the limit", And((gt(last_w, 0), gt(last_square, 0))), (*start, gt(a, -w), *END)),
        Fact("from a < −w: w reaches zero in finite time", meets, (*start, lt(a, -w))),
        Fact("from a = −w: w stays positive", gt(top_w, 0), (*start, eq(a, -w), *WINDOW)),
        identity(
            "and w² = w0²(1 − 2βκ)/(1 + (2β + 4w0²)κ), which vanishes at κ = 1/ω = 1/2β",
            moebius(-w, w, beta, kappa)[1] ** 2,
            w**2 * (1 - 2 * beta * kappa) / (1 + (2 * beta + 4 * w**2) * kappa),
        ),
    )


def _noise_free() -> tuple[Part, ...]:
    still = [v.subs(beta, 0) for v in (top_a, top_w, square)]
    side = lt(w, 0), *(f for f in (WINDOW[0], lt(c**2 * kappa**2, 1)))
    return (
        Group("the branch w > 0 (β = 1 noise-free)", _right()),
        Group(
            "the branch w < 0, β = 0",
            (
                Fact("the sign of w never changes", lt(still[1], 0), side),
                Fact(
                    "c > 0: w → 0 and a² → c",
                    And(
                        (
                            eq(still[1].subs(kappa, 1 / c), 0),
                            eq(still[0].subs(kappa, 1 / c) ** 2, c * still[2].subs(kappa, 1 / c)),
                        )
                    ),
                    (lt(w, 0), gt(c, 0)),
                ),
                Fact("c > 0: a keeps its sign", gt(still[0].subs(kappa, 1 / c) * a, 0), (lt(w, 0), gt(c, 0))),
                Fact(
                    "c < 0: a → 0 and w² → −c",
                    And(
                        (
                            eq(still[0].subs(kappa, -1 / c), 0),
                            eq(still[1].subs(kappa, -1 / c) ** 2, -c * still[2].subs(kappa, -1 / c)),
                        )
                    ),
                    (lt(w, 0), lt(c, 0)),
                ),
                Fact(
                    "c = 0: w² = w0²/(1 + 4w0²κ) with κ = st/2 → ∞, so both vanish like 1/√t",
                    eq(still[1] ** 2 * (1 + 4 * w**2 * kappa), w**2 * still[2]),
                    (lt(w, 0), eq(a**2, w**2), ge(kappa, 0)),
                ),
            ),
        ),
        Group(
            "on the kink",
            (
                identity(
                    "w = 0 is reached with a² = c", moebius(a, w, beta, kappa)[0] ** 2 - moebius(a, w, beta, kappa)[1] ** 2, c
                ),
                Fact(
                    "from a < −w the neuron rests there: the right side pushes down, the left does not move it",
                    And((le(s * outer * beta, 0), eq(s * outer * 0, 0))),
                    (gt(s, 0), lt(outer, 0), gt(beta, 0)),
                ),
            ),
        ),
    )


plus, minus, s_plus, s_minus = sp.symbols("beta_plus beta_minus s_plus s_minus", real=True)


def _left() -> tuple[Fact, ...]:
    start = lt(w, 0), ne(beta, 0), *END
    stuck = eq(c, 0), gt(a * beta, 0)
    return (
        Fact("w reaches zero iff c > 0 and aβ₋ > 0", iff(gt(last_w, 0), And((gt(c, 0), gt(a * beta, 0)))), start),
        Fact(
            "w stays negative in the limit iff neither that nor c = 0 < aβ₋",
            iff(lt(last_w, 0), Or((le(a * beta, 0), lt(c, 0)))),
            start,
        ),
        Fact(
            "w is negative while its numerator at κ = 1/ω is not positive",
            lt(top_w, 0),
            (lt(w, 0), *END, le(last_w, 0), *WINDOW),
        ),
        Fact("where it stays negative the root does not vanish: p → β₋", gt(last_square, 0), (*start, lt(last_w, 0))),
        Fact(
            "c = 0 < aβ₋: the numerators of a and w vanish at κ = 1/ω",
            And((eq(last_w, 0), eq(omega * a + c * a + 2 * beta * w, 0))),
            (*start, *stuck),
        ),
    )


def _crossing() -> tuple[Node, ...]:
    size = sp.Symbol("m", real=True)
    c_left = a**2 - size**2
    hit = size / (2 * beta * a + c_left * size)
    u, v = sp.symbols("u v", real=True)
    start = gt(a, 0), gt(size, 0)
    inside = And((gt(hit, 0), lt((4 * beta**2 + c_left**2) * hit**2, 1)))
    return (
        Fact(
            "w = −m vanishes at κ = m/(2βa + cm)",
            eq(top_w.subs({w: -size, kappa: hit}), 0),
            (ne(2 * beta * a + c_left * size, 0),),
        ),
        identity(
            "(2βa + cm)² − ω²m² = 4βc(β + am)",
            (2 * beta * a + c_left * size) ** 2 - (4 * beta**2 + c_left**2) * size**2,
            4 * beta * c_left * (beta + a * size),
        ),
        Fact(
            "ωκ lies in (0, 1) iff c > 0 and β > 0",
            iff(inside, And((gt(c_left, 0), gt(beta, 0)))),
            (*start, ne(2 * beta * a + c_left * size, 0)),
        ),
        Fact(
            "artanh(u/v) = ½ log(1 + 2u(u + v)/(v² − u²)): (1 + y)/(1 − y) at y = u/v",
            eq((1 + u / v) / (1 - u / v), 1 + 2 * u * (u + v) / (v**2 - u**2)),
            (gt(u, 0), gt(v, u)),
        ),
    )


def _filippov() -> tuple[Fact, ...]:
    left, right = s_minus * outer * minus, s_plus * outer * plus
    context = gt(s_plus, 0), gt(s_minus, 0), gt(plus, 0)
    crosses_up, crosses_down = And((gt(left, 0), gt(right, 0))), And((lt(left, 0), lt(right, 0)))
    return (
        Fact(
            "arriving from the left with a > 0: crosses upwards iff β₋ > 0",
            iff(crosses_up, gt(minus, 0)),
            (*context, gt(outer, 0)),
        ),
        Fact(
            "arriving from the right with a < 0: crosses downwards iff β₋ > 0",
            iff(crosses_down, gt(minus, 0)),
            (*context, lt(outer, 0)),
        ),
        Fact(
            "a < 0 and β₋ < 0: both sides push towards w = 0: sticks",
            And((gt(left, 0), lt(right, 0))),
            (*context, lt(outer, 0), lt(minus, 0)),
        ),
        Fact("a < 0 and β₋ = 0: rests", And((eq(left, 0), lt(right, 0))), (*context, lt(outer, 0), eq(minus, 0))),
        Fact(
            "after crossing upwards w > 0 at once, and a > −w", gt(top_w.subs(w, 0), 0), (gt(a, 0), gt(beta, 0), gt(kappa, 0))
        ),
        Fact("after crossing downwards w < 0 for ever", lt(top_w.subs(w, 0), 0), (lt(a, 0), gt(beta, 0), gt(kappa, 0))),
    )


def _rule() -> tuple[Fact, ...]:
    table = Or((both(gt(w, 0), gt(a, -w)), And((lt(w, 0), gt(minus, 0), gt(a, 0), gt(c, 0)))))
    rule = And((gt(a + w, 0), Or((gt(w, 0), And((lt(w, 0), gt(minus, 0)))))))
    return (Fact("the cells that learn are those of the unified rule", iff(table, rule), (ne(w, 0),)),)


def _rates() -> tuple[Node, ...]:
    """The time falls with β₋, so a known fraction has crossed by any time; in the limit half of the starts that are stuck."""
    c_left, share = sp.symbols("c P", real=True)
    velocity = s * sp.sqrt(c_left + inner**2) * (beta - sp.sqrt(c_left + inner**2) * inner)
    return (
        ordered(
            "w(t) grows with β₋: T× falls, and w has crossed by t iff β₋ > β_c(t)", velocity, beta, (gt(s, 0), gt(c_left, 0))
        ),
        Fact(
            "a0 + w0 > 0 is B or the starts that noise can free",
            iff(gt(a + w, 0), Or((both(gt(w, 0), gt(a, -w)), both(lt(w, 0), gt(a, -w))))),
            (ne(w, 0),),
        ),
        Fact(
            "P(a0 + w0 > 0) = ½ and β₋ > 0 in half of the cases: P = ¼ + ½P(B)",
            eq(share + (sp.S.Half - share) / 2, sp.Rational(1, 4) + share / 2),
        ),
    )


def _noisy() -> tuple[Part, ...]:
    return (
        Group("the branch w > 0, β = β₊ > 0", _right()),
        Group("the branch w < 0, β = β₋ ≠ 0 (β₋ = 0 is T2a)", _left()),
        Group("the time of crossing", _crossing()),
        Group("the kink, in the sense of Filippov: one-sided speeds s₋aβ₋ and s₊aβ₊", _filippov()),
        Group("the rule", _rule()),
        Group("how many have crossed by a time", _rates()),
    )


start_p = sp.Symbol("p_0", real=True)
positive = sp.exp(-2 * s * beta * t)
CLAIMS = (
    Claim(
        "T2",
        "One input",
        "On one branch ȧ = s w(β − p), ẇ = s a(β − p), ṗ = s(β − p)√(c² + 4p²), with p = a w and c = a² − w²; for c = 0 "
        "p(t) = β/(1 + (β/p0 − 1) e^{−2sβ·sgn(p0)·t}).",
        OURS,
        _branch,
        hypotheses=(
            "one input; gradient flow on the squared loss",
            "w keeps its sign (s, β are the branch's)",
            "the logistic: β ≠ 0 and p0 ≠ 0 (β = 0: p0/(1 + 2s|p0|t))",
        ),
        closed_forms=("theory.one_input.branch_flow",),
        false=(
            Fact(
                "the logistic without sgn(p0)",
                eq(
                    sp.diff(beta / (1 + (beta / start_p - 1) * positive), t),
                    2
                    * s
                    * sp.Abs(beta / (1 + (beta / start_p - 1) * positive))
                    * (beta - beta / (1 + (beta / start_p - 1) * positive)),
                ),
                (),
                "identity",
            ),
        ),
    ),
    Claim(
        "T2a",
        "One input, noise-free",
        "The sparse neuron learns iff w0 > 0 and a0 > −w0; on w < 0 the sign never changes.",
        PAPER + " (balanced); any initialisation: " + OURS,
        _noise_free,
        hypotheses=(
            "β₊ = 1, β₋ = 0 (noise-free data, or the population)",
            "w0 ≠ 0; at w = 0 the flow is a Filippov inclusion (from w0 = 0 < a0 that is not unique)",
        ),
        starts=(gt(w, 0), gt(a, -w)),
        ends=(eq(outer * inner, beta), gt(inner, 0)),
        closed_forms=("theory.one_input.flow", "theory.learns"),
        false=(Fact("a ≥ −w suffices", And((gt(last_w, 0), gt(last_square, 0))), (gt(w, 0), gt(beta, 0), ge(a, -w), *END)),),
        assumes=("T2c",),
    ),
    Claim(
        "T2b",
        "One input, label noise",
        "For β₊ > 0 the sparse neuron learns iff a0 + w0 > 0 and (w0 > 0, or w0 < 0 and β₋ > 0); the crossing time is "
        "(2/(sω)) artanh(ω|w0|/(2βa0 + c|w0|)), ω = √(4β² + c²).",
        OURS,
        _noisy,
        hypotheses=("β₊ > 0", "w0 ≠ 0", "at w = 0 the flow is a Filippov inclusion", "s₊, s₋ > 0"),
        starts=(gt(a + w, 0), Or((gt(w, 0), And((lt(w, 0), gt(minus, 0)))))),
        ends=(eq(outer * inner, plus), gt(inner, 0)),
        closed_forms=("theory.noise_escape_time", "theory.noise_escape_fraction", "theory.one_input.flow", "theory.learns"),
        false=(
            Fact(
                "without β₊ > 0 the neuron crosses upwards",
                gt(s_plus * outer * plus, 0),
                (gt(s_plus, 0), gt(outer, 0), gt(minus, 0)),
            ),
            Fact("c ≥ 0 suffices for crossing", gt(last_w, 0), (lt(w, 0), gt(a, 0), gt(beta, 0), ge(c, 0), *END)),
            Fact("β₋ ≥ 0 suffices for crossing", gt(last_w, 0), (lt(w, 0), gt(a, 0), ge(beta, 0), gt(c, 0), *END)),
        ),
        assumes=("T2c", "T2a"),
    ),
    Claim(
        "T2c",
        "One formula for all cases",
        "v = w/a solves v̇ = s(β − c v − β v²); (a, w) is a Möbius map of tanh(sωt/2) over a common root, and a w → β "
        "unless the "
        "root vanishes.",
        OURS,
        _moebius,
        hypotheses=("s > 0", "ω > 0 for the clock κ = tanh(sωt/2)/ω; else κ = st/2"),
        closed_forms=("theory.one_input.moebius", "theory.one_input.late_moebius", "theory.one_input.ratio"),
        false=(
            identity(
                "Riccati with the sign of c reversed",
                sp.diff(ratio(a, w, s, beta, t), t),
                s * (beta + c * ratio(a, w, s, beta, t) - beta * ratio(a, w, s, beta, t) ** 2),
            ),
        ),
        assumes=("T2",),
    ),
)
