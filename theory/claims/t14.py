"""T14, the part that can be proved: on any data, a0 ≤ −‖w0‖ never learns.

V = ‖w‖², and ȧ = −(1/n) Σ ρ_i φ(w·x_i) = k√V with |k| ≤ K on a bounded interval, ρ_i being the residuals there: k is an input
that may change with time, of which nothing but the bound is used. Where w = 0, ȧ = 0. Conservation (T1) is V̇ = 2aȧ.
"""

from collections.abc import Iterable

import sympy as sp

from ..proof.flows import Flow, Group, Path
from ..proof.logic import Fact, Formula, Not, both, eq, ge, gt, le
from .claim import OURS, Claim, Falsehood, Part
from .symbols import a, c, r

__all__ = ["CLAIMS", "necessity"]

square, k, bound, residual, h, x, y, z, w, beta, f, label = sp.symbols("V k K rho h x y z w_1 beta f y_i", real=True)
size = sp.sqrt(square)
FLOW = Flow("the flow on any data", ((a, k * size), (square, 2 * a * k * size)), (ge(square, 0),))


def necessity(*start: Formula, without: Iterable[str] = ()) -> Path:
    """From a ≤ −‖w‖: c ≥ 0, so ‖w‖ ≤ |a|, and a ≤ 0 cannot be lost: where 0 < a, ȧ ≤ K‖w‖ ≤ K a (Grönwall)."""
    p = Path("From a ≤ −‖w‖", FLOW, *start, le(k, bound), ge(k, -bound), without=without)
    p.name(c, "c = a² − ‖w‖²", a**2 - square, ge(c, 0))
    p.conserve("T1", "c is conserved", a**2 - square, c)
    p.stay("N", "a ≤ 0 for ever", le(a, 0), by=("T1",), growth={0: -bound})
    return p


def _rate() -> tuple[Fact, ...]:
    """|ρ φ(w·x)| ≤ |ρ|‖x‖‖w‖; in the plane of w = (r, 0) and a sample (x, y)."""
    pairs = tuple(zip(sp.symbols("w1:4", real=True), sp.symbols("x1:4", real=True), strict=True))
    sample = sp.Abs(residual * sp.Max(r * x, 0))
    return (
        Fact(
            "|ρ φ(w·x)| ≤ |ρ|‖x‖‖w‖, so K = (1/n) Σ |ρ_i|‖x_i‖",
            le(sample, sp.Abs(residual) * sp.sqrt(x**2 + y**2) * r),
            (ge(r, 0),),
        ),
        Fact(
            "V̇ = 2w·ẇ = 2aȧ, sample by sample, for any slope h of φ",
            eq(2 * sum(u * (-residual * a * h * v) for u, v in pairs), 2 * a * (-residual * h * sum(u * v for u, v in pairs))),
            (),
            "identity",
        ),
    )


def _consequences() -> tuple[Fact, ...]:
    learned = both(gt(w, 0), eq(a * w, beta), gt(beta, 0))
    return (
        Fact("the output is never positive", le(a * sp.Max(z, 0), 0), (le(a, 0),)),
        Fact("no limit of such points has w_1 > 0 and a w_1 = β > 0", Not(learned), (le(a, 0),)),
        Fact(
            "without noise each sample's loss is at least that of f = 0",
            ge((f - label) ** 2, label**2),
            (le(f, 0), ge(label, 0)),
        ),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("the bound on ȧ", _rate()),
        necessity(le(a, -size)),
        Group("what a ≤ 0 means", _consequences()),
    )


CLAIMS = (
    Claim(
        "T14",
        "Finite samples: necessity",
        "On any data, with any labels and in any dimension: from a0 ≤ −‖w0‖ the flow has a ≤ 0 for ever, so its output is "
        "never positive and it never learns.",
        OURS,
        _proof,
        hypotheses=(
            "gradient flow on the squared loss of any finite data, label noise included; Filippov solutions, any φ' at a kink",
            "no weight decay, no bias, no momentum, no steps (T13)",
        ),
        starts=(le(a, -size),),
        ends=(le(a, 0),),
        false=(
            Falsehood("a0 ≤ −‖w0‖/2 suffices", lambda: (necessity(le(a, -size / 2)),)),
            Falsehood("a0 ≤ 0 suffices", lambda: (necessity(le(a, 0)),)),
            Fact("with noise too the loss is at least that of f = 0", ge((f - label) ** 2, label**2), (le(f, 0),)),
        ),
        assumes=(
            "T1",
            "Grönwall for locally Lipschitz solutions, with residuals bounded on bounded intervals",
            "checked by the Rocq kernel as a whole: theory/rocq/Necessity.v, theorems necessity and never_learns",
        ),
    ),
)
