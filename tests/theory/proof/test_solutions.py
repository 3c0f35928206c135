"""Rules for closed forms, travel times, ordered solutions and gradient flows: each refuses what does not follow."""

import pytest
import sympy as sp

from theory.proof.engines import decide
from theory.proof.flows import Flow
from theory.proof.logic import Fact, eq, ge, gt, lt
from theory.proof.solutions import escape, ordered, solution, travel

x, y, k, a, r = sp.symbols("x y k a r", real=True)
LOGISTIC = Flow("logistic", ((x, x * (1 - x)),))


def failures(step):
    return [f.words.partition(": ")[2] for f in step.facts if decide(f).status != "proved"]


WINDOW = (ge(k, 0), lt(k, 1))


def logistic(formula, start=a, window=WINDOW, speed=1 - k):
    """With κ = 1 − e^{−t}: x = a/(1 − κ(1 − a))."""
    return solution(
        "the logistic", LOGISTIC, {x: formula}, {x: start}, k, speed, window, (gt(1 - k * (1 - a), 0),), (gt(a, 0),)
    )


def test_a_closed_form():
    true = a / (1 - k + k * a)
    assert failures(logistic(true)) == []
    assert failures(logistic(2 * a / (1 - k + k * a))) != []
    assert "x at the start" in failures(logistic(true, start=a + 1))
    assert "the clock runs" in failures(logistic(true, speed=k - 1))


def test_a_closed_form_must_be_defined():
    step = solution(
        "the logistic",
        LOGISTIC,
        {x: a / (1 - k + k * a)},
        {x: a},
        k,
        1 - k,
        (ge(k, 0), lt(k, 1)),
        (gt(1 - k * (1 - a), 0),),
        (lt(a, 0),),
    )
    assert any("defined" in f for f in failures(step))


def test_uniqueness_needs_a_polynomial_field():
    root = Flow("root", ((x, sp.sqrt(sp.Abs(x))),))
    with pytest.raises(ValueError, match="not polynomial"):
        solution("x", root, {x: k**2 / 4}, {x: sp.Integer(0)}, k, sp.Integer(1))


def test_travel():
    positive = Fact("positive", gt(sp.sin(x), 0), (ge(x, 1), lt(x, sp.pi)), "interval")
    assert failures(travel("t", x, -a * sp.sin(x) / r, sp.sin(x), (gt(r, 0), eq(a, r)), positive)) == []
    assert failures(travel("t", x, -a * sp.sin(x) / r, sp.sin(x), (gt(r, 0),), positive)) == ["the velocity is minus the speed"]
    at_rest = positive.with_(given=(ge(x, 0), lt(x, sp.pi)), words="t: positive")
    assert failures(travel("t", x, -a * sp.sin(x) / r, sp.sin(x), (gt(r, 0), eq(a, r)), at_rest)) == ["positive"]
    with pytest.raises(ValueError, match="does not depend on x alone"):
        travel("t", x, -a * x, a * x, (), positive)


def test_ordered_solutions():
    assert failures(ordered("w", x * (a - x), a, (gt(x, 0),))) == []
    assert failures(ordered("w", x * (a - x), a, ())) != []
    assert failures(ordered("w", -a * x, a, (gt(x, 0),))) != []


def test_a_gradient_flow_without_rest():
    """L = e^x has no critical point; L = x² has one."""
    none, least = Fact("no rest", gt(sp.exp(x), 0)), Fact("least", gt(sp.exp(x), 0))
    assert failures(escape("e", {x: sp.exp(x)}, {x: -sp.exp(x)}, (), (none,), least)) == []
    assert failures(escape("e", {x: sp.exp(x)}, {x: sp.exp(x)}, (), (none,), least)) == ["x follows the gradient"]
    rest = Fact("e: no rest", gt((2 * x) ** 2, 0))
    assert failures(escape("e", {x: 2 * x}, {x: -2 * x}, (), (rest,), Fact("least", ge(x**2, 0)))) == ["no rest"]
