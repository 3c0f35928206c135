"""T10: the loss along the segment between solutions of successive levels, and four definitions of a barrier."""

import sympy as sp

from ..connectivity import BARRIERS, LEAST_FAILING, matching_barrier, matching_loss, matching_product
from ..population import loss
from ..proof.flows import Group
from ..proof.logic import And, Fact, Formula, eq, ge, gt, iff, le, lt
from .claim import OURS, Claim, Part
from .symbols import a, c
from .t4 import LIMIT

__all__ = ["CLAIMS", "failing_loss", "failing_product"]

b, alpha, beta, rho, d, w, y, z, epsilon = sp.symbols("b alpha beta rho d w y z epsilon", real=True)
SOLUTIONS = gt(a, 0), gt(b, 0)
SEGMENT = ge(alpha, 0), le(alpha, 1)
BACK = ge(beta, 0), le(beta, 1)
"""β = 1 − α."""
WINDOW = ge(rho, 0), le(rho, 4 + 2 * sp.sqrt(2))
QUARTER = sp.Rational(1, 4)


def identity(words: str, left: object, right: object, *given: Formula) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), given, "identity")


def barrier(definition: str) -> sp.Expr:
    """The value of L(1) above the reference, from a solution, L(0) = 0, to a failed end, L(1) = ¼."""
    return QUARTER - sp.nsimplify(BARRIERS[definition](sp.Integer(0), QUARTER, sp.Integer(1)))


def _matching() -> tuple[Fact, ...]:
    product = ((1 - alpha) * a + alpha * b) * ((1 - alpha) / a + alpha / b)
    between = matching_loss(a, b, alpha)
    top = matching_loss(a, b, sp.S.Half)
    closed = (a - b) ** 4 / (64 * a**2 * b**2)
    inner, ends = {sp.asinh(c / 2): y, sp.asinh(d / 2): z}, {a: sp.exp(y / 2), b: sp.exp(z / 2)}
    return (
        identity("p(α) = 1 + α(1 − α)(a − b)²/(ab)", matching_product(a, b, alpha), product),
        identity("L = ¼(p − 1)² is the loss of T3 at θ = 0", between, loss(product, sp.Integer(1), sp.Integer(0))),
        Fact("L is largest at α = ½", le(between, top), (*SOLUTIONS, *SEGMENT)),
        identity("and is (a − b)⁴/(64a²b²) there", top, closed),
        Fact("a∞(c) is the solution: a > 0, a² − 1/a² = c", And((gt(LIMIT, 0), eq(LIMIT**2 - 1 / LIMIT**2, c)))),
        Fact("the only one", eq(a, b), (*SOLUTIONS, eq(a**2 - 1 / a**2, b**2 - 1 / b**2))),
        identity(
            "a = e^{u/2} has c = a² − 1/a² = 2 sinh u, u = asinh(c/2)",
            ends[a] ** 2 - 1 / ends[a] ** 2,
            2 * sp.sinh(y).rewrite(sp.exp),
        ),
        identity("¼ sinh⁴((u − u')/4) is the same", matching_barrier(c, d).subs(inner).rewrite(sp.exp), closed.subs(ends)),
        Fact("it vanishes iff a = b", iff(eq(top, 0), eq(a, b)), SOLUTIONS),
        Fact("that is, iff c = c'", iff(eq(top, 0), eq(a**2 - 1 / a**2, b**2 - 1 / b**2)), SOLUTIONS),
        identity("pruning w_⊥ adds ‖w_⊥‖² to c", a**2 - w**2 - (a**2 - (w**2 + y**2)), y**2),
    )


def failing_product() -> sp.Expr:
    """p on the way from (a, 1/a) to (b, 0) at 1 − α = β, with ρ = b/a."""
    return beta * (rho + beta * (1 - rho))


def failing_loss() -> sp.Expr:
    """L there: ¼(p − 1)², as w_1 > 0 up to α = 1."""
    return loss(failing_product(), sp.Integer(1), sp.Integer(0))


def _failing() -> tuple[Fact, ...]:
    along = ((1 - alpha) * a + alpha * b) * (1 - alpha) / a
    shape = (1 - rho) ** 2 * beta**2 + (1 - rho**2) * beta + 2 * rho - 1
    line = BARRIERS["interpolation"](sp.Integer(0), QUARTER, 1 - beta)
    above = failing_loss() - line
    half, crest = (1 - 2 * rho) / (4 * (1 - rho) ** 2 + 4), (rho + 1) / (2 * (rho - 1))
    top, low = rho / (2 * (rho - 1)), -rho / (2 * (1 - rho))
    inside = And((gt(half, 0), lt(half, 1)))
    return (
        identity("p = β(ρ + β(1 − ρ)), β = 1 − α, ρ = b/a", along, failing_product().subs({rho: b / a, beta: 1 - alpha})),
        Fact("w_1 = β/a > 0 on the way", gt(beta / a, 0), (gt(a, 0), gt(beta, 0))),
        identity("(i) L − α/4 = −¼β(1 − β)((1 − ρ)²β² + (1 − ρ²)β + 2ρ − 1)", above, -beta * (1 - beta) * shape / 4),
        Fact("(i) so it is never positive for ½ ≤ ρ ≤ 5: no barrier", le(above, 0), (*BACK, ge(rho, sp.S.Half), le(rho, 5))),
        Fact("(i) below ½ a point of the way", inside, (lt(rho, sp.S.Half),)),
        Fact("(i) at which it is", gt(above.subs(beta, half), 0), (lt(rho, sp.S.Half),)),
        Fact("(i) above 5 a point of the way", And((gt(crest, 0), lt(crest, 1))), (gt(rho, 5),)),
        Fact("(i) at which it is", gt(above.subs(beta, crest), 0), (gt(rho, 5),)),
        Fact("(ii) 0 ≤ ρ ≤ 4 + 2√2: L never exceeds ¼", le(failing_loss(), QUARTER), (*BACK, *WINDOW)),
        Fact(
            "(ii) above it exceeds ¼ on the way",
            And((gt(top, 0), lt(top, 1), gt(failing_loss().subs(beta, top), QUARTER))),
            (gt(rho, 4 + 2 * sp.sqrt(2)),),
        ),
        Fact(
            "(ii) so does it below", And((gt(low, 0), lt(low, 1), gt(failing_loss().subs(beta, low), QUARTER))), (lt(rho, 0),)
        ),
    )


