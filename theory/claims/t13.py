"""T13: gradient descent with steps: exact drift of c, jumps over zero, momentum, stability."""

import sympy as sp

from ..discrete import branch_step, dense_drift, drift_factor, jump_number, momentum_roots
from ..population import reduced_flow
from ..proof.flows import Group, Node, Step
from ..proof.logic import And, Fact, Formula, eq, ge, gt, iff, le, lt, ne
from ..proof.recurrences import Map, descend, induct
from .claim import OURS, Claim, Falsehood, Part
from .symbols import a, g, r, theta
from .trigonometry import SINE

__all__ = ["CLAIMS", "HEAVY_BALL"]

w, s, beta, eta, h, c, k, phi, delta = sp.symbols("w s beta eta h c k phi delta", real=True)
m, older_a, older_w, ratio, root, real, imaginary = sp.symbols("m A W rho lambda x y", real=True)
next_a, next_w = branch_step(a, w, s, beta, eta)
SPARSE = Map("gradient descent on w < 0, noise-free", tuple(zip((a, w), branch_step(a, w, h, 0, 1), strict=True)))
"""h = ηs."""
mu = m**2
HEAVY_BALL = Map(
    "the same with momentum m²",
    (
        (a, SPARSE.moves[0][1] + mu * (a - older_a)),
        (w, SPARSE.moves[1][1] + mu * (w - older_w)),
        (older_a, a),
        (older_w, w),
    ),
)


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def _drift() -> tuple[Fact, ...]:
    factor = drift_factor(a, w, s, beta, eta)
    force = eta * s * (beta - a * w)
    return (
        identity("c_{k+1} = c_k(1 − η²s²(β − p)²)", next_a**2 - next_w**2, (a**2 - w**2) * factor),
        Fact("c = 0 stays", eq(next_a**2, next_w**2), (eq(a**2, w**2),)),
        Fact("the sign of c stays iff ηs|β − p| < 1", iff(gt(factor, 0), lt(sp.Abs(force), 1))),
    )


def _dense() -> tuple[Fact, ...]:
    outer, speed, turn = reduced_flow(a, r, theta)
    pulled = g(theta) - a * r / 2
    step_a, along, side = a + eta * r * pulled, r + eta * a * pulled, eta * r * turn
    drift = dense_drift(a, r, theta, eta)
    moved = r * sp.sin(theta) * (1 - eta * a**2 / 2) + eta * a * sp.sin(theta) ** 2 / (2 * sp.pi)
    boundary = gt(r, 0), eq(a, -r), gt(theta, 0), lt(theta, sp.pi)
    spelled = eta**2 * (a * (sp.pi - theta) * sp.sin(theta) / (2 * sp.pi)) ** 2
    return (
        identity(
            "c_{k+1} − c_k = −η²[c(g − q/2)² + (a/2π)²(π − θ)² sin²θ], a step of w being ηṙ along ŵ and ηrθ̇ across",
            (a + eta * outer) ** 2 - (r + eta * speed) ** 2 - side**2 - (a**2 - r**2),
            drift,
        ),
        identity("the same with g by its name", step_a, a + eta * outer),
        identity("and for the step along ŵ", along, r + eta * speed),
        identity("at c = 0 the drift is −η²(a/2π)²(π − θ)² sin²θ", drift.subs(a, -r), -spelled.subs(a, -r)),
        Fact("which is negative", lt(-spelled, 0), (*boundary, gt(eta, 0)), uses=(SINE.at(),)),
        identity("the step of ‖w_⊥‖", along * sp.sin(theta) + side * sp.cos(theta), moved),
        Fact(
            "for η(r²/2 + 1/2π) < 1, w_⊥ is not lost",
            gt(moved, 0),
            (*boundary, lt(eta * (r**2 / 2 + 1 / (2 * sp.pi)), 1)),
            uses=(SINE.at(),),
        ),
        Fact(
            "c_{k+1} < 0 means a_{k+1} > −‖w_{k+1}‖: one step leads from a = −‖w‖ into the basin of T4",
            gt(a, -r),
            (ge(r, 0), lt(a**2 - r**2, 0)),
        ),
    )


