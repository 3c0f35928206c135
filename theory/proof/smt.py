"""A fact as an SMT-LIB 2 script over the reals: unsatisfiable exactly where its polynomial skeleton is a theorem.

What is not polynomial becomes a fresh real with axioms that hold of it:

| term                       | axioms                                                                                   |
|----------------------------|------------------------------------------------------------------------------------------|
| b**−n, b**(p/n)            | b ≠ 0 ⟹ y b = 1; b ≥ 0 ⟹ y ≥ 0 ∧ yⁿ = b; y is arbitrary elsewhere                        |
| \\|e\\|, max, min, sign    | by cases (``ite``), no fresh real                                                        |
| sin u, cos u               | sin² + cos² = 1; sums and multiples of angles are expanded first                         |
| sinh u, cosh u, tanh u     | cosh² − sinh² = 1, cosh ≥ 1; tanh cosh = sinh, −1 < tanh < 1                             |
| exp u                      | > 0; exp(−u) is 1/exp(u), sums and multiples are powers                                  |
| π, e, atan u               | 3.14159 < π < 3.1416, 2.718 < e < 2.719, −π/2 < atan u < π/2                             |
| log, asin, g(u), …         | none                                                                                     |

Equal terms are one real. A hypothesis or conclusion must hold whatever an undefined term is taken for, and a lemma speaks only
where its terms are defined: 1/0 can neither prove nor hide anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import sympy as sp
from sympy.core.function import AppliedUndef

from .logic import And, Fact, Formula, Not, Relation, symbols_of, text
from .terms import fact_to_json, refuse_assumptions

__all__ = ["Script", "script"]

MAX_POWER = 64
OPERATORS = {"=": "=", "<": "<", "≤": "<=", ">": ">", "≥": ">="}
DOMAINS = {  # where a function without axioms is defined, as (lower, upper, strict)
    sp.log: ("0", None, True),
    sp.gamma: ("0", None, True),
    sp.asin: ("(- 1)", "1", False),
    sp.acos: ("(- 1)", "1", False),
    sp.acosh: ("1", None, False),
    sp.atanh: ("(- 1)", "1", True),
}
BARE = (sp.asinh, sp.erf, sp.erfc, *DOMAINS)


@dataclass
class Script:
    """Assertions by kind; ``variables`` maps SMT names to the terms they stand for, symbols and abstracted atoms alike."""

    variables: dict[str, sp.Expr] = field(default_factory=dict)
    names: dict[sp.Expr, str] = field(default_factory=dict)
    axioms: list[str] = field(default_factory=list)
    given: list[tuple[str, str]] = field(default_factory=list)
    lemmas: list[tuple[str, str]] = field(default_factory=list)
    conclusion: tuple[str, str] = ("", "")
    domain: dict[str, None] = field(default_factory=dict)

    def source(self, *, negated: bool = True) -> str:
        """The script; without the negated conclusion it asks whether hypotheses and lemmas are consistent."""
        lines = ["(set-logic QF_NRA)", *(f"(declare-const |{name}| Real)" for name in self.variables)]
        lines += [f"(assert {axiom})" for axiom in dict.fromkeys(self.axioms)]
        kinds = [("hypothesis", g) for g in self.given] + [("lemma", x) for x in self.lemmas]
        kinds += [("not", self.conclusion)] if negated else []
        for kind, (shown, smt) in kinds:
            lines += [f"; {kind}: {shown}", f"(assert {f'(not {smt})' if kind == 'not' else smt})"]
        return "\n".join([*lines, "(check-sat)", ""])

    def formula(self, formula: Formula) -> str:
        """A formula; notes in ``domain`` what its terms need to be defined."""
        if isinstance(formula, Not):
            return f"(not {self.formula(formula.part)})"
        if isinstance(formula, Relation):
            left, right = self.term(formula.left), self.term(formula.right)
            return f"(not (= {left} {right}))" if formula.op == "≠" else f"({OPERATORS[formula.op]} {left} {right})"
        return _join("and" if isinstance(formula, And) else "or", [self.formula(p) for p in formula.parts])

    def term(self, e: sp.Expr) -> str:
        """A term. Raises ValueError for a node that is not listed above (Float, Piecewise, Integral, …)."""
        if isinstance(e, sp.Rational):
            return _rational(e)
        if e.is_Symbol:
            return self._variable(e, e.name)
        if isinstance(e, sp.Add | sp.Mul):
            return _apply("+" if e.is_Add else "*", [self.term(x) for x in e.args])
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Abs | sp.sign | sp.Max | sp.Min):
            return self._cases(e)
        return self._atom(e)

    def _variable(self, e: sp.Expr, name: str) -> str:
        if e not in self.names:
            name += "'" * sum(other == name for other in self.variables)
            if {"|", "\\"} & set(name) or name in self.variables:
                raise ValueError(f"Not a name for a variable: {name!r}")
            self.names[e], self.variables[name] = name, e
        return f"|{self.names[e]}|"

    def _power(self, e: sp.Pow) -> str:
        base, exponent = e.args
        if not isinstance(exponent, sp.Rational) or max(abs(exponent.p), exponent.q) > MAX_POWER:
            raise ValueError(f"Pow with exponent {exponent} is not polynomial: {e}")
        inner, root = self.term(base), base
        if exponent.q > 1:
            self.domain[f"(>= {inner} 0)"] = None
            root, outer = sp.Pow(base, sp.Rational(1, exponent.q), evaluate=False), inner
            fresh = root not in self.names
            inner = self._variable(root, str(root))
            if fresh:
                self.axioms.append(f"(=> (>= {outer} 0) (and (>= {inner} 0) (= {_times(inner, exponent.q)} {outer})))")
        if exponent.p < 0:
            self.domain[f"(not (= {inner} 0))"] = None
            inner = self._inverse(root, inner)
        return _times(inner, abs(exponent.p))

    def _inverse(self, e: sp.Expr, smt: str) -> str:
        """1/e, for any e whose term is ``smt``."""
        inverse = sp.Pow(e, -1, evaluate=False)
        fresh = inverse not in self.names
        name = self._variable(inverse, str(inverse))
        if fresh:
            self.axioms.append(f"(=> (not (= {smt} 0)) (= (* {name} {smt}) 1))")
        return name

    def _cases(self, e: sp.Expr) -> str:
        parts = [self.term(x) for x in e.args]
        if isinstance(e, sp.Abs):
            return f"(ite (>= {parts[0]} 0) {parts[0]} (- {parts[0]}))"
        if isinstance(e, sp.sign):
            return f"(ite (> {parts[0]} 0) 1 (ite (< {parts[0]} 0) (- 1) 0))"
        order, best = ">=" if isinstance(e, sp.Max) else "<=", parts[0]
        for other in parts[1:]:
            best = f"(ite ({order} {best} {other}) {best} {other})"
        return best

    def _atom(self, e: sp.Expr) -> str:
        rule = RULES.get(type(e))
        if isinstance(e, AppliedUndef) or type(e) in BARE:
            rule = Script._bare
        if rule is None:
            raise ValueError(f"{type(e).__name__} has no place in a polynomial fact: {e}")
        return rule(self, e)

    def _fresh(self, e: sp.Expr, *axioms: str) -> str:
        """The real that stands for e, its arguments translated for what they need to be defined; axioms write it as @."""
        for part in e.args:
            self.term(part)
        known = e in self.names
        name = self._variable(e, f"{e}" if e.args else f"constant {e}")
        if not known:
            self.axioms += [a.replace("@", name) for a in axioms]
        return name

    def _bare(self, e: sp.Expr) -> str:
        lower, upper, strict = DOMAINS.get(type(e), (None, None, True))
        less = "<" if strict else "<="
        if lower:
            self.domain[f"({less} {lower} {self.term(e.args[0])})"] = None
        if upper:
            self.domain[f"({less} {self.term(e.args[0])} {upper})"] = None
        return self._fresh(e)

    def _circular(self, e: sp.Expr) -> str:
        if (wider := sp.expand_trig(e)) != e:
            return self.term(wider)
        u = e.args[0]
        sine, cosine = sp.sin(u, evaluate=False), sp.cos(u, evaluate=False)
        x, y = self._fresh(sine), self._fresh(cosine)
        self.axioms.append(f"(= (+ (* {x} {x}) (* {y} {y})) 1)")
        return self._fresh(e)

    def _hyperbolic(self, e: sp.Expr) -> str:
        if (wider := sp.expand_trig(e)) != e and not e.has(sp.tanh):
            return self.term(wider)
        u = e.args[0]
        x, y = self._fresh(sp.sinh(u, evaluate=False)), self._fresh(sp.cosh(u, evaluate=False))
        self.axioms += [f"(= (- (* {y} {y}) (* {x} {x})) 1)", f"(>= {y} 1)"]
        if isinstance(e, sp.tanh):
            return self._fresh(e, "(< (- 1) @)", "(< @ 1)", f"(= (* @ {y}) {x})")
        return self._fresh(e)

    def _quotient(self, e: sp.Expr) -> str:
        above, below = QUOTIENTS[type(e)](e.args[0])
        smt = self.term(below)
        self.domain[f"(not (= {smt} 0))"] = None
        return f"(* {self.term(above)} {self._inverse(below, smt)})"

    def _exponential(self, e: sp.Expr) -> str:
        u = e.args[0]
        if isinstance(u, sp.Add):
            return _apply("*", [self._exponential(sp.exp(x, evaluate=False)) for x in u.args])
        factor, rest = u.as_coeff_Mul()
        if factor < 0:
            return self._inverse(sp.exp(-u, evaluate=False), self._exponential(sp.exp(-u, evaluate=False)))
        if rest == 1:
            return self._power(sp.Pow(sp.E, factor, evaluate=False))
        if isinstance(factor, sp.Integer) and 1 < factor <= MAX_POWER:
            return _times(self._fresh(sp.exp(rest, evaluate=False), "(> @ 0)"), int(factor))
        return self._fresh(e, "(> @ 0)")

    def _pi(self, e: sp.Expr) -> str:
        return self._fresh(e, "(< (/ 314159 100000) @)", "(< @ (/ 31416 10000))")

    def _e(self, e: sp.Expr) -> str:
        return self._fresh(e, "(< (/ 2718 1000) @)", "(< @ (/ 2719 1000))")

    def _arctangent(self, e: sp.Expr) -> str:
        pi = self._pi(sp.pi)
        return self._fresh(e, f"(< (- {pi}) (* 2 @))", f"(< (* 2 @) {pi})")


QUOTIENTS = {
    sp.tan: lambda u: (sp.sin(u), sp.cos(u)),
    sp.cot: lambda u: (sp.cos(u), sp.sin(u)),
    sp.sec: lambda u: (sp.Integer(1), sp.cos(u)),
    sp.csc: lambda u: (sp.Integer(1), sp.sin(u)),
    sp.coth: lambda u: (sp.cosh(u), sp.sinh(u)),
}
RULES = {
    **dict.fromkeys((sp.sin, sp.cos), Script._circular),
    **dict.fromkeys((sp.sinh, sp.cosh, sp.tanh), Script._hyperbolic),
    **dict.fromkeys(QUOTIENTS, Script._quotient),
    sp.exp: Script._exponential,
    sp.atan: Script._arctangent,
    type(sp.pi): Script._pi,
    type(sp.E): Script._e,
}


def script(fact: Fact, *, given: Iterable[Formula] | None = None, lemmas: Iterable[Formula] | None = None) -> Script:
    """The script of a fact, perhaps with other hypotheses or lemmas.

    >>> x = sp.Symbol("x", real=True)
    >>> print(script(Fact("", Relation(x, ">", 0), (Relation(x, ">", 1),))).source())
    (set-logic QF_NRA)
    (declare-const |x| Real)
    ; hypothesis: x > 1
    (assert (> |x| 1))
    ; not: x > 0
    (assert (not (> |x| 0)))
    (check-sat)
    <BLANKLINE>
    """
    fact_to_json(fact)
    refuse_assumptions(fact)
    out = Script()
    used = [use.formula for use in fact.uses] if lemmas is None else list(lemmas)
    premises = list(fact.given if given is None else given)
    for symbol in sorted(symbols_of(*premises, *used, fact.conclusion), key=str):
        out.term(symbol)
    out.given = [(text(g), out.formula(g)) for g in premises]
    for lemma in used:
        out.domain = {}
        smt = out.formula(lemma)
        out.lemmas.append((text(lemma), f"(=> {_join('and', list(out.domain))} {smt})" if out.domain else smt))
    out.conclusion = text(fact.conclusion), out.formula(fact.conclusion)
    return out


def _join(word: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({word} {' '.join(parts)})" if parts else "true" if word == "and" else "false"


def _apply(word: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({word} {' '.join(parts)})"


def _times(term: str, n: int) -> str:
    return _apply("*", [term] * n)


def _rational(x: sp.Rational) -> str:
    size = f"{abs(x.p)}" if x.q == 1 else f"(/ {abs(x.p)} {x.q})"
    return f"(- {size})" if x.p < 0 else size
