"""A counter-example is confirmed exactly: hypotheses true, conclusion false; and false statements of the claims have one."""

import time

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.proof.exact import rational, truth
from theory.proof.logic import And, Fact, Not, Or, both, eq, ge, gt, iff, implies, le, lt, ne, symbols_of
from theory.proof.search import counter_example

x, y, z = sp.symbols("x y z", real=True)
a, r, c, q, theta, psi = sp.symbols("a r c q theta psi", real=True)
PI = sp.pi
correlation = (sp.sin(theta) + (PI - theta) * sp.cos(theta)) / (2 * PI)
FALSE = {
    "a corner": Fact("", gt(x**2 + y**2, 0)),
    "a sum": Fact("", gt(x * y, 0), (eq(x + y, 3),)),
    "definitions": Fact("", gt(q, 0), (eq(c, a**2 - r**2), eq(q, a * r), gt(r, 0))),
    "a circle": Fact("", ge(x, 0), (eq(x**2 + y**2, 1), gt(y, 0))),
    "a root": Fact("", lt(x, 0), (eq(x**2, 2),)),
    "a root of a definition": Fact("", le(a, 1), (eq(a**2 - r**2, c), eq(c, 3), gt(a, 0), gt(r, 0))),
    "the closed end": Fact("", gt(correlation, 0), (ge(theta, 0), le(theta, PI))),
    "beyond 2.03": Fact("", le(sp.sin(psi) - psi * sp.cos(psi), psi * sp.sin(psi)), (ge(psi, 0), le(psi, PI))),
    "a tiny gap": Fact("", lt(x, sp.Rational(999, 1000)), (gt(x, 0), lt(x, 1))),
    "a large one": Fact("", lt(sp.log(x), 6), (gt(x, 0),)),
    "far away": Fact("", lt(sp.exp(-x), 1), (gt(x, -1),)),
    "a defined sine": Fact("", lt(y, 0), (eq(y, sp.sin(x)), gt(x, 0), lt(x, 1))),
    "equivalence": Fact("", iff(gt(x, 0), gt(x**2, 0))),
    "impossible": Fact("", Or(()), (gt(x, 5), lt(x, 6))),
    "hypotheses in one": Fact("", ne(x, y), (And((eq(x, 2 * z), eq(y, z + 1))),)),
    "an alternative": Fact("", gt(x, 0), (Or((gt(x, 2), lt(x, -2))),)),
    "no symbol": Fact("", eq(sp.Integer(1), 2)),
}
TRUE = {
    "a square": Fact("", ge(x**2 + y**2, 2 * x * y)),
    "an equality with roots": Fact("", eq(sp.sqrt(x**2 + 2 * x * y + y**2), abs(x + y))),
    "a circle": Fact("", eq(sp.sin(x + y), sp.sin(x) * sp.cos(y) + sp.cos(x) * sp.sin(y))),
    "sine": Fact("", le(sp.sin(x), x), (ge(x, 0),)),
    "the open end": Fact("", gt(correlation, 0), (ge(theta, 0), lt(theta, PI))),
    "on [0, 2]": Fact("", le(sp.sin(psi) - psi * sp.cos(psi), psi * sp.sin(psi)), (ge(psi, 0), le(psi, 2))),
    "norm": Fact("", eq((a**2 + r**2) ** 2, c**2 + 4 * q**2), (eq(c, a**2 - r**2), eq(q, a * r))),
    "undefined": Fact("", gt(1 / x**2, 0)),
    "not real": Fact("", ge(sp.sqrt(x), 0)),
    "contradiction": Fact("", Or(()), (gt(x, 1), lt(x, 0))),
    "an unknown function": Fact("", gt(sp.Function("f")(x), 0)),
    "a difficult root": Fact("", eq(sp.sqrt(5 + 2 * sp.sqrt(6)), sp.sqrt(2) + sp.sqrt(3))),
    "many symbols": Fact("", ge(sum(k**2 for k in sp.symbols("k1:9", real=True)), 0)),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_statements_have_a_counter_example_that_holds(name):
    fact = FALSE[name]
    found = counter_example(fact)
    assert found is not None
    symbols = symbols_of(*fact.given, fact.conclusion)
    assert set(found) == {s.name for s in symbols}
    point = {s: sp.sympify(found[s.name]) for s in symbols}
    assert truth(fact.conclusion, point) is False
    assert all(truth(h, point) is not False for h in fact.given)
    assert all(abs(sp.N((h.left - h.right).subs(point), 30)) < 1e-25 for h in fact.given if getattr(h, "op", "") == "=")


@pytest.mark.parametrize("name", TRUE)
def test_true_statements_have_none_and_the_search_is_quick(name):
    counter_example(TRUE[name])
    began = time.process_time()
    assert counter_example(TRUE[name]) is None
    assert time.process_time() - began < 1


def test_the_same_fact_gets_the_same_point():
    for fact in FALSE.values():
        assert counter_example(fact) == counter_example(fact)


def test_hints_reach_where_the_search_does_not_look():
    needle = sp.Rational(123457, 1000003)
    fact = Fact("", ne(x, needle))
    assert counter_example(fact) is None
    assert counter_example(fact, hints=({x: needle},)) == {"x": "123457/1000003"}
    narrow = Fact("", gt((x - needle) ** 2 + (y - x) ** 2, sp.Rational(1, 10**12)))
    assert counter_example(narrow, hints=({x: needle, y: needle},)) is not None


def test_hints_are_not_believed():
    assert counter_example(Fact("", ge(x**2, 0)), hints=({x: sp.Rational(1, 3)}, {})) is None


fractions = st.fractions(-3, 3, max_denominator=6)
leaves = st.one_of(st.sampled_from([x, y]), fractions.map(lambda k: sp.Rational(k.numerator, k.denominator)))
terms = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Add(*p)),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Mul(*p)),
        st.tuples(inner, st.sampled_from([-1, 2, -2, sp.Rational(1, 2)])).map(lambda p: sp.Pow(*p)),
        inner.map(sp.Abs),
        inner.map(sp.sign),
    ),
    max_leaves=6,
)


