"""The engine for polynomial facts: proves what it should, proves nothing false, and refutes only at confirmed points."""

import copy
from fractions import Fraction
from importlib.util import find_spec

import pytest
import sympy as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from theory.proof import second, smt
from theory.proof.balls import value
from theory.proof.exact import truth
from theory.proof.logic import Fact, Not, Or, both, eq, ge, gt, iff, le, lt, ne, symbols_of
from theory.proof.polynomials import consistent, decide, needed, recheck, solve
from theory.proof.terms import fact_to_json

x, y, z = sp.symbols("x y z", real=True)
a, r, w, b, c, q, g, L = sp.symbols("a r w beta c q g L", real=True)
theta, psi, q0, q1 = sp.symbols("theta psi q0 q1", real=True)
HALF = sp.Rational(1, 2)
FEWER = settings(max_examples=settings.default.max_examples // 4)
SINE = Fact("I3", le(sp.sin(x), x), (ge(x, 0),), "interval")

denominator = 2 * b * a + (a**2 - w**2) * w
crossing = sp.sqrt(4 * b**2 + (a**2 - w**2) ** 2) * w / denominator
FACE = r * sp.sin(theta) ** 3 / (2 * sp.pi) + r**3 * sp.cos(theta) * sp.sin(theta) ** 2 / 2
POLAR = (gt(a, 0), gt(r, 0), eq(c, a**2 - r**2), eq(q, a * r))
TRUE = {
    "T2b: the square": Fact(
        "",
        iff(gt((2 * b * a + c * w) ** 2 - (4 * b**2 + c**2) * w**2, 0), gt(b * c, 0)),
        (gt(a, 0), gt(w, 0), eq(c, a**2 - w**2), gt(b + a * w, 0)),
    ),
    "T2b: argument of artanh": Fact(
        "",
        iff(both(gt(crossing, 0), lt(crossing, 1)), both(gt(a**2 - w**2, 0), gt(b, 0))),
        (gt(a, 0), gt(w, 0), ne(denominator, 0)),
    ),
    "L2: loss": Fact("", ge(sp.Rational(1, 4) + q**2 / 4 - q * g, (abs(q) - 1) ** 2 / 4), (ge(g, 0), le(g, HALF))),
    "L2: bound": Fact("", le(abs(q), 1 + 2 * sp.sqrt(L)), (ge(L, (abs(q) - 1) ** 2 / 4),)),
    "L2: norm": Fact("", eq(a**2 + r**2, sp.sqrt(c**2 + 4 * q**2)), POLAR),
    "L3": Fact("", ge(a * (g - a * r / 2), -(a**2) * r / 2), (gt(a, 0), ge(g, 0))),
    "L6: from above": Fact("", lt((a**2 + r**2) * (g - q / 2), 0), (gt(a, 0), gt(r, 0), le(g, HALF), gt(q, 1))),
    "L7": Fact("", ge(a / r, (c + sp.sqrt(c**2 + 4 * q0**2)) / (2 * q1)), (*POLAR, gt(q0, 0), le(q0, q), le(q, q1))),
    "L11: radius": Fact("", ge(r, sp.sqrt(-c)), (lt(c, 0), gt(r, 0), eq(c, a**2 - r**2))),
    "L11: angle": Fact(
        "",
        le(-a * sp.sin(psi) / (2 * sp.pi * r * psi), -a / (2 * sp.pi * r)),
        (lt(a, 0), gt(r, 0), gt(psi, 0)),
        uses=(SINE.at({x: psi}),),
    ),
    "N1": Fact("", gt(FACE, 0), (gt(r, 0), gt(sp.sin(theta), 0), gt(sp.cos(theta), 0))),
    "B ⊂ D": Fact("", gt(a, -sp.sqrt(x**2 + y**2)), (gt(x, 0), gt(a, -x))),
    "T10": Fact("", le(g * (1 - g) * (a - b) ** 2 / (a * b), (a - b) ** 2 / (4 * a * b)), (gt(a, 0), gt(b, 0))),
    "circle": Fact("", le(abs(sp.sin(x) * sp.cos(x)), HALF)),
    "double angle": Fact(
        "", eq(sp.sin(2 * x + y), 2 * sp.sin(x) * sp.cos(x) * sp.cos(y) + (1 - 2 * sp.sin(x) ** 2) * sp.sin(y))
    ),
    "hyperbola": Fact("", lt(sp.tanh(x) ** 2 + 1 / sp.cosh(x) ** 2, 1 + sp.exp(-x))),
    "exponents": Fact("", eq(sp.exp(2 * x - y) * sp.exp(y), sp.exp(x) ** 2)),
    "cube root": Fact("", ge(x ** sp.Rational(1, 3), 1), (ge(x, 1),)),
    "largest": Fact("", le(sp.Min(x, y) + sp.Max(x, y), x + y)),
    "sign": Fact("", eq(sp.sign(x) * abs(x), x)),
}
MUTANTS = {
    "T2b: the square": TRUE["T2b: the square"].with_(given=TRUE["T2b: the square"].given[:3]),
    "T2b: c ≥ 0": TRUE["T2b: argument of artanh"].with_(
        conclusion=iff(both(gt(crossing, 0), lt(crossing, 1)), both(ge(a**2 - w**2, 0), gt(b, 0)))
    ),
    "L6: q ≥ 1": TRUE["L6: from above"].with_(given=(gt(a, 0), gt(r, 0), le(g, HALF), ge(q, 1))),
    "L7: q_min ≤ 0": TRUE["L7"].with_(given=(*POLAR, le(q0, q), le(q, q1))),
    "L11: c ≤ 0 for strictness": TRUE["L11: radius"].with_(
        conclusion=gt(r, sp.sqrt(-c)), given=(lt(c, 0), gt(r, 0), eq(c, a**2 - r**2))
    ),
    "N1: cos θ of any sign": TRUE["N1"].with_(given=(gt(r, 0), gt(sp.sin(theta), 0))),
    "N1: sin θ ≥ 0": TRUE["N1"].with_(given=(gt(r, 0), ge(sp.sin(theta), 0), gt(sp.cos(theta), 0))),
    "B ⊂ D: a > −2 w_1": TRUE["B ⊂ D"].with_(given=(gt(x, 0), gt(a, -2 * x))),
    "B ⊂ D: w_1 ≥ 0": Fact("", gt(a, -x), (ge(x, 0), gt(a, -sp.sqrt(x**2 + y**2)))),
    "largest": Fact("", lt(sp.Min(x, y) + sp.Max(x, y), x + y)),
}


@pytest.mark.parametrize("name", TRUE)
def test_facts_of_the_claims_are_proved_and_rechecked(name):
    verdict = decide(TRUE[name])
    assert (verdict.status, verdict.note) == ("proved", "")
    assert recheck(verdict.certificate)[0]


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_refuted_at_a_point_where_they_fail(name):
    fact = MUTANTS[name]
    verdict = decide(fact)
    assert verdict.status == "refuted"
    point = {s: sp.sympify(verdict.counter_example[s.name]) for s in symbols_of(*fact.given, fact.conclusion)}
    assert all(truth(h, point) for h in fact.given)
    assert truth(fact.conclusion, point) is False


def test_the_same_fact_gets_the_same_verdict():
    for fact in (TRUE["L7"], MUTANTS["T2b: the square"], Fact("", le(sp.sin(x), x), (gt(x, 0),))):
        assert decide(fact) == decide(fact)


def test_a_counter_model_of_atoms_refutes_nothing():
    bare = Fact("", le(sp.sin(x), x), (gt(x, 0),))
    verdict = decide(bare)
    assert verdict.status == "undecided"
    assert "counter-model of the hypotheses used" in verdict.note
    assert "sin(x) = " in verdict.note
    assert decide(bare.with_(uses=(SINE.at(),))).status == "proved"


def test_functions_without_a_rule_are_the_same_where_written_the_same():
    f = sp.Function("f")
    assert decide(Fact("", ge(f(x) ** 2 + sp.log(y) ** 2, 2 * f(x) * sp.log(y)))).status == "proved"
    assert decide(Fact("", eq(f(x), f(y)))).status == "undecided"


def test_contradictory_hypotheses_are_vacuous_unless_that_is_the_claim():
    given_ = (gt(x, 1), lt(x, 0))
    verdict = decide(Fact("", eq(x, 7), given_))
    assert verdict.status == "undecided"
    assert verdict.note.startswith("vacuous")
    assert decide(Fact("", Or(()), given_)).status == "proved"
    assert decide(Fact("", Or(()), given_[:1])).status == "refuted"
    false_lemma = Fact("", lt(x**2, 0)).at()
    assert decide(Fact("", eq(x, 7), uses=(false_lemma,))).note.startswith("vacuous")


def test_dropping_what_is_needed_leaves_a_counter_model():
    fact = TRUE["L11: angle"].with_(given=(*TRUE["L11: angle"].given, gt(theta, 5)))
    verdicts = needed(fact)
    assert [v.status == "proved" for v in verdicts.values()] == [False, False, False, True, False]
    lemma = next(v for k, v in verdicts.items() if k.startswith("lemma"))
    assert "sin(psi) = " in lemma.note


def test_hypotheses_that_can_hold_have_a_point():
    point = consistent(TRUE["L7"])
    values = {s: sp.Rational(point[s.name]) for s in symbols_of(*TRUE["L7"].given)}
    assert all(truth(h, values) for h in TRUE["L7"].given)
    assert consistent(Fact("", gt(x, 0), (gt(x, 1), lt(x, 0)))) is None


def test_division_by_zero_proves_nothing_and_hides_nothing():
    assert decide(Fact("", gt(1 / x**2, 0))).status == "undecided"
    assert "undefined" in decide(Fact("", gt(1 / x**2, 0))).note
    assert decide(Fact("", gt(1 / x**2, 0), (ne(x, 0),))).status == "proved"
    assert decide(Fact("", Or((ge(1 / x, 0), lt(1 / x, 0))))).status == "proved"
    lemma = Fact("", eq((x**2 - 1) / (x - 1), x + 1), (), "identity").at()
    assert decide(Fact("", ne(x, 1), uses=(lemma,))).status == "refuted"
    assert decide(Fact("", gt((x**2 - 1) / (x - 1), 0), (gt(x, 1),), uses=(lemma,))).status == "proved"
    root = Fact("", eq(sp.sqrt(x) * sp.sqrt(x + 1), sp.sqrt(x * (x + 1))), (), "identity").at()
    assert decide(Fact("", ge(x, 0), uses=(root,))).status == "refuted"
    logarithm = Fact("", lt(sp.log(x), x), (), "interval").at()
    assert decide(Fact("", gt(x, 0), (eq(sp.log(x), x),), uses=(logarithm,))).status != "proved"


@pytest.mark.parametrize(
    ("term", "node"),
    [
        (sp.Float(0.5) * x, "Float"),
        (sp.Piecewise((x, x > 0), (0, True)), "Piecewise"),
        (sp.Integral(sp.sin(x) / x, (x, 0, y)), "Integral"),
        (x**y, "Pow"),
        (sp.I * x, "ImaginaryUnit"),
        (sp.Symbol("p", positive=True), "assumed positive"),
        (sp.floor(x), "floor"),
    ],
)
def test_other_terms_are_refused_by_name(term, node):
    with pytest.raises(ValueError, match=node):
        decide(Fact("", gt(term, 0)))


def test_certificates_cannot_be_exchanged():
    certificate = decide(TRUE["L3"]).certificate
    other = decide(TRUE["T10"]).certificate
    assert recheck(certificate)[0]
    for changes in (
        {"fact": other["fact"]},
        {"smt2": other["smt2"]},
        {"smt2": "(assert false)\n(check-sat)\n"},
        {"schema": "else"},
        {"fact": {"given": [], "lemmas": [], "conclusion": ["<", ["symbol", "x"], "y"]}},
        {"fact": 7},
    ):
        assert not recheck({**certificate, **changes})[0]
    assert not recheck({})[0]
    weaker = copy.deepcopy(certificate)
    weaker["fact"]["given"].pop()
    weaker["smt2"] = smt.script(TRUE["L3"].with_(given=TRUE["L3"].given[:-1])).source()
    assert recheck(weaker) == (False, "second translation: sat")


numbers = st.fractions(-3, 3, max_denominator=4).map(lambda k: sp.Rational(k.numerator, k.denominator))
polynomials = st.lists(st.tuples(numbers, *[st.integers(0, 2)] * 3), min_size=1, max_size=4).map(
    lambda terms: sum((k * x**i * y**j * z**n for k, i, j, n in terms), sp.Integer(0))
)


@FEWER
@given(polynomials, polynomials, numbers)
def test_what_is_true_by_construction_is_never_refuted(p, s, k):
    square = sp.expand((p - s) ** 2)
    assert decide(Fact("", ge(square, 0)), 50).status != "refuted"
    assert decide(Fact("", gt(square + k**2 + 1, 0)), 50).status != "refuted"
    assert decide(Fact("", gt(sp.expand(p * s), 0), (gt(p, 0), gt(s, 0))), 50).status != "refuted"


@FEWER
@given(polynomials, polynomials, st.tuples(numbers, numbers, numbers))
def test_what_fails_at_a_point_is_never_proved(p, s, point):
    at = dict(zip((x, y, z), point, strict=True))
    here, there = p.subs(at), s.subs(at)
    assert decide(Fact("", gt(p, here)), 50).status != "proved"
    assert decide(Fact("", ne(p, here), (ge(s, there),)), 50).status != "proved"
    assert decide(Fact("", Or((lt(p, here), gt(s, there))), (le(s, there),)), 50).status != "proved"


unary = st.sampled_from(
    [
        sp.sin,
        sp.cos,
        sp.tan,
        sp.exp,
        sp.sinh,
        sp.cosh,
        sp.tanh,
        sp.atan,
        sp.Abs,
        sp.sign,
        sp.log,
        sp.asinh,
        sp.sqrt,
        lambda e: 1 / e,
    ]
)
terms = st.recursive(
    st.one_of(st.sampled_from([x, y, sp.pi, sp.E, 2 * x, -x, x + y, x / 2 - y]), numbers),
    lambda inner: st.one_of(
        st.tuples(unary, inner).map(lambda p: p[0](p[1])),
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
        st.tuples(inner, inner).map(lambda p: sp.Max(*p) if all(e.is_extended_real for e in p) else p[0]),
    ),
    max_leaves=4,
)


@FEWER
@given(terms, numbers, numbers)
@example(sp.exp(sp.Rational(1, 3)) + sp.E, sp.S.Zero, sp.S.Zero)
def test_no_translation_excludes_the_true_value_of_a_term(e, k, n):
    """Both scripts, with the term pinned to a small interval around its value at a point, have a solution."""
    assume(not e.has(sp.zoo, sp.nan, sp.I, sp.oo) and e.count_ops() < 25)
    try:
        exact = value(e, {x: k, y: n})
    except ValueError:
        assume(False)
    assume(exact.is_finite() and abs(float(exact)) < 1e6)
    centre = sp.Rational(Fraction(float(exact)).limit_denominator(10**6))
    outside = Fact("", gt(abs(e - centre), sp.Rational(1, 10**4)), (eq(x, k), eq(y, n)))
    try:
        sources = smt.script(outside).source(), second.script(**fact_to_json(outside))
    except ValueError:
        assume(False)
    assert all(solve(source, 20).answer != "unsat" for source in sources)


@FEWER
@given(polynomials, polynomials)
def test_both_translations_agree(p, s):
    fact = Fact("", Not(gt(p / (s**2 + 1), abs(p))), (ge(sp.sqrt(s**2), 0),))
    answers = {solve(smt.script(fact).source(), 50).answer, solve(second.script(**fact_to_json(fact)), 50).answer}
    assert len(answers - {"unknown"}) <= 1


def test_the_second_solver_answers_where_it_is_installed():
    script = second.script(**fact_to_json(TRUE["L3"]))
    hopeless = script.replace("(check-sat)", "(check-sat")
    if find_spec("cvc5") is None:
        assert second.by_cvc5(script) == "missing"
    else:
        answers = [second.by_cvc5(s) for s in (script, hopeless, script, script.replace("(not", "(and"))]
        assert answers == ["unsat", "unknown", "unsat", "sat"]
