"""What a proof is made of: facts, steps that apply a rule to facts, and groups of them."""

from dataclasses import dataclass
from typing import Any

import sympy as sp

from .logic import Fact, Formula, relations_of

__all__ = ["Group", "Node", "Step", "facts_of", "relevant"]


@dataclass(frozen=True)
class Step:
    """One application of a rule: what it shows, and the facts that it rests on."""

    name: str
    words: str
    rule: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Group:
    """Parts of a proof under one heading."""

    words: str
    parts: tuple["Node", ...]


Node = Fact | Step | Group


def facts_of(*nodes: Node) -> list[Fact]:
    """All facts of a proof, in order, each once."""
    found: dict[Fact, None] = {}
    for node in nodes:
        inner = [node] if isinstance(node, Fact) else facts_of(*(node.facts if isinstance(node, Step) else node.parts))
        for fact in inner:
            found |= dict.fromkeys(facts_of(*(u.fact for u in fact.uses))) | {fact: None}
    return list(found)


def relevant(fact: Fact) -> Fact:
    """The fact without the lemmas that share no function with it, nor with a lemma that does: they cannot help."""
    kinds = _functions(fact.conclusion, *fact.given)
    left, kept = list(fact.uses), []
    while near := [u for u in left if not (f := _functions(u.formula)) or f & kinds]:
        kept += near
        kinds |= _functions(*(u.formula for u in near))
        left = [u for u in left if u not in near]
    return fact.with_(uses=tuple(u for u in fact.uses if u in kept))


def _functions(*formulas: Formula) -> set[Any]:
    sides = [side for f in formulas for r in relations_of(f) for side in (r.left, r.right)]
    return {node.func for side in sides for node in side.atoms(sp.Function)}