SHRINKING = le(w, 0), le(h * a**2, 1), le(h * w**2, 2)
"""h = ηs: a start from here never jumps."""


def frozen(*region: Formula) -> Step:
    """The region of starts without a jump at the first step is kept, and w ≤ 0 in it."""
    return induct("w ≤ 0 for ever", SPARSE, (lt(w, 0), *region[1:]), region, (gt(h, 0),))


def _jumps() -> tuple[Node, ...]:
    number = jump_number(a, w, s, beta, eta)
    jumped = branch_step(a, -w, h, 0, 1)
    return (
        identity("w_{k+1} = w_k(1 − J), J = ηs a(a − β/w)", next_w, w * (1 - number)),
        Fact("w changes its sign at a step iff J > 1", iff(lt(w * next_w, 0), gt(number, 1)), (ne(w, 0),)),
        Fact("and lands on 0 iff J = 1", iff(eq(next_w, 0), eq(number, 1)), (ne(w, 0),)),
        identity("noise-free on w < 0: J = ηsa²", jump_number(a, w, s, 0, eta), eta * s * a**2),
        identity("with noise: J = ηs(a² + aβ/|w|)", jump_number(a, -w, s, beta, eta), eta * s * (a**2 + a * beta / w)),
        Fact("w = 0 stays", eq(SPARSE.moves[1][1], 0), (eq(w, 0),)),
        frozen(*SHRINKING),
        Fact("|a| does not grow", le(SPARSE.moves[0][1] ** 2, a**2), (gt(h, 0), SHRINKING[2])),
        Fact("|w| does not grow", le(SPARSE.moves[1][1] ** 2, w**2), (gt(h, 0), SHRINKING[1])),
        identity("after a jump from −|w|: a = a0(1 − hw0²)", jumped[0], a * (1 - h * w**2)),
        identity("and w = |w0|(ha0² − 1)", jumped[1], w * (h * a**2 - 1)),
    )


BOUND = (1 - m) ** 2
"""(1 − √μ)²."""


def cone(bound: sp.Expr = BOUND) -> Step:
    """a constant and ηsa² ≤ (1 − √μ)²: w stays in the cone w_{k+1} ≤ √μ w_k ≤ 0."""
    line = Map("the heavy ball at constant a", HEAVY_BALL.moves[1::2])
    region = le(w, m * older_w), le(older_w, 0)
    given = ge(m, 0), lt(m, 1), ge(h * a**2, 0), le(h * a**2, bound)
    return induct("w ≤ 0 for ever", line, (lt(w, 0), eq(older_w, w)), region, given)


def falling(bound: sp.Expr = BOUND) -> Step:
    """a constant and κ = ηsa² > (1 − √μ)²: ρ = w_{k+1}/w_k falls by at least κ − (1 − √μ)² at each step."""
    line = Map("the ratio", ((ratio, 1 + mu - k - mu / ratio),))
    return descend("ρ becomes ≤ 0 in finitely many steps", line, (gt(ratio, 0),), ratio, k - bound, (ge(m, 0), gt(k, bound)))


