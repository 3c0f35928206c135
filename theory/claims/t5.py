"""T5: IMP ⊂ WR(t) ⊂ LRR: the sparse basin is forward invariant under the dense flow and under pruning; probabilities."""

from collections.abc import Iterable

import sympy as sp

from ..proof.flows import Group, Path
from ..proof.logic import And, Fact, Not, Or, Relation, both, eq, ge, gt, iff, le, lt, ne
from .claim import OURS, PAPER, Claim, Falsehood, Part
from .symbols import POLAR, a, psi, r, theta
from .t3 import G_SPELLED
from .t4 import LIMIT, TURNS
from .trigonometry import COSINE_LEFT, G_AT_MOST, G_LOW, I3, SINE

__all__ = ["CLAIMS", "SPARSE_BASIN", "axis", "invariance"]

first = r * sp.cos(theta)
SPARSE_BASIN = gt(first, 0), gt(a, -first)
w_1, rho, x, y = sp.symbols("w_1 rho x y", real=True)


NEST = (G_SPELLED.at(), SINE.at(), I3.at({psi: theta}), I3.at({psi: sp.pi - theta}))


def invariance(*basin: Relation, without: Iterable[str] = ()) -> Path:
    """N1–N4. B = {w_1 > 0, a > −w_1} with w_⊥ ≠ 0 is never left; the face of a = −w_1 first, its corner included."""
    p = Path("from B with w_⊥ ≠ 0", POLAR, gt(theta, 0), le(theta, sp.pi), *basin, without=without)
    fast = (1 + a**2) / r
    inside = gt(theta, 0), lt(theta, sp.pi)
    p.stay("θ", "θ ∈ (0, π) for ever", *inside, growth={0: fast, 1: fast}, uses=(*TURNS, SINE.at(), COSINE_LEFT.at()))
    p.stay("N4", "B is not left", *reversed(basin), by=("θ",), uses=NEST)
    return p


def axis(without: Iterable[str] = ()) -> Path:
    """N1 where θ = 0: the whole line a = −w_1 is invariant, and so is its side a > −w_1."""
    p = Path("from B with w_⊥ = 0", POLAR, eq(theta, 0), gt(a, -r), without=without)
    fast = (1 + a**2) / r
    p.stay("θ", "θ = 0 for ever", ge(theta, 0), le(theta, 0), growth={0: -fast, 1: -fast}, uses=TURNS)
    p.stay("N4", "B is not left", gt(a, -r), by=("θ",), growth={0: 1 + a**2 * r**2}, uses=(G_AT_MOST.at(), G_LOW.at()))
    return p


def _sets() -> tuple[Fact, ...]:
    """What the three success sets are, and that they are nested; w_1 is r cos θ."""
    polar = gt(r, 0), ge(theta, 0), le(theta, sp.pi), eq(w_1, first)
    basin_b, basin_d = And((gt(w_1, 0), gt(a, -w_1))), And((gt(a, -r), ne(w_1, -r)))
    escape = Or((And((gt(a, -r), le(w_1, 0), ne(w_1, -r))), And((gt(w_1, 0), gt(a, -r), le(a, -w_1)))))
    return (
        Fact("N5: B ⊂ D", basin_d, (*polar, basin_b)),
        Fact("N5: the limit of D, (a∞, e_1/a∞), lies in B", And((gt(1 / x, 0), gt(x, -1 / x))), (gt(x, 0),)),
        Fact("a∞ > 0", gt(LIMIT, 0)),
        Fact(
            "N6: B involves a and w_1 only: pruning other weights keeps it",
            And((gt(w_1, 0), gt(a, -sp.sqrt(w_1**2)))),
            (gt(w_1, 0), gt(a, -w_1)),
        ),
        Fact("the escape set D \\ B", iff(both(basin_d, Not(basin_b)), escape), polar),
        Fact("θ = π iff w_1 = −r", iff(eq(sp.cos(theta), -1), eq(w_1, -r)), polar),
    )


