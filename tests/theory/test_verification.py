"""``verify``: what it says of each claim, and that it refuses every false variant of what it calls proved."""

import functools

import pytest
import sympy as sp

from theory import derivations, identities, verification
from theory.identities import CLAIMS, Claim, Obligation
from theory.verification import check_identity, verify

IDS = ["T1", "T2", "T2a", "T2b", "T2c", "T3", "T4", "T5", "T6"]
IDENTITIES = [(claim.id, o) for claim in CLAIMS.values() for o in claim.obligations if o.vanishes is not None]
NAMES = [f"{name}: {o.statement}" for name, o in IDENTITIES]


@pytest.fixture(scope="module")
def report():
    return verify()


def test_all_claims_are_listed_with_their_status(report):
    assert list(report.statuses) == IDS
    assert report.holds
    for claim in report.claims:
        parts = {f.status for f in claim.findings}
        assert parts <= {"proved", "open"}
        assert claim.status == ("open" if "open" in parts else "proved")
        assert all((f.engine == "none") == (f.status == "open") for f in claim.findings)


def test_every_identity_is_proved_by_an_engine(report):
    proved = [f.statement for c in report.claims for f in c.findings if f.status == "proved"]
    assert proved == [o.statement for _, o in IDENTITIES]


def test_the_document(report):
    claims = report.as_dict()["claims"]
    assert [c["id"] for c in claims] == IDS
    assert all(c["obligations"] and c["source"] and c["statement"] for c in claims)
    text = str(report)
    assert all(o.statement in text for c in CLAIMS.values() for o in c.obligations)
    assert f"{len(IDENTITIES)} of " in text


def test_one_claim_alone():
    assert verify(["T1"]).statuses == verify("T1").statuses == {"T1": "proved"}
    assert [c.claim.id for c in verify(["T2", "T1"]).claims] == ["T2", "T1"]


def test_an_unknown_claim():
    with pytest.raises(ValueError, match="Unknown claim 'T99'; known are T1"):
        verify(["T1", "T99"])


def status_of(expressions):
    obligations = tuple(Obligation(str(i), lambda e=e: e) for i, e in enumerate(expressions))
    return verification.ClaimReport(
        Claim("X", "", "", "", obligations), tuple(verification._find(o) for o in obligations)
    ).status


def test_a_claim_is_as_good_as_its_weakest_part():
    x = sp.Symbol("x", real=True)
    assert status_of([x - x, (x + 1) ** 2 - x**2 - 2 * x - 1]) == "proved"
    assert status_of([sp.Integer(0), x]) == "refuted"
    assert not verification.Report(
        (verification.ClaimReport(CLAIMS["T1"], (verification.Finding("", "undecided", "", 0.0),)),)
    ).holds


def test_what_cannot_be_decided_is_not_called_proved():
    """A function that vanishes wherever it is looked at, but not everywhere."""
    x = sp.Symbol("x", positive=True)
    assert check_identity(sp.Max(0, x - 2))[0] == "undecided"
    assert check_identity(sp.Float("1e-30") * x)[0] == "undecided"


def occurrences(expression):
    """The paths to all rational constants and symbols of an expression tree."""
    if not expression.args:
        return [()] if expression.is_Rational or expression.is_Symbol else []
    return [(i, *path) for i, arg in enumerate(expression.args) for path in occurrences(arg)]


def altered(expression, path, change):
    if not path:
        return change(expression)
    args = list(expression.args)
    args[path[0]] = altered(args[path[0]], path[1:], change)
    return expression.func(*args)


