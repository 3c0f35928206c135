"""Formulas over the reals, and facts ``hypotheses ⊢ conclusion``: what the engines decide and what mutations change.

A formula is a tree of ``Relation``, ``And``, ``Or``, ``Not`` over sympy expressions. Nothing is simplified on construction, so
a mutation can reach every node. Variables are plain real symbols: a sign is a hypothesis, never an assumption of a symbol.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

import sympy as sp

__all__ = [
    "And",
    "Defined",
    "Fact",
    "Formula",
    "Lemma",
    "Not",
    "Or",
    "Relation",
    "Status",
    "Verdict",
    "both",
    "eq",
    "expanded",
    "ge",
    "gt",
    "iff",
    "implies",
    "latex",
    "le",
    "lt",
    "ne",
    "relations_of",
    "substitute",
    "symbols_of",
    "text",
    "written",
]

Status = Literal["proved", "undecided", "refuted"]
NEGATED = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}


@dataclass(frozen=True)
class Relation:
    """``left op right`` with op one of = ≠ < ≤ > ≥."""

    left: sp.Expr
    op: str
    right: sp.Expr

    def __post_init__(self) -> None:
        if self.op not in NEGATED:
            raise ValueError(f"A relation is one of {' '.join(NEGATED)}, not {self.op!r}.")
        object.__setattr__(self, "left", sp.sympify(self.left))
        object.__setattr__(self, "right", sp.sympify(self.right))


@dataclass(frozen=True)
class And:
    """All of ``parts``; true if there are none."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True)
class Or:
    """One of ``parts``; false if there are none."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True)
class Not:
    """The negation of ``part``."""

    part: "Formula"


Formula = Relation | And | Or | Not


def eq(x: Any, y: Any) -> Relation:
    """x = y."""
    return Relation(x, "=", y)


def ne(x: Any, y: Any) -> Relation:
    """x ≠ y."""
    return Relation(x, "≠", y)


def gt(x: Any, y: Any) -> Relation:
    """x > y."""
    return Relation(x, ">", y)


def ge(x: Any, y: Any) -> Relation:
    """x ≥ y."""
    return Relation(x, "≥", y)


def lt(x: Any, y: Any) -> Relation:
    """x < y."""
    return Relation(x, "<", y)


def le(x: Any, y: Any) -> Relation:
    """x ≤ y."""
    return Relation(x, "≤", y)


def both(*parts: Formula) -> Formula:
    """The conjunction; one part alone stays as it is."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def implies(x: Formula, y: Formula) -> Formula:
    """x ⟹ y."""
    return Or((Not(x), y))


def iff(x: Formula, y: Formula) -> Formula:
    """x ⟺ y."""
    return And((implies(x, y), implies(y, x)))


@dataclass(frozen=True)
class Lemma:
    """A proven fact used as a hypothesis, with ``at`` in place of its own variables."""

    fact: "Fact"
    at: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    @property
    def formula(self) -> Formula:
        """(hypotheses ⟹ conclusion) at the given terms, where these and all that they replace are defined.

        A term may cancel once it is put in: x y = 1 ⟹ y ≠ 0 at x = 1/y would say y ≠ 0 of every y.
        """
        given, conclusion = self.fact.given, self.fact.conclusion
        if self.at:
            from .domains import demands

            sides = [side for r in relations_of(both(*given, conclusion)) for side in (r.left, r.right)]
            guards = dict.fromkeys([*demands(*sides), *demands(*(v for _, v in self.at))])
            given = (*given, *(g for g in guards if g not in given))
        whole = conclusion if not given else implies(both(*given), conclusion)
        return substitute(whole, dict(self.at))


