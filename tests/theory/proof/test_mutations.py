"""Mutants: that every node is reached, that false ones are refused, and that the rest are equivalent for a checked reason."""

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.claims import CLAIMS
from theory.proof.flows import Flow, Path
from theory.proof.logic import And, Fact, Not, Or, eq, ge, gt, le, lt
from theory.proof.mutations import Mutant, altered_formulas, altered_terms, claim_mutants, judge, mutants_of
from theory.refusals import by_hand, refusals, summary

x, y, x0 = sp.symbols("x y x_0", real=True)
REASONS = (
    "the hypothesis is stronger",
    "the hypothesis is not needed for this fact",
    "the lemma is not needed for this fact",
    "weaker: it follows from the original",
    "another true fact",
    "proved as well: a true claim of its own",
    "no premise depends on it",
)


def test_every_node_of_a_term_is_changed_once():
    term = sp.sin(x) * (x + 2) ** 3 / sp.pi
    found = [words for words, _ in altered_terms(term)]
    assert len(found) == len(set(found)) == 7
    assert "sin → cos" in found
    assert "π → 3" in found
    assert "3 → 4" in found
    assert "2 → 3" in found
    assert "+ → − before x" in found


TERMS = st.recursive(
    st.sampled_from([x, y, sp.pi, sp.Integer(2), sp.Rational(1, 3)]),
    lambda t: st.one_of(
        st.builds(lambda u, v: u + v, t, t),
        st.builds(lambda u, v: u * v, t, t),
        st.builds(sp.sin, t),
        st.builds(lambda u: u**2, t),
    ),
    max_leaves=6,
)


@given(TERMS)
def test_a_mutant_differs(term):
    for _, other in altered_terms(term):
        assert other != term


def test_relations_connectives_and_negations():
    both = And((gt(x, 0), Not(le(y, 1))))
    found = dict(altered_formulas(both))
    assert Or(both.parts) in found.values()
    assert And((ge(x, 0), both.parts[1])) in found.values()
    assert And((lt(x, 0), both.parts[1])) in found.values()
    assert And((gt(x, 0), le(y, 1))) in found.values()


def outcomes(fact):
    return {m.words: judge(m) for m in mutants_of(fact)}


def test_a_tight_fact_has_no_other_equivalents_than_weaker_and_stronger_ones():
    found = outcomes(Fact("square", ge(x**2, 2 * x - 1)))
    assert found["conclusion: ≥ → >"].counter_example == {"x": "1"}
    assert found["conclusion: ≥ → ≤"].status == "refused"
    assert found["conclusion: 2 → 3"].status == "refused"
    assert found["conclusion: -1 → 0"].status == "refused"


def test_reasons():
    found = outcomes(Fact("slack", gt(x + 1, 0), (gt(x, 0), gt(y, 0))))
    assert found["conclusion: > → ≥"].reason == "weaker: it follows from the original"
    assert found["without the hypothesis y > 0"].reason == "the hypothesis is not needed for this fact"
    assert found["without the hypothesis x > 0"].status == "refused"
    assert found["hypothesis x > 0: 0 → 1"].reason == "the hypothesis is stronger"
    assert found["hypothesis x > 0: > → ≥"].reason.startswith("another true fact")
    assert found["conclusion: 1 → 2"].reason == "weaker: it follows from the original"
    assert found["conclusion: + → − before x"].counter_example is not None


def test_a_lemma_that_carries_the_proof():
    sine = Fact("sine", gt(sp.sin(x), 0), (gt(x, 0), lt(x, sp.pi)), "interval")
    fact = Fact("twice", gt(2 * sp.sin(x), 0), (gt(x, 0), lt(x, 3)), uses=(sine.at(),))
    assert outcomes(fact)["without the lemma sine"].status == "refused"


def falling():
    p = Path("falling", Flow("decay", ((x, -x),)), gt(x, 0))
    p.name(x0, "x0", x, gt(x0, 0))
    p.stay("in", "0 < x ≤ x0", gt(x, 0), le(x, x0), growth={0: 1})
    p.exist("e", "exists", {x: x0**2}, by=("in",))
    p.decay("to", "x → 0", x, 1, by=("in",))
    return (p,)


def test_mutants_of_a_path():
    found = {m.words: judge(m) for m in claim_mutants(falling)}
    assert found["falling: without in"].status == "refused"
    assert found["falling: without e"].status == "refused"
    assert found["x > 0: > → <"].status == "refused"
    assert found["x > 0: > → ≥"].counter_example is not None
    assert found["x > 0: 0 → 1"].status == "equivalent"
    assert found["field -x: -1 → 0"].status == "refused"
    assert all(any(o.reason.startswith(r) for r in REASONS) for o in found.values() if o.status == "equivalent")


def test_what_is_not_well_formed_is_refused():
    broken = Fact("not an equation", gt(x, 0), (), "identity")
    assert judge(Mutant("broken", broken, Fact("", eq(x, x), (), "identity"))).reason.startswith("not well formed")


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_mutants_of_the_claims(claim):
    """A share of them here; all of them by ``signescape verify --mutants``, stored in theory/results/mutations.json."""
    found = refusals([claim], every=max(1, len(list(claim_mutants(CLAIMS[claim].build))) // 12))[claim]
    assert len(found) >= 10
    assert sum(o.status == "refused" for o in found) >= len(found) // 5
    assert all(any(o.reason.startswith(r) for r in REASONS) for o in found if o.status == "equivalent")


def test_a_summary_counts_them():
    row = summary(refusals(["T1"], every=4))[0]
    assert row["mutants"] == row["refused"] + sum(row["equivalent"].values())
    assert row["by_hand"] == by_hand("T1")
    assert all(v.startswith("refuted") for v in row["by_hand"].values())
    with pytest.raises(ValueError, match="Unknown claim 'T0'"):
        refusals(["T0"])
