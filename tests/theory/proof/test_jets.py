"""The arithmetic of the second implementation: intervals enclose, jets hold coefficients, exact numbers invent no zero."""

import ast
from fractions import Fraction

import mpmath
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import libmp

from theory.proof.balls import taylor
from theory.proof.jets import jet, number, show
from theory.proof.rings import Exact, ExactRing, Intervals, Rejected
from theory.proof.terms import from_json

MP = mpmath.MPContext()
MP.dps = 60
UNARY = ["sin", "cos", "tan", "atan", "asinh", "sinh", "cosh", "tanh", "exp", "log", "abs"]
SYMBOL = ["symbol", "x", "real"]


fractions = st.fractions(-4, 4, max_denominator=30)


def ends(interval):
    """An interval as exact fractions."""
    low, high = (libmp.to_rational(end) for end in interval._mpi_)
    return Fraction(*map(int, low)), Fraction(*map(int, high))


def encloses(interval, value):
    low, high = ends(interval)
    sign, man, exp, _ = value._mpf_
    exact = (-1) ** sign * Fraction(int(man)) * Fraction(2) ** exp
    slack = Fraction(1, 10**45) * (1 + abs(exact))
    return low - slack <= exact <= high + slack


@given(st.one_of(fractions, st.fractions(), st.fractions(max_denominator=10**40)), st.integers(8, 120))
def test_fractions_become_intervals_around_them(q, bits):
    low, high = ends(Intervals(bits).number(q))
    assert low <= q <= high
    assert high - low <= abs(q) / 2 ** (bits - 3)


NAMES = [n if n != "abs" else "Abs" for n in UNARY] + ["sqrt"]


@given(
    st.sampled_from(NAMES),
    st.fractions(-50, 50, max_denominator=40),
    st.fractions(0, 12, max_denominator=40),
    st.lists(st.fractions(0, 1)),
)
@settings(max_examples=300)
def test_range_of_every_function_over_wide_intervals(name, low, width, places):
    """mpmath's intervals, and those built on them, against points of the interval and its ends in 60 digits."""
    ring = Intervals(53)
    cell = ring.hull(ring.number(low), ring.number(low + width))
    try:
        found = ring.apply(name, cell)
    except Rejected:
        assert name in ("tan", "log", "sqrt")
        return
    f = abs if name == "Abs" else getattr(MP, name)
    for place in [*places, 0, 1]:
        t = low + width * place
        assert encloses(found, f(MP.mpf(t.numerator) / t.denominator))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("low", "high"), [(-1, 2), (-3, 1), (0, 7), (-2, 0), (1, Fraction(3, 2)), (-9, 9), (Fraction(1, 9), 4)]
)
def test_range_of_every_function_over_cells_around_its_extrema(name, low, high):
    ring = Intervals(53)
    try:
        found = ring.apply(name, ring.hull(ring.number(Fraction(low)), ring.number(Fraction(high))))
    except Rejected:
        return
    f = abs if name == "Abs" else getattr(MP, name)
    for k in range(37):
        t = low + Fraction(high - low) * k / 36
        assert encloses(found, f(MP.mpf(t.numerator) / t.denominator))


@given(st.sampled_from(["sin", "cos"]), st.integers(-40, 40), st.fractions(0, 3, max_denominator=9), st.integers(30, 120))
def test_extrema_of_sine_are_not_missed(name, k, width, bits):
    """Intervals that begin or end close to a multiple of π/2, where a quadrant could be taken for its neighbour."""
    ring = Intervals(bits)
    edge = ring.constant("pi") * k / 2
    for cell in (ring.hull(edge.a, edge.b + ring.number(width)), ring.hull(edge.a - ring.number(width), edge.b), edge):
        low, high = ends(cell)
        found = ring.apply(name, cell)
        for part in range(9):
            t = low + (high - low) * part / 8
            assert encloses(found, getattr(MP, name)(MP.mpf(t.numerator) / t.denominator))
        peak = MP.pi * k / 2
        if encloses(cell, peak):
            assert encloses(found, getattr(MP, name)(peak))


