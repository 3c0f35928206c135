"""Terms and formulas as JSON in prefix form, and a reader that builds nothing but the nodes it knows: no ``eval``.

A term is ``7`` or ``"-2/3"`` (exact numbers), ``"pi"``, ``"E"``, ``["symbol", name, assumptions…]``, ``[node, term, …]`` with a
node of ``NODES``, or ``["apply", name, term, …]`` for a function that nothing is assumed of. A formula is
``[relation, left, right]``, ``["and", …]``, ``["or", …]`` or ``["not", formula]``. Reading back gives the same tree.
"""

import re
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from .logic import NEGATED, And, Fact, Formula, Lemma, Not, Or, Relation, symbols_of

__all__ = [
    "ASSUMPTIONS",
    "NODES",
    "fact_from_json",
    "fact_to_json",
    "formula_from_json",
    "formula_to_json",
    "from_json",
    "refuse_assumptions",
    "to_json",
]

NODES: dict[str, type[sp.Basic]] = {
    "add": sp.Add,
    "mul": sp.Mul,
    "pow": sp.Pow,
    "abs": sp.Abs,
    "max": sp.Max,
    "min": sp.Min,
    "sign": sp.sign,
    "exp": sp.exp,
    "log": sp.log,
    **{
        name: getattr(sp, name)
        for name in (
            *("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "coth"),
            *("asinh", "acosh", "atanh", "gamma", "erf", "erfc"),
        )
    },
}
NAMES = {node: name for name, node in NODES.items()}
ANY_NUMBER = {"add", "mul", "max", "min"}
ASSUMPTIONS = ("real", "positive", "negative", "nonnegative", "nonpositive", "nonzero", "integer")
CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "E": sp.E}
NUMBER = re.compile(r"-?\d{1,4000}(/[1-9]\d{0,3999})?", re.ASCII)
NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
DEPTH = 200


def to_json(term: Any) -> Any:
    """A term as nested lists. Raises ValueError for a node that has no place in a fact (Float, Piecewise, Integral, …).

    >>> x = sp.Symbol("x", real=True)
    >>> to_json(sp.sin(x) ** 2 / 3)
    ['mul', '1/3', ['pow', ['sin', ['symbol', 'x', 'real']], 2]]
    """
    term = sp.sympify(term)
    if isinstance(term, sp.Integer) and abs(term) < 2**53:
        return int(term)
    if isinstance(term, sp.Rational):
        return f"{term.p}/{term.q}" if term.q != 1 else f"{term.p}"
    for name, constant in CONSTANTS.items():
        if term is constant:
            return name
    if type(term) is sp.Symbol and NAME.fullmatch(term.name):
        known = {k for k, v in term._assumptions_orig.items() if v} - {"commutative"}
        denied = {k for k, v in term._assumptions_orig.items() if not v}
        if known <= set(ASSUMPTIONS) and not denied:  # all but none imply real; equal symbols may say so or not
            return ["symbol", term.name, *(k for k in ASSUMPTIONS if k in known or (known and k == "real"))]
    if isinstance(term, AppliedUndef) and NAME.fullmatch(term.func.__name__):
        return ["apply", term.func.__name__, *map(to_json, term.args)]
    if type(term) in NAMES:
        return [NAMES[type(term)], *map(to_json, term.args)]
    raise ValueError(f"{type(term).__name__} has no place in a term: {term}")


def from_json(data: Any, depth: int = 0) -> sp.Expr:
    """The term that ``to_json`` wrote. Raises ValueError, with the value, for anything else.

    >>> from_json(["mul", "1/3", ["pow", ["sin", ["symbol", "x", "real"]], 2]])
    sin(x)**2/3
    >>> from_json(["__import__", "os"])
    Traceback (most recent call last):
    ValueError: Not a term: ['__import__', 'os']
    """
    if type(data) is int:
        return sp.Integer(data)
    if isinstance(data, str) and data in CONSTANTS:
        return CONSTANTS[data]
    if isinstance(data, str) and NUMBER.fullmatch(data):
        return sp.Rational(data)
    if not isinstance(data, list) or len(data) < 2 or not isinstance(data[0], str) or depth > DEPTH:
        raise ValueError(f"Not a term: {_short(data)}")
    head, *rest = data
    if head in ("symbol", "apply"):
        name, *rest = rest
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"Not a name: {_short(name)}")
        if head == "apply" and rest:
            return sp.Function(name)(*(from_json(part, depth + 1) for part in rest))
        if head == "symbol" and all(isinstance(k, str) and k in ASSUMPTIONS for k in rest):
            return sp.Symbol(name, **dict.fromkeys(rest, True))
    elif head in NODES and (head in ANY_NUMBER or len(rest) == (2 if head == "pow" else 1)):
        return NODES[head](*(from_json(part, depth + 1) for part in rest), evaluate=False)
    raise ValueError(f"Not a term: {_short(data)}")