def _momentum() -> tuple[Node, ...]:
    high, low = momentum_roots(k, mu)
    moved = HEAVY_BALL.moves[1][1]
    kappa = h * a**2
    return (
        identity("w_{k+1} = (1 + μ − κ)w_k − μw_{k−1}, κ = ηsa²", moved, (1 + mu - kappa) * w - mu * older_w),
        identity("the roots of λ² − (1 + μ − κ)λ + μ: their sum", high + low, 1 + mu - k),
        identity("their product", high * low, mu),
        Group(
            "at constant a, κ ≤ (1 − √μ)²",
            (cone(),),
        ),
        Group(
            "at constant a, κ > (1 − √μ)²",
            (
                Fact(
                    "ρ_{k+1} = 1 + μ − κ − μ/ρ_k",
                    eq(moved / w, 1 + mu - kappa - mu / (w / older_w)),
                    (lt(w, 0),),
                ),
                falling(),
                Fact("ρ < 0: w has crossed", gt(moved, 0), (lt(w, 0), lt(moved / w, 0))),
                Fact("ρ = 0 < μ: it crosses at the next step", gt(moved, 0), (eq(w, 0), lt(older_w, 0), gt(m, 0))),
                Fact("μ = 0: at the first step, ρ_0 = 1 − κ < 0", lt(1 - k, 0), (gt(k, BOUND), eq(m, 0))),
            ),
        ),
        Group("a moving", (moving(),)),
        Group("the step of the crossing, κ between (1 − √μ)² and (1 + √μ)²", _wave()),
    )


def moving(free: bool = False) -> Step:
    """With a moving too: from a > 0 > w, ηsa0² and ηsw0² ≤ (1 − √μ)², w never crosses; ``free``: without the bound on w0."""
    small = le(h * older_a**2, BOUND), *((le(h * older_w**2, BOUND),) if not free else ())
    region = (
        *(le(m * older_a, a), le(a, older_a), ge(older_a, 0)),
        *(le(w, m * older_w), ge(w, older_w), le(older_w, 0)),
        *small,
    )
    start = gt(a, 0), lt(w, 0), eq(older_a, a), eq(older_w, w), *small
    return induct("w ≤ 0 ≤ a for ever", HEAVY_BALL, start, region, (ge(m, 0), lt(m, 1), gt(h, 0)))


def _wave() -> tuple[Fact, ...]:
    """w_k = w_0 μ^{k/2} cos(kφ − δ)/cos δ."""
    defined = eq(2 * m * sp.cos(phi), 1 + mu - k), eq(2 * m * sp.sin(phi) * sp.sin(delta), (1 - k - mu) * sp.cos(delta))
    after, here, before = (sp.cos(root + j * phi) for j in (1, 0, -1))
    first = sp.cos(delta) * sp.cos(phi) + sp.sin(delta) * sp.sin(phi)
    return (
        identity("cos(x + φ) = 2 cos φ cos x − cos(x − φ)", after, 2 * sp.cos(phi) * here - before),
        Fact(
            "so w_k ∝ μ^{k/2} cos(kφ − δ) satisfies the recurrence where 2√μ cos φ = 1 + μ − κ",
            eq(mu * after, (1 + mu - k) * m * here - mu * before),
            (defined[0],),
        ),
        Fact("and begins with w_1 = (1 − κ)w_0", eq(m * first, (1 - k) * sp.cos(delta)), defined),
        Fact(
            "such a φ exists iff κ lies between (1 − √μ)² and (1 + √μ)²",
            iff(lt(((1 + mu - k) / (2 * m)) ** 2, 1), And((gt(k, BOUND), lt(k, (1 + m) ** 2)))),
            (gt(m, 0),),
        ),
    )


