"""Rules for recurrences: what they prove, what they refuse, and that what is proved holds of iterates."""

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.claims.t4 import positive
from theory.claims.t13 import BOUND, cone, falling, frozen, moving
from theory.proof.engines import decide
from theory.proof.flows import facts_of, mutated
from theory.proof.logic import ge, gt, le, lt, text
from theory.proof.recurrences import Map, descend, induct
from theory.proof.solutions import fade

x, y, h, m = sp.symbols("x y h m", real=True)
NUMBERS = st.fractions(-3, 3, max_denominator=20)


def proved(step):
    return all(decide(f).status == "proved" for f in facts_of(step))


def test_after_replaces_all_at_once():
    swap = Map("swap", ((x, y), (y, x)))
    assert text(swap.after(gt(x, 2 * y))) == "y > 2*x"
    assert swap.after(swap.after(gt(x, 2 * y))) == gt(x, 2 * y)


def test_induction_and_its_mutants():
    shrink = Map("x ↦ h x", ((x, h * x),))
    inside = gt(x, 0), le(x, 1)
    assert proved(induct("in (0, 1]", shrink, inside, inside, (gt(h, 0), le(h, 1))))
    assert not proved(induct("in (0, 1]", shrink, inside, inside, (gt(h, 0), le(h, 2))))
    assert not proved(induct("in (0, 1]", shrink, inside, inside, (ge(h, 0), le(h, 1))))
    assert not proved(induct("base fails", shrink, (gt(x, 0),), inside, (gt(h, 0), le(h, 1))))


def test_descent_and_its_mutants():
    fall = Map("x ↦ x − h", ((x, x - h),))
    assert proved(descend("x < 0 at last", fall, (ge(x, 0),), x, h, (gt(h, 0),)))
    assert not proved(descend("no least step", fall, (ge(x, 0),), x, h, (ge(h, 0),)))
    assert not proved(descend("not bounded below", fall, (le(x, 0),), x, h, (gt(h, 0),)))
    assert not proved(descend("too fast", fall, (ge(x, 0),), x, 2 * h, (gt(h, 0),)))
    halve = Map("x ↦ x/2", ((x, x / 2),))
    assert not proved(descend("x falls for ever, by less and less", halve, (gt(x, 0),), x, h, (gt(h, 0),)))


@pytest.mark.parametrize("given", [gt(x, 0), lt(h, x)])
def test_hypotheses_speak_of_what_does_not_move(given):
    step = Map("doubling", ((x, 2 * x),))
    with pytest.raises(ValueError, match="x moves under doubling"):
        induct("positive", step, (gt(x, 0),), (gt(x, 0),), (given,))
    with pytest.raises(ValueError, match="x moves under doubling"):
        descend("falls", step, (gt(x, 0),), x, x)


def test_mutants_reach_map_start_and_hypotheses():
    with mutated() as found:
        induct("positive", Map("scaling", ((x, h * x),)), (gt(x, 1),), (gt(x, 0),), (gt(h, 0),))
    assert found.said == [h * x, gt(x, 1), gt(h, 0)]
    with mutated(index=0, other=-h * x):
        assert not proved(induct("positive", Map("scaling", ((x, h * x),)), (gt(x, 1),), (gt(x, 0),), (gt(h, 0),)))


@given(NUMBERS, NUMBERS, st.fractions(0, "19/20", max_denominator=20), st.fractions("1/20", 3, max_denominator=20))
def test_iterates_stay_in_the_regions_that_are_proved(a, w, root, strength):
    """T13's inductions, in exact arithmetic: with and without momentum."""
    assume(w < 0)
    if strength * a * a <= 1 and strength * w * w <= 2:
        now = a, w
        for _ in range(6):
            now = _near(now[0] * (1 - strength * now[1] ** 2)), _near(now[1] * (1 - strength * now[0] ** 2))
            assert now[1] <= 0
    bound = (1 - root) ** 2
    a = abs(a)
    if strength * a * a <= bound and strength * w * w <= bound:
        states = [(a, w), (a, w)]
        for _ in range(6):
            (b, v), (a, w) = states[-2:]
            step = a * (1 - strength * w * w) + root**2 * (a - b), w * (1 - strength * a * a) + root**2 * (w - v)
            states.append(step)
            assert step[1] <= root * w <= 0 <= root * a <= step[0]


def _near(value):
    """A fraction of few digits no larger in size, so that iterates stay short."""
    size = Fraction(int(abs(value) * 10**12), 10**12)
    return size if value >= 0 else -size


def test_the_bounds_of_t13_are_sharp():
    assert proved(cone())
    assert proved(falling())
    assert proved(moving())
    assert not proved(cone(BOUND * (1 + sp.Rational(1, 100))))
    assert not proved(falling(BOUND * (1 - sp.Rational(1, 100))))
    assert not proved(moving(free=True))
    assert not proved(frozen(le(sp.Symbol("w", real=True), 0)))


def test_a_rate_must_be_known_to_converge():
    with pytest.raises(ValueError, match="not known to converge"):
        fade("no limit", positive(), x, x)
