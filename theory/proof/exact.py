"""The truth of a formula at one point, by exact rational arithmetic where it suffices and by balls elsewhere."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt

import sympy as sp

from .balls import decide_at
from .logic import And, Formula, Not, Or, Relation, substitute

__all__ = ["rational", "truth"]

SMALL = 60
VALUES = {sp.sin: 0, sp.tan: 0, sp.sinh: 0, sp.tanh: 0, sp.atan: 0, sp.asin: 0, sp.asinh: 0, sp.cos: 1, sp.cosh: 1, sp.exp: 1}


def truth(formula: Formula, point: Mapping[sp.Symbol, sp.Expr]) -> bool | None:
    """Whether ``formula`` holds at ``point`` (rationals or exact terms such as π/2); None if some relation in it isn't decided.

    A relation is not decided where a term is undefined or not real, so a point outside a fact's domain never refutes it.

    >>> x = sp.Symbol("x", real=True)
    >>> truth(Relation(sp.sin(x), "<", 1), {x: sp.Integer(1)}), truth(Relation(1 / x, ">", 0), {x: sp.Integer(0)})
    (True, None)
    >>> truth(Relation(sp.sin(x), ">", 0), {x: sp.pi})
    False
    """
    if isinstance(formula, Relation):
        return _holds(formula, point)
    if isinstance(formula, Not):
        inner = truth(formula.part, point)
        return None if inner is None else not inner
    parts = [truth(p, point) for p in formula.parts]
    if None in parts:
        return None
    return all(parts) if isinstance(formula, And) else any(parts) if isinstance(formula, Or) else None


def _holds(relation: Relation, point: Mapping[sp.Symbol, sp.Expr]) -> bool | None:
    rationals = {k: v for k, v in point.items() if isinstance(v, sp.Rational)}
    if len(rationals) < len(point):
        moved = substitute(relation, {k: v for k, v in point.items() if k not in rationals})
        assert isinstance(moved, Relation)
        relation = moved
    fractions = {k: Fraction(v.p, v.q) for k, v in rationals.items()}
    try:
        sides = rational(relation.left, fractions), rational(relation.right, fractions)
    except ZeroDivisionError:
        return None
    if sides[0] is not None and sides[1] is not None:
        return _compare(sides[0] - sides[1], relation.op)
    if relation.left.has(sp.nan, sp.zoo, sp.oo, sp.I) or relation.right.has(sp.nan, sp.zoo, sp.oo, sp.I):
        return None
    found = _by_balls(relation, rationals)
    difference = relation.left - relation.right
    if found is None and sp.count_ops(difference) < SMALL and _by_balls(Relation(difference, "<", 1), rationals):
        difference = sp.expand(difference.subs(rationals))
        if isinstance(difference, sp.Rational):
            return _compare(Fraction(difference.p, difference.q), relation.op)
    return found


def _by_balls(relation: Relation, point: Mapping[sp.Symbol, sp.Rational]) -> bool | None:
    try:
        return decide_at(relation, point)
    except ValueError:  # a function that has no ball
        return None


def _compare(difference: Fraction, op: str) -> bool:
    outcomes = {"=": difference == 0, "<": difference < 0, "≤": difference <= 0}
    return outcomes[op] if op in outcomes else not outcomes[{"≠": "=", ">": "≤", "≥": "<"}[op]]


def rational(term: sp.Expr, point: Mapping[sp.Symbol, Fraction]) -> Fraction | None:
    """The value of ``term`` where it is rational for a plain reason, else None. Raises ZeroDivisionError at a pole.

    >>> x = sp.Symbol("x", real=True)
    >>> rational(sp.sqrt(x) + 1 / x, {x: Fraction(4)}), rational(sp.sqrt(x), {x: Fraction(2)})
    (Fraction(9, 4), None)
    """
    if isinstance(term, sp.Rational):
        return Fraction(term.p, term.q)
    if term in point:
        return point[term]
    parts = [rational(part, point) for part in term.args]
    values = [p for p in parts if p is not None]
    if not parts or len(values) < len(parts):
        return None
    if isinstance(term, sp.Add):
        return sum(values, Fraction(0))
    if isinstance(term, sp.Mul):
        product = Fraction(1)
        for value in values:
            product *= value
        return product
    if isinstance(term, sp.Pow):
        return _power(*values)
    if isinstance(term, sp.Max | sp.Min):
        return max(values) if isinstance(term, sp.Max) else min(values)
    if isinstance(term, sp.Abs | sp.sign):
        return abs(values[0]) if isinstance(term, sp.Abs) else Fraction((values[0] > 0) - (values[0] < 0))
    return Fraction(VALUES[term.func]) if term.func in VALUES and values == [0] else None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator == 2 and base >= 0:
        roots = isqrt(base.numerator), isqrt(base.denominator)
        if (roots[0] ** 2, roots[1] ** 2) != (base.numerator, base.denominator):
            return None
        base, exponent = Fraction(*roots), Fraction(exponent.numerator)
    if exponent.denominator != 1 or abs(exponent) > 1000:
        return None
    return base ** int(exponent)
