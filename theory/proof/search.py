"""Counter-examples: many points are looked at in floating point, and one is returned only once it is confirmed exactly.

Nothing found means nothing. Equalities among the hypotheses are solved first for a symbol in which they are linear or a square,
so that hypotheses such as c = a² − r² hold at every point looked at; bounds such as 0 ≤ θ < π say where to look.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.core.function import AppliedUndef

from .exact import truth
from .logic import And, Fact, Formula, Not, Relation, both, substitute, symbols_of

__all__ = ["counter_example"]

Array = NDArray[np.float64]
Point = dict[sp.Symbol, sp.Expr]

NUMBERS = (
    0,
    1,
    -1,
    1 / 2,
    2,
    -2,
    -1 / 2,
    3 / 5,
    4 / 5,
    3,
    -3,
    1 / 10,
    10,
    -1 / 10,
    -10,
    1 / 3,
    -3 / 5,
    -4 / 5,
    1e-3,
    1e3,
    -1e-3,
    -1e3,
)
DISTANCES = (1, 1 / 2, 2, 0, 3, 1 / 10, 10, 1e-3, 1e3, 1 / 4, 3 / 5, 4 / 5, 7, 1e-6, 1e6)
FRACTIONS = (1 / 2, 1 / 4, 3 / 4, 0, 1, 1 / 16, 15 / 16, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1e-3, 1 - 1e-3, 1e-6, 1 - 1e-6)
ANGLES = {
    sp.pi * sp.Rational(*k): float(np.pi * k[0] / k[1]) for k in ((1, 1), (1, 2), (-1, 1), (-1, 2), (1, 4), (3, 4), (2, 1))
}
DRAWS, GRID, TRIES = 3000, 3000, 12
FUNCTIONS = {
    sp.log: np.log,
    sp.Abs: np.abs,
    sp.asin: np.arcsin,
    sp.acos: np.arccos,
    sp.atan: np.arctan,
    sp.asinh: np.arcsinh,
    sp.acosh: np.arccosh,
    sp.atanh: np.arctanh,
    sp.cot: lambda x: 1 / np.tan(x),
    sp.sec: lambda x: 1 / np.cos(x),
    sp.csc: lambda x: 1 / np.sin(x),
    sp.coth: lambda x: 1 / np.tanh(x),
    **{getattr(sp, k): getattr(np, k) for k in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sign")},
}


def counter_example(fact: Fact, hints: Iterable[Mapping[sp.Symbol, Any]] = ()) -> dict[str, str] | None:
    """A point, by name and exact value, at which every hypothesis is rigorously true and the conclusion rigorously false.

    ``hints`` are points to try first, such as a solver's model. None says only that none was found.

    >>> x, y = sp.symbols("x y", real=True)
    >>> counter_example(Fact("", Relation(x * y, ">", 0), (Relation(x + y, "=", 3),)))
    {'x': '4', 'y': '-1'}
    """
    if any(r.left.has(AppliedUndef) or r.right.has(AppliedUndef) for r in _relations(*fact.given, fact.conclusion)):
        return None
    for definitions, given in _eliminations(tuple(_flat(fact.given)), fact):
        found = _look(fact, definitions, given, tuple(hints))
        if found is not None:
            return {s.name: str(found[s]) for s in sorted(found, key=str)}
    return None


def _look(
    fact: Fact, definitions: Point, given: tuple[Formula, ...], hints: tuple[Mapping[sp.Symbol, Any], ...]
) -> Point | None:
    conclusion = substitute(fact.conclusion, definitions) if definitions else fact.conclusion
    symbols = sorted(symbols_of(*fact.given, fact.conclusion) - set(definitions), key=str)
    exact: dict[float, sp.Expr] = {}
    columns = _candidates(symbols, given, hints, exact)
    wrong, clear = _screen(given, conclusion, dict(zip(symbols, columns, strict=True)))
    order = [*np.flatnonzero(wrong & clear)[:TRIES], *np.flatnonzero(wrong & ~clear)[:TRIES]]
    for i in order:
        point = {s: _value(float(column[i]), exact) for s, column in zip(symbols, columns, strict=True)}
        if truth(both(*given, Not(conclusion)), point) and all(_defined(e, point) for e in definitions.values()):
            whole = point | {s: e.subs(point) for s, e in definitions.items()}
            if all(truth(g, whole) is not False for g in fact.given):
                return whole
    return None


def _defined(term: sp.Expr, point: Point) -> bool:
    return truth(Relation(term, "<", 10**9), point) is not None


def _value(x: float, exact: Mapping[float, sp.Expr]) -> sp.Expr:
    """The exact number meant by a float: a known one, or the simplest fraction that rounds to it."""
    if x in exact:
        return exact[x]
    simple = Fraction(x).limit_denominator(10**7)
    meant = simple if float(simple) == x else Fraction(x)
    return sp.Rational(meant.numerator, meant.denominator)


def _flat(formulas: Iterable[Formula]) -> Iterator[Formula]:
    for f in formulas:
        if isinstance(f, And):
            yield from _flat(f.parts)
        else:
            yield f


def _relations(*formulas: Formula) -> Iterator[Relation]:
    for f in formulas:
        if isinstance(f, Relation):
            yield f
        else:
            yield from _relations(*((f.part,) if isinstance(f, Not) else f.parts))


def _eliminations(given: tuple[Formula, ...], fact: Fact, depth: int = 6) -> Iterator[tuple[Point, tuple[Formula, ...]]]:
    """Definitions that make equalities hold, with the remaining hypotheses; none for a fact without equalities."""
    for i, f in enumerate(given):
        if isinstance(f, Relation) and f.op == "=" and depth:
            for symbol, solutions in _solutions(f):
                for solution in solutions:
                    rest = tuple(substitute(g, {symbol: solution}) for g in (*given[:i], *given[i + 1 :]))
                    for definitions, left in _eliminations(rest, fact, depth - 1):
                        yield definitions | {symbol: solution.subs(definitions)}, left
                return
    yield {}, given


def _solutions(equality: Relation) -> list[tuple[sp.Symbol, list[sp.Expr]]]:
    """The first symbol for which ``equality`` is solved plainly, with its solutions: in x = e, in c x = e, in x² = e."""
    difference = equality.left - equality.right
    found: list[tuple[int, sp.Symbol, list[sp.Expr]]] = []
    for symbol in sorted(difference.free_symbols, key=str):
        slope = sp.diff(difference, symbol)
        if slope.has(sp.Derivative, sp.DiracDelta) or slope == 0:
            continue
        if symbol not in slope.free_symbols:
            found.append((0 if slope.is_number else 1, symbol, [-difference.subs(symbol, 0) / slope]))
        elif (second := sp.diff(slope, symbol)).is_number and slope.subs(symbol, 0) == 0:
            root = sp.sqrt(sp.expand(-2 * difference.subs(symbol, 0) / second))
            found.append((2, symbol, [root, -root]))
    return [(symbol, solutions) for _, symbol, solutions in sorted(found, key=lambda x: (x[0], str(x[1])))[:1]]


def _bounds(symbol: sp.Symbol, given: Iterable[Formula]) -> tuple[sp.Expr | None, sp.Expr | None]:
    lower, upper = None, None
    for f in given:
        if isinstance(f, Relation) and symbol in (f.left, f.right) and f.op in ("<", "≤", ">", "≥"):
            other, below = (f.right, f.op in (">", "≥")) if f.left == symbol else (f.left, f.op in ("<", "≤"))
            if not other.is_number or not other.is_finite:
                continue
            if below:
                lower = other if lower is None else max(lower, other, key=float)
            else:
                upper = other if upper is None else min(upper, other, key=float)
    return lower, upper


def _values(symbol: sp.Symbol, given: Iterable[Formula], circular: bool, exact: dict[float, sp.Expr]) -> Array:
    """Values worth a look for one symbol, the plainest first; irrational ones are noted in ``exact``."""
    lower, upper = _bounds(symbol, given)
    if lower is not None and upper is not None:
        terms = [lower + (upper - lower) * sp.Rational(str(k)) for k in FRACTIONS]
    elif lower is not None or upper is not None:
        terms = [(lower if lower is not None else upper) + (-1) ** (lower is None) * sp.Rational(str(k)) for k in DISTANCES]
    else:
        terms = []
    exact |= {float(t): t for t in terms if not isinstance(t, sp.Rational)}
    special = list(ANGLES.values()) if circular else []
    exact |= {v: k for k, v in ANGLES.items()}
    inside = [v for v in (*NUMBERS, *special) if (lower is None or v >= lower) and (upper is None or v <= upper)]
    return np.array(list(dict.fromkeys([*map(float, terms), *map(float, inside)])))


def _candidates(
    symbols: Sequence[sp.Symbol],
    given: tuple[Formula, ...],
    hints: tuple[Mapping[sp.Symbol, Any], ...],
    exact: dict[float, sp.Expr],
) -> list[Array]:
    """One column per symbol: hints and their neighbours, a grid of plain values, and draws from a fixed stream."""
    if not symbols:
        return []
    draw, n = np.random.default_rng(0), len(symbols)
    circular = any(
        r.left.has(sp.sin, sp.cos, sp.tan, sp.pi) or r.right.has(sp.sin, sp.cos, sp.tan, sp.pi) for r in _relations(*given)
    )
    values = [_values(s, given, circular or n == 1, exact) for s in symbols]
    rows = [_near(symbols, hint, values, exact) for hint in hints]
    side = max(2, int(GRID ** (1 / n)))
    grid = np.array(list(itertools.product(*(v[:side] for v in values))) if n <= 11 else np.zeros((1, n)))
    rows.append(grid[np.argsort(_rank(grid, values), kind="stable")])
    random = np.stack([v[draw.integers(len(v), size=DRAWS)] for v in values], axis=1)
    shift = np.ldexp(draw.integers(-64, 65, size=(DRAWS, n)) / 64, draw.integers(-6, 4, size=(DRAWS, n)))
    rows.append(np.where(draw.random((DRAWS, n)) < 0.5, random, random + shift))
    if n == 1:
        rows.append(np.arange(-1024, 1025)[:, None] / 64)
    return list(np.concatenate(rows).T)


def _rank(grid: Array, values: list[Array]) -> NDArray[np.int64]:
    places = [{x: i for i, x in enumerate(v)} for v in values]
    return np.array([sum(place[x] for place, x in zip(places, row, strict=True)) for row in grid])


def _near(
    symbols: Sequence[sp.Symbol], hint: Mapping[sp.Symbol, Any], values: list[Array], exact: dict[float, sp.Expr]
) -> Array:
    """The hint, rounded more and more roughly, then with each coordinate in turn replaced by plain values."""
    base = []
    for symbol, plain in zip(symbols, values, strict=True):
        given = sp.Rational(hint[symbol]) if symbol in hint else sp.Rational(str(plain[0]))
        exact.setdefault(float(given), given)
        base.append(float(given))
    rows = [base, *([float(np.round(x, k)) for x in base] for k in (0, 1, 2, 4, 6))]
    for i, plain in enumerate(values):
        rows += [[*base[:i], float(v), *base[i + 1 :]] for v in plain]
    return np.array(rows)


def _screen(
    given: tuple[Formula, ...], conclusion: Formula, point: Mapping[sp.Symbol, Array]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where floats see a counter-example, and where none of its relations is a near tie."""
    size = len(next(iter(point.values()))) if point else 1
    with np.errstate(all="ignore"):
        parts = [_test(f, point, size) for f in (*given, Not(conclusion))]
    wrong, margin = (np.logical_and.reduce([p[0] for p in parts]), np.minimum.reduce([p[1] for p in parts]))
    return wrong & ~np.isnan(margin), margin > 1e-9


