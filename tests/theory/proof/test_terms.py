"""Terms and formulas survive the way through JSON, and nothing else is read."""

import json

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.proof.logic import Fact, Not, Or, Relation, both, eq, ge, gt, implies
from theory.proof.terms import NODES, fact_from_json, fact_to_json, formula_from_json, formula_to_json, from_json, to_json

x, y = sp.symbols("x y", real=True)
r = sp.Symbol("r", positive=True)
ONE = [NODES[k] for k in NODES if k not in ("add", "mul", "pow", "max", "min")]

leaves = st.one_of(
    st.sampled_from([x, y, r, sp.pi, sp.E]),
    st.fractions(max_denominator=10**20).map(lambda q: sp.Rational(q.numerator, q.denominator)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Add(*p, evaluate=False)),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Mul(*p, evaluate=False)),
        st.tuples(inner, st.sampled_from([-2, -1, sp.Rational(1, 2), 3])).map(lambda p: sp.Pow(*p, evaluate=False)),
        st.tuples(st.sampled_from(ONE), inner).map(lambda p: p[0](p[1], evaluate=False)),
        st.lists(inner, min_size=1, max_size=2).map(lambda p: sp.Function("g")(*p)),
    ),
    max_leaves=8,
)


@given(trees)
def test_a_term_comes_back_as_the_same_tree(term):
    assert from_json(json.loads(json.dumps(to_json(term)))) == term


def test_a_formula_and_a_fact_come_back():
    lemma = Fact("", ge(sp.exp(x), 1 + x)).at({x: y})
    fact = Fact("", implies(gt(x, 0), Or((Not(eq(x, y)), ge(sp.Max(x, y), 0)))), (both(gt(x, 0), gt(y, 0)),), uses=(lemma,))
    assert formula_from_json(formula_to_json(fact.conclusion)) == fact.conclusion
    back = fact_from_json(json.loads(json.dumps(fact_to_json(fact))))
    assert (back.conclusion, back.given) == (fact.conclusion, fact.given)
    assert [u.formula for u in back.uses] == [lemma.formula]


@pytest.mark.parametrize(
    "term", [sp.Float(0.5), sp.Piecewise((x, x > 0), (0, True)), sp.Integral(x, (x, 0, y)), sp.Dummy("x"), sp.I, sp.oo, sp.zoo]
)
def test_other_nodes_have_no_place(term):
    with pytest.raises(ValueError, match=type(term).__name__):
        to_json(term)


@pytest.mark.parametrize(
    "data",
    [
        *("x", "1/0", "0x10", "1e3", "", "-", True, 0.5, None, {}, [], ["sin"], ["sin", 1, 2], ["pow", 1], ["eval", "1"]),
        *(
            ["symbol", "a b"],
            ["symbol", 1],
            ["symbol", "x", "complex"],
            ["apply", "g"],
            ["Integral", 1, 2],
            [["sin"], 1],
            ["add", "x"],
        ),
    ],
)
def test_corrupt_terms_are_refused_with_their_value(data):
    with pytest.raises(ValueError, match="Not a"):
        from_json(data)


def test_deep_nesting_and_other_formulas_are_refused():
    deep = 1
    for _ in range(500):
        deep = ["sin", deep]
    for data in (deep, ["∈", 1, 2], ["=", 1], ["not"], "true", ["and", 1], None):
        with pytest.raises(ValueError, match="Not a"):
            formula_from_json(["=", deep, 1] if data is deep else data)


def test_a_name_is_one_symbol():
    with pytest.raises(ValueError, match="Two symbols are called 'r'"):
        fact_to_json(Fact("", Relation(r, "=", sp.Symbol("r", real=True))))
