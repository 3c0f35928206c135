"""Attacks: attempts to make the checker prove what is false, or to pass off one proof as another. None may succeed."""

import json

import pytest
import sympy as sp

from theory.claims import CLAIMS
from theory.claims.claim import Claim
from theory.claims.t6 import balanced
from theory.proof.certificates import file_name, recheck_all, write_all
from theory.proof.domains import demands
from theory.proof.engines import certified, decide
from theory.proof.flows import Flow, Group, Path, facts_of
from theory.proof.logic import Defined, Fact, eq, ge, gt, le, lt, ne, text
from theory.proof.recurrences import Map, descend, induct
from theory.proof.solutions import escape, ordered, solution, travel
from theory.proof.terms import fact_to_json, from_json, to_json
from theory.verification import verify

x, y, z, k, b, kappa, x0, z0 = sp.symbols("x y z k b kappa x_0 z_0", real=True)
FALL = Flow("fall", ((x, sp.Integer(-1)),))
RISE = Flow("rise", ((x, sp.Integer(1)),))
SQUARE = Flow("square", ((x, x**2),))


def refused(*parts):
    """The words of what is not proved; empty if the attack succeeds."""
    group = Group("attack", tuple(p.proof if isinstance(p, Path) else p for p in parts))
    return [f.words for f in facts_of(group) if decide(f).status != "proved"]


def words_of_failures(path):
    """As ``refused``, for facts that may not even be well formed."""
    out = []
    for fact in facts_of(path.proof):
        try:
            proved = decide(fact).status == "proved"
        except ValueError:
            proved = False
        out += [] if proved else [fact.words]
    return out


class f(Defined):
    """Identity."""

    nargs, is_real = 1, True

    @classmethod
    def definition(cls, t):
        return t


class Other:
    """A place for a second f."""

    class f(Defined):
        """One more."""

        nargs, is_real = 1, True

        @classmethod
        def definition(cls, t):
            return t + 1


def test_a_lemma_at_a_term_that_is_not_defined():
    """x y = 1 ⟹ y ≠ 0 holds; at x = 1/y it would be 1 = 1 ⟹ y ≠ 0."""
    lemma = Fact("", ne(y, 0), (eq(x * y, 1),))
    assert decide(lemma).status == "proved"
    assert text(lemma.at({x: 1 / y}).formula) == "(1 = 1 and y ≠ 0) ⟹ y ≠ 0"
    assert decide(Fact("", ne(y, 0), uses=(lemma.at({x: 1 / y}),))).status == "refuted"
    positive = Fact("", gt(x, 0), (eq(sp.exp(y), x),))
    assert decide(Fact("", gt(x, 0), uses=(positive.at({y: sp.log(x)}),))).status == "refuted"


def test_a_lemma_whose_denominator_cancels():
    """0/0 counts as 0 in x·y⁻¹ with x = 0; at x = y z the quotient is z, which need not vanish at y = 0."""
    lemma = Fact("", eq(x / y, 0), (eq(y, 0), eq(x, 0)))
    attack = Fact("", eq(z, 0), (eq(y, 0),), uses=(lemma.at({x: y * z}),))
    assert decide(attack).status == "refuted"
    root = Fact("", eq(sp.sqrt(x) ** 2, x)).at({x: k})
    assert root.formula == eq(k, k)


def test_two_functions_of_one_name():
    for left, right in ((f(x), Other.f(x)), (sp.Function("f")(x), f(x))):
        with pytest.raises(ValueError, match="Two functions are called 'f'"):
            decide(Fact("", eq(left, right)))
    with pytest.raises(ValueError, match="Two functions"):
        decide(Fact("", eq(f(x), 0), uses=(Fact("", eq(Other.f(x), 0)).at(),)))
    assert decide(Fact("", eq(f(x), f(x)))).status == "proved"


def test_two_symbols_of_one_name():
    """The other x is a constant of the flow, but on paper "x = 1 for ever" is about ẋ = 1."""
    with pytest.raises(ValueError, match="two symbols are called 'x'"):
        Path("p", RISE, eq(sp.Symbol("x"), 1))
    p = Path("p", RISE, gt(x, 0))
    with pytest.raises(ValueError, match="two symbols are called 'x'"):
        p.conserve("c", "x stays", sp.Symbol("x", positive=True), sp.Symbol("x", positive=True))