def false_variants(expression, most=12):
    """One constant enlarged by one, or one occurrence of a symbol with the other sign, at places spread over the tree."""
    paths = occurrences(expression)
    for path in paths[:: max(1, len(paths) // most)]:
        yield altered(expression, path, lambda leaf: leaf + 1 if leaf.is_Rational else 2 * leaf)


@functools.cache
def expression_of(index):
    return sp.sympify(IDENTITIES[index][1].vanishes())


@pytest.mark.parametrize("index", range(len(IDENTITIES)), ids=NAMES)
def test_false_variants_of_an_identity_are_refuted(index):
    """Identities that sympy has already reduced to 0 have no tree to alter; the functions behind them are altered below."""
    for variant in false_variants(expression_of(index)):
        assert check_identity(variant)[0] == "refuted", variant


def test_most_identities_have_a_tree():
    assert sum(bool(occurrences(expression_of(i))) and expression_of(i) != 0 for i in range(len(IDENTITIES))) >= 20


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
    ("correlation", lambda g, theta: g + sp.sin(theta) / 100, ("T3", "T4")),
    ("correlation", lambda g, theta: 2 * g, ("T3", "T4")),
    ("gradient_moment", first(lambda v, theta: v - sp.sin(theta) * sp.cos(theta) / sp.pi), ("T3",)),
    ("gradient_moment", first(lambda v, theta: v + sp.Rational(1, 10**9)), ("T3", "T5")),
    ("gradient_moment", second(lambda v, theta: v * sp.cos(theta)), ("T3",)),
    ("loss", lambda v, a, r, theta: v + a / 10, ("T3", "T4")),
    ("reduced_flow", first(lambda v, a, r, theta: 2 * v), ("T1", "T3")),
    ("reduced_flow", second(lambda v, a, r, theta: -v), ("T1", "T3")),
    ("reduced_flow", third(lambda v, a, r, theta: v * r), ("T3", "T5", "T6")),
    ("reduced_flow", third(lambda v, a, r, theta: -v), ("T3", "T5", "T6")),
    ("moebius", first(lambda v, a, w, b, k: v + k), ("T2c",)),
    ("moebius", second(lambda v, a, w, b, k: v + b * k), ("T2b", "T2c")),
    ("late_moebius", first(lambda v, a, w, b, e: v * 2), ("T2a", "T2c")),
    ("late_moebius", second(lambda v, a, w, b, e: v + e * b), ("T2c",)),
    ("ratio", lambda v, a, w, s, b, t: v * 2, ("T2c",)),
]


@pytest.mark.parametrize(("name", "change", "claims"), FALSE_CODE)
def test_false_code_is_refuted(monkeypatch, name, change, claims):
    """Obligations are about the very functions that compute: a wrong one refutes each claim that rests on it."""
    monkeypatch.setattr(identities, name, changed(getattr(identities, name), change))
    for claim in claims:
        statuses = [check_identity(o.vanishes())[0] for o in CLAIMS[claim].obligations if o.vanishes and cheap(claim, o, name)]
        assert "refuted" in statuses, claim


def cheap(claim, obligation, name):
    """T2c's Riccati identity takes seconds to prove; it is about ``ratio`` alone."""
    return "Riccati" not in obligation.statement or name == "ratio"


@pytest.mark.parametrize("name", ["moment", "expected_product", "population_loss", "flow_from_loss"])
def test_false_derivations_are_refuted(monkeypatch, name):
    def double(x):
        return tuple(2 * v for v in x) if isinstance(x, tuple) else 2 * x

    true = getattr(derivations, name)
    monkeypatch.setattr(derivations, name, lambda: double(true()))
    statuses = [check_identity(o.vanishes())[0] for o in CLAIMS["T3"].obligations if o.vanishes]
    assert statuses.count("refuted") == {"moment": 2, "flow_from_loss": 3}.get(name, 1)


@pytest.mark.parametrize("name", ["_mean_cosine", "_escape_series", "_sector", "_escape_forms", "_crossing"])
def test_false_closed_forms_are_refuted(name):
    """A constant beside the identity is a false identity."""
    true = getattr(identities, name)
    expression = true(sp.Integer(1)) if name == "_sector" else true()
    assert check_identity(expression)[0] == "proved"
    assert check_identity(expression + sp.Rational(1, 10**6))[0] == "refuted"
