"""The interval engine: I1–I5 and g > 0 are proved, every false neighbour is refuted at a point that mpmath confirms."""

import json
import time

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.proof.intervals import decide, simplest
from theory.proof.logic import And, Fact, Or, Relation, both, eq, ge, gt, le, lt, ne, symbols_of
from theory.proof.recheck import recheck

x, y = sp.symbols("x y", real=True)
pi, sin, cos, Q = sp.pi, sp.sin, sp.cos, sp.Rational
g = (sin(x) + (pi - x) * cos(x)) / (2 * pi)
MP = mpmath.MPContext()
MP.dps = 40
OPERATORS = {"<": MP.mpf.__lt__, "≤": MP.mpf.__le__, ">": MP.mpf.__gt__, "≥": MP.mpf.__ge__, "≠": MP.mpf.__ne__}


def between(a, ends, b, s=x):
    """Bounds on s as hypotheses; ``ends`` such as "(]"."""
    return (Relation(s, ">" if ends[0] == "(" else "≥", a), Relation(s, "<" if ends[1] == ")" else "≤", b))


def fact(conclusion, *given):
    return Fact("", conclusion, given, "interval")


TRUE = {
    "I1": fact(gt(sin(x) - x * cos(x), 0), *between(0, "(]", pi)),
    "I2": fact(gt(x - sin(x) * cos(x), 0), *between(0, "(]", pi)),
    "I3": fact(le(sin(x), x), *between(0, "[]", pi)),
    "I4": fact(ge(sin(x), x * (pi - x) / pi), *between(0, "[]", pi)),
    "I5": fact(ge(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", 2)),
    "g": fact(gt(g, 0), *between(0, "[)", pi)),
    "(π−θ)+sinθcosθ": fact(gt((pi - x) + sin(x) * cos(x), 0), *between(0, "[)", pi)),
}
MORE = {
    "fourth order": fact(gt(x**2 / 2 - 1 + cos(x), 0), *between(0, "(]", 3)),
    "sixth order": fact(lt(x**2 / 2 - 1 + cos(x), x**4 / 24), *between(0, "(]", 5)),
    "fourth order at π": fact(lt(1 + cos(x), (pi - x) ** 2 / 2), *between(0, "[)", pi)),
    "both ends open": fact(gt(sin(x), 0), *between(0, "()", pi)),
    "≠": fact(ne(cos(x), 0), *between(-pi / 2, "()", pi / 2)),
    "bounds the other way round": fact(gt(sin(x), 0), lt(0, x), gt(pi, x)),
    "more bounds than needed": fact(gt(sin(x), 0), *between(0, "()", pi), gt(x, -3), ge(x, 0), lt(x, 4)),
    "zero at a rational point inside": fact(ge((x - 1) ** 2 * sp.exp(x), 0), *between(0, "[]", 3)),
    "end at π/6": fact(gt(sin(x), Q(1, 2)), *between(pi / 6, "(]", pi / 2)),
    "I5 as far as 2.04": fact(ge(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", Q(204, 100))),
    "tan": fact(gt(sp.tan(x), x), *between(0, "(]", Q(3, 2))),
    "tanh": fact(lt(sp.tanh(x), x), *between(0, "(]", 20)),
    "sinh": fact(gt(sp.sinh(x), x), *between(0, "(]", 20)),
    "cosh": fact(ge(sp.cosh(x), 1), *between(-3, "[]", 3)),
    "asinh": fact(lt(sp.asinh(x), x), *between(0, "(]", 20)),
    "atan": fact(lt(sp.atan(x), x), *between(0, "(]", 20)),
    "log": fact(le(sp.log(1 + x), x), *between(Q(-1, 2), "[]", 20)),
    "sqrt": fact(le(sp.sqrt(1 + x), 1 + x / 2), *between(Q(-1, 2), "[]", 20)),
    "Abs": fact(lt(sp.Abs(sin(x)), Q(3, 2)), *between(-9, "[]", 9)),
    "two variables": fact(gt(sp.exp(x * y) + x, 0), *between(0, "[]", 3), *between(-1, "[]", 3, y)),
    "two variables, many cells": fact(gt(x**2 + y**2, 2 * x * y), *between(0, "[]", 3), *between(4, "(]", 9, y)),
    "constants": fact(lt(Q(314159, 10**5), pi)),
}
FALSE = {
    "I1 closed": fact(gt(sin(x) - x * cos(x), 0), *between(0, "[]", pi)),
    "I1 turned": fact(lt(sin(x) - x * cos(x), 0), *between(0, "(]", pi)),
    "I1 beyond 4.4934": fact(gt(sin(x) - x * cos(x), 0), *between(0, "(]", Q(45, 10))),
    "I1 without the upper bound": fact(gt(sin(x) - x * cos(x), 0), gt(x, 0)),
    "I1 without the lower bound": fact(gt(sin(x) - x * cos(x), 0), le(x, pi)),
    "I1 with a plus": fact(lt(sin(x) + x * cos(x), 0), *between(0, "(]", pi)),
    "I1 with 101/100": fact(gt(sin(x) - Q(101, 100) * x * cos(x), 0), *between(0, "(]", pi)),
    "I2 closed": fact(gt(x - sin(x) * cos(x), 0), *between(0, "[]", pi)),
    "I2 turned": fact(lt(x - sin(x) * cos(x), 0), *between(0, "(]", pi)),
    "I2 below 0": fact(gt(x - sin(x) * cos(x), 0), *between(Q(-1, 1000), "(]", pi)),
    "I2 with 99/100": fact(gt(Q(99, 100) * x - sin(x) * cos(x), 0), *between(0, "(]", pi)),
    "I3 strict": fact(lt(sin(x), x), *between(0, "[]", pi)),
    "I3 turned": fact(ge(sin(x), x), *between(0, "[]", pi)),
    "I3 with 9999/10000": fact(le(sin(x), Q(9999, 10000) * x), *between(0, "[]", pi)),
    "I3 below 0": fact(le(sin(x), x), *between(Q(-1, 10), "[]", pi)),
    "I4 strict": fact(gt(sin(x), x * (pi - x) / pi), *between(0, "[]", pi)),
    "I4 turned": fact(le(sin(x), x * (pi - x) / pi), *between(0, "[]", pi)),
    "I4 with 3": fact(ge(sin(x), x * (pi - x) / 3), *between(0, "[]", pi)),
    "I4 with 3141/1000": fact(ge(sin(x), x * (pi - x) / Q(3141, 1000)), *between(0, "[]", pi)),
    "I4 beyond π": fact(ge(sin(x), x * (Q(22, 7) - x) / pi), *between(0, "[]", Q(22, 7))),
    "I5 strict": fact(gt(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", 2)),
    "I5 turned": fact(le(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", 2)),
    "I5 to 2.05": fact(ge(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", Q(205, 100))),
    "I5 to π": fact(ge(x * sin(x), sin(x) - x * cos(x)), *between(0, "[]", pi)),
    "g closed": fact(gt(g, 0), *between(0, "[]", pi)),
    "g turned": fact(lt(g, 0), *between(0, "[)", pi)),
    "g with 101/100": fact(gt(sin(x) + Q(101, 100) * (pi - x) * cos(x), 0), *between(0, "[)", pi)),
    "turn closed": fact(gt((pi - x) + sin(x) * cos(x), 0), *between(0, "[]", pi)),
    "turn with a minus": fact(lt((pi - x) - sin(x) * cos(x), 0), *between(0, "[)", pi)),
    "a double zero at 1": fact(gt((x - 1) ** 2, 0), *between(0, "[]", 3)),
    "a double zero at 5/7": fact(gt(1 - cos(7 * x - 5), 0), *between(0, "[]", 1)),
    "a dip of width 1e-6 at √2": fact(gt((x**2 - 2) ** 2, Q(1, 10**12)), *between(0, "[]", 3)),
    "two variables": fact(lt(sin(x) * cos(y), Q(99, 100)), *between(0, "[]", 3), *between(0, "[]", 3, y)),
    "constants": fact(gt(Q(314159, 10**5), pi)),
}
UNDECIDED = {
    "a double zero at √2": (fact(gt((x**2 - 2) ** 2, 0), *between(0, "[]", 3)), "near x = 1.41421"),
    "a pole at an end": (fact(gt(sp.tan(x), 0), *between(0, "()", pi / 2)), "near x = 1.5708"),
    "no upper bound": (fact(le(sin(x), x), ge(x, 0)), "no upper bound"),
    "no bound": (fact(le(sin(x), 1)), "no lower bound"),
    "bound at infinity": (fact(le(sin(x), 1), *between(-sp.oo, "()", sp.oo)), "Infinity"),
    "vacuous": (fact(gt(x, 5), lt(x, 0), gt(x, 1)), "vacuous"),
    "vacuous with closed ends": (fact(gt(x, 5), le(x, 0), ge(x, 1)), "vacuous"),
    "equal at a closed end": (fact(gt(x, sin(1) ** 2 + cos(1) ** 2), *between(1, "[]", 2)), "equal at x = 1"),
    "equation": (fact(eq(sin(x), sin(x)), *between(0, "[]", 1)), "not one relation"),
    "conjunction": (fact(And((ge(x, 0), le(x, 1))), *between(0, "[]", 1)), "not one relation"),
    "another hypothesis": (fact(ge(x, 0), *between(0, "[]", 1), ne(x, Q(1, 2))), "not a bound"),
    "a hypothesis on a term": (fact(ge(x, 0), ge(2 * x, 0), le(x, 1)), "not a bound"),
    "a disjunction of bounds": (fact(ge(x, 0), Or((ge(x, 0), le(x, 1)))), "not a bound"),
    "bounds on each other": (fact(ge(y, 0), ge(x, 0), le(x, 1), ge(y, x), le(y, 2)), "not a bound"),
    "lemma": (fact(le(sin(x), x), *between(0, "[]", pi)).with_(uses=(TRUE["I3"].at(),)), "lemmas"),
    "Float": (fact(gt(x + 0.5, 0), *between(0, "[]", 1)), "Float"),
    "Float as a bound": (fact(ge(x, 0), *between(0, "[]", sp.Float(1))), "Float"),
    "gamma": (fact(gt(sp.gamma(x), 0), *between(1, "[]", 2)), "gamma"),
    "Piecewise": (fact(ge(sp.Piecewise((x, x > 0), (-x, True)), 0), *between(-1, "[]", 1)), "Piecewise"),
    "unknown function": (fact(ge(sp.Function("u")(x) ** 2, 0), *between(-1, "[]", 1)), "u has no translation"),
    "a sign hidden in the symbol": (fact(gt(sp.Symbol("p", positive=True), 0)), "assumed positive"),
    "undefined on a part": (
        fact(gt(sp.Add(sp.log(x), 1, evaluate=False), sp.log(x)), *between(-1, "[]", 1)),
        "Undecided near",
    ),
}


def confirmed(fact, point):
    """By mpmath with 40 digits: the hypotheses hold at the point and the conclusion does not; equality counts up to 1e-35."""
    at = {s: sp.sympify(v) for s, v in point.items()}

    def holds(relation):
        d = MP.mpf(str(sp.N((relation.left - relation.right).subs(at), 40)))
        return OPERATORS[relation.op](d if abs(d) > 1e-35 else MP.mpf(0), 0)

    return all(holds(h) for h in fact.given) and not holds(fact.conclusion)


@pytest.mark.parametrize("name", [*TRUE, *MORE])
def test_true_facts_are_proved_and_rechecked(name):
    claim = (TRUE | MORE)[name]
    verdict = decide(claim)
    assert (verdict.status, verdict.counter_example) == ("proved", None)
    again = json.loads(json.dumps(verdict.certificate))
    assert recheck(again) == (True, recheck(again)[1])
    assert len(json.dumps(again)) < 7000


def test_the_facts_of_the_proof_take_little_time_and_few_cells():
    start = time.process_time()
    verdicts = [decide(claim) for claim in TRUE.values()]
    assert time.process_time() - start < 1
    assert max(json.dumps(v.certificate).count('"order"') for v in verdicts) <= 11
    assert all(len(json.dumps(v.certificate)) < 1000 for v in verdicts)


@pytest.mark.parametrize("name", FALSE)
def test_false_facts_are_refuted_at_a_point(name):
    verdict = decide(FALSE[name])
    assert (verdict.status, verdict.certificate) == ("refuted", None)
    symbols = {s.name: s for s in symbols_of(FALSE[name].conclusion, *FALSE[name].given)}
    assert set(verdict.counter_example) == set(symbols)
    assert confirmed(FALSE[name], {symbols[k]: v for k, v in verdict.counter_example.items()})
    assert verdict.seconds < 2


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_is_not_decided_says_why(name):
    claim, why = UNDECIDED[name]
    verdict = decide(claim)
    assert (verdict.status, verdict.certificate, verdict.counter_example) == ("undecided", None, None)
    assert why in verdict.note
    assert verdict.seconds < 2


constants = st.sampled_from([Q(n, 4) for n in range(-12, 13)] + [pi, -pi, pi / 2, pi / 3, pi - 2])
pieces = st.sampled_from(
    [x, x**2, x**3, sin(x), cos(x), sin(2 * x), sp.exp(x), sp.atan(x), 1 / (x + 4), x * cos(x), sp.tanh(x)]
)
functions = st.lists(st.tuples(constants, pieces), min_size=1, max_size=3).map(lambda ts: sum(c * f for c, f in ts))
relations = st.sampled_from("<≤>≥≠")


@given(functions, constants, relations, constants, st.sampled_from(["()", "(]", "[)", "[]"]), constants)
@settings(max_examples=150)
def test_verdicts_on_random_facts(f, level, op, low, ends, high):
    """Proved: holds at 60 points with 40 digits, and re-checks. Refuted: confirmed. Half of the functions vanish at an end."""
    low, high = sorted((low, high if high != low else low + 1))
    offset = f.subs(x, low) if level <= 0 else level
    claim = fact(Relation(f, op, offset), *between(low, ends, high))
    verdict = decide(claim)
    if verdict.status == "refuted":
        assert confirmed(claim, {x: verdict.counter_example["x"]})
    if verdict.status == "proved":
        assert recheck(verdict.certificate)[0], recheck(verdict.certificate)
        a, b = MP.mpf(str(sp.N(low, 40))), MP.mpf(str(sp.N(high, 40)))
        value = sp.lambdify(x, f - offset, modules=[{n: getattr(MP, n) for n in ("sin", "cos", "exp", "atan", "tanh", "pi")}])
        points = [a + (b - a) * MP.mpf(k) / 61 for k in range(1, 61)]
        assert all(OPERATORS[op](MP.mpf(value(p)), MP.mpf(0)) for p in points)


@given(functions, constants, st.integers(1, 3))
@settings(max_examples=30)
def test_zeros_of_any_order_at_an_end(f, end, order):
    """(x − e)^k (f² + 1) > 0 right of e and has the sign (−1)^k left of it."""
    h = (x - end) ** order * (f**2 + 1)
    right = fact(gt(h, 0), *between(end, "(]", end + 1))
    left = fact(gt((-1) ** order * h, 0), *between(end - Q(1, 2), "[)", end))
    assert decide(right).status == "proved"
    assert decide(left).status == "proved"
    assert decide(right.with_(given=between(end, "[]", end + 1))).status == "refuted"


@given(st.fractions(-9, 9, max_denominator=50), st.fractions("1/1000", 3))
def test_simplest_fraction_of_an_interval(a, width):
    found = simplest(a, a + width)
    assert a <= found <= a + width
    for d in range(1, found.denominator):
        assert (a + width) * d // 1 < -(-a * d // 1)


def test_simplest_refuses_what_is_no_interval():
    with pytest.raises(ValueError, match=r"\[2, 1\]"):
        simplest(2, 1)


def test_conjunction_of_one_part_is_that_part():
    assert decide(fact(both(le(sin(x), x)), *between(0, "[]", pi))).status == "proved"
