"""The rules for flows: what they conclude, and that each refuses what does not follow; negative controls for every premise."""

import pytest
import sympy as sp

from theory.proof.engines import decide
from theory.proof.flows import Flow, Group, Path, facts_of, relevant
from theory.proof.logic import Fact, eq, ge, gt, le, lt

x, y, k, c, x0 = sp.symbols("x y k c x_0", real=True)
DECAY = Flow("decay", ((x, -x),))
TURN = Flow("rotation", ((x, -y), (y, x)))
LOGISTIC = Flow("logistic", ((x, x * (1 - x)),))
BLOW_UP = Flow("blow-up", ((x, x**2),))


def failures(path):
    return [f.words for f in facts_of(path.proof) if decide(f).status != "proved"]


def proved(path):
    return failures(path) == []


def test_a_conserved_quantity():
    p = Path("circle", TURN, eq(x**2 + y**2, c))
    p.conserve("r", "radius", x**2 + y**2, c)
    assert proved(p)
    assert p.known["r"] == (eq(x**2 + y**2, c),)
    q = Path("no circle", TURN, eq(x**2 - y**2, c))
    q.conserve("r", "radius", x**2 - y**2, c)
    assert len(failures(q)) == 1


def test_the_value_of_a_conserved_quantity_is_that_at_the_start():
    p = Path("circle", TURN, eq(x, 1), eq(y, 0))
    p.conserve("r", "radius", x**2 + y**2, sp.Integer(2))
    assert len(failures(p)) == 1


def test_invariance_by_the_faces():
    p = Path("between the rest points", LOGISTIC, gt(x, 0), lt(x, 1))
    p.stay("in", "in (0, 1)", gt(x, 0), lt(x, 1), growth={0: 0, 1: x})
    assert proved(p)
    q = Path("too small", LOGISTIC, gt(x, sp.Rational(1, 4)), lt(x, sp.Rational(1, 2)))
    q.stay("in", "in (¼, ½)", gt(x, sp.Rational(1, 4)), lt(x, sp.Rational(1, 2)))
    assert any("face of x < 1/2" in f for f in failures(q))


def test_invariance_needs_the_start_inside():
    p = Path("outside", LOGISTIC, gt(x, -1))
    p.stay("in", "x > 0", gt(x, 0), growth={0: 0 * x + 1})
    assert any("at the start" in f for f in failures(p))


def test_a_strict_relation_needs_more_than_a_field_that_is_zero_on_its_face():
    """x > 0 under ẋ = −√-like speeds could be lost; Lipschitz fields need the growth rate said."""
    p = Path("zero on the face", DECAY, gt(x, 0))
    p.stay("in", "x > 0", gt(x, 0))
    assert any("inward" in f for f in failures(p))
    q = Path("with a rate", DECAY, gt(x, 0))
    q.stay("in", "x > 0", gt(x, 0), growth={0: 1})
    assert proved(q)


def test_a_rate_must_be_finite():
    flow = Flow("singular", ((x, -1 / x**3),), ())
    p = Path("singular", flow, gt(x, 0))
    p.stay("in", "x > 0", gt(x, 0), growth={0: 1 / x**4})
    assert any("rate is finite" in f for f in failures(p))


def test_a_later_weak_relation_cannot_support_an_earlier_one():
    """x ≥ 0 and y ≥ 0 under ẋ = y − 1 is left; neither order proves it."""
    flow = Flow("drift", ((x, y - 1), (y, sp.Integer(0))))
    for region in ((ge(x, 0), ge(y, 0)), (ge(y, 0), ge(x, 0))):
        p = Path("drift", flow, ge(x, 0), ge(y, 0))
        p.stay("in", "quadrant", *region)
        assert not proved(p)


def test_existence_is_needed_for_a_limit():
    p = Path("decay", DECAY, gt(x, 0))
    with pytest.raises(ValueError, match="not known to exist for ever"):
        p.decay("to", "x → 0", x, 1)
    with pytest.raises(ValueError, match="no bound for y"):
        Path("two", TURN, gt(x, 0)).exist("e", "exists", {x: 1})


def decaying(rate=1, flow=DECAY, power=1, **without):
    p = Path("decay", flow, gt(x, 0), **without)
    p.name(x0, "x0", x, gt(x0, 0))
    p.stay("in", "0 < x ≤ x0", gt(x, 0), le(x, x0), growth={0: 1 + x**2})
    p.exist("e", "exists", {x: x0**2}, by=("in",))
    p.decay("to", "x → 0", x, rate, by=("in",), power=power)
    return p


def test_decay():
    p = decaying()
    assert proved(p)
    assert p.limits == {x: 0}
    assert failures(decaying(rate=2)) == ["x → 0: decays"]
    assert failures(decaying(rate=-1)) == ["x → 0: the rate is positive"]
    with pytest.raises(ValueError, match="not constant"):
        decaying(rate=x)


def test_algebraic_decay():
    cubic = Flow("cubic", ((x, -(x**3)),))
    assert proved(decaying(flow=cubic, power=3))
    assert not proved(decaying(flow=cubic, power=1))


def test_a_solution_that_blows_up_is_not_continued():
    p = Path("blow-up", BLOW_UP, gt(x, 0))
    p.name(x0, "x0", x, gt(x0, 0))
    p.stay("in", "x > 0", gt(x, 0), growth={0: 0})
    p.exist("e", "exists", {x: 100 * x0**2}, by=("in",))
    assert any("bounded" in f for f in failures(p))