def test_a_variable_with_two_components():
    with pytest.raises(ValueError, match="two components"):
        Flow("both", ((x, x), (x, -x)))


def test_a_name_for_a_constant_of_the_flow():
    """Naming k, a constant of ẋ = k − x, would assume k = x(0)."""
    p = Path("p", Flow("towards k", ((x, k - x),)), eq(x, 1))
    with pytest.raises(ValueError, match="k has a meaning already"):
        p.name(k, "k", x, eq(k, 1))
    q = Path("q", Flow("decay", ((x, -x),)).within(lt(x, k)), eq(x, 1))
    with pytest.raises(ValueError, match="k has a meaning already"):
        q.name(k, "k", 2 * x)


def test_a_name_for_a_constant_of_the_path_that_was_entered():
    """The other path's limit speaks of its own x0, the value when it is entered."""
    flow = Flow("up", ((x, sp.Integer(1)), (y, sp.Integer(0))))
    above = Path("above", flow, gt(x, 0))
    above.name(x0, "x0", y)
    above.limits[y] = x0
    p = Path("p", flow, eq(x, 0))
    p.pass_on("then", "as above", p.leave("up", "upwards", x), above)
    with pytest.raises(ValueError, match="x_0 has a meaning already"):
        p.name(x0, "x0", 2 * y)


def test_a_property_of_what_moves():
    p = Path("p", FALL, eq(x, 1))
    with pytest.raises(ValueError, match="x moves"):
        p.name(k, "k", x, gt(x, k - 1))


def test_a_conserved_quantity_across_a_pole():
    """x/|x| is 1 at the start and has derivative zero, until x = 0."""
    p = Path("p", FALL, eq(x, 1))
    p.conserve("c", "sign", sp.sqrt(x**2) / x, sp.Integer(1))
    assert any("smooth" in w for w in refused(p))
    q = Path("q", FALL, eq(x, 1))
    with pytest.raises(ValueError, match="not known to be smooth"):
        q.conserve("c", "floor", sp.floor(x), sp.Integer(1))


def test_a_region_left_through_a_pole():
    """1/x < 0 from x = −1 under ẋ = 1: −1/x only grows, to +∞ at x = 0."""
    p = Path("p", RISE, eq(x, -1))
    p.stay("s", "1/x < 0", lt(1 / x, 0), growth={0: 0})
    p.learn("l", "x ≤ 0", le(x, 0), by=("s",))
    assert any("smooth" in w for w in refused(p))
    with pytest.raises(ValueError, match="not known to be continuous"):
        p.stay("t", "x < 5", lt(x, 5), growth={0: sp.ceiling(x)})


def test_a_rate_with_a_pole_inside_a_function():
    p = Path("p", FALL, gt(x, 0))
    p.stay("s", "x > 0", gt(x, 0), growth={0: sp.exp(1 / x)})
    assert any("rate is finite" in w for w in refused(p))
    q = Path("q", FALL, gt(x, 0))
    q.stay("s", "x > 0", gt(x, 0), growth={0: sp.tan(x) ** 2 + 1})
    assert any("rate is finite" in w for w in refused(q))


def test_a_field_that_is_not_defined_everywhere():
    p = Path("p", Flow("root", ((x, sp.sqrt(x) - x),)), eq(x, 1))
    p.exist("e", "exists", {x: 1})
    assert any("rate is finite: x ≥ 0" in w for w in refused(p))


def settling():
    """x → k and z → 0."""
    p = Path("p", Flow("two", ((x, k - x), (z, -z))), gt(k, 0), gt(z, 0), ge(x, k))
    p.name(z0, "z0", z, gt(z0, 0))
    p.name(x0, "x0", x, ge(x0, k))
    p.stay("z", "0 < z ≤ z0", gt(z, 0), le(z, z0), growth={0: 1})
    p.stay("x", "k ≤ x ≤ x0", ge(x, k), le(x, x0), growth={0: 1, 1: 1})
    p.exist("e", "exists", {x: x0**2, z: z0**2}, by=("z", "x"))
    p.decay("d", "z → 0", z, 1, by=("z",))
    p.decay("x∞", "x − k → 0", x - k, 1, by=("x",))
    p.follow("k", "x → k", x, y + k, {y: x - k})
    return p