terms = st.recursive(
    st.one_of(st.just(SYMBOL), st.just("pi"), st.just("E"), fractions.map(str)),
    lambda t: st.one_of(
        st.lists(t, min_size=1, max_size=3).map(lambda p: ["add", *p]),
        st.lists(t, min_size=1, max_size=3).map(lambda p: ["mul", *p]),
        st.tuples(t, st.sampled_from([-2, -1, 0, 2, 3, "1/2", "-3/2"])).map(lambda p: ["pow", *p]),
        st.tuples(st.sampled_from(UNARY), t).map(list),
    ),
    max_leaves=7,
)


def reference(term, at):
    """A term in 60 digits, by a walk of its own."""
    if not isinstance(term, list):
        return (
            {"pi": +MP.pi, "E": +MP.e}[term]
            if term in ("pi", "E")
            else MP.mpf(number(term).numerator) / number(term).denominator
        )
    if term[0] == "symbol":
        return at
    if term[0] == "pow":
        result = MP.mpf(reference(term[1], at)) ** (MP.mpf(number(term[2]).numerator) / number(term[2]).denominator)
    else:
        values = [reference(part, at) for part in term[1:]]
        functions = {"add": lambda *v: MP.fsum(v), "mul": lambda *v: MP.fprod(v), "abs": abs}
        result = functions.get(term[0], getattr(MP, term[0], None))(*values)
    if isinstance(result, MP.mpc) or not MP.isfinite(result) or abs(result) > 1e6:
        raise ValueError(result)
    return result


@given(terms, fractions, st.fractions(-1, 1, max_denominator=9), st.integers(0, 5))
@settings(max_examples=400)
def test_jets_hold_the_function_on_the_cell(term, centre, h, order):
    """Σ_{k<K} c_k h^k + c_K(cell) h^K around the value at centre + h."""
    try:
        exact = reference(term, MP.mpf((centre + h).numerator) / (centre + h).denominator)
    except (ArithmeticError, ValueError, OverflowError):
        return
    ring = Intervals()
    start, step, one = ring.number(centre), ring.number(h), ring.number(Fraction(1))
    try:
        coefficients = jet(term, {"x": [start, one]}, order, ring) if order else []
        last = jet(term, {"x": [ring.hull(start, ring.number(centre + h)), one]}, order + 1, ring)
    except Rejected:
        return
    total = ring.number(Fraction(0))
    for k, c in enumerate([*coefficients[:order], *[0] * (order - len(coefficients)), *last[order:]]):
        total = total + c * reduce_power(step, k, one)
    assert encloses(total, exact)


def reduce_power(step, k, one):
    return one if k == 0 else step * reduce_power(step, k - 1, one)


@given(terms, fractions, st.integers(1, 6))
@settings(max_examples=200)
def test_jets_agree_with_the_series_of_flint(term, centre, order):
    """The two implementations, coefficient by coefficient: enclosures of one number overlap."""
    ring = Intervals()
    try:
        ours = jet(term, {"x": [ring.number(centre), ring.number(Fraction(1))]}, order, ring)
    except Rejected:
        return
    point = arb(fmpq(centre.numerator, centre.denominator))
    theirs = taylor(from_json(term), {from_json(SYMBOL): (point, point, 1)}, order).coefficients
    for k, c in enumerate(theirs):
        if c.is_finite():
            low, high = ends(ours[k]) if k < len(ours) else (Fraction(0), Fraction(0))
            inside = arb(fmpq(low.numerator, low.denominator)).union(arb(fmpq(high.numerator, high.denominator)))
            assert inside.overlaps(c)


EXACT = ExactRing()
END = st.one_of(
    st.sampled_from(
        ["pi", 0, 1, ["mul", "1/2", "pi"], ["mul", -2, "pi"], ["mul", "1/6", "pi"], ["mul", "7/6", "pi"], ["add", 1, "pi"]]
    ),
    fractions.map(str),
)


