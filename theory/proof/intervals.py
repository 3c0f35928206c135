"""Engine for order facts with transcendental functions on an interval (or a box of two): Taylor models in balls, cell by cell.

For ``l op r`` let f = l − r. On a cell a Taylor model of order K around its middle, or around one of its ends, encloses f.
Around an end e where the coefficients c_0 … c_{v−1} are *exactly* 0 (shown symbolically, never because a ball holds 0),

    f(e ± h) = h^v (c_v + … + c_{K−1} h^{K−1−v} + c_K(ξ) h^{K−v}),    0 ≤ h ≤ width of the cell,

so that f has the sign of the bracket on the cell except at e itself. Cells that decide nothing are cut in two. A point refutes.
The tree of cells is the certificate; ``recheck`` reads it with arithmetic of its own.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp
from flint import arb

from .balls import decide_at, hull, precision_of, taylor, value
from .logic import Fact, Relation, Verdict, symbols_of, text
from .recheck import SCHEMA, statement
from .terms import fact_to_json

__all__ = ["decide", "simplest"]

BITS = 96
ORDERS = (0, 1, 2, 4, 8)
MAX_ZEROS, MAX_DEPTH, MAX_CELLS = 8, 32, 400
SIGNS = {">": (1,), "≥": (1,), "<": (-1,), "≤": (-1,), "≠": (1, -1)}
STRICT = "<>≠"
FLIPPED = {"<": ">", "≤": "≥", ">": "<", "≥": "≤"}

Box = dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]


class _Refuted(Exception):
    """A point where the hypotheses hold and the conclusion fails."""


class _GaveUp(Exception):
    """Why the search for a proof ended without one."""


def decide(fact: Fact) -> Verdict:
    """Whether bounds lo < x < hi (or ≤, in one or two variables) prove one relation < ≤ > ≥ ≠ between two closed forms.

    "proved" comes with a certificate, "refuted" with an exact point that was checked in balls; everything else is "undecided",
    with the reason as its note: another form, an unbounded domain, a zero inside, too many cells.

    >>> from .logic import Fact, gt, le
    >>> x = sp.Symbol("x", real=True)
    >>> decide(Fact("", gt(sp.sin(x) - x * sp.cos(x), 0), (gt(x, 0), le(x, sp.pi)))).status
    'proved'
    >>> decide(Fact("", gt(sp.sin(x) - x * sp.cos(x), 0), (gt(x, 0), le(x, 5)))).counter_example
    {'x': '5'}
    """
    start = time.perf_counter()
    try:
        verdict = _decide(fact)
    except (ValueError, _GaveUp) as reason:
        verdict = Verdict("undecided", "interval", str(reason))
    return replace(verdict, seconds=time.perf_counter() - start)


@dataclass
class _Search:
    """The function and its relation to 0, the ends that the hypotheses exclude, and the zeros found so far."""

    fact: Fact
    f: sp.Expr
    op: str
    excluded: set[tuple[sp.Symbol, sp.Expr]]
    zeros: dict[tuple[sp.Symbol, sp.Expr], int] = field(default_factory=dict)
    cells: int = 0


def _decide(fact: Fact) -> Verdict:
    relation = _relation(fact)
    bounds = {s: _bounds(fact, s) for s in sorted(symbols_of(fact.conclusion, *fact.given), key=str)}
    _check_bounds_only(fact, bounds)
    f = sp.Add(relation.left, sp.Mul(-1, relation.right, evaluate=False), evaluate=False)  # what cancels may be undefined
    value(f, dict.fromkeys(bounds, sp.Integer(1)))  # names an unknown node before anything is searched
    point = _counter_example(fact, bounds)
    if point is not None:
        return _refuted(fact, point)
    box: Box = {}
    for s, (low, high) in bounds.items():
        if low is None or high is None:
            raise _GaveUp(f"{s} has no {'lower' if low is None else 'upper'} bound.")
        if not decide_at(Relation(low[0], "<", high[0]), {}):
            raise _GaveUp(f"vacuous: no interval of {s} satisfies the hypotheses.")
        box[s] = low[0], high[0]
    excluded = {(s, end) for s, pair in bounds.items() for end, strict in filter(None, pair) if strict}
    search = _Search(fact, f, relation.op, excluded)
    try:
        cells = _prove(search, box)
    except _Refuted as found:
        return _refuted(fact, found.args[0])
    data = fact_to_json(fact)
    certificate = {"schema": SCHEMA, "engine": "interval", "statement": statement(data), "fact": data, "cells": cells}
    return Verdict("proved", "interval", f"{search.cells} cells were tried.", certificate=certificate)


def _relation(fact: Fact) -> Relation:
    if fact.uses:
        raise ValueError("A fact that uses lemmas is not for the interval engine.")
    if not isinstance(fact.conclusion, Relation) or fact.conclusion.op not in SIGNS:
        raise ValueError(f"The conclusion is not one relation < ≤ > ≥ ≠: {text(fact.conclusion)}")
    return fact.conclusion


Bound = tuple[sp.Expr, bool]


def _bounds(fact: Fact, s: sp.Symbol) -> tuple[Bound | None, Bound | None]:
    """The tightest bounds that the hypotheses give one symbol: (end, strict) or None."""
    if signs := [k for k in s._assumptions_orig if k not in ("real", "commutative")]:
        raise ValueError(f"{s} is assumed {signs[0]}: a sign is a hypothesis, not an assumption of a symbol.")
    found: dict[str, list[Bound]] = {"<": [], ">": []}
    for given in fact.given:
        if isinstance(given, Relation) and given.op in FLIPPED:
            end, op = (given.right, given.op) if given.left == s else (given.left, FLIPPED[given.op])
            if s in (given.left, given.right) and not end.free_symbols:
                found["<" if op in "<≤" else ">"].append((end, op in STRICT))
    centre = {b: float(value(b[0]).mid()) for bs in found.values() for b in bs}  # any bound is sound, so a rough order will do
    low = max(found[">"], key=lambda b: (centre[b], b[1]), default=None)
    return low, min(found["<"], key=lambda b: (centre[b], not b[1]), default=None)


def _check_bounds_only(fact: Fact, bounds: dict[sp.Symbol, Any]) -> None:
    if len(bounds) > 2:
        raise ValueError(f"More than two variables: {', '.join(map(str, bounds))}")
    for given in fact.given:
        sides = (given.left, given.right) if isinstance(given, Relation) and given.op in FLIPPED else ()
        if sorted((x in bounds, not x.free_symbols) for x in sides) != [(False, True), (True, False)]:
            raise ValueError(f"This hypothesis is not a bound of a variable: {text(given)}")


def _refuted(fact: Fact, point: dict[sp.Symbol, sp.Expr]) -> Verdict:
    return Verdict("refuted", "interval", "", counter_example={str(s): str(v) for s, v in point.items()})


def _counter_example(fact: Fact, bounds: dict[sp.Symbol, tuple[Bound | None, Bound | None]]) -> dict[sp.Symbol, sp.Expr] | None:
    """A point of a grid, the ends, and points ever nearer to them, at which the hypotheses hold and the conclusion fails."""
    fine = len(bounds) < 2
    for values in product(*(_candidates(*b, fine) for b in bounds.values())):
        point = dict(zip(bounds, values, strict=True))
        if _refutes(fact, point):
            return point
    return None


def _refutes(fact: Fact, point: dict[sp.Symbol, sp.Expr]) -> bool:
    return decide_at(fact.conclusion, point) is False and all(decide_at(g, point) for g in fact.given)


def _candidates(low: Bound | None, high: Bound | None, fine: bool) -> Iterator[sp.Expr]:
    if low and not low[1]:
        yield low[0]
    if high and not high[1]:
        yield high[0]
    a, b = _nearby(low[0] if low else None), _nearby(high[0] if high else None)
    a, b = (b - 64 if b is not None else Fraction(-64)) if a is None else a, b
    b = a + 64 + (low is None) * (64 if high is None else 0) if b is None else b
    steps = [Fraction(k, 16 if fine else 6) for k in range(1, 16 if fine else 6)]
    steps += [Fraction(1, 2**k) for k in range(5, 40 if fine else 9)]
    for step in dict.fromkeys(x for s in steps for x in (s, 1 - s)):
        middle, width = a + (b - a) * step, (b - a) * min(step, 1 - step) / 4
        if width > 0:
            q = simplest(middle - width, middle + width)
            yield sp.Rational(q.numerator, q.denominator)


def _nearby(end: sp.Expr | None) -> Fraction | None:
    """A rational number near a closed form: where to look, never a bound."""
    if end is None:
        return None
    man, exp = value(end).mid().man_exp()
    return Fraction(int(man)) * Fraction(2) ** int(exp)


def simplest(a: Fraction, b: Fraction) -> Fraction:
    """The fraction of smallest denominator in [a, b], a < b.

    >>> simplest(Fraction(31, 10), Fraction(32, 10))
    Fraction(16, 5)
    """
    if a > b:
        raise ValueError(f"Not an interval: [{a}, {b}]")
    if a <= 0 <= b:
        return Fraction(0)
    if b < 0:
        return -simplest(-b, -a)
    whole = a.numerator // a.denominator
    if whole == a or whole + 1 <= b:
        return Fraction(whole if whole == a else whole + 1)
    return whole + 1 / simplest(1 / (b - whole), 1 / (a - whole))


def _prove(search: _Search, box: Box, depth: int = 0) -> dict[str, Any]:
    """The tree of cells that proves the conclusion on the box. Raises ``_Refuted`` or ``_GaveUp``."""
    search.cells += 1
    leaf = _leaf(search, box)
    if leaf is not None:
        return leaf
    cuts = {s: _cut(*ends) for s, ends in box.items()}
    if _refutes(search.fact, cuts):
        raise _Refuted(cuts)
    if depth >= MAX_DEPTH or search.cells >= MAX_CELLS or not box:
        where = ", ".join(f"{s} = {sp.N(v, 6)}" for s, v in cuts.items())
        raise _GaveUp(f"Undecided near {where} after {search.cells} cells." if box else "The balls do not decide it.")
    s = max(box, key=lambda s: _nearby(box[s][1] - box[s][0]) or 0)
    below, above = ({**box, s: ends} for ends in ((box[s][0], cuts[s]), (cuts[s], box[s][1])))
    return {
        "cut": [s.name, str(cuts[s])],
        "below": _prove(search, below, depth + 1),
        "above": _prove(search, above, depth + 1),
    }


def _cut(low: sp.Expr, high: sp.Expr) -> sp.Rational:
    """A rational number in the middle third, with a small denominator."""
    a, b = _nearby(low), _nearby(high)
    assert a is not None
    assert b is not None
    q = simplest(a + (b - a) * Fraction(3, 8), b - (b - a) * Fraction(3, 8))
    return sp.Rational(q.numerator, q.denominator)


def _leaf(search: _Search, box: Box) -> dict[str, Any] | None:
    """The first Taylor model that decides the sign on the cell; None if all fail."""
    for at, zeros in _anchors(search, box):
        for order in ORDERS:
            sign = _sign(search, box, at, zeros, order + zeros)
            if sign in SIGNS[search.op]:
                return {"at": at, "order": order + zeros, "zeros": zeros, "sign": sign}
    return None


def _anchors(search: _Search, box: Box) -> list[tuple[str, int]]:
    if len(box) != 1:
        return [("middle", 0)]
    ((s, (low, high)),) = box.items()
    zeros = [(name, _zeros(search, s, end)) for name, end in (("low", low), ("high", high))]
    vanishing = [(name, v) for name, v in zeros if v]
    return vanishing if len(vanishing) == 1 else [] if vanishing else [("middle", 0)]


def _sign(search: _Search, box: Box, at: str, zeros: int, order: int) -> int:
    """The sign of f/h^zeros all over the cell, or 0 if the balls do not tell."""
    with precision_of(BITS):
        lines, t = {}, arb(1)
        for s, (low, high) in box.items():
            a, b = value(low, precision=BITS), value(high, precision=BITS)
            centre = (a + b) / 2 if at == "middle" else a if at == "low" else b
            cell = hull(a, b, centre)
            step = {"middle": cell - centre, "low": hull(arb(0), b - a), "high": hull(arb(0), b - a)}[at]
            if len(box) == 1:
                t, step = step, arb(-1 if at == "high" else 1)
            lines[s] = centre, cell, step
        over = taylor(search.f, lines, order, BITS).over(t, zeros)
    return 1 if over > 0 else -1 if over < 0 else 0


def _zeros(search: _Search, s: sp.Symbol, end: sp.Expr) -> int:
    """How many Taylor coefficients of f at an end are exactly 0, from the first on (at most ``MAX_ZEROS``)."""
    if (s, end) not in search.zeros:
        search.zeros[s, end] = _count_zeros(search.f, s, end)
        if search.zeros[s, end] and search.op in STRICT and (s, end) not in search.excluded:
            raise _GaveUp(f"Both sides are equal at {s} = {end}.")
    return search.zeros[s, end]


def _count_zeros(f: sp.Expr, s: sp.Symbol, end: sp.Expr) -> int:
    with precision_of(BITS):
        centre = value(end, precision=BITS)
        model = taylor(f, {s: (centre, centre, 1)}, MAX_ZEROS, BITS)
    for k, coefficient in enumerate(model.coefficients):
        if not (coefficient.is_finite() and coefficient.contains(0) and _is_zero(sp.diff(f, s, k).subs(s, end))):
            return k
    return MAX_ZEROS


def _is_zero(constant: sp.Expr) -> bool:
    return sp.expand(constant) == 0 or sp.simplify(constant) == 0
