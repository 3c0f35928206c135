"""``verify``: every claim is proved by engines, every false variant refused, and false code refutes what rests on it."""

import importlib
import sys

import pytest
import sympy as sp

from theory import claims, derivations, verification
from theory.claims import CLAIMS
from theory.claims.claim import Claim, Falsehood, proof_of
from theory.proof.engines import decide
from theory.proof.flows import facts_of
from theory.proof.logic import Fact, Or, eq, gt
from theory.verification import verify

FALSE = [(c.id, f) for c in CLAIMS.values() for f in c.false]
x = sp.Symbol("x", real=True)


@pytest.fixture(scope="module")
def report():
    return verify()


def test_all_claims_are_proved(report):
    assert list(report.statuses) == list(CLAIMS)
    leaves = [leaf for c in report.claims for f in c.findings for leaf in f.leaves]
    failed = [(leaf.words, leaf.note) for leaf in leaves if leaf.status != "proved"]
    assert failed == []
    assert report.holds
    assert set(report.statuses.values()) == {"proved"}


def test_every_fact_is_decided_by_a_named_engine_with_a_certificate(report):
    for claim in report.claims:
        leaves = [leaf for f in claim.findings for leaf in f.leaves]
        assert leaves
        assert {leaf.engine for leaf in leaves} <= {"sympy", "z3", "interval"}
        assert all(leaf.evidence is not None and leaf.formula for leaf in leaves)


def test_every_claim_says_what_it_is(report):
    for claim in report.as_dict()["claims"]:
        assert claim["statement"]
        assert claim["hypotheses"]
        assert claim["source"]
        assert claim["obligations"]
        assert CLAIMS[claim["id"]].false, f"{claim['id']} names no false variant"


def test_the_closed_forms_exist():
    for claim in CLAIMS.values():
        for name in claim.closed_forms:
            module, _, function = name.rpartition(".")
            assert callable(getattr(importlib.import_module(module), function)), name


def test_every_claim_has_a_falsification_test(pytestconfig):
    for claim in CLAIMS.values():
        assert (pytestconfig.rootpath / claim.test).is_file(), claim.test


@pytest.mark.parametrize(("claim", "false"), FALSE, ids=[f"{c}: {f.words}" for c, f in FALSE])
def test_false_variants_are_refused(claim, false):
    nodes = false.build() if isinstance(false, Falsehood) else (false,)
    assert any(decide(f).status != "proved" for f in facts_of(proof_of(false.words, *nodes)))


def test_a_claim_alone_and_with_what_it_rests_on():
    assert verify(["T1"]).statuses == verify("T1").statuses == {"T1": "proved"}
    alone = verify(["T6", "T1"], workers=1)
    assert [c.claim.id for c in alone.claims] == ["T6", "T1"]
    assert [c.claim.id for c in alone.claims[0].rests_on] == ["T2a", "T3", "T4"]


def test_workers_do_not_change_verdicts():
    one, two = (verify(["T2a", "T2b"], workers=n) for n in (1, 2))
    assert [[leaf.formula for f in c.findings for leaf in f.leaves] for c in one.claims] == [
        [leaf.formula for f in c.findings for leaf in f.leaves] for c in two.claims
    ]
    assert one.statuses == two.statuses


def test_an_unknown_claim_or_number_of_workers():
    with pytest.raises(ValueError, match="Unknown claim 'T99'; known are T1"):
        verify(["T1", "T99"])
    with pytest.raises(ValueError, match="not 0"):
        verify(["T1"], workers=0)


def toy(name, *facts, assumes=()):
    return Claim(name, "toy", "toy", "nobody", lambda: facts, ("none",), assumes=assumes)


def test_a_claim_is_as_good_as_its_weakest_part(monkeypatch):
    true, false = Fact("true", gt(x**2 + 1, 0)), Fact("false", gt(x, 0))
    open_ = Fact("beyond the engines", gt(sp.sin(x) + sp.cos(x) + sp.Rational(3, 2), 0), (gt(x, 0), gt(10**9, x)))
    for facts, status in (((true,), "proved"), ((true, false), "refuted"), ((open_, false), "refuted")):
        monkeypatch.setitem(CLAIMS, "X", toy("X", *facts))
        assert verify("X").statuses == {"X": status}
        assert verify("X").holds == (status == "proved")


def test_a_claim_that_rests_on_a_false_one_is_not_proved(monkeypatch):
    monkeypatch.setitem(CLAIMS, "F", toy("F", Fact("false", gt(x, 0))))
    monkeypatch.setitem(CLAIMS, "X", toy("X", Fact("true", gt(x**2 + 1, 0)), assumes=("F",)))
    found = verify("X").claims[0]
    assert (found.own, found.status) == ("proved", "undecided")


