"""Where a term is defined, continuous or smooth, as relations to be proved: what rules ask of what they are given.

| level        | sqrt e | e**−1 | \\|e\\|, max, min  | sign e | log e | tan e     |
|--------------|--------|-------|-------------------|--------|-------|-----------|
| "defined"    | e ≥ 0  | e ≠ 0 | –                 | –      | e > 0 | cos e ≠ 0 |
| "continuous" | e ≥ 0  | e ≠ 0 | –                 | e ≠ 0  | e > 0 | cos e ≠ 0 |
| "smooth"     | e > 0  | e ≠ 0 | e ≠ 0, no two equal | e ≠ 0 | e > 0 | cos e ≠ 0 |
"""

from functools import cache
from itertools import combinations
from typing import Any, Literal

import sympy as sp
from sympy.core.function import AppliedUndef

from .identities import vanishes
from .logic import Defined, Relation, expanded, ge, gt, le, lt, ne

__all__ = ["Level", "demands"]

Level = Literal["defined", "continuous", "smooth"]
ENTIRE = (sp.sin, sp.cos, sp.exp, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.asinh, sp.erf, sp.erfc)
POLES = {sp.tan: sp.cos, sp.sec: sp.cos, sp.cot: sp.sin, sp.csc: sp.sin, sp.coth: sp.sinh}


def demands(*terms: sp.Expr, level: Level = "defined") -> list[Relation]:
    """Relations that make all ``terms`` defined, continuous or continuously differentiable; none for polynomials.

    Raises ValueError for a node of which nothing is known.

    >>> from .logic import text
    >>> x = sp.Symbol("x", real=True)
    >>> [text(r) for r in demands(1 / (x - 1) + sp.sqrt(x))], demands(x**2 + sp.cos(x), level="smooth")
    (['x ≥ 0', 'x - 1 ≠ 0'], [])
    """
    found = {r: None for term in terms for e in sp.preorder_traversal(sp.sympify(term)) for r in _of(e, level)}
    return list(found)


def _of(e: Any, level: Level) -> list[Relation]:
    """What one node asks of its arguments."""
    if isinstance(e, sp.Symbol | sp.Rational | sp.Add | sp.Mul) or e in (sp.pi, sp.E) or isinstance(e, ENTIRE):
        return []
    if isinstance(e, sp.Pow):
        return _power(e.args[0], e.args[1], level)
    if isinstance(e, Defined):
        if level == "smooth":
            _require_derivative(e.func, len(e.args))
        return demands(e.definition(*e.args), level=level)
    if isinstance(e, AppliedUndef) and level == "defined":
        return []
    if isinstance(e, sp.Abs | sp.sign | sp.Max | sp.Min):
        return _kinks(e, level)
    if e.func in POLES:
        return [ne(POLES[e.func](e.args[0]), 0)]
    if isinstance(e, sp.log | sp.gamma):
        return [gt(e.args[0], 0)]
    if e.func in (sp.asin, sp.acos, sp.atanh):
        strict = level == "smooth" or e.func == sp.atanh
        return [(gt if strict else ge)(e.args[0], -1), (lt if strict else le)(e.args[0], 1)]
    raise ValueError(f"{e} is not known to be {level}.")


@cache
def _require_derivative(function: Any, places: int) -> None:
    """Raises ValueError where the derivative that rules use is not that of the definition."""
    at = sp.symbols(f"x:{places}", real=True)
    for i, x in enumerate(at):
        if vanishes(sp.diff(function.definition(*at), x) - expanded(function(*at).fdiff(i + 1))) is None:
            raise ValueError(f"The derivative of {function.__name__} is not that of its definition.")


def _power(base: Any, exponent: Any, level: Level) -> list[Relation]:
    if base.is_number and base.is_positive:
        return []
    if not isinstance(exponent, sp.Rational):
        raise ValueError(f"{sp.Pow(base, exponent)} is not known to be {level}.")
    if exponent.q == 1:
        return [ne(base, 0)] if exponent < 0 else []
    return [gt(base, 0) if exponent < 0 or (level == "smooth" and exponent < 1) else ge(base, 0)]


def _kinks(e: Any, level: Level) -> list[Relation]:
    parts: tuple[sp.Expr, ...] = e.args
    if isinstance(e, sp.sign):
        return [] if level == "defined" else [ne(parts[0], 0)]
    if level != "smooth":
        return []
    return [ne(parts[0], 0)] if len(parts) == 1 else [ne(x, y) for x, y in combinations(parts, 2)]
