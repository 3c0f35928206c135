"""Engine for polynomial facts: z3 shows that hypotheses, lemmas and the negated conclusion have no common real solution.

Transcendental terms are reals of their own here (``smt.py``), so a solution of the script refutes nothing by itself: it is
shown as the counter-model of the hypotheses used, and a fact is refuted only at a point that ``search`` confirms. Effort is
bounded by z3's own counter of steps, so that a verdict does not depend on the machine (a clock guards against long steps).

A certificate holds the fact and the script, which any SMT solver reads. ``recheck`` translates the fact a second time, by code
of its own (``second.py``), and asks cvc5 where that is installed, else z3 again.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import sympy as sp
import z3

from . import search, second
from .exact import rational
from .logic import Fact, Or, Verdict, text
from .normal import NotDecided
from .smt import Script, script
from .terms import fact_from_json, fact_to_json

__all__ = ["SCHEMA", "consistent", "decide", "needed", "recheck"]

SCHEMA = "signescape/polynomial/1"
STEPS_PER_MS = 500  # z3 takes from 50 to 10,000 of its steps in a millisecond; the facts of T1–T5 take 200 to 70,000 in all
CLOCK = 2
DIGITS = 12
FALSE = Or(())

Answer = Literal["unsat", "sat", "unknown"]


@dataclass(frozen=True)
class Solution:
    """What z3 answers to a script; ``model`` maps names of variables to exact or rounded rationals."""

    answer: Answer
    model: Mapping[str, sp.Rational]
    reason: str = ""


def solve(source: str, timeout_ms: int = 2000) -> Solution:
    """z3's answer to a script: first by cylindrical decomposition, then by its general solver.

    The same script and limit give the same answer: each call has its own context, and the limit is in steps. Only where steps
    are so long that a clock of ``CLOCK`` times the limit runs out does the answer, unknown, depend on the machine.
    """
    found = Solution("unknown", {}, "not asked")
    for tactic in ("qfnra-nlsat", "smt"):
        context = z3.Context()
        solver = z3.Tactic(tactic, ctx=context).solver() if tactic != "smt" else z3.SimpleSolver(ctx=context)
        solver.set("rlimit", timeout_ms * STEPS_PER_MS)
        solver.set("timeout", CLOCK * timeout_ms)
        solver.from_string(source)
        answer = str(solver.check())
        if answer == "unsat":
            return Solution("unsat", {})
        if answer == "sat":
            return Solution("sat", _values(solver.model()))
        found = Solution("unknown", {}, solver.reason_unknown())
    return found


def _values(model: z3.ModelRef) -> dict[str, sp.Rational]:
    out = {}
    for entry in model.decls():
        value = model[entry]
        if z3.is_algebraic_value(value):
            value = value.approx(DIGITS)
        if z3.is_rational_value(value):
            out[entry.name()] = sp.Rational(value.numerator_as_long(), value.denominator_as_long())
    return out


def decide(fact: Fact, timeout_ms: int = 2000) -> Verdict:
    """Whether hypotheses and lemmas imply the conclusion over the reals, in at most ``timeout_ms`` (about) for each question.

    "proved" comes with a certificate; "refuted" with a confirmed point; all else is "undecided", with what is known in the
    note: the counter-model of the hypotheses used, or "vacuous" where they contradict each other (unless the conclusion is
    ``Or(())``, false: then that was to be shown). Raises ValueError for terms that are not polynomial in known functions.

    >>> x, y = sp.symbols("x y", real=True)
    >>> from .logic import ge, gt
    >>> decide(Fact("", ge(x**2 + y**2, 2 * x * y))).status
    'proved'
    >>> decide(Fact("", gt(x**2 + y**2, 2 * x * y))).counter_example
    {'x': '0', 'y': '0'}
    """
    began = time.perf_counter()
    status, note, point, certificate = _decide(fact, timeout_ms)
    return Verdict(status, "z3", note, point, certificate, time.perf_counter() - began)


def _decide(fact: Fact, timeout_ms: int) -> tuple[Any, str, Mapping[str, str] | None, Mapping[str, Any] | None]:
    query = script(fact)
    source = query.source()
    solution = solve(source, timeout_ms)
    if solution.answer == "unsat":
        alone = solve(query.source(negated=False), timeout_ms).answer if fact.conclusion != FALSE else "sat"
        if alone == "unsat":
            return "undecided", "vacuous: the hypotheses and lemmas contradict each other", None, None
        certificate = {"schema": SCHEMA, "engine": "z3", "statement": str(fact), "fact": fact_to_json(fact), "smt2": source}
        return "proved", "whether the hypotheses can hold is open" * (alone == "unknown"), None, certificate
    point = search.counter_example(fact, hints=hints(query, solution.model))
    if point is not None:
        return "refuted", "", point, None
    if solution.answer == "unknown":
        return "undecided", f"z3 gave up: {solution.reason}", None, None
    return "undecided", f"counter-model of the hypotheses used: {_shown(query, solution.model)}", None, None


def _shown(query: Script, model: Mapping[str, sp.Rational]) -> str:
    """A model as text, with a word on quotients that it leaves undefined."""
    terms = {query.variables[k]: v for k, v in sorted(model.items()) if k in query.variables}
    point = {k: Fraction(v.p, v.q) for k, v in terms.items()}
    poles = [k for k in terms if isinstance(k, sp.Pow) and k.args[1] == -1 and rational(k.args[0], point) == 0]
    shown = ", ".join(f"{k} = {_short(v)}" for k, v in terms.items() if k not in poles)
    return shown + "".join(f"; {k} is undefined there" for k in poles)


def hints(query: Script, model: Mapping[str, sp.Rational]) -> tuple[dict[sp.Symbol, sp.Rational], ...]:
    """Points at which to look for a counter-example: the model's own, and one with angles taken from its sines and cosines."""
    terms = {query.variables[name]: value for name, value in model.items() if name in query.variables}
    plain = {term: value for term, value in terms.items() if term.is_Symbol}
    turned = dict(plain)
    for term, value in terms.items():
        if isinstance(term, sp.sin) and term.args[0].is_Symbol and (other := terms.get(sp.cos(term.args[0]))) is not None:
            turned[term.args[0]] = sp.Rational(str(sp.N(sp.atan2(value, other), DIGITS)))
    return (plain,) if turned == plain else (plain, turned)