def test_substitution_one_after_the_other():
    """B ↦ k, k ↦ 0 at once leaves B ↦ k; one after the other it would make x → 0."""
    p, B = settling(), sp.Symbol("B", real=True)
    assert refused(p) == []
    p.follow("bad", "x → 0", x, B, {B: x, k: z}, to=0)
    assert refused(p) == ["x → 0: value"]


def test_a_pole_inside_a_function_at_the_limit():
    p = settling()
    p.follow("pole", "z exp(−1/z)", z * sp.exp(-1 / z), y * sp.exp(-1 / y), {y: z}, by=("z",))
    assert "z exp(−1/z): no pole at the limit: 0 ≠ 0" in words_of_failures(p)
    q = settling()
    q.track("t", "z² → 0", z**2, 1, y / (1 + y), {y: z}, by=("z",))
    assert refused(q) == []
    r = settling()
    r.track("t", "z² → 0", z**2, 1, y**2 / (y + b - b), {y: z}, by=("z",))
    assert refused(r) == []


def test_what_nothing_has_shown_to_hold_at_some_time():
    flow = Flow("away", ((x, x - 1),))
    p, far = Path("p", flow, eq(x, 0)), Path("far", flow, gt(x, 5))
    with pytest.raises(ValueError, match="nothing has shown that x = 7"):
        p.pass_on("then", "far", (eq(x, 7),), far)
    q = Path("q", flow, eq(x, 2))
    with pytest.raises(ValueError, match="nothing has shown"):
        p.pass_on("then", "far", q.leave("up", "up", x - 2), far)


def test_the_domain_of_the_path_that_is_entered():
    flow = Flow("up", ((x, 1 - x),))
    p = Path("p", flow, eq(x, 0))
    p.pass_on("then", "far", p.leave("up", "upwards", x), Path("far", flow.within(gt(x, 5))))
    assert refused(p) == ["far: x > 5"]


def test_arrival_knows_nothing_of_what_jumps_there():
    """sign x = −y before x = 0 says nothing of y there; nor does |x|/x = −y."""
    for jump in (sp.sign(x), sp.sqrt(x**2) / x):
        flow = Flow("arrive", ((x, sp.Integer(1)), (y, sp.Integer(0)))).within(lt(x, 0))
        p = Path("p", flow, eq(x, -1), eq(y, 1))
        p.conserve("y", "y", y, sp.Integer(1))
        p.stay("x", "x ≥ −1", ge(x, -1))
        p.learn("s", "sign", eq(y + jump, 0), by=("y",))
        p.exist("e", "exists until x = 0", {x: 1, y: 1}, by=("x", "y"))
        now = p.reach("r", "reaches 0", lt(x, 0), 1)
        assert refused(p) == []
        assert eq(y, 1) in now
        assert not any("sign" in text(g) or "|" in text(g) or "Abs" in text(g) for g in now)


def test_arrival_at_a_point_where_the_field_has_a_pole():
    flow = Flow("spin", ((x, sp.Integer(1)), (y, -z / x**2), (z, y / x**2))).within(lt(x, 0))
    p = Path("p", flow, eq(x, -1), eq(y, 1), eq(z, 0))
    p.conserve("r", "radius", y**2 + z**2, sp.Integer(1))
    p.stay("x", "x ≥ −1", ge(x, -1))
    p.exist("e", "exists until x = 0", {x: 1, y: 1, z: 1}, by=("x", "r"))
    assert refused(p) == []
    p.reach("a", "reaches 0", lt(x, 0), 1)
    assert any("the field" in w for w in refused(p))


def test_a_closed_form_past_its_pole():
    """x = b/(1 − bκ) solves ẋ = x² up to κ = 1/b; neither all of κ ≥ 0 nor a window beyond the pole may be claimed."""
    formula, start, one = {x: b / (1 - b * kappa)}, {x: b}, sp.Integer(1)
    good = solution("blow-up", SQUARE, formula, start, kappa, one, (ge(kappa, 0), lt(b * kappa, 1)), (), (gt(b, 0),))
    assert refused(good) == []
    for window in ((ge(kappa, 0),), (gt(b * kappa, 2),), (ge(kappa, 0), ne(b * kappa, 1))):
        assert refused(solution("blow-up", SQUARE, formula, start, kappa, one, window, (), (gt(b, 0),))) != []