def test_a_withheld_step_withholds_what_it_shows():
    with pytest.raises(ValueError, match="not known to exist"):
        decaying(without={"e"})
    assert failures(decaying(without={"in"})) != []
    assert decaying(without={"to"}).limits == {}
    with pytest.raises(ValueError, match="nothing named 'nowhere'"):
        Path("x", DECAY).learn("l", "x", gt(x, 0), by=("nowhere",))


def test_tracking_squeezing_and_following():
    flow = Flow("driven", ((x, -x + y**2), (y, -y)))
    p = Path("driven", flow, gt(x, 0), gt(y, 0), lt(y, 1))
    p.name(x0, "x0", x, gt(x0, 0))
    p.stay("in", "bounded", gt(y, 0), le(y, 1), gt(x, 0), le(x, x0 + 1), growth={0: 1, 2: 1})
    p.exist("e", "exists", {x: (x0 + 1) ** 2, y: 1}, by=("in",))
    p.decay("y", "y → 0", y, 1, by=("in",))
    p.track("x", "x → 0", x, 1, k**2, {k: y}, by=("in",))
    p.follow("z", "2x + cos y → 1", 2 * x + sp.cos(y), 2 * k + sp.cos(c), {k: x, c: y}, to=1)
    assert proved(p)
    assert p.limits[2 * x + sp.cos(y)] == 1
    p.follow("wrong", "2x → 1", 2 * x, 2 * k, {k: x}, to=1)
    assert failures(p) == ["2x → 1: value"]


def test_a_pole_at_the_limit_is_seen():
    p = decaying()
    p.follow("pole", "x/x² at 0", x / x**2, 1 / k, {k: x}, by=("in",))
    assert any("no pole" in f for f in failures(p))


def test_what_does_not_converge_cannot_be_followed_or_squeezed():
    p = decaying()
    with pytest.raises(ValueError, match="not known to converge"):
        p.follow("z", "z", y, k, {k: y})
    with pytest.raises(ValueError, match="not known to tend to zero"):
        p.squeeze("z", "z", x, y)
    with pytest.raises(ValueError, match="not known to be continuous"):
        p.follow("z", "z", sp.sign(x), sp.sign(k), {k: x})


def climbing(speed):
    """ẋ = 1 + x² while x < 0."""
    p = Path("climb", Flow("climb", ((x, 1 + x**2),)).within(lt(x, 0)), lt(x, 0))
    p.name(x0, "x0", x, lt(x0, 0))
    p.stay("low", "x ≥ x0", ge(x, x0))
    p.exist("e", "exists until x = 0", {x: x0**2}, by=("low",))
    return p, p.reach("top", "x reaches 0", lt(x, 0), speed, by=("low",))


def test_reaching_a_surface():
    p, now = climbing(1)
    assert proved(p)
    assert eq(x, 0) in now
    assert failures(climbing(2)[0]) == ["x reaches 0: at least that fast"]
    assert failures(climbing(0)[0]) == ["x reaches 0: the speed is positive"]


def test_arrival_knows_only_the_closure():
    """x < 0 is part of the domain that is left: at the surface it no longer holds."""
    _, now = climbing(1)
    assert lt(x, 0) not in now
    fact = Fact("x < 0", lt(x, 0), now)
    assert decide(fact).status == "refuted"


def test_leaving_and_passing_on():
    flow = Flow("up", ((x, 1 - x),))
    above = Path("above", flow, gt(x, 0))
    above.exist("e", "exists", {x: 0 * c + 4})
    above.limits[x] = sp.Integer(1)
    p = Path("from zero", flow, eq(x, 0))
    now = p.leave("up", "upwards", x)
    p.pass_on("then", "as above", now, above)
    assert proved(p)
    assert p.limits[x] == 1
    q = Path("from one", flow, eq(x, 1))
    q.leave("up", "upwards", x - 1)
    assert any("outward" in f for f in failures(q))
    with pytest.raises(ValueError, match="different flows"):
        p.pass_on("then", "elsewhere", now, Path("z", DECAY))


def test_passing_on_needs_the_other_start():
    flow = Flow("up", ((x, 1 - x),))
    p = Path("from zero", flow, eq(x, 0))
    p.pass_on("then", "far above", p.leave("up", "upwards", x), Path("far", flow, gt(x, 5)))
    assert any("x > 5" in f for f in failures(p))


def test_a_name_keeps_its_value():
    """A path that uses the same name for another value must not be entered."""
    flow = Flow("up", ((x, 1 - x),))
    other = Path("other", flow, gt(x, 0))
    other.name(x0, "x0", x)
    p = Path("from zero", flow, eq(x, 0))
    p.name(x0, "x0", x)
    p.pass_on("then", "as other", p.leave("up", "upwards", x), other)
    assert failures(p) != []
    with pytest.raises(ValueError, match="has a meaning already"):
        p.name(x0, "again", x)


def test_lemmas_that_share_nothing_are_dropped():
    sine = Fact("sine", ge(sp.sin(x), 0), (ge(x, 0), le(x, sp.pi)), "interval")
    plain = Fact("plain", gt(x, 0), (gt(x, 1),), uses=(sine.at(),))
    assert relevant(plain).uses == ()
    assert relevant(plain.with_(conclusion=gt(sp.sin(x) + 1, 0))).uses == (sine.at(),)
    assert facts_of(Group("g", (plain,)))[0] == sine


def test_a_region_is_made_of_inequalities():
    with pytest.raises(ValueError, match="made of inequalities"):
        Path("x", DECAY).stay("s", "x", eq(x, 0))