@given(terms, END, st.integers(1, 5))
@settings(max_examples=300)
def test_exact_coefficients_are_those_of_the_intervals(term, end, order):
    """Where an exact coefficient is rational, 0 above all, the interval one holds it: exactness never invents a zero."""
    ring = Intervals(150)
    try:
        measured = jet(term, {"x": [*jet(end, {}, 1, ring), ring.number(Fraction(1))]}, order, ring)
        exact = jet(term, {"x": [*jet(end, {}, 1, EXACT), EXACT.number(Fraction(1))]}, order, EXACT)
    except Rejected:
        return
    assert len(exact) == len(measured)
    for c, around in zip(exact, measured, strict=True):
        if c.rational is not None:
            low, high = ends(around)
            assert low <= c.rational <= high


exacts = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(["pi", "E", "u"]), st.integers(-3, 3).filter(bool), max_size=2), fractions),
    max_size=3,
).map(lambda ts: Exact.of({tuple(sorted(m.items())): c for m, c in ts}))


@given(exacts, exacts, exacts)
def test_exact_numbers_are_a_ring(a, b, c):
    zero, one = EXACT.number(Fraction(0)), EXACT.number(Fraction(1))
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) * c == a * c + b * c
    assert a * (b * c) == (a * b) * c
    assert a + EXACT.number(Fraction(-1)) * a == zero
    assert a * one == a
    if len(a.terms) == 1:
        assert a * EXACT.inverse(a) == one


@pytest.mark.parametrize(
    ("name", "q", "value"), [("sin", 1, 0), ("cos", 1, -1), ("sin", Fraction(1, 2), 1), ("cos", Fraction(3, 2), 0)]
)
def test_sines_of_multiples_of_pi(name, q, value):
    assert EXACT.apply(name, EXACT.number(Fraction(q)) * EXACT.constant("pi")).rational == value


@given(st.sampled_from(["sin", "cos"]), st.fractions(-5, 5, max_denominator=12))
def test_sines_of_rational_turns(name, q):
    found = EXACT.apply(name, EXACT.number(q) * EXACT.constant("pi"))
    if found.rational is not None:
        assert (
            abs(
                getattr(MP, f"{name}pi")(MP.mpf(q.numerator) / q.denominator)
                - MP.mpf(found.rational.numerator) / found.rational.denominator
            )
            < 1e-50
        )


@given(st.sampled_from(NAMES), fractions.filter(lambda q: q > 0))
def test_exact_values_at_opposite_points_have_the_sign_that_they_have(name, q):
    """f(−q) = ±f(q) as exact numbers, or two names; the sign is that of mpmath."""
    if name in ("log", "sqrt"):
        return
    f = abs if name == "Abs" else getattr(MP, name)
    ratio = f(MP.mpf(-q.numerator) / q.denominator) / f(MP.mpf(q.numerator) / q.denominator)
    right, left = (EXACT.apply(name, EXACT.number(v)) for v in (q, -q))
    for sign in (1, -1):
        if left == EXACT.number(Fraction(sign)) * right:
            assert abs(ratio - sign) < 1e-40
    assert name == "exp" or left in (right, EXACT.number(Fraction(-1)) * right)


def test_exact_division_by_zero_is_rejected():
    with pytest.raises(Rejected, match="denominator"):
        EXACT.inverse(EXACT.number(Fraction(0)))


@given(terms)
def test_shown_terms_read_back_as_the_same_number(term):
    """Infix text, parsed by python over mpmath, has the value of the term."""
    try:
        exact = reference(term, MP.mpf(1) / 3)
    except (ArithmeticError, ValueError, OverflowError):
        return

    class Number(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.Call(ast.Name("mpf", ast.Load()), [node], [])

    scope = {n: getattr(MP, n, None) for n in (*UNARY, "mpf")} | {"abs": abs, "pi": +MP.pi, "E": +MP.e, "x": MP.mpf(1) / 3}
    tree = ast.fix_missing_locations(Number().visit(ast.parse(show(term), mode="eval")))
    assert MP.almosteq(eval(compile(tree, "shown", "eval"), scope), exact, 1e-40, 1e-40)