def _negative() -> tuple[Fact, ...]:
    return (
        identity("where w_1 < 0, L = ¼ + p²/4", loss(a, w, sp.pi), QUARTER + (a * w) ** 2 / 4),
        Fact("so between a solution and (0, −√|c'|e_1) L exceeds ¼", gt(loss(a, w, sp.pi), QUARTER), (gt(a, 0), gt(w, 0))),
        identity("a failed end has L = ¼: w = 0", loss(a, sp.Integer(0), sp.Integer(0)), QUARTER),
        identity("a failed end has L = ¼: a = 0", loss(sp.Integer(0), w, sp.pi), QUARTER),
        identity(
            "between two failed ends (a, 0) and (b, 0), w = 0 and L = ¼ all along",
            loss((1 - alpha) * a + alpha * b, sp.Integer(0), sp.Integer(0)),
            QUARTER,
        ),
    )


def _windows() -> tuple[Fact, ...]:
    least = {name: sp.nsimplify(value) for name, value in LEAST_FAILING.items()}
    return (
        *(
            Fact(f"({number}) {name}: a failed end shows at least {least[name]}", eq(barrier(name), least[name]))
            for number, name in (("iii", "mean-end"), ("iv", "first-end"))
        ),
        *(
            Fact(
                f"({number}) so barrier ≤ ε iff matching, for every ε of the window",
                And((le(c, epsilon), gt(d, epsilon))),
                (le(c, y), ge(d, least[name]), ge(epsilon, y), lt(epsilon, least[name])),
            )
            for number, name in (("iii", "mean-end"), ("iv", "first-end"))
        ),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("between two solutions (a, e_1/a) and (b, e_1/b)", _matching()),
        Group("from a solution to a failed end (b, 0)", _failing()),
        Group("other failed ends", _negative()),
        Group("windows of tolerance", _windows()),
    )


CLAIMS = (
    Claim(
        "T10",
        "Linear mode connectivity",
        "Between solutions (a, e_1/a), (b, e_1/b): p(α) = 1 + α(1 − α)(a − b)²/(ab), L = ¼(p − 1)², largest at α = ½: "
        "(a − b)⁴/(64a²b²) = ¼ sinh⁴((asinh(c/2) − asinh(c'/2))/4), zero iff c = c'. To a failed end (b, 0) the barrier above "
        "(i) linear interpolation is zero iff ½ ≤ b/a ≤ 5, above (ii) the worse end iff 0 ≤ b/a ≤ 4 + 2√2; above (iii) "
        "the mean of the ends it is at least ⅛, above (iv) the first end ¼. So “small barrier iff matching” is false for (i), "
        "(ii), and true for (iii), (iv) with tolerances from the matching barrier up to ⅛, ¼.",
        OURS,
        _proof,
        hypotheses=(
            "population loss, one weight e_1 kept",
            "matching is relative to the previous level, which has learned",
            "failed ends have f = 0 on x_1 > 0 (T2a)",
        ),
        closed_forms=(
            "theory.connectivity.matching_product",
            "theory.connectivity.matching_loss",
            "theory.connectivity.matching_barrier",
            "theory.connectivity.failure_hidden",
            "theory.connectivity.tolerance_window",
        ),
        false=(
            Fact(
                "(i) a failed end shows a barrier: L is above the line between the ends",
                gt(failing_loss(), BARRIERS["interpolation"](sp.Integer(0), QUARTER, 1 - beta)),
                (gt(beta, 0), lt(beta, 1), gt(rho, 0)),
            ),
            Fact("(i) no barrier beyond ρ = 5 either", le(failing_loss(), (1 - beta) / 4), (*BACK, ge(rho, sp.S.Half))),
            Fact(
                "(ii) a failed end shows a barrier: L exceeds the worse end on the way",
                gt(failing_loss(), QUARTER),
                (gt(beta, 0), lt(beta, 1), gt(rho, 0)),
            ),
            Fact("zero barrier for all matching solutions", eq(matching_loss(a, b, sp.S.Half), 0), SOLUTIONS),
            Fact("(iii) the window is open up to ¼", gt(barrier("mean-end"), epsilon), (lt(epsilon, QUARTER),)),
        ),
        assumes=("T2a", "T3", "T4"),
    ),
)
