"""Balls hold the exact value (against mpmath at 60 digits on random trees), and nothing passes through a float."""

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.proof.balls import ball, decide_at, hull, taylor, value
from theory.proof.logic import And, Not, Or, eq, ge, gt, implies, le, lt, ne

x, y = sp.symbols("x y", real=True)
MP = mpmath.MPContext()
MP.dps = 60
SMOOTH = (sp.sin, sp.cos, sp.tan, sp.atan, sp.asinh, sp.sinh, sp.cosh, sp.tanh, sp.exp, sp.log)
ODD_ENDS = [0.1, sp.Float("0.5"), sp.Float(1, 50)]

rationals = st.fractions(-3, 3, max_denominator=12)
leaves = st.one_of(st.sampled_from([x, y, sp.pi, sp.E]), rationals.map(lambda q: sp.Rational(q.numerator, q.denominator)))


def extended(inner):
    powers = st.sampled_from([-2, -1, 2, 3, sp.Rational(1, 2), sp.Rational(-3, 2)])
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Add(*p)),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: sp.Mul(*p)),
        st.tuples(inner, powers).map(lambda p: sp.Pow(*p)),
        st.tuples(st.sampled_from([*SMOOTH, sp.Abs]), inner).map(lambda p: p[0](p[1])),
    )


def supported(e):
    """sympy merges powers and shifts of angles: (√x)^(1/2) is x^(1/4), tan(x + π/2) is −cot x."""
    powers = all(isinstance(n, sp.Rational) and n.q <= 2 for n in (p.exp for p in e.atoms(sp.Pow)))
    return powers and not e.has(sp.zoo, sp.nan, sp.I, sp.cot, sp.coth, sp.sec, sp.csc, sp.sign)


trees = st.recursive(leaves, extended, max_leaves=7).filter(supported)


def reference(e, at):
    """The value in 60 digits, by a walk of its own; ArithmeticError or ValueError where it is undefined."""
    if e in at:
        return MP.mpf(at[e].numerator) / at[e].denominator
    if isinstance(e, sp.Rational):
        return MP.mpf(int(e.p)) / int(e.q)
    if e in (sp.pi, sp.E):
        return +MP.pi if e == sp.pi else +MP.e
    parts = [reference(a, at) for a in e.args]
    if e.is_Add:
        return MP.fsum(parts)
    if e.is_Mul:
        return MP.fprod(parts)
    if e.is_Pow:
        result = parts[0] ** parts[1]
    else:
        result = abs(parts[0]) if isinstance(e, sp.Abs) else getattr(MP, e.func.__name__)(*parts)
    if isinstance(result, MP.mpc) or not MP.isfinite(result) or abs(result) > 1e6:
        raise ValueError(result)
    return result


def holds(inside, number):
    """Whether a ball holds a number known to 40 digits, both as exact fractions."""
    slack = Fraction(1, 10**40) * (1 + abs(as_fraction(number)))
    return arb_fraction(inside.lower()) - slack <= as_fraction(number) <= arb_fraction(inside.upper()) + slack


def as_fraction(number):
    sign, man, exp, _ = number._mpf_
    return (-1) ** sign * Fraction(int(man)) * Fraction(2) ** exp


def arb_fraction(end):
    man, exp = end.mid().man_exp()
    return Fraction(int(man)) * Fraction(2) ** int(exp)


def at_or_none(e, at):
    try:
        return reference(e, at)
    except (ArithmeticError, ValueError, OverflowError):
        return None


@given(trees, rationals, rationals)
@settings(max_examples=300)
def test_ball_holds_the_value(e, p, q):
    exact = at_or_none(e, {x: p, y: q})
    if exact is not None:
        found = value(e, {x: fmpq(p.numerator, p.denominator), y: fmpq(q.numerator, q.denominator)})
        assert not found.is_finite() or holds(found, exact)


@given(trees, rationals, rationals, st.fractions(0, 1, max_denominator=9), st.fractions(0, 1, max_denominator=9))
@settings(max_examples=300)
def test_ball_over_a_cell_holds_every_value(e, low, q, width, part):
    exact = at_or_none(e, {x: low + width * part, y: q})
    if exact is not None:
        cell = hull(*(arb(fmpq(v.numerator, v.denominator)) for v in (low, low + width)))
        found = value(e, {x: cell, y: fmpq(q.numerator, q.denominator)})
        assert not found.is_finite() or holds(found, exact)


