"""Taylor coefficients of terms in JSON by recursion, over either ring of ``rings``: what ``recheck`` computes with.

A jet is the list of the first Taylor coefficients c_0, c_1, … of t ↦ term; a shorter list is 0 from there on. Terms are as
``terms.to_json`` writes them. Nothing here comes from the engine: no sympy, no flint.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

from .rings import Intervals, Rejected, Ring

__all__ = ["FUNCTIONS", "Jet", "jet", "number", "show"]

NUMBER = re.compile(r"-?\d{1,4000}(/[1-9]\d{0,3999})?", re.ASCII)
CONSTANTS = ("pi", "E")
MAX_POWER, MAX_TERM = 64, 200

Jet = list[Any]


def number(data: Any) -> Fraction | None:
    """The rational number that JSON data stand for, if they do."""
    if type(data) is int:
        return Fraction(data)
    return Fraction(data) if isinstance(data, str) and NUMBER.fullmatch(data) else None


def jet(term: Any, at: Mapping[str, Jet], terms: int, ring: Ring, depth: int = 0) -> Jet:
    """The first ``terms`` Taylor coefficients of a term whose symbols have the jets ``at``.

    Raises Rejected for data that are no term, an unknown node or symbol, and where the ring rejects an operation.

    >>> intervals = Intervals()
    >>> line = [intervals.number(Fraction(0)), intervals.number(Fraction(1))]
    >>> float(jet(["exp", ["symbol", "x"]], {"x": line}, 3, intervals)[2].mid)
    0.5
    """
    q = number(term)
    if q is not None:
        return [ring.number(q)]
    if isinstance(term, str) and term in CONSTANTS:
        return [ring.constant(term)]
    if not isinstance(term, list) or len(term) < 2 or not isinstance(term[0], str) or depth > MAX_TERM:
        raise Rejected(f"Not a term: {_short(term)}.")
    head, *rest = term
    if head == "symbol":
        if not isinstance(rest[0], str) or rest[0] not in at or rest[1:] not in ([], ["real"]):
            raise Rejected(f"Not a variable with bounds: {_short(term)}.")
        return at[rest[0]][:terms]
    known = {"add": len(rest), "mul": len(rest), "pow": 2, **dict.fromkeys(JSON_FUNCTIONS, 1)}
    if len(rest) != known.get(head):
        raise Rejected(f"Not a term: {_short(term)}.")
    if head == "pow":
        return _power(jet(rest[0], at, terms, ring, depth + 1), number(rest[1]), terms, ring)
    parts = [jet(part, at, terms, ring, depth + 1) for part in rest]
    if head == "add":
        return reduce(lambda u, v: _sum(u, v, ring), parts)
    if head == "mul":
        return reduce(lambda u, v: _product(u, v, terms), parts)
    name, (u,) = JSON_FUNCTIONS[head], parts
    return [ring.apply(name, u[0])] if len(u) == 1 else FUNCTIONS[name](_padded(u, terms, ring), ring)


def _padded(u: Jet, terms: int, ring: Ring) -> Jet:
    return u + [ring.number(Fraction(0))] * (terms - len(u))


def _sum(u: Jet, v: Jet, ring: Ring) -> Jet:
    n = max(len(u), len(v))
    return [x + y for x, y in zip(_padded(u, n, ring), _padded(v, n, ring), strict=True)]


def _product(u: Jet, v: Jet, terms: int) -> Jet:
    n = min(terms, len(u) + len(v) - 1)
    return [reduce(add, (u[j] * v[k - j] for j in range(max(0, k - len(v) + 1), min(k + 1, len(u))))) for k in range(n)]


def _power(u: Jet, exponent: Fraction | None, terms: int, ring: Ring) -> Jet:
    if exponent is None or exponent.denominator > 2 or abs(exponent.numerator) > MAX_POWER:
        raise Rejected("A power has neither a whole nor a half exponent of moderate size.")
    n = abs(exponent.numerator)
    if exponent.denominator == 2:
        u = [ring.apply("sqrt", u[0])] if len(u) == 1 else _sqrt(_padded(u, terms, ring), ring)
    product = reduce(lambda x, y: _product(x, y, terms), [u] * n, [ring.number(Fraction(1))])
    product[0] = ring.power(u[0], n)
    if exponent >= 0:
        return product
    return [ring.inverse(product[0])] if len(product) == 1 else _inverse(_padded(product, terms, ring), ring)


def _inverse(u: Jet, ring: Ring) -> Jet:
    first = ring.inverse(u[0])
    out, minus = [first], ring.number(Fraction(-1)) * first
    for k in range(1, len(u)):
        out.append(minus * reduce(add, (u[j] * out[k - j] for j in range(1, k + 1))))
    return out


def _sqrt(u: Jet, ring: Ring) -> Jet:
    out = [ring.apply("sqrt", u[0])]
    half = ring.inverse(ring.number(Fraction(2)) * out[0])
    for k in range(1, len(u)):
        cross = reduce(add, (out[j] * out[k - j] for j in range(1, k)), ring.number(Fraction(0)))
        out.append((u[k] + ring.number(Fraction(-1)) * cross) * half)
    return out


def _slope(u: Jet, y: Jet, k: int, ring: Ring) -> Any:
    """The k-th coefficient of ∫ u' y."""
    return reduce(add, (ring.number(Fraction(j, k)) * u[j] * y[k - j] for j in range(1, k + 1)))


