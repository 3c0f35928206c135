"""T8: which starts each mask criterion keeps e_1 for; the criteria's own formulas, run on symbols."""

from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..criteria import CRITERIA
from ..population import loss
from ..proof.flows import Group
from ..proof.logic import Fact, Formula, eq, ge, gt, lt, ne
from .claim import OURS, Claim, Part

__all__ = ["CLAIMS", "scores"]

w, x, m, e, p = sp.symbols("w_1 x m epsilon p", real=True)
size = sp.Abs(x)


@dataclass(frozen=True, eq=False)
class Truth:
    """A condition as an expression that is 1 or 0 (½ where the compared values are equal)."""

    value: sp.Expr

    def __eq__(self, other: object) -> "Truth":  # type: ignore[override]
        assert isinstance(other, Truth)
        return Truth(1 - (self.value - other.value) ** 2)

    def __xor__(self, other: bool) -> "Truth":
        return Truth(1 - self.value if other else self.value)


@dataclass(frozen=True, eq=False)
class Value:
    """A weight as an expression; what criteria do with arrays builds expressions, exactly (1.0 is 1)."""

    value: sp.Expr

    def __abs__(self) -> "Value":
        return Value(sp.Abs(self.value))

    def __neg__(self) -> "Value":
        return Value(-self.value)

    def __add__(self, other: Any) -> "Value":
        return Value(self.value + _exact(other))

    def __sub__(self, other: Any) -> "Value":
        return Value(self.value - _exact(other))

    def __mul__(self, other: Any) -> "Value":
        return Value(self.value * _exact(other))

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> Truth:
        return Truth((1 + sp.sign(_exact(other) - self.value)) / 2)

    def __gt__(self, other: Any) -> Truth:
        return Truth((1 + sp.sign(self.value - _exact(other))) / 2)

    __le__, __ge__ = __lt__, __gt__


def _exact(x: Any) -> sp.Expr:
    return x.value if isinstance(x, Value | Truth) else sp.Rational(str(x)) if isinstance(x, float) else sp.sympify(x)


def scores(criterion: str, final: sp.Expr = m) -> tuple[sp.Expr, sp.Expr]:
    """The criterion's scores of e_1, which goes from w_1 to ``final``, and of another weight, from x to εx (T7)."""
    chosen = CRITERIA[criterion]
    first = {"init": Value(w), "final": Value(final)}
    other = {"init": Value(x), "final": Value(e * x)}
    return tuple(chosen(*(ends[p] for p in chosen.needs)).value for ends in (first, other))


START: tuple[Formula, ...] = (ne(w, 0), ne(x, 0), gt(m, 0), gt(e, 0), lt(e, 1))
PLUS, MINUS = gt(w, 0), lt(w, 0)
BIG = sp.Abs(w)
CASES: dict[str, tuple[tuple[str, str, tuple[Formula, ...]], ...]] = {
    "large_final": ((">", "always", (lt(e * size, m),)),),
    "small_final": (("<", "never", (lt(e * size, m),)),),
    "large_init": ((">", "if W > |x|", (gt(BIG, size),)), ("<", "if W < |x|", (lt(BIG, size),))),
    "small_init": ((">", "if W < |x|", (lt(BIG, size),)), ("<", "if W > |x|", (gt(BIG, size),))),
    "large_init_large_final": ((">", "always", (lt(e * size, m), lt(e * size, BIG))),),
    "small_init_small_final": (
        (">", "if max(m, W) < |x|", (lt(m, size), lt(BIG, size))),
        ("<", "if W > |x|", (gt(BIG, size),)),
        ("<", "if m > |x|", (gt(m, size),)),
    ),
    "magnitude_increase": (
        (">", "if W − m < |x|", (lt(e * size, size - (BIG - m)),)),
        ("<", "if W − m > |x|", (gt(BIG - m, size),)),
    ),
    "movement": (
        (">", "if |m − w_1| > |x|", (gt(sp.Abs(m - w), size),)),
        ("<", "if |m − w_1| < |x|", (lt(e * size, size - sp.Abs(m - w)),)),
    ),
    "large_final_same_sign": ((">", "if w_1 > 0", (PLUS, lt(e * size, m))), ("<", "if w_1 < 0", (MINUS,))),
    "large_final_diff_sign": ((">", "if w_1 < 0", (MINUS,)), ("=", "ties if w_1 > 0", (PLUS,))),
    "magnitude_increase_same_sign": (
        (">", "if w_1 > 0 and W − m < |x|", (PLUS, lt(e * size, size - (BIG - m)))),
        ("<", "if w_1 > 0 and W − m > |x|", (PLUS, gt(BIG - m, size))),
        (">", "if w_1 < 0", (MINUS,)),
    ),
    "magnitude_increase_diff_sign": (
        (">", "if w_1 < 0 and W < m", (MINUS, lt(BIG, m))),
        ("<", "if w_1 < 0 and W > m", (MINUS, gt(BIG, m))),
        ("=", "ties if w_1 > 0", (PLUS,)),
    ),
    "movement_same_sign": (
        (">", "if w_1 > 0 and |m − w_1| > |x|", (PLUS, gt(sp.Abs(m - w), size))),
        ("<", "if w_1 > 0 and |m − w_1| < |x|", (PLUS, lt(e * size, size - sp.Abs(m - w)))),
        ("<", "if w_1 < 0", (MINUS,)),
    ),
    "movement_diff_sign": ((">", "if w_1 < 0", (MINUS,)), ("=", "ties if w_1 > 0", (PLUS,))),
}
"""For each criterion: how the score of e_1 compares with that of another weight, and when. ε is small where a bound says so."""
WORDS = {">": "beats every other weight", "<": "is beaten", "=": "has the same score"}


