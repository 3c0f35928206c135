"""One door to all engines: ``decide`` a fact by the engine it names, once."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import sympy as sp

from . import identities, intervals, polynomials, search
from .logic import Defined, Fact, Formula, Lemma, Not, Or, Relation, Verdict, expanded, relations_of
from .terms import fact_to_json

__all__ = ["certified", "decide", "spelled_out"]


@cache
def decide(fact: Fact) -> Verdict:
    """The engine's verdict; its lemmas are facts of their own, that whoever calls must have decided as well.

    Raises ValueError for an engine that does not exist.
    """
    began = time.perf_counter()
    if fact.engine not in ENGINES:
        raise ValueError(f"Unknown engine {fact.engine!r}; there are {', '.join(ENGINES)}.")
    return replace(ENGINES[fact.engine](fact), seconds=time.perf_counter() - began)


def _polynomial(fact: Fact) -> Verdict:
    """Defined functions are atoms to z3; points are looked for with their definitions.

    Raises ValueError for two functions of one name.
    """
    _require_one_meaning(fact)
    named = _mapped(fact, _as_atom)
    verdict = polynomials.decide(named)
    if verdict.note.startswith("vacuous") and fact.may_be_empty:
        return polynomials.decide(named.with_(conclusion=Or(())))
    if verdict.status == "undecided" and named != fact:
        point = search.counter_example(spelled_out(fact))
        return verdict if point is None else replace(verdict, status="refuted", note="", counter_example=point)
    return verdict


def _require_one_meaning(fact: Fact) -> None:
    formulas = (*fact.given, fact.conclusion, *(u.formula for u in fact.uses))
    nodes = {n.func for f in formulas for r in relations_of(f) for side in (r.left, r.right) for n in side.atoms(sp.Function)}
    named = [n for n in nodes if issubclass(n, Defined)]
    for n in named:
        if any(other is not n and other.__name__ == n.__name__ for other in nodes):
            raise ValueError(f"Two functions are called {n.__name__!r}.")


def spelled_out(fact: Fact) -> Fact:
    """The same fact with every ``Defined`` function replaced by its definition."""
    return _mapped(fact, expanded)


def _as_atom(expression: sp.Expr) -> sp.Expr:
    return expression.replace(lambda e: isinstance(e, Defined), lambda e: sp.Function(type(e).__name__)(*e.args))


def _mapped(fact: Fact, change: Callable[[sp.Expr], sp.Expr]) -> Fact:
    def formula(f: Formula) -> Formula:
        if isinstance(f, Relation):
            return Relation(change(f.left), f.op, change(f.right))
        return Not(formula(f.part)) if isinstance(f, Not) else type(f)(tuple(formula(p) for p in f.parts))

    uses = tuple(Lemma(_mapped(u.fact, change), u.at) for u in fact.uses)
    return fact.with_(conclusion=formula(fact.conclusion), given=tuple(formula(g) for g in fact.given), uses=uses)


def certified(fact: Fact) -> list[dict[str, Any]]:
    """The statements, as JSON, one of which a certificate of the fact makes; ``decide`` puts them to the engine."""
    if fact.engine != "polynomial":
        return [fact_to_json(spelled_out(fact))]
    named = _mapped(fact, _as_atom)
    return [fact_to_json(f) for f in (named, *([named.with_(conclusion=Or(()))] if fact.may_be_empty else ()))]


ENGINES: dict[str, Callable[[Fact], Verdict]] = {
    "identity": lambda fact: identities.decide(spelled_out(fact)),
    "interval": lambda fact: intervals.decide(spelled_out(fact)),
    "polynomial": _polynomial,
}