@given(terms, fractions, fractions)
def test_rational_values_are_those_of_sympy(term, k, n):
    exact = term.subs({x: sp.Rational(k.numerator, k.denominator), y: sp.Rational(n.numerator, n.denominator)})
    try:
        found = rational(term, {x: k, y: n})
    except ZeroDivisionError:
        return
    assert found is None or exact == sp.Rational(found.numerator, found.denominator)


@given(terms, terms, fractions, fractions)
def test_truth_has_three_values_and_negation_keeps_the_third(e, f, k, n):
    point = {x: sp.Rational(k.numerator, k.denominator), y: sp.Rational(n.numerator, n.denominator)}
    less, same = truth(lt(e, f), point), truth(eq(e, f), point)
    assert truth(Not(lt(e, f)), point) == (None if less is None else not less)
    assert truth(ge(e, f), point) == (None if less is None else not less)
    assert not (less and same)
    if None not in (less, same):
        assert truth(implies(lt(e, f), ne(e, f)), point)


def test_truth_at_angles_and_poles():
    assert truth(eq(sp.sin(x), 0), {x: PI}) is True
    assert truth(eq(sp.sin(x) ** 2 + sp.cos(x) ** 2, 1), {x: sp.S.One}) is not False
    assert truth(both(gt(x, 0), gt(1 / x, 0)), {x: sp.S.Zero}) is None
    assert truth(gt(sp.sqrt(x), -1), {x: -sp.S.One}) is None
    assert truth(gt(sp.log(x), -1), {x: -sp.S.One}) is None
    assert truth(gt(sp.gamma(x), 0), {x: sp.S.One / 3}) is None
