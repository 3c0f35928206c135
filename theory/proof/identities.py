"""Engine for exact identities: left − right simplifies to zero, by sympy; refuted only at a point that ``search`` confirms.

Hypotheses may define a symbol (``c = a² − r²``) or give its sign (``r > 0``), so that √(r²) is r. An identity holds where both
sides are defined. ``recheck`` proves it a second time by ``normal.py``, which shares no code with sympy.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.facts import InconsistentAssumptions

from . import normal, search
from .logic import Fact, Formula, Relation, Verdict, substitute, symbols_of, text
from .terms import fact_from_json, fact_to_json, refuse_assumptions, to_json

__all__ = ["SCHEMA", "decide", "recheck", "vanishes"]

SCHEMA = "signescape/identity/1"
SIGNS = {">": "positive", "≥": "nonnegative", "<": "negative", "≤": "nonpositive", "≠": "nonzero"}
MIRROR = {">": "<", "<": ">", "≥": "≤", "≤": "≥", "≠": "≠"}


def decide(fact: Fact) -> Verdict:
    """Whether the conclusion is an identity under definitions and signs. Raises ValueError for any other sort of fact.

    >>> x, y, c = sp.symbols("x y c", real=True)
    >>> decide(Fact("", Relation(x**2 - c, "=", y**2), (Relation(c, "=", x**2 - y**2),), "identity")).status
    'proved'
    >>> decide(Fact("", Relation(sp.sqrt(x**2), "=", x), engine="identity")).counter_example
    {'x': '-1'}
    """
    began = time.perf_counter()
    left, right = _sides(fact)
    strategy = vanishes(left - right, QUICK)
    point = search.counter_example(fact) if strategy is None else None
    if strategy is None and point is None:
        strategy = vanishes(left - right, SLOW)
    seconds = time.perf_counter() - began
    if point is not None:
        return Verdict("refuted", "sympy", "", point, None, seconds)
    if strategy is None:
        return Verdict("undecided", "sympy", "no strategy reached zero", None, None, seconds)
    certificate = {
        "schema": SCHEMA,
        "engine": "identity",
        "statement": str(fact),
        "fact": fact_to_json(fact),
        "strategy": strategy,
    }
    sides = {"left": to_json(left), "right": to_json(right)}
    return Verdict("proved", "sympy", strategy, None, certificate | sides, seconds)


def recheck(certificate: Mapping[str, Any]) -> tuple[bool, str]:
    """(True, by what) if ``normal.py`` finds left − right to be zero, else (False, why not); "not re-checked" refutes nothing.

    The two sides must be those of the certificate's fact, so that neither can be exchanged.

    >>> x = sp.Symbol("x", real=True)
    >>> recheck(decide(Fact("", Relation(sp.sin(2 * x), "=", 2 * sp.sin(x) * sp.cos(x)), engine="identity")).certificate)[0]
    True
    """
    try:
        if certificate["schema"] != SCHEMA:
            return False, f"not a certificate of this engine: {certificate['schema']!r}"
        left, right = certificate["left"], certificate["right"]
        if tuple(map(to_json, _sides(fact_from_json(certificate["fact"])))) != (left, right):
            return False, "the sides are not those of the fact"
        if normal.is_zero(left, right):
            return True, "normal form, python-flint"
    except normal.NotDecided as error:
        return False, f"not re-checked: {error}"
    except (KeyError, TypeError, ValueError) as error:
        return False, f"corrupt certificate: {error}"
    return False, "not re-checked: the normal form is not zero"


def _sides(fact: Fact) -> tuple[sp.Expr, sp.Expr]:
    """Both sides, definitions substituted and signs turned into assumptions of symbols."""
    conclusion: Formula = fact.conclusion
    if not isinstance(conclusion, Relation) or conclusion.op != "=":
        raise ValueError(f"An identity concludes an equation, not {text(conclusion)}.")
    if fact.uses:
        raise ValueError(f"An identity uses no lemmas: {text(fact.uses[0].formula)}")
    known: dict[sp.Symbol, set[str]] = {}
    definitions: dict[sp.Symbol, sp.Expr] = {}
    for f in fact.given:
        if isinstance(f, Relation) and f.op == "=" and f.left.is_Symbol and f.left not in definitions:
            value = f.right.subs(definitions)
            if f.left not in value.free_symbols:
                definitions = {k: v.subs(f.left, value) for k, v in definitions.items()} | {f.left: value}
                continue
        if (sign := _sign(f)) is None:
            raise ValueError(f"A hypothesis of an identity defines a symbol or gives its sign, not {text(f)}.")
        known.setdefault(sign[0], set()).add(sign[1])
    if both := set(known) & set(definitions):
        raise ValueError(f"{min(map(str, both))} is defined and has a sign: give the sign to what defines it.")
    refuse_assumptions(fact)
    assumed = {s: _assuming(s, known.get(s, set())) for s in symbols_of(conclusion, *fact.given)}
    moved = substitute(substitute(conclusion, definitions), assumed)
    assert isinstance(moved, Relation)
    return moved.left, moved.right


def _assuming(symbol: sp.Symbol, signs: set[str]) -> sp.Symbol:
    try:
        return sp.Symbol(symbol.name, **dict.fromkeys(signs, True), real=True)
    except InconsistentAssumptions:
        raise ValueError(f"The signs of {symbol} contradict each other: {', '.join(sorted(signs))}") from None


def _sign(f: Formula) -> tuple[sp.Symbol, str] | None:
    if isinstance(f, Relation) and f.op in SIGNS:
        if f.left.is_Symbol and f.right == 0:
            return f.left, SIGNS[f.op]
        if f.right.is_Symbol and f.left == 0:
            return f.right, SIGNS[MIRROR[f.op]]
    return None


def _numerator(e: sp.Expr) -> sp.Expr:
    return sp.expand(sp.numer(sp.together(e)))


def _circle(e: sp.Expr) -> sp.Expr:
    """Sums of angles expanded, over a common denominator, and sin² replaced by 1 − cos², sinh² by cosh² − 1."""
    e = _numerator(sp.expand_trig(sp.expand_power_exp(e.rewrite([sp.tan, sp.cot, sp.sec, sp.csc], sp.cos))))
    for sine, cosine, sign in ((sp.sin, sp.cos, 1), (sp.sinh, sp.cosh, -1)):
        for u in sorted({f.args[0] for f in e.atoms(sine)}, key=str):
            x = sp.Dummy()
            moved = sp.Poly(e.subs(sine(u), x), x)
            square = sign * (1 - cosine(u) ** 2)
            e = sp.expand(sum(c * square ** (k // 2) * sine(u) ** (k % 2) for (k,), c in moved.terms()))
    return e


def _gamma(e: sp.Expr) -> sp.Expr:
    return sp.powsimp(sp.gammasimp(e)) if e.has(sp.gamma) else e


QUICK: Mapping[str, Callable[[sp.Expr], sp.Expr]] = {
    "over a common denominator": _numerator,
    "sines reduced": _circle,
}
SLOW: Mapping[str, Callable[[sp.Expr], sp.Expr]] = {
    "gammasimp": _gamma,
    "ratsimp": sp.ratsimp,
    "trigsimp": sp.trigsimp,
    "simplify": sp.simplify,
}


def vanishes(e: sp.Expr, strategies: Mapping[str, Callable[[sp.Expr], sp.Expr]] = QUICK) -> str | None:
    """The first strategy that turns ``e`` into 0, if any does."""
    for name, simplify in strategies.items():
        try:
            if simplify(e) == 0:
                return name
        except sp.PolynomialError:
            continue
    return None