@dataclass(frozen=True)
class Fact:
    """``given ⊢ conclusion`` for all real values of its symbols (where both sides are defined), for one engine to decide.

    ``engine`` is "identity", "interval" or "polynomial"; ``uses`` are proven facts it may take as hypotheses. Hypotheses that
    contradict each other are an error, unless the fact ``may_be_empty`` (a face of a region that no point lies on).
    """

    words: str
    conclusion: Formula
    given: tuple[Formula, ...] = ()
    engine: str = "polynomial"
    uses: tuple[Lemma, ...] = ()
    may_be_empty: bool = False

    def __str__(self) -> str:
        return (", ".join(text(g) for g in self.given) + " ⊢ " if self.given else "⊢ ") + text(self.conclusion)

    def at(self, values: Mapping[sp.Symbol, Any] | None = None) -> Lemma:
        """This fact as a lemma, with other terms for its variables."""
        return Lemma(self, tuple((k, sp.sympify(v)) for k, v in (values or {}).items()))

    def with_(self, **changes: Any) -> "Fact":
        """A copy with other fields."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Verdict:
    """What an engine says of a fact: never more than it has decided.

    ``counter_example`` maps names to exact values (as text) at which the hypotheses hold and the conclusion fails;
    ``certificate`` is JSON that the second implementation can check alone.
    """

    status: Status
    engine: str
    note: str = ""
    counter_example: Mapping[str, str] | None = None
    certificate: Mapping[str, Any] | None = None
    seconds: float = field(default=0.0, compare=False)


class Defined(sp.Function):
    """A function with a name in proofs: engines see an atom with a derivative (``fdiff``), ``expanded`` its definition."""

    @classmethod
    def definition(cls, *arguments: sp.Expr) -> sp.Expr:
        """The expression that the name stands for."""
        raise NotImplementedError


def expanded(expression: sp.Expr) -> sp.Expr:
    """``Defined`` functions replaced by their definitions, throughout."""
    return sp.sympify(expression).replace(lambda e: isinstance(e, Defined), lambda e: e.definition(*e.args))


def substitute(formula: Formula, values: Mapping[sp.Symbol, Any]) -> Formula:
    """Terms for symbols, all at once, throughout a formula."""
    if isinstance(formula, Relation):
        left, right = (side.subs(dict(values), simultaneous=True) for side in (formula.left, formula.right))
        return Relation(left, formula.op, right)
    if isinstance(formula, Not):
        return Not(substitute(formula.part, values))
    return type(formula)(tuple(substitute(p, values) for p in formula.parts))


def relations_of(formula: Formula) -> list[Relation]:
    """The relations that a formula is made of, in order."""
    if isinstance(formula, Relation):
        return [formula]
    return [r for part in ([formula.part] if isinstance(formula, Not) else formula.parts) for r in relations_of(part)]


def symbols_of(*formulas: Formula) -> set[sp.Symbol]:
    """All free symbols."""
    sides = (side for f in formulas for r in relations_of(f) for side in (r.left, r.right))
    return reduce(set.union, (side.free_symbols for side in sides), set())


def text(formula: Formula) -> str:
    """A formula on one line.

    >>> x = sp.Symbol("x", real=True)
    >>> text(implies(gt(x, 1), gt(x**2, 1)))
    'x > 1 ⟹ x² > 1'
    """
    return _show(formula, written, (" and ", " or ", " ⟹ ", "not "))


def written(term: sp.Expr) -> str:
    """A term on one line, in the letters of the papers.

    >>> written(sp.Symbol("theta_0") ** 2 * sp.pi / sp.Symbol("beta_plus"))
    'π*θ0²/β₊'
    """
    return _POWER.sub(lambda m: m[1].translate(_RAISED), _NAME.sub(_letter, str(term)))


_GREEK = {
    "alpha": "α", "beta": "β", "delta": "δ", "Delta": "Δ", "ell": "ℓ", "epsilon": "ε",
    "eta": "η", "kappa": "κ", "mu": "μ", "omega": "ω", "phi": "φ", "pi": "π",
    "psi": "ψ", "rho": "ρ", "sigma": "σ", "varsigma": "ς", "sqrt": "√", "theta": "θ", "lambda": "λ",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z]+(?:_\w+)?")
_POWER = re.compile(r"\*\*(\d+)")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _letter(match: re.Match[str]) -> str:
    head, _, index = match[0].partition("_")
    tail = {"plus": "₊", "minus": "₋", "": ""}.get(index, index if index.isdigit() else f"_{index}")
    return _GREEK.get(head, head) + tail


def latex(formula: Formula) -> str:
    """A formula in LaTeX, without delimiters."""
    return _show(formula, _typeset, (r" \;\wedge\; ", r" \;\vee\; ", r" \implies ", r"\neg "), _LATEX)


def _typeset(term: sp.Expr) -> str:
    ends, names = {"plus": "+", "minus": "-"}, {}
    for symbol in term.free_symbols:
        head, _, end = symbol.name.rpartition("_")
        if end in ends:
            names[symbol] = f"{head if len(head) == 1 else chr(92) + head}_{{{ends[end]}}}"
    return sp.latex(term, symbol_names=names)


_LATEX = {"≠": r"\neq", "≤": r"\leq", "≥": r"\geq"}


def _show(formula: Formula, term: Any, words: tuple[str, str, str, str], ops: Mapping[str, str] | None = None) -> str:
    def inner(f: Formula) -> str:
        shown = _show(f, term, words, ops)
        return shown if isinstance(f, Relation) else f"({shown})"

    if isinstance(formula, Relation):
        return f"{term(formula.left)} {(ops or {}).get(formula.op, formula.op)} {term(formula.right)}"
    if isinstance(formula, Not):
        return words[3] + inner(formula.part)
    parts = formula.parts
    if isinstance(formula, Or) and len(parts) == 2 and isinstance(parts[0], Not):
        return inner(parts[0].part) + words[2] + inner(parts[1])
    if not parts:
        return "true" if isinstance(formula, And) else "false"
    return (words[0] if isinstance(formula, And) else words[1]).join(inner(p) for p in parts)
