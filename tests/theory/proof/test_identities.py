"""The engine for identities: proves them under definitions and signs, refutes others at exact points, and is checked twice."""

import copy

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.one_input import moebius
from theory.population import correlation, gradient_moment, loss, reduced_flow
from theory.proof.exact import truth
from theory.proof.identities import decide, recheck
from theory.proof.logic import Fact, Or, eq, ge, gt, le, lt, ne, symbols_of

x, y, c, a, r, w, s, beta, kappa = sp.symbols("x y c a r w s beta kappa", real=True)
theta = sp.Symbol("theta", real=True)
PI = sp.pi


def identity(left, right, *hypotheses):
    return Fact("", eq(left, right), hypotheses, "identity")


outer, inner = moebius(a, w, beta, kappa)
omega2 = 4 * beta**2 + (a**2 - w**2) ** 2
da, dr, dtheta = reduced_flow(a, r, theta)
face = [v.subs(a, -r * sp.cos(theta)) for v in (da, dr, dtheta)]
TRUE = {
    "square": identity((x + y) ** 3, x**3 + 3 * x * y * (x + y) + y**3),
    "definition": identity(c + y**2, x**2, eq(c, x**2 - y**2)),
    "definitions in turn": identity(w, x**4, eq(w, c**2), eq(c, x**2)),
    "sign": identity(sp.sqrt(x**2) + sp.sqrt(y**2), x - y, ge(x, 0), gt(0, y)),
    "circle": identity(sp.sin(x) ** 3 * sp.sin(2 * x), 2 * sp.cos(x) * (1 - sp.cos(x) ** 2) ** 2),
    "double hyperbolic angle": identity(sp.cosh(2 * x), 2 * sp.sinh(x) ** 2 + 1),
    "T2: conserved": identity(outer**2 - inner**2, a**2 - w**2),
    "T2: flow": identity(sp.diff(outer, kappa) * s * (1 - omega2 * kappa**2) / 2, s * inner * (beta - outer * inner)),
    "T3: conserved": identity(a * da, r * dr),
    "T3: speed of q": identity(a * dr + r * da, (a**2 + r**2) * (correlation(theta) - a * r / 2)),
    "T3: slope of g": identity(sp.diff(correlation(theta), theta), -(PI - theta) * sp.sin(theta) / (2 * PI)),
    "T3: slope of the moment": identity(sp.diff(2 * PI * gradient_moment(theta)[0], theta), -2 * sp.sin(theta) ** 2),
    "T4: loss": identity(loss(a, r, theta), (a * r - 1) ** 2 / 4 + a * r * (sp.S.Half - correlation(theta))),
    "T5: face": identity(
        face[0] + sp.cos(theta) * face[1] - r * sp.sin(theta) * face[2],
        r * sp.sin(theta) ** 3 / (2 * PI) + r**3 * sp.cos(theta) * sp.sin(theta) ** 2 / 2,
    ),
}
FALSE = {
    "square": identity((x + y) ** 2, x**2 + y**2),
    "definition": identity(c + y**2, x**2, eq(c, x**2 + y**2)),
    "sign": identity(sp.sqrt(x**2), x, le(x, 0)),
    "no sign": identity(sp.sqrt(x**2), x),
    "sign of w": identity(outer**2 + inner**2, a**2 + w**2),
    "T3: speed of q": identity(a * dr + r * da, (a**2 + r**2) * (correlation(theta) - a * r)),
    "T3: slope of g": identity(sp.diff(correlation(theta), theta), (PI - theta) * sp.sin(theta) / (2 * PI)),
    "T4: loss": identity(loss(a, r, theta), (a * r - 1) ** 2 / 2 + a * r * (sp.S.Half - correlation(theta))),
}


@pytest.mark.parametrize("name", TRUE)
def test_identities_are_proved_twice(name):
    verdict = decide(TRUE[name])
    assert verdict.status == "proved"
    assert recheck(verdict.certificate) == (True, "normal form, python-flint")


@pytest.mark.parametrize("name", FALSE)
def test_false_ones_are_refuted_at_a_point_where_they_fail(name):
    fact = FALSE[name]
    verdict = decide(fact)
    assert verdict.status == "refuted"
    point = {v: sp.sympify(verdict.counter_example[v.name]) for v in symbols_of(fact.conclusion, *fact.given)}
    assert truth(fact.conclusion, point) is False
    assert all(truth(h, point) for h in fact.given)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (Fact("", gt(x, 0)), "concludes an equation"),
        (Fact("", Or(())), "concludes an equation"),
        (identity(x, x, gt(x, 1)), "gives its sign"),
        (identity(x, x, eq(x**2, y)), "defines a symbol"),
        (identity(x, x, eq(x, x + y)), "defines a symbol"),
        (identity(x, x, eq(x, y), eq(x, c)), "defines a symbol"),
        (identity(x, x, Or((gt(x, 0), lt(x, 0)))), "gives its sign"),
        (identity(x, x, eq(x, y), gt(x, 0)), "has a sign"),
        (identity(x, x).with_(uses=(identity(y, y).at(),)), "no lemmas"),
        (identity(x, x, gt(x, 0), lt(x, 0)), "contradict"),
    ],
)
def test_other_facts_are_refused(fact, words):
    with pytest.raises(ValueError, match=words):
        decide(fact)


def test_what_no_strategy_reaches_is_undecided():
    verdict = decide(identity(sp.zeta(3), sp.Integral(x**2 / (sp.exp(x) - 1), (x, 0, sp.oo)) / 2))
    assert (verdict.status, verdict.certificate) == ("undecided", None)


def test_certificates_cannot_be_exchanged():
    certificate, other = (decide(TRUE[k]).certificate for k in ("square", "circle"))
    changed = [{k: other[k]} for k in ("fact", "left", "right")] + [{"left": 0, "right": 0}, {"fact": None}, {"schema": "x"}]
    for changes in changed:
        assert not recheck({**certificate, **changes})[0]
    assert not recheck({})[0]


def test_a_sign_cannot_be_dropped():
    certificate = copy.deepcopy(decide(TRUE["sign"]).certificate)
    del certificate["fact"]["given"][0]
    assert recheck(certificate) == (False, "the sides are not those of the fact")
    assert decide(identity(sp.sqrt(x**2), x, ne(x, 0))).status == "refuted"


numbers = st.integers(-3, 3)
polynomials = st.lists(st.tuples(numbers, st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=4).map(
    lambda terms: sum((k * sp.sin(x) ** i * y**j for k, i, j in terms), sp.Integer(0))
)


@given(polynomials, polynomials)
def test_products_agree_with_their_expansion_and_with_nothing_else(p, q):
    assert decide(identity(p * q, sp.expand(sp.expand_trig(p * q)))).status == "proved"
    assert decide(identity(p * q, sp.expand(p * q) + 1)).status == "refuted"