def test_contradictory_hypotheses_prove_nothing():
    fact = Fact("vacuous", gt(x, 5), (gt(x, 1), gt(0, x)))
    assert decide(fact).status == "undecided"
    assert decide(fact.with_(may_be_empty=True)).status == "proved"
    assert decide(fact.with_(conclusion=Or(()))).status == "proved"


def test_an_engine_that_does_not_exist():
    with pytest.raises(ValueError, match="Unknown engine 'oracle'"):
        decide(Fact("x", eq(x, x), engine="oracle"))


def changed(function, change):
    return lambda *args: change(function(*args), *args)


def first(change):
    """Alter the first of several values."""
    return lambda values, *args: (change(values[0], *args), *values[1:])


def second(change):
    return lambda values, *args: (values[0], change(values[1], *args), *values[2:])


def third(change):
    return lambda values, *args: (*values[:2], change(values[2], *args))


FALSE_CODE = [
    ("correlation", lambda g, theta: g + sp.sin(theta) / 100, ("T3",)),
    ("correlation", lambda g, theta: 2 * g, ("T3",)),
    ("gradient_moment", first(lambda v, theta: v - sp.sin(theta) * sp.cos(theta) / sp.pi), ("T3",)),
    ("gradient_moment", first(lambda v, theta: v + sp.Rational(1, 10**9)), ("T3",)),
    ("gradient_moment", second(lambda v, theta: v * sp.cos(theta)), ("T3",)),
    ("loss", lambda v, a, r, theta: v + a / 10, ("T3",)),
    ("reduced_flow", first(lambda v, a, r, theta: 2 * v), ("T1", "T3")),
    ("reduced_flow", second(lambda v, a, r, theta: -v), ("T1", "T3")),
    ("reduced_flow", third(lambda v, a, r, theta: v * r), ("T3",)),
    ("reduced_flow", third(lambda v, a, r, theta: -v), ("T3",)),
    ("moebius", first(lambda v, a, w, b, k: v + k), ("T2c",)),
    ("moebius", second(lambda v, a, w, b, k: v + b * k), ("T2c",)),
    ("late_moebius", first(lambda v, a, w, b, e: v * 2), ("T2c",)),
    ("late_moebius", second(lambda v, a, w, b, e: v + e * b), ("T2c",)),
    ("ratio", lambda v, a, w, s, b, t: v * 2, ("T2c",)),
]


@pytest.mark.parametrize(("name", "change", "names"), FALSE_CODE)
def test_false_code_is_refuted(monkeypatch, name, change, names):
    """Obligations are about the very functions that compute: a wrong one refutes each claim that rests on it."""
    for claim in names:
        module = sys.modules[CLAIMS[claim].build.__module__]
        monkeypatch.setattr(module, name, changed(getattr(module, name), change))
        true = {f for f in facts_of(CLAIMS[claim].proof)}
        assert any(decide(f).status == "refuted" for f in sorted(true, key=lambda f: f.engine != "identity")), claim


@pytest.mark.parametrize("name", ["moment", "expected_product", "population_loss", "flow_from_loss"])
def test_false_derivations_are_refuted(monkeypatch, name):
    def double(values):
        return tuple(2 * v for v in values) if isinstance(values, tuple) else 2 * values

    true = getattr(derivations, name)
    monkeypatch.setattr(derivations, name, lambda: double(true()))
    statuses = [decide(f).status for f in facts_of(CLAIMS["T3"].proof)]
    assert statuses.count("refuted") >= {"moment": 2, "flow_from_loss": 3}.get(name, 1)


def test_the_text_names_each_claim(report):
    text = str(report)
    for claim in CLAIMS.values():
        assert claim.statement in text
    assert f"{len(CLAIMS)} of {len(CLAIMS)} claims proved" in text


def test_a_refuted_fact_is_shown_with_its_counter_example(monkeypatch):
    monkeypatch.setitem(CLAIMS, "F", toy("F", Fact("every number is positive", gt(x, 0))))
    shown = str(verify("F"))
    assert "✗ every number is positive" in shown
    assert "fails at x = " in shown


def test_registry_and_modules_agree():
    listed = [c.id for name in claims.MODULES for c in importlib.import_module(f"theory.claims.{name}").CLAIMS]
    assert listed == list(CLAIMS)
    assert verification.kernel_checked("no such claim") == []
