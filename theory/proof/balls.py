"""A sound translation from sympy to python-flint balls: values, Taylor models, and the truth of a formula at a point.

A ball encloses the exact value: rationals and π become balls at the working precision and never pass through a float. Where a
node is undefined on part of its argument (log, a root or a quotient that reaches 0) the result is undefined, never a number.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy as sp
from flint import arb, arb_series, ctx, fmpq

from .logic import And, Formula, Not, Relation

__all__ = ["FUNCTIONS", "TaylorModel", "ball", "decide_at", "hull", "precision_of", "taylor", "value"]

BITS = 128
FUNCTIONS: dict[Any, str] = {
    getattr(sp, name): name for name in ("sin", "cos", "tan", "atan", "asinh", "sinh", "cosh", "tanh", "exp", "log", "Abs")
}
CONSTANTS: dict[Any, Callable[[], arb]] = {sp.pi: arb.pi, sp.E: arb.const_e}


class _Undefined(ArithmeticError):
    """The expression is not defined, or not smooth, on all of its arguments."""


@contextmanager
def precision_of(bits: int, terms: int = 1) -> Iterator[None]:
    """Balls of that many bits and series of that many terms inside the block."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


def ball(x: Any) -> arb:
    """An exact number as a ball at the working precision. Raises ValueError for a float.

    >>> ball(sp.Rational(1, 3)).contains(fmpq(1, 3)), ball(sp.Rational(1, 3)).is_exact()
    (True, False)
    >>> ball(0.5)
    Traceback (most recent call last):
    ValueError: A float is not exact: 0.5
    """
    if isinstance(x, arb):
        return x
    if isinstance(x, float | sp.Float):
        raise ValueError(f"A float is not exact: {x}")
    if isinstance(x, int | fmpq):
        return arb(x)
    x = sp.sympify(x)
    if isinstance(x, sp.Rational):
        return arb(fmpq(int(x.p), int(x.q)))
    raise ValueError(f"Not a ball or a rational number: {x!r}")


def hull(*balls: arb) -> arb:
    """The smallest ball that holds all of ``balls``."""
    return reduce(arb.union, balls)


def value(expr: sp.Expr, at: Mapping[sp.Symbol, Any] | None = None, precision: int = BITS) -> arb:
    """A ball around ``expr`` for every point of the balls (or exact numbers) ``at``; not finite where it may be undefined.

    Raises ValueError, naming the node, for anything but rationals, π, e, symbols, sums, products, powers with whole or half
    exponents and ``FUNCTIONS``.

    >>> x = sp.Symbol("x", real=True)
    >>> print(value(sp.sin(x) / x, {x: sp.Rational(1, 3)}).str(12))
    [0.981584090388 +/- 4.57e-13]
    >>> value(sp.log(x), {x: 0}).is_finite()
    False
    """
    with precision_of(precision):
        try:
            return _walk(sp.sympify(expr), {s: ball(v) for s, v in (at or {}).items()})
        except _Undefined:
            return arb.nan()


@dataclass(frozen=True)
class TaylorModel:
    """f(x0 + t d) = Σ_{j<K} c_j t^j + c_K t^K for some c_K in ``remainder``, wherever x0 + t d lies in the cell.

    ``coefficients`` c_0 … c_{K−1} are those at the centre, ``remainder`` encloses the K-th one over the whole cell (Lagrange).
    """

    coefficients: tuple[arb, ...]
    remainder: arb

    def over(self, t: arb, zeros: int = 0) -> arb:
        """A ball around f(x0 + t d)/t^zeros, given that the first ``zeros`` coefficients are exactly 0."""
        total = arb(0)
        for c in (self.remainder, *reversed(self.coefficients[zeros:])):
            total = total * t + c
        return total


Line = tuple[Any, Any, Any]


