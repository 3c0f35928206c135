"""The normal form finds identities, and finds nothing zero that has another value somewhere."""

import pytest
import sympy as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from theory.proof.balls import value
from theory.proof.normal import NotDecided, is_zero
from theory.proof.terms import to_json

x, y, n = sp.symbols("x y n", real=True)
r = sp.Symbol("r", positive=True)
root = sp.sqrt(4 * x**2 + (y**2 - r**2) ** 2)
IDENTITIES = {
    "binomial": ((x + y) ** 7, sp.expand((x + y) ** 7)),
    "fractions": (1 / (x - y) - 1 / (x + y), 2 * y / (x**2 - y**2)),
    "circle": (sp.sin(x) ** 4 - sp.cos(x) ** 4, 1 - 2 * sp.cos(x) ** 2),
    "angles": (sp.sin(2 * x + 3 * y), sp.expand_trig(sp.sin(2 * x + 3 * y))),
    "half angle": (sp.tan(x / 2), sp.sin(x) / (1 + sp.cos(x))),
    "quarter turn": (sp.sin(x + sp.pi / 2, evaluate=False), sp.cos(x)),
    "fifth": (sp.cos(5 * x), 16 * sp.cos(x) ** 5 - 20 * sp.cos(x) ** 3 + 5 * sp.cos(x)),
    "quotients": (sp.sec(x) ** 2 - sp.tan(x) ** 2 + sp.csc(y) ** 2, 2 + sp.cot(y) ** 2),
    "hyperbola": (sp.tanh(x + y), (sp.tanh(x) + sp.tanh(y)) / (1 + sp.tanh(x) * sp.tanh(y))),
    "exponents": (sp.exp(2 * x - y / 2) * sp.exp(y / 2), (sp.sinh(x) + sp.cosh(x)) ** 2),
    "e": (sp.exp(x + 1), sp.E * sp.exp(x)),
    "root": (1 / (root - 2 * x), (root + 2 * x) / (y**2 - r**2) ** 2),
    "root written otherwise": (root, sp.sqrt(sp.expand(root**2))),
    "root in a root": ((sp.sqrt(1 + root) - 1) * (sp.sqrt(1 + root) + 1), root),
    "cube root": ((x ** sp.Rational(1, 3)) ** 6, x**2),
    "size": (abs(x) ** 2 + abs(r), x**2 + r),
    "number to a power": (2 * 2 ** (n / 2 - sp.Rational(1, 2)) * sp.gamma(n), 2 ** (n / 2 + sp.Rational(1, 2)) * sp.gamma(n)),
    "other functions": ((sp.log(x) + sp.atan(y)) ** 2, sp.log(x) ** 2 + 2 * sp.log(x) * sp.atan(y) + sp.atan(y) ** 2),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_are_found_and_their_mutants_are_not(name):
    left, right = map(to_json, IDENTITIES[name])
    assert is_zero(left, right)
    assert not is_zero(left, ["add", right, "1/7"])
    assert not is_zero(left, ["mul", "8/7", right])


@pytest.mark.parametrize("term", [x**n, x**sp.pi, (-2) ** n, sp.sin(1000 * x), ["floor", 1], ["pow", 0, -1]])
def test_what_is_not_covered_says_so(term):
    with pytest.raises(NotDecided):
        is_zero(term if isinstance(term, list) else to_json(term), 0)


def test_a_denominator_that_vanishes_proves_nothing():
    circle = ["add", ["pow", ["sin", to_json(x)], 2], ["pow", ["cos", to_json(x)], 2], -1]
    with pytest.raises(NotDecided):
        is_zero(["mul", to_json(y), ["pow", circle, -1]], 0)


numbers = st.fractions(-2, 2, max_denominator=4).map(lambda q: sp.Rational(q.numerator, q.denominator))
functions = st.sampled_from(
    [sp.sin, sp.cos, sp.tan, sp.exp, sp.sinh, sp.cosh, sp.tanh, sp.Abs, sp.sqrt, sp.log, lambda e: 1 / e]
)
terms = st.recursive(
    st.one_of(st.sampled_from([x, y, 2 * x, -x, x + y, x / 2 - y, sp.pi, sp.E, x - sp.pi / 2]), numbers),
    lambda inner: st.one_of(
        st.tuples(functions, inner).map(lambda p: p[0](p[1])),
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
    ),
    max_leaves=4,
)


@given(terms, terms)
@example(sp.exp(sp.Rational(1, 3)), sp.E)
@example(sp.sqrt(x**2), x)
@example(sp.sqrt(x**2 + 2 * x + 1), x + 1)
def test_nothing_is_zero_that_has_a_value(e, f):
    assume(not (e.has(sp.zoo, sp.nan, sp.I) or f.has(sp.zoo, sp.nan, sp.I)))
    points = [{x: sp.Rational(17, 16), y: sp.Rational(5, 16)}, {x: sp.Rational(-7, 5), y: sp.Rational(2, 3)}]
    try:
        values = [value(e - f, at) for at in points]
    except ValueError:
        assume(False)
    try:
        zero = is_zero(to_json(e), to_json(f))
    except NotDecided:
        assume(False)
    assert not (zero and any(v.is_finite() and v != 0 for v in values))


@settings(max_examples=settings.default.max_examples // 4)
@given(terms, terms, terms)
def test_rules_of_fields_hold(e, f, g):
    assume(not any(t.has(sp.zoo, sp.nan, sp.I) for t in (e, f, g)))
    e, f, g = map(to_json, (e, f, g))
    try:
        assert is_zero(["mul", ["add", e, f], g], ["add", ["mul", g, f], ["mul", e, g]])
        assert is_zero(["pow", ["add", e, f], 3], ["mul", ["add", e, f], ["pow", ["add", f, e], 2]])
    except NotDecided:
        assume(False)