def test_a_closed_form_in_its_own_variables_or_by_another_clock():
    with pytest.raises(ValueError, match="not polynomial in kappa"):
        solution("root", FALL, {x: b - kappa}, {x: b}, kappa, sp.sqrt(kappa))
    with pytest.raises(ValueError, match="x is a variable of fall"):
        solution("self", FALL, {x: x}, {x: x}, kappa, sp.Integer(1))


def test_the_time_of_a_journey_needs_its_own_speed():
    with pytest.raises(ValueError, match="does not say that x is positive"):
        travel("t", x, -x, x, (), Fact("", gt(sp.Integer(1), 0)))
    with pytest.raises(ValueError, match="does not say"):
        travel("t", x, -x, x, (), Fact("", gt(x, 0), (gt(x, y), gt(y, 0))))
    path = Path("p", Flow("driven", ((x, -x * y), (y, sp.Integer(0)))), eq(y, 1))
    positive = Fact("", gt(x, 0), (ge(x, 1), le(x, 2)), "interval")
    with pytest.raises(ValueError, match="p does not know that y = 1"):
        travel("t", x, path.flow.field[0][1], x, (eq(y, 1),), positive, path)
    path.conserve("y", "y", y, sp.Integer(1))
    assert refused(travel("t", x, path.flow.field[0][1], x, (eq(y, 1),), positive, path)) == []


def test_comparison_across_a_pole_or_a_gap():
    """∂v/∂k = 1/k² > 0 for v = −1/k, yet v(−1) > v(1)."""
    with pytest.raises(ValueError, match="no bound of k"):
        ordered("o", -1 / k, k, (ne(k, 0),))
    with pytest.raises(ValueError, match="no bound of k"):
        ordered("o", -1 / k, k, (gt(k**2, 1),))
    assert any("smooth" in w for w in refused(ordered("o", k - 1 / k, k, (gt(k, -1),))))
    assert refused(ordered("o", -1 / k, k, (gt(k, 0),))) == []


def test_an_escape_needs_the_absence_of_critical_points():
    """ẋ = −x is a gradient flow and goes nowhere."""
    least = Fact("", ge(x**2 / 2, 0))
    assert refused(escape("e", {x: x}, {x: -x}, (), (), least)) == ["e: no point is critical"]
    assert refused(escape("e", {x: sp.exp(x)}, {x: -sp.exp(x)}, (), (), Fact("", gt(sp.exp(x), 0)))) == []


def test_a_map_that_is_not_defined():
    """x ↦ 1/y keeps x y ≤ 1, except that there is no 1/0."""
    step = Map("quotient", ((x, 1 / y),))
    assert any("is defined" in w for w in refused(induct("i", step, (gt(x, 0),), (le(x * y, 1),))))
    assert any("is defined" in w for w in refused(descend("d", step, (gt(x, 5),), x, 1)))


def test_a_derivative_that_is_not_that_of_the_definition():
    """A name whose derivative is said to be zero would be conserved along everything."""

    class still(Defined):
        nargs, is_real = 1, True

        @classmethod
        def definition(cls, t):
            return t**2

        def fdiff(self, argindex=1):
            return sp.Integer(0)

    with pytest.raises(ValueError, match="derivative of still"):
        Path("p", RISE, eq(x, 0)).conserve("c", "still", still(x), sp.Integer(0))
    with pytest.raises(ValueError, match="derivative of still"):
        Path("p", RISE, eq(x, 0)).stay("c", "still", ge(1, still(x)))


def test_demands():
    t = sp.Max(x, y) + sp.Abs(z) + sp.log(k) + sp.asin(b) + 2**x
    assert {text(r) for r in demands(t)} == {"k > 0", "b ≥ -1", "b ≤ 1"}
    assert {text(r) for r in demands(t, level="smooth")} == {"k > 0", "b > -1", "b < 1", "x ≠ y", "z ≠ 0"}
    assert {text(r) for r in demands(sp.sign(x) * sp.cot(y), level="continuous")} == {"x ≠ 0", "sin(y) ≠ 0"}
    assert [text(r) for r in demands(x ** sp.Rational(-1, 3) + f(1 / y))] == ["x > 0", "y ≠ 0"]
    for unknown in (x**y, sp.floor(x), sp.Piecewise((x, x > 0), (0, True))):
        with pytest.raises(ValueError, match="not known to be defined"):
            demands(unknown)