def taylor(expr: sp.Expr, at: Mapping[sp.Symbol, Line], order: int, precision: int = BITS) -> TaylorModel:
    """The Taylor model of that order of t ↦ f(x0 + t d), with ``at`` giving (centre, cell, d) of each symbol.

    The cell must hold the centre. The remainder is not finite where f may fail to be ``order`` times differentiable.

    >>> x = sp.Symbol("x", real=True)
    >>> model = taylor(sp.sin(x) - x * sp.cos(x), {x: (0, hull(arb(0), arb(1) / 2), 1)}, 3)
    >>> [bool(c == 0) for c in model.coefficients], bool(model.remainder > 0)
    ([True, True, True], True)
    """
    if order < 0:
        raise ValueError(f"The order of a Taylor model cannot be negative: {order}")
    with precision_of(precision):
        expr, lines = sp.sympify(expr), {s: tuple(ball(v) for v in line) for s, line in at.items()}
    cells = {s: line[1] for s, line in lines.items()}
    if order == 0:
        return TaylorModel((), value(expr, cells, precision))
    centres = {s: line[0] for s, line in lines.items()}
    directions = {s: line[2] for s, line in lines.items()}
    return TaylorModel(
        tuple(_series(expr, centres, directions, order, precision)),
        _series(expr, cells, directions, order + 1, precision)[-1],
    )


def _series(expr: sp.Expr, at: Mapping[sp.Symbol, arb], along: Mapping[sp.Symbol, arb], terms: int, bits: int) -> list[arb]:
    with precision_of(bits, terms):
        try:
            whole = _walk(expr, {s: arb_series([v, along[s]], terms) for s, v in at.items()})
            if isinstance(whole, arb):
                whole = arb_series([whole], terms)
            if whole.prec < terms:
                raise _Undefined
            return [whole[k] for k in range(terms)]
        except _Undefined:
            return [arb.nan()] * terms


def _walk(e: sp.Expr, at: Mapping[sp.Symbol, Any]) -> Any:
    """``e`` in balls or series, whichever ``at`` holds; every intermediate result is finite."""
    result: Any
    if e in at:
        return at[e]
    if isinstance(e, sp.Rational):
        result = ball(e)
    elif e in CONSTANTS:
        result = CONSTANTS[e]()
    elif isinstance(e, sp.Add | sp.Mul):
        result = reduce(operator.add if e.is_Add else operator.mul, (_walk(x, at) for x in e.args))
    elif isinstance(e, sp.Pow):
        result = _power(e, at)
    elif e.func in FUNCTIONS:
        u, name = _walk(e.args[0], at), FUNCTIONS[e.func]
        result = SERIES[name](u) if isinstance(u, arb_series) else abs(u) if name == "Abs" else getattr(u, name)()
    elif e.is_Symbol:
        raise ValueError(f"No value for the symbol {e}.")
    else:
        raise ValueError(f"{type(e).__name__} has no translation into balls: {e}")
    parts = [result] if isinstance(result, arb) else result.coeffs()
    if not all(c.is_finite() for c in parts):
        raise _Undefined
    return result


def _power(e: sp.Pow, at: Mapping[sp.Symbol, Any]) -> Any:
    base, n = e.args
    if not isinstance(n, sp.Rational) or n.q > 2:
        raise ValueError(f"Pow with exponent {n} has no translation into balls: {e}")
    u, n = _walk(base, at), n if n.q == 1 else n * 2
    if n is not e.args[1]:
        u = _root(u) if isinstance(u, arb_series) else u.sqrt()
    elif isinstance(u, arb) and n % 2 == 0:
        u = abs(u)
    product = reduce(operator.mul, [u] * abs(int(n)), arb(1)) if abs(n) <= 8 else _fast(u, abs(int(n)))
    return product if n >= 0 else _inverse(product)