def _test(formula: Formula, point: Mapping[sp.Symbol, Array], size: int) -> tuple[NDArray[Any], Array]:
    if isinstance(formula, Relation):
        x, y = _floats(formula.left, point), _floats(formula.right, point)
        gap = np.broadcast_to((x - y) / (1 + np.abs(x) + np.abs(y)), (size,))
        near = np.abs(gap) < (1e-10 if formula.op in ("=", "≠") else 1e-13)
        truths = {"=": near, "<": (gap < 0) & ~near, "≤": (gap < 0) | near}
        holds = truths[formula.op] if formula.op in truths else ~truths[{"≠": "=", ">": "≤", "≥": "<"}[formula.op]]
        return holds, np.abs(gap)
    if isinstance(formula, Not):
        holds, margin = _test(formula.part, point, size)
        return ~holds, margin
    every = isinstance(formula, And)
    parts = [_test(p, point, size) for p in formula.parts]
    start = np.full(size, every), np.full(size, np.inf)
    join = np.logical_and if every else np.logical_or
    return join.reduce([start[0], *(p[0] for p in parts)]), np.minimum.reduce([start[1], *(p[1] for p in parts)])


def _floats(term: sp.Expr, point: Mapping[sp.Symbol, Array]) -> Any:
    if term in point:
        return point[term]
    if not term.free_symbols:
        value = complex(term.evalf(17)) if term.is_number else complex("nan")
        return value.real if value.imag == 0 else np.nan
    parts = [_floats(part, point) for part in term.args]
    if isinstance(term, sp.Add | sp.Mul):
        return sum(parts[1:], parts[0]) if term.is_Add else np.multiply.reduce(np.broadcast_arrays(*parts))
    if isinstance(term, sp.Pow):
        return np.power(parts[0], np.asarray(parts[1], dtype=float))
    if isinstance(term, sp.Max | sp.Min):
        return (np.maximum if isinstance(term, sp.Max) else np.minimum).reduce(np.broadcast_arrays(*parts))
    return FUNCTIONS[term.func](*parts) if term.func in FUNCTIONS else np.nan