def _probabilities() -> tuple[Fact, ...]:
    """Closed forms from the definitions of the laws; z = w_1/‖w‖, ρ = σ_a/σ_w."""
    phi = sp.Symbol("phi", positive=True)
    sector = sp.integrate(1 / (2 * sp.pi), (phi, -sp.atan(1 / rho), sp.pi / 2))
    half = sp.S.Half - sp.atan(rho) / (2 * sp.pi)
    n, u = sp.symbols("n u", positive=True)
    chi = sp.integrate(u**n * sp.exp(-(u**2) / 2), (u, 0, sp.oo)) / (2 ** (n / 2 - 1) * sp.gamma(n / 2))
    mean = sp.gamma(n / 2) / (sp.sqrt(sp.pi) * sp.gamma((n + 1) / 2))
    joint = sp.integrate(u ** ((n + 1) / 2 - 1) * sp.exp(-u / 2), (u, 0, sp.oo))
    number = sp.Symbol("n", real=True)
    chi, mean, joint = (v.xreplace({n: number}) for v in (chi, mean, joint))
    z, ez = sp.symbols("z e_z", real=True)
    return (
        Fact("Gaussian: P(B) = ½ − arctan(ρ)/2π, at ρ = 1", eq(sector.subs(rho, 1), half.subs(rho, 1)), (), "identity"),
        Fact(
            "and both sides have the same slope in ρ", eq(sp.diff(sector, rho), sp.diff(half, rho)), (gt(rho, 0),), "identity"
        ),
        Fact(
            "the sector: w_1 > 0 and a > −w_1 is w_1 > 0 and tan φ > −1/ρ for (w_1/σ_w, a/σ_a) = R(cos φ, sin φ)",
            iff(gt(rho * y, -x), gt(y / x, -1 / rho)),
            (gt(rho, 0), gt(x, 0)),
        ),
        Fact(
            "Gaussian: a0² > ‖w0‖² iff a0²/σ_a² over a0²/σ_a² + ‖w0‖²/σ_w² exceeds 1/(1 + ρ²)",
            iff(gt(rho**2 * x, y), gt(x / (x + y), 1 / (1 + rho**2))),
            (gt(rho, 0), gt(x, 0), gt(y, 0)),
        ),
        Fact(
            "that quotient has the Beta(½, d/2) law: the radial integral",
            eq(joint, 2 ** ((number + 1) / 2) * sp.gamma((number + 1) / 2)),
            (gt(number, 0),),
            "identity",
        ),
        Fact(
            "E|z| = Γ(d/2)/(√π Γ((d + 1)/2)), as E χ_d E|z| = E|x_1|",
            eq(chi * mean, sp.sqrt(2 / sp.pi)),
            (gt(number, 0),),
            "identity",
        ),
        Fact("bounded: P(u > −z) = (1 + z)/2 for u ~ U(−1, 1)", eq((1 - (-z)) / 2, (1 + z) / 2)),
        Fact(
            "bounded: E[(1 + z)/2; z > 0] = ¼(1 + E|z|)",
            eq(sp.Rational(1, 2) * sp.S.Half + sp.Rational(1, 2) * (ez / 2), (1 + ez) / 4),
        ),
        Fact("bounded: a0 = u‖w0‖ with u > −1 lies in D: P(D) = 1", gt(x * r, -r), (gt(r, 0), gt(x, -1))),
        Fact("balanced: D is a0 = ‖w0‖, one sign of two: P(D) = ½", iff(gt(a, -r), eq(a, r)), (gt(r, 0), eq(a**2, r**2))),
        Fact(
            "balanced: B is a0 > 0 and w_1 > 0",
            iff(both(gt(w_1, 0), gt(a, -w_1)), both(gt(a, 0), gt(w_1, 0))),
            (gt(r, 0), eq(a**2, r**2), le(w_1, r), ge(w_1, -r)),
        ),
    )


def _proof() -> tuple[Part, ...]:
    return (
        Group("the sparse basin is forward invariant", (invariance(*SPARSE_BASIN).proof, axis().proof)),
        Group("the success sets", _sets()),
        Group("their probabilities", _probabilities()),
    )


CLAIMS = (
    Claim(
        "T5",
        "IMP ⊂ WR(t) ⊂ LRR",
        "As success sets of the population flow, nested in t: IMP succeeds from B = {w_1 > 0, a > −w_1}, WR(t) from "
        "Φ_t⁻¹(B), LRR from "
        "D = {a > −‖w‖, θ ≠ π}, and B ⊂ D is forward invariant. Gaussian: P(D) = 1 − ½I_{ρ²/(1+ρ²)}(d/2, ½), P(B) = ½ − "
        "arctan(ρ)/2π; "
        "balanced ½ and ¼; bounded 1 and ¼(1 + E|z|). d ≥ 2.",
        PAPER + " (balanced 1/4 and 1/2); the rest: " + OURS,
        _proof,
        hypotheses=("population flow, d ≥ 2", "e_1 is kept by every mask", "no momentum (T13)"),
        starts=SPARSE_BASIN,
        ends=SPARSE_BASIN,
        closed_forms=("theory.success_probability", "theory.learns", "theory.probability.mean_cosine"),
        false=(
            Falsehood("{w_1 > 0, a > −2w_1} is invariant", lambda: (invariance(gt(first, 0), gt(a, -2 * first)),)),
            Falsehood("{w_1 > 0} alone is invariant", lambda: (invariance(gt(first, 0)),)),
            Fact("D is kept by pruning w_⊥", gt(a, -sp.sqrt(w_1**2)), (gt(a, -r), gt(r, 0), gt(w_1, 0), le(w_1, r))),
        ),
        assumes=("T2a", "T4", "gamma variables: X/(X + Y) of independent χ²_1 and χ²_d is Beta(½, d/2)"),
    ),
)