@pytest.fixture(scope="module")
def report():
    return verify(["T1", "T6"], workers=1)


@pytest.fixture
def folder(report, tmp_path):
    write_all(tmp_path / "p", report)
    return tmp_path / "p"


def bad(folder, *claims):
    return [(r["file"], r["reason"]) for r in recheck_all(folder, claims) if not r["holds"]]


def relist(folder, change):
    lists = json.loads((folder / "claims.json").read_text())
    change(lists)
    (folder / "claims.json").write_text(json.dumps(lists))


@pytest.mark.parametrize("engine", ["identity", "interval", "z3"])
def test_a_certificate_that_says_something_else(folder, engine):
    """The words are changed, and the file renamed and listed anew, so that its digest fits."""
    path = sorted(folder.glob(f"{engine}-*.json"))[0]
    document = json.loads(path.read_text()) | {"statement": "1 = 2"}
    path.unlink()
    (folder / file_name(document)).write_text(json.dumps(document))
    text_ = (folder / "claims.json").read_text().replace(path.name, file_name(document))
    (folder / "claims.json").write_text(text_)
    assert [file for file, _ in bad(folder)] == [file_name(document)]


def test_certificates_of_other_facts(folder):
    """As many certificates as facts, all of them valid, but of one fact over and over, or of another claim."""
    relist(folder, lambda doc: doc["claims"].update(T1=[doc["claims"]["T1"][0]] * doc["facts"]["T1"]))
    assert all("has no certificate" in reason for _, reason in bad(folder, "T1"))
    assert bad(folder, "T1") != []
    relist(folder, lambda doc: doc["claims"].update(T6=doc["claims"]["T1"]) or doc["facts"].update(T6=doc["facts"]["T1"]))
    assert bad(folder, "T6") != []


def test_a_list_that_asks_for_less(folder):
    relist(folder, lambda doc: doc["claims"]["T1"].pop() and doc["facts"].update(T1=doc["facts"]["T1"] - 1))
    assert any("has no certificate" in reason for _, reason in bad(folder, "T1"))


def test_a_claim_that_there_is_none_of(folder):
    relist(folder, lambda doc: doc["claims"].update(T99=doc["claims"]["T1"]))
    assert ("T99", "there is no such claim") in bad(folder, "T99")


def test_what_is_certified_is_what_is_decided(report):
    for claim in report.claims:
        facts = facts_of(claim.claim.proof)
        stated = [leaf.evidence["fact"] for found in claim.findings for leaf in found.leaves]
        assert all(any(s in stated for s in certified(fact)) for fact in facts)
    empty = Fact("", gt(x, 0), (gt(x, 1), lt(x, 0)), may_be_empty=True)
    assert decide(empty).certificate["fact"] in certified(empty)


def test_a_claim_without_a_fact_is_not_proved(monkeypatch):
    for nodes in ((), (Group("nothing", ()),)):
        monkeypatch.setitem(CLAIMS, "X", Claim("X", "empty", "anything", "nobody", lambda nodes=nodes: nodes))
        assert verify("X").statuses == {"X": "undecided"}


def test_a_balanced_start_on_either_side_stays_balanced():
    """T7 needs a = ‖w‖ from θ0 ≤ π/2 too."""
    assert refused(balanced()) == []
    assert [text(s) for s in balanced().start] == ["a = r", "θ > 0", "θ < π"]


def test_equal_symbols_are_written_alike():
    """sympy holds them equal and keeps whichever it saw first, so a certificate must not depend on which."""
    one, two = sp.Symbol("r", positive=True), sp.Symbol("r", positive=True, real=True)
    assert one == two
    assert to_json(one) == to_json(two) == ["symbol", "r", "real", "positive"]
    assert from_json(to_json(one)) == one


def test_equal_facts_have_equal_statements():
    """Verdicts are kept by equality of facts, so that 1, 1.0 and True must not be one."""
    facts = [Fact("", ge(x**2, value)) for value in (0, sp.Integer(0), sp.S.Zero)]
    assert len({json.dumps(fact_to_json(fact)) for fact in facts}) == len(set(facts)) == 1
    assert Fact("", eq(x, 1)) != Fact("", eq(x, 1.0))
    with pytest.raises(ValueError, match="Float has no place"):
        decide(Fact("", eq(x, 1.0)))