@given(trees, rationals, rationals, st.fractions(-1, 1, max_denominator=9), st.integers(0, 6), st.integers(-2, 2))
@settings(max_examples=300)
def test_taylor_model_holds_the_function_on_the_cell(e, p, q, h, order, slope):
    """Along the line (p, q) + h (1, slope), with the cell of both symbols as large as h reaches."""
    moved = {x: p + h, y: q + slope * h}
    exact = at_or_none(e, moved)
    if exact is None:
        return
    lines = {}
    for s, start, direction in ((x, p, 1), (y, q, slope)):
        ends = [arb(fmpq(v.numerator, v.denominator)) for v in (start, moved[s])]
        lines[s] = ends[0], hull(*ends), direction
    step = arb(fmpq(h.numerator, h.denominator))
    for t in (step, hull(arb(0), step)):
        found = taylor(e, lines, order).over(t)
        assert not found.is_finite() or holds(found, exact)


@given(trees, st.integers(1, 5))
@settings(max_examples=60)
def test_coefficients_are_those_of_the_derivatives(e, order):
    """Against sympy's derivatives at 1, evaluated in balls."""
    e = e.subs(y, 2)
    found = taylor(e, {x: (1, 1, 1)}, order)
    for k, c in enumerate([*found.coefficients, found.remainder]):
        if c.is_finite() and not e.has(sp.Abs):
            expected = value(sp.diff(e, x, k).doit(), {x: 1}) / int(sp.factorial(k))
            assert not expected.is_finite() or c.overlaps(expected)


def test_taylor_model_is_sharp():
    """Not merely sound: the model of order 6 of sin on [0, 1/2] is within 1/2⁶/720 of the value at 1/2."""
    half = arb(1) / 2
    over = taylor(sp.sin(x), {x: (0, hull(arb(0), half), 1)}, 6).over(half)
    assert over.contains(half.sin())
    assert over.rad() < 0.5**6 / 720


@pytest.mark.parametrize("name", [f.__name__ for f in SMOOTH])
def test_every_function_has_a_finite_model(name):
    """So that the laws above are not empty: around 1, order 5, and within 1e-6 of the value at 1.01."""
    f = getattr(sp, name)(x)
    end = arb(fmpq(101, 100))
    over = taylor(f, {x: (1, hull(arb(1), end), 1)}, 5).over(end - 1)
    assert over.overlaps(value(f, {x: end}))
    assert over.rad() < 1e-6


REFUSED = [
    (sp.Float(0.5) * x, "Float"),
    (sp.Piecewise((x, x > 0), (0, True)), "Piecewise"),
    (sp.gamma(x), "gamma"),
    (sp.Function("u")(x), "u"),
    (sp.Integral(sp.sin(y), (y, 0, x)), "Integral"),
    (sp.Derivative(sp.Function("u")(x), x), "Derivative"),
    (sp.Max(x, 1), "Max"),
    (x + sp.I, "ImaginaryUnit"),
    (x + sp.oo, "Infinity"),
    (sp.nan, "NaN"),
    (sp.cbrt(x), "Pow with exponent 1/3"),
    (x**x, "Pow with exponent x"),
    (sp.asin(x), "asin"),
    (sp.EulerGamma, "EulerGamma"),
]


@pytest.mark.parametrize(("e", "name"), REFUSED, ids=[name for _, name in REFUSED])
def test_unknown_nodes_are_refused_by_name(e, name):
    with pytest.raises(ValueError, match=name):
        value(e, {x: 1})
    with pytest.raises(ValueError, match=name):
        taylor(e, {x: (1, 1, 1)}, 2)


@pytest.mark.parametrize("number", ODD_ENDS)
def test_floats_are_refused_as_values(number):
    with pytest.raises(ValueError, match="not exact"):
        value(x, {x: number})
    with pytest.raises(ValueError, match="Float"):
        decide_at(gt(x, 0), {x: number})


def test_symbol_without_a_value_is_named():
    with pytest.raises(ValueError, match="symbol y"):
        value(x + y, {x: 1})
    with pytest.raises(ValueError, match="symbol y"):
        decide_at(gt(x + y, 0), {x: 1})


@pytest.mark.parametrize("order", [-1, -7])
def test_negative_order_is_refused(order):
    with pytest.raises(ValueError, match=str(order)):
        taylor(x, {x: (0, 0, 1)}, order)


@pytest.mark.parametrize(
    ("e", "double"), [(sp.Rational(1, 3), 1 / 3), (sp.pi, float(sp.pi)), (sp.E, float(sp.E)), (sp.sqrt(2), 2**0.5)]
)
@pytest.mark.parametrize("bits", [60, 128, 400])
def test_no_constant_passes_through_a_double(e, double, bits):
    """The naive translation arb(float(e)) is an exact ball around another number; ours is narrow and excludes the double."""
    found = value(e, precision=bits)
    assert found.rad() < 2.0 ** (4 - bits)
    assert not found.contains(arb(double))
    assert holds(found, reference(e, {}))
    assert not arb(double).overlaps(found)