def _exp(u: Jet, ring: Ring) -> Jet:
    out = [ring.apply("exp", u[0])]
    for k in range(1, len(u)):
        out.append(_slope(u, out, k, ring))
    return out


def _pair(u: Jet, ring: Ring, names: tuple[str, str], sign: int) -> tuple[Jet, Jet]:
    """(sin, cos) for sign −1, (sinh, cosh) for sign 1."""
    odd, even = [ring.apply(names[0], u[0])], [ring.apply(names[1], u[0])]
    for k in range(1, len(u)):
        slopes = _slope(u, even, k, ring), ring.number(Fraction(sign)) * _slope(u, odd, k, ring)
        odd.append(slopes[0])
        even.append(slopes[1])
    return odd, even


def _integral(name: str, speed: Callable[[Jet, Ring], Jet]) -> Callable[[Jet, Ring], Jet]:
    """The jet of F(u) from that of F'(u)."""

    def function(u: Jet, ring: Ring) -> Jet:
        y = speed(u, ring)
        return [ring.apply(name, u[0])] + [_slope(u, y, k, ring) for k in range(1, len(u))]

    return function


def _one_plus_square(u: Jet, ring: Ring) -> Jet:
    square = _product(u, u, len(u))
    square[0] = ring.power(u[0], 2) + ring.number(Fraction(1))
    return square


def _quotient(pair: tuple[Jet, Jet], ring: Ring) -> Jet:
    return _product(pair[0], _inverse(pair[1], ring), len(pair[0]))


def _abs(u: Jet, ring: Ring) -> Jet:
    """±u. The sign must be that of one number: over intervals, of all of them."""
    sign = ring.sign(u[0]) if isinstance(ring, Intervals) else _sign(u[0].rational)
    if not sign:
        raise Rejected("An absolute value is not smooth on a cell.")
    return [ring.number(Fraction(sign)) * x for x in u]


def _sign(x: Fraction | None) -> int:
    return 0 if x is None else (x > 0) - (x < 0)


FUNCTIONS: dict[str, Callable[[Jet, Ring], Jet]] = {
    "sin": lambda u, ring: _pair(u, ring, ("sin", "cos"), -1)[0],
    "cos": lambda u, ring: _pair(u, ring, ("sin", "cos"), -1)[1],
    "sinh": lambda u, ring: _pair(u, ring, ("sinh", "cosh"), 1)[0],
    "cosh": lambda u, ring: _pair(u, ring, ("sinh", "cosh"), 1)[1],
    "tan": lambda u, ring: _quotient(_pair(u, ring, ("sin", "cos"), -1), ring),
    "tanh": lambda u, ring: _quotient(_pair(u, ring, ("sinh", "cosh"), 1), ring),
    "exp": _exp,
    "log": _integral("log", _inverse),
    "atan": _integral("atan", lambda u, ring: _inverse(_one_plus_square(u, ring), ring)),
    "asinh": _integral("asinh", lambda u, ring: _inverse(_sqrt(_one_plus_square(u, ring), ring), ring)),
    "Abs": _abs,
}
JSON_FUNCTIONS = {name.lower(): name for name in FUNCTIONS}


def show(term: Any, tight: int = 0) -> str:
    """A term on one line, in parentheses where it binds less than ``tight``.

    >>> show(["mul", "1/3", ["pow", ["add", ["symbol", "x"], ["mul", -1, "pi"]], 2]])
    '1/3*(x - pi)**2'
    """
    if not isinstance(term, list):
        shown, binds = str(term), 1 if str(term).startswith("-") else 2 if "/" in str(term) else 4
    elif term[0] == "symbol":
        shown, binds = term[1], 4
    elif term[0] == "add":
        shown, binds = " + ".join(show(x, 1) for x in term[1:]).replace(" + -", " - "), 1
    elif term[0] == "mul":
        minus = term[1] == -1 and len(term) > 2
        first, *others = term[2:] if minus else term[1:]
        shown, binds = "-" * minus + "*".join([show(first, 2), *(show(x, 3) for x in others)]), 1 if minus else 2
    elif term[0] == "pow":
        shown, binds = f"{show(term[1], 4)}**{show(term[2], 4)}", 3
    else:
        shown, binds = f"{term[0]}({', '.join(map(show, term[1:]))})", 4
    return shown if binds >= tight else f"({shown})"


def _short(data: Any) -> str:
    shown = repr(data)
    return shown if len(shown) < 80 else shown[:77] + "…"
