"""Every mutant of a claim, and what becomes of it: a checker that accepts what is false is worth nothing.

Each operator, function, constant, relation and hypothesis is changed once, one at a time:

| part                  | mutants                                                                      |
|-----------------------|------------------------------------------------------------------------------|
| relation              | strict ↔ non-strict (= ↔ ≠), and the other direction                          |
| hypothesis, lemma     | left out                                                                     |
| sum                   | its first term with the other sign                                           |
| product               | its first factor squared                                                     |
| number (exponents too)| one more                                                                     |
| π                     | 3                                                                            |
| sin ↔ cos             | exchanged                                                                    |

Facts are changed as they stand. Of paths, their starts and the flow's field are changed, or a step's result withheld, and all
premises are computed and proved again. A mutant is *refused* (refuted at a point, undecided, or not well formed), or it is
proved like the original: then it is *equivalent*, with the reason, which an engine has checked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp

from .engines import decide
from .flows import Group, Node, Path, Step, facts_of, mutated
from .logic import And, Fact, Formula, Not, Or, Relation, implies, text, written

__all__ = ["Mutant", "Outcome", "altered_formulas", "altered_terms", "claim_mutants", "judge", "mutants_of"]

WEAKER = {">": "≥", "≥": ">", "<": "≤", "≤": "<", "=": "≠", "≠": "="}
TURNED = {">": "<", "<": ">", "≥": "≤", "≤": "≥"}


@dataclass(frozen=True)
class Mutant:
    """A changed fact, or a changed path (``build`` gives its proof); ``original`` is the fact it comes from."""

    words: str
    fact: Fact | None = None
    original: Fact | None = None
    build: Callable[[], Node] | None = None


@dataclass(frozen=True)
class Outcome:
    """ "refused" or "equivalent", and why; a counter-example where one was found."""

    words: str
    status: str
    reason: str
    counter_example: dict[str, str] | None = None


def altered_terms(term: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    """Every term with one node changed, and what was changed."""
    term = sp.sympify(term)
    for words, other in _here(term):
        if other != term:
            yield words, other
    for i, part in enumerate(term.args):
        for words, other in altered_terms(part):
            yield words, term.func(*term.args[:i], other, *term.args[i + 1 :])


def _here(term: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    if isinstance(term, sp.Rational):
        yield f"{term} → {term + 1}", term + 1
    elif term == sp.pi:
        yield "π → 3", sp.Integer(3)
    elif isinstance(term, sp.Add):
        first, *rest = term.as_ordered_terms()
        yield f"+ → − before {first}", sp.Add(-first, *rest)
    elif isinstance(term, sp.Mul):
        first, *rest = (f for f in term.as_ordered_factors() if f not in (1, -1))
        yield f"{first} squared", sp.Mul(term / first, first, first)
    elif isinstance(term, sp.sin | sp.cos):
        other = sp.cos if isinstance(term, sp.sin) else sp.sin
        yield f"{term.func} → {other}", other(*term.args)


def altered_formulas(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """Every formula with one relation or one node of a term changed."""
    if isinstance(formula, Relation):
        for table in (WEAKER, TURNED):
            if formula.op in table:
                yield f"{formula.op} → {table[formula.op]}", Relation(formula.left, table[formula.op], formula.right)
        for words, left in altered_terms(formula.left):
            yield words, Relation(left, formula.op, formula.right)
        for words, right in altered_terms(formula.right):
            yield words, Relation(formula.left, formula.op, right)
    elif isinstance(formula, Not):
        yield "negation left out", formula.part
        for words, part in altered_formulas(formula.part):
            yield words, Not(part)
    else:
        other = Or if isinstance(formula, And) else And
        if len(formula.parts) > 1:
            yield ("and → or" if other is Or else "or → and"), other(formula.parts)
        for i, part in enumerate(formula.parts):
            for words, changed in altered_formulas(part):
                yield words, type(formula)((*formula.parts[:i], changed, *formula.parts[i + 1 :]))


def mutants_of(fact: Fact) -> Iterator[Mutant]:
    """Every fact with one change."""
    for words, conclusion in altered_formulas(fact.conclusion):
        yield Mutant(f"conclusion: {words}", fact.with_(conclusion=conclusion), fact)
    for i, given in enumerate(fact.given):
        others = fact.given[:i], fact.given[i + 1 :]
        yield Mutant(f"without the hypothesis {text(given)}", fact.with_(given=(*others[0], *others[1])), fact)
        for words, changed in altered_formulas(given):
            yield Mutant(f"hypothesis {text(given)}: {words}", fact.with_(given=(*others[0], changed, *others[1])), fact)
    for i, use in enumerate(fact.uses):
        yield Mutant(f"without the lemma {use.fact.words}", fact.with_(uses=fact.uses[:i] + fact.uses[i + 1 :]), fact)


def path_mutants(build: Callable[[], Sequence[Any]]) -> Iterator[Mutant]:
    """The proof that ``build`` gives, with one start or component of a field changed, or the result of one step withheld."""
    with mutated() as found:
        original = frozenset(facts_of(*build()))
    for index, statement in enumerate(found.said):
        changes = altered_formulas(statement) if isinstance(statement, Formula) else altered_terms(statement)
        for change, other in changes:
            shown = text(statement) if isinstance(statement, Formula) else f"field {written(statement)}"
            yield Mutant(f"{shown}: {change}", build=partial(_changed, build, original, index=index, other=other))
    for path, name in found.steps:
        yield Mutant(f"{path}: without {name}", build=partial(_changed, build, original, withheld=(path, name)))


def _changed(build: Callable[[], Sequence[Any]], original: frozenset[Fact], **change: Any) -> Node:
    with mutated(**change):
        return Group("mutant", tuple(f for f in facts_of(*build()) if f not in original))


def step_mutants(step: Step) -> Iterator[Mutant]:
    """A step of a path without one of its lemmas."""
    for use in dict.fromkeys(u for f in step.facts for u in f.uses):
        facts = tuple(f.with_(uses=tuple(u for u in f.uses if u != use)) for f in step.facts if use in f.uses)
        yield Mutant(f"{step.words}: without the lemma {use.fact.words}", build=partial(Group, "mutant", facts))


def claim_mutants(build: Callable[[], Sequence[Any]]) -> Iterator[Mutant]:
    """All mutants of a claim: of the facts it states, of its paths, and of the lemmas of its steps."""
    stated, steps = _parts(build())
    for fact in stated:
        yield from mutants_of(fact)
    yield from path_mutants(partial(_proofs_of, build))
    for step in steps:
        yield from step_mutants(step)


def _proofs_of(build: Callable[[], Sequence[Any]]) -> tuple[Node, ...]:
    return proofs(build())


def proofs(parts: Sequence[Any]) -> tuple[Node, ...]:
    """Paths by their proofs."""
    return tuple(p.proof if isinstance(p, Path) else p for p in parts)


def _parts(parts: Sequence[Any]) -> tuple[list[Fact], list[Step]]:
    """The facts that are stated as such, lemmas of steps included, and the steps."""
    nodes, stated, steps = list(proofs(parts)), [], []
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, Group):
            nodes = [*node.parts, *nodes]
        elif isinstance(node, Step):
            steps.append(node)
            stated += [u.fact for f in node.facts for u in f.uses]
        else:
            stated += facts_of(node)
    return list(dict.fromkeys(stated)), steps


def judge(mutant: Mutant) -> Outcome:
    """What becomes of a mutant."""
    if mutant.fact is not None and mutant.original is not None:
        return _judge_fact(mutant, mutant.fact, mutant.original)
    assert mutant.build is not None
    try:
        facts = facts_of(mutant.build())
    except ValueError as error:
        return Outcome(mutant.words, "refused", f"no proof is left: {error}")
    for fact in facts:
        found = _decided(fact)
        if found[0] != "proved":
            return Outcome(mutant.words, "refused", f"{found[0]}: {fact.words}", found[1])
    reason = "proved as well: a true claim of its own" if facts else "no premise depends on it"
    return Outcome(mutant.words, "equivalent", reason)


def _judge_fact(mutant: Mutant, fact: Fact, original: Fact) -> Outcome:
    status, point = _decided(fact)
    if status != "proved":
        return Outcome(mutant.words, "refused", status, point)
    if len(fact.given) < len(original.given):
        return Outcome(mutant.words, "equivalent", "the hypothesis is not needed for this fact")
    if len(fact.uses) < len(original.uses):
        return Outcome(mutant.words, "equivalent", "the lemma is not needed for this fact")
    return Outcome(mutant.words, "equivalent", _reason(fact, original))


def _reason(fact: Fact, original: Fact) -> str:
    if fact.conclusion != original.conclusion:
        follows = Fact("", implies(original.conclusion, fact.conclusion), original.given, uses=original.uses)
        return "weaker: it follows from the original" if _holds(follows) else "another true fact"
    new, old = next((n, o) for n, o in zip(fact.given, original.given, strict=True) if n != o)
    rest = tuple(g for g in original.given if g != old)
    stronger = _holds(Fact("", implies(new, old), rest))
    return "the hypothesis is stronger" if stronger else "another true fact: the hypothesis is not needed in full"


def _holds(fact: Fact) -> bool:
    return _decided(fact)[0] == "proved"


def _decided(fact: Fact) -> tuple[str, dict[str, str] | None]:
    try:
        verdict = decide(fact)
    except ValueError as error:
        return f"not well formed ({error})", None
    point = None if verdict.counter_example is None else dict(verdict.counter_example)
    return ("vacuous" if verdict.note.startswith("vacuous") else verdict.status), point
