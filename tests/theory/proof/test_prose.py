"""Proofs for a reader: every fact is told, with its formula; LaTeX is balanced and free of what LaTeX can't read."""

import re

import pytest
import sympy as sp

from theory.claims import CLAIMS
from theory.proof.flows import facts_of
from theory.proof.logic import And, Not, Or, eq, gt, latex, le, ne, text, written
from theory.proof.prose import RULES, as_latex, as_text

x, beta, plus, theta = sp.symbols("x beta beta_plus theta_0", real=True)


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_a_proof_tells_every_fact(claim):
    told = as_text(CLAIMS[claim])
    assert CLAIMS[claim].statement in told
    lemmas = {u.fact for f in facts_of(CLAIMS[claim].proof) for u in f.uses}
    for fact in facts_of(CLAIMS[claim].proof):
        assert fact in lemmas or f"⊢ {text(fact.conclusion)}" in told
    for false in CLAIMS[claim].false:
        assert f"Refused: {false.words}" in told


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_latex_is_balanced(claim):
    source = as_latex(CLAIMS[claim])
    assert source.count("{") == source.count("}")
    assert source.count("$") % 2 == 0
    strange = set(re.sub(r"[\x00-\x7f]", "", source)) - set("äöüéèêÅ’‘“”–—·")
    assert not strange, f"not known to LaTeX: {strange}"


def test_every_rule_is_told():
    rules = {step.rule for c in CLAIMS.values() for step in steps(c.proof)}
    assert rules <= set(RULES)


def steps(node):
    inner = getattr(node, "parts", ())
    return [s for part in inner for s in steps(part)] if inner else [node] if hasattr(node, "rule") else []


def test_terms_in_the_letters_of_the_papers():
    assert written(sp.sqrt(theta) * beta**2) == "β²*√(θ0)"
    assert written(plus ** sp.Rational(2, 3)) == "β₊**(2/3)"


def test_formulas():
    both = And((gt(x, 0), Or((Not(le(x, 1)), ne(x, beta)))))
    assert text(both) == "x > 0 and (x ≤ 1 ⟹ x ≠ β)"
    assert text(And(())) == "true"
    assert text(Or(())) == "false"
    assert latex(eq(plus, x**2)) == r"\beta_{+} = x^{2}"
    assert latex(Not(gt(x, 0))) == r"\neg x > 0"