def compare(criterion: str, op: str, words: str, *given: Formula) -> Fact:
    """e_1 against another weight."""
    left, right = scores(criterion)
    made = {">": gt, "<": lt, "=": eq}[op]
    return Fact(f"{criterion}: e_1 {WORDS[op]}, {words}", made(left, right), (*START, *given))


def _reflection() -> tuple[Fact, ...]:
    """Outside D e_1 ends at −m, m → 0: the same comparison with w_1 → −w_1."""
    facts = []
    for name in CASES:
        there, here = scores(name, -m)[0], scores(name)[0].subs(w, -w)
        facts.append(Fact(f"{name} does not mind the sign of e_1", eq(there, here), (ne(w, 0), gt(m, 0))))
    return tuple(facts)


def _without() -> tuple[Fact, ...]:
    value = loss(p, sp.Integer(1), sp.pi / 2)
    least = sp.Rational(1, 4) * (1 - 1 / sp.pi**2)
    return (
        Fact("at θ = π/2 the loss is at least ¼(1 − 1/π²) > 0", ge(value, least)),
        Fact("attained at p = 1/π", eq(value.subs(p, 1 / sp.pi), least), (), "identity"),
        Fact("which is not zero", gt(least, 0)),
    )


def _proof() -> tuple[Part, ...]:
    groups = tuple(Group(name, tuple(compare(name, *case[:2], *case[2]) for case in cases)) for name, cases in CASES.items())
    return (
        Group(
            "the scores at the end of a long dense phase inside D, where w_1 → m > 0 and w_⊥ → 0 with its signs (T4, T7)",
            groups,
        ),
        Group("outside D", _reflection()),
        Group("a mask without e_1 never learns", _without()),
    )


CLAIMS = (
    Claim(
        "T8",
        "Mask criteria",
        "One-shot to one weight after a long noise-free dense phase, W = |w0_1|, M = max_{j≥2}|w0_j|, μ = min_{j≥2}|w0_j|, "
        "m = 1/a∞: inside D "
        "e_1 is kept by large_final and large_init_large_final always; small_final never; large_init iff W > M; small_init "
        "iff W < μ; "
        "small_init_small_final iff max(m, W) < μ; magnitude_increase iff W − m < μ; movement iff |m − w0_1| > M; random "
        "once in d; the "
        "same_sign and diff_sign variants as the sign of w0_1 says. Success: B ∩ K for IMP, D ∩ K for LRR.",
        OURS,
        _proof,
        hypotheses=(
            "t → ∞, noise-free, k = 1",
            "no exact ties",
            "pruned weights end at ε w0 with ε → 0⁺ (finite-time limit of sign(0))",
        ),
        closed_forms=("theory.conditions.keeps", "theory.conditions.succeeds", "theory.success_probability"),
        false=(
            compare("movement", ">", "always", lt(e * size, m)),
            compare("magnitude_increase", ">", "if W < |x| + 2m", lt(BIG, size + 2 * m)),
            compare("large_final_same_sign", "=", "ties if w_1 < 0", MINUS),
            compare("magnitude_increase_diff_sign", ">", "if w_1 < 0", MINUS),
        ),
        assumes=("T4", "T5", "T7"),
    ),
)