def _stability() -> tuple[Fact, ...]:
    trace = 1 + mu - k
    window = ge(m, 0), lt(m, 1), gt(k, 0)
    jacobian = sp.Matrix([[sp.diff(v, x) for x in (a, w)] for v in (next_a, next_w)]).subs(beta, a * w)
    size = eta * s * (a**2 + w**2)
    return (
        identity(
            "at p = β a step multiplies the normal direction (w, a) by 1 − ηs(a² + w²): in a",
            (jacobian * sp.Matrix([w, a]))[0],
            (1 - size) * w,
        ),
        identity("and in w", (jacobian * sp.Matrix([w, a]))[1], (1 - size) * a),
        identity("(a² + w²)² = c² + 4p²", (a**2 + w**2) ** 2, (a**2 - w**2) ** 2 + 4 * (a * w) ** 2),
        Fact("so |1 − ηsS| < 1 iff ηsS < 2, S = √(c² + 4β²) > 0", iff(lt(sp.Abs(1 - k), 1), lt(k, 2)), (gt(k, 0),)),
        Fact(
            "with momentum a real root has |λ| < 1 where κ < 2(1 + μ)",
            lt(root**2, 1),
            (*window, lt(k, 2 * (1 + mu)), eq(root**2, trace * root - mu)),
        ),
        Fact(
            "and a complex one |λ|² = μ < 1",
            lt(real**2 + imaginary**2, 1),
            (ge(m, 0), lt(m, 1), eq(real, trace / 2), eq(real**2 - imaginary**2, trace * real - mu)),
        ),
        identity("the value of λ² − (1 + μ − κ)λ + μ at −1", 1 + trace + mu, 2 * (1 + mu) - k),
        Fact("which for κ ≥ 2(1 + μ) is not positive: a root λ ≤ −1", le(1 + trace + mu, 0), (ge(k, 2 * (1 + mu)),)),
        Fact("h√(c² + 4) < 2 needs h < 1", lt(h, 1), (lt(h * sp.sqrt(c**2 + 4), 2),)),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("drift of c, one input", _drift()),
        Group("drift of c, d > 1", _dense()),
        Group("jumps", _jumps()),
        Group("momentum μ = m²", _momentum()),
        Group("stability of a minimum p = β", _stability()),
    )


CLAIMS = (
    Claim(
        "T13",
        "Discrete steps",
        "One input: c_{k+1} = c_k(1 − η²s²(β − p)²). d > 1: c_{k+1} = c_k − η²[c_k(g − q/2)² + (a/2π)²(π − θ)² sin²θ], which "
        "leads from a = −‖w‖ into the basin of T4. Noise-free, w jumps over zero at a step iff ηs₋a² > 1, and at any time iff "
        "ηs₋a0² > 1, if ηs₋w0² ≤ 2. With momentum μ and constant a it crosses iff ηs₋a² > (1 − √μ)²; with a moving it does not "
        "if ηs₋a0² and ηs₋w0² are at most (1 − √μ)². A minimum is stable iff ηs√(c² + 4β²) < 2(1 + μ).",
        OURS,
        _proof,
        hypotheses=(
            "full-batch gradient descent, momentum as heavy ball from rest",
            "“at any time”: noise-free (β₋ = 0) and ηs₋w0² ≤ 2",
            "the law (1 − √μ)² is one of constant a: small |w0|",
            "from a = −‖w‖ into the basin: η(‖w‖²/2 + 1/2π) < 1, θ ∈ (0, π)",
            "stability is that of the linearised step",
        ),
        closed_forms=(
            "theory.discrete.branch_step",
            "theory.discrete.drift_factor",
            "theory.discrete.dense_drift",
            "theory.discrete.jump_number",
            "theory.discrete.ever_jumps",
            "theory.discrete.momentum_roots",
            "theory.discrete.crosses",
            "theory.discrete.stable",
        ),
        false=(
            identity("T1 holds for steps", next_a**2 - next_w**2, a**2 - w**2),
            Falsehood("no later jump without ηsw0² ≤ 2", lambda: (frozen(*SHRINKING[:2]),)),
            Falsehood("with momentum w crosses only if ηsa² > 1 − √μ", lambda: (cone(1 - m),)),
            Falsehood("with momentum w crosses if ηsa² > 1 − 2√μ", lambda: (falling(1 - 2 * m),)),
            Falsehood("with a moving, ηsw0² is free", lambda: (moving(free=True),)),
            Fact(
                "a step with c ≤ 0 never jumps, as the flow never crosses",
                le(jump_number(a, w, s, beta, eta), 1),
                (lt(w, 0), gt(a, 0), le(a**2, w**2), gt(beta, 0), gt(s, 0), gt(eta, 0)),
            ),
        ),
        assumes=("T3",),
    ),
)