def consistent(fact: Fact) -> dict[str, str] | None:
    """A confirmed point at which all hypotheses hold, or None where none was found (they may still be consistent).

    >>> x = sp.Symbol("x", real=True)
    >>> from .logic import gt, lt
    >>> consistent(Fact("", gt(x, 0), (gt(x, 2),))), consistent(Fact("", gt(x, 0), (gt(x, 2), lt(x, 1))))
    ({'x': '3'}, None)
    """
    query = script(fact.with_(conclusion=FALSE), lemmas=())
    return search.counter_example(fact.with_(conclusion=FALSE, uses=()), hints=hints(query, solve(query.source()).model))


def needed(fact: Fact, timeout_ms: int = 2000) -> dict[str, Verdict]:
    """The verdict without each hypothesis and each lemma in turn, by its text: still "proved" means it is not load-bearing."""
    out = {}
    for i, part in enumerate(fact.given):
        out[text(part)] = decide(fact.with_(given=fact.given[:i] + fact.given[i + 1 :]), timeout_ms)
    for i, use in enumerate(fact.uses):
        out[f"lemma {text(use.formula)}"] = decide(fact.with_(uses=fact.uses[:i] + fact.uses[i + 1 :]), timeout_ms)
    return out


def recheck(certificate: Mapping[str, Any], timeout_ms: int = 2000) -> tuple[bool, str]:
    """(True, by what) if a second translation of the certificate's fact is unsatisfiable too, else (False, why not).

    The script in the certificate must also be the one that its fact gives, so that neither can be exchanged.

    >>> x = sp.Symbol("x", real=True)
    >>> from .logic import ge
    >>> recheck(decide(Fact("", ge(x**2, 0))).certificate)[0]
    True
    """
    try:
        if certificate["schema"] != SCHEMA:
            return False, f"not a certificate of this engine: {certificate['schema']!r}"
        fact = fact_from_json(certificate["fact"])
        if _bare(script(fact).source()) != _bare(certificate["smt2"]):
            return False, "the script is not that of the fact"
        source = second.script(**certificate["fact"])
    except NotDecided as error:
        return False, f"not re-checked: {error}"
    except (KeyError, TypeError, ValueError) as error:
        return False, f"corrupt certificate: {error}"
    other = second.by_cvc5(source)
    if other == "unsat":
        return True, "second translation, cvc5"
    again = solve(source, timeout_ms).answer if other != "sat" else "sat"
    note = "not installed" if other == "missing" else "undecided"
    return (True, f"second translation, z3 (cvc5: {note})") if again == "unsat" else (False, f"second translation: {again}")


def _bare(source: str) -> list[str]:
    return [line for line in source.splitlines() if not line.startswith(";")]


def _short(x: sp.Rational) -> str:
    return str(x) if len(str(x)) <= DIGITS else str(sp.N(x, 6))