def formula_to_json(formula: Formula) -> Any:
    """A formula as nested lists.

    >>> from .logic import gt
    >>> formula_to_json(Not(gt(sp.Symbol("x"), 0)))
    ['not', ['>', ['symbol', 'x'], 0]]
    """
    if isinstance(formula, Relation):
        return [formula.op, to_json(formula.left), to_json(formula.right)]
    if isinstance(formula, Not):
        return ["not", formula_to_json(formula.part)]
    return ["and" if isinstance(formula, And) else "or", *map(formula_to_json, formula.parts)]


def formula_from_json(data: Any, depth: int = 0) -> Formula:
    """The formula that ``formula_to_json`` wrote. Raises ValueError, with the value, for anything else."""
    if isinstance(data, list) and data and isinstance(data[0], str) and depth <= DEPTH:
        head, *rest = data
        if head in NEGATED and len(rest) == 2:
            return Relation(from_json(rest[0], depth + 1), head, from_json(rest[1], depth + 1))
        if head == "not" and len(rest) == 1:
            return Not(formula_from_json(rest[0], depth + 1))
        if head in ("and", "or"):
            return (And if head == "and" else Or)(tuple(formula_from_json(part, depth + 1) for part in rest))
    raise ValueError(f"Not a formula: {_short(data)}")


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """What a certificate says is proved: hypotheses, lemmas and conclusion.

    Raises ValueError where two symbols share a name: on paper, and in a certificate, they are one.
    """
    lemmas = [use.formula for use in fact.uses]
    symbols = symbols_of(*fact.given, *lemmas, fact.conclusion)
    names = sorted(s.name for s in symbols)
    if twice := [x for x, y in pairwise(names) if x == y]:
        raise ValueError(f"Two symbols are called {twice[0]!r}: their assumptions differ.")
    return {
        "given": [formula_to_json(g) for g in fact.given],
        "lemmas": [formula_to_json(x) for x in lemmas],
        "conclusion": formula_to_json(fact.conclusion),
    }


def refuse_assumptions(fact: Fact) -> None:
    """Raises ValueError if a symbol carries a sign: that would be a hypothesis that the fact does not show."""
    for symbol in sorted(symbols_of(*fact.given, *(u.formula for u in fact.uses), fact.conclusion), key=str):
        if signs := [k for k in ASSUMPTIONS[1:] if getattr(symbol, f"is_{k}")]:
            raise ValueError(f"{symbol} is assumed {signs[0]}: a sign is a hypothesis, not an assumption of a symbol.")


def fact_from_json(data: Any) -> Fact:
    """The fact of a certificate; each lemma is a fact of its own, already at its terms. Raises ValueError for anything else.

    >>> x = sp.Symbol("x", real=True)
    >>> str(fact_from_json(fact_to_json(Fact("", Relation(x, "<", 2), (Relation(x, "<", 1),)))))
    'x < 1 ⊢ x < 2'
    """
    if not isinstance(data, dict) or set(data) != {"given", "lemmas", "conclusion"}:
        raise ValueError(f"Not a fact: {_short(data)}")
    if not isinstance(data["given"], list) or not isinstance(data["lemmas"], list):
        raise ValueError(f"Not lists of formulas: {_short(data['given'])}, {_short(data['lemmas'])}")
    lemmas = tuple(Lemma(Fact("", formula_from_json(x))) for x in data["lemmas"])
    fact = Fact("", formula_from_json(data["conclusion"]), tuple(map(formula_from_json, data["given"])), uses=lemmas)
    fact_to_json(fact)
    return fact


def _short(data: Any) -> str:
    shown = repr(data)
    return shown if len(shown) < 80 else shown[:77] + "…"