UNDEFINED = [
    sp.log(x),
    1 / x,
    sp.sqrt(x - 1),
    sp.tan(x + sp.pi / 2, evaluate=False),
    sp.exp(sp.log(x), evaluate=False),
    sp.atan(1 / x, evaluate=False),
    x ** sp.Rational(-1, 2),
]


@pytest.mark.parametrize("e", UNDEFINED, ids=str)
def test_undefined_values_are_no_numbers(e):
    """At 0 and over a cell around 0; also where a later function would make ±∞ finite again."""
    around = hull(arb(-1) / 4, arb(1) / 4)
    assert not value(e, {x: 0}).is_finite()
    assert not value(e, {x: around}).is_finite()
    assert not taylor(e, {x: (0, around, 1)}, 2).over(arb(0)).is_finite()
    assert decide_at(ge(e, e - 1), {x: 0}) is None


@pytest.mark.parametrize("e", [sp.Abs(x), sp.sqrt(x**2, evaluate=False), sp.Abs(sp.sin(x)) * x], ids=str)
def test_kinks_have_no_smooth_model(e):
    around = hull(arb(-1), arb(1))
    assert value(e, {x: 1}).is_finite()
    assert taylor(e, {x: (1, hull(arb(1), arb(2)), 1)}, 3).remainder.is_finite()
    for order in (1, 2, 3):
        assert not taylor(e, {x: (0, around, 1)}, order).remainder.is_finite()


def test_working_precision_is_restored():
    before = ctx.prec, ctx.cap
    value(sp.pi, precision=777)
    taylor(sp.sin(x), {x: (0, 0, 1)}, 9, 333)
    with pytest.raises(ValueError, match="gamma"):
        value(sp.gamma(x), {x: 1}, 555)
    assert (ctx.prec, ctx.cap) == before


TRUTH = [
    (gt(sp.sin(x), 0), {x: sp.pi}, False),
    (ge(sp.sin(x), 0), {x: sp.pi}, True),
    (eq(sp.sin(x) ** 2 + sp.cos(x) ** 2, 1), {x: 1}, None),
    (eq(x / 3 + x / 6, sp.Rational(1, 2)), {x: 1}, True),
    (ne(x / 3, sp.Rational(333333333333333, 10**15)), {x: 1}, True),
    (lt(sp.pi, sp.Rational(3141592653589793238462643383279502884198, 10**39)), {}, True),
    (lt(sp.pi, sp.Rational(3141592653589793238462643383279502884197, 10**39)), {}, False),
    (gt(1 / x, 0), {x: 0}, None),
    (Not(gt(1 / x, 0)), {x: 0}, None),
    (And((gt(1 / x, 0), lt(x, 0))), {x: 0}, False),
    (And((gt(1 / x, 0), le(x, 0))), {x: 0}, None),
    (Or((gt(1 / x, 0), le(x, 0))), {x: 0}, True),
    (Or((gt(1 / x, 0), lt(x, 0))), {x: 0}, None),
    (implies(gt(x, 1), gt(x**2, 1)), {x: sp.Rational(3, 2)}, True),
    (implies(gt(x, -3), gt(x**2, 1)), {x: sp.Rational(1, 2)}, False),
    (And(()), {}, True),
    (Or(()), {}, False),
]


@pytest.mark.parametrize(("formula", "at", "expected"), TRUTH)
def test_truth_at_a_point(formula, at, expected):
    assert decide_at(formula, at) is expected


@given(trees, rationals, rationals, st.sampled_from("<>≤≥≠"))
@settings(max_examples=200)
def test_truth_agrees_with_sixty_digits(e, p, q, op):
    exact = at_or_none(e, {x: p, y: q})
    at = {x: sp.Rational(p.numerator, p.denominator), y: sp.Rational(q.numerator, q.denominator)}
    if exact is not None and abs(exact) > 1e-30:
        relation = {"<": lt, ">": gt, "≤": le, "≥": ge, "≠": ne}[op](e, 0)
        expected = {"<": exact < 0, ">": exact > 0, "≤": exact <= 0, "≥": exact >= 0, "≠": exact != 0}[op]
        assert decide_at(relation, at) in (None, expected)


def test_ball_of_exact_numbers():
    assert ball(sp.Rational(7, 5)).contains(fmpq(7, 5))
    assert ball(Fraction(7, 5)).contains(fmpq(7, 5))
    assert ball(arb(1) / 3).overlaps(arb(1) / 3)
    with pytest.raises(ValueError, match="pi"):
        ball(sp.pi)
