"""T9: what restarts learn (mask-1 actions), pruned weights that are not zero (mask-0 actions), and supermasks."""

import sympy as sp

from ..frozen import frozen_pull, frozen_velocity
from ..population import correlation, loss
from ..proof.flows import Group, Node
from ..proof.logic import Fact, Or, both, eq, ge, gt, iff, le, lt, ne
from ..proof.solutions import escape
from .claim import OURS, Claim, Part
from .symbols import a, g, psi, r, theta
from .trigonometry import G_AT_MOST, G_LOW, G_POSITIVE, I2, SINE, TURN_POSITIVE

__all__ = ["CLAIMS"]

m, start, final, w, sign, length, rho, p, x = sp.symbols("m a_s a_inf w_1 varsigma r_0 rho p x", real=True)


def _restarts() -> tuple[Fact, ...]:
    """B at (a_s, ς m): T2a decides; ``length`` is ‖w0‖, ``start`` a_s."""
    restart = both(gt(sign * m, 0), gt(start, -sign * m))
    given = gt(m, 0), eq(sign**2, 1)
    return (
        Fact("the restart (a_s, ς m) lies in B iff ς = + and a_s > −m", iff(restart, both(eq(sign, 1), gt(start, -m))), given),
        Fact(
            "m > 0 and a_s > −m is m > max(0, −a_s): a lower bound on m",
            iff(both(gt(m, 0), gt(start, -m)), gt(m, sp.Max(0, -start))),
        ),
        Fact("with a_s = a∞ > 0 the learned sign always succeeds", gt(final, -m), (gt(final, 0), gt(m, 0))),
        Fact("m ≥ ‖w0‖ gives all of D, as LRR does", gt(a, -m), (gt(a, -length), ge(m, length))),
        Fact("a0 ≥ 0 gives it for any m", gt(a, -m), (ge(a, 0), gt(m, 0))),
        Fact(
            "with the initial sign it fails wherever IMP does, if a0 ≥ 0 or m ≤ w_1",
            Or((le(w, 0), le(a, -m))),
            (gt(m, 0), Or((le(w, 0), le(a, -w))), Or((ge(a, 0), le(m, w)))),
        ),
    )


def spelled(expression: sp.Expr) -> sp.Expr:
    """The frozen flow in polar coordinates: w_1 = r cos θ, ρ = r sin θ."""
    return expression.replace(sp.atan2, lambda *_: theta).subs(
        {w: r * sp.cos(theta), rho: r * sp.sin(theta)}, simultaneous=True
    )


def frozen_chain() -> sp.Expr:
    """d(r sin θ)/dw_1 by dr/dw_1 = cos θ and dθ/dw_1 = −sin θ/r; and d(r cos θ)/dw_1 − 1, added in squares."""
    along = sp.cos(theta) * sp.diff(r * sp.sin(theta), r) - sp.sin(theta) / r * sp.diff(r * sp.sin(theta), theta)
    first = sp.cos(theta) * sp.diff(r * sp.cos(theta), r) - sp.sin(theta) / r * sp.diff(r * sp.cos(theta), theta) - 1
    return along**2 + first**2


def _frozen() -> tuple[Node, ...]:
    outer, along = (spelled(v) for v in frozen_velocity(a, w, rho))
    inside = gt(r, 0), gt(theta, 0), lt(theta, sp.pi)
    pull = spelled(frozen_pull(a, w, rho))
    value = loss(a, r, theta)
    chain = sp.cos(theta) * sp.diff(value, r) - sp.sin(theta) / r * sp.diff(value, theta)
    slope = {a: sp.diff(value, a), w: chain}
    rest = (
        Fact(
            "ȧ = r(g − a r/2), so ȧ = 0 needs a > 0",
            gt(a, 0),
            (*inside, eq(r * (g(theta) - a * r / 2), 0)),
            uses=(G_POSITIVE.at(),),
        ),
        Fact("ȧ of the frozen flow is that", eq(outer, r * (g(theta) - a * r / 2)), (gt(r, 0),), "identity"),
        Fact(
            "where ȧ = 0, ẇ_1 = (a/2π)(π − θ) sin²θ",
            eq(along - pull, (outer * a * sp.cos(theta)) / r),
            (gt(r, 0),),
            "identity",
        ),
        Fact("which is positive", gt(pull, 0), (*inside, gt(a, 0)), uses=(SINE.at(),)),
    )
    q, bounds = a * r, (G_AT_MOST.at(), G_LOW.at())
    least = Fact(
        "L ≥ (|q| − 1)²/4, so L is bounded below and |q| ≤ 1 + 2√L",
        ge((1 + q**2) / 4 - q * g(theta), (sp.Abs(q) - 1) ** 2 / 4),
        inside,
        uses=bounds,
    )
    return (
        Fact("with ρ = r sin θ fixed, θ falls with w_1 at the rate sin θ/r", eq(frozen_chain(), 0), (gt(r, 0),), "identity"),
        escape(
            "no critical point: every start leaves every bounded set for good",
            slope,
            {a: outer, w: along},
            (gt(r, 0),),
            rest,
            least,
            inside,
        ),
        *_direction(along),
    )