def _fast(u: Any, n: int) -> Any:
    """u^n for n ≥ 1 by repeated squaring."""
    half = _fast(u * u, n // 2) if n > 1 else arb(1)
    return half * u if n % 2 else half


def _inverse(u: Any) -> Any:
    if (u if isinstance(u, arb) else u[0]).contains(0):
        raise _Undefined
    return 1 / u


def _positive(u: arb_series) -> arb_series:
    if not u[0] > 0:
        raise _Undefined
    return u


def _root(u: arb_series) -> arb_series:
    return _positive(u).sqrt()


def _tan(u: arb_series) -> arb_series:
    return u.sin() * _inverse(u.cos())


def _exponentials(u: arb_series) -> tuple[arb_series, arb_series]:
    """sinh and cosh: the constant term apart, so that its two exponentials do not cancel."""
    u0, rest = u[0], arb_series([arb(0), *u.coeffs()[1:]], u.prec)
    plus, minus = rest.exp(), (-rest).exp()
    sinh, cosh = (plus - minus) / 2, (plus + minus) / 2
    return sinh * u0.cosh() + cosh * u0.sinh(), cosh * u0.cosh() + sinh * u0.sinh()


def _asinh(u: arb_series) -> arb_series:
    return (u.derivative() * _inverse(_root(1 + u * u))).integral() + u[0].asinh()


def _abs(u: arb_series) -> arb_series:
    return u if u[0] > 0 else -_positive(-u)


def _tanh(u: arb_series) -> arb_series:
    sinh, cosh = _exponentials(u)
    return sinh * _inverse(cosh)


SERIES: dict[str, Callable[[arb_series], arb_series]] = {
    **{name: getattr(arb_series, name) for name in ("sin", "cos", "atan", "exp")},
    "log": lambda u: _positive(u).log(),
    "tan": _tan,
    "sinh": lambda u: _exponentials(u)[0],
    "cosh": lambda u: _exponentials(u)[1],
    "tanh": _tanh,
    "asinh": _asinh,
    "Abs": _abs,
}


def decide_at(formula: Formula, at: Mapping[sp.Symbol, Any], precisions: tuple[int, ...] = (64, 256, 1024)) -> bool | None:
    """Whether a formula holds where its symbols have the exact values ``at``, rational or closed form; None if not settled.

    Balls of growing precision first; an equality that they leave open is settled only if the difference is a rational number.
    None also where a side is undefined. Raises ValueError for a symbol without a value, a float or an unknown node.

    >>> from .logic import ge, gt
    >>> x = sp.Symbol("x", real=True)
    >>> decide_at(gt(sp.sin(x), x), {x: 1}), decide_at(ge(sp.sin(x), 0), {x: sp.pi}), decide_at(gt(1 / x, 0), {x: 0})
    (False, True, None)
    """
    if isinstance(formula, Relation):
        return _compare(formula, {s: sp.sympify(v) for s, v in at.items()}, precisions)
    if isinstance(formula, Not):
        inner = decide_at(formula.part, at, precisions)
        return None if inner is None else not inner
    verdicts = [decide_at(part, at, precisions) for part in formula.parts]
    decisive = not isinstance(formula, And)
    return decisive if decisive in verdicts else None if None in verdicts else not decisive


HOLDS: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "≠": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "≤": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    "≥": lambda sign: sign >= 0,
}


def _compare(relation: Relation, at: Mapping[sp.Symbol, sp.Expr], precisions: tuple[int, ...]) -> bool | None:
    difference = arb.nan()
    for bits in precisions:
        balls = {s: value(v, precision=bits) for s, v in at.items()}
        left, right = (value(side, balls, bits) for side in (relation.left, relation.right))
        with precision_of(bits):
            difference = left - right
        if difference > 0 or difference < 0 or difference.is_zero():
            return HOLDS[relation.op](1 if difference > 0 else -1 if difference < 0 else 0)
    if not difference.is_finite():
        return None
    exact = sp.expand((relation.left - relation.right).subs(at, simultaneous=True))
    return HOLDS[relation.op](int(sp.sign(exact))) if isinstance(exact, sp.Rational) else None