def _direction(along: sp.Expr) -> tuple[Fact, ...]:
    """(a, w_1) → ∞ is w_1 → +∞: q and so a are bounded, a < 0 cannot last, and w_1 ≤ 0 < a cannot either."""
    inside = gt(r, 0), gt(theta, 0), lt(theta, sp.pi)
    q, across = a * r, r * sp.sin(theta)
    outer = r * (g(theta) - a * r / 2)
    return (
        Fact("|a| ≤ |q|/ρ, so a is bounded", le((a * across) ** 2, q**2), inside),
        Fact(
            "|ẇ_1| ≤ |a|(1 + |q|)/2, so the solution exists for ever",
            le(along**2, a**2 * (1 + sp.Abs(q)) ** 2 / 4),
            inside,
            uses=(TURN_POSITIVE.at(), I2.at({psi: theta})),
        ),
        Fact("a rises while a ≤ 0: once positive it stays so", gt(outer, 0), (*inside, le(a, 0)), uses=(G_POSITIVE.at(),)),
        Fact(
            "while a < 0, |a| decays like e^{−ρ²t/2}, so w_1 would stay bounded",
            ge(outer, -a * across**2 / 2),
            (*inside, lt(a, 0)),
            uses=(G_POSITIVE.at(),),
        ),
        Fact(
            "while a > 0, w_1 ≤ 0 rises",
            gt(along, 0),
            (*inside, gt(a, 0), le(sp.cos(theta), 0)),
            uses=(TURN_POSITIVE.at(), SINE.at()),
        ),
    )


def _variants() -> tuple[Fact, ...]:
    """Variant 2 restarts w_1 at 0 where it shrank, w_1 > m: ``kept`` is the restart off w_1 = m."""
    kept = w * (1 + sp.sign(m - w)) / 2
    return (
        Fact(
            "Variant 2's restart lies in B iff w_1 is in B's range and W < m",
            iff(both(gt(kept, 0), gt(a, -kept)), both(gt(w, 0), gt(a, -w), lt(w, m))),
            (ne(w, m), gt(m, 0)),
        ),
        Fact(
            "at w_1 = m, which did not shrink, it is B's own condition",
            iff(both(gt(w, 0), gt(a, -w)), both(gt(w, 0), gt(a, -w), le(w, m))),
            (eq(w, m),),
        ),
    )


def _supermasks() -> tuple[Fact, ...]:
    quarter = sp.Rational(1, 4)
    right, left, side = (loss(p, sp.Integer(1), angle) for angle in (sp.Integer(0), sp.pi, sp.pi / 2))
    q = a * r
    return (
        Fact("e_1 with w_1 > 0: ¼(1 − p)²", eq(right, (1 - p) ** 2 / 4), (), "identity"),
        Fact("e_1 with w_1 < 0: ¼(1 + p²)", eq(left, (1 + p**2) / 4), (), "identity"),
        Fact("another weight: ¼ + p²/4 − p/2π", eq(side, quarter + p**2 / 4 - p / (2 * sp.pi)), (), "identity"),
        Fact("w_1 > 0 beats ¼ iff 0 < p < 2", iff(lt(right, quarter), both(gt(p, 0), lt(p, 2)))),
        Fact("w_1 < 0 never does", ge(left, quarter)),
        Fact("another weight does iff 0 < p < 2/π", iff(lt(side, quarter), both(gt(p, 0), lt(p, 2 / sp.pi)))),
        Fact(
            "any mask beats ¼ iff 0 < q < 4g(θ_S)",
            iff(lt((1 + q**2) / 4 - q * g(theta), quarter), both(gt(q, 0), lt(q, 4 * g(theta)))),
            (ge(theta, 0), le(theta, sp.pi)),
            uses=(G_LOW.at(),),
        ),
        Fact("the loss in terms of g", eq(loss(a, r, theta), (1 + q**2) / 4 - q * correlation(theta)), (), "identity"),
        Fact("averaged over the sign of a0 no mask does", ge((loss(a, r, theta) + loss(-a, r, theta)) / 2, quarter)),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("mask-1 actions: a restart at (a_s, ς m) with e_1 alone", _restarts()),
        Group("mask-0 actions: w_⊥ frozen at its initial value, ρ > 0", _frozen()),
        Group("mask-0 actions: zeroing what shrank", _variants()),
        Group("supermasks: the masked, untrained neuron", _supermasks()),
    )


CLAIMS = (
    Claim(
        "T9",
        "Mask actions and supermasks",
        "A restart at (a_s, ς m), m > 0, with e_1 alone succeeds iff ς = + and a_s > −m. Weights frozen at their initial "
        "values leave no "
        "critical point: from every start w_1 → ∞, a staying bounded. Variant 2 learns from B ∩ {W ≤ m} only. A "
        "supermask has loss "
        "¼ + q²/4 − q g(θ_S) and beats chance iff 0 < q < 4g(θ_S); averaged over the sign of a0 none does.",
        OURS,
        _proof,
        hypotheses=("the mask keeps e_1", "population flow, t = ∞", "ρ = ‖w0_⊥‖ > 0 where it is frozen"),
        closed_forms=("theory.conditions.restarts", "theory.frozen.frozen_velocity", "theory.supermask.supermask_loss"),
        false=(
            Fact("any magnitude m below −a_s succeeds", gt(start, -m), (gt(m, 0), lt(m, -start))),
            Fact(
                "with the initial sign it fails wherever IMP does",
                Or((le(w, 0), le(a, -m))),
                (gt(m, 0), Or((le(w, 0), le(a, -w)))),
            ),
            Fact("a mask with w_1 < 0 can beat chance", lt((1 + p**2) / 4, sp.Rational(1, 4))),
            Fact(
                "a supermask beats chance for every q > 0",
                lt((1 + x**2) / 4 - x * g(theta), sp.Rational(1, 4)),
                (gt(x, 0), ge(theta, 0), lt(theta, sp.pi)),
                uses=(G_POSITIVE.at(),),
            ),
        ),
        assumes=("T2a", "T3", "T4"),
    ),
)
